//! The allocator beneath everything: mimalloc.
//!
//! Its entry for aligned blocks takes the slow way for every size that is no power of two, and
//! rounds the size up besides. What has no more than the alignment that `malloc` gives anyway
//! goes through the plain entry.

use libmimalloc_sys::{
    mi_free, mi_malloc, mi_malloc_aligned, mi_realloc, mi_realloc_aligned, mi_zalloc,
    mi_zalloc_aligned,
};
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ffi::{c_int, c_long};

/// Blocks at least that large have this alignment, as C asks of `malloc`; smaller ones have the
/// largest power of two that fits.
const NATURAL_ALIGNMENT: usize = 16;

// The bindings leave it out.
unsafe extern "C" {
    fn mi_collect(force: bool);
    fn mi_option_set_default(option: c_int, value: c_long);
}

/// `mi_option_purge_delay`.
const PURGE_DELAY: c_int = 15;
/// A day.
const NEVER_MS: c_long = 24 * 60 * 60 * 1000;

/// From now on memory goes back to the system only when a thread asks for it with [`give_back`], not when
/// any thread happens to allocate: for hundreds of megabytes that takes milliseconds.
pub fn give_back_on_demand() {
    // SAFETY: takes plain values; the option is one that may change at any time.
    unsafe { mi_option_set_default(PURGE_DELAY, NEVER_MS) }
}

/// Has the calling thread give back to the system what it keeps of freed memory, and what no thread keeps.
pub fn give_back() {
    // SAFETY: takes a plain value; other threads are left alone.
    unsafe { mi_collect(true) }
}

/// Has the calling thread let go of pages of which nothing is in use any more, for others to use or give back:
/// a look at its pages, however much memory they are.
pub fn let_go() {
    // SAFETY: as in `give_back`.
    unsafe { mi_collect(false) }
}

/// For `#[global_allocator]`.
pub struct Allocator;

fn is_natural(size: usize, alignment: usize) -> bool {
    alignment <= NATURAL_ALIGNMENT && alignment <= size
}

// SAFETY: mimalloc gives blocks of at least the size, aligned as asked for (see `is_natural`),
// and takes back what it gave through any of its entries.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, alignment) = (layout.size(), layout.align());
        // SAFETY: any size and power of two is allowed.
        unsafe {
            match is_natural(size, alignment) {
                true => mi_malloc(size).cast(),
                false => mi_malloc_aligned(size, alignment).cast(),
            }
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (size, alignment) = (layout.size(), layout.align());
        // SAFETY: as in `alloc`.
        unsafe {
            match is_natural(size, alignment) {
                true => mi_zalloc(size).cast(),
                false => mi_zalloc_aligned(size, alignment).cast(),
            }
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _layout: Layout) {
        // SAFETY: by contract the block came from here.
        unsafe { mi_free(block.cast()) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let alignment = layout.align();
        // SAFETY: as in `dealloc`; the new block is aligned as in `alloc`.
        unsafe {
            match is_natural(new_size, alignment) {
                true => mi_realloc(block.cast(), new_size).cast(),
                false => mi_realloc_aligned(block.cast(), new_size, alignment).cast(),
            }
        }
    }
}

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
}

/// For the `#[global_allocator]` of tests: counts what each thread has taken and given back.
pub struct CountingAllocator;

impl CountingAllocator {
    /// Bytes that the calling thread has taken, less those that it has given back.
    pub fn held_bytes() -> isize {
        HELD.get()
    }

    fn count(change: isize) {
        // A thread that ends has its place no more.
        let _ = HELD.try_with(|held| held.set(held.get() + change));
    }
}

// SAFETY: all is done by `Allocator`.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CountingAllocator::count(layout.size() as isize);
        // SAFETY: by contract.
        unsafe { Allocator.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        CountingAllocator::count(-(layout.size() as isize));
        // SAFETY: by contract.
        unsafe { Allocator.dealloc(block, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_aligned_and_keep_their_bytes() {
        for alignment in [1, 2, 4, 8, 16, 32, 64, 4096] {
            for size in [1, 3, 8, 16, 24, 40, 504, 1280, 1864, 70_000] {
                let layout = Layout::from_size_align(size, alignment).unwrap();
                // SAFETY: the block is used within its size and given back once.
                unsafe {
                    let block = Allocator.alloc_zeroed(layout);
                    assert_eq!(block as usize % alignment, 0, "{size} {alignment}");
                    assert!((0..size).all(|at| *block.add(at) == 0));
                    *block = 7;
                    let block = Allocator.realloc(block, layout, size * 3);
                    assert_eq!((block as usize % alignment, *block), (0, 7));
                    Allocator.dealloc(block, layout);
                    let plain = Allocator.alloc(layout);
                    assert_eq!(plain as usize % alignment, 0, "{size} {alignment}");
                    Allocator.dealloc(plain, layout);
                }
            }
        }
    }
}
