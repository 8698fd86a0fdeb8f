//! Word blocks for heaps, fragments, literals and tables, counted by what they are for, so that
//! `erlang:memory/0` is true by construction. Allocation can fail; nothing here aborts.

use oxbeam_ethread::AtomicUword;
use std::alloc::{Layout, alloc, dealloc};
use std::ptr::NonNull;

/// What a block is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Category {
    /// Heaps and old heaps of processes.
    ProcessHeap = 0,
    /// Heap fragments: messages and what outgrew a heap.
    Fragment = 1,
    /// Literals of code and persistent terms.
    Literal = 2,
    /// Objects of ETS tables.
    Ets = 3,
}

const CATEGORIES: usize = 4;
oxbeam_ethread::shared! {
    static BYTES: [AtomicUword; CATEGORIES] =
        [AtomicUword::new(0), AtomicUword::new(0), AtomicUword::new(0), AtomicUword::new(0)];
}

/// A block of `words` words, uninitialised. `None`: out of memory.
pub fn alloc_words(words: usize, category: Category) -> Option<NonNull<u64>> {
    let layout = Layout::array::<u64>(words.max(1)).ok()?;
    // SAFETY: the layout has a non-zero size.
    let block = NonNull::new(unsafe { alloc(layout) }.cast())?;
    BYTES[category as usize].add(layout.size());
    Some(block)
}

/// Frees a block of [`alloc_words`].
///
/// # Safety
/// The block came from `alloc_words` with the same `words` and `category`, and is not used again.
pub unsafe fn free_words(block: NonNull<u64>, words: usize, category: Category) {
    let layout = Layout::array::<u64>(words.max(1)).expect("the layout was valid");
    if crate::ZEAL {
        // SAFETY: the block is ours and that long.
        unsafe { std::slice::from_raw_parts_mut(block.as_ptr(), words).fill(POISON) };
    }
    BYTES[category as usize].add(layout.size().wrapping_neg());
    // SAFETY: by contract.
    unsafe { dealloc(block.as_ptr().cast(), layout) };
}

/// What freed memory is filled with in the zeal build: a boxed pointer to nowhere.
pub const POISON: u64 = 0xDEAD_BEEF_DEAD_BEE2;

/// Counts bytes that were allocated elsewhere for this purpose (negative: given back).
pub fn count_bytes(change: isize, category: Category) {
    BYTES[category as usize].add(change as usize);
}

/// Bytes now in blocks of a category.
pub fn bytes_in_use(category: Category) -> usize {
    BYTES[category as usize].read()
}
