//! Checks of the runtime by itself.

use oxbeam_heap::OwnedTerm;
use oxbeam_runtime::reference::new_numbers;
use oxbeam_runtime::signal::send_to_pid;
use oxbeam_runtime::{Cx, Flow, NativeResult, scheduler};
use oxbeam_term::{Atom, Term, am};

/// `erts_internal:system_check(schedulers)`: `ok` when every scheduler has answered.
pub fn system_check_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if args[0].as_atom().is_none_or(|what| what.name() != "schedulers") {
        return Err(Flow::badarg());
    }
    let (numbers, asking) = (new_numbers(), cx.process.pid);
    scheduler::on_each(move || {
        send_to_pid(asking, OwnedTerm::build(|heap| heap.plain_ref(numbers)));
    });
    let gather = Atom::new("gather_system_check_result").map_err(|_| Flow::system_limit())?;
    Err(Flow::trap(am::erts_internal, gather, &[cx.heap.plain_ref(numbers)]))
}

/// The names of stock's allocators.
pub(crate) const ALLOCATORS: [&str; 15] = [
    "sys_alloc",
    "temp_alloc",
    "sl_alloc",
    "std_alloc",
    "ll_alloc",
    "eheap_alloc",
    "ets_alloc",
    "fix_alloc",
    "literal_alloc",
    "exec_alloc",
    "binary_alloc",
    "driver_alloc",
    "test_alloc",
    "mseg_alloc",
    "erts_mmap",
];

/// How many messages will tell of an allocator's blocks: none, as of an allocator that is off in
/// stock. The memory here has no carriers, and blocks are not tagged by their users.
fn no_histograms<'h>(cx: &Cx<'h>, request: Term<'h>) -> NativeResult<'h> {
    let [name, thread, width, start, reference] = request.as_tuple_n().ok_or_else(Flow::badarg)?;
    let known = name.as_atom().is_some_and(|name| ALLOCATORS.contains(&name.name()));
    let numbers = [thread, width, start].iter().all(|number| number.as_usize().is_some());
    if !known || !numbers || !reference.is_reference() {
        return Err(Flow::badarg());
    }
    Ok(cx.heap.int(0))
}

/// `erts_internal:gather_alloc_histograms/1`
pub fn gather_alloc_histograms_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    no_histograms(cx, args[0])
}

/// `erts_internal:gather_carrier_info/1`
pub fn gather_carrier_info_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    no_histograms(cx, args[0])
}
