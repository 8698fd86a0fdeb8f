//! Objects one behind the other, in chunks: none is moved when there are more, and what is put in or
//! taken out costs the same for a million as for ten.

use std::collections::VecDeque;

use crate::object::Object;

/// Objects of a chunk; few in the zeal build, so that short queues have several.
const CHUNK: usize = if cfg!(oxbeam_zeal) { 3 } else { 2048 };

/// A queue of objects. All chunks but the first and the last are full; while only one end is added to, the
/// other end's chunk is full too.
#[derive(Default)]
pub struct Queue {
    chunks: VecDeque<VecDeque<Object>>,
    len: usize,
}

impl Queue {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn push_back(&mut self, object: Object) {
        match self.chunks.back_mut().filter(|chunk| chunk.len() < CHUNK) {
            Some(chunk) => chunk.push_back(object),
            None => {
                let mut chunk = VecDeque::with_capacity(CHUNK);
                chunk.push_back(object);
                self.chunks.push_back(chunk);
            }
        }
        self.len += 1;
    }

    pub fn push_front(&mut self, object: Object) {
        match self.chunks.front_mut().filter(|chunk| chunk.len() < CHUNK) {
            Some(chunk) => chunk.push_front(object),
            None => {
                let mut chunk = VecDeque::with_capacity(CHUNK);
                chunk.push_front(object);
                self.chunks.push_front(chunk);
            }
        }
        self.len += 1;
    }

    pub fn pop_front(&mut self) -> Option<Object> {
        let chunk = self.chunks.front_mut()?;
        let object = chunk.pop_front();
        if chunk.is_empty() {
            self.chunks.pop_front();
        }
        self.len -= usize::from(object.is_some());
        object
    }

    /// The object at a place, counted from the front.
    pub fn get(&self, at: usize) -> Option<&Object> {
        let first = self.chunks.front()?;
        match at.checked_sub(first.len()) {
            None => first.get(at),
            Some(behind) => self.chunks.get(1 + behind / CHUNK)?.get(behind % CHUNK),
        }
    }

    /// Puts another queue's objects behind, in no order that is promised.
    pub fn append(&mut self, other: &mut Queue) {
        self.chunks.append(&mut other.chunks);
        self.len += std::mem::take(&mut other.len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::hash_of;
    use oxbeam_heap::Heap;
    use oxbeam_heap::heap::HeapOptions;

    fn numbered(heap: &Heap, n: i64) -> Object {
        let key = heap.int(n);
        Object::new(heap.tuple(&[key]), 1, hash_of(key))
    }

    #[test]
    fn what_is_put_at_either_end_is_found_and_taken_from_the_front() {
        let heap = Heap::new(HeapOptions::default()).expect("memory");
        let count = 2 * CHUNK as i64 + 1;
        for front in [false, true] {
            let mut queue = Queue::default();
            for n in 0..count {
                let object = numbered(&heap, n);
                if front { queue.push_front(object) } else { queue.push_back(object) }
            }
            assert_eq!(queue.len(), count as usize);
            let expected = |at: i64| if front { count - 1 - at } else { at };
            let number = |object: &Object| object.key().as_small();
            for at in 0..count {
                assert_eq!(queue.get(at as usize).and_then(number), Some(expected(at)));
            }
            assert!(queue.get(count as usize).is_none());
            for at in 0..count {
                assert_eq!(queue.pop_front().as_ref().and_then(number), Some(expected(at)));
            }
            assert!(queue.pop_front().is_none());
            assert_eq!(queue.len(), 0);
        }
    }
}
