//! One generic instruction (with those behind it that fuse with it) to specific
//! ones.

use crate::emit::Fix;
use crate::source::Gen;
use crate::transform::{Fault, Loader, fault};
use oxbeam_beam_file::Operand;
use oxbeam_ops::generic::Generic as G;
use oxbeam_ops::specific::Template as T;
use oxbeam_term::layout::{FLOAT_WORDS, FUN_ENV};
use oxbeam_term::tag::{Subtag, header};
use oxbeam_term::{Export, RawTerm};

type Done = Result<(), Fault>;

/// Frames larger than this no compiler writes.
const MAX_FRAME_WORDS: u64 = 1023;

/// The plain number of an operand.
pub(crate) fn number(operand: Operand) -> Result<u64, Fault> {
    match operand {
        Operand::U(n) => Ok(n),
        _ => Err(Fault::Operand),
    }
}

/// Heap words of an operand, given plain or as an allocation list.
pub(crate) fn heap_words(operand: Operand) -> Result<u64, Fault> {
    match operand {
        Operand::U(n) if n < 1 << 24 => Ok(n),
        Operand::Alloc { words, floats, funs } => Ok(u64::from(words)
            + u64::from(floats) * FLOAT_WORDS as u64
            + u64::from(funs) * FUN_ENV as u64),
        _ => Err(Fault::Operand),
    }
}

/// A count of live X registers.
pub(crate) fn live(operand: Operand) -> Result<Fix, Fault> {
    match operand {
        Operand::U(n) if n <= 1023 => Ok(Fix::Word(n)),
        _ => Err(Fault::Operand),
    }
}

/// The header word of a tuple.
pub(crate) fn tuple_header(operand: Operand) -> Result<u64, Fault> {
    match number(operand)? {
        n if n < 1 << 24 => Ok(header(Subtag::Tuple, n as usize)),
        n => fault(format!("tuple of {n} elements")),
    }
}

fn frame_words(operand: Operand) -> Result<u64, Fault> {
    match number(operand)? {
        n if n <= MAX_FRAME_WORDS => Ok(n),
        n => fault(format!("frame of {n} words")),
    }
}

pub(crate) fn frame_bytes(operand: Operand) -> Result<Fix, Fault> {
    Ok(Fix::Word(frame_words(operand)? * 8))
}

/// Whether an operand is a term or a register.
fn is_source(operand: Operand) -> bool {
    use Operand::*;
    matches!(operand, X(_) | Y(_) | Atom(_) | Nil | I(_) | Literal(_))
}

fn arity(operand: Operand) -> Result<u8, Fault> {
    match number(operand)? {
        n if n <= 255 => Ok(n as u8),
        n => fault(format!("arity {n}")),
    }
}

impl<'a> Loader<'a> {
    /// Writes one instruction.
    pub(crate) fn put(&mut self, template: T, modes: &[Operand], fixed: &[Fix]) -> Done {
        Ok(self.emit.put(template, modes, fixed)?)
    }

    /// The instruction after the current one, if it may be executed.
    pub(crate) fn peek(&self) -> Option<Gen<'a>> {
        self.peek_at(0)
    }

    /// The instruction `n` after the next one, if it may be executed.
    pub(crate) fn peek_at(&self, n: usize) -> Option<Gen<'a>> {
        self.source.get(self.at + n).filter(|_| !self.is_bad(self.at + n))
    }

    /// Transforms `row`; `self.at` is already past it.
    pub(crate) fn instruction(&mut self, row: Gen<'a>) -> Done {
        match row.op {
            G::Move => return self.fold_move(row.args),
            G::GetTupleElement => return self.get_tuple_element(row.args),
            G::TestHeap => {
                let &[need, regs] = row.args else { return Err(Fault::Operand) };
                return self.put(T::test_heap, &[], &[Fix::Word(heap_words(need)?), live(regs)?]);
            }
            _ => {}
        }
        if self.test(row)? {
            return Ok(());
        }
        self.proofs.forget();
        if self.data(row)? || self.calls(row)? || self.bits(row)? || self.others(row)? {
            return Ok(());
        }
        fault("not an operation of this release")
    }

    fn get_tuple_element(&mut self, args: &[Operand]) -> Done {
        let &[src, index, dst] = args else { return Err(Fault::Operand) };
        let index = number(index)?;
        if index >= 1 << 24 {
            return fault("element out of range");
        }
        let proved = self.proofs.has_element(src, index);
        let template = if proved { T::get_element } else { T::get_tuple_element };
        self.put(template, &[src, dst], &[Fix::Word((index + 1) * 8)])?;
        self.proofs.written(dst);
        Ok(())
    }

    /// Tests that write no register; `false` if `row` is none.
    fn test(&mut self, row: Gen<'a>) -> Result<bool, Fault> {
        let template = match row.op {
            G::IsLt => T::is_lt,
            G::IsGe => T::is_ge,
            G::IsEq => T::is_eq,
            G::IsNe => T::is_ne,
            G::IsEqExact | G::IsNeExact => return self.exact(row),
            G::IsInteger => T::is_integer,
            G::IsFloat => T::is_float,
            G::IsNumber => T::is_number,
            G::IsAtom => T::is_atom,
            G::IsPid => T::is_pid,
            G::IsReference => T::is_reference,
            G::IsPort => T::is_port,
            G::IsNil => T::is_nil,
            G::IsBinary => T::is_binary,
            G::IsBitstr => T::is_bitstr,
            G::IsList => T::is_list,
            G::IsBoolean => T::is_boolean,
            G::IsFunction => T::is_function,
            G::IsFunction2 => T::is_function2,
            G::IsMap => T::is_map,
            G::IsNonemptyList => return self.fold_nonempty_list(row.args),
            G::IsTuple => return self.fold_is_tuple(row.args),
            G::TestArity => return self.test_arity(row.args),
            G::IsTaggedTuple => return self.tagged_tuple(row.args),
            G::SelectVal => return self.select_val(row.args),
            G::SelectTupleArity => return self.select_tuple_arity(row.args),
            G::Jump => {
                let to = self.target(row.args[0])?;
                self.put(T::jump, &[], &[to])?;
                return Ok(true);
            }
            _ => return Ok(false),
        };
        let fail = self.target(row.args[0])?;
        self.put(template, &row.args[1..], &[fail])?;
        Ok(true)
    }

    fn exact(&mut self, row: Gen<'a>) -> Result<bool, Fault> {
        let &[fail, a, b] = row.args else { return Err(Fault::Operand) };
        let fail = self.target(fail)?;
        let immediate = |o| self.emit.constant(o).is_some_and(RawTerm::is_immediate);
        let (a, b, imm) = match (immediate(a), immediate(b)) {
            (true, false) => (b, a, true),
            (first, second) => (a, b, first || second),
        };
        let template = match (row.op, imm) {
            (G::IsEqExact, true) => T::is_eq_imm,
            (G::IsEqExact, false) => T::is_eq_exact,
            (_, true) => T::is_ne_imm,
            (_, false) => T::is_ne_exact,
        };
        self.put(template, &[a, b], &[fail])?;
        Ok(true)
    }

    fn test_arity(&mut self, args: &[Operand]) -> Result<bool, Fault> {
        let &[fail, src, n] = args else { return Err(Fault::Operand) };
        let fix = [self.target(fail)?, Fix::Word(tuple_header(n)?)];
        self.put(T::test_arity, &[src], &fix)?;
        self.proofs.tuple(src, number(n)?);
        Ok(true)
    }

    fn tagged_tuple(&mut self, args: &[Operand]) -> Result<bool, Fault> {
        let &[fail, src, n, tag] = args else { return Err(Fault::Operand) };
        let tag = self.emit.constant(tag).filter(|t| t.is_immediate()).ok_or(Fault::Operand)?;
        if number(n)? == 0 {
            return fault("a tagged tuple without elements");
        }
        let fix = [self.target(fail)?, Fix::Word(tuple_header(n)?), Fix::Word(tag.0)];
        self.put(T::is_tagged_tuple, &[src], &fix)?;
        self.proofs.tuple(src, number(n)?);
        Ok(true)
    }

    fn data(&mut self, row: Gen<'a>) -> Result<bool, Fault> {
        let args = row.args;
        match row.op {
            G::Swap => self.put(T::swap, args, &[])?,
            G::GetList => self.put(T::get_list, args, &[])?,
            G::GetHd => self.put(T::get_hd, args, &[])?,
            G::GetTl => self.put(T::get_tl, args, &[])?,
            G::PutList => self.put(T::put_list, args, &[])?,
            G::PutTuple2 => {
                let elements = list(args, 1)?;
                if !elements.iter().all(|&element| is_source(element)) {
                    self.put(T::bad_code, &[], &[])?;
                    return Ok(true);
                }
                self.put(T::put_tuple2, &args[..1], &[])?;
                self.emit.sources(elements)?;
            }
            G::SetTupleElement => {
                let offset = Fix::Word((number(args[2])? + 1) * 8);
                self.put(T::set_tuple_element, &args[..2], &[offset])?;
            }
            G::Init => self.put(T::init_y, args, &[])?,
            G::InitYregs => {
                for &y in list(args, 0)? {
                    self.put(T::init_y, &[y], &[])?;
                }
            }
            G::MakeFun2 => self.make_fun(args[0], Operand::X(0), None)?,
            G::MakeFun3 => self.make_fun(args[0], args[1], Some(list(args, 2)?))?,
            G::PutMapAssoc | G::PutMapExact => self.put_map(row)?,
            G::HasMapFields => {
                let fail = self.target(args[0])?;
                self.put(T::has_map_fields, &args[1..2], &[fail])?;
                self.emit.sources(list(args, 2)?)?;
            }
            G::GetMapElements => self.get_map_elements(args)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn make_fun(&mut self, row: Operand, dst: Operand, env: Option<&[Operand]>) -> Done {
        let row = number(row)?;
        let Some(lambda) = self.file.lambdas.get(row as usize) else {
            return fault(format!("no fun {row}"));
        };
        if !lambda.is_sound() {
            return self.put(T::bad_code, &[], &[]);
        }
        let in_x: Vec<Operand> = (0..lambda.num_free as u16).map(Operand::X).collect();
        let env = env.unwrap_or(&in_x);
        if env.len() != lambda.num_free as usize {
            return fault("wrong number of free variables");
        }
        self.put(T::make_fun, &[dst], &[Fix::Fun(row as u32)])?;
        Ok(self.emit.sources(env)?)
    }

    fn put_map(&mut self, row: Gen<'a>) -> Done {
        let args = row.args;
        let pairs = list(args, 4)?;
        if pairs.len() % 2 != 0 {
            return fault("a key without a value");
        }
        if row.op == G::PutMapAssoc {
            self.put(T::put_map_assoc, &args[1..3], &[])?;
        } else {
            let fail = self.branch(args[0])?;
            self.put(T::put_map_exact, &args[1..3], &[fail])?;
        }
        Ok(self.emit.sources(&self.by_key(pairs))?)
    }

    /// The pairs in the order that a flat map has its keys in, so that they are put into it at
    /// once; as they are if a key is neither an atom nor a small.
    fn by_key(&self, pairs: &[Operand]) -> Vec<Operand> {
        let key = |pair: &[Operand]| {
            let key = self.emit.constant(pair[0])?;
            key.as_small().map(Key::Small).or_else(|| key.as_atom().map(|a| Key::Atom(a.name())))
        };
        let mut sorted: Vec<_> = pairs.chunks(2).collect();
        if sorted.iter().all(|pair| key(pair).is_some()) {
            sorted.sort_by_key(|pair| key(pair));
        }
        sorted.concat()
    }

    fn get_map_elements(&mut self, args: &[Operand]) -> Done {
        let (fail, pairs) = (self.target(args[0])?, list(args, 2)?);
        if pairs.len() % 2 != 0 || pairs.chunks(2).any(|p| !is_register(p[1])) {
            return fault("bad list of keys and destinations");
        }
        if let &[key, dst] = pairs {
            return self.put(T::get_map_element, &[args[1], key, dst], &[fail]);
        }
        self.put(T::get_map_elements, &args[1..2], &[fail])?;
        Ok(self.emit.sources(pairs)?)
    }

    fn calls(&mut self, row: Gen<'a>) -> Result<bool, Fault> {
        let args = row.args;
        match row.op {
            G::Call => {
                let to = self.callee(args[1])?;
                self.put_call(T::call, &[], &[to])?;
            }
            G::CallOnly => {
                let to = self.callee(args[1])?;
                self.put(T::call_only, &[], &[to])?;
            }
            G::CallLast => {
                let to = self.callee(args[1])?;
                self.put(T::call_last, &[], &[to, frame_bytes(args[2])?])?;
            }
            G::CallExt | G::CallExtOnly | G::CallExtLast => self.call_external(row)?,
            G::Apply => {
                let n = Fix::Word(u64::from(arity(args[0])?));
                self.put_call(T::apply, &[], &[n])?;
            }
            G::ApplyLast => {
                let n = Fix::Word(u64::from(arity(args[0])?));
                self.put(T::apply_last, &[], &[n, frame_bytes(args[1])?])?;
            }
            G::CallFun => {
                let n = arity(args[0])?;
                self.call_fun(n, Operand::X(u16::from(n)))?;
            }
            G::CallFun2 => self.call_fun(arity(args[1])?, args[2])?,
            G::Return => self.put(T::ret, &[], &[])?,
            G::Deallocate => self.fold_deallocate(args)?,
            G::Trim => {
                let bytes = frame_bytes(args[0])?;
                self.put(T::trim, &[], &[bytes])?;
            }
            G::Allocate | G::AllocateZero => {
                let fix = [Fix::Word(frame_words(args[0])?), live(args[1])?];
                self.put(T::allocate, &[], &[fix[1], fix[0]])?;
                self.skip_init();
            }
            G::AllocateHeap | G::AllocateHeapZero => {
                let (frame, heap) = (frame_words(args[0])?, heap_words(args[1])?);
                let fix = [live(args[2])?, Fix::Word(frame), Fix::Word(heap)];
                self.put(T::allocate_heap, &[], &fix)?;
                self.skip_init();
            }
            G::NifStart => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// A call: the word before its return point is a native entry.
    pub(crate) fn put_call(&mut self, template: T, modes: &[Operand], fixed: &[Fix]) -> Done {
        self.put(template, modes, fixed)?;
        self.emit.fix(Fix::Word(0));
        Ok(())
    }

    /// A frame is born with all slots nil, so an `init_yregs` behind is nothing.
    fn skip_init(&mut self) {
        while self.peek().is_some_and(|next| matches!(next.op, G::InitYregs | G::Init)) {
            self.at += 1;
        }
    }

    /// A call of another module. A native is called from its caller's frame, so
    /// that an error shows who called it.
    fn call_external(&mut self, row: Gen<'a>) -> Done {
        let args = row.args;
        let export = self.import(args[1])?;
        if let Some(template) = frame_function(export) {
            return self.call_frame_function(row, template);
        }
        let native = export.bif().is_some();
        let export = Fix::Word(std::ptr::from_ref(export) as u64);
        match (row.op, native) {
            (G::CallExt, false) => self.put_call(T::call_ext, &[], &[export]),
            (G::CallExt, true) => self.put_call(T::call_native, &[], &[export]),
            (G::CallExtOnly, false) => self.put(T::call_ext_only, &[], &[export]),
            (_, false) => self.put(T::call_ext_last, &[], &[export, frame_bytes(args[2])?]),
            (G::CallExtOnly, true) => self.call_native_last(export, Fix::Word(0)),
            (_, true) => self.call_native_last(export, frame_bytes(args[2])?),
        }
    }

    /// A call of a native and a return, in one; the return behind it is for calls that are traced.
    fn call_native_last(&mut self, export: Fix, bytes: Fix) -> Done {
        self.put_call(T::call_native_last, &[], &[export, bytes])?;
        self.put(T::deallocate_ret, &[], &[bytes])
    }

    /// A call of a function that works on its caller's frame.
    fn call_frame_function(&mut self, row: Gen<'a>, template: T) -> Done {
        let bytes = match row.op {
            G::CallExt => return self.put_call(template, &[], &[]),
            G::CallExtOnly => Fix::Word(0),
            _ => frame_bytes(row.args[2])?,
        };
        match template {
            T::apply_list => self.put(T::apply_list_last, &[], &[bytes]),
            T::apply_fun => self.put(T::apply_fun_last, &[], &[bytes]),
            _ => {
                self.put_call(template, &[], &[])?;
                self.put(T::deallocate_ret, &[], &[bytes])
            }
        }
    }

    fn call_fun(&mut self, n: u8, fun: Operand) -> Done {
        let count = Fix::Word(u64::from(n));
        if let Some(next) = self.peek()
            && next.op == G::Deallocate
            && self.peek_at(1).is_some_and(|after| after.op == G::Return)
        {
            self.at += 2;
            return self.put(T::call_fun_last, &[fun], &[count, frame_bytes(next.args[0])?]);
        }
        if self.peek().is_some_and(|next| next.op == G::Return) {
            self.at += 1;
            return self.put(T::call_fun_last, &[fun], &[count, Fix::Word(0)]);
        }
        self.put_call(T::call_fun, &[fun], &[count])
    }

    fn others(&mut self, row: Gen<'a>) -> Result<bool, Fault> {
        let args = row.args;
        let plain = match row.op {
            G::Badmatch => T::badmatch,
            G::CaseEnd => T::case_end,
            G::IfEnd => T::if_end,
            G::Badrecord => T::badrecord,
            G::TryCaseEnd => T::try_case_end,
            G::CatchEnd => T::catch_end,
            G::TryEnd => T::try_end,
            G::TryCase => T::try_case,
            G::Raise => T::raise,
            G::RawRaise => T::raw_raise,
            G::BuildStacktrace => T::build_stacktrace,
            G::RemoveMessage => T::remove_message,
            G::Timeout => T::timeout,
            G::RecvMarkerBind => T::recv_marker_bind,
            G::RecvMarkerClear => T::recv_marker_clear,
            G::RecvMarkerReserve => T::recv_marker_reserve,
            G::RecvMarkerUse => T::recv_marker_use,
            G::Send => {
                self.put_call(T::send, &[], &[])?;
                return Ok(true);
            }
            G::Catch | G::Try => return self.catch(args),
            G::LoopRec => return self.with_target(T::loop_rec, args),
            G::LoopRecEnd => return self.with_target(T::loop_rec_end, args),
            G::Wait => return self.with_target(T::wait, args),
            G::WaitTimeout => return self.with_target(T::wait_timeout, args),
            // Hints of older compilers, and checks that nothing needs any more.
            G::RecvMark | G::RecvSet | G::Fclearerror | G::Fcheckerror => return Ok(true),
            G::Bif0 | G::Bif1 | G::Bif2 | G::GcBif1 | G::GcBif2 | G::GcBif3 => {
                return self.bif(row);
            }
            _ => return self.floats(row),
        };
        self.put(plain, args, &[])?;
        Ok(true)
    }

    fn with_target(&mut self, template: T, args: &[Operand]) -> Result<bool, Fault> {
        let to = self.target(args[0])?;
        self.put(template, &args[1..], &[to])?;
        Ok(true)
    }

    fn catch(&mut self, args: &[Operand]) -> Result<bool, Fault> {
        let Fix::Label(handler) = self.target(args[1])? else { return Err(Fault::Operand) };
        self.put(T::catch_, &args[..1], &[Fix::Catch(handler, self.catch_frame())])?;
        Ok(true)
    }

    fn bif(&mut self, row: Gen<'a>) -> Result<bool, Fault> {
        let args = row.args;
        let (fail, import, sources) = match row.op {
            G::Bif0 => (Operand::NoLabel, args[0], &args[1..]),
            G::Bif1 | G::Bif2 => (args[0], args[1], &args[2..]),
            _ => (args[0], args[2], &args[3..]),
        };
        let export = self.import(import)?;
        if usize::from(export.arity) + 1 != sources.len() {
            return fault("arity differs from the import's");
        }
        if export.bif().is_none() {
            return fault("a call of a native that is none");
        }
        let fix = [self.branch(fail)?, Fix::Word(std::ptr::from_ref(export) as u64)];
        let names = (export.module.name(), export.function.name(), export.arity);
        if let Some((template, swapped)) = comparison(names) {
            let (a, b) = if swapped { (sources[1], sources[0]) } else { (sources[0], sources[1]) };
            self.put(template, &[a, b, sources[2]], &[])?;
            return Ok(true);
        }
        let (template, fix) = match (special_bif(names), sources.len()) {
            (Some(T::self_), _) => (T::self_, &fix[..0]),
            (Some(template), _) => (template, &fix[..]),
            (None, 1) => (T::bif0, &fix[1..]),
            (None, 2) => (T::bif1, &fix[..]),
            (None, 3) => (T::bif2, &fix[..]),
            (None, _) => (T::bif3, &fix[..]),
        };
        self.put(template, sources, fix)?;
        Ok(true)
    }

    fn floats(&mut self, row: Gen<'a>) -> Result<bool, Fault> {
        let template = match row.op {
            G::Fmove => return self.fmove(row.args),
            G::Fconv => {
                let dst = float(row.args[1])?;
                self.put(T::fconv, &row.args[..1], &[dst])?;
                return Ok(true);
            }
            G::Fadd => T::fadd,
            G::Fsub => T::fsub,
            G::Fmul => T::fmul,
            G::Fdiv => T::fdiv,
            G::Fnegate => T::fnegate,
            _ => return Ok(false),
        };
        let registers: Result<Vec<Fix>, Fault> = row.args[1..].iter().map(|&f| float(f)).collect();
        self.put(template, &[], &registers?)?;
        Ok(true)
    }

    fn fmove(&mut self, args: &[Operand]) -> Result<bool, Fault> {
        match (float(args[0]), float(args[1])) {
            (Ok(from), Ok(to)) => self.put(T::fmov, &[], &[from, to])?,
            (Ok(from), Err(_)) => self.put(T::fstore, &args[1..], &[from])?,
            (Err(_), Ok(to)) => self.put(T::fload, &args[..1], &[to])?,
            _ => return Err(Fault::Operand),
        }
        Ok(true)
    }
}

/// A key, ordered as terms are.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Small(i64),
    Atom(&'static str),
}

fn float(operand: Operand) -> Result<Fix, Fault> {
    match operand {
        Operand::Float(n) => Ok(Fix::Word(u64::from(n))),
        _ => Err(Fault::Operand),
    }
}

pub(crate) fn is_register(operand: Operand) -> bool {
    matches!(operand, Operand::X(_) | Operand::Y(_))
}

/// The elements of the list operand at `at`, which must be the last one.
pub(crate) fn list(args: &[Operand], at: usize) -> Result<&[Operand], Fault> {
    match args.get(at) {
        Some(&Operand::List(n)) if args.len() == at + 1 + n as usize => Ok(&args[at + 1..]),
        _ => Err(Fault::Operand),
    }
}

/// The operation that stands for a function which cannot be a native, because
/// its caller's frame or module matters.
fn frame_function(export: &Export) -> Option<T> {
    Some(match (export.module.name(), export.function.name(), export.arity) {
        ("erlang", "apply", 3) => T::apply_list,
        ("erlang", "apply", 2) => T::apply_fun,
        ("erlang", "yield", 0) => T::yield_,
        _ => return None,
    })
}

/// The operation for a comparison's value, and whether its operands are swapped. It cannot fail.
fn comparison(native: (&str, &str, u8)) -> Option<(T, bool)> {
    Some(match native {
        ("erlang", "=:=", 2) => (T::eq_exact, false),
        ("erlang", "=/=", 2) => (T::ne_exact, false),
        ("erlang", "==", 2) => (T::eq_, false),
        ("erlang", "/=", 2) => (T::ne_, false),
        ("erlang", "<", 2) => (T::lt, false),
        ("erlang", ">", 2) => (T::lt, true),
        ("erlang", ">=", 2) => (T::ge, false),
        ("erlang", "=<", 2) => (T::ge, true),
        _ => return None,
    })
}

/// The operation that stands for a native that every program calls.
fn special_bif((module, function, arity): (&str, &str, u8)) -> Option<T> {
    if module != "erlang" {
        return None;
    }
    Some(match (function, arity) {
        ("+", 2) => T::add,
        ("-", 2) => T::sub,
        ("*", 2) => T::mul,
        ("div", 2) => T::int_div,
        ("rem", 2) => T::int_rem,
        ("band", 2) => T::band,
        ("bor", 2) => T::bor,
        ("bxor", 2) => T::bxor,
        ("bsl", 2) => T::bsl,
        ("bsr", 2) => T::bsr,
        ("hd", 1) => T::hd,
        ("tl", 1) => T::tl,
        ("element", 2) => T::element,
        ("map_get", 2) => T::map_get,
        ("tuple_size", 1) => T::tuple_size,
        ("self", 0) => T::self_,
        _ => return None,
    })
}
