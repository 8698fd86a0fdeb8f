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
//!    entries; so a staging costs what was changed lately, not what there is. The two other indices
//!    share what one commit has changed.

use crate::breakpoint::{Breakpoint, Patterns};
use crate::module::{self, Entry, Module};
use crate::stub;
use oxbeam_ethread::AtomicUword;
use oxbeam_term::export::{CODE_INDICES, Export};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

oxbeam_ethread::shared! {
    /// Read with no barrier, also by the engine: whoever sees an index sees what was staged under it, for
    /// thread progress lies in between (rule 3).
    static ACTIVE: AtomicUword = AtomicUword::new(0);
}

/// The index that calls go by.
#[inline(always)]
pub fn active() -> usize {
    ACTIVE.read()
}

type Wake = Box<dyn FnOnce() + Send>;

struct Gate {
    held: bool,
    /// Those that wait for the permission.
    waiting: Vec<Wake>,
}

static GATE: Mutex<Gate> = Mutex::new(Gate { held: false, waiting: vec![] });

/// Entries that were changed together.
#[derive(Default)]
struct Changed {
    exports: Vec<&'static Export>,
    modules: Vec<&'static Entry>,
    breakpoints: Vec<Arc<Breakpoint>>,
}

/// Entries whose value under an index is not that of the active one.
static STALE: [Mutex<Vec<Arc<Changed>>>; CODE_INDICES] =
    [const { Mutex::new(vec![]) }; CODE_INDICES];

/// To change more exports and fun entries takes more than some 50 µs.
pub const MANY_CHANGES: usize = 1000;

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
        free.then(|| Permission(()))
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

    /// How many entries the next staging brings up to date (rule 5).
    pub fn stale(&self) -> usize {
        let stale = STALE[(active() + 1) % CODE_INDICES].lock();
        stale.iter().map(|changed| changed.exports.len() + changed.modules.len()).sum()
    }

    /// Begins a staging (rule 2).
    pub fn stage(self) -> Staging {
        let now = active();
        let ix = (now + 1) % CODE_INDICES;
        for stale in std::mem::take(&mut *STALE[ix].lock()) {
            for export in &stale.exports {
                stub::copy(export, now, ix);
                if let Some(breakpoint) = stub::breakpoint(export) {
                    breakpoint.copy(now, ix);
                }
            }
            stale.breakpoints.iter().for_each(|breakpoint| breakpoint.copy(now, ix));
            stale.modules.iter().for_each(|entry| entry.copy(now, ix));
        }
        let (changed, entries) = (Changed::default(), vec![]);
        Staging { permission: Some(self), ix, changed, entries }
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
    changed: Changed,
    /// Functions whose first word may have to change, with their breakpoints.
    entries: Vec<(Entrance, Arc<Breakpoint>)>,
}

/// The first word of a function of a module that stays as long as the permission is held.
struct Entrance(*const AtomicU64);

// SAFETY: it is an atomic.
unsafe impl Send for Entrance {}

impl Staging {
    /// The staging index.
    pub fn index(&self) -> usize {
        self.ix
    }

    /// Makes calls of an export go to `address` from the commit on, untraced.
    pub fn set_export(&mut self, export: &'static Export, address: *mut u64) {
        stub::set_target(export, self.ix, address, false);
        if let Some(breakpoint) = stub::breakpoint(export) {
            breakpoint.set(self.ix, None);
        }
        self.changed.exports.push(export);
    }

    /// Makes calls of an export run into a breakpoint with these patterns from the commit on, or
    /// into none.
    pub fn trace_export(&mut self, export: &'static Export, patterns: Option<Patterns>) {
        if patterns.is_none() && stub::breakpoint(export).is_none() {
            return;
        }
        let traced = patterns.is_some();
        stub::make_breakpoint(export).set(self.ix, patterns);
        stub::set_target(export, self.ix, stub::target(export, self.ix), traced);
        self.changed.exports.push(export);
    }

    /// Makes calls of the function of that number run into a breakpoint with these patterns from the
    /// commit on, or into none.
    pub fn trace_function(&mut self, module: &Module, number: usize, patterns: Option<Patterns>) {
        let breakpoint = match patterns {
            Some(_) => module.make_breakpoint(number),
            None => match module.breakpoint(number) {
                Some(breakpoint) => breakpoint,
                None => return,
            },
        };
        breakpoint.set(self.ix, patterns);
        if module::current(module.name).is_some_and(|current| std::ptr::eq(current, module)) {
            let entrance = Entrance(std::ptr::from_ref(module.entrance(number)));
            self.entries.push((entrance, breakpoint.clone()));
        } else {
            // Nobody can call it yet, or any more.
            breakpoint.install(module.entrance(number), self.ix);
        }
        self.changed.breakpoints.push(breakpoint.clone());
    }

    /// Takes the breakpoints of a module's functions away from the commit on.
    pub(crate) fn untrace_functions(&mut self, module: &Module) {
        for number in 0..module.functions.len() {
            self.trace_function(module, number, None);
        }
    }

    /// As [`Staging::untrace_functions`], of its exports.
    pub(crate) fn untrace_exports(&mut self, module: &Module) {
        module.exports.iter().for_each(|&(export, _)| self.trace_export(export, None));
    }

    pub(crate) fn changes_module(&mut self, entry: &'static Entry) {
        self.changed.modules.push(entry);
    }

    /// Makes the staging index the active one (rule 3).
    pub fn commit(mut self) -> Permission {
        for (entrance, breakpoint) in self.entries.drain(..) {
            // SAFETY: the permission has been held since, so the module is there.
            breakpoint.install(unsafe { &*entrance.0 }, self.ix);
        }
        let changed = Arc::new(std::mem::take(&mut self.changed));
        for export in &changed.exports {
            export.set_bif_traced(stub::is_traced(export, self.ix));
        }
        for other in (0..CODE_INDICES).filter(|&other| other != self.ix) {
            STALE[other].lock().push(changed.clone());
        }
        ACTIVE.set_relb(self.ix);
        self.permission.take().expect("a staging is committed once")
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.permission.is_some() {
            STALE[self.ix].lock().push(Arc::new(std::mem::take(&mut self.changed)));
        }
    }
}

/// Named after what they show of the texts on code loading (docs/CodeLoading.md has the table).
#[cfg(test)]
mod tests {
    use super::*;
    use oxbeam_term::{Atom, export};
    use std::sync::atomic::{AtomicBool, Ordering};

    fn an_export(name: &str) -> &'static Export {
        export::get_or_create(Atom::new(name).unwrap(), Atom::new("f").unwrap(), 0)
    }

    /// An address that stands for code.
    fn code(number: usize) -> *mut u64 {
        (number * 8) as *mut u64
    }

    fn read(export: &Export) -> *mut u64 {
        export.address[active()].load(Ordering::Relaxed)
    }

    fn replaced(permission: Permission, export: &'static Export, by: *mut u64) -> Permission {
        let mut staging = permission.stage();
        staging.set_export(export, by);
        staging.commit()
    }

    #[test]
    fn seed_000_l47_s4_s7_one_store_replaces_what_the_active_index_says() {
        let exports = [an_export("index_a"), an_export("index_b")];
        let mut staging = Permission::seize().stage();
        let before = exports.map(read);
        exports.iter().for_each(|export| staging.set_export(export, code(1)));
        assert_eq!(exports.map(read), before, "what is staged is not seen");
        let permission = staging.commit();
        assert_eq!(exports.map(read), [code(1); 2]);
        drop(permission);
    }

    #[test]
    fn seed_000_l47_s6_reading_takes_no_lock() {
        let export = an_export("index_c");
        let permission = replaced(Permission::seize(), export, code(7));
        let staging = permission.stage();
        // Whoever reads is not held up by who stages, though all that it locks were locked.
        let locks = (GATE.lock(), STALE.each_ref().map(|stale| stale.lock()));
        assert_eq!(std::thread::spawn(|| read(export) as usize).join().unwrap(), code(7) as usize);
        drop(locks);
        drop(staging);
    }

    #[test]
    fn seed_000_l51_l57_one_stages_and_the_others_wait_for_it() {
        static WOKEN: AtomicBool = AtomicBool::new(false);
        let permission = Permission::seize();
        assert!(Permission::try_seize().is_none());
        assert!(Permission::seize_or_wait(|| WOKEN.store(true, Ordering::SeqCst)).is_none());
        let staging = permission.stage();
        assert!(Permission::try_seize().is_none(), "also while it stages");
        let permission = staging.commit();
        assert!(!WOKEN.load(Ordering::SeqCst), "the commit does not end it");
        drop(permission);
        assert!(WOKEN.load(Ordering::SeqCst));
    }

    #[test]
    fn seed_000_l52_l53_a_staging_begins_with_what_is_active() {
        let (one, other) = (an_export("index_d"), an_export("index_e"));
        let mut permission = replaced(Permission::seize(), one, code(1));
        // Over all indices, and also where the staging before was given up.
        for round in 2..9 {
            let staging = permission.stage();
            let ix = staging.index();
            assert_eq!(one.address[ix].load(Ordering::Relaxed), read(one));
            drop(staging);
            permission = replaced(Permission::seize(), other, code(round));
            assert_eq!((read(one), read(other)), (code(1), code(round)));
        }
    }

    #[test]
    fn an_abort_leaves_all_as_it_was() {
        let export = an_export("index_f");
        let permission = replaced(Permission::seize(), export, code(1));
        let now = active();
        let mut staging = permission.stage();
        staging.set_export(export, code(2));
        drop(staging);
        let permission = Permission::seize();
        assert_eq!(read(export), code(1));
        // Nor does it come up in a later commit, of something else.
        let mut permission = replaced(permission, an_export("index_g"), code(3));
        assert_ne!(active(), now);
        for _ in 0..CODE_INDICES {
            assert_eq!(read(export), code(1));
            permission = replaced(permission, an_export("index_g"), code(4));
        }
    }

    #[test]
    fn seed_001_l65_s1_s4_active_staging_and_previous_take_turns() {
        let mut permission = Permission::seize();
        let mut seen = vec![active()];
        for _ in 0..2 * CODE_INDICES {
            let staging = permission.stage();
            let (was, next) = (active(), staging.index());
            assert_ne!(was, next);
            permission = staging.commit();
            assert_eq!(active(), next, "what was staged is active");
            seen.push(next);
        }
        assert!(seen.windows(CODE_INDICES).all(|run| {
            let mut run = run.to_vec();
            run.sort_unstable();
            run == [0, 1, 2]
        }));
    }

    #[test]
    fn seed_001_l114_s1_the_export_stays_and_its_address_changes() {
        let export = an_export("index_h");
        let permission = replaced(Permission::seize(), export, code(1));
        let before = read(export);
        drop(replaced(permission, export, code(2)));
        assert!(std::ptr::eq(export, an_export("index_h")));
        assert_eq!((before, read(export)), (code(1), code(2)));
    }
}
