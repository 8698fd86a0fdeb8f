//! The Code chunk: its header and the decoder of instructions.

use crate::chunks::BeamFile;
use crate::error::Error;
use crate::reader::{Compact, Reader, Tag};
use oxbeam_ops::generic::Generic;

/// The Code chunk's header.
#[derive(Clone, Copy, Debug)]
pub struct CodeHeader {
    /// Highest operation number in use.
    pub opcode_max: u32,
    /// Labels are 1 ..= label_count - 1.
    pub label_count: u32,
    /// How many `func_info` there are.
    pub function_count: u32,
}

/// X and Y registers are numbered below this.
const MAX_REG: i64 = 1024;

/// One decoded operand. An `extended list` is given as [`Operand::List`] with
/// its length, followed by that many further operands of the instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operand {
    /// A plain unsigned number.
    U(u64),
    /// An integer that fits 64 bits.
    I(i64),
    /// A larger integer: offset and length in the instruction bytes
    /// ([`BeamFile::code`]) of its big-endian two's complement.
    Big(u32, u32),
    /// Index into the atom table, at least 1.
    Atom(u32),
    /// The empty list.
    Nil,
    /// X register, below 1024.
    X(u16),
    /// Y register, below 1024.
    Y(u16),
    /// X register with an index into the Type chunk.
    TypedX(u16, u32),
    /// Y register with an index into the Type chunk.
    TypedY(u16, u32),
    /// A label, 1 ..= label_count - 1.
    Label(u32),
    /// Label 0: none.
    NoLabel,
    /// A float register, below 1024.
    Float(u16),
    /// Index into the literal table.
    Literal(u32),
    /// An allocation list: plain words, floats, funs.
    Alloc {
        /// Words.
        words: u32,
        /// How many floats.
        floats: u32,
        /// How many funs.
        funs: u32,
    },
    /// An extended list of that many operands, which follow.
    List(u32),
}

/// An operation with its operands.
#[derive(Clone, Copy, Debug)]
pub struct Instr {
    /// Which.
    pub op: Generic,
    /// Where its bytes begin in the instruction bytes.
    pub at: u32,
}

/// The decoder: a cursor over the instruction bytes.
pub struct Operands<'f, 'a> {
    file: &'f BeamFile<'a>,
    reader: Reader<'a>,
}

/// No file may nest or list more operands than its bytes can hold.
impl<'f, 'a> Operands<'f, 'a> {
    pub(crate) fn new(file: &'f BeamFile<'a>) -> Operands<'f, 'a> {
        Operands { file, reader: Reader::new(b"Code", file.code) }
    }

    /// Decodes the next instruction; its operands replace the contents of
    /// `out`. `Ok(None)` at the end of the bytes.
    pub fn next(&mut self, out: &mut Vec<Operand>) -> Result<Option<Instr>, Error> {
        out.clear();
        if self.reader.left() == 0 {
            return Ok(None);
        }
        let at = self.reader.at() as u32;
        let number = self.reader.u8()?;
        let op = Generic::from_number(number)
            .ok_or_else(|| self.reader.error(format!("no operation {number}")))?;
        for i in 0..op.info().arity {
            let operand = self.operand()?;
            out.push(operand);
            if let Operand::List(n) = operand {
                if i + 1 != op.info().arity {
                    return Err(self.reader.error("a list is not the last operand"));
                }
                for _ in 0..n {
                    let element = self.operand()?;
                    if matches!(element, Operand::List(_)) {
                        return Err(self.reader.error("nested operand list"));
                    }
                    out.push(element);
                }
            }
        }
        Ok(Some(Instr { op, at }))
    }

    fn operand(&mut self) -> Result<Operand, Error> {
        let (tag, n) = match self.reader.compact()? {
            Compact::Big { at, len } => return Ok(Operand::Big(at, len)),
            Compact::Word(tag, n) => (tag, n),
        };
        match tag {
            Tag::U => Ok(Operand::U(n as u64)),
            Tag::I => Ok(Operand::I(n)),
            Tag::A if n == 0 => Ok(Operand::Nil),
            Tag::A if (n as usize) <= self.file.atoms.len() => Ok(Operand::Atom(n as u32)),
            Tag::F if n == 0 => Ok(Operand::NoLabel),
            Tag::F if n < i64::from(self.file.header.label_count) => Ok(Operand::Label(n as u32)),
            Tag::X if n < MAX_REG => Ok(Operand::X(n as u16)),
            Tag::Y if n < MAX_REG => Ok(Operand::Y(n as u16)),
            Tag::Z => self.extended(n),
            _ => Err(self.reader.error(format!("operand {tag:?} {n} is out of range"))),
        }
    }

    fn extended(&mut self, kind: i64) -> Result<Operand, Error> {
        match kind {
            1 => {
                let n = self.reader.untagged()?;
                if n as usize > self.reader.left() {
                    return Err(self.reader.error("operand list longer than the chunk"));
                }
                Ok(Operand::List(n))
            }
            2 => match self.reader.untagged()? {
                n if i64::from(n) < MAX_REG => Ok(Operand::Float(n as u16)),
                _ => Err(self.reader.error("no such float register")),
            },
            3 => self.alloc_list(),
            4 => match self.reader.untagged()? {
                n if (n as usize) < self.file.literals.len() => Ok(Operand::Literal(n)),
                n => Err(self.reader.error(format!("no literal {n}"))),
            },
            5 => {
                let register = self.operand()?;
                let ty = self.reader.untagged()?;
                if self.file.types.as_ref().is_some_and(|types| ty as usize >= types.len()) {
                    return Err(self.reader.error(format!("no type {ty}")));
                }
                match register {
                    Operand::X(n) => Ok(Operand::TypedX(n, ty)),
                    Operand::Y(n) => Ok(Operand::TypedY(n, ty)),
                    _ => Err(self.reader.error("type of something other than a register")),
                }
            }
            _ => Err(self.reader.error(format!("no extended operand {kind}"))),
        }
    }

    fn alloc_list(&mut self) -> Result<Operand, Error> {
        /// More than any heap may hold in one go, and small enough to add up.
        const MAX_NEED: u32 = 1 << 24;
        let (mut words, mut floats, mut funs) = (0u32, 0u32, 0u32);
        for _ in 0..self.reader.untagged()? {
            let kind = self.reader.untagged()?;
            let n = self.reader.untagged()?;
            let slot = match kind {
                0 => &mut words,
                1 => &mut floats,
                2 => &mut funs,
                _ => return Err(self.reader.error("bad allocation list")),
            };
            *slot = slot.saturating_add(n);
            if *slot > MAX_NEED {
                return Err(self.reader.error("allocation list asks too much"));
            }
        }
        Ok(Operand::Alloc { words, floats, funs })
    }
}
