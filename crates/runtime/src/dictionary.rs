//! The process dictionary: terms of the process's own heap, by term key.
//!
//! Small dictionaries are searched in order; larger ones through an index of hashes. Order of
//! entries is the order of insertion, a removed entry giving its place to the last one.

use oxbeam_heap::Heap;
use oxbeam_term::compare::compare_exact;
use oxbeam_term::hash::internal_hash;
use oxbeam_term::{RawTerm, Term};
use std::collections::HashMap;

/// Entries beyond which an index is kept.
const INDEX_FROM: usize = 16;

#[derive(Clone, Copy)]
struct Entry {
    hash: u32,
    pair: [RawTerm; 2],
}

/// The dictionary of one process.
#[derive(Default)]
pub struct Dictionary {
    entries: Vec<Entry>,
    index: Option<Box<HashMap<u32, Vec<u32>>>>,
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
                index.get(&hash)?.iter().map(|&at| at as usize).find(|&at| same(&self.entries[at]))
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
        match &mut self.index {
            Some(index) => index.entry(hash).or_default().push(at),
            None if self.entries.len() > INDEX_FROM => self.build_index(),
            None => {}
        }
        None
    }

    fn build_index(&mut self) {
        let mut index: HashMap<u32, Vec<u32>> = HashMap::new();
        for (at, entry) in self.entries.iter().enumerate() {
            index.entry(entry.hash).or_default().push(at as u32);
        }
        self.index = Some(Box::new(index));
    }

    /// Removes `key`; gives its value.
    pub fn erase<'h>(&mut self, heap: &'h Heap, key: Term<'_>) -> Option<Term<'h>> {
        let at = self.find(heap, key, hash(key))?;
        let last = self.entries.len() - 1;
        if let Some(index) = &mut self.index {
            let last_hash = self.entries[last].hash;
            index.get_mut(&self.entries[at].hash)?.retain(|&n| n as usize != at);
            if at != last {
                let moved = index.get_mut(&last_hash)?.iter_mut().find(|n| **n as usize == last)?;
                *moved = at as u32;
            }
        }
        let gone = self.entries.swap_remove(at);
        // SAFETY: as in `find`.
        Some(unsafe { heap.brand(gone.pair[1]) })
    }

    /// All `(key, value)` pairs.
    pub fn pairs<'h>(&self, heap: &'h Heap) -> Vec<(Term<'h>, Term<'h>)> {
        // SAFETY: as in `find`.
        let brand = |raw| unsafe { heap.brand(raw) };
        self.entries.iter().map(|e| (brand(e.pair[0]), brand(e.pair[1]))).collect()
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.index = None;
    }

    /// Shows the entries to the collector.
    pub(crate) fn each_root(&mut self, visit: &mut dyn FnMut(&mut [RawTerm])) {
        self.entries.iter_mut().for_each(|entry| visit(&mut entry.pair));
    }
}
