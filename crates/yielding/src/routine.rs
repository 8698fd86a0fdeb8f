//! The memory of routines, and polling.

use oxbeam_ethread::AtomicUword;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::any::TypeId;
use std::cell::Cell;
use std::pin::Pin;
use std::ptr::{NonNull, null_mut};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

/// Bytes of the block that a thread keeps; a larger routine gets a block of its own.
const BLOCK_BYTES: usize = 2048;
const BLOCK_ALIGN: usize = 16;

oxbeam_ethread::shared! {
    /// Routines that have yielded and have not ended.
    static SUSPENDED: AtomicUword = AtomicUword::new(0);
}

/// How many routines have yielded and neither ended nor been dropped.
pub fn suspended_count() -> usize {
    SUSPENDED.read()
}

/// What is lent to a routine for one poll.
pub struct Loan {
    family: TypeId,
    what: NonNull<()>,
    budget: NonNull<i64>,
}

impl Loan {
    /// A loan of the family `F`.
    ///
    /// # Safety
    /// `what` is what all users of the family `F` take it for. Both pointers are valid, and
    /// nobody else uses what they point at, while the loan is used.
    pub unsafe fn new<F: 'static>(what: NonNull<()>, budget: NonNull<i64>) -> Loan {
        Loan { family: TypeId::of::<F>(), what, budget }
    }

    /// What is left of the budget.
    pub fn left(&self) -> i64 {
        // SAFETY: valid by `new`'s contract; rule 5.
        unsafe { self.budget.read() }
    }

    /// Takes `units` from the budget, which may fall below zero.
    pub fn spend(&self, units: usize) {
        // SAFETY: valid by `new`'s contract; rule 5.
        unsafe { self.budget.write(self.budget.read() - units as i64) }
    }
}

/// Only the waker that a poll is given leads to its loan (rule 3).
static LENT: RawWakerVTable = RawWakerVTable::new(|_| inert(), |_| {}, |_| {}, |_| {});
static INERT: RawWakerVTable = RawWakerVTable::new(|_| inert(), |_| {}, |_| {}, |_| {});

fn inert() -> RawWaker {
    RawWaker::new(std::ptr::null(), &INERT)
}

/// The loan of the poll that `context` belongs to. Panics when a routine is polled by anything
/// but [`Routine::poll`].
pub(crate) fn loan_of<'c>(context: &'c mut Context<'_>) -> &'c Loan {
    let waker = context.waker();
    assert!(std::ptr::eq(waker.vtable(), &LENT), "a routine is polled by its driver");
    // SAFETY: rule 3: a waker of this table exists only during the poll, and points at its loan.
    unsafe { &*waker.data().cast::<Loan>() }
}

/// Gives `use_it` what is lent for this poll. Panics when the loan is of another family.
pub fn with_loan<F: 'static, R>(
    context: &mut Context<'_>,
    use_it: impl FnOnce(NonNull<()>, &Loan) -> R,
) -> R {
    let loan = loan_of(context);
    assert!(loan.family == TypeId::of::<F>(), "a loan of another family");
    use_it(loan.what, loan)
}

type PollFn<T> = unsafe fn(NonNull<u8>, &mut Context<'_>) -> Poll<T>;

/// A routine under way, which gives a `T`. Dropping it drops its state.
pub struct Routine<T> {
    block: Block,
    poll: PollFn<T>,
    /// Drops the state in the block; `None` when it is dropped already.
    drop: Option<unsafe fn(NonNull<u8>)>,
    yielded: bool,
}

// SAFETY: rule 2: `new` takes only state that may move between threads, and the block is ours.
unsafe impl<T> Send for Routine<T> {}

impl<T> Routine<T> {
    /// Builds a routine in place.
    pub fn new<F>(future: F) -> Routine<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let block = Block::take(Layout::new::<F>());
        // SAFETY: the block is large and aligned enough and holds nothing.
        unsafe { block.start.cast::<F>().write(future) };
        Routine { block, poll: poll_in::<F>, drop: Some(drop_in::<F>), yielded: false }
    }

    /// Runs the routine until it ends or yields. To be called no more once it has ended.
    pub fn poll(&mut self, loan: &Loan) -> Poll<T> {
        assert!(self.drop.is_some(), "a routine ends once");
        let raw = RawWaker::new(std::ptr::from_ref(loan).cast(), &LENT);
        // SAFETY: the table's functions do nothing; the waker does not outlive the loan (rule 3).
        let waker = unsafe { Waker::from_raw(raw) };
        let mut context = Context::from_waker(&waker);
        // SAFETY: the block holds the future, which stays where it is (rule 1).
        let polled = unsafe { (self.poll)(self.block.start, &mut context) };
        match polled {
            Poll::Ready(_) => self.drop_state(),
            Poll::Pending if !self.yielded => {
                self.yielded = true;
                SUSPENDED.inc();
            }
            Poll::Pending => {}
        }
        polled
    }

    fn drop_state(&mut self) {
        if let Some(drop) = self.drop.take() {
            // SAFETY: the state is alive, as `drop` said, and is dropped once.
            unsafe { drop(self.block.start) };
            if self.yielded {
                SUSPENDED.dec();
            }
        }
    }
}

impl<T> Drop for Routine<T> {
    fn drop(&mut self) {
        self.drop_state();
    }
}

unsafe fn poll_in<F: Future>(state: NonNull<u8>, context: &mut Context<'_>) -> Poll<F::Output> {
    // SAFETY: the caller's block holds an `F` that never moves again (rule 1).
    unsafe { Pin::new_unchecked(state.cast::<F>().as_mut()).poll(context) }
}

unsafe fn drop_in<F>(state: NonNull<u8>) {
    // SAFETY: the caller's block holds an `F` that nobody uses afterwards.
    unsafe { state.cast::<F>().drop_in_place() }
}

/// Memory for the state of one routine.
struct Block {
    start: NonNull<u8>,
    layout: Layout,
}

/// The block that a thread keeps for its next routine; null: none.
struct Spare(Cell<*mut u8>);

impl Drop for Spare {
    fn drop(&mut self) {
        free_common(self.0.get());
    }
}

thread_local! {
    static SPARE: Spare = const { Spare(Cell::new(std::ptr::null_mut())) };
}

const COMMON: Layout = match Layout::from_size_align(BLOCK_BYTES, BLOCK_ALIGN) {
    Ok(layout) => layout,
    Err(_) => panic!("a valid layout"),
};

/// Frees a block of the common layout, if there is one.
fn free_common(block: *mut u8) {
    if !block.is_null() {
        // SAFETY: only blocks of this layout that nobody uses are kept.
        unsafe { dealloc(block, COMMON) };
    }
}

impl Block {
    /// The thread's spare block, if it is there and suits, else a fresh one.
    fn take(wanted: Layout) -> Block {
        let common = wanted.size() <= BLOCK_BYTES && wanted.align() <= BLOCK_ALIGN;
        if common && let Some(start) = NonNull::new(SPARE.with(|s| s.0.replace(null_mut()))) {
            return Block { start, layout: COMMON };
        }
        let layout = if common { COMMON } else { wanted };
        assert!(layout.size() > 0, "an empty state of odd alignment");
        // SAFETY: the layout has a size.
        let start = NonNull::new(unsafe { alloc(layout) });
        Block { start: start.unwrap_or_else(|| handle_alloc_error(layout)), layout }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let start = self.start.as_ptr();
        if self.layout == COMMON {
            // A thread that ends has no place for it any more.
            let out = SPARE.try_with(|spare| spare.0.replace(start)).unwrap_or(start);
            return free_common(out);
        }
        // SAFETY: allocated with this layout by `take`; nobody uses it.
        unsafe { dealloc(start, self.layout) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charge;
    use std::sync::Arc;

    struct Numbers;

    fn poll<T>(routine: &mut Routine<T>, total: &mut u64, mut budget: i64) -> Poll<T> {
        // SAFETY: the family `Numbers` takes the pointer for one to a `u64`.
        let loan = unsafe {
            Loan::new::<Numbers>(NonNull::from(total).cast(), NonNull::from(&mut budget))
        };
        routine.poll(&loan)
    }

    /// Adds to the number that is lent.
    async fn add(number: u64) {
        std::future::poll_fn(|context| {
            // SAFETY: the family `Numbers` lends a `u64`.
            with_loan::<Numbers, _>(context, |what, _| unsafe {
                *what.cast::<u64>().as_mut() += number
            });
            Poll::Ready(())
        })
        .await;
        charge(1).await;
    }

    async fn count(to: u64, held: Arc<()>) -> u64 {
        for number in 1..=to {
            add(number).await;
        }
        drop(held);
        to
    }

    #[test]
    fn a_routine_gives_the_same_in_one_poll_and_in_many() {
        let held = Arc::new(());
        let (mut total, mut polls) = (0, 0);
        let mut routine = Routine::new(count(10, held.clone()));
        while poll(&mut routine, &mut total, 1).is_pending() {
            polls += 1;
        }
        assert_eq!((total, polls), (55, 10));
        let mut total = 0;
        let mut routine = Routine::new(count(10, held.clone()));
        if !crate::ZEAL {
            assert_eq!(poll(&mut routine, &mut total, 1000), Poll::Ready(10));
            assert_eq!(total, 55);
        }
        drop(routine);
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[test]
    fn a_routine_dropped_at_any_yield_drops_what_it_holds() {
        for stop_at in 0..10 {
            let held = Arc::new(());
            let mut total = 0;
            let mut routine = Routine::new(count(10, held.clone()));
            for _ in 0..stop_at {
                assert!(poll(&mut routine, &mut total, 1).is_pending());
            }
            // On another thread: the state belongs to whoever has it.
            std::thread::spawn(move || drop(routine)).join().unwrap();
            assert_eq!(Arc::strong_count(&held), 1, "dropped at yield {stop_at}");
        }
    }

    #[test]
    fn a_large_state_gets_a_block_of_its_own() {
        async fn large() -> usize {
            let room = [1u8; 3 * BLOCK_BYTES];
            charge(1).await;
            room.iter().map(|&byte| usize::from(byte)).sum()
        }
        let mut routine = Routine::new(large());
        assert!(poll(&mut routine, &mut 0, 1).is_pending());
        assert_eq!(poll(&mut routine, &mut 0, 1), Poll::Ready(3 * BLOCK_BYTES));
    }
}
