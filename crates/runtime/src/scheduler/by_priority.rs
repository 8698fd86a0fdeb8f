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
pub(crate) const QUEUES: usize = 3;

/// Rule 3.
const LOW_WEIGHT: u8 = 1;
pub(crate) const WEIGHT: u8 = LOW_WEIGHT + LOW_PASSES;

/// The weight of what waits in each of the queues.
pub(crate) type Weights = [usize; QUEUES];

/// So many are looked at by who takes beyond a weight.
const FEW: usize = 32;

struct Waiting<T> {
    item: T,
    /// Rounds that it is still passed over (rule 2).
    passes: u8,
    weight: u8,
}

/// See the module's doc.
pub(crate) struct ByPriority<T> {
    queues: [VecDeque<Waiting<T>>; QUEUES],
    weights: Weights,
}

impl<T> Default for ByPriority<T> {
    fn default() -> Self {
        ByPriority::new()
    }
}

/// The queue of that priority.
pub(crate) fn queue_of(priority: Priority) -> usize {
    (priority as usize).min(QUEUES - 1)
}

impl<T> ByPriority<T> {
    pub const fn new() -> ByPriority<T> {
        ByPriority { queues: [const { VecDeque::new() }; QUEUES], weights: [0; QUEUES] }
    }

    pub fn len(&self) -> usize {
        self.queues.iter().map(VecDeque::len).sum()
    }

    /// Rule 3.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    pub fn push(&mut self, item: T, priority: Priority) {
        let passes = if priority == Priority::Low { LOW_PASSES } else { 0 };
        self.append(queue_of(priority), Waiting { item, passes, weight: WEIGHT - passes });
    }

    fn append(&mut self, queue: usize, waiting: Waiting<T>) {
        self.weights[queue] += usize::from(waiting.weight);
        self.queues[queue].push_back(waiting);
    }

    fn taken(&mut self, (queue, waiting): (usize, Waiting<T>)) -> T {
        self.weights[queue] -= usize::from(waiting.weight);
        waiting.item
    }

    /// Takes the next one.
    pub fn pop(&mut self) -> Option<T> {
        self.pop_first().map(|first| self.taken(first))
    }

    fn pop_first(&mut self) -> Option<(usize, Waiting<T>)> {
        let [ahead @ .., rest] = &mut self.queues;
        for (queue, waiting) in ahead.iter_mut().enumerate() {
            if let Some(first) = waiting.pop_front() {
                return Some((queue, first));
            }
        }
        // Each pass is one of those that a push has given: a turn pays for what it makes.
        while let Some(mut first) = rest.pop_front() {
            if first.passes == 0 || rest.is_empty() {
                return Some((QUEUES - 1, first));
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
    fn remove_first(
        &mut self,
        first: usize,
        fits: impl Fn(&T) -> bool,
    ) -> Option<(usize, Waiting<T>)> {
        (first..QUEUES).find_map(|queue| {
            let at = self.queues[queue].iter().position(|waiting| fits(&waiting.item))?;
            Some((queue, self.queues[queue].remove(at)?))
        })
    }

    /// Takes from that queue, among the first few, one that `fits` says yes to and that leaves at
    /// least so much weight.
    pub fn take_beyond(
        &mut self,
        queue: usize,
        left: usize,
        fits: impl Fn(&T) -> bool,
    ) -> Option<T> {
        let spare = self.weights[queue].checked_sub(left)?;
        let fits = |at: &Waiting<T>| usize::from(at.weight) <= spare && fits(&at.item);
        let at = self.queues[queue].iter().take(FEW).position(fits)?;
        let found = self.queues[queue].remove(at)?;
        Some(self.taken((queue, found)))
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
