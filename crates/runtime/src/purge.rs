//! The purge of a module's old instance, as `erts_code_purger` carries it out.
//!
//! 1. Only that process purges, one module at a time: `prepare`, a check of all processes, then
//!    `complete` or `abort`.
//! 2. `prepare` takes the addresses out of the module's fun entries and marks them as pending.
//!    Thread progress later no thread can be on its way into the code through a fun, an export or
//!    a spawn; whoever runs in it has it as its instruction pointer or on its stack.
//! 3. A process that calls a fun that is marked is suspended until the purge ends, and tries again
//!    then. It is noted under the lock that the end of the purge takes, so none is forgotten.
//! 4. `abort` puts the addresses back, lets thread progress pass, and only then removes the marks:
//!    a thread that still sees no address sees the mark too.
//!    What there is to do for each fun of a large module is done by an errand meanwhile.
//! 5. `complete` takes the instance out of all tables. Its memory is given back after thread
//!    progress; its literals go the way of [`crate::literal_release`].

use crate::native::Cx;
use crate::process::{Owned, ProcState, Process};
use crate::progress;
use crate::progress::ProgressGuard;
use crate::signal::{Control, deliver, in_queue::Signal};
use oxbeam_code::index::Permission;
use oxbeam_code::module::{self, Module, Retired, SavedOld};
use oxbeam_heap::Heap;
use oxbeam_term::Atom;
use parking_lot::Mutex;
use std::sync::Arc;

struct Purge {
    /// What is being purged.
    module: Option<Atom>,
    /// An old instance that stands aside while one is purged whose `on_load` function failed.
    saved: Option<SavedOld>,
    /// Callers of funs of it, suspended (rule 3).
    callers: Vec<Arc<Process>>,
}

static PURGE: Mutex<Purge> = Mutex::new(Purge { module: None, saved: None, callers: vec![] });

/// What a step of a purge came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Done, with this result.
    Done(bool),
    /// The process is suspended until the step is done; then this is its result.
    Suspended(bool),
    /// It is not the turn of that step, for that module.
    Misplaced,
}

/// Begins a purge of the old instance, or (`on_load`) of the one whose `on_load` function failed.
/// `Done(false)`: there is none.
pub fn prepare(cx: &mut Cx<'_>, permission: &Permission, name: Atom, on_load: bool) -> Step {
    let mut purge = PURGE.lock();
    if purge.module.is_some() {
        return Step::Misplaced;
    }
    if on_load {
        match module::pending_to_old(permission, name) {
            Some(saved) => purge.saved = saved,
            None => return Step::Done(false),
        }
    }
    let Some(old) = module::old(name) else { return Step::Done(false) };
    purge.module = Some(name);
    drop(purge);
    // The instance stays until this purge has ended.
    progress::suspend_after(cx, old.is_large(), move || {
        old.begin_fun_purge();
        || None::<fn()>
    });
    Step::Suspended(true)
}

/// Gives a purge up: processes still use the code.
pub fn abort(cx: &mut Cx<'_>, name: Atom) -> Step {
    if PURGE.lock().module != Some(name) {
        return Step::Misplaced;
    }
    // The instance stays until a purge of it has completed, and the next one begins after this.
    let old = module::old(name);
    let is_large = old.is_some_and(Module::is_large);
    progress::suspend_after(cx, is_large, move || {
        if let Some(old) = old {
            old.abort_fun_purge();
        }
        move || {
            if let Some(old) = old {
                old.end_fun_purge();
            }
            finish();
            None::<fn()>
        }
    });
    Step::Suspended(false)
}

/// Takes the code away: no process uses it.
pub fn complete(cx: &mut Cx<'_>, permission: Permission, name: Atom) -> Step {
    let saved = {
        let mut purge = PURGE.lock();
        if purge.module != Some(name) {
            return Step::Misplaced;
        }
        purge.saved.take()
    };
    let Some(old) = module::old(name) else {
        finish();
        return Step::Done(false);
    };
    if !old.is_large() {
        let retired = take_away(&permission, name, saved);
        progress::later(move || drop(retired));
        return Step::Done(true);
    }
    progress::suspend_after(cx, true, move || {
        let retired = take_away(&permission, name, saved);
        // There is something to free for each function and fun.
        move || {
            drop(retired);
            oxbeam_sys::allocator::give_back();
            None::<fn()>
        }
    });
    Step::Suspended(true)
}

fn take_away(permission: &Permission, name: Atom, saved: Option<SavedOld>) -> Option<Retired> {
    if let Some(old) = module::old(name) {
        old.end_fun_purge();
    }
    let retired = module::purge(permission, name, saved);
    finish();
    if let Some(area) = retired.as_ref().and_then(Retired::take_literals) {
        crate::literal_release::queue(area);
    }
    retired
}

/// Lets those go on that called funs of the module.
fn finish() {
    let callers = {
        let mut purge = PURGE.lock();
        purge.module = None;
        std::mem::take(&mut purge.callers)
    };
    for process in callers {
        deliver(&process, Signal::control(Control::Resume)).ok();
    }
}

/// A process has called a fun that is marked: suspends it until the purge ends, if it has not
/// ended yet. The caller makes it try again.
pub fn suspend_caller(process: &Arc<Process>, own: &mut ProcState, name: Atom) {
    let mut purge = PURGE.lock();
    if purge.module == Some(name) {
        own.suspend_count += 1;
        purge.callers.push(process.clone());
    }
}

/// Whether a process between two turns runs in the old instance of a module, or returns into it.
pub fn uses_old_code(owned: &Owned, name: Atom) -> bool {
    runs_in_old_code(owned.own.ip, name) || returns_to_old_code(&owned.heap, name)
}

/// Whether the process that runs the native was called by the old instance of a module.
pub fn caller_runs_in_old_code(cx: &Cx<'_>, name: Atom) -> bool {
    runs_in_old_code(cx.own.ip, name)
}

fn runs_in_old_code(ip: *const u64, name: Atom) -> bool {
    let _guard = ProgressGuard::enter();
    module::old(name).is_some_and(|old| old.contains(ip))
}

/// Whether a frame on the stack returns into the old instance of a module.
pub fn returns_to_old_code(heap: &Heap, name: Atom) -> bool {
    let _guard = ProgressGuard::enter();
    let Some(old) = module::old(name) else { return false };
    let mut returns = heap.stack().iter().filter(|word| word.is_header());
    returns.any(|word| old.contains(word.0 as *const u64))
}
