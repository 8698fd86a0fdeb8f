//! What a process does for another between two of its turns, when its state shows all it has.
//!
//! 1. A task comes as a signal, in order with all others, and runs when the process is scheduled
//!    next, or at the end of the turn that it is in. One that moves terms waits until the process's
//!    collections are on.
//! 2. A process that waits has no signals in its queue. Whoever has a short task for it takes its
//!    ownership for as long as that takes, instead of having a scheduler run it for nothing else
//!    ([`give`]).

use crate::longest;
use crate::process::{Owned, Process};
use crate::signal::handle::answer_as_dead;
use crate::signal::{Control, deliver, queue::Signal};
use oxbeam_term::RawTerm;
use std::sync::Arc;

/// See the module's doc.
pub trait Task: Send {
    /// Runs as the process, between two of its turns.
    fn run(self: Box<Self>, process: &Arc<Process>, owned: &mut Owned);
    /// The process is gone.
    fn dead(self: Box<Self>);
    /// Whether it collects the heap.
    fn moves_terms(&self) -> bool {
        false
    }
    /// Whether it takes but a moment for that process, so that another may run it.
    fn is_short(&self, _: &Owned) -> bool {
        false
    }
}

/// Gives a process a task; one that waits may have it done here and now (rule 2). The caller is on
/// a scheduler, and has not got the process's ownership.
///
/// Gives whether it was done.
pub fn give(process: &Arc<Process>, task: Box<dyn Task>) -> bool {
    let mut task = Some(task);
    process.own_briefly(false, |owned| {
        let fits = |task: &dyn Task| {
            let may_move = owned.own.gc_disabled == 0 || !task.moves_terms();
            may_move && owned.own.exit_reason.is_none() && task.is_short(owned)
        };
        if let Some(task) = task.take_if(|task| fits(&**task)) {
            task.run(process, owned);
        }
    });
    let Some(task) = task else { return true };
    if let Err(signal) = deliver(process, Signal::Control(Box::new(Control::Task(task)))) {
        answer_as_dead(RawTerm::pid(process.pid), signal);
    }
    false
}

/// Runs the tasks that can run now.
pub(crate) fn run_all(process: &Arc<Process>, owned: &mut Owned) {
    let begun = longest::begin();
    for task in owned.own.tasks.take() {
        if task.moves_terms() && owned.own.gc_disabled > 0 {
            owned.own.tasks.push(task);
        } else {
            task.run(process, owned);
        }
    }
    begun.end(longest::Work::Tasks, || None);
}
