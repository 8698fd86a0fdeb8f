//! The tables of a file: atoms, imports, exports, funs, literals and the rest.

use crate::code::{CodeHeader, Operands};
use crate::error::Error;
use crate::iff::{Container, inflate_zlib};
use crate::lines::{self, Lines};
use crate::reader::Reader;
use crate::types::{self, Type};
use md5::{Digest, Md5};

/// Atoms are at most this many characters.
const MAX_ATOM_CHARS: usize = 255;
/// Arities are at most this.
const MAX_ARITY: u32 = 255;

/// An imported function. `module` and `function` are indices into
/// [`BeamFile::atoms`] plus one, as everywhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Import {
    /// Atom number of the module.
    pub module: u32,
    /// Atom number of the function.
    pub function: u32,
    /// Its arity.
    pub arity: u32,
}

/// An exported (or, in LocT, a local) function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Export {
    /// Atom number of the function.
    pub function: u32,
    /// Its arity.
    pub arity: u32,
    /// Its entry label, below the label count.
    pub label: u32,
}

/// A fun's row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lambda {
    /// Atom number of the function that holds the body.
    pub function: u32,
    /// Arity of the body: the fun's own arity plus `num_free`, if the row [is sound](Self::is_sound).
    pub arity: u32,
    /// Entry label of the body.
    pub label: u32,
    /// The fun's index in the module.
    pub index: u32,
    /// How many free variables it has.
    pub num_free: u32,
    /// A hash of old.
    pub old_uniq: u32,
}

impl Lambda {
    /// Whether the numbers fit together; a fun of another row can never be made.
    pub fn is_sound(&self) -> bool {
        self.arity <= MAX_ARITY && self.num_free <= self.arity
    }
}

/// The literal table: each entry an external term (with its version byte).
#[derive(Clone, Default, Debug)]
pub struct Literals {
    bytes: Vec<u8>,
    entries: Vec<(u32, u32)>,
}

impl Literals {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The external term of entry `i`; `i` must be below [`Literals::len`].
    pub fn get(&self, i: usize) -> &[u8] {
        let (at, len) = self.entries[i];
        &self.bytes[at as usize..(at + len) as usize]
    }
}

/// A parsed file. Atom numbers count from 1, as in the file; all of them, and
/// all labels, were checked against their tables.
pub struct BeamFile<'a> {
    /// Atom texts; atom number `n` is `atoms[n - 1]`. Number 1 is the module.
    pub atoms: Vec<&'a str>,
    /// The Code chunk's header.
    pub header: CodeHeader,
    /// The instruction bytes.
    pub code: &'a [u8],
    /// Imported functions.
    pub imports: Vec<Import>,
    /// Exported functions.
    pub exports: Vec<Export>,
    /// Local functions, where the file lists them (no file is refused for it).
    pub locals: Vec<Export>,
    /// Funs.
    pub lambdas: Vec<Lambda>,
    /// Literals.
    pub literals: Literals,
    /// The string table of the bit syntax.
    pub strings: &'a [u8],
    /// Line table.
    pub lines: Lines<'a>,
    /// Attributes, an external term; empty where there are none.
    pub attributes: &'a [u8],
    /// Compile information, an external term; empty where there is none.
    pub compile_info: &'a [u8],
    /// The Type chunk; `None` where there is none that is known.
    pub types: Option<Vec<Type>>,
    /// The Meta chunk as it is; empty where there is none.
    pub meta: &'a [u8],
    /// MD5 of the chunks that matter, the value of `Module:module_info(md5)`.
    pub md5: [u8; 16],
}

impl<'a> BeamFile<'a> {
    /// Parses a file that is not compressed (see [`crate::inflate_if_compressed`]).
    pub fn parse(bytes: &'a [u8]) -> Result<BeamFile<'a>, Error> {
        let c = Container::parse(bytes)?;
        let (header, code) = code_header(need(&c, b"Code")?)?;
        let atoms = atoms(&c)?;
        let atom_count = atoms.len() as u32;
        let imports = imports(need(&c, b"ImpT")?, atom_count)?;
        let exports = exports(b"ExpT", need(&c, b"ExpT")?, atom_count, header.label_count)?;
        let locals = c.get(b"LocT").map(|d| exports_of(d, atom_count, header.label_count));
        Ok(BeamFile {
            lambdas: match c.get(b"FunT") {
                Some(d) => lambdas(d, atom_count, header.label_count)?,
                None => Vec::new(),
            },
            literals: match c.get(b"LitT").filter(|d| !d.is_empty()) {
                Some(d) => literals(d)?,
                None => Literals::default(),
            },
            lines: match c.get(b"Line").filter(|d| !d.is_empty()) {
                Some(d) => lines::parse(d)?,
                None => Lines::default(),
            },
            strings: c.get(b"StrT").unwrap_or(&[]),
            attributes: c.get(b"Attr").unwrap_or(&[]),
            compile_info: c.get(b"CInf").unwrap_or(&[]),
            types: types::parse(c.get(b"Type"))?,
            meta: c.get(b"Meta").unwrap_or(&[]),
            md5: checksum(&c),
            locals: locals.unwrap_or_default(),
            atoms,
            header,
            code,
            imports,
            exports,
        })
    }

    /// The module's name.
    pub fn module(&self) -> &'a str {
        self.atoms[0]
    }

    /// The text of atom number `n` (counted from 1; checked when parsed).
    pub fn atom(&self, n: u32) -> &'a str {
        self.atoms[n as usize - 1]
    }

    /// A decoder at the first instruction.
    pub fn instructions(&self) -> Operands<'_, 'a> {
        Operands::new(self)
    }
}

fn need<'a>(c: &Container<'a>, name: &'static [u8; 4]) -> Result<&'a [u8], Error> {
    c.get(name).filter(|d| !d.is_empty()).ok_or_else(|| Error::new(name, "missing"))
}

fn code_header(data: &[u8]) -> Result<(CodeHeader, &[u8]), Error> {
    let mut r = Reader::new(b"Code", data);
    let head_size = r.u32()? as usize;
    if head_size < 16 || head_size > r.left() {
        return Err(r.error("bad header size"));
    }
    if r.u32()? != 0 {
        return Err(r.error("written by an unknown compiler (code format)"));
    }
    let (opcode_max, label_count, function_count) = (r.u32()?, r.u32()?, r.u32()?);
    let code = &data[4 + head_size..];
    if label_count as usize > code.len() || function_count > label_count {
        return Err(r.error("more labels or functions than instructions"));
    }
    Ok((CodeHeader { opcode_max, label_count, function_count }, code))
}

fn atoms<'a>(c: &Container<'a>) -> Result<Vec<&'a str>, Error> {
    let Some(data) = c.get(b"AtU8") else {
        return Err(match c.get(b"Atom") {
            Some(_) => Error::new(b"Atom", "compiled for an old version of the runtime system"),
            None => Error::new(b"AtU8", "missing"),
        });
    };
    let mut r = Reader::new(b"AtU8", data);
    let n = r.count(1)?;
    let mut atoms = Vec::with_capacity(n);
    for _ in 0..n {
        let len = r.u8()? as usize;
        let text = r.bytes(len)?;
        let text = std::str::from_utf8(text).map_err(|_| r.error("an atom is not UTF-8"))?;
        if text.chars().count() > MAX_ATOM_CHARS {
            return Err(r.error("an atom is too long"));
        }
        atoms.push(text);
    }
    if atoms.is_empty() { Err(r.error("no module name")) } else { Ok(atoms) }
}

fn atom_number(r: &mut Reader<'_>, atom_count: u32) -> Result<u32, Error> {
    match r.u32()? {
        n if n >= 1 && n <= atom_count => Ok(n),
        n => Err(r.error(format!("no atom {n}"))),
    }
}

fn imports(data: &[u8], atom_count: u32) -> Result<Vec<Import>, Error> {
    let mut r = Reader::new(b"ImpT", data);
    let n = r.count(12)?;
    let mut rows = Vec::with_capacity(n);
    for _ in 0..n {
        let module = atom_number(&mut r, atom_count)?;
        let function = atom_number(&mut r, atom_count)?;
        let arity = r.u32()?;
        if arity > MAX_ARITY {
            return Err(r.error(format!("import of arity {arity}")));
        }
        rows.push(Import { module, function, arity });
    }
    Ok(rows)
}

fn exports(
    chunk: &'static [u8; 4],
    data: &[u8],
    atom_count: u32,
    label_count: u32,
) -> Result<Vec<Export>, Error> {
    let mut r = Reader::new(chunk, data);
    let n = r.count(12)?;
    let mut rows = Vec::with_capacity(n);
    for _ in 0..n {
        let function = atom_number(&mut r, atom_count)?;
        let (arity, label) = (r.u32()?, r.u32()?);
        if arity > MAX_ARITY {
            return Err(r.error(format!("export of arity {arity}")));
        }
        if label >= label_count {
            return Err(r.error(format!("no label {label}")));
        }
        rows.push(Export { function, arity, label });
    }
    Ok(rows)
}

/// LocT serves listings only: a bad one counts as none.
fn exports_of(data: &[u8], atom_count: u32, label_count: u32) -> Vec<Export> {
    exports(b"LocT", data, atom_count, label_count).unwrap_or_default()
}

fn lambdas(data: &[u8], atom_count: u32, label_count: u32) -> Result<Vec<Lambda>, Error> {
    let mut r = Reader::new(b"FunT", data);
    if data.is_empty() {
        return Ok(Vec::new());
    }
    let n = r.count(24)?;
    let mut rows = Vec::with_capacity(n);
    for _ in 0..n {
        let function = atom_number(&mut r, atom_count)?;
        let row = Lambda {
            function,
            arity: r.u32()?,
            label: r.u32()?,
            index: r.u32()?,
            num_free: r.u32()?,
            old_uniq: r.u32()?,
        };
        if row.label >= label_count {
            return Err(r.error(format!("no label {}", row.label)));
        }
        rows.push(row);
    }
    if r.left() > 0 { Err(r.error("bytes after the last fun")) } else { Ok(rows) }
}

fn literals(data: &[u8]) -> Result<Literals, Error> {
    let mut r = Reader::new(b"LitT", data);
    let size = r.u32()? as usize;
    let rest = r.bytes(r.left())?;
    let bytes = if size == 0 {
        rest.to_vec()
    } else {
        inflate_zlib(rest, size).ok_or_else(|| r.error("bad compressed data"))?
    };
    let mut r = Reader::new(b"LitT", &bytes);
    let n = r.count(4)?;
    let mut entries = Vec::with_capacity(n);
    for _ in 0..n {
        let len = r.u32()?;
        entries.push((r.at() as u32, len));
        r.bytes(len as usize)?;
    }
    Ok(Literals { bytes, entries })
}

/// The module's checksum: the chunks that make up its meaning, in a fixed
/// order, the old hash of each fun taken as zero.
fn checksum(c: &Container<'_>) -> [u8; 16] {
    let mut md5 = Md5::new();
    for name in [b"AtU8", b"Code", b"StrT", b"ImpT", b"ExpT"] {
        md5.update(c.get(name).unwrap_or(&[]));
    }
    if let Some(funs) = c.get(b"FunT")
        && funs.len() >= 4
    {
        md5.update(&funs[..4]);
        for row in funs[4..].chunks_exact(24) {
            md5.update(&row[..20]);
            md5.update([0; 4]);
        }
    }
    for name in [b"LitT", b"Meta"] {
        md5.update(c.get(name).unwrap_or(&[]));
    }
    md5.finalize().into()
}
