//! Putting objects in and taking them out.

use oxbeam_runtime::slices::quick_length;
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::compare::eq;
use oxbeam_term::{Term, am};

use super::{Access, long, table, take};
use crate::garbage::Garbage;
use crate::hash::{Shard, hash_of};
use crate::object::Object;
use crate::table::{Kind, Storage, Table};
use crate::tree::Objects;

/// The tuples of the second argument of `insert`: one, or a list, each with a key.
fn tuples<'h>(table: &Table, term: Term<'h>) -> Result<Vec<Term<'h>>, Flow<'h>> {
    let mut tuples =
        if term.is_list() { term.list_to_vec().ok_or_else(Flow::badarg)? } else { vec![term] };
    let has_key = |term: &Term<'h>| {
        term.as_tuple().is_some_and(|tuple| tuple.arity() >= table.key_position())
    };
    if !tuples.iter().all(has_key) {
        return Err(Flow::badarg());
    }
    // The order within a list shows in a bag: stock inserts its last element first.
    if table.kind() == Kind::Bag {
        tuples.reverse();
    }
    Ok(tuples)
}

pub fn insert_into_shard(kind: Kind, shard: &mut Shard, object: Object) {
    match kind {
        Kind::Bag => {
            let hash = object.hash();
            let twice = shard.group(hash, object.key()).any(|old| eq(old.view(), object.view()));
            if !twice {
                shard.add(object);
            }
        }
        Kind::DuplicateBag => shard.add(object),
        Kind::Set | Kind::OrderedSet => _ = shard.put(object),
    }
}

/// Inserts all, seen by others at once.
fn insert_all(table: &Table, objects: Vec<Object>) {
    let kind = table.kind();
    match &table.storage {
        Storage::Tree(tree) => {
            let mut tree = tree.write();
            for object in objects {
                tree.put(object);
            }
        }
        Storage::Hash(hash) => {
            let mut locked = hash.write_all(objects.iter().map(Object::hash));
            for object in objects {
                insert_into_shard(kind, locked.shard(object.hash()), object);
            }
        }
    }
}

pub fn insert_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, given] = take(args);
    let table = table(cx, tab, Access::Write)?;
    if given.as_tuple().is_some_and(|tuple| tuple.arity() >= table.key_position()) {
        let object = table.object(given);
        match &table.storage {
            Storage::Tree(tree) => _ = tree.write().put(object),
            Storage::Hash(hash) => {
                let mut shard = hash.write_for(object.hash());
                insert_into_shard(table.kind(), &mut shard, object);
            }
        }
        return Ok(Term::atom(am::true_));
    }
    if quick_length(given).is_none() {
        return Err(Flow::Long(long::insert_long));
    }
    let tuples = tuples(&table, given)?;
    cx.bump(tuples.len());
    insert_all(&table, tuples.iter().map(|&tuple| table.object(tuple)).collect());
    Ok(Term::atom(am::true_))
}

pub fn insert_new_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, given] = take(args);
    let table = table(cx, tab, Access::Write)?;
    if quick_length(given).is_none() {
        return Err(Flow::Long(long::insert_new_long));
    }
    let tuples = tuples(&table, given)?;
    cx.bump(tuples.len());
    let objects: Vec<_> = tuples.iter().map(|&tuple| table.object(tuple)).collect();
    let done = match &table.storage {
        Storage::Tree(tree) => {
            let mut tree = tree.write();
            let free = objects.iter().all(|object| tree.get(object.key()).is_none());
            if free {
                for object in objects {
                    tree.put(object);
                }
            }
            free
        }
        Storage::Hash(hash) => {
            let mut locked = hash.write_all(objects.iter().map(Object::hash));
            let taken = objects.iter().any(|object| {
                let (hash, key) = (object.hash(), object.key());
                locked.shard(hash).group(hash, key).next().is_some()
            });
            if !taken {
                for object in objects {
                    insert_into_shard(table.kind(), locked.shard(object.hash()), object);
                }
            }
            !taken
        }
    };
    Ok(Term::bool(done))
}

pub fn delete_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, key] = take(args);
    let table = table(cx, tab, Access::Write)?;
    match &table.storage {
        Storage::Tree(tree) => drop(tree.write().take(key)),
        Storage::Hash(storage) => {
            let hash = hash_of(key);
            storage.write_for(hash).remove(hash, key, table.is_fixed(), |_| true);
        }
    }
    Ok(Term::atom(am::true_))
}

pub fn delete_object_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, given] = take(args);
    let table = table(cx, tab, Access::Write)?;
    let elements = given.as_tuple().ok_or_else(Flow::badarg)?.elements();
    let key = *elements.get(table.key_position() - 1).ok_or_else(Flow::badarg)?;
    match &table.storage {
        Storage::Tree(tree) => {
            let mut tree = tree.write();
            if tree.get(key).is_some_and(|object| eq(object.view(), given)) {
                tree.take(key);
            }
        }
        Storage::Hash(storage) => {
            let hash = hash_of(key);
            let mut shard = storage.write_for(hash);
            shard.remove(hash, key, table.is_fixed(), |object| eq(object.view(), given));
        }
    }
    Ok(Term::atom(am::true_))
}

/// Takes all objects out; gives how many there were, and what is to be freed.
pub fn clear(table: &Table) -> (usize, Garbage) {
    if table.is_fixed() {
        return (mark_all(table), Garbage::default());
    }
    let count = table.size();
    (count, table.take_objects())
}

/// Takes all objects out of a fixed table.
fn mark_all(table: &Table) -> usize {
    match &table.storage {
        Storage::Tree(tree) => clear_tree(&mut tree.write()),
        Storage::Hash(hash) => (0..hash.shard_count())
            .map(|index| {
                let mut shard = hash.write(index);
                let live = shard.live();
                shard.remove_all(true, |_| true);
                live
            })
            .sum(),
    }
}

fn clear_tree(tree: &mut Objects) -> usize {
    let count = tree.len();
    drop(tree.clear());
    count
}

/// `ets:internal_delete_all(Table, undefined)`
pub fn internal_delete_all_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, _] = take(args);
    let table = table(cx, tab, Access::Write)?;
    if long::is_large(&table) {
        return Err(Flow::Long(long::delete_all_long));
    }
    Ok(cx.heap.usize(clear(&table).0))
}

pub fn take_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, key] = take(args);
    let table = table(cx, tab, Access::Write)?;
    let heap = cx.heap;
    let mut list = Term::NIL;
    match &table.storage {
        Storage::Tree(tree) => {
            if let Some(object) = tree.write().take(key) {
                list = heap.cons(heap.import(object.view()), list);
            }
        }
        Storage::Hash(storage) => {
            let hash = hash_of(key);
            storage.write_for(hash).remove(hash, key, table.is_fixed(), |object| {
                list = heap.cons(heap.import(object.view()), list);
                true
            });
        }
    }
    Ok(list)
}
