//! Writes specific instructions: picks the variant that the operands allow,
//! encodes them, and keeps the places that need an address later.

use oxbeam_beam_file::Operand;
use oxbeam_code::handlers::word_of;
use oxbeam_ops::specific::{Kind, Mode, Op, Template, source};
use oxbeam_term::{Atom, RawTerm};

/// A fixed operand to write.
#[derive(Clone, Copy)]
pub(crate) enum Fix {
    /// The address of a label, 0 for none.
    Label(u32),
    /// The catch mark of a label, set in a frame of so many words.
    Catch(u32, u16),
    /// A plain word.
    Word(u64),
    /// An address in the string table, as an offset.
    String(u32),
    /// The entry of a fun, by its row.
    Fun(u32),
}

/// What a place to patch gets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patch {
    /// The address of the label.
    Address(u32),
    /// The catch mark of the label, set in a frame of so many words.
    Catch(u32, u16),
    /// The address of that byte of the string table.
    String(u32),
    /// The address of that row's fun entry.
    Fun(u32),
}

/// An operand that fits no variant: the kind is wrong.
#[derive(Debug)]
pub(crate) struct WrongOperand;

/// The words written so far.
pub(crate) struct Emitter<'a> {
    pub(crate) words: Vec<u64>,
    /// (word index, what goes there).
    pub(crate) patches: Vec<(u32, Patch)>,
    atoms: &'a [Atom],
    literals: &'a [RawTerm],
}

impl<'a> Emitter<'a> {
    /// An empty one; `literals` are the file's and then the large integers.
    pub(crate) fn new(atoms: &'a [Atom], literals: &'a [RawTerm]) -> Emitter<'a> {
        Emitter { words: Vec::new(), patches: Vec::new(), atoms, literals }
    }

    /// Offset of the next word.
    pub(crate) fn here(&self) -> u32 {
        self.words.len() as u32
    }

    /// The constant term of an operand, if it is one.
    pub(crate) fn constant(&self, operand: Operand) -> Option<RawTerm> {
        match operand {
            Operand::Atom(n) => Some(RawTerm::atom(self.atoms[n as usize - 1])),
            Operand::Nil => Some(RawTerm::NIL),
            Operand::I(n) => Some(RawTerm::small(n)),
            Operand::Literal(n) => self.literals.get(n as usize).copied(),
            _ => None,
        }
    }

    /// The word of an operand read or written in mode `mode`.
    fn encode(&self, mode: Mode, operand: Operand) -> Option<u64> {
        match (mode, operand) {
            (Mode::X, Operand::X(n)) | (Mode::Y, Operand::Y(n)) => Some(u64::from(n) * 8),
            (Mode::S | Mode::D, Operand::X(n)) => Some(source::x(n)),
            (Mode::S | Mode::D, Operand::Y(n)) => Some(source::y(n)),
            (Mode::C | Mode::S, constant) => self.constant(constant).map(|t| t.0),
            _ => None,
        }
    }

    /// Writes an instruction of `template`.
    pub(crate) fn put(
        &mut self,
        template: Template,
        modes: &[Operand],
        fixed: &[Fix],
    ) -> Result<(), WrongOperand> {
        let fits = |op: &&Op| {
            op.modes().len() == modes.len()
                && op.modes().iter().zip(modes).all(|(&m, &o)| self.encode(m, o).is_some())
        };
        let op = *template.info().variants.iter().find(fits).ok_or(WrongOperand)?;
        self.words.push(word_of(op));
        for (&mode, &operand) in op.modes().iter().zip(modes) {
            let word = self.encode(mode, operand).ok_or(WrongOperand)?;
            self.words.push(word);
        }
        let counted = template.info().kinds.iter().filter(|k| matches!(k, Kind::N | Kind::W));
        debug_assert_eq!(fixed.len() + counted.count(), template.info().kinds.len());
        fixed.iter().for_each(|&fix| self.fix(fix));
        Ok(())
    }

    /// Writes one fixed operand.
    pub(crate) fn fix(&mut self, fix: Fix) {
        let patch = match fix {
            Fix::Label(0) => return self.words.push(0),
            Fix::Word(word) => return self.words.push(word),
            Fix::Label(n) => Patch::Address(n),
            Fix::Catch(n, frame) => Patch::Catch(n, frame),
            Fix::String(offset) => Patch::String(offset),
            Fix::Fun(row) => Patch::Fun(row),
        };
        self.patches.push((self.here(), patch));
        self.words.push(0);
    }

    /// Writes an `N` operand: a count and that many sources.
    pub(crate) fn sources(&mut self, operands: &[Operand]) -> Result<(), WrongOperand> {
        self.words.push(operands.len() as u64);
        operands.iter().try_for_each(|&operand| self.source(operand))
    }

    /// Writes one source (or destination) word.
    pub(crate) fn source(&mut self, operand: Operand) -> Result<(), WrongOperand> {
        let word = self.encode(Mode::S, operand).ok_or(WrongOperand)?;
        self.words.push(word);
        Ok(())
    }
}
