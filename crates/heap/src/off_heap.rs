//! The list of objects that hold something outside their heap (rule 4).

use oxbeam_term::Node;
use oxbeam_term::binary::Binary;
use oxbeam_term::fun_entry::FunEntry;
use oxbeam_term::layout::{
    EXT_NODE, FUN_ENTRY, OFF_HEAP_NEXT, REF_MAGIC, REF_MAGIC_BLOCK, REFC_BLOCK, REFC_SIZE,
};
use oxbeam_term::tag::Subtag;
use std::any::Any;
use std::cell::Cell;
use std::ptr::{NonNull, null_mut};

/// A list of objects linked through their word `OFF_HEAP_NEXT`.
pub struct OffHeap {
    first: Cell<*mut u64>,
    /// Words of off-heap binaries taken since the last collection (the virtual binary heap).
    pub binary_words: Cell<usize>,
}

impl Default for OffHeap {
    fn default() -> OffHeap {
        OffHeap::new()
    }
}

impl OffHeap {
    pub const fn new() -> OffHeap {
        OffHeap { first: Cell::new(null_mut()), binary_words: Cell::new(0) }
    }

    pub fn is_empty(&self) -> bool {
        self.first.get().is_null()
    }

    /// Links an object whose reference the list now owns.
    ///
    /// # Safety
    /// The object is of an off-heap kind, lives in this list's storage, is in no list, and its
    /// words but the link are filled in.
    pub unsafe fn link(&self, object: *mut u64) {
        // SAFETY: off-heap objects have the link word; the caller owns the object.
        unsafe {
            *object.add(OFF_HEAP_NEXT) = self.first.get() as u64;
            self.binary_words.set(self.binary_words.get() + binary_words_of(object));
        }
        self.first.set(object);
    }

    /// Takes the whole list away.
    pub fn take(&self) -> *mut u64 {
        self.binary_words.set(0);
        self.first.replace(null_mut())
    }

    /// Puts all of `other`'s objects in front of this list.
    ///
    /// # Safety
    /// The objects now live in this list's storage.
    pub unsafe fn append(&self, other: &OffHeap) {
        let words = other.binary_words.get();
        let first = other.take();
        if first.is_null() {
            return;
        }
        let mut last = first;
        // SAFETY: the objects of a list are alive and linked.
        unsafe {
            while *last.add(OFF_HEAP_NEXT) != 0 {
                last = *last.add(OFF_HEAP_NEXT) as *mut u64;
            }
            *last.add(OFF_HEAP_NEXT) = self.first.get() as u64;
        }
        self.first.set(first);
        self.binary_words.set(self.binary_words.get() + words);
    }

    /// Calls `visit` with each object.
    pub fn each(&self, mut visit: impl FnMut(*mut u64)) {
        let mut object = self.first.get();
        while !object.is_null() {
            // SAFETY: as in `append`.
            let next = unsafe { *object.add(OFF_HEAP_NEXT) } as *mut u64;
            visit(object);
            object = next;
        }
    }

    /// The off-heap binaries of the list: where each lies, its size in bytes, and how many
    /// references to it there are.
    pub fn binaries(&self) -> Vec<(usize, usize, usize)> {
        let mut found = vec![];
        // SAFETY: the objects of a list are alive.
        self.each(|object| unsafe {
            if Subtag::of(*object) == Subtag::RefcBin {
                let block = &*(*object.add(REFC_BLOCK) as *const Binary);
                let place = *object.add(REFC_BLOCK) as usize;
                found.push((place, block.size(), block.refc().max(0) as usize));
            }
        });
        found
    }

    /// Calls `visit` with the entry of each fun of the list.
    pub fn each_fun(&self, mut visit: impl FnMut(&FunEntry)) {
        // SAFETY: the objects of a list are alive, and hold a reference to what they name.
        self.each(|object| unsafe {
            if Subtag::of(*object) == Subtag::Fun {
                visit(&*(*object.add(FUN_ENTRY) as *const FunEntry));
            }
        });
    }

    /// Calls `visit` with the node of each external pid, port and reference of the list.
    pub fn each_node(&self, mut visit: impl FnMut(&'static Node)) {
        use Subtag::{ExtPid, ExtPort, ExtRef};
        // SAFETY: the objects of a list are alive.
        self.each(|object| unsafe {
            if matches!(Subtag::of(*object), ExtPid | ExtPort | ExtRef) {
                visit(node_of(object));
            }
        });
    }

    /// Calls `visit` with what each magic reference of the list holds.
    pub fn each_magic(&self, mut visit: impl FnMut(&(dyn Any + Send + Sync))) {
        // SAFETY: the objects of a list are alive, and hold a reference to their block.
        self.each(|object| unsafe {
            if *object == REF_MAGIC
                && let Some(value) = (*(*object.add(REF_MAGIC_BLOCK) as *const Binary)).magic()
            {
                visit(value);
            }
        });
    }

    /// Gives back every reference of the list.
    ///
    /// # Safety
    /// The objects are not used any more.
    pub unsafe fn release_all(&self) {
        let list = OffHeap::new();
        list.first.set(self.take());
        // SAFETY: each object is released once, the list is ours alone.
        list.each(|object| unsafe { release(object) });
    }
}

/// Words of the off-heap binary that an object refers to; 0 for another kind.
///
/// # Safety
/// The object is alive.
unsafe fn binary_words_of(object: *const u64) -> usize {
    // SAFETY: by contract.
    unsafe {
        if Subtag::of(*object) == Subtag::RefcBin { *object.add(REFC_SIZE) as usize / 8 } else { 0 }
    }
}

/// The node that an external pid, port or reference speaks of.
///
/// # Safety
/// The object is alive and one of these.
unsafe fn node_of(object: *const u64) -> &'static Node {
    // SAFETY: by contract; nodes are never freed.
    unsafe { &*(*object.add(EXT_NODE) as *const Node) }
}

/// Takes one more reference to what an off-heap object holds, for a copy of the object.
///
/// # Safety
/// The object is alive and of an off-heap kind.
pub unsafe fn retain(object: *const u64) {
    // SAFETY: by contract; the words read are the kind's own.
    unsafe {
        match Subtag::of(*object) {
            Subtag::RefcBin => (*(*object.add(REFC_BLOCK) as *const Binary)).retain(),
            Subtag::Ref => (*(*object.add(REF_MAGIC_BLOCK) as *const Binary)).retain(),
            Subtag::Fun => (*(*object.add(FUN_ENTRY) as *const FunEntry)).retain(),
            _ => node_of(object).retain(),
        }
    }
}

/// Gives the reference of a dead off-heap object back.
///
/// # Safety
/// The object's words are intact, and the object is not used any more.
pub unsafe fn release(object: *const u64) {
    // SAFETY: by contract; off-heap objects hold non-null pointers.
    unsafe {
        let pointer = |index: usize| *object.add(index) as *mut u8;
        match Subtag::of(*object) {
            Subtag::RefcBin => Binary::release(NonNull::new_unchecked(pointer(REFC_BLOCK).cast())),
            Subtag::Ref => Binary::release(NonNull::new_unchecked(pointer(REF_MAGIC_BLOCK).cast())),
            Subtag::Fun => FunEntry::release(NonNull::new_unchecked(pointer(FUN_ENTRY).cast())),
            _ => node_of(object).release(),
        }
    }
}
