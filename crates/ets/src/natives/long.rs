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
use crate::object::Object;
use crate::pending::{Outcome, Pending, Task};
use crate::registry;
use crate::table::{Kind, Storage, Table};
use crate::walk::{Walk, key_order};

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
    select_replace_long => select_replace;
    safe_fixtable_long => release;
}

/// Objects that are freed in a reduction.
const FREED_PER_REDUCTION: usize = 4;
/// Objects that are matched in a reduction.
const OBJECTS_PER_REDUCTION: usize = 1;
/// As many as this are matched while one is made or inserted.
pub const INSERT_UNITS: usize = 2;

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

/// Sees a task to its end.
async fn complete(y: Yielder, table: &Table, pending: &Pending) {
    while y.step(|cx, _| pending.wait(cx)).await {
        y.pause().await;
    }
    y.slices(OBJECTS_PER_REDUCTION, |_, _, units| pending.help(table, units).then_some(())).await;
}

async fn free(y: Yielder, mut garbage: Garbage) {
    y.slices(FREED_PER_REDUCTION, |_, _, units| garbage.free_some(units).then_some(())).await;
}

async fn atom(y: Yielder, atom: oxbeam_term::Atom) -> Yielded {
    y.finish(|_, _| Ok(Term::atom(atom))).await
}

async fn delete(y: Yielder) -> Yielded {
    let garbage = y
        .attempt(|cx, roots| {
            let table = accessible(cx, roots.get(Slot::arg(0)), Access::Write)?;
            registry::delete(&table).ok_or_else(|| because(am::id))
        })
        .await?;
    free(y, garbage).await;
    atom(y, am::true_).await
}

async fn delete_all(y: Yielder) -> Yielded {
    let wanted = table(y, Slot::arg(0), Access::Write).await?;
    let count = if wanted.is_fixed() && matches!(wanted.storage, Storage::Hash(_)) {
        match carry_out(y, &wanted, Task::clear()).await? {
            Outcome::Cleared(count) => count,
            Outcome::Inserted(_) => 0,
        }
    } else {
        let (count, garbage) = y.step(|_, _| store::clear(&wanted)).await;
        free(y, garbage).await;
        count
    };
    y.finish(|cx, _| Ok(cx.heap.usize(count))).await
}

async fn insert(y: Yielder, new_only: bool) -> Yielded {
    let wanted = table(y, Slot::arg(0), Access::Write).await?;
    let objects = copied(y, &wanted, Slot::arg(1)).await?;
    let done = carry_out(y, &wanted, Task::insert(objects, new_only)).await?;
    let done = !new_only || matches!(done, Outcome::Inserted(true));
    atom(y, if done { am::true_ } else { am::false_ }).await
}

/// Has a task done on the table that was found, with the help of others.
async fn carry_out(y: Yielder, wanted: &Arc<Table>, task: Task) -> Result<Outcome, Failure> {
    let mut task = Some(task);
    loop {
        let table = table(y, Slot::arg(0), Access::Write).await?;
        if !Arc::ptr_eq(&table, wanted) {
            // Another table has got the name.
            return Err(Failure::BADARG);
        }
        let pending = match Pending::publish(&table, task.take().expect("put back below")) {
            Ok(pending) => pending,
            Err(back) => {
                task = Some(back);
                continue;
            }
        };
        complete(y, &table, &pending).await;
        return pending.outcome().ok_or(Failure::BADARG);
    }
}

/// Copies of the tuples of a list, in the order in which stock inserts them: in a bag the last one first.
async fn copied(y: Yielder, table: &Table, list: Slot) -> Result<Garbage, Failure> {
    // Garbage, should this end before they are inserted.
    let mut objects = Garbage::default();
    let ended = y
        .slices(OBJECTS_PER_REDUCTION, |_, roots, units| {
            let mut rest = roots.get(list).list();
            while *units > 0 {
                *units = units.saturating_sub(INSERT_UNITS);
                let Some(tuple) = rest.next() else { return Some(rest.rest().is_nil()) };
                let arity = tuple.as_tuple().map_or(0, |tuple| tuple.arity());
                if arity < table.key_position() {
                    return Some(false);
                }
                match table.kind() {
                    Kind::Bag => objects.loose().push_front(table.object(tuple)),
                    _ => objects.loose().push_back(table.object(tuple)),
                }
            }
            roots.set(list, rest.rest());
            None
        })
        .await;
    if !ended {
        return Err(Failure::BADARG);
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
        if let Some(result) = runner.run(object.plain().view(), cx.heap) {
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
        count += usize::from(runner.is_true(object.plain().view()));
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
    each_portion(y, table, |cx, roots, walk, units| {
        let runner = Runner::new(program, cx.process.pid);
        let order = key_order(table, program);
        walk.show(table, &order, backwards, units, |object| visit(cx, roots, &runner, object));
    })
    .await
}

/// Goes over a table in portions, as long as it is there.
async fn each_portion(
    y: Yielder,
    table: &Table,
    mut portion: impl for<'r, 'h> FnMut(&Cx<'h>, &mut Roots<'r, 'h>, &mut Walk, &mut usize) + Send,
) -> Result<(), Failure> {
    let mut walk = Walk::default();
    y.slices(OBJECTS_PER_REDUCTION, |cx, roots, units| {
        if table.is_deleted() {
            return Some(Err(Failure::BADARG));
        }
        portion(cx, roots, &mut walk, units);
        walk.is_done().then_some(Ok(()))
    })
    .await
}

async fn select_delete(y: Yielder) -> Yielded {
    let (table, program) = selecting(y, Access::Write, select::selection).await?;
    let mut count = 0;
    each_portion(y, &table, |cx, _, walk, units| {
        let runner = Runner::new(&program, cx.process.pid);
        let chosen = |object: &Object| runner.is_true(object.plain().view());
        count += walk.remove(&table, &key_order(&table, &program), units, chosen);
    })
    .await?;
    y.finish(|cx, _| Ok(cx.heap.usize(count))).await
}

async fn select_replace(y: Yielder) -> Yielded {
    let table = table(y, Slot::arg(0), Access::Write).await?;
    let program = y.attempt(|_, roots| select::replacing(&table, roots.get(Slot::arg(1)))).await?;
    let mut count = 0;
    each_portion(y, &table, |cx, _, walk, units| {
        let change = |object: &Object| select::replacement(cx, &table, &program, object);
        count += walk.replace(&table, &key_order(&table, &program), units, change);
    })
    .await?;
    y.finish(|cx, _| Ok(cx.heap.usize(count))).await
}

/// `safe_fixtable(Table, false)` when many objects were deleted meanwhile.
async fn release(y: Yielder) -> Yielded {
    let table = table(y, Slot::arg(0), Access::Read).await?;
    if let Some(mut sweep) = y.step(|cx, _| table.release(cx.process.pid, false)).await {
        y.slices(FREED_PER_REDUCTION, |_, _, units| sweep.some(units).then_some(())).await;
    }
    atom(y, am::true_).await
}
