//! The run queue of one scheduler: runnable processes [by priority](super::by_priority).

use super::by_priority::{ByPriority, QUEUES, Weights, queue_of};
use crate::locks;
use crate::process::{Priority, Process};
use oxbeam_ethread::AtomicUword;
use oxbeam_ethread::lock::Mutex;
use std::sync::Arc;

#[derive(Default)]
struct Queues {
    waiting: ByPriority<Arc<Process>>,
    /// The greatest weights since somebody asked.
    heaviest: Weights,
}

/// A lock and the queues.
#[derive(Default)]
pub(super) struct RunQueue {
    queues: Mutex<Queues, locks::RunQueue>,
    len: AtomicUword,
    /// The queues' [weights](super::by_priority), for who does not hold the lock.
    weights: [AtomicUword; QUEUES],
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
        self.weigh(&mut queues, queue_of(priority));
        self.len.inc_read()
    }

    /// Processes that other schedulers may take.
    pub fn stealable(&self) -> usize {
        self.len.read().saturating_sub(self.bound.read())
    }

    /// After one has come into that queue.
    fn weigh(&self, queues: &mut Queues, queue: usize) {
        let weight = queues.waiting.weights()[queue];
        self.weights[queue].set(weight);
        queues.heaviest[queue] = queues.heaviest[queue].max(weight);
    }

    /// After one was taken out of any.
    fn weigh_all(&self, queues: &Queues) {
        self.weights.iter().zip(queues.waiting.weights()).for_each(|(to, &weight)| to.set(weight));
    }

    fn taken(&self, queues: &Queues, process: &Process) {
        self.len.dec();
        self.weigh_all(queues);
        if process.bound_to.read() != 0 {
            self.bound.dec();
        }
    }

    /// Makes a process of this queue the next of a higher priority. `false`: it is not in here.
    pub fn promote(&self, process: &Arc<Process>, to: Priority) -> bool {
        let mut queues = self.queues.lock();
        let found = queues.waiting.promote(to, |waiting| Arc::ptr_eq(waiting, process));
        self.weigh_all(&queues);
        self.weigh(&mut queues, queue_of(to));
        found
    }

    pub fn len(&self) -> usize {
        self.len.read()
    }

    /// What the processes of one of the queues ask of a scheduler; see [`super::by_priority`].
    pub fn weight(&self, queue: usize) -> usize {
        self.weights[queue].read()
    }

    /// The greatest weights since the last call.
    pub fn take_heaviest(&self) -> Weights {
        let mut queues = self.queues.lock();
        let now = *queues.waiting.weights();
        std::mem::replace(&mut queues.heaviest, now)
    }

    /// The next process to run here.
    pub fn pop(&self) -> Option<Arc<Process>> {
        if self.len() == 0 {
            return None;
        }
        let mut queues = self.queues.lock();
        let process = queues.waiting.pop()?;
        self.taken(&queues, &process);
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
        self.taken(&queues, &process);
        Some(process)
    }

    /// A process for another scheduler to run, of one of the queues, which is left with that weight
    /// at least; `None` also when the queue is in use just now.
    pub fn take_beyond(&self, queue: usize, left: usize) -> Option<Arc<Process>> {
        if self.weight(queue) <= left {
            return None;
        }
        let mut queues = self.queues.try_lock()?;
        let process = queues.waiting.take_beyond(queue, left, |waiting| !waiting.is_bound())?;
        self.taken(&queues, &process);
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
        assert_eq!(
            (queue.len(), queue.take_heaviest(), queue.take_heaviest()),
            (0, [8, 16, 8], [0; 3])
        );
    }

    #[test]
    fn a_low_process_weighs_an_eighth_until_it_is_promoted() {
        let queue = RunQueue::default();
        let low = process(7, Priority::Low);
        queue.push(process(1, Priority::Normal));
        queue.push(low.clone());
        let weights = || [0, 1, 2].map(|at| queue.weight(at));
        assert_eq!(weights(), [0, 0, 8 + 1]);
        assert!(queue.promote(&low, Priority::High));
        assert_eq!(weights(), [0, 8, 8]);
        queue.pop();
        assert_eq!(weights(), [0, 0, 8]);
        queue.steal();
        assert_eq!((weights(), queue.take_heaviest()), ([0; 3], [0, 8, 9]));
    }

    #[test]
    fn no_more_is_taken_than_is_beyond_the_weight_that_is_left() {
        let queue = RunQueue::default();
        let rest = queue_of(Priority::Normal);
        for (pid, priority) in
            [(1, Priority::Max), (2, Priority::Normal), (3, Priority::Low), (4, Priority::Normal)]
        {
            queue.push(process(pid, priority));
        }
        let taken = |left| queue.take_beyond(rest, left).map(|process| process.pid);
        assert_eq!([taken(17), taken(10), taken(9), taken(8)], [None, Some(3), None, Some(2)]);
        assert_eq!([taken(0), taken(0)], [Some(4), None]);
        // The one of another queue stays.
        assert_eq!((queue.len(), queue.weight(queue_of(Priority::Max))), (1, 8));
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
