//! The process dictionary.

use oxbeam_runtime::{Cx, NativeResult};
use oxbeam_term::compare::compare_exact;
use oxbeam_term::{Term, am};

fn or_undefined(term: Option<Term<'_>>) -> Term<'_> {
    term.unwrap_or(Term::atom(am::undefined))
}

/// `erlang:put/2`
pub fn put_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    Ok(or_undefined(cx.own.dictionary.put(cx.heap, args[0], args[1])))
}

/// `erlang:get/1`
pub fn get_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    Ok(or_undefined(cx.own.dictionary.get(cx.heap, args[0])))
}

/// `erlang:get/0`
pub fn get_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    let pairs = cx.own.dictionary.pairs(cx.heap);
    let tuples = pairs.into_iter().map(|(key, value)| cx.heap.tuple(&[key, value]));
    Ok(cx.heap.list_from_rev(tuples))
}

/// `erlang:get_keys/0`
pub fn get_keys_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    let pairs = cx.own.dictionary.pairs(cx.heap);
    Ok(cx.heap.list_from_rev(pairs.into_iter().map(|(key, _)| key)))
}

/// `erlang:get_keys/1`
pub fn get_keys_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let pairs = cx.own.dictionary.pairs(cx.heap);
    let holds = |value: Term<'h>| compare_exact(value, args[0]).is_eq();
    let keys = pairs.into_iter().filter(|(_, value)| holds(*value)).map(|(key, _)| key);
    Ok(cx.heap.list_from_rev(keys))
}

/// `erlang:erase/1`
pub fn erase_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    Ok(or_undefined(cx.own.dictionary.erase(cx.heap, args[0])))
}

/// `erlang:erase/0`
pub fn erase_0<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let all = get_0(cx, args);
    cx.own.dictionary.clear();
    all
}
