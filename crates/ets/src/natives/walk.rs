//! Walking by keys.

use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::{Term, am};

use super::{Access, table, take};
use crate::hash::{Hash, hash_of};
use crate::object::Object;
use crate::table::{Storage, Table};

fn end<'h>() -> Term<'h> {
    Term::atom(am::dollar_end_of_table)
}

/// The first key of a hash table's shards from `from` on.
fn first_key<'h>(cx: &Cx<'h>, hash: &Hash, from: usize) -> Term<'h> {
    let key = |index| hash.read(index).starting_at_hash(0).next().map(|o| cx.heap.import(o.key()));
    (from..hash.shard_count()).find_map(key).unwrap_or_else(end)
}

fn key_of<'h>(cx: &Cx<'h>, object: Option<&Object>) -> Term<'h> {
    object.map_or_else(end, |object| cx.heap.import(object.key()))
}

pub fn first_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab] = take(args);
    let table = table(cx, tab, Access::Read)?;
    Ok(match &table.storage {
        Storage::Tree(tree) => key_of(cx, tree.read().iter().next()),
        Storage::Hash(hash) => first_key(cx, hash, 0),
    })
}

pub fn last_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab] = take(args);
    let table = table(cx, tab, Access::Read)?;
    Ok(match &table.storage {
        Storage::Tree(tree) => key_of(cx, tree.read().iter().next_back()),
        Storage::Hash(hash) => first_key(cx, hash, 0),
    })
}

pub fn next_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, key] = take(args);
    let table = table(cx, tab, Access::Read)?;
    match &table.storage {
        Storage::Tree(tree) => Ok(key_of(cx, tree.read().above(key).next())),
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
        Storage::Tree(tree) => Ok(key_of(cx, tree.read().below(key).next_back())),
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
            let tree = tree.read();
            if slot > tree.len() {
                return Err(Flow::badarg());
            }
            let object = tree.iter().nth(slot);
            Ok(object.map_or_else(end, |object| heap.list(&[heap.import(object.view())])))
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
