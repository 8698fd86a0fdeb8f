//! A binary that is being written: bytes of its own until it becomes a term.

use crate::heap::{Heap, out_of_memory};
use oxbeam_term::layout::HEAP_BIN_MAX_BYTES;
use oxbeam_term::{Binary, Term};
use std::ptr::NonNull;

/// Bytes that become a binary without being copied.
pub struct BinaryBuffer {
    /// Sole owner of one reference.
    block: NonNull<Binary>,
    capacity: usize,
    len: usize,
}

// SAFETY: the block belongs to this value alone.
unsafe impl Send for BinaryBuffer {}

impl BinaryBuffer {
    /// An empty buffer with room for so many bytes. Out of memory ends the runtime, as in OTP.
    pub fn with_capacity(capacity: usize) -> BinaryBuffer {
        let block = Binary::alloc(capacity).unwrap_or_else(|| out_of_memory(capacity / 8));
        BinaryBuffer { block, capacity, len: 0 }
    }

    pub fn len(&self) -> usize {
        self.len
    }
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends bytes; the buffer grows if need be.
    pub fn push(&mut self, bytes: &[u8]) {
        let needed = self.len + bytes.len();
        if needed > self.capacity {
            self.resize(needed.max(2 * self.capacity));
        }
        // SAFETY: there is room behind `len`; the block is ours alone.
        unsafe {
            let to = Binary::data(self.block).add(self.len);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
        }
        self.len = needed;
    }

    /// The bytes so far.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: bytes below `len` are written; the block is ours alone.
        unsafe { std::slice::from_raw_parts_mut(Binary::data(self.block), self.len) }
    }

    fn resize(&mut self, capacity: usize) {
        // SAFETY: no magic binary, and nobody else refers to it.
        let grown = unsafe { Binary::grow(self.block, capacity) };
        self.block = grown.unwrap_or_else(|| out_of_memory(capacity / 8));
        self.capacity = capacity;
    }

    /// The binary of the bytes.
    pub fn into_term(mut self, heap: &Heap) -> Term<'_> {
        if self.len <= HEAP_BIN_MAX_BYTES {
            return heap.binary(self.bytes_mut());
        }
        if self.capacity > self.len + self.len / 8 {
            self.resize(self.len);
        }
        let this = std::mem::ManuallyDrop::new(self);
        // SAFETY: our reference is given away; all bytes below `len` are written.
        unsafe { heap.refc_binary(this.block, this.len) }
    }
}

impl Drop for BinaryBuffer {
    fn drop(&mut self) {
        // SAFETY: our reference.
        unsafe { Binary::release(self.block) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_is_the_binary() {
        let heap = Heap::detached();
        for size in [0, 3, 64, 65, 1000] {
            let mut buffer = BinaryBuffer::with_capacity(10);
            for chunk in vec![7; size].chunks(33) {
                buffer.push(chunk);
            }
            let bits = buffer.into_term(&heap).as_bits().unwrap();
            assert_eq!(&*bits.to_bytes(), &vec![7; size][..]);
        }
        drop(BinaryBuffer::with_capacity(5));
    }
}
