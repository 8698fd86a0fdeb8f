//! A vector whose elements never move: a new one is never paid for with a copy of all the others.

use std::ops::{Index, IndexMut};

/// Elements of a chunk. The first one grows to that as any vector.
pub(crate) const CHUNK: usize = if oxbeam_heap::ZEAL { 32 } else { 1024 };

/// See the module.
pub(crate) struct Chunks<T>(Vec<Vec<T>>);

impl<T> Default for Chunks<T> {
    fn default() -> Chunks<T> {
        Chunks(vec![])
    }
}

impl<T> Chunks<T> {
    pub fn len(&self) -> usize {
        match self.0.last() {
            Some(last) => (self.0.len() - 1) * CHUNK + last.len(),
            None => 0,
        }
    }

    pub fn push(&mut self, element: T) {
        match self.0.last_mut() {
            Some(last) if last.len() < CHUNK => last.push(element),
            first => {
                let mut chunk = Vec::with_capacity(if first.is_some() { CHUNK } else { 0 });
                chunk.push(element);
                self.0.push(chunk);
            }
        }
    }

    pub fn pop(&mut self) -> Option<T> {
        let last = self.0.last_mut()?;
        let element = last.pop();
        if last.is_empty() {
            self.0.pop();
        }
        element
    }

    pub fn get(&self, at: usize) -> Option<&T> {
        self.0.get(at / CHUNK)?.get(at % CHUNK)
    }

    pub fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.0.get_mut(at / CHUNK)?.get_mut(at % CHUNK)
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().flatten()
    }
}

impl<T> Index<usize> for Chunks<T> {
    type Output = T;
    fn index(&self, at: usize) -> &T {
        &self.0[at / CHUNK][at % CHUNK]
    }
}

impl<T> IndexMut<usize> for Chunks<T> {
    fn index_mut(&mut self, at: usize) -> &mut T {
        &mut self.0[at / CHUNK][at % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_stay_what_they_are() {
        let mut chunks = Chunks::default();
        let mut addresses = vec![];
        for n in 0..3 * CHUNK + 7 {
            chunks.push(n);
            assert_eq!((chunks.len(), chunks[n]), (n + 1, n));
            addresses.push(&raw const chunks[n]);
        }
        // The first chunk grows; from the second on nothing moves.
        assert!((CHUNK..chunks.len()).all(|n| addresses[n] == &raw const chunks[n]));
        chunks[CHUNK] = 5;
        assert_eq!((chunks.get(CHUNK), chunks.get(chunks.len())), (Some(&5), None));
        assert_eq!(chunks.iter().count(), chunks.len());
        let taken: Vec<usize> = std::iter::from_fn(|| chunks.pop()).collect();
        assert_eq!((taken.len(), taken[6], chunks.len()), (3 * CHUNK + 7, 3 * CHUNK, 0));
    }
}
