//! The run queue of one scheduler: runnable processes by priority.

use crate::locks;
use crate::process::{Priority, Process};
use oxbeam_ethread::AtomicUword;
use oxbeam_ethread::lock::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;

/// Turns of normal processes to one of a low one.
const LOW_EVERY: u32 = 8;

#[derive(Default)]
struct Queues {
    by_priority: [VecDeque<Arc<Process>>; Priority::COUNT],
    normal_turns: u32,
}

/// A lock and four queues: max before high before the rest, low every eighth turn.
#[derive(Default)]
pub(super) struct RunQueue {
    queues: Mutex<Queues, locks::RunQueue>,
    len: AtomicUword,
    /// Those among them that are to run on a certain scheduler. A process does not change that
    /// while it is in a queue.
    bound: AtomicUword,
}

impl RunQueue {
    pub fn push(&self, process: Arc<Process>) {
        let priority = process.state.priority();
        let mut queues = self.queues.lock();
        if process.bound_to.read() != 0 {
            self.bound.inc();
        }
        queues.by_priority[priority as usize].push_back(process);
        self.len.inc();
    }

    /// Processes that other schedulers may take.
    pub fn stealable(&self) -> usize {
        self.len.read().saturating_sub(self.bound.read())
    }

    fn taken(&self, process: &Process) {
        self.len.dec();
        if process.bound_to.read() != 0 {
            self.bound.dec();
        }
    }

    /// Makes a process of this queue the next of a higher priority. `false`: it is not in here.
    pub fn promote(&self, process: &Arc<Process>, to: Priority) -> bool {
        let mut queues = self.queues.lock();
        let found = queues.by_priority[to as usize + 1..].iter_mut().find_map(|queue| {
            let at = queue.iter().position(|queued| Arc::ptr_eq(queued, process))?;
            queue.remove(at)
        });
        found.map(|process| queues.by_priority[to as usize].push_back(process)).is_some()
    }

    pub fn len(&self) -> usize {
        self.len.read()
    }

    /// The next process to run here.
    pub fn pop(&self) -> Option<Arc<Process>> {
        if self.len() == 0 {
            return None;
        }
        let mut queues = self.queues.lock();
        let process = queues.pop()?;
        self.taken(&process);
        Some(process)
    }

    /// A process for another scheduler to run; `None` also when the queue is in use just now.
    pub fn steal(&self) -> Option<Arc<Process>> {
        if self.len() == 0 {
            return None;
        }
        let mut queues = self.queues.try_lock()?;
        let process = queues.by_priority.iter_mut().find_map(|queue| {
            let at = queue.iter().rposition(|process| !process.is_bound())?;
            queue.remove(at)
        })?;
        self.taken(&process);
        Some(process)
    }
}

impl Queues {
    fn pop(&mut self) -> Option<Arc<Process>> {
        let [max, high, normal, low] = &mut self.by_priority;
        if let Some(process) = max.pop_front().or_else(|| high.pop_front()) {
            return Some(process);
        }
        self.normal_turns += 1;
        if self.normal_turns >= LOW_EVERY || normal.is_empty() {
            self.normal_turns = 0;
            return low.pop_front().or_else(|| normal.pop_front());
        }
        normal.pop_front()
    }
}
