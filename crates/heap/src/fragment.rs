//! Heap fragments: blocks of terms outside a heap's own block, merged by its next collection.

use crate::block::{Category, alloc_words, free_words};
use crate::off_heap::OffHeap;
use std::cell::Cell;
use std::ptr::NonNull;

/// Header of a fragment; the words follow it.
pub struct Fragment {
    /// Next fragment of the same heap.
    pub next: Cell<Option<NonNull<Fragment>>>,
    pub off_heap: OffHeap,
    capacity_words: usize,
    used_words: Cell<usize>,
}

const HEADER_WORDS: usize = size_of::<Fragment>() / 8;

impl Fragment {
    /// A fragment of `capacity_words`. `None`: out of memory.
    pub fn new(capacity_words: usize) -> Option<NonNull<Fragment>> {
        let block = alloc_words(HEADER_WORDS + capacity_words, Category::Fragment)?;
        let fragment = block.cast::<Fragment>();
        let header = Fragment {
            next: Cell::new(None),
            off_heap: OffHeap::new(),
            capacity_words,
            used_words: Cell::new(0),
        };
        // SAFETY: fresh block, large and aligned enough for the header.
        unsafe { fragment.write(header) };
        Some(fragment)
    }

    /// Takes `words` words; `None` when they do not fit.
    pub fn take(&self, words: usize) -> Option<*mut u64> {
        let used = self.used_words.get();
        if words > self.capacity_words - used {
            return None;
        }
        self.used_words.set(used + words);
        // SAFETY: within the block, as just checked.
        Some(unsafe { self.start().add(used) })
    }

    /// Address of the first word.
    pub fn start(&self) -> *mut u64 {
        // SAFETY: the words follow the header in the same block.
        unsafe { std::ptr::from_ref(self).cast_mut().cast::<u64>().add(HEADER_WORDS) }
    }
    pub fn used_words(&self) -> usize {
        self.used_words.get()
    }
    pub fn capacity_words(&self) -> usize {
        self.capacity_words
    }

    /// Frees the fragment; what its off-heap list still holds is given back.
    ///
    /// # Safety
    /// Nothing points into the fragment any more.
    pub unsafe fn free(fragment: NonNull<Fragment>) {
        // SAFETY: alive until the end of this function; nobody uses its terms.
        unsafe {
            let capacity_words = fragment.as_ref().capacity_words;
            fragment.as_ref().off_heap.release_all();
            free_words(fragment.cast(), HEADER_WORDS + capacity_words, Category::Fragment);
        }
    }

    /// Frees a fragment and those behind it.
    ///
    /// # Safety
    /// As for [`Fragment::free`], for each of them.
    pub unsafe fn free_all(mut next: Option<NonNull<Fragment>>) {
        while let Some(fragment) = next {
            // SAFETY: by contract; the link is read before the fragment goes.
            unsafe {
                next = fragment.as_ref().next.get();
                Fragment::free(fragment);
            }
        }
    }
}
