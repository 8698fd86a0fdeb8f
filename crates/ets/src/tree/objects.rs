//! Objects in the order of their keys, where 1 and 1.0 are one key.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Bound;

use oxbeam_heap::{Heap, OwnedTerm};
use oxbeam_term::Term;
use oxbeam_term::compare::compare;

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

/// Where a walk begins.
#[derive(Clone, Copy)]
pub enum Start<'k> {
    /// At the end of the pattern's range that the walk comes to first.
    Edge,
    /// Beyond a key.
    Beyond(Term<'k>),
    /// At a key.
    At(Term<'k>),
}

/// Objects in order.
#[derive(Default)]
pub struct Objects {
    set: BTreeSet<Object>,
    words: usize,
}

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
    pub fn iter(&self) -> impl Iterator<Item = &Object> {
        self.set.iter()
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
    /// The object at a place, counted from zero.
    pub fn nth(&self, index: usize) -> Option<&Object> {
        self.set.iter().nth(index)
    }
    /// Objects in the range of a pattern from `begin` on.
    pub fn within<'s>(
        &'s self,
        order: PatternOrder<'_>,
        begin: Start<'_>,
        reverse: bool,
    ) -> Box<dyn Iterator<Item = &'s Object> + 's> {
        let (low, high) = (Edge { order, upper: false }, Edge { order, upper: true });
        let probe = match begin {
            Start::Edge => None,
            Start::Beyond(key) | Start::At(key) => Some(Probe(key)),
        };
        let mut from = Bound::Included(&low as &dyn Keyed);
        let mut to = Bound::Included(&high as &dyn Keyed);
        if let Some(probe) = &probe {
            let passed = if reverse { Ordering::Greater } else { Ordering::Less };
            if order(probe.0) == Some(passed) {
                return Box::new(std::iter::empty());
            }
            let bound = if reverse { &mut to } else { &mut from };
            if order(probe.0).is_none_or(|order| order.is_eq()) {
                let probe = probe as &dyn Keyed;
                let is_in = matches!(begin, Start::At(_));
                *bound = if is_in { Bound::Included(probe) } else { Bound::Excluded(probe) };
            }
        }
        let range = self.set.range::<dyn Keyed, _>((from, to));
        if reverse { Box::new(range.rev()) } else { Box::new(range) }
    }
    /// The first object of a walk through all.
    pub fn first(&self, start: Start<'_>, reverse: bool) -> Option<&Object> {
        let probe = match start {
            Start::Edge if reverse => return self.set.last(),
            Start::Edge => return self.set.first(),
            Start::Beyond(key) | Start::At(key) => Probe(key),
        };
        let bound = match start {
            Start::At(_) => Bound::Included(&probe as &dyn Keyed),
            _ => Bound::Excluded(&probe as &dyn Keyed),
        };
        match reverse {
            true => self.set.range::<dyn Keyed, _>((Bound::Unbounded, bound)).next_back(),
            false => self.set.range::<dyn Keyed, _>((bound, Bound::Unbounded)).next(),
        }
    }
    /// Removes the objects in the range of a pattern from `begin` on for which `chosen` holds;
    /// looks at `units` of them. Gives how many it removed.
    pub fn remove_some(
        &mut self,
        order: PatternOrder<'_>,
        begin: Start<'_>,
        units: &mut Units,
        mut chosen: impl FnMut(&Object) -> bool,
    ) -> usize {
        let scratch = Heap::detached();
        let mut keys = vec![];
        for object in self.within(order, begin, false) {
            if chosen(object) {
                keys.push(scratch.import(object.key()));
            }
            if !units.pay(object) {
                break;
            }
        }
        keys.into_iter().filter(|&key| self.take(key).is_some()).count()
    }
    /// Replaces each object in the range of a pattern from `begin` on for which `change` gives
    /// another with the same key; looks at `units` of them. Gives how many it replaced.
    pub fn replace_some(
        &mut self,
        order: PatternOrder<'_>,
        begin: Start<'_>,
        units: &mut Units,
        mut change: impl FnMut(&Object) -> Option<Object>,
    ) -> usize {
        let mut changed = vec![];
        for object in self.within(order, begin, false) {
            changed.extend(change(object));
            if !units.pay(object) {
                break;
            }
        }
        let count = changed.len();
        changed.into_iter().for_each(|object| _ = self.put(object));
        count
    }

    /// Takes the upper half out, if there are two objects at least; with its least key.
    pub fn take_upper_half(&mut self) -> Option<(OwnedTerm, Objects)> {
        let middle = self.set.iter().nth(self.set.len() / 2).filter(|_| self.set.len() > 1)?;
        let key = OwnedTerm::deep_copy_of(middle.key());
        let set = self.set.split_off(&Probe(key.view()) as &dyn Keyed);
        let words = set.iter().map(Object::words).sum();
        self.words -= words;
        Some((key, Objects { set, words }))
    }
    /// Takes in objects whose keys are all above.
    pub fn append(&mut self, mut upper: Objects) {
        self.set.append(&mut upper.set);
        self.words += upper.words;
    }
}

/// How many objects may still be looked at, and the key of the last one that was, once none may.
pub struct Units {
    left: usize,
    last_key: Option<OwnedTerm>,
}

impl Units {
    pub fn new(left: usize) -> Units {
        Units { left, last_key: None }
    }
    /// Pays for having looked at an object. `false`: it was the last one.
    pub fn pay(&mut self, object: &Object) -> bool {
        self.left -= 1;
        if self.left == 0 {
            self.last_key = Some(OwnedTerm::deep_copy_of(object.key()));
        }
        self.left > 0
    }
    pub fn left(&self) -> usize {
        self.left
    }
    /// The key to go on beyond, if the units were spent before the end.
    pub fn into_last_key(self) -> Option<OwnedTerm> {
        self.last_key
    }
}
