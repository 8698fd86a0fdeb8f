//! Maps: flat ones up to 32 keys, hash trees above.
//!
//! 1. A flat map has its keys in exact term order and never more than [`FLAT_MAX`]; a hashed map
//!    always has more.
//! 2. A hash tree has one shape for one set of keys, whatever made it: an inner node holds at
//!    least two leaves beneath it. So equal maps are equal word by word, and the order of a walk
//!    depends on the keys alone.
//! 3. Maps are not changed: each operation gives a new one that shares what stayed.

use oxbeam_term::compare::{compare_exact, eq};
use oxbeam_term::hamt::{self, LEVELS_PER_HASH, Leaves, Pairs, child_index, level_hash};
use oxbeam_term::hash::map_hash;
use oxbeam_term::tag::{self, MapTag};
use oxbeam_term::{Map, RawTerm, Term};

use crate::heap::Heap;

pub mod cursor;
pub mod grow;

/// Most keys of a flat map.
pub const FLAT_MAX: usize = 32;

/// A pair of a map to be.
pub type Pair<'h> = (Term<'h>, Term<'h>);

/// What to do with a key that comes twice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Twice {
    LastWins,
    Refuse,
}

impl Heap {
    /// The map of the pairs, in any order. `None`: a key came twice and `twice` refuses it.
    pub fn map_from_pairs<'h>(
        &'h self,
        mut pairs: Vec<Pair<'h>>,
        twice: Twice,
    ) -> Option<Term<'h>> {
        if pairs.len() <= FLAT_MAX {
            return sort_flat(&mut pairs, twice).then(|| flat_of_sorted(self, &pairs));
        }
        let given = pairs.len();
        let entries = hashed_entries(pairs);
        if entries.len() < given && twice == Twice::Refuse {
            return None;
        }
        Some(from_entries(self, entries))
    }

    /// The map of no keys.
    pub fn empty_map(&self) -> Term<'_> {
        flat_of_sorted(self, &[])
    }

    /// A flat map that shares the tuple of its keys with another.
    pub fn map_with_keys<'h>(&'h self, keys: Term<'h>, values: &[Term<'h>]) -> Term<'h> {
        let object = self.alloc(3 + values.len());
        // SAFETY: `alloc` gave room for header, size, keys and values; heap rule 3.
        unsafe {
            object.write(tag::FLATMAP_HEADER);
            object.add(1).write(values.len() as u64);
            object.add(2).write(keys.raw().0);
            copy_terms(values, object.add(3));
            self.brand(RawTerm::boxed(object))
        }
    }

    /// `Map#{Key => Value}`
    pub fn map_put<'h>(&'h self, map: Map<'h>, key: Term<'h>, value: Term<'h>) -> Term<'h> {
        if map.is_flat() { self.flat_put(map, key, value) } else { tree_put(self, map, key, value) }
    }

    /// [`Heap::map_put`] of several pairs, one after the other.
    ///
    /// Pairs whose keys ascend in exact order are put into a flat map at once.
    pub fn map_put_all<'h>(&'h self, map: Map<'h>, pairs: &[Pair<'h>]) -> Term<'h> {
        let ascending = || pairs.is_sorted_by(|a, b| compare_exact(a.0, b.0).is_lt());
        if pairs.len() > 1 && map.is_flat() && map.size() + pairs.len() <= FLAT_MAX && ascending() {
            return match self.flat_replace_all(map, pairs) {
                Some(changed) => changed,
                None => flat_merge(self, map, pairs),
            };
        }
        pairs.iter().fold(map_term(self, map), |map, &(key, value)| {
            self.map_put(map.as_map().expect("a put gives a map"), key, value)
        })
    }

    /// `Map#{Key := Value}`; `None` if the key is not there.
    pub fn map_update<'h>(
        &'h self,
        map: Map<'h>,
        key: Term<'h>,
        value: Term<'h>,
    ) -> Option<Term<'h>> {
        if map.is_flat() {
            return hamt::flat_index(map, key).map(|at| self.flat_replace(map, at, value));
        }
        hamt::find_leaf(map, key).map(|_| tree_put(self, map, key, value))
    }

    /// The map without `key`, and the value it had; `None` if the key is not there.
    pub fn map_take<'h>(&'h self, map: Map<'h>, key: Term<'_>) -> Option<(Term<'h>, Term<'h>)> {
        if map.is_flat() { self.flat_take(map, key) } else { tree_take(self, map, key) }
    }

    /// All pairs of both maps; where both have a key, the value of `b`.
    pub fn map_merge<'h>(&'h self, a: Map<'h>, b: Map<'h>) -> Term<'h> {
        if a.size() == 0 || b.size() == 0 {
            return map_term(self, if a.size() == 0 { b } else { a });
        }
        if b.size() * 8 <= a.size() {
            return Pairs::of(b).fold(map_term(self, a), |map, (key, value)| {
                self.map_put(map.as_map().expect("a put gives a map"), key, value)
            });
        }
        if a.size() * 8 <= b.size() {
            let missing = Pairs::of(a).filter(|&(key, _)| hamt::get(b, key).is_none());
            return missing.fold(map_term(self, b), |map, (key, value)| {
                self.map_put(map.as_map().expect("a put gives a map"), key, value)
            });
        }
        let pairs = Pairs::of(a).chain(Pairs::of(b)).collect();
        self.map_from_merged(pairs)
    }

    /// The map of pairs that may hold more than [`FLAT_MAX`] only because keys come twice.
    pub fn map_from_merged<'h>(&'h self, mut pairs: Vec<Pair<'h>>) -> Term<'h> {
        if pairs.len() <= 2 * FLAT_MAX {
            sort_flat(&mut pairs, Twice::LastWins);
            if pairs.len() <= FLAT_MAX {
                return flat_of_sorted(self, &pairs);
            }
        }
        from_entries(self, hashed_entries(pairs))
    }

    fn flat_put<'h>(&'h self, map: Map<'h>, key: Term<'h>, value: Term<'h>) -> Term<'h> {
        if let Some(at) = hamt::flat_index(map, key) {
            return self.flat_replace(map, at, value);
        }
        let keys = map.flat_keys();
        let at = keys.partition_point(|&before| compare_exact(before, key).is_lt());
        if keys.len() == FLAT_MAX {
            let pairs = Pairs::of(map).chain([(key, value)]).collect();
            return from_entries(self, hashed_entries(pairs));
        }
        let mut terms = [Term::nil(); FLAT_MAX];
        let len = insert(&mut terms, keys, at, key);
        let keys = self.tuple(&terms[..len]);
        insert(&mut terms, map.flat_values(), at, value);
        self.map_with_keys(keys, &terms[..len])
    }

    fn flat_replace<'h>(&'h self, map: Map<'h>, at: usize, value: Term<'h>) -> Term<'h> {
        let values = map.flat_values();
        if values[at].raw() == value.raw() {
            return map_term(self, map);
        }
        let mut changed = [Term::nil(); FLAT_MAX];
        changed[..values.len()].copy_from_slice(values);
        changed[at] = value;
        self.map_with_keys(map.flat_keys_tuple(), &changed[..values.len()])
    }

    /// The map with the values of keys that it has; `None` if one is missing.
    fn flat_replace_all<'h>(&'h self, map: Map<'h>, pairs: &[Pair<'h>]) -> Option<Term<'h>> {
        let values = map.flat_values();
        let mut changed = [Term::nil(); FLAT_MAX];
        changed[..values.len()].copy_from_slice(values);
        for &(key, value) in pairs {
            changed[hamt::flat_index(map, key)?] = value;
        }
        Some(self.map_with_keys(map.flat_keys_tuple(), &changed[..values.len()]))
    }

    fn flat_take<'h>(&'h self, map: Map<'h>, key: Term<'_>) -> Option<(Term<'h>, Term<'h>)> {
        let at = hamt::flat_index(map, key)?;
        let mut pairs: Vec<_> = Pairs::of(map).collect();
        let (_, value) = pairs.remove(at);
        Some((flat_of_sorted(self, &pairs), value))
    }
}

/// The term of a map.
fn map_term<'h>(heap: &'h Heap, map: Map<'h>) -> Term<'h> {
    // SAFETY: a branded map is alive in this heap.
    unsafe { heap.brand(RawTerm::boxed(map.ptr())) }
}

/// Copies `terms` to `to` with one more at position `at`; how many there are then.
fn insert<'h>(to: &mut [Term<'h>], terms: &[Term<'h>], at: usize, term: Term<'h>) -> usize {
    to[..at].copy_from_slice(&terms[..at]);
    to[at] = term;
    to[at + 1..=terms.len()].copy_from_slice(&terms[at..]);
    terms.len() + 1
}

/// Writes terms to fresh words.
///
/// # Safety
/// There is room for them at `to`.
unsafe fn copy_terms(terms: &[Term<'_>], to: *mut u64) {
    // SAFETY: by contract; a term is one word.
    unsafe { std::ptr::copy_nonoverlapping(terms.as_ptr().cast(), to, terms.len()) }
}

/// Sorts pairs by key and drops all but the last of equal keys. Whether that was allowed.
fn sort_flat(pairs: &mut Vec<Pair<'_>>, twice: Twice) -> bool {
    // Stable, so that of equal keys the last given stays last.
    if !pairs.is_sorted_by(|a, b| compare_exact(a.0, b.0).is_lt()) {
        pairs.sort_by(|a, b| compare_exact(a.0, b.0));
    }
    let before = pairs.len();
    pairs.dedup_by(|later, kept| {
        let equal = eq(later.0, kept.0);
        if equal {
            *kept = *later;
        }
        equal
    });
    twice == Twice::LastWins || pairs.len() == before
}

/// The pairs of a flat map and others, both ascending and together at most [`FLAT_MAX`].
fn flat_merge<'h>(heap: &'h Heap, map: Map<'h>, pairs: &[Pair<'h>]) -> Term<'h> {
    let mut merged = [(Term::nil(), Term::nil()); FLAT_MAX];
    let (mut len, mut rest) = (0, pairs);
    let mut push = |pair| {
        merged[len] = pair;
        len += 1;
    };
    for old in Pairs::of(map) {
        let before = rest.iter().take_while(|new| compare_exact(new.0, old.0).is_lt()).count();
        rest[..before].iter().for_each(|&new| push(new));
        rest = &rest[before..];
        match rest.split_first() {
            Some((&new, behind)) if eq(new.0, old.0) => {
                push(new);
                rest = behind;
            }
            _ => push(old),
        }
    }
    rest.iter().for_each(|&new| push(new));
    flat_of_sorted(heap, &merged[..len])
}

fn flat_of_sorted<'h>(heap: &'h Heap, pairs: &[Pair<'h>]) -> Term<'h> {
    debug_assert!(pairs.len() <= FLAT_MAX);
    let mut terms = [Term::nil(); FLAT_MAX];
    for (slot, pair) in terms.iter_mut().zip(pairs) {
        *slot = pair.0;
    }
    let keys = heap.tuple(&terms[..pairs.len()]);
    for (slot, pair) in terms.iter_mut().zip(pairs) {
        *slot = pair.1;
    }
    heap.map_with_keys(keys, &terms[..pairs.len()])
}

/// A pair on its way into a tree. `order` is the key's hash with its nibbles turned round, so
/// that sorting by it gives the order of the walk.
#[derive(Clone, Copy)]
struct Entry<'h> {
    order: u32,
    pair: Pair<'h>,
}

/// A hash with the lowest four bits moved to the top, and so on.
const fn nibbles_turned(hash: u32) -> u32 {
    let bytes = hash.swap_bytes();
    (bytes & 0x0F0F_0F0F) << 4 | (bytes >> 4) & 0x0F0F_0F0F
}

/// Entries in the order of their first hash, equal keys reduced to the last given.
fn hashed_entries(pairs: Vec<Pair<'_>>) -> Vec<Entry<'_>> {
    let mut entries: Vec<_> = pairs
        .into_iter()
        .map(|pair| Entry { order: nibbles_turned(map_hash(pair.0, 0)), pair })
        .collect();
    entries.sort_by_key(|entry| entry.order);
    let mut kept: Vec<Entry<'_>> = Vec::with_capacity(entries.len());
    for entry in entries {
        let same_hash = kept.iter_mut().rev().take_while(|other| other.order == entry.order);
        match { same_hash }.find(|other| eq(other.pair.0, entry.pair.0)) {
            Some(twin) => twin.pair = entry.pair,
            None => kept.push(entry),
        }
    }
    kept
}

/// The map of entries without equal keys.
fn from_entries<'h>(heap: &'h Heap, mut entries: Vec<Entry<'h>>) -> Term<'h> {
    if entries.len() <= FLAT_MAX {
        let mut pairs: Vec<_> = entries.into_iter().map(|entry| entry.pair).collect();
        sort_flat(&mut pairs, Twice::LastWins);
        return flat_of_sorted(heap, &pairs);
    }
    let size = entries.len();
    let (bitmap, children) = children_of(heap, &mut entries, 0);
    root(heap, size, bitmap, &children)
}

/// Children of the node at `level` that holds the entries, which are sorted for this level's
/// hash. The recursion is as deep as hashes collide, not as terms nest.
fn children_of<'h>(heap: &'h Heap, entries: &mut [Entry<'h>], level: u32) -> (u16, Vec<Term<'h>>) {
    if level > 0 && level.is_multiple_of(LEVELS_PER_HASH) {
        for entry in &mut *entries {
            entry.order = nibbles_turned(map_hash(entry.pair.0, level / LEVELS_PER_HASH));
        }
        entries.sort_by_key(|entry| entry.order);
    }
    let shift = 28 - 4 * (level % LEVELS_PER_HASH);
    let slot = |entry: &Entry<'_>| entry.order >> shift & 0xF;
    let (mut bitmap, mut children) = (0, Vec::with_capacity(16));
    for group in entries.chunk_by_mut(|a, b| slot(a) == slot(b)) {
        bitmap |= 1 << slot(&group[0]);
        children.push(match group {
            [one] => heap.cons(one.pair.0, one.pair.1),
            _ => {
                let (bitmap, children) = children_of(heap, group, level + 1);
                inner(heap, bitmap, &children)
            }
        });
    }
    (bitmap, children)
}

fn inner<'h>(heap: &'h Heap, bitmap: u16, children: &[Term<'h>]) -> Term<'h> {
    debug_assert_eq!(bitmap.count_ones() as usize, children.len());
    let object = heap.alloc(1 + children.len());
    // SAFETY: `alloc` gave room for header and children; heap rule 3.
    unsafe {
        object.write(tag::hamt_node_header(bitmap));
        copy_terms(children, object.add(1));
        heap.brand(RawTerm::boxed(object))
    }
}

fn root<'h>(heap: &'h Heap, size: usize, bitmap: u16, children: &[Term<'h>]) -> Term<'h> {
    debug_assert!(size > FLAT_MAX && bitmap.count_ones() as usize == children.len());
    let object = heap.alloc(2 + children.len());
    // SAFETY: `alloc` gave room for header, size and children; heap rule 3.
    unsafe {
        object.write(match bitmap {
            u16::MAX => tag::HAMT_HEAD_ARRAY_HEADER,
            _ => tag::hamt_head_bitmap_header(bitmap),
        });
        object.add(1).write(size as u64);
        copy_terms(children, object.add(2));
        heap.brand(RawTerm::boxed(object))
    }
}

fn bitmap_of(node: Map<'_>) -> u16 {
    match tag::map_tag(node.header()) {
        MapTag::HeadArray => u16::MAX,
        _ => tag::map_bitmap(node.header()),
    }
}

/// A way from the root down: the nodes and the slot taken in each.
struct Path<'h> {
    steps: Vec<(Map<'h>, u32)>,
    /// What the last step leads to, if anything: a leaf.
    leaf: Option<Term<'h>>,
    /// The key's hash bits for the level below the last step.
    hash: u32,
}

fn path_to<'h>(map: Map<'h>, key: Term<'_>) -> Path<'h> {
    let mut hash = map_hash(key, 0);
    let mut steps = Vec::with_capacity(8);
    let mut node = map;
    loop {
        hash = level_hash(key, hash, steps.len() as u32);
        let slot = hash & 0xF;
        hash >>= 4;
        steps.push((node, slot));
        let Some(at) = child_index(node, slot) else { return Path { steps, leaf: None, hash } };
        let child = node.children()[at];
        match child.as_map() {
            Some(inner) => node = inner,
            None => return Path { steps, leaf: Some(child), hash },
        }
    }
}

fn tree_put<'h>(heap: &'h Heap, map: Map<'h>, key: Term<'h>, value: Term<'h>) -> Term<'h> {
    let Path { mut steps, leaf, hash } = path_to(map, key);
    let mut size = map.size();
    let mut child = match leaf.and_then(Term::as_cons) {
        Some(old) if eq(old.head(), key) => {
            if old.tail().raw() == value.raw() {
                return map_term(heap, map);
            }
            heap.cons(key, value)
        }
        Some(old) => {
            size += 1;
            let level = steps.len() as u32;
            let old_leaf = leaf.unwrap_or(Term::nil());
            split(heap, level, (old.head(), old_leaf), (key, heap.cons(key, value)), hash)
        }
        None => {
            size += 1;
            heap.cons(key, value)
        }
    };
    while steps.len() > 1 {
        if let Some((node, slot)) = steps.pop() {
            let (bitmap, children) = with_child(node, slot, child);
            child = inner(heap, bitmap, &children);
        }
    }
    let (bitmap, children) = with_child(map, steps[0].1, child);
    root(heap, size, bitmap, &children)
}

/// The children of `node` with `child` in `slot`.
fn with_child<'h>(node: Map<'h>, slot: u32, child: Term<'h>) -> (u16, Vec<Term<'h>>) {
    let bitmap = bitmap_of(node);
    let mut children = Vec::with_capacity(16);
    children.extend_from_slice(node.children());
    match child_index(node, slot) {
        Some(at) => children[at] = child,
        None => {
            let at = (bitmap & ((1 << slot) - 1)).count_ones() as usize;
            children.insert(at, child);
        }
    }
    (bitmap | 1 << slot, children)
}

/// The subtree, from `level` on, of two leaves whose hashes agree above it. `new_hash` holds the
/// new key's bits for that level.
fn split<'h>(
    heap: &'h Heap,
    mut level: u32,
    old: (Term<'h>, Term<'h>),
    new: (Term<'h>, Term<'h>),
    mut new_hash: u32,
) -> Term<'h> {
    let depth = level / LEVELS_PER_HASH;
    let mut old_hash = map_hash(old.0, depth) >> (4 * (level % LEVELS_PER_HASH));
    let mut shared = Vec::new();
    let mut node = loop {
        old_hash = level_hash(old.0, old_hash, level);
        new_hash = level_hash(new.0, new_hash, level);
        let (old_slot, new_slot) = (old_hash & 0xF, new_hash & 0xF);
        if old_slot != new_slot {
            let bitmap = 1 << old_slot | 1 << new_slot;
            let (first, second) = if old_slot < new_slot { (old.1, new.1) } else { (new.1, old.1) };
            break inner(heap, bitmap, &[first, second]);
        }
        shared.push(old_slot);
        (old_hash, new_hash) = (old_hash >> 4, new_hash >> 4);
        level += 1;
    };
    while let Some(slot) = shared.pop() {
        node = inner(heap, 1 << slot, &[node]);
    }
    node
}

fn tree_take<'h>(heap: &'h Heap, map: Map<'h>, key: Term<'_>) -> Option<(Term<'h>, Term<'h>)> {
    let Path { mut steps, leaf, .. } = path_to(map, key);
    let leaf = leaf?.as_cons()?;
    if !eq(leaf.head(), key) {
        return None;
    }
    let size = map.size() - 1;
    if size <= FLAT_MAX {
        let mut pairs: Vec<_> = Leaves::of(map)
            .filter(|other| other.ptr() != leaf.ptr())
            .map(|other| (other.head(), other.tail()))
            .collect();
        sort_flat(&mut pairs, Twice::LastWins);
        return Some((flat_of_sorted(heap, &pairs), leaf.tail()));
    }
    let mut child: Option<Term<'h>> = None;
    while steps.len() > 1 {
        let Some((node, slot)) = steps.pop() else { break };
        let (bitmap, children) = replaced(node, slot, child);
        // A lone leaf moves up (rule 2).
        child = Some(match children[..] {
            [only] if only.is_cons() => only,
            _ => inner(heap, bitmap, &children),
        });
    }
    let (bitmap, children) = replaced(map, steps[0].1, child);
    Some((root(heap, size, bitmap, &children), leaf.tail()))
}

/// The children of `node` with the one in `slot` replaced, or taken out.
fn replaced<'h>(node: Map<'h>, slot: u32, child: Option<Term<'h>>) -> (u16, Vec<Term<'h>>) {
    if let Some(child) = child {
        return with_child(node, slot, child);
    }
    let mut children = node.children().to_vec();
    if let Some(at) = child_index(node, slot) {
        children.remove(at);
    }
    (bitmap_of(node) & !(1 << slot), children)
}
