//! Calls of functions with breakpoints, and the frames by which their returns are seen.
//!
//! What is to be done when a traced call returns stands on the stack above the continuation of the
//! call, as a frame of its own: a continuation of a fixed instruction, and terms that only it looks
//! at. These are `[return_to_trace]`, `[return_trace, Module, Function, Arity + 256 if of
//! exceptions, Tracer or []]`, and `[return_time_trace, Depth]`. Whoever walks a stack skips them,
//! for no code lies where they lead to.

use crate::machine::{Handler, M, brand, slow};
use crate::native;
use crate::raise;
use oxbeam_code::{index, ranges, stub};
use oxbeam_heap::Heap;
use oxbeam_ops::specific::Op;
use oxbeam_runtime::native::Class;
use oxbeam_runtime::process::Mfa;
use oxbeam_runtime::{Cx, trace::flags};
use oxbeam_term::layout::{MATCH_OFFSET, MATCH_ORIG, MATCH_SIZE};
use oxbeam_term::tag::Subtag;
use oxbeam_term::{Atom, RawTerm, Term, am};
use oxbeam_trace::{Call, Frame, Patterns, call, of_export};

/// Words of a `return_trace` frame behind its continuation.
const RETURN_WORDS: usize = 4;
/// Words of a `return_time_trace` frame behind its continuation.
const TIME_WORDS: usize = 1;
/// Added to the arity in the frame of a call whose exceptions are told of too.
const EXCEPTIONS: i64 = 1 << 8;

/// What tracing has put on the stack at `at`, if anything.
///
/// # Safety
/// `at` is a word of a stack.
unsafe fn trace_frame(at: *const u64) -> Option<Op> {
    // SAFETY: by contract.
    stub::fixed().trace_return(unsafe { *at } as *const u64)
}

/// Where the function that is being entered returns to, behind what tracing has put there; whether
/// there is a `return_to_trace` among that.
///
/// # Safety
/// The stack top is a continuation.
unsafe fn behind_traces(m: &M) -> (*const u64, bool) {
    let (mut at, mut tells) = (m.e.cast_const(), false);
    loop {
        // SAFETY: frames of tracing are as the module says, and a continuation lies behind each.
        unsafe {
            at = match trace_frame(at) {
                Some(Op::return_trace) => at.add(1 + RETURN_WORDS),
                Some(Op::return_time_trace) => at.add(1 + TIME_WORDS),
                Some(_) => {
                    tells = true;
                    at.add(1)
                }
                None => return (*at as *const u64, tells),
            };
        }
    }
}

/// The process as natives see it.
///
/// # Safety
/// Machine rules; [`M::back`] follows.
unsafe fn cx<'h>(m: &M) -> Cx<'h> {
    m.out();
    let turn = m.turn();
    // SAFETY: both live as long as the turn; no collection happens while they are used.
    unsafe {
        let owned = turn.owned;
        (*owned).own.ip = m.ip;
        Cx {
            heap: &(*owned).heap,
            own: &mut (*owned).own,
            process: &*turn.process,
            reductions: turn.left(),
        }
    }
}

/// An argument as terms go: a binary that is being matched is what is left of it.
///
/// # Safety
/// The term is good.
unsafe fn argument<'h>(heap: &'h Heap, arg: RawTerm) -> Term<'h> {
    // SAFETY: a match state has these words, and its original is a binary.
    unsafe {
        if !arg.is_subtag(Subtag::MatchState) {
            return brand(arg);
        }
        let word = |i: usize| *arg.ptr().add(i);
        let (from, to) = (word(MATCH_OFFSET) as usize, word(MATCH_SIZE) as usize);
        heap.sub_binary(brand(RawTerm(word(MATCH_ORIG))), from, to - from)
    }
}

/// Does what the patterns of a breakpoint say of a call with its arguments in X.
///
/// # Safety
/// Machine rules; the stack top is the call's continuation.
unsafe fn traced_call(m: &mut M, mfa: Mfa, patterns: &Patterns) {
    // SAFETY: machine rules.
    unsafe {
        let arity = usize::from(mfa.2);
        let (returns_to, tells) = behind_traces(m);
        let mut cx = cx(m);
        let args: Vec<_> = m.live(arity).iter().map(|arg| argument(cx.heap, *arg)).collect();
        let mut frames = call::called(&mut cx, patterns, &Call { mfa, args: &args, returns_to });
        m.back();
        frames.retain(|frame| !tells || *frame != Frame::ReturnTo);
        let timing = patterns.time.as_ref().filter(|time| time.active);
        let timing = timing.filter(|_| cx.own.is_traced(cx.process, flags::CALL));
        if frames.is_empty() && timing.is_none() {
            return;
        }
        let words = (frames.len() + 1) * (1 + RETURN_WORDS);
        if !m.has_words(words) {
            m.collect(words, arity);
        }
        frames.iter().for_each(|frame| push(m, mfa, *frame));
        if let Some(timing) = timing {
            let instead = trace_frame(m.e).is_some();
            let depth = m.turn().owned().own.time_call(&timing.times, instead);
            if !instead {
                push_words(m, Op::return_time_trace, [RawTerm::small(depth as i64)]);
            }
        }
    }
}

/// # Safety
/// There is room.
unsafe fn push(m: &mut M, (module, function, arity): Mfa, frame: Frame) {
    // SAFETY: by contract.
    unsafe {
        match frame {
            Frame::ReturnTo => push_words(m, Op::return_to_trace, []),
            Frame::Return { exceptions, tracer } => {
                let mark = if exceptions { EXCEPTIONS } else { 0 };
                let words = [
                    RawTerm::atom(module),
                    RawTerm::atom(function),
                    RawTerm::small(i64::from(arity) + mark),
                    tracer.map_or(RawTerm::NIL, RawTerm::pid),
                ];
                push_words(m, Op::return_trace, words);
            }
        }
    }
}

/// # Safety
/// There is room.
unsafe fn push_words<const N: usize>(m: &mut M, op: Op, words: [RawTerm; N]) {
    // SAFETY: by contract.
    unsafe {
        m.e = m.e.sub(1 + N);
        *m.e = stub::fixed().address(op) as u64;
        std::ptr::copy_nonoverlapping(words.as_ptr(), m.e.add(1).cast(), N);
    }
}

/// What a `return_trace` frame says.
struct Returning {
    mfa: Mfa,
    exceptions: bool,
    tracer: Option<u64>,
}

/// # Safety
/// At `words` lie those of a `return_trace` frame, behind its continuation.
unsafe fn returning(words: *const u64) -> Returning {
    // SAFETY: by contract.
    let word = |i: usize| RawTerm(unsafe { *words.add(i) });
    let atom = |i: usize| word(i).as_atom().unwrap_or(am::undefined);
    let arity = word(2).small_value();
    Returning {
        mfa: (atom(0), atom(1), arity as u8),
        exceptions: arity & EXCEPTIONS != 0,
        tracer: (!word(3).is_nil()).then(|| word(3).local_data()),
    }
}

/// Tells of the traced calls that an exception ends: those whose frames lie below `end`.
///
/// # Safety
/// Machine rules; the reason is good.
pub unsafe fn unwind(m: &mut M, end: *mut u64, class: Class, reason: RawTerm, caught: bool) {
    // SAFETY: the words between stack top and `end` are the stack.
    unsafe {
        let (mut at, mut tells, mut returns_to) = (m.e.cast_const(), false, None);
        let cx = cx(m);
        while at < end.cast_const() {
            let word = RawTerm(*at);
            if !raise::is_continuation(word) {
                at = at.add(1);
                continue;
            }
            returns_to = None;
            at = match trace_frame(at) {
                Some(Op::return_trace) => {
                    let Returning { mfa, exceptions, tracer } = returning(at.add(1));
                    if exceptions {
                        call::raised(&cx, mfa, tracer, (class, brand(reason)));
                    }
                    at.add(1 + RETURN_WORDS)
                }
                Some(Op::return_time_trace) => at.add(1 + TIME_WORDS),
                Some(_) => {
                    tells = true;
                    at.add(1)
                }
                None => {
                    if std::mem::take(&mut tells) {
                        returns_to = Some(word.0 as *const u64);
                    }
                    at.add(1)
                }
            };
        }
        if let Some(address) = returns_to.filter(|_| caught) {
            call::returns_to(&cx, address);
        }
        m.back();
    }
}

fn handler(word: u64) -> Handler {
    // SAFETY: the word is that of an operation, which is its handler.
    unsafe { std::mem::transmute::<usize, Handler>(word as usize) }
}

slow! {
    fn breakpoint(m) {
        let entry = m.ip;
        let module = ranges::find(entry);
        let Some(breakpoint) = module.and_then(|module| module.breakpoint_at(entry)) else {
            return raise::bad_code;
        };
        let resumes = std::mem::take(&mut m.turn().resumes_at) == entry as usize;
        let patterns = breakpoint.active().and_then(|patterns| patterns.downcast_ref());
        if let Some(patterns) = patterns.filter(|_| !resumes) {
            let atom = |words: usize| RawTerm(*entry.sub(words)).as_atom().unwrap_or(am::undefined);
            let mfa: (Atom, Atom, u8) = (atom(4), atom(3), *entry.sub(2) as u8);
            traced_call(m, mfa, patterns);
            if patterns.breaks {
                let args: Vec<_> = {
                    let heap = cx(m).heap;
                    let live = m.live(usize::from(mfa.2)).iter();
                    live.map(|arg| argument(heap, *arg).raw()).collect()
                };
                m.back();
                let export = oxbeam_term::export::get_or_create(mfa.0, mfa.1, mfa.2);
                return crate::op::stub::go_to_error_handler(m, export, am::breakpoint, &args);
            }
        }
        m.turn().passed = entry as usize;
        handler(breakpoint.replaced())
    }
    fn export_breakpoint(m) {
        let export = native::export(m.w(1));
        let ix = index::active();
        if let Some(patterns) = of_export(export, ix) {
            traced_call(m, (export.module, export.function, export.arity), patterns);
        }
        m.goto(stub::target(export, ix))
    }
    fn return_trace(m) {
        let Returning { mfa, tracer, .. } = returning(m.e);
        call::returned(&cx(m), mfa, tracer, brand(*m.x(0)));
        m.back();
        m.e = m.e.add(RETURN_WORDS);
        m.pop_cp()
    }
    fn return_to_trace(m) {
        let (address, _) = behind_traces(m);
        call::returns_to(&cx(m), address);
        m.back();
        m.pop_cp()
    }
    fn return_time_trace(m) {
        let depth = RawTerm(*m.e).small_value();
        m.turn().owned().own.time_return(depth as usize);
        m.e = m.e.add(TIME_WORDS);
        m.pop_cp()
    }
}
