//! What tracers are told of processes besides their calls: births, ends, links, names, messages that
//! arrive, turns and collections.

use super::flags::{self, Flags};
use super::{Change, process_tells};
use crate::process::{Owned, PidData, ProcState, Process};
use crate::{report, stack};
use oxbeam_heap::{Heap, OwnedTerm};
use oxbeam_term::{Atom, Export, RawTerm, Term, am};
use std::sync::OnceLock;

/// Tells of a message that arrives, and from whom it is if that is known.
pub type Received = fn(&Process, &ProcState, Option<PidData>, Term<'_>);

static RECEIVED: OnceLock<Received> = OnceLock::new();

/// Sets who tells of messages that arrive; at boot, once.
pub fn install(received: Received) {
    let first = RECEIVED.set(received).is_ok();
    assert!(first, "who tells of messages is installed once");
}

/// What happens to the process that owns this.
fn own_event(
    process: &Process,
    own: &ProcState,
    wanted: Flags,
    what: &'static str,
    parts: &[Term<'_>],
) {
    if own.is_traced(process, wanted) {
        process_tells(process, wanted, what, parts);
    }
}

/// Something of `procs`.
pub fn procs(process: &Process, own: &ProcState, what: &'static str, part: RawTerm) {
    own_event(process, own, flags::PROCS, what, &[Term::immediate(part)]);
}

/// A process gets or loses a name, at the hands of `by` with that state. Of a sensitive process nothing is
/// told if it does so itself; of what others do to it, its tracer knows anyway.
pub fn name(process: &Process, (by, own): (&Process, &ProcState), what: &'static str, name: Atom) {
    if process.pid != by.pid || !own.flags.sensitive {
        process_tells(process, flags::PROCS, what, &[Term::atom(name)]);
    }
}

/// A process ends.
pub(crate) fn exit(process: &Process, own: &ProcState, reason: &OwnedTerm) {
    own_event(process, own, flags::PROCS, "exit", &[reason.view()]);
}

/// A process has ended: that is the last that is told of it.
pub(crate) fn exited(process: &Process, own: &ProcState) {
    let zero = Term::immediate(RawTerm::small(0));
    own_event(process, own, flags::EXITING, "out_exited", &[zero]);
}

/// A message comes into the mailbox.
#[inline]
pub(crate) fn received(
    process: &Process,
    own: &ProcState,
    from: Option<PidData>,
    message: Term<'_>,
) {
    if own.is_traced(process, flags::RECEIVE)
        && let Some(tell) = RECEIVED.get()
    {
        tell(process, own, from, message);
    }
}

/// A receive has waited for its whole time.
#[inline]
pub fn timed_out(process: &Process, own: &ProcState) {
    received(process, own, None, Term::atom(am::timeout));
}

/// A process has a child: it may be traced as its parent is.
pub(crate) fn inherit(parent: &Process, child: &Process, linked: bool) {
    let now = parent.trace_flags();
    let Some(tracer) = parent.tracer() else { return };
    let spawns = flags::SET_ON_SPAWN | flags::SET_ON_FIRST_SPAWN;
    if now & spawns != 0 {
        let first = now & flags::SET_ON_FIRST_SPAWN != 0;
        let once = if first { spawns } else { 0 };
        give(parent, child, (now, once, tracer));
    }
    // As 25.2.3 has it, only a child inherits by a link; a process that is linked later does not.
    let (now, links) = (parent.trace_flags(), flags::SET_ON_LINK | flags::SET_ON_FIRST_LINK);
    if linked && now & links != 0 {
        let first = now & flags::SET_ON_FIRST_LINK != 0;
        give(parent, child, (now, if first { links } else { 0 }, tracer));
    }
}

/// Gives `other` the flags without those that work only once, which go.
fn give(process: &Process, other: &Process, (now, once, tracer): (Flags, Flags, u64)) {
    let change = Change { clear: once, set: now & !once, tracer: Some(tracer) };
    // Another tracer keeps it.
    other.change_trace(change).ok();
    if once != 0 {
        process.change_trace(Change { clear: once, set: 0, tracer: None }).ok();
    }
}

/// A process has been born, by `start(args...)`.
pub(crate) fn born(
    (parent, own): (&Process, &ProcState),
    (child, childs): (&Process, &ProcState),
    (start, args): (&'static Export, Term<'_>),
    linked: bool,
) {
    let parent_is = own.is_traced(parent, flags::PROCS);
    if !parent_is && !childs.is_traced(child, flags::PROCS) {
        return;
    }
    let heap = Heap::detached();
    let mfa = [Term::atom(start.module), Term::atom(start.function), heap.import(args)];
    let mfa = heap.tuple(&mfa);
    let (parent_pid, pid) = (Term::pid(parent.pid), Term::pid(child.pid));
    if parent_is {
        process_tells(parent, flags::PROCS, "spawn", &[pid, mfa]);
        if linked {
            process_tells(parent, flags::PROCS, "link", &[pid]);
        }
    }
    if childs.is_traced(child, flags::PROCS) {
        process_tells(child, flags::PROCS, "spawned", &[parent_pid, mfa]);
        if linked {
            process_tells(child, flags::PROCS, "getting_linked", &[parent_pid]);
        }
    }
}

/// A process begins or ends a turn.
pub(crate) fn turn(process: &Process, owned: &Owned, what: &'static str) {
    let wanted = flags::RUNNING | flags::RUNNING_PROCS;
    // Whose tracer has ended is traced no more, at the latest from its next turn on.
    if process.trace_flags() != 0 {
        process.tracer();
    }
    if owned.own.is_traced(process, wanted) {
        let heap = Heap::detached();
        let at = match stack::innermost(owned) {
            Some(mfa) => crate::system_monitor::mfa(&heap, mfa),
            None => heap.int(0),
        };
        process_tells(process, wanted, what, &[at]);
    }
}

/// A collection begins (with the words that are needed), ends (with those it has freed), or has made
/// the heap larger than it may be.
pub(crate) fn collection(process: &Process, of: &Heap, what: &'static str, words: Option<usize>) {
    let heap = Heap::detached();
    let mut info = report::gc_info(&heap, of);
    if let Some(words) = words {
        let size = heap.tuple(&[Term::atom(am::wordsize), heap.usize(words)]);
        info = heap.cons(size, info);
    }
    process_tells(process, flags::COLLECTIONS, what, &[info]);
}
