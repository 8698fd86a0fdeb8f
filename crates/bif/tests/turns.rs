//! Each yielding native gives the same whether it runs at once, in its long form without a yield,
//! or with one reduction a turn; and one that is given up between any two turns leaves nothing.
//!
//! Tables, and processes that start others, need a runtime: `tests/slices/turns.erl` has these.

mod support;

use oxbeam_bif::table::BIFS;
use oxbeam_etf::{EncodeOptions, NoZlib, term_to_binary};
use oxbeam_heap::Heap;
use oxbeam_runtime::native::Native;
use oxbeam_runtime::process::ProcState;
use oxbeam_runtime::yielding;
use oxbeam_runtime::{Cx, Flow, Process};
use oxbeam_sys::allocator::CountingAllocator;
use oxbeam_term::compare::{compare, compare_within, eq, eq_within};
use oxbeam_term::{RawTerm, Term, am};
use proptest::prelude::*;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use support::in_turns;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// The count of suspended natives is one for the whole program: tests that have some take turns.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The yielding natives that need no runtime around them.
fn natives() -> impl Iterator<Item = &'static Native> {
    let needs_runtime = |native: &Native| match native.module {
        "ets" => true,
        "erlang" => native.function.starts_with("spawn") || native.function == "processes",
        "erts_internal" => native.function == "spawn_request",
        _ => false,
    };
    BIFS.iter().filter(move |native| native.long.is_some() && !needs_runtime(native))
}

/// Fills the dictionary of a process, for natives that list it.
fn fill_dictionary<'h>(cx: &mut Cx<'h>, native: &Native) {
    if matches!(native.function, "get" | "get_keys" | "erase") {
        for n in 0..2000 {
            cx.own.dictionary.put(cx.heap, cx.heap.int(n), cx.heap.int(n % 3));
        }
    }
}

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
    /// An atom and an integer, as they are.
    Named(&'static str),
    Number(i64),
    /// A list of many tuples of some size, in a nest.
    Forest(u16),
    /// The state of a hash.
    Md5,
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
        Shape::Named(name) => Term::atom(oxbeam_term::Atom::new(name).expect("a short name")),
        Shape::Number(number) => heap.int(*number),
        Shape::Forest(count) => {
            let leaf =
                |n: i64| heap.tuple(&[heap.int(n), heap.binary(&[n as u8; 80]), heap.float(0.5)]);
            let trees =
                (0..*count).map(|n| heap.list(&vec![leaf(i64::from(n)); usize::from(n % 7)]));
            heap.list(&trees.collect::<Vec<_>>())
        }
        Shape::Md5 => {
            let init = BIFS.iter().find(|native| native.function == "md5_init").expect("a row");
            let process = Process::detached(0);
            let mut own = ProcState::new(0, RawTerm::NIL, (am::ok, am::ok, 0));
            let scratch = Heap::detached();
            let mut cx = Cx { heap: &scratch, own: &mut own, process: &process, reductions: 4000 };
            let state = (init.call)(&mut cx, &[]).ok().expect("a state");
            heap.import(state)
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

/// The outcome in bytes; `slice`: reductions a turn of the long form, or as callers do.
fn outcome(native: &Native, args: &[Shape], slice: Option<i64>) -> Vec<u8> {
    let heap = Heap::detached();
    let process = Process::detached(0);
    let args: Vec<_> = args.iter().map(|arg| build(&heap, arg)).collect();
    let mut own = ProcState::new(0, RawTerm::NIL, (am::ok, am::ok, 0));
    let mut cx = Cx { heap: &heap, own: &mut own, process: &process, reductions: 4000 };
    fill_dictionary(&mut cx, native);
    let result = match (slice, native.long) {
        (Some(slice), Some(long)) => in_turns(&mut cx, long, &args, slice),
        _ => match (native.call)(&mut cx, &args) {
            Err(Flow::Long(long)) => in_turns(&mut cx, long, &args, i64::MAX / 10_000),
            result => result,
        },
    };
    let term = match result {
        // A reference is another one each time.
        Ok(value) if value.is_reference() => Term::atom(am::reference),
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
    fn turns_make_no_difference(args in proptest::collection::vec(shape(), 4)) {
        let _alone = alone();
        let mut yielding = 0;
        for native in natives() {
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
        prop_assert!(yielding > 50);
    }
}

/// Arguments that keep a native busy for many turns of one reduction.
fn busy(native: &Native) -> Vec<Shape> {
    use Shape::*;
    let bytes = || ManyBytes(60_000);
    let pattern = || Binary(vec![3, 4]);
    let nothing = || List(vec![]);
    let iolist = || List(vec![ManySmalls(3000, 256), bytes(), List(vec![bytes()])]);
    let text = || List(vec![ManySmalls(3000, 200), Binary(vec![b'a'; 20_000])]);
    let external = || External(Box::new(Tuple(vec![ManyPairs(600, 500, true), Forest(200)])));
    match (native.function, native.arity) {
        ("binary_to_list", 3) => vec![bytes(), Number(7), Number(5000)],
        (
            "binary_to_list" | "bitstring_to_list" | "list_to_bin" | "md5" | "crc32" | "adler32",
            1,
        ) if native.function.starts_with("bi") => vec![bytes()],
        ("list_to_binary" | "list_to_bin" | "iolist_to_binary" | "iolist_size" | "md5", 1)
        | ("crc32" | "adler32" | "list_to_bitstring" | "iolist_to_iovec", 1) => vec![iolist()],
        ("crc32" | "adler32", 2) => vec![Number(1), iolist()],
        ("md5_update", 2) => vec![Md5, iolist()],
        ("copy", 1) => vec![bytes()],
        ("copy", 2) => vec![ManyBytes(300), Number(300)],
        ("match" | "matches" | "split", 2) => vec![bytes(), pattern()],
        ("match" | "matches", 3) => vec![bytes(), pattern(), nothing()],
        ("split", 3) => vec![bytes(), pattern(), List(vec![Named("global")])],
        ("++" | "append" | "--" | "subtract", 2) => {
            vec![ManySmalls(3000, 900), ManySmalls(900, 700)]
        }
        ("reverse", 2) => vec![ManySmalls(3000, 900), nothing()],
        ("member", 2) => vec![Number(-1), ManySmalls(3000, 900)],
        ("keyfind" | "keymember" | "keysearch", 3) => {
            vec![Number(-1), Number(1), ManyPairs(3000, 900, false)]
        }
        ("length" | "list_to_tuple", 1) => vec![ManySmalls(3000, 900)],
        ("tuple_to_list", 1) => vec![Tuple(vec![Small(1); 3000])],
        ("from_list", 1) => vec![ManyPairs(3000, 900, false)],
        ("from_keys", 2) => vec![ManySmalls(3000, 900), Atom],
        ("keys" | "values", 1) => vec![ManyPairs(3000, 900, true)],
        ("merge", 2) => vec![ManyPairs(900, 900, true), ManyPairs(2000, 1500, true)],
        ("binary_to_term", 1) => vec![external()],
        ("binary_to_term", 2) => vec![external(), Options(1)],
        ("term_to_binary" | "term_to_iovec" | "external_size", 1) => {
            vec![Tuple(vec![ManyPairs(600, 500, true), Forest(200)])]
        }
        ("external_size", 2) => {
            vec![Tuple(vec![ManyPairs(600, 500, true), Forest(200)]), nothing()]
        }
        ("term_to_binary" | "term_to_iovec", 2) => {
            vec![Tuple(vec![ManyPairs(600, 500, true), Forest(200)]), Options(12)]
        }
        ("characters_to_binary" | "characters_to_list", 2) => vec![text(), Named("utf8")],
        ("bin_is_7bit", 1) => vec![Binary(vec![b'a'; 60_000])],
        ("get" | "get_keys" | "erase", 0) => vec![],
        ("get_keys", 1) => vec![Number(2)],
        // To nobody: there is no such process, but the message is copied.
        ("!" | "send", 2) | ("exit", 2) => vec![Named("ok"), Forest(300)],
        ("send", 3) => vec![Named("ok"), Forest(300), nothing()],
        ("send_after" | "start_timer", 3) => vec![Number(1 << 40), Named("ok"), Forest(300)],
        ("send_after" | "start_timer", 4) => {
            vec![Number(1 << 40), Named("ok"), Forest(300), nothing()]
        }
        (function, arity) => panic!("say what keeps {}:{function}/{arity} busy", native.module),
    }
}

/// Runs a native with one reduction a turn and gives it up after so many turns, or when it ends:
/// whether it has ended.
fn given_up(native: &Native, args: &[Shape], turns: usize) -> bool {
    let heap = Heap::detached();
    let process = Process::detached(0);
    let args: Vec<_> = args.iter().map(|arg| build(&heap, arg)).collect();
    let mut own = ProcState::new(0, RawTerm::NIL, (am::ok, am::ok, 0));
    let mut cx = Cx { heap: &heap, own: &mut own, process: &process, reductions: 1 };
    fill_dictionary(&mut cx, native);
    let long = native.long.expect("a yielding native");
    let mut ended = yielding::begin(&mut cx, long, &args).map_or(Poll::Pending, Poll::Ready);
    for _ in 0..turns {
        if ended.is_ready() {
            break;
        }
        cx.reductions = 1;
        ended = yielding::resume(&mut cx).map_or(Poll::Pending, Poll::Ready);
    }
    if ended.is_pending() {
        assert_eq!(yielding::suspended_count(), 1);
    }
    ended.is_ready()
}

#[test]
fn given_up_between_any_two_turns_a_native_leaves_nothing() {
    let _alone = alone();
    for native in natives() {
        let args = busy(native);
        let name = format!("{}:{}/{}", native.module, native.function, native.arity);
        // Once to the end: what is kept for the next native is there from now on.
        let _ = given_up(native, &args, 1);
        let _ = given_up(native, &args, usize::MAX);
        let held_bytes = CountingAllocator::held_bytes();
        let mut turns = 0;
        loop {
            let ended = given_up(native, &args, turns);
            assert_eq!(yielding::suspended_count(), 0, "{name} given up after {turns} turns");
            let more = CountingAllocator::held_bytes() - held_bytes;
            assert!(ended || more <= 0, "{name} given up after {turns} turns: {more} bytes");
            if ended {
                break;
            }
            // The first turns each, then some.
            turns += 1 + turns / 4;
        }
        assert!(turns > 5, "{name} takes only {turns} turns");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn comparing_within_a_limit_gives_the_same_or_nothing(a in shape(), b in shape(), same in any::<bool>()) {
        let heap = Heap::detached();
        let (a, b) = (build(&heap, &a), build(&heap, if same { &a } else { &b }));
        for limit in [0, 1, 10, 300, 1 << 40] {
            if a.raw() != b.raw() && !(a.raw().is_immediate() || b.raw().is_immediate()) {
                let equal = eq_within(a, b, limit);
                prop_assert!(equal.is_none_or(|equal| equal == eq(a, b)));
                prop_assert!(limit < 1 << 40 || equal.is_some());
            }
            let order = compare_within(a, b, limit);
            prop_assert!(order.is_none_or(|order| order == compare(a, b)));
            prop_assert!(limit < 1 << 40 || order.is_some());
        }
    }
}
