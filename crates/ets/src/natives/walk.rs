//! Walking by keys.

use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::{Term, am};

use super::{Access, table, take};
use crate::hash::{Hash, hash_of};
use crate::object::Object;
use crate::table::Storage;
use crate::tree::{Start, Tree};

fn end<'h>() -> Term<'h> {
    Term::atom(am::dollar_end_of_table)
}

/// Which objects a walk by keys shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Show {
    Objects,
    /// Marks of deleted objects too.
    Marks,
}

impl Show {
    fn shows(self, object: &Object) -> bool {
        self == Show::Marks || !object.is_deleted()
    }
}

/// The first key of a hash table's shards from `from` on.
fn first_key<'h>(cx: &Cx<'h>, hash: &Hash, from: usize, show: Show) -> Term<'h> {
    let key = |index| {
        let shard = hash.read(index);
        shard.with_marks_from(0).find(|object| show.shows(object)).map(|o| cx.heap.import(o.key()))
    };
    (from..hash.shard_count()).find_map(key).unwrap_or_else(end)
}

/// The first key that a walk through an ordered table comes to.
fn tree_key<'h>(cx: &Cx<'h>, tree: &Tree, start: Start<'_>, reverse: bool) -> Term<'h> {
    let mut key = end();
    tree.first(start, reverse, |object| key = cx.heap.import(object.key()));
    key
}

pub fn first_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    first(cx, args, Show::Objects)
}

pub fn first<'h>(cx: &mut Cx<'h>, args: &[Term<'h>], show: Show) -> NativeResult<'h> {
    let [tab] = take(args);
    let table = table(cx, tab, Access::Read)?;
    table.settle(match &table.storage {
        Storage::Tree(tree) => tree_key(cx, tree, Start::Edge, false),
        Storage::Hash(hash) => first_key(cx, hash, 0, show),
    })
}

pub fn last_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab] = take(args);
    let table = table(cx, tab, Access::Read)?;
    table.settle(match &table.storage {
        Storage::Tree(tree) => tree_key(cx, tree, Start::Edge, true),
        Storage::Hash(hash) => first_key(cx, hash, 0, Show::Objects),
    })
}

pub fn next_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    next(cx, args, Show::Objects)
}

pub fn next<'h>(cx: &mut Cx<'h>, args: &[Term<'h>], show: Show) -> NativeResult<'h> {
    let [tab, key] = take(args);
    let table = table(cx, tab, Access::Read)?;
    table.settle(match &table.storage {
        Storage::Tree(tree) => beyond(cx, tree, key, false)?,
        Storage::Hash(hash) => next_in_hash(cx, hash, key, show)?,
    })
}

/// The key beside one that need not be there; but the end of all is no key to stock.
fn beyond<'h>(cx: &Cx<'h>, tree: &Tree, key: Term<'h>, reverse: bool) -> NativeResult<'h> {
    if key.is(am::dollar_end_of_table) {
        return Err(Flow::badarg());
    }
    Ok(tree_key(cx, tree, Start::Beyond(key), reverse))
}

fn next_in_hash<'h>(cx: &Cx<'h>, storage: &Hash, key: Term<'h>, show: Show) -> NativeResult<'h> {
    let hash = hash_of(key);
    let index = storage.shard_index(hash);
    let shard = storage.read(index);
    if !shard.knows(hash, key) {
        return Err(Flow::badarg());
    }
    if let Some(object) = shard.after(hash, key).find(|object| show.shows(object)) {
        return Ok(cx.heap.import(object.key()));
    }
    drop(shard);
    Ok(first_key(cx, storage, index + 1, show))
}

pub fn prev_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, key] = take(args);
    let table = table(cx, tab, Access::Read)?;
    table.settle(match &table.storage {
        Storage::Tree(tree) => beyond(cx, tree, key, true)?,
        Storage::Hash(hash) => next_in_hash(cx, hash, key, Show::Objects)?,
    })
}

/// The objects of slot `Slot`; for an ordered table, the one at that place.
pub fn slot_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, slot] = take(args);
    let table = table(cx, tab, Access::Read)?;
    let slot = slot.as_usize().ok_or_else(Flow::badarg)?;
    let heap = cx.heap;
    match &table.storage {
        Storage::Tree(tree) => {
            let (mut before, mut found) = (0, None);
            tree.each(|objects| {
                let object = slot.checked_sub(before).and_then(|slot| objects.nth(slot));
                found =
                    object.map(|object| heap.list(&[heap.import(object.plain().view())])).or(found);
                before += objects.len();
            });
            if slot > before {
                return Err(Flow::badarg());
            }
            Ok(found.unwrap_or_else(end))
        }
        Storage::Hash(hash) => {
            let slots = hash.slot_count();
            if slot >= slots {
                return if slot == slots { Ok(end()) } else { Err(Flow::badarg()) };
            }
            let mut objects = Term::NIL;
            hash.each_in_slot(slot, slots, |object| {
                objects = heap.cons(heap.import(object.plain().view()), objects);
            });
            Ok(objects)
        }
    }
}
