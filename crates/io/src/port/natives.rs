//! The BIFs about ports.

use super::{Inner, Port, lookup, open, reason, table};
use crate::resource::iodata;
use oxbeam_heap::OwnedTerm;
use oxbeam_runtime::{Cx, Flow, NativeResult, registry};
use oxbeam_term::view::Kind;
use oxbeam_term::{Atom, Term, am};
use std::sync::Arc;

/// `erts_internal:open_port/2`
pub fn open_port_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    cx.bump(200);
    Ok(open::open(cx, args[0], args[1]))
}

/// `erlang:ports/0`
pub fn ports_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    let ports: Vec<Term> = table::all().iter().map(|port| Term::port(port.number)).collect();
    Ok(cx.heap.list(&ports))
}

/// The atom that the Erlang side makes an error of.
fn wrong<'h>(why: Atom) -> NativeResult<'h> {
    Ok(Term::atom(why))
}

fn open_port<'h>(term: Term<'h>) -> Option<Arc<Port>> {
    lookup(term).filter(|port| port.with_open(|_| ()).is_some())
}

/// `erts_internal:port_command/3`
pub fn port_command_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let Some(options) = args[2].list_to_vec() else { return wrong(am::badopt) };
    let names: Option<Vec<&str>> =
        options.iter().map(|option| option.as_atom().map(|a| a.name())).collect();
    let known = |names: &Vec<&str>| names.iter().all(|n| matches!(*n, "force" | "nosuspend"));
    let Some(names) = names.filter(known) else { return wrong(am::badopt) };
    let Some(port) = open_port(args[0]) else { return wrong(am::badarg) };
    if names.contains(&"force") {
        return wrong(crate::resource::atom("notsup"));
    }
    let Some(bytes) = iodata(args[1]) else { return wrong(am::badarg) };
    if names.contains(&"nosuspend") && port.is_busy() {
        return Ok(Term::bool(false));
    }
    cx.bump(1 + bytes.len() / 1024);
    if !port.output(bytes.into_owned()) {
        return wrong(am::badarg);
    }
    let done = Term::bool(true);
    // A writer that is suspended writes no more in this turn.
    if port.suspend_if_busy(cx.process.pid) { Err(Flow::Yield(done)) } else { Ok(done) }
}

/// `erts_internal:port_control/3`
pub fn port_control_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let operation = args[1].as_u64().and_then(|n| u32::try_from(n).ok());
    let (Some(port), Some(operation)) = (open_port(args[0]), operation) else {
        return wrong(am::badarg);
    };
    let Some(data) = iodata(args[2]) else { return wrong(am::badarg) };
    let answer = port.with_open(|inner| inner.driver.control(operation, &data)).flatten();
    match answer {
        Some(bytes) => Ok(cx.heap.list_of_bytes(&bytes)),
        None => wrong(am::badarg),
    }
}

/// `erts_internal:port_call/3`: no driver here has such calls.
pub fn port_call_3<'h>(_: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    wrong(am::badarg)
}

/// `erts_internal:port_close/1`
pub fn port_close_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let Some(port) = lookup(args[0]) else { return wrong(am::badarg) };
    match port.with_open(|inner| port.close(inner, reason(am::normal))) {
        Some(()) => Ok(Term::bool(true)),
        None => wrong(am::badarg),
    }
}

/// `erts_internal:port_connect/2`
pub fn port_connect_2<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let new_owner = args[1].as_local_pid().filter(|pid| super::is_alive(*pid));
    let (Some(port), Some(new_owner)) = (open_port(args[0]), new_owner) else {
        return wrong(am::badarg);
    };
    match port.connect(new_owner) {
        true => Ok(Term::bool(true)),
        false => wrong(am::badarg),
    }
}

/// `erlang:port_set_data/2`
pub fn port_set_data_2<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let port = lookup(args[0]).ok_or_else(Flow::badarg)?;
    let data = OwnedTerm::deep_copy_of(args[1]);
    port.with_open(|inner| inner.data = data).ok_or_else(Flow::badarg)?;
    Ok(Term::bool(true))
}

/// `erlang:port_get_data/1`
pub fn port_get_data_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let port = lookup(args[0]).ok_or_else(Flow::badarg)?;
    port.with_open(|inner| inner.data.copy_to(cx.heap)).ok_or_else(Flow::badarg)
}

/// What `port_info/1` shows, in order.
const SHOWN: [&str; 8] =
    ["registered_name", "name", "links", "id", "connected", "input", "output", "os_pid"];

/// `erts_internal:port_info/1`
pub fn port_info_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let port = match info_port(args[0]) {
        Ok(Some(port)) => port,
        Ok(None) => return wrong(am::undefined),
        Err(bad) => return Ok(bad),
    };
    let all = port.with_open(|inner| {
        let items = SHOWN.iter().filter_map(|item| port.item(cx, inner, item));
        items.filter(|item| !item.is_nil()).collect::<Vec<_>>()
    });
    Ok(all.map_or(Term::atom(am::undefined), |items| cx.heap.list(&items)))
}

/// `erts_internal:port_info/2`
pub fn port_info_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let Some(item) = args[1].as_atom() else { return wrong(am::badarg) };
    let port = match info_port(args[0]) {
        Ok(Some(port)) => port,
        Ok(None) => return wrong(am::undefined),
        Err(bad) => return Ok(bad),
    };
    match port.with_open(|inner| port.item(cx, inner, item.name())) {
        Some(Some(term)) => Ok(term),
        Some(None) => wrong(am::badarg),
        None => wrong(am::undefined),
    }
}

/// The port asked about. Errors: `badarg` for what cannot be a port.
fn info_port<'h>(term: Term<'h>) -> Result<Option<Arc<Port>>, Term<'h>> {
    match term.kind() {
        Kind::Atom(_) | Kind::Port(_) => Ok(lookup(term)),
        Kind::ExtPort(port) if port.is_of_former_self() => Ok(None),
        // The Erlang side makes an error of the atom.
        _ => Err(Term::atom(am::badarg)),
    }
}

impl Port {
    fn is_busy(&self) -> bool {
        let busy = |inner: &mut Inner| inner.driver.queued_bytes() > super::BUSY_ABOVE_BYTES;
        self.with_open(busy).unwrap_or(false)
    }

    /// `{Item, Value}`; an empty list for a name that the port has not; None
    /// for an item there is not.
    fn item<'h>(&self, cx: &Cx<'h>, inner: &Inner, item: &str) -> Option<Term<'h>> {
        let heap = cx.heap;
        let value = match item {
            "registered_name" => match registry::port_name(self.number) {
                Some(name) => Term::atom(name),
                None => return Some(Term::nil()),
            },
            "name" => name_term(cx, &self.name),
            "links" => {
                let links: Vec<Term> = inner.links.iter().map(|pid| Term::pid(*pid)).collect();
                heap.list(&links)
            }
            "id" => heap.uint(self.number * 8),
            "connected" => Term::pid(inner.owner),
            "input" => heap.uint(inner.input_bytes),
            "output" => heap.uint(inner.output_bytes),
            "os_pid" => inner.os_pid.map_or(Term::atom(am::undefined), |n| heap.uint(n.into())),
            "queue_size" => heap.usize(inner.driver.queued_bytes()),
            "parallelism" => Term::bool(inner.parallelism),
            "locking" => Term::atom(crate::resource::atom("port_level")),
            "memory" => heap.usize(size_of::<Port>() + inner.driver.queued_bytes()),
            "monitors" => Term::nil(),
            "monitored_by" => {
                let by: Vec<Term> =
                    inner.monitors.values().map(|by| Term::immediate(*by)).collect();
                heap.list(&by)
            }
            _ => return None,
        };
        Some(heap.tagged(crate::resource::atom(item), [value]))
    }
}

/// A name as characters, where it is text in the system's encoding.
fn name_term<'h>(cx: &Cx<'h>, name: &[u8]) -> Term<'h> {
    match std::str::from_utf8(name) {
        Ok(text) if crate::names::is_utf8() => cx.heap.list_of_chars(text),
        _ => cx.heap.list_of_bytes(name),
    }
}
