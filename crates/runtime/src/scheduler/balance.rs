//! Which scheduler a process is for: loads are compared now and then, and run queues told where
//! their newcomers go.
//!
//! 1. Every [`PERIOD_NS`] one scheduler, the first to notice, looks at all that may run: how heavy
//!    each one's queue has been ([`super::by_priority`]), and how much of the time it has worked.
//! 2. Where all have worked all the time, weights are levelled: a queue that was heavier than the
//!    average hands what comes in beyond that to one that was lighter ([`Path`]). Work stealing
//!    does the rest: only a scheduler without any work steals.
//! 3. Where some have not, load is compacted (unless `+scl false`): there are fewer *active*
//!    schedulers, and processes whose home is another go to one of these. A scheduler that finds
//!    work to steal is active from then on, so a burst undoes this at once.

use super::{Scheduler, Schedulers};
use oxbeam_ethread::{Atomic64, AtomicU32, AtomicUword, SpinLock};
use oxbeam_sys::clock::monotonic_ns;

/// How long loads are observed before they are compared.
const PERIOD_NS: i64 = 20_000_000;
/// Turns after which a scheduler looks at the time.
const TURNS_TO_LOOK: u32 = 64;

/// Where newcomers of a queue go.
#[derive(Default)]
pub(super) struct Path {
    /// The scheduler's index plus one; 0: they stay.
    to: AtomicUword,
    /// As long as the queue is no heavier than this, they stay.
    limit: AtomicUword,
    /// What the scheduler had slept when loads were compared.
    slept_ns: Atomic64,
}

/// What all schedulers share of it.
pub(super) struct Balance {
    pub compacts: AtomicU32,
    /// Schedulers from this one on are not active (rule 3).
    active: AtomicUword,
    /// When loads were compared.
    last_ns: Atomic64,
    comparing: SpinLock<()>,
    /// How often loads were compared.
    count: AtomicUword,
}

impl Balance {
    pub fn new(count: usize) -> Balance {
        Balance {
            compacts: AtomicU32::new(1),
            active: AtomicUword::new(count),
            last_ns: Atomic64::new(monotonic_ns()),
            comparing: SpinLock::default(),
            count: AtomicUword::new(0),
        }
    }
}

/// What a scheduler has done in a period.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Load {
    heaviest: usize,
    worked_ns: i64,
}

/// What comes of comparing loads.
#[derive(PartialEq, Eq, Debug)]
enum Plan {
    /// So many are active.
    Compact(usize),
    /// All are active; newcomers beyond the limit go from one queue to another.
    Level { limit: usize, paths: Vec<(usize, usize)> },
}

fn plan(loads: &[Load], period_ns: i64, active: usize, compacts: bool) -> Plan {
    let full = |load: &Load| load.worked_ns >= period_ns / 20 * 19;
    let half = |load: &Load| load.worked_ns >= period_ns / 2;
    let full_count = loads.iter().filter(|load| full(load)).count();
    if compacts && full_count < loads.len() {
        let needed = loads.iter().filter(|load| half(load)).count();
        let worked_ns: i64 = loads.iter().map(|load| load.worked_ns).sum();
        let wanted = match full_count {
            0 => active.saturating_sub(1),
            _ => (worked_ns as usize).div_ceil(period_ns.max(1) as usize),
        };
        return Plan::Compact(wanted.max(needed).clamp(1, loads.len()));
    }
    let sum: usize = loads.iter().map(|load| load.heaviest).sum();
    let limit = sum.div_ceil(loads.len());
    let mut light: Vec<usize> = (0..loads.len()).filter(|&i| loads[i].heaviest < limit).collect();
    light.sort_by_key(|&i| loads[i].heaviest);
    let mut heavy: Vec<usize> = (0..loads.len()).filter(|&i| loads[i].heaviest > limit).collect();
    heavy.sort_by_key(|&i| std::cmp::Reverse(loads[i].heaviest));
    Plan::Level { limit, paths: heavy.into_iter().zip(light).collect() }
}

/// How often loads have been compared.
pub fn count() -> usize {
    super::schedulers().balance.count.read()
}

impl Schedulers {
    /// Schedulers below this one are active.
    pub(super) fn active_limit(&self) -> usize {
        self.balance.active.read().clamp(1, self.limit())
    }

    /// The calling scheduler has found work that nobody else did (rule 3).
    pub(super) fn activate(&self, index: usize) {
        if index >= self.balance.active.read() {
            self.balance.active.set(index + 1);
        }
    }

    /// The home for a process that comes in where `index` is home.
    pub(super) fn home_beside(&self, index: usize) -> usize {
        let index = index % self.active_limit();
        let Scheduler { queue, path, .. } = &self.all[index];
        match path.to.read().checked_sub(1) {
            Some(to) if queue.weight() > path.limit.read() => to % self.active_limit(),
            _ => index,
        }
    }

    /// After a turn: now and then, compares loads if it is time (rule 1). `turns` is the caller's own count.
    pub(super) fn balance(&self, turns: &mut u32) {
        *turns += 1;
        if *turns < TURNS_TO_LOOK {
            return;
        }
        *turns = 0;
        crate::give_back::when_busy();
        let (now_ns, last_ns) = (monotonic_ns(), self.balance.last_ns.read());
        if now_ns - last_ns < PERIOD_NS {
            return;
        }
        let Some(_comparing) = self.balance.comparing.try_lock() else { return };
        if self.balance.last_ns.read() == last_ns {
            self.compare(now_ns - last_ns);
            self.balance.last_ns.set(now_ns);
            self.balance.count.inc();
        }
    }

    fn compare(&self, period_ns: i64) {
        let all = &self.all[..self.limit()];
        let load = |this: &Scheduler| {
            let (slept_ns, _) = this.slept.now_ns();
            let before_ns = this.path.slept_ns.xchg(slept_ns);
            let heaviest = this.queue.take_heaviest();
            Load { heaviest, worked_ns: (period_ns - (slept_ns - before_ns)).max(0) }
        };
        let loads: Vec<Load> = all.iter().map(load).collect();
        all.iter().for_each(|this| this.path.to.set(0));
        let compacts = self.balance.compacts.read() != 0;
        match plan(&loads, period_ns, self.active_limit(), compacts) {
            Plan::Compact(active) => self.balance.active.set(active),
            Plan::Level { limit, paths } => {
                self.balance.active.set(all.len());
                for (from, to) in paths {
                    all[from].path.limit.set(limit);
                    all[from].path.to.set(to + 1);
                }
            }
        }
    }
}

#[cfg(all(test, not(oxbeam_model)))]
mod tests {
    use super::*;

    fn loads(of: &[(usize, i64)]) -> Vec<Load> {
        of.iter().map(|&(heaviest, worked_ns)| Load { heaviest, worked_ns }).collect()
    }

    #[test]
    fn heavy_queues_hand_over_to_light_ones() {
        let loads = loads(&[(30, 100), (2, 100), (0, 100), (12, 100)]);
        let paths = vec![(0, 2), (3, 1)];
        assert_eq!(plan(&loads, 100, 4, true), Plan::Level { limit: 11, paths });
    }

    #[test]
    fn equal_queues_are_left_alone() {
        let loads = loads(&[(5, 100), (5, 99)]);
        assert_eq!(plan(&loads, 100, 2, true), Plan::Level { limit: 5, paths: vec![] });
    }

    #[test]
    fn little_load_is_compacted_step_by_step() {
        assert_eq!(plan(&loads(&[(1, 20), (1, 20), (1, 20)]), 100, 3, true), Plan::Compact(2));
        assert_eq!(plan(&loads(&[(1, 20), (1, 20), (1, 20)]), 100, 1, true), Plan::Compact(1));
        // Two that work half of the time are two.
        assert_eq!(plan(&loads(&[(1, 60), (1, 60), (1, 5)]), 100, 2, true), Plan::Compact(2));
        // One works all the time: what the others do together decides.
        assert_eq!(plan(&loads(&[(4, 100), (1, 30), (1, 20)]), 100, 3, true), Plan::Compact(2));
    }

    #[test]
    fn load_is_spread_where_it_is_not_to_be_compacted() {
        let loads = loads(&[(4, 100), (0, 0)]);
        assert_eq!(plan(&loads, 100, 1, false), Plan::Level { limit: 2, paths: vec![(0, 1)] });
    }
}
