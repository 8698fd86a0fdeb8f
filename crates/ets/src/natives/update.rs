//! Changing an object in place: counters and elements.

use oxbeam_heap::{Heap, arith};
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::compare::compare;
use oxbeam_term::{Term, am};

use super::{Access, Found, table, take};
use crate::error::because;
use crate::hash::hash_of;
use crate::object::Object;
use crate::table::{Storage, Table};

/// New values for elements, by index from zero.
type Changes<'h> = Vec<(usize, Term<'h>)>;

/// The object of a tuple with some elements changed.
fn changed(table: &Table, elements: &[Term<'_>], changes: &Changes<'_>) -> Object {
    let scratch = Heap::detached();
    let mut elements: Vec<Term<'_>> = elements.to_vec();
    for &(index, value) in changes {
        elements[index] = value;
    }
    table.object(scratch.tuple(&elements))
}

/// Writes changes into a stored object.
fn apply(table: &Table, object: &mut Object, changes: &Changes<'_>, put: impl FnOnce(Object)) {
    let in_place = changes.iter().all(|&(index, value)| {
        object.elements()[index].raw().is_immediate() && value.raw().is_immediate()
    });
    if in_place {
        for &(index, value) in changes {
            object.set_immediate(index, value);
        }
    } else {
        put(changed(table, object.elements(), changes));
    }
}

/// One `{Position, Increment}` or `{Position, Increment, Threshold, SetValue}`.
struct Operation<'h> {
    index: usize,
    increment: Term<'h>,
    bound: Option<[Term<'h>; 2]>,
}

/// Reads an operation and checks that it suits the object.
fn operation<'h>(
    term: Term<'h>,
    elements: &[Term<'_>],
    key_index: usize,
) -> Result<Operation<'h>, Flow<'h>> {
    let (position, increment, bound) = match *term.as_tuple().ok_or_else(Flow::badarg)?.elements() {
        [position, increment] => (position, increment, None),
        [position, increment, threshold, value] => (position, increment, Some([threshold, value])),
        _ => return Err(Flow::badarg()),
    };
    let bound_fine = bound.is_none_or(|bound| bound.iter().all(|term| term.is_integer()));
    let position = position.as_small().filter(|_| bound_fine && increment.is_integer());
    let position = position.ok_or_else(Flow::badarg)?;
    let index = position.checked_sub(1).and_then(|index| usize::try_from(index).ok());
    if index == Some(key_index) {
        return Err(because(am::keypos));
    }
    let index = index.filter(|&index| index < elements.len());
    let index = index.ok_or_else(|| because(am::position))?;
    if !elements[index].is_integer() {
        return Err(Flow::badarg());
    }
    Ok(Operation { index, increment, bound })
}

/// The operations that the third argument of `update_counter` asks for, each checked.
fn operations<'h>(
    asked: Term<'h>,
    heap: &'h Heap,
    elements: &[Term<'_>],
    key_index: usize,
) -> Result<Vec<Operation<'h>>, Flow<'h>> {
    let one = |term| operation(term, elements, key_index);
    if asked.is_integer() {
        let behind_key = heap.tuple(&[heap.usize(key_index + 2), asked]);
        return Ok(vec![one(behind_key)?]);
    }
    if asked.as_tuple().is_some() {
        return Ok(vec![one(asked)?]);
    }
    let mut list = asked.list();
    let operations = list.by_ref().map(one).collect::<Result<Vec<_>, _>>()?;
    if list.rest().is_nil() { Ok(operations) } else { Err(Flow::badarg()) }
}

/// Runs the operations on an object's elements: the changes and the results, in order.
fn count<'h>(
    heap: &'h Heap,
    elements: &[Term<'_>],
    key_index: usize,
    asked: Term<'h>,
) -> Result<(Changes<'h>, Vec<Term<'h>>), Flow<'h>> {
    let operations = operations(asked, heap, elements, key_index)?;
    let (mut changes, mut results): (Changes<'h>, Vec<Term<'h>>) = (vec![], vec![]);
    for operation in operations {
        let earlier = changes.iter().rev().find(|(index, _)| *index == operation.index);
        let old = match earlier {
            Some(&(_, value)) => value,
            None => heap.import(elements[operation.index]),
        };
        let sum = arith::add(heap, old, operation.increment);
        let mut new = sum.map_err(|_| Flow::system_limit())?;
        if let Some([threshold, value]) = operation.bound {
            let down = compare(operation.increment, heap.int(0)).is_lt();
            let beyond = compare(new, threshold);
            if (down && beyond.is_lt()) || (!down && beyond.is_gt()) {
                new = value;
            }
        }
        changes.push((operation.index, new));
        results.push(new);
    }
    Ok((changes, results))
}

fn update_counter<'h>(
    cx: &mut Cx<'h>,
    table: Found<'h>,
    key: Term<'h>,
    asked: Term<'h>,
    default: Option<Term<'h>>,
) -> NativeResult<'h> {
    let key_index = table.key_position() - 1;
    let heap = cx.heap;
    let default = match default {
        None => None,
        Some(tuple) => Some(tuple.as_tuple().ok_or_else(Flow::badarg)?.elements()),
    };
    let fresh = |heap: &'h Heap| -> Result<(Object, Vec<Term<'h>>), Flow<'h>> {
        let elements = default.ok_or_else(|| because(am::badkey))?;
        if elements.len() <= key_index {
            return Err(Flow::badarg());
        }
        let (mut changes, results) = count(heap, elements, key_index, asked)?;
        changes.insert(0, (key_index, key));
        Ok((changed(&table, elements, &changes), results))
    };
    let results = match &table.storage {
        Storage::Tree(tree) => {
            let mut tree = tree.write();
            let found = match tree.get(key) {
                Some(old) => {
                    let (changes, results) = count(heap, old.elements(), key_index, asked)?;
                    (changed(&table, old.elements(), &changes), results)
                }
                None => fresh(heap)?,
            };
            tree.put(found.0);
            found.1
        }
        Storage::Hash(storage) => {
            let hash = hash_of(key);
            let mut shard = storage.write_for(hash);
            match shard.get_mut(hash, key) {
                Some(old) => {
                    let (changes, results) = count(heap, old.elements(), key_index, asked)?;
                    let mut replacement = None;
                    apply(&table, old, &changes, |object| replacement = Some(object));
                    if let Some(object) = replacement {
                        shard.put(object);
                    }
                    results
                }
                None => {
                    let (object, results) = fresh(heap)?;
                    shard.put(object);
                    results
                }
            }
        }
    };
    let as_list = !asked.is_integer() && asked.as_tuple().is_none();
    Ok(if as_list { heap.list(&results) } else { results[0] })
}

pub fn update_counter_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, key, operations] = take(args);
    let table = unique_table(cx, tab)?;
    update_counter(cx, table, key, operations, None)
}

pub fn update_counter_4<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, key, operations, default] = take(args);
    let table = unique_table(cx, tab)?;
    update_counter(cx, table, key, operations, Some(default))
}

/// A table in which a key has one object.
fn unique_table<'h>(cx: &Cx<'h>, tab: Term<'h>) -> Result<Found<'h>, Flow<'h>> {
    let table = table(cx, tab, Access::Write)?;
    if table.kind().is_unique() { Ok(table) } else { Err(because(am::table_type)) }
}

/// The changes that `update_element` asks for, checked against the object.
fn element_changes<'h>(
    asked: Term<'h>,
    elements: &[Term<'_>],
    key_index: usize,
) -> Result<Changes<'h>, Flow<'h>> {
    let one = |term: Term<'h>| {
        let [position, value] = term.as_tuple_n().ok_or_else(Flow::badarg)?;
        let index = position.as_small().ok_or_else(Flow::badarg)?.checked_sub(1);
        let index = index.and_then(|index| usize::try_from(index).ok());
        if index == Some(key_index) {
            return Err(because(am::keypos));
        }
        let index = index.filter(|&index| index < elements.len());
        Ok((index.ok_or_else(Flow::badarg)?, value))
    };
    if asked.as_tuple().is_some() {
        return Ok(vec![one(asked)?]);
    }
    let mut list = asked.list();
    let changes = list.by_ref().map(one).collect::<Result<_, _>>()?;
    if list.rest().is_nil() { Ok(changes) } else { Err(Flow::badarg()) }
}

pub fn update_element_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, key, asked] = take(args);
    let table = table(cx, tab, Access::Write)?;
    if !table.kind().is_unique() {
        return Err(Flow::badarg());
    }
    let key_index = table.key_position() - 1;
    let found = match &table.storage {
        Storage::Tree(tree) => {
            let mut tree = tree.write();
            let Some(old) = tree.get(key) else { return Ok(Term::bool(false)) };
            let changes = element_changes(asked, old.elements(), key_index)?;
            let object = changed(&table, old.elements(), &changes);
            tree.put(object);
            true
        }
        Storage::Hash(storage) => {
            let hash = hash_of(key);
            let mut shard = storage.write_for(hash);
            let Some(old) = shard.get_mut(hash, key) else { return Ok(Term::bool(false)) };
            let changes = element_changes(asked, old.elements(), key_index)?;
            let mut replacement = None;
            apply(&table, old, &changes, |object| replacement = Some(object));
            if let Some(object) = replacement {
                shard.put(object);
            }
            true
        }
    };
    Ok(Term::bool(found))
}
