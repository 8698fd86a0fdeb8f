//! Export entries: the identity `Module:Function/Arity` and where a call to it goes.
//!
//! 1. An entry is made once and never freed: code, fun terms and tables point at it for ever.
//! 2. `address[ix]` is where a call goes under code index `ix`: an instruction. It is written
//!    by the holder of the code-write permission for the staging index only, or patched for all
//!    indices under the rules of the code crate; it is read relaxed.
//! 3. `stub` holds two small instruction sequences of the entry's own; crate `code` writes them.
//!    `address` points to the first while no code is loaded or while the function is a BIF, and to
//!    the second while calls of the export are traced.

use crate::atom::Atom;
use parking_lot::RwLock;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

/// Code indices: active, staging and previous rotate over these.
pub const CODE_INDICES: usize = 3;
/// Words of [`Export::stub`].
pub const STUB_WORDS: usize = 10;
const NO_BIF: u32 = u32::MAX;
/// Set in the row of a BIF whose calls are traced.
const TRACED_BIF: u32 = 1 << 31;

/// One exported, or called, function.
#[repr(C, align(64))]
pub struct Export {
    pub address: [AtomicPtr<u64>; CODE_INDICES],
    pub stub: [AtomicU64; STUB_WORDS],
    pub module: Atom,
    pub function: Atom,
    pub arity: u8,
    bif: AtomicU32,
}

impl Export {
    /// Row of the BIF table, if the function is a BIF.
    pub fn bif(&self) -> Option<usize> {
        match self.bif.load(Ordering::Relaxed) {
            NO_BIF => None,
            row => Some((row & !TRACED_BIF) as usize),
        }
    }
    /// Row of the BIF table, if the function is a BIF whose calls are not traced.
    #[inline(always)]
    pub fn untraced_bif(&self) -> Option<usize> {
        let row = self.bif.load(Ordering::Relaxed);
        (row & TRACED_BIF == 0).then_some(row as usize)
    }
    /// Says whether calls of a BIF are traced.
    pub fn set_bif_traced(&self, traced: bool) {
        if self.bif().is_some() {
            match traced {
                true => self.bif.fetch_or(TRACED_BIF, Ordering::Relaxed),
                false => self.bif.fetch_and(!TRACED_BIF, Ordering::Relaxed),
            };
        }
    }
    /// Binds the entry to a row of the BIF table; for boot.
    pub fn set_bif(&self, row: usize) {
        self.bif.store(row as u32, Ordering::Relaxed);
    }
}

type Key = (Atom, Atom, u8);

struct Table {
    by_mfa: RwLock<HashMap<Key, &'static Export>>,
    on_create: OnceLock<fn(&'static Export)>,
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| Table { by_mfa: RwLock::default(), on_create: OnceLock::new() })
}

/// Says what makes a fresh entry callable (crate `code` points it at its stub). Once, at boot.
pub fn set_on_create(hook: fn(&'static Export)) {
    table().on_create.set(hook).ok();
    for export in all() {
        hook(export);
    }
}

/// Entries that a thread remembers, by a few bits of their names.
const REMEMBERED: usize = 512;

thread_local! {
    static RECENT: [Cell<Option<&'static Export>>; REMEMBERED] =
        const { [const { Cell::new(None) }; REMEMBERED] };
}

/// The entry of `module:function/arity`, made if it is new.
///
/// An apply asks this each time, so each thread remembers what it was last told (rule 1).
pub fn get_or_create(module: Atom, function: Atom, arity: u8) -> &'static Export {
    let mixed = module.index().wrapping_mul(31) ^ function.index() ^ u32::from(arity) << 5;
    RECENT.with(|recent| {
        let slot = &recent[mixed as usize % REMEMBERED];
        match slot.get() {
            Some(known)
                if (known.module, known.function, known.arity) == (module, function, arity) =>
            {
                known
            }
            _ => {
                let export = look_up_or_create(module, function, arity);
                slot.set(Some(export));
                export
            }
        }
    })
}

fn look_up_or_create(module: Atom, function: Atom, arity: u8) -> &'static Export {
    let key = (module, function, arity);
    if let Some(export) = find(module, function, arity) {
        return export;
    }
    let mut by_mfa = table().by_mfa.write();
    if let Some(export) = by_mfa.get(&key) {
        return export;
    }
    let export: &'static Export = Box::leak(Box::new(Export {
        address: Default::default(),
        stub: Default::default(),
        module,
        function,
        arity,
        bif: AtomicU32::new(NO_BIF),
    }));
    if let Some(hook) = table().on_create.get() {
        hook(export);
    }
    by_mfa.insert(key, export);
    export
}

/// The entry of `module:function/arity`, if it was made.
pub fn find(module: Atom, function: Atom, arity: u8) -> Option<&'static Export> {
    table().by_mfa.read().get(&(module, function, arity)).copied()
}

/// All entries, in no order.
pub fn all() -> Vec<&'static Export> {
    table().by_mfa.read().values().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::am;

    #[test]
    fn an_entry_is_made_once() {
        let one = get_or_create(am::lists, am::foldl, 2);
        assert!(std::ptr::eq(one, get_or_create(am::lists, am::foldl, 2)));
        assert!(find(am::lists, am::foldl, 3).is_none());
    }
}
