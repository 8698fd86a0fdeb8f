//! Registered names of processes and ports.

use crate::locks;
use crate::process::{ProcState, Process, table};
use crate::trace::of_processes;
use oxbeam_ethread::lock::RwLock;
use oxbeam_ethread::{Orders, membar};
use oxbeam_term::{Atom, RawTerm, am};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

type Names = RwLock<HashMap<Atom, RawTerm>, locks::Names>;

fn names() -> &'static Names {
    static NAMES: OnceLock<Names> = OnceLock::new();
    NAMES.get_or_init(Names::default)
}

/// Registers a local process. `false`: the name or the process is taken, the process is ending,
/// or the name is `undefined`.
pub fn register_process(name: Atom, process: &Arc<Process>) -> bool {
    let mut names = names().write();
    if name == am::undefined || names.contains_key(&name) || process.name().is_some() {
        return false;
    }
    process.set_name(Some(name));
    // A process that ends first says so, then looks at its name: one of the two sees the other.
    membar(Orders::STORE_LOAD);
    if process.is_exiting() {
        process.set_name(None);
        return false;
    }
    names.insert(name, RawTerm::pid(process.pid));
    true
}

/// Registers a port; the caller sees to it that the port has no other name.
pub fn register_port(name: Atom, port: u64) -> bool {
    let mut names = names().write();
    if name == am::undefined || names.contains_key(&name) {
        return false;
    }
    names.insert(name, RawTerm::port(port));
    true
}

/// Removes a name; gives what it stood for.
pub fn unregister(name: Atom) -> Option<RawTerm> {
    let end = names().write().remove(&name)?;
    if end.is_local_pid()
        && let Some(process) = table::find(end.local_data())
    {
        process.set_name(None);
    }
    Some(end)
}

/// Removes the name of a process that ends.
pub(crate) fn unregister_process(process: &Process, own: &ProcState) {
    // As in `register_process`.
    membar(Orders::STORE_LOAD);
    if process.name().is_none() {
        return;
    }
    let mut names = names().write();
    if let Some(name) = process.name() {
        names.remove(&name);
        process.set_name(None);
        drop(names);
        of_processes::name(process, (process, own), "unregister", name);
    }
}

/// The local pid or port of that name.
pub fn whereis(name: Atom) -> Option<RawTerm> {
    names().read().get(&name).copied()
}

/// All names.
pub fn registered() -> Vec<Atom> {
    names().read().keys().copied().collect()
}

/// The name of a port.
pub fn port_name(port: u64) -> Option<Atom> {
    let end = RawTerm::port(port);
    names().read().iter().find(|(_, named)| **named == end).map(|(name, _)| *name)
}
