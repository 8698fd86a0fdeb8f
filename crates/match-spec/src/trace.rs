//! The dialect of tracing: what its guards and bodies may call beyond the others.

use std::cell::Cell;

use oxbeam_heap::Heap;
use oxbeam_term::{Atom, Term};

/// What a specification asks of where it runs.
pub trait Tracer {
    fn display(&self, term: Term<'_>);
    /// What a crash dump says of the process.
    fn process_dump(&self) -> Vec<u8>;
    fn control_word(&self) -> u64;
    fn set_control_word(&self, word: u32);
    /// `{Module, Function, Arity}` that the traced function returns to, with its place in the source
    /// if that is asked for; else `undefined`.
    fn caller<'e>(&self, with_line: bool, heap: &'e Heap) -> Term<'e>;
    /// The token of the process's sequential trace; `[]` if it has none.
    fn token<'e>(&self, heap: &'e Heap) -> Term<'e>;
    /// Sets a part of it; `None`: it cannot be that.
    fn set_token<'e>(&self, part: Term<'e>, value: Term<'_>, heap: &'e Heap) -> Option<Term<'e>>;
    /// Switches the process's flag of that name.
    fn silence(&self, silent: bool);
    /// Switches a flag of a process (`None`: the one that runs). `false`: no such flag or process.
    fn switch(&self, process: Option<Term<'_>>, flag: Term<'_>, on: bool) -> bool;
    /// Clears and sets flags of a process (`None`: the one that runs), and perhaps its tracer;
    /// whether that changes anything. `None`: it cannot be done.
    fn trace(&self, process: Option<Term<'_>>, off: Term<'_>, on: Term<'_>) -> Option<bool>;
}

/// What a run in the dialect of tracing gives beside its message.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Flags {
    pub return_trace: bool,
    pub exception_trace: bool,
}

/// What a run collects.
pub(crate) struct Collected<'e> {
    pub tracer: &'e dyn Tracer,
    pub message: Cell<Term<'e>>,
    pub flags: Cell<Flags>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Effect {
    Message,
    ReturnTrace,
    ExceptionTrace,
    Silent,
    Display,
    ProcessDump,
    Caller,
    CallerLine,
    IsSeqTrace,
    GetSeqToken,
    SetSeqToken,
    EnableTrace,
    DisableTrace,
    Trace,
    GetTcw,
    SetTcw,
}

impl Effect {
    /// Whether it asks who called.
    pub fn is_of_calls(self) -> bool {
        matches!(self, Effect::Caller | Effect::CallerLine)
    }
    /// Whether it needs the process to be running.
    pub fn acts(self) -> bool {
        use Effect::*;
        !matches!(self, Message | ReturnTrace | ExceptionTrace | Display | GetTcw | SetTcw)
    }
}

/// A special form of tracing.
pub(crate) struct Form {
    pub effect: Effect,
    /// How many arguments it takes.
    pub arities: &'static [usize],
    pub in_guards: bool,
    /// What messages call it in a guard.
    pub guard_name: &'static str,
}

/// The special form of that name.
pub(crate) fn form(name: Atom) -> Option<Form> {
    let (effect, arities): (_, &'static [usize]) = match name.name() {
        "message" => (Effect::Message, &[1]),
        "return_trace" => (Effect::ReturnTrace, &[0]),
        "exception_trace" => (Effect::ExceptionTrace, &[0]),
        "silent" => (Effect::Silent, &[1]),
        "display" => (Effect::Display, &[1]),
        "process_dump" => (Effect::ProcessDump, &[0]),
        "caller" => (Effect::Caller, &[0]),
        "caller_line" => (Effect::CallerLine, &[0]),
        "is_seq_trace" => (Effect::IsSeqTrace, &[0]),
        "get_seq_token" => (Effect::GetSeqToken, &[0]),
        "set_seq_token" => (Effect::SetSeqToken, &[2]),
        "enable_trace" => (Effect::EnableTrace, &[1, 2]),
        "disable_trace" => (Effect::DisableTrace, &[1, 2]),
        "trace" => (Effect::Trace, &[2, 3]),
        _ => return None,
    };
    let guard_name = match effect {
        // So stock calls it.
        Effect::SetSeqToken => "set_seq_trace",
        _ => name.name(),
    };
    Some(Form { effect, arities, in_guards: effect == Effect::IsSeqTrace, guard_name })
}

/// The function of that name and arity, and whether guards may call it.
pub(crate) fn function(name: Atom, arity: usize) -> Option<(Effect, bool)> {
    match (name.name(), arity) {
        ("get_tcw", 0) => Some((Effect::GetTcw, true)),
        ("set_tcw" | "set_tcw_fake", 1) => Some((Effect::SetTcw, false)),
        _ => None,
    }
}

impl<'e> Collected<'e> {
    /// Does what a form or function says; `None`: it fails.
    pub fn call(&self, effect: Effect, args: &[Term<'e>], heap: &'e Heap) -> Option<Term<'e>> {
        let done = Some(Term::bool(true));
        let mut flags = self.flags.get();
        match (effect, args) {
            (Effect::Message, &[message]) => self.message.set(message),
            (Effect::ReturnTrace, _) => flags.return_trace = true,
            (Effect::ExceptionTrace, _) => flags.exception_trace = true,
            (Effect::Silent, &[silent]) => {
                if let Some(silent) = silent.as_bool() {
                    self.tracer.silence(silent);
                }
            }
            (Effect::Display, &[term]) => self.tracer.display(term),
            (Effect::ProcessDump, _) => return Some(heap.binary(&self.tracer.process_dump())),
            (Effect::Caller, _) => return Some(self.tracer.caller(false, heap)),
            (Effect::CallerLine, _) => return Some(self.tracer.caller(true, heap)),
            (Effect::IsSeqTrace, _) => return Some(Term::bool(!self.tracer.token(heap).is_nil())),
            (Effect::GetSeqToken, _) => return Some(self.tracer.token(heap)),
            (Effect::SetSeqToken, &[part, value]) => {
                return self.tracer.set_token(part, value, heap);
            }
            (Effect::EnableTrace | Effect::DisableTrace, &[ref process @ .., flag]) => {
                let on = effect == Effect::EnableTrace;
                return done.filter(|_| self.tracer.switch(process.first().copied(), flag, on));
            }
            (Effect::Trace, &[ref process @ .., off, on]) => {
                return self.tracer.trace(process.first().copied(), off, on).map(Term::bool);
            }
            (Effect::GetTcw, _) => return Some(heap.uint(self.tracer.control_word())),
            (Effect::SetTcw, &[word]) => {
                let word = u32::try_from(word.as_small()?).ok()?;
                let before = self.tracer.control_word();
                self.tracer.set_control_word(word);
                return Some(heap.uint(before));
            }
            _ => return None,
        }
        self.flags.set(flags);
        done
    }
}
