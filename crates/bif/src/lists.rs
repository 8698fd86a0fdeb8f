//! Module `lists`: the functions that the runtime does itself.

use oxbeam_runtime::{Cx, Failure, Flow, NativeResult, Slot, Yielded, Yielder};
use oxbeam_term::compare::{eq, eq_value};
use oxbeam_term::{Term, am};

use crate::arg::take;
use crate::long::{self, CELLS_PER_REDUCTION, CONSES_PER_REDUCTION, QUICK};

/// Reductions that a walk over so many cells costs.
fn cost(cells: usize) -> usize {
    cells / 16
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
    let mut rest = list.list();
    let mut seen = 0;
    let candidates = rest.by_ref().take(QUICK).inspect(|_| seen += 1);
    let found = { candidates }.any(|candidate| eq(candidate, element));
    cx.bump(cost(seen));
    // A list that ends improperly is noticed only by who gets there.
    match rest.rest() {
        end if found || end.is_nil() => Ok(Term::bool(found)),
        end if end.is_list() => Err(Flow::Long(member_long)),
        _ => Err(Flow::badarg()),
    }
}

async fn member(y: Yielder) -> Yielded {
    let (element, list) = (Slot::arg(0), Slot::arg(1));
    let found = long::each_element(y, list, CELLS_PER_REDUCTION, |_, roots, candidate| {
        eq(candidate, roots.get(element)).then_some(())
    })
    .await?;
    y.finish(|_, _| Ok(Term::bool(found.is_some()))).await
}

/// Whether a term is a tuple whose element at the position equals the key by value.
fn has_key(candidate: Term<'_>, position: usize, key: Term<'_>) -> bool {
    let element = candidate.as_tuple().and_then(|t| t.elements().get(position - 1).copied());
    element.is_some_and(|element| eq_value(element, key))
}

fn position<'h>(position: Term<'h>) -> Result<usize, Flow<'h>> {
    position.as_usize().filter(|&at| at >= 1).ok_or_else(Flow::badarg)
}

/// The first tuple whose element at the position equals the key by value.
fn find<'h>(
    cx: &mut Cx<'h>,
    args: &[Term<'h>],
    long: oxbeam_runtime::yielding::Begin,
) -> Result<Option<Term<'h>>, Flow<'h>> {
    let [key, at, list] = take(args);
    let at = position(at)?;
    let mut rest = list.list();
    let mut seen = 0;
    let mut candidates = rest.by_ref().take(QUICK).inspect(|_| seen += 1);
    let found = candidates.find(|candidate| has_key(*candidate, at, key));
    cx.bump(cost(seen));
    match rest.rest() {
        end if found.is_some() || end.is_nil() => Ok(found),
        end if end.is_list() => Err(Flow::Long(long)),
        _ => Err(Flow::badarg()),
    }
}

/// As [`find`]; leaves the tuple in a slot.
async fn find_long(y: Yielder) -> Result<Option<Slot>, Failure> {
    let (key, at, list) = (Slot::arg(0), Slot::arg(1), Slot::arg(2));
    let at = y.attempt(|_, roots| position(roots.get(at))).await?;
    long::each_element(y, list, CELLS_PER_REDUCTION / 4, |_, roots, candidate| {
        has_key(candidate, at, roots.get(key)).then(|| roots.push(candidate))
    })
    .await
}

pub fn keyfind_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    Ok(find(cx, args, keyfind_long)?.unwrap_or(Term::bool(false)))
}

async fn keyfind(y: Yielder) -> Yielded {
    let found = find_long(y).await?;
    y.finish(|_, roots| Ok(found.map_or(Term::bool(false), |slot| roots.get(slot)))).await
}

pub fn keymember_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    Ok(Term::bool(find(cx, args, keymember_long)?.is_some()))
}

async fn keymember(y: Yielder) -> Yielded {
    let found = find_long(y).await?;
    y.finish(|_, _| Ok(Term::bool(found.is_some()))).await
}

pub fn keysearch_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let found = find(cx, args, keysearch_long)?;
    Ok(found.map_or(Term::bool(false), |tuple| cx.heap.tagged(am::value, [tuple])))
}

async fn keysearch(y: Yielder) -> Yielded {
    let found = find_long(y).await?;
    y.finish(|cx, roots| {
        let value = found.map(|slot| cx.heap.tagged(am::value, [roots.get(slot)]));
        Ok(value.unwrap_or(Term::bool(false)))
    })
    .await
}
