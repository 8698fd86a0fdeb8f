//! Schedulers: one thread each, with a run queue of its own.
//!
//! 1. A process is in at most one run queue, and only while its state word says so; whoever
//!    takes it out runs it.
//! 2. A scheduler with nothing to do steals from the others, and parks when they have nothing
//!    either. See [`idle`] for how it goes to sleep without missing work.
//! 3. An idle scheduler, the home's if that is idle, is woken when a thread puts a process into
//!    another's queue. What a scheduler puts into its own is a *pressure* on it, counted each time
//!    that it takes a process while others wait; beyond the threshold ([`Wakeup`]) an idle
//!    scheduler is woken to steal. [`balance`] says whose queue a
//!    process goes to.

pub mod balance;
pub mod bind;
pub(crate) mod by_priority;
mod idle;
pub mod online;
mod run_queue;
pub mod topology;
pub(crate) mod worker;

use crate::locks;
use crate::process::{Priority, Process};
use balance::{Balance, Path};
use idle::IdleMask;
use oxbeam_ethread::lock::Mutex;
use oxbeam_ethread::{Atomic64, AtomicU32, AtomicU64, AtomicUword, Event, Orders, membar};
use oxbeam_sys::clock::monotonic_ns;
use run_queue::RunQueue;
use std::cell::Cell;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Most schedulers there can be: one bit each in the idle mask.
pub const MAX_SCHEDULERS: usize = 64;

struct Scheduler {
    queue: RunQueue,
    path: Path,
    /// See rule 3.
    pressure: AtomicUword,
    /// What it sleeps on.
    wake_up: Event,
    /// The logical processor that it is to be bound to, plus one, and that it is bound to.
    processor: AtomicUword,
    bound_now: AtomicUword,
    /// Turns that processes got here.
    turns: AtomicU64,
    reductions: AtomicU64,
    /// Those of them that priorities max and high had.
    reductions_ahead: [AtomicU64; 2],
    /// What the thread is to do besides running processes, and whether there is any of it.
    errands: Mutex<Vec<Errand>, locks::Errands>,
    has_errands: AtomicU32,
    /// What it has slept.
    slept: Slept,
    /// Nanoseconds that it has collected.
    collected_ns: Atomic64,
    /// When it will wake up by itself, or was to the last time; see [`deadline_moved`].
    sleeps_until_ns: Atomic64,
}

/// Work for a scheduler thread between two processes.
type Errand = Box<dyn FnOnce() + Send>;

struct Schedulers {
    all: Vec<Scheduler>,
    idle: IdleMask,
    round_robin: AtomicUword,
    stopped: AtomicU32,
    /// Scheduler threads that run.
    threads: AtomicUword,
    online: AtomicUword,
    balance: Balance,
    wakeup_threshold: AtomicUword,
    bind_type: AtomicU32,
    /// How long a scheduler spins before it sleeps.
    busy_wait_ns: AtomicU64,
    /// See [`online`]'s rule 1.
    limit: AtomicUword,
    blockers: Mutex<online::Blockers, locks::Blockers>,
    /// 1 once a process has blocked. Only that process, or who ends it, must see it for it.
    has_blocked: AtomicU32,
    /// A bit for each scheduler that sleeps because it is above the limit.
    offline: AtomicU64,
}

/// How long a scheduler has slept, as one word, so that whoever asks sees no half of a change.
///
/// Awake: twice the nanoseconds. Asleep: twice the nanoseconds before, less the time when this
/// sleep began, plus one. Only the scheduler itself writes.
#[derive(Default)]
struct Slept(Atomic64);

impl Slept {
    /// The scheduler falls asleep.
    fn begin(&self) {
        self.0.set_relb(((self.0.read() >> 1) - monotonic_ns()) << 1 | 1);
    }
    /// It is awake again.
    fn end(&self) {
        self.0.set_relb(((self.0.read() >> 1) + monotonic_ns()) << 1);
    }
    /// Nanoseconds that it has slept, with those of a sleep that goes on, and the time of which that
    /// is true.
    fn now_ns(&self) -> (i64, i64) {
        loop {
            let (word, now_ns) = (self.0.read_acqb(), monotonic_ns());
            if self.0.read_acqb() == word {
                return ((word >> 1) + if word & 1 == 0 { 0 } else { now_ns }, now_ns);
            }
        }
    }
}

/// How soon an idle scheduler is woken because processes wait at others (`+swt`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wakeup {
    VeryLow,
    Low,
    Medium,
    High,
    VeryHigh,
}

impl Wakeup {
    /// The pressure from which one is woken; 0: at once, before the turn that is under way ends.
    fn threshold(self) -> usize {
        match self {
            Wakeup::VeryLow => 0,
            Wakeup::Low => 1,
            Wakeup::Medium => 2,
            Wakeup::High => 16,
            Wakeup::VeryHigh => 64,
        }
    }
}

impl Schedulers {
    /// Schedulers that do not sleep.
    fn active_count(&self) -> usize {
        self.all.len().saturating_sub(self.idle.count())
    }
}

static SCHEDULERS: OnceLock<Schedulers> = OnceLock::new();

fn schedulers() -> &'static Schedulers {
    SCHEDULERS.get().expect("schedulers are made at boot")
}

thread_local! {
    static CURRENT: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Index of the scheduler that the calling thread is; `None` for another thread.
pub fn current_index() -> Option<usize> {
    Some(CURRENT.get()).filter(|&index| index != usize::MAX)
}

/// Makes the schedulers, without running them: processes can be enqueued from now on.
pub fn create(count: usize) {
    let count = count.clamp(1, MAX_SCHEDULERS);
    let new = || Scheduler {
        queue: RunQueue::default(),
        path: Path::default(),
        pressure: AtomicUword::new(0),
        wake_up: Event::default(),
        processor: AtomicUword::new(0),
        bound_now: AtomicUword::new(0),
        turns: AtomicU64::new(0),
        reductions: AtomicU64::new(0),
        reductions_ahead: [AtomicU64::new(0), AtomicU64::new(0)],
        errands: Mutex::new(vec![]),
        has_errands: AtomicU32::new(0),
        slept: Slept::default(),
        collected_ns: Atomic64::new(0),
        sleeps_until_ns: Atomic64::new(i64::MAX),
    };
    let schedulers = Schedulers {
        all: std::iter::repeat_with(new).take(count).collect(),
        idle: IdleMask::default(),
        round_robin: AtomicUword::new(0),
        stopped: AtomicU32::new(0),
        threads: AtomicUword::new(0),
        online: AtomicUword::new(count),
        balance: Balance::new(count),
        wakeup_threshold: AtomicUword::new(Wakeup::Medium.threshold()),
        bind_type: AtomicU32::new(0),
        busy_wait_ns: AtomicU64::new(0),
        limit: AtomicUword::new(count),
        blockers: online::new_blockers(),
        has_blocked: AtomicU32::new(0),
        offline: AtomicU64::new(0),
    };
    SCHEDULERS.set(schedulers).ok().expect("schedulers are made once");
}

/// How load is distributed: whether it is compacted (`+scl`), and when others are woken (`+swt`).
pub fn set_distribution(compacts: bool, wakeup: Wakeup) {
    let schedulers = schedulers();
    schedulers.balance.compacts.set(compacts.into());
    schedulers.wakeup_threshold.set(wakeup.threshold());
}

/// How long schedulers spin before they sleep (`+sbwt`).
pub fn set_busy_wait(spin: Duration) {
    schedulers().busy_wait_ns.set(spin.as_nanos() as u64);
}

/// Starts the scheduler threads.
pub fn start() {
    crate::give_back::start();
    crate::progress::install_kick(|| wake_one(schedulers(), 0));
    for index in 0..schedulers().all.len() {
        std::thread::Builder::new()
            .name(format!("erts_sched_{}", index + 1))
            .stack_size(8 << 20)
            .spawn(move || worker::run(index))
            .expect("a thread for each scheduler");
    }
}

/// Number of schedulers.
pub fn count() -> usize {
    schedulers().all.len()
}

/// Number of schedulers, or 1 before they are made.
pub(crate) fn count_or_one() -> usize {
    SCHEDULERS.get().map_or(1, |schedulers| schedulers.all.len())
}

/// Puts a runnable process into a run queue (rule 1) and sees to it that somebody runs it.
pub(crate) fn enqueue(process: Arc<Process>) {
    let schedulers = schedulers();
    let index = home_of(schedulers, &process);
    schedulers.all[index].queue.push(process);
    // Its own scheduler takes it at the end of the turn that is under way. Of another's turn
    // nobody knows how long it takes, or whether that one has just gone offline.
    if current_index() != Some(index) || schedulers.wakeup_threshold.read() == 0 {
        wake_one(schedulers, index);
    }
}

/// The calling scheduler is about to work for long without a look at its queue: who waits there
/// is for another.
pub(crate) fn long_work_ahead() {
    if let (Some(schedulers), Some(index)) = (SCHEDULERS.get(), current_index())
        && schedulers.all[index].queue.stealable() > 0
    {
        wake_one(schedulers, index);
    }
}

/// So many processes wait at a scheduler that works (rule 3).
fn press(schedulers: &Schedulers, index: usize, waiting: usize) {
    let pressure = &schedulers.all[index].pressure;
    if waiting == 0 {
        return if pressure.read() != 0 {
            pressure.set(0)
        };
    }
    if schedulers.idle.count() == 0 {
        return;
    }
    let now = pressure.read() + waiting;
    if now < schedulers.wakeup_threshold.read() {
        return pressure.set(now);
    }
    pressure.set(0);
    wake_one(schedulers, index);
}

/// The caller's own queue for a process that is new or was run here, else the last one.
fn home_of(schedulers: &Schedulers, process: &Process) -> usize {
    let bound = process.bound_to.read() as usize;
    let last = process.last_scheduler.read() as usize;
    if bound != 0 {
        return (bound - 1) % schedulers.limit();
    }
    let index = match last.checked_sub(1) {
        Some(index) => index,
        None => current_index().unwrap_or_else(|| schedulers.round_robin.inc_read()),
    };
    schedulers.home_beside(index, by_priority::queue_of(process.state.priority()))
}

/// Somebody of that priority waits for a process: if it is in a run queue with a lower one, it is
/// run as if it had that priority, once.
pub fn promote(process: &Arc<Process>, to: Priority) {
    if to < process.state.priority() {
        schedulers().all.iter().any(|scheduler| scheduler.queue.promote(process, to));
    }
}

fn wake_one(schedulers: &Schedulers, preferred: usize) {
    if let Some(index) = schedulers.idle.take(preferred) {
        schedulers.all[index].wake_up.set();
    }
}

/// Has the first scheduler look at what there is besides processes.
pub(crate) fn wake_first() {
    schedulers().all[0].wake_up.set();
}

/// A timer was set that is due before all others: an idle scheduler must not sleep past it.
///
/// One that will wake up in time by itself is enough: before it sleeps it writes down until when
/// and then looks at the timers once more; here the timer was written down before.
pub(crate) fn deadline_moved(deadline_ns: i64) {
    let Some(schedulers) = SCHEDULERS.get() else { return };
    membar(Orders::STORE_LOAD);
    let in_time = |index: usize| schedulers.all[index].sleeps_until_ns.read_acqb() <= deadline_ns;
    if !schedulers.idle.marked().any(in_time) {
        wake_one(schedulers, current_index().unwrap_or(0));
    }
}

/// Processes in all run queues, by scheduler.
pub fn run_queue_lengths() -> Vec<usize> {
    schedulers().all.iter().map(|scheduler| scheduler.queue.len()).collect()
}

/// `(turns, reductions)` of all schedulers together.
pub fn totals() -> (u64, u64) {
    let all = &schedulers().all;
    let sum = |field: fn(&Scheduler) -> &AtomicU64| {
        all.iter().map(|scheduler| field(scheduler).read()).sum()
    };
    (sum(|s| &s.turns), sum(|s| &s.reductions))
}

/// Has every scheduler thread do `work` between two processes, soon.
pub fn on_each(work: impl Fn() + Send + Sync + 'static) {
    let work = Arc::new(work);
    for scheduler in &schedulers().all {
        let work = work.clone();
        scheduler.errands.lock().push(Box::new(move || work()));
        scheduler.has_errands.set_relb(1);
        scheduler.wake_up.set();
    }
}

/// Nanoseconds that each scheduler has slept since the start, and the time of which that is true.
pub fn slept_ns() -> Vec<(i64, i64)> {
    schedulers().all.iter().map(|this| this.slept.now_ns()).collect()
}

/// Nanoseconds that each scheduler has spent in collections since the start.
pub fn collected_ns() -> Vec<i64> {
    schedulers().all.iter().map(|this| this.collected_ns.read()).collect()
}

/// The calling thread has collected for so long.
pub(crate) fn count_collection(took_ns: i64) {
    if let (Some(schedulers), Some(index)) = (SCHEDULERS.get(), current_index()) {
        schedulers.all[index].collected_ns.add(took_ns);
    }
}

/// Stops all schedulers after their present turns, for the end of the runtime, and waits until
/// all but the calling thread have stopped or the time is over.
pub fn stop_and_wait(limit: Duration) {
    let Some(schedulers) = SCHEDULERS.get() else { return };
    schedulers.stopped.set_relb(1);
    schedulers.all.iter().for_each(|scheduler| scheduler.wake_up.set());
    let own = usize::from(current_index().is_some());
    let deadline_ns = monotonic_ns() + limit.as_nanos() as i64;
    while schedulers.threads.read_acqb() > own && monotonic_ns() < deadline_ns {
        std::thread::sleep(Duration::from_millis(1));
    }
}
