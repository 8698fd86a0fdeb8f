//! Bytes from anywhere: the decoder gives a term or an error, and what it gives can be written
//! and read again.

use oxbeam_etf::{EncodeOptions, NoZlib, Options, binary_to_term, term_to_binary};
use oxbeam_heap::Heap;
use oxbeam_term::compare::eq;
use proptest::prelude::*;

fn corpus() -> Vec<Vec<u8>> {
    let byte = |hex: &str, at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
    include_str!("corpus.tsv")
        .lines()
        .filter_map(|line| line.split('\t').next())
        .map(|hex| (0..hex.len()).step_by(2).map(|at| byte(hex, at)).collect())
        .collect()
}

fn check(bytes: &[u8]) {
    let heap = Heap::detached();
    let Ok(decoded) = binary_to_term(&heap, bytes, Options::default(), &NoZlib) else { return };
    let written = term_to_binary(decoded.term, EncodeOptions::default(), &NoZlib).unwrap();
    let again = binary_to_term(&heap, &written, Options::default(), &NoZlib).unwrap();
    assert!(eq(again.term, decoded.term));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn changed_terms(
        which in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let corpus = corpus();
        let mut bytes = which.get(&corpus).clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len()) + bytes.len() / 2);
        check(&bytes);
    }

    #[test]
    fn random_tags(tail in proptest::collection::vec(prop_oneof![97u8..120, 0u8..4, any::<u8>()], 0..64)) {
        let mut bytes = vec![131];
        bytes.extend(tail);
        check(&bytes);
    }
}

#[test]
fn deep_terms_need_no_stack() {
    // A million tuples in tuples, then as many lists in lists.
    for opening in [&[104, 1][..], &[108, 0, 0, 0, 1][..]] {
        let mut bytes = vec![131];
        for _ in 0..1_000_000 {
            bytes.extend_from_slice(opening);
        }
        bytes.push(106);
        bytes.extend(std::iter::repeat_n(106, if opening.len() > 2 { 1_000_000 } else { 0 }));
        check(&bytes);
    }
}

#[test]
fn counts_beyond_the_input_take_no_memory() {
    for tag in [105, 108, 116, 109, 77, 111] {
        check(&[131, tag, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0]);
    }
}

#[test]
fn safe_mode_makes_no_atoms() {
    let heap = Heap::detached();
    let name = b"an atom that nobody made before";
    let mut bytes = vec![131, 119, name.len() as u8];
    bytes.extend_from_slice(name);
    let decode = |safe| binary_to_term(&heap, &bytes, Options { safe }, &NoZlib).is_ok();
    assert!(!decode(true));
    assert!(decode(false));
    assert!(decode(true));
}

#[test]
fn a_key_that_comes_twice_is_refused() {
    let heap = Heap::detached();
    let bytes = [131, 116, 0, 0, 0, 2, 97, 1, 97, 1, 97, 1, 97, 2];
    assert!(binary_to_term(&heap, &bytes, Options::default(), &NoZlib).is_err());
}
