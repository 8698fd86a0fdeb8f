//! The file's instructions, decoded as a whole so that several can be looked
//! at together.

use oxbeam_beam_file::{BeamFile, Error, Operand};
use oxbeam_ops::generic::{Generic, Status};
use oxbeam_term::tag::{SMALL_MAX, SMALL_MIN};

/// One generic instruction: its operands are a run of [`Source::operands`].
#[derive(Clone, Copy)]
struct Row {
    op: Generic,
    first: u32,
    len: u32,
}

/// All instructions of a file.
#[derive(Default)]
pub(crate) struct Source {
    rows: Vec<Row>,
    operands: Vec<Operand>,
    /// External terms of integers that are no smalls; their literal numbers
    /// follow those of the file's table.
    pub(crate) integers: Vec<Vec<u8>>,
    /// How many X registers the instructions speak of.
    pub(crate) x_registers: usize,
    /// How many float registers they speak of.
    pub(crate) float_registers: usize,
}

/// An instruction as the transformation sees it.
#[derive(Clone, Copy)]
pub(crate) struct Gen<'a> {
    pub(crate) op: Generic,
    pub(crate) args: &'a [Operand],
}

impl Source {
    /// Decodes up to `int_code_end`. Type annotations are dropped here.
    pub(crate) fn decode(file: &BeamFile<'_>, opcode_max: u32) -> Result<Source, Error> {
        let bad = |reason: String| Error::new(b"Code", reason);
        if file.header.opcode_max > opcode_max {
            return Err(bad("compiled for a later version of the runtime system".into()));
        }
        let mut source = Source::default();
        let literal_count = file.literals.len() as u32;
        let mut decoder = file.instructions();
        let mut args = Vec::new();
        while let Some(instr) = decoder.next(&mut args)? {
            let info = instr.op.info();
            if info.status == Status::Obsolete || instr.op as u32 > opcode_max {
                return Err(bad(format!("operation {} is not supported", info.name)));
            }
            let first = source.operands.len() as u32;
            for &arg in &args {
                let arg = source.plain(arg, file.code, literal_count);
                source.note_register(arg);
                source.operands.push(arg);
            }
            if let (Generic::FuncInfo, &[_, _, Operand::U(arity)]) = (instr.op, &args[..]) {
                source.x_registers = source.x_registers.max(arity.min(255) as usize);
            }
            source.rows.push(Row { op: instr.op, first, len: args.len() as u32 });
            source.lines_before_moves();
            if instr.op == Generic::IntCodeEnd {
                return Ok(source);
            }
        }
        Err(bad("no end of code".into()))
    }

    /// Puts a line that was read last in front of the moves before it, which
    /// cannot fail: so that the moves can fuse with what comes behind.
    fn lines_before_moves(&mut self) {
        let mut i = self.rows.len() - 1;
        while self.rows[i].op == Generic::Line && i > 0 && self.rows[i - 1].op == Generic::Move {
            self.rows.swap(i - 1, i);
            i -= 1;
        }
    }

    fn note_register(&mut self, operand: Operand) {
        let (most, n) = match operand {
            Operand::X(n) => (&mut self.x_registers, n),
            Operand::Float(n) => (&mut self.float_registers, n),
            _ => return,
        };
        *most = (*most).max(usize::from(n) + 1);
    }

    /// The operand without type, an integer out of the small range as a literal.
    fn plain(&mut self, arg: Operand, code: &[u8], literal_count: u32) -> Operand {
        let external = match arg {
            Operand::TypedX(n, _) => return Operand::X(n),
            Operand::TypedY(n, _) => return Operand::Y(n),
            Operand::I(n) if (SMALL_MIN..=SMALL_MAX).contains(&n) => return arg,
            Operand::I(n) => external_integer(&n.to_be_bytes()),
            Operand::Big(at, len) => external_integer(&code[at as usize..(at + len) as usize]),
            _ => return arg,
        };
        self.integers.push(external);
        Operand::Literal(literal_count + self.integers.len() as u32 - 1)
    }

    /// How many instructions there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Instruction `i`, if there is one.
    pub(crate) fn get(&self, i: usize) -> Option<Gen<'_>> {
        let row = self.rows.get(i)?;
        let first = row.first as usize;
        Some(Gen { op: row.op, args: &self.operands[first..first + row.len as usize] })
    }
}

/// The external term of an integer given by its big-endian two's complement.
fn external_integer(bytes: &[u8]) -> Vec<u8> {
    let negative = bytes[0] & 0x80 != 0;
    let mut carry = negative;
    let mut digits: Vec<u8> = Vec::with_capacity(bytes.len());
    for &byte in bytes.iter().rev() {
        let byte = if negative { !byte } else { byte };
        let (digit, over) = byte.overflowing_add(u8::from(carry));
        carry = over;
        digits.push(digit);
    }
    while digits.last() == Some(&0) {
        digits.pop();
    }
    let mut external = vec![131];
    match u8::try_from(digits.len()) {
        Ok(n) => external.extend([110, n]),
        Err(_) => {
            external.push(111);
            external.extend((digits.len() as u32).to_be_bytes());
        }
    }
    external.push(u8::from(negative));
    external.extend(digits);
    external
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_become_external_terms() {
        let min = external_integer(&i64::MIN.to_be_bytes());
        assert_eq!(min, [131, 110, 8, 1, 0, 0, 0, 0, 0, 0, 0, 0x80]);
        let big = external_integer(&[0, 0x80, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(big, [131, 110, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0x80]);
    }
}
