//! Module `unicode`: characters to binaries and lists.
//!
//! Input is a list, nested at will, of code points and of binaries in one encoding; a character
//! may be split over binaries that follow each other. What cannot be converted ends it:
//! `{error, Done, Rest}`, or `{incomplete, Done, Rest}` if the input ends within a character.

use oxbeam_runtime::yielding::Begin;
use oxbeam_runtime::{Cx, Flow, NativeResult, dirty};
use oxbeam_term::hash::is_long;
use oxbeam_term::view::Kind;
use oxbeam_term::{Atom, Bits, Cons, Term, am};

use crate::arg::take;
use crate::erlang::iolist::is_quick;

pub mod long;

/// Encoding of the binaries of the input.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Latin1,
    Utf8,
}

fn encoding<'h>(term: Term<'h>) -> Result<Encoding, Flow<'h>> {
    match term.as_atom() {
        Some(am::latin1) => Ok(Encoding::Latin1),
        Some(am::utf8 | am::unicode) => Ok(Encoding::Utf8),
        _ => Err(Flow::badarg()),
    }
}

/// Whether a term is character data at all: lists of integers, binaries and such lists.
fn is_character_data(data: Term<'_>) -> bool {
    let mut stack = vec![data];
    while !stack.is_empty() {
        if !walk_character_data(&mut stack, &mut usize::MAX.clone()) {
            return false;
        }
    }
    true
}

/// Looks at about `units` cells of what lies on the stack; what is left lies there afterwards.
/// Whether all that was seen is character data.
fn walk_character_data(stack: &mut Vec<Term<'_>>, units: &mut usize) -> bool {
    while *units > 0
        && let Some(mut rest) = stack.pop()
    {
        while let Some(cell) = rest.as_cons() {
            if *units == 0 {
                stack.push(rest);
                return true;
            }
            *units -= 1;
            match cell.head().kind() {
                Kind::Small(_) | Kind::Big(_) | Kind::Nil => {}
                Kind::Cons(_) => stack.push(cell.head()),
                _ if cell.head().is_binary() => {}
                _ => return false,
            }
            rest = cell.tail();
        }
        if !rest.is_nil() && !rest.is_binary() {
            return false;
        }
        *units = units.saturating_sub(1);
    }
    true
}

/// How a conversion ends.
enum End<'h> {
    Done,
    /// The input ends within a character, of which this much is there.
    Incomplete(Vec<u8>),
    /// The rest begins with what is no character.
    Error(Term<'h>),
}

struct Converter<'h, 'c> {
    cx: &'c Cx<'h>,
    encoding: Encoding,
    out: String,
    /// Bytes of a character whose end has not come yet.
    pending: &'c mut Vec<u8>,
    /// Tails of the lists that hold the one being walked.
    outer: Vec<Term<'h>>,
}

/// What stopped within a binary: the offset of the first byte that is not converted.
#[derive(Clone, Copy)]
struct BadAt(usize);

impl<'h> Converter<'h, '_> {
    /// Converts about `units` characters of `rest`, which becomes what is left; `None`: more is.
    fn run(&mut self, rest: &mut Term<'h>, units: &mut usize) -> Option<End<'h>> {
        while *units > 0 {
            *units -= 1;
            let stopped = match rest.kind() {
                Kind::Cons(cell) => self.element(cell, rest, units),
                Kind::Bits(bits) => self.portion(bits, rest, units),
                _ => match self.outer.pop() {
                    Some(tail) => {
                        *rest = tail;
                        Ok(())
                    }
                    None if self.pending.is_empty() => return Some(End::Done),
                    None => return Some(self.end_within_character()),
                },
            };
            if let Err(at) = stopped {
                return Some(End::Error(self.wrapped(at)));
            }
        }
        None
    }

    /// Converts the binary `rest`, or, if that is long, the beginning of it.
    fn portion(
        &mut self,
        bits: Bits<'h>,
        rest: &mut Term<'h>,
        units: &mut usize,
    ) -> Result<(), Term<'h>> {
        let (binary, size) = (*rest, bits.byte_size());
        let size = portion_bytes(bits, size.min(units.saturating_mul(BYTES_PER_CHAR)));
        *units = units.saturating_sub(size / BYTES_PER_CHAR);
        *rest = match size < bits.byte_size() {
            true => self.from(binary, BadAt(size)),
            false => Term::nil(),
        };
        self.binary(bits.slice(0, size * 8)).map_err(|bad| self.from(binary, bad))
    }

    /// The input has ended: what is there of the last character may already be wrong.
    fn end_within_character(&mut self) -> End<'h> {
        let pending = std::mem::take(self.pending);
        match pending[1..].iter().all(|byte| byte & 0xC0 == 0x80) {
            true => End::Incomplete(pending),
            false => End::Error(self.cx.heap.binary(&pending)),
        }
    }

    /// One element of a list; `rest` becomes what comes next. `Err`: what of this list is left.
    fn element(
        &mut self,
        cell: Cons<'h>,
        rest: &mut Term<'h>,
        units: &mut usize,
    ) -> Result<(), Term<'h>> {
        let (list, tail) = (*rest, cell.tail());
        *rest = tail;
        match cell.head().kind() {
            Kind::Nil => Ok(()),
            Kind::Cons(_) => {
                self.outer.push(tail);
                *rest = cell.head();
                Ok(())
            }
            Kind::Bits(bits) if bits.byte_size() / BYTES_PER_CHAR > *units => {
                // In portions, as if it stood in a list of its own.
                self.outer.push(tail);
                *rest = cell.head();
                Ok(())
            }
            Kind::Bits(bits) => self.binary(bits).map_err(|bad| {
                let left = self.from(cell.head(), bad);
                if bad.0 == 0 { list } else { self.cx.heap.cons(left, tail) }
            }),
            _ => match self.char_of(cell.head()) {
                Some(char) if self.pending.is_empty() => {
                    self.out.push(char);
                    Ok(())
                }
                _ => Err(list),
            },
        }
    }

    fn char_of(&self, term: Term<'h>) -> Option<char> {
        let code = u32::try_from(term.as_small()?).ok()?;
        match self.encoding {
            Encoding::Latin1 => u8::try_from(code).ok().map(char::from),
            Encoding::Utf8 => char::from_u32(code),
        }
    }

    fn from(&self, binary: Term<'h>, bad: BadAt) -> Term<'h> {
        let size = binary.as_bits().map_or(0, Bits::bit_size);
        self.cx.heap.sub_binary(binary, bad.0 * 8, size - bad.0 * 8)
    }

    fn binary(&mut self, bits: Bits<'h>) -> Result<(), BadAt> {
        let bytes = bits.to_bytes();
        if self.encoding == Encoding::Latin1 {
            self.out.extend(bytes.iter().map(|&byte| char::from(byte)));
            return Ok(());
        }
        let start = self.finish_pending(&bytes)?;
        let text = &bytes[start..];
        let valid = match simdutf8::compat::from_utf8(text) {
            Ok(text) => {
                self.out.push_str(text);
                return Ok(());
            }
            Err(error) => error.valid_up_to(),
        };
        self.out.push_str(std::str::from_utf8(&text[..valid]).unwrap_or_default());
        let left = &text[valid..];
        if char_bytes(left[0]).is_some_and(|needed| left.len() < needed) {
            self.pending.extend_from_slice(left);
            return Ok(());
        }
        Err(BadAt(start + valid))
    }

    /// Completes the pending character from the start of `bytes`; how many bytes that took.
    fn finish_pending(&mut self, bytes: &[u8]) -> Result<usize, BadAt> {
        let Some(&first) = self.pending.first() else { return Ok(0) };
        let missing = char_bytes(first).unwrap_or(0).saturating_sub(self.pending.len());
        let Some(added) = bytes.get(..missing) else {
            self.pending.extend_from_slice(bytes);
            return Ok(bytes.len());
        };
        let whole = [&self.pending[..], added].concat();
        let text = std::str::from_utf8(&whole).map_err(|_| BadAt(0))?;
        self.out.push_str(text);
        self.pending.clear();
        Ok(missing)
    }

    /// What is left of the whole input, given what is left of the innermost list.
    fn wrapped(&mut self, left: Term<'h>) -> Term<'h> {
        let heap = self.cx.heap;
        let rest = self.outer.drain(..).rev().fold(left, |rest, tail| heap.cons(rest, tail));
        if self.pending.is_empty() {
            return rest;
        }
        heap.list(&[heap.binary(self.pending), rest])
    }
}

/// Bytes of a binary that count as one character.
const BYTES_PER_CHAR: usize = 16;

/// So many bytes, or up to three less, that a character does not go on beyond; all if they are.
fn portion_bytes(bits: Bits<'_>, size_bytes: usize) -> usize {
    if size_bytes >= bits.byte_size() {
        return bits.byte_size();
    }
    let starts = |at: &usize| bits.byte(*at) & 0xC0 != 0x80;
    (size_bytes.saturating_sub(3).max(1)..=size_bytes).rev().find(starts).unwrap_or(size_bytes)
}

/// Bytes of the character that begins with `first`; `None` if none does.
fn char_bytes(first: u8) -> Option<usize> {
    match first {
        0..=0x7F => Some(1),
        0xC0..=0xDF => Some(2),
        0xE0..=0xEF => Some(3),
        0xF0..=0xF7 => Some(4),
        _ => None,
    }
}

/// Converts, and gives the text to `finish` to make the result of.
fn convert<'h>(
    cx: &mut Cx<'h>,
    args: &[Term<'h>],
    finish: impl Fn(&Cx<'h>, &str) -> Term<'h>,
    long: Begin,
) -> NativeResult<'h> {
    let [mut data, from] = take(args);
    let encoding = encoding(from)?;
    if !is_quick(data) {
        return Err(Flow::Long(long));
    }
    if !is_character_data(data) {
        return Err(Flow::badarg());
    }
    let (out, mut pending, outer) = (String::new(), vec![], vec![]);
    let mut converter = Converter { cx, encoding, out, pending: &mut pending, outer };
    let end = converter.run(&mut data, &mut usize::MAX.clone()).unwrap_or(End::Done);
    let text = converter.out;
    cx.bump(text.len() / 64);
    let done = finish(cx, &text);
    Ok(match end {
        End::Done => done,
        End::Incomplete(rest) => cx.heap.tagged(am::incomplete, [done, cx.heap.binary(&rest)]),
        End::Error(rest) => cx.heap.tagged(am::error, [done, rest]),
    })
}

/// Encodings other than Latin-1 and UTF-8 are the business of the module's Erlang code.
fn other_encoding<'h>(from: Term<'h>, function: Atom, args: &[Term<'h>]) -> Option<Flow<'h>> {
    encoding(from).is_err().then(|| Flow::trap(am::unicode, function, args))
}

pub fn characters_to_binary_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [data, from] = take(args);
    if let Some(flow) = other_encoding(from, am::characters_to_binary_int, args) {
        return Err(flow);
    }
    // A binary that is as it should be comes back itself.
    let same = |bytes: &[u8], encoding| match encoding {
        Encoding::Utf8 => simdutf8::basic::from_utf8(bytes).is_ok(),
        Encoding::Latin1 => bytes.is_ascii(),
    };
    if let Some(bytes) = data.as_bytes()
        && bytes.len() <= SCANNED_BYTES
        && same(bytes, encoding(from)?)
    {
        cx.bump(bytes.len() / 512);
        return Ok(data);
    }
    let finish = |cx: &Cx<'h>, text: &str| cx.heap.binary(text.as_bytes());
    convert(cx, args, finish, long::characters_to_binary_long)
}

/// Binaries of so many bytes are looked at as a whole: that takes a millisecond.
const SCANNED_BYTES: usize = 4 << 20;

pub fn characters_to_list_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if let Some(flow) = other_encoding(args[1], am::characters_to_list_int, args) {
        return Err(flow);
    }
    let finish = |cx: &Cx<'h>, text: &str| cx.heap.list_of_chars(text);
    convert(cx, args, finish, long::characters_to_list_long)
}

pub fn bin_is_7bit_1<'h>(_cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [binary] = take(args);
    dirty::if_long(bin_is_7bit_1, || is_long(binary))?;
    let bits = binary.as_bits().filter(|bits| bits.bit_size() % 8 == 0);
    Ok(Term::bool(bits.is_some_and(|bits| bits.to_bytes().is_ascii())))
}
