//! A vector that takes one word where it has never held anything.

use std::ops::{Deref, DerefMut};

/// Reads as a slice; [`ThinVec::vec`] gives the vector to change.
pub struct ThinVec<T>(Option<Box<Vec<T>>>);

impl<T> ThinVec<T> {
    pub const fn new() -> ThinVec<T> {
        ThinVec(None)
    }

    /// The vector, made if it is not there yet.
    pub fn vec(&mut self) -> &mut Vec<T> {
        self.0.get_or_insert_default()
    }

    pub fn push(&mut self, value: T) {
        self.vec().push(value);
    }

    /// Takes all elements away.
    pub fn take(&mut self) -> Vec<T> {
        self.0.as_mut().map(|vec| std::mem::take(&mut **vec)).unwrap_or_default()
    }
}

impl<T> Default for ThinVec<T> {
    fn default() -> ThinVec<T> {
        ThinVec::new()
    }
}
impl<T> Deref for ThinVec<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        self.0.as_ref().map_or(&[], |vec| vec)
    }
}
impl<T> DerefMut for ThinVec<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.0.as_mut().map_or(&mut [], |vec| vec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_word_and_holds_what_it_is_given() {
        assert_eq!(size_of::<ThinVec<u64>>(), size_of::<usize>());
        let mut values = ThinVec::new();
        assert!(values.is_empty());
        values.push(1);
        values.push(2);
        values[0] = 7;
        assert_eq!(*values, [7, 2]);
        assert_eq!(values.take(), [7, 2]);
        assert!(values.is_empty() && values.take().is_empty());
    }
}
