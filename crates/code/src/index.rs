//! The code index: which of the addresses in exports, fun entries and module entries count.
//!
//! 1. There are three indices: the active one, the staging one after it, and the previous one,
//!    which a thread may still be reading by. Running code reads the active index, then an
//!    address under it, with no barrier.
//! 2. Whoever holds the [`Permission`] may stage: [`Permission::stage`] brings the staging index
//!    up to date, the stager writes to it alone, and nobody reads it.
//! 3. A commit makes it the active index with one store. Between the last write and the commit
//!    lies thread progress, so that whoever reads the new index reads what was written to it; the
//!    next staging, which writes to the index before the previous one, begins after it. (At boot
//!    no other thread runs code, and no progress is needed.)
//! 4. An abort (a [`Staging`] that is dropped) leaves the active index as it was.
//! 5. What differs between the active index and another one is in that one's list of stale
//!    entries; so a staging costs what was changed lately, not what there is.

use crate::module::Entry;
use oxbeam_term::export::{CODE_INDICES, Export};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

static ACTIVE: AtomicUsize = AtomicUsize::new(0);

/// The index that calls go by.
#[inline(always)]
pub fn active() -> usize {
    ACTIVE.load(Ordering::Relaxed)
}

type Wake = Box<dyn FnOnce() + Send>;

struct Gate {
    held: bool,
    /// Those that wait for the permission.
    waiting: Vec<Wake>,
}

static GATE: Mutex<Gate> = Mutex::new(Gate { held: false, waiting: vec![] });

/// Entries whose value under an index is not that of the active one.
#[derive(Default)]
struct Stale {
    exports: Vec<&'static Export>,
    modules: Vec<&'static Entry>,
}

static STALE: [Mutex<Stale>; CODE_INDICES] =
    [const { Mutex::new(Stale { exports: vec![], modules: vec![] }) }; CODE_INDICES];

/// The right to change modules; one holder at a time. It may move between threads.
pub struct Permission(());

impl Permission {
    /// The permission, for a thread that may wait: one of a test, or the one that boots.
    pub fn seize() -> Permission {
        loop {
            match Permission::try_seize() {
                Some(permission) => return permission,
                None => std::thread::yield_now(),
            }
        }
    }

    /// The permission, if nobody holds it.
    pub fn try_seize() -> Option<Permission> {
        let mut gate = GATE.lock();
        let free = !std::mem::replace(&mut gate.held, true);
        free.then_some(Permission(()))
    }

    /// The permission; if somebody holds it, `wake` is called when it becomes free, and the
    /// caller tries again then (another one may be faster).
    pub fn seize_or_wait(wake: impl FnOnce() + Send + 'static) -> Option<Permission> {
        let mut gate = GATE.lock();
        if std::mem::replace(&mut gate.held, true) {
            gate.waiting.push(Box::new(wake));
            return None;
        }
        Some(Permission(()))
    }

    /// Begins a staging (rule 2).
    pub fn stage(self) -> Staging {
        let now = active();
        let ix = (now + 1) % CODE_INDICES;
        let stale = std::mem::take(&mut *STALE[ix].lock());
        for export in stale.exports {
            let address = export.address[now].load(Ordering::Relaxed);
            export.address[ix].store(address, Ordering::Relaxed);
        }
        stale.modules.iter().for_each(|entry| entry.copy(now, ix));
        Staging { permission: Some(self), ix, changed: Stale::default() }
    }
}

impl Drop for Permission {
    fn drop(&mut self) {
        let waiting = {
            let mut gate = GATE.lock();
            gate.held = false;
            std::mem::take(&mut gate.waiting)
        };
        waiting.into_iter().for_each(|wake| wake());
    }
}

/// A staging under way.
pub struct Staging {
    /// `None`: committed.
    permission: Option<Permission>,
    ix: usize,
    changed: Stale,
}

impl Staging {
    /// The staging index.
    pub fn index(&self) -> usize {
        self.ix
    }

    /// Makes calls of an export go to `address` from the commit on.
    pub fn set_export(&mut self, export: &'static Export, address: *mut u64) {
        export.address[self.ix].store(address, Ordering::Release);
        self.changed.exports.push(export);
    }

    pub(crate) fn changes_module(&mut self, entry: &'static Entry) {
        self.changed.modules.push(entry);
    }

    /// Makes the staging index the active one (rule 3).
    pub fn commit(mut self) -> Permission {
        for other in (0..CODE_INDICES).filter(|&other| other != self.ix) {
            let mut stale = STALE[other].lock();
            stale.exports.extend(&self.changed.exports);
            stale.modules.extend(&self.changed.modules);
        }
        ACTIVE.store(self.ix, Ordering::Release);
        self.permission.take().expect("a staging is committed once")
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.permission.is_some() {
            let mut stale = STALE[self.ix].lock();
            stale.exports.append(&mut self.changed.exports);
            stale.modules.append(&mut self.changed.modules);
        }
    }
}
