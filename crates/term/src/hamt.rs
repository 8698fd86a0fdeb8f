//! Reading maps: look-up and walk, flat and hashed.
//!
//! A hashed map is a tree over the [`map_hash`] of its keys, four bits a level from the low end;
//! every eight levels the hash is made anew with the depth mixed in. An inner node has a child a
//! set bit of its bitmap, lowest first; a leaf is a cons cell `[Key|Value]`. So the order of a
//! walk depends on the hashes alone.

use crate::compare::eq;
use crate::hash::map_hash;
use crate::tag::{MapTag, map_bitmap, map_tag};
use crate::view::{Cons, Map, Term};

/// Levels that one hash serves.
pub const LEVELS_PER_HASH: u32 = 8;

/// The hash bits of `key` from level `level` on, lowest first.
#[inline]
pub fn level_hash(key: Term<'_>, hash: u32, level: u32) -> u32 {
    if level > 0 && level.is_multiple_of(LEVELS_PER_HASH) {
        map_hash(key, level / LEVELS_PER_HASH)
    } else {
        hash
    }
}

/// Index of the child that `slot` (0..16) leads to, or `None` if the node has none there.
pub fn child_index(node: Map<'_>, slot: u32) -> Option<usize> {
    let header = node.header();
    if map_tag(header) == MapTag::HeadArray {
        return Some(slot as usize);
    }
    let bitmap = map_bitmap(header);
    (bitmap >> slot & 1 == 1).then(|| (bitmap & ((1u16 << slot) - 1)).count_ones() as usize)
}

/// The value of `key` in `map`.
pub fn get<'h>(map: Map<'h>, key: Term<'_>) -> Option<Term<'h>> {
    if map.is_flat() {
        return flat_index(map, key).map(|index| map.flat_values()[index]);
    }
    find_leaf(map, key).map(Cons::tail)
}

/// Position of `key` in a flat map.
pub fn flat_index(map: Map<'_>, key: Term<'_>) -> Option<usize> {
    let keys = map.flat_keys();
    if key.raw().is_immediate() {
        return keys.iter().position(|candidate| candidate.raw() == key.raw());
    }
    keys.iter().position(|&candidate| eq(candidate, key))
}

/// The leaf of `key` in a hashed map.
pub fn find_leaf<'h>(map: Map<'h>, key: Term<'_>) -> Option<Cons<'h>> {
    let mut hash = map_hash(key, 0);
    let mut node = map;
    for level in 0.. {
        hash = level_hash(key, hash, level);
        let child = node.children()[child_index(node, hash & 0xF)?];
        if let Some(leaf) = child.as_cons() {
            return eq(leaf.head(), key).then_some(leaf);
        }
        node = child.as_map()?;
        hash >>= 4;
    }
    None
}

/// Walk over the leaves of a hashed map, in hash order.
pub struct Leaves<'h> {
    stack: Vec<std::slice::Iter<'h, Term<'h>>>,
}

impl<'h> Leaves<'h> {
    pub fn of(map: Map<'h>) -> Leaves<'h> {
        Leaves { stack: vec![map.children().iter()] }
    }
}

impl<'h> Iterator for Leaves<'h> {
    type Item = Cons<'h>;

    fn next(&mut self) -> Option<Cons<'h>> {
        while let Some(top) = self.stack.last_mut() {
            match top.next() {
                None => drop(self.stack.pop()),
                Some(child) => match child.as_map() {
                    Some(node) => self.stack.push(node.children().iter()),
                    None => return child.as_cons(),
                },
            }
        }
        None
    }
}

/// Walk over the pairs of any map, in the order that Erlang programs see.
pub enum Pairs<'h> {
    Flat(&'h [Term<'h>], &'h [Term<'h>]),
    Hashed(Leaves<'h>),
}

impl<'h> Pairs<'h> {
    pub fn of(map: Map<'h>) -> Pairs<'h> {
        if map.is_flat() {
            Pairs::Flat(map.flat_keys(), map.flat_values())
        } else {
            Pairs::Hashed(Leaves::of(map))
        }
    }
}

impl<'h> Iterator for Pairs<'h> {
    type Item = (Term<'h>, Term<'h>);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Pairs::Flat(keys, values) => {
                let (key, value) = (*keys.split_off_first()?, *values.split_off_first()?);
                Some((key, value))
            }
            Pairs::Hashed(leaves) => leaves.next().map(|leaf| (leaf.head(), leaf.tail())),
        }
    }
}
