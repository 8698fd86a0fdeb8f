//! Module `maps`, and what it needs of `erts_internal`.

use oxbeam_heap::map::cursor::Cursor;
use oxbeam_runtime::yielding::Begin;
use oxbeam_runtime::{Cx, Flow, NativeResult, dirty};
use oxbeam_term::hamt::{self, Leaves};
use oxbeam_term::hash::is_long;
use oxbeam_term::view::Kind;
use oxbeam_term::{Map, Term, am};

use crate::arg::{self, take};
use crate::long::{QUICK, quick_length};

pub mod long;

/// Reductions that a walk over so many pairs costs.
fn cost(pairs: usize) -> usize {
    pairs / 8
}

pub fn find_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [key, map] = take(args);
    dirty::if_long(find_2, || is_long(key))?;
    let found = hamt::get(arg::map(cx, map)?, key);
    Ok(found.map_or(Term::atom(am::error), |value| cx.heap.tagged(am::ok, [value])))
}

pub fn get_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [key, map] = take(args);
    dirty::if_long(get_2, || is_long(key))?;
    hamt::get(arg::map(cx, map)?, key).ok_or_else(|| Flow::badkey(cx.heap, key))
}

pub fn is_key_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [key, map] = take(args);
    dirty::if_long(is_key_2, || is_long(key))?;
    Ok(Term::bool(hamt::get(arg::map(cx, map)?, key).is_some()))
}

pub fn from_keys_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [keys, value] = take(args);
    if quick_length(keys).is_none() {
        return Err(Flow::Long(long::from_keys_long));
    }
    let pairs: Vec<_> = arg::list(keys)?.into_iter().map(|key| (key, value)).collect();
    cx.bump(cost(pairs.len()));
    Ok(cx.heap.map_from_merged(pairs))
}

pub fn from_list_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [list] = take(args);
    if quick_length(list).is_none() {
        return Err(Flow::Long(long::from_list_long));
    }
    let pairs: Option<Vec<_>> = arg::list(list)?
        .into_iter()
        .map(|pair| pair.as_tuple_n().map(|[key, value]| (key, value)))
        .collect();
    let pairs = pairs.ok_or_else(Flow::badarg)?;
    cx.bump(cost(pairs.len()));
    Ok(cx.heap.map_from_merged(pairs))
}

/// The list of what `part` takes of each pair: of a hashed map from the last leaf on.
fn listed<'h>(
    cx: &mut Cx<'h>,
    map: Term<'h>,
    flat: impl Fn(Map<'h>) -> &'h [Term<'h>],
    part: impl Fn(oxbeam_term::Cons<'h>) -> Term<'h>,
    long: Begin,
) -> NativeResult<'h> {
    let map = arg::map(cx, map)?;
    if !map.is_flat() && map.size() > QUICK {
        return Err(Flow::Long(long));
    }
    cx.bump(cost(map.size()));
    Ok(match map.is_flat() {
        true => cx.heap.list(flat(map)),
        false => cx.heap.list_from_rev(Leaves::of(map).map(part)),
    })
}

pub fn keys_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [map] = take(args);
    listed(cx, map, Map::flat_keys, |leaf| leaf.head(), long::keys_long)
}

pub fn values_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [map] = take(args);
    listed(cx, map, Map::flat_values, |leaf| leaf.tail(), long::values_long)
}

pub fn merge_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [a, b] = take(args);
    let (whole_a, whole_b) = (a, b);
    let (a, b) = (arg::map(cx, a)?, arg::map(cx, b)?);
    // What adds nothing gives the other one itself.
    if a.size() == 0 || whole_a.raw() == whole_b.raw() {
        return Ok(whole_b);
    }
    if b.size() == 0 {
        return Ok(whole_a);
    }
    // The smaller one tells the work, unless a new map is made of both.
    let (small, large) = (a.size().min(b.size()), a.size().max(b.size()));
    if small > QUICK || small * 8 > large && large > QUICK {
        return Err(Flow::Long(long::merge_long));
    }
    cx.bump(cost(a.size() + b.size()));
    Ok(cx.heap.map_merge(a, b))
}

pub fn put_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [key, value, map] = take(args);
    dirty::if_long(put_3, || is_long(key))?;
    Ok(cx.heap.map_put(arg::map(cx, map)?, key, value))
}

pub fn update_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [key, value, map] = take(args);
    dirty::if_long(update_3, || is_long(key))?;
    let updated = cx.heap.map_update(arg::map(cx, map)?, key, value);
    updated.ok_or_else(|| Flow::badkey(cx.heap, key))
}

pub fn remove_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [key, map] = take(args);
    dirty::if_long(remove_2, || is_long(key))?;
    Ok(cx.heap.map_take(arg::map(cx, map)?, key).map_or(map, |(rest, _)| rest))
}

pub fn take_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [key, map] = take(args);
    dirty::if_long(take_2, || is_long(key))?;
    let taken = cx.heap.map_take(arg::map(cx, map)?, key);
    Ok(match taken {
        Some((rest, value)) => cx.heap.tuple(&[value, rest]),
        None => Term::atom(am::error),
    })
}

/// `erts_internal:map_next/3`: pairs of a map from a place on, and how to go on.
///
/// As an iterator: `{K, V, {K, V, ... none | [Path|Map]}}`. As a list: the pairs in front of the
/// given list, the last one first, and before them path and map if there are more.
pub fn map_next_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [path, map, kind] = take(args);
    let taken = map.as_map().ok_or_else(Flow::badarg)?;
    let as_iterator = kind.is(am::iterator);
    if !as_iterator && !kind.is_list() {
        return Err(Flow::badarg());
    }
    if taken.is_flat() {
        let place = path.as_usize().filter(|&place| place <= taken.size());
        place.ok_or_else(Flow::badarg)?;
        let pairs: Vec<_> = hamt::Pairs::of(taken).collect();
        return Ok(match as_iterator {
            true => chained(cx, &pairs, Term::atom(am::none)),
            false => pairs
                .iter()
                .rev()
                .fold(kind, |rest, &(key, value)| cx.heap.cons(cx.heap.tuple(&[key, value]), rest)),
        });
    }
    let digits = path_digits(path).ok_or_else(Flow::badarg)?;
    let mut cursor = Cursor::at(taken, &digits).ok_or_else(Flow::badarg)?;
    // The first portion is small: often no more is wanted.
    let portion = if digits == [0] { 32 } else { 1000 };
    let pairs: Vec<_> =
        cursor.by_ref().take(portion).map(|leaf| (leaf.head(), leaf.tail())).collect();
    cx.bump(cost(pairs.len()));
    let next = cursor.path(cx.heap);
    if as_iterator {
        let rest = next.map_or(Term::atom(am::none), |path| cx.heap.cons(path, map));
        return Ok(chained(cx, &pairs, rest));
    }
    let list = pairs
        .iter()
        .fold(kind, |rest, &(key, value)| cx.heap.cons(cx.heap.tuple(&[key, value]), rest));
    Ok(next.map_or(list, |path| cx.heap.cons(path, cx.heap.cons(map, list))))
}

fn chained<'h>(cx: &Cx<'h>, pairs: &[(Term<'h>, Term<'h>)], rest: Term<'h>) -> Term<'h> {
    pairs.iter().rev().fold(rest, |rest, &(key, value)| cx.heap.tuple(&[key, value, rest]))
}

/// The digits of an integer that is not negative.
fn path_digits(path: Term<'_>) -> Option<Vec<u64>> {
    match path.kind() {
        Kind::Small(value) => u64::try_from(value).ok().map(|digit| vec![digit]),
        Kind::Big(big) if !big.is_negative() => Some(big.digits().to_vec()),
        _ => None,
    }
}

/// `erts_internal:map_to_tuple_keys/1`: the tuple of the keys of a flat map.
pub fn map_to_tuple_keys_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [map] = take(args);
    let flat = arg::map(cx, map)?;
    if flat.is_flat() { Ok(flat.flat_keys_tuple()) } else { Err(Flow::badarg()) }
}

/// `erlang:map_get/2`
pub fn map_get_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    get_2(cx, args)
}

/// `erlang:is_map_key/2`
pub fn is_map_key_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    is_key_2(cx, args)
}

/// `erlang:map_size/1`
pub fn map_size_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [map] = take(args);
    let size = arg::map(cx, map)?.size();
    Ok(cx.heap.usize(size))
}
