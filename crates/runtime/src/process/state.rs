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

/// Atomic state of a process; see the process module's rules 3 and 4.
pub struct StateWord(AtomicU32);

/// What a process was set running for.
#[derive(Clone, Copy, Debug)]
pub struct Started {
    pub signals: bool,
    pub woken: bool,
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
    #[must_use]
    pub fn signal(&self) -> bool {
        self.set_and_queue(SIGNALS)
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
        Started { signals: old & SIGNALS != 0, woken: old & WOKEN != 0 }
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
    use loom::sync::{Arc, Mutex};
    use loom::thread;

    /// Two senders and the owner's turns, as senders and schedulers do them: every signal is
    /// taken, and no two turns overlap.
    #[test]
    fn no_signal_is_overlooked() {
        loom::model(|| {
            let shared = Arc::new((StateWord::new(Priority::Normal), Mutex::new(0), Mutex::new(0)));
            let turn = |shared: &(StateWord, Mutex<u32>, Mutex<u32>)| {
                while {
                    let started = shared.0.start_running();
                    let mut taken = shared.2.try_lock().expect("turns do not overlap");
                    if started.signals {
                        *taken += std::mem::take(&mut *shared.1.lock().expect("no panic"));
                    }
                    drop(taken);
                    shared.0.stop_running(false)
                } {}
            };
            assert!(!shared.0.stop_running(false));
            let senders: Vec<_> = (0..2)
                .map(|_| {
                    let shared = shared.clone();
                    thread::spawn(move || {
                        *shared.1.lock().expect("no panic") += 1;
                        if shared.0.signal() {
                            turn(&shared);
                        }
                    })
                })
                .collect();
            senders.into_iter().for_each(|sender| sender.join().expect("it sends"));
            assert_eq!(*shared.2.lock().expect("no panic"), 2);
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
