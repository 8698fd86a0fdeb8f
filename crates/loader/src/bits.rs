//! The bit syntax.

use crate::emit::Fix;
use crate::instruction::{heap_words, list, live, number};
use crate::source::Gen;
use crate::transform::{Fault, Loader, fault};
use oxbeam_beam_file::Operand;
use oxbeam_ops::bits::{self, Segment};
use oxbeam_ops::generic::Generic as G;
use oxbeam_ops::specific::Template as T;

type Done = Result<(), Fault>;

impl<'a> Loader<'a> {
    /// Writes a bit syntax operation; `false` if `row` is none.
    pub(crate) fn bits(&mut self, row: Gen<'a>) -> Result<bool, Fault> {
        let args = row.args;
        match row.op {
            G::BsStartMatch3 => {
                let fail = self.branch(args[0])?;
                self.put(T::bs_start_match, &[args[1], args[3]], &[fail])?;
            }
            G::BsStartMatch4 => self.start_match4(args)?,
            G::BsGetInteger2 => self.get_integer(args)?,
            G::BsGetFloat2 => self.get(T::bs_get_float, args)?,
            G::BsGetBinary2 => self.get(T::bs_get_binary, args)?,
            G::BsSkipBits2 => {
                let fix = [self.target(args[0])?, unit(args[3])?];
                let size = self.size(args[2])?;
                self.put(T::bs_skip_bits, &[args[1], size], &fix)?;
            }
            G::BsTestTail2 => self.tail_test(T::bs_test_tail, args)?,
            G::BsTestUnit => self.tail_test(T::bs_test_unit, args)?,
            G::BsMatchString => self.match_string(args)?,
            G::BsGetUtf8 => self.get_utf(T::bs_get_utf8, args, false)?,
            G::BsGetUtf16 => self.get_utf(T::bs_get_utf16, args, true)?,
            G::BsGetUtf32 => self.get_utf(T::bs_get_utf32, args, true)?,
            G::BsSkipUtf8 => self.skip_utf(T::bs_skip_utf8, args, false)?,
            G::BsSkipUtf16 => self.skip_utf(T::bs_skip_utf16, args, true)?,
            G::BsSkipUtf32 => self.skip_utf(T::bs_skip_utf32, args, true)?,
            G::BsGetTail => self.put(T::bs_get_tail, &args[..2], &[])?,
            G::BsGetPosition => self.put(T::bs_get_position, &args[..2], &[])?,
            G::BsSetPosition => self.put(T::bs_set_position, args, &[])?,
            _ => return self.construction(row),
        }
        Ok(true)
    }

    fn start_match4(&mut self, args: &[Operand]) -> Done {
        let fail = match args[0] {
            // `no_fail` and `resume`: surely a match state or a bitstring; if
            // the file lies, the instruction raises an error.
            Operand::Atom(_) => Fix::Label(0),
            label => self.target(label)?,
        };
        self.put(T::bs_start_match, &[args[2], args[3]], &[fail])
    }

    /// A size operand: a plain number stands for the integer.
    fn size(&self, operand: Operand) -> Result<Operand, Fault> {
        match operand {
            Operand::U(n) if n < 1 << 48 => Ok(Operand::I(n as i64)),
            Operand::U(_) => fault("size out of range"),
            _ => Ok(operand),
        }
    }

    fn get_integer(&mut self, args: &[Operand]) -> Done {
        if let Operand::I(n @ 0..=0xFF_FFFF) = self.size(args[3])? {
            let bits = n as u64 * number(args[4])?;
            let fix = [self.target(args[0])?, Fix::Word(bits), flags(args[5])?];
            return self.put(T::bs_get_integer_fixed, &[args[1], args[6]], &fix);
        }
        self.get(T::bs_get_integer, args)
    }

    fn get(&mut self, template: T, args: &[Operand]) -> Done {
        let fix = [self.target(args[0])?, unit(args[4])?, flags(args[5])?];
        let size = self.size(args[3])?;
        self.put(template, &[args[1], size, args[6]], &fix)
    }

    fn tail_test(&mut self, template: T, args: &[Operand]) -> Done {
        let fix = [self.target(args[0])?, Fix::Word(number(args[2])?)];
        if template == T::bs_test_unit && number(args[2])? == 0 {
            return fault("unit 0");
        }
        self.put(template, &args[1..2], &fix)
    }

    fn match_string(&mut self, args: &[Operand]) -> Done {
        let (bits, offset) = (number(args[2])?, number(args[3])?);
        let fix = [self.target(args[0])?, Fix::Word(bits), self.string(offset, bits.div_ceil(8))?];
        self.put(T::bs_match_string, &args[1..2], &fix)
    }

    /// `len` bytes of the string table from `offset` on.
    fn string(&self, offset: u64, len: u64) -> Result<Fix, Fault> {
        match offset.checked_add(len) {
            Some(end) if end <= self.file.strings.len() as u64 => Ok(Fix::String(offset as u32)),
            _ => Err(Fault::Unsound),
        }
    }

    fn get_utf(&mut self, template: T, args: &[Operand], with_flags: bool) -> Done {
        let fix = [self.target(args[0])?, flags(args[3])?];
        self.put(template, &[args[1], args[4]], &fix[..1 + usize::from(with_flags)])
    }

    fn skip_utf(&mut self, template: T, args: &[Operand], with_flags: bool) -> Done {
        let fix = [self.target(args[0])?, flags(args[3])?];
        self.put(template, &args[1..2], &fix[..1 + usize::from(with_flags)])
    }

    fn construction(&mut self, row: Gen<'a>) -> Result<bool, Fault> {
        let args = row.args;
        match row.op {
            G::BsCreateBin => self.create_bin(args)?,
            G::BsInit2 => self.init(args, 8)?,
            G::BsInitBits => self.init(args, 1)?,
            G::BsAppend => {
                let fix = [
                    self.branch(args[0])?,
                    unit(args[4])?,
                    Fix::Word(heap_words(args[2])?),
                    live(args[3])?,
                ];
                let size = self.size(args[1])?;
                self.put(T::bs_append, &[size, args[5], args[7]], &fix)?;
            }
            G::BsPrivateAppend => {
                let fix = [self.branch(args[0])?, unit(args[2])?, Fix::Word(0), Fix::Word(0)];
                let size = self.size(args[1])?;
                self.put(T::bs_append, &[size, args[3], args[5]], &fix)?;
            }
            G::BsInitWritable => self.put(T::bs_init_writable, &[], &[])?,
            G::BsAdd => {
                let fix = [self.branch(args[0])?, unit(args[3])?];
                let (a, b) = (self.size(args[1])?, self.size(args[2])?);
                self.put(T::bs_add, &[a, b, args[4]], &fix)?;
            }
            G::BsUtf8Size => self.put(T::bs_utf8_size, &args[1..], &[])?,
            G::BsUtf16Size => self.put(T::bs_utf16_size, &args[1..], &[])?,
            G::BsPutInteger => self.put_segment(T::bs_put_integer, args)?,
            G::BsPutFloat => self.put_segment(T::bs_put_float, args)?,
            G::BsPutBinary => self.put_segment(T::bs_put_binary, args)?,
            G::BsPutString => {
                let (len, offset) = (number(args[0])?, number(args[1])?);
                let fix = [Fix::Word(len), self.string(offset, len)?];
                self.put(T::bs_put_string, &[], &fix)?;
            }
            G::BsPutUtf8 => {
                let fail = self.branch(args[0])?;
                self.put(T::bs_put_utf8, &args[2..], &[fail])?;
            }
            G::BsPutUtf16 | G::BsPutUtf32 => {
                let fix = [self.branch(args[0])?, flags(args[1])?];
                let is_16 = row.op == G::BsPutUtf16;
                self.put(if is_16 { T::bs_put_utf16 } else { T::bs_put_utf32 }, &args[2..], &fix)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn init(&mut self, args: &[Operand], unit: u64) -> Done {
        let fix = [
            self.branch(args[0])?,
            Fix::Word(unit),
            Fix::Word(heap_words(args[2])?),
            live(args[3])?,
        ];
        let size = self.size(args[1])?;
        self.put(T::bs_init, &[size, args[5]], &fix)
    }

    fn put_segment(&mut self, template: T, args: &[Operand]) -> Done {
        let fix = [self.branch(args[0])?, unit(args[2])?, flags(args[3])?];
        let size = self.size(args[1])?;
        self.put(template, &[args[4], size], &fix)
    }

    /// `bs_create_bin`: each segment becomes (type with the segment's number in the source
    /// above it, unit, flags, source, size).
    fn create_bin(&mut self, args: &[Operand]) -> Done {
        let rows = list(args, 5)?;
        if rows.len() % 6 != 0 {
            return fault("bad list of segments");
        }
        let fix = [self.branch(args[0])?, live(args[2])?];
        self.put(T::bs_create_bin, &args[4..5], &fix)?;
        self.emit.fix(Fix::Word(5 * (rows.len() / 6) as u64));
        for (i, row) in rows.chunks(6).enumerate() {
            self.segment(i, row)?;
        }
        Ok(())
    }

    fn segment(&mut self, index: usize, row: &[Operand]) -> Done {
        let kind = self.atom(row[0])?;
        let Some(kind) = Segment::named(kind.name()) else {
            return fault(format!("no segment type {}", kind.name()));
        };
        if matches!(kind, Segment::Append | Segment::PrivateAppend) && index != 0 {
            return fault("an append is not the first segment");
        }
        let flags = self.segment_flags(row[3])?;
        self.emit.fix(Fix::Word(kind as u64 | plain(row[1])?.min(u64::from(u32::MAX)) << 32));
        self.emit.fix(unit(row[2])?);
        self.emit.fix(Fix::Word(flags));
        if kind == Segment::String {
            let (offset, size) = (row[4], row[5]);
            let (Operand::U(_) | Operand::I(_), Operand::I(_) | Operand::U(_)) = (offset, size)
            else {
                return Err(Fault::Operand);
            };
            let (offset, len) = (plain(offset)?, plain(size)?);
            let place = self.string(offset, len)?;
            self.emit.fix(place);
            self.emit.fix(Fix::Word(len));
            return Ok(());
        }
        self.emit.source(row[4])?;
        let size = self.size(row[5])?;
        Ok(self.emit.source(size)?)
    }

    /// The flags of a segment: nil, or a literal list of atoms.
    fn segment_flags(&self, operand: Operand) -> Result<u64, Fault> {
        match operand {
            Operand::Nil => Ok(0),
            Operand::U(n) => Ok(n),
            Operand::Literal(n) if (n as usize) < self.file.literals.len() => {
                let external = self.file.literals.get(n as usize);
                Ok(bits::flags_of_external_list(external))
            }
            _ => Err(Fault::Operand),
        }
    }
}

fn plain(operand: Operand) -> Result<u64, Fault> {
    match operand {
        Operand::U(n) => Ok(n),
        Operand::I(n) if n >= 0 => Ok(n as u64),
        _ => Err(Fault::Operand),
    }
}

fn unit(operand: Operand) -> Result<Fix, Fault> {
    match plain(operand)? {
        n if n <= 256 => Ok(Fix::Word(n)),
        n => fault(format!("unit {n}")),
    }
}

fn flags(operand: Operand) -> Result<Fix, Fault> {
    match number(operand)? {
        n if n < 1 << 16 => Ok(Fix::Word(n)),
        n => fault(format!("flags {n}")),
    }
}
