//! Moving what is reachable out of from-space.

use super::RootSet;
use crate::copy::{TermWords, object_words, rebase_match_state, term_words};
use crate::heap::{Block, Heap, out_of_memory};
use crate::literal::is_literal;
use crate::off_heap::{OffHeap, release};
use oxbeam_term::RawTerm;
use oxbeam_term::layout::is_off_heap;
use oxbeam_term::tag::{self, Subtag};

/// One evacuation under way: where things go to, and what is not from-space.
pub(super) struct Evacuation {
    to: Block,
    top: *mut u64,
    stop: *mut u64,
    /// The old heap, in a minor collection; nothing in a major one.
    old: Block,
    old_top: *mut u64,
    old_scan: *mut u64,
    /// Objects of the block below the high-water mark; empty in a major collection.
    mature: Block,
    major: bool,
}

impl Evacuation {
    pub fn minor(heap: &Heap, words: usize) -> Evacuation {
        let mature_words = (heap.high_water as usize - heap.block.start as usize) / 8;
        Evacuation {
            old: heap.old,
            old_top: heap.old_top,
            old_scan: heap.old_top,
            mature: Block { start: heap.block.start, words: mature_words },
            ..Evacuation::major(heap, words).with_major(false)
        }
    }

    pub fn major(heap: &Heap, words: usize) -> Evacuation {
        let to = Block::new(words).unwrap_or_else(|| out_of_memory(words));
        let stack = heap.stack();
        let stop = to.end().wrapping_sub(stack.len());
        // SAFETY: the fresh block is larger than the stack.
        unsafe { std::ptr::copy_nonoverlapping(stack.as_ptr().cast(), stop, stack.len()) };
        Evacuation {
            to,
            top: to.start,
            stop,
            old: Block::EMPTY,
            old_top: std::ptr::null_mut(),
            old_scan: std::ptr::null_mut(),
            mature: Block::EMPTY,
            major: true,
        }
    }

    fn with_major(mut self, major: bool) -> Evacuation {
        self.major = major;
        self
    }

    /// Moves what the stack and the caller's roots point at.
    pub fn roots(&mut self, roots: &mut dyn RootSet) {
        let mut slot = self.stop;
        while slot < self.to.end() {
            // SAFETY: the stack was copied to these words.
            unsafe {
                self.slot(slot);
                slot = slot.add(1);
            }
        }
        roots.each_root(&mut |words| {
            for word in words {
                // SAFETY: roots are words of live terms (the caller's contract).
                unsafe { self.slot(&raw mut word.0) };
            }
        });
    }

    /// Moves what the moved objects point at, until nothing is left.
    pub fn scan(&mut self) {
        let mut young = self.to.start;
        while young < self.top || self.old_scan < self.old_top {
            // SAFETY: rule 3: both runs hold whole objects.
            unsafe {
                while young < self.top {
                    young = self.visit(young);
                }
                while self.old_scan < self.old_top {
                    self.old_scan = self.visit(self.old_scan);
                }
            }
        }
    }

    /// Visits the object or the word at `at`; gives what follows it. Words, which are halves of
    /// cells, are most of what there is.
    #[inline(always)]
    unsafe fn visit(&mut self, at: *mut u64) -> *mut u64 {
        // SAFETY: rule 3.
        unsafe {
            if *at & tag::PRIMARY_MASK == tag::HEADER {
                return self.object(at);
            }
            self.slot(at);
            at.add(1)
        }
    }

    /// Visits the object at `at`; gives what follows it.
    #[inline(never)]
    unsafe fn object(&mut self, at: *mut u64) -> *mut u64 {
        // SAFETY: rule 3.
        unsafe {
            let word = *at;
            let words = object_words(at);
            match term_words(word) {
                TermWords::None => {}
                TermWords::From(first) => (first..words).for_each(|n| self.slot(at.add(n))),
                TermWords::Only(n) => {
                    self.slot(at.add(n));
                    if Subtag::of(word) == Subtag::MatchState {
                        rebase_match_state(at);
                    }
                }
            }
            at.add(words)
        }
    }

    /// Moves what a term word points at, if it is in from-space, and mends the word.
    #[inline(always)]
    unsafe fn slot(&mut self, slot: *mut u64) {
        // SAFETY: the caller's word is a live term, a header or an immediate.
        unsafe {
            let term = RawTerm(*slot);
            match term.0 & tag::PRIMARY_MASK {
                tag::LIST => self.list_slot(slot, term),
                tag::BOXED => self.boxed_slot(slot, term),
                _ => {}
            }
        }
    }

    #[inline(always)]
    fn stays(&self, term: RawTerm) -> bool {
        is_literal(term) || self.old.contains(term.ptr())
    }

    #[inline(always)]
    unsafe fn list_slot(&mut self, slot: *mut u64, term: RawTerm) {
        // SAFETY: `slot`'s contract; rule 2 of the collector for moved cells.
        unsafe {
            let cell = term.ptr();
            if *cell == 0 {
                *slot = *cell.add(1);
            } else if !self.stays(term) {
                let target = self.claim(cell, 2);
                *target = *cell;
                *target.add(1) = *cell.add(1);
                let moved = RawTerm::list(target).0;
                *cell = 0;
                *cell.add(1) = moved;
                *slot = moved;
            }
        }
    }

    #[inline(always)]
    unsafe fn boxed_slot(&mut self, slot: *mut u64, term: RawTerm) {
        // SAFETY: `slot`'s contract; rule 2 of the collector for moved objects.
        unsafe {
            let object = term.ptr();
            let header = *object;
            if header & tag::PRIMARY_MASK == tag::BOXED {
                *slot = header;
            } else if !self.stays(term) {
                debug_assert!(header & tag::PRIMARY_MASK == tag::HEADER, "{header:x} is no header");
                let words = object_words(object);
                let target = self.claim(object, words);
                std::ptr::copy_nonoverlapping(object, target, words);
                let moved = RawTerm::boxed(target).0;
                *object = moved;
                *slot = moved;
            }
        }
    }

    /// Room for an object of from-space: in the old heap if it is mature, else in the block.
    #[inline(always)]
    fn claim(&mut self, object: *const u64, words: usize) -> *mut u64 {
        let top = if self.mature.contains(object) { &mut self.old_top } else { &mut self.top };
        let target = *top;
        *top = target.wrapping_add(words);
        debug_assert!(self.top <= self.stop && self.old_top <= self.old.end());
        target
    }

    /// Sweeps the off-heap lists, puts the new block in place and frees from-space.
    pub fn finish(self, heap: &mut Heap) {
        let (young, old) = (OffHeap::new(), OffHeap::new());
        self.sweep(&heap.off_heap, &young, &old);
        if self.major {
            self.sweep(&heap.old_off_heap, &young, &old);
        }
        let survivors = young.binary_words.get();
        // SAFETY: the swept objects live in this heap again; everything reachable is out of
        // from-space.
        unsafe {
            heap.off_heap.append(&young);
            heap.old_off_heap.append(&old);
            let from = heap.block;
            let old_block = self.major.then_some(heap.old);
            heap.free_from_space(from, old_block);
        }
        heap.vheap_words = next_vheap_words(heap, survivors);
        heap.off_heap.binary_words.set(if self.major { 0 } else { survivors });
        heap.install(self.to, self.top, self.stop);
        heap.high_water = self.top;
        heap.old = self.old;
        heap.old_top = self.old_top;
    }

    /// Relinks the survivors of a list and gives back what the dead ones held.
    fn sweep(&self, list: &OffHeap, young: &OffHeap, old: &OffHeap) {
        let all = OffHeap::new();
        // SAFETY: the objects stay where they are while the list changes hands.
        unsafe { all.append(list) };
        // SAFETY: the list's objects are intact in from-space or moved; each is met once.
        all.each(|object| unsafe { self.sweep_one(object, young, old) });
    }

    unsafe fn sweep_one(&self, object: *mut u64, young: &OffHeap, old: &OffHeap) {
        // SAFETY: by contract.
        unsafe {
            let header = *object;
            if header & tag::PRIMARY_MASK != tag::BOXED {
                release(object);
                return;
            }
            let moved = RawTerm(header).ptr();
            debug_assert!(is_off_heap(*moved));
            if self.old.contains(moved) { old.link(moved) } else { young.link(moved) }
        }
    }
}

fn next_vheap_words(heap: &Heap, survivors: usize) -> usize {
    let min = heap.options.get().min_vheap_words;
    match heap.vheap_words {
        limit if survivors > limit / 4 * 3 => crate::sizes::next_heap_words(survivors * 2, 0),
        limit if survivors < limit / 3 => crate::sizes::next_heap_words(limit / 3, 0).max(min),
        limit => limit,
    }
}
