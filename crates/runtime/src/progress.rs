//! Thread progress: "every managed thread has passed a full barrier, and holds nothing that it
//! had looked up before".
//!
//! 1. A thread that [`join`]s is *managed*. Between two pieces of work (two turns of processes)
//!    it passes a *quiescent point*: it holds no pointer that it got by a lock-free look-up.
//! 2. There is one epoch. At a quiescent point a managed thread announces the epoch that it sees,
//!    with a full barrier when that has changed. A thread that sleeps announces that it waits; it
//!    holds nothing then, and executes a full barrier when it goes on.
//! 3. Any other thread is *unmanaged*: it holds a counted delay, a [`ProgressGuard`], for as long
//!    as it uses what it looked up. On a managed thread a guard costs nothing; it may not be held
//!    over a quiescent point, nor may a thread sleep while it holds one.
//! 4. The epoch goes from E to E + 1 when every managed thread has announced E or waits, and no
//!    guard is left that was taken under E - 1.
//! 5. What was registered under E runs once the epoch is E + 2: each managed thread has announced
//!    E + 1, which it saw after the registration, and each guard of E or earlier is gone.
//! 6. Whoever registers has made its change before (taken the pointer out, written the staging
//!    index). Who moves the epoch on takes the lock that the registration was made under, and
//!    announces E + 1 with a full barrier before it asks whether all others have. So after
//!    thread progress no thread uses what was taken out, and each sees what was written without a
//!    barrier of its own.
//! 7. What was registered runs on a managed thread at a quiescent point, in the order of
//!    registration; it must not wait. (Without any managed thread, as in tests, it runs in
//!    [`later`] itself.)
//! 8. What a process waits for ([`suspend`]) is registered at the quiescent point that ends its turn.
//!    So the scheduler passes another one before it is due, and gives a turn to who is next in its
//!    queue: a process that was spawned before has begun by then, as on stock.

use crate::native::Cx;
use crate::process::Process;
use crate::signal::{Control, in_queue::Signal};
use crate::{dirty, longest};
use epochs::Epochs;
use parking_lot::{Mutex, MutexGuard};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

mod epochs;

/// Epochs between a registration and its run (rule 5).
const EPOCHS_TO_WAIT: u64 = 2;
/// Retired values that a thread keeps to itself before it asks for progress.
const BATCH: usize = 32;

type Action = Box<dyn FnOnce() + Send>;

oxbeam_ethread::shared! {
    static EPOCHS: Epochs = Epochs::new();
}
/// `(epoch of the registration, action)`, in order.
static ACTIONS: Mutex<VecDeque<(u64, Action)>> = Mutex::new(VecDeque::new());
/// Wakes a managed thread that waits, so that it looks for progress.
static KICK: OnceLock<fn()> = OnceLock::new();

const UNMANAGED: usize = usize::MAX;

thread_local! {
    static INDEX: Cell<usize> = const { Cell::new(UNMANAGED) };
    /// Guards that this managed thread holds (looked at in debug builds only).
    static GUARDS: Cell<u32> = const { Cell::new(0) };
    /// What is registered at the next quiescent point (rule 8), and whether there is any.
    static AT_TURNS_END: RefCell<Vec<Action>> = const { RefCell::new(vec![]) };
    static ANY_AT_TURNS_END: Cell<bool> = const { Cell::new(false) };
    static RETIRED: RefCell<Vec<Arc<dyn Any + Send + Sync>>> = const { RefCell::new(vec![]) };
}

/// Says how a waiting managed thread is woken; for boot, once.
pub fn install_kick(kick: fn()) {
    KICK.set(kick).ok();
}

fn kick() {
    if EPOCHS.any_pending()
        && let Some(kick) = KICK.get()
    {
        kick();
    }
}

/// A managed thread's own end of the protocol.
pub struct Managed {
    index: usize,
    _of_this_thread: PhantomData<*const ()>,
}

/// Makes the calling thread managed, for good.
///
/// Panics when there are too many managed threads.
pub fn join() -> Managed {
    let index = EPOCHS.join();
    INDEX.set(index);
    oxbeam_heap::copy::share_literals(true);
    let this = Managed { index, _of_this_thread: PhantomData };
    this.go_on();
    this
}

/// Whether the calling thread is managed.
pub fn is_managed() -> bool {
    INDEX.get() != UNMANAGED
}

impl Managed {
    /// Passes a quiescent point (rule 2), and runs what is due.
    #[inline]
    pub fn quiescent(&self) {
        debug_assert!(GUARDS.get() == 0, "no guard over a quiescent point");
        EPOCHS.pass(self.index);
        if ANY_AT_TURNS_END.replace(false) {
            AT_TURNS_END.take().into_iter().for_each(register);
        }
        if EPOCHS.any_pending()
            && let Some(actions) = ACTIONS.try_lock()
        {
            self.advance(actions);
        }
    }

    /// The thread is about to sleep. `false`: there was, or is, something to run first; look for
    /// work again. After `true` it must call [`Managed::go_on`] when it is awake.
    pub fn wait(&self) -> bool {
        flush_retired();
        loop {
            let before = EPOCHS.pending();
            self.quiescent_patiently();
            if before != 0 && EPOCHS.pending() < before {
                return false;
            }
            EPOCHS.wait(self.index);
            // Two that go to sleep at once: one sees that the other waits (rule 4).
            if !EPOCHS.any_pending() || !EPOCHS.can_advance() {
                return true;
            }
            self.go_on();
        }
    }

    /// The thread was waiting and goes on.
    pub fn go_on(&self) {
        EPOCHS.go_on(self.index);
    }

    fn quiescent_patiently(&self) {
        debug_assert!(GUARDS.get() == 0, "no guard over a quiescent point");
        EPOCHS.pass(self.index);
        if EPOCHS.any_pending() {
            self.advance(ACTIONS.lock());
        }
    }

    /// Moves the epoch on, by one at most, so that whoever waits for this thread gets a turn
    /// before what was registered runs; then runs what is due.
    fn advance(&self, mut actions: MutexGuard<'_, VecDeque<(u64, Action)>>) {
        EPOCHS.pass(self.index);
        if !actions.is_empty() && EPOCHS.can_advance() {
            EPOCHS.advance();
        }
        let epoch = EPOCHS.now();
        let count = actions.partition_point(|action| action.0 + EPOCHS_TO_WAIT <= epoch);
        let due: Vec<_> = actions.drain(..count).collect();
        drop(actions);
        for (_, action) in due {
            let begun = longest::begin();
            action();
            begun.end(longest::Work::AfterProgress, || None);
            EPOCHS.ran();
        }
    }
}

/// Runs `action` after thread progress (rules 5 to 7).
pub fn later(action: impl FnOnce() + Send + 'static) {
    if EPOCHS.managed() == 0 {
        return action();
    }
    register(Box::new(action));
    if !is_managed() {
        kick();
    }
}

fn register(action: Action) {
    EPOCHS.register();
    // The epoch moves on under the lock only.
    let mut actions = ACTIONS.lock();
    actions.push_back((EPOCHS.now(), action));
}

/// Drops a value after thread progress, though not at once: a thread collects some first.
pub fn retire(value: Arc<dyn Any + Send + Sync>) {
    if !is_managed() {
        return later(move || drop(value));
    }
    let full = RETIRED.with_borrow_mut(|retired| {
        retired.push(value);
        retired.len() >= BATCH
    });
    if full {
        flush_retired();
    }
}

fn flush_retired() {
    let batch = RETIRED.take();
    if !batch.is_empty() {
        later(move || drop(batch));
    }
}

/// Suspends the calling process, runs `action` after thread progress, and resumes the process
/// then. The native that calls this ends the turn.
pub fn suspend(cx: &mut Cx<'_>, action: impl FnOnce() + Send + 'static) {
    suspend_twice(cx, || {
        action();
        None::<fn()>
    });
}

/// As [`suspend`]; if `action` gives another one, that runs after thread progress again, and the
/// process is resumed then.
pub fn suspend_twice<Next: FnOnce() + Send + 'static>(
    cx: &mut Cx<'_>,
    action: impl FnOnce() -> Option<Next> + Send + 'static,
) {
    let waiters = Waiters::default();
    waiters.suspend(cx);
    let action = move || match action() {
        Some(next) => later(move || {
            next();
            waiters.release();
        }),
        None => waiters.release(),
    };
    if is_managed() {
        AT_TURNS_END.with_borrow_mut(|actions| actions.push(Box::new(action)));
        ANY_AT_TURNS_END.set(true);
    } else {
        later(action);
    }
}

/// As [`suspend_twice`], for an action that follows from what `first` does. `is_long`: errands do all of
/// this while the process is suspended, else the caller and whoever sees the progress.
pub fn suspend_after<A, Next>(
    cx: &mut Cx<'_>,
    is_long: bool,
    first: impl FnOnce() -> A + Send + 'static,
) where
    A: FnOnce() -> Option<Next> + Send + 'static,
    Next: FnOnce() + Send + 'static,
{
    if !is_long {
        return suspend_twice(cx, first());
    }
    let waiters = Waiters::default();
    waiters.suspend(cx);
    dirty::run_errand(move || {
        let action = first();
        later_aside(move || match action() {
            Some(next) => later_aside(move || {
                next();
                waiters.release();
            }),
            None => waiters.release(),
        });
    });
}

/// Has an errand done after thread progress.
fn later_aside(work: impl FnOnce() + Send + 'static) {
    later(move || dirty::run_errand(work));
}

/// Processes that are suspended until something has happened.
pub struct Waiters(Mutex<Option<Vec<Arc<Process>>>>);

impl Default for Waiters {
    fn default() -> Waiters {
        Waiters(Mutex::new(Some(vec![])))
    }
}

impl Waiters {
    /// Suspends the calling process, whose native ends the turn then. `false`: it has happened.
    pub fn suspend(&self, cx: &mut Cx<'_>) -> bool {
        let mut waiting = self.0.lock();
        let Some(waiting) = &mut *waiting else { return false };
        cx.own.suspend_count += 1;
        waiting.push(cx.process.clone());
        true
    }
    /// Blocks the calling thread until it has happened: for one that is no scheduler.
    pub fn block(&self) {
        while self.0.lock().is_some() {
            std::thread::sleep(std::time::Duration::from_micros(100));
        }
    }
    /// It has happened: resumes those that wait. From now on nobody does.
    pub fn release(&self) {
        for process in self.0.lock().take().into_iter().flatten() {
            crate::signal::deliver(&process, Signal::control(Control::Resume)).ok();
        }
    }
}

/// The right to use what a lock-free look-up has found, as long as it lives (rule 3).
pub struct ProgressGuard {
    /// Parity of the epoch; `None` on a managed thread.
    delayed: Option<usize>,
    _of_this_thread: PhantomData<*const ()>,
}

impl ProgressGuard {
    /// A guard of the calling thread.
    #[inline]
    pub fn enter() -> ProgressGuard {
        let delayed = if is_managed() {
            if cfg!(debug_assertions) {
                GUARDS.set(GUARDS.get() + 1);
            }
            None
        } else {
            Some(EPOCHS.delay())
        };
        ProgressGuard { delayed, _of_this_thread: PhantomData }
    }
}

fn end_delay(parity: usize) {
    EPOCHS.end_delay(parity);
    kick();
}

impl Drop for ProgressGuard {
    #[inline]
    fn drop(&mut self) {
        match self.delayed {
            Some(parity) => end_delay(parity),
            None if cfg!(debug_assertions) => GUARDS.set(GUARDS.get() - 1),
            None => {}
        }
    }
}

#[cfg(all(test, not(oxbeam_model)))]
mod tests {
    use super::*;
    use oxbeam_ethread::{AtomicPointer, AtomicU32, AtomicU64, AtomicUword};

    /// Threads look a pointer up and read through it while another replaces it and gives the old
    /// one back after thread progress: what they read is never poisoned.
    #[test]
    fn nobody_reads_what_was_given_back() {
        static SHARED: AtomicPointer<AtomicU64> = AtomicPointer::null();
        static STOP: AtomicU32 = AtomicU32::new(0);
        static GIVEN_BACK: AtomicUword = AtomicUword::new(0);
        fn new_value() -> *mut AtomicU64 {
            Box::leak(Box::new(AtomicU64::new(1)))
        }
        fn read_some() {
            for _ in 0..50 {
                let _guard = ProgressGuard::enter();
                let value = SHARED.read_acqb();
                for _ in 0..20 {
                    // SAFETY: values are leaked; poisoned ones are caught here.
                    assert_eq!(unsafe { &*value }.read(), 1);
                }
            }
        }
        SHARED.set_relb(new_value());
        let managed = |sleeps: bool| {
            std::thread::spawn(move || {
                let this = join();
                while STOP.read() == 0 {
                    read_some();
                    this.quiescent();
                    if sleeps && this.wait() {
                        std::thread::yield_now();
                        this.go_on();
                    }
                }
                while !this.wait() {}
            })
        };
        let unmanaged = std::thread::spawn(|| {
            while STOP.read() == 0 {
                read_some();
                std::thread::yield_now();
            }
        });
        let threads = [managed(false), managed(true), unmanaged];
        while EPOCHS.managed() < 2 {
            std::thread::yield_now();
        }
        let rounds = 2000;
        for _ in 0..rounds {
            let old = SHARED.xchg_mb(new_value()) as usize;
            later(move || {
                // SAFETY: leaked; nobody reads it any more.
                unsafe { &*(old as *const AtomicU64) }.set(0xDEAD);
                GIVEN_BACK.inc();
            });
            std::thread::yield_now();
        }
        while GIVEN_BACK.read() < rounds {
            std::thread::yield_now();
        }
        STOP.set(1);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(EPOCHS.pending(), 0);
    }
}
