//! Maps against a model: whatever way a map was made, one set of pairs gives one map.

use std::collections::BTreeMap;

use oxbeam_heap::Heap;
use oxbeam_heap::map::cursor::Cursor;
use oxbeam_heap::map::{FLAT_MAX, Twice};
use oxbeam_term::compare::{compare_exact, eq};
use oxbeam_term::hamt::{self, Leaves, Pairs};
use oxbeam_term::{Map, Term};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Put(i64, i64),
    /// In the order of the keys as terms, or as they are.
    PutAll(Vec<(i64, i64)>, bool),
    Take(i64),
    Update(i64, i64),
    Merge(Vec<(i64, i64)>),
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0i64..120;
    prop_oneof![
        6 => (key(), 0i64..5).prop_map(|(k, v)| Step::Put(k, v)),
        5 => key().prop_map(Step::Take),
        3 => (proptest::collection::vec((key(), 0i64..5), 0..8), any::<bool>())
            .prop_map(|(pairs, sorted)| Step::PutAll(pairs, sorted)),
        1 => (key(), 0i64..5).prop_map(|(k, v)| Step::Update(k, v)),
        1 => proptest::collection::vec((key(), 0i64..5), 0..60).prop_map(Step::Merge),
    ]
}

/// Keys of several kinds, some of them close to each other.
fn key(heap: &Heap, n: i64) -> Term<'_> {
    match n % 4 {
        0 => heap.int(n),
        1 => heap.float(n as f64),
        2 => heap.list_of_chars(&n.to_string()),
        _ => heap.tuple(&[heap.int(n), Term::nil()]),
    }
}

fn fresh<'h>(heap: &'h Heap, model: &BTreeMap<i64, i64>) -> Term<'h> {
    let pairs = model.iter().map(|(&k, &v)| (key(heap, k), heap.int(v))).collect();
    heap.map_from_pairs(pairs, Twice::Refuse).expect("no key twice")
}

fn apply<'h>(
    heap: &'h Heap,
    map: Map<'h>,
    model: &mut BTreeMap<i64, i64>,
    step: &Step,
) -> Term<'h> {
    let same = || map_term(heap, map);
    match step {
        &Step::Put(k, v) => {
            model.insert(k, v);
            heap.map_put(map, key(heap, k), heap.int(v))
        }
        Step::PutAll(pairs, sorted) => {
            model.extend(pairs.iter().copied());
            let pairs = pairs.iter().map(|&(k, v)| (key(heap, k), heap.int(v)));
            let mut pairs: Vec<_> = pairs.collect();
            if *sorted {
                pairs.sort_by(|a, b| compare_exact(a.0, b.0));
            }
            heap.map_put_all(map, &pairs)
        }
        &Step::Take(k) => {
            let taken = heap.map_take(map, key(heap, k));
            assert_eq!(taken.map(|(_, v)| v.as_small()), model.remove(&k).map(Some));
            taken.map_or_else(same, |(rest, _)| rest)
        }
        &Step::Update(k, v) => {
            let updated = heap.map_update(map, key(heap, k), heap.int(v));
            assert_eq!(updated.is_some(), model.contains_key(&k));
            model.entry(k).and_modify(|old| *old = v);
            updated.unwrap_or_else(same)
        }
        Step::Merge(pairs) => {
            let other: BTreeMap<_, _> = pairs.iter().copied().collect();
            let other_map = fresh(heap, &other).as_map().expect("a map");
            model.extend(other);
            heap.map_merge(map, other_map)
        }
    }
}

fn map_term<'h>(heap: &'h Heap, map: Map<'h>) -> Term<'h> {
    let pairs = Pairs::of(map).collect();
    heap.map_from_pairs(pairs, Twice::Refuse).expect("no key twice")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn one_set_of_pairs_gives_one_map(steps in proptest::collection::vec(step(), 1..120)) {
        let heap = Heap::detached();
        let mut model = BTreeMap::new();
        let mut term = heap.empty_map();
        for step in &steps {
            let map = term.as_map().expect("a map");
            term = apply(&heap, map, &mut model, step);
            let map = term.as_map().expect("a map");
            prop_assert_eq!(map.size(), model.len());
            prop_assert_eq!(map.is_flat(), model.len() <= FLAT_MAX);
        }
        let map = term.as_map().expect("a map");
        prop_assert!(eq(term, fresh(&heap, &model)));
        for n in 0..120 {
            let found = hamt::get(map, key(&heap, n)).and_then(Term::as_small);
            prop_assert_eq!(found, model.get(&n).copied());
        }
        if !map.is_flat() {
            walks_agree(&heap, map);
        }
    }
}

/// Stopping a walk anywhere and taking it up again changes nothing.
fn walks_agree<'h>(heap: &'h Heap, map: Map<'h>) {
    let all: Vec<_> = Leaves::of(map).map(|leaf| leaf.ptr()).collect();
    let (mut seen, mut path) = (Vec::new(), vec![0]);
    loop {
        let mut cursor = Cursor::at(map, &path).expect("a place that was given out");
        seen.extend(cursor.by_ref().take(3).map(|leaf| leaf.ptr()));
        let Some(next) = cursor.path(heap) else { break };
        path = vec![next.as_u64().expect("a short path")];
    }
    assert_eq!(seen, all);
}
