//! Objects of `compressed` tables: elements other than the key are kept as external terms, where
//! that is shorter.
//!
//! An element that holds something outside its own words (a large binary, a fun, a reference to
//! what is not a term) stays as it is: the external format would copy it, or lose what it means.

use oxbeam_etf::decode::Options;
use oxbeam_etf::{EncodeOptions, NoZlib, binary_to_term, term_to_binary};
use oxbeam_heap::{Heap, OwnedTerm};
use oxbeam_term::Term;

use crate::object::Object;

/// An object of a tuple, packed if that takes less room.
pub fn object(tuple: Term<'_>, key_position: usize, hash: u32) -> Object {
    let packed = pack(tuple, key_position, hash);
    let plain = Object::new(tuple, key_position, hash);
    packed.filter(|packed| packed.words() < plain.words()).unwrap_or(plain)
}

fn pack(tuple: Term<'_>, key_position: usize, hash: u32) -> Option<Object> {
    let heap = Heap::detached();
    let mut kept = tuple.as_tuple()?.elements().to_vec();
    // Places and elements in turn.
    let mut packed = vec![];
    for (index, element) in kept.iter_mut().enumerate() {
        let can_be = index + 1 != key_position && !element.raw().is_immediate();
        if can_be && !OwnedTerm::deep_copy_of(*element).has_off_heap() {
            packed.extend([heap.usize(index), heap.import(*element)]);
            *element = Term::NIL;
        }
    }
    if packed.is_empty() {
        return None;
    }
    let bytes = term_to_binary(heap.tuple(&packed), EncodeOptions::default(), &NoZlib).ok()?;
    Some(Object::with_bytes(heap.tuple(&kept), key_position, hash, &bytes))
}

/// The plain object of a packed one: of its tuple, where the packed elements are missing, and of
/// its bytes.
pub fn unpack(object: &Object, tuple: Term<'_>, bytes: &[u8]) -> Object {
    let heap = Heap::detached();
    let packed = binary_to_term(&heap, bytes, Options::default(), &NoZlib);
    let packed = packed.expect("the bytes are those that were packed").term;
    let packed = packed.as_tuple().expect("places and elements").elements();
    let mut elements = tuple.as_tuple().expect("an object is a tuple").elements().to_vec();
    for pair in packed.chunks_exact(2) {
        elements[pair[0].as_usize().expect("a place")] = heap.import(pair[1]);
    }
    Object::new(heap.tuple(&elements), object.key_position(), object.hash())
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxbeam_term::compare::eq;

    #[test]
    fn a_packed_object_is_smaller_and_gives_what_was_stored() {
        let heap = Heap::detached();
        let text = heap.list_of_chars(&"text ".repeat(20));
        let key = heap.tuple(&[heap.int(1), heap.int(2)]);
        let float = heap.float(1.5);
        let large = heap.binary(&[7; 100]);
        let tuple = heap.tuple(&[text, key, float, large, Term::NIL, heap.int(3)]);
        let object = object(tuple, 2, 9);
        assert!(object.words() < Object::new(tuple, 2, 9).words() / 3);
        assert!(eq(object.plain().view(), tuple));
        assert!(eq(object.key(), key));
        let mut binaries = 0;
        object.each_binary(|_, size, references| {
            assert_eq!((size, references), (100, 2));
            binaries += 1;
        });
        assert_eq!(binaries, 1, "a large binary is shared");
    }

    #[test]
    fn what_would_grow_stays_plain() {
        let heap = Heap::detached();
        let tuple = heap.tuple(&[heap.int(1), heap.tuple(&[heap.int(1 << 40)])]);
        assert_eq!(object(tuple, 1, 0).words(), Object::new(tuple, 1, 0).words());
    }
}
