//! Tracing of processes: who is traced for what, by whom, and how tracers are told.
//!
//! 1. The flags of a process are one word of its shared part; while it is 0, nothing else is looked
//!    at. They change under the lock of the tracers' table, so that a process that has flags has a
//!    tracer, and one that has none has no entry.
//! 2. A tracer is a process. That it has ended is found when it is to be told something, or when it
//!    is asked for: the flags of its tracee are cleared then.
//! 3. A process that is its own tracer is told nothing.
//! 4. Who causes something tells it at once, so that what one process causes is told in order.
//! 5. A sensitive process is not traced.

pub mod call_time;
pub mod flags;
mod message;
pub mod of_processes;
pub mod sequential;

pub use message::{Event, process_tells, tell_of};

use crate::locks;
use crate::process::{PidData, ProcState, Process, table};
use flags::Flags;
use oxbeam_ethread::AtomicU32;
use oxbeam_ethread::lock::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// What a process is traced for, from its birth on.
#[derive(Clone, Copy, Default)]
pub struct Birth {
    pub flags: Flags,
    pub tracer: Option<PidData>,
}

#[derive(Default)]
struct Tracers {
    by_tracee: HashMap<PidData, PidData>,
    of_new: Birth,
}

fn tracers() -> &'static Mutex<Tracers, locks::Tracers> {
    static TRACERS: OnceLock<Mutex<Tracers, locks::Tracers>> = OnceLock::new();
    TRACERS.get_or_init(|| Mutex::new(Tracers::default()))
}

oxbeam_ethread::shared! {
    /// Whether new processes are traced.
    static ANY_OF_NEW: AtomicU32 = AtomicU32::new(0);
    /// How many processes are traced.
    static TRACED: AtomicU32 = AtomicU32::new(0);
    /// Whether timestamps are of processor time.
    static CPU_TIMESTAMPS: AtomicU32 = AtomicU32::new(0);
}

/// Whether any process is traced.
pub fn any() -> bool {
    TRACED.read() != 0
}

/// Whether timestamps are of processor time.
pub fn cpu_timestamps() -> bool {
    CPU_TIMESTAMPS.read() != 0
}
pub fn set_cpu_timestamps(on: bool) {
    CPU_TIMESTAMPS.set(on.into());
}

fn is_alive(pid: PidData) -> bool {
    table::find(pid).is_some_and(|process| !process.is_exiting())
}

/// Another tracer has the process.
pub struct AlreadyTraced;

/// A change of what a process is traced for.
#[derive(Clone, Copy)]
pub struct Change {
    pub clear: Flags,
    pub set: Flags,
    /// The tracer from now on; `None`: as it is.
    pub tracer: Option<PidData>,
}

impl Process {
    /// What the process is traced for.
    #[inline]
    pub fn trace_flags(&self) -> Flags {
        self.trace_flags.read()
    }

    /// Changes what it is traced for, as `erlang:trace/3` does. With another tracer that is alive
    /// nothing is changed.
    pub fn change_trace(&self, change: Change) -> Result<(), AlreadyTraced> {
        let mut tracers = tracers().lock();
        let old = tracers.by_tracee.get(&self.pid).copied();
        if let (Some(new), Some(old)) = (change.tracer, old)
            && new != old
            && is_alive(old)
        {
            return Err(AlreadyTraced);
        }
        let flags = self.trace_flags.read() & !change.clear | change.set;
        self.store_trace(&mut tracers, flags, change.tracer.or(old));
        Ok(())
    }

    /// Sets flags and tracer, whoever had the process before; gives whether that changes anything.
    /// Without a tracer all flags go.
    pub fn take_over_trace(&self, change: Change) -> bool {
        let mut tracers = tracers().lock();
        let old = tracers.by_tracee.get(&self.pid).copied();
        let before = self.trace_flags.read();
        let flags = match change.tracer {
            Some(_) => before & !change.clear | change.set,
            None => 0,
        };
        let tracer = change.tracer.filter(|_| flags != 0);
        self.store_trace(&mut tracers, flags, tracer);
        before != flags || old != tracer
    }

    fn store_trace(&self, tracers: &mut Tracers, flags: Flags, tracer: Option<PidData>) {
        // A process that ends takes its entry away after it has said so.
        match tracer.filter(|_| flags != 0 && !self.is_exiting()) {
            Some(tracer) => {
                tracers.by_tracee.insert(self.pid, tracer);
                self.trace_flags.set_relb(flags);
            }
            None => {
                tracers.by_tracee.remove(&self.pid);
                self.trace_flags.set_relb(0);
            }
        }
        TRACED.set(tracers.by_tracee.len() as u32);
    }

    /// Its tracer, if it has one that is alive (rule 2).
    pub fn tracer(&self) -> Option<PidData> {
        if self.trace_flags() == 0 {
            return None;
        }
        let mut tracers = tracers().lock();
        let tracer = tracers.by_tracee.get(&self.pid).copied();
        let alive = tracer.filter(|&pid| is_alive(pid));
        if alive.is_none() {
            self.store_trace(&mut tracers, 0, None);
        }
        alive
    }

    /// The flags, and the tracer that is to be told of something that `wanted` stands for.
    pub fn traced_for(&self, wanted: Flags) -> Option<(Flags, Arc<Process>)> {
        let now = self.trace_flags();
        if now & wanted == 0 {
            return None;
        }
        let tracer = self.tracer().filter(|&tracer| tracer != self.pid)?;
        Some((now, table::find(tracer)?))
    }

    /// The process ends: its tracer, if any, need not be known any longer.
    pub(crate) fn forget_tracer(&self) {
        if self.trace_flags() != 0 {
            self.store_trace(&mut tracers().lock(), 0, None);
        }
    }

    /// Gives a process that is born what new ones are traced for.
    pub(crate) fn trace_from_birth(&self) {
        if traces_new() {
            let mut tracers = tracers().lock();
            let Birth { flags, tracer } = tracers.of_new;
            self.store_trace(&mut tracers, flags, tracer.filter(|&pid| is_alive(pid)));
        }
    }
}

impl ProcState {
    /// Whether the process, which calls this, is traced for something that `wanted` stands for.
    #[inline]
    pub fn is_traced(&self, process: &Process, wanted: Flags) -> bool {
        process.trace_flags() & wanted != 0 && !self.flags.sensitive
    }
}

/// Whether new processes are traced.
pub(crate) fn traces_new() -> bool {
    ANY_OF_NEW.read() != 0
}

/// What new processes are traced for.
pub fn of_new() -> Birth {
    let mut tracers = tracers().lock();
    if !tracers.of_new.tracer.is_some_and(is_alive) {
        tracers.of_new = Birth::default();
    }
    tracers.of_new
}

/// Changes what new processes are traced for.
pub fn change_new(change: Change) {
    let mut tracers = tracers().lock();
    let birth = &mut tracers.of_new;
    birth.flags = birth.flags & !change.clear | change.set;
    birth.tracer = change.tracer.or(birth.tracer).filter(|_| birth.flags != 0);
    if birth.tracer.is_none() {
        birth.flags = 0;
    }
    ANY_OF_NEW.set(birth.flags);
}
