//! Natives that may take several turns: what they work with, and the driver that runs them.
//!
//! 1. A yielding native is an `async fn` that gets a [`Yielder`] and finds its arguments in the
//!    first root slots. Its state is `Send + 'static`: numbers, owned buffers and slots, never a
//!    term, a borrow of the heap or a lock.
//! 2. It reaches heap and process in steps ([`Yielder::step`]): closures that run between two
//!    yield points. Terms that it needs later lie in its [`Roots`], which the collector knows.
//! 3. It yields only in [`Yielder::charge`] and [`Yielder::slices`], when the process's reductions
//!    are used up, and in [`Yielder::pause`]; in the zeal build at each of these.
//! 4. The engine calls [`begin`], and [`resume`] for each further turn. Between the two the state
//!    lies in [`ProcState::suspended`], and the process stands at the very instruction that called
//!    the native, with the arguments in X: so errors, traces and `process_info` see the call.
//! 5. While a native is suspended its process is not collected (`gc_disabled`): its heap grows by
//!    fragments. All else goes on as for any process that is not running. (The zeal build does
//!    collect, to show that rule 2 holds.)
//! 6. A process that ends drops the state. Dropping takes no lock and touches no heap.

use crate::native::{Class, Cx, Flow, NativeFn, NativeResult, Raise, RunOn};
use oxbeam_ethread::Atomic64;
use oxbeam_heap::Heap;
use oxbeam_term::{Atom, Export, RawTerm, Term};
use oxbeam_yielding::{Loan, Routine, ZEAL, with_loan};
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll};

pub use oxbeam_yielding::suspended_count;

/// A yielding native under way.
pub type NativeRoutine = Routine<Yielded>;
/// Builds the routine of a yielding native.
pub type Begin = fn(Yielder) -> NativeRoutine;
/// What a yielding native gives: the slot of its value, or what it raises.
pub type Yielded = Result<Slot, Failure>;

/// An exception that a yielding native raises.
#[derive(Clone, Copy, Debug)]
pub enum Failure {
    /// An error with an atom as its reason.
    Error(Atom),
    Raise {
        class: Class,
        reason: Slot,
        error_info: Option<Slot>,
    },
    /// It cannot stop any more: this is to do all of it on a dirty CPU scheduler, from the start.
    Dirty(NativeFn),
}

impl Failure {
    pub const BADARG: Failure = Failure::Error(oxbeam_term::am::badarg);
}

/// The place of a root.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Slot(u32);

impl Slot {
    /// The slot of an argument, counted from 0.
    pub const fn arg(index: u32) -> Slot {
        Slot(index)
    }
    /// The slot `count` further on.
    pub const fn plus(self, count: usize) -> Slot {
        Slot(self.0 + count as u32)
    }
}

/// Terms of a native that outlive a yield: numbered slots, and whole stacks of terms.
#[derive(Default)]
struct RootStore {
    slots: Vec<RawTerm>,
    stacks: Vec<Vec<RawTerm>>,
}

/// Roots for more terms than this are not kept for the thread's next native.
const SPARE_SLOTS: usize = 64;

thread_local! {
    static SPARE: Cell<RootStore> = const {
        Cell::new(RootStore { slots: vec![], stacks: vec![] })
    };
}

impl RootStore {
    fn take(args: &[Term<'_>]) -> RootStore {
        let mut store = SPARE.take();
        store.slots.extend(args.iter().map(|arg| arg.raw()));
        store
    }

    fn give_back(mut self) {
        let stacks = std::mem::take(&mut self.stacks);
        let words: usize = stacks.iter().map(Vec::capacity).sum();
        crate::dirty::drop_aside(stacks, words * size_of::<RawTerm>());
        if self.slots.capacity() <= SPARE_SLOTS {
            self.slots.clear();
            SPARE.set(self);
        }
    }
}

/// The roots of a native, as a step sees them.
pub struct Roots<'r, 'h> {
    store: &'r mut RootStore,
    heap: &'h Heap,
}

impl<'h> Roots<'_, 'h> {
    fn brand(&self, raw: RawTerm) -> Term<'h> {
        // SAFETY: only terms of this heap are put in, and a collection sees them.
        unsafe { self.heap.brand(raw) }
    }
    /// The term in a slot.
    pub fn get(&self, slot: Slot) -> Term<'h> {
        self.brand(self.store.slots[slot.0 as usize])
    }
    /// Replaces the term in a slot.
    pub fn set(&mut self, slot: Slot, term: Term<'h>) {
        self.store.slots[slot.0 as usize] = term.raw();
    }
    /// Puts a term into a new slot, behind all others.
    pub fn push(&mut self, term: Term<'h>) -> Slot {
        self.store.slots.push(term.raw());
        Slot(self.store.slots.len() as u32 - 1)
    }
    /// How many slots there are: the number of the next.
    pub fn next_slot(&self) -> Slot {
        Slot(self.store.slots.len() as u32)
    }
    /// The terms in the slots from `first` on.
    pub fn slots_from(&self, first: Slot) -> &[Term<'h>] {
        let slots = &self.store.slots[first.0 as usize..];
        // SAFETY: a term is one word; as in `brand`.
        unsafe { std::slice::from_raw_parts(slots.as_ptr().cast(), slots.len()) }
    }
    /// Forgets the slots from `first` on.
    pub fn truncate(&mut self, first: Slot) {
        self.store.slots.truncate(first.0 as usize);
    }

    /// Takes out a stack of terms (empty, if none was put there), for the length of the step: what
    /// is to outlive it must be put back.
    pub fn take_stack(&mut self, index: usize) -> Vec<Term<'h>> {
        let stack = self.store.stacks.get_mut(index).map(std::mem::take).unwrap_or_default();
        let mut stack = ManuallyDrop::new(stack);
        // SAFETY: a term is one transparent word; all of them are of this heap, as in `brand`.
        unsafe { Vec::from_raw_parts(stack.as_mut_ptr().cast(), stack.len(), stack.capacity()) }
    }
    /// Drops a stack of terms, with its memory.
    pub fn drop_stack(&mut self, index: usize) {
        let stack = self.store.stacks.get_mut(index).map(std::mem::take).unwrap_or_default();
        let bytes = stack.capacity() * size_of::<RawTerm>();
        crate::dirty::drop_aside(stack, bytes);
    }
    /// Puts a stack of terms where [`Roots::take_stack`] finds it.
    pub fn put_stack(&mut self, index: usize, stack: Vec<Term<'h>>) {
        let mut stack = ManuallyDrop::new(stack);
        // SAFETY: a term is one transparent word.
        let raw = unsafe {
            Vec::from_raw_parts(stack.as_mut_ptr().cast(), stack.len(), stack.capacity())
        };
        while self.store.stacks.len() <= index {
            self.store.stacks.push(vec![]);
        }
        self.store.stacks[index] = raw;
    }

    /// Keeps what a flow raises. Only natives that raise or return may yield.
    fn failure(&mut self, flow: Flow<'h>) -> Failure {
        match flow {
            Flow::Raise(raise) => Failure::Raise {
                class: raise.class,
                reason: self.push(raise.reason),
                error_info: raise.error_info.map(|info| self.push(info)),
            },
            _ => unreachable!("a yielding native returns or raises"),
        }
    }
}

/// What one poll lends: the family of loans of this module.
struct Lent {
    cx: NonNull<Cx<'static>>,
    roots: NonNull<RootStore>,
}

fn with_lent<R>(
    context: &mut Context<'_>,
    use_it: impl for<'r, 'h> FnOnce(&mut Cx<'h>, &mut Roots<'r, 'h>, &Loan) -> R,
) -> R {
    with_loan::<Lent, _>(context, |what, loan| {
        // SAFETY: `poll` lends a `Lent` whose parts are its own for the poll; one step at a time
        // uses them. The lifetime of `Cx` is a brand that `use_it` may not choose.
        let (cx, roots) = unsafe {
            let lent = what.cast::<Lent>().as_ref();
            (&mut *lent.cx.as_ptr(), &mut *lent.roots.as_ptr())
        };
        let heap = cx.heap;
        use_it(cx, &mut Roots { store: roots, heap }, loan)
    })
}

/// What a yielding native yields through: proof that it is run by the driver.
#[derive(Clone, Copy)]
pub struct Yielder(());

impl Yielder {
    /// Runs a closure with heap, process and roots.
    pub async fn step<R: Send>(
        self,
        step: impl for<'r, 'h> FnOnce(&mut Cx<'h>, &mut Roots<'r, 'h>) -> R + Send,
    ) -> R {
        let mut step = Some(step);
        std::future::poll_fn(|context| {
            let step = step.take().expect("a step is taken once");
            Poll::Ready(with_lent(context, |cx, roots, _| step(cx, roots)))
        })
        .await
    }

    /// A step that may fail.
    pub async fn attempt<R: Send>(
        self,
        step: impl for<'r, 'h> FnOnce(&mut Cx<'h>, &mut Roots<'r, 'h>) -> Result<R, Flow<'h>> + Send,
    ) -> Result<R, Failure> {
        self.step(|cx, roots| step(cx, roots).map_err(|flow| roots.failure(flow))).await
    }

    /// The last step: its value is the native's.
    pub async fn finish(
        self,
        step: impl for<'r, 'h> FnOnce(&mut Cx<'h>, &mut Roots<'r, 'h>) -> NativeResult<'h> + Send,
    ) -> Yielded {
        self.step(|cx, roots| match step(cx, roots) {
            Ok(term) => Ok(roots.push(term)),
            Err(flow) => Err(roots.failure(flow)),
        })
        .await
    }

    /// Pays reductions; yields when they are used up.
    pub async fn charge(self, reductions: usize) {
        oxbeam_yielding::charge(reductions).await;
    }

    /// Ends the turn.
    pub async fn pause(self) {
        oxbeam_yielding::pause().await;
    }

    /// Calls `work` again and again until it gives a value, and yields between. Each time it gets
    /// the number of units of work that the reductions left pay for, at least one, and takes
    /// from it what it does; it returns `None` when that is used up.
    pub fn slices<R, W>(self, units_per_reduction: usize, work: W) -> Slices<W>
    where
        R: Send,
        W: for<'r, 'h> FnMut(&mut Cx<'h>, &mut Roots<'r, 'h>, &mut usize) -> Option<R> + Send,
    {
        Slices { units_per_reduction, work, slices: 0 }
    }
}

/// See [`Yielder::slices`].
pub struct Slices<W> {
    units_per_reduction: usize,
    work: W,
    /// How many there were so far.
    slices: u32,
}

/// Slices of one unit with which each piece of work begins in the zeal build; then they grow, or
/// long work would not end there.
const ZEAL_SLICES: u32 = 16;

impl<W> Unpin for Slices<W> {}

impl<R, W> Future for Slices<W>
where
    R: Send,
    W: for<'r, 'h> FnMut(&mut Cx<'h>, &mut Roots<'r, 'h>, &mut usize) -> Option<R> + Send,
{
    type Output = R;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        let Slices { units_per_reduction, work, slices } = self.get_mut();
        with_lent(context, |cx, roots, loan| {
            let reductions = usize::try_from(loan.left()).unwrap_or(0);
            let given = match ZEAL {
                true => 1 << (*slices / ZEAL_SLICES).min(20),
                false => reductions.saturating_mul(*units_per_reduction).max(1),
            };
            *slices = slices.saturating_add(1);
            let mut units = given;
            let done = work(cx, roots, &mut units);
            debug_assert!(done.is_some() || units < given, "a slice does something");
            cx.bump((given - units).div_ceil(*units_per_reduction));
            done.map_or(Poll::Pending, Poll::Ready)
        })
    }
}

/// What a suspended native is.
enum Work {
    /// A yielding one, between two of its turns.
    Routine(NativeRoutine),
    /// One that is to run on a dirty scheduler, or does.
    Dirty(RunOn, NativeFn),
    /// One that has run there.
    Ended(Yielded),
    /// One that has run there and goes on in another function: the slots are its arguments.
    Trapped(&'static Export),
}

/// A native under way, while its process does not run.
pub struct Suspended {
    work: Work,
    roots: RootStore,
}

/// What a native on a dirty scheduler has given: terms of its process's heap.
pub(crate) enum Outcome {
    Value(RawTerm),
    Raise { class: Class, reason: RawTerm, error_info: Option<RawTerm> },
    Trap { export: &'static Export, args: Vec<RawTerm> },
}

impl Outcome {
    /// Such natives return, raise or trap, and do nothing else.
    pub fn of(result: NativeResult<'_>) -> Outcome {
        match result {
            Ok(term) => Outcome::Value(term.raw()),
            Err(Flow::Raise(raise)) => Outcome::Raise {
                class: raise.class,
                reason: raise.reason.raw(),
                error_info: raise.error_info.map(Term::raw),
            },
            Err(Flow::Trap { export, args }) => {
                Outcome::Trap { export, args: args.into_iter().map(Term::raw).collect() }
            }
            Err(_) => unreachable!("a native on a dirty scheduler returns, raises or traps"),
        }
    }
}

impl Suspended {
    /// Where the native is to run, if on a dirty scheduler, and its function.
    pub(crate) fn dirty(&self) -> Option<(RunOn, NativeFn)> {
        match self.work {
            Work::Dirty(run_on, function) => Some((run_on, function)),
            _ => None,
        }
    }

    /// The arguments of a native that has not begun.
    pub(crate) fn args(&self) -> Vec<RawTerm> {
        self.roots.slots.clone()
    }

    /// Keeps what the native has given on a dirty scheduler.
    pub(crate) fn end(&mut self, outcome: Outcome) {
        let slots = &mut self.roots.slots;
        let mut push = |term: RawTerm| {
            slots.push(term);
            Slot(slots.len() as u32 - 1)
        };
        self.work = match outcome {
            Outcome::Value(term) => Work::Ended(Ok(push(term))),
            Outcome::Raise { class, reason, error_info } => {
                let (reason, error_info) = (push(reason), error_info.map(push));
                Work::Ended(Err(Failure::Raise { class, reason, error_info }))
            }
            Outcome::Trap { export, args } => {
                *slots = args;
                Work::Trapped(export)
            }
        };
    }

    /// Shows the native's roots to the collector.
    pub(crate) fn each_root(&mut self, visit: &mut dyn FnMut(&mut [RawTerm])) {
        visit(&mut self.roots.slots);
        for stack in &mut self.roots.stacks {
            visit(stack);
        }
    }
}

/// Begins a yielding native. `None`: it has yielded (rule 4).
pub fn begin<'h>(cx: &mut Cx<'h>, begin: Begin, args: &[Term<'h>]) -> Option<NativeResult<'h>> {
    let mut roots = RootStore::take(args);
    let mut routine = begin(Yielder(()));
    match poll(cx, &mut routine, &mut roots) {
        Poll::Ready(yielded) => Some(ended(cx, yielded, roots)),
        Poll::Pending => {
            suspend(cx, Work::Routine(routine), roots);
            None
        }
    }
}

fn suspend(cx: &mut Cx<'_>, work: Work, roots: RootStore) {
    cx.own.suspended = Some(Box::new(Suspended { work, roots }));
    cx.own.gc_disabled += 1;
}

/// Suspends the process until `function` has run on a dirty scheduler.
pub fn go_dirty(cx: &mut Cx<'_>, run_on: RunOn, function: NativeFn, args: &[Term<'_>]) {
    suspend(cx, Work::Dirty(run_on, function), RootStore::take(args));
}

/// Goes on with the native that is under way. `None`: it has yielded again.
///
/// Panics when there is none.
pub fn resume<'h>(cx: &mut Cx<'h>) -> Option<NativeResult<'h>> {
    let mut suspended = cx.own.suspended.take().expect("a native is under way");
    let polled = match &mut suspended.work {
        Work::Routine(routine) => poll(cx, routine, &mut suspended.roots),
        Work::Dirty(..) => Poll::Pending,
        Work::Ended(outcome) => Poll::Ready(*outcome),
        Work::Trapped(export) => {
            cx.own.gc_disabled -= 1;
            let roots = Roots { store: &mut suspended.roots, heap: cx.heap };
            let args = roots.slots_from(Slot::arg(0)).to_vec();
            return Some(Err(Flow::Trap { export, args }));
        }
    };
    match polled {
        Poll::Ready(yielded) => {
            cx.own.gc_disabled -= 1;
            Some(ended(cx, yielded, suspended.roots))
        }
        Poll::Pending => {
            cx.own.suspended = Some(suspended);
            None
        }
    }
}

oxbeam_ethread::shared! {
    /// Reductions that a native gets in a turn at most.
    static MOST_REDUCTIONS: Atomic64 = Atomic64::new(i64::MAX);
}

/// Gives natives no more than so many reductions in a turn, from now on: for tests, which want to
/// see them yield often. Gives the limit before.
pub fn limit_reductions(most: i64) -> i64 {
    MOST_REDUCTIONS.xchg(most)
}

fn poll(cx: &mut Cx<'_>, routine: &mut NativeRoutine, roots: &mut RootStore) -> Poll<Yielded> {
    // What is left may be below zero.
    let kept = cx.reductions.saturating_sub(MOST_REDUCTIONS.read()).max(0);
    cx.reductions -= kept;
    let polled = poll_with(cx, routine, roots);
    cx.reductions += kept;
    polled
}

fn poll_with(cx: &mut Cx<'_>, routine: &mut NativeRoutine, roots: &mut RootStore) -> Poll<Yielded> {
    let cx = NonNull::from(cx).cast::<Cx<'static>>();
    // SAFETY: the pointer is good; only the field's address is taken.
    let budget = unsafe { NonNull::new_unchecked(&raw mut (*cx.as_ptr()).reductions) };
    let mut lent = Lent { cx, roots: NonNull::from(roots) };
    // SAFETY: the family `Lent` takes its pointer for one to a `Lent`. What it and the budget
    // point at is borrowed here for the poll; a step's use of `cx` and the loan's use of the
    // budget take turns.
    let loan = unsafe { Loan::new::<Lent>(NonNull::from(&mut lent).cast(), budget) };
    routine.poll(&loan)
}

/// The outcome, in terms of the heap.
fn ended<'h>(cx: &Cx<'h>, yielded: Yielded, mut store: RootStore) -> NativeResult<'h> {
    let roots = Roots { store: &mut store, heap: cx.heap };
    let result = match yielded {
        Ok(slot) => Ok(roots.get(slot)),
        Err(Failure::Error(reason)) => Err(Flow::error(reason)),
        Err(Failure::Dirty(native)) => Err(Flow::Dirty(RunOn::DirtyCpu, native)),
        Err(Failure::Raise { class, reason, error_info }) => Err(Flow::Raise(Box::new(Raise {
            class,
            reason: roots.get(reason),
            stacktrace: None,
            args: None,
            error_info: error_info.map(|slot| roots.get(slot)),
        }))),
    };
    store.give_back();
    result
}
