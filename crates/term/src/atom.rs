//! Atoms: an index into one growing table that is never shrunk.
//!
//! 1. Entries live in chunks that never move; a chunk pointer is published before any index
//!    into it is given out, so a look-up by index takes no lock.
//! 2. Only the insertion of a new name takes the lock of the name's shard and then the lock
//!    that gives out the next index.

use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// An atom's index in the table.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Atom(u32);

/// Longest atom name, in characters.
pub const MAX_CHARS: usize = 255;
/// Default of the `+t` flag.
pub const DEFAULT_LIMIT: usize = 1_048_576;

/// Why an atom was not made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AtomError {
    /// More than [`MAX_CHARS`] characters.
    TooLong,
    /// The table holds as many atoms as `+t` allows.
    TableFull,
}

struct Entry {
    name: &'static str,
    /// The first eight bytes of the name as a big-endian number.
    prefix: u64,
    hash: u32,
}

const CHUNK: usize = 4096;
const CHUNKS: usize = 1 << 15;
const SHARDS: usize = 32;

type Shard = RwLock<HashMap<&'static str, u32>>;

struct Table {
    chunks: Box<[AtomicPtr<[OnceLock<Entry>; CHUNK]>]>,
    shards: [Shard; SHARDS],
    next: Mutex<usize>,
    count: AtomicUsize,
    name_bytes: AtomicUsize,
    limit: AtomicUsize,
}

impl Table {
    fn new() -> Table {
        let table = Table {
            chunks: (0..CHUNKS).map(|_| AtomicPtr::new(std::ptr::null_mut())).collect(),
            shards: std::array::from_fn(|_| RwLock::new(HashMap::new())),
            next: Mutex::new(0),
            count: AtomicUsize::new(0),
            name_bytes: AtomicUsize::new(0),
            limit: AtomicUsize::new(DEFAULT_LIMIT),
        };
        for (index, name) in PREDEFINED.iter().enumerate() {
            let atom = table.intern(name).expect("predefined atoms fit");
            assert!(atom.0 as usize == index, "predefined atom {name} is named twice");
        }
        table
    }

    fn shard(&self, hash: u32) -> &Shard {
        &self.shards[(hash ^ hash >> 7) as usize % SHARDS]
    }

    fn intern(&self, name: &str) -> Result<Atom, AtomError> {
        let hash = name_hash(name);
        let shard = self.shard(hash);
        if let Some(&index) = shard.read().get(name) {
            return Ok(Atom(index));
        }
        if name.len() > MAX_CHARS && name.chars().count() > MAX_CHARS {
            return Err(AtomError::TooLong);
        }
        let mut names = shard.write();
        if let Some(&index) = names.get(name) {
            return Ok(Atom(index));
        }
        let leaked: &'static str = Box::leak(name.into());
        let index = self.append(Entry { name: leaked, prefix: prefix(leaked), hash })?;
        names.insert(leaked, index);
        Ok(Atom(index))
    }

    fn append(&self, entry: Entry) -> Result<u32, AtomError> {
        let mut next = self.next.lock();
        let index = *next;
        if index >= self.limit.load(Ordering::Relaxed).min(CHUNK * CHUNKS) {
            return Err(AtomError::TableFull);
        }
        let slot = &self.chunks[index / CHUNK];
        if slot.load(Ordering::Relaxed).is_null() {
            let chunk = Box::new([const { OnceLock::new() }; CHUNK]);
            slot.store(Box::into_raw(chunk), Ordering::Release);
        }
        self.name_bytes.fetch_add(entry.name.len(), Ordering::Relaxed);
        self.entry_slot(index).set(entry).ok();
        *next = index + 1;
        self.count.store(index + 1, Ordering::Release);
        Ok(index as u32)
    }

    fn entry_slot(&self, index: usize) -> &OnceLock<Entry> {
        let chunk = self.chunks[index / CHUNK].load(Ordering::Acquire);
        // SAFETY: rule 1: the chunk was published before the index was given out and is never
        // freed.
        unsafe { &(&*chunk)[index % CHUNK] }
    }

    fn entry(&self, atom: Atom) -> &Entry {
        self.entry_slot(atom.0 as usize).get().expect("an atom's entry is set before its index")
    }
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(Table::new)
}

/// OTP's hash of an atom name (PJW over the characters, where two-byte characters of Latin-1
/// count as one): `phash` and the order of nothing else depend on it.
/// The first eight bytes, or zeros behind the end, as a big-endian number: orders most names.
fn prefix(name: &str) -> u64 {
    let mut bytes = [0; 8];
    let len = name.len().min(8);
    bytes[..len].copy_from_slice(&name.as_bytes()[..len]);
    u64::from_be_bytes(bytes)
}

fn name_hash(name: &str) -> u32 {
    let mut hash = 0u32;
    let mut bytes = name.bytes().peekable();
    while let Some(byte) = bytes.next() {
        let mut value = u32::from(byte);
        if byte & 0xFE == 0xC2
            && let Some(low) = bytes.next()
        {
            value = (value << 6 | u32::from(low) & 0x3F) & 0xFF;
        }
        hash = (hash << 4).wrapping_add(value);
        let high = hash & 0xF000_0000;
        if high != 0 {
            hash ^= high >> 24;
            hash ^= high;
        }
    }
    hash
}

impl Atom {
    /// The atom called `name`, made if it is new.
    pub fn new(name: &str) -> Result<Atom, AtomError> {
        table().intern(name)
    }
    /// The atom called `name`, where there is one already.
    pub fn existing(name: &str) -> Option<Atom> {
        let table = table();
        table.shard(name_hash(name)).read().get(name).map(|&index| Atom(index))
    }
    pub const fn from_index(index: u32) -> Atom {
        Atom(index)
    }
    pub const fn index(self) -> u32 {
        self.0
    }
    /// The name, in UTF-8.
    pub fn name(self) -> &'static str {
        table().entry(self).name
    }
    /// OTP's hash of the name.
    pub fn hash(self) -> u32 {
        table().entry(self).hash
    }
    /// Order of the names, which is that of atoms as terms.
    pub fn cmp_names(self, other: Atom) -> std::cmp::Ordering {
        let (a, b) = (table().entry(self), table().entry(other));
        a.prefix.cmp(&b.prefix).then_with(|| a.name.as_bytes().cmp(b.name.as_bytes()))
    }
    /// Atoms in the table.
    pub fn count() -> usize {
        table().count.load(Ordering::Acquire)
    }
    /// Bytes of all names together.
    pub fn name_bytes() -> usize {
        table().name_bytes.load(Ordering::Relaxed)
    }
    /// The `+t` limit.
    pub fn limit() -> usize {
        table().limit.load(Ordering::Relaxed)
    }
    /// Sets the `+t` limit; for boot.
    pub fn set_limit(limit: usize) {
        table().limit.store(limit, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Atom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "'{}'", self.name())
    }
}

/// Names the atoms that the runtime itself speaks of, in the order of their indices.
macro_rules! predefined {
    ($($id:ident = $name:literal,)*) => {
        /// The predefined atoms, by name (`am::ok`).
        #[allow(non_upper_case_globals, reason = "an atom's constant reads as the atom")]
        pub mod am {
            use super::Atom;
            #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "as above")]
            #[repr(u32)]
            enum Index { $($id,)* }
            $(pub const $id: Atom = Atom(Index::$id as u32);)*
        }
        const PREDEFINED: &[&str] = &[$($name),*];
    };
}
include!("atom_names.rs");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_indices_agree() {
        assert_eq!(am::true_.name(), "true");
        let fresh = Atom::new("never seen before").unwrap();
        assert_eq!(Atom::new("never seen before"), Ok(fresh));
        assert_eq!(Atom::existing("never seen before"), Some(fresh));
        assert_eq!(Atom::existing("nor this one, åäö"), None);
        assert_eq!(Atom::new(&"x".repeat(256)), Err(AtomError::TooLong));
        assert!(Atom::new(&"å".repeat(255)).is_ok());
    }

    #[test]
    fn threads_agree_on_an_index() {
        let names: Vec<String> = (0..2000).map(|n| format!("shared_{n}")).collect();
        let run = || names.iter().map(|n| Atom::new(n).unwrap()).collect::<Vec<_>>();
        let all = std::thread::scope(|s| {
            let threads: Vec<_> = (0..4).map(|_| s.spawn(run)).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(all.windows(2).all(|w| w[0] == w[1]));
        assert!(all[0].iter().zip(&names).all(|(a, n)| a.name() == n));
    }
}
