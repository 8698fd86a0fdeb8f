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
    // SAFETY: cpu_set_t is plain bits, zero is the empty set; rule 2.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        let size = std::mem::size_of::<libc::cpu_set_t>();
        if libc::sched_getaffinity(0, size, &mut set) != 0 {
            return None;
        }
        Some((libc::CPU_COUNT(&set) as usize).max(1))
    }
}

/// The quota in a cgroup's `cpu.max` text: `QUOTA PERIOD` or `max PERIOD`.
fn quota_from_cpu_max(text: &str) -> Option<usize> {
    let mut words = text.split_whitespace();
    let quota: u64 = words.next()?.parse().ok()?;
    let period: u64 = words.next()?.parse().ok()?;
    (period > 0).then(|| ((quota / period) as usize).max(1))
}

/// Where a logical processor sits: its package, its core in that, its own number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    pub package: usize,
    pub core: usize,
    pub logical: usize,
}

/// The places of all logical processors, in order; nothing where the system does not tell them.
pub fn topology() -> Vec<Place> {
    let read = |logical: usize, what: &str| -> Option<usize> {
        let path = format!("/sys/devices/system/cpu/cpu{logical}/topology/{what}");
        fs::read_to_string(path).ok()?.trim().parse().ok()
    };
    let place = |logical| {
        let (package, core) = (read(logical, "physical_package_id")?, read(logical, "core_id")?);
        Some(Place { package, core, logical })
    };
    let mut places: Vec<Place> = (0..processors().configured).filter_map(place).collect();
    places.sort_unstable();
    places
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
    // SAFETY: as in `bind_thread`.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        let size = std::mem::size_of::<libc::cpu_set_t>();
        libc::sched_getaffinity(0, size, &mut set) == 0
            && logical < 8 * size
            && libc::CPU_ISSET(logical, &set)
    }
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
