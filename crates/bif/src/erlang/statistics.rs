//! `erlang:statistics/1` and the counting of time that it needs.

use crate::arg;
use oxbeam_ethread::Atomic64;
use oxbeam_heap::Heap;
use oxbeam_runtime::native::RunOn;
use oxbeam_runtime::{Cx, Flow, NativeResult, dirty, gc, scheduler, system};
use oxbeam_sys::clock;
use oxbeam_term::{Atom, Term, am};
use parking_lot::Mutex;

fn atom<'h>(name: &str) -> Term<'h> {
    Term::atom(Atom::new(name).expect("room for the words of statistics"))
}

/// The value now and what it has grown by since this was last asked.
fn since_last(last: &Atomic64, now: i64) -> [i64; 2] {
    [now, now - last.xchg(now)]
}

/// `erlang:statistics/1`
pub fn statistics_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    oxbeam_ethread::shared! {
        static REDUCTIONS: Atomic64 = Atomic64::new(0);
        static RUNTIME: Atomic64 = Atomic64::new(0);
        static WALL_CLOCK: Atomic64 = Atomic64::new(0);
    }
    let heap = cx.heap;
    let pair = |values: [i64; 2]| heap.tuple(&values.map(|value| heap.int(value)));
    let item = args[0].as_atom().ok_or_else(Flow::badarg)?;
    Ok(match item.name() {
        "context_switches" => pair([scheduler::totals().0 as i64, 0]),
        "reductions" | "exact_reductions" => {
            let running = (oxbeam_runtime::engine::TURN_REDUCTIONS - cx.reductions).max(0);
            pair(since_last(&REDUCTIONS, scheduler::totals().1 as i64 + running))
        }
        "runtime" => {
            let (user_ns, system_ns) = clock::process_cpu_ns();
            pair(since_last(&RUNTIME, (user_ns + system_ns) / 1_000_000))
        }
        "wall_clock" => {
            let up_ns = clock::monotonic_ns() - system::get().start_monotonic_ns;
            pair(since_last(&WALL_CLOCK, up_ns / 1_000_000))
        }
        "garbage_collection" => {
            let (count, words) = gc::statistics();
            heap.tuple(&[heap.uint(count), heap.uint(words), heap.int(0)])
        }
        "io" => {
            let (input, output) = system::io_bytes();
            let pair = |key: Atom, value: u64| heap.tuple(&[Term::atom(key), heap.uint(value)]);
            heap.tuple(&[pair(am::input, input), pair(am::output, output)])
        }
        "scheduler_wall_time" => wall_times(heap, false),
        "scheduler_wall_time_all" => wall_times(heap, true),
        "microstate_accounting" => microstates(heap),
        name => return run_queues(cx, name).ok_or_else(Flow::badarg),
    })
}

/// Run queues: lengths, and tasks with those that run. A queue for each scheduler, one for all
/// dirty CPU schedulers and, in the `_all` items, one for all dirty IO schedulers.
fn run_queues<'h>(cx: &Cx<'h>, item: &str) -> Option<Term<'h>> {
    let heap = cx.heap;
    let (item, all) = match item.strip_suffix("_all") {
        Some(item) if item != "run_queue" => (item, true),
        Some(_) => return None,
        None => (item, false),
    };
    let mut lengths = scheduler::run_queue_lengths();
    let running = scheduler::current_index();
    if item.ends_with("active_tasks")
        && let Some(here) = running
    {
        lengths[here] += 1;
    }
    let [cpu, io] = oxbeam_runtime::dirty::queue_lengths();
    lengths.push(cpu);
    lengths.extend(all.then_some(io));
    Some(match item {
        "run_queue" | "total_run_queue_lengths" | "total_active_tasks" => {
            heap.usize(lengths.iter().sum())
        }
        "run_queue_lengths" | "active_tasks" => {
            heap.list_from_rev(lengths.iter().rev().map(|&length| heap.usize(length)))
        }
        _ => return None,
    })
}

/// The time, and each scheduler's sleep, collections and work until then.
#[derive(Clone)]
struct Start {
    at_ns: i64,
    slept_ns: Vec<i64>,
    /// When each scheduler's sleep was looked at.
    seen_ns: Vec<i64>,
    collected_ns: Vec<i64>,
    /// Work of the dirty CPU and the dirty IO schedulers.
    dirty_ns: [Vec<i64>; 2],
}

impl Start {
    fn now() -> Start {
        let (cpu, io) = dirty_schedulers();
        let dirty_ns = [(RunOn::DirtyCpu, cpu), (RunOn::DirtyIo, io)].map(|(run_on, count)| {
            let mut busy_ns = dirty::busy_ns(run_on);
            busy_ns.resize(count, 0);
            busy_ns
        });
        let (slept_ns, seen_ns) = scheduler::slept_ns().into_iter().unzip();
        Start {
            dirty_ns,
            at_ns: clock::monotonic_ns(),
            slept_ns,
            seen_ns,
            collected_ns: scheduler::collected_ns(),
        }
    }
}

static WALL_TIME: Mutex<Option<Start>> = Mutex::new(None);

/// Microstates: what was counted until counting ended last, and since when it is counted now.
#[derive(Default)]
struct Microstates {
    counted: Option<Start>,
    started: Option<Start>,
}

static MICROSTATES: Mutex<Microstates> = Mutex::new(Microstates { counted: None, started: None });

impl Microstates {
    /// All that was counted, as if it had begun at zero.
    fn total(&self) -> Start {
        let zero = || Start::now().zeroed();
        let counted = self.counted.as_ref().map_or_else(zero, Start::clone);
        match &self.started {
            Some(started) => {
                counted.combined(&Start::now().combined(started, |a, b| a - b), |a, b| a + b)
            }
            None => counted,
        }
    }
}

impl Start {
    fn zeroed(&self) -> Start {
        self.combined(self, |a, b| a - b)
    }
    /// Number by number; threads that one of the two does not know of are left out.
    fn combined(&self, other: &Start, with: impl Fn(i64, i64) -> i64) -> Start {
        let all = |a: &[i64], b: &[i64]| a.iter().zip(b).map(|(a, b)| with(*a, *b)).collect();
        Start {
            at_ns: with(self.at_ns, other.at_ns),
            slept_ns: all(&self.slept_ns, &other.slept_ns),
            seen_ns: all(&self.seen_ns, &other.seen_ns),
            collected_ns: all(&self.collected_ns, &other.collected_ns),
            dirty_ns: [0, 1].map(|kind| all(&self.dirty_ns[kind], &other.dirty_ns[kind])),
        }
    }
}

/// Dirty schedulers, which have numbers behind those of the normal ones: `(cpu, io)`.
fn dirty_schedulers() -> (usize, usize) {
    let system = system::get();
    (system.dirty_cpu_schedulers, system.dirty_io_schedulers)
}

/// `[{Number, ActiveTime, TotalTime}]`, or `undefined` while it is not counted.
fn wall_times(heap: &Heap, all: bool) -> Term<'_> {
    let started = WALL_TIME.lock();
    let Some(started) = started.as_ref() else { return Term::atom(am::undefined) };
    let passed = Start::now().combined(started, |now, then| now - then);
    let slept = passed.slept_ns.iter().zip(&passed.seen_ns);
    let mut times: Vec<(i64, i64)> =
        slept.map(|(&slept_ns, &total_ns)| ((total_ns - slept_ns).max(0), total_ns)).collect();
    for dirty_ns in passed.dirty_ns.iter().take(if all { 2 } else { 1 }) {
        times.extend(dirty_ns.iter().map(|&busy_ns| (busy_ns.min(passed.at_ns), passed.at_ns)));
    }
    let item = |(index, &(active_ns, total_ns)): (usize, &(i64, i64))| {
        heap.tuple(&[heap.usize(index + 1), heap.int(active_ns), heap.int(total_ns)])
    };
    heap.list(&times.iter().enumerate().map(item).collect::<Vec<_>>())
}

/// `erts_internal:scheduler_wall_time/1`: whether it was counted before.
pub fn scheduler_wall_time_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let on = args[0].is(am::true_);
    let mut started = WALL_TIME.lock();
    let was_on = started.is_some();
    if on != was_on {
        *started = on.then(Start::now);
    }
    Ok(Term::bool(was_on))
}

/// `erlang:system_flag(microstate_accounting, true | false | reset)`: whether it was counted
/// before.
pub(super) fn set_microstates<'h>(value: Term<'h>) -> NativeResult<'h> {
    let mut states = MICROSTATES.lock();
    let was_on = states.started.is_some();
    match value.as_bool() {
        Some(true) if !was_on => states.started = Some(Start::now()),
        Some(true) => {}
        Some(false) => {
            states.counted = Some(states.total());
            states.started = None;
        }
        None if value.as_atom().is_some_and(|atom| atom.name() == "reset") => {
            states.counted = None;
            states.started = was_on.then(Start::now);
        }
        None => return Err(Flow::badarg()),
    }
    Ok(Term::bool(was_on))
}

/// The states of a thread, as the keys of its counters.
const STATES: [&str; 7] = ["aux", "check_io", "emulator", "gc", "other", "port", "sleep"];

/// A map for each thread: its type, number and the time it spent in each state.
fn microstates(heap: &Heap) -> Term<'_> {
    let counted = MICROSTATES.lock().total();
    let total_ns = counted.at_ns;
    let mut threads = vec![];
    for (index, (slept, collected)) in
        counted.slept_ns.iter().zip(&counted.collected_ns).enumerate()
    {
        let emulator = (total_ns - slept - collected).max(0);
        let times = [0, 0, emulator, *collected, 0, 0, *slept];
        threads.push(thread(heap, "scheduler", index + 1, times));
    }
    // What these do is outside the counted states.
    let asleep = [0, 0, 0, 0, 0, 0, total_ns];
    let first_dirty = counted.slept_ns.len() + 1;
    for (at, kind) in ["dirty_cpu_scheduler", "dirty_io_scheduler"].into_iter().enumerate() {
        for (index, busy) in counted.dirty_ns[at].iter().enumerate() {
            let busy = (*busy).min(total_ns);
            let number = if at == 0 { first_dirty + index } else { index + 1 };
            threads.push(thread(heap, kind, number, [0, 0, busy, 0, 0, 0, total_ns - busy]));
        }
    }
    threads.push(thread(heap, "aux", 1, asleep));
    threads.push(thread(heap, "poll", 0, asleep));
    let threads_async = (0..system::get().async_threads).map(|n| thread(heap, "async", n, asleep));
    threads.extend(threads_async);
    heap.list(&threads)
}

fn thread<'h>(heap: &'h Heap, kind: &str, number: usize, times: [i64; 7]) -> Term<'h> {
    let pairs = STATES.iter().zip(times).map(|(state, time)| (atom(state), heap.int(time)));
    let counters = heap.map_from_merged(pairs.collect());
    let name = |name: &str| Atom::new(name).expect("room for the words of statistics");
    let pairs = [
        (name("counters"), counters),
        (name("id"), heap.usize(number)),
        (name("type"), atom(kind)),
    ];
    arg::map_of(heap, &pairs)
}
