//! The run queue of one scheduler: runnable processes [by priority](super::by_priority).

use super::by_priority::ByPriority;
use crate::locks;
use crate::process::{Priority, Process};
use oxbeam_ethread::AtomicUword;
use oxbeam_ethread::lock::Mutex;
use std::sync::Arc;

#[derive(Default)]
struct Queues {
    waiting: ByPriority<Arc<Process>>,
    /// The greatest weight since somebody asked.
    heaviest: usize,
}

/// A lock and the queues.
#[derive(Default)]
pub(super) struct RunQueue {
    queues: Mutex<Queues, locks::RunQueue>,
    len: AtomicUword,
    /// The queues' [weight](super::by_priority), for who does not hold the lock.
    weight: AtomicUword,
    /// Those among them that are to run on a certain scheduler. A process does not change that
    /// while it is in a queue.
    bound: AtomicUword,
}

impl RunQueue {
    /// Appends a process; gives the length.
    pub fn push(&self, process: Arc<Process>) -> usize {
        let priority = process.state.priority();
        let mut queues = self.queues.lock();
        if process.bound_to.read() != 0 {
            self.bound.inc();
        }
        queues.waiting.push(process, priority);
        self.weigh(&mut queues);
        self.len.inc_read()
    }

    /// Processes that other schedulers may take.
    pub fn stealable(&self) -> usize {
        self.len.read().saturating_sub(self.bound.read())
    }

    /// After each change.
    fn weigh(&self, queues: &mut Queues) {
        let weight = queues.waiting.weight();
        self.weight.set(weight);
        queues.heaviest = queues.heaviest.max(weight);
    }

    fn taken(&self, queues: &mut Queues, process: &Process) {
        self.len.dec();
        self.weigh(queues);
        if process.bound_to.read() != 0 {
            self.bound.dec();
        }
    }

    /// Makes a process of this queue the next of a higher priority. `false`: it is not in here.
    pub fn promote(&self, process: &Arc<Process>, to: Priority) -> bool {
        let mut queues = self.queues.lock();
        let found = queues.waiting.promote(to, |waiting| Arc::ptr_eq(waiting, process));
        self.weigh(&mut queues);
        found
    }

    pub fn len(&self) -> usize {
        self.len.read()
    }

    /// What the processes here ask of a scheduler; see [`super::by_priority`].
    pub fn weight(&self) -> usize {
        self.weight.read()
    }

    /// The greatest weight since the last call.
    pub fn take_heaviest(&self) -> usize {
        let mut queues = self.queues.lock();
        let now = queues.waiting.weight();
        std::mem::replace(&mut queues.heaviest, now).max(now)
    }

    /// The next process to run here.
    pub fn pop(&self) -> Option<Arc<Process>> {
        if self.len() == 0 {
            return None;
        }
        let mut queues = self.queues.lock();
        let process = queues.waiting.pop()?;
        self.taken(&mut queues, &process);
        Some(process)
    }

    /// A process for another scheduler to run, the one that would be next here; `None` also when
    /// the queue is in use just now.
    pub fn steal(&self) -> Option<Arc<Process>> {
        if self.len() == 0 {
            return None;
        }
        let mut queues = self.queues.try_lock()?;
        let process = queues.waiting.take_first(|waiting| !waiting.is_bound())?;
        self.taken(&mut queues, &process);
        Some(process)
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
        assert_eq!((queue.len(), queue.take_heaviest(), queue.take_heaviest()), (0, 32, 0));
    }

    #[test]
    fn a_low_process_weighs_an_eighth_until_it_is_promoted() {
        let queue = RunQueue::default();
        let low = process(7, Priority::Low);
        queue.push(process(1, Priority::Normal));
        queue.push(low.clone());
        assert_eq!(queue.weight(), 8 + 1);
        assert!(queue.promote(&low, Priority::High));
        assert_eq!(queue.weight(), 8 + 8);
        queue.pop();
        assert_eq!(queue.weight(), 8);
        queue.steal();
        assert_eq!((queue.weight(), queue.take_heaviest()), (0, 16));
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
