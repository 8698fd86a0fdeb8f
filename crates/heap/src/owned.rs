//! A term that belongs to no process: a message on its way, a timer's message, a saved reason.

use crate::copy::{Policy, copy_into, flat_words, flat_words_within, keeps_sharing};
use crate::copy_shared::{copy_sharing, sharing_words};
use crate::fragment::Fragment;
use crate::gc::each_slot;
use crate::heap::{Heap, out_of_memory};
use crate::literal::Purged;
use oxbeam_term::{Node, RawTerm, Term};
use std::ptr::NonNull;

/// A term with the fragments, linked to each other, that hold all of it (none for an immediate or
/// a literal; more than one for a term that was copied in portions).
pub struct OwnedTerm {
    root: RawTerm,
    fragments: Option<NonNull<Fragment>>,
}

// SAFETY: the fragments belong to this value alone and move with it.
unsafe impl Send for OwnedTerm {}
// SAFETY: a shared owned term is only read.
unsafe impl Sync for OwnedTerm {}

impl OwnedTerm {
    /// A copy of a term of any storage. Literals are shared, not copied.
    pub fn copy_of(term: Term<'_>) -> OwnedTerm {
        OwnedTerm::copy(term, Policy::sharing())
    }

    /// As [`OwnedTerm::copy_of`], if the copy has at most so many words.
    pub fn small_copy_of(term: Term<'_>, most_words: usize) -> Option<OwnedTerm> {
        let policy = Policy::sharing();
        // SAFETY: a branded term is alive.
        let words = unsafe { flat_words_within(term.raw(), policy, most_words) }?;
        Some(OwnedTerm::copy_sized(term, words, policy))
    }

    /// The term whose root and fragments these are.
    ///
    /// # Safety
    /// The fragments, linked to each other, hold all of the term, and belong to nobody else.
    pub(crate) unsafe fn of_fragments(
        root: RawTerm,
        fragments: Option<NonNull<Fragment>>,
    ) -> OwnedTerm {
        OwnedTerm { root, fragments }
    }

    /// A copy for another process: what is shared in the term stays shared if that is asked for.
    pub fn message(term: Term<'_>) -> OwnedTerm {
        if keeps_sharing() { OwnedTerm::copy_keeping(term) } else { OwnedTerm::copy_of(term) }
    }

    /// A copy in which what is shared stays shared.
    pub(crate) fn copy_keeping(term: Term<'_>) -> OwnedTerm {
        let (raw, policy) = (term.raw(), Policy::sharing());
        // SAFETY: a branded term is alive.
        let Some(words) = (unsafe { sharing_words(raw, policy) }) else {
            return OwnedTerm::copy(term, policy);
        };
        let fragment = Fragment::new(words).unwrap_or_else(|| out_of_memory(words));
        // SAFETY: fresh fragment with room for exactly these words.
        let root = unsafe {
            let header = fragment.as_ref();
            let alloc = |words| header.take(words).expect("as counted");
            copy_sharing(raw, alloc, &header.off_heap, policy)
        };
        OwnedTerm { root, fragments: Some(fragment) }
    }

    /// A copy that shares nothing with literal areas, for storage that no purge looks into.
    pub fn deep_copy_of(term: Term<'_>) -> OwnedTerm {
        OwnedTerm::copy(term, Policy::everything())
    }

    fn copy(term: Term<'_>, policy: Policy) -> OwnedTerm {
        // SAFETY: a branded term is alive.
        let words = unsafe { flat_words(term.raw(), policy) };
        OwnedTerm::copy_sized(term, words, policy)
    }

    fn copy_sized(term: Term<'_>, words: usize, policy: Policy) -> OwnedTerm {
        let raw = term.raw();
        if words == 0 {
            return OwnedTerm { root: raw, fragments: None };
        }
        let fragment = Fragment::new(words).unwrap_or_else(|| out_of_memory(words));
        // SAFETY: fresh fragment with room for exactly these words.
        let root = unsafe {
            let header = fragment.as_ref();
            let mut top = header.take(words).expect("a fresh fragment has room");
            copy_into(raw, &mut top, &header.off_heap, policy)
        };
        OwnedTerm { root, fragments: Some(fragment) }
    }

    /// Whether the term holds something outside its own words.
    pub fn has_off_heap(&self) -> bool {
        self.fragments().any(|fragment| !fragment.off_heap.is_empty())
    }

    /// Calls `visit` with the node of each external pid, port and reference in the term.
    pub fn each_node(&self, mut visit: impl FnMut(&'static Node)) {
        self.fragments().for_each(|fragment| fragment.off_heap.each_node(&mut visit));
    }

    /// Builds a term in a scratch heap and keeps a copy of it.
    pub fn build(make: impl for<'h> FnOnce(&'h Heap) -> Term<'h>) -> OwnedTerm {
        let scratch = Heap::detached();
        OwnedTerm::copy_of(make(&scratch))
    }

    /// A tuple of what `first` gives and of this term, which is not copied for that.
    pub fn into_last_of(
        mut self,
        first: impl for<'h> FnOnce(&'h Heap) -> Vec<Term<'h>>,
    ) -> OwnedTerm {
        let mut count = 0;
        let tuple = OwnedTerm::build(|heap| {
            let mut elements = first(heap);
            elements.push(Term::nil());
            count = elements.len();
            heap.tuple(&elements)
        });
        let fragments = self.fragments.take();
        if let Some(last) = tuple.fragments().last() {
            last.next.set(fragments);
        }
        // SAFETY: the tuple was made just now, nobody else knows it, and what it gets there lies in
        // its own fragments from now on.
        unsafe { tuple.root.ptr().add(count).write(self.root.0) };
        tuple
    }

    pub const fn immediate(term: RawTerm) -> OwnedTerm {
        assert!(term.is_immediate());
        OwnedTerm { root: term, fragments: None }
    }

    /// A term of a heap that stays where it is, as if attached to it.
    ///
    /// # Safety
    /// As for [`OwnedTerm::root_mut`]: the owner treats it as a root of that heap from now on.
    pub unsafe fn attached(term: RawTerm) -> OwnedTerm {
        OwnedTerm { root: term, fragments: None }
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
        self.fragments().any(|fragment| {
            let mut found = false;
            // SAFETY: the fragment holds whole objects.
            unsafe {
                let start = fragment.start();
                let end = start.add(fragment.used_words());
                each_slot(start, end, &mut |slot, _| found |= purged.contains_term(RawTerm(*slot)));
            }
            found
        })
    }

    fn fragments(&self) -> impl Iterator<Item = &Fragment> {
        // SAFETY: the fragments are ours and alive.
        let at = |fragment: Option<NonNull<Fragment>>| fragment.map(|f| unsafe { f.as_ref() });
        std::iter::successors(at(self.fragments), move |fragment| at(fragment.next.get()))
    }

    /// Words of the term's copy.
    pub fn words(&self) -> usize {
        self.fragments().map(Fragment::used_words).sum()
    }

    /// Copies the term onto a heap.
    pub fn copy_to<'h>(&self, heap: &'h Heap) -> Term<'h> {
        heap.import(self.view())
    }

    /// Gives the term to a heap without copying: its fragments become the heap's.
    pub fn attach_to(mut self, heap: &Heap) -> Term<'_> {
        self.attach_in_place(heap);
        // SAFETY: the term now lives in that heap.
        unsafe { heap.brand(self.root) }
    }

    /// Like [`OwnedTerm::attach_to`], but keeps the root here: the owner must then treat it as a
    /// root of that heap (see [`OwnedTerm::root_mut`]).
    pub fn attach_in_place(&mut self, heap: &Heap) {
        let mut next = self.fragments.take();
        while let Some(fragment) = next {
            // SAFETY: the fragment was ours alone; the heap links it anew.
            unsafe {
                next = fragment.as_ref().next.get();
                heap.link_fragment(fragment);
            }
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
        // SAFETY: nobody else refers to the fragments.
        unsafe { Fragment::free_all(self.fragments.take()) };
    }
}

impl std::fmt::Debug for OwnedTerm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OwnedTerm({:?})", self.root)
    }
}

impl Heap {
    /// Copies a term of another process onto this heap, as [`OwnedTerm::message`] does.
    pub fn import_message<'h>(&'h self, term: Term<'_>) -> Term<'h> {
        if !keeps_sharing() {
            return self.import(term);
        }
        self.copy_sharing(term, Policy::sharing())
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use oxbeam_term::am;

    #[test]
    fn the_last_of_a_tuple_is_not_copied() {
        let list = OwnedTerm::build(|heap| heap.list(&[heap.int(1), heap.binary(&[7; 100])]));
        let (place, words) = (list.view().raw(), list.words());
        let tuple = list.into_last_of(|heap| vec![Term::atom(am::normal), heap.tuple(&[])]);
        assert_eq!(tuple.view().as_tuple().map(|tuple| tuple.elements()[2].raw()), Some(place));
        assert_eq!(tuple.words(), words + 4 + 1);
        let heap = Heap::detached();
        let elements = tuple.attach_to(&heap).as_tuple().expect("a tuple").elements();
        assert_eq!(elements[0].as_atom(), Some(am::normal));
        let last = elements[2].as_cons().and_then(|cell| cell.tail().as_cons());
        assert_eq!(last.and_then(|cell| cell.head().as_bits()).map(|b| b.byte_size()), Some(100));
    }

    #[test]
    fn the_last_can_be_an_immediate() {
        let tuple = OwnedTerm::immediate(RawTerm::atom(am::normal)).into_last_of(|_| vec![]);
        assert_eq!(
            tuple.view().as_tuple().map(|t| t.elements()[0].as_atom()),
            Some(Some(am::normal))
        );
    }
}
