//! Which scheduler a process is for: loads are compared now and then, and run queues told where
//! their newcomers go.
//!
//! 1. Every [`PERIOD_NS`] one scheduler, the first to notice, looks at all that may run: how heavy
//!    each one's queues have been ([`super::by_priority`]), how much of the time it has worked, and
//!    which part of its reductions went to priorities max and high.
//! 2. Where all have worked all the time, weights are levelled, each priority's by itself, in
//!    proportion to the *room* that the priorities before it leave on each scheduler. A queue that
//!    was heavier than its part hands what comes in beyond that to one that was lighter ([`Path`]).
//!    Work stealing does the rest: only a scheduler without any work steals.
//! 3. What waits where there is little room comes in seldom or never. So a scheduler to which a
//!    path leads from there takes one out every other turn, unless it has somebody of a higher
//!    priority to run. Where there is no room at all everything goes, newcomers at once; where
//!    there is none on any scheduler nothing moves.
//! 4. Where some have not worked all the time, load is compacted (unless `+scl false`): there are
//!    fewer *active* schedulers, and processes whose home is another go to one of these. A
//!    scheduler that finds work to steal is active from then on, so a burst undoes this at once.

use super::by_priority::{QUEUES, WEIGHT, Weights};
use super::{Scheduler, Schedulers};
use crate::process::Process;
use oxbeam_ethread::{Atomic64, AtomicU32, AtomicU64, AtomicUword, SpinLock};
use oxbeam_sys::clock::monotonic_ns;
use std::cmp::Reverse;
use std::sync::Arc;

/// How long loads are observed before they are compared.
const PERIOD_NS: i64 = 20_000_000;
/// Turns after which a scheduler looks at the time.
const TURNS_TO_LOOK: u32 = 64;

/// The room of a scheduler that runs nothing of higher priority.
const FULL_ROOM: usize = 64;

/// Where newcomers of a scheduler's queues go.
#[derive(Default)]
pub(super) struct Path {
    /// The scheduler's index plus one; 0: they stay.
    to: [AtomicUword; QUEUES],
    /// As long as the queue is lighter than this, they stay.
    limit: [AtomicUword; QUEUES],
    /// The schedulers that this one takes processes from (rule 3): for each queue a byte, as `to`.
    sources: AtomicUword,
    /// Whether the last turn went to one of these.
    took: AtomicU32,
    /// What the scheduler had done when loads were compared.
    slept_ns: Atomic64,
    reductions: [AtomicU64; QUEUES],
    /// How heavy its queues were in the last period.
    heaviest: [AtomicUword; QUEUES],
}

/// What all schedulers share of it.
pub(super) struct Balance {
    pub compacts: AtomicU32,
    /// Schedulers from this one on are not active (rule 4).
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

/// What a scheduler has done in a period. The weights are those that there were in this and the
/// last one: a queue that was full for a moment is not levelled when the moment is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Load {
    heaviest: Weights,
    worked_ns: i64,
    /// By queue.
    reductions: [u64; QUEUES],
}

impl Load {
    /// What the queues before this one leave to it, in parts of [`FULL_ROOM`].
    fn room(&self, queue: usize) -> usize {
        let all: u64 = self.reductions.iter().sum();
        let ahead: u64 = self.reductions[..queue].iter().sum();
        let part = |of: u64| ((of * FULL_ROOM as u64 + all / 2) / all) as usize;
        if ahead == 0 { FULL_ROOM } else { FULL_ROOM - part(ahead) }
    }
}

/// What is beyond the limit goes from one scheduler's queue to another's.
#[derive(PartialEq, Eq, Debug)]
struct Shift {
    queue: usize,
    from: usize,
    to: usize,
    limit: usize,
    /// Also what waits there (rule 3).
    takes: bool,
}

/// What comes of comparing loads.
#[derive(PartialEq, Eq, Debug)]
enum Plan {
    /// So many are active.
    Compact(usize),
    /// All are active.
    Level(Vec<Shift>),
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
    Plan::Level((0..QUEUES).flat_map(|queue| level(loads, queue)).collect())
}

/// Levels the weights of one of the queues (rules 2 and 3).
fn level(loads: &[Load], queue: usize) -> Vec<Shift> {
    let rooms: Vec<usize> = loads.iter().map(|load| load.room(queue)).collect();
    let all_room: usize = rooms.iter().sum();
    if all_room == 0 {
        return vec![];
    }
    let sum: usize = loads.iter().map(|load| load.heaviest[queue]).sum();
    // Of those that all weigh the same, no one goes who would but change the place.
    let least = if queue < QUEUES - 1 { usize::from(WEIGHT) } else { 1 };
    let limit = |at: usize| (sum * rooms[at]).div_ceil(all_room).next_multiple_of(least);
    let excess = |at: usize| loads[at].heaviest[queue] as isize - limit(at) as isize;
    let mut light: Vec<usize> = (0..loads.len()).filter(|&at| excess(at) < 0).collect();
    light.sort_by_key(|&at| excess(at));
    let mut heavy: Vec<usize> =
        (0..loads.len()).filter(|&at| excess(at) > 0 || rooms[at] == 0).collect();
    heavy.sort_by_key(|&at| Reverse(excess(at)));
    let (mut light, mut roomy) =
        (light.into_iter(), (0..loads.len()).filter(|&at| rooms[at] > 0).cycle());
    let shift = |from: usize| {
        let to = match light.next() {
            None if rooms[from] == 0 => roomy.next(),
            lightest => lightest,
        };
        Some(Shift { queue, from, to: to?, limit: limit(from), takes: rooms[from] < FULL_ROOM })
    };
    heavy.into_iter().filter_map(shift).collect()
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

    /// The calling scheduler has found work that nobody else did (rule 4).
    pub(super) fn activate(&self, index: usize) {
        if index >= self.balance.active.read() {
            self.balance.active.set(index + 1);
        }
    }

    /// The home for a process of one of the queues that comes in where `index` is home.
    pub(super) fn home_beside(&self, index: usize, queue: usize) -> usize {
        let index = index % self.active_limit();
        let Scheduler { queue: waiting, path, .. } = &self.all[index];
        match path.to[queue].read().checked_sub(1) {
            Some(to) if waiting.weight(queue) >= path.limit[queue].read() => {
                to % self.active_limit()
            }
            _ => index,
        }
    }

    /// Before a turn of a scheduler: a process that waits elsewhere and is to have it (rule 3).
    pub(super) fn relieve(&self, index: usize) -> Option<Arc<Process>> {
        let Scheduler { queue: own, path, .. } = &self.all[index];
        let sources = path.sources.read();
        if sources == 0 {
            return None;
        }
        if path.took.read() != 0 {
            path.took.set(0);
            return None;
        }
        let found = (0..QUEUES).find_map(|queue| {
            let source = &self.all[source(sources, queue)?];
            let free = (0..queue).all(|ahead| own.weight(ahead) == 0);
            free.then(|| source.queue.take_beyond(queue, source.path.limit[queue].read()))?
        });
        path.took.set(found.is_some().into());
        found
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
        let loads: Vec<Load> = all.iter().map(|this| load(this, period_ns)).collect();
        for Scheduler { path, .. } in all {
            path.to.iter().for_each(|to| to.set(0));
            path.sources.set(0);
        }
        let compacts = self.balance.compacts.read() != 0;
        match plan(&loads, period_ns, self.active_limit(), compacts) {
            Plan::Compact(active) => self.balance.active.set(active),
            Plan::Level(shifts) => {
                self.balance.active.set(all.len());
                shifts.iter().for_each(|shift| lay(all, shift));
            }
        }
    }
}

/// What a scheduler has done since the last call.
fn load(this: &Scheduler, period_ns: i64) -> Load {
    let (slept_ns, _) = this.slept.now_ns();
    let before_ns = this.path.slept_ns.xchg(slept_ns);
    let [max, high] = [0, 1].map(|queue| this.reductions_ahead[queue].read());
    let rest = this.reductions.read().saturating_sub(max + high);
    let mut reductions = [max, high, rest];
    for (now, before) in reductions.iter_mut().zip(&this.path.reductions) {
        *now = now.saturating_sub(before.xchg(*now));
    }
    let mut heaviest = this.queue.take_heaviest();
    for (now, before) in heaviest.iter_mut().zip(&this.path.heaviest) {
        *now = before.xchg(*now).min(*now);
    }
    Load { heaviest, worked_ns: (period_ns - (slept_ns - before_ns)).max(0), reductions }
}

/// Lays the path of a shift.
fn lay(all: &[Scheduler], shift: &Shift) {
    let &Shift { queue, from, to, limit, takes } = shift;
    all[from].path.limit[queue].set(limit);
    all[from].path.to[queue].set(to + 1);
    let sources = &all[to].path.sources;
    if takes && source(sources.read(), queue).is_none() {
        sources.add((from + 1) << (8 * queue));
    }
}

/// The scheduler that [`Path::sources`] names for a queue.
fn source(sources: usize, queue: usize) -> Option<usize> {
    (sources >> (8 * queue) & 0xFF).checked_sub(1)
}

#[cfg(all(test, not(oxbeam_model)))]
mod tests {
    use super::*;

    /// Weights of normal processes, and nanoseconds worked.
    fn loads(of: &[(usize, i64)]) -> Vec<Load> {
        let load = |&(heaviest, worked_ns)| Load {
            heaviest: [0, 0, heaviest],
            worked_ns,
            reductions: [0, 0, 1000],
        };
        of.iter().map(load).collect()
    }

    /// Weights and reductions, by queue, of schedulers that have worked all the time.
    fn mixed(of: &[(Weights, [u64; QUEUES])]) -> Plan {
        let load = |&(heaviest, reductions)| Load { heaviest, worked_ns: 100, reductions };
        let loads: Vec<Load> = of.iter().map(load).collect();
        plan(&loads, 100, loads.len(), true)
    }

    fn shift(queue: usize, from: usize, to: usize, limit: usize, takes: bool) -> Shift {
        Shift { queue, from, to, limit, takes }
    }

    #[test]
    fn heavy_queues_hand_over_to_light_ones() {
        let loads = loads(&[(30, 100), (2, 100), (0, 100), (12, 100)]);
        let shifts = vec![shift(2, 0, 2, 11, false), shift(2, 3, 1, 11, false)];
        assert_eq!(plan(&loads, 100, 4, true), Plan::Level(shifts));
    }

    #[test]
    fn equal_queues_are_left_alone() {
        let loads = loads(&[(5, 100), (5, 99)]);
        assert_eq!(plan(&loads, 100, 2, true), Plan::Level(vec![]));
    }

    #[test]
    fn what_waits_behind_a_high_process_goes_where_there_is_room() {
        let held = ([0, 8, 800], [0, 1000, 0]);
        let free = ([0, 0, 800], [0, 0, 1000]);
        assert_eq!(mixed(&[held, free]), Plan::Level(vec![shift(2, 0, 1, 0, true)]));
        // Also when nothing is there any more: newcomers must not wait.
        let held = ([0, 8, 0], [0, 1000, 0]);
        assert_eq!(mixed(&[held, free]), Plan::Level(vec![shift(2, 0, 1, 0, true)]));
    }

    #[test]
    fn high_processes_are_spread_but_not_moved_in_vain() {
        let with = |weights: [usize; 2]| mixed(&weights.map(|high| ([0, high, 0], [0, 1000, 0])));
        let none = Plan::Level(vec![]);
        assert_eq!([with([8, 0]), with([16, 8])], [none, Plan::Level(vec![])]);
        assert_eq!(with([24, 8]), Plan::Level(vec![shift(1, 0, 1, 16, false)]));
    }

    #[test]
    fn weights_are_levelled_in_proportion_to_room() {
        let half = ([0, 8, 80], [0, 500, 500]);
        let free = ([0, 0, 80], [0, 0, 1000]);
        let Plan::Level(shifts) = mixed(&[half, free]) else { panic!("all work") };
        assert!(shifts.contains(&shift(2, 0, 1, 54, true)));
    }

    #[test]
    fn a_high_process_leaves_a_max_one_and_the_rest_stays_without_room() {
        let max = ([8, 8, 400], [1000, 0, 0]);
        let free = ([0, 0, 400], [0, 0, 1000]);
        let Plan::Level(shifts) = mixed(&[max, free]) else { panic!("all work") };
        assert!(shifts.contains(&shift(1, 0, 1, 0, true)));
        let high = ([0, 8, 400], [0, 1000, 0]);
        let max = ([8, 0, 800], [1000, 0, 0]);
        let Plan::Level(shifts) = mixed(&[max, high]) else { panic!("all work") };
        assert!(shifts.iter().all(|shift| shift.queue < 2));
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
        assert_eq!(plan(&loads, 100, 1, false), Plan::Level(vec![shift(2, 0, 1, 2, false)]));
    }
}
