//! Whose turn it is while multi-scheduling is blocked (rule 8 of [`super`]).
//!
//! The one scheduler that runs asks between two turns of its own whether the next is one of a pool's
//! threads. It offers one when something waits there; the first thread that takes something out has
//! the turn, and the scheduler sleeps until that gives it back, and then has one itself.

use oxbeam_ethread::AtomicU32;

const OF_SCHEDULER: u32 = 0;
const OFFERED: u32 = 1;
const TAKEN: u32 = 2;
const GIVEN_BACK: u32 = 3;

pub(super) struct Turn(AtomicU32);

impl Turn {
    oxbeam_ethread::const_fn! {
        pub fn new() -> Turn {
            Turn(AtomicU32::new(OF_SCHEDULER))
        }
    }

    /// Multi-scheduling is no longer blocked.
    pub fn end(&self) {
        self.0.set_relb(OF_SCHEDULER);
    }

    /// For the scheduler: whether the next turn is not its own. `waits` says whether there is
    /// anything for a pool; a turn that it offers then is told of by `tell`.
    pub fn is_of_pools(&self, waits: impl Fn() -> bool, tell: impl FnOnce()) -> bool {
        match self.0.read_acqb() {
            OF_SCHEDULER if waits() => {
                self.0.set_relb(OFFERED);
                tell();
                true
            }
            // It was offered when blocking ended, and has begun again.
            OFFERED => waits() || self.0.cmpxchg(OF_SCHEDULER, OFFERED) != OFFERED,
            GIVEN_BACK => {
                self.0.set_relb(OF_SCHEDULER);
                false
            }
            state => state == TAKEN,
        }
    }

    /// For a thread that has something to do: whether it may now.
    pub fn take(&self) -> bool {
        self.0.cmpxchg_acqb(TAKEN, OFFERED) == OFFERED
    }

    /// It is done.
    pub fn give_back(&self) {
        self.0.set_relb(GIVEN_BACK);
    }
}

#[cfg(all(test, not(oxbeam_model)))]
mod tests {
    use super::*;

    #[test]
    fn scheduler_and_pools_take_turns() {
        let turn = Turn::new();
        let asks = |waits: bool| turn.is_of_pools(|| waits, || {});
        assert!(!asks(false) && !turn.take());
        assert!(asks(true) && asks(true) && turn.take() && !turn.take());
        assert!(asks(false), "it is taken");
        turn.give_back();
        assert!(!asks(true) && asks(true), "the scheduler has one in between");
        assert!(!asks(false) && !turn.take(), "what waited is gone");
    }
}
