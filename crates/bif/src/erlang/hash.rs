//! Hashes and checksums.

use md5::digest::common::hazmat::SerializableState;
use md5::{Digest, Md5};
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::Term;
use oxbeam_term::hash::{phash, phash2};

use super::iolist;
use crate::arg::{self, take};

/// A range of 1 to 2^32.
fn range<'h>(term: Term<'h>) -> Result<u64, Flow<'h>> {
    term.as_u64().filter(|range| (1..=1 << 32).contains(range)).ok_or_else(Flow::badarg)
}

pub fn phash_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term, limit] = take(args);
    let hash = u64::from(phash(term)) % range(limit)?;
    Ok(cx.heap.uint(hash + 1))
}

pub fn phash2_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term] = take(args);
    Ok(cx.heap.uint(u64::from(phash2(term) & ((1 << 27) - 1))))
}

pub fn phash2_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term, limit] = take(args);
    Ok(cx.heap.uint(u64::from(phash2(term)) % range(limit)?))
}

/// The bytes of an iolist, paid for.
fn input<'h>(cx: &mut Cx<'h>, iolist: Term<'h>) -> Result<Vec<u8>, Flow<'h>> {
    let bytes = iolist::bytes(iolist)?;
    cx.bump(bytes.len() / 512);
    Ok(bytes)
}

/// A checksum that goes on from an earlier one.
fn old_sum<'h>(term: Term<'h>) -> Result<u32, Flow<'h>> {
    term.as_u64().and_then(|sum| u32::try_from(sum).ok()).ok_or_else(Flow::badarg)
}

pub fn crc32_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [data] = take(args);
    let sum = crc32fast::hash(&input(cx, data)?);
    Ok(cx.heap.uint(u64::from(sum)))
}

pub fn crc32_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [old, data] = take(args);
    let mut hasher = crc32fast::Hasher::new_with_initial(old_sum(old)?);
    hasher.update(&input(cx, data)?);
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

fn adler32(start: u32, bytes: &[u8]) -> u32 {
    let mut sum = adler2::Adler32::from_checksum(start);
    sum.write_slice(bytes);
    sum.checksum()
}

pub fn adler32_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [data] = take(args);
    let sum = adler32(1, &input(cx, data)?);
    Ok(cx.heap.uint(u64::from(sum)))
}

pub fn adler32_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [old, data] = take(args);
    let sum = adler32(old_sum(old)?, &input(cx, data)?);
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
    let digest = Md5::digest(input(cx, data)?);
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
    md5.update(input(cx, data)?);
    Ok(cx.heap.binary(&md5.serialize()))
}

pub fn md5_final_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [state] = take(args);
    let digest = context(state)?.finalize();
    Ok(cx.heap.binary(&digest))
}
