//! Reading external terms.

use oxbeam_heap::Heap;
use oxbeam_heap::binary_buffer::BinaryBuffer;
use oxbeam_heap::foreign_fun::FunIdentity;
use oxbeam_heap::map::{Pair, Twice};
use oxbeam_num::bytes::{Endian, read_bound, read_magnitude};
use oxbeam_num::float_text;
use oxbeam_term::atom::AtomError;
use oxbeam_term::identity::{MAX_REF_NUMBERS, pid_data};
use oxbeam_term::node::Node;
use oxbeam_term::{Atom, Term, export};

use crate::reader::Reader;
use crate::{VERSION, Zlib, tag};

/// Most bytes of a large integer's magnitude.
const MAX_BIG_BYTES: u32 = ((1 << 19) - 1) * 8;
/// Most free variables of a fun.
const MAX_FREE: u32 = 255;
/// The first number of a local reference has 18 bits.
const MAX_LOCAL_REF: u32 = 1 << 18;
const MAX_LOCAL_PID_NUMBER: u32 = (1 << 15) - 1;
const MAX_LOCAL_PID_SERIAL: u32 = (1 << 13) - 1;
const MAX_LOCAL_PORT: u64 = (1 << 28) - 1;
/// Creations of the old tags have two bits.
const MAX_TINY_CREATION: u8 = 3;

/// Why bytes are no term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Not the external format, or (in safe mode) something that does not exist yet.
    Bad,
    /// The atom table is full.
    SystemLimit,
}

/// How to decode.
#[derive(Clone, Copy, Default)]
pub struct Options {
    /// Make no new atoms and no new exports.
    pub safe: bool,
}

/// A term and how many bytes of the input it took.
#[derive(Clone, Copy)]
pub struct Decoded<'h> {
    pub term: Term<'h>,
    pub used_bytes: usize,
}

/// Reads an external term with its version byte, compressed or plain. Bytes after it are left
/// alone.
pub fn binary_to_term<'h>(
    heap: &'h Heap,
    bytes: &[u8],
    options: Options,
    zlib: &dyn Zlib,
) -> Result<Decoded<'h>, DecodeError> {
    let body = bytes.strip_prefix(&[VERSION]).ok_or(DecodeError::Bad)?;
    let Some(packed) = body.strip_prefix(&[tag::COMPRESSED]) else {
        let Decoded { term, used_bytes } = decode(heap, body, options)?;
        return Ok(Decoded { term, used_bytes: used_bytes + 1 });
    };
    let mut reader = Reader::new(packed);
    let size_bytes = reader.u32()? as usize;
    let (plain, used) = zlib.inflate(reader.rest(), size_bytes).ok_or(DecodeError::Bad)?;
    let Decoded { term, used_bytes } = decode(heap, &plain, options)?;
    if used_bytes != plain.len() {
        return Err(DecodeError::Bad);
    }
    Ok(Decoded { term, used_bytes: 6 + used })
}

/// Reads one term without a version byte, as it lies inside others and in distribution messages.
pub fn decode<'h>(
    heap: &'h Heap,
    bytes: &[u8],
    options: Options,
) -> Result<Decoded<'h>, DecodeError> {
    decode_cached(heap, bytes, options, &[])
}

/// As [`decode`], with the atoms that atom cache references stand for.
pub fn decode_cached<'h>(
    heap: &'h Heap,
    bytes: &[u8],
    options: Options,
    cache: &[Atom],
) -> Result<Decoded<'h>, DecodeError> {
    let (mut decoding, mut values, mut units) = (Decoding::new(options), vec![], usize::MAX);
    loop {
        match decoding.run(heap, bytes, cache, &mut values, &mut units)? {
            DecodeStop::Done => break,
            DecodeStop::Units => {}
            DecodeStop::List { base } => {
                let list = build(heap, Compound::List, &values[base..])?;
                values.truncate(base);
                values.push(list);
            }
            DecodeStop::Map { base } => {
                let map = build(heap, Compound::Map, &values[base..])?;
                values.truncate(base);
                values.push(map);
            }
        }
    }
    let term = values.pop().ok_or(DecodeError::Bad)?;
    Ok(Decoded { term, used_bytes: decoding.used_bytes() })
}

/// Why [`Decoding::run`] has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeStop {
    /// The term is the one on the stack.
    Done,
    /// The units are used up.
    Units,
    /// The values from `base` on, elements and then the tail, are to become a list.
    List { base: usize },
    /// The values from `base` on, keys and values in turn, are to become a map that refuses a key
    /// that comes twice.
    Map { base: usize },
}

/// Lists and maps of more parts are made by the caller, who may take his time.
const MANY_PARTS: usize = if oxbeam_heap::ZEAL { 4 } else { 2048 };
/// Binaries of more bytes are copied in pieces.
const PIECE_BYTES: usize = 1 << 14;
/// Bytes that count for one unit.
const BYTES_PER_UNIT: usize = 32;
/// Room for more parts is not made before they come: a sum that the bytes give may lie.
const MOST_RESERVED: usize = 1 << 24;

/// A decoding that can stop between any two terms. It holds no term: those that are read and not
/// yet part of another are on a stack of the caller's.
pub struct Decoding {
    options: Options,
    /// Bytes read.
    at: usize,
    open: Vec<Open>,
    /// A binary that is being copied, and bytes still to come.
    filling: Option<(BinaryBuffer, usize)>,
}

impl Decoding {
    pub fn new(options: Options) -> Decoding {
        Decoding { options, at: 0, open: vec![], filling: None }
    }

    /// Bytes read so far.
    pub fn used_bytes(&self) -> usize {
        self.at
    }

    /// Reads about `units` terms of `bytes`, which are the same each time.
    pub fn run<'h>(
        &mut self,
        heap: &'h Heap,
        bytes: &[u8],
        cache: &[Atom],
        values: &mut Vec<Term<'h>>,
        units: &mut usize,
    ) -> Result<DecodeStop, DecodeError> {
        let rest = bytes.get(self.at..).ok_or(DecodeError::Bad)?;
        let (options, open) = (self.options, &mut self.open);
        let (reader, filling) = (Reader::new(rest), &mut self.filling);
        let mut decoder = Decoder { heap, reader, options, cache, values, open, filling, units };
        let stop = decoder.run();
        self.at = bytes.len() - decoder.reader.rest().len();
        stop
    }
}

/// A compound term whose parts are being read onto the value stack.
struct Open {
    what: Compound,
    /// Parts that the term has.
    parts: usize,
    /// Height of the value stack below its first part.
    base: usize,
}

enum Compound {
    Tuple,
    /// The elements and then the tail.
    List,
    /// Keys and values in turn.
    Map,
    /// The creator and then the free variables.
    Fun(Box<FunIdentity>),
}

/// What one tag gives.
enum Read<'h> {
    Term(Term<'h>),
    Compound(Compound, usize),
    /// A binary of so many bytes, which are there, but many.
    Binary(usize),
}

struct Decoder<'h, 'b> {
    heap: &'h Heap,
    reader: Reader<'b>,
    options: Options,
    cache: &'b [Atom],
    values: &'b mut Vec<Term<'h>>,
    open: &'b mut Vec<Open>,
    filling: &'b mut Option<(BinaryBuffer, usize)>,
    units: &'b mut usize,
}

impl<'h> Decoder<'h, '_> {
    fn run(&mut self) -> Result<DecodeStop, DecodeError> {
        loop {
            // What the caller has made may be the last part of another.
            if let Some(stop) = self.close_finished()? {
                return Ok(stop);
            }
            if self.open.is_empty() && !self.values.is_empty() {
                return Ok(DecodeStop::Done);
            }
            if *self.units == 0 {
                return Ok(DecodeStop::Units);
            }
            *self.units -= 1;
            if self.filling.is_some() {
                self.fill()?;
                continue;
            }
            match self.read()? {
                Read::Term(term) => self.values.push(term),
                Read::Compound(what, parts) => {
                    // A stack that grows later on moves with all the parts.
                    self.values.reserve(parts.min(MOST_RESERVED));
                    self.open.push(Open { what, parts, base: self.values.len() });
                }
                Read::Binary(size_bytes) => {
                    let buffer = BinaryBuffer::with_capacity(size_bytes);
                    *self.filling = Some((buffer, size_bytes));
                }
            }
        }
    }

    /// Builds every compound term that has all its parts, or says which the caller is to build.
    fn close_finished(&mut self) -> Result<Option<DecodeStop>, DecodeError> {
        while let Some(last) = self.open.last()
            && self.values.len() - last.base == last.parts
            && let Some(Open { what, base, parts }) = self.open.pop()
        {
            match what {
                Compound::List if parts > MANY_PARTS => {
                    return Ok(Some(DecodeStop::List { base }));
                }
                Compound::Map if parts > MANY_PARTS => return Ok(Some(DecodeStop::Map { base })),
                _ => {}
            }
            *self.units = self.units.saturating_sub(parts / 16);
            let term = build(self.heap, what, &self.values[base..])?;
            self.values.truncate(base);
            self.values.push(term);
        }
        Ok(None)
    }

    /// Copies the next piece of a binary.
    fn fill(&mut self) -> Result<(), DecodeError> {
        let Some((mut buffer, left)) = self.filling.take() else { return Ok(()) };
        let size = left.min(PIECE_BYTES);
        buffer.push(self.reader.take(size)?);
        *self.units = self.units.saturating_sub(size / BYTES_PER_UNIT);
        if size < left {
            *self.filling = Some((buffer, left - size));
        } else {
            self.values.push(buffer.into_term(self.heap));
        }
        Ok(())
    }

    fn read(&mut self) -> Result<Read<'h>, DecodeError> {
        let heap = self.heap;
        let reader = &mut self.reader;
        Ok(Read::Term(match reader.u8()? {
            tag::SMALL_INTEGER => heap.int(i64::from(reader.u8()?)),
            tag::INTEGER => heap.int(i64::from(reader.i32()?)),
            tag::SMALL_BIG => {
                let size = u32::from(reader.u8()?);
                self.big(size)?
            }
            tag::LARGE_BIG => {
                let size = reader.u32()?;
                self.big(size)?
            }
            tag::NIL => Term::nil(),
            tag::STRING => {
                let size = usize::from(reader.u16()?);
                heap.list_of_bytes(reader.take(size)?)
            }
            tag::NEW_FLOAT => self.float(f64::from_bits(self.reader.clone().u64()?), 8)?,
            tag::FLOAT => self.old_float()?,
            tag::BINARY => {
                let size = reader.u32()?;
                let size = reader.count(size, 1)?;
                if size > PIECE_BYTES {
                    return Ok(Read::Binary(size));
                }
                heap.binary(reader.take(size)?)
            }
            tag::BIT_BINARY => self.bit_binary()?,
            tag @ (tag::ATOM
            | tag::SMALL_ATOM
            | tag::ATOM_UTF8
            | tag::SMALL_ATOM_UTF8
            | tag::ATOM_CACHE) => Term::atom(self.atom_of(tag)?),
            tag @ (tag::PID | tag::NEW_PID) => self.pid(tag)?,
            tag @ (tag::PORT | tag::NEW_PORT | tag::V4_PORT) => self.port(tag)?,
            tag @ (tag::REFERENCE | tag::NEW_REFERENCE | tag::NEWER_REFERENCE) => {
                self.reference(tag)?
            }
            tag::EXPORT => self.export()?,
            tag => return self.read_compound(tag),
        }))
    }

    fn read_compound(&mut self, tag: u8) -> Result<Read<'h>, DecodeError> {
        let reader = &mut self.reader;
        Ok(match tag {
            tag::SMALL_TUPLE => Read::Compound(Compound::Tuple, usize::from(reader.u8()?)),
            tag::LARGE_TUPLE => {
                let arity = reader.u32()?;
                Read::Compound(Compound::Tuple, reader.count(arity, 1)?)
            }
            tag::LIST => {
                let length = reader.u32()?;
                Read::Compound(Compound::List, reader.count(length, 1)? + 1)
            }
            tag::MAP => {
                let size = reader.u32()?;
                Read::Compound(Compound::Map, 2 * reader.count(size, 2)?)
            }
            tag::NEW_FUN => self.fun()?,
            _ => return Err(DecodeError::Bad),
        })
    }

    fn big(&mut self, size_bytes: u32) -> Result<Term<'h>, DecodeError> {
        if size_bytes > MAX_BIG_BYTES {
            return Err(DecodeError::Bad);
        }
        let negative = self.reader.u8()? != 0;
        let bytes = self.reader.take(size_bytes as usize)?;
        let mut digits = vec![0; read_bound(bytes.len())];
        let value = read_magnitude(bytes, Endian::Little, negative, &mut digits);
        Ok(self.heap.integer(value.negative, &digits[..value.len]))
    }

    /// A float whose text takes up `size_bytes`; infinities and the like are no Erlang terms.
    fn float(&mut self, value: f64, size_bytes: usize) -> Result<Term<'h>, DecodeError> {
        self.reader.take(size_bytes)?;
        if value.is_finite() { Ok(self.heap.float(value)) } else { Err(DecodeError::Bad) }
    }

    /// 31 bytes of text, filled up with zeros.
    fn old_float(&mut self) -> Result<Term<'h>, DecodeError> {
        let field = self.reader.clone().take(31)?;
        let text = field.split(|&byte| byte == 0).next().unwrap_or_default();
        self.float(float_text::parse(text).ok_or(DecodeError::Bad)?, 31)
    }

    fn bit_binary(&mut self) -> Result<Term<'h>, DecodeError> {
        let size = self.reader.u32()? as usize;
        let last_bits = usize::from(self.reader.u8()?);
        if (last_bits == 0) != (size == 0) || last_bits > 8 {
            return Err(DecodeError::Bad);
        }
        let bytes = self.reader.take(size)?;
        let bit_size = (size * 8).saturating_sub(8 - last_bits);
        Ok(self.heap.bitstring(bytes, if size == 0 { 0 } else { bit_size }))
    }

    /// An atom where only an atom may be.
    fn atom(&mut self) -> Result<Atom, DecodeError> {
        let tag = self.reader.u8()?;
        self.atom_of(tag)
    }

    fn atom_of(&mut self, tag: u8) -> Result<Atom, DecodeError> {
        let reader = &mut self.reader;
        let size = match tag {
            tag::ATOM_CACHE => {
                let index = usize::from(reader.u8()?);
                return self.cache.get(index).copied().ok_or(DecodeError::Bad);
            }
            tag::ATOM | tag::ATOM_UTF8 => usize::from(reader.u16()?),
            tag::SMALL_ATOM | tag::SMALL_ATOM_UTF8 => usize::from(reader.u8()?),
            _ => return Err(DecodeError::Bad),
        };
        let bytes = reader.take(size)?;
        if matches!(tag, tag::ATOM_UTF8 | tag::SMALL_ATOM_UTF8) || bytes.is_ascii() {
            self.atom_named(std::str::from_utf8(bytes).map_err(|_| DecodeError::Bad)?)
        } else {
            let name: String = bytes.iter().map(|&byte| char::from(byte)).collect();
            self.atom_named(&name)
        }
    }

    fn atom_named(&self, name: &str) -> Result<Atom, DecodeError> {
        if self.options.safe {
            return Atom::existing(name).ok_or(DecodeError::Bad);
        }
        Atom::new(name).map_err(|error| match error {
            AtomError::TooLong => DecodeError::Bad,
            AtomError::TableFull => DecodeError::SystemLimit,
        })
    }

    /// A creation as the tag holds it: one byte in the old tags, four in the new ones.
    fn creation(&mut self, old: bool) -> Result<u32, DecodeError> {
        if !old {
            return self.reader.u32();
        }
        match self.reader.u8()? {
            tiny @ 0..=MAX_TINY_CREATION => Ok(u32::from(tiny)),
            _ => Err(DecodeError::Bad),
        }
    }

    fn pid(&mut self, tag: u8) -> Result<Term<'h>, DecodeError> {
        let name = self.atom()?;
        let (number, serial) = (self.reader.u32()?, self.reader.u32()?);
        let creation = self.creation(tag == tag::PID)?;
        if is_this_node(name, creation) {
            if number > MAX_LOCAL_PID_NUMBER || serial > MAX_LOCAL_PID_SERIAL {
                return Err(DecodeError::Bad);
            }
            return Ok(Term::pid(pid_data(number, serial)));
        }
        let data = u64::from(number) | u64::from(serial) << 32;
        Ok(self.heap.external_pid(Node::get(name, creation), data))
    }

    fn port(&mut self, tag: u8) -> Result<Term<'h>, DecodeError> {
        let name = self.atom()?;
        let number = match tag {
            tag::V4_PORT => self.reader.u64()?,
            _ => u64::from(self.reader.u32()?),
        };
        let creation = self.creation(tag == tag::PORT)?;
        if is_this_node(name, creation) {
            let local = number <= MAX_LOCAL_PORT;
            return if local { Ok(Term::port(number)) } else { Err(DecodeError::Bad) };
        }
        Ok(self.heap.external_port(Node::get(name, creation), number))
    }

    fn reference(&mut self, tag: u8) -> Result<Term<'h>, DecodeError> {
        let count = if tag == tag::REFERENCE { 1 } else { usize::from(self.reader.u16()?) };
        if count == 0 || count > MAX_REF_NUMBERS {
            return Err(DecodeError::Bad);
        }
        let name = self.atom()?;
        let mut numbers = [0; MAX_REF_NUMBERS];
        if tag == tag::REFERENCE {
            // Here the creation comes last.
            numbers[0] = self.reader.u32()?;
        }
        let creation = self.creation(tag != tag::NEWER_REFERENCE)?;
        if tag != tag::REFERENCE {
            for number in &mut numbers[..count] {
                *number = self.reader.u32()?;
            }
        }
        let is_this = is_this_node(name, creation);
        let too_big = numbers[0] >= MAX_LOCAL_REF && (is_this || tag != tag::NEWER_REFERENCE);
        if too_big || (is_this && count > 3) {
            return Err(DecodeError::Bad);
        }
        if is_this {
            return Ok(self.heap.known_ref([numbers[0], numbers[1], numbers[2]]));
        }
        Ok(self.heap.external_ref(Node::get(name, creation), &numbers[..count]))
    }

    fn export(&mut self) -> Result<Term<'h>, DecodeError> {
        let (module, function) = (self.atom()?, self.atom()?);
        let arity = u8::try_from(self.small()?).map_err(|_| DecodeError::Bad)?;
        let export = if self.options.safe {
            export::find(module, function, arity).ok_or(DecodeError::Bad)?
        } else {
            export::get_or_create(module, function, arity)
        };
        Ok(self.heap.export_fun(export))
    }

    /// An integer where only a small one may be. (Not by `read`, which would recurse.)
    fn small(&mut self) -> Result<i64, DecodeError> {
        match self.reader.u8()? {
            tag::SMALL_INTEGER => Ok(i64::from(self.reader.u8()?)),
            tag::INTEGER => Ok(i64::from(self.reader.i32()?)),
            tag::SMALL_BIG => {
                let size = u32::from(self.reader.u8()?);
                self.big(size)?.as_small().ok_or(DecodeError::Bad)
            }
            _ => Err(DecodeError::Bad),
        }
    }

    fn fun(&mut self) -> Result<Read<'h>, DecodeError> {
        // The size in bytes is not to be trusted: some releases write a wrong one.
        self.reader.u32()?;
        let arity = self.reader.u8()?;
        let uniq = self.reader.uniq()?;
        let (index, free) = (self.reader.u32()?, self.reader.u32()?);
        if free > MAX_FREE {
            return Err(DecodeError::Bad);
        }
        let module = self.atom()?;
        let (old_index, old_uniq) = (self.small()? as u32, self.small()? as u32);
        let identity = FunIdentity { module, index, uniq, old_index, old_uniq, arity };
        Ok(Read::Compound(Compound::Fun(Box::new(identity)), 1 + free as usize))
    }
}

fn is_this_node(name: Atom, creation: u32) -> bool {
    let this = Node::this();
    name == this.name && creation == this.creation
}

fn build<'h>(heap: &'h Heap, what: Compound, parts: &[Term<'h>]) -> Result<Term<'h>, DecodeError> {
    Ok(match what {
        Compound::Tuple => heap.tuple(parts),
        Compound::List => {
            let (&tail, elements) = parts.split_last().ok_or(DecodeError::Bad)?;
            heap.list_onto(elements, tail)
        }
        Compound::Map => {
            let pairs: Vec<Pair<'h>> = parts.chunks_exact(2).map(|p| (p[0], p[1])).collect();
            heap.map_from_pairs(pairs, Twice::Refuse).ok_or(DecodeError::Bad)?
        }
        Compound::Fun(identity) => {
            let (&creator, env) = parts.split_first().ok_or(DecodeError::Bad)?;
            heap.fun_of(*identity, creator, env)
        }
    })
}
