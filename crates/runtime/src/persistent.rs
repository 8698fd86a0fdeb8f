//! Persistent terms: one table for the node, values in literal areas.
//!
//! A value that is replaced or erased stays where it is while processes may still use it; its area
//! goes the way of [`crate::literal_release`].

use crate::{literal_release, locks};
use oxbeam_ethread::lock::RwLock;
use oxbeam_heap::Heap;
use oxbeam_heap::literal::Area;
use oxbeam_term::compare::compare_exact;
use oxbeam_term::hash::internal_hash;
use oxbeam_term::{RawTerm, Term};
use std::collections::HashMap;
use std::sync::OnceLock;

struct Entry {
    key: RawTerm,
    value: RawTerm,
    area: Area,
}

#[derive(Default)]
struct Table {
    by_hash: HashMap<u32, Vec<Entry>>,
    count: usize,
    words: usize,
}

fn table() -> &'static RwLock<Table, locks::PersistentTerms> {
    static TABLE: OnceLock<RwLock<Table, locks::PersistentTerms>> = OnceLock::new();
    TABLE.get_or_init(RwLock::default)
}

/// A literal, seen from any heap: areas are given back when no process uses them.
fn literal<'h>(raw: RawTerm) -> Term<'h> {
    // SAFETY: heap rule 6; see the module's doc.
    unsafe { Term::from_raw(raw) }
}

fn position(entries: &[Entry], key: Term<'_>) -> Option<usize> {
    entries.iter().position(|entry| compare_exact(literal(entry.key), key).is_eq())
}

/// The value under `key`.
pub fn get<'h>(_: &'h Heap, key: Term<'_>) -> Option<Term<'h>> {
    let table = table().read();
    let entries = table.by_hash.get(&internal_hash(key, 0))?;
    position(entries, key).map(|at| literal(entries[at].value))
}

/// Puts `value` under `key`. `false`: out of memory.
pub fn put(key: Term<'_>, value: Term<'_>) -> bool {
    let hash = internal_hash(key, 0);
    let old = || {
        let table = table().read();
        let entries = table.by_hash.get(&hash)?;
        position(entries, key).map(|at| entries[at].value)
    };
    // Others go on while it is compared and copied: what was there stays where it is meanwhile.
    if old().is_some_and(|old| compare_exact(literal(old), value).is_eq()) {
        return true;
    }
    let Some((area, copies)) = Area::copy_sharing_of(&[key, value]) else { return false };
    let words = area.words();
    let mut table = table().write();
    let entries = table.by_hash.entry(hash).or_default();
    let at = position(entries, key);
    let new = Entry { key: copies[0], value: copies[1], area };
    match at {
        Some(at) => {
            let old = std::mem::replace(&mut entries[at], new);
            table.words -= old.area.words();
            literal_release::queue(old.area);
        }
        None => {
            entries.push(new);
            table.count += 1;
        }
    }
    table.words += words;
    true
}

/// Removes `key`. `false`: there was no such key.
pub fn erase(key: Term<'_>) -> bool {
    let mut table = table().write();
    let hash = internal_hash(key, 0);
    let Some(entries) = table.by_hash.get_mut(&hash) else { return false };
    let Some(at) = position(entries, key) else { return false };
    let old = entries.swap_remove(at);
    if entries.is_empty() {
        table.by_hash.remove(&hash);
    }
    table.count -= 1;
    table.words -= old.area.words();
    literal_release::queue(old.area);
    true
}

/// Removes everything.
pub fn erase_all() {
    let mut table = table().write();
    let old = std::mem::take(&mut table.by_hash);
    old.into_values().flatten().for_each(|entry| literal_release::queue(entry.area));
    (table.count, table.words) = (0, 0);
}

/// All keys and values.
pub fn all<'h>(_: &'h Heap) -> Vec<(Term<'h>, Term<'h>)> {
    let table = table().read();
    let entries = table.by_hash.values().flatten();
    entries.map(|entry| (literal(entry.key), literal(entry.value))).collect()
}

/// Number of different hashes of the keys.
pub fn hashes() -> usize {
    table().read().by_hash.len()
}

/// `(number of terms, words of them)`
pub fn size() -> (usize, usize) {
    let table = table().read();
    (table.count, table.words)
}
