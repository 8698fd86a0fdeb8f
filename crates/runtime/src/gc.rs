//! Collecting a process's heap: what the engine and natives' callers ask for.

use crate::process::{Owned, ProcState, Process, table};
use crate::trace::{self, flags, of_processes};
use crate::{report, system_monitor};
use oxbeam_ethread::AtomicU64;
use oxbeam_heap::literal::Purged;
use oxbeam_heap::{Collection, GcKind, GcReport, Heap, OwnedTerm, RootSet};
use oxbeam_sys::clock::monotonic_ns;
use oxbeam_term::{RawTerm, am};
use std::sync::Arc;

oxbeam_ethread::shared! {
    static COLLECTIONS: AtomicU64 = AtomicU64::new(0);
    static RECLAIMED_WORDS: AtomicU64 = AtomicU64::new(0);
}

/// `(collections, words reclaimed)` of all processes since the start.
pub fn statistics() -> (u64, u64) {
    (COLLECTIONS.read(), RECLAIMED_WORDS.read())
}

/// Collecting a heap of more words may take more than a turn.
const LONG_WORDS: usize = 1 << 16;

struct ProcessRoots<'r> {
    own: &'r mut ProcState,
    live: &'r mut [RawTerm],
    more: &'r mut [RawTerm],
    /// Whose tracer is told, and the words that are needed.
    told: Option<(&'r Process, usize)>,
}

impl<'r> ProcessRoots<'r> {
    fn new(own: &'r mut ProcState, live: &'r mut [RawTerm]) -> ProcessRoots<'r> {
        ProcessRoots { own, live, more: &mut [], told: None }
    }
}

impl RootSet for ProcessRoots<'_> {
    fn each_root(&mut self, visit: &mut dyn FnMut(&mut [RawTerm])) {
        visit(self.live);
        visit(self.more);
        self.own.each_root(visit);
    }
    fn major_follows(&mut self, heap: &Heap, reclaimed_words: usize) {
        if let Some((process, need_words)) = self.told {
            of_processes::collection(process, heap, END[0], Some(reclaimed_words));
            of_processes::collection(process, heap, START[1], Some(need_words));
        }
    }
}

/// Collects, so that `need_words` are free. `live` are the live X registers, `more` any further
/// roots of the caller. Gives the cost in reductions.
///
/// A heap that outgrows its `max_heap_size` with `kill` set gets `killed` as its exit reason,
/// which the caller looks at.
///
/// # Safety
/// The heap's `top` and `stop` are current, and `live` and `more` show every term that is used
/// afterwards and is neither on the stack nor in the process's state.
pub unsafe fn collect(
    owned: &mut Owned,
    kind: GcKind,
    need_words: usize,
    live: &mut [RawTerm],
    more: &mut [RawTerm],
) -> usize {
    let started_ns = monotonic_ns();
    if owned.heap.used_words() + owned.heap.old_used_words() > LONG_WORDS {
        crate::scheduler::long_work_ahead();
    }
    let traced = traced(owned);
    let major_is_due = owned.heap.major_is_due(kind);
    let told = traced.as_deref().map(|process| (process, need_words));
    if let Some((process, words)) = told {
        let start = START[usize::from(major_is_due)];
        of_processes::collection(process, &owned.heap, start, Some(words));
    }
    let Owned { heap, own } = owned;
    own.mailbox.attach_looked_at(&mut own.looks, heap);
    let report = {
        let mut roots = ProcessRoots { own, live, more, told };
        // SAFETY: by contract.
        unsafe { heap.collect(Collection { kind, need_words, roots: &mut roots }) }
    };
    let killed = !report.only_grown && outgrows_max_heap(owned, traced.as_deref());
    if let Some((process, _)) = told.filter(|_| !killed) {
        let end = END[usize::from(report.major)];
        of_processes::collection(process, &owned.heap, end, Some(report.reclaimed_words));
    }
    if report.only_grown {
        return 0;
    }
    owned.own.flags.collects_long = report.moved_words >= LONG_MOVE_WORDS;
    count(report);
    let took_ns = monotonic_ns() - started_ns;
    crate::scheduler::count_collection(took_ns);
    if let Some(settings) = system_monitor::SETTING.get() {
        system_monitor::after_collection(settings, owned, took_ns);
    }
    report.moved_words / 10 + 1
}

/// What minor and major collections are called in what tracers are told.
const START: [&str; 2] = ["gc_minor_start", "gc_major_start"];
const END: [&str; 2] = ["gc_minor_end", "gc_major_end"];

/// The process, if its collections are traced.
fn traced(owned: &Owned) -> Option<Arc<Process>> {
    // Few processes are traced; only these are looked up.
    if !trace::any() || owned.own.flags.sensitive || owned.own.exit_reason.is_some() {
        return None;
    }
    table::find(owned.own.pid).filter(|process| process.trace_flags() & flags::COLLECTIONS != 0)
}

/// A collection that moves that many words takes about a millisecond.
const LONG_MOVE_WORDS: usize = 1 << 17;

/// Young words of which nobody knows how many live: moving them all would be too long.
const MANY_YOUNG_WORDS: usize = 1 << 20;

/// Whether a collection of the process is better done by a dirty scheduler than by the one that runs it:
/// it was long the last time, or may be.
pub fn is_long(owned: &Owned) -> bool {
    let Owned { heap, own } = owned;
    // A large message is a fragment.
    let young_words = heap.young_words() + heap.fragment_words();
    own.gc_disabled == 0 && (own.flags.collects_long || young_words >= MANY_YOUNG_WORDS)
}

/// Whether such a collection of a process between two turns is due.
pub fn is_due_aside(owned: &Owned) -> bool {
    let waits = owned.own.rare.as_ref().is_some_and(|rare| rare.room_words > 0);
    (waits || owned.heap.wants_collection()) && is_long(owned)
}

/// Collects the heap of a process between two turns, for a task; see [`collect`].
pub fn collect_between_turns(owned: &mut Owned, kind: GcKind) {
    if fits_aside(owned) {
        owned.own.rare_mut().fits_heap = false;
        // SAFETY: as below.
        return unsafe { collect_to_fit(owned, &mut []) };
    }
    let need_words = owned.own.rare.as_mut().map_or(0, |rare| std::mem::take(&mut rare.room_words));
    // SAFETY: between two turns the process's state shows all its registers.
    unsafe { collect(owned, kind, need_words, &mut [], &mut []) };
}

/// Whether a process between two turns refers to the area that is being purged.
pub(crate) fn refers_to(owned: &mut Owned, purged: Purged) -> bool {
    let Owned { heap, own } = owned;
    let mut roots = ProcessRoots::new(own, &mut []);
    // SAFETY: between two turns the process's state shows all its registers.
    unsafe { heap.refers_to(purged, &mut roots) }
}

/// Copies what a process between two turns uses of the area that is being purged; a major
/// collection must follow.
pub(crate) fn copy_literals(owned: &mut Owned, purged: Purged) {
    let Owned { heap, own } = owned;
    let mut roots = ProcessRoots::new(own, &mut []);
    // SAFETY: as in `refers_to`.
    unsafe { heap.copy_literals(purged, &mut roots) }
}

/// Has the heap of a process that is about to hibernate collected as soon as it waits, by a dirty
/// scheduler, if that is long: else [`collect_to_fit`] is for here and now.
pub fn fit_aside(owned: &mut Owned) -> bool {
    let heap = &owned.heap;
    let words = heap.used_words() + heap.old_used_words() + heap.fragment_words();
    let long = words >= LONG_MOVE_WORDS;
    if long {
        owned.own.rare_mut().fits_heap = true;
    }
    long
}

/// Whether [`fit_aside`] has asked for that.
pub fn fits_aside(owned: &Owned) -> bool {
    owned.own.rare.as_ref().is_some_and(|rare| rare.fits_heap)
}

/// A major collection that leaves no free room, for a process that will sleep for long. As on stock, no
/// tracer is told.
///
/// # Safety
/// As for [`collect`], without `more`.
pub unsafe fn collect_to_fit(owned: &mut Owned, live: &mut [RawTerm]) {
    let Owned { heap, own } = owned;
    own.mailbox.attach_looked_at(&mut own.looks, heap);
    let mut roots = ProcessRoots::new(own, live);
    let ask = Collection { kind: GcKind::Major, need_words: 0, roots: &mut roots };
    // SAFETY: by contract.
    let report = unsafe {
        let report = heap.collect(ask);
        heap.fit(&mut roots);
        report
    };
    count(report);
}

fn count(report: GcReport) {
    COLLECTIONS.inc();
    RECLAIMED_WORDS.add(report.reclaimed_words as u64);
}

/// See [`collect`]; `true`: the process ends by it.
fn outgrows_max_heap(owned: &mut Owned, traced: Option<&Process>) -> bool {
    let max = owned.own.max_heap;
    if max.size_words == 0 {
        return false;
    }
    let heap = &owned.heap;
    // Queued messages count as parts of the heap, unless they are asked to be off it.
    let on_heap = !owned.own.flags.message_queue_off_heap;
    let queued_words = if on_heap { owned.own.mailbox.unattached_words() } else { 0 };
    let own_words = heap.block_words() + heap.old_block_words() + heap.fragment_words();
    let total_words = own_words + queued_words;
    if total_words <= max.size_words || owned.own.exit_reason.is_some() {
        return false;
    }
    if let Some(process) = traced {
        of_processes::collection(process, heap, "gc_max_heap_size", None);
    }
    if max.error_logger {
        report::max_heap(owned, total_words);
    }
    if max.kill {
        owned.own.exit_reason = Some(OwnedTerm::immediate(RawTerm::atom(am::killed)));
    }
    max.kill
}
