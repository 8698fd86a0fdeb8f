//! The long forms of natives that go over many objects.

use std::sync::Arc;

use oxbeam_match_spec::{Program, Runner};
use oxbeam_runtime::slices::QUICK;
use oxbeam_runtime::yielding::NativeRoutine;
use oxbeam_runtime::{Cx, Failure, Flow, Roots, Slot, Yielded, Yielder};
use oxbeam_term::{Term, am};

use super::{Access, accessible, select, store};
use crate::error::because;
use crate::garbage::Garbage;
use crate::hash::Hash;
use crate::object::Object;
use crate::pending::Pending;
use crate::registry;
use crate::table::{Storage, Table};

macro_rules! routines {
    ($($name:ident => $native:expr;)*) => {$(
        /// Begins the long form.
        pub fn $name(y: Yielder) -> NativeRoutine {
            NativeRoutine::new($native(y))
        }
    )*};
}

routines! {
    delete_1_long => delete;
    delete_all_long => delete_all;
    insert_long => (|y| insert(y, false));
    insert_new_long => (|y| insert(y, true));
    select_long => (|y| collect(y, select::selection, false));
    select_reverse_long => (|y| collect(y, select::selection, true));
    match_long => (|y| collect(y, select::match_program, false));
    match_object_long => (|y| collect(y, select::match_object_program, false));
    select_count_long => select_count;
    select_delete_long => select_delete;
}

/// Objects that are freed in a reduction.
const FREED_PER_REDUCTION: usize = 4;
/// Objects that are made, matched or inserted in a reduction.
const OBJECTS_PER_REDUCTION: usize = 1;

/// Whether an operation over all objects of a table takes long.
pub fn is_large(table: &Table) -> bool {
    table.size() > QUICK
}

/// The table that a slot names, when nothing is pending in it.
async fn table(y: Yielder, slot: Slot, access: Access) -> Result<Arc<Table>, Failure> {
    loop {
        let table =
            y.attempt(|cx, roots| Ok(accessible(cx, roots.get(slot), access)?.clone())).await?;
        let Some(pending) = table.pending() else { return Ok(table) };
        complete(y, &table, &pending).await;
    }
}

/// Sees an insertion to its end.
async fn complete(y: Yielder, table: &Table, pending: &Pending) {
    y.slices(OBJECTS_PER_REDUCTION, |_, _, units| pending.help(table, units).then_some(())).await;
}

async fn free(y: Yielder, mut garbage: Garbage) {
    y.slices(FREED_PER_REDUCTION, |_, _, units| garbage.free_some(units).then_some(())).await;
}

async fn atom(y: Yielder, atom: oxbeam_term::Atom) -> Yielded {
    y.finish(|_, _| Ok(Term::atom(atom))).await
}

async fn delete(y: Yielder) -> Yielded {
    let table = table(y, Slot::arg(0), Access::Write).await?;
    let garbage = y.attempt(|_, _| registry::delete(&table).ok_or_else(|| because(am::id))).await?;
    free(y, garbage).await;
    atom(y, am::true_).await
}

async fn delete_all(y: Yielder) -> Yielded {
    let table = table(y, Slot::arg(0), Access::Write).await?;
    let (count, garbage) = y.step(|_, _| store::clear(&table)).await;
    free(y, garbage).await;
    y.finish(|cx, _| Ok(cx.heap.usize(count))).await
}

async fn insert(y: Yielder, new_only: bool) -> Yielded {
    let (tab, given) = (Slot::arg(0), Slot::arg(1));
    let wanted = table(y, tab, Access::Write).await?;
    let mut objects = copied(y, &wanted, given).await?;
    let pending = loop {
        let table = table(y, tab, Access::Write).await?;
        if !Arc::ptr_eq(&table, &wanted) {
            // Another table has got the name.
            return Err(Failure::BADARG);
        }
        match Pending::publish(&table, std::mem::take(objects.loose()), new_only) {
            Ok(pending) => {
                // Rule 3 of the pending module.
                y.pause().await;
                complete(y, &table, &pending).await;
                if table.is_deleted() {
                    return Err(Failure::BADARG);
                }
                break pending;
            }
            Err(back) => *objects.loose() = back,
        }
    };
    let done = pending.outcome() == Some(true);
    atom(y, if new_only && !done { am::false_ } else { am::true_ }).await
}

/// Copies of the tuples of a list, the first last, unless stock inserts the last one first.
async fn copied(y: Yielder, table: &Table, list: Slot) -> Result<Garbage, Failure> {
    // Garbage, should this end before they are inserted.
    let mut objects = Garbage::default();
    let ended = y
        .slices(OBJECTS_PER_REDUCTION, |_, roots, units| {
            let mut rest = roots.get(list).list();
            while *units > 0 {
                *units -= 1;
                let Some(tuple) = rest.next() else { return Some(rest.rest().is_nil()) };
                let arity = tuple.as_tuple().map_or(0, |tuple| tuple.arity());
                if arity < table.key_position() {
                    return Some(false);
                }
                objects.loose().push(table.object(tuple));
            }
            roots.set(list, rest.rest());
            None
        })
        .await;
    if !ended {
        return Err(Failure::BADARG);
    }
    if table.kind() != crate::table::Kind::Bag {
        objects.loose().reverse();
    }
    Ok(objects)
}

/// How a native's second argument becomes a program.
type MakeProgram = for<'h> fn(Term<'h>) -> Result<Arc<Program>, Flow<'h>>;

/// Table and program of a native that selects.
async fn selecting(
    y: Yielder,
    access: Access,
    make: MakeProgram,
) -> Result<(Arc<Table>, Arc<Program>), Failure> {
    let table = table(y, Slot::arg(0), access).await?;
    let program = y.attempt(|_, roots| make(roots.get(Slot::arg(1)))).await?;
    Ok((table, program))
}

async fn collect(y: Yielder, make: MakeProgram, reverse: bool) -> Yielded {
    let (table, program) = selecting(y, Access::Read, make).await?;
    let list = y.step(|_, roots| roots.push(Term::nil())).await;
    // The list is made from its end: so an ordered table is walked the other way round.
    each_object(y, &table, &program, !reverse, |cx, roots, runner, object| {
        if let Some(result) = runner.run(object.view(), cx.heap) {
            let longer = cx.heap.cons(result, roots.get(list));
            roots.set(list, longer);
        }
    })
    .await?;
    Ok(list)
}

async fn select_count(y: Yielder) -> Yielded {
    let (table, program) = selecting(y, Access::Read, select::selection).await?;
    let mut count = 0;
    each_object(y, &table, &program, false, |_, _, runner, object| {
        count += usize::from(runner.is_true(object.view()));
    })
    .await?;
    y.finish(|cx, _| Ok(cx.heap.usize(count))).await
}

/// Shows each object that may match; an ordered table's from the end if `backwards`.
async fn each_object(
    y: Yielder,
    table: &Table,
    program: &Program,
    backwards: bool,
    mut visit: impl for<'r, 'h> FnMut(&Cx<'h>, &mut Roots<'r, 'h>, &Runner<'_>, &Object) + Send,
) -> Result<(), Failure> {
    let mut from = 0;
    let last_key = y.step(|_, roots| roots.push(Term::nil())).await;
    let mut begun = false;
    y.slices(OBJECTS_PER_REDUCTION, |cx, roots, units| {
        if table.is_deleted() {
            return Some(Err(Failure::BADARG));
        }
        let runner = Runner::new(program, cx.process.pid);
        match &table.storage {
            Storage::Hash(hash) => {
                let place = in_hash(hash, from, units, |object| {
                    visit(cx, roots, &runner, object);
                });
                match place {
                    Some(next) => from = next,
                    None => return Some(Ok(())),
                }
            }
            Storage::Tree(tree) => {
                let tree = tree.read();
                let order = |key: Term<'_>| program.key_order(table.key_position(), key);
                let beyond = begun.then(|| roots.get(last_key));
                let mut objects = tree.within(&order, beyond, backwards);
                begun = true;
                while *units > 0 {
                    *units -= 1;
                    let Some(object) = objects.next() else { return Some(Ok(())) };
                    visit(cx, roots, &runner, object);
                    if *units == 0 {
                        roots.set(last_key, cx.heap.import(object.key()));
                    }
                }
            }
        }
        None
    })
    .await
}

/// Shows about `units` objects from a hash on. Gives the hash to go on at; `None`: at the end.
fn in_hash(
    hash: &Hash,
    from: u32,
    units: &mut usize,
    mut visit: impl FnMut(&Object),
) -> Option<u32> {
    let mut from = from;
    for index in hash.shard_index(from)..hash.shard_count() {
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
        if index + 1 < hash.shard_count() {
            from = hash.first_hash(index + 1);
        }
    }
    None
}

async fn select_delete(y: Yielder) -> Yielded {
    let (table, program) = selecting(y, Access::Write, select::selection).await?;
    let mut count = 0;
    let mut from = 0;
    let last_key = y.step(|_, roots| roots.push(Term::nil())).await;
    let mut begun = false;
    y.slices(OBJECTS_PER_REDUCTION, |cx, roots, units| {
        if table.is_deleted() {
            return Some(Err(Failure::BADARG));
        }
        let runner = Runner::new(&program, cx.process.pid);
        let chosen = |object: &Object| runner.is_true(object.view());
        match &table.storage {
            Storage::Hash(hash) => {
                while *units > 0 {
                    let mut shard = hash.write(hash.shard_index(from));
                    let (removed, next) = shard.remove_some(from, table.is_fixed(), units, chosen);
                    count += removed;
                    match next {
                        Some(next) => from = next,
                        None => return Some(Ok(())),
                    }
                }
            }
            Storage::Tree(tree) => {
                let mut tree = tree.write();
                let order = |key: Term<'_>| program.key_order(table.key_position(), key);
                let beyond = begun.then(|| roots.get(last_key));
                begun = true;
                let mut keys = vec![];
                let mut ended = true;
                for object in tree.within(&order, beyond, false) {
                    if *units == 0 {
                        ended = false;
                        break;
                    }
                    *units -= 1;
                    if chosen(object) {
                        keys.push(cx.heap.import(object.key()));
                    }
                    if *units == 0 {
                        roots.set(last_key, cx.heap.import(object.key()));
                    }
                }
                for key in keys {
                    count += usize::from(tree.take(key).is_some());
                }
                if ended {
                    return Some(Ok(()));
                }
            }
        }
        None
    })
    .await?;
    y.finish(|cx, _| Ok(cx.heap.usize(count))).await
}
