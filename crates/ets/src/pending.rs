//! What is done to a whole table and seen by others at once: inserting a long list, and deleting
//! all objects of a table that is fixed.
//!
//! 1. A list's objects are copied first; nobody sees anything of that.
//! 2. Then the task is put into the table. From then on whoever looks for the table helps with it,
//!    a portion a turn, and uses the table only when the task is done: so nobody sees a part of
//!    it.
//! 3. Work on the table begins after thread progress: whoever had found the table before has
//!    ended its operation by then. Whoever finds the task before is suspended.
//! 4. The process whose task it is may end meanwhile: others complete the task.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use oxbeam_runtime::Cx;
use oxbeam_runtime::progress::{self, Waiters};
use parking_lot::Mutex;

use crate::garbage::Garbage;
use crate::natives::long::INSERT_UNITS;
use crate::natives::store::insert_into_shard;
use crate::object::Object;
use crate::queue::Queue;
use crate::table::{Storage, Table};
use crate::walk::Walk;

/// A task under way.
pub struct Pending {
    /// Who waits for the work to begin (rule 3).
    waiters: Waiters,
    work: Mutex<Work>,
}

struct Work {
    task: Task,
    /// Whether nothing is to be done any more.
    is_over: bool,
    /// What came of it, if it was completed.
    outcome: Option<Outcome>,
}

impl Work {
    /// The task is over; what is left of it.
    fn end(&mut self) -> Garbage {
        self.is_over = true;
        match &mut self.task {
            Task::Insert { left, .. } => std::mem::take(left),
            Task::Clear { .. } => Garbage::default(),
        }
    }
}

/// What is to be done.
pub enum Task {
    Insert {
        /// Objects still to be inserted, the next first.
        left: Garbage,
        /// How many of them, from the next on, are known to have no object with their key;
        /// `None`: that does not matter.
        checked: Option<usize>,
    },
    Clear {
        walk: Walk,
        /// Objects deleted so far.
        count: usize,
    },
}

/// What came of a task.
#[derive(Clone, Copy)]
pub enum Outcome {
    /// Whether the objects were inserted.
    Inserted(bool),
    /// So many objects were deleted.
    Cleared(usize),
}

/// What a process pays at a time when it helps: one for an object that it looks at.
pub const HELP_UNITS: usize = 2000;

impl Task {
    /// Inserting objects, one after the other. `new_only`: if none of their keys is there.
    pub fn insert(objects: Garbage, new_only: bool) -> Task {
        Task::Insert { left: objects, checked: new_only.then_some(0) }
    }
    /// Deleting all objects.
    pub fn clear() -> Task {
        Task::Clear { walk: Walk::default(), count: 0 }
    }

    /// Works on the task for about `units`.
    fn go_on(&mut self, table: &Table, units: &mut usize) -> Option<Outcome> {
        match self {
            Task::Insert { left, checked } => {
                insert_some(table, left.loose(), checked, units).map(Outcome::Inserted)
            }
            Task::Clear { walk, count } => {
                *count += walk.remove(table, &|_| None, units, |_| true);
                walk.is_done().then_some(Outcome::Cleared(*count))
            }
        }
    }
}

impl Pending {
    /// Puts a task into a table. Gives it back when another one is under way, or the table is
    /// gone.
    pub fn publish(table: &Table, task: Task) -> Result<Arc<Pending>, Task> {
        let mut place = table.pending.lock();
        if place.is_some() || table.is_deleted() {
            return Err(task);
        }
        let work = Mutex::new(Work { task, is_over: false, outcome: None });
        let pending = Arc::new(Pending { waiters: Waiters::default(), work });
        *place = Some(pending.clone());
        table.has_pending.store(true, Ordering::SeqCst);
        let begun = pending.clone();
        progress::later(move || begun.waiters.release());
        Ok(pending)
    }

    /// What came of the task, if it was completed.
    pub fn outcome(&self) -> Option<Outcome> {
        self.work.lock().outcome
    }

    /// Gives the task up, for a table that is gone; what is to be freed.
    pub fn abandon(&self) -> Garbage {
        self.work.lock().end()
    }

    /// Suspends the calling process until the work may begin. `false`: it may.
    pub fn wait(&self, cx: &mut Cx<'_>) -> bool {
        self.waiters.suspend(cx)
    }

    /// Sees to it that the task is over: for a thread that is no scheduler.
    pub fn finish(&self, table: &Table) {
        self.waiters.block();
        while !self.help(table, &mut HELP_UNITS.clone()) {}
    }

    /// Works on the task for about `units`, once nobody has to wait. Whether it is over.
    pub fn help(&self, table: &Table, units: &mut usize) -> bool {
        let mut work = self.work.lock();
        if !work.is_over {
            work.outcome = work.task.go_on(table, units);
            if work.outcome.is_some() {
                drop(work.end());
                table.pending.lock().take();
                table.has_pending.store(false, Ordering::SeqCst);
            }
        }
        work.is_over
    }
}

/// Inserts some objects. Whether all were inserted, once that is known.
fn insert_some(
    table: &Table,
    left: &mut Queue,
    checked: &mut Option<usize>,
    units: &mut usize,
) -> Option<bool> {
    while let Some(count) = *checked
        && *units > 0
    {
        *units -= 1;
        let Some(object) = left.get(count) else {
            *checked = None;
            break;
        };
        if has_key_of(table, object) {
            return Some(false);
        }
        *checked = Some(count + 1);
    }
    while *units > 0 {
        *units = units.saturating_sub(INSERT_UNITS);
        let Some(object) = left.pop_front() else { return Some(true) };
        insert(table, object);
    }
    None
}

fn has_key_of(table: &Table, object: &Object) -> bool {
    match &table.storage {
        Storage::Tree(tree) => {
            tree.read(object.key(), |objects| objects.get(object.key()).is_some())
        }
        Storage::Hash(hash) => {
            hash.read_for(object.hash()).group(object.hash(), object.key()).next().is_some()
        }
    }
}

fn insert(table: &Table, object: Object) {
    match &table.storage {
        Storage::Tree(tree) => tree.put(object),
        Storage::Hash(hash) => {
            insert_into_shard(table.kind(), &mut hash.write_for(object.hash()), object);
        }
    }
}
