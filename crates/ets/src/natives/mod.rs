//! The natives of module `ets`, and what `erts_internal` has for it.

pub mod admin;
pub mod info;
pub mod internal;
pub mod long;
pub mod lookup;
pub mod select;
pub mod specs;
pub mod store;
pub mod update;
pub mod walk;

use std::ops::Deref;
use std::sync::Arc;

use oxbeam_runtime::native::RunOn;
use oxbeam_runtime::slices::is_large;
use oxbeam_runtime::{Cx, Flow, NativeFn, NativeResult, dirty};
use oxbeam_term::hash::is_long;
use oxbeam_term::{Term, am};

use crate::error::because;
use crate::pending::HELP_UNITS;
use crate::registry;
use crate::table::{Handle, Protection, Table};

/// What a native wants of a table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Info,
    Read,
    Write,
}

/// A table, found by name or behind a reference.
pub enum Found<'h> {
    Named(Arc<Table>),
    Behind(&'h Arc<Table>),
}

impl Deref for Found<'_> {
    type Target = Arc<Table>;
    fn deref(&self) -> &Arc<Table> {
        match self {
            Found::Named(table) => table,
            Found::Behind(table) => table,
        }
    }
}

impl Found<'_> {
    /// What was done or found in the table, unless it was deleted meanwhile: then some of it may
    /// have been done to a table without objects that nobody sees any more.
    fn settle<'h>(&self, result: Term<'h>) -> NativeResult<'h> {
        if self.is_deleted() {
            drop(self.take_objects());
            return Err(because(am::id));
        }
        Ok(result)
    }
}

fn take<'h, const N: usize>(args: &[Term<'h>]) -> [Term<'h>; N] {
    args.try_into().expect("the engine passes as many arguments as the table says")
}

/// A native is for a dirty scheduler if the key takes long to hash.
fn quick_key<'h>(key: Term<'h>, native: NativeFn) -> Result<(), Flow<'h>> {
    dirty::if_long(native, || is_long(key))
}

/// A native is for a dirty scheduler if what it is to copy is large.
fn quick_copy<'h>(term: Term<'h>, native: NativeFn) -> Result<(), Flow<'h>> {
    dirty::if_long(native, || is_large(term))
}

/// As [`quick_copy`], for an object, which is hashed too.
fn quick_object<'h>(table: &Table, object: Term<'h>, native: NativeFn) -> Result<(), Flow<'h>> {
    let elements = object.as_tuple().map_or(&[][..], |tuple| tuple.elements());
    // Mostly there is nothing in it to be counted.
    if elements.len() < MANY_ELEMENTS && elements.iter().all(|part| part.raw().is_immediate()) {
        return Ok(());
    }
    let key = elements.get(table.key_position() - 1);
    dirty::if_long(native, || is_large(object) || key.is_some_and(|&key| is_long(key)))
}

const MANY_ELEMENTS: usize = 1000;

/// The table that a term names, if the process may use it so.
///
/// Errors: `badarg` with cause `type`, `id` or `access`. While a long list is being inserted the
/// native is to be called again.
pub fn table<'h>(cx: &mut Cx<'h>, term: Term<'h>, access: Access) -> Result<Found<'h>, Flow<'h>> {
    let found = accessible(cx, term, access)?;
    while let Some(pending) = found.pending() {
        if dirty::current() != RunOn::Normal {
            pending.finish(&found);
            continue;
        }
        // A portion of what must be done first; then the native is called again.
        if pending.wait(cx) || !pending.help(&found, &mut HELP_UNITS.clone()) {
            return Err(Flow::Retry);
        }
    }
    // The help may have taken a while.
    if found.is_deleted() { Err(because(am::id)) } else { Ok(found) }
}

/// As [`table`], whatever is pending in it.
fn accessible<'h>(cx: &Cx<'h>, term: Term<'h>, access: Access) -> Result<Found<'h>, Flow<'h>> {
    let found = find(term)?;
    if found.is_deleted() {
        return Err(because(am::id));
    }
    let allowed = match (access, found.protection()) {
        (Access::Info, _) | (_, Protection::Public) | (Access::Read, Protection::Protected) => true,
        _ => found.owner() == cx.process.pid || internal::is_super_user(cx.process.pid),
    };
    if allowed { Ok(found) } else { Err(because(am::access)) }
}

/// The table that a term names; it may be deleted already.
fn find<'h>(term: Term<'h>) -> Result<Found<'h>, Flow<'h>> {
    if let Some(name) = term.as_atom() {
        return registry::by_name(name).map(Found::Named).ok_or_else(|| because(am::id));
    }
    if let Some(handle) = term.as_magic::<Handle>() {
        return Ok(Found::Behind(&handle.0));
    }
    // A reference that has been outside, as text or in a file.
    let plain = term.as_ref().filter(|reference| !reference.is_magic());
    let known = plain.and_then(|reference| registry::by_numbers(reference.numbers()));
    known.map(Found::Named).ok_or_else(|| because(am::type_))
}
