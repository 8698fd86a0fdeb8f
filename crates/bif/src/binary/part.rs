//! Parts and copies of binaries.

use oxbeam_heap::binary_buffer::BinaryBuffer;
use oxbeam_heap::build::real_binary;
use oxbeam_runtime::native::RunOn;
use oxbeam_runtime::yielding::Begin;
use oxbeam_runtime::{Cx, Flow, NativeFn, NativeResult, Slot, Yielded, Yielder, dirty};
use oxbeam_term::Term;

use crate::arg::{self, take};
use crate::erlang::iolist::{self, part_range};
use crate::long;

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
    copies(cx, binary, 1, copy_1_long)
}

pub fn copy_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [binary, count] = take(args);
    copies(cx, binary, arg::size(count)?, copy_2_long)
}

long::routines! {
    copy_1_long => copy_once;
    copy_2_long => copy;
}

/// Bytes of all copies together. Errors: `system_limit` for too many.
fn copied_bytes<'h>(size: usize, count: usize) -> Result<usize, Flow<'h>> {
    let size = size.checked_mul(count).filter(|&size| size < 1 << 40);
    size.ok_or_else(Flow::system_limit)
}

async fn copy_once(y: Yielder) -> Yielded {
    copy_times(y, 1).await
}

async fn copy(y: Yielder) -> Yielded {
    let count = y.attempt(|_, roots| arg::size(roots.get(Slot::arg(1)))).await?;
    copy_times(y, count).await
}

async fn copy_times(y: Yielder, count: usize) -> Yielded {
    let binary = Slot::arg(0);
    let (size, all) = y
        .attempt(|_, roots| {
            let bits = arg::bits(roots.get(binary))?;
            if bits.bit_size() % 8 != 0 {
                return Err(Flow::badarg());
            }
            Ok((bits.byte_size(), copied_bytes(bits.byte_size(), count)?))
        })
        .await?;
    let mut buffer = BinaryBuffer::with_capacity(all);
    let mut at = 0;
    y.slices(iolist::long::BYTES_PER_REDUCTION, |_, roots, units| {
        let bits = roots.get(binary).as_bits().expect("seen to be a binary");
        while *units > 0 {
            if buffer.len() == all {
                return Some(());
            }
            let taken = (size - at).min(*units);
            buffer.push(&bits.slice(at * 8, taken * 8).to_bytes());
            at = (at + taken) % size;
            *units = units.saturating_sub(taken.max(SMALLEST_COPY));
        }
        None
    })
    .await;
    y.finish(|cx, _| Ok(buffer.into_term(cx.heap))).await
}

/// Bytes that a copy counts for at least.
const SMALLEST_COPY: usize = 64;

fn copies<'h>(cx: &mut Cx<'h>, binary: Term<'h>, count: usize, long: Begin) -> NativeResult<'h> {
    let bits = arg::bits(binary)?;
    if copied_bytes(bits.byte_size(), count)? > iolist::QUICK_BYTES {
        return Err(Flow::Long(long));
    }
    let bytes = arg::bytes(binary)?;
    let size = copied_bytes(bytes.len(), count)?;
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

/// Bytes that are compared in half a millisecond.
const COMPARED_BYTES: usize = 1 << 19;

/// The binaries of a list; of many bytes `native` is to compare them on a dirty scheduler.
fn all_bytes<'h>(
    list: Term<'h>,
    native: NativeFn,
) -> Result<Vec<std::borrow::Cow<'h, [u8]>>, Flow<'h>> {
    let list = arg::list(list)?;
    let sizes = list.iter().filter_map(|binary| binary.as_bits()).map(|bits| bits.byte_size());
    if sizes.sum::<usize>() > COMPARED_BYTES && dirty::current() == RunOn::Normal {
        return Err(Flow::Dirty(RunOn::DirtyCpu, native));
    }
    let binaries: Vec<_> = list.into_iter().map(arg::bytes).collect::<Result<_, _>>()?;
    if binaries.is_empty() { Err(Flow::badarg()) } else { Ok(binaries) }
}

pub fn longest_common_prefix_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [list] = take(args);
    let all = all_bytes(list, longest_common_prefix_1)?;
    let length = all.iter().fold(all[0].len(), |length, other| {
        all[0][..length].iter().zip(other.iter()).take_while(|(a, b)| a == b).count()
    });
    Ok(cx.heap.usize(length))
}

pub fn longest_common_suffix_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [list] = take(args);
    let all = all_bytes(list, longest_common_suffix_1)?;
    let length = all.iter().fold(all[0].len(), |length, other| {
        let pairs = all[0].iter().rev().take(length).zip(other.iter().rev());
        pairs.take_while(|(a, b)| a == b).count()
    });
    Ok(cx.heap.usize(length))
}
