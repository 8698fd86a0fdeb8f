//! Bytes in an off-heap block, on their way from the system to a heap.

use super::Answer;
use oxbeam_heap::Heap;
use oxbeam_sys::Errno;
use oxbeam_term::layout::HEAP_BIN_MAX_BYTES;
use oxbeam_term::{Binary, Term};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// A block that this value alone refers to; the first `size` bytes are there.
#[derive(Debug)]
pub struct Block {
    block: NonNull<Binary>,
    size_bytes: usize,
}

// SAFETY: the block's only reference moves with the value.
unsafe impl Send for Block {}

impl Block {
    /// A block with room and no bytes. Errors: `ENOMEM`.
    pub fn with_room(size_bytes: usize) -> Answer<Block> {
        let block = Binary::alloc(size_bytes).ok_or(Errno(libc::ENOMEM))?;
        Ok(Block { block, size_bytes: 0 })
    }

    /// Where the room starts.
    pub(super) fn room(&mut self) -> *mut u8 {
        Binary::data(self.block)
    }

    /// How much room there is.
    pub(super) fn room_bytes(&self) -> usize {
        // SAFETY: the block is alive.
        unsafe { self.block.as_ref() }.size()
    }

    /// Says that the first bytes have been written; only for who wrote them.
    pub(super) fn set_size(&mut self, size_bytes: usize) {
        assert!(size_bytes <= self.room_bytes());
        self.size_bytes = size_bytes;
    }

    /// Makes room for more, keeping the bytes. Errors: `ENOMEM`.
    pub(super) fn grow(&mut self, size_bytes: usize) -> Answer<()> {
        // SAFETY: this value holds the only reference; the block is not magic.
        let grown = unsafe { Binary::grow(self.block, size_bytes) };
        self.block = grown.ok_or(Errno(libc::ENOMEM))?;
        Ok(())
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `set_size` vouches for the first `size_bytes`.
        unsafe { std::slice::from_raw_parts(Binary::data(self.block), self.size_bytes) }
    }

    /// A binary on `heap`; large ones take the block along.
    pub fn into_term(mut self, heap: &Heap) -> Term<'_> {
        if self.size_bytes <= HEAP_BIN_MAX_BYTES {
            return heap.binary(self.bytes());
        }
        if self.size_bytes < self.room_bytes() {
            // Shrinking cannot fail in a way that matters: the room stays.
            let _ = self.grow(self.size_bytes);
        }
        let this = ManuallyDrop::new(self);
        // SAFETY: the reference is given away with the bytes it holds.
        unsafe { heap.refc_binary(this.block, this.size_bytes) }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: this value owned the reference.
        unsafe { Binary::release(self.block) };
    }
}
