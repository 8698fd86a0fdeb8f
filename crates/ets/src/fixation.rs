//! Fixing a table, so that walks by keys go on over deleted objects (rule 5 of the crate).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use oxbeam_runtime::process::PidData;

use crate::registry;
use crate::table::Table;
use crate::walk::Sweep;

/// Who has fixed a table, and how often.
#[derive(Default)]
pub struct Fixations {
    pub by: Vec<(PidData, usize)>,
    /// Monotonic time of the first fixation.
    pub since_ns: i64,
    /// System time of the first fixation.
    pub since_system_us: i64,
}

impl Table {
    /// Fixes the table once more for a process.
    pub fn fix(self: &Arc<Table>, by: PidData) {
        let mut fixations = self.fixations.lock();
        if fixations.by.is_empty() {
            fixations.since_ns = oxbeam_sys::clock::monotonic_ns() as i64;
            fixations.since_system_us = oxbeam_sys::clock::system_ns() as i64 / 1000;
        }
        match fixations.by.iter_mut().find(|(pid, _)| *pid == by) {
            Some((_, count)) => *count += 1,
            None => {
                fixations.by.push((by, 1));
                registry::note_fixation(by, self);
            }
        }
        self.fixed.fetch_add(1, Ordering::AcqRel);
    }

    /// Undoes one fixation of a process, or all of them. If it was the last one there may be
    /// marks to sweep.
    pub fn release(self: &Arc<Table>, by: PidData, all: bool) -> Option<Sweep> {
        let mut fixations = self.fixations.lock();
        let at = fixations.by.iter().position(|(pid, _)| *pid == by)?;
        let undone = if all { fixations.by[at].1 } else { 1 };
        fixations.by[at].1 -= undone;
        if fixations.by[at].1 == 0 {
            fixations.by.swap_remove(at);
            registry::forget_fixation(by, self);
        }
        let was_last = self.fixed.fetch_sub(undone, Ordering::AcqRel) == undone;
        was_last.then(|| Sweep::new(self.clone()))
    }
}
