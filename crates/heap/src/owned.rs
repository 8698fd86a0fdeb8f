//! A term that belongs to no process: a message on its way, a timer's message, a saved reason.

use crate::copy::{Policy, copy_into, flat_words};
use crate::fragment::Fragment;
use crate::gc::each_slot;
use crate::heap::{Heap, out_of_memory};
use crate::literal::Purged;
use oxbeam_term::{RawTerm, Term};
use std::ptr::NonNull;

/// A term with the fragment that holds all of it (no fragment for an immediate or a literal).
pub struct OwnedTerm {
    root: RawTerm,
    fragment: Option<NonNull<Fragment>>,
}

// SAFETY: the fragment belongs to this value alone and moves with it.
unsafe impl Send for OwnedTerm {}
// SAFETY: a shared owned term is only read.
unsafe impl Sync for OwnedTerm {}

impl OwnedTerm {
    /// A copy of a term of any storage. Literals are shared, not copied.
    pub fn copy_of(term: Term<'_>) -> OwnedTerm {
        OwnedTerm::copy(term, Policy::sharing())
    }

    /// A copy that shares nothing with literal areas, for storage that no purge looks into.
    pub fn deep_copy_of(term: Term<'_>) -> OwnedTerm {
        OwnedTerm::copy(term, Policy::everything())
    }

    fn copy(term: Term<'_>, policy: Policy) -> OwnedTerm {
        let raw = term.raw();
        // SAFETY: a branded term is alive.
        let words = unsafe { flat_words(raw, policy) };
        if words == 0 {
            return OwnedTerm { root: raw, fragment: None };
        }
        let fragment = Fragment::new(words).unwrap_or_else(|| out_of_memory(words));
        // SAFETY: fresh fragment with room for exactly these words.
        let root = unsafe {
            let header = fragment.as_ref();
            let mut top = header.take(words).expect("a fresh fragment has room");
            copy_into(raw, &mut top, &header.off_heap, policy)
        };
        OwnedTerm { root, fragment: Some(fragment) }
    }

    /// Builds a term in a scratch heap and keeps a copy of it.
    pub fn build(make: impl for<'h> FnOnce(&'h Heap) -> Term<'h>) -> OwnedTerm {
        let scratch = Heap::detached();
        OwnedTerm::copy_of(make(&scratch))
    }

    pub const fn immediate(term: RawTerm) -> OwnedTerm {
        assert!(term.is_immediate());
        OwnedTerm { root: term, fragment: None }
    }

    /// A term of a heap that stays where it is, as if attached to it.
    ///
    /// # Safety
    /// As for [`OwnedTerm::root_mut`]: the owner treats it as a root of that heap from now on.
    pub unsafe fn attached(term: RawTerm) -> OwnedTerm {
        OwnedTerm { root: term, fragment: None }
    }

    /// The term, as long as this value is borrowed.
    pub fn view(&self) -> Term<'_> {
        // SAFETY: the fragment lives as long as this value.
        unsafe { Term::from_raw(self.root) }
    }

    /// Whether it holds a literal of the area that is being purged.
    pub fn refers_to(&self, purged: Purged) -> bool {
        if purged.contains_term(self.root) {
            return true;
        }
        // SAFETY: the fragment is ours and alive, and holds whole objects.
        self.fragment.is_some_and(|fragment| unsafe {
            let start = fragment.as_ref().start();
            let mut found = false;
            let end = start.add(fragment.as_ref().used_words());
            each_slot(start, end, &mut |slot, _| found |= purged.contains_term(RawTerm(*slot)));
            found
        })
    }

    /// Words of the term's copy.
    pub fn words(&self) -> usize {
        // SAFETY: the fragment is ours and alive.
        self.fragment.map_or(0, |fragment| unsafe { fragment.as_ref() }.used_words())
    }

    /// Copies the term onto a heap.
    pub fn copy_to<'h>(&self, heap: &'h Heap) -> Term<'h> {
        heap.import(self.view())
    }

    /// Gives the term to a heap without copying: its fragment becomes one of the heap's.
    pub fn attach_to(mut self, heap: &Heap) -> Term<'_> {
        if let Some(fragment) = self.fragment.take() {
            // SAFETY: the fragment was ours alone.
            unsafe { heap.link_fragment(fragment) };
        }
        // SAFETY: the term now lives in that heap.
        unsafe { heap.brand(self.root) }
    }

    /// Like [`OwnedTerm::attach_to`], but keeps the root here: the owner must then treat it as a
    /// root of that heap (see [`OwnedTerm::root_mut`]).
    pub fn attach_in_place(&mut self, heap: &Heap) {
        if let Some(fragment) = self.fragment.take() {
            // SAFETY: the fragment was ours alone.
            unsafe { heap.link_fragment(fragment) };
        }
    }

    /// The root, for the collector of the heap that the term is attached to.
    ///
    /// # Safety
    /// The term is attached, and only a collection of its heap changes the word.
    pub unsafe fn root_mut(&mut self) -> &mut RawTerm {
        &mut self.root
    }
}

impl Drop for OwnedTerm {
    fn drop(&mut self) {
        if let Some(fragment) = self.fragment.take() {
            // SAFETY: nobody else refers to the fragment.
            unsafe { Fragment::free(fragment) };
        }
    }
}

impl std::fmt::Debug for OwnedTerm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OwnedTerm({:?})", self.root)
    }
}

impl Heap {
    /// Copies a term of another storage onto this heap.
    pub fn import<'h>(&'h self, term: Term<'_>) -> Term<'h> {
        let raw = term.raw();
        // SAFETY: a branded term is alive; `alloc` gives room for the copy.
        unsafe {
            let policy = Policy::sharing();
            let words = flat_words(raw, policy);
            if words == 0 {
                return self.brand(raw);
            }
            let mut top = self.alloc(words);
            let copy = copy_into(raw, &mut top, self.off_heap(), policy);
            self.brand(copy)
        }
    }
}
