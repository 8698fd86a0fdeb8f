//! Walking by keys.

use std::ops::ControlFlow;

use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::{Term, am};

use super::{Access, table, take};
use crate::hash::{Hash, hash_of};
use crate::table::{Storage, Table};
use crate::tree::{Start, Tree};

fn end<'h>() -> Term<'h> {
    Term::atom(am::dollar_end_of_table)
}

/// The first key of a hash table's shards from `from` on.
fn first_key<'h>(cx: &Cx<'h>, hash: &Hash, from: usize) -> Term<'h> {
    let key = |index| hash.read(index).starting_at_hash(0).next().map(|o| cx.heap.import(o.key()));
    (from..hash.shard_count()).find_map(key).unwrap_or_else(end)
}

/// The first key that a walk through an ordered table comes to.
fn tree_key<'h>(cx: &Cx<'h>, tree: &Tree, begin: Start<'_>, reverse: bool) -> Term<'h> {
    let mut key = end();
    tree.walk(&|_| None, begin, reverse, |object| {
        key = cx.heap.import(object.key());
        ControlFlow::Break(())
    });
    key
}

pub fn first_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab] = take(args);
    let table = table(cx, tab, Access::Read)?;
    Ok(match &table.storage {
        Storage::Tree(tree) => tree_key(cx, tree, Start::Edge, false),
        Storage::Hash(hash) => first_key(cx, hash, 0),
    })
}

pub fn last_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab] = take(args);
    let table = table(cx, tab, Access::Read)?;
    Ok(match &table.storage {
        Storage::Tree(tree) => tree_key(cx, tree, Start::Edge, true),
        Storage::Hash(hash) => first_key(cx, hash, 0),
    })
}

pub fn next_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, key] = take(args);
    let table = table(cx, tab, Access::Read)?;
    match &table.storage {
        Storage::Tree(tree) => Ok(tree_key(cx, tree, Start::Beyond(key), false)),
        Storage::Hash(_) => next_in_hash(cx, &table, key),
    }
}

fn next_in_hash<'h>(cx: &Cx<'h>, table: &Table, key: Term<'h>) -> NativeResult<'h> {
    let Storage::Hash(storage) = &table.storage else { return Err(Flow::badarg()) };
    let hash = hash_of(key);
    let index = storage.shard_index(hash);
    let shard = storage.read(index);
    if !shard.knows(hash, key) {
        return Err(Flow::badarg());
    }
    if let Some(object) = shard.after(hash, key).next() {
        return Ok(cx.heap.import(object.key()));
    }
    drop(shard);
    Ok(first_key(cx, storage, index + 1))
}

pub fn prev_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, key] = take(args);
    let table = table(cx, tab, Access::Read)?;
    match &table.storage {
        Storage::Tree(tree) => Ok(tree_key(cx, tree, Start::Beyond(key), true)),
        Storage::Hash(_) => next_in_hash(cx, &table, key),
    }
}

/// The objects of bucket `Slot`, counted over all shards.
pub fn slot_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, slot] = take(args);
    let table = table(cx, tab, Access::Read)?;
    let mut slot = slot.as_usize().ok_or_else(Flow::badarg)?;
    let heap = cx.heap;
    match &table.storage {
        Storage::Tree(tree) => {
            let (mut before, mut found) = (0, None);
            tree.each(|objects| {
                let object = slot.checked_sub(before).and_then(|slot| objects.nth(slot));
                found = object.map(|object| heap.list(&[heap.import(object.view())])).or(found);
                before += objects.len();
            });
            if slot > before {
                return Err(Flow::badarg());
            }
            Ok(found.unwrap_or_else(end))
        }
        Storage::Hash(hash) => {
            for index in 0..hash.shard_count() {
                let shard = hash.read(index);
                if slot < shard.bucket_count() {
                    let objects = shard.bucket(slot).map(|object| heap.import(object.view()));
                    return Ok(heap.list_from_rev(objects));
                }
                slot -= shard.bucket_count();
            }
            if slot == 0 { Ok(end()) } else { Err(Flow::badarg()) }
        }
    }
}
