//! `erlang:system_profile`: one process is told when others and schedulers become active or
//! inactive.
//!
//! 1. There is one [setting](crate::setting) at a time; the profiler is not told of itself.
//! 2. A process is active from the moment that it enters a run queue until its turn ends and
//!    nothing makes it runnable.

use crate::process::{PidData, Process, table};
use crate::setting::{Setting, Tells};
use crate::signal::send_message;
use crate::system_monitor::mfa;
use oxbeam_code::ranges::locate;
use oxbeam_ethread::Atomic64;
use oxbeam_heap::{Heap, OwnedTerm};
use oxbeam_sys::clock;
use oxbeam_term::{Atom, Term};

/// How the time stands in a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stamp {
    /// `{Mega, Seconds, Micro}`, never twice the same.
    Timestamp,
    /// The same of the processor time that the runtime has used.
    Cpu,
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

impl Tells for Settings {
    fn to(&self) -> PidData {
        self.to
    }
}

oxbeam_ethread::shared! {
    /// The present setting.
    pub static SETTING: Setting<Settings> = Setting::none();
}

fn atom(name: &str) -> Term<'static> {
    Term::atom(Atom::new(name).expect("room for the words of system profiles"))
}

/// The time as it stands in a message.
pub fn stamp(heap: &Heap, stamp: Stamp) -> Term<'_> {
    oxbeam_ethread::shared! {
        static NUMBER: Atomic64 = Atomic64::new(0);
    }
    match stamp {
        Stamp::Timestamp => timestamp(heap, crate::system::now_us()),
        Stamp::Cpu => timestamp(heap, cpu_us()),
        Stamp::Monotonic => heap.int(clock::monotonic_ns()),
        Stamp::StrictMonotonic => {
            let number = NUMBER.inc_read();
            heap.tuple(&[heap.int(clock::monotonic_ns()), heap.int(number)])
        }
    }
}

fn cpu_us() -> i64 {
    let (user_ns, system_ns) = clock::process_cpu_ns();
    (user_ns + system_ns) / 1000
}

/// `{Mega, Seconds, Micro}`
pub fn timestamp(heap: &Heap, us: i64) -> Term<'_> {
    let parts = [us / 1_000_000_000_000, us / 1_000_000 % 1_000_000, us % 1_000_000];
    heap.tuple(&parts.map(|part| heap.int(part)))
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
    let Some(settings) = SETTING.get().filter(|settings| settings.processes) else { return };
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
    if let Some(settings) = SETTING.get().filter(|settings| settings.ports) {
        tell(settings, |heap| vec![Term::port(port), state(active), heap.int(0)]);
    }
}

/// A scheduler begins or ends its sleep, with so many now active.
pub(crate) fn scheduler(index: usize, active: bool, count: usize) {
    if let Some(settings) = SETTING.get().filter(|settings| settings.schedulers) {
        tell(settings, |heap| {
            let (number, count) = (heap.usize(index + 1), heap.usize(count));
            vec![atom("scheduler"), number, state(active), count]
        });
    }
}
