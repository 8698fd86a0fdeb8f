//! A hash table that never takes long to grow: it is many tables for many entries. A table is added
//! at a time, and gets its entries from one other.

use hashbrown::HashTable;

/// There is a table for twice so many entries.
const TABLE: usize = if oxbeam_heap::ZEAL { 8 } else { 448 };

/// See the module. Whoever uses it gives hashes whose bits are all alike good.
pub(crate) struct SplitTable<T> {
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

    /// The number of the table for a hash: as many of its bits as name a table.
    fn number(&self, hash: u64) -> usize {
        // Neither the bits that are places in a table nor those that are its tags.
        let bits = (hash >> 32) as usize & 0xFF_FFFF;
        let all = self.tables.len().next_power_of_two();
        match bits & (all - 1) {
            number if number < self.tables.len() => number,
            number => number - all / 2,
        }
    }

    /// Adds an entry; an equal one is not here.
    pub fn insert(&mut self, hash: u64, entry: T, hash_of: impl Fn(&T) -> u64) {
        if self.tables.is_empty() {
            self.tables.push(HashTable::new());
        } else if self.len >= 2 * TABLE * self.tables.len() {
            self.add_table(&hash_of);
        }
        self.insert_within(hash, entry, hash_of);
        self.len += 1;
    }

    fn insert_within(&mut self, hash: u64, entry: T, hash_of: impl Fn(&T) -> u64) {
        let number = self.number(hash);
        self.tables[number].insert_unique(hash, entry, hash_of);
    }

    fn add_table(&mut self, hash_of: &impl Fn(&T) -> u64) {
        let table = || HashTable::with_capacity(2 * TABLE);
        let number = self.tables.len();
        let divided = number & !(1 << number.ilog2());
        self.tables.push(table());
        let entries = std::mem::replace(&mut self.tables[divided], table());
        for entry in entries {
            self.insert_within(hash_of(&entry), entry, hash_of);
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
    fn it_keeps_its_entries_when_tables_are_added() {
        let mut table = SplitTable::default();
        assert!(table.find(1, |_| true).is_none() && table.remove(1, |_| true).is_none());
        let count = 40 * TABLE;
        for number in 0..count {
            table.insert(hash(&number), number, hash);
        }
        for number in (0..count).step_by(3) {
            assert_eq!(table.remove(hash(&number), |&n| n == number), Some(number));
        }
        let found = |number: &usize| table.find(hash(number), |n| n == number).is_some();
        assert!((0..count).all(|number| found(&number) == (number % 3 != 0)));
        assert_eq!((table.len(), table.iter().count()), (count - count.div_ceil(3), table.len()));
        assert_eq!(table.tables.len(), 20);
    }
}
