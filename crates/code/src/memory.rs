//! Memory for instructions, below 2 GB, in whole pages of [`PAGE_BYTES`].
//!
//! 1. The range is reserved once and never given back; memory is committed
//!    from its low end on, in steps.
//! 2. A [`Block`] owns its pages until it is dropped; free runs are merged.

use oxbeam_ethread::AtomicUword;
use oxbeam_sys::memory::Reservation;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A module's memory is a multiple of this.
pub const PAGE_BYTES: usize = 4096;
/// Size of the range.
pub const RANGE_BYTES: usize = 512 << 20;
const COMMIT_STEP_PAGES: usize = 256;
/// What freed code is filled with in the zeal build: the address of no handler.
const POISON: u64 = 0xDEAD_C0DE_DEAD_C0DE;

struct Space {
    range: Reservation,
    state: Mutex<State>,
}

struct State {
    /// Free runs below `committed`: first page → pages.
    free: BTreeMap<usize, usize>,
    /// Pages committed so far.
    committed: usize,
}

fn space() -> &'static Space {
    static SPACE: OnceLock<Space> = OnceLock::new();
    SPACE.get_or_init(|| Space {
        range: Reservation::below_2_gb(RANGE_BYTES).expect("address space below 2 GB for code"),
        state: Mutex::new(State { free: BTreeMap::new(), committed: 0 }),
    })
}

/// First address of the range.
pub fn base() -> usize {
    space().range.start() as usize
}

/// Whether an address lies in the range.
#[inline]
pub fn contains(address: *const u64) -> bool {
    space().range.contains(address.cast())
}

oxbeam_ethread::shared! {
    static BYTES_IN_USE: AtomicUword = AtomicUword::new(0);
}

/// Bytes of all blocks.
pub fn bytes_in_use() -> usize {
    BYTES_IN_USE.read()
}

/// Pages of instructions, zeroed when taken.
#[derive(Debug)]
pub struct Block {
    start: *mut u64,
    pages: usize,
}

// SAFETY: a block is an owned range of memory.
unsafe impl Send for Block {}
// SAFETY: shared access reads words only, or writes them as atomics (crate rule 2).
unsafe impl Sync for Block {}

impl Block {
    /// A block of at least `words`; `None` when memory or range is used up.
    pub fn new(words: usize) -> Option<Block> {
        let pages = (words * 8).div_ceil(PAGE_BYTES).max(1);
        let space = space();
        let mut state = space.state.lock();
        let first = match state.take(pages) {
            Some(first) => first,
            None => {
                state.commit(&space.range, pages)?;
                state.take(pages)?
            }
        };
        let start = space.range.start().wrapping_add(first * PAGE_BYTES).cast::<u64>();
        BYTES_IN_USE.add(pages * PAGE_BYTES);
        // SAFETY: rule 2: the pages are committed and now owned by this block.
        unsafe { std::ptr::write_bytes(start, 0, pages * PAGE_BYTES / 8) };
        Some(Block { start, pages })
    }

    /// First word.
    pub fn start(&self) -> *mut u64 {
        self.start
    }

    /// Copies `words` to the start. Panics when they are more than the block has.
    pub fn fill(&mut self, words: &[u64]) {
        assert!(words.len() <= self.words(), "a block holds what is written to it");
        // SAFETY: `&mut self`: nobody else uses the block yet; the length was checked.
        unsafe { std::ptr::copy_nonoverlapping(words.as_ptr(), self.start, words.len()) };
    }

    /// Words in all.
    pub fn words(&self) -> usize {
        self.pages * PAGE_BYTES / 8
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let first = (self.start as usize - base()) / PAGE_BYTES;
        if cfg!(oxbeam_zeal) {
            // SAFETY: rule 2: still ours, and used by nobody; who comes here by mistake faults.
            unsafe { std::slice::from_raw_parts_mut(self.start, self.words()).fill(POISON) };
        }
        BYTES_IN_USE.add((self.pages * PAGE_BYTES).wrapping_neg());
        space().state.lock().give_back(first, self.pages);
    }
}

impl State {
    fn take(&mut self, pages: usize) -> Option<usize> {
        let (&first, &run) = self.free.iter().find(|&(_, &run)| run >= pages)?;
        self.free.remove(&first);
        if run > pages {
            self.free.insert(first + pages, run - pages);
        }
        Some(first)
    }

    fn give_back(&mut self, mut first: usize, mut pages: usize) {
        if let Some((&before, &run)) = self.free.range(..first).next_back()
            && before + run == first
        {
            self.free.remove(&before);
            (first, pages) = (before, pages + run);
        }
        if let Some(run) = self.free.remove(&(first + pages)) {
            pages += run;
        }
        self.free.insert(first, pages);
    }

    fn commit(&mut self, range: &Reservation, pages: usize) -> Option<()> {
        let step = pages.max(COMMIT_STEP_PAGES);
        let step = step.min(range.size_bytes() / PAGE_BYTES - self.committed);
        range.commit(self.committed * PAGE_BYTES, step * PAGE_BYTES).ok()?;
        let first = self.committed;
        self.committed += step;
        self.give_back(first, step);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_lie_low_and_are_reused() {
        let block = Block::new(1000).unwrap();
        assert!((block.start() as usize) < 1 << 31);
        assert!(contains(block.start()));
        assert_eq!(block.words(), 1024);
        let big = Block::new(1 << 20).unwrap();
        assert!(big.words() >= 1 << 20);
        let start = big.start();
        drop(big);
        assert_eq!(Block::new(1 << 20).unwrap().start(), start);
    }
}
