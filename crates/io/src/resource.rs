//! Terms in and out: magic references that hold something of ours, atoms,
//! results, bytes of iodata.

use oxbeam_heap::Heap;
use oxbeam_runtime::reference::new_numbers;
use oxbeam_runtime::{Flow, NativeResult};
use oxbeam_sys::Errno;
use oxbeam_term::{Atom, Binary, Term, am};
use std::borrow::Cow;

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

/// The bytes of a binary or an iolist; None for anything else.
pub fn iodata(term: Term<'_>) -> Option<Cow<'_, [u8]>> {
    if let Some(bytes) = term.as_bytes() {
        return Some(bytes.into());
    }
    let mut bytes = Vec::new();
    let mut rest = vec![term];
    while let Some(term) = rest.pop() {
        if let Some(cons) = term.as_cons() {
            // A byte is good in the place of an element only, not of a tail.
            rest.push(cons.tail());
            match cons.head().as_small() {
                Some(byte) => bytes.push(u8::try_from(byte).ok()?),
                None => rest.push(cons.head()),
            }
        } else if let Some(bits) = term.as_bits() {
            if bits.bit_size() % 8 != 0 {
                return None;
            }
            bytes.extend_from_slice(&bits.to_bytes());
        } else if !term.is_nil() {
            return None;
        }
    }
    Some(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iodata_is_flattened() {
        let heap = Heap::detached();
        let inner = heap.list_onto(&[heap.binary(b"bc")], heap.binary(b"d"));
        let list = heap.list(&[heap.int(97), inner, Term::nil(), heap.int(101)]);
        assert_eq!(iodata(list).as_deref(), Some(&b"abcde"[..]));
        assert_eq!(iodata(heap.list(&[heap.int(256)])), None);
        assert_eq!(iodata(heap.list_onto(&[heap.int(1)], heap.int(2))), None);
        assert_eq!(iodata(heap.int(1)), None);
    }
}
