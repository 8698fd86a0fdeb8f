//! Writing external terms.

use oxbeam_heap::map::cursor::Cursor;
use oxbeam_num::bytes::{Endian, byte_len, write_magnitude};
use oxbeam_num::{Int, float_text};
use oxbeam_term::compare::compare_exact;
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
    compressed(out, options, zlib)
}

/// A plain external term with its version byte, compressed if that is asked for and makes it
/// shorter.
pub fn compressed(
    out: Vec<u8>,
    options: EncodeOptions,
    zlib: &dyn Zlib,
) -> Result<Vec<u8>, TooBig> {
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
    let (mut encoding, mut terms, mut units) = (Encoding::new(options), vec![term], usize::MAX);
    loop {
        match encoding.run(&mut terms, out, &mut units)? {
            EncodeStop::Done => return Ok(()),
            EncodeStop::Units => {}
            EncodeStop::Sort { from } => terms[from..].sort_by(|a, b| leaf_order(*a, *b)),
        }
    }
}

/// Most room for the parts of a leaf that is written while the others wait.
const ROOM_ABOVE_LEAVES: usize = 1024;

/// The order in which [`EncodeStop::Sort`] wants leaves: the highest key first.
pub fn leaf_order(a: Term<'_>, b: Term<'_>) -> std::cmp::Ordering {
    match (a.as_cons(), b.as_cons()) {
        (Some(a), Some(b)) => compare_exact(b.head(), a.head()),
        _ => std::cmp::Ordering::Equal,
    }
}

/// Why [`Encoding::run`] has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeStop {
    Done,
    /// The units are used up.
    Units,
    /// The terms from there on the stack are to be sorted by [`leaf_order`].
    Sort {
        from: usize,
    },
}

/// What is to be done when the stack of terms has come down to a height.
enum Mark {
    /// The top is what is left of a list whose length is written, when known, at `length_at`.
    Cells { height: usize, count: u32, length_at: usize },
    /// All of a fun is written; its size goes to `size_at`.
    FunEnd { height: usize, size_at: usize },
    /// The top is a binary of which so many bytes are written.
    Bytes { height: usize, written: usize },
    /// Below the top is a hashed map; more of its leaves are to be put on the stack, from `place`.
    Gather { height: usize, place: Vec<u64> },
    /// The top is a leaf, a cell of key and value, or, at `map`, the map that the leaves were of.
    Leaves { height: usize, map: usize },
}

impl Mark {
    /// The height at which it is its turn; `Gather` is always.
    fn height(&self) -> usize {
        match *self {
            Mark::Cells { height, .. }
            | Mark::FunEnd { height, .. }
            | Mark::Bytes { height, .. }
            | Mark::Leaves { height, .. } => height,
            Mark::Gather { .. } => usize::MAX,
        }
    }
}

/// Binaries of more bytes are written in pieces of so many.
const PIECE_BYTES: usize = 1 << 14;
/// Bytes that count for one unit.
const BYTES_PER_UNIT: usize = 32;
/// Leaves of a map that are put on the stack at a time.
const LEAVES: usize = 256;

/// An encoding that can stop between any two terms. It holds no term: those still to be written
/// are on a stack of the caller's, the next last.
pub struct Encoding {
    options: EncodeOptions,
    marks: Vec<Mark>,
    /// Bytes that were taken out of the buffer.
    base: usize,
    late: Vec<(usize, [u8; 4])>,
}

impl Encoding {
    pub fn new(options: EncodeOptions) -> Encoding {
        Encoding { options, marks: vec![], base: 0, late: vec![] }
    }

    /// Tells that the caller has taken all bytes out of the buffer.
    pub fn taken(&mut self, bytes: usize) {
        self.base += bytes;
    }

    /// Bytes to be written over the ones taken out: where, counted from the first.
    pub fn late(&self) -> &[(usize, [u8; 4])] {
        &self.late
    }

    /// Encodes for about `units` terms.
    pub fn run<'t>(
        &mut self,
        terms: &mut Vec<Term<'t>>,
        out: &mut Vec<u8>,
        units: &mut usize,
    ) -> Result<EncodeStop, TooBig> {
        let mut encoder = Encoder { out, terms, units, encoding: self };
        loop {
            if *encoder.units == 0 {
                return Ok(EncodeStop::Units);
            }
            *encoder.units -= 1;
            let due = |mark: &Mark| mark.height() >= encoder.terms.len();
            if encoder.encoding.marks.last().is_some_and(due) {
                if let Some(from) = encoder.marked() {
                    return Ok(EncodeStop::Sort { from });
                }
                continue;
            }
            match encoder.terms.pop() {
                Some(term) => encoder.term(term)?,
                None => return Ok(EncodeStop::Done),
            }
        }
    }
}

struct Encoder<'o, 't> {
    out: &'o mut Vec<u8>,
    terms: &'o mut Vec<Term<'t>>,
    units: &'o mut usize,
    encoding: &'o mut Encoding,
}

impl<'t> Encoder<'_, 't> {
    /// Does what the last mark says. `Some`: leaves from there on are to be sorted.
    fn marked(&mut self) -> Option<usize> {
        let mark = self.encoding.marks.pop()?;
        match mark {
            Mark::Cells { height, count, length_at } => {
                let rest = self.terms.pop().unwrap_or(Term::nil());
                debug_assert_eq!(self.terms.len() + 1, height);
                self.cells(rest, count, length_at);
            }
            Mark::FunEnd { size_at, .. } => {
                let size = self.encoding.base + self.out.len() - size_at;
                self.patch(size_at, size as u32);
            }
            Mark::Bytes { height, written } => self.piece(height, written),
            Mark::Gather { height, place } => return self.gather(height, place),
            Mark::Leaves { height, map } => {
                let top = self.terms.pop();
                if height > map + 1
                    && let Some(leaf) = top.and_then(Term::as_cons)
                {
                    self.encoding.marks.push(Mark::Leaves { height: height - 1, map });
                    self.terms.extend([leaf.tail(), leaf.head()]);
                }
            }
        }
        None
    }

    /// Puts more leaves of the map at `map` on the stack.
    fn gather(&mut self, map: usize, place: Vec<u64>) -> Option<usize> {
        let walked = self.terms.get(map).and_then(|term| term.as_map())?;
        let mut cursor = Cursor::at(walked, &place)?;
        let leaves = cursor.by_ref().take(LEAVES).map(|leaf| leaf.as_list());
        let before = self.terms.len();
        self.terms.extend(leaves);
        let found = self.terms.len() - before;
        *self.units = self.units.saturating_sub(found / 4);
        if let Some(place) = cursor.digits() {
            self.encoding.marks.push(Mark::Gather { height: map, place });
            return None;
        }
        self.encoding.marks.push(Mark::Leaves { height: self.terms.len(), map });
        self.encoding.options.deterministic.then_some(map + 1)
    }

    /// Writes a piece of the binary on top.
    fn piece(&mut self, height: usize, written: usize) {
        let Some(bits) = self.terms.last().and_then(|term| term.as_bits()) else { return };
        let size = (bits.byte_size() - written).min(PIECE_BYTES);
        self.put(&bits.slice(written * 8, size * 8).to_bytes());
        *self.units = self.units.saturating_sub(size / BYTES_PER_UNIT);
        if written + size < bits.byte_size() {
            self.encoding.marks.push(Mark::Bytes { height, written: written + size });
            return;
        }
        self.last_bits(bits);
        self.terms.pop();
    }

    fn put(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Where the next byte goes, counted from the first of all.
    fn here(&self) -> usize {
        self.encoding.base + self.out.len()
    }

    fn put_u32(&mut self, value: u32) {
        self.put(&value.to_be_bytes());
    }

    fn patch(&mut self, at: usize, value: u32) {
        let bytes = value.to_be_bytes();
        match at.checked_sub(self.encoding.base) {
            Some(at) => self.out[at..at + 4].copy_from_slice(&bytes),
            None => self.encoding.late.push((at, bytes)),
        }
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
            Kind::Bits(bits) => return self.bits(term, bits),
            Kind::Map(map) => self.map(term, map),
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
        *self.units = self.units.saturating_sub(terms.len() / 16);
        self.terms.extend(terms.iter().rev());
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
        match if self.encoding.options.minor_version < 2 { latin1().ok() } else { None } {
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
        if self.encoding.options.minor_version > 0 {
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
            *self.units = self.units.saturating_sub(usize::from(length) / 16);
            self.out.extend(list.list().filter_map(|byte| byte.as_small()).map(|byte| byte as u8));
            return;
        }
        self.put(&[tag::LIST, 0, 0, 0, 0]);
        self.cells(list, 0, self.here() - 4);
    }

    fn cells(&mut self, rest: Term<'t>, count: u32, length_at: usize) {
        match rest.as_cons() {
            Some(cell) => {
                self.terms.push(cell.tail());
                let (height, count) = (self.terms.len(), count + 1);
                self.encoding.marks.push(Mark::Cells { height, count, length_at });
                self.terms.push(cell.head());
            }
            None => {
                self.patch(length_at, count);
                self.terms.push(rest);
            }
        }
    }

    fn bits(&mut self, term: Term<'t>, bits: Bits<'_>) -> Result<(), TooBig> {
        let (count, _) = bits.trailing();
        let size = u32::try_from(bits.byte_size() + usize::from(count > 0)).map_err(|_| TooBig)?;
        self.put(&[if count > 0 { tag::BIT_BINARY } else { tag::BINARY }]);
        self.put_u32(size);
        if count > 0 {
            self.put(&[count as u8]);
        }
        if bits.byte_size() > PIECE_BYTES {
            self.terms.push(term);
            self.encoding.marks.push(Mark::Bytes { height: self.terms.len(), written: 0 });
            return Ok(());
        }
        self.put(&bits.to_bytes());
        self.last_bits(bits);
        Ok(())
    }

    fn last_bits(&mut self, bits: Bits<'_>) {
        let (count, last) = bits.trailing();
        if count > 0 {
            self.put(&[last << (8 - count)]);
        }
    }

    /// The pairs of a hashed map come in the order of its lists: the last leaf first.
    fn map(&mut self, term: Term<'t>, map: Map<'t>) {
        self.put(&[tag::MAP]);
        self.put_u32(map.size() as u32);
        if map.is_flat() {
            for (&key, &value) in map.flat_keys().iter().zip(map.flat_values()).rev() {
                self.terms.extend([value, key]);
            }
            return;
        }
        let height = self.terms.len();
        // A stack that grows later on moves with all its leaves.
        self.terms.reserve(map.size() + 2 + map.size().min(ROOM_ABOVE_LEAVES));
        self.terms.push(term);
        self.encoding.marks.push(Mark::Gather { height, place: vec![0] });
    }

    fn fun(&mut self, fun: Fun<'t>) {
        let entry = fun.entry();
        self.put(&[tag::NEW_FUN]);
        let (height, size_at) = (self.terms.len(), self.here());
        self.encoding.marks.push(Mark::FunEnd { height, size_at });
        self.put_u32(0);
        self.put(&[fun.arity() as u8]);
        self.put(&entry.uniq);
        self.put_u32(entry.index);
        self.put_u32(fun.free_count() as u32);
        self.atom(entry.module);
        self.small(i64::from(entry.old_index as i32));
        self.small(i64::from(entry.old_uniq as i32));
        self.push_all(fun.env());
        self.terms.push(fun.creator());
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
            if let Some(reference) = term.as_ref() {
                reference.goes_outside();
            }
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
