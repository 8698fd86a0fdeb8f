//! Fun entries: the identity of a lambda, `(module, index, uniq)`, shared by all its fun terms.
//!
//! 1. One table for the whole node; the loader and the decoding of external terms make entries.
//! 2. Every fun term holds one reference, and so does loaded code; the last one gone, the entry
//!    is removed from the table and freed.
//! 3. A fun term points at the entry, never at code; `address[ix]` says where a call goes under
//!    code index `ix` (null: not loaded).

use crate::atom::Atom;
use crate::export::CODE_INDICES;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicIsize, AtomicPtr, Ordering};

/// The identity of one lambda.
#[repr(C)]
pub struct FunEntry {
    pub address: [AtomicPtr<u64>; CODE_INDICES],
    /// Set while a purge asks whether the fun's code may go (contract of `erts_code_purger`).
    pub pending_purge: AtomicPtr<u64>,
    refc: AtomicIsize,
    pub module: Atom,
    pub index: u32,
    pub old_uniq: u32,
    pub old_index: u32,
    pub uniq: [u8; 16],
    /// Arity that a caller sees: without the free variables.
    pub arity: u8,
}

// SAFETY: all that changes is atomic.
unsafe impl Send for FunEntry {}
// SAFETY: as above.
unsafe impl Sync for FunEntry {}

type Key = (Atom, u32, [u8; 16]);

struct Slot(NonNull<FunEntry>);
// SAFETY: the pointer is to a `Sync` value; the table's lock guards its lifetime (rule 2).
unsafe impl Send for Slot {}

fn table() -> &'static Mutex<HashMap<Key, Slot>> {
    static TABLE: OnceLock<Mutex<HashMap<Key, Slot>>> = OnceLock::new();
    TABLE.get_or_init(Mutex::default)
}

impl FunEntry {
    /// The entry of the key, made if new; the caller gets one reference.
    pub fn get_or_create(
        module: Atom,
        index: u32,
        uniq: [u8; 16],
        old: (u32, u32),
        arity: u8,
    ) -> NonNull<FunEntry> {
        let mut entries = table().lock();
        let slot = entries.entry((module, index, uniq)).or_insert_with(|| {
            let entry = FunEntry {
                address: Default::default(),
                pending_purge: AtomicPtr::default(),
                refc: AtomicIsize::new(0),
                module,
                index,
                old_index: old.0,
                old_uniq: old.1,
                uniq,
                arity,
            };
            Slot(NonNull::from(Box::leak(Box::new(entry))))
        });
        // SAFETY: entries in the table are alive; the lock is held.
        unsafe { slot.0.as_ref().retain() };
        slot.0
    }

    pub fn refc(&self) -> isize {
        self.refc.load(Ordering::Relaxed)
    }
    /// Takes one more reference.
    pub fn retain(&self) {
        self.refc.fetch_add(1, Ordering::Relaxed);
    }

    /// Gives one reference back; the last removes and frees the entry.
    ///
    /// # Safety
    /// The caller owns the reference and does not use the entry through it any more.
    pub unsafe fn release(entry: NonNull<FunEntry>) {
        // SAFETY: alive, as the caller's reference says.
        let this = unsafe { entry.as_ref() };
        let mut refc = this.refc.load(Ordering::Relaxed);
        while refc > 1 {
            match this.refc.compare_exchange_weak(
                refc,
                refc - 1,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => refc = now,
            }
        }
        // Perhaps the last: a look-up may take a new reference only under the lock.
        let mut entries = table().lock();
        if this.refc.fetch_sub(1, Ordering::AcqRel) == 1 {
            entries.remove(&(this.module, this.index, this.uniq));
            // SAFETY: no reference is left and the table does not know it any more.
            drop(unsafe { Box::from_raw(entry.as_ptr()) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::am;

    #[test]
    fn the_last_reference_frees_the_entry() {
        let make = || FunEntry::get_or_create(am::lists, 3, [9; 16], (3, 77), 1);
        let (one, two) = (make(), make());
        assert_eq!(one, two);
        // SAFETY: we own both references.
        unsafe {
            FunEntry::release(two);
            assert_eq!(one.as_ref().refc(), 1);
            FunEntry::release(one);
        }
        assert!(!table().lock().contains_key(&(am::lists, 3, [9; 16])));
    }
}
