//! Reading by key.

use std::ops::ControlFlow;

use oxbeam_runtime::native::RunOn;
use oxbeam_runtime::{Cx, Flow, NativeFn, NativeResult, dirty};
use oxbeam_term::{Term, am};

use super::{Access, quick_key, table, take};
use crate::error::because;
use crate::hash::hash_of;
use crate::object::Object;
use crate::table::{Storage, Table};

/// Calls `visit` with each object of a key, newest first.
pub fn each(table: &Table, key: Term<'_>, mut visit: impl FnMut(&Object)) {
    each_with_marks(table, key, |object| {
        if !object.is_deleted() {
            visit(object);
        }
    });
}

/// As [`each`], with marks of deleted objects.
pub fn each_with_marks(table: &Table, key: Term<'_>, visit: impl FnMut(&Object)) {
    match &table.storage {
        Storage::Tree(tree) => {
            tree.read(key, |objects| objects.get(key).map_or((), visit));
        }
        Storage::Hash(storage) => {
            let hash = hash_of(key);
            storage.read_for(hash).group_with_marks(hash, key).for_each(visit);
        }
    }
}

/// Words of objects that are copied at once, and what finding an object counts for.
const QUICK_WORDS: usize = if oxbeam_heap::ZEAL { 200 } else { 1 << 15 };

/// Calls `visit` with each object of a key, newest first, unless all together are large: then
/// `native` does it on a dirty scheduler.
fn each_small<'h>(
    table: &Table,
    key: Term<'h>,
    native: NativeFn,
    mut visit: impl FnMut(&Object),
) -> Result<(), Flow<'h>> {
    quick_key(key, native)?;
    let (is_quick, mut words) = (dirty::current() == RunOn::Normal, 0);
    let mut show = |object: &Object| {
        words += object.words();
        if is_quick && words > QUICK_WORDS {
            return ControlFlow::Break(());
        }
        if !object.is_deleted() {
            visit(object);
        }
        ControlFlow::Continue(())
    };
    let shown = match &table.storage {
        Storage::Tree(tree) => {
            tree.read(key, |objects| objects.get(key).map_or(ControlFlow::Continue(()), show))
        }
        Storage::Hash(storage) => {
            let hash = hash_of(key);
            storage.read_for(hash).group_with_marks(hash, key).try_for_each(&mut show)
        }
    };
    match shown {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Flow::Dirty(RunOn::DirtyCpu, native)),
    }
}

pub fn lookup_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, key] = take(args);
    let table = table(cx, tab, Access::Read)?;
    let (heap, mut list) = (cx.heap, Term::NIL);
    each_small(&table, key, lookup_2, |object| {
        list = heap.cons(heap.import(object.plain().view()), list);
    })?;
    table.settle(list)
}

pub fn member_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, key] = take(args);
    quick_key(key, member_2)?;
    let table = table(cx, tab, Access::Read)?;
    let mut found = false;
    each(&table, key, |_| found = true);
    table.settle(Term::bool(found))
}

pub fn lookup_element_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, key, position] = take(args);
    let table = table(cx, tab, Access::Read)?;
    let index = position.as_usize().and_then(|at| at.checked_sub(1)).ok_or_else(Flow::badarg)?;
    let (heap, mut values, mut short) = (cx.heap, vec![], false);
    each_small(&table, key, lookup_element_3, |object| {
        match object.plain().elements().get(index) {
            Some(&value) => values.push(heap.import(value)),
            None => short = true,
        }
    })?;
    if short {
        return Err(Flow::badarg());
    }
    if values.is_empty() {
        return table.settle(Term::NIL).and(Err(because(am::badkey)));
    }
    table.settle(if table.kind().is_unique() { values[0] } else { heap.list_from_rev(values) })
}
