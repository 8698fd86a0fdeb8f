//! Links: the set that each end keeps.
//!
//! An unlink carries a number, and the other end acknowledges it; until then the entry stays as
//! *unlinking*, and exits over it are ignored. A new link to the same end replaces the entry, so
//! a late acknowledgement, whose number no longer fits, changes nothing.

use crate::small_map::SmallMap;
use oxbeam_ethread::AtomicU64;
use oxbeam_term::RawTerm;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Active,
    Unlinking(u64),
}

/// The links of one process; ends are local pids or ports.
#[derive(Default)]
pub struct Links {
    ends: SmallMap<RawTerm, State>,
}

oxbeam_ethread::shared! {
    static LAST_UNLINK: AtomicU64 = AtomicU64::new(0);
}

impl Links {
    /// Adds a link. `false`: it was there.
    pub fn add(&mut self, end: RawTerm) -> bool {
        let old = self.ends.insert(end, State::Active);
        old != Some(State::Active)
    }

    /// How many there are, those that are unlinking included.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// Marks a link as unlinking; gives the number for the signal. `None`: no such link.
    pub fn unlink(&mut self, end: RawTerm) -> Option<u64> {
        let state = self.ends.get_mut(&end)?;
        if *state != State::Active {
            return None;
        }
        let id = LAST_UNLINK.inc_read();
        *state = State::Unlinking(id);
        Some(id)
    }

    /// The other end has acknowledged the unlink `id`.
    pub fn acknowledge(&mut self, end: RawTerm, id: u64) {
        if self.ends.get(&end) == Some(&State::Unlinking(id)) {
            self.ends.remove(&end);
        }
    }

    /// Removes an active link. `false`: there was none.
    pub fn remove(&mut self, end: RawTerm) -> bool {
        self.ends.get(&end) == Some(&State::Active) && self.ends.remove(&end).is_some()
    }

    pub fn contains(&self, end: RawTerm) -> bool {
        self.ends.get(&end) == Some(&State::Active)
    }

    /// The ends of all active links.
    pub fn active(&self) -> Vec<RawTerm> {
        self.ends
            .iter()
            .filter(|(_, state)| **state == State::Active)
            .map(|(end, _)| *end)
            .collect()
    }
}
