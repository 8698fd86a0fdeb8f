//! What a tracer is told.

use super::flags::{self, Flags};
use crate::process::{PidData, Process};
use crate::signal::send_message;
use crate::system_profile::{Stamp, stamp};
use oxbeam_heap::{Heap, OwnedTerm};
use oxbeam_term::{Atom, Term, am};
use std::sync::Arc;

/// Something that a tracer is told of: `{trace, Pid, What, Parts..., Result}`.
pub struct Event<'t> {
    pub of: PidData,
    pub what: &'static str,
    /// Terms of any storage.
    pub parts: &'t [Term<'t>],
    /// What a match specification says beside it.
    pub result: Option<Term<'t>>,
}

/// How the time stands in a message for that tracer's flags.
pub(super) fn stamp_of(flags: Flags) -> Option<Stamp> {
    if flags & flags::TIMESTAMP != 0 {
        return Some(if super::cpu_timestamps() { Stamp::Cpu } else { Stamp::Timestamp });
    }
    if flags & flags::STRICT_MONOTONIC != 0 {
        return Some(Stamp::StrictMonotonic);
    }
    (flags & flags::MONOTONIC != 0).then_some(Stamp::Monotonic)
}

/// Tells a tracer of an event, in the form that the tracee's flags ask for.
pub fn tell_of(tracer: &Arc<Process>, flags: Flags, event: &Event<'_>) {
    send_message(tracer, OwnedTerm::build(|heap| message(heap, flags, event)));
}

/// Tells the tracer of a process of something that it is traced for, if it is.
pub fn process_tells(process: &Process, wanted: Flags, what: &'static str, parts: &[Term<'_>]) {
    if let Some((flags, tracer)) = process.traced_for(wanted) {
        tell_of(&tracer, flags, &Event { of: process.pid, what, parts, result: None });
    }
}

fn message<'h>(heap: &'h Heap, flags: Flags, event: &Event<'_>) -> Term<'h> {
    let atom = |name: &str| Term::atom(Atom::new(name).expect("room for the words of tracing"));
    let stamp_kind = stamp_of(flags);
    let tag = if stamp_kind.is_some() { "trace_ts" } else { "trace" };
    let mut parts = vec![atom(tag), Term::pid(event.of), atom(event.what)];
    parts.extend(event.parts.iter().map(|part| heap.import(*part)));
    if let Some(result) = event.result.filter(|result| !result.is(am::true_)) {
        parts.push(heap.import(result));
    }
    if flags & flags::SCHEDULER_ID != 0 {
        parts.push(heap.usize(crate::scheduler::current_index().map_or(0, |index| index + 1)));
    }
    if let Some(kind) = stamp_kind {
        parts.push(stamp(heap, kind));
    }
    heap.tuple(&parts)
}
