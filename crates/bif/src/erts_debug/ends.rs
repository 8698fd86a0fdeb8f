//! The links and monitors of a process, as OTP's tests want to see them.

use oxbeam_heap::{Heap, OwnedTerm};
use oxbeam_runtime::monitor::Target;
use oxbeam_runtime::process::table;
use oxbeam_runtime::signal::handle::monitor_ref;
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::{Atom, RawTerm, Term, am};

pub(super) fn atom<'h>(name: &str) -> Term<'h> {
    Term::atom(Atom::new(name).expect("a short name"))
}

/// What `look` says of a local process that is not about to run: of one that is, the caller asks
/// again. `undefined`: there is none.
pub fn of_process<'h>(
    cx: &mut Cx<'h>,
    of: Term<'h>,
    look: for<'a> fn(&Cx<'_>, &'a Heap) -> Term<'a>,
) -> NativeResult<'h> {
    let pid = of.as_local_pid().ok_or_else(Flow::badarg)?;
    if pid == cx.process.pid {
        return Ok(look(cx, cx.heap));
    }
    match table::find(pid) {
        Some(process) if !process.is_exiting() => {
            let seen = process.inspect(false, |cx| OwnedTerm::build(|heap| look(cx, heap)));
            seen.map(|seen| seen.attach_to(cx.heap)).ok_or(Flow::Retry)
        }
        _ => Ok(Term::atom(am::undefined)),
    }
}

/// `[{erl_link, Type, End, State, Id}]`; the number is 0 but for one that is given up.
pub fn links<'a>(cx: &Cx<'_>, heap: &'a Heap) -> Term<'a> {
    let rows = cx.own.links.all().map(|(end, unlinking)| {
        let kind = Term::atom(if end.is_local_port() { am::port } else { am::process });
        let state = atom(if unlinking.is_some() { "unlinking" } else { "linked" });
        let id = heap.uint(unlinking.unwrap_or(0));
        heap.tuple(&[atom("erl_link"), kind, Term::immediate(end), state, id])
    });
    heap.list(&rows.collect::<Vec<_>>())
}

/// `[{erl_monitor, Type, origin | target, Reference, End, Name | []}]`
pub fn monitors<'a>(cx: &Cx<'_>, heap: &'a Heap) -> Term<'a> {
    let row = |kind, direction, numbers, by, is_alias, end, name: Option<Atom>| {
        let reference = monitor_ref(heap, numbers, by, is_alias);
        let name = name.map_or(Term::nil(), Term::atom);
        heap.tuple(&[atom("erl_monitor"), Term::atom(kind), atom(direction), reference, end, name])
    };
    let me = RawTerm::pid(cx.process.pid);
    let mut rows = vec![];
    for (&numbers, watching) in cx.own.monitors.watching() {
        let nobody = Term::nil();
        let (kind, end, name) = match watching.target {
            Target::Process(pid) => (am::process, Term::pid(pid), None),
            Target::External(node, data) => (am::process, heap.external_pid(node, data), None),
            Target::Name(name, end) => {
                (am::process, end.map_or(nobody, Term::immediate), Some(name))
            }
            Target::Port(port) => (am::port, Term::port(port), None),
            Target::FormerPort(node, data) => (am::port, heap.external_port(node, data), None),
            Target::NoPort(name) => (am::port, nobody, Some(name)),
            Target::TimeOffset => (am::time_offset, Term::atom(am::clock_service), None),
        };
        let is_alias = cx.own.aliases.get(numbers).is_some();
        rows.push(row(kind, "origin", numbers, me, is_alias, end, name));
    }
    for (&numbers, watched) in cx.own.monitors.watched() {
        let by = Term::immediate(watched.by);
        rows.push(row(am::process, "target", numbers, watched.by, false, by, watched.name));
    }
    heap.list(&rows)
}
