//! Breakpoints: what tracing has put at a function's entry, or before an export's code.
//!
//! 1. What a breakpoint does, its *patterns*, belongs to a code index, like the address of an
//!    export: a staging writes it under the staging index, the commit makes it count. Whoever runs
//!    into a breakpoint reads what is under the active index, and does not keep it over a quiescent
//!    point. A place is written again only two commits later, so nobody reads it then
//!    ([`crate::index`], rule 3).
//! 2. A breakpoint at a function's entry is another first word (crate rule 2). It is written at the
//!    commit: what it stands for has been known to all threads since thread progress. The word that
//!    it replaces lies in the breakpoint, which is never taken away from its module; one without
//!    patterns does nothing.
//! 3. What patterns are this crate does not know.

use crate::handlers::word_of;
use crate::index;
use oxbeam_ethread::AtomicPointer;
use oxbeam_ops::specific::Op;
use oxbeam_term::export::CODE_INDICES;
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a breakpoint does (rule 3).
pub type Patterns = Arc<dyn Any + Send + Sync>;

/// See the module.
#[derive(Default)]
pub struct Breakpoint {
    patterns: [AtomicPointer<Patterns>; CODE_INDICES],
    /// The first word of the function; 0 for that of an export.
    replaced: AtomicU64,
}

impl Breakpoint {
    /// The breakpoint of a function whose first word is that.
    pub(crate) fn of_function(word: u64) -> Breakpoint {
        Breakpoint { patterns: Default::default(), replaced: AtomicU64::new(word) }
    }

    /// The patterns that count, until the caller's next quiescent point.
    pub fn active(&self) -> Option<&Patterns> {
        self.under(index::active())
    }

    /// The patterns under an index: the active one, or the one that the caller stages.
    pub fn under(&self, ix: usize) -> Option<&Patterns> {
        // SAFETY: rule 1: nobody writes what is under the active index; what is under the staging
        // one only the stager writes.
        unsafe { self.patterns[ix].read_acqb().as_ref() }
    }

    /// Sets the patterns under the staging index.
    pub(crate) fn set(&self, ix: usize, patterns: Option<Patterns>) {
        let new = patterns.map_or(std::ptr::null_mut(), |new| Box::into_raw(Box::new(new)));
        let old = self.patterns[ix].xchg_mb(new);
        if !old.is_null() {
            // SAFETY: rule 1: nobody reads it any more; it came from `Box::into_raw`.
            drop(unsafe { Box::from_raw(old) });
        }
    }

    /// Brings index `to` up to date.
    pub(crate) fn copy(&self, from: usize, to: usize) {
        self.set(to, self.under(from).cloned());
    }

    /// The first word of the function without the breakpoint.
    pub fn replaced(&self) -> u64 {
        self.replaced.load(Ordering::Acquire)
    }

    /// Says that the function's first word would be another one.
    pub(crate) fn set_replaced(&self, word: u64) {
        self.replaced.store(word, Ordering::Release);
    }

    /// Puts the breakpoint at the function's entry if it has patterns under `ix`, else takes it away
    /// (rule 2).
    pub(crate) fn install(&self, entry: &AtomicU64, ix: usize) {
        let word = match self.under(ix) {
            Some(_) => word_of(Op::breakpoint),
            None => self.replaced(),
        };
        entry.store(word, Ordering::Release);
    }
}

impl Drop for Breakpoint {
    fn drop(&mut self) {
        (0..CODE_INDICES).for_each(|ix| self.set(ix, None));
    }
}
