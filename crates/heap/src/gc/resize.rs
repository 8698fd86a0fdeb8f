//! The size of the block after a collection: grown where the need asks, shrunk where most of it
//! would lie idle. A smaller working set is worth more than fewer collections.

use super::{Collection, RootSet};
use crate::copy::{TermWords, object_words, rebase_match_state, term_words};
use crate::heap::{Block, Heap, STACK_RESERVE_WORDS, out_of_memory};
use crate::off_heap::OffHeap;
use crate::sizes::{DEFAULT_MIN_HEAP_WORDS, next_heap_words};
use oxbeam_term::RawTerm;
use oxbeam_term::layout::OFF_HEAP_NEXT;
use oxbeam_term::tag::{self, Subtag};

impl Heap {
    fn words_needed(&self, need_words: usize) -> usize {
        self.used_words() + self.stack_words() + need_words
    }

    /// Gives a first block its full size, and one that was shrunk to what it holds its least size back.
    /// `true`: that was all that was needed.
    pub(super) fn grow_first(&mut self, ask: &mut Collection<'_>) -> bool {
        let least_words = match self.is_first {
            true => DEFAULT_MIN_HEAP_WORDS,
            false => next_heap_words(self.options.get().min_heap_words, 0),
        };
        if !self.is_first && self.block.words >= least_words {
            return false;
        }
        self.move_block(least_words, ask.roots);
        self.free_words() >= ask.need_words.max(1) && !self.wants_collection()
    }

    /// After a minor collection: shrink only a large block that is mostly empty. A block that is
    /// too small is the major collection's affair.
    pub(super) fn resize_after_minor(&mut self, ask: &mut Collection<'_>) {
        let needed = self.words_needed(ask.need_words);
        let words = self.block.words;
        let mostly_empty = words > 3000 && 4 * needed < words;
        if mostly_empty && (words > 8000 || words > self.old.words) {
            let wanted = next_heap_words((3 * needed).max(self.options.get().min_heap_words), 0);
            if wanted < words {
                self.move_block(wanted, ask.roots);
            }
        }
    }

    /// After a major collection: leave room to work in (a block more than three quarters full
    /// grows), give back what is far too much.
    pub(super) fn resize_after_major(&mut self, ask: &mut Collection<'_>) {
        let needed = self.words_needed(ask.need_words);
        let floor = self.options.get().min_heap_words;
        let fitting = next_heap_words((needed + needed / 3).max(floor), 0);
        let words = self.block.words;
        if words < fitting || 4 * needed < words || words > 2 * fitting {
            self.move_block(fitting, ask.roots);
        }
    }

    /// Shrinks the block to what it holds.
    ///
    /// # Safety
    /// As for [`Heap::collect`], and the heap was just collected.
    pub unsafe fn fit(&mut self, roots: &mut dyn RootSet) {
        self.move_block(self.words_needed(STACK_RESERVE_WORDS), roots);
    }

    /// Moves the objects and the stack to a block of another size.
    fn move_block(&mut self, words: usize, roots: &mut dyn RootSet) {
        if words == self.block.words {
            return;
        }
        let from = self.block;
        let to = Block::new(words).unwrap_or_else(|| out_of_memory(words));
        let used = self.used_words();
        let stack_words = self.stack_words();
        let top = to.start.wrapping_add(used);
        let stop = to.end().wrapping_sub(stack_words);
        debug_assert!(top <= stop);
        // SAFETY: the new block holds both runs, and they do not overlap the old one.
        unsafe {
            std::ptr::copy_nonoverlapping(from.start, to.start, used);
            std::ptr::copy_nonoverlapping(self.stop(), stop, stack_words);
        }
        let shift = Shift { from, by: (to.start as u64).wrapping_sub(from.start as u64) };
        // SAFETY: the runs copied and the fragments hold whole objects, the stack the frames;
        // besides these, the roots and the off-heap list nothing points into the block: nothing
        // of it is old when there are fragments.
        unsafe {
            shift.objects(to.start, top);
            shift.words(std::slice::from_raw_parts_mut(stop.cast(), stack_words));
            roots.each_root(&mut |words| shift.words(words));
            let mut next = self.fragments.get();
            while let Some(fragment) = next {
                let fragment = fragment.as_ref();
                let start = fragment.start();
                shift.objects(start, start.add(fragment.used_words()));
                next = fragment.next.get();
            }
            shift.off_heap(&self.off_heap);
            let mark = self.mature_words();
            self.high_water = to.start.add(mark);
            self.install(to, top, stop);
            from.free();
        }
    }
}

/// How pointers into a moved block change.
struct Shift {
    from: Block,
    by: u64,
}

impl Shift {
    fn word(&self, word: u64) -> u64 {
        let pointer = matches!(word & tag::PRIMARY_MASK, tag::LIST | tag::BOXED);
        if pointer && self.from.contains(RawTerm(word).ptr()) {
            word.wrapping_add(self.by)
        } else {
            word
        }
    }

    fn words(&self, words: &mut [RawTerm]) {
        for word in words {
            word.0 = self.word(word.0);
        }
    }

    /// # Safety
    /// The run holds whole objects.
    unsafe fn objects(&self, start: *mut u64, top: *mut u64) {
        let mut at = start;
        while at < top {
            // SAFETY: by contract.
            unsafe {
                let word = *at;
                if word & tag::PRIMARY_MASK != tag::HEADER {
                    *at = self.word(word);
                    at = at.add(1);
                    continue;
                }
                let words = object_words(at);
                match term_words(word) {
                    TermWords::None => {}
                    TermWords::From(first) => {
                        (first..words).for_each(|n| *at.add(n) = self.word(*at.add(n)));
                    }
                    TermWords::Only(n) => {
                        *at.add(n) = self.word(*at.add(n));
                        if Subtag::of(word) == Subtag::MatchState {
                            rebase_match_state(at);
                        }
                    }
                }
                at = at.add(words);
            }
        }
    }

    /// # Safety
    /// The list's objects have been copied to the new block where they lay in the moved one.
    unsafe fn off_heap(&self, list: &OffHeap) {
        let binary_words = list.binary_words.get();
        let old = OffHeap::new();
        // SAFETY: by contract; an object keeps its kind and its link word at the new place.
        unsafe {
            old.append(list);
            let mut moved = vec![];
            old.each(|object| {
                let at = RawTerm::boxed(object).0;
                moved.push(RawTerm(self.word(at)).ptr());
            });
            for object in moved.into_iter().rev() {
                *object.add(OFF_HEAP_NEXT) = 0;
                list.link(object);
            }
        }
        list.binary_words.set(binary_words);
    }
}
