//! A spin lock, for a handful of instructions that nothing can interrupt for long.

use crate::atomic::AtomicU32;
use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};

/// Turns of waiting before the thread offers its processor to others: whoever holds the lock
/// may have lost its own.
const TURNS: u32 = 100;

/// A value behind a spin lock.
///
/// 1. The value belongs to the thread that moved `held` from 0 to 1, until it sets 0 again.
#[derive(Debug, Default)]
pub struct SpinLock<T> {
    held: AtomicU32,
    value: UnsafeCell<T>,
}

// SAFETY: rule 1 gives the value to one thread at a time.
unsafe impl<T: Send> Sync for SpinLock<T> {}

/// The right to the value; gives the lock back when it is dropped.
pub struct SpinGuard<'a, T>(&'a SpinLock<T>);

impl<T> SpinLock<T> {
    crate::const_fn! {
        pub fn new(value: T) -> SpinLock<T> {
            SpinLock { held: AtomicU32::new(0), value: UnsafeCell::new(value) }
        }
    }

    /// Takes the lock, waiting for it.
    pub fn lock(&self) -> SpinGuard<'_, T> {
        let mut turns = 0;
        loop {
            if let Some(guard) = self.try_lock() {
                return guard;
            }
            // Looking does not take the cache line from its holder.
            while self.held.read() != 0 {
                turns += 1;
                pause(turns);
            }
        }
    }

    /// Takes the lock if it is free.
    pub fn try_lock(&self) -> Option<SpinGuard<'_, T>> {
        // A guard that is made is one that gives the lock back: none before the lock is ours.
        if self.held.cmpxchg_acqb(1, 0) == 0 { Some(SpinGuard(self)) } else { None }
    }
}

#[cfg(not(oxbeam_model))]
fn pause(turns: u32) {
    if turns.is_multiple_of(TURNS) {
        std::thread::yield_now();
    } else {
        std::hint::spin_loop();
    }
}
#[cfg(oxbeam_model)]
fn pause(turns: u32) {
    debug_assert!(turns < TURNS, "the model finds no way on");
    loom::thread::yield_now();
}

impl<T> Drop for SpinGuard<'_, T> {
    fn drop(&mut self) {
        self.0.held.set_relb(0);
    }
}
impl<T> Deref for SpinGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: rule 1.
        unsafe { &*self.0.value.get() }
    }
}
impl<T> DerefMut for SpinGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: rule 1.
        unsafe { &mut *self.0.value.get() }
    }
}

#[cfg(all(test, not(oxbeam_model)))]
mod tests {
    use super::*;

    #[test]
    fn no_addition_is_lost() {
        let sum = SpinLock::new(0u64);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| *sum.lock() += 1));
            }
        });
        assert_eq!(*sum.lock(), 40_000);
        let held = sum.lock();
        assert!(sum.try_lock().is_none());
        drop(held);
    }
}
