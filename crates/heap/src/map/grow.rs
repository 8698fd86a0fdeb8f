//! Making a hashed map of many pairs in portions.
//!
//! 1. Keys come in the order of a walk: sorted by [`order_of`]. Those with the same order come
//!    together, as one group.
//! 2. A node is open while keys beneath it may come; the open ones are a path from the root. Their
//!    children so far lie on one stack, those of a deeper node above those of the one over it.
//! 3. A key stands in the deepest node that holds it and another: so a node is opened for the
//!    digits that a key shares with its neighbour before or behind it.

use super::{Entry, children_of, inner, nibbles_turned, root};
use crate::heap::Heap;
use oxbeam_term::Term;
use oxbeam_term::hamt::LEVELS_PER_HASH;
use oxbeam_term::hash::map_hash;

const LEVELS: usize = LEVELS_PER_HASH as usize;

/// The place of a key in the order of a walk over a hashed map: keys that differ in it differ in
/// their first hash.
pub fn order_of(key: Term<'_>) -> u32 {
    nibbles_turned(map_hash(key, 0))
}

/// A tree that grows; its children are kept by the caller, in a stack of terms of the heap.
#[derive(Default)]
pub struct Growth {
    bitmaps: [u16; LEVELS],
    starts: [usize; LEVELS],
    /// The level of the deepest open node.
    depth: usize,
    last: Option<u32>,
}

/// Digits that two different orders have in common.
fn shared(a: u32, b: u32) -> usize {
    (a ^ b).leading_zeros() as usize / 4
}

fn digit(order: u32, level: usize) -> u32 {
    order >> (28 - 4 * level) & 0xF
}

impl Growth {
    /// Adds the pairs of one order, at least one; `next` is the order that comes next.
    pub fn add<'h>(
        &mut self,
        heap: &'h Heap,
        children: &mut Vec<Term<'h>>,
        order: u32,
        pairs: &[super::Pair<'h>],
        next: Option<u32>,
    ) {
        let before = self.last.map_or(0, |last| shared(last, order));
        self.close_to(heap, children, before);
        let depth = match pairs.len() {
            1 => before.max(next.map_or(0, |next| shared(order, next))),
            _ => LEVELS - 1,
        };
        while self.depth < depth {
            self.bitmaps[self.depth] |= 1 << digit(order, self.depth);
            self.depth += 1;
            self.bitmaps[self.depth] = 0;
            self.starts[self.depth] = children.len();
        }
        let child = match pairs {
            [(key, value)] => heap.cons(*key, *value),
            _ => {
                let entry = |&pair| Entry { order, pair };
                let mut entries: Vec<_> = pairs.iter().map(entry).collect();
                let (bitmap, children) = children_of(heap, &mut entries, LEVELS_PER_HASH);
                inner(heap, bitmap, &children)
            }
        };
        self.bitmaps[self.depth] |= 1 << digit(order, self.depth);
        children.push(child);
        self.last = Some(order);
    }

    /// Closes the open nodes below `depth`.
    fn close_to<'h>(&mut self, heap: &'h Heap, children: &mut Vec<Term<'h>>, depth: usize) {
        while self.depth > depth {
            let start = self.starts[self.depth];
            let node = inner(heap, self.bitmaps[self.depth], &children[start..]);
            children.truncate(start);
            children.push(node);
            self.depth -= 1;
        }
    }

    /// The map of the `size` pairs that were added, more than a flat map holds.
    pub fn finish<'h>(
        mut self,
        heap: &'h Heap,
        children: &mut Vec<Term<'h>>,
        size: usize,
    ) -> Term<'h> {
        self.close_to(heap, children, 0);
        let map = root(heap, size, self.bitmaps[0], children);
        children.clear();
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::FLAT_MAX;

    #[test]
    fn a_map_grown_in_portions_is_the_one_made_at_once() {
        for size in [FLAT_MAX + 1, 200, 5000] {
            let heap = Heap::detached();
            let mut pairs: Vec<_> =
                (0..size as i64).map(|n| (heap.int(n * 7919), heap.int(n))).collect();
            let at_once = heap.map_from_merged(pairs.clone());
            pairs.sort_by_key(|pair| order_of(pair.0));
            let (mut growth, mut children) = (Growth::default(), vec![]);
            let groups: Vec<_> = pairs.chunk_by(|a, b| order_of(a.0) == order_of(b.0)).collect();
            for (n, group) in groups.iter().enumerate() {
                let next = groups.get(n + 1).map(|group| order_of(group[0].0));
                growth.add(&heap, &mut children, order_of(group[0].0), group, next);
            }
            let grown = growth.finish(&heap, &mut children, size);
            assert!(oxbeam_term::compare::eq(grown, at_once), "{size} keys");
            let walk = |map: Term<'_>| {
                let leaves = oxbeam_term::hamt::Leaves::of(map.as_map().unwrap());
                leaves.map(|leaf| leaf.head().raw().0).collect::<Vec<_>>()
            };
            assert_eq!(walk(grown).len(), walk(at_once).len());
        }
    }
}
