//! Parts and copies of binaries.

use oxbeam_heap::build::real_binary;
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::Term;

use crate::arg::{self, take};
use crate::erlang::iolist::{self, part_range};

/// The byte at a position.
fn byte<'h>(
    cx: &Cx<'h>,
    binary: Term<'h>,
    at: impl Fn(usize) -> Option<usize>,
) -> NativeResult<'h> {
    let bits = arg::bits(binary)?;
    if bits.bit_size() % 8 != 0 {
        return Err(Flow::badarg());
    }
    let size = bits.byte_size();
    let at = at(size).filter(|&at| at < size).ok_or_else(Flow::badarg)?;
    Ok(cx.heap.int(i64::from(bits.byte(at))))
}

pub fn at_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [binary, position] = take(args);
    let position = arg::size(position)?;
    byte(cx, binary, |_| Some(position))
}

pub fn first_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [binary] = take(args);
    byte(cx, binary, |_| Some(0))
}

pub fn last_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [binary] = take(args);
    byte(cx, binary, |size| size.checked_sub(1))
}

fn part<'h>(cx: &Cx<'h>, binary: Term<'h>, start: Term<'h>, length: Term<'h>) -> NativeResult<'h> {
    let bits = arg::bits(binary)?;
    if bits.bit_size() % 8 != 0 {
        return Err(Flow::badarg());
    }
    let range = part_range(bits.byte_size(), start, length)?;
    Ok(cx.heap.sub_binary(binary, range.start * 8, range.len() * 8))
}

pub fn part_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [binary, range] = take(args);
    let [start, length] = range.as_tuple_n().ok_or_else(Flow::badarg)?;
    part(cx, binary, start, length)
}

pub fn part_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [binary, start, length] = take(args);
    part(cx, binary, start, length)
}

pub fn copy_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [binary] = take(args);
    copies(cx, binary, 1)
}

pub fn copy_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [binary, count] = take(args);
    copies(cx, binary, arg::size(count)?)
}

fn copies<'h>(cx: &mut Cx<'h>, binary: Term<'h>, count: usize) -> NativeResult<'h> {
    let bytes = arg::bytes(binary)?;
    let size = bytes.len().checked_mul(count).filter(|&size| size < 1 << 40);
    let size = size.ok_or_else(Flow::system_limit)?;
    cx.bump(size / 4096);
    Ok(cx.heap.binary_with(size, |target| {
        if !bytes.is_empty() {
            target.chunks_exact_mut(bytes.len()).for_each(|chunk| chunk.copy_from_slice(&bytes));
        }
    }))
}

pub fn list_to_bin_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    iolist::list_to_binary_1(cx, args)
}

/// The bytes of a whole binary that a part keeps alive.
pub fn referenced_byte_size_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [binary] = take(args);
    arg::bits(binary)?;
    if let Some((size, ..)) = binary.block_sizes() {
        return Ok(cx.heap.usize(size));
    }
    let (whole, _) = real_binary(binary);
    Ok(cx.heap.usize(arg::bits(whole)?.byte_size()))
}

fn all_bytes<'h>(list: Term<'h>) -> Result<Vec<std::borrow::Cow<'h, [u8]>>, Flow<'h>> {
    let binaries: Vec<_> =
        arg::list(list)?.into_iter().map(arg::bytes).collect::<Result<_, _>>()?;
    if binaries.is_empty() { Err(Flow::badarg()) } else { Ok(binaries) }
}

pub fn longest_common_prefix_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [list] = take(args);
    let all = all_bytes(list)?;
    let length = all.iter().fold(all[0].len(), |length, other| {
        all[0][..length].iter().zip(other.iter()).take_while(|(a, b)| a == b).count()
    });
    Ok(cx.heap.usize(length))
}

pub fn longest_common_suffix_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [list] = take(args);
    let all = all_bytes(list)?;
    let length = all.iter().fold(all[0].len(), |length, other| {
        let pairs = all[0].iter().rev().take(length).zip(other.iter().rev());
        pairs.take_while(|(a, b)| a == b).count()
    });
    Ok(cx.heap.usize(length))
}
