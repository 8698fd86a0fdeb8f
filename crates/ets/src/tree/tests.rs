use super::*;
use oxbeam_heap::Heap;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

/// Random numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

fn object(heap: &Heap, key: i64, value: i64) -> Object {
    Object::new(heap.tuple(&[heap.int(key), heap.int(value)]), 1, 0)
}

fn pair(object: &Object) -> (i64, i64) {
    let plain = object.plain();
    let [key, value] = *plain.elements() else { panic!("an object is a pair") };
    (key.as_small().unwrap(), value.as_small().unwrap())
}

fn any(_: Term<'_>) -> Option<std::cmp::Ordering> {
    None
}

/// Objects from a place on, no more than `limit`.
fn walked(tree: &Tree, start: Start<'_>, reverse: bool, limit: usize) -> Vec<(i64, i64)> {
    let mut seen = vec![];
    tree.walk(&any, start, reverse, |object| {
        seen.push(pair(object));
        if seen.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    seen
}

fn first(tree: &Tree, start: Start<'_>, reverse: bool) -> Option<(i64, i64)> {
    let mut found = None;
    tree.first(start, reverse, |object| found = Some(pair(object)));
    found
}

/// Divides or joins a part, as if contention had asked for it.
fn disturb(tree: &Tree, random: &mut Random) {
    let guard = ProgressGuard::enter();
    let parts = &tree.route(&guard).parts;
    let part = &parts[random.below(parts.len() as u64) as usize];
    match random.below(2) {
        0 => tree.divide(&guard, part),
        _ => tree.join(&guard, part),
    }
}

#[test]
fn a_divided_tree_is_like_a_map() {
    let heap = Heap::detached();
    let tree = Tree::new(true);
    let mut model = BTreeMap::new();
    let mut random = Random(88172645463325252);
    for step in 0..20_000 {
        let key = random.below(300) as i64;
        let term = heap.int(key);
        match random.below(10) {
            0..4 => {
                tree.put(object(&heap, key, step));
                model.insert(key, step);
            }
            4 => {
                assert_eq!(tree.put_new(object(&heap, key, step)), !model.contains_key(&key));
                model.entry(key).or_insert(step);
            }
            5..7 => {
                let taken = tree.write(term, |objects| objects.take(term));
                assert_eq!(taken.map(|object| pair(&object).1), model.remove(&key));
            }
            7 => {
                let found = tree.read(term, |objects| objects.get(term).map(pair));
                assert_eq!(found.map(|pair| pair.1), model.get(&key).copied());
                let below: Vec<_> =
                    model.range(..key).rev().take(3).map(|(&k, &v)| (k, v)).collect();
                assert_eq!(walked(&tree, Start::Beyond(term), true, 3), below[..]);
                let above: Vec<_> = model.range(key..).take(3).map(|(&k, &v)| (k, v)).collect();
                assert_eq!(walked(&tree, Start::At(term), false, 3), above[..]);
                assert_eq!(first(&tree, Start::Beyond(term), true), below.first().copied());
                assert_eq!(first(&tree, Start::At(term), false), above.first().copied());
            }
            _ => disturb(&tree, &mut random),
        }
    }
    assert_eq!(tree.len(), model.len());
    let pairs: Vec<_> = model.into_iter().collect();
    assert_eq!(walked(&tree, Start::Edge, false, usize::MAX), pairs);
    let ends = [false, true].map(|reverse| first(&tree, Start::Edge, reverse));
    assert_eq!(ends, [pairs.first().copied(), pairs.last().copied()]);
    let words = tree.words();
    assert!(words > 0, "objects take memory: {words}");
    assert_eq!(tree.take_all().0, pairs.len());
    assert_eq!(tree.len(), 0);
}

#[test]
fn a_pattern_sees_its_range_in_every_part() {
    let heap = Heap::detached();
    let tree = Tree::new(true);
    let mut random = Random(7);
    (0..400).for_each(|key| tree.put(object(&heap, key, 0)));
    (0..100).for_each(|_| disturb(&tree, &mut random));
    // Keys from 100 to 199.
    let hundred = |key: Term<'_>| match key.as_small().unwrap() {
        ..100 => Some(std::cmp::Ordering::Greater),
        100..200 => None,
        _ => Some(std::cmp::Ordering::Less),
    };
    for reverse in [false, true] {
        let mut seen = vec![];
        tree.walk(&hundred, Start::Edge, reverse, |object| {
            seen.push(pair(object).0);
            ControlFlow::Continue(())
        });
        let range: Vec<_> = if reverse { (100..200).rev().collect() } else { (100..200).collect() };
        assert_eq!(seen, range);
    }
    let (mut units, mut removed) = (Units::new(30), 0);
    removed += tree.remove_some(&hundred, Start::Edge, &mut units, |_| true);
    let last = units.into_last_key().expect("not all were looked at");
    let rest = &mut Units::new(usize::MAX);
    removed += tree
        .remove_some(&hundred, Start::Beyond(last.view()), rest, |object| pair(object).0 % 2 == 0);
    assert_eq!((removed, tree.len()), (30 + 35, 400 - 65));
    let rest = &mut Units::new(usize::MAX);
    let changed = |object: &Object| Some(self::object(&heap, pair(object).0, 1));
    assert_eq!(tree.replace_some(&hundred, Start::Edge, rest, changed), 35);
}

/// Threads change keys of their own while parts are divided and joined: each finds what it has
/// written, and a walk shows the keys that stay once each, in order.
#[test]
fn threads_lose_nothing_while_parts_change() {
    // Routes that were replaced are kept: this thread passes no quiescent point.
    let _managed = progress::join();
    let tree = Tree::new(true);
    let heap = Heap::detached();
    let kept: Vec<i64> = (0..1000).map(|n| n * 10).collect();
    kept.iter().for_each(|&key| tree.put(object(&heap, key, -1)));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (1..4)
            .map(|own| {
                scope.spawn({
                    let tree = &tree;
                    move || write_some(tree, own)
                })
            })
            .collect();
        let disturber = scope.spawn(|| {
            let mut random = Random(99);
            while !stop.load(Ordering::Relaxed) {
                disturb(&tree, &mut random);
            }
        });
        for round in 0..100 {
            let mut seen = walked(&tree, Start::Edge, round % 2 == 1, usize::MAX);
            if round % 2 == 1 {
                seen.reverse();
            }
            assert!(seen.is_sorted_by(|a, b| a.0 < b.0), "a walk is in order");
            let seen: Vec<_> = seen.iter().map(|pair| pair.0).filter(|key| key % 10 == 0).collect();
            assert_eq!(seen, kept);
        }
        let left: usize = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
        stop.store(true, Ordering::Relaxed);
        disturber.join().unwrap();
        assert_eq!(tree.len(), kept.len() + left);
    });
}

/// Changes keys that end in a digit; gives how many of them are there at the end.
fn write_some(tree: &Tree, own: i64) -> usize {
    let heap = Heap::detached();
    let mut model = BTreeMap::new();
    let mut random = Random(own as u64 + 1);
    for step in 0..5000 {
        let key = random.below(1000) as i64 * 10 + own;
        let term = heap.int(key);
        if random.below(3) > 0 {
            tree.put(object(&heap, key, step));
            model.insert(key, step);
        } else {
            let taken = tree.write(term, |objects| objects.take(term));
            assert_eq!(taken.map(|object| pair(&object).1), model.remove(&key));
        }
        if step % 100 == 0 {
            let pairs: Vec<_> = (0..3).map(|n| object(&heap, key + n * 50_000, step)).collect();
            let guard = ProgressGuard::enter();
            let mut locked = tree.lock_all(&guard, pairs.iter().map(Object::key));
            for object in pairs {
                model.insert(pair(&object).0, step);
                locked.put(object);
            }
        }
    }
    for (&key, &value) in &model {
        let term = heap.int(key);
        let found = tree.read(term, |objects| objects.get(term).map(pair));
        assert_eq!(found, Some((key, value)));
    }
    model.len()
}

fn part_count(tree: &Tree) -> usize {
    tree.route(&ProgressGuard::enter()).parts.len()
}

#[test]
fn writers_that_wait_divide_a_part_and_quiet_joins_it() {
    let _managed = progress::join();
    let (tree, heap) = (Tree::new(true), Heap::detached());
    (0..100).for_each(|key| tree.put(object(&heap, key, 0)));
    let part = |tree: &Tree| tree.route(&ProgressGuard::enter()).parts[0].clone();
    part(&tree).contention.set(DIVIDE + 2);
    tree.put(object(&heap, 0, 1));
    assert_eq!(part_count(&tree), 2);
    part(&tree).contention.set(JOIN);
    tree.put(object(&heap, 0, 2));
    assert_eq!((part_count(&tree), tree.len()), (1, 100));
    // Size divides too, but not a tree that does not adapt.
    let plain = Tree::new(false);
    for key in 0..=MANY_OBJECTS as i64 {
        tree.put(object(&heap, key, 0));
        plain.put(object(&heap, key, 0));
    }
    assert_eq!((part_count(&tree), part_count(&plain)), (2, 1));
}
