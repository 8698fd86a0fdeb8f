//! iolists: lists of bytes, binaries and such lists.

use oxbeam_heap::Heap;
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::Term;
use oxbeam_term::view::Kind;
use std::ops::Range;

use crate::arg::{self, take};
use crate::long::QUICK;

pub mod long;

/// Bytes that are handled at once; more are handled in pieces.
pub const QUICK_BYTES: usize = 64 * QUICK;

/// Whether an iolist has few cells, and few bytes in binaries, so that it is handled at once.
/// Whether it is one does not matter here.
pub fn is_quick(iolist: Term<'_>) -> bool {
    let (mut cells, mut bytes) = (0, 0);
    let mut stack = Vec::new();
    let mut next = Some(iolist);
    while let Some(mut rest) = next {
        while let Some(cell) = rest.as_cons() {
            cells += 1;
            if cells > QUICK {
                return false;
            }
            match cell.head().kind() {
                Kind::Cons(_) => stack.push(cell.head()),
                Kind::Bits(bits) => bytes += bits.byte_size(),
                _ => {}
            }
            rest = cell.tail();
        }
        bytes += rest.as_bits().map_or(0, |bits| bits.byte_size());
        if bytes > QUICK_BYTES {
            return false;
        }
        next = stack.pop();
    }
    true
}

/// Calls `visit` with each byte, or bitstring, of an iolist, in order. `None`: not an iolist.
/// No recursion: tails still to be walked lie on an explicit stack.
fn walk<'h>(
    iolist: Term<'h>,
    mut on_byte: impl FnMut(u8),
    mut on_bits: impl FnMut(oxbeam_term::Bits<'h>) -> Option<()>,
) -> Option<()> {
    let mut stack = vec![iolist];
    while let Some(mut rest) = stack.pop() {
        loop {
            match rest.kind() {
                Kind::Nil => break,
                Kind::Bits(bits) => {
                    on_bits(bits)?;
                    break;
                }
                Kind::Cons(cell) => {
                    rest = cell.tail();
                    match cell.head().kind() {
                        Kind::Small(value) => on_byte(u8::try_from(value).ok()?),
                        Kind::Bits(bits) => on_bits(bits)?,
                        Kind::Nil => {}
                        Kind::Cons(_) => {
                            stack.push(rest);
                            rest = cell.head();
                            // The tail of an inner list may end in a binary, so it is walked
                            // as a list of its own.
                            continue;
                        }
                        _ => return None,
                    }
                    if rest.as_small().is_some() {
                        return None;
                    }
                }
                _ => return None,
            }
        }
    }
    Some(())
}

/// All bytes of an iolist; `None` if it is none.
pub fn flatten(iolist: Term<'_>) -> Option<Vec<u8>> {
    let out = std::cell::RefCell::new(Vec::new());
    walk(
        iolist,
        |byte| out.borrow_mut().push(byte),
        |bits| {
            if bits.bit_size() % 8 != 0 {
                return None;
            }
            out.borrow_mut().extend_from_slice(&bits.to_bytes());
            Some(())
        },
    )?;
    Some(out.into_inner())
}

/// The bytes of an iolist, or `badarg`.
pub fn bytes<'h>(iolist: Term<'h>) -> Result<Vec<u8>, Flow<'h>> {
    flatten(iolist).ok_or_else(Flow::badarg)
}

fn cost(bytes: usize) -> usize {
    bytes / 4096
}

pub fn iolist_size_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [iolist] = take(args);
    if !is_quick(iolist) && !iolist.is_binary() {
        return Err(Flow::Long(long::iolist_size_long));
    }
    let size = std::cell::Cell::new(0);
    walk(
        iolist,
        |_| size.set(size.get() + 1),
        |bits| {
            size.set(size.get() + bits.byte_size());
            (bits.bit_size() % 8 == 0).then_some(())
        },
    )
    .ok_or_else(Flow::badarg)?;
    Ok(cx.heap.usize(size.get()))
}

pub fn iolist_to_binary_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [iolist] = take(args);
    if iolist.is_binary() {
        return Ok(iolist);
    }
    if !is_quick(iolist) {
        return Err(Flow::Long(long::iolist_to_binary_long));
    }
    let bytes = bytes(iolist)?;
    cx.bump(cost(bytes.len()));
    Ok(cx.heap.binary(&bytes))
}

/// As [`iolist_to_binary_1`], but the outermost must be a list.
pub fn list_to_binary_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [list] = take(args);
    if list.is_list() { iolist_to_binary_1(cx, args) } else { Err(Flow::badarg()) }
}

/// Large binaries are shared, what lies between them is joined.
pub fn iolist_to_iovec_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [iolist] = take(args);
    if iolist.is_binary() {
        let empty = iolist.as_bits().is_some_and(|bits| bits.bit_size() == 0);
        return Ok(if empty { Term::nil() } else { cx.heap.list(&[iolist]) });
    }
    if !is_quick(iolist) {
        return Err(Flow::Long(long::iolist_to_iovec_long));
    }
    let (mut rest, mut parts, mut joined) = (vec![iolist], vec![], vec![]);
    let units = &mut usize::MAX.clone();
    part_up(cx.heap, &mut rest, &mut parts, &mut joined, units).ok_or_else(Flow::badarg)?;
    push_joined(cx.heap, &mut parts, &mut joined);
    cx.bump(parts.len());
    Ok(cx.heap.list(&parts))
}

/// Bytes from which on a binary is a part of its own, and of joined bytes from which on these are.
const SHARED_BYTES: usize = 256;
const JOINED_BYTES: usize = 1 << 16;

fn push_joined<'h>(heap: &'h Heap, parts: &mut Vec<Term<'h>>, joined: &mut Vec<u8>) {
    if !joined.is_empty() {
        parts.push(heap.binary(joined));
        joined.clear();
    }
}

/// Walks what lies on the stack `rest`, for about `units` cells; `None`: it is no iolist.
fn part_up<'h>(
    heap: &'h Heap,
    rest: &mut Vec<Term<'h>>,
    parts: &mut Vec<Term<'h>>,
    joined: &mut Vec<u8>,
    units: &mut usize,
) -> Option<()> {
    while *units > 0
        && let Some(term) = rest.pop()
    {
        *units -= 1;
        match term.kind() {
            Kind::Nil => {}
            Kind::Cons(cell) => {
                if cell.tail().as_small().is_some() {
                    return None;
                }
                rest.push(cell.tail());
                match cell.head().kind() {
                    Kind::Small(value) => joined.push(u8::try_from(value).ok()?),
                    _ => rest.push(cell.head()),
                }
            }
            Kind::Bits(bits) if bits.bit_size() % 8 != 0 => return None,
            Kind::Bits(bits) if bits.byte_size() >= SHARED_BYTES => {
                push_joined(heap, parts, joined);
                parts.push(term);
            }
            Kind::Bits(bits) => joined.extend_from_slice(&bits.to_bytes()),
            _ => return None,
        }
        if joined.len() >= JOINED_BYTES {
            push_joined(heap, parts, joined);
        }
    }
    Some(())
}

/// Bits joined without regard to byte boundaries.
#[derive(Default)]
struct BitBuffer {
    bytes: Vec<u8>,
    /// Bits used of the last byte; 0 when all bytes are whole.
    partial: usize,
}

impl BitBuffer {
    fn push(&mut self, value: u8, count: usize) {
        if count == 0 {
            return;
        }
        let aligned = value << (8 - count);
        if self.partial == 0 {
            self.bytes.push(aligned);
        } else if let Some(last) = self.bytes.last_mut() {
            *last |= aligned >> self.partial;
            if self.partial + count > 8 {
                self.bytes.push(aligned << (8 - self.partial));
            }
        }
        self.partial = (self.partial + count) % 8;
    }

    fn push_bytes(&mut self, bytes: &[u8]) {
        if self.partial == 0 {
            self.bytes.extend_from_slice(bytes);
        } else {
            bytes.iter().for_each(|&byte| self.push(byte, 8));
        }
    }

    fn bit_size(&self) -> usize {
        self.bytes.len() * 8 - if self.partial > 0 { 8 - self.partial } else { 0 }
    }
}

pub fn list_to_bitstring_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [list] = take(args);
    if !list.is_list() {
        return Err(Flow::badarg());
    }
    if !is_quick(list) {
        return Err(Flow::Long(long::list_to_bitstring_long));
    }
    let buffer = std::cell::RefCell::new(BitBuffer::default());
    walk(
        list,
        |byte| buffer.borrow_mut().push(byte, 8),
        |bits| {
            let mut buffer = buffer.borrow_mut();
            buffer.push_bytes(&bits.to_bytes());
            let (count, value) = bits.trailing();
            buffer.push(value, count);
            Some(())
        },
    )
    .ok_or_else(Flow::badarg)?;
    let buffer = buffer.into_inner();
    cx.bump(cost(buffer.bytes.len()));
    Ok(cx.heap.bitstring(&buffer.bytes, buffer.bit_size()))
}

pub fn bitstring_to_list_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term] = take(args);
    let bits = arg::bits(term)?;
    if bits.byte_size() > QUICK {
        return Err(Flow::Long(long::bitstring_to_list_long));
    }
    let (tail, _) = trailing_bits(cx.heap, term)?;
    Ok(list_of(cx, &bits.to_bytes(), tail))
}

/// A list of the bits behind the last whole byte, and the number of bytes in front of them.
fn trailing_bits<'h>(heap: &'h Heap, term: Term<'h>) -> Result<(Term<'h>, usize), Flow<'h>> {
    let bits = arg::bits(term)?;
    let (count, _) = bits.trailing();
    let tail = match count {
        0 => Term::nil(),
        _ => heap.list(&[heap.sub_binary(term, bits.bit_size() - count, count)]),
    };
    Ok((tail, bits.byte_size()))
}

fn list_of<'h>(cx: &Cx<'h>, bytes: &[u8], tail: Term<'h>) -> Term<'h> {
    let elements: Vec<_> = bytes.iter().map(|&byte| cx.heap.int(i64::from(byte))).collect();
    cx.heap.list_onto(&elements, tail)
}

pub fn binary_to_list_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [binary] = take(args);
    if arg::bits(binary)?.byte_size() > QUICK {
        return Err(Flow::Long(long::binary_to_list_long));
    }
    let bytes = arg::bytes(binary)?;
    cx.bump(bytes.len() / 40);
    Ok(list_of(cx, &bytes, Term::nil()))
}

/// Bytes `Start` to `Stop`, counted from one.
pub fn binary_to_list_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [binary, start, stop] = take(args);
    if arg::bits(binary)?.byte_size() > QUICK {
        return Err(Flow::Long(long::binary_to_list_3_long));
    }
    let bytes = arg::bytes(binary)?;
    let range = counted_range(bytes.len(), start, stop)?;
    Ok(list_of(cx, &bytes[range], Term::nil()))
}

/// A range whose ends are counted from one, both included.
fn counted_range<'h>(
    size_bytes: usize,
    start: Term<'h>,
    stop: Term<'h>,
) -> Result<Range<usize>, Flow<'h>> {
    let (start, stop) = (arg::size(start)?, arg::size(stop)?);
    let good = 1 <= start && start <= stop && stop <= size_bytes;
    if good { Ok(start - 1..stop) } else { Err(Flow::badarg()) }
}

/// Positions of a part: `Start` and a length that may be negative.
pub fn part_range<'h>(
    size_bytes: usize,
    start: Term<'h>,
    length: Term<'h>,
) -> Result<Range<usize>, Flow<'h>> {
    let start = start.as_small().ok_or_else(Flow::badarg)?;
    let end = start.checked_add(length.as_small().ok_or_else(Flow::badarg)?);
    let end = end.ok_or_else(Flow::badarg)?;
    let (from, to) = (start.min(end), start.max(end));
    match (usize::try_from(from), usize::try_from(to)) {
        (Ok(from), Ok(to)) if to <= size_bytes => Ok(from..to),
        _ => Err(Flow::badarg()),
    }
}

fn part<'h>(cx: &Cx<'h>, binary: Term<'h>, start: Term<'h>, length: Term<'h>) -> NativeResult<'h> {
    let bits = arg::bits(binary)?;
    let range = part_range(bits.byte_size(), start, length)?;
    Ok(cx.heap.sub_binary(binary, range.start * 8, range.len() * 8))
}

pub fn binary_part_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [binary, range] = take(args);
    let [start, length] = range.as_tuple_n().ok_or_else(Flow::badarg)?;
    part(cx, binary, start, length)
}

pub fn binary_part_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [binary, start, length] = take(args);
    part(cx, binary, start, length)
}

pub fn split_binary_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [binary, position] = take(args);
    let bits = arg::bits(binary)?;
    let at = arg::size(position)?;
    if at > bits.byte_size() {
        return Err(Flow::badarg());
    }
    let first = cx.heap.sub_binary(binary, 0, at * 8);
    let second = cx.heap.sub_binary(binary, at * 8, bits.bit_size() - at * 8);
    Ok(cx.heap.tuple(&[first, second]))
}
