//! Reports of the runtime itself, to the process called `logger`.

use crate::process::{Owned, PidData, ProcState, Process, table};
use crate::system::{self, Logger};
use crate::{registry, signal};
use oxbeam_heap::{Heap, OwnedTerm};
use oxbeam_term::{Atom, Term, am};
use std::io::Write;

/// The process that reports go to.
fn logger() -> Option<PidData> {
    match system::logger() {
        Logger::Process(pid) if table::find(pid).is_some_and(|p| !p.is_exiting()) => Some(pid),
        Logger::Process(_) => {
            system::set_logger(Logger::Registered);
            logger()
        }
        Logger::Registered => {
            registry::whereis(am::logger).filter(|to| to.is_local_pid()).map(|to| to.local_data())
        }
        Logger::Nobody => None,
    }
}

/// Sends `{log, error, Format, Args, Metadata}` about a process; without a logger it is printed.
fn send(own: &ProcState, format: &str, args: impl for<'h> FnOnce(&'h Heap) -> Vec<Term<'h>>) {
    let message = OwnedTerm::build(|heap| {
        let args = heap.list(&args(heap));
        // SAFETY: the leader is a root of the process, which is running.
        let leader = heap.import(unsafe { Term::from_raw(own.group_leader) });
        let data = metadata(heap, Term::atom(am::error), Term::pid(own.pid), leader);
        heap.tuple(&[atom("log"), Term::atom(am::error), heap.list_of_chars(format), args, data])
    });
    match logger() {
        Some(logger) => signal::send_to_pid(logger, message),
        None => {
            let mut text = b"(no logger present) unexpected logger message: ".to_vec();
            text.extend(oxbeam_term::print::to_bytes(message.view()));
            text.extend(b"\r\n");
            let _ = std::io::stderr().write_all(&text);
        }
    }
}

/// Reports the end of a process by an error.
pub fn uncaught(process: &Process, own: &ProcState, reason: Term<'_>) {
    send(own, "Error in process ~p with exit value:~n~p~n", |heap| {
        vec![Term::pid(process.pid), heap.import(reason)]
    });
}

const MAX_HEAP_FORMAT: &str = concat!(
    "     Process:            ~p ~n",
    "     Context:            maximum heap size reached~n",
    "     Max Heap Size:      ~p~n",
    "     Total Heap Size:    ~p~n",
    "     Kill:               ~p~n",
    "     Error Logger:       ~p~n",
    "     Message Queue Len:  ~p~n",
    "     GC Info:            ~p~n",
);

/// Reports that a heap has outgrown its `max_heap_size`.
pub(crate) fn max_heap(owned: &Owned, total_words: usize) {
    let (own, max) = (&owned.own, owned.own.max_heap);
    send(own, MAX_HEAP_FORMAT, |heap| {
        vec![
            Term::pid(own.pid),
            heap.usize(max.size_words),
            heap.usize(total_words),
            Term::bool(max.kill),
            Term::bool(max.error_logger),
            heap.usize(own.mailbox.len()),
            gc_info(heap, &owned.heap),
        ]
    });
}

/// What `process_info(garbage_collection_info)` tells of a heap.
pub fn gc_info<'h>(heap: &'h Heap, of: &Heap) -> Term<'h> {
    let (young, limit, old) = of.vheap();
    let items = [
        (am::old_heap_block_size, of.old_block_words()),
        (am::heap_block_size, of.block_words()),
        (am::mbuf_size, of.fragment_words()),
        (am::recent_size, of.mature_words()),
        (am::stack_size, of.stack_words()),
        (am::old_heap_size, of.old_used_words()),
        (am::heap_size, of.used_words()),
        (am::bin_vheap_size, young),
        (am::bin_vheap_block_size, limit),
        (am::bin_old_vheap_size, old),
        (am::bin_old_vheap_block_size, limit),
    ];
    heap.list(&items.map(|(name, words)| heap.tuple(&[Term::atom(name), heap.usize(words)])))
}

/// Reports an error of the runtime's own, on behalf of a process that is running.
pub fn error_text(own: &ProcState, text: &str) {
    log_text(own, Term::atom(am::error), text);
}

/// As [`error_text`], of what should not be done.
pub fn warning_text(own: &ProcState, text: &str) {
    log_text(own, atom("warning"), text);
}

fn log_text(own: &ProcState, level: Term<'static>, text: &str) {
    let logger = registry::whereis(am::logger).filter(|to| to.is_local_pid());
    let Some(logger) = logger else {
        return eprint!("{text}");
    };
    let message = OwnedTerm::build(|heap| {
        let pid = Term::pid(own.pid);
        let args = heap.list(&[heap.list_of_chars(text)]);
        // SAFETY: the leader is a root of the process, which is running.
        let leader = unsafe { Term::from_raw(own.group_leader) };
        // On a dirty scheduler the state is not the process's own.
        let leader = if leader.is_pid() { heap.import(leader) } else { pid };
        let (format, data) = (heap.list_of_chars("~s~n"), metadata(heap, level, pid, leader));
        heap.tuple(&[atom("log"), level, format, args, data])
    });
    signal::send_to_pid(logger.local_data(), message);
}

fn metadata<'h>(heap: &'h Heap, tag: Term<'h>, pid: Term<'h>, leader: Term<'h>) -> Term<'h> {
    let inner = vec![(atom("emulator"), Term::bool(true)), (atom("tag"), tag)];
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
