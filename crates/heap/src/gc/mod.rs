//! The collector: generational, copying (Cheney), one heap at a time.
//!
//! 1. Objects below the high-water mark have survived one collection. A minor collection moves
//!    those that are reachable to the old heap and the younger ones to a fresh block; a major one
//!    moves everything reachable, old heap and fragments included, to one fresh block.
//! 2. A moved object leaves its new address behind: a boxed object in its header word (whose tag
//!    is then no header's), a cons cell as the word 0 and then the address.
//! 3. The scan of the fresh block, and of what was moved to the old heap, visits whole objects;
//!    raw words of an object are skipped as [`crate::copy::term_words`] says.
//! 4. Roots are the stack and what the caller's [`RootSet`] shows. Words with a header tag among
//!    them (continuation pointers, absent values) are left alone.
//! 5. After a collection `need_words` fit between the objects and the stack.

mod evacuate;
mod literals;
mod resize;
mod verify;

use crate::heap::{Block, Heap, free_fragments, out_of_memory};
use crate::sizes::next_heap_words;
use evacuate::Evacuation;
pub(crate) use literals::each_slot;
use oxbeam_term::RawTerm;

/// What a collection must treat as alive besides the stack.
pub trait RootSet {
    /// Shows each run of root words to `visit`, which may change them.
    fn each_root(&mut self, visit: &mut dyn FnMut(&mut [RawTerm]));
    /// A minor collection did not do, after it had freed so many words: a major one follows.
    fn major_follows(&mut self, _heap: &Heap, _reclaimed_words: usize) {}
}

/// Roots that are plain slices.
impl RootSet for [&mut [RawTerm]] {
    fn each_root(&mut self, visit: &mut dyn FnMut(&mut [RawTerm])) {
        self.iter_mut().for_each(|slice| visit(slice));
    }
}

impl<const N: usize> RootSet for [&mut [RawTerm]; N] {
    fn each_root(&mut self, visit: &mut dyn FnMut(&mut [RawTerm])) {
        self.as_mut_slice().each_root(visit);
    }
}

/// Which collection is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GcKind {
    /// Minor, unless a major one is due.
    Auto,
    Major,
}

/// What a collection did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GcReport {
    pub major: bool,
    /// Words of young objects and fragments (of all objects, if major) that were dead.
    pub reclaimed_words: usize,
    /// Words of objects that were moved: the measure of the work done.
    pub moved_words: usize,
    /// There was no collection: a block that was smaller than the least size has got that.
    pub only_grown: bool,
}

/// One collection, as asked for.
pub struct Collection<'r> {
    pub kind: GcKind,
    /// Words that must be free afterwards.
    pub need_words: usize,
    pub roots: &'r mut dyn RootSet,
}

impl Heap {
    /// Collects the heap.
    ///
    /// # Safety
    /// `stop` and `top` are the engine's current ones; the roots show every term of this heap
    /// that is used afterwards, besides the stack.
    pub unsafe fn collect(&mut self, mut ask: Collection<'_>) -> GcReport {
        if crate::ZEAL && self.verify_is_due() {
            self.verify(ask.roots);
        }
        let due = self.major_is_due(ask.kind);
        if !due && self.grow_first(&mut ask) {
            return GcReport { major: false, reclaimed_words: 0, moved_words: 0, only_grown: true };
        }
        let mut report = match due {
            false => self.collect_minor(&mut ask),
            true => None,
        };
        if report.is_none() || self.free_words() < ask.need_words {
            let before = report.map_or(0, |r| r.moved_words);
            if !due {
                ask.roots.major_follows(self, report.map_or(0, |r| r.reclaimed_words));
            }
            let major = self.collect_major(&mut ask);
            report = Some(GcReport { moved_words: major.moved_words + before, ..major });
        }
        if crate::ZEAL && self.verify_is_due() {
            self.verify(ask.roots);
        }
        debug_assert!(self.free_words() >= ask.need_words);
        self.force_minor.set(false);
        report.expect("one of the two ran")
    }

    /// Whether the next collection, asked for as that kind, is a major one in any case.
    pub fn major_is_due(&self, kind: GcKind) -> bool {
        self.force_major.get()
            || self.minor_count >= self.options.get().fullsweep_after
            || kind == GcKind::Major
    }

    /// A minor collection; `None` when the old heap has no room for what it might get.
    fn collect_minor(&mut self, ask: &mut Collection<'_>) -> Option<GcReport> {
        let mature_words = self.mature_words();
        if mature_words > 0 && self.old.words == 0 {
            let words = next_heap_words(self.used_words(), 1);
            self.old = Block::new(words).unwrap_or_else(|| out_of_memory(words));
            self.old_top = self.old.start;
        }
        if self.old.words - self.old_used_words() < mature_words {
            return None;
        }
        let young_words = self.used_words() + self.fragment_words();
        let words = self.minor_block_words(ask.need_words);
        let old_before = self.old_used_words();
        let mut run = Evacuation::minor(self, words);
        run.roots(ask.roots);
        run.scan();
        run.finish(self);
        self.minor_count += 1;
        self.resize_after_minor(ask);
        let moved = self.used_words() + self.old_used_words() - old_before;
        Some(GcReport {
            major: false,
            reclaimed_words: young_words.saturating_sub(moved),
            moved_words: moved,
            only_grown: false,
        })
    }

    fn minor_block_words(&self, need_words: usize) -> usize {
        let fragments = self.fragment_words();
        if fragments == 0 {
            return self.block_words();
        }
        let all = self.used_words() + fragments + self.stack_words() + need_words;
        next_heap_words(all.max(self.block_words()), 0)
    }

    fn collect_major(&mut self, ask: &mut Collection<'_>) -> GcReport {
        let before = self.used_words() + self.fragment_words() + self.old_used_words();
        let words = next_heap_words(before + self.stack_words() + ask.need_words, 0);
        let mut run = Evacuation::major(self, words);
        run.roots(ask.roots);
        run.scan();
        run.finish(self);
        self.minor_count = 0;
        self.force_major.set(false);
        let moved = self.used_words();
        self.resize_after_major(ask);
        GcReport {
            major: true,
            reclaimed_words: before - moved,
            moved_words: moved,
            only_grown: false,
        }
    }

    /// Frees what the last block, the fragments and, after a major collection, the old heap held.
    ///
    /// # Safety
    /// Everything reachable has been moved out.
    unsafe fn free_from_space(&mut self, block: Block, old: Option<Block>) {
        // SAFETY: by contract.
        unsafe {
            free_fragments(self.take_fragments());
            block.free();
            if let Some(old) = old {
                old.free();
            }
        }
    }
}
