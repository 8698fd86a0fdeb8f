//! Going over all objects of a table, a portion at a time.

use std::cmp::Ordering;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic;

use oxbeam_heap::OwnedTerm;
use oxbeam_match_spec::Program;
use oxbeam_runtime::dirty;
use oxbeam_term::Term;

use crate::hash::Hash;
use crate::object::Object;
use crate::table::{Storage, Table};
use crate::tree::{PatternOrder, Start, Units};

/// Where a walk stands.
#[derive(Default)]
pub struct Walk {
    /// In a hash table: at this hash.
    from: u32,
    /// In an ordered table: beyond this key.
    last_key: Option<OwnedTerm>,
    is_done: bool,
}

/// Where the keys lie that a program lets through.
pub fn key_order<'p>(
    table: &Table,
    program: &'p Program,
) -> impl Fn(Term<'_>) -> Option<Ordering> + use<'p> {
    let position = table.key_position();
    move |key| program.key_order(position, key)
}

impl Walk {
    /// Whether the walk has come to the end.
    pub fn is_done(&self) -> bool {
        self.is_done
    }

    fn begin(&self) -> Start<'_> {
        self.last_key.as_ref().map_or(Start::Edge, |key| Start::Beyond(key.view()))
    }

    /// A step in an ordered table.
    fn in_tree<T>(
        &mut self,
        units: &mut usize,
        step: impl FnOnce(Start<'_>, &mut Units) -> T,
    ) -> T {
        let mut left = Units::new(*units);
        let result = step(self.begin(), &mut left);
        *units = left.left();
        self.last_key = left.into_last_key();
        self.is_done = self.last_key.is_none();
        result
    }

    /// Steps in the shards of a hash table.
    fn in_hash(&mut self, units: &mut usize, mut step: impl FnMut(u32, &mut usize) -> Option<u32>) {
        while *units > 0 && !self.is_done {
            match step(self.from, units) {
                Some(next) => self.from = next,
                None => self.is_done = true,
            }
        }
    }

    /// Shows about `units` objects in the range of a pattern; those of an ordered table from the
    /// end if `backwards`.
    pub fn show(
        &mut self,
        table: &Table,
        order: PatternOrder<'_>,
        backwards: bool,
        units: &mut usize,
        mut visit: impl FnMut(&Object),
    ) {
        match &table.storage {
            Storage::Hash(hash) => {
                self.in_hash(units, |from, units| show_in_hash(hash, from, units, &mut visit));
            }
            Storage::Tree(tree) => self.in_tree(units, |begin, left| {
                tree.walk(order, begin, backwards, |object| {
                    visit(object);
                    if left.pay(object) {
                        ControlFlow::Continue(())
                    } else {
                        ControlFlow::Break(())
                    }
                });
            }),
        }
    }

    /// Removes the objects in the range of a pattern for which `chosen` holds, about `units` being
    /// looked at. Gives how many it removed.
    pub fn remove(
        &mut self,
        table: &Table,
        order: PatternOrder<'_>,
        units: &mut usize,
        chosen: impl Fn(&Object) -> bool,
    ) -> usize {
        let mut count = 0;
        match &table.storage {
            Storage::Hash(hash) => self.in_hash(units, |from, units| {
                let mut shard = hash.write(hash.shard_index(from));
                let (removed, next) = shard.remove_some(from, table.is_fixed(), units, &chosen);
                count += removed;
                next
            }),
            Storage::Tree(tree) => self.in_tree(units, |begin, units| {
                count = tree.remove_some(order, begin, units, chosen);
            }),
        }
        count
    }

    /// Replaces the objects in the range of a pattern for which `change` gives another with the same
    /// key, about `units` being looked at. Gives how many it replaced.
    pub fn replace(
        &mut self,
        table: &Table,
        order: PatternOrder<'_>,
        units: &mut usize,
        change: impl Fn(&Object) -> Option<Object>,
    ) -> usize {
        let mut count = 0;
        match &table.storage {
            Storage::Hash(hash) => self.in_hash(units, |from, units| {
                let mut shard = hash.write(hash.shard_index(from));
                let (replaced, next) = shard.replace_some(from, units, &change);
                count += replaced;
                next
            }),
            Storage::Tree(tree) => self.in_tree(units, |begin, units| {
                count = tree.replace_some(order, begin, units, change);
            }),
        }
        count
    }
}

/// Shows about `units` objects from a hash on. Gives the hash to go on at; `None`: at the end.
fn show_in_hash(
    hash: &Hash,
    from: u32,
    units: &mut usize,
    mut visit: impl FnMut(&Object),
) -> Option<u32> {
    let index = hash.shard_index(from);
    let shard = hash.read(index);
    let mut last = None;
    for object in shard.starting_at_hash(from) {
        // A slice ends between two hashes, so that the next one finds its place.
        if *units == 0 && last != Some(object.hash()) {
            return Some(object.hash());
        }
        *units = units.saturating_sub(1);
        last = Some(object.hash());
        visit(object);
    }
    *units = units.saturating_sub(1);
    (index + 1 < hash.shard_count()).then(|| hash.first_hash(index + 1))
}

/// Removes the marks of a table that nobody has fixed any more. What is left of the work when it
/// is dropped goes to a dirty scheduler.
pub struct Sweep {
    table: Arc<Table>,
    walk: Walk,
}

/// Objects that a dirty scheduler passes without letting others to the table.
const PORTION: usize = 1000;

impl Sweep {
    pub fn new(table: Arc<Table>) -> Sweep {
        let is_done = matches!(&table.storage, Storage::Tree(_));
        let walk = Walk { is_done, ..Walk::default() };
        Sweep { table, walk }
    }

    /// Passes about `units` objects. Whether that was the end; it is, too, if the table has been
    /// fixed again: who releases it sweeps.
    pub fn some(&mut self, units: &mut usize) -> bool {
        if let Storage::Hash(hash) = &self.table.storage {
            let table = &self.table;
            self.walk.in_hash(units, |from, units| {
                let mut shard = hash.write(hash.shard_index(from));
                if table.fixed.load(atomic::Ordering::SeqCst) > 0 {
                    return None;
                }
                shard.sweep_some(from, units)
            });
        }
        self.walk.is_done
    }

    /// Sweeps at once if there is little to sweep.
    pub fn little_at_once(mut self) {
        if self.table.marks() < PORTION {
            self.some(&mut usize::MAX.clone());
        }
    }
}

impl Drop for Sweep {
    fn drop(&mut self) {
        if !self.walk.is_done {
            let mut rest =
                Sweep { table: self.table.clone(), walk: std::mem::take(&mut self.walk) };
            self.walk.is_done = true;
            dirty::run_errand(move || while !rest.some(&mut PORTION.clone()) {});
        }
    }
}
