//! Random terms survive collections, copies and literal areas unchanged.

use oxbeam_heap::heap::HeapOptions;
use oxbeam_heap::literal::Area;
use oxbeam_heap::{Collection, GcKind, Heap, OwnedTerm};
use oxbeam_term::view::Kind;
use oxbeam_term::{Binary, RawTerm, Term, am};
use std::sync::Arc;

/// A small generator of numbers, so that a failure repeats.
struct Rng(u64);

impl Rng {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % n
    }
}

fn random_term<'h>(heap: &'h Heap, rng: &mut Rng, depth: u32, made: &[Term<'h>]) -> Term<'h> {
    let leaf = depth == 0;
    match rng.below(if leaf { 7 } else { 12 }) {
        0 => heap.int(rng.below(1000) as i64 - 500),
        1 => heap.uint(u64::MAX - rng.below(9)),
        2 => heap.float(rng.below(100) as f64 / 7.0),
        3 => heap.binary(&vec![rng.below(256) as u8; rng.below(150) as usize]),
        4 => Term::atom(am::ok),
        5 => heap.plain_ref([1, 2, rng.below(9) as u32]),
        6 if made.is_empty() => Term::nil(),
        6 => made[rng.below(made.len() as u64) as usize],
        7 => {
            let whole = heap.binary(&[7; 90]);
            heap.sub_binary(whole, rng.below(30) as usize, 3 + rng.below(600) as usize)
        }
        8 | 9 => {
            let n = rng.below(6);
            let parts: Vec<_> = (0..n).map(|_| random_term(heap, rng, depth - 1, made)).collect();
            heap.tuple(&parts)
        }
        _ => {
            let n = rng.below(8);
            let parts: Vec<_> = (0..n).map(|_| random_term(heap, rng, depth - 1, made)).collect();
            heap.list_onto(&parts, Term::nil())
        }
    }
}

fn show(term: Term<'_>, out: &mut String) {
    match term.kind() {
        Kind::Small(n) => out.push_str(&n.to_string()),
        Kind::Big(big) => out.push_str(&format!("big{:?}", big.digits())),
        Kind::Float(f) => out.push_str(&f.to_string()),
        Kind::Atom(atom) => out.push_str(atom.name()),
        Kind::Nil => out.push_str("[]"),
        Kind::Cons(cons) => {
            out.push('[');
            show(cons.head(), out);
            out.push('|');
            show(cons.tail(), out);
        }
        Kind::Tuple(tuple) => {
            out.push('{');
            tuple.elements().iter().for_each(|&t| show(t, out));
        }
        Kind::Bits(bits) => {
            out.push_str(&format!("<<{:?}:{}>>", bits.to_bytes(), bits.bit_size()));
        }
        Kind::Ref(reference) => out.push_str(&format!("ref{:?}", reference.numbers())),
        _ => panic!("not made here"),
    }
}

fn shown(term: Term<'_>) -> String {
    let mut out = String::new();
    show(term, &mut out);
    out
}

#[test]
fn roots_survive_minor_and_major_collections() {
    let mut rng = Rng(42);
    let mut heap = Heap::new(HeapOptions::default()).unwrap();
    let mut roots: Vec<RawTerm> = vec![];
    let mut expected: Vec<String> = vec![];
    for round in 0..2000 {
        let fresh = {
            // SAFETY: the roots were collected with the heap each time.
            let made: Vec<_> = roots.iter().map(|&raw| unsafe { heap.brand(raw) }).collect();
            let term = random_term(&heap, &mut rng, 4, &made);
            (term.raw(), shown(term))
        };
        if roots.len() < 40 {
            roots.push(fresh.0);
            expected.push(fresh.1);
        } else {
            let slot = rng.below(40) as usize;
            (roots[slot], expected[slot]) = fresh;
        }
        if rng.below(4) == 0 || heap.wants_collection() {
            let kind = if rng.below(10) == 0 { GcKind::Major } else { GcKind::Auto };
            let need_words = rng.below(500) as usize;
            let mut sets = [&mut roots[..]];
            // SAFETY: `roots` holds every term that is used afterwards.
            unsafe { heap.collect(Collection { kind, need_words, roots: &mut sets }) };
            heap.verify(&mut [&mut roots[..]]);
        }
        let _ = round;
        for (&raw, text) in roots.iter().zip(&expected) {
            // SAFETY: as above.
            assert_eq!(&shown(unsafe { heap.brand(raw) }), text);
        }
    }
    assert!(heap.old_used_words() > 0 || heap.minor_count() == 0);
}

#[test]
fn dead_magic_references_let_go() {
    let value = Arc::new(());
    let mut heap = Heap::new(HeapOptions::default()).unwrap();
    let block = Binary::new_magic(Box::new(value.clone()));
    // SAFETY: we give the block's one reference to the heap.
    let mut root = [unsafe { heap.magic_ref([1, 2, 3], block) }.raw()];
    for kind in [GcKind::Auto, GcKind::Auto, GcKind::Major] {
        // SAFETY: `root` is all that is used.
        unsafe { heap.collect(Collection { kind, need_words: 0, roots: &mut [&mut root[..]] }) };
        assert_eq!(Arc::strong_count(&value), 2);
    }
    // SAFETY: nothing is used afterwards.
    unsafe {
        heap.collect(Collection { kind: GcKind::Major, need_words: 0, roots: &mut [&mut [][..]] })
    };
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn owned_terms_and_literals_are_faithful_copies() {
    let mut rng = Rng(7);
    for _ in 0..300 {
        let heap = Heap::detached();
        let term = random_term(&heap, &mut rng, 5, &[]);
        let text = shown(term);
        let owned = OwnedTerm::copy_of(term);
        let (area, copies) = Area::copy_of(&[term, term]).unwrap();
        drop(heap);
        assert_eq!(shown(owned.view()), text);
        let other = Heap::detached();
        assert_eq!(shown(owned.copy_to(&other)), text);
        assert_eq!(shown(owned.attach_to(&other)), text);
        for copy in copies {
            // SAFETY: the area is alive.
            assert_eq!(shown(unsafe { Term::from_raw(copy) }), text);
        }
        drop(area);
    }
}

#[test]
fn a_long_list_is_copied_without_recursion() {
    let heap = Heap::detached();
    let list = heap.list_from_rev((0..1_000_000).map(|n| Term::small(n).unwrap()));
    let nested = (0..1_000_000).fold(Term::nil(), |inner, _| heap.cons(inner, Term::nil()));
    let owned = OwnedTerm::copy_of(heap.tuple(&[list, nested]));
    let [copy, _] = owned.view().as_tuple_n().unwrap();
    assert_eq!(copy.list().count(), 1_000_000);
    assert_eq!(owned.words(), 3 + 4_000_000);
}
