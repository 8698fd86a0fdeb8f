//! Module `atomics`.
//!
//! An array of 64-bit words behind a reference. Arithmetic wraps around.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use oxbeam_heap::map::Twice;
use oxbeam_runtime::reference::new_numbers;
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::view::Kind;
use oxbeam_term::{Term, am};

use crate::arg::{self, take};

/// Bit of the options that `atomics:new/2` encodes.
const SIGNED: u64 = 1;

/// Most words of an array.
const MAX_WORDS: usize = 1 << 32;

struct Words {
    words: Box<[AtomicU64]>,
    signed: bool,
}

/// Words of a stock array besides its values.
pub(crate) const OVERHEAD_BYTES: usize = 40;

/// The size of a new array.
pub(crate) fn size_of_new<'h>(size: Term<'h>) -> Result<usize, Flow<'h>> {
    let is_big = matches!(size.kind(), Kind::Big(big) if !big.is_negative());
    let too_large = is_big || size.as_usize().is_some_and(|size| size > MAX_WORDS);
    if too_large {
        return Err(Flow::system_limit());
    }
    let size = arg::size(size)?;
    if size == 0 { Err(Flow::badarg()) } else { Ok(size) }
}

fn new<'h>(cx: &Cx<'h>, size: Term<'h>, signed: bool) -> NativeResult<'h> {
    let size = size_of_new(size)?;
    let mut words = Vec::new();
    words.try_reserve_exact(size).map_err(|_| Flow::system_limit())?;
    words.resize_with(size, || AtomicU64::new(0));
    let array = Words { words: words.into_boxed_slice(), signed };
    Ok(cx.heap.resource_ref(new_numbers(), array))
}

fn array<'h>(reference: Term<'h>) -> Result<&'h Words, Flow<'h>> {
    reference.as_magic::<Words>().ok_or_else(Flow::badarg)
}

/// The word at a position counted from one.
fn word<'h>(
    reference: Term<'h>,
    position: Term<'h>,
) -> Result<(&'h AtomicU64, &'h Words), Flow<'h>> {
    let array = array(reference)?;
    let at = arg::size(position)?.checked_sub(1).ok_or_else(Flow::badarg)?;
    Ok((array.words.get(at).ok_or_else(Flow::badarg)?, array))
}

/// The bits of an integer that fits a signed word, or an unsigned one.
pub(crate) fn bits<'h>(value: Term<'h>, signed: bool) -> Result<u64, Flow<'h>> {
    let bits = if signed { value.as_i64().map(|value| value as u64) } else { value.as_u64() };
    bits.ok_or_else(Flow::badarg)
}

/// An addend may be any integer that fits either way.
pub(crate) fn addend<'h>(value: Term<'h>) -> Result<u64, Flow<'h>> {
    bits(value, true).or_else(|_| bits(value, false))
}

fn value<'h>(cx: &Cx<'h>, bits: u64, signed: bool) -> Term<'h> {
    if signed { cx.heap.int(bits as i64) } else { cx.heap.uint(bits) }
}

pub fn atomics_new_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [size, options] = take(args);
    let options = options.as_u64().ok_or_else(Flow::badarg)?;
    new(cx, size, options & SIGNED != 0)
}

pub fn put_3<'h>(_cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [reference, position, wanted] = take(args);
    let (word, array) = word(reference, position)?;
    word.store(bits(wanted, array.signed)?, SeqCst);
    Ok(Term::atom(am::ok))
}

pub fn get_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [reference, position] = take(args);
    let (word, array) = word(reference, position)?;
    Ok(value(cx, word.load(SeqCst), array.signed))
}

pub fn add_3<'h>(_cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [reference, position, increment] = take(args);
    let (word, _) = word(reference, position)?;
    word.fetch_add(addend(increment)?, SeqCst);
    Ok(Term::atom(am::ok))
}

pub fn add_get_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [reference, position, increment] = take(args);
    let (word, array) = word(reference, position)?;
    let increment = addend(increment)?;
    let sum = word.fetch_add(increment, SeqCst).wrapping_add(increment);
    Ok(value(cx, sum, array.signed))
}

pub fn exchange_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [reference, position, wanted] = take(args);
    let (word, array) = word(reference, position)?;
    let old = word.swap(bits(wanted, array.signed)?, SeqCst);
    Ok(value(cx, old, array.signed))
}

pub fn compare_exchange_4<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [reference, position, expected, wanted] = take(args);
    let (word, array) = word(reference, position)?;
    let (expected, wanted) = (bits(expected, array.signed)?, bits(wanted, array.signed)?);
    Ok(match word.compare_exchange(expected, wanted, SeqCst, SeqCst) {
        Ok(_) => Term::atom(am::ok),
        Err(found) => value(cx, found, array.signed),
    })
}

pub fn info_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [reference] = take(args);
    let array = array(reference)?;
    let (min, max) = if array.signed { (1 << 63, i64::MAX as u64) } else { (0, u64::MAX) };
    let pairs = vec![
        (Term::atom(am::size), cx.heap.usize(array.words.len())),
        (Term::atom(am::memory), cx.heap.usize(OVERHEAD_BYTES + 8 * array.words.len())),
        (Term::atom(am::min), value(cx, min, array.signed)),
        (Term::atom(am::max), value(cx, max, array.signed)),
    ];
    cx.heap.map_from_pairs(pairs, Twice::Refuse).ok_or_else(Flow::badarg)
}
