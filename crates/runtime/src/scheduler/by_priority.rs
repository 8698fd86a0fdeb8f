//! What waits for a thread, by priority.
//!
//! 1. Priority max comes before high, and these before all others.
//! 2. Low ones stand in one queue with the normal ones. A low one that comes to the front goes
//!    back to the end [`LOW_PASSES`] times before it is taken: so it gets a turn in so many rounds,
//!    however many normal ones there are, and all turns where there are none.
//! 3. The weight of what waits is what it asks of a thread, in eighths of one that asks for each
//!    of its turns: so much is a low one's.

use crate::process::Priority;
use std::collections::VecDeque;

/// Rounds that a low one is passed over to one in which it is taken.
const LOW_PASSES: u8 = 7;
/// Max, high, and the rest.
const QUEUES: usize = 3;

/// Rule 3.
const LOW_WEIGHT: u8 = 1;
const WEIGHT: u8 = LOW_WEIGHT + LOW_PASSES;

struct Waiting<T> {
    item: T,
    /// Rounds that it is still passed over (rule 2).
    passes: u8,
    weight: u8,
}

/// See the module's doc.
pub(crate) struct ByPriority<T> {
    queues: [VecDeque<Waiting<T>>; QUEUES],
    weight: usize,
}

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
        ByPriority { queues: [const { VecDeque::new() }; QUEUES], weight: 0 }
    }

    pub fn len(&self) -> usize {
        self.queues.iter().map(VecDeque::len).sum()
    }

    /// Rule 3.
    pub fn weight(&self) -> usize {
        self.weight
    }

    pub fn push(&mut self, item: T, priority: Priority) {
        let passes = if priority == Priority::Low { LOW_PASSES } else { 0 };
        self.append(queue_of(priority), Waiting { item, passes, weight: WEIGHT - passes });
    }

    fn append(&mut self, queue: usize, waiting: Waiting<T>) {
        self.weight += usize::from(waiting.weight);
        self.queues[queue].push_back(waiting);
    }

    fn taken(&mut self, waiting: Waiting<T>) -> T {
        self.weight -= usize::from(waiting.weight);
        waiting.item
    }

    /// Takes the next one.
    pub fn pop(&mut self) -> Option<T> {
        self.pop_first().map(|first| self.taken(first))
    }

    fn pop_first(&mut self) -> Option<Waiting<T>> {
        let [max, high, rest] = &mut self.queues;
        if let Some(first) = max.pop_front().or_else(|| high.pop_front()) {
            return Some(first);
        }
        // Each pass is one of those that a push has given: a turn pays for what it makes.
        while let Some(mut first) = rest.pop_front() {
            if first.passes == 0 || rest.is_empty() {
                return Some(first);
            }
            first.passes -= 1;
            rest.push_back(first);
        }
        None
    }

    /// Takes the first of those that `fits` says yes to.
    pub fn take_first(&mut self, fits: impl Fn(&T) -> bool) -> Option<T> {
        self.remove_first(0, fits).map(|found| self.taken(found))
    }

    /// From the queues from `first` on.
    fn remove_first(&mut self, first: usize, fits: impl Fn(&T) -> bool) -> Option<Waiting<T>> {
        self.queues[first..].iter_mut().find_map(|queue| {
            let at = queue.iter().position(|waiting| fits(&waiting.item))?;
            queue.remove(at)
        })
    }

    /// Makes the one that `is_it` says yes to the last of a higher priority, or of its own if it
    /// has that already. `false`: it is not here.
    pub fn promote(&mut self, to: Priority, is_it: impl Fn(&T) -> bool) -> bool {
        let Some(found) = self.remove_first(queue_of(to), is_it) else { return false };
        let item = self.taken(found);
        self.append(queue_of(to), Waiting { item, passes: 0, weight: WEIGHT });
        true
    }
}
