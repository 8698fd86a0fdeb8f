//! `bs_create_bin`: the size first, then the bits; many of them by a dirty scheduler, with all
//! registers saved, since the operation does not say which of them live.

use super::bs::{MAX_BITS, bits_of, character, endian, is_all, utf16_bytes, utf32_bytes};
use super::bs_append::{append_at_once, appendable, has_room_behind, writable, writable_sub};
use crate::machine::{Handler, M, Place, S, brand, op, slow};
use crate::native;
use crate::raise::{Exception, First};
use oxbeam_heap::{Heap, arith, bits};
use oxbeam_ops::bits::Segment;
use oxbeam_ops::specific::source;
use oxbeam_runtime::engine::Switch;
use oxbeam_runtime::native::{Class, Flow, RunOn};
use oxbeam_runtime::{Cx, NativeResult};
use oxbeam_term::layout::*;
use oxbeam_term::{Atom, RawTerm, Term, am, export};

/// Words of a segment: type (with the segment's number above), unit, flags, source, size.
pub(super) const SEGMENT_WORDS: usize = 5;
/// Index of the first segment's first word.
pub(super) const FIRST: usize = 5;
/// Words of the largest result on the heap: a heap binary, and the part of it that has a number of bits.
const MOST_WORDS: usize = HEAP_BIN_BYTES + HEAP_BIN_MAX_BYTES / 8 + SUB_BIN_WORDS;

/// Bits written for one reduction.
pub(super) const REDUCTION_BITS: usize = 8 << 10;

/// A segment with its operands read.
#[derive(Clone, Copy)]
pub struct Part {
    kind: Segment,
    /// Which segment of the source it is, from 1.
    number: u32,
    unit: u64,
    flags: u64,
    value: RawTerm,
    /// The size operand; of a string its bytes.
    size: RawTerm,
    /// The size is that of the value.
    all: bool,
    string: *const u8,
    bits: usize,
}

/// Why a binary was not made: the segment (from 1), its type, what is wrong,
/// and the value.
pub(super) struct Bad {
    segment: u32,
    kind: Segment,
    what: &'static str,
    value: RawTerm,
    limit: bool,
}

impl Part {
    /// Reads the segment at these words, with its value and its size from where `get` finds them.
    ///
    /// # Safety
    /// Machine rules; a segment's words.
    unsafe fn read(words: *const u64, get: impl Fn(usize) -> RawTerm) -> Option<Part> {
        // SAFETY: by contract.
        unsafe {
            let word = |at: usize| *words.add(at);
            let kind = Segment::from_number(word(0) & 0xFFFF_FFFF)?;
            let number = (word(0) >> 32) as u32;
            let (unit, flags) = (word(1), word(2));
            if kind == Segment::String {
                let bits = 8 * word(4) as usize;
                let string = word(3) as *const u8;
                return Some(Part {
                    kind,
                    number,
                    unit,
                    flags,
                    value: RawTerm::NIL,
                    size: RawTerm::NIL,
                    all: false,
                    string,
                    bits,
                });
            }
            let (value, size) = (get(3), get(4));
            let (all, string) = (is_all::<S>(word(4)), std::ptr::null());
            Some(Part { kind, number, unit, flags, value, size, all, string, bits: 0 })
        }
    }

    fn is_append(&self) -> bool {
        matches!(self.kind, Segment::Append | Segment::PrivateAppend)
    }

    fn bad(&self, what: &'static str, value: RawTerm) -> Bad {
        Bad { segment: self.number, kind: self.kind, what, value, limit: false }
    }

    /// Computes the size in bits and checks the value's kind.
    fn measure(&mut self) -> Result<(), Bad> {
        // SAFETY: machine rule 3: registers hold good terms.
        let value = unsafe { brand(self.value) };
        self.bits = match self.kind {
            Segment::String => self.bits,
            Segment::Utf8 => match character(self.value) {
                Some(c) => 8 * c.len_utf8(),
                None => return Err(self.bad("type", self.value)),
            },
            Segment::Utf16 => match character(self.value) {
                Some(c) => 16 * c.len_utf16(),
                None => return Err(self.bad("type", self.value)),
            },
            Segment::Utf32 => match character(self.value) {
                Some(_) => 32,
                None => return Err(self.bad("type", self.value)),
            },
            Segment::Integer => {
                if !value.is_integer() {
                    return Err(self.bad("type", self.value));
                }
                self.sized()?
            }
            Segment::Float => {
                let bits = self.sized()?;
                if !matches!(bits, 16 | 32 | 64) {
                    return Err(self.bad("invalid", self.size));
                }
                bits
            }
            Segment::Binary | Segment::Append | Segment::PrivateAppend => {
                let Some(all) = value.as_bits() else {
                    return Err(self.bad("type", self.value));
                };
                self.measure_bits(all.bit_size())?
            }
        };
        Ok(())
    }

    fn measure_bits(&self, all: usize) -> Result<usize, Bad> {
        if self.all {
            if all as u64 % self.unit.max(1) != 0 {
                return Err(self.bad("unit", self.value));
            }
            return Ok(all);
        }
        let bits = self.sized()?;
        if bits > all { Err(self.bad("short", self.value)) } else { Ok(bits) }
    }

    fn sized(&self) -> Result<usize, Bad> {
        if let Some(bits) = bits_of(self.size, self.unit) {
            return Ok(bits);
        }
        // SAFETY: machine rule 3.
        let size = unsafe { brand(self.size) };
        let limit = size.is_integer() && arith::to_float(size).is_none_or(|n| n >= 0.0);
        Err(Bad { limit, ..self.bad("size", self.size) })
    }

    /// Writes the segment at `bit`.
    fn write(&self, out: &mut [u8], bit: usize) -> Result<(), Bad> {
        // SAFETY: machine rule 3.
        let value = unsafe { brand(self.value) };
        let order = endian(self.flags);
        let done = match self.kind {
            Segment::Integer => bits::write_integer(out, bit, self.bits, value, order),
            Segment::Float => match arith::to_float(value) {
                Some(f) => bits::write_float(out, bit, self.bits, f, order),
                None if value.is_integer() => {
                    return Err(self.bad("no_float", self.value));
                }
                None => false,
            },
            Segment::String => {
                // SAFETY: the loader checked the range of the string table.
                let string = unsafe { std::slice::from_raw_parts(self.string, self.bits / 8) };
                bits::copy(string, 0, out, bit, self.bits);
                true
            }
            Segment::Binary | Segment::Append | Segment::PrivateAppend => match value.as_bits() {
                Some(src) => {
                    bits::copy(src.spanned_bytes(), src.bit_offset(), out, bit, self.bits);
                    true
                }
                None => false,
            },
            Segment::Utf8 | Segment::Utf16 | Segment::Utf32 => self.write_character(out, bit),
        };
        if done { Ok(()) } else { Err(self.bad("type", self.value)) }
    }

    fn write_character(&self, out: &mut [u8], bit: usize) -> bool {
        let Some(c) = character(self.value) else { return false };
        let mut buffer = [0; 4];
        let bytes = match self.kind {
            Segment::Utf8 => c.encode_utf8(&mut buffer).as_bytes(),
            Segment::Utf16 => utf16_bytes(c, self.flags, &mut buffer),
            _ => {
                buffer = utf32_bytes(c, self.flags);
                &buffer
            }
        };
        bits::copy(bytes, 0, out, bit, 8 * bytes.len());
        true
    }
}

op! {
    fn bs_create_bin<R: Place>(m) {
        if append_at_once::<R>(m) {
            return m.next(FIRST + m.w(4) as usize);
        }
        create_bin::<R>
    }
    fn bs_init_writable(m) {
        init_writable
    }
}

slow! {
    fn create_bin<R: Place>(m) {
        let count = m.w(4) as usize / SEGMENT_WORDS;
        if !m.has_room(MOST_WORDS) {
            m.collect(MOST_WORDS, live_with_sources(m));
        }
        let mut parts = std::mem::take(&mut m.turn().parts);
        parts.clear();
        for i in 0..count {
            let at = FIRST + SEGMENT_WORDS * i;
            match Part::read(m.ip.add(at), |n| m.get::<S>(at + n)) {
                Some(part) => parts.push(part),
                None => return crate::raise::bad_code,
            }
        }
        let heap = m.heap();
        let measured = measure_all(&mut parts);
        let written_bits = measured.as_ref().map_or(0, |&total| bits_written(&parts, total));
        let made = match measured {
            Ok(total) if written_bits >= LONG_BITS => match aside(m, &parts) {
                Some(Ok(term)) => Ok(term),
                // What is wrong with it is found here.
                Some(Err(_)) => build(m.heap(), &parts, total),
                None => {
                    m.turn().parts = parts;
                    // The operation runs again.
                    return m.leave(Switch::Yield, m.ip, oxbeam_code::x_registers());
                }
            },
            Ok(total) => build(heap, &parts, total),
            Err(bad) => Err(bad),
        };
        m.turn().parts = parts;
        m.turn().reds -= (written_bits / REDUCTION_BITS) as i64;
        match made {
            Ok(term) => {
                m.set::<R>(1, term.raw());
                m.back();
                m.next(FIRST + SEGMENT_WORDS * count)
            }
            Err(bad) => {
                m.back();
                fail(m, 2, bad)
            }
        }
    }
    fn init_writable(m) {
        let wanted = m.x(0).as_small().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let heap = m.heap();
        let (object, _) = writable(heap, wanted.min(1 << 30));
        let term = writable_sub(heap, object, 0);
        *m.x(0) = term.raw();
        m.back();
        m.next(1)
    }
}

/// Fails: to the label in operand `label`, or with an error.
pub(super) unsafe fn fail(m: &mut M, label: usize, bad: Bad) -> Handler {
    // SAFETY: by contract of the callers.
    unsafe {
        if m.w(label) != 0 {
            return m.branch(label);
        }
        let heap = m.heap();
        let atom = |name: &str| Atom::new(name).map_or(Term::nil(), Term::atom);
        let kind = match bad.kind {
            Segment::Append | Segment::PrivateAppend | Segment::Binary => "binary",
            Segment::Float => "float",
            Segment::Integer => "integer",
            Segment::String => "string",
            Segment::Utf8 => "utf8",
            Segment::Utf16 => "utf16",
            Segment::Utf32 => "utf32",
        };
        let segment = heap.int(i64::from(bad.segment));
        let cause = heap.tuple(&[segment, atom(kind), atom(bad.what), brand(bad.value)]);
        let pairs = vec![
            (Term::atom(am::cause), cause),
            (Term::atom(am::function), atom("format_bs_fail")),
            (Term::atom(am::module), Term::atom(am::erl_erts_errors)),
        ];
        let info = heap.map_from_merged(pairs).raw();
        m.back();
        let reason = RawTerm::atom(if bad.limit { am::system_limit } else { am::badarg });
        m.raise(Exception { class: Class::Error, reason, first: First::Here, info })
    }
}

/// The bits of all parts.
fn measure_all(parts: &mut [Part]) -> Result<usize, Bad> {
    let mut total = 0usize;
    for part in parts.iter_mut() {
        part.measure()?;
        total += part.bits;
        if total as u64 >= MAX_BITS {
            return Err(Bad { limit: true, ..part.bad("size", part.size) });
        }
    }
    Ok(total)
}

fn build<'h>(heap: &'h Heap, parts: &[Part], total: usize) -> Result<Term<'h>, Bad> {
    match parts.split_first() {
        Some((first, rest)) if first.is_append() => append(heap, first, rest, total - first.bits),
        _ => fresh(heap, parts, total),
    }
}

/// To write more bits than this may take more than a millisecond.
const LONG_BITS: usize = if oxbeam_heap::ZEAL { 8 << 9 } else { 16 << 20 };

/// The bits that putting measured parts together writes: not those that are appended to where they lie. It
/// stays so while a dirty scheduler does it.
fn bits_written(parts: &[Part], total: usize) -> usize {
    let Some(first) = parts.first().filter(|first| first.is_append()) else { return total };
    // SAFETY: machine rule 3: the value is a bitstring.
    let in_place = unsafe { has_room_behind(brand(first.value), first.bits, total) };
    if in_place { total - first.bits } else { total }
}

/// How many X registers hold what the operation and what follows need: it may read others than those
/// that live behind it.
///
/// # Safety
/// Machine rules.
unsafe fn live_with_sources(m: &M) -> usize {
    // SAFETY: by contract.
    unsafe {
        let segments = std::slice::from_raw_parts(m.ip.add(FIRST), m.w(4) as usize);
        let sources = segments
            .chunks_exact(SEGMENT_WORDS)
            .filter(|words| words[0] & 0xFFFF_FFFF != Segment::String as u64)
            .flat_map(|words| &words[3..]);
        let used = sources.filter(|&&word| !source::is_constant(word) && word & source::Y == 0);
        used.map(|&word| source::offset(word) / 8 + 1).fold(m.w(3) as usize, usize::max)
    }
}

/// Words of a part among the arguments of [`make_aside`].
const PART_ARGS: usize = 3;

/// Has a dirty scheduler put measured parts together. `None`: it does so now.
///
/// # Safety
/// Machine rules.
unsafe fn aside<'h>(m: &mut M, parts: &[Part]) -> Option<NativeResult<'h>> {
    // SAFETY: by contract; a string is as long as its part says.
    unsafe {
        let mut args = Vec::with_capacity(PART_ARGS * parts.len());
        for part in parts {
            let (mut kind, mut value, mut all) = (part.kind, part.value, part.all);
            if kind == Segment::String {
                // The code that it lies in may be purged meanwhile.
                let string = std::slice::from_raw_parts(part.string, part.bits / 8);
                (kind, value, all) = (Segment::Binary, m.heap().binary(string).raw(), true);
                m.back();
            }
            let how = kind as u64 | part.flags << 8 | part.unit << 16 | u64::from(all) << 48;
            args.extend([RawTerm::small(how as i64), value, part.size]);
        }
        // Whoever asks what the process does sees this.
        let shown = export::get_or_create(am::erlang, am::list_to_bitstring, 1);
        let result = native::call_with(m, shown, make_aside, RunOn::DirtyCpu, &args);
        m.back();
        result
    }
}

/// Puts parts together that were told by [`aside`].
fn make_aside<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let part = |args: &[Term<'h>]| {
        let how = args[0].as_small().and_then(|how| u64::try_from(how).ok())?;
        let kind = Segment::from_number(how & 0xFF)?;
        let (flags, unit) = (how >> 8 & 0xFF, how >> 16 & 0xFFFF_FFFF);
        Some(put_part(kind, unit, flags, args[1].raw(), args[2].raw(), how >> 48 != 0))
    };
    let parts: Option<Vec<Part>> = args.chunks_exact(PART_ARGS).map(part).collect();
    let mut parts = parts.ok_or_else(Flow::badarg)?;
    let made = measure_all(&mut parts).and_then(|total| build(cx.heap, &parts, total));
    made.map_err(|_| Flow::badarg())
}

fn write_all(out: &mut [u8], mut bit: usize, parts: &[Part]) -> Result<(), Bad> {
    for part in parts {
        part.write(out, bit)?;
        bit += part.bits;
    }
    Ok(())
}

fn fresh<'h>(heap: &'h Heap, parts: &[Part], total: usize) -> Result<Term<'h>, Bad> {
    let mut written = Ok(());
    let whole = heap.binary_with(total.div_ceil(8), |out| written = write_all(out, 0, parts));
    written?;
    Ok(heap.sub_binary(whole, 0, total))
}

fn append<'h>(heap: &'h Heap, first: &Part, rest: &[Part], more: usize) -> Result<Term<'h>, Bad> {
    // SAFETY: machine rule 3.
    let whole = unsafe { brand(first.value) };
    if more == 0 && whole.as_bits().is_some_and(|bits| bits.bit_size() == first.bits) {
        return Ok(whole);
    }
    // SAFETY: machine rule 3; `measure` saw that it is a bitstring.
    let (term, out, bit) = unsafe { appendable(heap, whole, first.bits, more) };
    // Sources may be parts of the very block: they lie before `bit`, and were
    // measured; a block that grew keeps its old bytes at the front.
    write_all(out, bit, rest)?;
    Ok(term)
}

/// What the put operations of older compilers need of a segment.
pub(super) fn put_part(
    kind: Segment,
    unit: u64,
    flags: u64,
    value: RawTerm,
    size: RawTerm,
    all: bool,
) -> Part {
    Part { kind, number: 1, unit, flags, value, size, all, string: std::ptr::null(), bits: 0 }
}

/// Writes a part where it fits; the bits written.
pub(super) fn put(part: &mut Part, out: &mut [u8], bit: usize) -> Result<usize, Bad> {
    part.measure()?;
    if bit + part.bits > 8 * out.len() {
        return Err(part.bad("size", part.size));
    }
    part.write(out, bit)?;
    Ok(part.bits)
}

/// An error of the put operations.
pub(super) fn bad_size(kind: Segment, value: RawTerm) -> Bad {
    Bad { segment: 1, kind, what: "size", value, limit: false }
}
