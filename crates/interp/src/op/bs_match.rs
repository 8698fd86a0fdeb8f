//! Matching bits: the match state and what reads from it.

use super::bs::{bits_of, endian, is_all};
use crate::machine::{Handler, M, Mode, Place, brand, op, slow};
use crate::raise;
use oxbeam_heap::bits;
use oxbeam_heap::build::real_binary;
use oxbeam_num::bytes::Endian;
use oxbeam_ops::bits::flag;
use oxbeam_term::layout::*;
use oxbeam_term::tag::{Subtag, header};
use oxbeam_term::{RawTerm, Term};

/// A match state: offset and end are in bits from its base.
#[derive(Clone, Copy)]
struct State(*mut u64);

impl State {
    /// The match state of operand `i`; `None`: it is no match state.
    ///
    /// # Safety
    /// Machine rules.
    #[inline(always)]
    unsafe fn of<A: Mode>(m: &M, i: usize) -> Option<State> {
        // SAFETY: by contract.
        unsafe {
            let term = m.get::<A>(i);
            term.is_subtag(Subtag::MatchState).then(|| State(term.ptr()))
        }
    }
    #[inline(always)]
    fn offset(self) -> usize {
        // SAFETY: a match state is alive while an instruction uses it.
        unsafe { *self.0.add(MATCH_OFFSET) as usize }
    }
    #[inline(always)]
    fn end(self) -> usize {
        // SAFETY: as above.
        unsafe { *self.0.add(MATCH_SIZE) as usize }
    }
    #[inline(always)]
    fn left(self) -> usize {
        self.end() - self.offset()
    }
    #[inline(always)]
    fn set_offset(self, offset: usize) {
        debug_assert!(offset <= self.end());
        // SAFETY: as above.
        unsafe { *self.0.add(MATCH_OFFSET) = offset as u64 }
    }
    fn original(self) -> RawTerm {
        // SAFETY: as above.
        RawTerm(unsafe { *self.0.add(MATCH_ORIG) })
    }
    /// All bytes from the base to the end.
    #[inline(always)]
    fn bytes<'b>(self) -> &'b [u8] {
        // SAFETY: the base is that of the original, which has the bits up to
        // the end; nobody writes them.
        unsafe {
            let base = *self.0.add(MATCH_BASE) as *const u8;
            std::slice::from_raw_parts(base, self.end().div_ceil(8))
        }
    }
}

macro_rules! state {
    ($m:ident, $mode:ident) => {
        match State::of::<$mode>($m, 1) {
            Some(state) => state,
            None => return raise::bad_code,
        }
    };
}

/// Decodes one UTF-8 character: the character and its length in bytes.
fn utf8(state: State) -> Option<(char, usize)> {
    let (bytes, at, left) = (state.bytes(), state.offset(), state.left() / 8);
    let byte = |i: usize| bits::read_u64(bytes, at + 8 * i, 8) as u8;
    let first = (left > 0).then(|| byte(0))?;
    let len = match first {
        0..0x80 => return Some((char::from(first), 1)),
        0xC2..0xE0 => 2,
        0xE0..0xF0 => 3,
        0xF0..0xF5 => 4,
        _ => return None,
    };
    if left < len {
        return None;
    }
    let text: [u8; 4] = std::array::from_fn(|i| if i < len { byte(i) } else { 0 });
    let c = std::str::from_utf8(&text[..len]).ok()?.chars().next()?;
    Some((c, len))
}

/// Decodes one UTF-16 character.
fn utf16(state: State, flags: u64) -> Option<(char, usize)> {
    let (bytes, at, left) = (state.bytes(), state.offset(), state.left() / 16);
    let unit = |i: usize| {
        let unit = bits::read_u64(bytes, at + 16 * i, 16) as u16;
        if endian(flags) == Endian::Little { unit.swap_bytes() } else { unit }
    };
    let first = (left > 0).then(|| unit(0))?;
    match first {
        0xD800..0xDC00 if left >= 2 => {
            let c = char::decode_utf16([first, unit(1)]).next()?.ok()?;
            Some((c, 4))
        }
        0xD800..0xE000 => None,
        unit => Some((char::from_u32(u32::from(unit))?, 2)),
    }
}

/// Decodes one UTF-32 character.
fn utf32(state: State, flags: u64) -> Option<(char, usize)> {
    if state.left() < 32 {
        return None;
    }
    let value = bits::read_u64(state.bytes(), state.offset(), 32) as u32;
    let value = if endian(flags) == Endian::Little { value.swap_bytes() } else { value };
    Some((char::from_u32(value)?, 4))
}

/// Stores the character of a decoder and moves on, or fails.
unsafe fn take_character<R: Place>(
    m: &mut M,
    state: State,
    got: Option<(char, usize)>,
    words: usize,
) -> Handler {
    // SAFETY: by contract of the callers.
    unsafe {
        match got {
            Some((c, len)) => {
                state.set_offset(state.offset() + 8 * len);
                m.set::<R>(2, RawTerm::small(i64::from(u32::from(c))));
                m.next(words)
            }
            None => m.branch(3),
        }
    }
}

unsafe fn skip_character(
    m: &mut M,
    state: State,
    got: Option<(char, usize)>,
    words: usize,
) -> Handler {
    // SAFETY: by contract of the callers.
    unsafe {
        match got {
            Some((_, len)) => {
                state.set_offset(state.offset() + 8 * len);
                m.next(words)
            }
            None => m.branch(2),
        }
    }
}

op! {
    fn bs_start_match<A: Mode, R: Place>(m) {
        let src = m.get::<A>(1);
        if src.is_subtag(Subtag::MatchState) {
            m.set::<R>(2, src);
            return m.next(4);
        }
        start::<A, R>
    }
    fn bs_get_integer<A: Mode, B: Mode, R: Place>(m) {
        get_integer::<A, B, R>
    }
    fn bs_get_integer_fixed<A: Mode, R: Place>(m) {
        let state = state!(m, A);
        let (count, flags) = (m.w(4) as usize, m.w(5));
        if state.left() < count {
            return m.branch(3);
        }
        if count == 8 && flags & flag::SIGNED == 0 && state.offset() % 8 == 0 {
            let offset = state.offset();
            let value = *state.bytes().as_ptr().add(offset / 8);
            state.set_offset(offset + 8);
            m.set::<R>(2, RawTerm::small(i64::from(value)));
            return m.next(6);
        }
        if count <= 56 && flags & (flag::SIGNED | flag::LITTLE | flag::NATIVE) == 0 && count > 0 {
            let offset = state.offset();
            let (bytes, at) = (state.bytes(), offset / 8);
            if at + 8 <= bytes.len() {
                let word = u64::from_be(bytes.as_ptr().add(at).cast::<u64>().read_unaligned());
                state.set_offset(offset + count);
                let value = word << (offset % 8) >> (64 - count);
                m.set::<R>(2, RawTerm::small(value as i64));
                return m.next(6);
            }
        }
        get_integer_fixed::<A, R>
    }
    fn bs_get_float<A: Mode, B: Mode, R: Place>(m) {
        get_float::<A, B, R>
    }
    fn bs_get_binary<A: Mode, B: Mode, R: Place>(m) {
        get_binary::<A, B, R>
    }
    fn bs_skip_bits<A: Mode, B: Mode>(m) {
        let state = state!(m, A);
        let (size, unit) = (m.get::<B>(2), m.w(4));
        let count = if is_all::<B>(m.w(2)) {
            if state.left() as u64 % unit.max(1) != 0 {
                return m.branch(3);
            }
            state.left()
        } else {
            match bits_of(size, unit) {
                Some(count) if count <= state.left() => count,
                _ => return m.branch(3),
            }
        };
        state.set_offset(state.offset() + count);
        m.next(5)
    }
    fn bs_test_tail<A: Mode>(m) {
        let state = state!(m, A);
        if state.left() as u64 == m.w(3) { m.next(4) } else { m.branch(2) }
    }
    fn bs_test_unit<A: Mode>(m) {
        let state = state!(m, A);
        if state.left() as u64 % m.w(3) == 0 { m.next(4) } else { m.branch(2) }
    }
    fn bs_match_string<A: Mode>(m) {
        match_string::<A>
    }
    fn bs_get_utf8<A: Mode, R: Place>(m) {
        get_utf8::<A, R>
    }
    fn bs_get_utf16<A: Mode, R: Place>(m) {
        get_utf16::<A, R>
    }
    fn bs_get_utf32<A: Mode, R: Place>(m) {
        get_utf32::<A, R>
    }
    fn bs_skip_utf8<A: Mode>(m) {
        skip_utf8::<A>
    }
    fn bs_skip_utf16<A: Mode>(m) {
        skip_utf16::<A>
    }
    fn bs_skip_utf32<A: Mode>(m) {
        skip_utf32::<A>
    }
    fn bs_get_tail<A: Mode, R: Place>(m) {
        get_tail::<A, R>
    }
    fn bs_get_position<A: Mode, R: Place>(m) {
        let state = state!(m, A);
        m.set::<R>(2, RawTerm::small(state.offset() as i64));
        m.next(3)
    }
    fn bs_set_position<A: Mode, B: Mode>(m) {
        let state = state!(m, A);
        let at = m.get::<B>(2).as_small().and_then(|n| usize::try_from(n).ok());
        match at {
            Some(at) if at <= state.end() => state.set_offset(at),
            _ => return raise::bad_code,
        }
        m.next(3)
    }
}

/// The bits `from .. from + count` (from the base) as a term.
fn sub<'h>(heap: &'h oxbeam_heap::Heap, state: State, from: usize, count: usize) -> Term<'h> {
    if count <= 8 * HEAP_BIN_MAX_BYTES && from % 8 == 0 && count % 8 == 0 {
        return heap.binary(&state.bytes()[from / 8..(from + count) / 8]);
    }
    // SAFETY: the original is alive: the match state holds it.
    heap.sub_binary(unsafe { brand(state.original()) }, from, count)
}

slow! {
    fn start<A: Mode, R: Place>(m) {
        let src = brand(m.get::<A>(1));
        let Some(all) = src.as_bits() else {
            if m.w(3) == 0 {
                return raise::bad_code;
            }
            return m.branch(3);
        };
        let size = all.bit_size();
        let (original, offset) = real_binary(src);
        let object = original.raw().ptr();
        let mut base = object.add(HEAP_BIN_BYTES) as u64;
        if original.raw().header() == REFC_BIN_HEADER {
            // Its bytes stay where they are while matches look at them.
            *object.add(REFC_FLAGS) = 0;
            base = *object.add(REFC_BYTES);
        }
        let state = m.heap().alloc(MATCH_STATE_WORDS);
        *state = header(Subtag::MatchState, MATCH_STATE_WORDS - 1);
        *state.add(MATCH_ORIG) = original.raw().0;
        *state.add(MATCH_BASE) = base;
        *state.add(MATCH_OFFSET) = offset as u64;
        *state.add(MATCH_SIZE) = (offset + size) as u64;
        m.back();
        m.set::<R>(2, RawTerm::boxed(state));
        m.next(4)
    }
    fn get_integer<A: Mode, B: Mode, R: Place>(m) {
        let state = state!(m, A);
        let (unit, flags) = (m.w(5), m.w(6));
        match bits_of(m.get::<B>(2), unit) {
            Some(count) if count <= state.left() => {
                let signed = flags & flag::SIGNED != 0;
                let (bytes, at) = (state.bytes(), state.offset());
                let heap = m.heap();
                let value = bits::read_integer(heap, bytes, at, count, endian(flags), signed);
                let Some(value) = value else {
                    m.back();
                    return m.branch(4);
                };
                state.set_offset(at + count);
                m.set::<R>(3, value.raw());
                m.back();
                m.next(7)
            }
            _ => m.branch(4),
        }
    }
    fn get_integer_fixed<A: Mode, R: Place>(m) {
        let state = state!(m, A);
        let (count, flags) = (m.w(4) as usize, m.w(5));
        let signed = flags & flag::SIGNED != 0;
        let (bytes, at) = (state.bytes(), state.offset());
        let value = bits::read_integer(m.heap(), bytes, at, count, endian(flags), signed);
        let Some(value) = value else {
            m.back();
            return m.branch(3);
        };
        state.set_offset(at + count);
        m.set::<R>(2, value.raw());
        m.back();
        m.next(6)
    }
    fn get_float<A: Mode, B: Mode, R: Place>(m) {
        let state = state!(m, A);
        let (unit, flags) = (m.w(5), m.w(6));
        let Some(count) = bits_of(m.get::<B>(2), unit).filter(|&n| n <= state.left()) else {
            return m.branch(4);
        };
        let Some(value) = bits::read_float(state.bytes(), state.offset(), count, endian(flags))
        else {
            return m.branch(4);
        };
        state.set_offset(state.offset() + count);
        let term = m.heap().float(value);
        m.set::<R>(3, term.raw());
        m.back();
        m.next(7)
    }
    fn get_binary<A: Mode, B: Mode, R: Place>(m) {
        let state = state!(m, A);
        let (size, unit) = (m.get::<B>(2), m.w(5));
        let count = match is_all::<B>(m.w(2)) {
            true => Some(state.left()).filter(|&n| n as u64 % unit.max(1) == 0),
            false => bits_of(size, unit).filter(|&n| n <= state.left()),
        };
        let Some(count) = count else { return m.branch(4) };
        let from = state.offset();
        let term = sub(m.heap(), state, from, count);
        state.set_offset(from + count);
        m.set::<R>(3, term.raw());
        m.back();
        m.next(7)
    }
    fn match_string<A: Mode>(m) {
        let state = state!(m, A);
        let count = m.w(3) as usize;
        if state.left() < count {
            return m.branch(2);
        }
        let string = std::slice::from_raw_parts(m.w(4) as *const u8, count.div_ceil(8));
        if !bits::equal(state.bytes(), state.offset(), string, 0, count) {
            return m.branch(2);
        }
        state.set_offset(state.offset() + count);
        m.next(5)
    }
    fn get_utf8<A: Mode, R: Place>(m) {
        let state = state!(m, A);
        take_character::<R>(m, state, utf8(state), 4)
    }
    fn get_utf16<A: Mode, R: Place>(m) {
        let state = state!(m, A);
        let got = utf16(state, m.w(4));
        take_character::<R>(m, state, got, 5)
    }
    fn get_utf32<A: Mode, R: Place>(m) {
        let state = state!(m, A);
        let got = utf32(state, m.w(4));
        take_character::<R>(m, state, got, 5)
    }
    fn skip_utf8<A: Mode>(m) {
        let state = state!(m, A);
        skip_character(m, state, utf8(state), 3)
    }
    fn skip_utf16<A: Mode>(m) {
        let state = state!(m, A);
        let got = utf16(state, m.w(3));
        skip_character(m, state, got, 4)
    }
    fn skip_utf32<A: Mode>(m) {
        let state = state!(m, A);
        let got = utf32(state, m.w(3));
        skip_character(m, state, got, 4)
    }
    fn get_tail<A: Mode, R: Place>(m) {
        let state = state!(m, A);
        let term = sub(m.heap(), state, state.offset(), state.left());
        m.set::<R>(2, term.raw());
        m.back();
        m.next(3)
    }
}
