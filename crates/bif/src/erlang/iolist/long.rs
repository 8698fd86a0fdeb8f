//! iolists in their long forms: walked in pieces.

use oxbeam_heap::binary_buffer::BinaryBuffer;
use oxbeam_runtime::{Failure, Slot, Yielded, Yielder};
use oxbeam_term::Term;
use oxbeam_term::view::Kind;

use crate::arg;
use crate::long::{self, CONSES_PER_REDUCTION};

long::routines! {
    iolist_size_long => iolist_size;
    iolist_to_binary_long => iolist_to_binary;
    list_to_binary_long => list_to_binary;
    binary_to_list_long => binary_to_list;
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
                // A binary of no bytes costs something too.
                *units = units.saturating_sub(size.max(1));
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
    let binary = Slot::arg(0);
    let mut left = y
        .attempt(|_, roots| {
            let bits = arg::bits(roots.get(binary))?;
            match bits.bit_size() % 8 {
                0 => Ok(bits.byte_size()),
                _ => Err(oxbeam_runtime::Flow::badarg()),
            }
        })
        .await?;
    let list = y.step(|_, roots| roots.push(Term::nil())).await;
    y.slices(CONSES_PER_REDUCTION, |cx, roots, units| {
        let size = left.min(*units);
        let bits = roots.get(binary).as_bits().expect("seen to be a binary");
        let bytes = bits.slice((left - size) * 8, size * 8).to_bytes();
        let elements: Vec<_> = bytes.iter().map(|&byte| cx.heap.int(i64::from(byte))).collect();
        let longer = cx.heap.list_onto(&elements, roots.get(list));
        roots.set(list, longer);
        left -= size;
        *units -= size;
        (left == 0).then_some(())
    })
    .await;
    Ok(list)
}
