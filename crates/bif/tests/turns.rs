//! Each yielding native gives the same whether it runs at once, in its long form without a yield,
//! or with one reduction a turn.

use oxbeam_bif::table::BIFS;
use oxbeam_etf::{EncodeOptions, NoZlib, term_to_binary};
use oxbeam_heap::Heap;
use oxbeam_runtime::native::Native;
use oxbeam_runtime::process::ProcState;
use oxbeam_runtime::yielding::{self, Begin};
use oxbeam_runtime::{Cx, Flow, NativeResult, Process};
use oxbeam_term::{RawTerm, Term, am};
use proptest::prelude::*;

/// A term to be made.
#[derive(Clone, Debug)]
enum Shape {
    Small(i16),
    Atom,
    Float(i8),
    Binary(Vec<u8>),
    /// Bytes cut off at odd bits: offset and size leave out so many.
    Bits(Vec<u8>, u8),
    Tuple(Vec<Shape>),
    List(Vec<Shape>),
    /// A list with this tail.
    Improper(Vec<Shape>, Box<Shape>),
    Map(Vec<(Shape, Shape)>),
    /// A list, or map, of this many of the same kind, keys from a small set.
    ManyPairs(u16, u16, bool),
    ManySmalls(u16, u16),
    ManyBytes(u16),
    /// The external term of another.
    External(Box<Shape>),
    /// Options that natives know.
    Options(u8),
}

fn shape() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        any::<i16>().prop_map(Shape::Small),
        (0..256i16).prop_map(Shape::Small),
        Just(Shape::Atom),
        any::<i8>().prop_map(Shape::Float),
        proptest::collection::vec(any::<u8>(), 0..200).prop_map(Shape::Binary),
        (proptest::collection::vec(any::<u8>(), 2..100), 0..16u8)
            .prop_map(|(bytes, cut)| Shape::Bits(bytes, cut)),
        (1..900u16, 1..700u16, any::<bool>()).prop_map(|(n, k, map)| Shape::ManyPairs(n, k, map)),
        (1..900u16, 1..900u16).prop_map(|(n, k)| Shape::ManySmalls(n, k)),
        (1..9000u16).prop_map(Shape::ManyBytes),
        any::<u8>().prop_map(Shape::Options),
    ];
    leaf.prop_recursive(3, 40, 8, |inner| {
        let some = || proptest::collection::vec(inner.clone(), 0..8);
        prop_oneof![
            some().prop_map(Shape::Tuple),
            inner.clone().prop_map(|inner| Shape::External(Box::new(inner))),
            some().prop_map(Shape::List),
            (some(), inner.clone()).prop_map(|(front, end)| Shape::Improper(front, Box::new(end))),
            proptest::collection::vec((inner.clone(), inner.clone()), 0..8).prop_map(Shape::Map),
        ]
    })
}

fn build<'h>(heap: &'h Heap, shape: &Shape) -> Term<'h> {
    let all = |shapes: &[Shape]| shapes.iter().map(|s| build(heap, s)).collect::<Vec<_>>();
    // Numbers that follow each other in no order.
    let scattered = |n: u16, of: u16| heap.int(i64::from(n.wrapping_mul(40503) % of));
    match shape {
        Shape::Small(value) => heap.int(i64::from(*value)),
        Shape::Atom => Term::atom(am::ok),
        Shape::Float(value) => heap.float(f64::from(*value) / 4.0),
        Shape::Binary(bytes) => heap.binary(bytes),
        Shape::Bits(bytes, cut) => {
            let cut = usize::from(*cut);
            heap.sub_binary(heap.binary(bytes), cut / 2, bytes.len() * 8 - cut)
        }
        Shape::External(inner) => {
            let options = EncodeOptions::default();
            heap.binary(&term_to_binary(build(heap, inner), options, &NoZlib).expect("small"))
        }
        Shape::Options(bits) => {
            let all = [am::used, am::safe, am::compressed, am::deterministic];
            if *bits > 240 {
                return Term::atom([am::utf8, am::latin1, am::unicode][usize::from(bits % 3)]);
            }
            let set = all.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 != 0);
            heap.list(&set.map(|(_, name)| Term::atom(*name)).collect::<Vec<_>>())
        }
        Shape::Tuple(parts) => heap.tuple(&all(parts)),
        Shape::List(parts) => heap.list(&all(parts)),
        Shape::Improper(parts, end) => heap.list_onto(&all(parts), build(heap, end)),
        Shape::Map(pairs) => heap.map_from_merged(
            pairs.iter().map(|(key, value)| (build(heap, key), build(heap, value))).collect(),
        ),
        Shape::ManyPairs(count, keys, map) => {
            let pairs = (0..*count).map(|n| (scattered(n, *keys), heap.int(i64::from(n))));
            match map {
                true => heap.map_from_merged(pairs.collect()),
                false => heap.list(&pairs.map(|(k, v)| heap.tuple(&[k, v])).collect::<Vec<_>>()),
            }
        }
        Shape::ManySmalls(count, of) => {
            heap.list(&(0..*count).map(|n| scattered(n, *of)).collect::<Vec<_>>())
        }
        Shape::ManyBytes(count) => {
            heap.binary(&(0..*count).map(|n| (n.wrapping_mul(77) >> 3) as u8).collect::<Vec<_>>())
        }
    }
}

fn in_turns<'h>(cx: &mut Cx<'h>, long: Begin, args: &[Term<'h>], slice: i64) -> NativeResult<'h> {
    cx.reductions = slice;
    let mut ended = yielding::begin(cx, long, args);
    loop {
        if let Some(result) = ended {
            return result;
        }
        cx.reductions = slice;
        ended = yielding::resume(cx);
    }
}

/// The outcome in bytes; `slice`: reductions a turn of the long form, or as callers do.
fn outcome(native: &Native, args: &[Shape], slice: Option<i64>) -> Vec<u8> {
    let heap = Heap::detached();
    let process = Process::detached(0);
    let args: Vec<_> = args.iter().map(|arg| build(&heap, arg)).collect();
    let mut own = ProcState::new(0, RawTerm::NIL, (am::ok, am::ok, 0));
    let mut cx = Cx { heap: &heap, own: &mut own, process: &process, reductions: 4000 };
    let result = match (slice, native.long) {
        (Some(slice), Some(long)) => in_turns(&mut cx, long, &args, slice),
        _ => match (native.call)(&mut cx, &args) {
            Err(Flow::Long(long)) => in_turns(&mut cx, long, &args, i64::MAX / 10_000),
            result => result,
        },
    };
    let term = match result {
        Ok(value) => heap.tagged(am::ok, [value]),
        Err(Flow::Raise(raise)) => heap.tagged(raise.class.atom(), [raise.reason]),
        // It goes on in Erlang, whatever the form.
        Err(_) => return vec![],
    };
    assert!(cx.own.suspended.is_none());
    assert_eq!(cx.own.gc_disabled, 0);
    term_to_binary(term, EncodeOptions::default(), &NoZlib).expect("small")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn turns_make_no_difference(args in proptest::collection::vec(shape(), 3)) {
        let mut yielding = 0;
        for native in BIFS.iter().filter(|native| native.long.is_some()) {
            yielding += 1;
            let args = &args[..usize::from(native.arity)];
            let at_once = outcome(native, args, None);
            if at_once.is_empty() {
                continue;
            }
            for slice in [1, 3, i64::MAX / 10_000] {
                let in_turns = outcome(native, args, Some(slice));
                prop_assert!(
                    in_turns == at_once,
                    "{}:{}/{} with {slice}: {in_turns:?}, at once {at_once:?}",
                    native.module, native.function, native.arity
                );
            }
        }
        prop_assert!(yielding > 15);
    }
}
