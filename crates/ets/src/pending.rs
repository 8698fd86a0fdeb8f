//! Inserting a long list, seen by others at once.
//!
//! 1. The list's objects are copied first; nobody sees anything of that.
//! 2. Then the insertion is put into the table. From then on whoever looks for the table helps
//!    with it, a portion a turn, and uses the table only when the insertion is done: so nobody
//!    sees a part of it.
//! 3. Work on the table begins after thread progress: whoever had found the table before has
//!    ended its operation by then.
//! 4. The process that inserts may end meanwhile: others complete the insertion.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use oxbeam_runtime::progress;
use parking_lot::Mutex;

use crate::garbage::Garbage;
use crate::natives::store::insert_into_shard;
use crate::object::Object;
use crate::table::{Storage, Table};

/// An insertion under way.
pub struct Pending {
    /// Rule 3.
    begun: AtomicBool,
    work: Mutex<Work>,
}

struct Work {
    /// Objects still to be inserted, the next last.
    left: Vec<Object>,
    /// How many of them, from the next on, are known to have no object with their key; `None`:
    /// that does not matter.
    checked: Option<usize>,
    /// Whether all were inserted, once that is known.
    outcome: Option<bool>,
}

/// Objects that a process looks at, or inserts, at a time when it helps.
pub const HELP_OBJECTS: usize = 2000;

impl Pending {
    /// Puts an insertion of objects, the first last, into a table. `new_only`: if none of their
    /// keys is there. Gives the objects back when another insertion is under way.
    pub fn publish(
        table: &Table,
        left: Vec<Object>,
        new_only: bool,
    ) -> Result<Arc<Pending>, Vec<Object>> {
        let mut place = table.pending.lock();
        if place.is_some() {
            return Err(left);
        }
        let work = Work { left, checked: new_only.then_some(0), outcome: None };
        let pending = Arc::new(Pending { begun: AtomicBool::new(false), work: Mutex::new(work) });
        *place = Some(pending.clone());
        table.has_pending.store(true, Ordering::SeqCst);
        let begun = pending.clone();
        progress::later(move || begun.begun.store(true, Ordering::Release));
        Ok(pending)
    }

    /// Whether all was inserted, once the insertion is done.
    pub fn outcome(&self) -> Option<bool> {
        self.work.lock().outcome
    }

    /// Gives the insertion up, for a table that is gone; the objects that were not inserted.
    pub fn abandon(&self) -> Vec<Object> {
        let mut work = self.work.lock();
        work.outcome.get_or_insert(false);
        std::mem::take(&mut work.left)
    }

    /// Works on the insertion for about `units` objects. Whether it is done.
    pub fn help(&self, table: &Table, units: &mut usize) -> bool {
        if !self.begun.load(Ordering::Acquire) {
            *units = 0;
            return false;
        }
        let mut work = self.work.lock();
        if work.outcome.is_none() {
            work.outcome = work.go_on(table, units);
            if work.outcome.is_some() {
                *Garbage::default().loose() = std::mem::take(&mut work.left);
                table.pending.lock().take();
                table.has_pending.store(false, Ordering::SeqCst);
            }
        }
        work.outcome.is_some()
    }
}

impl Work {
    fn go_on(&mut self, table: &Table, units: &mut usize) -> Option<bool> {
        while let Some(checked) = self.checked
            && *units > 0
        {
            *units -= 1;
            let Some(at) = self.left.len().checked_sub(checked + 1) else {
                self.checked = None;
                break;
            };
            if has_key_of(table, &self.left[at]) {
                return Some(false);
            }
            self.checked = Some(checked + 1);
        }
        while *units > 0 {
            *units -= 1;
            let Some(object) = self.left.pop() else { return Some(true) };
            insert(table, object);
        }
        None
    }
}

fn has_key_of(table: &Table, object: &Object) -> bool {
    match &table.storage {
        Storage::Tree(tree) => tree.read().get(object.key()).is_some(),
        Storage::Hash(hash) => {
            hash.read_for(object.hash()).group(object.hash(), object.key()).next().is_some()
        }
    }
}

fn insert(table: &Table, object: Object) {
    match &table.storage {
        Storage::Tree(tree) => _ = tree.write().put(object),
        Storage::Hash(hash) => {
            insert_into_shard(table.kind(), &mut hash.write_for(object.hash()), object);
        }
    }
}
