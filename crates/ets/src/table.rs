//! A table: what it is, whose it is, and its objects.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};

use oxbeam_heap::block::{Category, count_bytes};
use oxbeam_heap::{Heap, OwnedTerm};
use oxbeam_runtime::process::PidData;
use oxbeam_runtime::reference::RefNumbers;
use oxbeam_term::{Atom, Term, am};
use parking_lot::{Mutex, RwLock};

use crate::fixation::Fixations;
use crate::garbage::Garbage;
use crate::hash::Hash;
use crate::object::Object;
use crate::packed;
use crate::pending::Pending;
use crate::tree::Tree;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Set,
    OrderedSet,
    Bag,
    DuplicateBag,
}

impl Kind {
    pub fn atom(self) -> Atom {
        match self {
            Kind::Set => am::set,
            Kind::OrderedSet => am::ordered_set,
            Kind::Bag => am::bag,
            Kind::DuplicateBag => am::duplicate_bag,
        }
    }
    /// Whether a key has one object at most.
    pub fn is_unique(self) -> bool {
        matches!(self, Kind::Set | Kind::OrderedSet)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Protection {
    Private,
    Protected,
    Public,
}

impl Protection {
    pub fn atom(self) -> Atom {
        match self {
            Protection::Private => am::private,
            Protection::Protected => am::protected,
            Protection::Public => am::public,
        }
    }
}

/// Who gets the table when its owner ends, and with what.
pub struct Heir {
    pub pid: PidData,
    pub data: OwnedTerm,
}

/// What `write_concurrency` was set to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WriteConcurrency {
    Off,
    On,
    Auto,
    /// So many locks: a debug option of OTP. The number of shards is ours to choose.
    FixedLocks(u32),
}

/// What `ets:new` said.
pub struct Settings {
    pub kind: Kind,
    pub key_position: usize,
    pub protection: Protection,
    pub named: bool,
    pub read_concurrency: bool,
    pub write_concurrency: WriteConcurrency,
    pub decentralized_counters: bool,
    pub compressed: bool,
}

pub enum Storage {
    Hash(Hash),
    Tree(Tree),
}

pub struct Table {
    pub numbers: RefNumbers,
    pub name: RwLock<Atom>,
    pub settings: Settings,
    protection: AtomicU8,
    owner: AtomicU64,
    pub heir: Mutex<Option<Heir>>,
    pub fixations: Mutex<Fixations>,
    /// Fixations now in force.
    pub fixed: AtomicUsize,
    deleted: AtomicBool,
    /// An insertion under way, and whether there is one.
    pub pending: Mutex<Option<Arc<Pending>>>,
    pub has_pending: AtomicBool,
    pub storage: Storage,
}

/// What a magic reference to a table holds.
pub struct Handle(pub Arc<Table>);

/// Shards of a table that many may use at once, as a power of two.
const MANY_SHARD_BITS: u32 = 6;

/// Words of a table and of a shard that hold nothing.
pub fn structure_words() -> (usize, usize) {
    (size_of::<Table>() / 8, Hash::new(0).shard_bytes() / 8)
}

impl Table {
    pub fn new(
        numbers: RefNumbers,
        name: Atom,
        owner: PidData,
        heir: Option<Heir>,
        settings: Settings,
    ) -> Table {
        let concurrent =
            settings.read_concurrency || settings.write_concurrency != WriteConcurrency::Off;
        let shard_bits = match settings.protection {
            Protection::Private => 0,
            _ if concurrent => MANY_SHARD_BITS,
            Protection::Protected => 0,
            Protection::Public => 3,
        };
        let storage = match settings.kind {
            Kind::OrderedSet => {
                Storage::Tree(Tree::new(settings.write_concurrency != WriteConcurrency::Off))
            }
            _ => Storage::Hash(Hash::new(shard_bits)),
        };
        let table = Table {
            numbers,
            name: RwLock::new(name),
            protection: AtomicU8::new(settings.protection as u8),
            settings,
            owner: AtomicU64::new(owner),
            heir: Mutex::new(heir),
            fixations: Mutex::default(),
            fixed: AtomicUsize::new(0),
            deleted: AtomicBool::new(false),
            pending: Mutex::new(None),
            has_pending: AtomicBool::new(false),
            storage,
        };
        count_bytes(table.own_bytes() as isize, Category::Ets);
        table
    }

    /// Bytes of the table itself, without objects and buckets.
    fn own_bytes(&self) -> usize {
        size_of::<Table>()
            + match &self.storage {
                Storage::Hash(hash) => hash.shard_bytes(),
                Storage::Tree(_) => 0,
            }
    }

    pub fn owner(&self) -> PidData {
        self.owner.load(Ordering::Acquire)
    }
    pub fn set_owner(&self, owner: PidData) {
        self.owner.store(owner, Ordering::Release);
    }
    pub fn protection(&self) -> Protection {
        match self.protection.load(Ordering::Relaxed) {
            0 => Protection::Private,
            1 => Protection::Protected,
            _ => Protection::Public,
        }
    }
    pub fn set_protection(&self, protection: Protection) {
        self.protection.store(protection as u8, Ordering::Relaxed);
    }
    pub fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Acquire)
    }
    pub fn is_fixed(&self) -> bool {
        self.fixed.load(Ordering::Acquire) > 0
    }
    pub fn name(&self) -> Atom {
        *self.name.read()
    }
    pub fn kind(&self) -> Kind {
        self.settings.kind
    }
    pub fn key_position(&self) -> usize {
        self.settings.key_position
    }

    /// A reference to the table.
    pub fn reference<'h>(self: &Arc<Table>, heap: &'h Heap) -> Term<'h> {
        heap.resource_ref(self.numbers, Handle(self.clone()))
    }
    /// What programs call the table: its name, or a reference.
    pub fn identifier<'h>(self: &Arc<Table>, heap: &'h Heap) -> Term<'h> {
        if self.settings.named { Term::atom(self.name()) } else { self.reference(heap) }
    }

    /// An object of this table: a copy of a tuple that has a key.
    pub fn object(&self, tuple: Term<'_>) -> Object {
        let position = self.key_position();
        let hash = match &self.storage {
            Storage::Tree(_) => 0,
            Storage::Hash(_) => {
                let elements = tuple.as_tuple().expect("an object is a tuple").elements();
                crate::hash::hash_of(elements[position - 1])
            }
        };
        match self.settings.compressed {
            true => packed::object(tuple, position, hash),
            false => Object::new(tuple, position, hash),
        }
    }

    /// Changes an object of this table; a packed one as a whole, by another in its place.
    pub fn change<T, E>(
        &self,
        object: &mut Object,
        change: impl FnOnce(&mut Object) -> Result<T, E>,
    ) -> Result<T, E> {
        if !self.settings.compressed {
            return change(object);
        }
        let position = self.key_position();
        let mut plain = Object::new(object.plain().view(), position, object.hash());
        let result = change(&mut plain)?;
        object.become_other(packed::object(plain.plain().view(), position, plain.hash()));
        Ok(result)
    }

    /// The insertion that is under way, if any.
    pub fn pending(&self) -> Option<Arc<Pending>> {
        match self.has_pending.load(Ordering::Acquire) {
            true => self.pending.lock().clone(),
            false => None,
        }
    }

    /// Marks the table as gone and gives its objects, to be freed.
    ///
    /// What references to it keep from now on is small and no memory of tables any more.
    pub fn destroy(&self) -> Garbage {
        if !self.deleted.swap(true, Ordering::AcqRel) {
            count_bytes(-(self.own_bytes() as isize), Category::Ets);
        }
        let pending = self.pending.lock().take();
        let left = pending.map(|pending| pending.abandon());
        let (_, mut garbage) = self.take_objects();
        garbage.loose().append(left.unwrap_or_default().loose());
        garbage
    }

    /// Takes all objects out at once; with how many there were.
    pub fn take_objects(&self) -> (usize, Garbage) {
        let mut garbage = Garbage::default();
        let count = match &self.storage {
            Storage::Hash(hash) => {
                let mut shards = hash.write_all();
                let count = shards.iter().map(|shard| shard.live()).sum();
                shards.iter_mut().for_each(|shard| garbage.add_shard(shard.clear()));
                count
            }
            Storage::Tree(tree) => {
                let (count, sets) = tree.take_all();
                sets.into_iter().for_each(|set| garbage.add_tree(set));
                count
            }
        };
        (count, garbage)
    }

    /// Number of objects.
    pub fn size(&self) -> usize {
        match &self.storage {
            Storage::Hash(hash) => (0..hash.shard_count()).map(|n| hash.read(n).live()).sum(),
            Storage::Tree(tree) => tree.len(),
        }
    }

    /// Marks of deleted objects.
    pub fn marks(&self) -> usize {
        match &self.storage {
            Storage::Hash(hash) => (0..hash.shard_count()).map(|n| hash.read(n).marks()).sum(),
            Storage::Tree(_) => 0,
        }
    }

    /// Words that the table takes.
    pub fn memory_words(&self) -> usize {
        let own = self.own_bytes() / 8;
        match &self.storage {
            Storage::Hash(hash) => {
                let objects: usize = (0..hash.shard_count()).map(|n| hash.read(n).words()).sum();
                own + hash.bucket_words() + objects
            }
            Storage::Tree(tree) => own + tree.words(),
        }
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        if !self.is_deleted() {
            count_bytes(-(self.own_bytes() as isize), Category::Ets);
        }
    }
}
