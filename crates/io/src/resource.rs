//! Terms that hold something of ours: magic references.

use oxbeam_heap::Heap;
use oxbeam_runtime::reference::new_numbers;
use oxbeam_runtime::{Flow, NativeResult};
use oxbeam_sys::Errno;
use oxbeam_term::{Atom, Binary, Term, am};

/// A new reference on `heap` that holds `value`; the last copy of it drops
/// the value.
pub fn make<'h, T: Send + Sync + 'static>(heap: &'h Heap, value: T) -> Term<'h> {
    let block = Binary::new_magic(Box::new(value));
    // SAFETY: the block is magic and its one reference is given away here.
    unsafe { heap.magic_ref(new_numbers(), block) }
}

/// The value in a reference. Errors: `badarg` for any other term.
pub fn get<'h, T: Send + Sync + 'static>(term: Term<'h>) -> Result<&'h T, Flow<'h>> {
    term.as_magic::<T>().ok_or_else(Flow::badarg)
}

/// An atom with a name from a fixed set of ours or the system's.
pub fn atom(name: &str) -> Atom {
    Atom::new(name).expect("room for the atoms of natives")
}

/// `{error, Reason}`
pub fn error<'h>(heap: &'h Heap, error: Errno) -> Term<'h> {
    heap.tagged(am::error, [Term::atom(atom(error.name()))])
}

/// `{ok, Value}`
pub fn ok<'h>(heap: &'h Heap, value: Term<'h>) -> NativeResult<'h> {
    Ok(heap.tagged(am::ok, [value]))
}

/// `ok`, or `{error, Reason}`.
pub fn ok_or_error<'h>(heap: &'h Heap, answer: Result<(), Errno>) -> NativeResult<'h> {
    Ok(match answer {
        Ok(()) => Term::atom(am::ok),
        Err(reason) => error(heap, reason),
    })
}
