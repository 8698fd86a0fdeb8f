//! What a process does for another between two of its turns, when its state shows all it has.
//!
//! A task comes as a signal, in order with all others, and runs when the process is scheduled
//! next, or at the end of the turn that it is in. One that moves terms waits until the process's
//! collections are on.

use crate::longest;
use crate::process::{Owned, Process};
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
