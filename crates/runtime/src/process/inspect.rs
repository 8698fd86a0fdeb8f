//! Looking into a process that does not run, from outside.

use super::{Owned, ProcState, Process};
use crate::native::Cx;
use crate::signal::in_queue::Signals;
use oxbeam_code::memory;
use oxbeam_heap::{Heap, OwnedTerm};
use oxbeam_term::{RawTerm, Term};
use std::sync::Arc;

/// A word of a process's stack.
#[derive(Clone, Copy)]
pub enum Slot<'h> {
    /// Where a call returns to.
    Return(*const u64),
    /// A handler of exceptions is in force.
    Catch,
    Term(Term<'h>),
}

/// The stack from its top: where each word lies, and what it is.
pub fn stack_slots(heap: &Heap) -> Vec<(usize, Slot<'_>)> {
    let slot = |word: &RawTerm| {
        let place = std::ptr::from_ref(word) as usize;
        let slot = match *word {
            pc if memory::contains(pc.0 as *const u64) => Slot::Return(pc.0 as *const u64),
            word if word.is_catch() => Slot::Catch,
            // SAFETY: every other word of the stack is a term of the heap, which is borrowed.
            word => Slot::Term(unsafe { heap.brand(word) }),
        };
        (place, slot)
    };
    heap.stack().iter().map(slot).collect()
}

impl Process {
    /// Shows the messages that have not been taken yet, while the process does not run.
    pub fn each_queued_message(&self, own: &ProcState, mut look: impl FnMut(Term<'_>)) {
        self.each_queued(own, |signals| {
            signals.each_message(|message| look(message.term.view()));
        });
    }

    fn each_queued(&self, own: &ProcState, mut look: impl FnMut(&Signals)) {
        if let Some(untaken) = own.untaken() {
            look(&untaken.signals);
        }
        let signals = self.in_queue().take();
        look(&signals);
        self.in_queue().put_back(signals);
    }

    /// Shows the terms of messages and exits that have not been taken yet, while the process does not
    /// run, or to itself.
    pub fn each_queued_term(&self, own: &ProcState, mut look: impl FnMut(&OwnedTerm)) {
        self.each_queued(own, |signals| signals.each_term(&mut look));
    }

    /// Runs `look` on the owned part of a process that neither runs nor is about to. `None`: it
    /// does, or has ended. `stopped`: the schedulers have stopped, so none is about to run.
    pub fn inspect<R>(
        self: &Arc<Process>,
        stopped: bool,
        look: impl FnOnce(&mut Cx<'_>) -> R,
    ) -> Option<R> {
        self.own_briefly(stopped, |owned| {
            let Owned { heap, own } = owned;
            look(&mut Cx { heap, own, process: self, reductions: 0 })
        })
    }

    /// As [`Process::inspect`], with all that the process owns.
    pub(crate) fn own_briefly<R>(
        self: &Arc<Process>,
        stopped: bool,
        work: impl FnOnce(&mut Owned) -> R,
    ) -> Option<R> {
        if !self.state.try_own(stopped) {
            return None;
        }
        // SAFETY: rule 2: the state word has just made this thread the owner.
        let result = unsafe { self.owned() }.map(work);
        if self.state.stop_running(false) {
            crate::scheduler::enqueue(self.clone());
        }
        result
    }
}
