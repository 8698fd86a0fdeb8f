//! A hash table that never takes long to grow: it is one table at first, and many for many entries,
//! of which each grows for itself.

use hashbrown::HashTable;

/// Entries from which there are many tables, and how many.
const SPLIT_FROM: usize = if oxbeam_heap::ZEAL { 64 } else { 8192 };
const TABLES: usize = 256;

/// See the module. Whoever uses it gives hashes whose bits are all alike good.
pub(crate) struct SplitTable<T> {
    /// None, one, or [`TABLES`].
    tables: Vec<HashTable<T>>,
    len: usize,
}

impl<T> Default for SplitTable<T> {
    fn default() -> SplitTable<T> {
        SplitTable { tables: vec![], len: 0 }
    }
}

impl<T> SplitTable<T> {
    pub fn len(&self) -> usize {
        self.len
    }

    fn number(&self, hash: u64) -> usize {
        // Neither the bits that are places in a table nor those that are its tags.
        (hash >> 40) as usize % self.tables.len()
    }

    /// Adds an entry; an equal one is not here.
    pub fn insert(&mut self, hash: u64, entry: T, hash_of: impl Fn(&T) -> u64) {
        if self.tables.is_empty() {
            self.tables.push(HashTable::new());
        } else if self.tables.len() == 1 && self.len >= SPLIT_FROM {
            self.split(&hash_of);
        }
        let number = self.number(hash);
        self.tables[number].insert_unique(hash, entry, hash_of);
        self.len += 1;
    }

    fn split(&mut self, hash_of: &impl Fn(&T) -> u64) {
        let capacity = 2 * self.len / TABLES;
        let new = (0..TABLES).map(|_| HashTable::with_capacity(capacity)).collect();
        for entry in std::mem::replace(&mut self.tables, new).into_iter().flatten() {
            let hash = hash_of(&entry);
            let number = self.number(hash);
            self.tables[number].insert_unique(hash, entry, hash_of);
        }
    }

    pub fn find(&self, hash: u64, is_it: impl FnMut(&T) -> bool) -> Option<&T> {
        if self.len == 0 {
            return None;
        }
        self.tables[self.number(hash)].find(hash, is_it)
    }

    pub fn find_mut(&mut self, hash: u64, is_it: impl FnMut(&T) -> bool) -> Option<&mut T> {
        if self.len == 0 {
            return None;
        }
        let number = self.number(hash);
        self.tables[number].find_mut(hash, is_it)
    }

    pub fn remove(&mut self, hash: u64, is_it: impl FnMut(&T) -> bool) -> Option<T> {
        if self.len == 0 {
            return None;
        }
        let number = self.number(hash);
        let entry = self.tables[number].find_entry(hash, is_it).ok()?;
        self.len -= 1;
        Some(entry.remove().0)
    }

    /// All entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.tables.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: &usize) -> u64 {
        (*number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    #[test]
    fn it_keeps_its_entries_when_it_is_split() {
        let mut table = SplitTable::default();
        assert!(table.find(1, |_| true).is_none() && table.remove(1, |_| true).is_none());
        let count = 2 * SPLIT_FROM;
        for number in 0..count {
            table.insert(hash(&number), number, hash);
        }
        for number in (0..count).step_by(3) {
            assert_eq!(table.remove(hash(&number), |&n| n == number), Some(number));
        }
        let found = |number: &usize| table.find(hash(number), |n| n == number).is_some();
        assert!((0..count).all(|number| found(&number) == (number % 3 != 0)));
        assert_eq!((table.len(), table.iter().count()), (count - count.div_ceil(3), table.len()));
        assert_eq!(table.tables.len(), TABLES);
    }
}
