//! The process dictionary: terms of the process's own heap, by term key.
//!
//! Small dictionaries are searched in order; larger ones through an index of hashes. Order of
//! entries is the order of insertion, a removed entry giving its place to the last one.
//!
//! Nothing takes long to grow: the entries of a large dictionary lie in pieces, and its index is many
//! tables.

use crate::thin_vec::ThinVec;
use hashbrown::HashTable;
use oxbeam_heap::Heap;
use oxbeam_term::compare::compare_exact;
use oxbeam_term::hash::internal_hash;
use oxbeam_term::{RawTerm, Term};

/// Entries beyond which an index is kept.
const INDEX_FROM: usize = 16;

/// Entries of a piece.
const PIECE: usize = if oxbeam_heap::ZEAL { 32 } else { 4096 };

/// The index has a table for twice so many entries.
const TABLE: usize = if oxbeam_heap::ZEAL { 8 } else { 448 };

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
struct Index {
    /// Where the entries are. A table is added at a time, and gets its places from one other.
    tables: Vec<HashTable<Place>>,
    /// The entries from [`PIECE`] on, so many in a piece; none is empty.
    pieces: Vec<Vec<Entry>>,
}

impl Index {
    fn of(entries: &[Entry]) -> Index {
        let table = HashTable::with_capacity(2 * entries.len());
        let mut index = Index { tables: vec![table], pieces: vec![] };
        for (at, entry) in entries.iter().enumerate() {
            index.insert(Place { hash: entry.hash, at: at as u32 });
        }
        index
    }

    /// Inserts the place of the last entry.
    fn insert(&mut self, place: Place) {
        if place.at as usize >= 2 * TABLE * self.tables.len() {
            self.add_table();
        }
        self.insert_within(place);
    }

    fn insert_within(&mut self, place: Place) {
        let table = self.table_mut(place.hash);
        table.insert_unique(spread(place.hash), place, |place| spread(place.hash));
    }

    fn add_table(&mut self) {
        let table = || HashTable::with_capacity(2 * TABLE);
        let number = self.tables.len();
        let divided = number & !(1 << number.ilog2());
        self.tables.push(table());
        let places = std::mem::replace(&mut self.tables[divided], table());
        places.into_iter().for_each(|place| self.insert_within(place));
    }

    /// The number of the table for a hash: as many of its bits as name a table.
    fn number(&self, hash: u32) -> usize {
        // Neither the bits that are places in a table nor those that are its tags.
        let bits = (spread(hash) >> 32) as usize & 0xFF_FFFF;
        let all = self.tables.len().next_power_of_two();
        match bits & (all - 1) {
            number if number < self.tables.len() => number,
            number => number - all / 2,
        }
    }
    fn table(&self, hash: u32) -> &HashTable<Place> {
        &self.tables[self.number(hash)]
    }
    fn table_mut(&mut self, hash: u32) -> &mut HashTable<Place> {
        let number = self.number(hash);
        &mut self.tables[number]
    }

    fn push(&mut self, entry: Entry) {
        if self.pieces.last().is_none_or(|piece| piece.len() == PIECE) {
            self.pieces.push(Vec::with_capacity(PIECE));
        }
        self.pieces.last_mut().expect("it was pushed").push(entry);
    }
    fn pop(&mut self) -> Option<Entry> {
        let piece = self.pieces.last_mut()?;
        let entry = piece.pop();
        if piece.is_empty() {
            self.pieces.pop();
        }
        entry
    }
}

/// The dictionary of one process.
#[derive(Default)]
pub struct Dictionary {
    /// The first ones, up to [`PIECE`].
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
        let pieces = self.pieces();
        let full = pieces.len().saturating_sub(1) * PIECE;
        self.entries.len() + full + pieces.last().map_or(0, Vec::len)
    }
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries that are in pieces.
    fn pieces(&self) -> &[Vec<Entry>] {
        self.index.as_ref().map_or(&[], |index| &index.pieces)
    }

    fn entry(&self, at: usize) -> Option<&Entry> {
        match at / PIECE {
            0 => self.entries.get(at),
            piece => self.pieces().get(piece - 1)?.get(at % PIECE),
        }
    }

    fn entry_mut(&mut self, at: usize) -> Option<&mut Entry> {
        match at / PIECE {
            0 => self.entries.get_mut(at),
            piece => self.index.as_mut()?.pieces.get_mut(piece - 1)?.get_mut(at % PIECE),
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
                index.table(hash).find(spread(hash), same).map(|place| place.at as usize)
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
                if at < PIECE {
                    self.entries.push(entry);
                } else {
                    index.push(entry);
                }
                index.insert(Place { hash, at: at as u32 });
            }
            None => {
                self.entries.push(entry);
                if at >= INDEX_FROM {
                    self.index = Some(Box::new(Index::of(&self.entries)));
                }
            }
        }
        None
    }

    /// Removes `key`; gives its value.
    pub fn erase<'h>(&mut self, heap: &'h Heap, key: Term<'_>) -> Option<Term<'h>> {
        let at = self.find(heap, key, hash(key))?;
        let end = self.len() - 1;
        let in_piece = self.index.as_mut().and_then(|index| index.pop());
        let last = in_piece.or_else(|| self.entries.vec().pop())?;
        let gone = match at == end {
            true => last,
            false => std::mem::replace(self.entry_mut(at)?, last),
        };
        if let Some(index) = &mut self.index {
            let table = index.table_mut(gone.hash);
            let place = table.find_entry(spread(gone.hash), |place| place.at as usize == at);
            place.ok()?.remove();
            if at != end {
                let table = index.table_mut(last.hash);
                let place = table.find_mut(spread(last.hash), |place| place.at as usize == end);
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
        let entries = self.entries.iter().chain(self.pieces().iter().flatten());
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
        let pieces = self.index.iter_mut().flat_map(|index| &mut index.pieces);
        for entry in self.entries.iter_mut().chain(pieces.flatten()) {
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
        let most = 20 * TABLE.max(PIECE / 8) as i64;
        // Up, over many tables and pieces, and down again, with keys that come back.
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
