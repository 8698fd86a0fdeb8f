//! The way through a file: tables, then function by function, then addresses.

use crate::context::{LoadError, Profile};
use crate::emit::{Emitter, Fix, Patch, WrongOperand};
use crate::frames::{self, Verdicts};
use crate::literals::{Literals, decode_all};
use crate::source::{Gen, Source};
use crate::verify::Proofs;
use oxbeam_beam_file::{BeamFile, Error, Operand, inflate_if_compressed};
use oxbeam_code::handlers::word_of;
use oxbeam_code::memory::Block;
use oxbeam_code::module::{Function, Lambda, Module};
use oxbeam_heap::literal::Area;
use oxbeam_ops::generic::Generic;
use oxbeam_ops::specific::{Op, Template};
use oxbeam_term::export::{self, Export};
use oxbeam_term::{Atom, FunEntry, RawTerm};

/// Why an instruction was refused.
pub(crate) enum Fault {
    /// An operand of a kind that the operation does not take.
    Operand,
    /// What stock does not look at before the instruction is run: it is loaded, and raises then.
    Unsound,
    /// Something else.
    Reason(String),
}

impl From<WrongOperand> for Fault {
    fn from(_: WrongOperand) -> Fault {
        Fault::Operand
    }
}

pub(crate) fn fault<T>(reason: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Reason(reason.into()))
}

/// Where a label stands.
#[derive(Clone, Copy)]
struct Place {
    offset: u32,
    /// Index of its function.
    function: u32,
}

/// How a label is used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// A branch or a catch, which the frame proof has looked at.
    Branch,
    /// A call: to a function's entry.
    Call,
}

/// The state of a load.
pub(crate) struct Loader<'a> {
    pub(crate) file: &'a BeamFile<'a>,
    pub(crate) source: &'a Source,
    pub(crate) emit: Emitter<'a>,
    pub(crate) atoms: &'a [Atom],
    pub(crate) imports: Vec<&'static Export>,
    pub(crate) proofs: Proofs,
    verdicts: Verdicts,
    pub(crate) functions: Vec<Function>,
    places: Vec<Option<Place>>,
    /// Labels at the place written last.
    recent: Vec<u32>,
    /// (label, function, how, offset of the instruction).
    uses: Vec<(u32, u32, Use, u32)>,
    /// Where a last instruction raises `bad_code`.
    end: u32,
    /// Where the instruction that is written begins.
    begin: u32,
    pub(crate) lines: Vec<(u32, u16, u32)>,
    on_load: Option<u32>,
    pub(crate) at: usize,
}

/// Prepares a module from a file's bytes, compressed or not.
///
/// Errors: what is wrong with the file, or what has run out.
pub fn prepare(bytes: &[u8], profile: &Profile) -> Result<Module, LoadError> {
    let bytes = inflate_if_compressed(bytes)?;
    let file = BeamFile::parse(&bytes)?;
    let source = Source::decode(&file, profile.opcode_max)?;
    let atoms = intern(&file)?;
    check_terms(&file)?;
    let Literals { area, terms } = literals(&file, &source)?;
    let mut loader = Loader::new(&file, &source, &atoms, &terms);
    loader.transform(profile.keep_lines)?;
    loader.finish(area)
}

/// How many instructions of a file's functions the frame proof replaces although they can be
/// reached: 0 for what a sound compiler wrote.
///
/// Errors: as [`prepare`]'s, for what is read.
pub fn unproved_rows(bytes: &[u8], profile: &Profile) -> Result<usize, LoadError> {
    let bytes = inflate_if_compressed(bytes)?;
    let file = BeamFile::parse(&bytes)?;
    let source = Source::decode(&file, profile.opcode_max)?;
    Ok(frames::verify(&file, &source).unproved())
}

fn undefined(chunk: &[u8; 4], label: u32) -> Error {
    Error::new(chunk, format!("undefined label {label}"))
}

fn intern(file: &BeamFile<'_>) -> Result<Vec<Atom>, LoadError> {
    let atoms = file.atoms.iter().map(|name| Atom::new(name)).collect::<Result<_, _>>();
    atoms.map_err(|_| LoadError::SystemLimit("atoms"))
}

/// Attributes and compile information are kept as they are, so that they must be terms.
fn check_terms(file: &BeamFile<'_>) -> Result<(), Error> {
    for (chunk, bytes) in [(b"Attr", file.attributes), (b"CInf", file.compile_info)] {
        if !bytes.is_empty() {
            decode_all(&[bytes]).map_err(|_| Error::new(chunk, "no external term"))?;
        }
    }
    Ok(())
}

fn literals(file: &BeamFile<'_>, source: &Source) -> Result<Literals, Error> {
    let mut external: Vec<&[u8]> = (0..file.literals.len()).map(|i| file.literals.get(i)).collect();
    external.extend(source.integers.iter().map(Vec::as_slice));
    decode_all(&external).map_err(|reason| Error::new(b"LitT", reason))
}

impl<'a> Loader<'a> {
    fn new(
        file: &'a BeamFile<'a>,
        source: &'a Source,
        atoms: &'a [Atom],
        literals: &'a [RawTerm],
    ) -> Loader<'a> {
        let atom = |n: u32| atoms[n as usize - 1];
        let import = |i: &oxbeam_beam_file::Import| {
            export::get_or_create(atom(i.module), atom(i.function), i.arity as u8)
        };
        Loader {
            file,
            source,
            emit: Emitter::new(atoms, literals),
            atoms,
            imports: file.imports.iter().map(import).collect(),
            proofs: Proofs::default(),
            verdicts: frames::verify(file, source),
            functions: Vec::new(),
            places: vec![None; file.header.label_count as usize],
            recent: Vec::new(),
            uses: Vec::new(),
            end: 0,
            begin: 0,
            lines: Vec::new(),
            on_load: None,
            at: 0,
        }
    }

    /// The atom of an atom operand.
    pub(crate) fn atom(&self, operand: Operand) -> Result<Atom, Fault> {
        match operand {
            Operand::Atom(n) => Ok(self.atoms[n as usize - 1]),
            _ => Err(Fault::Operand),
        }
    }

    /// The import of an operand.
    pub(crate) fn import(&self, operand: Operand) -> Result<&'static Export, Fault> {
        match operand {
            Operand::U(n) => match self.imports.get(n as usize) {
                Some(export) => Ok(export),
                None => fault(format!("no import {n}")),
            },
            _ => Err(Fault::Operand),
        }
    }

    /// A branch target (or none) of an operand.
    pub(crate) fn branch(&mut self, operand: Operand) -> Result<Fix, Fault> {
        match operand {
            Operand::NoLabel => Ok(Fix::Label(0)),
            Operand::Label(n) => {
                self.uses.push((n, self.current(), Use::Branch, self.begin));
                Ok(Fix::Label(n))
            }
            _ => Err(Fault::Operand),
        }
    }

    /// A branch target that must be there.
    pub(crate) fn target(&mut self, operand: Operand) -> Result<Fix, Fault> {
        match operand {
            Operand::Label(_) => self.branch(operand),
            _ => Err(Fault::Operand),
        }
    }

    /// The entry label of a call. How many arguments the instruction says that there are decides
    /// nothing: the function knows.
    pub(crate) fn callee(&mut self, operand: Operand) -> Result<Fix, Fault> {
        match operand {
            Operand::Label(n) => {
                self.uses.push((n, self.current(), Use::Call, self.begin));
                Ok(Fix::Label(n))
            }
            _ => Err(Fault::Operand),
        }
    }

    /// Whether row `i` must not be executed.
    pub(crate) fn is_bad(&self, i: usize) -> bool {
        self.verdicts.is_bad(i)
    }

    /// The frame of the running row, which sets a catch mark.
    pub(crate) fn catch_frame(&self) -> u16 {
        self.verdicts.catch_frame(self.at - 1)
    }

    fn current(&self) -> u32 {
        self.functions.len() as u32
    }

    fn transform(&mut self, keep_lines: bool) -> Result<(), LoadError> {
        while let Some(row) = self.source.get(self.at) {
            if row.op == Generic::IntCodeEnd {
                break;
            }
            self.at += 1;
            self.begin = self.emit.here();
            match self.one(row, keep_lines) {
                Err(Fault::Unsound) => self.written_as_bad(),
                done => done.map_err(|fault| self.refuse(row, fault))?,
            }
        }
        // What runs on past the last instruction ends here, and what is called at no function's entry.
        self.end = self.emit.here();
        self.emit.put(Template::bad_code, &[], &[]).ok();
        self.check_labels()
    }

    /// Puts what raises in the place of the instruction that is being written.
    fn written_as_bad(&mut self) {
        self.emit.words.truncate(self.begin as usize);
        self.emit.patches.retain(|patch| patch.0 < self.begin);
        self.proofs.forget();
        self.emit.put(Template::bad_code, &[], &[]).ok();
    }

    fn refuse(&self, row: Gen<'_>, fault: Fault) -> LoadError {
        let name = row.op.info().name;
        let error = Error::new(
            b"Code",
            match fault {
                Fault::Operand | Fault::Unsound => {
                    format!("bad operands of {name}: {:?}", row.args)
                }
                Fault::Reason(reason) => format!("{name}: {reason}"),
            },
        );
        LoadError::BadFile(match self.functions.last() {
            Some(f) => error.in_function(f.name.name().as_bytes(), u32::from(f.arity)),
            None => error,
        })
    }

    fn one(&mut self, row: Gen<'a>, keep_lines: bool) -> Result<(), Fault> {
        match row.op {
            Generic::Label => {
                if self.verdicts.is_bad(self.at - 1) {
                    self.put(Template::bad_code, &[], &[])?;
                }
                self.label(row.args)?;
                self.native_body()?;
                if self.verdicts.is_loop(self.at - 1) {
                    self.put(Template::tick, &[], &[])?;
                }
                Ok(())
            }
            Generic::FuncInfo => self.func_info(row.args),
            Generic::Line => {
                if keep_lines {
                    self.line(row.args)?;
                }
                Ok(())
            }
            Generic::OnLoad => {
                self.on_load = self.functions.last().map(|f| f.entry);
                Ok(())
            }
            _ if self.functions.is_empty() => fault("outside of a function"),
            _ if self.verdicts.is_bad(self.at - 1) => {
                self.proofs.forget();
                self.put(Template::bad_code, &[], &[])
            }
            _ => self.instruction(row),
        }
    }

    fn label(&mut self, args: &[Operand]) -> Result<(), Fault> {
        let &[Operand::U(n)] = args else { return Err(Fault::Operand) };
        self.proofs.forget();
        let (offset, function) = (self.emit.here(), self.current());
        if self.recent.first().is_some_and(|&l| self.offset(l) != Some(offset)) {
            self.recent.clear();
        }
        self.recent.push(n as u32);
        match self.places.get_mut(n as usize) {
            Some(place @ None) if n > 0 => *place = Some(Place { offset, function }),
            Some(Some(_)) => return fault(format!("label {n} is defined twice")),
            _ => return fault(format!("no label {n}")),
        }
        Ok(())
    }

    /// At the entry of a function that is a native: its body gives way to the native, for who
    /// calls it from within its module.
    fn native_body(&mut self) -> Result<(), Fault> {
        let Some(function) = self.functions.last() else { return Ok(()) };
        if function.entry != self.emit.here() {
            return Ok(());
        }
        let export = oxbeam_term::export::find(self.atoms[0], function.name, function.arity);
        match export.filter(|export| export.bif().is_some()) {
            Some(export) => {
                let export = Fix::Word(std::ptr::from_ref(export) as u64);
                Ok(self.emit.put(Template::call_bif, &[], &[export])?)
            }
            None => Ok(()),
        }
    }

    fn func_info(&mut self, args: &[Operand]) -> Result<(), Fault> {
        let &[module, name, Operand::U(arity)] = args else { return Err(Fault::Operand) };
        let (module, name) = (self.atom(module)?, self.atom(name)?);
        if arity > 255 {
            return fault(format!("arity {arity}"));
        }
        let info = self.emit.here();
        let function = self.current() + 1;
        for &label in &self.recent {
            // The labels in front belong to the new function.
            if let Some(place) = &mut self.places[label as usize]
                && place.offset == info
            {
                place.function = function;
            }
        }
        let words = [RawTerm::atom(module).0, RawTerm::atom(name).0, arity].map(Fix::Word);
        self.emit.put(Template::func_info, &[], &words)?;
        self.emit.fix(Fix::Word(0));
        let entry = self.emit.here();
        self.functions.push(Function { info, entry, name, arity: arity as u8, max_x: 1023 });
        self.proofs.forget();
        Ok(())
    }

    fn line(&mut self, args: &[Operand]) -> Result<(), Fault> {
        let &[Operand::U(n)] = args else { return Err(Fault::Operand) };
        let items = &self.file.lines.items;
        let item = match items.get(n as usize) {
            Some(item) => *item,
            None if items.is_empty() => return Ok(()),
            None => return fault(format!("no line item {n}")),
        };
        let row = (self.emit.here(), item.file as u16, item.line);
        match self.lines.last_mut() {
            Some(last) if last.0 == row.0 => *last = row,
            _ => self.lines.push(row),
        }
        Ok(())
    }

    /// An undefined label is an error; an instruction that misuses one must not be executed.
    fn check_labels(&mut self) -> Result<(), LoadError> {
        for &(label, from, how, begin) in &self.uses {
            let Some(place) = self.places[label as usize] else {
                let f = &self.functions[from as usize - 1];
                let error = Error::new(b"Code", format!("undefined label {label}"));
                let error = error.in_function(f.name.name().as_bytes(), u32::from(f.arity));
                return Err(error.into());
            };
            let good = match how {
                Use::Branch => true,
                Use::Call => self
                    .functions
                    .get((place.function as usize).wrapping_sub(1))
                    .is_some_and(|f| f.entry == place.offset),
            };
            if !good {
                self.emit.words[begin as usize] = word_of(Op::bad_code);
            }
        }
        Ok(())
    }

    fn offset(&self, label: u32) -> Option<u32> {
        Some(self.places.get(label as usize).copied().flatten()?.offset)
    }

    /// The function whose entry label this is.
    fn entry_of(&self, label: u32) -> Option<&Function> {
        let offset = self.offset(label)?;
        let i = self.functions.partition_point(|f| f.entry < offset);
        self.functions.get(i).filter(|f| f.entry == offset)
    }

    /// Where a call from elsewhere goes that asks for a label as a function's entry: if it is none,
    /// to what raises. `None`: the label is not defined. Another arity than the function's does no
    /// harm: registers beyond the arguments hold terms too.
    fn entry(&self, label: u32) -> Option<u32> {
        self.offset(label)?;
        Some(self.entry_of(label).map_or(self.end, |f| f.entry))
    }

    fn exports(&self) -> Result<Vec<(&'static Export, u32)>, Error> {
        let row = |e: &oxbeam_beam_file::Export| {
            let entry = self.entry(e.label).ok_or_else(|| undefined(b"ExpT", e.label))?;
            let function = self.atoms[e.function as usize - 1];
            Ok((export::get_or_create(self.atoms[0], function, e.arity as u8), entry))
        };
        self.file.exports.iter().map(row).collect()
    }

    fn lambdas(&self) -> Result<Vec<(u32, u8)>, Error> {
        let row = |l: &oxbeam_beam_file::Lambda| {
            let entry = self.entry(l.label).ok_or_else(|| undefined(b"FunT", l.label))?;
            let arity = if l.is_sound() { l.arity - l.num_free } else { 0 };
            Ok((entry, arity as u8))
        };
        self.file.lambdas.iter().map(row).collect()
    }

    fn finish(mut self, literals: Option<Area>) -> Result<Module, LoadError> {
        let (exports, bodies) = (self.exports()?, self.lambdas()?);
        let words = self.emit.words.len() + self.file.strings.len().div_ceil(8);
        oxbeam_code::use_x_registers(self.source.x_registers);
        oxbeam_code::use_float_registers(self.source.float_registers);
        let mut code = Block::new(words).ok_or(LoadError::SystemLimit("memory for code"))?;
        let (name, md5) = (self.atoms[0], self.file.md5);
        let lambdas = self.file.lambdas.iter().zip(&bodies).map(|(row, &(body, arity))| {
            let old = (row.index, row.old_uniq);
            let entry = FunEntry::get_or_create(name, row.index, md5, old, arity);
            Lambda { entry, body }
        });
        let lambdas: Vec<Lambda> = lambdas.collect();
        self.patch(&code, &lambdas);
        self.append_strings();
        code.fill(&self.emit.words);
        Ok(Module {
            name: self.atoms[0],
            words: self.emit.words.len(),
            code,
            lambdas,
            exports,
            functions: std::mem::take(&mut self.functions),
            lines: std::mem::take(&mut self.lines),
            files: self.files(),
            literals: literals.into(),
            attributes: self.file.attributes.to_vec(),
            compile_info: self.file.compile_info.to_vec(),
            types: self.file.types.clone().unwrap_or_default(),
            md5: self.file.md5,
            on_load: self.on_load,
            serial: 0,
            breakpoints: Default::default(),
        })
    }

    fn files(&self) -> Vec<String> {
        let own = format!("{}.erl", self.file.module());
        let others = self.file.lines.names.iter().map(|&name| match name {
            "" => own.clone(),
            name => name.to_string(),
        });
        std::iter::once(own.clone()).chain(others).collect()
    }

    fn patch(&mut self, code: &Block, lambdas: &[Lambda]) {
        let base = code.start() as u64;
        let strings = base + 8 * self.emit.words.len() as u64;
        let address = |places: &[Option<Place>], label: u32| {
            let place = places[label as usize].expect("label uses were checked");
            base + 8 * u64::from(place.offset)
        };
        for &(at, patch) in &self.emit.patches {
            self.emit.words[at as usize] = match patch {
                Patch::Address(label) => address(&self.places, label),
                Patch::Catch(label, frame) => {
                    let handler = address(&self.places, label) as *const u64;
                    oxbeam_code::catch_mark(handler, frame).0
                }
                Patch::String(offset) => strings + u64::from(offset),
                Patch::Fun(row) => lambdas[row as usize].entry.as_ptr() as u64,
            };
        }
    }

    fn append_strings(&mut self) {
        for chunk in self.file.strings.chunks(8) {
            let mut bytes = [0; 8];
            bytes[..chunk.len()].copy_from_slice(chunk);
            self.emit.words.push(u64::from_ne_bytes(bytes));
        }
    }
}
