//! One object of a table: a tuple in a block of its own (rule 1 of the crate).
//!
//! Rules of this file, cited by `SAFETY:` comments:
//!
//! 1. An [`Object`] owns its block: a [`Header`], then the words of the tuple and all that it
//!    refers to, then the bytes of packed elements. The block lives until the object is dropped.
//! 2. Words behind the header are written only when the object is built, and by
//!    [`Object::set_immediate`], which takes it by `&mut`.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};

use oxbeam_heap::block::{Category, alloc_words, free_words};
use oxbeam_heap::copy::{Policy, copy_into, flat_words};
use oxbeam_heap::heap::out_of_memory;
use oxbeam_heap::off_heap::OffHeap;
use oxbeam_term::layout::REFC_BLOCK;
use oxbeam_term::tag::Subtag;
use oxbeam_term::{Binary, Node, RawTerm, Term};

use crate::packed;

struct Header {
    /// The next object of a chain in a hash table.
    next: Option<Object>,
    off_heap: OffHeap,
    /// Words behind the header.
    words: usize,
    /// Bytes of packed elements, in the last of the words.
    packed_bytes: u32,
    hash: u32,
    /// Position of the key, from one.
    key_position: u32,
    /// Stands for a deleted object (rule 5 of the crate).
    deleted: AtomicBool,
}

const HEADER_WORDS: usize = size_of::<Header>().div_ceil(8);

/// A stored tuple.
pub struct Object(NonNull<Header>);

// SAFETY: rule 1: the block belongs to the object and moves with it.
unsafe impl Send for Object {}
// SAFETY: rule 2: a shared object is only read, its mark is atomic.
unsafe impl Sync for Object {}

impl Object {
    /// A copy of a tuple whose key is the element at `key_position` (from one).
    pub fn new(tuple: Term<'_>, key_position: usize, hash: u32) -> Object {
        Object::with_bytes(tuple, key_position, hash, &[])
    }

    /// As [`Object::new`], with packed elements that are missing in the tuple.
    pub fn with_bytes(tuple: Term<'_>, key_position: usize, hash: u32, packed: &[u8]) -> Object {
        let raw = tuple.raw();
        assert!(tuple.as_tuple().is_some_and(|tuple| tuple.arity() >= key_position));
        // SAFETY: a branded term is alive; the block has room for header and copy.
        unsafe {
            let words = flat_words(raw, Policy::everything()) + packed.len().div_ceil(8);
            let block = alloc_words(HEADER_WORDS + words, Category::Ets)
                .unwrap_or_else(|| out_of_memory(HEADER_WORDS + words));
            let header = block.cast::<Header>();
            header.write(Header {
                next: None,
                off_heap: OffHeap::new(),
                words,
                packed_bytes: packed.len() as u32,
                hash,
                key_position: key_position as u32,
                deleted: AtomicBool::new(false),
            });
            let mut top = block.as_ptr().add(HEADER_WORDS);
            copy_into(raw, &mut top, &header.as_ref().off_heap, Policy::everything());
            std::ptr::copy_nonoverlapping(packed.as_ptr(), top.cast(), packed.len());
            Object(header)
        }
    }

    fn header(&self) -> &Header {
        // SAFETY: rule 1.
        unsafe { self.0.as_ref() }
    }
    fn header_mut(&mut self) -> &mut Header {
        // SAFETY: rule 1.
        unsafe { self.0.as_mut() }
    }
    fn data(&self) -> *mut u64 {
        // SAFETY: rule 1: the words follow the header.
        unsafe { self.0.as_ptr().cast::<u64>().add(HEADER_WORDS) }
    }

    /// The tuple as it is stored.
    fn stored(&self) -> Term<'_> {
        // SAFETY: rules 1 and 2; the tuple is the first object of the copy.
        unsafe { Term::from_raw(RawTerm::boxed(self.data())) }
    }
    fn packed(&self) -> &[u8] {
        let header = self.header();
        let bytes = header.packed_bytes as usize;
        let first = header.words - bytes.div_ceil(8);
        // SAFETY: rules 1 and 2: the bytes are in the last words.
        unsafe { std::slice::from_raw_parts(self.data().add(first).cast(), bytes) }
    }
    /// The object with all elements.
    #[inline]
    pub fn plain(&self) -> Plain<'_> {
        if self.header().packed_bytes == 0 {
            return Plain::Stored(self);
        }
        Plain::Unpacked(packed::unpack(self, self.stored(), self.packed()))
    }
    #[inline]
    pub fn key(&self) -> Term<'_> {
        // SAFETY: rule 1: `new` was told that the tuple has this element; it is the word behind
        // the header word and the elements before it.
        unsafe { Term::from_raw(RawTerm(*self.data().add(self.header().key_position as usize))) }
    }
    pub fn key_position(&self) -> usize {
        self.header().key_position as usize
    }
    pub fn hash(&self) -> u32 {
        self.header().hash
    }
    /// Words of the block, header included.
    pub fn words(&self) -> usize {
        HEADER_WORDS + self.header().words
    }
    pub fn is_deleted(&self) -> bool {
        self.header().deleted.load(Ordering::Relaxed)
    }
    pub fn mark_deleted(&mut self) {
        *self.header_mut().deleted.get_mut() = true;
    }
    pub fn next(&self) -> Option<&Object> {
        self.header().next.as_ref()
    }
    pub fn next_mut(&mut self) -> &mut Option<Object> {
        &mut self.header_mut().next
    }

    /// Calls `visit` with address, size and references of each off-heap binary beneath.
    pub fn each_binary(&self, mut visit: impl FnMut(u64, usize, isize)) {
        self.header().off_heap.each(|object| {
            // SAFETY: rule 1: the objects of the list are alive and hold references.
            unsafe {
                if Subtag::of(*object) == Subtag::RefcBin {
                    let block = *object.add(REFC_BLOCK);
                    let binary = &*(block as *const Binary);
                    visit(block, binary.size(), binary.refc());
                }
            }
        });
    }

    /// Calls `visit` with the node of each external pid, port and reference beneath.
    pub fn each_node(&self, visit: impl FnMut(&'static Node)) {
        self.header().off_heap.each_node(visit);
    }

    /// Takes the place of this object in its chain: `other` has the same key.
    pub fn become_other(&mut self, mut other: Object) {
        *other.next_mut() = self.next_mut().take();
        *self = other;
    }

    /// Puts an immediate in the place of an element (from zero) that is one. `false`: it is none.
    pub fn set_immediate(&mut self, index: usize, value: Term<'_>) -> bool {
        if self.header().packed_bytes > 0 {
            return false;
        }
        let old = self.stored().as_tuple().expect("an object is a tuple").elements()[index].raw();
        if !old.is_immediate() || !value.raw().is_immediate() {
            return false;
        }
        // SAFETY: rule 2; element `index` is word `index + 1` of the tuple.
        unsafe { *self.data().add(1 + index) = value.raw().0 };
        true
    }
}

/// An object with all elements, as it is stored or unpacked.
pub enum Plain<'o> {
    Stored(&'o Object),
    Unpacked(Object),
}

impl Plain<'_> {
    /// The tuple.
    pub fn view(&self) -> Term<'_> {
        match self {
            Plain::Stored(object) => object.stored(),
            Plain::Unpacked(object) => object.stored(),
        }
    }
    pub fn elements(&self) -> &[Term<'_>] {
        self.view().as_tuple().expect("an object is a tuple").elements()
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // A chain is dropped link by link: it may be long.
        let mut next = self.header_mut().next.take();
        while let Some(mut object) = next {
            next = object.header_mut().next.take();
        }
        let words = self.words();
        // SAFETY: rule 1; nobody borrows the object any more.
        unsafe {
            self.header().off_heap.release_all();
            std::ptr::drop_in_place(self.0.as_ptr());
            free_words(self.0.cast(), words, Category::Ets);
        }
    }
}
