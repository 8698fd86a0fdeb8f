//! Ordered tables: objects in the order of their keys, where 1 and 1.0 are one key.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Bound;

use oxbeam_term::Term;
use oxbeam_term::compare::compare;
use parking_lot::RwLock;

use crate::object::Object;

/// What has a place in the order: a stored object, a key that is looked for, or an end of the
/// range in which a pattern's keys lie.
pub trait Keyed {
    /// The key, if it is one.
    fn key_place(&self) -> Option<Term<'_>>;
    /// Where this stands, seen from a key.
    fn cmp_key(&self, key: Term<'_>) -> Ordering;
}

impl Keyed for Object {
    fn key_place(&self) -> Option<Term<'_>> {
        Some(self.key())
    }
    fn cmp_key(&self, key: Term<'_>) -> Ordering {
        compare(self.key(), key)
    }
}

/// A key that is looked for.
pub struct Probe<'k>(pub Term<'k>);

impl Keyed for Probe<'_> {
    fn key_place(&self) -> Option<Term<'_>> {
        Some(self.0)
    }
    fn cmp_key(&self, key: Term<'_>) -> Ordering {
        compare(self.0, key)
    }
}

/// Tells where a pattern's keys lie, seen from a key: `None` among them.
pub type PatternOrder<'p> = &'p dyn Fn(Term<'_>) -> Option<Ordering>;

/// An end of the range in which a pattern's keys lie.
struct Edge<'p> {
    order: PatternOrder<'p>,
    /// The upper one.
    upper: bool,
}

impl Keyed for Edge<'_> {
    fn key_place(&self) -> Option<Term<'_>> {
        None
    }
    fn cmp_key(&self, key: Term<'_>) -> Ordering {
        let open = if self.upper { Ordering::Greater } else { Ordering::Less };
        (self.order)(key).unwrap_or(open)
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
        match (self.key_place(), other.key_place()) {
            (_, Some(key)) => self.cmp_key(key),
            (Some(key), None) => other.cmp_key(key).reverse(),
            // Two edges meet only as the two ends of one range.
            (None, None) => Ordering::Equal,
        }
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
    /// Objects in the range of a pattern, beyond a key if one is given.
    pub fn within<'s>(
        &'s self,
        order: PatternOrder<'_>,
        beyond: Option<Term<'_>>,
        reverse: bool,
    ) -> Box<dyn Iterator<Item = &'s Object> + 's> {
        let (low, high) = (Edge { order, upper: false }, Edge { order, upper: true });
        let probe = beyond.map(Probe);
        let mut from = Bound::Included(&low as &dyn Keyed);
        let mut to = Bound::Included(&high as &dyn Keyed);
        if let Some(probe) = &probe {
            let passed = if reverse { Ordering::Greater } else { Ordering::Less };
            if order(probe.0) == Some(passed) {
                return Box::new(std::iter::empty());
            }
            let beyond = if reverse { &mut to } else { &mut from };
            if order(probe.0).is_none_or(|order| order.is_eq()) {
                *beyond = Bound::Excluded(probe as &dyn Keyed);
            }
        }
        let range = self.set.range::<dyn Keyed, _>((from, to));
        if reverse { Box::new(range.rev()) } else { Box::new(range) }
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
    /// Removes the objects in the range of a pattern for which `chosen` holds.
    pub fn remove_within(
        &mut self,
        order: PatternOrder<'_>,
        mut chosen: impl FnMut(&Object) -> bool,
    ) -> usize {
        let before = self.set.len();
        let words = &mut self.words;
        // Taking many out one by one would cost more than one pass over all.
        self.set.retain(|object| {
            let keep = order(object.key()).is_some_and(|order| order.is_ne()) || !chosen(object);
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
