//! Copying the literals of the area that is being purged into a heap that still uses them.
//!
//! 1. Every word of the heap, its old heap, its fragments, its stack and the caller's roots that
//!    points into the area is made to point at a copy in a fragment. An object of the area is
//!    copied once, however many words point at it or into what it holds.
//! 2. Old objects may then point at the copies, which are young: a major collection follows
//!    before any other ([`Heap::request_major`]).
//! 3. The area itself is only read: other processes do the same at the same time.

use super::RootSet;
use crate::copy::{TermWords, object_words, rebase_match_state, term_words};
use crate::fragment::Fragment;
use crate::heap::Heap;
use crate::literal::Purged;
use crate::off_heap;
use oxbeam_term::RawTerm;
use oxbeam_term::layout::is_off_heap;
use oxbeam_term::tag::Subtag;
use std::collections::HashMap;

/// Shows every term word of a run of whole objects and cells, with the match state that it is
/// the original of, if it is one.
///
/// # Safety
/// The run holds whole objects.
pub(crate) unsafe fn each_slot(
    start: *mut u64,
    end: *mut u64,
    visit: &mut dyn FnMut(*mut u64, Option<*mut u64>),
) {
    let mut at = start;
    while at < end {
        // SAFETY: by contract.
        unsafe {
            let header = *at;
            if !RawTerm(header).is_header() {
                visit(at, None);
                at = at.add(1);
                continue;
            }
            let words = object_words(at);
            match term_words(header) {
                TermWords::None => {}
                TermWords::Only(n) => {
                    let state = (Subtag::of(header) == Subtag::MatchState).then_some(at);
                    visit(at.add(n), state);
                }
                TermWords::From(first) => (first..words).for_each(|n| visit(at.add(n), None)),
            }
            at = at.add(words);
        }
    }
}

/// The copies made so far.
struct Copies<'h> {
    heap: &'h Heap,
    purged: Purged,
    /// Object or cell in the area → its copy.
    copy_of: HashMap<u64, *mut u64>,
    /// Copies whose words have not been looked at, with their sizes.
    unseen: Vec<(*mut u64, usize)>,
}

impl Copies<'_> {
    /// Makes a word that points into the area point at a copy.
    unsafe fn mend(&mut self, slot: *mut u64, match_state: Option<*mut u64>) {
        // SAFETY: the slot is a live term word of the heap; the area is alive.
        unsafe {
            let term = RawTerm(*slot);
            if !self.purged.contains_term(term) {
                return;
            }
            let copy = match self.copy_of.get(&(term.ptr() as u64)) {
                Some(copy) => *copy,
                None => self.copy(term),
            };
            let mended = if term.is_list() { RawTerm::list(copy) } else { RawTerm::boxed(copy) };
            *slot = mended.0;
            if let Some(state) = match_state {
                rebase_match_state(state);
            }
        }
    }

    unsafe fn copy(&mut self, term: RawTerm) -> *mut u64 {
        // SAFETY: as in `mend`; a fresh fragment has room for the object.
        unsafe {
            let object = term.ptr();
            let words = if term.is_list() { 2 } else { object_words(object) };
            let copy = self.heap.alloc_in_fragment(words);
            std::ptr::copy_nonoverlapping(object, copy, words);
            if term.is_boxed() && is_off_heap(*copy) {
                off_heap::retain(copy);
                self.heap.off_heap().link(copy);
            }
            self.copy_of.insert(object as u64, copy);
            self.unseen.push((copy, words));
            copy
        }
    }

    unsafe fn finish(&mut self) {
        while let Some((copy, words)) = self.unseen.pop() {
            // SAFETY: a whole copy that nobody else has seen yet.
            unsafe {
                each_slot(copy, copy.add(words), &mut |slot, state| self.mend(slot, state));
            }
        }
    }
}

impl Heap {
    /// Shows every term word of this heap, the stack included.
    unsafe fn every_slot(&self, visit: &mut dyn FnMut(*mut u64, Option<*mut u64>)) {
        // SAFETY: rule 3 of the crate: each run holds whole objects; the stack holds terms.
        unsafe {
            each_slot(self.block.start, self.top(), visit);
            each_slot(self.old.start, self.old_top, visit);
            let mut next = self.fragments.get();
            while let Some(fragment) = next {
                let run: &Fragment = fragment.as_ref();
                each_slot(run.start(), run.start().add(run.used_words()), visit);
                next = run.next.get();
            }
            let mut slot = self.stop();
            while slot < self.block.end() {
                visit(slot, None);
                slot = slot.add(1);
            }
        }
    }

    /// Whether this heap or the roots refer to the area that is being purged.
    ///
    /// # Safety
    /// As [`Heap::collect`].
    pub unsafe fn refers_to(&self, purged: Purged, roots: &mut dyn RootSet) -> bool {
        let mut found = false;
        // SAFETY: by contract.
        unsafe { self.every_slot(&mut |slot, _| found |= purged.contains_term(RawTerm(*slot))) };
        roots.each_root(&mut |words| {
            found |= words.iter().any(|word| purged.contains_term(*word));
        });
        found
    }

    /// Copies what this heap and the roots use of the area that is being purged. A major
    /// collection must follow before any other (rule 2); this asks for it.
    ///
    /// # Safety
    /// As [`Heap::collect`].
    pub unsafe fn copy_literals(&mut self, purged: Purged, roots: &mut dyn RootSet) {
        let heap = &*self;
        let mut copies = Copies { heap, purged, copy_of: HashMap::new(), unseen: Vec::new() };
        let mut slots = vec![];
        let mut note = |slot: *mut u64, state: Option<*mut u64>| {
            // SAFETY: shown as a term word.
            if purged.contains_term(unsafe { RawTerm(*slot) }) {
                slots.push((slot, state));
            }
        };
        // SAFETY: by contract; what is noted stays where it is, for nothing is collected.
        unsafe {
            heap.every_slot(&mut note);
            roots.each_root(&mut |words| {
                words.iter_mut().for_each(|word| note(&raw mut word.0, None));
            });
            for (slot, state) in slots {
                copies.mend(slot, state);
            }
            copies.finish();
        }
        self.request_major();
    }
}
