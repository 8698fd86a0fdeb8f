//! The process dictionary: terms of the process's own heap, by term key.
//!
//! Small dictionaries are searched in order; larger ones through an index of hashes. Order of
//! entries is the order of insertion, a removed entry giving its place to the last one.
//!
//! Nothing takes long to grow: the entries of a large dictionary lie in [chunks](crate::chunks), and
//! its index is [many tables](crate::split_table).

use crate::chunks::{CHUNK, Chunks};
use crate::split_table::SplitTable;
use crate::thin_vec::ThinVec;
use oxbeam_heap::Heap;
use oxbeam_term::compare::compare_exact;
use oxbeam_term::hash::internal_hash;
use oxbeam_term::{RawTerm, Term};

/// Entries beyond which an index is kept.
const INDEX_FROM: usize = 16;

#[derive(Clone, Copy)]
struct Entry {
    hash: u32,
    pair: [RawTerm; 2],
}

/// Where the entry with a hash is.
#[derive(Clone, Copy)]
struct Place {
    hash: u32,
    at: u32,
}

/// What a dictionary of more than [`INDEX_FROM`] entries has besides.
#[derive(Default)]
struct Index {
    /// Where the entries are.
    places: SplitTable<Place>,
    /// The entries from [`CHUNK`] on.
    late: Chunks<Entry>,
}

impl Index {
    fn insert(&mut self, hash: u32, at: usize) {
        let place = Place { hash, at: at as u32 };
        self.places.insert(spread(hash), place, |place| spread(place.hash));
    }
}

/// The dictionary of one process.
#[derive(Default)]
pub struct Dictionary {
    /// The first [`CHUNK`] ones.
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
        self.entries.len() + self.index.as_ref().map_or(0, |index| index.late.len())
    }
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn entry(&self, at: usize) -> Option<&Entry> {
        match at.checked_sub(CHUNK) {
            None => self.entries.get(at),
            Some(late) => self.index.as_ref()?.late.get(late),
        }
    }

    fn entry_mut(&mut self, at: usize) -> Option<&mut Entry> {
        match at.checked_sub(CHUNK) {
            None => self.entries.get_mut(at),
            Some(late) => self.index.as_mut()?.late.get_mut(late),
        }
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
                let same = |place: &Place| {
                    place.hash == hash && self.entry(place.at as usize).is_some_and(same)
                };
                index.places.find(spread(hash), same).map(|place| place.at as usize)
            }
        }
    }

    /// The value under `key`.
    pub fn get<'h>(&self, heap: &'h Heap, key: Term<'_>) -> Option<Term<'h>> {
        let at = self.find(heap, key, hash(key))?;
        // SAFETY: as in `find`.
        Some(unsafe { heap.brand(self.entry(at)?.pair[1]) })
    }

    /// Puts `value` under `key`; gives what was there.
    pub fn put<'h>(&mut self, heap: &'h Heap, key: Term<'h>, value: Term<'h>) -> Option<Term<'h>> {
        let hash = hash(key);
        if let Some(at) = self.find(heap, key, hash) {
            let old = std::mem::replace(&mut self.entry_mut(at)?.pair[1], value.raw());
            // SAFETY: as in `find`.
            return Some(unsafe { heap.brand(old) });
        }
        let at = self.len();
        let entry = Entry { hash, pair: [key.raw(), value.raw()] };
        match &mut self.index {
            Some(index) => {
                if at < CHUNK {
                    self.entries.push(entry);
                } else {
                    index.late.push(entry);
                }
                index.insert(hash, at);
            }
            None => {
                self.entries.push(entry);
                if at >= INDEX_FROM {
                    let index = self.index.insert(Box::default());
                    for (at, entry) in self.entries.iter().enumerate() {
                        index.insert(entry.hash, at);
                    }
                }
            }
        }
        None
    }

    /// Removes `key`; gives its value.
    pub fn erase<'h>(&mut self, heap: &'h Heap, key: Term<'_>) -> Option<Term<'h>> {
        let at = self.find(heap, key, hash(key))?;
        let end = self.len() - 1;
        let late = self.index.as_mut().and_then(|index| index.late.pop());
        let last = late.or_else(|| self.entries.vec().pop())?;
        let gone = match at == end {
            true => last,
            false => std::mem::replace(self.entry_mut(at)?, last),
        };
        if let Some(index) = &mut self.index {
            let places = &mut index.places;
            places.remove(spread(gone.hash), |place| place.at as usize == at)?;
            if at != end {
                let place = places.find_mut(spread(last.hash), |place| place.at as usize == end);
                place?.at = at as u32;
            }
        }
        // SAFETY: as in `find`.
        Some(unsafe { heap.brand(gone.pair[1]) })
    }

    /// All `(key, value)` pairs.
    pub fn pairs<'h>(&self, heap: &'h Heap) -> Vec<(Term<'h>, Term<'h>)> {
        // SAFETY: as in `find`.
        let brand = |raw| unsafe { heap.brand(raw) };
        let late = self.index.iter().flat_map(|index| index.late.iter());
        let entries = self.entries.iter().chain(late);
        entries.map(|entry| (brand(entry.pair[0]), brand(entry.pair[1]))).collect()
    }

    /// The pair at a place; `None` behind the last. No pair changes its place while none comes or
    /// goes.
    pub fn pair_at<'h>(&self, heap: &'h Heap, at: usize) -> Option<[Term<'h>; 2]> {
        // SAFETY: as in `find`.
        Some(self.entry(at)?.pair.map(|raw| unsafe { heap.brand(raw) }))
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        let bytes = self.len() * size_of::<Entry>();
        crate::dirty::drop_aside((self.entries.take(), self.index.take()), bytes);
    }

    /// Shows the entries to the collector.
    pub(crate) fn each_root(&mut self, visit: &mut dyn FnMut(&mut [RawTerm])) {
        let late = self.index.iter_mut().flat_map(|index| index.late.iter_mut());
        for entry in self.entries.iter_mut().chain(late) {
            visit(&mut entry.pair);
        }
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
        let most = 9 * CHUNK as i64;
        // Up, over many tables and chunks, and down again, with keys that come back.
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
