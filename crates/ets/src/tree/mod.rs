//! Ordered tables: one order, kept in parts that adapt to how many write at once.
//!
//! 1. The objects lie in *parts*: each is a tree for a range of keys, behind a lock of its own. The
//!    ranges of a table's parts lie side by side and cover all keys.
//! 2. A *route* lists the parts in order. It never changes; another one takes its place. It is read
//!    with no lock under a progress guard, and one that was replaced is dropped after thread
//!    progress.
//! 3. The range of a part never changes. A part whose objects have gone to other parts is *closed*
//!    for good, and was so before its lock was given back; by then the new route is there. Who
//!    finds a part closed looks at the route again.
//! 4. Who replaces the route holds the lock `division`. Under it, locks on parts are taken in the
//!    order of keys; nobody waits for it who holds a part.
//! 5. A writer that waits for a part raises its *contention*, one that does not lowers it. When it
//!    has risen far, or the part has grown large, the part is divided; when it has fallen far, the
//!    part is joined with a neighbour, if both are small. A table without `write_concurrency`
//!    keeps the part that it begins with.
//! 6. A walk holds one part at a time and goes on by keys, so it shows each object once that is
//!    there all the time, and none twice, whatever is divided or joined meanwhile.

mod objects;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use oxbeam_ethread::Atomic32;
use oxbeam_ethread::lock::{Mutex, MutexGuard, RwLock, WriteGuard};
use oxbeam_heap::OwnedTerm;
use oxbeam_runtime::progress::{self, ProgressGuard};
use oxbeam_term::Term;
use oxbeam_term::compare::compare;

use crate::locks::{TreeDivision, TreePart};
use crate::object::Object;
pub use objects::{Objects, PatternOrder, Start, Units};

/// What a writer that waited adds to a part's contention, and one that did not takes from it.
const WAITED: i32 = 250;
const AT_ONCE: i32 = -1;
/// Contention above which a part is divided, and below which it is joined with another.
const DIVIDE: i32 = 1000;
const JOIN: i32 = -1000;
/// Objects above which a part is divided, so that no division or join takes long.
const MANY_OBJECTS: usize = 8192;
/// Objects that two parts may have together to be joined.
const FEW_OBJECTS: usize = MANY_OBJECTS / 4;
/// Parts beyond which none is divided for contention alone.
const MANY_PARTS: usize = 1024;

/// The objects of an ordered table.
pub struct Tree {
    /// Rule 2: made by `Arc::into_raw`; owns a count.
    route: AtomicPtr<Route>,
    /// Rule 4.
    division: Mutex<(), TreeDivision>,
    adapts: bool,
}

struct Route {
    parts: Vec<Arc<Part>>,
}

type Bound = Option<Arc<OwnedTerm>>;

struct Part {
    /// The least key that belongs here; `None`: there is no least one.
    low: Bound,
    /// The least key above that belongs to the next part.
    high: Bound,
    contention: Atomic32,
    content: RwLock<Content, TreePart>,
}

struct Content {
    objects: Objects,
    closed: bool,
}

impl Part {
    fn new(low: Bound, high: Bound, objects: Objects) -> Arc<Part> {
        let content = RwLock::new(Content { objects, closed: false });
        Arc::new(Part { low, high, contention: Atomic32::new(0), content })
    }

    /// Takes the part for writing and counts whether that had to wait.
    fn write_counting(&self) -> WriteGuard<'_, Content, TreePart> {
        let (content, change) = match self.content.try_write() {
            Some(content) => (content, AT_ONCE),
            None => (self.content.write(), WAITED),
        };
        // Only who has the lock writes.
        self.contention.set(self.contention.read() + change);
        content
    }

    /// Takes the objects out, for other parts (rule 3).
    fn close(content: &mut Content) -> Objects {
        content.closed = true;
        std::mem::take(&mut content.objects)
    }
}

fn view(bound: &Bound) -> Option<Term<'_>> {
    bound.as_ref().map(|key| key.view())
}

impl Route {
    /// The last part with a least key for which `holds`; the first one has none.
    fn last_part(&self, holds: impl Fn(Term<'_>) -> bool) -> usize {
        self.parts.partition_point(|part| view(&part.low).is_none_or(&holds)) - 1
    }
    /// The part to which a key belongs.
    fn index_of(&self, key: Term<'_>) -> usize {
        self.last_part(|low| compare(low, key).is_le())
    }
    fn part_of(&self, key: Term<'_>) -> &Part {
        &self.parts[self.index_of(key)]
    }
    /// The part where a walk begins.
    fn begin(&self, order: PatternOrder<'_>, begin: Start<'_>, reverse: bool) -> usize {
        if self.parts.len() == 1 {
            return 0;
        }
        let by_key = match begin {
            Start::Edge => None,
            Start::Beyond(key) if reverse => Some(self.last_part(|low| compare(low, key).is_lt())),
            Start::Beyond(key) | Start::At(key) => Some(self.index_of(key)),
        };
        let passes = |side| move |key: Term<'_>| order(key) == Some(side);
        if reverse {
            let below = passes(std::cmp::Ordering::Less);
            let edge = self.last_part(|low| !below(low));
            by_key.map_or(edge, |by_key| by_key.min(edge))
        } else {
            let above = passes(std::cmp::Ordering::Greater);
            let edge = self.parts.partition_point(|part| view(&part.high).is_some_and(&above));
            by_key.map_or(edge, |by_key| by_key.max(edge))
        }
    }
}

/// Parts of a tree, locked for one operation.
pub struct Locked<'t> {
    route: &'t Route,
    parts: Vec<(usize, WriteGuard<'t, Content, TreePart>)>,
    /// Given back last: who has it may take locks on parts.
    _division: MutexGuard<'t, (), TreeDivision>,
}

/// A part with its lock.
type LockedPart<'g> = (&'g Part, WriteGuard<'g, Content, TreePart>);

impl Locked<'_> {
    pub fn has(&mut self, key: Term<'_>) -> bool {
        self.objects(key).get(key).is_some()
    }
    pub fn put(&mut self, object: Object) {
        self.objects(object.key()).put(object);
    }
    fn objects(&mut self, key: Term<'_>) -> &mut Objects {
        let index = self.route.index_of(key);
        let at = self.parts.binary_search_by_key(&index, |(index, _)| *index);
        &mut self.parts[at.expect("the part was locked")].1.objects
    }
}

impl Tree {
    /// A tree without objects; `adapts`: it may have several parts (rule 5).
    pub fn new(adapts: bool) -> Tree {
        let route = Route { parts: vec![Part::new(None, None, Objects::default())] };
        let route = AtomicPtr::new(Arc::into_raw(Arc::new(route)).cast_mut());
        Tree { route, division: Mutex::default(), adapts }
    }

    fn route<'g>(&'g self, _: &'g ProgressGuard) -> &'g Route {
        // SAFETY: rule 2: the pointer is to a live route, which is not dropped while the guard
        // lives; and the tree, which owns the current one, is borrowed too.
        unsafe { &*self.route.load(Ordering::Acquire) }
    }

    /// Puts another route in the place of the one that is there; under `division`.
    fn publish(&self, parts: Vec<Arc<Part>>) {
        let new = Arc::into_raw(Arc::new(Route { parts })).cast_mut();
        let old = self.route.swap(new, Ordering::AcqRel);
        // SAFETY: rule 2: the pointer owned a count, which goes to the one who drops it.
        let old = unsafe { Arc::from_raw(old) };
        progress::later(move || drop(old));
    }

    /// Does something with the objects among which a key is, or would be.
    pub fn read<T>(&self, key: Term<'_>, look: impl FnOnce(&Objects) -> T) -> T {
        let guard = ProgressGuard::enter();
        loop {
            let content = self.route(&guard).part_of(key).content.read();
            if !content.closed {
                return look(&content.objects);
            }
        }
    }

    /// Changes the objects among which a key is, or would be.
    pub fn write<T>(&self, key: Term<'_>, change: impl FnOnce(&mut Objects) -> T) -> T {
        let guard = ProgressGuard::enter();
        let (part, mut content) = self.lock(&guard, key);
        let result = change(&mut content.objects);
        self.unlock(&guard, part, content);
        result
    }

    /// Puts an object in the place of the one with its key.
    pub fn put(&self, object: Object) {
        let guard = ProgressGuard::enter();
        let (part, mut content) = self.lock(&guard, object.key());
        content.objects.put(object);
        self.unlock(&guard, part, content);
    }

    /// Puts an object in if there is none with its key. `false`: there is one.
    pub fn put_new(&self, object: Object) -> bool {
        let guard = ProgressGuard::enter();
        let (part, mut content) = self.lock(&guard, object.key());
        let free = content.objects.get(object.key()).is_none();
        if free {
            content.objects.put(object);
        }
        self.unlock(&guard, part, content);
        free
    }

    fn lock<'g>(&'g self, guard: &'g ProgressGuard, key: Term<'_>) -> LockedPart<'g> {
        loop {
            let part = self.route(guard).part_of(key);
            let content = part.write_counting();
            if !content.closed {
                return (part, content);
            }
        }
    }

    fn unlock(
        &self,
        guard: &ProgressGuard,
        part: &Part,
        content: WriteGuard<'_, Content, TreePart>,
    ) {
        let count = content.objects.len();
        drop(content);
        if self.adapts {
            self.adapt(guard, part, count);
        }
    }

    /// Write locks on the parts to which these keys belong, in order.
    pub fn lock_all<'g, 'k>(
        &'g self,
        guard: &'g ProgressGuard,
        keys: impl Iterator<Item = Term<'k>>,
    ) -> Locked<'g> {
        let division = self.division.lock();
        let route = self.route(guard);
        let mut indices: Vec<_> = keys.map(|key| route.index_of(key)).collect();
        indices.sort_unstable();
        indices.dedup();
        let parts = indices.into_iter().map(|index| (index, route.parts[index].content.write()));
        Locked { route, parts: parts.collect(), _division: division }
    }

    /// Divides or joins a part, if its contention or size tell so (rule 5).
    #[inline]
    fn adapt(&self, guard: &ProgressGuard, part: &Part, count: usize) {
        let contention = part.contention.read();
        if count > MANY_OBJECTS || contention > DIVIDE {
            self.divide(guard, part);
        } else if contention < JOIN {
            self.join(guard, part);
        }
    }

    #[cold]
    fn divide(&self, guard: &ProgressGuard, part: &Part) {
        let Some(_division) = self.division.try_lock() else { return };
        let parts = &self.route(guard).parts;
        let Some(at) = position(parts, part) else { return };
        let mut content = part.content.write();
        part.contention.set(0);
        if content.objects.len() <= MANY_OBJECTS && parts.len() >= MANY_PARTS {
            return;
        }
        let Some((key, upper)) = content.objects.take_upper_half() else { return };
        let key = Some(Arc::new(key));
        let lower = Part::close(&mut content);
        let two = [
            Part::new(part.low.clone(), key.clone(), lower),
            Part::new(key, part.high.clone(), upper),
        ];
        self.publish(spliced(parts, at, 1, two));
    }

    #[cold]
    fn join(&self, guard: &ProgressGuard, part: &Part) {
        let Some(_division) = self.division.try_lock() else { return };
        let parts = &self.route(guard).parts;
        let Some(at) = position(parts, part) else { return };
        part.contention.set(0);
        let at = if at + 1 < parts.len() { at } else { at.wrapping_sub(1) };
        let Some([lower, upper]) = parts.get(at..).and_then(|parts| parts.first_chunk()) else {
            return;
        };
        let (mut low, mut high) = (lower.content.write(), upper.content.write());
        if low.objects.len() + high.objects.len() > FEW_OBJECTS {
            return;
        }
        let mut objects = Part::close(&mut low);
        objects.append(Part::close(&mut high));
        let one = [Part::new(lower.low.clone(), upper.high.clone(), objects)];
        self.publish(spliced(parts, at, 2, one));
    }

    /// Takes everything out; gives how many objects there were.
    pub fn take_all(&self) -> (usize, Vec<BTreeSet<Object>>) {
        let guard = ProgressGuard::enter();
        let _division = self.division.lock();
        let parts = &self.route(&guard).parts;
        let mut locked: Vec<_> = parts.iter().map(|part| part.content.write()).collect();
        let count = locked.iter().map(|content| content.objects.len()).sum();
        if let [content] = &mut locked[..] {
            return (count, vec![content.objects.clear()]);
        }
        let sets = locked.iter_mut().map(|content| Part::close(content).clear()).collect();
        self.publish(vec![Part::new(None, None, Objects::default())]);
        (count, sets)
    }

    /// Shows parts from the one where a walk begins on, each with the place in it where the walk
    /// goes on, until `visit` breaks; those that are closed when they are shown are looked for
    /// again (rule 6).
    fn each_part(
        &self,
        order: PatternOrder<'_>,
        begin: Start<'_>,
        reverse: bool,
        mut visit: impl FnMut(&Part, Start<'_>) -> Visited,
    ) {
        use std::cmp::Ordering::{Greater, Less};
        let guard = ProgressGuard::enter();
        let mut begin = begin;
        loop {
            let route = self.route(&guard);
            let part = &route.parts[route.begin(order, begin, reverse)];
            match visit(part, begin) {
                Visited::Closed => continue,
                Visited::Enough => return,
                Visited::All => {}
            }
            let (bound, passed) = if reverse { (&part.low, Greater) } else { (&part.high, Less) };
            let Some(bound) = view(bound).filter(|&bound| order(bound) != Some(passed)) else {
                return;
            };
            begin = if reverse { Start::Beyond(bound) } else { Start::At(bound) };
        }
    }

    /// Shows the objects in the range of a pattern from `begin` on, until `visit` breaks.
    pub fn walk(
        &self,
        order: PatternOrder<'_>,
        begin: Start<'_>,
        reverse: bool,
        mut visit: impl FnMut(&Object) -> ControlFlow<()>,
    ) {
        self.each_part(order, begin, reverse, |part, begin| {
            let content = part.content.read();
            if content.closed {
                return Visited::Closed;
            }
            match content.objects.within(order, begin, reverse).try_for_each(&mut visit) {
                ControlFlow::Continue(()) => Visited::All,
                ControlFlow::Break(()) => Visited::Enough,
            }
        });
    }

    /// Shows the first object of a walk through all, if there is one.
    pub fn first(&self, start: Start<'_>, reverse: bool, mut visit: impl FnMut(&Object)) {
        self.each_part(&|_| None, start, reverse, |part, start| {
            let content = part.content.read();
            if content.closed {
                return Visited::Closed;
            }
            match content.objects.first(start, reverse).map(&mut visit) {
                Some(()) => Visited::Enough,
                None => Visited::All,
            }
        });
    }

    /// Changes the parts in the range of a pattern from `begin` on, until the units are spent.
    fn change(
        &self,
        order: PatternOrder<'_>,
        begin: Start<'_>,
        units: &mut Units,
        mut change: impl FnMut(&mut Objects, Start<'_>, &mut Units),
    ) {
        self.each_part(order, begin, false, |part, begin| {
            let mut content = part.content.write();
            if content.closed {
                return Visited::Closed;
            }
            change(&mut content.objects, begin, units);
            if units.left() == 0 { Visited::Enough } else { Visited::All }
        });
    }

    /// As [`Objects::remove_some`], in all parts.
    pub fn remove_some(
        &self,
        order: PatternOrder<'_>,
        begin: Start<'_>,
        units: &mut Units,
        chosen: impl Fn(&Object) -> bool,
    ) -> usize {
        let mut removed = 0;
        self.change(order, begin, units, |objects, begin, units| {
            removed += objects.remove_some(order, begin, units, &chosen);
        });
        removed
    }

    /// As [`Objects::replace_some`], in all parts.
    pub fn replace_some(
        &self,
        order: PatternOrder<'_>,
        begin: Start<'_>,
        units: &mut Units,
        replacement: impl Fn(&Object) -> Option<Object>,
    ) -> usize {
        let mut replaced = 0;
        self.change(order, begin, units, |objects, begin, units| {
            replaced += objects.replace_some(order, begin, units, &replacement);
        });
        replaced
    }

    /// Shows what each part has.
    pub fn each(&self, mut visit: impl FnMut(&Objects)) {
        self.each_part(&|_| None, Start::Edge, false, |part, _| {
            let content = part.content.read();
            if content.closed {
                return Visited::Closed;
            }
            visit(&content.objects);
            Visited::All
        });
    }
    /// Number of objects.
    pub fn len(&self) -> usize {
        let mut len = 0;
        self.each(|objects| len += objects.len());
        len
    }
    /// Words of objects and of what holds them.
    pub fn words(&self) -> usize {
        let mut words = 0;
        self.each(|objects| {
            // A node of the tree holds eleven objects; it is two thirds full on average.
            words += objects.words() + objects.len() + objects.len() / 2 + PART_WORDS;
        });
        words - PART_WORDS
    }
}

/// Words of a part beyond its objects, and of its place in the route.
const PART_WORDS: usize = size_of::<Part>() / 8 + 1;

/// What became of a part that was shown.
enum Visited {
    /// It was closed already.
    Closed,
    /// All of it was seen.
    All,
    /// The walk ends.
    Enough,
}

fn position(parts: &[Arc<Part>], part: &Part) -> Option<usize> {
    parts.iter().position(|known| std::ptr::eq(&**known, part))
}

/// The parts, with `count` of them from a place on replaced.
fn spliced<const N: usize>(
    parts: &[Arc<Part>],
    at: usize,
    count: usize,
    with: [Arc<Part>; N],
) -> Vec<Arc<Part>> {
    let (before, after) = (&parts[..at], &parts[at + count..]);
    before.iter().cloned().chain(with).chain(after.iter().cloned()).collect()
}

impl Drop for Tree {
    fn drop(&mut self) {
        // SAFETY: rule 2: the pointer owns a count, and nobody can look at it any more.
        drop(unsafe { Arc::from_raw(*self.route.get_mut()) });
    }
}
