//! How many processors there are.

use std::fs;
use std::sync::OnceLock;

/// Counts of logical processors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Processors {
    /// Configured in the machine.
    pub configured: usize,
    /// Online now.
    pub online: usize,
    /// This process may run on (affinity mask).
    pub available: usize,
    /// Whole processors that the control group's quota allows, if it sets one.
    pub quota: Option<usize>,
}

/// Reads the counts from the system; every count is at least one.
pub fn processors() -> Processors {
    // SAFETY: sysconf takes and returns plain numbers.
    let count = |name| unsafe { libc::sysconf(name) }.max(1) as usize;
    let online = count(libc::_SC_NPROCESSORS_ONLN);
    Processors {
        configured: count(libc::_SC_NPROCESSORS_CONF).max(online),
        online,
        available: affinity_count().unwrap_or(online),
        quota: quota_from_cpu_max(
            &fs::read_to_string("/sys/fs/cgroup/cpu.max").unwrap_or_default(),
        ),
    }
}

fn affinity_count() -> Option<usize> {
    // SAFETY: takes a set.
    let count = |set: libc::cpu_set_t| unsafe { libc::CPU_COUNT(&set) };
    Some((count(affinity()?) as usize).max(1))
}

/// The processors that the process's first thread may use: none of ours binds that one.
fn affinity() -> Option<libc::cpu_set_t> {
    // SAFETY: cpu_set_t is plain bits, zero is the empty set; rule 2.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        let size = std::mem::size_of::<libc::cpu_set_t>();
        (libc::sched_getaffinity(libc::getpid(), size, &mut set) == 0).then_some(set)
    }
}

/// The quota in a cgroup's `cpu.max` text: `QUOTA PERIOD` or `max PERIOD`.
fn quota_from_cpu_max(text: &str) -> Option<usize> {
    let mut words = text.split_whitespace();
    let quota: u64 = words.next()?.parse().ok()?;
    let period: u64 = words.next()?.parse().ok()?;
    (period > 0).then(|| ((quota / period) as usize).max(1))
}

/// Where a logical processor sits; -1 where there is no such level.
///
/// A memory node holds whole processors (`node`) or parts of one (`processor_node`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cpu {
    pub node: i32,
    pub processor: i32,
    pub processor_node: i32,
    pub core: i32,
    pub thread: i32,
    pub logical: i32,
}

/// All logical processors as the system tells them; nothing where it does not.
pub fn topology() -> Vec<Cpu> {
    let read = |logical: usize, what: &str| -> Option<i32> {
        let path = format!("/sys/devices/system/cpu/cpu{logical}/topology/{what}");
        fs::read_to_string(path).ok()?.trim().parse().ok()
    };
    let place = |logical: usize| {
        Some(Cpu {
            node: memory_node(logical),
            processor: read(logical, "physical_package_id")?,
            processor_node: -1,
            core: read(logical, "core_id")?,
            thread: 0,
            logical: i32::try_from(logical).ok()?,
        })
    };
    let mut all: Vec<Cpu> = (0..processors().configured).filter_map(place).collect();
    all.sort_unstable_by_key(|cpu| (cpu.processor, cpu.node, cpu.core, cpu.logical));
    for at in 1..all.len() {
        let (before, this) = (all[at - 1], &mut all[at]);
        if (before.processor, before.node, before.core) == (this.processor, this.node, this.core) {
            this.thread = before.thread + 1;
        }
    }
    place_nodes(&mut all);
    all
}

/// The memory node that the system says a processor belongs to, or -1.
fn memory_node(logical: usize) -> i32 {
    let entries = fs::read_dir(format!("/sys/devices/system/cpu/cpu{logical}"));
    let names = entries.into_iter().flatten().flatten().map(|entry| entry.file_name());
    let number = |name: std::ffi::OsString| name.to_str()?.strip_prefix("node")?.parse().ok();
    names.filter_map(number).next().unwrap_or(-1)
}

/// Nodes within a processor are said as such; a single node of all is none.
fn place_nodes(all: &mut [Cpu]) {
    let single = all.iter().all(|cpu| cpu.node == all[0].node);
    for package in all.chunk_by_mut(|a, b| a.processor == b.processor) {
        let divided = package.iter().any(|cpu| cpu.node != package[0].node);
        for cpu in package {
            if divided {
                cpu.processor_node = cpu.node;
            }
            if divided || single {
                cpu.node = -1;
            }
        }
    }
}

/// Binds the calling thread to a logical processor, or (`None`) lets it run on any of those that it
/// could use at first. `false`: the system refused.
pub fn bind_thread(logical: Option<usize>) -> bool {
    static FIRST: OnceLock<libc::cpu_set_t> = OnceLock::new();
    let size = std::mem::size_of::<libc::cpu_set_t>();
    // SAFETY: cpu_set_t is plain bits, zero is the empty set; the calls read or write one.
    unsafe {
        let first = FIRST.get_or_init(|| {
            let mut set: libc::cpu_set_t = std::mem::zeroed();
            libc::sched_getaffinity(0, size, &mut set);
            set
        });
        let mut set = *first;
        if let Some(logical) = logical {
            if logical >= 8 * size {
                return false;
            }
            set = std::mem::zeroed();
            libc::CPU_SET(logical, &mut set);
        }
        libc::sched_setaffinity(0, size, &set) == 0
    }
}

/// Whether this process may run on a logical processor.
pub fn is_available(logical: usize) -> bool {
    // SAFETY: the number is within the set.
    let contains = |set| unsafe { libc::CPU_ISSET(logical, &set) };
    logical < 8 * std::mem::size_of::<libc::cpu_set_t>() && affinity().is_some_and(contains)
}

/// Lets timed waits of the calling thread end within some microseconds of their time; the system
/// would take 50 more, to gather wake-ups.
pub fn wake_punctually() {
    const SLACK_NS: libc::c_ulong = 5_000;
    // SAFETY: takes plain numbers; a system that refuses wakes later.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, SLACK_NS) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_least_one_of_each() {
        let p = processors();
        assert!(p.configured >= p.online && p.online >= 1 && p.available >= 1);
    }

    #[test]
    fn quota_is_rounded_down_but_not_to_nothing() {
        assert_eq!(quota_from_cpu_max("250000 100000\n"), Some(2));
        assert_eq!(quota_from_cpu_max("50000 100000\n"), Some(1));
        assert_eq!(quota_from_cpu_max("max 100000\n"), None);
        assert_eq!(quota_from_cpu_max(""), None);
    }
}
