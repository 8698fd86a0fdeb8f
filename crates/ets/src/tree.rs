//! Ordered tables: objects in the order of their keys, where 1 and 1.0 are one key.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Bound;

use oxbeam_term::Term;
use oxbeam_term::compare::compare;
use parking_lot::RwLock;

use crate::object::Object;

/// What has a place in the order: a stored object, or a key that is looked for.
pub trait Keyed {
    fn place(&self) -> Term<'_>;
}

impl Keyed for Object {
    fn place(&self) -> Term<'_> {
        self.key()
    }
}

/// A key that is looked for.
pub struct Probe<'k>(pub Term<'k>);

impl Keyed for Probe<'_> {
    fn place(&self) -> Term<'_> {
        self.0
    }
}

impl PartialEq for dyn Keyed + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for dyn Keyed + '_ {}
impl PartialOrd for dyn Keyed + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for dyn Keyed + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(self.place(), other.place())
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Object {}
impl PartialOrd for Object {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Object {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(self.key(), other.key())
    }
}

impl<'k> Borrow<dyn Keyed + 'k> for Object {
    fn borrow(&self) -> &(dyn Keyed + 'k) {
        self
    }
}

/// The objects of an ordered table.
#[derive(Default)]
pub struct Objects {
    set: BTreeSet<Object>,
    words: usize,
}

pub type Tree = RwLock<Objects>;

impl Objects {
    pub fn get(&self, key: Term<'_>) -> Option<&Object> {
        self.set.get(&Probe(key) as &dyn Keyed)
    }
    pub fn len(&self) -> usize {
        self.set.len()
    }
    pub fn words(&self) -> usize {
        self.words
    }
    /// Puts an object in the place of the one with its key. Gives whether it is a new one.
    pub fn put(&mut self, object: Object) -> bool {
        self.words += object.words();
        let old = self.set.replace(object);
        self.words -= old.as_ref().map_or(0, Object::words);
        old.is_none()
    }
    pub fn take(&mut self, key: Term<'_>) -> Option<Object> {
        let object = self.set.take(&Probe(key) as &dyn Keyed)?;
        self.words -= object.words();
        Some(object)
    }
    pub fn clear(&mut self) -> BTreeSet<Object> {
        self.words = 0;
        std::mem::take(&mut self.set)
    }
    /// All objects in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Object> {
        self.set.iter()
    }
    /// Objects with keys above one.
    pub fn above<'s>(&'s self, key: Term<'_>) -> impl DoubleEndedIterator<Item = &'s Object> {
        let probe = Probe(key);
        let from = Bound::Excluded(&probe as &dyn Keyed);
        self.set.range::<dyn Keyed, _>((from, Bound::Unbounded))
    }
    /// Objects with keys below one.
    pub fn below<'s>(&'s self, key: Term<'_>) -> impl DoubleEndedIterator<Item = &'s Object> {
        let probe = Probe(key);
        let to = Bound::Excluded(&probe as &dyn Keyed);
        self.set.range::<dyn Keyed, _>((Bound::Unbounded, to))
    }
    /// Removes all objects for which `chosen` holds.
    pub fn remove_all(&mut self, mut chosen: impl FnMut(&Object) -> bool) -> usize {
        let before = self.set.len();
        let words = &mut self.words;
        self.set.retain(|object| {
            let keep = !chosen(object);
            *words -= if keep { 0 } else { object.words() };
            keep
        });
        before - self.set.len()
    }

    /// Replaces each object for which `change` gives another with the same key.
    pub fn replace_all(&mut self, change: impl FnMut(&Object) -> Option<Object>) -> usize {
        let changed: Vec<_> = self.set.iter().filter_map(change).collect();
        let count = changed.len();
        for object in changed {
            self.put(object);
        }
        count
    }
}
