//! Module `lists`: the functions that the runtime does itself.

use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::compare::{eq, eq_value};
use oxbeam_term::{Term, am};

use crate::arg::take;

/// Reductions that a walk over so many cells costs.
fn cost(cells: usize) -> usize {
    cells / 16
}

pub fn reverse_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [list, tail] = take(args);
    let elements = crate::arg::list(list)?;
    cx.bump(cost(elements.len()));
    Ok(elements.iter().fold(tail, |rest, &element| cx.heap.cons(element, rest)))
}

pub fn member_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [element, list] = take(args);
    let mut rest = list.list();
    let mut seen = 0;
    let found = rest.by_ref().inspect(|_| seen += 1).any(|candidate| eq(candidate, element));
    cx.bump(cost(seen));
    // A list that ends improperly is noticed only by who gets there.
    if found || rest.rest().is_nil() { Ok(Term::bool(found)) } else { Err(Flow::badarg()) }
}

/// The first tuple whose element at the position equals the key by value.
fn find<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> Result<Option<Term<'h>>, Flow<'h>> {
    let [key, position, list] = take(args);
    let position = position.as_usize().filter(|&at| at >= 1).ok_or_else(Flow::badarg)?;
    let mut rest = list.list();
    let mut seen = 0;
    let found = rest.by_ref().inspect(|_| seen += 1).find(|candidate| {
        let element = candidate.as_tuple().and_then(|t| t.elements().get(position - 1).copied());
        element.is_some_and(|element| eq_value(element, key))
    });
    cx.bump(cost(seen));
    if found.is_some() || rest.rest().is_nil() { Ok(found) } else { Err(Flow::badarg()) }
}

pub fn keyfind_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    Ok(find(cx, args)?.unwrap_or(Term::bool(false)))
}

pub fn keymember_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    Ok(Term::bool(find(cx, args)?.is_some()))
}

pub fn keysearch_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let found = find(cx, args)?;
    Ok(found.map_or(Term::bool(false), |tuple| cx.heap.tagged(am::value, [tuple])))
}
