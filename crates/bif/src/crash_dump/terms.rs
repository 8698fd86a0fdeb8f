//! Terms as a crash dump holds them: a line for each object, which names others by address.
//!
//! 1. A word is written where it stands: `I7`, `A2:ok`, `N`, `P<0.9.0>`, or `H` and an address.
//! 2. Each object that an address names has one line `ADDRESS:OBJECT` in the section of every
//!    process that reaches it, literals too.
//! 3. Off-heap binaries have sections of their own; lines refer to them.

use oxbeam_etf::{EncodeOptions, encode};
use oxbeam_heap::build::real_binary;
use oxbeam_num::float_text;
use oxbeam_term::view::Kind;
use oxbeam_term::{Atom, Bits, Map, Term};
use std::collections::{BTreeMap, HashSet};
use std::io::{Result, Write};

/// The off-heap binaries that objects refer to, by address.
#[derive(Default)]
pub struct Binaries(BTreeMap<usize, Vec<u8>>);

/// Largest binary whose bytes are written.
const MAX_BINARY_BYTES: usize = 1 << 24;

/// Writes the objects of one process.
pub struct Objects<'s, 'h> {
    binaries: &'s mut Binaries,
    pending: Vec<Term<'h>>,
    seen: HashSet<u64>,
}

fn address(term: Term<'_>) -> u64 {
    term.raw().ptr() as u64
}

fn write_atom(out: &mut dyn Write, atom: Atom) -> Result<()> {
    let name = atom.name();
    write!(out, "A{:X}:{name}", name.len())
}

impl<'s, 'h> Objects<'s, 'h> {
    pub fn new(binaries: &'s mut Binaries) -> Objects<'s, 'h> {
        Objects { binaries, pending: vec![], seen: HashSet::new() }
    }

    /// Writes one word (rule 1).
    pub fn word(&mut self, out: &mut dyn Write, term: Term<'h>) -> Result<()> {
        match term.kind() {
            Kind::Small(value) => write!(out, "I{value}"),
            Kind::Atom(atom) => write_atom(out, atom),
            Kind::Nil => write!(out, "N"),
            Kind::Pid(_) => write!(out, "P{}", oxbeam_term::print::identity_text(term)),
            Kind::Port(_) => write!(out, "p{}", oxbeam_term::print::identity_text(term)),
            _ => {
                self.reach(term);
                write!(out, "H{:X}", address(term))
            }
        }
    }

    /// An object was named: its line is to follow.
    fn reach(&mut self, term: Term<'h>) {
        if self.seen.insert(term.raw().0) {
            self.pending.push(term);
        }
    }

    fn words(&mut self, out: &mut dyn Write, terms: &[Term<'h>]) -> Result<()> {
        for (index, term) in terms.iter().enumerate() {
            if index > 0 {
                write!(out, ",")?;
            }
            self.word(out, *term)?;
        }
        Ok(())
    }

    /// A tuple of two that exists in no heap, under an address that is free.
    pub fn pair(&mut self, out: &mut dyn Write, at: u64, a: Term<'h>, b: Term<'h>) -> Result<()> {
        write!(out, "{at:X}:t2:")?;
        self.words(out, &[a, b])?;
        writeln!(out)
    }

    /// The lines of all objects that were reached.
    pub fn finish(&mut self, out: &mut dyn Write) -> Result<()> {
        while let Some(term) = self.pending.pop() {
            write!(out, "{:X}:", address(term))?;
            self.object(out, term)?;
            writeln!(out)?;
        }
        Ok(())
    }

    fn object(&mut self, out: &mut dyn Write, term: Term<'h>) -> Result<()> {
        match term.kind() {
            Kind::Cons(cell) => {
                write!(out, "l")?;
                self.word(out, cell.head())?;
                write!(out, "|")?;
                self.word(out, cell.tail())
            }
            Kind::Tuple(tuple) => {
                write!(out, "t{:X}:", tuple.arity())?;
                self.words(out, tuple.elements())
            }
            Kind::Float(value) => {
                let text = float_text::short(value);
                write!(out, "F{:X}:", text.len())?;
                out.write_all(&text)
            }
            Kind::Big(big) => {
                write!(out, "B{}16#", if big.is_negative() { "-" } else { "" })?;
                let mut digits = big.digits().iter().rev();
                digits.next().map_or(Ok(()), |first| write!(out, "{first:X}"))?;
                digits.try_for_each(|digit| write!(out, "{digit:016X}"))
            }
            Kind::Bits(bits) => self.bits(out, term, bits),
            Kind::Map(map) => self.map(out, map),
            Kind::Internal => write!(out, "Yh0:"),
            _ => {
                let mut bytes = vec![oxbeam_etf::VERSION];
                // What is too large for the format leaves an atom in its place.
                if encode(&mut bytes, term, EncodeOptions::default()).is_err() {
                    bytes = vec![oxbeam_etf::VERSION, 119, 3, b'b', b'i', b'g'];
                }
                write!(out, "E{:X}:{}", bytes.len(), base64(&bytes))
            }
        }
    }

    fn map(&mut self, out: &mut dyn Write, map: Map<'h>) -> Result<()> {
        if map.is_flat() {
            write!(out, "Mf{:X}:", map.size())?;
            self.word(out, map.flat_keys_tuple())?;
            write!(out, ":")?;
            return self.words(out, map.flat_values());
        }
        let children = map.children();
        if map.is_inner_node() {
            write!(out, "Mn{:X}:", children.len())?;
        } else {
            write!(out, "Mh{:X}:{:X}:", map.size(), children.len())?;
        }
        self.words(out, children)
    }

    fn bits(&mut self, out: &mut dyn Write, term: Term<'h>, bits: Bits<'h>) -> Result<()> {
        let (base, skipped) = real_binary(term);
        if base.raw() != term.raw() {
            self.reach(base);
            let size = bits.bit_size() / 8;
            return write!(out, "Ys{:X}:{:X}:{size:X}", address(base), skipped / 8);
        }
        let bytes = bits.to_bytes();
        if bytes.len() <= oxbeam_term::layout::HEAP_BIN_MAX_BYTES {
            return write!(out, "Yh{:X}:{}", bytes.len(), base64(&bytes));
        }
        let place = bytes.as_ptr() as usize;
        if bytes.len() <= MAX_BINARY_BYTES {
            self.binaries.0.entry(place).or_insert_with(|| bytes.to_vec());
        }
        write!(out, "Yc{place:X}:0:{:X}", bytes.len())
    }
}

impl Binaries {
    /// A section for each binary.
    pub fn finish(self, out: &mut dyn Write) -> Result<()> {
        for (place, bytes) in self.0 {
            writeln!(out, "=binary:{place:X}\n{:X}:{}", bytes.len(), base64(&bytes))?;
        }
        Ok(())
    }
}

/// The usual base 64, padded.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte));
        let word = word << (8 * (3 - group.len()));
        for index in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * index) & 63) as usize];
            text.push(if index <= group.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxbeam_heap::Heap;

    #[test]
    fn bytes_in_base_64() {
        let cases =
            [("", ""), ("a", "YQ=="), ("ab", "YWI="), ("abc", "YWJj"), ("abcd", "YWJjZA==")];
        for (bytes, text) in cases {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn an_object_has_one_line() {
        let heap = Heap::detached();
        let inner = heap.tuple(&[heap.int(7), Term::nil()]);
        let list = heap.list(&[inner, inner]);
        let (mut out, mut binaries) = (vec![], Binaries::default());
        let mut objects = Objects::new(&mut binaries);
        objects.word(&mut out, list).unwrap();
        out.push(b'\n');
        objects.finish(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), 4);
        assert_eq!(text.lines().filter(|line| line.ends_with(":t2:I7,N")).count(), 1);
    }
}
