//! A queue of bytes that are binaries of Erlang processes: nothing but the
//! small ones is copied on the way in, nothing at all on the way out of
//! whole ones.

use oxbeam_heap::{Heap, OwnedTerm};
use oxbeam_term::Term;
use std::collections::VecDeque;

/// One binary, of which the first `skipped` bytes are used up.
#[derive(Debug)]
struct Chunk {
    binary: OwnedTerm,
    skipped: usize,
}

impl Chunk {
    fn bytes(&self) -> &[u8] {
        let all = self.binary.view().as_bytes().expect("the queue holds byte-aligned binaries");
        &all[self.skipped..]
    }
}

/// The queue.
#[derive(Debug, Default)]
pub struct ByteQueue {
    chunks: VecDeque<Chunk>,
    size_bytes: usize,
}

impl ByteQueue {
    /// An empty queue.
    pub fn new() -> ByteQueue {
        ByteQueue::default()
    }

    /// Bytes in the queue.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.size_bytes == 0
    }

    /// Puts the bytes of a binary at the end.
    ///
    /// Errors: false for a term that is no binary; the queue is as before.
    pub fn push(&mut self, term: Term<'_>) -> bool {
        let Some(bits) = term.as_bits() else { return false };
        if bits.bit_size() % 8 != 0 {
            return false;
        }
        match term.as_bytes() {
            Some([]) => {}
            Some(_) => self.push_owned(OwnedTerm::deep_copy_of(term)),
            None => self.push_bytes(&bits.to_bytes()),
        }
        true
    }

    /// Puts a copy of bytes at the end.
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.push_owned(OwnedTerm::build(|heap| heap.binary(bytes)));
        }
    }

    fn push_owned(&mut self, binary: OwnedTerm) {
        let chunk = Chunk { binary, skipped: 0 };
        self.size_bytes += chunk.bytes().len();
        self.chunks.push_back(chunk);
    }

    /// The bytes of the front chunk; empty when the queue is.
    pub fn front(&self) -> &[u8] {
        self.chunks.front().map_or(&[], Chunk::bytes)
    }

    /// The front chunk as a term on `heap`, sharing its bytes when large.
    pub fn front_term<'h>(&self, heap: &'h Heap) -> Option<Term<'h>> {
        let chunk = self.chunks.front()?;
        let whole = chunk.binary.copy_to(heap);
        let bits = whole.as_bits()?.bit_size();
        Some(heap.sub_binary(whole, chunk.skipped * 8, bits - chunk.skipped * 8))
    }

    /// All chunks from the front.
    pub fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        self.chunks.iter().map(Chunk::bytes)
    }

    /// Takes `count` bytes off the front; panics when there are fewer.
    pub fn skip(&mut self, count: usize) {
        assert!(count <= self.size_bytes, "more bytes taken than there are");
        self.size_bytes -= count;
        let mut left = count;
        while left > 0 {
            let front = self.chunks.front_mut().expect("the size says so");
            let length = front.bytes().len();
            if left < length {
                front.skipped += left;
                return;
            }
            left -= length;
            self.chunks.pop_front();
        }
    }

    /// Copies `target.len()` bytes from the front and takes them off; panics
    /// when there are fewer.
    pub fn read(&mut self, target: &mut [u8]) {
        assert!(target.len() <= self.size_bytes, "more bytes read than there are");
        let mut filled = 0;
        for chunk in &self.chunks {
            let count = chunk.bytes().len().min(target.len() - filled);
            target[filled..filled + count].copy_from_slice(&chunk.bytes()[..count]);
            filled += count;
        }
        self.skip(target.len());
    }

    /// Where a byte is first found.
    pub fn find(&self, byte: u8) -> Option<usize> {
        let mut before = 0;
        for chunk in self.chunks() {
            if let Some(at) = memchr::memchr(byte, chunk) {
                return Some(before + at);
            }
            before += chunk.len();
        }
        None
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        *self = ByteQueue::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_in_order_over_chunk_borders() {
        let heap = Heap::detached();
        let mut queue = ByteQueue::new();
        let large = heap.binary(&[7; 100]);
        assert!(queue.push(heap.binary(b"abc")));
        assert!(queue.push(large));
        assert!(queue.push(heap.sub_binary(heap.binary(b"xyz"), 8, 16)));
        assert!(!queue.push(heap.sub_binary(large, 0, 3)));
        assert!(!queue.push(Term::nil()));
        assert_eq!(queue.size_bytes(), 105);
        let mut head = [0; 4];
        queue.read(&mut head);
        assert_eq!(&head, b"abc\x07");
        assert_eq!(queue.front(), [7; 99]);
        assert_eq!(queue.front_term(&heap).unwrap().as_bytes(), Some(&[7; 99][..]));
        assert_eq!(queue.find(b'z'), Some(100));
        assert_eq!(queue.find(b'x'), None);
        queue.skip(100);
        assert_eq!(queue.front(), b"z");
        queue.clear();
        assert!(queue.is_empty() && queue.front().is_empty());
    }

    #[test]
    fn bits_off_a_byte_border_are_shifted() {
        let heap = Heap::detached();
        let mut queue = ByteQueue::new();
        let term = heap.sub_binary(heap.binary(&[0x12, 0x34, 0x56]), 4, 16);
        assert!(queue.push(term));
        assert_eq!(queue.front(), [0x23, 0x45]);
    }
}
