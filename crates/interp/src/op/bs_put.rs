//! The construction operations of older compilers: a target is opened, then
//! filled by puts.
//!
//! The target is an off-heap block that is kept alive by a reference of its
//! own, so that a put writes to good memory whatever happened in between.

use super::bs::{bits_of, character, is_all};
use super::bs_append::appendable;
use super::bs_create::{Part, REDUCTION_BITS, bad_size, fail, put, put_part};
use crate::machine::{Handler, M, Mode, Place, brand, op, slow};
use crate::raise;
use oxbeam_heap::arith;
use oxbeam_heap::bits;
use oxbeam_heap::heap::out_of_memory;
use oxbeam_ops::bits::Segment;
use oxbeam_term::layout::{REFC_BLOCK, SUB_ORIG};
use oxbeam_term::{Binary, RawTerm};
use std::ptr::NonNull;

/// Where the next put goes.
#[derive(Default)]
pub struct Target {
    /// The block, with a reference of the target's.
    block: Option<NonNull<Binary>>,
    bit: usize,
    end: usize,
}

impl Target {
    /// Lets go of the block.
    pub fn close(&mut self) {
        if let Some(block) = self.block.take() {
            // SAFETY: the reference is the target's.
            unsafe { Binary::release(block) };
        }
        (self.bit, self.end) = (0, 0);
    }

    fn open(&mut self, block: NonNull<Binary>, bit: usize, end: usize) {
        self.close();
        // SAFETY: the block is alive; from here on the target keeps it so.
        unsafe { block.as_ref() }.retain();
        (self.block, self.bit, self.end) = (Some(block), bit, end);
    }

    fn bytes(&mut self) -> &mut [u8] {
        match self.block {
            // SAFETY: kept alive; the bytes in `bit..end` belong to the puts.
            Some(block) => unsafe {
                std::slice::from_raw_parts_mut(Binary::data(block), self.end.div_ceil(8))
            },
            None => &mut [],
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.close();
    }
}

op! {
    fn bs_init<A: Mode, R: Place>(m) {
        init::<A, R>
    }
    fn bs_append<A: Mode, B: Mode, R: Place>(m) {
        append::<A, B, R>
    }
    fn bs_add<A: Mode, B: Mode, R: Place>(m) {
        add::<A, B, R>
    }
    fn bs_utf8_size<A: Mode, R: Place>(m) {
        let size = character(m.get::<A>(1)).map_or(4, char::len_utf8);
        m.set::<R>(2, RawTerm::small(size as i64));
        m.next(3)
    }
    fn bs_utf16_size<A: Mode, R: Place>(m) {
        let size = character(m.get::<A>(1)).map_or(2, |c| 2 * c.len_utf16());
        m.set::<R>(2, RawTerm::small(size as i64));
        m.next(3)
    }
    fn bs_put_integer<A: Mode, B: Mode>(m) {
        put_integer::<A, B>
    }
    fn bs_put_float<A: Mode, B: Mode>(m) {
        put_float::<A, B>
    }
    fn bs_put_binary<A: Mode, B: Mode>(m) {
        put_binary::<A, B>
    }
    fn bs_put_string(m) {
        put_string
    }
    fn bs_put_utf8<A: Mode>(m) {
        put_utf8::<A>
    }
    fn bs_put_utf16<A: Mode>(m) {
        put_utf16::<A>
    }
    fn bs_put_utf32<A: Mode>(m) {
        put_utf32::<A>
    }
}

/// Puts a part; goes on `words` words on, or fails by operand `label`.
unsafe fn run(m: &mut M, mut part: Part, label: usize, words: usize) -> Handler {
    // SAFETY: by contract of the callers.
    unsafe {
        let target = &mut m.turn().put;
        let (bit, end) = (target.bit, target.end);
        match put(&mut part, target.bytes(), bit) {
            Ok(done) if bit + done <= end => {
                target.bit += done;
                m.reds -= (done / REDUCTION_BITS) as i64;
                m.next(words)
            }
            Ok(_) => raise::badarg,
            Err(bad) => fail(m, label, bad),
        }
    }
}

/// Puts operand 1, of the size in operand 2, with label, unit and flags behind.
unsafe fn sized<A: Mode, B: Mode>(m: &mut M, kind: Segment) -> Handler {
    // SAFETY: by contract of the callers.
    unsafe {
        let (value, size) = (m.get::<A>(1), m.get::<B>(2));
        let part = put_part(kind, m.w(4), m.w(5), value, size, is_all::<B>(m.w(2)));
        run(m, part, 3, 6)
    }
}

slow! {
    fn init<A: Mode, R: Place>(m) {
        let size = m.get::<A>(1);
        let Some(total) = bits_of(size, m.w(4)) else {
            return fail(m, 3, bad_size(Segment::Binary, size));
        };
        // Open for what follows: heap words and live registers were named.
        let (need, live) = (m.w(5) as usize, m.w(6) as usize);
        if !m.has_room(need) {
            m.collect(need, live);
        }
        let bytes = total.div_ceil(8);
        let block = Binary::alloc(bytes).unwrap_or_else(|| out_of_memory(bytes / 8));
        std::ptr::write_bytes(Binary::data(block), 0, bytes);
        m.turn().put.open(block, 0, total);
        let heap = m.heap();
        let whole = heap.refc_binary(block, bytes);
        let term = heap.sub_binary(whole, 0, total).raw();
        m.back();
        m.set::<R>(2, term);
        m.next(7)
    }
    fn append<A: Mode, B: Mode, R: Place>(m) {
        let (size, src) = (m.get::<A>(1), m.get::<B>(2));
        // The size is one of bits; the unit is that of what is appended to.
        let Some(more) = bits_of(size, 1) else {
            return fail(m, 4, bad_size(Segment::Append, size));
        };
        let Some(all) = brand(src).as_bits() else {
            return fail(m, 4, bad_size(Segment::Append, src));
        };
        let used = all.bit_size();
        if used as u64 % m.w(5).max(1) != 0 {
            return fail(m, 4, bad_size(Segment::Append, src));
        }
        m.turn().put.close();
        if more == 0 {
            m.set::<R>(3, src);
            return m.next(8);
        }
        let (term, _, _) = appendable(m.heap(), brand(src), used, more);
        let object = RawTerm(*term.raw().ptr().add(SUB_ORIG)).ptr();
        let block = NonNull::new_unchecked(*object.add(REFC_BLOCK) as *mut Binary);
        m.turn().put.open(block, used, used + more);
        m.back();
        m.set::<R>(3, term.raw());
        m.next(8)
    }
    fn add<A: Mode, B: Mode, R: Place>(m) {
        let (a, b) = (m.get::<A>(1), m.get::<B>(2));
        let sum = bits_of(a, 1).zip(bits_of(b, m.w(5))).map(|(a, b)| a + b);
        match sum {
            Some(sum) => {
                m.set::<R>(3, RawTerm::small(sum as i64));
                m.next(6)
            }
            None if m.w(4) != 0 => m.branch(4),
            None if is_integer(a) && is_integer(b) => raise::system_limit,
            None => raise::badarg,
        }
    }
    fn put_integer<A: Mode, B: Mode>(m) {
        sized::<A, B>(m, Segment::Integer)
    }
    fn put_float<A: Mode, B: Mode>(m) {
        sized::<A, B>(m, Segment::Float)
    }
    fn put_binary<A: Mode, B: Mode>(m) {
        sized::<A, B>(m, Segment::Binary)
    }
    fn put_string(m) {
        let count = m.w(1) as usize;
        let string = std::slice::from_raw_parts(m.w(2) as *const u8, count);
        let target = &mut m.turn().put;
        let bit = target.bit;
        if bit + 8 * count > target.end {
            return raise::badarg;
        }
        bits::copy(string, 0, target.bytes(), bit, 8 * count);
        target.bit += 8 * count;
        m.next(3)
    }
    fn put_utf8<A: Mode>(m) {
        let part = put_part(Segment::Utf8, 1, 0, m.get::<A>(1), RawTerm::NIL, false);
        run(m, part, 2, 3)
    }
    fn put_utf16<A: Mode>(m) {
        let part = put_part(Segment::Utf16, 1, m.w(3), m.get::<A>(1), RawTerm::NIL, false);
        run(m, part, 2, 4)
    }
    fn put_utf32<A: Mode>(m) {
        let part = put_part(Segment::Utf32, 1, m.w(3), m.get::<A>(1), RawTerm::NIL, false);
        run(m, part, 2, 4)
    }
}

/// Whether a size operand is an integer that is not negative, of any size.
unsafe fn is_integer(term: RawTerm) -> bool {
    // SAFETY: machine rule 3.
    let term = unsafe { brand(term) };
    term.is_integer() && arith::to_float(term).is_none_or(|value| value >= 0.0)
}
