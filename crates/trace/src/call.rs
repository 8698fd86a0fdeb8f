//! What happens when a function with a breakpoint is called, and when it returns.

use crate::asked::{Asked, function_behind};
use crate::patterns::{Meta, Patterns, Spec};
use oxbeam_heap::Heap;
use oxbeam_match_spec::Runner;
use oxbeam_runtime::Cx;
use oxbeam_runtime::native::Class;
use oxbeam_runtime::process::{Mfa, PidData, Process, table};
use oxbeam_runtime::trace::flags::{self, Flags};
use oxbeam_runtime::trace::{Event, tell_of};
use oxbeam_term::{Term, am};
use std::sync::Arc;

/// A call of a function with a breakpoint.
pub struct Call<'c, 'h> {
    pub mfa: Mfa,
    pub args: &'c [Term<'h>],
    /// Where the function returns to, behind all that tracing has put there.
    pub returns_to: *const u64,
}

/// What is to be done when a traced call returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Frame {
    /// Tell where it returns to.
    ReturnTo,
    /// Tell what it returns; `exceptions`: or raises.
    Return {
        exceptions: bool,
        /// Whom to tell; `None`: the process's own tracer.
        tracer: Option<PidData>,
    },
}

/// What a specification says of a call.
struct Verdict<'e> {
    /// What the message says beside the call; `false`: there is none.
    message: Term<'e>,
    on_return: Option<bool>,
}

/// Meta tracers see calls as with these flags.
const META: Flags = flags::CALL | flags::TIMESTAMP;

/// Does what the patterns say, except for times; gives the frames that the call needs, the outermost
/// first.
pub fn called(cx: &mut Cx<'_>, patterns: &Patterns, call: &Call<'_, '_>) -> Vec<Frame> {
    let mut frames = vec![];
    if let Some(calls) = &patterns.calls
        && cx.own.is_traced(cx.process, flags::CALL)
        && let Some((_, tracer)) = cx.process.traced_for(flags::CALL)
    {
        own_call(cx, (calls.local, &calls.spec), call, &tracer, &mut frames);
    }
    if let Some(meta) = &patterns.meta
        && !cx.own.flags.sensitive
        && let Some(tracer) = meta_tracer(cx, meta)
    {
        let scratch = Heap::detached();
        let verdict = judge(cx, &meta.spec, call, &scratch);
        if !verdict.message.is(am::false_) {
            tell_call(&tracer, cx.process.pid, META, call, verdict.message);
        }
        let tracer = Some(tracer.pid);
        frames.extend(verdict.on_return.map(|exceptions| Frame::Return { exceptions, tracer }));
    }
    if let Some(count) = patterns.count.as_ref().filter(|count| count.active) {
        count.calls.inc();
    }
    frames
}

fn own_call(
    cx: &mut Cx<'_>,
    (local, spec): (bool, &Spec),
    call: &Call<'_, '_>,
    tracer: &Arc<Process>,
    frames: &mut Vec<Frame>,
) {
    let scratch = Heap::detached();
    let verdict = judge(cx, spec, call, &scratch);
    // The specification may have changed them.
    let flags = cx.process.trace_flags();
    if flags & flags::SILENT != 0 {
        return;
    }
    if !verdict.message.is(am::false_) {
        if local && flags & flags::RETURN_TO != 0 {
            frames.push(Frame::ReturnTo);
        }
        tell_call(tracer, cx.process.pid, flags, call, verdict.message);
    }
    let tracer = None;
    frames.extend(verdict.on_return.map(|exceptions| Frame::Return { exceptions, tracer }));
}

/// The tracer of a meta pattern, if it is to be told.
fn meta_tracer(cx: &Cx<'_>, meta: &Meta) -> Option<Arc<Process>> {
    let pid = meta.tracer()?;
    match table::find(pid).filter(|tracer| !tracer.is_exiting()) {
        Some(tracer) => Some(tracer).filter(|_| pid != cx.process.pid),
        None => {
            meta.tracer_has_ended();
            None
        }
    }
}

fn judge<'e>(cx: &mut Cx<'_>, spec: &Spec, call: &Call<'_, '_>, scratch: &'e Heap) -> Verdict<'e> {
    let Some(program) = spec else {
        return Verdict { message: Term::bool(true), on_return: None };
    };
    let args: Vec<_> = call.args.iter().map(|arg| scratch.import(*arg)).collect();
    let asked = Asked::new(cx, Some(call.returns_to), false);
    let runner = Runner::new(program, cx.process.pid);
    let traced = runner.run_trace(scratch.list(&args), &asked, scratch);
    if let Some(sequence) = asked.changed() {
        cx.own.set_sequence(sequence);
    }
    match traced {
        Some(traced) => {
            let on_return = traced.flags.return_trace || traced.flags.exception_trace;
            let on_return = on_return.then_some(traced.flags.exception_trace);
            Verdict { message: traced.message, on_return }
        }
        None => Verdict { message: Term::bool(false), on_return: None },
    }
}

fn tell_call(
    tracer: &Arc<Process>,
    pid: PidData,
    flags: Flags,
    call: &Call<'_, '_>,
    result: Term<'_>,
) {
    let (module, function, arity) = call.mfa;
    let scratch = Heap::detached();
    let last = match flags & flags::ARITY != 0 {
        true => scratch.int(i64::from(arity)),
        false => {
            let args: Vec<_> = call.args.iter().map(|arg| scratch.import(*arg)).collect();
            scratch.list(&args)
        }
    };
    let mfa = scratch.tuple(&[Term::atom(module), Term::atom(function), last]);
    tell(tracer, flags, pid, "call", &[mfa, result]);
}

/// Tells `{trace, Pid, What, Part..., Result}`, the last of the parts being the result.
fn tell(tracer: &Arc<Process>, flags: Flags, of: PidData, what: &'static str, parts: &[Term<'_>]) {
    let (result, parts) = parts.split_last().expect("the result is a part");
    tell_of(tracer, flags, &Event { of, what, parts, result: Some(*result) });
}

fn mfa_term(heap: &Heap, (module, function, arity): Mfa) -> Term<'_> {
    heap.tuple(&[Term::atom(module), Term::atom(function), heap.int(i64::from(arity))])
}

/// Who is to be told of a return, and with which flags.
fn told(cx: &Cx<'_>, tracer: Option<PidData>) -> Option<(Flags, Arc<Process>)> {
    match tracer {
        None => cx.process.traced_for(flags::CALL),
        Some(pid) => Some((META, table::find(pid)?)),
    }
}

/// A call that has a [`Frame::Return`] returns.
pub fn returned(cx: &Cx<'_>, mfa: Mfa, tracer: Option<PidData>, value: Term<'_>) {
    if let Some((flags, tracer)) = told(cx, tracer) {
        let heap = Heap::detached();
        let parts = [mfa_term(&heap, mfa), value, Term::bool(true)];
        tell(&tracer, flags, cx.process.pid, "return_from", &parts);
    }
}

/// A call that has a [`Frame::Return`] with exceptions ends in one.
pub fn raised(cx: &Cx<'_>, mfa: Mfa, tracer: Option<PidData>, (class, value): (Class, Term<'_>)) {
    if let Some((flags, tracer)) = told(cx, tracer) {
        let heap = Heap::detached();
        let what = heap.tuple(&[Term::atom(class.atom()), heap.import(value)]);
        let parts = [mfa_term(&heap, mfa), what, Term::bool(true)];
        tell(&tracer, flags, cx.process.pid, "exception_from", &parts);
    }
}

/// A call that has a [`Frame::ReturnTo`] returns to that address.
pub fn returns_to(cx: &Cx<'_>, address: *const u64) {
    if cx.process.trace_flags() & flags::RETURN_TO == 0 {
        return;
    }
    if let Some((flags, tracer)) = cx.process.traced_for(flags::RETURN_TO) {
        let heap = Heap::detached();
        let to = match function_behind(address) {
            Some(at) => mfa_term(&heap, (at.module, at.function, at.arity)),
            None => Term::atom(am::undefined),
        };
        tell(&tracer, flags, cx.process.pid, "return_to", &[to, Term::bool(true)]);
    }
}
