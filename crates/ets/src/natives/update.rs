//! Changing an object in place: counters and elements.

use oxbeam_heap::{Heap, arith};
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::compare::compare;
use oxbeam_term::{Term, am};

use super::{Access, table, take};
use crate::error::because;
use crate::hash::hash_of;
use crate::object::Object;
use crate::table::{Storage, Table};

/// Puts a value in the place of an element, by index from zero.
fn set_element(object: &mut Object, index: usize, value: Term<'_>) {
    if !object.set_immediate(index, value) {
        let (position, hash) = (object.key_position(), object.hash());
        let changed = with_element(object.plain().elements(), index, value, |tuple| {
            Object::new(tuple, position, hash)
        });
        object.become_other(changed);
    }
}

/// The object of a tuple with one element changed.
fn with_element(
    elements: &[Term<'_>],
    index: usize,
    value: Term<'_>,
    make: impl FnOnce(Term<'_>) -> Object,
) -> Object {
    let scratch = Heap::detached();
    let mut elements: Vec<Term<'_>> = elements.to_vec();
    elements[index] = value;
    make(scratch.tuple(&elements))
}

/// Runs `change` on the object of a key; `None`: there is none, and `fresh` gives none either.
/// A fresh object is kept if the change succeeds.
fn on_object<'h, T>(
    table: &Table,
    key: Term<'h>,
    fresh: impl FnOnce() -> Result<Option<Object>, Flow<'h>>,
    change: impl FnOnce(&mut Object) -> Result<T, Flow<'h>>,
) -> Result<Option<T>, Flow<'h>> {
    match &table.storage {
        Storage::Tree(tree) => tree.write(key, |objects| {
            if let Some(mut object) = objects.take(key) {
                let changed = table.change(&mut object, change);
                objects.put(object);
                return changed.map(Some);
            }
            let Some(mut object) = fresh()? else { return Ok(None) };
            let changed = table.change(&mut object, change)?;
            objects.put(object);
            Ok(Some(changed))
        }),
        Storage::Hash(storage) => {
            let hash = hash_of(key);
            let mut shard = storage.write_for(hash);
            if let Some(object) = shard.get_mut(hash, key) {
                let before = object.words();
                let changed = table.change(object, change);
                let after = object.words();
                shard.resized(before, after);
                return changed.map(Some);
            }
            let Some(mut object) = fresh()? else { return Ok(None) };
            let changed = table.change(&mut object, change)?;
            shard.put(object);
            Ok(Some(changed))
        }
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

/// Does one checked operation; gives the new value.
fn step<'h>(heap: &'h Heap, object: &mut Object, operation: &Operation<'h>) -> NativeResult<'h> {
    let plain = object.plain();
    let old = plain.elements()[operation.index];
    let small = match (old.as_small(), operation.increment.as_small()) {
        (Some(old), Some(increment)) => Term::small(old + increment),
        _ => None,
    };
    let mut new = match small {
        Some(sum) => sum,
        None => arith::add(heap, heap.import(old), operation.increment)
            .map_err(|_| Flow::system_limit())?,
    };
    drop(plain);
    if let Some([threshold, value]) = operation.bound {
        let down = compare(operation.increment, heap.int(0)).is_lt();
        let beyond = compare(new, threshold);
        if (down && beyond.is_lt()) || (!down && beyond.is_gt()) {
            new = value;
        }
    }
    set_element(object, operation.index, new);
    Ok(new)
}

/// Does what the third argument of `update_counter` asks for: all of it, or nothing.
fn count<'h>(
    table: &Table,
    heap: &'h Heap,
    object: &mut Object,
    asked: Term<'h>,
) -> NativeResult<'h> {
    let key_index = table.key_position() - 1;
    if asked.is_integer() {
        let behind_key = heap.tuple(&[heap.usize(key_index + 2), asked]);
        let operation = operation(behind_key, object.plain().elements(), key_index)?;
        return step(heap, object, &operation);
    }
    if asked.as_tuple().is_some() {
        let operation = operation(asked, object.plain().elements(), key_index)?;
        return step(heap, object, &operation);
    }
    let mut list = asked.list();
    let mut operations = Vec::with_capacity(4);
    for term in list.by_ref() {
        operations.push(operation(term, object.plain().elements(), key_index)?);
    }
    if !list.rest().is_nil() {
        return Err(Flow::badarg());
    }
    let results = operations.iter().map(|operation| step(heap, object, operation));
    Ok(heap.list(&results.collect::<Result<Vec<_>, _>>()?))
}

/// The default object of `update_counter/4`, with its key.
fn default_object<'h>(table: &Table, key: Term<'_>, tuple: Term<'_>) -> Result<Object, Flow<'h>> {
    let elements = tuple.as_tuple().ok_or_else(Flow::badarg)?.elements();
    if elements.len() < table.key_position() {
        return Err(Flow::badarg());
    }
    Ok(with_element(elements, table.key_position() - 1, key, |tuple| table.object(tuple)))
}

pub fn update_counter_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, key, asked] = take(args);
    let table = table(cx, tab, Access::Write)?;
    if !table.kind().is_unique() {
        return Err(because(am::table_type));
    }
    let counted =
        on_object(&table, key, || Ok(None), |object| count(&table, cx.heap, object, asked))?;
    // A table that is deleted says so, whether it had the key or not.
    table.settle(counted.unwrap_or(Term::NIL))?;
    counted.ok_or_else(|| because(am::badkey))
}

pub fn update_counter_4<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, key, asked, default] = take(args);
    let table = table(cx, tab, Access::Write)?;
    if default.as_tuple().is_none() {
        return Err(Flow::badarg());
    }
    if !table.kind().is_unique() {
        return Err(because(am::table_type));
    }
    let fresh = || default_object(&table, key, default).map(Some);
    let counted = on_object(&table, key, fresh, |object| count(&table, cx.heap, object, asked))?;
    // A table that is deleted says so, whether it had the key or not.
    table.settle(counted.unwrap_or(Term::NIL))?;
    counted.ok_or_else(|| because(am::badkey))
}

/// Reads and checks one `{Position, Value}`.
fn element_change<'h>(
    term: Term<'h>,
    elements: &[Term<'_>],
    key_index: usize,
) -> Result<(usize, Term<'h>), Flow<'h>> {
    let [position, value] = term.as_tuple_n().ok_or_else(Flow::badarg)?;
    let index = position.as_small().ok_or_else(Flow::badarg)?.checked_sub(1);
    let index = index.and_then(|index| usize::try_from(index).ok());
    if index == Some(key_index) {
        return Err(because(am::keypos));
    }
    let index = index.filter(|&index| index < elements.len());
    Ok((index.ok_or_else(Flow::badarg)?, value))
}

/// Does what the third argument of `update_element` asks for: all of it, or nothing.
fn change_elements<'h>(
    table: &Table,
    object: &mut Object,
    asked: Term<'h>,
) -> Result<(), Flow<'h>> {
    let key_index = table.key_position() - 1;
    if asked.as_tuple().is_some() {
        let (index, value) = element_change(asked, object.plain().elements(), key_index)?;
        set_element(object, index, value);
        return Ok(());
    }
    let mut list = asked.list();
    let changes =
        list.by_ref().map(|term| element_change(term, object.plain().elements(), key_index));
    let changes = changes.collect::<Result<Vec<_>, _>>()?;
    if !list.rest().is_nil() {
        return Err(Flow::badarg());
    }
    for (index, value) in changes {
        set_element(object, index, value);
    }
    Ok(())
}

pub fn update_element_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, key, asked] = take(args);
    let table = table(cx, tab, Access::Write)?;
    if !table.kind().is_unique() {
        return Err(Flow::badarg());
    }
    let change = |object: &mut Object| change_elements(&table, object, asked);
    let changed = on_object(&table, key, || Ok(None), change)?.is_some();
    table.settle(Term::bool(changed))
}
