//! Writing external terms.

use oxbeam_num::bytes::{Endian, byte_len, write_magnitude};
use oxbeam_num::{Int, float_text};
use oxbeam_term::compare::compare_exact;
use oxbeam_term::hamt::Leaves;
use oxbeam_term::view::{Fun, Kind, Map};
use oxbeam_term::{Atom, Bits, Node, Term};

use crate::{VERSION, Zlib, tag};

/// How to encode: the options of `term_to_binary/2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodeOptions {
    /// 0: floats as text; 1: floats as bits; 2: also all atoms in UTF-8.
    pub minor_version: u8,
    /// zlib level; 0 is no compression.
    pub compression: u8,
    /// Keys of big maps in term order.
    pub deterministic: bool,
}

/// The level that the bare option `compressed` means.
pub const DEFAULT_COMPRESSION: u8 = 6;

impl Default for EncodeOptions {
    fn default() -> EncodeOptions {
        EncodeOptions { minor_version: 1, compression: 0, deterministic: false }
    }
}

/// The term holds something whose size the format has no room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooBig;

/// The external term with its version byte, compressed if that is asked for and makes it shorter.
pub fn term_to_binary(
    term: Term<'_>,
    options: EncodeOptions,
    zlib: &dyn Zlib,
) -> Result<Vec<u8>, TooBig> {
    let mut out = vec![VERSION];
    encode(&mut out, term, options)?;
    if options.compression == 0 || out.len() < 6 {
        return Ok(out);
    }
    // Version, tag and size take six bytes of what compression saves.
    match zlib.deflate(&out[1..], options.compression) {
        Some(packed) if packed.len() + 6 <= out.len() => {
            let size = u32::try_from(out.len() - 1).map_err(|_| TooBig)?;
            let mut short = Vec::with_capacity(6 + packed.len());
            short.extend_from_slice(&[VERSION, tag::COMPRESSED]);
            short.extend_from_slice(&size.to_be_bytes());
            short.extend_from_slice(&packed);
            Ok(short)
        }
        _ => Ok(out),
    }
}

/// Appends one term without a version byte.
pub fn encode(out: &mut Vec<u8>, term: Term<'_>, options: EncodeOptions) -> Result<(), TooBig> {
    let mut encoder = Encoder { out, options, stack: vec![Item::Term(term)] };
    while let Some(item) = encoder.stack.pop() {
        match item {
            Item::Term(term) => encoder.term(term)?,
            Item::Cells { rest, count, length_at } => encoder.cells(rest, count, length_at),
            Item::FunEnd { size_at } => {
                let size = encoder.out.len() - size_at;
                encoder.patch(size_at, size as u32);
            }
        }
    }
    Ok(())
}

enum Item<'t> {
    Term(Term<'t>),
    /// What is left of a list whose length is written, when known, at `length_at`.
    Cells {
        rest: Term<'t>,
        count: u32,
        length_at: usize,
    },
    /// All of a fun is written; its size goes to `size_at`.
    FunEnd {
        size_at: usize,
    },
}

struct Encoder<'o, 't> {
    out: &'o mut Vec<u8>,
    options: EncodeOptions,
    stack: Vec<Item<'t>>,
}

impl<'t> Encoder<'_, 't> {
    fn put(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    fn put_u32(&mut self, value: u32) {
        self.put(&value.to_be_bytes());
    }

    fn patch(&mut self, at: usize, value: u32) {
        self.out[at..at + 4].copy_from_slice(&value.to_be_bytes());
    }

    fn term(&mut self, term: Term<'t>) -> Result<(), TooBig> {
        match term.kind() {
            Kind::Small(value) => self.small(value),
            Kind::Big(big) => self.big(Int::new(big.is_negative(), big.digits())),
            Kind::Atom(atom) => self.atom(atom),
            Kind::Nil => self.put(&[tag::NIL]),
            Kind::Cons(_) => self.list(term),
            Kind::Tuple(tuple) => {
                match u8::try_from(tuple.arity()) {
                    Ok(arity) => self.put(&[tag::SMALL_TUPLE, arity]),
                    Err(_) => {
                        self.put(&[tag::LARGE_TUPLE]);
                        self.put_u32(tuple.arity() as u32);
                    }
                }
                self.push_all(tuple.elements());
            }
            Kind::Float(value) => self.float(value),
            Kind::Bits(bits) => return self.bits(bits),
            Kind::Map(map) => self.map(map),
            Kind::Fun(fun) => self.fun(fun),
            Kind::Export(export) => {
                self.put(&[tag::EXPORT]);
                self.atom(export.module);
                self.atom(export.function);
                self.small(i64::from(export.arity));
            }
            Kind::Internal => self.put(&[tag::NIL]),
            _ => self.identity(term),
        }
        Ok(())
    }

    fn push_all(&mut self, terms: &'t [Term<'t>]) {
        self.stack.extend(terms.iter().rev().map(|&term| Item::Term(term)));
    }

    fn small(&mut self, value: i64) {
        if let Ok(byte) = u8::try_from(value) {
            self.put(&[tag::SMALL_INTEGER, byte]);
        } else if let Ok(word) = i32::try_from(value) {
            self.put(&[tag::INTEGER]);
            self.put(&word.to_be_bytes());
        } else {
            self.big(Int::from_i64(value, &mut [0]));
        }
    }

    fn big(&mut self, value: Int<'_>) {
        let size = byte_len(value);
        match u8::try_from(size) {
            Ok(size) => self.put(&[tag::SMALL_BIG, size]),
            Err(_) => {
                self.put(&[tag::LARGE_BIG]);
                self.put_u32(size as u32);
            }
        }
        self.put(&[u8::from(value.is_negative())]);
        let at = self.out.len();
        self.out.resize(at + size, 0);
        write_magnitude(value, Endian::Little, &mut self.out[at..]);
    }

    /// In Latin-1 where that is possible, unless all atoms are to be in UTF-8.
    fn atom(&mut self, atom: Atom) {
        let name = atom.name();
        let latin1 = || name.chars().map(u8::try_from).collect::<Result<Vec<_>, _>>();
        match if self.options.minor_version < 2 { latin1().ok() } else { None } {
            Some(bytes) => {
                self.put(&[tag::ATOM]);
                self.put(&(bytes.len() as u16).to_be_bytes());
                self.put(&bytes);
            }
            None => {
                match u8::try_from(name.len()) {
                    Ok(size) => self.put(&[tag::SMALL_ATOM_UTF8, size]),
                    Err(_) => {
                        self.put(&[tag::ATOM_UTF8]);
                        self.put(&(name.len() as u16).to_be_bytes());
                    }
                }
                self.put(name.as_bytes());
            }
        }
    }

    fn float(&mut self, value: f64) {
        if self.options.minor_version > 0 {
            self.put(&[tag::NEW_FLOAT]);
            self.put(&value.to_bits().to_be_bytes());
            return;
        }
        let mut field = [0; 31];
        let text = float_text::scientific(value, float_text::DEFAULT_DECIMALS).unwrap_or_default();
        field[..text.len()].copy_from_slice(&text);
        self.put(&[tag::FLOAT]);
        self.put(&field);
    }

    fn list(&mut self, list: Term<'t>) {
        if let Some(length) = string_length(list) {
            self.put(&[tag::STRING]);
            self.put(&length.to_be_bytes());
            self.out.extend(list.list().filter_map(|byte| byte.as_small()).map(|byte| byte as u8));
            return;
        }
        self.put(&[tag::LIST, 0, 0, 0, 0]);
        self.cells(list, 0, self.out.len() - 4);
    }

    fn cells(&mut self, rest: Term<'t>, count: u32, length_at: usize) {
        match rest.as_cons() {
            Some(cell) => {
                self.stack.push(Item::Cells { rest: cell.tail(), count: count + 1, length_at });
                self.stack.push(Item::Term(cell.head()));
            }
            None => {
                self.patch(length_at, count);
                self.stack.push(Item::Term(rest));
            }
        }
    }

    fn bits(&mut self, bits: Bits<'_>) -> Result<(), TooBig> {
        let (count, last) = bits.trailing();
        let size = u32::try_from(bits.byte_size() + usize::from(count > 0)).map_err(|_| TooBig)?;
        self.put(&[if count > 0 { tag::BIT_BINARY } else { tag::BINARY }]);
        self.put_u32(size);
        if count > 0 {
            self.put(&[count as u8]);
        }
        self.put(&bits.to_bytes());
        if count > 0 {
            self.put(&[last << (8 - count)]);
        }
        Ok(())
    }

    /// The pairs of a hashed map come in the order of its lists: the last leaf first.
    fn map(&mut self, map: Map<'t>) {
        self.put(&[tag::MAP]);
        self.put_u32(map.size() as u32);
        if map.is_flat() {
            for (&key, &value) in map.flat_keys().iter().zip(map.flat_values()).rev() {
                self.stack.extend([Item::Term(value), Item::Term(key)]);
            }
            return;
        }
        let mut leaves: Vec<_> = Leaves::of(map).collect();
        if self.options.deterministic {
            leaves.sort_by(|a, b| compare_exact(b.head(), a.head()));
        }
        for leaf in leaves {
            self.stack.extend([Item::Term(leaf.tail()), Item::Term(leaf.head())]);
        }
    }

    fn fun(&mut self, fun: Fun<'t>) {
        let entry = fun.entry();
        self.put(&[tag::NEW_FUN]);
        self.stack.push(Item::FunEnd { size_at: self.out.len() });
        self.put_u32(0);
        self.put(&[fun.arity() as u8]);
        self.put(&entry.uniq);
        self.put_u32(entry.index);
        self.put_u32(fun.free_count() as u32);
        self.atom(entry.module);
        self.small(i64::from(entry.old_index as i32));
        self.small(i64::from(entry.old_uniq as i32));
        self.push_all(fun.env());
        self.stack.push(Item::Term(fun.creator()));
    }

    fn identity(&mut self, term: Term<'_>) {
        if let Some(pid) = term.pid_parts() {
            self.put(&[tag::NEW_PID]);
            self.atom(pid.node.name);
            self.put_u32(pid.number);
            self.put_u32(pid.serial);
            self.put_u32(pid.node.creation);
        } else if let Some(port) = term.port_parts() {
            self.port(port.number, port.node);
        } else if let Some(parts) = term.ref_parts() {
            self.put(&[tag::NEWER_REFERENCE]);
            self.put(&(parts.numbers().len() as u16).to_be_bytes());
            self.atom(parts.node.name);
            self.put_u32(parts.node.creation);
            for &number in parts.numbers() {
                self.put_u32(number);
            }
        }
    }

    fn port(&mut self, number: u64, node: &Node) {
        // What nodes before OTP 24 understand, if it fits.
        const MAX_OLD_NUMBER: u64 = (1 << 28) - 1;
        let old = number <= MAX_OLD_NUMBER;
        self.put(&[if old { tag::NEW_PORT } else { tag::V4_PORT }]);
        self.atom(node.name);
        if old {
            self.put_u32(number as u32);
        } else {
            self.put(&number.to_be_bytes());
        }
        self.put_u32(node.creation);
    }
}

/// The length of a proper list of bytes, if the short form has room for it.
fn string_length(list: Term<'_>) -> Option<u16> {
    let mut cells = list.list();
    let mut length = 0u16;
    for element in cells.by_ref() {
        u8::try_from(element.as_small()?).ok()?;
        length = length.checked_add(1)?;
    }
    cells.rest().is_nil().then_some(length)
}
