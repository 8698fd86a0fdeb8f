//! Copying a term so that what is shared in it stays shared.

use crate::copy::{Policy, TermWords, object_words, push_elements, rebase_match_state, term_words};
use crate::heap::Heap;
use crate::off_heap::{self, OffHeap};
use oxbeam_term::layout::{REFC_BIN_HEADER, REFC_FLAGS, is_off_heap};
use oxbeam_term::tag::Subtag;
use oxbeam_term::{RawTerm, Term};
use std::collections::{HashMap, HashSet};

/// A copy, object by object, and where each object's copy lies.
struct Copier<'h, A: FnMut(usize) -> *mut u64> {
    /// Gives room in the storage that the copy is for.
    alloc: A,
    off_heap: &'h OffHeap,
    policy: Policy,
    copies: HashMap<*mut u64, RawTerm>,
    /// Words of copies that still hold terms of the original.
    pending: Vec<*mut u64>,
}

impl Heap {
    /// A copy of the term with its sharing, and with those literals that the policy wants.
    pub fn copy_sharing<'h>(&'h self, term: Term<'_>, policy: Policy) -> Term<'h> {
        // SAFETY: the heap gives room and lists what its objects hold; the term is branded.
        let root =
            unsafe { copy_sharing(term.raw(), |words| self.alloc(words), self.off_heap(), policy) };
        // SAFETY: all slots now hold terms of this heap, literals or immediates.
        unsafe { self.brand(root) }
    }
}

/// Copies a term with its sharing into a storage that `alloc` gives room in.
///
/// # Safety
/// The term is alive; `off_heap` belongs to the storage.
pub(crate) unsafe fn copy_sharing(
    term: RawTerm,
    alloc: impl FnMut(usize) -> *mut u64,
    off_heap: &OffHeap,
    policy: Policy,
) -> RawTerm {
    let (copies, pending) = (HashMap::new(), vec![]);
    let mut copier = Copier { alloc, off_heap, policy, copies, pending };
    let mut root = term.0;
    copier.pending.push(&raw mut root);
    while let Some(slot) = copier.pending.pop() {
        // SAFETY: a slot is `root` or a word of a copy, both alive; so is the original.
        unsafe { *slot = copier.copy(RawTerm(*slot)).0 };
    }
    RawTerm(root)
}

/// Words of a copy with sharing, if anything is shared in the term: `None` otherwise, and then
/// the copy without sharing is the same and cheaper.
///
/// # Safety
/// The term is alive.
pub(crate) unsafe fn sharing_words(term: RawTerm, policy: Policy) -> Option<usize> {
    let (mut seen, mut words, mut shared) = (HashSet::new(), 0, false);
    let mut pending = vec![term];
    while let Some(term) = pending.pop() {
        if term.is_immediate() || policy.stays(term) {
            continue;
        }
        if !seen.insert(term.ptr()) {
            shared = true;
            continue;
        }
        // SAFETY: by contract.
        words += unsafe { push_elements(term, &mut pending) };
    }
    shared.then_some(words)
}

impl<A: FnMut(usize) -> *mut u64> Copier<'_, A> {
    /// The copy of one object; its words become pending when it is new.
    ///
    /// # Safety
    /// The term is alive.
    unsafe fn copy(&mut self, term: RawTerm) -> RawTerm {
        if term.is_immediate() || self.policy.stays(term) {
            return term;
        }
        if let Some(copy) = self.copies.get(&term.ptr()) {
            return *copy;
        }
        // SAFETY: by contract; the copy is filled in before anything else is allocated (rule 3),
        // with words that are valid as terms of another place of the same process.
        let copy = unsafe { if term.is_list() { self.cell(term) } else { self.object(term) } };
        self.copies.insert(term.ptr(), copy);
        copy
    }

    unsafe fn cell(&mut self, term: RawTerm) -> RawTerm {
        let copy = (self.alloc)(2);
        // SAFETY: room for a cell; the term is alive.
        unsafe {
            *copy = term.head().0;
            *copy.add(1) = term.tail().0;
            self.pending.extend([copy, copy.add(1)]);
        }
        RawTerm::list(copy)
    }

    unsafe fn object(&mut self, term: RawTerm) -> RawTerm {
        let object = term.ptr();
        // SAFETY: the term is alive; `alloc` gave room for a copy of it.
        unsafe {
            let size = object_words(object);
            let copy = (self.alloc)(size);
            if *object == REFC_BIN_HEADER {
                // A second reference: the owner must not append in place any more.
                *object.add(REFC_FLAGS) = 0;
            }
            std::ptr::copy_nonoverlapping(object, copy, size);
            if is_off_heap(*copy) {
                off_heap::retain(copy);
                self.off_heap.link(copy);
            }
            match term_words(*copy) {
                TermWords::None => {}
                TermWords::Only(_) if Subtag::of(*copy) == Subtag::MatchState => {
                    // Its base points into the original's bytes, so both move at once.
                    return self.match_state(copy);
                }
                TermWords::Only(at) => self.pending.push(copy.add(at)),
                TermWords::From(at) => self.pending.extend((at..size).map(|n| copy.add(n))),
            }
            RawTerm::boxed(copy)
        }
    }

    unsafe fn match_state(&mut self, copy: *mut u64) -> RawTerm {
        // SAFETY: a fresh copy of a match state, whose original is a binary object.
        unsafe {
            let original = copy.add(oxbeam_term::layout::MATCH_ORIG);
            *original = self.copy(RawTerm(*original)).0;
            rebase_match_state(copy);
        }
        RawTerm::boxed(copy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{flat_size, shared_size};
    use oxbeam_term::compare::compare_exact;

    #[test]
    fn sharing_survives() {
        let heap = Heap::detached();
        let bin = heap.binary(&[7; 100]);
        let inner = heap.tuple(&[heap.float(1.5), bin]);
        let list = heap.list(&[inner, inner, heap.cons(inner, inner)]);
        let outer = heap.tuple(&[list, list, bin]);
        let copy = heap.copy_sharing(outer, Policy::everything());
        assert!(compare_exact(copy, outer).is_eq() && copy.raw() != outer.raw());
        assert_eq!(shared_size(copy), shared_size(outer));
        assert!(flat_size(copy) > shared_size(copy));
    }

    #[test]
    fn words_of_a_copy_with_sharing() {
        let heap = Heap::detached();
        let inner = heap.tuple(&[heap.float(1.5), heap.binary(b"abc")]);
        let plain = heap.list(&[inner, heap.int(1)]);
        // SAFETY: terms of a heap that is alive.
        let words = |term: Term<'_>| unsafe { sharing_words(term.raw(), Policy::everything()) };
        assert_eq!(words(plain), None);
        let shared = heap.tuple(&[plain, plain, inner]);
        assert_eq!(words(shared), Some(shared_size(shared)));
        let copy = crate::OwnedTerm::copy_keeping(shared);
        assert_eq!(copy.words(), shared_size(shared));
        assert_eq!(shared_size(copy.view()), shared_size(shared));
        assert!(compare_exact(copy.view(), shared).is_eq());
    }
}
