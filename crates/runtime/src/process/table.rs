//! Pid → process, without a lock on the way.
//!
//! 1. A slot holds null, the mark of a reservation, or a pointer that owns one reference count.
//! 2. A look-up holds a [`ProgressGuard`]; the count of a removed process is given back after
//!    thread progress, when nobody can have its pointer from the slot any more.
//! 3. Pid data is given out in sequence; its low bits are the slot, so a pid is not used again
//!    before all others of its slot's cycle.

use super::{PidData, Process};
use crate::progress::{self, ProgressGuard};
use oxbeam_ethread::{AtomicPointer, AtomicU64, AtomicUword};
use std::sync::{Arc, OnceLock};

/// Bits of pid data.
const PID_BITS: u32 = 28;
pub(super) const PID_MASK: u64 = (1 << PID_BITS) - 1;
pub(super) const RESERVED: *mut Process = std::ptr::dangling_mut();

pub(super) struct Table {
    pub slots: Box<[AtomicPointer<Process>]>,
    pub next: AtomicU64,
    count: AtomicUword,
    limit: usize,
}

static TABLE: OnceLock<Table> = OnceLock::new();

/// Default of the `+P` flag.
pub const DEFAULT_LIMIT: usize = 262_144;

pub(super) fn table() -> &'static Table {
    TABLE.get_or_init(|| Table::new(DEFAULT_LIMIT))
}

impl Table {
    fn new(limit: usize) -> Table {
        let count = limit.next_power_of_two();
        let mut slots = Vec::with_capacity(count);
        slots.resize_with(count, AtomicPointer::default);
        let (next, count) = (AtomicU64::new(0), AtomicUword::new(0));
        Table { slots: slots.into(), next, count, limit: rounded_limit(limit) }
    }
    /// How many slots have ever been used: the first ones.
    pub fn used_slots(&self) -> usize {
        usize::try_from(self.next.read_acqb())
            .map_or(self.slots.len(), |next| next.min(self.slots.len()))
    }
    fn slot(&self, pid: PidData) -> &AtomicPointer<Process> {
        &self.slots[pid as usize & (self.slots.len() - 1)]
    }
}

/// Most processes, and most ports, that there can ever be.
const MAX_LIMIT: usize = (1 << 27) - 1;

/// What a limit of processes or ports that a flag states comes to: the next power of two.
pub fn rounded_limit(limit: usize) -> usize {
    limit.next_power_of_two().min(MAX_LIMIT)
}

/// Sets the `+P` limit (rounded up to a power of two); for boot, before the first process.
pub fn set_limit(limit: usize) {
    TABLE.set(Table::new(limit)).ok().expect("the process limit is set before any use");
}

/// The greatest number of processes.
pub fn limit() -> usize {
    table().limit
}

/// Bytes that the table takes.
pub fn bytes() -> usize {
    TABLE.get().map_or(0, |table| size_of_val(&*table.slots))
}

/// Processes in the table.
pub fn count() -> usize {
    table().count.read()
}

/// Reserves a pid. `None`: as many processes as the limit allows are alive.
pub(super) fn reserve() -> Option<PidData> {
    let table = table();
    if table.count.inc_read() > table.limit {
        table.count.dec();
        return None;
    }
    loop {
        let pid = table.next.inc_read().wrapping_sub(1) & PID_MASK;
        let free = std::ptr::null_mut();
        let slot = table.slot(pid);
        if slot.read().is_null() && slot.cmpxchg_mb(RESERVED, free).is_null() {
            return Some(pid);
        }
    }
}

/// Publishes a process under its reserved pid.
pub(super) fn publish(process: Arc<Process>) {
    let slot = table().slot(process.pid);
    let old = slot.xchg_mb(Arc::into_raw(process).cast_mut());
    debug_assert!(old == RESERVED);
}

/// Removes a process; later look-ups do not find it.
pub(super) fn remove(pid: PidData) {
    let table = table();
    let process = table.slot(pid).xchg_mb(std::ptr::null_mut());
    debug_assert!(!process.is_null() && process != RESERVED);
    // SAFETY: rule 2: the table's own count is taken out of the slot once.
    progress::retire(unsafe { Arc::from_raw(process.cast_const()) });
    table.count.dec();
}

/// The process of that pid, if it is in the table (it may be exiting).
pub fn find(pid: PidData) -> Option<Arc<Process>> {
    let _guard = ProgressGuard::enter();
    let process = TABLE.get()?.slot(pid).read_acqb();
    if process.is_null() || process == RESERVED {
        return None;
    }
    // SAFETY: rule 2: guarded, so the count that the slot owned has not been given back.
    unsafe {
        if (*process).pid != pid {
            return None;
        }
        Arc::increment_strong_count(process);
        Some(Arc::from_raw(process))
    }
}

/// Slots that have to be looked at to find all processes.
pub fn used_slots() -> usize {
    TABLE.get().map_or(0, Table::used_slots)
}

/// The next pid that can be given out.
pub fn next_pid() -> PidData {
    let (table, next) = (table(), table().next.read_acqb());
    let free = (next..).take(table.slots.len()).find(|&pid| table.slot(pid).read().is_null());
    free.unwrap_or(next) & PID_MASK
}

/// Makes the first free pid from `pid` on the next one, and gives it; for tests.
pub fn set_next_pid(pid: PidData) -> PidData {
    // A later round: what counts is that the number only grows.
    let round = (table().next.read_acqb() >> PID_BITS) + 1;
    table().next.set_mb(round << PID_BITS | pid & PID_MASK);
    next_pid()
}

/// All processes that are in the table, those that are exiting left out.
pub fn all() -> Vec<Arc<Process>> {
    let Some(table) = TABLE.get() else { return vec![] };
    let wanted = count();
    let mut found = Vec::with_capacity(wanted);
    let _guard = ProgressGuard::enter();
    for slot in &table.slots[..table.used_slots()] {
        let process = slot.read_acqb();
        if process.is_null() || process == RESERVED {
            continue;
        }
        // SAFETY: as in `find`.
        let process = unsafe {
            Arc::increment_strong_count(process);
            Arc::from_raw(process)
        };
        if !process.is_exiting() {
            found.push(process);
        }
    }
    found.sort_by_key(|process| process.pid);
    found
}
