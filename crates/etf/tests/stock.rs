//! Terms that stock Erlang/OTP 25 wrote down (`corpus.escript`): decoding, order, equality,
//! hashes and text must be the same here.

use std::cmp::Ordering;

use oxbeam_etf::{EncodeOptions, NoZlib, Options, binary_to_term, term_to_binary};
use oxbeam_heap::Heap;
use oxbeam_term::Term;
use oxbeam_term::compare::{compare, eq, eq_value};
use oxbeam_term::hash::{phash, phash2};
use oxbeam_term::print::to_bytes;

struct Line {
    bytes: Vec<u8>,
    phash2: u32,
    phash: u32,
    equal_to_next: bool,
    same_as_next: bool,
}

fn corpus() -> Vec<Line> {
    include_str!("corpus.tsv").lines().map(line).collect()
}

fn line(text: &str) -> Line {
    let [hex, phash2, phash, equal, same] =
        text.split('\t').collect::<Vec<_>>().try_into().expect("five columns");
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
    Line {
        bytes: (0..hex.len()).step_by(2).map(byte).collect(),
        phash2: phash2.parse().expect("a hash"),
        phash: phash.parse().expect("a hash"),
        equal_to_next: equal == "true",
        same_as_next: same == "true",
    }
}

fn decode<'h>(heap: &'h Heap, line: &Line) -> Term<'h> {
    let decoded = binary_to_term(heap, &line.bytes, Options::default(), &NoZlib).expect("a term");
    assert_eq!(decoded.used_bytes, line.bytes.len());
    decoded.term
}

fn text(term: Term<'_>) -> String {
    String::from_utf8_lossy(&to_bytes(term)).into_owned()
}

#[test]
fn hashes() {
    let heap = Heap::detached();
    for line in corpus() {
        let term = decode(&heap, &line);
        assert_eq!(phash2(term), line.phash2, "phash2 of {}", text(term));
        assert_eq!(phash(term), line.phash, "phash of {}", text(term));
    }
}

#[test]
fn order_and_equality() {
    let heap = Heap::detached();
    let corpus = corpus();
    for pair in corpus.windows(2) {
        // Decoded twice, so that nothing is equal for being the same object.
        let (a, b) = (decode(&heap, &pair[0]), decode(&heap, &pair[1]));
        let (x, y) = (text(a), text(b));
        let expect = if pair[0].equal_to_next { Ordering::Equal } else { Ordering::Less };
        assert_eq!(compare(a, b), expect, "{x} and {y}");
        assert_eq!(compare(b, a), expect.reverse(), "{y} and {x}");
        assert_eq!(eq(a, b), pair[0].same_as_next, "{x} and {y}");
        assert_eq!(eq_value(a, b), pair[0].equal_to_next, "{x} and {y}");
        assert!(eq(a, decode(&heap, &pair[0])), "{x} and itself");
        assert_eq!(compare(a, decode(&heap, &pair[0])), Ordering::Equal, "{x} and itself");
    }
}

/// The text of a map shows its tree, so this proves hashes and shape of big maps too.
#[test]
fn display() {
    let heap = Heap::detached();
    let expected = include_bytes!("display.txt").split(|&byte| byte == b'\n');
    for (line, expect) in corpus().iter().zip(expected) {
        let term = decode(&heap, line);
        let foreign = [term.pid_parts().map(|p| p.node), term.port_parts().map(|p| p.node)];
        let foreign_ref = term.ref_parts().map(|parts| parts.node);
        // The first number of a foreign identity is an atom index.
        if !foreign.into_iter().chain([foreign_ref]).flatten().all(|node| node.is_this()) {
            continue;
        }
        let got = to_bytes(term);
        assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(expect));
    }
}

#[test]
fn encoding() {
    let heap = Heap::detached();
    for line in corpus() {
        let term = decode(&heap, &line);
        let bytes = term_to_binary(term, EncodeOptions::default(), &NoZlib).unwrap();
        assert!(bytes == line.bytes, "{}\n{bytes:02x?}\n{:02x?}", text(term), line.bytes);
        for (minor_version, deterministic) in [(0, false), (2, false), (1, true)] {
            let options = EncodeOptions { minor_version, deterministic, compression: 0 };
            let bytes = term_to_binary(term, options, &NoZlib).unwrap();
            let back = binary_to_term(&heap, &bytes, Options::default(), &NoZlib).unwrap();
            assert!(eq(back.term, term), "{}", text(term));
        }
    }
}
