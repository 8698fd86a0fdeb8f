//! An event: one thread sleeps until another says so.
//!
//! 1. `state` is CLEAR, SET or WAITING. Only the thread that waits moves it to WAITING, under
//!    the lock; who sets the event and finds WAITING takes the lock and wakes that thread.
//! 2. A thread that is woken sees all that was written before the event was set.

use crate::atomic::AtomicU32;
use std::time::Duration;

#[cfg(oxbeam_model)]
use loom::sync::{Condvar, Mutex};
#[cfg(not(oxbeam_model))]
use parking_lot::{Condvar, Mutex};

const CLEAR: u32 = 0;
const SET: u32 = 1;
const WAITING: u32 = 2;

/// An event that one thread waits for at a time and anyone sets.
#[derive(Debug)]
pub struct Event {
    state: AtomicU32,
    lock: Mutex<()>,
    condition: Condvar,
}

impl Default for Event {
    fn default() -> Event {
        Event { state: AtomicU32::new(CLEAR), lock: Mutex::new(()), condition: Condvar::new() }
    }
}

impl Event {
    /// Sets the event and wakes who waits for it. Setting it twice is setting it once.
    pub fn set(&self) {
        if self.state.read_acqb() != SET && self.state.xchg_mb(SET) == WAITING {
            // The waiter is asleep, or holds the lock on its way there.
            drop(lock(&self.lock));
            self.condition.notify_one();
        }
    }

    pub fn is_set(&self) -> bool {
        self.state.read_acqb() == SET
    }

    /// Clears the event. What was written before it was set is seen from here on.
    pub fn reset(&self) {
        self.state.xchg_mb(CLEAR);
    }

    /// Sleeps until the event is set, which it stays.
    pub fn wait(&self) {
        let mut guard = lock(&self.lock);
        while self.state.cmpxchg_mb(WAITING, CLEAR) != SET {
            guard = wait(&self.condition, guard);
        }
    }

    /// Sleeps until the event is set or the time is over. `true`: it is set.
    #[cfg(not(oxbeam_model))]
    pub fn wait_for(&self, timeout: Duration) -> bool {
        let until = std::time::Instant::now().checked_add(timeout);
        let mut guard = self.lock.lock();
        while self.state.cmpxchg_mb(WAITING, CLEAR) != SET {
            let over = match until {
                Some(until) => self.condition.wait_until(&mut guard, until).timed_out(),
                None => {
                    self.condition.wait(&mut guard);
                    false
                }
            };
            if over {
                return self.state.cmpxchg_mb(CLEAR, WAITING) == SET;
            }
        }
        true
    }
    /// In the model no time passes.
    #[cfg(oxbeam_model)]
    pub fn wait_for(&self, _timeout: Duration) -> bool {
        self.is_set()
    }
}

#[cfg(not(oxbeam_model))]
fn lock<T>(mutex: &Mutex<T>) -> parking_lot::MutexGuard<'_, T> {
    mutex.lock()
}
#[cfg(not(oxbeam_model))]
fn wait<'a, T>(
    condition: &Condvar,
    mut guard: parking_lot::MutexGuard<'a, T>,
) -> parking_lot::MutexGuard<'a, T> {
    condition.wait(&mut guard);
    guard
}
#[cfg(oxbeam_model)]
fn lock<T>(mutex: &Mutex<T>) -> loom::sync::MutexGuard<'_, T> {
    mutex.lock().expect("no thread of the model panics under it")
}
#[cfg(oxbeam_model)]
fn wait<'a, T>(
    condition: &Condvar,
    guard: loom::sync::MutexGuard<'a, T>,
) -> loom::sync::MutexGuard<'a, T> {
    condition.wait(guard).expect("no thread of the model panics under it")
}

#[cfg(all(test, not(oxbeam_model)))]
mod tests {
    use super::*;

    #[test]
    fn a_set_event_stays_set_until_it_is_reset() {
        let event = Event::default();
        assert!(!event.wait_for(Duration::from_millis(1)));
        event.set();
        event.set();
        assert!(event.wait_for(Duration::from_secs(100)));
        event.wait();
        event.reset();
        assert!(!event.is_set());
    }

    #[test]
    fn two_threads_hand_over_a_thousand_times() {
        let [ping, pong] = [Event::default(), Event::default()];
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..1000 {
                    ping.wait();
                    ping.reset();
                    pong.set();
                }
            });
            for _ in 0..1000 {
                ping.set();
                assert!(pong.wait_for(Duration::from_secs(100)));
                pong.reset();
            }
        });
    }
}
