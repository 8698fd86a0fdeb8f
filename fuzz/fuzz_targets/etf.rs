//! Any bytes as an external term: a term or an error; a term can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oxbeam_etf::{EncodeOptions, NoZlib, Options, binary_to_term, term_to_binary};
use oxbeam_heap::Heap;
use oxbeam_term::compare::eq;

fuzz_target!(|data: &[u8]| {
    let heap = Heap::detached();
    // Safe mode, so that the atom table does not fill up.
    let options = Options { safe: true };
    let Ok(decoded) = binary_to_term(&heap, data, options, &NoZlib) else { return };
    let bytes = term_to_binary(decoded.term, EncodeOptions::default(), &NoZlib).unwrap();
    let again = binary_to_term(&heap, &bytes, options, &NoZlib).unwrap();
    assert!(eq(again.term, decoded.term));
});
