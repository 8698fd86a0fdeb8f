//! Off-heap binaries: one block `{flags, refcount, size, bytes...}`, shared by reference.
//!
//! The layout is fixed by the driver ABI (bytes lie 8-aligned directly after `size`).
//! 1. A block is born with one reference; every heap object that points at it holds one more.
//! 2. `bytes` beyond what a heap object refers to may be written only by the process that holds
//!    the one writable reference; bytes that any object refers to are never written.
//! 3. A magic binary holds a boxed Rust value instead of bytes; the last reference drops it, on
//!    whatever thread that happens: such a value's `Drop` takes no process lock and allocates on
//!    no heap.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
use std::any::Any;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicIsize, AtomicU64, AtomicUsize, Ordering};

/// What a magic reference can hold.
pub trait Magic: Any + Send + Sync {}
impl<T: Any + Send + Sync> Magic for T {}

type MagicBox = Box<dyn Any + Send + Sync>;

/// Header of an off-heap binary; the bytes follow it.
#[repr(C)]
pub struct Binary {
    flags: AtomicU64,
    refc: AtomicIsize,
    /// Bytes that fit behind the header.
    size: usize,
}

const FLAG_MAGIC: u64 = 1;
/// Its reference has been outside (`outside`).
const FLAG_OUTSIDE: u64 = 2;
const HEADER_BYTES: usize = size_of::<Binary>();

static BYTES_IN_USE: AtomicUsize = AtomicUsize::new(0);

fn layout(size: usize) -> Option<Layout> {
    Layout::from_size_align(HEADER_BYTES.checked_add(size)?, 8).ok()
}

impl Binary {
    /// A block of `size` bytes, not yet written, with one reference. `None`: out of memory.
    pub fn alloc(size: usize) -> Option<NonNull<Binary>> {
        Binary::alloc_by(alloc, size)
    }

    /// As [`Binary::alloc`], all zero. Of a large block nothing is touched.
    pub fn alloc_zeroed(size: usize) -> Option<NonNull<Binary>> {
        Binary::alloc_by(alloc_zeroed, size)
    }

    fn alloc_by(alloc: unsafe fn(Layout) -> *mut u8, size: usize) -> Option<NonNull<Binary>> {
        let layout = layout(size)?;
        // SAFETY: the layout has a non-zero size.
        let block = NonNull::new(unsafe { alloc(layout) }.cast::<Binary>())?;
        BYTES_IN_USE.fetch_add(layout.size(), Ordering::Relaxed);
        let header = Binary { flags: AtomicU64::new(0), refc: AtomicIsize::new(1), size };
        // SAFETY: the block is fresh and large enough for the header.
        unsafe { block.write(header) };
        Some(block)
    }

    /// A block that holds a copy of `bytes`.
    pub fn from_bytes(bytes: &[u8]) -> Option<NonNull<Binary>> {
        let block = Binary::alloc(bytes.len())?;
        // SAFETY: fresh block of that size, disjoint from `bytes`.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), Binary::data(block), bytes.len());
        }
        Some(block)
    }

    /// A magic binary that holds `value`, with one reference.
    pub fn new_magic(value: MagicBox) -> NonNull<Binary> {
        let block = Binary::alloc(size_of::<MagicBox>()).expect("memory for a magic binary");
        // SAFETY: fresh block with room for the fat pointer, 8-aligned.
        unsafe {
            block.as_ref().flags.store(FLAG_MAGIC, Ordering::Relaxed);
            Binary::data(block).cast::<MagicBox>().write(value);
        }
        block
    }

    /// Grows a block (rule 2: only for the holder of the one writable reference); it may move.
    ///
    /// # Safety
    /// The block is no magic binary and nobody else refers to it.
    pub unsafe fn grow(block: NonNull<Binary>, size: usize) -> Option<NonNull<Binary>> {
        // SAFETY: alive by contract.
        let old_size = unsafe { block.as_ref().size };
        let new_layout = layout(size)?;
        let old_layout = layout(old_size)?;
        // SAFETY: allocated by `alloc` with this layout; sole reference.
        let moved = unsafe { realloc(block.as_ptr().cast(), old_layout, new_layout.size()) };
        let moved = NonNull::new(moved.cast::<Binary>())?;
        BYTES_IN_USE.fetch_add(new_layout.size(), Ordering::Relaxed);
        BYTES_IN_USE.fetch_sub(old_layout.size(), Ordering::Relaxed);
        // SAFETY: realloc kept the header.
        unsafe { (*moved.as_ptr()).size = size };
        Some(moved)
    }

    /// As [`Binary::grow`]; what is new is zero. Of a large block it is not touched. Others may refer to the
    /// block: they keep it as it was.
    ///
    /// # Safety
    /// The reference is the caller's, and the block is no magic binary.
    pub unsafe fn grow_zeroed(block: NonNull<Binary>, size: usize) -> Option<NonNull<Binary>> {
        const LARGE_BYTES: usize = 64 << 10;
        // SAFETY: by contract; the bytes that are copied lie in both blocks.
        unsafe {
            let old_size = block.as_ref().size;
            if size < LARGE_BYTES && block.as_ref().refc() == 1 {
                let moved = Binary::grow(block, size)?;
                Binary::data(moved).add(old_size).write_bytes(0, size - old_size);
                return Some(moved);
            }
            let moved = Binary::alloc_zeroed(size)?;
            Binary::data(block).copy_to_nonoverlapping(Binary::data(moved), old_size);
            Binary::release(block);
            Some(moved)
        }
    }

    /// Address of the first byte.
    pub fn data(block: NonNull<Binary>) -> *mut u8 {
        // SAFETY: the bytes follow the header in the same block.
        unsafe { block.as_ptr().cast::<u8>().add(HEADER_BYTES) }
    }

    /// Bytes that fit in the block.
    pub fn size(&self) -> usize {
        self.size
    }
    pub fn refc(&self) -> isize {
        self.refc.load(Ordering::Acquire)
    }
    pub fn is_magic(&self) -> bool {
        self.flags.load(Ordering::Relaxed) & FLAG_MAGIC != 0
    }

    /// The value of a magic binary.
    pub fn magic(&self) -> Option<&(dyn Any + Send + Sync)> {
        if !self.is_magic() {
            return None;
        }
        let data = Binary::data(NonNull::from(self)).cast::<MagicBox>();
        // SAFETY: a magic block holds an initialised box as long as it lives.
        Some(unsafe { &**data })
    }

    /// Takes one more reference.
    pub fn retain(&self) {
        self.refc.fetch_add(1, Ordering::Relaxed);
    }

    /// As [`Binary::retain`], if there is a reference still.
    pub(crate) fn retain_if_alive(&self) -> bool {
        let one_more = |refc| (refc > 0).then_some(refc + 1);
        self.refc.try_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    pub(crate) fn mark_outside(&self) {
        self.flags.fetch_or(FLAG_OUTSIDE, Ordering::Relaxed);
    }

    /// Gives one reference back; the last frees the block.
    ///
    /// # Safety
    /// The caller owns the reference and does not use the block through it any more.
    pub unsafe fn release(block: NonNull<Binary>) {
        // SAFETY: alive, as the caller's reference says.
        let header = unsafe { block.as_ref() };
        if header.refc.fetch_sub(1, Ordering::AcqRel) != 1 {
            return;
        }
        if header.flags.load(Ordering::Relaxed) & FLAG_OUTSIDE != 0 {
            crate::outside::forget_magic(block);
        }
        if header.is_magic() {
            // SAFETY: last reference; the box was initialised by `new_magic`.
            unsafe { Binary::data(block).cast::<MagicBox>().drop_in_place() };
        }
        let layout = layout(header.size).expect("layout was valid at allocation");
        BYTES_IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: allocated by `alloc` or `grow` with this layout; nobody refers to it.
        unsafe { dealloc(block.as_ptr().cast(), layout) };
    }

    /// Bytes of all off-heap binaries, headers included.
    pub fn bytes_in_use() -> usize {
        BYTES_IN_USE.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn the_last_reference_drops_a_magic_value() {
        let value = Arc::new(7);
        let block = Binary::new_magic(Box::new(value.clone()));
        // SAFETY: we own the references that we take and release.
        unsafe {
            block.as_ref().retain();
            Binary::release(block);
            let held = block.as_ref().magic().unwrap().downcast_ref::<Arc<i32>>().unwrap();
            assert_eq!(**held, 7);
            assert_eq!(Arc::strong_count(&value), 2);
            Binary::release(block);
        }
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn growing_zeroed_keeps_the_bytes_and_clears_the_rest() {
        for (from, to) in [(3, 100), (100, 100_000), (70_000, 1 << 20)] {
            let block = Binary::alloc(from).unwrap();
            // SAFETY: fresh block of that size, ours alone; so is what it becomes.
            unsafe {
                Binary::data(block).write_bytes(7, from);
                let block = Binary::grow_zeroed(block, to).unwrap();
                assert_eq!(block.as_ref().size(), to);
                let bytes = std::slice::from_raw_parts(Binary::data(block), to);
                assert!(bytes[..from].iter().all(|&byte| byte == 7));
                assert!(bytes[from..].iter().all(|&byte| byte == 0));
                Binary::release(block);
            }
        }
    }

    #[test]
    fn who_else_refers_to_a_block_keeps_it_when_it_grows() {
        let block = Binary::from_bytes(b"abc").unwrap();
        // SAFETY: two references are ours, each is given back once.
        unsafe {
            block.as_ref().retain();
            let grown = Binary::grow_zeroed(block, 10).unwrap();
            assert_ne!(block, grown);
            assert_eq!((block.as_ref().size(), block.as_ref().refc()), (3, 1));
            assert_eq!(std::slice::from_raw_parts(Binary::data(block), 3), b"abc");
            assert_eq!(std::slice::from_raw_parts(Binary::data(grown), 5), b"abc\0\0");
            Binary::release(block);
            Binary::release(grown);
        }
    }

    #[test]
    fn growing_keeps_the_bytes() {
        let block = Binary::from_bytes(b"abc").unwrap();
        // SAFETY: sole reference.
        unsafe {
            let block = Binary::grow(block, 10_000).unwrap();
            assert_eq!(std::slice::from_raw_parts(Binary::data(block), 3), b"abc");
            assert_eq!(block.as_ref().size(), 10_000);
            Binary::release(block);
        }
    }
}
