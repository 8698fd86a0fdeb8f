//! Dirty schedulers: threads for natives that block, or that work long and cannot stop.
//!
//! 1. A process that calls such a native goes to a pool with its ownership: its state word stays
//!    RUNNING, and DIRTY is set until it comes back.
//! 2. Its owned part is split then. The native gets the heap, and a state that is thrown away
//!    afterwards; all else, with a view of the heap, lies in [`Process::away`] behind a lock.
//! 3. Whoever sends a control signal to a DIRTY process tells a handler process of it (at boot
//!    there are three), which handles the signals with what is away. Senders append the signal,
//!    then look at DIRTY; whoever sets DIRTY looks for signals afterwards: so one of them tells.
//! 4. A process that is to end while its native runs is ended by the handler, under that lock:
//!    links and monitors learn of it at once. The heap goes when the native has returned.
//! 5. When the native has returned, the parts are put together and the process goes back to its
//!    run queue. It executes the call again, which finds the outcome.
//! 6. A process whose heap is so large that others would notice its collection, or that is asked for a
//!    long task ([`crate::task`]), goes to the CPU pool for it between two turns, whole: its signals
//!    wait as they do for a turn.
//! 7. A thread of a pool is not managed (see the progress module); it starts when there is a
//!    process for it, and stays.
//! 8. While multi-scheduling is blocked one thread works at a time. The scheduler that runs then gives
//!    what waits here a turn after each of its own ([`Turn`]), and sleeps meanwhile.

mod turn;

use crate::native::{Cx, Flow, NativeFn, RunOn};
use crate::process::{Owned, PidData, Priority, ProcState, Process, exit};
use crate::scheduler::by_priority::ByPriority;
use crate::scheduler::worker::spins;
use crate::signal::take::take_all;
use crate::task::Left;
use crate::{gc, literal_release, locks, longest, task, yielding};
use oxbeam_ethread::lock::{Condition, Mutex, MutexGuard};
use oxbeam_ethread::{Atomic64, AtomicU32, AtomicU64, AtomicUword, Orders, membar};
use oxbeam_heap::{GcKind, OwnedTerm};
use oxbeam_sys::clock::monotonic_ns;
use oxbeam_term::{RawTerm, Term};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;
use turn::Turn;

/// Reductions that a native on a pool's thread may count on.
const REDUCTIONS: i64 = crate::engine::TURN_REDUCTIONS;
const STACK_BYTES: usize = 4 << 20;

/// A native that is to run, with what it works on.
struct Job {
    process: Arc<Process>,
    owned: Box<Owned>,
    function: NativeFn,
    args: Vec<RawTerm>,
}

// SAFETY: the terms are of `owned`'s heap, which the job takes along.
unsafe impl Send for Job {}

/// What a thread of a pool does next.
enum Work {
    Native(Job),
    /// See rule 6.
    Collection(Arc<Process>),
    /// See rule 6; whether the process has something to run besides.
    Tasks(Arc<Process>, bool),
    Errand(Box<dyn FnOnce() + Send>),
}

impl Work {
    fn priority(&self) -> Priority {
        match self {
            Work::Native(Job { process, .. })
            | Work::Collection(process)
            | Work::Tasks(process, _) => process.state.priority(),
            Work::Errand(_) => Priority::Normal,
        }
    }
}

#[derive(Default)]
struct Jobs {
    waiting: ByPriority<Work>,
    idle_threads: usize,
    /// Those of them that spin: who sees by itself that there is something to do.
    spinning: usize,
    threads: usize,
    /// Threads that work; no more than are online begin to.
    working: usize,
}

struct Pool {
    jobs: Mutex<Jobs, locks::DirtyJobs>,
    work: Condition,
    max_threads: AtomicUword,
    /// Threads that may work at a time.
    online: AtomicUword,
    /// What the threads have worked so far, by number.
    work_done: Mutex<Vec<Arc<WorkDone>>, locks::DirtyWork>,
    /// How much waits, for who does not hold the lock.
    len: AtomicUword,
    /// How long a thread that has worked spins before it sleeps.
    busy_wait_ns: AtomicU64,
    /// Whether it stops while multi-scheduling is blocked.
    stops: bool,
}

/// The time that a thread has worked.
#[derive(Default)]
struct WorkDone {
    busy_ns: Atomic64,
    /// When the present work began; 0: there is none.
    busy_since_ns: Atomic64,
}

impl Pool {
    oxbeam_ethread::const_fn! {
        fn new(stops: bool) -> Pool {
            let jobs = Jobs { waiting: ByPriority::new(), idle_threads: 0, spinning: 0, threads: 0, working: 0 };
            Pool {
                jobs: Mutex::new(jobs),
                work: Condition::new(),
                max_threads: AtomicUword::new(1),
                online: AtomicUword::new(1),
                work_done: Mutex::new(vec![]),
                len: AtomicUword::new(0),
                busy_wait_ns: AtomicU64::new(0),
                stops,
            }
        }
    }
}

oxbeam_ethread::shared! {
    static CPU: Pool = Pool::new(true);
    static IO: Pool = Pool::new(true);
    /// One thread of its own: what natives do on the other pools' threads delays no errand.
    static AUX: Pool = Pool::new(false);
    /// Pids of the handler processes, plus one, by [`handler_of`].
    static HANDLERS: [AtomicU64; 3] = [AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0)];
    /// Errands that are not done.
    static ERRANDS: AtomicUword = AtomicUword::new(0);
    /// Whether multi-scheduling is blocked, and whose turn it is then (rule 8).
    static BLOCKED: AtomicU32 = AtomicU32::new(0);
    static TURN: Turn = Turn::new();
    /// How often idle threads were asked to give memory back.
    static GIVE_BACKS: AtomicUword = AtomicUword::new(0);
}

thread_local! {
    static CURRENT: Cell<RunOn> = const { Cell::new(RunOn::Normal) };
}

/// Which kind of scheduler the calling thread is, if it is one.
pub fn current() -> RunOn {
    CURRENT.get()
}

/// Has `native` run on a dirty scheduler, if it does not yet and takes long.
pub fn if_long<'h>(native: NativeFn, is_long: impl FnOnce() -> bool) -> Result<(), Flow<'h>> {
    match current() == RunOn::Normal && is_long() {
        true => Err(Flow::Dirty(RunOn::DirtyCpu, native)),
        false => Ok(()),
    }
}

/// Gives `work` the state of a native's process, which is away while the native runs on a dirty
/// scheduler (rule 2). `None`: the process was ended meanwhile.
pub fn with_own<R>(cx: &mut Cx<'_>, work: impl FnOnce(&mut ProcState) -> R) -> Option<R> {
    if !cx.process.state.is_dirty() {
        return Some(work(cx.own));
    }
    cx.process.away().lock().as_deref_mut().map(|owned| work(&mut owned.own))
}

/// Runs `work` with the calling thread as a scheduler of that kind: how a native is tried outside
/// of any scheduler.
pub fn act_as<R>(run_on: RunOn, work: impl FnOnce() -> R) -> R {
    let before = CURRENT.replace(run_on);
    let result = work();
    CURRENT.set(before);
    result
}

/// Sets how many threads each pool may have; for boot.
pub fn set_limits(cpu: usize, io: usize) {
    for (pool, count) in [(&CPU, cpu.max(1)), (&IO, io.max(1))] {
        pool.max_threads.set(count);
        pool.online.set(count);
    }
}

/// Sets how long threads of the pools spin before they sleep (`+sbwtdcpu`, `+sbwtdio`).
pub fn set_busy_wait(cpu: Duration, io: Duration) {
    for (pool, spin) in [(&CPU, cpu), (&IO, io)] {
        pool.busy_wait_ns.set(spin.as_nanos() as u64);
    }
}

/// Sets how many threads of the CPU pool may work at a time; gives the former number.
pub fn set_cpu_online(count: usize) -> usize {
    let jobs = CPU.jobs.lock();
    let old = CPU.online.xchg(count.clamp(1, CPU.max_threads.read()));
    drop(jobs);
    CPU.work.notify_all();
    old
}

/// Multi-scheduling is blocked, or no longer; the caller wakes the scheduler that is to know.
pub(crate) fn set_blocked(blocked: bool) {
    if BLOCKED.xchg_mb(blocked.into()) != 0 && !blocked {
        TURN.end();
        notify_all();
    }
}

/// Whether the threads of the pools may not work beside the schedulers.
pub fn is_blocked() -> bool {
    BLOCKED.read_acqb() != 0
}

/// Whether no thread works that may not.
pub(crate) fn settled() -> bool {
    !is_blocked() || [&CPU, &IO].iter().all(|pool| pool.jobs.lock().working == 0)
}

/// Between two turns of the only scheduler that runs: whether the next one is a pool's (rule 8).
pub(crate) fn has_turn() -> bool {
    BLOCKED.read() != 0 && TURN.is_of_pools(|| queue_lengths() != [0, 0], notify_all)
}

/// Has the threads of the pools look again at whether they may work.
fn notify_all() {
    for pool in [&CPU, &IO] {
        // Under the lock: a thread is asleep, or looks before it sleeps.
        let jobs = pool.jobs.lock();
        pool.work.notify_all();
        drop(jobs);
    }
}

/// How many threads of the CPU pool may work at a time.
pub fn cpu_online() -> usize {
    CPU.online.read()
}

/// Names the process that handles signals for processes of that priority; for boot.
pub fn set_handler(priority: Priority, pid: PidData) {
    HANDLERS[handler_of(priority)].set(pid + 1);
}

/// Whether it is a handler process.
pub fn is_handler(pid: PidData) -> bool {
    HANDLERS.iter().any(|handler| handler.read() == pid + 1)
}

fn handler_of(priority: Priority) -> usize {
    match priority {
        Priority::Max => 2,
        Priority::High => 1,
        Priority::Normal | Priority::Low => 0,
    }
}

/// Processes that wait for a thread of the CPU pool and of the IO pool.
pub fn queue_lengths() -> [usize; 2] {
    [&CPU, &IO].map(|pool| pool.jobs.lock().waiting.len())
}

/// Nanoseconds that each thread of a pool has worked since it started, by number; threads that
/// have not started are left out.
pub fn busy_ns(run_on: RunOn) -> Vec<i64> {
    let busy = |done: &Arc<WorkDone>| {
        let since_ns = done.busy_since_ns.read_acqb();
        let now_ns = if since_ns == 0 { 0 } else { monotonic_ns() - since_ns };
        done.busy_ns.read_acqb() + now_ns
    };
    pool_of(run_on).work_done.lock().iter().map(busy).collect()
}

fn pool_of(run_on: RunOn) -> &'static Pool {
    if run_on == RunOn::DirtyCpu { &CPU } else { &IO }
}

/// Hands over a process whose ownership the caller has and whose suspended native is to run on a
/// pool.
pub(crate) fn submit(process: Arc<Process>, run_on: RunOn, function: NativeFn) {
    // SAFETY: the caller has the ownership and gives it up here.
    let owned = unsafe { process.take_owned() };
    let mut owned = owned.expect("a process that runs has not ended");
    let args = owned.own.suspended.as_ref().map(|native| native.args()).unwrap_or_default();
    let nothing = ProcState::new(process.pid, RawTerm::NIL, owned.own.initial_call);
    let own = std::mem::replace(&mut owned.own, nothing);
    // SAFETY: no one collects or frees the heap while the view is in use: the native that has it
    // does neither, and rule 4 holds the heap until the lock is free.
    let view = unsafe { owned.heap.view() };
    *process.away().lock() = Some(Box::new(Owned { heap: view, own }));
    process.state.set_dirty(true);
    if process.state.has_signals() {
        tell_handler(&process);
    }
    give(pool_of(run_on), run_on, Work::Native(Job { process, owned, function, args }));
}

/// Asks all threads of the pools that have nothing to do to give memory back.
pub(crate) fn give_back() {
    GIVE_BACKS.inc();
    let pools: [&Pool; 3] = [&CPU, &IO, &AUX];
    for pool in pools {
        // Under the lock: a thread is asleep, or looks at the count before it sleeps.
        let jobs = pool.jobs.lock();
        pool.work.notify_all();
        drop(jobs);
    }
}

/// Hands over a process whose ownership the caller has, between two turns of which it has one
/// more to go, to be collected (rule 6).
pub(crate) fn collect_aside(process: Arc<Process>) {
    give(&CPU, RunOn::DirtyCpu, Work::Collection(process));
}

/// Hands over a process whose ownership the caller has, between two turns, with a task for it that
/// is long (rule 6). `runnable`: it has a turn to go.
pub(crate) fn tasks_aside(process: Arc<Process>, runnable: bool) {
    give(&CPU, RunOn::DirtyCpu, Work::Tasks(process, runnable));
}

/// Runs the tasks of a process and brings it back.
fn run_tasks(process: &Arc<Process>, runnable: bool) {
    let begun = longest::begin();
    // Taken first: what is being purged from now on stays (rule 4 of the module).
    let _hold = literal_release::Hold::take();
    // SAFETY: the ownership came with the work.
    let Some(owned) = (unsafe { process.owned() }) else { return };
    task::run_all(process, owned);
    if owned.own.exit_reason.is_some() {
        return exit::finish(process);
    }
    begun.end(longest::Work::Dirty, || None);
    if process.state.stop_running(runnable) {
        crate::scheduler::enqueue(process.clone());
    }
}

/// Collects a process and brings it back.
fn collect(process: &Arc<Process>) {
    let begun = longest::begin();
    let _hold = literal_release::Hold::take();
    // SAFETY: the ownership came with the work.
    let Some(owned) = (unsafe { process.owned() }) else { return };
    gc::collect_between_turns(owned, GcKind::Auto);
    if owned.own.exit_reason.is_some() {
        return exit::finish(process);
    }
    begun.end(longest::Work::Dirty, || None);
    if process.state.stop_running(true) {
        crate::scheduler::enqueue(process.clone());
    }
}

/// Has another thread do `work`, which no process waits for. Errands are done in their order.
pub fn run_errand(work: impl FnOnce() + Send + 'static) {
    ERRANDS.inc();
    let work = move || {
        work();
        ERRANDS.dec_relb();
    };
    give(&AUX, RunOn::DirtyCpu, Work::Errand(Box::new(work)));
}

/// So many bytes are given back at once without a thought.
const FEW_BYTES: usize = 1 << 20;

/// Drops what takes about so many bytes: elsewhere, if that takes a while.
pub fn drop_aside<T: Send + 'static>(value: T, bytes: usize) {
    if bytes > FEW_BYTES {
        crate::give_back::freed();
        run_errand(move || drop(value));
    }
}

/// How many errands are not done yet.
pub fn errands() -> usize {
    ERRANDS.read_acqb()
}

fn give(pool: &'static Pool, run_on: RunOn, work: Work) {
    let mut jobs = pool.jobs.lock();
    let priority = work.priority();
    jobs.waiting.push(work, priority);
    pool.len.set(jobs.waiting.len());
    if jobs.idle_threads >= jobs.waiting.len() {
        if jobs.spinning < jobs.waiting.len() {
            pool.work.notify_one();
        }
        drop(jobs);
    } else if jobs.threads < pool.max_threads.read() {
        jobs.threads += 1;
        let number = jobs.threads;
        drop(jobs);
        start_thread(pool, run_on, number);
    } else {
        drop(jobs);
    }
    // Who blocks sees what waits, or it is seen here that somebody does.
    membar(Orders::STORE_LOAD);
    if BLOCKED.read() != 0 {
        crate::scheduler::wake_first();
    }
}

fn start_thread(pool: &'static Pool, run_on: RunOn, number: usize) {
    let aux: &Pool = &AUX;
    let kind = match run_on {
        _ if std::ptr::eq(pool, aux) => "aux",
        RunOn::DirtyCpu => "dcpus",
        _ => "dios",
    };
    std::thread::Builder::new()
        .name(format!("erts_{kind}_{number}"))
        .stack_size(STACK_BYTES)
        .spawn(move || work(pool, run_on))
        .expect("a thread for a dirty scheduler");
}

/// Runs a thread of a pool for ever.
fn work(pool: &Pool, run_on: RunOn) {
    CURRENT.set(run_on);
    // The scheduler that started this thread may be bound.
    oxbeam_sys::cpu::bind_thread(None);
    let done = Arc::new(WorkDone::default());
    pool.work_done.lock().push(done.clone());
    let (mut given_back, mut has_worked) = (GIVE_BACKS.read(), false);
    let mut jobs = pool.jobs.lock();
    loop {
        let by_turn = pool.stops && is_blocked();
        let may_work = match by_turn {
            true => jobs.waiting.len() > 0 && TURN.take(),
            false => jobs.working < pool.online.read(),
        };
        match if may_work { jobs.waiting.pop() } else { None } {
            Some(work) => {
                jobs.working += 1;
                pool.len.set(jobs.waiting.len());
                has_worked = true;
                drop(jobs);
                let started_ns = monotonic_ns();
                done.busy_since_ns.set_relb(started_ns);
                match work {
                    Work::Native(job) => run(job),
                    Work::Collection(process) => collect(&process),
                    Work::Tasks(process, runnable) => run_tasks(&process, runnable),
                    Work::Errand(errand) => {
                        let begun = longest::begin();
                        errand();
                        begun.end(longest::Work::Dirty, || None);
                    }
                }
                done.busy_since_ns.set_relb(0);
                done.busy_ns.add_relb(monotonic_ns() - started_ns);
                jobs = pool.jobs.lock();
                jobs.working -= 1;
                if by_turn {
                    TURN.give_back();
                    crate::scheduler::wake_first();
                }
            }
            None if given_back != GIVE_BACKS.read() => {
                given_back = GIVE_BACKS.read();
                drop(jobs);
                oxbeam_sys::allocator::give_back();
                jobs = pool.jobs.lock();
            }
            None if has_worked && jobs.waiting.len() == 0 => {
                has_worked = false;
                jobs.idle_threads += 1;
                jobs.spinning += 1;
                drop(jobs);
                let until_ns = monotonic_ns() + pool.busy_wait_ns.read() as i64;
                spins(|| pool.len.read() != 0, until_ns);
                jobs = pool.jobs.lock();
                jobs.spinning -= 1;
                jobs.idle_threads -= 1;
            }
            None => {
                jobs.idle_threads += 1;
                jobs = pool.work.wait(jobs);
                jobs.idle_threads -= 1;
            }
        }
    }
}

/// Runs a native and brings its process back.
fn run(job: Job) {
    let Job { process, mut owned, function, args } = job;
    // Should the process be ended meanwhile, its literals are there until the native is done.
    let _hold = literal_release::Hold::take();
    if process.is_exiting() {
        // Rule 4: nobody waits for the outcome.
        drop(process.away().lock());
        return;
    }
    let Owned { heap, own } = &mut *owned;
    let (heap, process_ref) = (&*heap, &process);
    // SAFETY: the arguments are terms of this heap, which is not collected meanwhile; `Term` is a
    // transparent `RawTerm`.
    let args = unsafe { std::slice::from_raw_parts(args.as_ptr().cast::<Term<'_>>(), args.len()) };
    let mut cx = Cx { heap, own, process: process_ref, reductions: REDUCTIONS };
    let begun = longest::begin();
    let outcome = yielding::Outcome::of(function(&mut cx, args));
    begun.end(longest::Work::Dirty, || None);
    let spent = u64::try_from(REDUCTIONS - cx.reductions).unwrap_or(0);
    let mut away = process.away().lock();
    let Some(back) = away.take() else { return };
    let Owned { heap: view, own } = *back;
    owned.heap.take_back(view);
    owned.own = own;
    owned.own.reductions += spent;
    if let Some(native) = &mut owned.own.suspended {
        native.end(outcome);
    }
    // SAFETY: the ownership came with the job.
    unsafe { process.put_owned(owned) };
    process.state.set_dirty(false);
    drop(away);
    if process.state.stop_running(true) {
        crate::scheduler::enqueue(process);
    }
}

/// Tells a handler process that there are signals for a DIRTY process (rule 3).
pub(crate) fn tell_handler(process: &Process) {
    let handler = HANDLERS[handler_of(process.state.priority())].read();
    if let Some(pid) = handler.checked_sub(1) {
        let message = OwnedTerm::immediate(RawTerm::pid(process.pid));
        crate::signal::send_to_pid(pid, message);
    }
}

/// What came of handling the signals of another process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Handled {
    /// All there were.
    All,
    /// There is a long task to do ([`crate::task`]), or one must wait for the native: for [`handle_all`].
    Long,
    /// The process does not run dirty: it handles its signals itself.
    NotDirty,
}

/// Handles the signals of a process that runs dirty, and does what it is asked for unless that is
/// long.
pub fn handle_signals(process: &Arc<Process>) -> Handled {
    loop {
        // A native that works on what is away (`with_own`) may keep it for long.
        let Some(away) = process.away().try_lock() else { return Handled::Long };
        match handle(process, away, task::run_some) {
            (handled, Left::Nothing) => return handled,
            (_, Left::Some) => {}
            (_, Left::Long) => return Handled::Long,
        }
    }
}

/// As [`handle_signals`], however long it takes; for a dirty scheduler.
pub fn handle_all(process: &Arc<Process>) -> Handled {
    let run_all = |process: &_, owned: &mut _| {
        task::run_all(process, owned);
        Left::Nothing
    };
    handle(process, process.away().lock(), run_all).0
}

fn handle(
    process: &Arc<Process>,
    mut away: MutexGuard<'_, Option<Box<Owned>>, locks::Away>,
    run_tasks: impl FnOnce(&Arc<Process>, &mut Owned) -> Left,
) -> (Handled, Left) {
    let Some(owned) = away.as_deref_mut() else { return (Handled::NotDirty, Left::Nothing) };
    let taken = take_all(process, owned);
    // Those that move terms wait: its collections are off.
    let left = run_tasks(process, owned);
    if (taken.exit || owned.own.exit_reason.is_some())
        && let Some(owned) = away.take()
    {
        exit::finish_owned(process, owned);
        return (Handled::All, Left::Nothing);
    }
    (Handled::All, left)
}
