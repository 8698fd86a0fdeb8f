//! The run queue of one scheduler: runnable processes by priority.
//!
//! 1. Processes of priority max run before those of high, and these before all others.
//! 2. Low processes stand in one queue with the normal ones. A low one that comes to the front
//!    goes back to the end [`LOW_PASSES`] times before it runs: so it gets a turn in so many
//!    rounds, however many normal ones there are, and all turns where there are none.

use crate::locks;
use crate::process::{Priority, Process};
use oxbeam_ethread::AtomicUword;
use oxbeam_ethread::lock::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;

/// Rounds that a low process is passed over to one in which it runs.
const LOW_PASSES: u8 = 7;
/// Max, high, and the rest.
const QUEUES: usize = 3;

struct Waiting {
    process: Arc<Process>,
    /// Rounds that it is still passed over (rule 2).
    passes: u8,
}

#[derive(Default)]
struct Queues {
    by_priority: [VecDeque<Waiting>; QUEUES],
    /// The greatest length since somebody asked.
    longest: usize,
}

/// A lock and the queues.
#[derive(Default)]
pub(super) struct RunQueue {
    queues: Mutex<Queues, locks::RunQueue>,
    len: AtomicUword,
    /// Those among them that are to run on a certain scheduler. A process does not change that
    /// while it is in a queue.
    bound: AtomicUword,
}

fn queue_of(priority: Priority) -> usize {
    (priority as usize).min(QUEUES - 1)
}

impl RunQueue {
    /// Appends a process; gives the length.
    pub fn push(&self, process: Arc<Process>) -> usize {
        let priority = process.state.priority();
        let passes = if priority == Priority::Low { LOW_PASSES } else { 0 };
        let mut queues = self.queues.lock();
        if process.bound_to.read() != 0 {
            self.bound.inc();
        }
        queues.by_priority[queue_of(priority)].push_back(Waiting { process, passes });
        let len = self.len.inc_read();
        queues.longest = queues.longest.max(len);
        len
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
        let found = queues.by_priority[queue_of(to)..].iter_mut().find_map(|queue| {
            let at = queue.iter().position(|waiting| Arc::ptr_eq(&waiting.process, process))?;
            queue.remove(at)
        });
        let Some(Waiting { process, .. }) = found else { return false };
        queues.by_priority[queue_of(to)].push_back(Waiting { process, passes: 0 });
        true
    }

    pub fn len(&self) -> usize {
        self.len.read()
    }

    /// The greatest length since the last call.
    pub fn take_longest(&self) -> usize {
        let mut queues = self.queues.lock();
        let now = self.len();
        std::mem::replace(&mut queues.longest, now).max(now)
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

    /// A process for another scheduler to run, the one that would be next here; `None` also when
    /// the queue is in use just now.
    pub fn steal(&self) -> Option<Arc<Process>> {
        if self.len() == 0 {
            return None;
        }
        let mut queues = self.queues.try_lock()?;
        let process = queues.by_priority.iter_mut().find_map(|queue| {
            let at = queue.iter().position(|waiting| !waiting.process.is_bound())?;
            queue.remove(at)
        })?;
        self.taken(&process.process);
        Some(process.process)
    }
}

impl Queues {
    fn pop(&mut self) -> Option<Arc<Process>> {
        let [max, high, rest] = &mut self.by_priority;
        if let Some(first) = max.pop_front().or_else(|| high.pop_front()) {
            return Some(first.process);
        }
        // Each pass is one of those that a push has given: a turn pays for what it makes.
        while let Some(mut first) = rest.pop_front() {
            if first.passes == 0 || rest.is_empty() {
                return Some(first.process);
            }
            first.passes -= 1;
            rest.push_back(first);
        }
        None
    }
}

#[cfg(all(test, not(oxbeam_model)))]
mod tests {
    use super::*;

    fn process(pid: u64, priority: Priority) -> Arc<Process> {
        let process = Process::detached(pid);
        process.state.set_priority(priority);
        process
    }

    /// Pids of the next turns, where each process runs on.
    fn turns(queue: &RunQueue, count: usize) -> Vec<u64> {
        let turn = |_| {
            let next = queue.pop().expect("somebody waits");
            let pid = next.pid;
            queue.push(next);
            pid
        };
        (0..count).map(turn).collect()
    }

    #[test]
    fn max_before_high_before_the_rest() {
        let queue = RunQueue::default();
        for (pid, priority) in
            [(1, Priority::Normal), (2, Priority::High), (3, Priority::Max), (4, Priority::High)]
        {
            queue.push(process(pid, priority));
        }
        let order: Vec<u64> = std::iter::from_fn(|| queue.pop()).map(|next| next.pid).collect();
        assert_eq!(order, [3, 2, 4, 1]);
        assert_eq!((queue.len(), queue.take_longest(), queue.take_longest()), (0, 4, 0));
    }

    #[test]
    fn a_low_process_runs_once_in_eight_rounds() {
        let queue = RunQueue::default();
        for pid in 1..=10 {
            queue.push(process(pid, if pid == 10 { Priority::Low } else { Priority::Normal }));
        }
        let turns = turns(&queue, 9 * 8 * 10 + 10);
        let count = |pid| turns.iter().filter(|&&turn| turn == pid).count();
        assert_eq!(count(10), 10);
        assert!((1..10).all(|pid| (79..=81).contains(&count(pid))));
    }

    #[test]
    fn low_processes_alone_get_all_turns_in_order() {
        let queue = RunQueue::default();
        (1..=3).for_each(|pid| _ = queue.push(process(pid, Priority::Low)));
        assert_eq!(turns(&queue, 9), [1, 2, 3, 1, 2, 3, 1, 2, 3]);
    }

    #[test]
    fn a_promoted_process_comes_first() {
        let queue = RunQueue::default();
        let low = process(7, Priority::Low);
        queue.push(process(1, Priority::Normal));
        queue.push(low.clone());
        assert!(queue.promote(&low, Priority::Max));
        assert!(!queue.promote(&process(8, Priority::Low), Priority::Max));
        assert_eq!(turns(&queue, 2), [7, 1]);
    }
}
