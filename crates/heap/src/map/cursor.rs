//! A place in the walk over a hashed map that can be written down as an integer and taken up
//! again: what `maps:iterator/1` stands on.
//!
//! The integer has four bits a level, lowest for the root: which child comes next. Missing bits
//! are zero, so 0 is the beginning.

use oxbeam_term::{Cons, Map, Term};

use crate::heap::Heap;

/// Walk over a hashed map, from any place on.
pub struct Cursor<'h> {
    /// For each level the children and the index of the next one.
    stack: Vec<(&'h [Term<'h>], usize)>,
}

const NIBBLES_PER_DIGIT: usize = 16;

impl<'h> Cursor<'h> {
    /// The place that `path` (digits of 64 bits, least first) says; `None` if there is no such.
    pub fn at(map: Map<'h>, path: &[u64]) -> Option<Cursor<'h>> {
        let mut stack = Vec::new();
        let mut node = map;
        loop {
            let level = stack.len();
            let digit = path.get(level / NIBBLES_PER_DIGIT).copied().unwrap_or(0);
            let index = (digit >> (4 * (level % NIBBLES_PER_DIGIT)) & 0xF) as usize;
            let children = node.children();
            let child = children.get(index)?;
            match child.as_map() {
                None => {
                    stack.push((children, index));
                    return Some(Cursor { stack });
                }
                Some(inner) => {
                    stack.push((children, index + 1));
                    node = inner;
                }
            }
        }
    }

    /// The integer of the place that comes next; `None` at the end.
    pub fn path(&mut self, heap: &'h Heap) -> Option<Term<'h>> {
        self.digits().map(|digits| heap.integer(false, &digits))
    }

    /// The digits of [`Cursor::path`].
    pub fn digits(&mut self) -> Option<Vec<u64>> {
        self.drop_finished();
        if self.stack.is_empty() {
            return None;
        }
        let last = self.stack.len() - 1;
        let mut digits = vec![0; last / NIBBLES_PER_DIGIT + 1];
        for (level, &(_, next)) in self.stack.iter().enumerate() {
            let index = if level == last { next } else { next - 1 };
            digits[level / NIBBLES_PER_DIGIT] |=
                (index as u64) << (4 * (level % NIBBLES_PER_DIGIT));
        }
        Some(digits)
    }

    fn drop_finished(&mut self) {
        while self.stack.last().is_some_and(|&(children, next)| next == children.len()) {
            self.stack.pop();
        }
    }
}

impl<'h> Iterator for Cursor<'h> {
    type Item = Cons<'h>;

    fn next(&mut self) -> Option<Cons<'h>> {
        loop {
            self.drop_finished();
            let (children, next) = self.stack.last_mut()?;
            let child = children[*next];
            *next += 1;
            match child.as_map() {
                Some(inner) => self.stack.push((inner.children(), 0)),
                None => return child.as_cons(),
            }
        }
    }
}
