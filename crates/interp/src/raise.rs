//! Raising: the raw stack trace, the search for a handler, the end of a process.
//!
//! A trace travels as `{Raw, Args, Info}`: `Raw` is an object of code
//! addresses ([`RawTrace`]); `Args` are the arguments shown in the first entry,
//! or `true` for its arity; `Info` is the last part of that entry. With
//! [`FLAG_BUILT`] set in `Raw`, `Args` is a finished trace.
//!
//! A handler finds class, reason and trace in X3, X1 and X2, and [`CAUGHT`] in X0.

use crate::machine::{Handler, M, brand, slow};
use crate::traced;
use oxbeam_heap::Heap;
use oxbeam_runtime::engine::Switch;
use oxbeam_runtime::native::Class;
use oxbeam_runtime::process::exit;
use oxbeam_term::tag::{Subtag, header};
use oxbeam_term::{Atom, Export, RawTerm, Term, am};

/// What X0 holds where a handler begins: an immediate that is no term of any kind.
pub const CAUGHT: RawTerm = RawTerm(1 << 6 | 0x2B);

/// The trace is finished; it stands where the arguments else are.
pub const FLAG_BUILT: u64 = 1;
/// Above the flag: the class, for a `raise` of older code.
const CLASS_SHIFT: u32 = 1;

/// Words of a raw trace after the header: flags, module, function, arity of
/// the first entry (0: the first address says), the number of the module that
/// was published last when it was made, then addresses.
///
/// An address in code that was purged meanwhile says nothing: what lies there
/// now, if anything, was published later.
pub const RAW_FLAGS: usize = 0;
/// See [`RAW_FLAGS`].
pub const RAW_MFA: usize = 1;
/// See [`RAW_FLAGS`].
pub const RAW_SERIAL: usize = 4;
/// See [`RAW_FLAGS`].
pub const RAW_PCS: usize = 5;

/// What the first entry of a trace is.
#[derive(Clone, Copy)]
pub enum First<'a> {
    /// The function that runs `ip`.
    Here,
    /// The function that runs `ip`, with these arguments.
    HereWith(RawTerm),
    /// The function whose `func_info` is at `ip`, arguments in X.
    Function,
    /// A native, with its arguments.
    Native(&'static Export, &'a [RawTerm]),
}

/// An exception about to be raised.
pub struct Exception<'a> {
    /// Its class.
    pub class: Class,
    /// Its reason.
    pub reason: RawTerm,
    /// The first entry of its trace.
    pub first: First<'a>,
    /// `error_info`, or `NONE`.
    pub info: RawTerm,
}

impl M {
    /// Raises an exception with a fresh trace.
    ///
    /// # Safety
    /// Machine rules; the terms are good.
    pub unsafe fn raise(&mut self, exception: Exception<'_>) -> Handler {
        // SAFETY: by contract.
        unsafe {
            let trace = self.trace(&exception);
            self.raise_traced(exception.class, exception.reason, trace)
        }
    }

    /// Raises an error of the running instruction.
    ///
    /// # Safety
    /// Machine rules; the term is good.
    pub unsafe fn error(&mut self, reason: RawTerm) -> Handler {
        let exception =
            Exception { class: Class::Error, reason, first: First::Here, info: RawTerm::NONE };
        // SAFETY: by contract.
        unsafe { self.raise(exception) }
    }

    /// Raises the error `{Tag, Value}` of the running instruction.
    ///
    /// # Safety
    /// Machine rules; the term is good.
    pub unsafe fn error_tagged(&mut self, tag: Atom, value: RawTerm) -> Handler {
        // SAFETY: by contract.
        unsafe {
            let reason = self.heap().tagged(tag, [brand(value)]).raw();
            self.back();
            self.error(reason)
        }
    }

    /// Raises an exception whose trace is there.
    ///
    /// # Safety
    /// Machine rules; the terms are good.
    pub unsafe fn raise_traced(
        &mut self,
        class: Class,
        reason: RawTerm,
        trace: RawTerm,
    ) -> Handler {
        // SAFETY: by contract.
        unsafe {
            let (caught, traced) = find_catch(self);
            if traced {
                let end = caught.map_or((*self.turn().heap).end(), |(frame, _)| frame);
                let (shown, value) = match (caught, class) {
                    (None, Class::Throw) => {
                        let value = self.heap().tagged(am::nocatch, [brand(reason)]).raw();
                        self.back();
                        (Class::Error, value)
                    }
                    _ => (class, reason),
                };
                traced::unwind(self, end, shown, value, caught.is_some());
            }
            match caught {
                Some((frame, handler)) => {
                    self.e = frame;
                    *self.x(0) = CAUGHT;
                    *self.x(1) = reason;
                    *self.x(2) = trace;
                    *self.x(3) = RawTerm::atom(class.atom());
                    // A handler that raises at once must not hold the processor.
                    self.reds -= 1;
                    if self.reds <= 0 {
                        return self.turn_over(handler, 4);
                    }
                    self.goto(handler)
                }
                None => self.die(class, reason, trace),
            }
        }
    }

    /// Ends the process for want of a handler.
    unsafe fn die(&mut self, class: Class, reason: RawTerm, trace: RawTerm) -> Handler {
        // SAFETY: by contract of the callers.
        unsafe {
            let heap = self.heap();
            let built = build(heap, trace);
            let reason = brand(reason);
            let (reason, class) = match class {
                Class::Throw => (heap.tagged(am::nocatch, [reason]), Class::Error),
                class => (reason, class),
            };
            let is_error = class != Class::Exit;
            let reason = if is_error { heap.tuple(&[reason, built]) } else { reason };
            let process = self.turn().process().clone();
            exit::die(&process, self.turn().owned(), is_error, reason);
            self.back();
            self.leave(Switch::Exit, self.ip, 0)
        }
    }

    /// Makes the trace of an exception at the running instruction.
    unsafe fn trace(&mut self, exception: &Exception<'_>) -> RawTerm {
        // SAFETY: by contract of `raise`.
        unsafe {
            // One entry at least.
            let mut depth = oxbeam_runtime::system::backtrace_depth().max(1);
            let mut pcs: Vec<u64> = Vec::with_capacity(depth + 1);
            let mut mfa = [0; 3];
            let mut args = RawTerm::atom(am::true_);
            let heap = self.heap();
            match exception.first {
                First::Here => pcs.push(self.ip as u64),
                First::HereWith(list) => {
                    // A native that was applied was called by the innermost frame.
                    if oxbeam_code::ranges::find(self.ip).is_some() {
                        pcs.push(self.ip as u64);
                    }
                    args = list;
                }
                First::Function => {
                    pcs.push(self.ip as u64);
                    args = list_of(heap, self.live(self.w(3) as usize));
                }
                First::Native(export, values) => {
                    mfa = [
                        RawTerm::atom(export.module).0,
                        RawTerm::atom(export.function).0,
                        u64::from(export.arity),
                    ];
                    args = list_of(heap, values);
                    depth -= 1;
                    if depth > 0 && oxbeam_code::ranges::find(self.ip).is_some() {
                        pcs.push(self.ip as u64);
                    }
                }
            }
            gather(heap, &mut pcs, depth);
            let info = match exception.info.is_none() {
                true => Term::nil(),
                false => {
                    let info = heap.tagged(am::error_info, [brand(exception.info)]);
                    heap.list(&[info])
                }
            };
            let raw = raw_trace(heap, class_bits(exception.class), mfa, &pcs);
            let trace = heap.tuple(&[brand(raw), brand(args), info]).raw();
            self.back();
            trace
        }
    }
}

/// The list of raw terms.
///
/// # Safety
/// They are good terms of the heap.
pub unsafe fn list_of(heap: &Heap, terms: &[RawTerm]) -> RawTerm {
    // SAFETY: `Term` is a transparent `RawTerm`; good by contract.
    let terms =
        unsafe { std::slice::from_raw_parts(terms.as_ptr().cast::<Term<'_>>(), terms.len()) };
    heap.list(terms).raw()
}

/// Adds the continuations on the stack, until there are `depth` addresses.
fn gather(heap: &Heap, pcs: &mut Vec<u64>, depth: usize) {
    let mut last = 0;
    let fixed = oxbeam_code::stub::fixed();
    for word in heap.stack() {
        if pcs.len() >= depth {
            return;
        }
        if is_continuation(*word)
            && word.0 != last
            && fixed.trace_return(word.0 as *const u64).is_none()
        {
            last = word.0;
            // The word before a return point belongs to the call.
            pcs.push(word.0 - 8);
        }
    }
}

fn raw_trace(heap: &Heap, flags: u64, mfa: [u64; 3], pcs: &[u64]) -> RawTerm {
    let object = heap.alloc(1 + RAW_PCS + pcs.len());
    // SAFETY: `alloc` gave that many words.
    unsafe {
        *object = header(Subtag::RawTrace, RAW_PCS + pcs.len());
        *object.add(1 + RAW_FLAGS) = flags;
        *object.add(1 + RAW_SERIAL) = oxbeam_code::module::last_serial();
        std::ptr::copy_nonoverlapping(mfa.as_ptr(), object.add(1 + RAW_MFA), 3);
        std::ptr::copy_nonoverlapping(pcs.as_ptr(), object.add(1 + RAW_PCS), pcs.len());
    }
    RawTerm::boxed(object)
}

/// The trace of `erlang:raise/3`: finished already.
pub fn built_trace<'h>(heap: &'h Heap, class: Class, trace: Term<'h>) -> Term<'h> {
    let raw = raw_trace(heap, FLAG_BUILT | class_bits(class), [0; 3], &[]);
    // SAFETY: just built in this heap.
    heap.tuple(&[unsafe { brand(raw) }, trace, Term::nil()])
}

/// The parts of a travelling trace; `None` where the term is none.
///
/// # Safety
/// The term is good.
unsafe fn parts<'h>(trace: RawTerm) -> Option<(RawTerm, Term<'h>, Term<'h>)> {
    // SAFETY: by contract.
    unsafe {
        let [raw, args, info] = brand(trace).as_tuple_n::<3>()?;
        raw.raw().is_subtag(Subtag::RawTrace).then(|| (raw.raw(), args, info))
    }
}

fn class_bits(class: Class) -> u64 {
    (class as u64 + 1) << CLASS_SHIFT
}

/// The class that a travelling trace was raised with.
///
/// # Safety
/// The term is good.
pub unsafe fn class_in(trace: RawTerm) -> Option<Class> {
    // SAFETY: by contract.
    let (raw, _, _) = unsafe { parts(trace) }?;
    // SAFETY: a raw trace has its flags.
    let bits = unsafe { raw.word(RAW_FLAGS) } >> CLASS_SHIFT;
    [Class::Error, Class::Exit, Class::Throw].into_iter().find(|&c| c as u64 + 1 == bits)
}

/// Notes the class in a travelling trace, where it is raised again by another.
///
/// # Safety
/// The term is good.
pub unsafe fn set_class(trace: RawTerm, class: Class) {
    // SAFETY: a raw trace is never a literal and has its flags.
    unsafe {
        if let Some((raw, _, _)) = parts(trace) {
            let flags = raw.ptr().add(1 + RAW_FLAGS);
            *flags = *flags & FLAG_BUILT | class_bits(class);
        }
    }
}

/// Makes the list that programs see of a travelling trace; any other term
/// comes back as it is.
///
/// # Safety
/// The term is good.
pub unsafe fn build<'h>(heap: &'h Heap, trace: RawTerm) -> Term<'h> {
    // SAFETY: by contract; the raw trace has the words that its header says.
    unsafe {
        let Some((raw, args, info)) = parts(trace) else { return brand(trace) };
        if raw.word(RAW_FLAGS) & FLAG_BUILT != 0 {
            return args;
        }
        let count = oxbeam_term::tag::header_arity(raw.header()) - RAW_PCS;
        let mut items = Vec::with_capacity(count + 1);
        let mut first = true;
        if raw.word(RAW_MFA) != 0 {
            items.push(native_item(heap, raw, args, info));
            first = false;
        }
        let serial = raw.word(RAW_SERIAL);
        for i in 0..count {
            let pc = raw.word(RAW_PCS + i) as *const u64;
            let (args, info) = if first { (args, info) } else { (Term::bool(true), Term::nil()) };
            first = false;
            items.extend(item(heap, (pc, serial), args, info));
        }
        heap.list(&items)
    }
}

unsafe fn native_item<'h>(
    heap: &'h Heap,
    raw: RawTerm,
    args: Term<'h>,
    info: Term<'h>,
) -> Term<'h> {
    // SAFETY: atoms are good terms.
    let (module, function) =
        unsafe { (brand(RawTerm(raw.word(RAW_MFA))), brand(RawTerm(raw.word(RAW_MFA + 1)))) };
    heap.tuple(&[module, function, args, info])
}

/// The entry of an address that was noted when the module of that number was the
/// last; none for code that was purged since.
fn item<'h>(
    heap: &'h Heap,
    (pc, serial): (*const u64, u64),
    args: Term<'h>,
    info: Term<'h>,
) -> Option<Term<'h>> {
    let place = oxbeam_code::ranges::locate(pc).filter(|place| place.serial <= serial)?;
    let args = match args.as_bool() {
        Some(true) => heap.int(i64::from(place.arity)),
        _ => args,
    };
    let mut location = info;
    if let Some(line) = place.line {
        let file = heap.tagged(am::file, [heap.list_of_chars(line.file)]);
        let line = heap.tagged(am::line, [heap.int(i64::from(line.line))]);
        let tail = heap.cons(line, info);
        location = heap.cons(file, tail);
    }
    Some(heap.tuple(&[Term::atom(place.module), Term::atom(place.function), args, location]))
}

/// The frame of the innermost catch, and its handler; whether there are frames of tracing before it.
///
/// A mark counts only in the frame it was set in: one of its size, of the
/// function that the handler is in.
///
/// # Safety
/// Machine rules.
unsafe fn find_catch(m: &M) -> (Option<(*mut u64, *const u64)>, bool) {
    m.out();
    // SAFETY: the words between stack top and block end are the stack.
    unsafe {
        let end = (*m.turn().heap).end();
        let (mut at, mut frame, mut owner) = (m.e, m.e, m.ip);
        let (fixed, mut traced) = (oxbeam_code::stub::fixed(), false);
        while at < end {
            let word = RawTerm(*at);
            at = at.add(1);
            if is_continuation(word) {
                (frame, owner) = (at, word.0 as *const u64);
                traced |= fixed.trace_return(owner).is_some();
            } else if word.is_catch() {
                let (handler, words) = oxbeam_code::catch_target(word);
                let bottom = frame.wrapping_add(words);
                let whole = |mut p: *mut u64| {
                    while p < bottom && !is_continuation(RawTerm(*p)) {
                        p = p.add(1);
                    }
                    p == bottom
                };
                let fits = bottom >= at && bottom < end && whole(at);
                if fits && is_continuation(RawTerm(*bottom)) && same_function(owner, handler) {
                    return (Some((frame, handler)), traced);
                }
            }
        }
        (None, traced)
    }
}

pub(crate) fn is_continuation(word: RawTerm) -> bool {
    word.is_header() && word.0 != 0
}

fn same_function(a: *const u64, b: *const u64) -> bool {
    let function = oxbeam_code::ranges::function_of;
    function(a).is_some_and(|info| function(b) == Some(info))
}

slow! {
    /// A register does not hold what the code takes for granted.
    fn bad_code(m) {
        let reason = Atom::new("bad_code").unwrap_or(am::badarg);
        m.error(RawTerm::atom(reason))
    }
    /// `badarith` of an instruction that is no call.
    fn badarith(m) {
        m.error(RawTerm::atom(am::badarith))
    }
    /// `badarg` of an instruction that is no call.
    fn badarg(m) {
        m.error(RawTerm::atom(am::badarg))
    }
    /// `system_limit` of an instruction that is no call.
    fn system_limit(m) {
        m.error(RawTerm::atom(am::system_limit))
    }
}
