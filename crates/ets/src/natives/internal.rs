//! What `ets.erl` and `erts_internal.erl` ask for beneath their own functions.

use std::sync::atomic::{AtomicUsize, Ordering};

use oxbeam_heap::OwnedTerm;
use oxbeam_runtime::process::PidData;
use oxbeam_runtime::reference::new_numbers;
use oxbeam_runtime::signal::send_to_pid;
use oxbeam_runtime::{Cx, Flow, NativeResult, dirty, system};
use oxbeam_term::{Term, am};
use parking_lot::Mutex;

use super::walk::{self, Show};
use super::{Access, lookup, table, take};
use crate::registry;

static SUPER_USERS: Mutex<Vec<PidData>> = Mutex::new(vec![]);
static SUPER_USER_COUNT: AtomicUsize = AtomicUsize::new(0);

/// Whether the process looks into all tables at present.
pub fn is_super_user(pid: PidData) -> bool {
    SUPER_USER_COUNT.load(Ordering::Acquire) > 0 && SUPER_USERS.lock().contains(&pid)
}

/// `erts_internal:ets_super_user/1`
pub fn ets_super_user_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let on = args[0].as_bool().ok_or_else(Flow::badarg)?;
    let mut users = SUPER_USERS.lock();
    users.retain(|&pid| pid != cx.process.pid);
    if on {
        users.push(cx.process.pid);
    }
    SUPER_USER_COUNT.store(users.len(), Ordering::Release);
    Ok(Term::atom(am::ok))
}

/// Tables that are listed at once.
const FEW_TABLES: usize = if oxbeam_heap::ZEAL { 16 } else { 2000 };

/// Sends `{Ref, Tables}` once a scheduler: `ets:all/0` waits for so many.
pub fn internal_request_all_0<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [] = take(args);
    dirty::if_long(internal_request_all_0, || registry::table_count() > FEW_TABLES)?;
    let numbers = new_numbers();
    let mut tables = registry::all();
    for _ in 0..system::get().schedulers.max(1) {
        let message = OwnedTerm::build(|heap| {
            let list: Vec<_> = tables.iter().map(|table| table.identifier(heap)).collect();
            heap.tuple(&[heap.plain_ref(numbers), heap.list(&list)])
        });
        send_to_pid(cx.process.pid, message);
        tables.clear();
    }
    Ok(cx.heap.plain_ref(numbers))
}

/// `erts_internal:ets_raw_first/1`
pub fn ets_raw_first_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    walk::first(cx, args, Show::Marks)
}

/// `erts_internal:ets_raw_next/2`
pub fn ets_raw_next_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    walk::next(cx, args, Show::Marks)
}

/// `erts_internal:ets_lookup_binary_info/2`: `{Id, Size, References}` of each off-heap binary that
/// the objects of a key refer to.
pub fn ets_lookup_binary_info_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, key] = take(args);
    let table = table(cx, tab, Access::Read)?;
    let (heap, mut list) = (cx.heap, Term::NIL);
    lookup::each_with_marks(&table, key, |object| {
        object.each_binary(|address, size, references| {
            let parts = [heap.uint(address), heap.usize(size), heap.int(references as i64)];
            list = heap.cons(heap.tuple(&parts), list);
        });
    });
    Ok(list)
}
