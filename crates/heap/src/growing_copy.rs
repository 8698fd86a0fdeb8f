//! A copy of a large term that is made in portions.
//!
//! What is still to be copied lies in two stacks of the same height: terms of the source, which
//! the caller keeps (its collector may have to know them), and the places in the copy that they
//! go to. The copy grows by fragments, so nobody measures the term first.

use crate::copy::{Policy, TermWords, object_words, rebase_match_state, term_words};
use crate::fragment::Fragment;
use crate::heap::out_of_memory;
use crate::literal::Purged;
use crate::off_heap;
use crate::owned::OwnedTerm;
use oxbeam_term::layout::*;
use oxbeam_term::tag::Subtag;
use oxbeam_term::{RawTerm, Term};
use std::ptr::{NonNull, null_mut};

/// Words of the first fragment, and of the largest that is opened for small objects.
const FIRST_WORDS: usize = if crate::ZEAL { 8 } else { 1 << 12 };
const MOST_WORDS: usize = 1 << 17;

/// A copy under way.
pub struct GrowingCopy {
    /// The fragments so far, the one that is being filled in front.
    fragments: Option<NonNull<Fragment>>,
    /// Where the terms of the caller's stack go to; null: they are the copy's root.
    places: Vec<*mut u64>,
    root: RawTerm,
    next_words: usize,
    /// Whether literals are copied too.
    deep: bool,
}

// SAFETY: the fragments belong to this value alone, and the places lie in them.
unsafe impl Send for GrowingCopy {}

impl GrowingCopy {
    /// Begins a copy of `term`, which goes onto the stack. `deep`: literals are copied too, for
    /// storage that no purge looks into.
    pub fn begin<'h>(term: Term<'h>, pending: &mut Vec<Term<'h>>, deep: bool) -> GrowingCopy {
        pending.push(term);
        GrowingCopy {
            fragments: None,
            places: vec![null_mut(); pending.len()],
            root: RawTerm::NIL,
            next_words: FIRST_WORDS,
            deep,
        }
    }

    /// Copies about `units` words and takes them off; the copy is whole when the stack is empty.
    pub fn advance(&mut self, pending: &mut Vec<Term<'_>>, units: &mut usize) {
        let policy = if self.deep { Policy::everything() } else { Policy::sharing() };
        while *units > 0
            && let Some(term) = pending.pop()
        {
            let place = self.places.pop().unwrap_or(null_mut());
            // SAFETY: branded terms are alive, and the place was given out for this one.
            unsafe {
                if term.raw().is_list() && !policy.stays(term.raw()) {
                    self.copy_cells(term.raw(), place, pending, units, policy);
                } else {
                    *units = units.saturating_sub(1);
                    self.copy_one(term.raw(), place, pending, units, policy);
                }
            }
        }
    }

    /// The copy. The stack of the source's terms must be empty.
    pub fn finish(mut self) -> OwnedTerm {
        assert!(self.places.is_empty(), "a copy ends when all is copied");
        // SAFETY: the fragments hold all of the copy, and are given away.
        let copy = unsafe { OwnedTerm::of_fragments(self.root, self.fragments.take()) };
        let purged = Purged::now();
        // What was shared in an earlier portion may be on its way out by now.
        match !self.deep && !purged.is_none() && copy.refers_to(purged) {
            true => OwnedTerm::copy_of(copy.view()),
            false => copy,
        }
    }

    /// # Safety
    /// The place is null, or a word of the copy that is still to be filled.
    unsafe fn fill(&mut self, place: *mut u64, with: RawTerm) {
        match NonNull::new(place) {
            // SAFETY: by contract.
            Some(place) => unsafe { place.write(with.0) },
            None => self.root = with,
        }
    }

    fn room(&mut self, words: usize) -> *mut u64 {
        if let Some(fragment) = self.fragments
            // SAFETY: our fragments are alive.
            && let Some(start) = unsafe { fragment.as_ref() }.take(words)
        {
            return start;
        }
        let wanted = self.next_words.max(words);
        self.next_words = (self.next_words * 2).min(MOST_WORDS);
        let fragment = Fragment::new(wanted).unwrap_or_else(|| out_of_memory(wanted));
        // SAFETY: just made.
        let header = unsafe { fragment.as_ref() };
        header.next.set(self.fragments);
        self.fragments = Some(fragment);
        header.take(words).expect("a fresh fragment has room")
    }

    /// Copies cells of a list until the units are used up, or a head puts something onto the
    /// stack: that comes first, so the stack stays as low as the term is deep.
    ///
    /// # Safety
    /// The list is alive; for `place` see [`GrowingCopy::fill`].
    unsafe fn copy_cells<'h>(
        &mut self,
        mut list: RawTerm,
        mut place: *mut u64,
        pending: &mut Vec<Term<'h>>,
        units: &mut usize,
        policy: Policy,
    ) {
        // SAFETY: by contract; both words of a new cell are filled here or by who is on the stack.
        unsafe {
            loop {
                let cell = self.room(2);
                self.fill(place, RawTerm::list(cell));
                *units = units.saturating_sub(2);
                let (head, tail) = (list.head(), list.tail());
                place = cell.add(1);
                let more = tail.is_list() && !policy.stays(tail);
                if head.is_immediate() {
                    cell.write(head.0);
                } else {
                    let before = pending.len();
                    if !head.is_list() || policy.stays(head) {
                        self.copy_one(head, cell, pending, units, policy);
                    } else {
                        self.push(head, cell, pending);
                    }
                    if pending.len() > before {
                        // Under what the head has put there.
                        pending.insert(before, Term::from_raw(tail));
                        self.places.insert(before, place);
                        return;
                    }
                }
                if !more {
                    return self.copy_one(tail, place, pending, units, policy);
                }
                if *units == 0 {
                    return self.push(tail, place, pending);
                }
                list = tail;
            }
        }
    }

    /// # Safety
    /// The term is alive.
    unsafe fn push(&mut self, term: RawTerm, place: *mut u64, pending: &mut Vec<Term<'_>>) {
        // SAFETY: by contract.
        pending.push(unsafe { Term::from_raw(term) });
        self.places.push(place);
    }

    /// Copies what is no list, or stays as it is; its parts go onto the stack.
    ///
    /// # Safety
    /// As for [`GrowingCopy::copy_cells`].
    unsafe fn copy_one(
        &mut self,
        term: RawTerm,
        place: *mut u64,
        pending: &mut Vec<Term<'_>>,
        units: &mut usize,
        policy: Policy,
    ) {
        // SAFETY: by contract.
        unsafe {
            if term.is_immediate() || policy.stays(term) {
                return self.fill(place, term);
            }
            let copy = self.copy_object(term.ptr());
            self.fill(place, RawTerm::boxed(copy));
            let size = object_words(copy);
            *units = units.saturating_sub(size);
            let parts = match term_words(*copy) {
                TermWords::None => return,
                TermWords::From(at) => at..size,
                TermWords::Only(at) => at..at + 1,
            };
            if Subtag::of(*copy) == Subtag::MatchState {
                // Its original is one object without parts.
                let original = self.copy_object(RawTerm(*copy.add(MATCH_ORIG)).ptr());
                *copy.add(MATCH_ORIG) = RawTerm::boxed(original).0;
                return rebase_match_state(copy);
            }
            for at in parts {
                let part = RawTerm(*copy.add(at));
                if !part.is_immediate() && !policy.stays(part) {
                    self.push(part, copy.add(at), pending);
                }
            }
        }
    }

    /// Copies an object as it is.
    ///
    /// # Safety
    /// A whole object that is alive.
    unsafe fn copy_object(&mut self, object: *mut u64) -> *mut u64 {
        // SAFETY: by contract.
        unsafe {
            let size = object_words(object);
            let copy = self.room(size);
            if *object == REFC_BIN_HEADER && *object.add(REFC_FLAGS) != 0 {
                // A second reference: the owner must not append in place any more.
                *object.add(REFC_FLAGS) = 0;
            }
            std::ptr::copy_nonoverlapping(object, copy, size);
            if is_off_heap(*copy)
                && let Some(fragment) = self.fragments
            {
                off_heap::retain(copy);
                fragment.as_ref().off_heap.link(copy);
            }
            copy
        }
    }
}

impl Drop for GrowingCopy {
    fn drop(&mut self) {
        // SAFETY: nobody else knows the fragments.
        unsafe { Fragment::free_all(self.fragments.take()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Heap;

    fn deep(heap: &Heap) -> Term<'_> {
        let binary = heap.binary(&[7; 200]);
        let part = heap.sub_binary(binary, 8, 1000);
        let mut term = heap.list(&[heap.float(2.5), binary, part, heap.uint(u64::MAX)]);
        for n in 0..300 {
            let pairs = (0..n % 50).map(|key| (heap.int(key), term)).take(2).collect();
            term = heap.tuple(&[
                term,
                heap.list(&[heap.int(n), Term::nil()]),
                heap.map_from_merged(pairs),
            ]);
            if n % 3 == 0 {
                term = heap.list_onto(&[term, heap.tuple(&[])], heap.int(n));
            }
            if n % 40 > 3 {
                term = term.as_tuple().map_or(term, |tuple| tuple.elements()[1]);
            }
        }
        heap.list(&[term, heap.list(&[heap.tuple(&[term, binary]); 20]), part])
    }

    #[test]
    fn portions_of_any_size_make_the_same_copy() {
        let heap = Heap::detached();
        let term = deep(&heap);
        for units in [1, 2, 7, 100, 1 << 20] {
            let mut pending = vec![];
            let mut copying = GrowingCopy::begin(term, &mut pending, true);
            while !pending.is_empty() {
                copying.advance(&mut pending, &mut { units });
            }
            let copy = copying.finish();
            assert!(oxbeam_term::compare::eq(copy.view(), term), "in portions of {units}");
            assert_eq!(copy.words(), OwnedTerm::copy_of(term).words());
        }
    }

    #[test]
    fn a_copy_that_is_given_up_gives_all_back() {
        let heap = Heap::detached();
        let term = deep(&heap);
        let references = || heap.off_heap().binaries().iter().map(|binary| binary.2).max();
        let before = references();
        let (mut done, mut portions) = (false, 0);
        while !done {
            let mut pending = vec![];
            let mut copying = GrowingCopy::begin(term, &mut pending, false);
            (0..portions).for_each(|_| copying.advance(&mut pending, &mut 5));
            done = pending.is_empty();
            portions += 1;
            drop(copying);
            assert_eq!(references(), before, "given up after {portions} portions");
        }
        assert!(portions > 20, "{portions}");
    }
}
