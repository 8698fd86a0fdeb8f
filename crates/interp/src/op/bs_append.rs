//! Appending to a bitstring, in place where it may be.
//!
//! What is appended to becomes the start of an off-heap block with room behind it. Rules:
//!
//! 1. A writable block has one object, of one heap, that refers to it and may write; a copy of the object
//!    (a message's, a table's) is not writable, and refers to bytes that stay as they are.
//! 2. The one part (sub binary) that is marked as writable ends where the block's used bytes end. Who
//!    appends takes the mark from it and gives it to the new part: an append to an earlier value copies.
//! 3. The bytes behind the used ones are nobody's: they may be written and given up again.

use super::bs::{bits_of, character, is_all};
use super::bs_create::{FIRST, SEGMENT_WORDS};
use crate::machine::{M, Place, S, brand};
use oxbeam_heap::heap::out_of_memory;
use oxbeam_heap::{Heap, bits};
use oxbeam_ops::bits::{Segment, flag};
use oxbeam_term::layout::*;
use oxbeam_term::tag::Subtag;
use oxbeam_term::{Binary, RawTerm, Term};
use std::ptr::NonNull;

/// A binary made to be appended to has this much room at least.
const MIN_APPEND_BYTES: usize = 256;
/// What is appended at once is no longer than this.
const MOST_AT_ONCE_BYTES: usize = 1024;

/// A bitstring of `src`'s first `used` bits and `more` bits behind them, to be
/// written to the slice from the given bit on.
///
/// # Safety
/// `src` is a bitstring of the heap; the slice is used before anything else
/// touches the binary.
pub(super) unsafe fn appendable<'h>(
    heap: &'h Heap,
    src: Term<'h>,
    used: usize,
    more: usize,
) -> (Term<'h>, &'h mut [u8], usize) {
    let total = used + more;
    // SAFETY: by contract; a writable block is referred to by this heap's one
    // object only, and its bytes behind the used ones by nobody.
    unsafe {
        if let Some(object) = writable_behind(src, used) {
            *src.raw().ptr().add(SUB_BITS) &= !SUB_WRITABLE;
            grow(heap, object, total.div_ceil(8));
            let out = block_bytes(object);
            return (writable_sub(heap, object, total), out, used);
        }
        let (object, out) = writable(heap, (2 * total.div_ceil(8)).max(MIN_APPEND_BYTES));
        let bits = src.as_bits().expect("a bitstring is appended to");
        bits::copy(bits.spanned_bytes(), bits.bit_offset(), out, 0, used);
        (writable_sub(heap, object, total), out, used)
    }
}

/// The object of the block that `src` may be appended to in place.
unsafe fn writable_behind(src: Term<'_>, used: usize) -> Option<*mut u64> {
    // SAFETY: by contract of the caller.
    unsafe {
        let sub = src.raw().ptr();
        if *sub != SUB_BIN_HEADER || *sub.add(SUB_BITS) & SUB_WRITABLE == 0 {
            return None;
        }
        let end = *sub.add(SUB_SIZE) * 8 + (*sub.add(SUB_BITS) & 0xFF);
        let starts = *sub.add(SUB_OFFSET) == 0 && *sub.add(SUB_BITS) >> 8 & 0xFF == 0;
        let object = RawTerm(*sub.add(SUB_ORIG)).ptr();
        let open = *object == REFC_BIN_HEADER && *object.add(REFC_FLAGS) & REFC_FLAG_WRITABLE != 0;
        (starts && open && end == used as u64).then_some(object)
    }
}

/// A writable block of `size` bytes, all zero.
#[allow(clippy::mut_from_ref, reason = "the bytes are fresh, off the heap, and nobody else's yet")]
pub(super) fn writable(heap: &Heap, size: usize) -> (*mut u64, &mut [u8]) {
    let block = Binary::alloc_zeroed(size).unwrap_or_else(|| out_of_memory(size / 8));
    // SAFETY: a fresh block of that size; its one reference goes to the object.
    unsafe {
        let object = heap.refc_binary(block, size).raw().ptr();
        *object.add(REFC_FLAGS) = REFC_FLAG_WRITABLE;
        (object, block_bytes(object))
    }
}

/// The bytes of an object's block, capacity and all.
unsafe fn block_bytes<'b>(object: *mut u64) -> &'b mut [u8] {
    // SAFETY: by contract of the callers: the object holds the block.
    unsafe {
        let block = &*(*object.add(REFC_BLOCK) as *const Binary);
        std::slice::from_raw_parts_mut(*object.add(REFC_BYTES) as *mut u8, block.size())
    }
}

/// Makes the block hold at least `needed` bytes.
unsafe fn grow(heap: &Heap, object: *mut u64, needed: usize) {
    // SAFETY: by contract of the caller: the one reference.
    unsafe {
        let block = NonNull::new_unchecked(*object.add(REFC_BLOCK) as *mut Binary);
        let size = block.as_ref().size();
        if size >= needed {
            return;
        }
        let wanted = 2 * needed;
        let moved = Binary::grow_zeroed(block, wanted).unwrap_or_else(|| out_of_memory(wanted / 8));
        *object.add(REFC_BLOCK) = moved.as_ptr() as u64;
        *object.add(REFC_BYTES) = Binary::data(moved) as u64;
        *object.add(REFC_SIZE) = wanted as u64;
        let words = &heap.off_heap().binary_words;
        words.set(words.get() + (wanted - size) / 8);
    }
}

/// The first `total` bits of a writable block, open for appending.
pub(super) fn writable_sub(heap: &Heap, object: *mut u64, total: usize) -> Term<'_> {
    let sub = heap.alloc(SUB_BIN_WORDS);
    // SAFETY: fresh words; the object is the heap's.
    unsafe {
        *sub = SUB_BIN_HEADER;
        *sub.add(SUB_SIZE) = (total / 8) as u64;
        *sub.add(SUB_OFFSET) = 0;
        *sub.add(SUB_BITS) = (total % 8) as u64 | SUB_WRITABLE;
        *sub.add(SUB_ORIG) = RawTerm::boxed(object).0;
        brand(RawTerm::boxed(sub))
    }
}

/// Appends what is short and lies in whole bytes to a bitstring that has room behind it, and stores the result.
/// `false`: nothing has happened, and the operation is for the general way.
///
/// # Safety
/// Machine rules; the instruction is a `bs_create_bin`.
#[inline(always)]
pub(super) unsafe fn append_at_once<R: Place>(m: &mut M) -> bool {
    // SAFETY: by contract; rule 3 for the bytes behind the used ones.
    unsafe {
        let first = m.ip.add(FIRST);
        let words = m.w(4) as usize;
        let kind = *first & 0xFFFF_FFFF;
        let append = kind == Segment::Append as u64 || kind == Segment::PrivateAppend as u64;
        if words == 0 || !append || !is_all::<S>(*first.add(4)) || !m.has_room(SUB_BIN_WORDS) {
            return false;
        }
        let unit = *first.add(1);
        let Some(open) = Open::of(m.get::<S>(FIRST + 3)).filter(|_| in_bytes(unit)) else {
            return false;
        };
        let mut at = open.at;
        let mut n = SEGMENT_WORDS;
        while n < words {
            let Some(next) = put_at_once(m, FIRST + n, at, open.end) else { return false };
            at = next;
            n += SEGMENT_WORDS;
        }
        let more = at as usize - open.at as usize;
        if more == 0 {
            return false;
        }
        *open.sub.add(SUB_BITS) = 0;
        let sub = m.htop;
        m.htop = sub.add(SUB_BIN_WORDS);
        *sub = SUB_BIN_HEADER;
        *sub.add(SUB_SIZE) = *open.sub.add(SUB_SIZE) + more as u64;
        *sub.add(SUB_OFFSET) = 0;
        *sub.add(SUB_BITS) = SUB_WRITABLE;
        *sub.add(SUB_ORIG) = *open.sub.add(SUB_ORIG);
        m.set::<R>(1, RawTerm::boxed(sub));
        true
    }
}

/// Whether a number of whole bytes is one of whole units.
fn in_bytes(unit: u64) -> bool {
    unit == 1 || unit == 8
}

/// Whole bytes of a block, open for appending.
struct Open {
    /// The part that may be appended to.
    sub: *mut u64,
    /// The first byte behind it.
    at: *mut u8,
    /// The end of the block.
    end: *mut u8,
}

impl Open {
    /// # Safety
    /// The term is good.
    #[inline(always)]
    unsafe fn of(term: RawTerm) -> Option<Open> {
        // SAFETY: by contract; rules 1 and 2.
        unsafe {
            if !term.is_subtag(Subtag::SubBin) {
                return None;
            }
            let sub = term.ptr();
            if *sub.add(SUB_BITS) != SUB_WRITABLE || *sub.add(SUB_OFFSET) != 0 {
                return None;
            }
            let object = RawTerm(*sub.add(SUB_ORIG)).ptr();
            if *object != REFC_BIN_HEADER || *object.add(REFC_FLAGS) & REFC_FLAG_WRITABLE == 0 {
                return None;
            }
            let start = *object.add(REFC_BYTES) as *mut u8;
            let (at, end) = (*sub.add(SUB_SIZE) as usize, *object.add(REFC_SIZE) as usize);
            Some(Open { sub, at: start.add(at), end: start.add(end) })
        }
    }
}

/// Writes the segment whose words begin at word `n` of the instruction to `at`. Gives where it ends.
/// `None`: it is not short, not of whole bytes, wrong, or there is no room for it before `end`.
///
/// # Safety
/// Machine rules; the bytes `at..end` may be written.
#[inline(always)]
unsafe fn put_at_once(m: &M, n: usize, at: *mut u8, end: *mut u8) -> Option<*mut u8> {
    // SAFETY: by contract.
    unsafe {
        let room = end as usize - at as usize;
        let kind = m.w(n) & 0xFFFF_FFFF;
        if kind == Segment::Integer as u64 {
            let (value, size) = (m.get::<S>(n + 3), m.get::<S>(n + 4));
            let bits = bits_of(size, m.w(n + 1))?;
            let big = bits == 8 || m.w(n + 2) & (flag::LITTLE | flag::NATIVE) == 0;
            if !value.is_small() || !(1..=64).contains(&bits) || bits % 8 != 0 || !big || room < 8 {
                return None;
            }
            // What follows the number is behind the used bytes.
            let word = (value.small_value() as u64) << (64 - bits);
            at.cast::<u64>().write_unaligned(word.to_be());
            return Some(at.add(bits / 8));
        }
        if kind == Segment::Utf8 as u64 {
            let c = character(m.get::<S>(n + 3)).filter(|_| room >= 4)?;
            let len = c.encode_utf8(std::slice::from_raw_parts_mut(at, 4)).len();
            return Some(at.add(len));
        }
        let (bytes, len) = if kind == Segment::String as u64 {
            (m.w(n + 3) as *const u8, m.w(n + 4) as usize)
        } else if kind == Segment::Binary as u64 && is_all::<S>(m.w(n + 4)) && in_bytes(m.w(n + 1))
        {
            whole_bytes(m.get::<S>(n + 3))?
        } else {
            return None;
        };
        if len > room.min(MOST_AT_ONCE_BYTES) {
            return None;
        }
        // The bytes may be those of the block itself: they lie before `at`.
        std::ptr::copy_nonoverlapping(bytes, at, len);
        Some(at.add(len))
    }
}

/// Where the bytes of a binary lie that starts at a whole byte, and how many they are.
///
/// # Safety
/// The term is good.
#[inline(always)]
unsafe fn whole_bytes(term: RawTerm) -> Option<(*const u8, usize)> {
    // SAFETY: by contract; a part refers to a binary that is none.
    unsafe {
        if !term.is_boxed() {
            return None;
        }
        let (mut object, mut part) = (term.ptr(), None);
        if *object == SUB_BIN_HEADER {
            if *object.add(SUB_BITS) & !SUB_WRITABLE != 0 {
                return None;
            }
            part = Some((*object.add(SUB_OFFSET) as usize, *object.add(SUB_SIZE) as usize));
            object = RawTerm(*object.add(SUB_ORIG)).ptr();
        }
        let (bytes, size) = match Subtag::of(*object) {
            Subtag::RefcBin => {
                (*object.add(REFC_BYTES) as *const u8, *object.add(REFC_SIZE) as usize)
            }
            Subtag::HeapBin => {
                (object.add(HEAP_BIN_BYTES) as *const u8, *object.add(HEAP_BIN_SIZE) as usize)
            }
            _ => return None,
        };
        let (offset, len) = part.unwrap_or((0, size));
        Some((bytes.add(offset), len))
    }
}

/// Whether `src`, of `used` bits, may be appended to in place until it has `total` bits.
///
/// # Safety
/// `src` is a bitstring of the heap.
pub(super) unsafe fn has_room_behind(src: Term<'_>, used: usize, total: usize) -> bool {
    // SAFETY: by contract; an object that may be appended to has a block.
    unsafe {
        writable_behind(src, used).is_some_and(|object| 8 * block_bytes(object).len() >= total)
    }
}
