//! Hashes and checksums.

use md5::digest::common::hazmat::SerializableState;
use md5::{Digest, Md5};
use oxbeam_runtime::dirty;
use oxbeam_runtime::yielding::Begin;
use oxbeam_runtime::{Cx, Flow, NativeFn, NativeResult, Slot, Yielded, Yielder};
use oxbeam_term::Term;
use oxbeam_term::hash::{is_long, phash, phash2};
use std::borrow::Cow;

use super::iolist::{self, long::each_piece};
use crate::arg::{self, take};
use crate::long;

/// A range of 1 to 2^32.
fn range<'h>(term: Term<'h>) -> Result<u64, Flow<'h>> {
    term.as_u64().filter(|range| (1..=1 << 32).contains(range)).ok_or_else(Flow::badarg)
}

/// The hash of a term; a long one is for a dirty scheduler.
fn hashed<'h>(
    term: Term<'h>,
    hash: fn(Term<'_>) -> u32,
    native: NativeFn,
) -> Result<u64, Flow<'h>> {
    dirty::if_long(native, || is_long(term))?;
    Ok(u64::from(hash(term)))
}

pub fn phash_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term, limit] = take(args);
    let limit = range(limit)?;
    Ok(cx.heap.uint(hashed(term, phash, phash_2)? % limit + 1))
}

pub fn phash2_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term] = take(args);
    Ok(cx.heap.uint(hashed(term, phash2, phash2_1)? & ((1 << 27) - 1)))
}

pub fn phash2_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term, limit] = take(args);
    let limit = range(limit)?;
    Ok(cx.heap.uint(hashed(term, phash2, phash2_2)? % limit))
}

long::routines! {
    crc32_1_long => crc32_of;
    crc32_2_long => crc32_on;
    adler32_1_long => adler32_of;
    adler32_2_long => adler32_on;
    md5_1_long => md5;
    md5_update_2_long => md5_update;
}

/// Bytes that are hashed in a reduction.
const HASHED_PER_REDUCTION: usize = 256;

/// The bytes of an iolist, paid for, if they are few.
fn input<'h>(cx: &mut Cx<'h>, iolist: Term<'h>, long: Begin) -> Result<Cow<'h, [u8]>, Flow<'h>> {
    if let Some(bytes) = iolist.as_bits().and_then(|bits| bits.as_bytes())
        && bytes.len() <= iolist::QUICK_BYTES
    {
        cx.bump(bytes.len() / HASHED_PER_REDUCTION);
        return Ok(Cow::Borrowed(bytes));
    }
    if !iolist::is_quick(iolist) {
        return Err(Flow::Long(long));
    }
    let bytes = iolist::bytes(iolist)?;
    cx.bump(bytes.len() / HASHED_PER_REDUCTION);
    Ok(Cow::Owned(bytes))
}

/// A checksum that goes on from an earlier one.
fn old_sum<'h>(term: Term<'h>) -> Result<u32, Flow<'h>> {
    term.as_u64().and_then(|sum| u32::try_from(sum).ok()).ok_or_else(Flow::badarg)
}

pub fn crc32_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [data] = take(args);
    let sum = crc32fast::hash(&input(cx, data, crc32_1_long)?);
    Ok(cx.heap.uint(u64::from(sum)))
}

pub fn crc32_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [old, data] = take(args);
    let mut hasher = crc32fast::Hasher::new_with_initial(old_sum(old)?);
    hasher.update(&input(cx, data, crc32_2_long)?);
    Ok(cx.heap.uint(u64::from(hasher.finalize())))
}

pub fn crc32_combine_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [first, second, size] = take(args);
    let (first, second) = (old_sum(first)?, old_sum(second)?);
    let size = size.as_u64().ok_or_else(Flow::badarg)?;
    let mut hasher = crc32fast::Hasher::new_with_initial(first);
    hasher.combine(&crc32fast::Hasher::new_with_initial_len(second, size));
    Ok(cx.heap.uint(u64::from(hasher.finalize())))
}

async fn crc32_of(y: Yielder) -> Yielded {
    crc32(y, Slot::arg(0), crc32fast::Hasher::new()).await
}

async fn crc32_on(y: Yielder) -> Yielded {
    let old = y.attempt(|_, roots| old_sum(roots.get(Slot::arg(0)))).await?;
    crc32(y, Slot::arg(1), crc32fast::Hasher::new_with_initial(old)).await
}

async fn crc32(y: Yielder, data: Slot, mut hasher: crc32fast::Hasher) -> Yielded {
    each_piece(y, data, 16 * HASHED_PER_REDUCTION, |bytes| hasher.update(bytes)).await?;
    y.finish(|cx, _| Ok(cx.heap.uint(u64::from(hasher.finalize())))).await
}

async fn adler32_of(y: Yielder) -> Yielded {
    adler32_from(y, Slot::arg(0), 1).await
}

async fn adler32_on(y: Yielder) -> Yielded {
    let old = y.attempt(|_, roots| old_sum(roots.get(Slot::arg(0)))).await?;
    adler32_from(y, Slot::arg(1), old).await
}

async fn adler32_from(y: Yielder, data: Slot, mut sum: u32) -> Yielded {
    each_piece(y, data, 4 * HASHED_PER_REDUCTION, |bytes| sum = adler32(sum, bytes)).await?;
    y.finish(|cx, _| Ok(cx.heap.uint(u64::from(sum)))).await
}

async fn md5(y: Yielder) -> Yielded {
    let mut md5 = Md5::new();
    each_piece(y, Slot::arg(0), HASHED_PER_REDUCTION, |bytes| md5.update(bytes)).await?;
    y.finish(|cx, _| Ok(cx.heap.binary(&md5.finalize()))).await
}

async fn md5_update(y: Yielder) -> Yielded {
    let mut md5 = y.attempt(|_, roots| context(roots.get(Slot::arg(0)))).await?;
    each_piece(y, Slot::arg(1), HASHED_PER_REDUCTION, |bytes| md5.update(bytes)).await?;
    y.finish(|cx, _| Ok(cx.heap.binary(&md5.serialize()))).await
}

fn adler32(start: u32, bytes: &[u8]) -> u32 {
    let mut sum = adler2::Adler32::from_checksum(start);
    sum.write_slice(bytes);
    sum.checksum()
}

pub fn adler32_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [data] = take(args);
    let sum = adler32(1, &input(cx, data, adler32_1_long)?);
    Ok(cx.heap.uint(u64::from(sum)))
}

pub fn adler32_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [old, data] = take(args);
    let sum = adler32(old_sum(old)?, &input(cx, data, adler32_2_long)?);
    Ok(cx.heap.uint(u64::from(sum)))
}

/// Both halves of an Adler sum are sums modulo a prime: those of the second part are put on top
/// of what the first part contributes over the second's length.
pub fn adler32_combine_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    const MODULUS: u64 = 65_521;
    let [first, second, size] = take(args);
    let (first, second) = (u64::from(old_sum(first)?), u64::from(old_sum(second)?));
    let size = size.as_u64().ok_or_else(Flow::badarg)? % MODULUS;
    let (a1, b1) = (first & 0xFFFF, first >> 16);
    let (a2, b2) = (second & 0xFFFF, second >> 16);
    let a = (a1 + a2 + MODULUS - 1) % MODULUS;
    let b = (b1 + b2 + size * (a1 + MODULUS - 1)) % MODULUS;
    Ok(cx.heap.uint(b << 16 | a))
}

pub fn md5_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [data] = take(args);
    let digest = Md5::digest(input(cx, data, md5_1_long)?);
    Ok(cx.heap.binary(&digest))
}

fn context<'h>(term: Term<'h>) -> Result<Md5, Flow<'h>> {
    let bytes = arg::bytes(term)?;
    let state = bytes.as_ref().try_into().map_err(|_| Flow::badarg())?;
    Md5::deserialize(state).map_err(|_| Flow::badarg())
}

pub fn md5_init_0<'h>(cx: &mut Cx<'h>, _args: &[Term<'h>]) -> NativeResult<'h> {
    Ok(cx.heap.binary(&Md5::new().serialize()))
}

pub fn md5_update_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [state, data] = take(args);
    let mut md5 = context(state)?;
    md5.update(input(cx, data, md5_update_2_long)?);
    Ok(cx.heap.binary(&md5.serialize()))
}

pub fn md5_final_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [state] = take(args);
    let digest = context(state)?.finalize();
    Ok(cx.heap.binary(&digest))
}
