//! What a process does with the signals that it takes.

use super::in_queue::Signal;
use super::queue::Message;
use super::take::Taken;
use super::{Control, send_control, send_control_to};
use crate::monitor::{AliasKind, Target, Watched};
use crate::native::Cx;
use crate::process::{PidData, ProcState, Process, Waiting};
use crate::reference::RefNumbers;
use crate::trace::of_processes;
use crate::trace::sequential::{Token, Trail};
use oxbeam_heap::{Heap, OwnedTerm};
use oxbeam_term::{Node, RawTerm, Term, am, outside};

/// A message comes into the mailbox.
pub(super) fn arrive(
    process: &Process,
    own: &mut ProcState,
    from: Option<PidData>,
    message: Box<Message>,
) {
    of_processes::received(process, own, from, message.term.view());
    own.mailbox.push(message);
}

/// As [`arrive`], for what a signal of the system's has become.
pub(crate) fn arrive_as(cx: &mut Cx<'_>, message: OwnedTerm) {
    arrive(cx.process, cx.own, None, Message::new(message));
}

/// As [`arrive`], for what a process has sent with its token.
fn arrive_with(cx: &mut Cx<'_>, from: Option<PidData>, term: OwnedTerm, token: Option<Token>) {
    let trail = if token.is_some() { Trail::Token } else { Trail::Ends };
    if let Some(token) = token {
        cx.own.keep_token(token);
    }
    arrive(cx.process, cx.own, from, Message::with_trail(term, trail));
}

pub(super) fn handle(cx: &mut Cx<'_>, control: Control) {
    let me = RawTerm::pid(cx.process.pid);
    match control {
        Control::Link { from } => {
            if cx.own.links.add_by_other(from) {
                of_processes::procs(cx.process, cx.own, "getting_linked", from);
            }
        }
        Control::Unlink { from, id } => {
            if cx.own.links.remove(from) {
                of_processes::procs(cx.process, cx.own, "getting_unlinked", from);
            }
            send_control_to(from, Control::UnlinkAck { from: me, id });
        }
        Control::UnlinkAck { from, id } => cx.own.links.acknowledge(from, id),
        Control::Exit { from, reason, linked, token } => exit(cx, (from, reason), linked, token),
        Control::Monitor { by, reference, name } => {
            cx.own.monitors.add_watched(reference, Watched { by, name });
        }
        Control::Demonitor { reference } => {
            cx.own.monitors.remove_watched(reference);
        }
        Control::Message { from, term, token } => arrive_with(cx, Some(from), term, token),
        Control::Down { reference, reason } => down(cx, reference, reason),
        Control::AliasMessage { reference, term, token } => {
            alias_message(cx, reference, term, token);
        }
        Control::AliasOutside { reference } => {
            if cx.own.aliases.get(reference).is_none() {
                outside::forget_alias(reference);
            }
        }
        Control::GroupLeader { leader } => {
            cx.own.group_leader = leader.attach_to(cx.heap).raw();
        }
        Control::Timeout { number } => timeout(cx.own, number),
        Control::Suspend => cx.own.suspend_count += 1,
        Control::Resume => cx.own.suspend_count = cx.own.suspend_count.saturating_sub(1),
        Control::Request(request) => request.run(cx),
        Control::Task(task) => cx.own.tasks.push(task),
    }
}

fn timeout(own: &mut ProcState, number: u64) {
    if own.timeout.as_ref().is_some_and(|timer| timer.number() == number) {
        own.timeout = None;
        own.timed_out = true;
    }
}

/// An exit signal: ends the process, becomes a message, or does nothing.
fn exit(cx: &mut Cx<'_>, (from, reason): (RawTerm, OwnedTerm), linked: bool, token: Option<Token>) {
    if linked && !cx.own.links.remove(from) {
        return;
    }
    let kill = !linked && reason.view().is(am::kill);
    if kill {
        cx.own.exit_reason = Some(OwnedTerm::immediate(RawTerm::atom(am::killed)));
        return;
    }
    if cx.own.trap_exit {
        if linked {
            of_processes::procs(cx.process, cx.own, "getting_unlinked", from);
        }
        arrive_with(cx, None, exit_message(from, reason), token);
        return;
    }
    let own_exit = from == RawTerm::pid(cx.process.pid);
    if !reason.view().is(am::normal) || own_exit {
        cx.own.exit_reason = Some(reason);
    } else if linked {
        of_processes::procs(cx.process, cx.own, "getting_unlinked", from);
    }
}

/// `{'EXIT', From, Reason}`
pub fn exit_message(from: RawTerm, reason: OwnedTerm) -> OwnedTerm {
    reason.into_last_of(|_| vec![Term::atom(am::EXIT), Term::immediate(from)])
}

fn down(cx: &mut Cx<'_>, reference: RefNumbers, reason: OwnedTerm) {
    let own = &mut *cx.own;
    let Some(watching) = own.monitors.stop_watching(reference) else { return };
    let me = RawTerm::pid(own.pid);
    let is_alias = own.aliases.get(reference).is_some();
    let of_one_word = reason.view().raw().is_immediate();
    let message = reason.into_last_of(|heap| {
        let tag = match &watching.tag {
            Some(tag) => tag.copy_to(heap),
            None => Term::atom(am::DOWN),
        };
        let reference = monitor_ref(heap, reference, me, is_alias);
        let (kind, object) = down_object(heap, watching.target);
        vec![tag, reference, kind, object]
    });
    own.aliases.monitor_ended(reference);
    // As in 25.2.3: a reason of one word comes from nobody.
    if of_one_word {
        arrive_as(cx, message);
    } else {
        arrive_with(cx, None, message, None);
    }
}

/// The reference term of a monitor: one that is an alias too names its process.
pub fn monitor_ref(heap: &Heap, numbers: RefNumbers, me: RawTerm, alias: bool) -> Term<'_> {
    if alias { heap.pid_ref(numbers, me) } else { heap.plain_ref(numbers) }
}

fn down_object<'h>(heap: &'h Heap, target: Target) -> (Term<'h>, Term<'h>) {
    let process = Term::atom(am::process);
    match target {
        Target::Process(pid) => (process, Term::pid(pid)),
        Target::External(node, data) => (process, heap.external_pid(node, data)),
        Target::Name(name, end) => {
            let is_port = end.is_some_and(|end| end.is_local_port());
            let kind = if is_port { Term::atom(am::port) } else { process };
            (kind, heap.tuple(&[Term::atom(name), Term::atom(Node::this().name)]))
        }
        Target::Port(port) => (Term::atom(am::port), Term::port(port)),
        Target::FormerPort(node, data) => (Term::atom(am::port), heap.external_port(node, data)),
        Target::NoPort(name) => {
            let name = heap.tuple(&[Term::atom(name), Term::atom(Node::this().name)]);
            (Term::atom(am::port), name)
        }
        Target::TimeOffset => (Term::atom(am::time_offset), Term::atom(am::clock_service)),
    }
}

fn alias_message(cx: &mut Cx<'_>, reference: RefNumbers, term: OwnedTerm, token: Option<Token>) {
    let own = &mut *cx.own;
    let Some(kind) = own.aliases.get(reference) else { return };
    if kind == AliasKind::ReplyDemonitor {
        own.aliases.remove(reference);
        demonitor(own, reference);
    }
    arrive_with(cx, None, term, token);
}

/// Ends a monitor from the watching side. `false`: there was none.
pub fn demonitor(own: &mut ProcState, reference: RefNumbers) -> bool {
    let Some(watching) = own.monitors.stop_watching(reference) else { return false };
    own.aliases.monitor_ended(reference);
    match watching.target {
        Target::Port(port) => {
            send_control_to(RawTerm::port(port), Control::Demonitor { reference });
        }
        Target::Name(_, Some(end)) if end.is_local_port() => {
            send_control_to(end, Control::Demonitor { reference });
        }
        Target::TimeOffset => crate::time_offset::unwatch(reference),
        target => {
            if let Some(pid) = target.pid() {
                send_control(pid, Control::Demonitor { reference });
            }
        }
    }
    true
}

/// Answers a signal in the name of a process (or port) that is gone.
pub fn answer_as_dead(who: RawTerm, signal: Signal) {
    let noproc = || OwnedTerm::immediate(RawTerm::atom(am::noproc));
    let Signal::Control(node) = signal else { return };
    match node.control {
        Control::Link { from } => {
            let exit = Control::Exit { from: who, reason: noproc(), linked: true, token: None };
            send_control_to(from, exit);
        }
        Control::Unlink { from, id } => {
            send_control_to(from, Control::UnlinkAck { from: who, id });
        }
        Control::Monitor { by, reference, .. } => {
            send_control_to(by, Control::Down { reference, reason: noproc() });
        }
        Control::AliasOutside { reference } => outside::forget_alias(reference),
        Control::Request(request) => request.dead(),
        Control::Task(task) => task.dead(),
        _ => {}
    }
}

/// Whether a process that waits is to run on after it took signals.
pub fn ends_wait(own: &ProcState, taken: Taken, woken: bool) -> bool {
    match own.waiting {
        Waiting::No => true,
        Waiting::Message => taken.messages || own.timed_out,
        Waiting::Hibernated => taken.messages,
        Waiting::Wake => woken || taken.messages,
    }
}
