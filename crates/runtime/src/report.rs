//! Reports of the runtime itself, to the process called `logger`.

use crate::process::{ProcState, Process};
use crate::{registry, signal};
use oxbeam_heap::{Heap, OwnedTerm};
use oxbeam_term::{Atom, Term, am};

/// Reports the end of a process by an error: what an emulator sends to the
/// logger, or prints where there is no logger yet.
pub fn uncaught(process: &Process, own: &ProcState, reason: Term<'_>) {
    let format = "Error in process ~p with exit value:~n~p~n";
    let logger = registry::whereis(am::logger).filter(|to| to.is_local_pid());
    let Some(logger) = logger else {
        let text = String::from_utf8_lossy(&oxbeam_term::print::to_bytes(reason)).into_owned();
        eprintln!("Error in process <0.{}.0> with exit value:\n{text}", process.pid);
        return;
    };
    let message = OwnedTerm::build(|heap| {
        let reason = heap.import(reason);
        let pid = Term::pid(process.pid);
        let args = heap.list(&[pid, reason]);
        // SAFETY: the leader is a root of the process, which is running.
        let leader = heap.import(unsafe { Term::from_raw(own.group_leader) });
        let data = metadata(heap, pid, leader);
        heap.tuple(&[atom("log"), Term::atom(am::error), heap.list_of_chars(format), args, data])
    });
    signal::send_to_pid(logger.local_data(), message);
}

/// Reports an error of the runtime's own, on behalf of a process that is running.
pub fn error_text(own: &ProcState, text: &str) {
    let logger = registry::whereis(am::logger).filter(|to| to.is_local_pid());
    let Some(logger) = logger else {
        return eprint!("{text}");
    };
    let message = OwnedTerm::build(|heap| {
        let pid = Term::pid(own.pid);
        let args = heap.list(&[heap.list_of_chars(text)]);
        // SAFETY: the leader is a root of the process, which is running.
        let leader = heap.import(unsafe { Term::from_raw(own.group_leader) });
        let (format, data) = (heap.list_of_chars("~s~n"), metadata(heap, pid, leader));
        heap.tuple(&[atom("log"), Term::atom(am::error), format, args, data])
    });
    signal::send_to_pid(logger.local_data(), message);
}

fn metadata<'h>(heap: &'h Heap, pid: Term<'h>, leader: Term<'h>) -> Term<'h> {
    let inner = vec![(atom("emulator"), Term::bool(true)), (atom("tag"), Term::atom(am::error))];
    let inner = heap.map_from_merged(inner);
    let time = heap.int(crate::system::system_time_ns() / 1000);
    heap.map_from_merged(vec![
        (atom("error_logger"), inner),
        (atom("gl"), leader),
        (Term::atom(am::pid), pid),
        (atom("time"), time),
    ])
}

fn atom(name: &str) -> Term<'static> {
    Term::atom(Atom::new(name).expect("room for the words of a report"))
}
