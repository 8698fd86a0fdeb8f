//! A map for what most processes have none or one of: links, monitors, aliases.
//!
//! An empty one is a null pointer; the first entries lie in the one block that it then has, more
//! of them in a hash table.

use crate::split_table::SplitTable;
use std::hash::{Hash, Hasher};

/// Entries in the block itself.
const FEW: usize = 2;

/// Mixes the words of pids and references, which nobody outside chooses.
#[derive(Default)]
struct WordHasher(u64);

impl Hasher for WordHasher {
    fn finish(&self) -> u64 {
        // The upper bits are the best ones; the table takes both ends.
        self.0 ^ self.0 >> 32
    }
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(4) {
            let word = chunk.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
            self.write_u64(word);
        }
    }
    fn write_u32(&mut self, word: u32) {
        self.write_u64(word.into());
    }
    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }
}

struct Entries<K, V> {
    few: [Option<(K, V)>; FEW],
    many: SplitTable<(K, V)>,
}

fn hash<K: Hash>(key: &K) -> u64 {
    let mut hasher = WordHasher::default();
    key.hash(&mut hasher);
    hasher.finish()
}

/// See the module.
pub struct SmallMap<K, V>(Option<Box<Entries<K, V>>>);

impl<K, V> Default for SmallMap<K, V> {
    fn default() -> SmallMap<K, V> {
        SmallMap(None)
    }
}

impl<K: Copy + Eq + Hash, V> SmallMap<K, V> {
    /// Sets an entry; gives the value that it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        if let Some(old) = self.get_mut(&key) {
            return Some(std::mem::replace(old, value));
        }
        let new = || Box::new(Entries { few: [None, None], many: SplitTable::default() });
        let entries = self.0.get_or_insert_with(new);
        match entries.few.iter_mut().find(|entry| entry.is_none()) {
            Some(free) => {
                *free = Some((key, value));
                None
            }
            None => {
                entries.many.insert(hash(&key), (key, value), |entry| hash(&entry.0));
                None
            }
        }
    }

    pub fn get(&self, key: &K) -> Option<&V> {
        let entries = self.0.as_ref()?;
        let few = entries.few.iter().flatten().find(|entry| entry.0 == *key);
        match few {
            Some((_, value)) => Some(value),
            None => entries.many.find(hash(key), |entry| entry.0 == *key).map(|entry| &entry.1),
        }
    }

    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let entries = self.0.as_mut()?;
        let few = entries.few.iter_mut().flatten().find(|entry| entry.0 == *key);
        match few {
            Some((_, value)) => Some(value),
            None => {
                let many = entries.many.find_mut(hash(key), |entry| entry.0 == *key);
                many.map(|entry| &mut entry.1)
            }
        }
    }

    pub fn remove(&mut self, key: &K) -> Option<V> {
        let entries = self.0.as_mut()?;
        let at = entries.few.iter().position(|entry| entry.as_ref().is_some_and(|e| e.0 == *key));
        match at {
            Some(at) => {
                let removed = entries.few[at].take();
                // The others stay in the order in which they came.
                entries.few[at..].rotate_left(1);
                removed.map(|(_, value)| value)
            }
            None => {
                let removed = entries.many.remove(hash(key), |entry| entry.0 == *key);
                removed.map(|(_, value)| value)
            }
        }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        let count = |e: &Entries<K, V>| e.few.iter().flatten().count() + e.many.len();
        self.0.as_ref().map_or(0, |entries| count(entries))
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().flat_map(|entries| {
            let few = entries.few.iter().flatten().map(|(key, value)| (key, value));
            few.chain(entries.many.iter().map(|(key, value)| (key, value)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn it_does_what_a_map_does() {
        let (mut map, mut model) = (SmallMap::default(), BTreeMap::new());
        let mut seed = 7u32;
        for step in 0..5000u32 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let key = [seed >> 24 & 7, 1, step / 1000];
            match seed >> 8 & 3 {
                0 => assert_eq!(map.remove(&key), model.remove(&key)),
                1 => assert_eq!(map.get(&key), model.get(&key)),
                _ => assert_eq!(map.insert(key, step), model.insert(key, step)),
            }
            let entries: BTreeMap<_, _> = map.iter().map(|(key, value)| (*key, *value)).collect();
            assert_eq!(entries, model);
        }
    }
}
