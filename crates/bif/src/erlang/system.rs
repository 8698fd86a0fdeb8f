//! The runtime as a whole: how it ends, its nodes, and what belongs nowhere else.

use crate::arg;

use oxbeam_runtime::{Cx, Flow, NativeResult, system};
use oxbeam_term::{Atom, Node, Term, am};

/// Most characters of a slogan that count.
const MAX_SLOGAN_CHARS: usize = 1023;

/// `erlang:halt/2`
pub fn halt_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let mut flush = true;
    for option in args[1].list_to_vec().ok_or_else(Flow::badopt)? {
        let [key, value] = option.as_tuple_n().ok_or_else(Flow::badopt)?;
        if !key.is(am::flush) {
            return Err(Flow::badopt());
        }
        flush = value.as_bool().ok_or_else(Flow::badopt)?;
    }
    if let Some(status) = args[0].as_usize() {
        system::halt((status & 0xFF) as i32, flush);
    }
    if args[0].is(am::abort) {
        std::process::abort();
    }
    let slogan = arg::list(args[0])?;
    let text: Option<String> = slogan
        .iter()
        .take(MAX_SLOGAN_CHARS)
        .map(|c| c.as_usize().and_then(|n| u32::try_from(n).ok()).and_then(char::from_u32))
        .collect();
    let text = text.ok_or_else(Flow::badarg)?;
    eprintln!("{text}\r");
    crate::crash_dump::write(&text, Some(cx));
    system::halt(1, false)
}

/// `erlang:nodes/0`: no distribution, so no other node.
pub fn nodes_0<'h>(_: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    Ok(Term::nil())
}

/// The nodes of the kinds that are asked for. There is no distribution: no node is connected.
fn nodes_of_kinds<'h>(term: Term<'h>) -> Result<Vec<Atom>, Flow<'h>> {
    let kinds = if term.is_atom() && !term.is_nil() { vec![term] } else { arg::list(term)? };
    let (mut this, mut known) = (false, false);
    for kind in kinds {
        match kind.as_atom() {
            Some(am::this) => this = true,
            Some(am::known) => known = true,
            Some(am::visible | am::hidden | am::connected) => {}
            _ => return Err(Flow::badarg()),
        }
    }
    let own = Node::this().name;
    let mut names = if this || known { vec![own] } else { vec![] };
    if known {
        for node in Node::all() {
            // Before it got a name this node was another one.
            if node.name != am::nonode_at_nohost && !names.contains(&node.name) {
                names.push(node.name);
            }
        }
    }
    Ok(names)
}

/// `erlang:nodes/1`
pub fn nodes_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let names = nodes_of_kinds(args[0])?;
    Ok(cx.heap.list(&names.into_iter().map(Term::atom).collect::<Vec<_>>()))
}

/// `erlang:nodes/2`
pub fn nodes_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if !args[1].is_map() {
        return Err(Flow::badarg());
    }
    let heap = cx.heap;
    let entry = |name| heap.tuple(&[Term::atom(name), heap.empty_map()]);
    let names = nodes_of_kinds(args[0])?;
    Ok(heap.list(&names.into_iter().map(entry).collect::<Vec<_>>()))
}

/// `erlang:monitor_node/2`: a node that is not distributed has no other.
pub fn monitor_node_2<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let name = args[0].as_atom().ok_or_else(Flow::badarg)?;
    if name != Node::this().name {
        return Err(Flow::error(am::notalive));
    }
    args[1].as_bool().map(|_| Term::bool(true)).ok_or_else(Flow::badarg)
}

/// `erlang:monitor_node/3`
pub fn monitor_node_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let options = args[2].list_to_vec().ok_or_else(Flow::badarg)?;
    if !options.iter().all(|option| option.is(am::allow_passive_connect)) {
        return Err(Flow::badarg());
    }
    monitor_node_2(cx, args)
}

/// `erlang:nif_error/1`
pub fn nif_error_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    super::errors::error_1(cx, args)
}

/// `erlang:nif_error/2`
pub fn nif_error_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    super::errors::error_2(cx, args)
}

/// `error_logger:warning_map/0`
pub fn warning_map_0<'h>(_: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    Ok(Term::atom(system::get().warning_map))
}

/// `erts_internal:get_creation/0`
pub fn get_creation_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    Ok(match Node::this().creation {
        0 => Term::atom(am::undefined),
        creation => cx.heap.int(i64::from(creation)),
    })
}

/// `net_kernel:dflag_unicode_io/1`: whether the node of a pid can take unicode io; this one can.
pub fn dflag_unicode_io_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if args[0].is_pid() { Ok(Term::bool(true)) } else { Err(Flow::badarg()) }
}
