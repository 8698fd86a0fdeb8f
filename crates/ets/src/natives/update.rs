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

fn operation<'h>(term: Term<'h>) -> Option<Operation<'h>> {
    let (position, increment, bound) = match *term.as_tuple()?.elements() {
        [position, increment] => (position, increment, None),
        [position, increment, threshold, value] => (position, increment, Some([threshold, value])),
        _ => return None,
    };
    let bound_fine = bound.is_none_or(|bound| bound.iter().all(|term| term.is_integer()));
    if !increment.is_integer() || !bound_fine {
        return None;
    }
    let index = position.as_small()?.checked_sub(1)?;
    Some(Operation { index: usize::try_from(index).unwrap_or(usize::MAX), increment, bound })
}

/// What the third argument of `update_counter` asks for; `true`: as a list.
fn operations<'h>(term: Term<'h>, table: &Table) -> Option<(Vec<Operation<'h>>, bool)> {
    if term.is_integer() {
        let index = table.key_position();
        return Some((vec![Operation { index, increment: term, bound: None }], false));
    }
    if term.as_tuple().is_some() {
        return Some((vec![operation(term)?], false));
    }
    let list = term.list_to_vec()?;
    let operations: Option<Vec<_>> = list.into_iter().map(|term| operation(term)).collect();
    Some((operations?, true))
}

/// Runs the operations on an object's elements: the changes and the results, in order.
fn count<'h>(
    heap: &'h Heap,
    elements: &[Term<'_>],
    key_index: usize,
    operations: &[Operation<'h>],
) -> Result<(Changes<'h>, Vec<Term<'h>>), Flow<'h>> {
    let (mut changes, mut results): (Changes<'h>, Vec<Term<'h>>) = (vec![], vec![]);
    for operation in operations {
        if operation.index >= elements.len() {
            return Err(because(am::position));
        }
        if operation.index == key_index {
            return Err(because(am::keypos));
        }
        let earlier = changes.iter().rev().find(|(index, _)| *index == operation.index);
        let old = match earlier {
            Some(&(_, value)) => value,
            None => heap.import(elements[operation.index]),
        };
        if !old.is_integer() {
            return Err(Flow::badarg());
        }
        let mut new =
            arith::add(heap, old, operation.increment).map_err(|_| Flow::system_limit())?;
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
    let (operations, as_list) = operations(asked, &table).ok_or_else(Flow::badarg)?;
    let heap = cx.heap;
    let default = match default {
        None => None,
        Some(tuple) => {
            let elements = tuple.as_tuple().ok_or_else(Flow::badarg)?.elements();
            if elements.len() <= key_index {
                return Err(Flow::badarg());
            }
            Some(elements)
        }
    };
    let fresh = |heap: &'h Heap| -> Result<(Object, Vec<Term<'h>>), Flow<'h>> {
        let elements = default.ok_or_else(|| because(am::badkey))?;
        let (mut changes, results) = count(heap, elements, key_index, &operations)?;
        changes.insert(0, (key_index, key));
        Ok((changed(&table, elements, &changes), results))
    };
    let results = match &table.storage {
        Storage::Tree(tree) => {
            let mut tree = tree.write();
            let found = match tree.get(key) {
                Some(old) => {
                    let (changes, results) = count(heap, old.elements(), key_index, &operations)?;
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
                    let (changes, results) = count(heap, old.elements(), key_index, &operations)?;
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

/// The changes that `update_element` asks for.
fn element_changes<'h>(asked: Term<'h>) -> Option<Changes<'h>> {
    let list = match asked.as_tuple() {
        Some(_) => vec![asked],
        None => asked.list_to_vec()?,
    };
    let change = |term: Term<'h>| {
        let [position, value] = term.as_tuple_n()?;
        let index = position.as_small()?.checked_sub(1)?;
        Some((usize::try_from(index).unwrap_or(usize::MAX), value))
    };
    list.into_iter().map(change).collect()
}

fn check_changes<'h>(
    elements: &[Term<'_>],
    key_index: usize,
    changes: &Changes<'h>,
) -> Result<(), Flow<'h>> {
    for &(index, _) in changes {
        if index >= elements.len() {
            return Err(Flow::badarg());
        }
        if index == key_index {
            return Err(because(am::keypos));
        }
    }
    Ok(())
}

pub fn update_element_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, key, asked] = take(args);
    let table = unique_table(cx, tab)?;
    let key_index = table.key_position() - 1;
    let changes = element_changes(asked).ok_or_else(Flow::badarg)?;
    let found = match &table.storage {
        Storage::Tree(tree) => {
            let mut tree = tree.write();
            let Some(old) = tree.get(key) else { return Ok(Term::bool(false)) };
            check_changes(old.elements(), key_index, &changes)?;
            let object = changed(&table, old.elements(), &changes);
            tree.put(object);
            true
        }
        Storage::Hash(storage) => {
            let hash = hash_of(key);
            let mut shard = storage.write_for(hash);
            let Some(old) = shard.get_mut(hash, key) else { return Ok(Term::bool(false)) };
            check_changes(old.elements(), key_index, &changes)?;
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
