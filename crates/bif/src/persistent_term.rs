//! Module `persistent_term`.

use crate::long;
use oxbeam_runtime::native::RunOn;
use oxbeam_runtime::{Cx, Flow, NativeResult, dirty, persistent};
use oxbeam_term::{Term, am};

/// `persistent_term:get/1`
pub fn get_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    persistent::get(cx.heap, args[0]).ok_or_else(Flow::badarg)
}

/// `persistent_term:get/2`
pub fn get_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    Ok(persistent::get(cx.heap, args[0]).unwrap_or(args[1]))
}

/// `persistent_term:get/0`
pub fn get_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    let all = persistent::all(cx.heap);
    cx.bump(all.len() / 4);
    let pairs = all.into_iter().map(|(key, value)| cx.heap.tuple(&[key, value]));
    Ok(cx.heap.list_from_rev(pairs))
}

/// `persistent_term:put/2`
pub fn put_2<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let large = args.iter().any(|&arg| long::is_large(arg));
    if large && dirty::current() == RunOn::Normal {
        // It is put at once or not at all.
        return Err(Flow::Dirty(RunOn::DirtyCpu, put_2));
    }
    if persistent::put(args[0], args[1]) {
        Ok(Term::atom(am::ok))
    } else {
        Err(Flow::system_limit())
    }
}

/// `persistent_term:erase/1`
pub fn erase_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    Ok(Term::bool(persistent::erase(args[0])))
}

/// `persistent_term:info/0`
pub fn info_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    let (count, words) = persistent::size();
    let pairs = [(am::count, cx.heap.usize(count)), (am::memory, cx.heap.usize(8 * words))];
    Ok(crate::arg::map_of(cx.heap, &pairs))
}

/// `erts_internal:erase_persistent_terms/0`
pub fn erase_persistent_terms_0<'h>(_: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    persistent::erase_all();
    Ok(Term::bool(true))
}
