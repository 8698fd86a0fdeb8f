//! The code index: which of the addresses in exports and fun entries count.

use oxbeam_term::export::{self, CODE_INDICES};
use parking_lot::{Mutex, MutexGuard};
use std::sync::atomic::{AtomicUsize, Ordering};

static ACTIVE: AtomicUsize = AtomicUsize::new(0);
static PERMISSION: Mutex<()> = Mutex::new(());

/// The index that calls go by.
#[inline(always)]
pub fn active() -> usize {
    ACTIVE.load(Ordering::Acquire)
}

/// The right to change modules; one holder at a time.
pub struct Permission {
    _held: MutexGuard<'static, ()>,
}

impl Permission {
    /// Waits for the permission.
    pub fn seize() -> Permission {
        Permission { _held: PERMISSION.lock() }
    }

    /// The permission, if nobody holds it.
    pub fn try_seize() -> Option<Permission> {
        Some(Permission { _held: PERMISSION.try_lock()? })
    }

    /// Starts a staging index as a copy of the active one, lets `change` write
    /// to it, then commits it with one store.
    pub fn stage<R>(&self, change: impl FnOnce(usize) -> R) -> R {
        let now = active();
        let staging = (now + 1) % CODE_INDICES;
        for export in export::all() {
            let address = export.address[now].load(Ordering::Relaxed);
            export.address[staging].store(address, Ordering::Relaxed);
        }
        let result = change(staging);
        ACTIVE.store(staging, Ordering::Release);
        result
    }
}
