//! What waits for a thread, by priority.
//!
//! 1. Priority max comes before high, and these before all others.
//! 2. Low ones stand in one queue with the normal ones. A low one that comes to the front goes
//!    back to the end [`LOW_PASSES`] times before it is taken: so it gets a turn in so many rounds,
//!    however many normal ones there are, and all turns where there are none.

use crate::process::Priority;
use std::collections::VecDeque;

/// Rounds that a low one is passed over to one in which it is taken.
const LOW_PASSES: u8 = 7;
/// Max, high, and the rest.
const QUEUES: usize = 3;

struct Waiting<T> {
    item: T,
    /// Rounds that it is still passed over (rule 2).
    passes: u8,
}

/// See the module's doc.
pub(crate) struct ByPriority<T>([VecDeque<Waiting<T>>; QUEUES]);

impl<T> Default for ByPriority<T> {
    fn default() -> Self {
        ByPriority::new()
    }
}

fn queue_of(priority: Priority) -> usize {
    (priority as usize).min(QUEUES - 1)
}

impl<T> ByPriority<T> {
    pub const fn new() -> ByPriority<T> {
        ByPriority([const { VecDeque::new() }; QUEUES])
    }

    pub fn len(&self) -> usize {
        self.0.iter().map(VecDeque::len).sum()
    }

    pub fn push(&mut self, item: T, priority: Priority) {
        let passes = if priority == Priority::Low { LOW_PASSES } else { 0 };
        self.0[queue_of(priority)].push_back(Waiting { item, passes });
    }

    /// Takes the next one.
    pub fn pop(&mut self) -> Option<T> {
        let [max, high, rest] = &mut self.0;
        if let Some(first) = max.pop_front().or_else(|| high.pop_front()) {
            return Some(first.item);
        }
        // Each pass is one of those that a push has given: a turn pays for what it makes.
        while let Some(mut first) = rest.pop_front() {
            if first.passes == 0 || rest.is_empty() {
                return Some(first.item);
            }
            first.passes -= 1;
            rest.push_back(first);
        }
        None
    }

    /// Takes the first of those that `fits` says yes to.
    pub fn take_first(&mut self, fits: impl Fn(&T) -> bool) -> Option<T> {
        self.0.iter_mut().find_map(|queue| {
            let at = queue.iter().position(|waiting| fits(&waiting.item))?;
            queue.remove(at).map(|waiting| waiting.item)
        })
    }

    /// Makes the one that `is_it` says yes to the last of a higher priority, or of its own if it
    /// has that already. `false`: it is not here.
    pub fn promote(&mut self, to: Priority, is_it: impl Fn(&T) -> bool) -> bool {
        let found = self.0[queue_of(to)..].iter_mut().find_map(|queue| {
            let at = queue.iter().position(|waiting| is_it(&waiting.item))?;
            queue.remove(at)
        });
        let Some(Waiting { item, .. }) = found else { return false };
        self.0[queue_of(to)].push_back(Waiting { item, passes: 0 });
        true
    }
}
