//! Which processes there are at one moment, found in portions.
//!
//! 1. A walk finds the processes that lived when it began: those that it meets in the table, and those
//!    that have ended meanwhile, of which it is told.
//! 2. Who ends marks itself and then looks whether there are walks; a walk enters itself into the list
//!    and then looks at the table. Each has a full barrier between the two, so one of them sees the
//!    other. Who is met and told of is found once.
//! 3. Pids that were given out since the beginning are left out.

use super::table::{PID_MASK, RESERVED, table};
use super::{PidData, Process};
use crate::locks;
use crate::progress::ProgressGuard;
use oxbeam_ethread::lock::Mutex;
use oxbeam_ethread::{AtomicUword, Orders, membar};
use std::collections::BTreeSet;

oxbeam_ethread::shared! {
    static WALK_COUNT: AtomicUword = AtomicUword::new(0);
    static WALK_NUMBER: AtomicUword = AtomicUword::new(0);
    /// The walks under way, by their numbers, and who has ended since each began.
    static WALKS: Mutex<Vec<(usize, Vec<PidData>)>, locks::Walks> = Mutex::new(vec![]);
}

/// The process is marked as exiting now (rule 2).
pub(super) fn ends(pid: PidData) {
    membar(Orders::STORE_LOAD);
    if WALK_COUNT.read() != 0 {
        WALKS.lock().iter_mut().for_each(|(_, told)| told.push(pid));
    }
}

/// A walk over the pids of all processes, see the module.
pub struct PidWalk {
    next_slot: usize,
    /// How many there are to be looked at.
    slots: usize,
    /// The first pid that was given out after the beginning.
    first_new: PidData,
    number: usize,
    /// When the table has been looked at: those it was told of that are still to be.
    ended: Option<Vec<PidData>>,
    found: BTreeSet<PidData>,
}

impl PidWalk {
    pub fn begin() -> PidWalk {
        let number = WALK_NUMBER.inc_read();
        WALKS.lock().push((number, vec![]));
        WALK_COUNT.inc();
        membar(Orders::STORE_LOAD);
        let first_new = table().next.read_acqb() & PID_MASK;
        let (slots, found) = (table().used_slots(), BTreeSet::new());
        PidWalk { next_slot: 0, slots, first_new, number, ended: None, found }
    }

    /// Looks at about `units` places and takes them off. `true`: all have been seen.
    pub fn advance(&mut self, units: &mut usize) -> bool {
        if self.ended.is_none() && !self.look_at_table(units) {
            return false;
        }
        if self.ended.is_none() {
            self.leave();
        }
        let ended = self.ended.get_or_insert_default();
        while let Some(pid) = ended.pop() {
            if *units == 0 {
                ended.push(pid);
                return false;
            }
            *units = units.saturating_sub(SLOTS_PER_PROCESS);
            if is_old(self.first_new, pid) {
                self.found.insert(pid);
            }
        }
        true
    }

    fn look_at_table(&mut self, units: &mut usize) -> bool {
        let table = table();
        let _guard = ProgressGuard::enter();
        while self.next_slot < self.slots {
            if *units == 0 {
                return false;
            }
            *units -= 1;
            let process = table.slots[self.next_slot].read_acqb();
            self.next_slot += 1;
            if process.is_null() || process == RESERVED {
                continue;
            }
            // SAFETY: rule 2 of the table: guarded.
            let process: &Process = unsafe { &*process };
            *units = units.saturating_sub(SLOTS_PER_PROCESS);
            if !process.is_exiting() && is_old(self.first_new, process.pid) {
                self.found.insert(process.pid);
            }
        }
        true
    }

    /// The table has been looked at: who ends now has been met, or is new.
    fn leave(&mut self) {
        let mut walks = WALKS.lock();
        if let Some(at) = walks.iter().position(|(number, _)| *number == self.number) {
            self.ended = Some(walks.swap_remove(at).1);
            WALK_COUNT.dec();
        }
    }

    /// The greatest of the pids found that have not been taken yet.
    pub fn take_last(&mut self) -> Option<PidData> {
        self.found.pop_last()
    }
}

impl Drop for PidWalk {
    fn drop(&mut self) {
        if self.ended.is_none() {
            self.leave();
        }
    }
}

/// Whether the pid was not given out from `first_new` on.
fn is_old(first_new: PidData, pid: PidData) -> bool {
    let age = |pid: PidData| pid.wrapping_sub(first_new) & PID_MASK;
    age(pid) >= age(table().next.read_acqb())
}

/// Looking at a process takes as long as looking at so many empty slots.
const SLOTS_PER_PROCESS: usize = 32;
