//! `erlang:system_profile`: one process is told when others and schedulers become active or
//! inactive.
//!
//! 1. There is one setting at a time; a flag beside it says whether there is any.
//! 2. The profiler is not told of itself, and its end clears the setting.
//! 3. A process is active from the moment that it enters a run queue until its turn ends and
//!    nothing makes it runnable.

use crate::process::{PidData, Process, table};
use crate::signal::send_message;
use crate::system_monitor::mfa;
use oxbeam_code::ranges::locate;
use oxbeam_heap::{Heap, OwnedTerm};
use oxbeam_sys::clock;
use oxbeam_term::{Atom, Term};
use parking_lot::RwLock;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// How the time stands in a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stamp {
    /// `{Mega, Seconds, Micro}`
    Timestamp,
    /// Monotonic time in native units.
    Monotonic,
    /// The same with a strictly increasing number: `{Time, Number}`.
    StrictMonotonic,
}

/// Who is told of what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    pub to: PidData,
    pub processes: bool,
    pub ports: bool,
    pub schedulers: bool,
    pub exclusive: bool,
    pub stamp: Stamp,
}

static SETTINGS: RwLock<Option<Settings>> = RwLock::new(None);
static ANY: AtomicBool = AtomicBool::new(false);

/// The present setting.
pub fn get() -> Option<Settings> {
    if ANY.load(Ordering::Acquire) { *SETTINGS.read() } else { None }
}

/// Sets or clears; gives the former setting.
pub fn set(settings: Option<Settings>) -> Option<Settings> {
    let mut now = SETTINGS.write();
    ANY.store(settings.is_some(), Ordering::Release);
    std::mem::replace(&mut *now, settings)
}

/// A process has ended (rule 2).
pub(crate) fn process_ended(pid: PidData) {
    if get().is_some_and(|settings| settings.to == pid) {
        set(None);
    }
}

fn atom(name: &str) -> Term<'static> {
    Term::atom(Atom::new(name).expect("room for the words of system profiles"))
}

fn stamp(heap: &Heap, stamp: Stamp) -> Term<'_> {
    static NUMBER: AtomicI64 = AtomicI64::new(1);
    match stamp {
        Stamp::Timestamp => {
            let us = crate::system::system_time_ns() / 1000;
            let parts = [us / 1_000_000_000_000, us / 1_000_000 % 1_000_000, us % 1_000_000];
            heap.tuple(&parts.map(|part| heap.int(part)))
        }
        Stamp::Monotonic => heap.int(clock::monotonic_ns()),
        Stamp::StrictMonotonic => {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            heap.tuple(&[heap.int(clock::monotonic_ns()), heap.int(number)])
        }
    }
}

/// Sends `{profile, What..., Time}`.
fn tell(settings: Settings, what: impl for<'h> FnOnce(&'h Heap) -> Vec<Term<'h>>) {
    let Some(to) = table::find(settings.to) else { return };
    let message = OwnedTerm::build(|heap| {
        let mut parts = vec![atom("profile")];
        parts.extend(what(heap));
        parts.push(stamp(heap, settings.stamp));
        heap.tuple(&parts)
    });
    send_message(&to, message);
}

fn state(active: bool) -> Term<'static> {
    atom(if active { "active" } else { "inactive" })
}

/// A process becomes active or inactive. The caller keeps the process from running meanwhile: it
/// owns it, or has just been told to put it into a run queue.
pub(crate) fn process(process: &Process, active: bool) {
    let Some(settings) = get().filter(|settings| settings.processes) else { return };
    if settings.to == process.pid {
        return;
    }
    // SAFETY: process rule 2: by contract nobody else can run the process now.
    let ip = unsafe { process.owned() }.map_or(std::ptr::null(), |owned| owned.own.ip);
    tell(settings, |heap| {
        let at = locate(ip).map(|at| mfa(heap, (at.module, at.function, at.arity)));
        vec![Term::pid(process.pid), state(active), at.unwrap_or_else(|| heap.int(0))]
    });
}

/// A port begins or ends its work for a process or an event.
pub(crate) fn port(port: u64, active: bool) {
    if let Some(settings) = get().filter(|settings| settings.ports) {
        tell(settings, |heap| vec![Term::port(port), state(active), heap.int(0)]);
    }
}

/// A scheduler begins or ends its sleep, with so many now active.
pub(crate) fn scheduler(index: usize, active: bool, count: usize) {
    if let Some(settings) = get().filter(|settings| settings.schedulers) {
        tell(settings, |heap| {
            let (number, count) = (heap.usize(index + 1), heap.usize(count));
            vec![atom("scheduler"), number, state(active), count]
        });
    }
}
