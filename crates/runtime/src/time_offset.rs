//! The offset between Erlang's monotonic time and its system time, by time warp mode.
//!
//! 1. Without warp the offset is that of the start and never changes.
//! 2. With single warp it is preliminary until [`finalize`], which sets it for good.
//! 3. With multi warp it follows the system's clock: [`offset_ns`] looks whether that has moved.
//! 4. A change is told to those who watch: `{'CHANGE', Ref, time_offset, clock_service, Offset}`.

use crate::locks;
use crate::native::Cx;
use crate::process::PidData;
use crate::reference::RefNumbers;
use crate::signal::{Control, Request, send_control};
use crate::system;
use oxbeam_ethread::lock::Mutex;
use oxbeam_ethread::{Atomic64, AtomicU32};
use oxbeam_heap::OwnedTerm;
use oxbeam_sys::clock;
use oxbeam_term::{Atom, Term, am};

/// How system time may move.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Warp {
    No,
    Single,
    Multi,
}

/// What the offset is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    Preliminary,
    Final,
    Volatile,
}

oxbeam_ethread::shared! {
    /// What the offset has moved by since the start.
    static MOVED_NS: Atomic64 = Atomic64::new(0);
    static FINALIZED: AtomicU32 = AtomicU32::new(0);
    static WATCHERS: Mutex<Vec<(PidData, RefNumbers)>, locks::OffsetWatchers> = Mutex::new(vec![]);
}

/// A clock that has moved by less has not been set, but drifts.
const DRIFT_NS: i64 = 1_000_000;

fn start_offset_ns() -> i64 {
    let system = system::get();
    system.start_system_ns - system.start_monotonic_ns
}

/// Erlang system time minus monotonic time.
pub fn offset_ns() -> i64 {
    let offset_ns = start_offset_ns() + MOVED_NS.read_acqb();
    if system::get().time_warp == Warp::Multi {
        let now_ns = clock::system_ns() - clock::monotonic_ns();
        if (now_ns - offset_ns).abs() > DRIFT_NS {
            move_to(now_ns);
            return now_ns;
        }
    }
    offset_ns
}

/// See [`State`].
pub fn state() -> State {
    match system::get().time_warp {
        Warp::No => State::Final,
        Warp::Single if FINALIZED.read_acqb() != 0 => State::Final,
        Warp::Single => State::Preliminary,
        Warp::Multi => State::Volatile,
    }
}

/// Ends the preliminary state; gives the state until now.
pub fn finalize() -> State {
    let old = state();
    if old == State::Preliminary && FINALIZED.xchg_mb(1) == 0 {
        move_to(clock::system_ns() - clock::monotonic_ns());
    }
    old
}

fn move_to(offset_ns: i64) {
    let moved_ns = offset_ns - start_offset_ns();
    if MOVED_NS.xchg_mb(moved_ns) == moved_ns {
        return;
    }
    WATCHERS.lock().retain(|&(pid, reference)| {
        let changed = Changed { reference, offset_ns };
        send_control(pid, Control::Request(Box::new(changed)))
    });
}

/// A process has begun to monitor the offset.
pub fn watch(pid: PidData, reference: RefNumbers) {
    WATCHERS.lock().push((pid, reference));
}

/// A process has ended its monitor.
pub fn unwatch(reference: RefNumbers) {
    WATCHERS.lock().retain(|(_, watching)| *watching != reference);
}

struct Changed {
    reference: RefNumbers,
    offset_ns: i64,
}

impl Request for Changed {
    fn run(self: Box<Self>, cx: &mut Cx<'_>) {
        if !cx.own.monitors.watching().any(|(reference, _)| *reference == self.reference) {
            return;
        }
        let message = OwnedTerm::build(|heap| {
            let tag = Atom::new("CHANGE").expect("a short name");
            let what = [Term::atom(am::time_offset), Term::atom(am::clock_service)];
            let reference = heap.plain_ref(self.reference);
            heap.tuple(&[Term::atom(tag), reference, what[0], what[1], heap.int(self.offset_ns)])
        });
        crate::signal::handle::arrive_as(cx, message);
    }
    fn dead(self: Box<Self>) {}
}
