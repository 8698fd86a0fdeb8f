//! Which schedulers sleep, or are about to.
//!
//! 1. A scheduler marks itself, then looks for work once more, then sleeps. Who makes work looks
//!    at the marks afterwards. Each has a full barrier between its store and its load, so one of
//!    the two sees the other.
//! 2. Whoever takes a mark off owes that scheduler a wake-up.

use oxbeam_ethread::{AtomicU64, Orders, membar};

/// One bit for each scheduler.
#[derive(Default)]
pub(super) struct IdleMask(AtomicU64);

impl IdleMask {
    /// The caller is about to sleep, unless it sees work now (rule 1).
    pub fn mark(&self, index: usize) {
        self.0.read_bor_mb(1 << index);
    }

    /// The caller is awake.
    pub fn clear(&self, index: usize) {
        self.0.read_band_acqb(!(1 << index));
    }

    /// After work was made (rule 1): takes the mark of one scheduler off, that of `preferred` if
    /// there is a choice. The caller wakes it (rule 2).
    pub fn take(&self, preferred: usize) -> Option<usize> {
        membar(Orders::STORE_LOAD);
        let idle = self.0.read();
        if idle == 0 {
            return None;
        }
        let first = idle.trailing_zeros() as usize;
        let index = if idle >> preferred & 1 != 0 { preferred } else { first };
        (self.0.read_band_acqb(!(1 << index)) >> index & 1 != 0).then_some(index)
    }

    /// The schedulers that are marked now.
    pub fn marked(&self) -> impl Iterator<Item = usize> + use<> {
        let mut left = self.0.read();
        std::iter::from_fn(move || {
            let index = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            (index < 64).then_some(index)
        })
    }

    pub fn count(&self) -> usize {
        self.0.read().count_ones() as usize
    }
}

#[cfg(all(test, oxbeam_model))]
mod model {
    use super::*;
    use loom::sync::Arc;
    use loom::thread;
    use oxbeam_ethread::{AtomicUword, Event};
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Whether, in some execution, a scheduler goes to sleep though there is work, and nobody
    /// wakes it.
    fn sleeps_through_work(mark: fn(&IdleMask)) -> bool {
        let slept = std::sync::Arc::new(AtomicBool::new(false));
        let sleeps = slept.clone();
        loom::model(move || {
            let shared = Arc::new((IdleMask::default(), AtomicUword::new(0), Event::default()));
            let maker = shared.clone();
            let thread = thread::spawn(move || {
                maker.1.set(1);
                if maker.0.take(0).is_some() {
                    maker.2.set();
                }
            });
            mark(&shared.0);
            let asleep = shared.1.read() == 0;
            thread.join().expect("it makes work");
            if asleep && !shared.2.is_set() {
                sleeps.store(true, Ordering::SeqCst);
            }
        });
        slept.load(Ordering::SeqCst)
    }

    #[test]
    fn no_work_is_slept_through() {
        assert!(!sleeps_through_work(|idle| idle.mark(0)));
        // The model is able to find it.
        assert!(sleeps_through_work(|idle| _ = idle.0.read_bor_relb(1)));
    }
}

#[cfg(all(test, not(oxbeam_model)))]
mod tests {
    use super::*;

    #[test]
    fn marks_are_taken_once_and_by_preference() {
        let idle = IdleMask::default();
        assert_eq!(idle.take(1), None);
        [0, 1, 5].into_iter().for_each(|index| idle.mark(index));
        assert_eq!(idle.count(), 3);
        assert_eq!(idle.marked().collect::<Vec<_>>(), [0, 1, 5]);
        assert_eq!(idle.take(5), Some(5));
        assert_eq!(idle.take(5), Some(0));
        idle.clear(1);
        assert_eq!(idle.take(1), None);
    }
}
