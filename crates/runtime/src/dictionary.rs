//! The process dictionary: terms of the process's own heap, by term key.
//!
//! Small dictionaries are searched in order; larger ones through an index of hashes, which is one
//! table at first and many for a large dictionary, so that none of them takes long to grow. Order of
//! entries is the order of insertion, a removed entry giving its place to the last one.

use crate::thin_vec::ThinVec;
use hashbrown::HashTable;
use oxbeam_heap::Heap;
use oxbeam_term::compare::compare_exact;
use oxbeam_term::hash::internal_hash;
use oxbeam_term::{RawTerm, Term};

/// Entries beyond which an index is kept.
const INDEX_FROM: usize = 16;

/// Entries from which the index is split into tables, and into how many.
const SPLIT_FROM: usize = if oxbeam_heap::ZEAL { 64 } else { 8192 };
const TABLES: usize = 256;

/// Places in the entries, by the entries' hashes.
struct Index {
    /// One, or [`TABLES`].
    tables: Vec<HashTable<u32>>,
}

impl Index {
    fn of(entries: &[Entry]) -> Index {
        let count = if entries.len() < SPLIT_FROM { 1 } else { TABLES };
        let capacity = 2 * entries.len() / count;
        let mut index =
            Index { tables: (0..count).map(|_| HashTable::with_capacity(capacity)).collect() };
        for (at, entry) in entries.iter().enumerate() {
            index.insert(entries, entry.hash, at as u32);
        }
        index
    }

    fn insert(&mut self, entries: &[Entry], hash: u32, at: u32) {
        let hash_of = |&at: &u32| spread(entries[at as usize].hash);
        self.table_mut(hash).insert_unique(spread(hash), at, hash_of);
    }

    fn is_to_be_split(&self, entries: usize) -> bool {
        self.tables.len() == 1 && entries >= SPLIT_FROM
    }

    fn number(&self, hash: u32) -> usize {
        // Neither the bits that are places in a table nor those that are its tags.
        (spread(hash) >> 40) as usize % self.tables.len()
    }
    fn table(&self, hash: u32) -> &HashTable<u32> {
        &self.tables[self.number(hash)]
    }
    fn table_mut(&mut self, hash: u32) -> &mut HashTable<u32> {
        let number = self.number(hash);
        &mut self.tables[number]
    }
}

#[derive(Clone, Copy)]
struct Entry {
    hash: u32,
    pair: [RawTerm; 2],
}

/// The dictionary of one process.
#[derive(Default)]
pub struct Dictionary {
    entries: ThinVec<Entry>,
    index: Option<Box<Index>>,
}

/// The table takes the upper bits of a hash for tags, so they must differ too.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn hash(key: Term<'_>) -> u32 {
    if key.raw().is_immediate() {
        return (key.raw().0 ^ key.raw().0 >> 29).wrapping_mul(0x9E37_79B9) as u32;
    }
    internal_hash(key, 0)
}

impl Dictionary {
    pub fn len(&self) -> usize {
        self.entries.len()
    }
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn find(&self, heap: &Heap, key: Term<'_>, hash: u32) -> Option<usize> {
        let same = |entry: &Entry| {
            // SAFETY: keys of the dictionary are alive in the heap: they are roots.
            let known = unsafe { heap.brand(entry.pair[0]) };
            entry.hash == hash && (known.raw() == key.raw() || compare_exact(known, key).is_eq())
        };
        match &self.index {
            None => self.entries.iter().position(same),
            Some(index) => {
                let same = |&at: &u32| same(&self.entries[at as usize]);
                let found = index.table(hash).find(spread(hash), same);
                found.map(|&at| at as usize)
            }
        }
    }

    /// The value under `key`.
    pub fn get<'h>(&self, heap: &'h Heap, key: Term<'_>) -> Option<Term<'h>> {
        let at = self.find(heap, key, hash(key))?;
        // SAFETY: as in `find`.
        Some(unsafe { heap.brand(self.entries[at].pair[1]) })
    }

    /// Puts `value` under `key`; gives what was there.
    pub fn put<'h>(&mut self, heap: &'h Heap, key: Term<'h>, value: Term<'h>) -> Option<Term<'h>> {
        let hash = hash(key);
        if let Some(at) = self.find(heap, key, hash) {
            let old = std::mem::replace(&mut self.entries[at].pair[1], value.raw());
            // SAFETY: as in `find`.
            return Some(unsafe { heap.brand(old) });
        }
        let at = self.entries.len() as u32;
        self.entries.push(Entry { hash, pair: [key.raw(), value.raw()] });
        let entries = &self.entries;
        match &mut self.index {
            Some(index) if !index.is_to_be_split(entries.len()) => index.insert(entries, hash, at),
            None if entries.len() <= INDEX_FROM => {}
            _ => self.index = Some(Box::new(Index::of(entries))),
        }
        None
    }

    /// Removes `key`; gives its value.
    pub fn erase<'h>(&mut self, heap: &'h Heap, key: Term<'_>) -> Option<Term<'h>> {
        let at = self.find(heap, key, hash(key))?;
        let last = self.entries.len() - 1;
        if let Some(index) = &mut self.index {
            let [hash, last_hash] = [at, last].map(|at| self.entries[at].hash);
            let table = index.table_mut(hash);
            table.find_entry(spread(hash), |&n| n as usize == at).ok()?.remove();
            if at != last {
                let table = index.table_mut(last_hash);
                *table.find_mut(spread(last_hash), |&n| n as usize == last)? = at as u32;
            }
        }
        let gone = self.entries.vec().swap_remove(at);
        // SAFETY: as in `find`.
        Some(unsafe { heap.brand(gone.pair[1]) })
    }

    /// All `(key, value)` pairs.
    pub fn pairs<'h>(&self, heap: &'h Heap) -> Vec<(Term<'h>, Term<'h>)> {
        // SAFETY: as in `find`.
        let brand = |raw| unsafe { heap.brand(raw) };
        self.entries.iter().map(|e| (brand(e.pair[0]), brand(e.pair[1]))).collect()
    }

    /// The pair at a place; `None` behind the last. No pair changes its place while none comes or
    /// goes.
    pub fn pair_at<'h>(&self, heap: &'h Heap, at: usize) -> Option<[Term<'h>; 2]> {
        // SAFETY: as in `find`.
        Some(self.entries.get(at)?.pair.map(|raw| unsafe { heap.brand(raw) }))
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        let entries = self.entries.take();
        let bytes = entries.capacity() * size_of::<Entry>();
        crate::dirty::drop_aside((entries, self.index.take()), bytes);
    }

    /// Shows the entries to the collector.
    pub(crate) fn each_root(&mut self, visit: &mut dyn FnMut(&mut [RawTerm])) {
        self.entries.iter_mut().for_each(|entry| visit(&mut entry.pair));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn entries_are_found_however_many_there_are() {
        let heap = Heap::detached();
        let (mut dictionary, mut model) = (Dictionary::default(), HashMap::new());
        let most = 2 * SPLIT_FROM as i64;
        // Up, over the split, and down again, with keys that come back.
        for step in 0..3 * most {
            let key = step * 7919 % most;
            let (term, value) = (heap.int(key), heap.int(step));
            let old = match step < 2 * most {
                true => (dictionary.put(&heap, term, value), model.insert(key, step)),
                false => (dictionary.erase(&heap, term), model.remove(&key)),
            };
            assert_eq!(old.0.map(Term::raw), old.1.map(|value| heap.int(value).raw()));
            assert_eq!(dictionary.len(), model.len());
        }
        for key in 0..most {
            let found = dictionary.get(&heap, heap.int(key)).map(Term::raw);
            assert_eq!(found, model.get(&key).map(|&value| heap.int(value).raw()));
        }
    }
}
