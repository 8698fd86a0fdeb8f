//! Hash tables: set, bag, duplicate_bag (rule 2 of the crate).
//!
//! Within a shard the buckets stand in the order of the hashes, and so do the objects of each
//! bucket's chain. Objects with one key stand together, the newest first.

use oxbeam_heap::block::{Category, count_bytes};
use oxbeam_term::Term;
use oxbeam_term::compare::eq;
use oxbeam_term::hash::map_hash;
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

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
    buckets: Vec<Option<Object>>,
    shard_bits: u32,
    /// Bits of the hash, below those of the shard, that choose the bucket.
    bucket_bits: u32,
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
        self.shards.iter().map(|shard| shard.read().buckets.capacity()).sum()
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

/// That many buckets, counted as memory of tables.
fn empty_buckets(count: usize) -> Vec<Option<Object>> {
    let mut buckets = Vec::with_capacity(count);
    buckets.resize_with(count, || None);
    count_bytes((buckets.capacity() * BUCKET_BYTES) as isize, Category::Ets);
    buckets
}

const BUCKET_BYTES: usize = size_of::<Option<Object>>();

impl Drop for Shard {
    fn drop(&mut self) {
        self.uncount_buckets();
    }
}

impl Shard {
    fn new(shard_bits: u32) -> Shard {
        let buckets = vec![];
        Shard { buckets, shard_bits, bucket_bits: 0, count: 0, marks: 0, words: 0 }
    }

    /// The buckets are about to be given back.
    fn uncount_buckets(&self) {
        count_bytes(-((self.buckets.capacity() * BUCKET_BYTES) as isize), Category::Ets);
    }

    fn bucket_of(&self, hash: u32) -> usize {
        let rest = hash << self.shard_bits;
        (u64::from(rest) << self.bucket_bits >> 32) as usize
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
        let bucket = self.buckets.get(self.bucket_of(hash))?;
        let mut chain = std::iter::successors(bucket.as_ref(), |object| object.next());
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
        if self.buckets.is_empty() {
            self.buckets = empty_buckets(1);
        }
        let bucket = self.bucket_of(hash);
        let mut link = &mut self.buckets[bucket];
        while link.as_ref().is_some_and(|object| {
            object.hash() < hash || (object.hash() == hash && !eq(object.key(), key))
        }) {
            link = link.as_mut().expect("just looked at").next_mut();
        }
        link
    }

    /// The first object with a key, for a change in place (tables of kind set).
    pub fn get_mut(&mut self, hash: u32, key: Term<'_>) -> Option<&mut Object> {
        let bucket = self.bucket_of(hash);
        let mut next = self.buckets.get_mut(bucket)?.as_mut();
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
        *object.next_mut() = link.take();
        *link = Some(object);
        self.fit();
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
            self.fit();
        }
        removed.count
    }

    /// Passes over buckets from the one of a hash on, until about `units` objects were looked at.
    /// Gives the hash to go on at, and whether that is another shard's.
    fn pass(
        &mut self,
        from: u32,
        units: &mut usize,
        mut pass: impl FnMut(&mut Option<Object>, &mut usize),
    ) -> (u64, bool) {
        let shard_bits = self.shard_bits;
        let after_shard = (u64::from(from) >> (32 - shard_bits)) + 1 << (32 - shard_bits);
        let first = if self.buckets.is_empty() { 0 } else { self.bucket_of(from) };
        let bucket_shift = 32 - shard_bits - self.bucket_bits;
        let start = after_shard - (1 << (32 - shard_bits));
        for (index, bucket) in self.buckets.iter_mut().enumerate().skip(first) {
            if *units == 0 {
                return (start + ((index as u64) << bucket_shift), false);
            }
            *units -= 1;
            pass(bucket, units);
        }
        *units = units.saturating_sub(1);
        (after_shard, true)
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
        // The buckets are fitted when the walk leaves the shard.
        if is_done {
            self.fit();
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
                if !object.is_deleted()
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
        let first = if self.buckets.is_empty() { 0 } else { self.bucket_of(hash) };
        let buckets = self.buckets.get(first..).unwrap_or(&[]);
        buckets
            .iter()
            .flat_map(|bucket| std::iter::successors(bucket.as_ref(), |object| object.next()))
            .filter(move |object| object.hash() >= hash)
    }

    /// Objects and marks, after those with a key.
    pub fn after<'s>(&'s self, hash: u32, key: Term<'s>) -> impl Iterator<Item = &'s Object> {
        let mut passed = false;
        let known = self.knows(hash, key);
        let bucket = if self.buckets.is_empty() { 0 } else { self.bucket_of(hash) };
        let buckets = self.buckets.get(bucket..).unwrap_or(&[]);
        buckets
            .iter()
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
        self.buckets.len()
    }

    /// Grows or shrinks the array of buckets, to between about half an object and one each.
    fn fit(&mut self) {
        let buckets = self.buckets.len();
        if self.count > buckets && self.bucket_bits + self.shard_bits < 32 {
            self.resize(self.bucket_bits + 1);
        } else if self.bucket_bits > 0 && 2 * self.count < buckets - buckets / 16 {
            // A good deal smaller, so that a table of one size does not shrink and grow in turn.
            let bits = self.count.next_power_of_two().trailing_zeros();
            self.resize(bits.min(self.bucket_bits - 1));
        }
    }

    fn resize(&mut self, bucket_bits: u32) {
        let mut objects = Vec::with_capacity(self.count);
        for bucket in &mut self.buckets {
            let mut next = bucket.take();
            while let Some(mut object) = next {
                next = object.next_mut().take();
                objects.push(object);
            }
        }
        self.bucket_bits = bucket_bits;
        self.uncount_buckets();
        self.buckets = empty_buckets(1 << bucket_bits);
        for mut object in objects.into_iter().rev() {
            let bucket = self.bucket_of(object.hash());
            *object.next_mut() = self.buckets[bucket].take();
            self.buckets[bucket] = Some(object);
        }
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
