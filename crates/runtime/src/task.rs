//! What a process does for another between two of its turns, when its state shows all it has.
//!
//! 1. A task comes as a signal, in order with all others, and runs, by its priority, when the process is scheduled
//!    next, or at the end of the turn that it is in. One that moves terms waits until the process's
//!    collections are on.
//! 2. A process that waits has no signals in its queue. Whoever has a short task for it takes its
//!    ownership for as long as that takes, instead of having a scheduler run it for nothing else
//!    ([`give`]).
//! 3. A task says how many words it looks at. A scheduler runs some of them at one go, up to
//!    [`GO_WORDS`] in all, and the rest after the process's next turn. With one that looks at more
//!    the process goes to a dirty scheduler ([`crate::dirty::tasks_aside`]).

use crate::longest;
use crate::process::{Owned, Priority, Process};
use crate::signal::handle::answer_as_dead;
use crate::signal::{Control, deliver, in_queue::Signal};
use oxbeam_term::RawTerm;
use std::collections::VecDeque;
use std::sync::Arc;

/// See the module's doc.
pub trait Task: Send {
    /// Runs as the process, between two of its turns.
    fn run(self: Box<Self>, process: &Arc<Process>, owned: &mut Owned);
    /// The process is gone.
    fn dead(self: Box<Self>);
    /// How urgent it is.
    fn priority(&self) -> Priority {
        Priority::Normal
    }
    /// Whether it collects the heap.
    fn moves_terms(&self) -> bool {
        false
    }
    /// Whether another process may run it, if it takes but a moment.
    fn may_run_elsewhere(&self) -> bool {
        false
    }
    /// How many words it looks at, about.
    fn words(&self, _: &Owned) -> usize {
        0
    }
}

/// A task of no more words takes but a moment.
const SHORT_WORDS: usize = 4 << 10;
/// Words that a scheduler looks at between two turns of a process: some 100 µs, where they lie in
/// no cache.
const GO_WORDS: usize = 32 << 10;

/// Gives a process a task; one that waits may have it done here and now (rule 2). The caller is on
/// a scheduler, and has not got the process's ownership.
///
/// Gives whether it was done.
pub fn give(process: &Arc<Process>, task: Box<dyn Task>) -> bool {
    let mut task = Some(task);
    process.own_briefly(false, |owned| {
        let words = task.as_ref().map_or(0, |task| task.words(owned));
        let fits = |task: &dyn Task| {
            can_run(task, owned)
                && owned.own.exit_reason.is_none()
                && task.may_run_elsewhere()
                && words <= SHORT_WORDS
        };
        if let Some(task) = task.take_if(|task| fits(&**task)) {
            task.run(process, owned);
        }
    });
    let Some(task) = task else { return true };
    if let Err(signal) = deliver(process, Signal::control(Control::Task(task))) {
        answer_as_dead(RawTerm::pid(process.pid), signal);
    }
    false
}

fn can_run(task: &dyn Task, owned: &Owned) -> bool {
    owned.own.gc_disabled == 0 || !task.moves_terms()
}

/// What [`run_some`] has left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Left {
    /// Nothing that could run now.
    Nothing,
    /// Tasks that can run the next time.
    Some,
    /// The first of them is for a dirty scheduler (rule 3).
    Long,
}

/// Normal tasks that go before a low one.
const NORMAL_FOR_A_LOW: usize = 8;

/// Tasks of priority max come first, then high ones, then the others, with a low one after each eight
/// normal ones. Those of one priority keep their order.
fn by_priority(
    tasks: impl IntoIterator<Item = Box<dyn Task>>,
) -> impl Iterator<Item = Box<dyn Task>> {
    let mut queues: [VecDeque<Box<dyn Task>>; 4] = Default::default();
    for task in tasks {
        queues[task.priority() as usize].push_back(task);
    }
    let [mut max, mut high, mut normal, mut low] = queues;
    let mut normal_run = 0;
    std::iter::from_fn(move || {
        let first = max.pop_front().or_else(|| high.pop_front());
        if first.is_some() {
            return first;
        }
        if normal_run < NORMAL_FOR_A_LOW || low.is_empty() {
            normal_run += 1;
            if let Some(task) = normal.pop_front() {
                return Some(task);
            }
        }
        normal_run = 0;
        low.pop_front()
    })
}

/// Runs the tasks that can run now, in their order, as far as rule 3 lets a scheduler.
pub(crate) fn run_some(process: &Arc<Process>, owned: &mut Owned) -> Left {
    let begun = longest::begin();
    let left = run(process, owned, GO_WORDS);
    begun.end(longest::Work::Tasks, || None);
    left
}

/// Runs all tasks that can run now.
pub(crate) fn run_all(process: &Arc<Process>, owned: &mut Owned) {
    run(process, owned, usize::MAX);
}

fn run(process: &Arc<Process>, owned: &mut Owned, most_words: usize) -> Left {
    let (mut done_words, mut left) = (0, Left::Nothing);
    for task in by_priority(owned.own.tasks.take()) {
        let words = task.words(owned);
        if left != Left::Nothing || !can_run(&*task, owned) {
            owned.own.tasks.push(task);
        } else if words > most_words - done_words {
            left = if words > most_words { Left::Long } else { Left::Some };
            owned.own.tasks.push(task);
        } else {
            done_words += words;
            task.run(process, owned);
        }
    }
    left
}
