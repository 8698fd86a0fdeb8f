//! Hash tables: set, bag, duplicate_bag (rule 2 of the crate).
//!
//! Within a shard the buckets stand in the order of the hashes, and so do the objects of each
//! bucket's chain. Objects with one key stand together, the newest first.

use oxbeam_term::Term;
use oxbeam_term::compare::eq;
use oxbeam_term::hash::map_hash;
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::buckets::{Bucket, Buckets};
use crate::object::Object;

/// Hash of a key.
pub fn hash_of(key: Term<'_>) -> u32 {
    map_hash(key, 0)
}

/// How many hashes there are.
const HASHES: u64 = 1 << 32;
/// Slots of an empty table.
const MIN_SLOTS: usize = 256;

pub struct Hash {
    shards: Box<[RwLock<Shard>]>,
    /// Bits of the hash that choose the shard.
    shard_bits: u32,
}

/// A part of a hash table.
pub struct Shard {
    buckets: Buckets,
    shard_bits: u32,
    /// Objects, marks of deleted ones included.
    count: usize,
    marks: usize,
    /// Words of all objects.
    words: usize,
}

impl Hash {
    pub fn new(shard_bits: u32) -> Hash {
        let shard = || RwLock::new(Shard::new(shard_bits));
        Hash { shards: (0..1 << shard_bits).map(|_| shard()).collect(), shard_bits }
    }
    pub fn shard_count(&self) -> usize {
        self.shards.len()
    }
    pub fn shard_index(&self, hash: u32) -> usize {
        (u64::from(hash) << self.shard_bits >> 32) as usize
    }
    /// The least hash whose objects are in that shard.
    pub fn first_hash(&self, index: usize) -> u32 {
        ((index as u64) << (32 - self.shard_bits)) as u32
    }
    pub fn read(&self, index: usize) -> RwLockReadGuard<'_, Shard> {
        self.shards[index].read()
    }
    pub fn write(&self, index: usize) -> RwLockWriteGuard<'_, Shard> {
        self.shards[index].write()
    }
    pub fn read_for(&self, hash: u32) -> RwLockReadGuard<'_, Shard> {
        self.read(self.shard_index(hash))
    }
    pub fn write_for(&self, hash: u32) -> RwLockWriteGuard<'_, Shard> {
        self.write(self.shard_index(hash))
    }
    /// Write locks on the shards of these hashes, in order, none twice (rule 3 of the crate).
    pub fn write_some(&self, hashes: impl Iterator<Item = u32>) -> Locked<'_> {
        let mut indices: Vec<_> = hashes.map(|hash| self.shard_index(hash)).collect();
        indices.sort_unstable();
        indices.dedup();
        let guards = indices.into_iter().map(|index| (index, self.write(index))).collect();
        Locked { hash: self, guards }
    }
    /// Write locks on all shards (rule 3 of the crate).
    pub fn write_all(&self) -> Vec<RwLockWriteGuard<'_, Shard>> {
        self.shards.iter().map(RwLock::write).collect()
    }
    /// Bytes of the array of shards.
    pub fn shard_bytes(&self) -> usize {
        self.shards.len() * size_of::<RwLock<Shard>>()
    }
    /// Slots that the table shows: as many as buckets if all shards had as many as the one that has
    /// most, but no fewer than an empty table of OTP has.
    pub fn slot_count(&self) -> usize {
        let buckets = self.shards.iter().map(|shard| shard.read().bucket_count()).max();
        (self.shards.len() * buckets.unwrap_or(1).next_power_of_two()).max(MIN_SLOTS)
    }
    /// Shows the objects of a slot.
    pub fn each_in_slot(&self, slot: usize, slots: usize, visit: impl FnMut(&Object)) {
        let width = HASHES / slots as u64;
        let from = slot as u64 * width;
        self.read_for(from as u32).between(from, from + width).for_each(visit);
    }
    /// Words of the arrays of buckets.
    pub fn bucket_words(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().buckets.words()).sum()
    }
}

/// Several shards, locked for one operation.
pub struct Locked<'t> {
    hash: &'t Hash,
    guards: Vec<(usize, RwLockWriteGuard<'t, Shard>)>,
}

impl Locked<'_> {
    pub fn shard(&mut self, hash: u32) -> &mut Shard {
        let index = self.hash.shard_index(hash);
        let at = self.guards.binary_search_by_key(&index, |(index, _)| *index);
        &mut self.guards[at.expect("the shard was locked")].1
    }
}

impl Shard {
    fn new(shard_bits: u32) -> Shard {
        Shard { buckets: Buckets::new(shard_bits), shard_bits, count: 0, marks: 0, words: 0 }
    }

    /// Words of the objects.
    pub fn words(&self) -> usize {
        self.words
    }
    /// Objects that are no marks.
    pub fn live(&self) -> usize {
        self.count - self.marks
    }

    /// Objects with a key, newest first; marks left out.
    pub fn group<'s>(&'s self, hash: u32, key: Term<'s>) -> impl Iterator<Item = &'s Object> {
        self.group_with_marks(hash, key).filter(|object| !object.is_deleted())
    }
    pub fn group_with_marks<'s>(
        &'s self,
        hash: u32,
        key: Term<'s>,
    ) -> impl Iterator<Item = &'s Object> {
        let first = self.group_start(hash, key);
        let chain = std::iter::successors(first, |object| object.next());
        chain.take_while(move |object| object.hash() == hash && eq(object.key(), key))
    }

    /// The first object with a key, which may be a mark.
    fn group_start(&self, hash: u32, key: Term<'_>) -> Option<&Object> {
        let mut chain =
            std::iter::successors(self.buckets.get(hash)?.as_ref(), |object| object.next());
        let found = chain.find(|object| {
            object.hash() >= hash && (object.hash() > hash || eq(object.key(), key))
        })?;
        (found.hash() == hash).then_some(found)
    }

    /// Whether there is an object with that key, or the mark of one.
    pub fn knows(&self, hash: u32, key: Term<'_>) -> bool {
        self.group_start(hash, key).is_some()
    }

    /// The link to the first object with a key, or to where it would stand.
    fn group_link(&mut self, hash: u32, key: Term<'_>) -> &mut Option<Object> {
        let mut link = self.buckets.made(hash);
        while link.as_ref().is_some_and(|object| {
            object.hash() < hash || (object.hash() == hash && !eq(object.key(), key))
        }) {
            link = link.as_mut().expect("just looked at").next_mut();
        }
        link
    }

    /// The first object with a key, for a change in place (tables of kind set).
    pub fn get_mut(&mut self, hash: u32, key: Term<'_>) -> Option<&mut Object> {
        let mut next = self.buckets.get_mut(hash)?.as_mut();
        while let Some(object) = next {
            if object.hash() == hash && eq(object.key(), key) {
                return Some(object).filter(|object| !object.is_deleted());
            }
            next = object.next_mut().as_mut();
        }
        None
    }

    /// An object has been changed in place, and its size with it.
    pub fn resized(&mut self, before_words: usize, after_words: usize) {
        self.words = self.words + after_words - before_words;
    }

    /// Puts an object in the place of the one with its key. Gives whether it is a new one.
    pub fn put(&mut self, mut object: Object) -> bool {
        let words = object.words();
        let hash = object.hash();
        let link = {
            let key = object.key();
            self.group_link(hash, key)
        };
        match link {
            Some(old) if old.hash() == hash && eq(old.key(), object.key()) => {
                let was_mark = old.is_deleted();
                *object.next_mut() = old.next_mut().take();
                let old = std::mem::replace(old, object);
                self.words = self.words + words - old.words();
                self.marks -= usize::from(was_mark);
                was_mark
            }
            _ => {
                self.add(object);
                true
            }
        }
    }

    /// Adds an object in front of those with its key.
    pub fn add(&mut self, mut object: Object) {
        self.words += object.words();
        self.count += 1;
        let hash = object.hash();
        let link = {
            let key = object.key();
            self.group_link(hash, key)
        };
        let is_one_more = link
            .as_ref()
            .is_some_and(|other| other.hash() == hash && eq(other.key(), object.key()));
        *object.next_mut() = link.take();
        *link = Some(object);
        // Objects with one key stay together, however many buckets there are.
        if !is_one_more {
            self.buckets.fit(self.count);
        }
    }

    /// Removes the objects for which `chosen` holds among those with a key: as marks if `fixed`.
    /// Each is shown to `chosen` once.
    pub fn remove(
        &mut self,
        hash: u32,
        key: Term<'_>,
        fixed: bool,
        mut chosen: impl FnMut(&Object) -> bool,
    ) -> usize {
        if self.group_start(hash, key).is_none() {
            return 0;
        }
        let mut removed = Removed::default();
        let has_key = |object: &Object| object.hash() == hash && eq(object.key(), key);
        let link = self.group_link(hash, key);
        removed.sift(link, fixed, has_key, |object| !object.is_deleted() && chosen(object));
        self.take_off(&removed);
        if removed.count > 0 {
            self.buckets.fit(self.count);
        }
        removed.count
    }

    /// Passes over buckets from the one of a hash on, until about `units` objects were looked at.
    /// Gives the hash to go on at, and whether that is another shard's.
    fn pass(
        &mut self,
        from: u32,
        units: &mut usize,
        mut pass: impl FnMut(&mut Bucket, &mut usize),
    ) -> (u64, bool) {
        let after_shard = self.after_shard(from);
        let mut at = u64::from(from);
        while at < after_shard {
            if *units == 0 {
                return (at, false);
            }
            *units -= 1;
            let Some(bucket) = self.buckets.get_mut(at as u32) else { break };
            pass(bucket, units);
            at = self.buckets.behind(at as u32);
        }
        *units = units.saturating_sub(1);
        (after_shard, true)
    }

    /// The first hash behind those of the shard that a hash is in.
    fn after_shard(&self, hash: u32) -> u64 {
        let shift = 32 - self.shard_bits;
        ((u64::from(hash) >> shift) + 1) << shift
    }

    /// Removes the objects for which `chosen` holds, as marks if `fixed`, in buckets from the one
    /// of a hash on: about `units` of them are looked at. Gives how many there were and the hash
    /// to go on at, which may be another shard's; `None` at the end of all.
    pub fn remove_some(
        &mut self,
        from: u32,
        fixed: bool,
        units: &mut usize,
        chosen: impl Fn(&Object) -> bool,
    ) -> (usize, Option<u32>) {
        self.sift_some(from, fixed, units, |object| !object.is_deleted() && chosen(object))
    }

    /// Removes marks of deleted objects; as [`Shard::remove_some`].
    pub fn sweep_some(&mut self, from: u32, units: &mut usize) -> Option<u32> {
        let (swept, next) = self.sift_some(from, false, units, Object::is_deleted);
        self.marks -= swept;
        next
    }

    fn sift_some(
        &mut self,
        from: u32,
        fixed: bool,
        units: &mut usize,
        chosen: impl Fn(&Object) -> bool,
    ) -> (usize, Option<u32>) {
        let mut removed = Removed::default();
        let (next, is_done) = self.pass(from, units, |bucket, units| {
            removed.sift(
                bucket,
                fixed,
                |_| true,
                |object| {
                    *units = units.saturating_sub(1);
                    chosen(object)
                },
            );
        });
        self.take_off(&removed);
        // The walk does not leave the shard before its buckets fit: it looks at the last again.
        if is_done && !self.buckets.fit_some(self.count, units) {
            return (removed.count, Some((next - 1) as u32));
        }
        (removed.count, u32::try_from(next).ok())
    }

    fn take_off(&mut self, removed: &Removed) {
        self.words -= removed.words;
        self.marks += removed.marked;
        self.count -= removed.count - removed.marked;
    }

    /// Replaces each object for which `change` gives another with the same key; as
    /// [`Shard::remove_some`].
    pub fn replace_some(
        &mut self,
        from: u32,
        units: &mut usize,
        change: impl Fn(&Object) -> Option<Object>,
    ) -> (usize, Option<u32>) {
        let (mut replaced, mut words) = (0, self.words);
        let (next, _) = self.pass(from, units, |bucket, units| {
            let mut link = bucket.as_mut();
            while let Some(object) = link {
                *units = units.saturating_sub(1);
                // What comes before was replaced when there were more buckets.
                if !object.is_deleted()
                    && object.hash() >= from
                    && let Some(new) = change(object)
                {
                    words = words + new.words() - object.words();
                    object.become_other(new);
                    replaced += 1;
                }
                link = object.next_mut().as_mut();
            }
        });
        self.words = words;
        (replaced, u32::try_from(next).ok())
    }

    /// Drops the objects of a bucket, and it with them. `false`: there was none.
    pub fn drop_bucket(&mut self) -> bool {
        self.buckets.pop().is_some()
    }

    /// Takes everything out.
    pub fn clear(&mut self) -> Shard {
        let empty = Shard::new(self.shard_bits);
        std::mem::replace(self, empty)
    }

    /// Objects that are no marks, from a hash on, in order.
    pub fn starting_at_hash(&self, hash: u32) -> impl Iterator<Item = &Object> {
        self.with_marks_from(hash).filter(|object| !object.is_deleted())
    }
    /// Objects and marks, from a hash on, in order.
    pub fn with_marks_from(&self, hash: u32) -> impl Iterator<Item = &Object> {
        self.buckets
            .starting_at(hash)
            .flat_map(|bucket| std::iter::successors(bucket.as_ref(), |object| object.next()))
            .filter(move |object| object.hash() >= hash)
    }

    /// Objects and marks, after those with a key.
    pub fn after<'s>(&'s self, hash: u32, key: Term<'s>) -> impl Iterator<Item = &'s Object> {
        let mut passed = false;
        let known = self.knows(hash, key);
        self.buckets
            .starting_at(hash)
            .flat_map(|bucket| std::iter::successors(bucket.as_ref(), |object| object.next()))
            .filter(move |object| {
                if object.hash() < hash {
                    return false;
                }
                if object.hash() == hash {
                    if known && eq(object.key(), key) {
                        passed = true;
                        return false;
                    }
                    return passed;
                }
                true
            })
    }

    /// Objects that are no marks, with hashes from one on and below another.
    pub fn between(&self, from: u64, below: u64) -> impl Iterator<Item = &Object> {
        let from = u32::try_from(from).expect("a hash of the shard");
        self.starting_at_hash(from).take_while(move |object| u64::from(object.hash()) < below)
    }
    /// Marks of deleted objects.
    pub fn marks(&self) -> usize {
        self.marks
    }
    pub fn bucket_count(&self) -> usize {
        self.buckets.count()
    }
}

/// What was removed from a chain.
#[derive(Default)]
struct Removed {
    count: usize,
    /// As many of them are still there as marks.
    marked: usize,
    /// Words of those that are gone.
    words: usize,
}

impl Removed {
    /// Removes the objects for which `chosen` holds from the front of a chain on, as long as
    /// `belongs` holds: as marks if `fixed`.
    fn sift(
        &mut self,
        mut link: &mut Option<Object>,
        fixed: bool,
        belongs: impl Fn(&Object) -> bool,
        mut chosen: impl FnMut(&Object) -> bool,
    ) {
        while let Some(object) = link
            && belongs(object)
        {
            let chosen = chosen(object);
            self.count += usize::from(chosen);
            if chosen && !fixed {
                self.words += object.words();
                let next = object.next_mut().take();
                *link = next;
                continue;
            }
            if chosen {
                object.mark_deleted();
                self.marked += 1;
            }
            link = link.as_mut().expect("just looked at").next_mut();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxbeam_heap::Heap;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn object(heap: &Heap, key: i64, value: i64) -> Object {
        let key = heap.int(key);
        Object::new(heap.tuple(&[key, heap.int(value)]), 1, hash_of(key))
    }

    fn keys(shard: &Shard) -> Vec<i64> {
        shard.starting_at_hash(0).map(|object| object.key().as_small().unwrap()).collect()
    }

    #[test]
    fn a_walk_keeps_its_order_while_the_shard_grows_and_shrinks() {
        let heap = Heap::detached();
        let mut shard = Shard::new(0);
        (0..1000).for_each(|key| assert!(shard.put(object(&heap, key, 0))));
        let order = keys(&shard);
        (1000..5000).for_each(|key| assert!(shard.put(object(&heap, key, 0))));
        let old: Vec<_> = keys(&shard).into_iter().filter(|&key| key < 1000).collect();
        assert_eq!(old, order);
        for key in 1000..5000 {
            let key = heap.int(key);
            assert_eq!(shard.remove(hash_of(key), key, false, |_| true), 1);
        }
        assert_eq!(keys(&shard), order);
        assert_eq!(shard.live(), 1000);
    }

    /// What an operation may do, on keys below some number.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Put(i64),
        Remove(i64),
        Mark(i64),
        Sweep(usize),
        RemoveEvery(i64, usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let key = || 0..3000i64;
        prop_oneof![
            30 => key().prop_map(Step::Put),
            20 => key().prop_map(Step::Remove),
            5 => key().prop_map(Step::Mark),
            1 => (1..100usize).prop_map(Step::Sweep),
            1 => (2..9i64, 1..300usize).prop_map(|(nth, units)| Step::RemoveEvery(nth, units)),
        ]
    }

    impl Step {
        fn on(self, shard: &mut Shard, keys: &mut HashSet<i64>) {
            let heap = Heap::detached();
            let remove = |shard: &mut Shard, key, fixed| {
                let key = heap.int(key);
                shard.remove(hash_of(key), key, fixed, |_| true)
            };
            match self {
                Step::Put(key) => assert_eq!(shard.put(object(&heap, key, 1)), keys.insert(key)),
                Step::Remove(key) | Step::Mark(key) => {
                    let fixed = matches!(self, Step::Mark(_));
                    let removed = remove(shard, key, fixed);
                    assert_eq!(removed, usize::from(keys.remove(&key)));
                }
                Step::Sweep(mut units) => drop(shard.sweep_some(0, &mut units)),
                Step::RemoveEvery(nth, each) => {
                    let chosen = |key: i64| key % nth == 0;
                    let mut from = Some(0);
                    while let Some(at) = from {
                        let key = |object: &Object| object.key().as_small().unwrap();
                        let mut units = each;
                        let remove = |object: &Object| chosen(key(object));
                        (_, from) = shard.remove_some(at, false, &mut units, remove);
                    }
                    keys.retain(|&key| !chosen(key));
                }
            }
        }
    }

    proptest! {
        /// In each state between two sizes a shard holds what it should, in order.
        #[test]
        fn a_shard_is_a_set_while_its_buckets_move(
            first in 0..3000i64,
            steps in proptest::collection::vec(step(), 1..400),
        ) {
            let heap = Heap::detached();
            let (mut shard, mut expected) = (Shard::new(0), HashSet::new());
            for key in 0..first {
                Step::Put(key).on(&mut shard, &mut expected);
            }
            for step in steps {
                step.on(&mut shard, &mut expected);
                prop_assert_eq!(shard.live(), expected.len());
            }
            let found = keys(&shard);
            prop_assert_eq!(found.iter().copied().collect::<HashSet<_>>(), expected.clone());
            prop_assert_eq!(found.len(), expected.len());
            prop_assert!(found.is_sorted_by_key(|&key| hash_of(heap.int(key))));
            for &key in &expected {
                let key = heap.int(key);
                prop_assert!(shard.group(hash_of(key), key).next().is_some());
                let rest = shard.starting_at_hash(hash_of(key)).next();
                prop_assert_eq!(rest.map(Object::hash), Some(hash_of(key)));
            }
            let words: usize = shard.with_marks_from(0).map(Object::words).sum();
            prop_assert_eq!(shard.words(), words);
        }
    }

    /// However large a shard is, no operation touches more than a few of its buckets, and the memory
    /// is there for what it holds.
    #[test]
    fn a_shard_grows_and_shrinks_a_little_at_a_time() {
        let heap = Heap::detached();
        let mut shard = Shard::new(0);
        let mut most = 0;
        let mut words = 0;
        for key in 0..100_000 {
            shard.put(object(&heap, key, 0));
            most = most.max(shard.buckets.words().abs_diff(words));
            words = shard.buckets.words();
        }
        assert!(most < 3000, "{most} words at once");
        assert!((100_000..300_000).contains(&words), "{words} words of buckets");
        let mut from = Some(0);
        while let Some(at) = from {
            (_, from) = shard.remove_some(at, false, &mut 500, |_| true);
            most = most.max(shard.buckets.words().abs_diff(words));
            words = shard.buckets.words();
        }
        assert!(most < 3000, "{most} words at once");
        assert_eq!(shard.bucket_count(), 1);
        assert!(words < 10, "{words} words of no buckets");
    }

    /// Walks of others go on at a hash, whatever became of the buckets.
    #[test]
    fn an_object_is_replaced_once_though_buckets_merge_between() {
        let heap = Heap::detached();
        let mut shard = Shard::new(0);
        (0..5000).for_each(|key| assert!(shard.put(object(&heap, key, 0))));
        let value = |object: &Object| object.plain().elements()[1].as_small().unwrap();
        let more = |old: &Object| {
            let key = old.key().as_small().unwrap();
            Some(object(&Heap::detached(), key, value(old) + 1))
        };
        let (_, next) = shard.replace_some(0, &mut 2000, more);
        for key in (0..5000).filter(|key| key % 7 > 0) {
            let key = heap.int(key);
            shard.remove(hash_of(key), key, false, |_| true);
        }
        let (_, end) = shard.replace_some(next.unwrap(), &mut usize::MAX.clone(), more);
        assert_eq!(end, None);
        assert!(shard.starting_at_hash(0).all(|object| value(object) == 1));
    }

    #[test]
    fn a_mark_keeps_the_place_of_a_deleted_object() {
        let heap = Heap::detached();
        let mut shard = Shard::new(0);
        (0..10).for_each(|key| assert!(shard.put(object(&heap, key, 0))));
        let order = keys(&shard);
        let gone = heap.int(order[4]);
        shard.remove(hash_of(gone), gone, true, |_| true);
        assert!(shard.group(hash_of(gone), gone).next().is_none());
        assert!(shard.knows(hash_of(gone), gone));
        let next = shard.after(hash_of(gone), gone).find(|object| !object.is_deleted()).unwrap();
        assert_eq!(next.key().as_small(), Some(order[5]));
        assert_eq!(shard.sweep_some(0, &mut 100), None);
        assert_eq!(shard.marks(), 0);
        assert!(!shard.knows(hash_of(gone), gone));
        assert_eq!(shard.live(), 9);
    }

    #[test]
    fn writers_of_many_threads_lose_nothing() {
        let hash = Hash::new(6);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let hash = &hash;
                scope.spawn(move || {
                    let heap = Heap::detached();
                    for key in 0..2000 {
                        let object = object(&heap, thread * 10_000 + key, key);
                        hash.write_for(object.hash()).put(object);
                    }
                });
            }
        });
        let live: usize = (0..hash.shard_count()).map(|index| hash.read(index).live()).sum();
        assert_eq!(live, 8000);
    }
}
