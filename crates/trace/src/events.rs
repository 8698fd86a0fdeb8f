//! Messages that are sent, and which of them, and of those that arrive, are told of:
//! `erlang:trace_pattern(send | 'receive', ...)`.

use crate::asked::{self, Asked};
use crate::patterns::Spec;
use oxbeam_ethread::lock::Mutex;
use oxbeam_heap::Heap;
use oxbeam_match_spec::{Runner, Tracer};
use oxbeam_runtime::process::{PidData, ProcState, Process, table};
use oxbeam_runtime::trace::{Event, flags, of_processes, tell_of};
use oxbeam_runtime::{Cx, system};
use oxbeam_term::{Node, Term, am};

oxbeam_ethread::lock_order! {
    /// Which messages that are sent are told of.
    Sends = 110;
    /// Which messages that arrive are told of.
    Receives = 120;
}

/// Which events are told of.
#[derive(Clone)]
pub enum Which {
    None,
    All,
    Some(Spec),
}

static SENDS: Mutex<Which, Sends> = Mutex::new(Which::All);

static RECEIVES: Mutex<Which, Receives> = Mutex::new(Which::All);

/// Which messages that are sent are told of.
pub fn sends() -> Which {
    SENDS.lock().clone()
}

pub fn tell_of_sends(which: Which) {
    *SENDS.lock() = which;
}

/// Which messages that arrive are told of.
pub fn receives() -> Which {
    RECEIVES.lock().clone()
}

pub fn tell_of_receives(which: Which) {
    *RECEIVES.lock() = which;
}

/// The process, which is traced for it, sends a message to what `to` names.
pub fn sent(cx: &mut Cx<'_>, to: Term<'_>, message: Term<'_>) {
    let scratch = Heap::detached();
    let asked = Asked::new(cx, None, false);
    let args = || vec![scratch.import(to), scratch.import(message)];
    let result = judge(&sends(), cx.process, &asked, &scratch, args);
    if let Some(sequence) = asked.changed() {
        cx.own.set_sequence(sequence);
    }
    let Some(result) = result else { return };
    let Some((now, tracer)) = cx.process.traced_for(flags::SEND) else { return };
    let is_gone = to.as_local_pid().is_some_and(|pid| table::find(pid).is_none());
    let what = if is_gone { "send_to_non_existing_process" } else { "send" };
    let parts = [message, to];
    tell_of(&tracer, now, &Event { of: cx.process.pid, what, parts: &parts, result: Some(result) });
}

/// A message arrives at a process that is traced for it: from `from`, if that is known.
fn received(process: &Process, _: &ProcState, from: Option<PidData>, message: Term<'_>) {
    let scratch = Heap::detached();
    let args = || {
        let (node, from) = match from {
            Some(pid) => (Node::this().name, Term::pid(pid)),
            None => (am::undefined, Term::atom(am::undefined)),
        };
        vec![Term::atom(node), from, scratch.import(message)]
    };
    let Some(result) = judge(&receives(), process, &Passive, &scratch, args) else { return };
    let Some((now, tracer)) = process.traced_for(flags::RECEIVE) else { return };
    let (of, what, parts) = (process.pid, "receive", [message]);
    tell_of(&tracer, now, &Event { of, what, parts: &parts, result: Some(result) });
}

/// Makes messages that arrive known to tracers; at boot, once.
pub fn install() {
    of_processes::install(received);
}

/// What is said beside an event; `None`: it is not told of.
fn judge<'h>(
    which: &Which,
    process: &Process,
    asked: &dyn Tracer,
    scratch: &'h Heap,
    args: impl FnOnce() -> Vec<Term<'h>>,
) -> Option<Term<'h>> {
    let program = match which {
        Which::None => return None,
        Which::All | Which::Some(None) => return Some(Term::bool(true)),
        Which::Some(Some(program)) => program,
    };
    let traced = Runner::new(program, process.pid).run_trace(scratch.list(&args()), asked, scratch);
    let message = traced.map(|traced| traced.message).filter(|message| !message.is(am::false_))?;
    (process.trace_flags() & flags::SILENT == 0).then_some(message)
}

/// A process that does not run: nothing can be asked of it.
struct Passive;

impl Tracer for Passive {
    fn display(&self, term: Term<'_>) {
        asked::display(term);
    }
    fn process_dump(&self) -> Vec<u8> {
        vec![]
    }
    fn control_word(&self) -> u64 {
        system::trace_control_word()
    }
    fn set_control_word(&self, word: u32) {
        system::set_trace_control_word(word);
    }
    fn caller<'e>(&self, _: bool, _: &'e Heap) -> Term<'e> {
        Term::atom(am::undefined)
    }
    fn token<'e>(&self, _: &'e Heap) -> Term<'e> {
        Term::nil()
    }
    fn set_token<'e>(&self, _: Term<'e>, _: Term<'_>, _: &'e Heap) -> Option<Term<'e>> {
        None
    }
    fn silence(&self, _: bool) {}
    fn switch(&self, _: Option<Term<'_>>, _: Term<'_>, _: bool) -> bool {
        false
    }
    fn trace(&self, _: Option<Term<'_>>, _: Term<'_>, _: Term<'_>) -> Option<bool> {
        None
    }
}
