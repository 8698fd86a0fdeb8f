//! Putting objects in and taking them out.

use oxbeam_runtime::progress::ProgressGuard;
use oxbeam_runtime::slices::quick_length;
use oxbeam_runtime::{Cx, Flow, NativeResult, dirty};
use oxbeam_term::compare::eq;
use oxbeam_term::{Term, am};

use super::{Access, long, quick_copy, quick_key, quick_object, table, take};
use crate::garbage::Garbage;
use crate::hash::{Shard, hash_of};
use crate::object::Object;
use crate::table::{Kind, Storage, Table};

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
            let twice = shard
                .group(hash, object.key())
                .any(|old| eq(old.plain().view(), object.plain().view()));
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
            let guard = ProgressGuard::enter();
            let mut locked = tree.lock_all(&guard, objects.iter().map(Object::key));
            objects.into_iter().for_each(|object| locked.put(object));
        }
        Storage::Hash(hash) => {
            let mut locked = hash.write_some(objects.iter().map(Object::hash));
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
        quick_object(&table, given, insert_2)?;
        let object = table.object(given);
        match &table.storage {
            Storage::Tree(tree) => tree.put(object),
            Storage::Hash(hash) => {
                let mut shard = hash.write_for(object.hash());
                insert_into_shard(table.kind(), &mut shard, object);
            }
        }
        return table.settle(Term::atom(am::true_));
    }
    if quick_length(given).is_none() {
        return Err(Flow::Long(long::insert_long));
    }
    quick_copy(given, insert_2)?;
    let tuples = tuples(&table, given)?;
    cx.bump(tuples.len());
    insert_all(&table, tuples.iter().map(|&tuple| table.object(tuple)).collect());
    table.settle(Term::atom(am::true_))
}

pub fn insert_new_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, given] = take(args);
    let table = table(cx, tab, Access::Write)?;
    if quick_length(given).is_none() {
        return Err(Flow::Long(long::insert_new_long));
    }
    quick_copy(given, insert_new_2)?;
    let tuples = tuples(&table, given)?;
    cx.bump(tuples.len());
    let objects: Vec<_> = tuples.iter().map(|&tuple| table.object(tuple)).collect();
    let done = match &table.storage {
        Storage::Tree(tree) => {
            let guard = ProgressGuard::enter();
            let mut locked = tree.lock_all(&guard, objects.iter().map(Object::key));
            let free = !objects.iter().any(|object| locked.has(object.key()));
            if free {
                objects.into_iter().for_each(|object| locked.put(object));
            }
            free
        }
        Storage::Hash(hash) => {
            let mut locked = hash.write_some(objects.iter().map(Object::hash));
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
    table.settle(Term::bool(done))
}

/// Objects of one key that are looked at and freed at once.
const FEW_OBJECTS: usize = if oxbeam_heap::ZEAL { 4 } else { 10_000 };

/// Whether a key has so many objects that a native that removes them is for a dirty scheduler.
fn has_many(shard: &Shard, hash: u32, key: Term<'_>) -> bool {
    shard.group_with_marks(hash, key).nth(FEW_OBJECTS).is_some()
}

pub fn delete_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, key] = take(args);
    quick_key(key, delete_2)?;
    let table = table(cx, tab, Access::Write)?;
    match &table.storage {
        Storage::Tree(tree) => drop(tree.write(key, |objects| objects.take(key))),
        Storage::Hash(storage) => {
            let hash = hash_of(key);
            let mut shard = storage.write_for(hash);
            dirty::if_long(delete_2, || has_many(&shard, hash, key))?;
            shard.remove(hash, key, table.is_fixed(), |_| true);
        }
    }
    table.settle(Term::atom(am::true_))
}

pub fn delete_object_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, given] = take(args);
    quick_copy(given, delete_object_2)?;
    let table = table(cx, tab, Access::Write)?;
    let elements = given.as_tuple().ok_or_else(Flow::badarg)?.elements();
    let key = *elements.get(table.key_position() - 1).ok_or_else(Flow::badarg)?;
    match &table.storage {
        Storage::Tree(tree) => tree.write(key, |objects| {
            if objects.get(key).is_some_and(|object| eq(object.plain().view(), given)) {
                objects.take(key);
            }
        }),
        Storage::Hash(storage) => {
            let hash = hash_of(key);
            let mut shard = storage.write_for(hash);
            dirty::if_long(delete_object_2, || has_many(&shard, hash, key))?;
            shard.remove(hash, key, table.is_fixed(), |object| eq(object.plain().view(), given));
        }
    }
    table.settle(Term::atom(am::true_))
}

/// Takes all objects out; gives how many there were, and what is to be freed.
pub fn clear(table: &Table) -> (usize, Garbage) {
    if table.is_fixed()
        && let Storage::Hash(hash) = &table.storage
    {
        let removed = hash.write_all().into_iter().enumerate().map(|(index, mut shard)| {
            let from = hash.first_hash(index);
            shard.remove_some(from, true, &mut usize::MAX.clone(), |_| true).0
        });
        return (removed.sum(), Garbage::default());
    }
    table.take_objects()
}

/// `ets:internal_delete_all(Table, undefined)`
pub fn internal_delete_all_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, _] = take(args);
    let table = table(cx, tab, Access::Write)?;
    if long::is_large(&table) {
        return Err(Flow::Long(long::delete_all_long));
    }
    table.settle(cx.heap.usize(clear(&table).0))
}

pub fn take_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, key] = take(args);
    quick_key(key, take_2)?;
    let table = table(cx, tab, Access::Write)?;
    let heap = cx.heap;
    let mut list = Term::NIL;
    match &table.storage {
        Storage::Tree(tree) => {
            if let Some(object) = tree.write(key, |objects| objects.take(key)) {
                list = heap.cons(heap.import(object.plain().view()), list);
            }
        }
        Storage::Hash(storage) => {
            let hash = hash_of(key);
            let mut shard = storage.write_for(hash);
            dirty::if_long(take_2, || has_many(&shard, hash, key))?;
            shard.remove(hash, key, table.is_fixed(), |object| {
                list = heap.cons(heap.import(object.plain().view()), list);
                true
            });
        }
    }
    table.settle(list)
}
