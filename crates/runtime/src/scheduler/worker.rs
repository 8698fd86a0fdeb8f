//! The loop of a scheduler thread.

use super::by_priority::queue_of;
use super::{CURRENT, Scheduler, Schedulers, bind, schedulers, wake_one};
use crate::engine::{self, Regs, Switch};
use crate::process::{Owned, Priority, Process, Waiting, exit};
use crate::progress::{self, Managed};
use crate::signal::handle::ends_wait;
use crate::signal::take::take_at_start;
use crate::task::Left;
use crate::trace::of_processes;
use crate::{dirty, gc, give_back, longest, system_monitor, system_profile, task, timer};
use oxbeam_heap::GcKind;
use oxbeam_sys::clock::monotonic_ns;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

/// Runs a scheduler thread for ever.
pub(super) fn run(index: usize) {
    CURRENT.set(index);
    oxbeam_sys::cpu::wake_punctually();
    let schedulers = schedulers();
    bind::apply(schedulers, index);
    let (mut regs, mut turns, mut watch) = (Regs::new(), 0, Watch::default());
    let managed = progress::join();
    schedulers.threads.inc_acqb();
    while schedulers.stopped.read_acqb() == 0 {
        managed.quiescent();
        if watch.is_time(schedulers.all[index].reductions.read()) {
            let begun = longest::begin();
            timer::fire_due();
            begun.end(longest::Work::Timers, || None);
        }
        let has_errands = &schedulers.all[index].has_errands;
        if has_errands.read() != 0 && has_errands.xchg_acqb(0) != 0 {
            let errands = std::mem::take(&mut *schedulers.all[index].errands.lock());
            for errand in errands {
                let begun = longest::begin();
                errand();
                begun.end(longest::Work::Errand, || None);
            }
            watch = Watch::default();
        }
        if index >= schedulers.limit() {
            super::online::stay_away(schedulers, index, &managed);
            watch = Watch::default();
            continue;
        }
        if index == 0 && crate::dirty::has_turn() {
            super::online::let_pools_work(schedulers, index, &managed);
            watch = Watch::default();
            continue;
        }
        match next_process(schedulers, index) {
            Some(process) => {
                execute(schedulers, index, &mut regs, process);
                schedulers.balance(&mut turns);
            }
            None => {
                idle(schedulers, index, &managed);
                watch = Watch::default();
            }
        }
    }
    schedulers.threads.dec_relb();
}

/// When a scheduler looks for timers that are due: asking for the time costs as much as a tenth of a
/// turn that only passes a message on. After anything but turns it does so at once.
#[derive(Default)]
struct Watch {
    /// Turns until then, and the reductions of the scheduler by which it is time in any case.
    turns: u32,
    reductions: u64,
}

impl Watch {
    const TURNS: u32 = 8;
    const REDUCTIONS: u64 = 400;

    /// Before a turn of a scheduler that has used so many reductions.
    fn is_time(&mut self, reductions: u64) -> bool {
        if self.turns > 0 && reductions < self.reductions {
            self.turns -= 1;
            return false;
        }
        *self = Watch { turns: Watch::TURNS - 1, reductions: reductions + Watch::REDUCTIONS };
        true
    }
}

fn next_process(schedulers: &Schedulers, index: usize) -> Option<Arc<Process>> {
    let own = &schedulers.all[index].queue;
    if let Some(process) = schedulers.relieve(index) {
        return Some(process);
    }
    if let Some(process) = own.pop() {
        super::press(schedulers, index, own.len());
        return Some(process);
    }
    let count = schedulers.all.len();
    let victims = (1..count).map(|step| (index + step) % count);
    let (victim, stolen) =
        victims.filter_map(|at| Some((at, schedulers.all[at].queue.steal()?))).next()?;
    schedulers.activate(index);
    // Where there is more to steal, the next one is woken.
    if schedulers.all[victim].queue.stealable() > 1 {
        wake_one(schedulers, index);
    }
    Some(stolen)
}

/// Marks the scheduler idle, looks once more, and sleeps until it is woken or a timer is due.
fn idle(schedulers: &Schedulers, index: usize, managed: &Managed) {
    schedulers.idle.mark(index);
    let others = schedulers.all.iter().any(|scheduler| scheduler.queue.stealable() > 0);
    let work = others || schedulers.all[index].queue.len() > 0;
    let until_ns = timer::next_deadline_ns();
    schedulers.all[index].sleeps_until_ns.set_mb(until_ns);
    let wait_ns = until_ns.saturating_sub(monotonic_ns());
    if !work && wait_ns > 0 && timer::next_deadline_ns() >= until_ns {
        let wait_ns = wait_ns.min(give_back::when_idle());
        let timeout = Duration::from_nanos(wait_ns as u64);
        let forever = wait_ns > i64::MAX / 2;
        system_profile::scheduler(index, false, schedulers.active_count());
        if managed.wait() {
            let spin = Duration::from_nanos(schedulers.busy_wait_ns.read());
            sleep(&schedulers.all[index], spin, (!forever).then_some(timeout));
            managed.go_on();
        }
        system_profile::scheduler(index, true, schedulers.active_count() + 1);
    }
    schedulers.idle.clear(index);
}

/// Parks the thread and counts how long. Before, it spins for so long at most: who wakes it then has no
/// call of the system to make.
pub(super) fn sleep(scheduler: &Scheduler, spin: Duration, timeout: Option<Duration>) {
    scheduler.slept.begin();
    let started_ns = monotonic_ns();
    let spin = timeout.map_or(spin, |timeout| timeout.min(spin));
    let woken = spins(|| scheduler.wake_up.is_set(), started_ns + spin.as_nanos() as i64);
    let spun = Duration::from_nanos((monotonic_ns() - started_ns) as u64);
    match timeout.map(|timeout| timeout.saturating_sub(spun)) {
        _ if woken => {}
        Some(timeout) => _ = scheduler.wake_up.wait_for(timeout),
        None => scheduler.wake_up.wait(),
    }
    scheduler.wake_up.reset();
    scheduler.slept.end();
}

/// Waits for something without a sleep. `false`: it has not come by that time, or others want the processor: who
/// has given way to them would get it back much later than one who sleeps and is woken.
pub(crate) fn spins(has_come: impl Fn() -> bool, until_ns: i64) -> bool {
    thread_local! {
        static SPINS_FROM_NS: Cell<i64> = const { Cell::new(0) };
    }
    let mut now_ns = monotonic_ns();
    while now_ns < until_ns && now_ns >= SPINS_FROM_NS.get() {
        for _ in 0..SPINS {
            if has_come() {
                return true;
            }
            std::hint::spin_loop();
        }
        // Who was woken just now may have been put on this processor.
        std::thread::yield_now();
        let before_ns = std::mem::replace(&mut now_ns, monotonic_ns());
        if now_ns - before_ns > OTHERS_NS {
            SPINS_FROM_NS.set(now_ns + SHARED_NS);
        }
    }
    false
}

/// Looks at it between two looks at the clock.
const SPINS: u32 = 16;
/// When so much has gone by between two looks at the clock, others had the processor,
const OTHERS_NS: i64 = 30_000;
/// and are taken to want it for so long.
const SHARED_NS: i64 = 20_000_000;

/// One turn of a process.
fn execute(schedulers: &Schedulers, index: usize, regs: &mut Regs, process: Arc<Process>) {
    let started = process.state.start_running();
    process.last_scheduler.set(index as u32 + 1);
    // SAFETY: process rule 2: the state word just made this thread the owner.
    let Some(owned) = (unsafe { process.owned() }) else { return };
    let begun = longest::begin();
    let (taken, woken) = take_at_start(&process, owned, started.signals, started.woken);
    begun.end(longest::Work::Signals, || None);
    if taken.exit || owned.own.exit_reason.is_some() {
        return exit::finish(&process);
    }
    if taken.more {
        stop(process.clone(), true);
        // Whoever waits for what is left may be of any priority.
        return super::promote(&process, Priority::Max);
    }
    let mut left = Left::Nothing;
    if !owned.own.tasks.is_empty() {
        left = task::run_some(&process, owned);
        // A collection may have outgrown the limit of its heap.
        if owned.own.exit_reason.is_some() {
            return exit::finish(&process);
        }
    }
    if taken.asked && owned.heap.wants_collection() && owned.own.gc_disabled == 0 {
        // SAFETY: the process is between two turns: its state shows all its registers.
        unsafe { gc::collect(owned, GcKind::Auto, 0, &mut [], &mut []) };
        if owned.own.exit_reason.is_some() {
            return exit::finish(&process);
        }
    }
    let mut runnable = ends_wait(&owned.own, taken, woken);
    if runnable {
        // Also when it is suspended: what ended the wait will not be told again.
        leave_wait(owned);
        runnable = owned.own.suspend_count == 0 && !started.suspended;
    }
    if left == Left::Long {
        return dirty::tasks_aside(process, runnable);
    }
    if !runnable {
        return stop(process, left == Left::Some);
    }
    let before = owned.own.reductions;
    let monitor =
        system_monitor::SETTING.get().map(|settings| (settings, monotonic_ns(), owned.own.ip));
    let begun = longest::begin();
    of_processes::turn(&process, owned, "in");
    let switch = engine::get().run(regs, &process, owned);
    if switch != Switch::Exit {
        of_processes::turn(&process, owned, "out");
    }
    begun.end(longest::Work::Turn, || owned.own.current);
    if let Some((settings, started_ns, came_in)) = monitor {
        let took_ns = monotonic_ns() - started_ns;
        system_monitor::after_turn(settings, process.pid, took_ns, [came_in, owned.own.ip]);
    }
    let this = &schedulers.all[index];
    this.turns.inc();
    let used = owned.own.reductions - before;
    this.reductions.add(used);
    if let Some(ahead) = this.reductions_ahead.get(queue_of(process.state.priority())) {
        ahead.add(used);
    }
    // What is left of the tasks is for the next turn, or before it.
    let asked = switch != Switch::Exit
        && !owned.own.tasks.is_empty()
        && task::run_some(&process, owned) != Left::Nothing;
    // A collection that another process asked for may have outgrown the limit of the heap: also
    // who waits has ended then.
    let ended = owned.own.exit_reason.is_some();
    match if ended { Switch::Exit } else { switch } {
        Switch::Yield => match owned.own.suspended.as_ref().and_then(|native| native.dirty()) {
            Some((run_on, function)) => dirty::submit(process, run_on, function),
            None if owned.own.suspend_count == 0 && gc::is_due_aside(owned) => {
                dirty::collect_aside(process);
            }
            // One that has suspended itself goes on when it is told to.
            None => {
                let runnable = owned.own.suspend_count == 0;
                stop(process, runnable || asked);
            }
        },
        Switch::Wait if gc::fits_aside(owned) => dirty::collect_aside(process),
        Switch::Wait => stop(process, asked),
        Switch::Exit => {
            system_profile::process(&process, false);
            exit::finish(&process);
        }
    }
}

/// A process that waited goes on: behind its timeout if that has fired.
fn leave_wait(owned: &mut Owned) {
    let own = &mut owned.own;
    if own.waiting == Waiting::Message && own.timed_out {
        own.ip = own.timeout_ip;
        own.timed_out = false;
    }
    own.waiting = Waiting::No;
}

fn stop(process: Arc<Process>, runnable: bool) {
    let idle = !runnable && !process.state.has_signals();
    if idle {
        system_profile::process(&process, false);
    }
    if process.state.stop_running(runnable) {
        if idle {
            system_profile::process(&process, true);
        }
        super::enqueue(process);
    }
}

#[cfg(all(test, not(oxbeam_model)))]
mod tests {
    use super::*;

    #[test]
    fn it_is_time_after_a_few_short_turns_or_a_long_one() {
        let mut watch = Watch::default();
        let times: Vec<bool> = (0..17).map(|turn| watch.is_time(turn * 10)).collect();
        let due: Vec<usize> = (0..17).filter(|&turn| times[turn]).collect();
        assert_eq!(due, [0, 8, 16]);
        assert!(!watch.is_time(170));
        assert!(watch.is_time(1000));
        assert!(!watch.is_time(1010) && watch.is_time(5000));
        watch = Watch::default();
        assert!(watch.is_time(5000));
    }
}
