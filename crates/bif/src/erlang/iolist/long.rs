//! iolists in their long forms: walked in pieces.

use oxbeam_heap::binary_buffer::BinaryBuffer;
use oxbeam_runtime::{Failure, Flow, Slot, Yielded, Yielder};
use oxbeam_term::Term;
use oxbeam_term::view::Kind;
use std::ops::Range;

use super::BitBuffer;
use crate::arg;
use crate::long::{self, CONSES_PER_REDUCTION};

long::routines! {
    iolist_size_long => iolist_size;
    iolist_to_binary_long => iolist_to_binary;
    list_to_binary_long => list_to_binary;
    binary_to_list_long => binary_to_list;
    binary_to_list_3_long => part_to_list;
    bitstring_to_list_long => bitstring_to_list;
    list_to_bitstring_long => list_to_bitstring;
    iolist_to_iovec_long => iolist_to_iovec;
}

/// Bytes that are copied or looked at in a reduction, where that takes no thought.
pub const BYTES_PER_REDUCTION: usize = 1024;
/// Cells of lists that are walked in a reduction.
const CELLS: usize = 16;
/// Single bytes are handed on in pieces of this.
const PIECE_BYTES: usize = 256;

/// The stack that the walk uses: what is still to be walked, the next last.
const REST: usize = 0;

/// Single bytes on their way to `visit`.
struct Piece {
    bytes: [u8; PIECE_BYTES],
    len: usize,
}

impl Piece {
    fn push(&mut self, byte: u8, visit: &mut impl FnMut(&[u8])) {
        if self.len == PIECE_BYTES {
            self.flush(visit);
        }
        self.bytes[self.len] = byte;
        self.len += 1;
    }
    fn flush(&mut self, visit: &mut impl FnMut(&[u8])) {
        if self.len > 0 {
            visit(&self.bytes[..self.len]);
            self.len = 0;
        }
    }
}

/// Gives `visit` the bytes of an iolist, in order and in pieces; `badarg` if it is none.
pub async fn each_piece(
    y: Yielder,
    iolist: Slot,
    bytes_per_reduction: usize,
    mut visit: impl FnMut(&[u8]) + Send,
) -> Result<(), Failure> {
    // Bytes already given of the binary that comes next.
    let mut given = 0;
    let cell_bytes = (bytes_per_reduction / CELLS).max(1);
    y.step(|_, roots| roots.put_stack(REST, vec![roots.get(iolist)])).await;
    y.slices(bytes_per_reduction, |_, roots, units| {
        let mut rest = roots.take_stack(REST);
        let mut piece = Piece { bytes: [0; PIECE_BYTES], len: 0 };
        let walked = walk(&mut rest, &mut given, units, cell_bytes, &mut piece, &mut visit);
        piece.flush(&mut visit);
        let done = rest.is_empty();
        roots.put_stack(REST, rest);
        match walked {
            Some(()) => done.then_some(Ok(())),
            None => Some(Err(Failure::BADARG)),
        }
    })
    .await
}

/// Walks on until nothing is left or `units` bytes have gone, a cell counted as `cell_bytes`;
/// `None`: no iolist.
fn walk<'h>(
    rest: &mut Vec<Term<'h>>,
    given: &mut usize,
    units: &mut usize,
    cell_bytes: usize,
    piece: &mut Piece,
    visit: &mut impl FnMut(&[u8]),
) -> Option<()> {
    while *units > 0
        && let Some(term) = rest.pop()
    {
        match term.kind() {
            Kind::Nil => *units = units.saturating_sub(1),
            Kind::Cons(cell) => {
                *units = units.saturating_sub(cell_bytes);
                // An integer may be an element, but not what a list ends in.
                if cell.tail().as_small().is_some() {
                    return None;
                }
                rest.push(cell.tail());
                match cell.head().kind() {
                    Kind::Small(value) => piece.push(u8::try_from(value).ok()?, visit),
                    _ => rest.push(cell.head()),
                }
            }
            Kind::Bits(bits) => {
                if bits.bit_size() % 8 != 0 {
                    return None;
                }
                piece.flush(visit);
                let size = (bits.byte_size() - *given).min(*units);
                visit(&bits.slice(*given * 8, size * 8).to_bytes());
                *given += size;
                // To find its bytes takes as long as some cells do.
                *units = units.saturating_sub(size + 2 * cell_bytes);
                if *given < bits.byte_size() {
                    rest.push(term);
                } else {
                    *given = 0;
                }
            }
            _ => return None,
        }
    }
    Some(())
}

async fn size_of(y: Yielder, iolist: Slot) -> Result<usize, Failure> {
    let mut size = 0;
    // Bytes of a binary cost nothing here.
    each_piece(y, iolist, 64 * BYTES_PER_REDUCTION, |bytes| size += bytes.len()).await?;
    Ok(size)
}

async fn iolist_size(y: Yielder) -> Yielded {
    let size = size_of(y, Slot::arg(0)).await?;
    y.finish(|cx, _| Ok(cx.heap.usize(size))).await
}

async fn iolist_to_binary(y: Yielder) -> Yielded {
    let iolist = Slot::arg(0);
    if y.step(|_, roots| roots.get(iolist).is_binary()).await {
        return Ok(iolist);
    }
    let mut buffer = BinaryBuffer::with_capacity(size_of(y, iolist).await?);
    each_piece(y, iolist, BYTES_PER_REDUCTION, |bytes| buffer.push(bytes)).await?;
    y.finish(|cx, _| Ok(buffer.into_term(cx.heap))).await
}

async fn list_to_binary(y: Yielder) -> Yielded {
    let list = Slot::arg(0);
    if !y.step(|_, roots| roots.get(list).is_list()).await {
        return Err(Failure::BADARG);
    }
    iolist_to_binary(y).await
}

async fn binary_to_list(y: Yielder) -> Yielded {
    let bytes = y.attempt(|_, roots| whole_bytes(roots.get(Slot::arg(0)))).await?;
    let list = y.step(|_, roots| roots.push(Term::nil())).await;
    bytes_onto(y, 0..bytes, list).await
}

/// The bytes of a binary that has no bits beyond them, counted.
fn whole_bytes<'h>(binary: Term<'h>) -> Result<usize, Flow<'h>> {
    let bits = arg::bits(binary)?;
    if bits.bit_size() % 8 == 0 { Ok(bits.byte_size()) } else { Err(Flow::badarg()) }
}

async fn part_to_list(y: Yielder) -> Yielded {
    let range = y
        .attempt(|_, roots| {
            let size = whole_bytes(roots.get(Slot::arg(0)))?;
            super::counted_range(size, roots.get(Slot::arg(1)), roots.get(Slot::arg(2)))
        })
        .await?;
    let list = y.step(|_, roots| roots.push(Term::nil())).await;
    bytes_onto(y, range, list).await
}

async fn bitstring_to_list(y: Yielder) -> Yielded {
    let (list, bytes) = y
        .attempt(|cx, roots| {
            let (tail, bytes) = super::trailing_bits(cx.heap, roots.get(Slot::arg(0)))?;
            Ok((roots.push(tail), bytes))
        })
        .await?;
    bytes_onto(y, 0..bytes, list).await
}

/// Puts a part of the bits in the first argument, as integers, in front of a list.
async fn bytes_onto(y: Yielder, part: Range<usize>, list: Slot) -> Yielded {
    let mut left = part.len();
    y.slices(CONSES_PER_REDUCTION, |cx, roots, units| {
        let size = left.min(*units);
        let bits = roots.get(Slot::arg(0)).as_bits().expect("seen to be a bitstring");
        let from = part.start + left - size;
        let longer =
            super::list_of(cx, &bits.slice(from * 8, size * 8).to_bytes(), roots.get(list));
        roots.set(list, longer);
        left -= size;
        *units -= size;
        (left == 0).then_some(())
    })
    .await;
    Ok(list)
}

/// The stack of the parts that are made.
const PARTS: usize = 1;

async fn iolist_to_iovec(y: Yielder) -> Yielded {
    let iolist = Slot::arg(0);
    let whole = y
        .step(|cx, roots| {
            let term = roots.get(iolist);
            let bits = term.as_bits().filter(|_| term.is_binary())?;
            let list = if bits.bit_size() == 0 { Term::nil() } else { cx.heap.list(&[term]) };
            Some(roots.push(list))
        })
        .await;
    if let Some(list) = whole {
        return Ok(list);
    }
    y.step(|_, roots| roots.put_stack(REST, vec![roots.get(iolist)])).await;
    let mut joined = vec![];
    y.slices(CELLS, |cx, roots, units| {
        let (mut rest, mut parts) = (roots.take_stack(REST), roots.take_stack(PARTS));
        let walked = super::part_up(cx.heap, &mut rest, &mut parts, &mut joined, units);
        let done = rest.is_empty();
        if done {
            super::push_joined(cx.heap, &mut parts, &mut joined);
        }
        roots.put_stack(REST, rest);
        roots.put_stack(PARTS, parts);
        match walked {
            Some(()) => done.then_some(Ok(())),
            None => Some(Err(Failure::BADARG)),
        }
    })
    .await?;
    let list = y.step(|_, roots| roots.push(Term::nil())).await;
    long::list_onto(y, PARTS, list).await;
    Ok(list)
}

async fn list_to_bitstring(y: Yielder) -> Yielded {
    if !y.step(|_, roots| roots.get(Slot::arg(0)).is_list()).await {
        return Err(Failure::BADARG);
    }
    y.step(|_, roots| roots.put_stack(REST, vec![roots.get(Slot::arg(0))])).await;
    let mut buffer = BitBuffer::default();
    // Bytes already taken of the bitstring that comes next.
    let mut given = 0;
    y.slices(BITS_PER_REDUCTION / 8, |_, roots, units| {
        let mut rest = roots.take_stack(REST);
        let walked = walk_bits(&mut rest, &mut given, units, &mut buffer);
        let done = rest.is_empty();
        roots.put_stack(REST, rest);
        match walked {
            Some(()) => done.then_some(Ok(())),
            None => Some(Err(Failure::BADARG)),
        }
    })
    .await?;
    y.finish(|cx, _| Ok(cx.heap.bitstring(&buffer.bytes, buffer.bit_size()))).await
}

/// Bits that are put behind others in a reduction.
const BITS_PER_REDUCTION: usize = 2048;

/// As [`walk`], for bitstrings.
fn walk_bits<'h>(
    rest: &mut Vec<Term<'h>>,
    given: &mut usize,
    units: &mut usize,
    buffer: &mut BitBuffer,
) -> Option<()> {
    while *units > 0
        && let Some(term) = rest.pop()
    {
        match term.kind() {
            Kind::Nil => *units -= 1,
            Kind::Cons(cell) => {
                *units = units.saturating_sub(16);
                if cell.tail().as_small().is_some() {
                    return None;
                }
                rest.push(cell.tail());
                match cell.head().kind() {
                    Kind::Small(value) => buffer.push(u8::try_from(value).ok()?, 8),
                    _ => rest.push(cell.head()),
                }
            }
            Kind::Bits(bits) => {
                let whole = bits.byte_size();
                let size = (whole - *given).min(*units);
                buffer.push_bytes(&bits.slice(*given * 8, size * 8).to_bytes());
                *units = units.saturating_sub(size + 16);
                *given += size;
                if *given < whole {
                    rest.push(term);
                } else {
                    *given = 0;
                    let (count, value) = bits.trailing();
                    buffer.push(value, count);
                }
            }
            _ => return None,
        }
    }
    Some(())
}
