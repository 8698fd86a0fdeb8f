//! The state word of a process.
//!
//! Who gives something up (an owner the process, a sender the signal it appended) releases; who
//! takes something over acquires. Exchanges pass the release on, so what a sender appended before
//! it set SIGNALS is seen by the owner that clears it, whatever came between.

use super::Priority;
use oxbeam_ethread::AtomicU32;

/// A thread has the ownership and runs the process, or handles its signals.
const RUNNING: u32 = 1;
/// The process is in a run queue.
const IN_RUN_QUEUE: u32 = 1 << 1;
/// The in-queue has got signals since it was last taken.
const SIGNALS: u32 = 1 << 2;
/// The process was woken since it last started to run.
const WOKEN: u32 = 1 << 3;
/// The process is ending; once set, it is never unset.
const EXITING: u32 = 1 << 4;
/// The process is with a dirty scheduler, or on its way there; see the dirty module.
const DIRTY: u32 = 1 << 5;
const PRIORITY_SHIFT: u32 = 8;
/// From here on: how often the process is suspended otherwise than by a signal.
const SUSPENDED_SHIFT: u32 = 16;
const SUSPENDED_ONCE: u32 = 1 << SUSPENDED_SHIFT;

/// Atomic state of a process; see the process module's rules 3 and 4.
pub struct StateWord(AtomicU32);

/// What a process was set running for.
#[derive(Clone, Copy, Debug)]
pub struct Started {
    pub signals: bool,
    pub woken: bool,
    /// See [`StateWord::suspend_at_rest`].
    pub suspended: bool,
}

impl StateWord {
    /// A process that is owned by its creator.
    pub(crate) fn new(priority: Priority) -> StateWord {
        StateWord(AtomicU32::new(RUNNING | (priority as u32) << PRIORITY_SHIFT))
    }

    /// Changes the word by `exchange`, a kind of `cmpxchg`; gives the old one.
    fn update(
        &self,
        exchange: impl Fn(&AtomicU32, u32, u32) -> u32,
        change: impl Fn(u32) -> u32,
    ) -> u32 {
        let mut old = self.0.read();
        loop {
            let now = exchange(&self.0, change(old), old);
            if now == old {
                return old;
            }
            old = now;
        }
    }

    fn set_and_queue(&self, bits: u32) -> bool {
        let idle = |state: u32| state & (RUNNING | IN_RUN_QUEUE) == 0;
        let change =
            |state: u32| if idle(state) { state | bits | IN_RUN_QUEUE } else { state | bits };
        idle(self.update(AtomicU32::cmpxchg_relb, change))
    }

    /// A signal was appended. `true`: the caller puts the process into a run queue.
    ///
    /// Where SIGNALS is set there is nothing to do: whoever takes it away looks at the in-queue
    /// afterwards. That holds because a push and a taking of the in-queue are full barriers, so one
    /// of the two sees what the other has done.
    #[must_use]
    pub fn signal(&self) -> bool {
        self.0.read() & SIGNALS == 0 && self.set_and_queue(SIGNALS)
    }

    /// The process is to run again. `true`: the caller puts it into a run queue.
    #[must_use]
    pub fn wake(&self) -> bool {
        self.set_and_queue(WOKEN)
    }

    /// A scheduler has taken the process from a run queue and becomes its owner.
    pub fn start_running(&self) -> Started {
        let change = |state: u32| (state | RUNNING) & !(IN_RUN_QUEUE | SIGNALS | WOKEN);
        let old = self.update(AtomicU32::cmpxchg_acqb, change);
        debug_assert!(old & IN_RUN_QUEUE != 0 && old & RUNNING == 0);
        Started {
            signals: old & SIGNALS != 0,
            woken: old & WOKEN != 0,
            suspended: old >> SUSPENDED_SHIFT > 0,
        }
    }

    /// The owner is about to take the in-queue. `false`: there is nothing in it.
    pub fn begin_fetch(&self) -> bool {
        self.0.read() & SIGNALS != 0 && self.0.read_band_acqb(!SIGNALS) & SIGNALS != 0
    }

    /// The owner gives the process up. `true`: it puts it into a run queue, because it can run
    /// on (`runnable`), or something came in meanwhile.
    #[must_use]
    pub fn stop_running(&self, runnable: bool) -> bool {
        let queue = |state: u32| runnable || state & (SIGNALS | WOKEN) != 0;
        let change = |state: u32| {
            let stopped = state & !RUNNING;
            if queue(state) { stopped | IN_RUN_QUEUE } else { stopped }
        };
        queue(self.update(AtomicU32::cmpxchg_relb, change))
    }

    /// Takes the ownership of a process that neither runs nor waits in a run queue, to give it up
    /// with [`StateWord::stop_running`]. `stopped`: run queues do not count, for nobody takes
    /// from them any more.
    pub(crate) fn try_own(&self, stopped: bool) -> bool {
        let busy = if stopped { RUNNING } else { RUNNING | IN_RUN_QUEUE } | EXITING;
        let old = self.0.read();
        old & busy == 0 && self.0.cmpxchg_acqb(old | RUNNING, old) == old
    }

    /// Suspends a process that nobody runs and that has no signals to handle before: its next turns are
    /// none, until [`StateWord::resume`]. `false`: it must be told by a signal.
    ///
    /// So who suspends, does something and resumes keeps the process from none of its turns otherwise; by
    /// signals, which take turns of both to be seen, several together could keep it for ever.
    pub fn suspend_at_rest(&self) -> bool {
        let mut old = self.0.read();
        while old & (RUNNING | SIGNALS | EXITING) == 0 && old >> SUSPENDED_SHIFT < 0xFFFF {
            let now = self.0.cmpxchg_mb(old + SUSPENDED_ONCE, old);
            if now == old {
                return true;
            }
            old = now;
        }
        false
    }

    /// Takes one [`StateWord::suspend_at_rest`] back. `true`: the caller puts the process into a run queue.
    #[must_use]
    pub fn resume(&self) -> bool {
        let idle = |state: u32| state & (RUNNING | IN_RUN_QUEUE | EXITING) == 0;
        let last = |state: u32| state >> SUSPENDED_SHIFT == 1;
        let change = |state: u32| {
            let left = state - SUSPENDED_ONCE;
            match last(state) {
                false => left,
                true if idle(state) => left | IN_RUN_QUEUE,
                // The turn that it is in may be none: another one must follow.
                true => left | SIGNALS,
            }
        };
        let old = self.update(AtomicU32::cmpxchg_relb, change);
        last(old) && idle(old)
    }

    /// Whether it is suspended that way.
    pub fn is_suspended(&self) -> bool {
        self.0.read_acqb() >> SUSPENDED_SHIFT > 0
    }

    /// The process ends; its owner keeps it for good.
    pub fn start_exiting(&self) {
        self.0.read_bor_relb(EXITING);
    }

    /// The owner hands the process to a dirty scheduler, or takes it back.
    pub(crate) fn set_dirty(&self, dirty: bool) {
        match dirty {
            true => self.0.read_bor_relb(DIRTY),
            false => self.0.read_band_acqb(!DIRTY),
        };
    }
    pub fn is_dirty(&self) -> bool {
        self.0.read_acqb() & DIRTY != 0
    }
    pub fn is_exiting(&self) -> bool {
        self.0.read_acqb() & EXITING != 0
    }
    /// Whether nothing is to be done about signals that were in its in-queue and are not now.
    pub fn has_handled(&self) -> bool {
        self.0.read_acqb() & (RUNNING | SIGNALS) == 0
    }
    pub fn is_running(&self) -> bool {
        self.0.read_acqb() & RUNNING != 0
    }
    pub fn is_in_run_queue(&self) -> bool {
        self.0.read_acqb() & IN_RUN_QUEUE != 0
    }
    pub fn has_signals(&self) -> bool {
        self.0.read_acqb() & SIGNALS != 0
    }
    pub fn priority(&self) -> Priority {
        Priority::from_bits(self.0.read() >> PRIORITY_SHIFT)
    }
    pub fn set_priority(&self, priority: Priority) {
        let bits = (priority as u32) << PRIORITY_SHIFT;
        self.update(AtomicU32::cmpxchg, |state| state & !(3 << PRIORITY_SHIFT) | bits);
    }
}

#[cfg(all(test, oxbeam_model))]
mod model {
    use super::*;
    use crate::signal::Control;
    use crate::signal::in_queue::{InQueue, Signal};
    use loom::sync::{Arc, Mutex};
    use loom::thread;

    struct Shared {
        state: StateWord,
        queue: InQueue,
        /// Numbers of the signals that were taken.
        taken: Mutex<Vec<u64>>,
    }

    type Push = fn(&InQueue, Signal) -> Result<(), Signal>;

    fn turns(shared: &Shared) {
        while {
            let started = shared.state.start_running();
            let mut taken = shared.taken.try_lock().expect("turns do not overlap");
            if started.signals {
                taken.extend(shared.queue.take().map(number));
            }
            drop(taken);
            shared.state.stop_running(false)
        } {}
    }

    fn number(signal: Signal) -> u64 {
        match signal {
            Signal::Control(node) => match node.control {
                Control::Timeout { number } => number,
                _ => panic!("none was sent"),
            },
            Signal::Message(_) => panic!("none was sent"),
        }
    }

    /// Whether, in all executions, each signal of the senders is taken once, in the order of its
    /// sender, and no two turns overlap. `push` is how they push.
    fn all_are_taken(senders: &'static [&'static [u64]], push: Push) -> bool {
        let missed = std::sync::Arc::new(std::sync::Mutex::new(false));
        let misses = missed.clone();
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(2);
        model.check(move || {
            let state = StateWord::new(Priority::Normal);
            let (queue, taken) = (InQueue::default(), Mutex::new(vec![]));
            let shared = Arc::new(Shared { state, queue, taken });
            let threads: Vec<_> = senders
                .iter()
                .map(|numbers| {
                    let shared = shared.clone();
                    thread::spawn(move || {
                        for &number in *numbers {
                            let signal = Signal::control(Control::Timeout { number });
                            assert!(push(&shared.queue, signal).is_ok());
                            if shared.state.signal() {
                                turns(&shared);
                            }
                        }
                    })
                })
                .collect();
            // The first turn, which began before: its receive looks into the queue at its end.
            let mut taken = shared.taken.try_lock().expect("turns do not overlap");
            while shared.state.begin_fetch() {
                taken.extend(shared.queue.take().map(number));
            }
            drop(taken);
            if shared.state.stop_running(false) {
                turns(&shared);
            }
            threads.into_iter().for_each(|thread| thread.join().expect("it sends"));
            let taken = shared.taken.lock().expect("no panic");
            for numbers in senders {
                let of_sender: Vec<u64> =
                    taken.iter().copied().filter(|number| numbers.contains(number)).collect();
                if of_sender != *numbers {
                    *misses.lock().expect("no panic") = true;
                }
            }
        });
        !*missed.lock().expect("no panic")
    }

    #[test]
    fn no_signal_is_overlooked() {
        assert!(all_are_taken(&[&[1], &[2]], InQueue::push));
        assert!(all_are_taken(&[&[1, 2]], InQueue::push));
        // The model is able to find it.
        assert!(!all_are_taken(&[&[1, 2]], InQueue::push_without_barrier));
    }

    /// One that is to run is suspended and resumed by another thread: it does not run while it is
    /// suspended, and runs in the end.
    #[test]
    fn one_that_was_suspended_runs_on() {
        loom::model(|| {
            let shared = Arc::new((StateWord::new(Priority::Normal), Mutex::new((false, false))));
            let turn = |shared: &(StateWord, Mutex<(bool, bool)>)| {
                while {
                    let suspended = shared.0.start_running().suspended;
                    if !suspended {
                        let mut known = shared.1.lock().expect("no panic");
                        assert!(!known.0, "it runs though it is suspended");
                        known.1 = true;
                    }
                    shared.0.stop_running(false)
                } {}
            };
            assert!(shared.0.stop_running(true));
            let other = shared.clone();
            let suspender = thread::spawn(move || {
                if other.0.suspend_at_rest() {
                    other.1.lock().expect("no panic").0 = true;
                    other.1.lock().expect("no panic").0 = false;
                    if other.0.resume() {
                        turn(&other);
                    }
                }
            });
            turn(&shared);
            suspender.join().expect("it suspends");
            assert!(shared.1.lock().expect("no panic").1);
        });
    }
}

#[cfg(all(test, not(oxbeam_model)))]
mod tests {
    use super::*;

    #[test]
    fn a_signal_to_a_running_process_requeues_it_when_it_stops() {
        let state = StateWord::new(Priority::High);
        assert!(!state.stop_running(false));
        assert!(state.signal());
        assert!(!state.signal());
        let started = state.start_running();
        assert!(started.signals && !started.woken);
        assert!(!state.signal());
        assert!(state.stop_running(false));
        assert_eq!(state.priority(), Priority::High);
    }

    #[test]
    fn a_fetch_takes_the_signal_mark_away() {
        let state = StateWord::new(Priority::Normal);
        assert!(!state.signal());
        assert!(state.begin_fetch());
        assert!(!state.begin_fetch());
        assert!(!state.stop_running(false));
    }
}
