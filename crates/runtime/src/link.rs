//! Links: the set that each end keeps.
//!
//! An unlink carries a number, and the other end acknowledges it; until then the entry stays as
//! *unlinking*, and exits over it are ignored. A new link that this end sets replaces the entry, so
//! a late acknowledgement, whose number no longer fits, changes nothing; one that the other end has set
//! meanwhile does not ([`Links::add_by_other`]).

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

    /// The other end has set a link. Where this end is unlinking, the other one had not heard of that
    /// yet, and removes the link again when it does.
    /// `false`: there is one already.
    pub fn add_by_other(&mut self, end: RawTerm) -> bool {
        let is_new = self.ends.get(&end).is_none();
        if is_new {
            self.ends.insert(end, State::Active);
        }
        is_new
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

    /// The ends of all links, with the number of its unlinking for one that is given up.
    pub fn all(&self) -> impl Iterator<Item = (RawTerm, Option<u64>)> {
        self.ends.iter().map(|(end, state)| match state {
            State::Active => (*end, None),
            State::Unlinking(id) => (*end, Some(*id)),
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_crosses_an_unlink_is_gone_at_both_ends() {
        let [a, b] = [RawTerm::pid(1), RawTerm::pid(2)];
        let (mut of_a, mut of_b) = (Links::default(), Links::default());
        // Both link; then b unlinks before it has heard of a's link.
        assert!(of_a.add(b) && of_b.add(a));
        let id = of_b.unlink(a).unwrap();
        assert!(!of_b.add_by_other(a));
        assert!(!of_b.contains(a));
        of_a.add_by_other(b);
        assert!(of_a.remove(b));
        of_b.acknowledge(a, id);
        assert_eq!((of_a.count(), of_b.count()), (0, 0));
        // What the other end sets after it has acknowledged comes after that.
        of_b.add_by_other(a);
        assert!(of_b.contains(a));
    }
}
