//! `erlang:system_monitor`: one process is told of others that are slow, large or held up.
//!
//! There is one [setting](crate::setting) at a time; the monitoring process is not told of itself.

use crate::process::{Mfa, Owned, PidData, table};
use crate::setting::{Setting, Tells};
use crate::signal::send_message;
use oxbeam_code::ranges::locate;
use oxbeam_heap::{Heap, OwnedTerm};
use oxbeam_sys::clock::monotonic_ns;
use oxbeam_term::{Atom, Term, am};

/// What the monitoring process is told of; a zero: not at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    pub to: PidData,
    pub long_gc_ms: u64,
    pub long_schedule_ms: u64,
    pub large_heap_words: u64,
    pub busy_port: bool,
    pub busy_dist_port: bool,
}

impl Tells for Settings {
    fn to(&self) -> PidData {
        self.to
    }
}

oxbeam_ethread::shared! {
    /// The present setting.
    pub static SETTING: Setting<Settings> = Setting::none();
}

/// Sends `{monitor, Subject, Tag, Info}`.
fn tell(
    settings: Settings,
    about: Term<'_>,
    tag: &str,
    info: impl for<'h> FnOnce(&'h Heap) -> Term<'h>,
) {
    if about.as_local_pid() == Some(settings.to) {
        return;
    }
    let Some(to) = table::find(settings.to) else { return };
    let about = Term::immediate(about.raw());
    let message = OwnedTerm::build(|heap| {
        heap.tuple(&[Term::atom(am::monitor), about, atom(tag), info(heap)])
    });
    send_message(&to, message);
}

fn atom(name: &str) -> Term<'static> {
    Term::atom(Atom::new(name).expect("room for the words of system monitors"))
}

/// Sizes of a heap after a collection, with `first` before them.
fn sizes<'h>(heap: &'h Heap, of: &Heap, first: Option<(Atom, u64)>) -> Term<'h> {
    let sizes = [
        (am::old_heap_block_size, of.old_block_words()),
        (am::heap_block_size, of.block_words()),
        (am::mbuf_size, of.fragment_words()),
        (am::stack_size, of.stack_words()),
        (am::old_heap_size, of.old_used_words()),
        (am::heap_size, of.used_words()),
    ];
    let sizes = sizes.into_iter().map(|(name, words)| (name, words as u64));
    let pairs = first.into_iter().chain(sizes);
    let pairs = pairs.map(|(name, size)| heap.tuple(&[Term::atom(name), heap.uint(size)]));
    heap.list(&pairs.collect::<Vec<_>>())
}

/// A collection of a process has taken so long.
pub(crate) fn after_collection(settings: Settings, owned: &Owned, took_ns: i64) {
    let (pid, heap) = (Term::pid(owned.own.pid), &owned.heap);
    let took_ms = (took_ns / 1_000_000) as u64;
    if settings.long_gc_ms != 0 && took_ms > settings.long_gc_ms {
        let first = Some((am::timeout, took_ms));
        tell(settings, pid, "long_gc", |to| sizes(to, heap, first));
    }
    let total = (heap.block_words() + heap.old_block_words()) as u64;
    if settings.large_heap_words != 0 && total > settings.large_heap_words {
        tell(settings, pid, "large_heap", |to| sizes(to, heap, None));
    }
}

/// A turn of a process has taken so long; it began and ended at these instructions.
pub(crate) fn after_turn(
    settings: Settings,
    pid: PidData,
    took_ns: i64,
    [came_in, went_out]: [*const u64; 2],
) {
    let took_ms = (took_ns / 1_000_000) as u64;
    if settings.long_schedule_ms == 0 || took_ms <= settings.long_schedule_ms {
        return;
    }
    tell(settings, Term::pid(pid), "long_schedule", |heap| {
        heap.list(&[
            heap.tuple(&[Term::atom(am::timeout), heap.uint(took_ms)]),
            heap.tuple(&[atom("in"), place(heap, came_in)]),
            heap.tuple(&[atom("out"), place(heap, went_out)]),
        ])
    });
}

/// An operation of a port has taken so long.
fn after_port_work(settings: Settings, port: u64, operation: &str, took_ns: i64) {
    let took_ms = (took_ns / 1_000_000) as u64;
    if settings.long_schedule_ms == 0 || took_ms <= settings.long_schedule_ms {
        return;
    }
    tell(settings, Term::port(port), "long_schedule", |heap| {
        heap.list(&[
            heap.tuple(&[Term::atom(am::timeout), heap.uint(took_ms)]),
            heap.tuple(&[atom("port_op"), atom(operation)]),
        ])
    });
}

/// Lets a port work, under the eyes of the system monitor and the system profile.
pub fn port_works<R>(port: u64, operation: &str, work: impl FnOnce() -> R) -> R {
    let monitor = SETTING.get().map(|settings| (settings, monotonic_ns()));
    crate::system_profile::port(port, true);
    let result = work();
    crate::system_profile::port(port, false);
    if let Some((settings, started_ns)) = monitor {
        after_port_work(settings, port, operation, monotonic_ns() - started_ns);
    }
    result
}

/// The function that an instruction belongs to: `{Module, Function, Arity}`.
fn place(heap: &Heap, ip: *const u64) -> Term<'_> {
    match locate(ip) {
        Some(at) => mfa(heap, (at.module, at.function, at.arity)),
        None => Term::atom(am::undefined),
    }
}

pub(crate) fn mfa(heap: &Heap, (module, function, arity): Mfa) -> Term<'_> {
    heap.tuple(&[Term::atom(module), Term::atom(function), heap.int(i64::from(arity))])
}

/// A process was suspended because it wrote to a busy port.
pub fn busy_port(writer: PidData, port: u64) {
    if let Some(settings) = SETTING.get().filter(|settings| settings.busy_port) {
        tell(settings, Term::pid(writer), "busy_port", |_| Term::port(port));
    }
}
