//! Module `lists`: the functions that the runtime does itself.

use oxbeam_runtime::native::RunOn;
use oxbeam_runtime::{Cx, Failure, Flow, NativeFn, NativeResult, Slot, Yielded, Yielder, dirty};
use oxbeam_term::compare::{WORK_AT_ONCE, compare_counted, eq_counted};
use oxbeam_term::{Term, am};

use crate::arg::take;
use crate::long::{self, CELLS_PER_REDUCTION, CONSES_PER_REDUCTION, QUICK};

/// Reductions that a walk over so many cells costs.
fn cost(cells: usize) -> usize {
    cells / 16
}

/// Cells that are looked at at once, and the work that comparing them may be: without a limit where
/// nobody waits.
fn at_once() -> (usize, usize) {
    match dirty::current() {
        RunOn::Normal => (QUICK, WORK_AT_ONCE),
        _ => (usize::MAX, usize::MAX),
    }
}

/// What a cell of a long list adds to the work that its comparisons may be.
const WORK_PER_CELL: usize = 1;

/// Reductions that so much work of comparisons costs.
fn work_cost(work: usize) -> usize {
    work / 8
}

long::routines! {
    reverse_long => reverse;
    member_long => member;
    keyfind_long => keyfind;
    keymember_long => keymember;
    keysearch_long => keysearch;
}

pub fn reverse_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [list, tail] = take(args);
    let mut rest = list.list();
    let mut seen = 0;
    let count = rest.by_ref().take(QUICK).inspect(|_| seen += 1);
    let reversed = count.fold(tail, |rest, element| cx.heap.cons(element, rest));
    match rest.rest() {
        end if end.is_nil() => {
            cx.bump(cost(seen));
            Ok(reversed)
        }
        end if end.is_list() => Err(Flow::Long(reverse_long)),
        _ => Err(Flow::badarg()),
    }
}

async fn reverse(y: Yielder) -> Yielded {
    let (list, reversed) = (Slot::arg(0), Slot::arg(1));
    long::each_element(y, list, CONSES_PER_REDUCTION, |cx, roots, element| {
        let longer = cx.heap.cons(element, roots.get(reversed));
        roots.set(reversed, longer);
        None::<()>
    })
    .await?;
    Ok(reversed)
}

pub fn member_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [element, list] = take(args);
    let (most_cells, most_work) = at_once();
    let (mut rest, mut seen, mut work) = (list.list(), 0, most_work);
    let mut candidates = rest.by_ref().take(most_cells).inspect(|_| seen += 1);
    let found = candidates.find_map(|candidate| eq_found(candidate, element, &mut work));
    cx.bump(cost(seen) + work_cost(most_work - work));
    // A list that ends improperly is noticed only by who gets there.
    match (found, rest.rest()) {
        (Some(Found::It), _) => Ok(Term::bool(true)),
        (Some(Found::TooMuch), _) => Err(Flow::Dirty(RunOn::DirtyCpu, member_2)),
        (None, end) if end.is_nil() => Ok(Term::bool(false)),
        (None, end) if end.is_list() => Err(Flow::Long(member_long)),
        _ => Err(Flow::badarg()),
    }
}

/// What ends a search.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    It,
    /// Comparing is more work than may be done.
    TooMuch,
}

/// Whether the search for an element ends here.
fn eq_found(candidate: Term<'_>, element: Term<'_>, work: &mut usize) -> Option<Found> {
    match eq_counted(candidate, element, work) {
        Some(equal) => equal.then_some(Found::It),
        None => Some(Found::TooMuch),
    }
}

async fn member(y: Yielder) -> Yielded {
    let (element, list) = (Slot::arg(0), Slot::arg(1));
    let mut work = WORK_AT_ONCE;
    let found = long::each_element(y, list, CELLS_PER_REDUCTION, |_, roots, candidate| {
        work += WORK_PER_CELL;
        eq_found(candidate, roots.get(element), &mut work)
    })
    .await?;
    if found == Some(Found::TooMuch) {
        return Err(Failure::Dirty(member_2));
    }
    y.finish(|_, _| Ok(Term::bool(found.is_some()))).await
}

/// Whether the search for a tuple whose element at the position equals the key by value ends here.
fn key_found(
    candidate: Term<'_>,
    position: usize,
    key: Term<'_>,
    work: &mut usize,
) -> Option<Found> {
    let element = candidate.as_tuple().and_then(|t| t.elements().get(position - 1).copied())?;
    match compare_counted(element, key, work) {
        Some(order) => order.is_eq().then_some(Found::It),
        None => Some(Found::TooMuch),
    }
}

fn position<'h>(position: Term<'h>) -> Result<usize, Flow<'h>> {
    position.as_usize().filter(|&at| at >= 1).ok_or_else(Flow::badarg)
}

/// The first tuple whose element at the position equals the key by value, for `native`.
fn find<'h>(
    cx: &mut Cx<'h>,
    args: &[Term<'h>],
    native: NativeFn,
    long: oxbeam_runtime::yielding::Begin,
) -> Result<Option<Term<'h>>, Flow<'h>> {
    let [key, at, list] = take(args);
    let at = position(at)?;
    let (most_cells, most_work) = at_once();
    let (mut rest, mut seen, mut work) = (list.list(), 0, most_work);
    let mut candidates = rest.by_ref().take(most_cells).inspect(|_| seen += 1);
    let found = candidates
        .find_map(|candidate| Some((candidate, key_found(candidate, at, key, &mut work)?)));
    cx.bump(cost(seen) + work_cost(most_work - work));
    match (found, rest.rest()) {
        (Some((tuple, Found::It)), _) => Ok(Some(tuple)),
        (Some((_, Found::TooMuch)), _) => Err(Flow::Dirty(RunOn::DirtyCpu, native)),
        (None, end) if end.is_nil() => Ok(None),
        (None, end) if end.is_list() => Err(Flow::Long(long)),
        _ => Err(Flow::badarg()),
    }
}

/// As [`find`]; leaves the tuple in a slot.
async fn find_long(y: Yielder, native: NativeFn) -> Result<Option<Slot>, Failure> {
    let (key, at, list) = (Slot::arg(0), Slot::arg(1), Slot::arg(2));
    let at = y.attempt(|_, roots| position(roots.get(at))).await?;
    let mut work = WORK_AT_ONCE;
    let found = long::each_element(y, list, CELLS_PER_REDUCTION / 4, |_, roots, candidate| {
        work += WORK_PER_CELL;
        let found = key_found(candidate, at, roots.get(key), &mut work)?;
        Some((found, roots.push(candidate)))
    })
    .await?;
    match found {
        Some((Found::TooMuch, _)) => Err(Failure::Dirty(native)),
        found => Ok(found.map(|(_, slot)| slot)),
    }
}

pub fn keyfind_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    Ok(find(cx, args, keyfind_3, keyfind_long)?.unwrap_or(Term::bool(false)))
}

async fn keyfind(y: Yielder) -> Yielded {
    let found = find_long(y, keyfind_3).await?;
    y.finish(|_, roots| Ok(found.map_or(Term::bool(false), |slot| roots.get(slot)))).await
}

pub fn keymember_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    Ok(Term::bool(find(cx, args, keymember_3, keymember_long)?.is_some()))
}

async fn keymember(y: Yielder) -> Yielded {
    let found = find_long(y, keymember_3).await?;
    y.finish(|_, _| Ok(Term::bool(found.is_some()))).await
}

pub fn keysearch_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let found = find(cx, args, keysearch_3, keysearch_long)?;
    Ok(found.map_or(Term::bool(false), |tuple| cx.heap.tagged(am::value, [tuple])))
}

async fn keysearch(y: Yielder) -> Yielded {
    let found = find_long(y, keysearch_3).await?;
    y.finish(|cx, roots| {
        let value = found.map(|slot| cx.heap.tagged(am::value, [roots.get(slot)]));
        Ok(value.unwrap_or(Term::bool(false)))
    })
    .await
}
