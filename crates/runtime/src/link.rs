//! Links: the set that each end keeps.
//!
//! An unlink carries a number, and the other end acknowledges it; until then the entry stays as
//! *unlinking*, and exits over it are ignored. A new link to the same end replaces the entry, so
//! a late acknowledgement, whose number no longer fits, changes nothing.

use oxbeam_term::RawTerm;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Active,
    Unlinking(u64),
}

/// The links of one process; ends are local pids or ports.
#[derive(Default)]
pub struct Links {
    ends: Option<Box<HashMap<RawTerm, State>>>,
}

static NEXT_UNLINK: AtomicU64 = AtomicU64::new(1);

impl Links {
    /// Adds a link. `false`: it was there.
    pub fn add(&mut self, end: RawTerm) -> bool {
        let old = self.ends.get_or_insert_default().insert(end, State::Active);
        old != Some(State::Active)
    }

    /// Marks a link as unlinking; gives the number for the signal. `None`: no such link.
    pub fn unlink(&mut self, end: RawTerm) -> Option<u64> {
        let state = self.ends.as_mut()?.get_mut(&end)?;
        if *state != State::Active {
            return None;
        }
        let id = NEXT_UNLINK.fetch_add(1, Ordering::Relaxed);
        *state = State::Unlinking(id);
        Some(id)
    }

    /// The other end has acknowledged the unlink `id`.
    pub fn acknowledge(&mut self, end: RawTerm, id: u64) {
        if let Some(ends) = &mut self.ends
            && ends.get(&end) == Some(&State::Unlinking(id))
        {
            ends.remove(&end);
        }
    }

    /// Removes an active link. `false`: there was none.
    pub fn remove(&mut self, end: RawTerm) -> bool {
        let Some(ends) = &mut self.ends else { return false };
        ends.get(&end) == Some(&State::Active) && ends.remove(&end).is_some()
    }

    pub fn contains(&self, end: RawTerm) -> bool {
        self.ends.as_ref().is_some_and(|ends| ends.get(&end) == Some(&State::Active))
    }

    /// The ends of all active links.
    pub fn active(&self) -> Vec<RawTerm> {
        let ends = self.ends.iter().flat_map(|ends| ends.iter());
        ends.filter(|(_, state)| **state == State::Active).map(|(end, _)| *end).collect()
    }
}
