//! Mutex, read/write lock and condition, with a rank each.
//!
//! The locks themselves are parking_lot's (loom's in the model). Each type names its [`Rank`];
//! while a thread holds a lock, it may wait only for locks of a higher rank. A debug build keeps
//! the ranks that each thread holds and panics at the first step out of order, whichever threads
//! run; in other builds a rank costs nothing. `try_lock` waits for nothing and may be out of
//! order; what is taken after it may not.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

#[cfg(oxbeam_model)]
use loom::sync as native;
#[cfg(not(oxbeam_model))]
use parking_lot as native;

/// The place of a kind of lock in the order.
pub trait Rank: 'static {
    const LEVEL: u16;
    const NAME: &'static str;
    /// Whether several of this rank may be held at once, taken in an order of their own that
    /// the module that uses them states.
    const NESTS: bool = false;
}

/// Declares the lock order of a crate: kinds of locks with their levels, in ascending order; with
/// `several` behind the level if several of a kind may be held at once.
#[macro_export]
macro_rules! lock_order {
    (@nests) => { false };
    (@nests several) => { true };
    ($($(#[$doc:meta])* $Name:ident = $level:literal $($several:ident)?;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub enum $Name {}
            impl $crate::lock::Rank for $Name {
                const LEVEL: u16 = $level;
                const NAME: &'static str = stringify!($Name);
                const NESTS: bool = $crate::lock_order!(@nests $($several)?);
            }
        )*
        const _: () = {
            let levels: &[u16] = &[$($level),*];
            let mut at = 1;
            while at < levels.len() {
                assert!(levels[at - 1] < levels[at], "lock levels ascend");
                at += 1;
            }
        };
    };
}

/// That a rank is held; taken off when dropped.
struct Held<R: Rank>(PhantomData<R>);

#[cfg(debug_assertions)]
mod order {
    use super::{Held, PhantomData, Rank};
    use std::cell::RefCell;

    thread_local! {
        static HELD: RefCell<Vec<(u16, &'static str)>> = const { RefCell::new(vec![]) };
    }

    impl<R: Rank> Held<R> {
        /// Before waiting for a lock.
        pub fn check() {
            let highest = HELD.with_borrow(|held| held.iter().copied().max());
            if let Some((level, name)) = highest {
                let fits = level < R::LEVEL || level == R::LEVEL && R::NESTS;
                assert!(fits, "lock order: {} is taken while {name} is held", R::NAME);
            }
        }
        pub fn note() -> Held<R> {
            HELD.with_borrow_mut(|held| held.push((R::LEVEL, R::NAME)));
            Held(PhantomData)
        }
    }

    impl<R: Rank> Drop for Held<R> {
        fn drop(&mut self) {
            HELD.with_borrow_mut(|held| {
                let at =
                    held.iter().rposition(|&(level, name)| (level, name) == (R::LEVEL, R::NAME));
                held.remove(at.expect("a lock that is given back was taken"));
            });
        }
    }
}

#[cfg(not(debug_assertions))]
impl<R: Rank> Held<R> {
    #[inline(always)]
    fn check() {}
    #[inline(always)]
    fn note() -> Held<R> {
        Held(PhantomData)
    }
}

/// A value that one thread at a time reaches.
pub struct Mutex<T, R: Rank>(native::Mutex<T>, PhantomData<fn() -> R>);

/// The right to the value of a [`Mutex`].
pub struct MutexGuard<'a, T, R: Rank> {
    guard: native::MutexGuard<'a, T>,
    _held: Held<R>,
}

impl<T, R: Rank> Mutex<T, R> {
    crate::const_fn! {
        pub fn new(value: T) -> Mutex<T, R> {
            Mutex(native::Mutex::new(value), PhantomData)
        }
    }

    /// Takes the lock, waiting for it.
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T, R> {
        Held::<R>::check();
        MutexGuard { guard: unpoisoned(self.0.lock()), _held: Held::note() }
    }

    /// Takes the lock if it is free.
    #[inline]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T, R>> {
        let guard = unpoisoned_option(self.0.try_lock())?;
        Some(MutexGuard { guard, _held: Held::note() })
    }
}

impl<T: Default, R: Rank> Default for Mutex<T, R> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}
impl<T, R: Rank> fmt::Debug for Mutex<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mutex({})", R::NAME)
    }
}
impl<T, R: Rank> Deref for MutexGuard<'_, T, R> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.guard
    }
}
impl<T, R: Rank> DerefMut for MutexGuard<'_, T, R> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

/// A value that many threads read or one writes.
pub struct RwLock<T, R: Rank>(native::RwLock<T>, PhantomData<fn() -> R>);

/// The right to read the value of a [`RwLock`].
pub struct ReadGuard<'a, T, R: Rank> {
    guard: native::RwLockReadGuard<'a, T>,
    _held: Held<R>,
}

/// The right to write the value of a [`RwLock`].
pub struct WriteGuard<'a, T, R: Rank> {
    guard: native::RwLockWriteGuard<'a, T>,
    _held: Held<R>,
}

impl<T, R: Rank> RwLock<T, R> {
    crate::const_fn! {
        pub fn new(value: T) -> RwLock<T, R> {
            RwLock(native::RwLock::new(value), PhantomData)
        }
    }

    /// Takes the lock for reading. Reading twice on one thread is out of order: a writer that
    /// waits in between would stop both.
    #[inline]
    pub fn read(&self) -> ReadGuard<'_, T, R> {
        Held::<R>::check();
        ReadGuard { guard: unpoisoned(self.0.read()), _held: Held::note() }
    }
    #[inline]
    pub fn write(&self) -> WriteGuard<'_, T, R> {
        Held::<R>::check();
        WriteGuard { guard: unpoisoned(self.0.write()), _held: Held::note() }
    }
    /// Takes the lock for writing if nobody has it.
    #[inline]
    pub fn try_write(&self) -> Option<WriteGuard<'_, T, R>> {
        let guard = unpoisoned_option(self.0.try_write())?;
        Some(WriteGuard { guard, _held: Held::note() })
    }
}

impl<T: Default, R: Rank> Default for RwLock<T, R> {
    fn default() -> Self {
        RwLock::new(T::default())
    }
}
impl<T, R: Rank> Deref for ReadGuard<'_, T, R> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.guard
    }
}
impl<T, R: Rank> Deref for WriteGuard<'_, T, R> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.guard
    }
}
impl<T, R: Rank> DerefMut for WriteGuard<'_, T, R> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

/// What threads wait for that hold a [`Mutex`].
#[derive(Debug)]
pub struct Condition(native::Condvar);

impl Default for Condition {
    fn default() -> Condition {
        Condition::new()
    }
}

impl Condition {
    crate::const_fn! {
        pub fn new() -> Condition {
            Condition(native::Condvar::new())
        }
    }

    /// Gives the lock up, sleeps until notified, and takes the lock again. It may also wake for
    /// no reason: the caller looks again.
    #[cfg(not(oxbeam_model))]
    pub fn wait<'a, T, R: Rank>(&self, mut guard: MutexGuard<'a, T, R>) -> MutexGuard<'a, T, R> {
        self.0.wait(&mut guard.guard);
        guard
    }
    #[cfg(oxbeam_model)]
    pub fn wait<'a, T, R: Rank>(&self, guard: MutexGuard<'a, T, R>) -> MutexGuard<'a, T, R> {
        let MutexGuard { guard, _held } = guard;
        MutexGuard { guard: unpoisoned(self.0.wait(guard)), _held }
    }
    pub fn notify_one(&self) {
        self.0.notify_one();
    }
    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}

#[cfg(not(oxbeam_model))]
#[inline(always)]
fn unpoisoned<T>(guard: T) -> T {
    guard
}
#[cfg(not(oxbeam_model))]
#[inline(always)]
fn unpoisoned_option<T>(guard: Option<T>) -> Option<T> {
    guard
}
#[cfg(oxbeam_model)]
fn unpoisoned<T>(guard: std::sync::LockResult<T>) -> T {
    guard.unwrap_or_else(|poisoned| poisoned.into_inner())
}
#[cfg(oxbeam_model)]
fn unpoisoned_option<T>(guard: std::sync::TryLockResult<T>) -> Option<T> {
    guard.ok()
}

#[cfg(all(test, not(oxbeam_model)))]
mod tests {
    use super::*;

    crate::lock_order! {
        /// Taken first.
        Outer = 10;
        /// Taken while the outer one is held.
        Inner = 20;
        /// Of these several at once.
        Part = 30 several;
    }

    #[test]
    fn several_of_a_kind_are_held() {
        let parts = [RwLock::<i32, Part>::new(1), RwLock::new(2)];
        let guards: Vec<_> = parts.iter().map(|part| part.write()).collect();
        assert!(parts[1].try_write().is_none());
        drop(guards);
        *parts[1].try_write().expect("it is free") = 5;
        assert_eq!(*parts[1].read(), 5);
    }

    #[test]
    fn ascending_locks_are_taken_and_values_kept() {
        let (outer, inner) = (Mutex::<i32, Outer>::new(1), RwLock::<i32, Inner>::new(2));
        let held = outer.lock();
        *inner.write() += *held;
        assert_eq!(*inner.read(), 3);
        assert!(outer.try_lock().is_none());
        drop(held);
        *outer.try_lock().expect("it is free") = 5;
        assert_eq!(*outer.lock(), 5);
    }

    #[cfg(debug_assertions)]
    #[test]
    #[should_panic(expected = "lock order: Outer is taken while Inner is held")]
    fn a_descending_lock_panics() {
        let (outer, inner) = (Mutex::<(), Outer>::default(), RwLock::<(), Inner>::default());
        let _held = inner.read();
        drop(outer.lock());
    }

    #[cfg(debug_assertions)]
    #[test]
    #[should_panic(expected = "lock order")]
    fn reading_twice_panics() {
        let lock = RwLock::<(), Inner>::default();
        let _held = lock.read();
        drop(lock.read());
    }

    #[test]
    fn a_condition_hands_a_value_over() {
        let (value, condition) = (Mutex::<u32, Outer>::new(0), Condition::default());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                *value.lock() = 7;
                condition.notify_all();
            });
            let mut guard = value.lock();
            while *guard == 0 {
                guard = condition.wait(guard);
            }
            assert_eq!(*guard, 7);
        });
    }
}
