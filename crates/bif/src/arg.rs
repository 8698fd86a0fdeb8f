//! Taking arguments apart.

use std::borrow::Cow;

use oxbeam_runtime::{Flow, NativeResult};
use oxbeam_term::{Atom, Bits, Map, Term, am};

/// The arguments of a native, as many as its row in the table says.
pub fn take<'h, const N: usize>(args: &[Term<'h>]) -> [Term<'h>; N] {
    args.try_into().expect("the engine passes as many arguments as the table says")
}

/// The bytes of a binary.
pub fn bytes<'h>(term: Term<'h>) -> Result<Cow<'h, [u8]>, Flow<'h>> {
    let bits = bits(term)?;
    if bits.bit_size().is_multiple_of(8) { Ok(bits.to_bytes()) } else { Err(Flow::badarg()) }
}

/// Any bitstring.
pub fn bits<'h>(term: Term<'h>) -> Result<Bits<'h>, Flow<'h>> {
    term.as_bits().ok_or_else(Flow::badarg)
}

/// A small that is not negative.
pub fn size<'h>(term: Term<'h>) -> Result<usize, Flow<'h>> {
    term.as_usize().ok_or_else(Flow::badarg)
}

/// The elements of a proper list.
pub fn list<'h>(term: Term<'h>) -> Result<Vec<Term<'h>>, Flow<'h>> {
    term.list_to_vec().ok_or_else(Flow::badarg)
}

/// A map, or the error `{badmap, Term}`.
pub fn map<'h>(cx: &oxbeam_runtime::Cx<'h>, term: Term<'h>) -> Result<Map<'h>, Flow<'h>> {
    term.as_map().ok_or_else(|| Flow::badmap(cx.heap, term))
}

/// The options of an option list.
pub fn options<'h>(term: Term<'h>) -> impl Iterator<Item = Result<Term<'h>, Flow<'h>>> {
    let mut list = term.list();
    std::iter::from_fn(move || match list.next() {
        Some(option) => Some(Ok(option)),
        None if list.rest().is_nil() => None,
        None => {
            list = Term::nil().list();
            Some(Err(Flow::badarg()))
        }
    })
}

/// The map of a few pairs with atom keys.
pub fn map_of<'h>(heap: &'h oxbeam_heap::Heap, pairs: &[(Atom, Term<'h>)]) -> Term<'h> {
    heap.map_from_merged(pairs.iter().map(|(key, value)| (Term::atom(*key), *value)).collect())
}

/// For natives whose Erlang side raises: `badarg`, or what is wrong (`badopt`), as a value.
pub fn answered(result: NativeResult<'_>) -> NativeResult<'_> {
    match result {
        Err(Flow::Raise(raise)) if raise.reason.is(am::badarg) => {
            Ok(raise.error_info.unwrap_or(raise.reason))
        }
        other => other,
    }
}
