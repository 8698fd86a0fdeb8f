//! The process dictionary.

use oxbeam_heap::Heap;
use oxbeam_runtime::dictionary::Dictionary;
use oxbeam_runtime::yielding::Begin;
use oxbeam_runtime::{Cx, Flow, NativeFn, NativeResult, Slot, Yielded, Yielder, dirty};
use oxbeam_term::compare::compare_exact;
use oxbeam_term::hash::is_long;
use oxbeam_term::{Term, am};

use crate::arg::take;
use crate::long;

fn or_undefined(term: Option<Term<'_>>) -> Term<'_> {
    term.unwrap_or(Term::atom(am::undefined))
}

/// Does something with the dictionary that hashes the key: on a dirty scheduler, where that takes long.
fn with_key<'h>(
    cx: &mut Cx<'h>,
    key: Term<'h>,
    native: NativeFn,
    work: impl FnOnce(&mut Dictionary, &'h Heap) -> Option<Term<'h>>,
) -> NativeResult<'h> {
    dirty::if_long(native, || is_long(key))?;
    let heap = cx.heap;
    let found = dirty::with_own(cx, |own| work(&mut own.dictionary, heap));
    // One that was ended meanwhile does not see what comes.
    Ok(or_undefined(found.flatten()))
}

/// `erlang:put/2`
pub fn put_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [key, value] = take(args);
    with_key(cx, key, put_2, |dictionary, heap| dictionary.put(heap, key, value))
}

/// `erlang:get/1`
pub fn get_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [key] = take(args);
    with_key(cx, key, get_1, |dictionary, heap| dictionary.get(heap, key))
}

/// `erlang:erase/1`
pub fn erase_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [key] = take(args);
    with_key(cx, key, erase_1, |dictionary, heap| dictionary.erase(heap, key))
}

/// What a list of the dictionary is to show of a pair.
type Part = for<'h> fn(&Cx<'h>, [Term<'h>; 2]) -> Term<'h>;

fn tuple<'h>(cx: &Cx<'h>, pair: [Term<'h>; 2]) -> Term<'h> {
    cx.heap.tuple(&pair)
}

fn key<'h>(_: &Cx<'h>, [key, _]: [Term<'h>; 2]) -> Term<'h> {
    key
}

/// The list of all pairs, if they are not many, or of those with a value.
fn listed<'h>(
    cx: &mut Cx<'h>,
    part: Part,
    value: Option<Term<'h>>,
    long: Begin,
) -> NativeResult<'h> {
    if cx.own.dictionary.len() > long::QUICK {
        return Err(Flow::Long(long));
    }
    let mut list = Term::nil();
    for at in 0.. {
        let Some(pair) = cx.own.dictionary.pair_at(cx.heap, at) else { break };
        if value.is_none_or(|value| compare_exact(pair[1], value).is_eq()) {
            list = cx.heap.cons(part(cx, pair), list);
        }
    }
    Ok(list)
}

/// As [`listed`], in turns; the value is in a slot.
async fn listed_long(y: Yielder, part: Part, value: Option<Slot>) -> Slot {
    let list = y.step(|_, roots| roots.push(Term::nil())).await;
    let mut at = 0;
    y.slices(long::KEYS_PER_REDUCTION, |cx, roots, units| {
        while *units > 0 {
            *units -= 1;
            let Some(pair) = cx.own.dictionary.pair_at(cx.heap, at) else { return Some(()) };
            at += 1;
            if value.is_none_or(|value| compare_exact(pair[1], roots.get(value)).is_eq()) {
                let longer = cx.heap.cons(part(cx, pair), roots.get(list));
                roots.set(list, longer);
            }
        }
        None
    })
    .await;
    list
}

long::routines! {
    get_0_long => all_pairs;
    get_keys_0_long => all_keys;
    get_keys_1_long => keys_of_value;
    erase_0_long => all_taken;
}

async fn all_pairs(y: Yielder) -> Yielded {
    Ok(listed_long(y, tuple, None).await)
}

async fn all_keys(y: Yielder) -> Yielded {
    Ok(listed_long(y, key, None).await)
}

async fn keys_of_value(y: Yielder) -> Yielded {
    Ok(listed_long(y, key, Some(Slot::arg(0))).await)
}

async fn all_taken(y: Yielder) -> Yielded {
    let all = listed_long(y, tuple, None).await;
    y.step(|cx, _| cx.own.dictionary.clear()).await;
    Ok(all)
}

/// `erlang:get/0`
pub fn get_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    listed(cx, tuple, None, get_0_long)
}

/// `erlang:get_keys/0`
pub fn get_keys_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    listed(cx, key, None, get_keys_0_long)
}

/// `erlang:get_keys/1`
pub fn get_keys_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    listed(cx, key, Some(args[0]), get_keys_1_long)
}

/// `erlang:erase/0`
pub fn erase_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    let all = listed(cx, tuple, None, erase_0_long)?;
    cx.own.dictionary.clear();
    Ok(all)
}
