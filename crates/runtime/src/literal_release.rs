//! Giving literal areas back: those of purged modules, and of persistent terms that were replaced.
//!
//! 1. Areas wait in a queue; `erts_literal_area_collector` is told when there are some. It takes
//!    all that there are as one batch ("the area" in what follows).
//! 2. The area is published as what is being purged. After thread progress every copy for another
//!    process copies what lies in it. (What was copied before has been handed over by then: a
//!    managed thread copies and hands over between two quiescent points, and other threads share
//!    no literals at all.) So whoever has no pointer into the area gets none any more.
//! 3. Then each process is asked to copy what it still uses: first its messages, which came in
//!    order before the request; then, if its heap refers to the area, the rest, at most two
//!    processes at once. A process whose collections are off answers when they are on again.
//! 4. A process that ends answers at once. Its end runs under a [`progress::ProgressGuard`], so
//!    the area is there until it is done. Its native may still run on a dirty scheduler: each of
//!    these holds a [`Hold`], and an area waits for all that were taken before it was done with.
//! 5. When all have answered, the next area is published, and the first one given back after the
//!    thread progress that follows, when no hold is in its way.
//! 6. Terms that wait outside any process (of tables, timers, monitors' tags, ports) are whole
//!    copies without literals.

use crate::native::Cx;
use crate::process::{Owned, PidData, Process};
use crate::signal::{send_message, send_to_pid};
use crate::task::Task;
use crate::{dirty, gc, progress};
use oxbeam_heap::literal::{Area, PurgeBatch, Purged};
use oxbeam_heap::{GcKind, OwnedTerm};
use oxbeam_term::{Atom, RawTerm, Term, am};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

struct Areas {
    queue: Vec<Area>,
    /// What is being purged.
    current: Option<PurgeBatch>,
}

/// What a message counts as in the words of a request.
const MESSAGE_WORDS: usize = 64;

/// Areas of more words are freed by an errand.
const LARGE_WORDS: usize = 4 << 10;

static AREAS: Mutex<Areas> = Mutex::new(Areas { queue: vec![], current: None });

struct Holds {
    /// Areas that were done with so far.
    generation: u64,
    /// Holds by the generation they were taken in.
    taken: BTreeMap<u64, usize>,
    /// Areas that wait for holds of their generation or before.
    waiting: Vec<(u64, PurgeBatch)>,
}

static HOLDS: Mutex<Holds> =
    Mutex::new(Holds { generation: 0, taken: BTreeMap::new(), waiting: vec![] });

/// Keeps all areas in place that are there when it is taken (rule 4).
pub struct Hold {
    generation: u64,
}

impl Hold {
    /// A hold on all areas that are there now.
    pub fn take() -> Hold {
        let mut holds = HOLDS.lock();
        let generation = holds.generation;
        *holds.taken.entry(generation).or_default() += 1;
        Hold { generation }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut holds = HOLDS.lock();
        if let Some(count) = holds.taken.get_mut(&self.generation) {
            *count -= 1;
            if *count == 0 {
                holds.taken.remove(&self.generation);
            }
        }
        let free = holds.give_back();
        drop(holds);
        drop_areas(free);
    }
}

impl Holds {
    /// The areas that nothing holds any more, to be dropped.
    fn give_back(&mut self) -> Vec<PurgeBatch> {
        let first = self.taken.first_key_value().map_or(u64::MAX, |(generation, _)| *generation);
        let (free, held) = std::mem::take(&mut self.waiting).into_iter().partition(|a| a.0 < first);
        self.waiting = held;
        let free: Vec<(u64, PurgeBatch)> = free;
        free.into_iter().map(|(_, area)| area).collect()
    }
}

/// All processes have answered, and thread progress has passed: nothing but holds is in the way.
fn done_with(area: PurgeBatch) {
    let mut holds = HOLDS.lock();
    let generation = holds.generation;
    holds.waiting.push((generation, area));
    holds.generation += 1;
    let free = holds.give_back();
    drop(holds);
    drop_areas(free);
}

/// Frees areas, large ones by an errand: they may hold references to many binaries.
fn drop_areas(areas: Vec<PurgeBatch>) {
    if areas.iter().map(PurgeBatch::words).sum::<usize>() > LARGE_WORDS {
        dirty::run_errand(move || drop(areas));
    }
}

static COLLECTOR: OnceLock<Arc<Process>> = OnceLock::new();

/// Says which process collects; at boot.
pub(crate) fn set_collector(process: Arc<Process>) {
    COLLECTOR.set(process).ok();
}

/// Whether that process collects.
pub fn is_collector(process: &Process) -> bool {
    COLLECTOR.get().is_some_and(|collector| collector.pid == process.pid)
}

/// Queues an area that nothing new refers to, to be given back (rule 1).
pub fn queue(area: Area) {
    if area.words() == 0 {
        return;
    }
    let mut areas = AREAS.lock();
    areas.queue.push(area);
    // Told of the first, it takes all that have come by then.
    let first = areas.queue.len() == 1;
    drop(areas);
    if first && let Some(collector) = COLLECTOR.get() {
        send_message(collector, OwnedTerm::immediate(RawTerm::atom(am::copy_literals)));
    }
}

/// What the collector does next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Switch {
    /// It is suspended; then it asks all processes about the new area.
    NextArea,
    /// It is suspended until the last area is given back; then it asks again.
    LastArea,
    /// There is nothing to do.
    Nothing,
}

/// All processes have answered: gives the area back (rule 5) and publishes the next one.
pub fn switch(cx: &mut Cx<'_>) -> Switch {
    let mut areas = AREAS.lock();
    let done = areas.current.take();
    let next = PurgeBatch::new(std::mem::take(&mut areas.queue));
    areas.current = (!next.is_empty()).then_some(next);
    match &areas.current {
        Some(next) => next.publish(),
        None => PurgeBatch::publish_none(),
    }
    let switch = match (&done, &areas.current) {
        (_, Some(_)) => Switch::NextArea,
        (Some(_), None) => Switch::LastArea,
        (None, None) => return Switch::Nothing,
    };
    drop(areas);
    progress::suspend(cx, move || done.into_iter().for_each(done_with));
    switch
}

/// A request to copy literals; the answer is `{copy_literals, Id, ok | need_gc}`.
pub struct CopyRequest {
    pub from: PidData,
    pub id: OwnedTerm,
    /// Copy at once what the heap refers to; else only say that it does.
    pub collect: bool,
}

impl CopyRequest {
    fn answer(&self, result: Atom) {
        let answer = OwnedTerm::build(|heap| {
            heap.tuple(&[Term::atom(am::copy_literals), self.id.copy_to(heap), Term::atom(result)])
        });
        send_to_pid(self.from, answer);
    }
}

impl Task for CopyRequest {
    fn run(self: Box<Self>, _: &Arc<Process>, owned: &mut Owned) {
        let purged = Purged::now();
        let Owned { heap, own } = &mut *owned;
        own.mailbox.attach_looked_at(&mut own.looks, heap);
        owned.own.mailbox.copy_literals(purged);
        if !gc::refers_to(owned, purged) {
            return self.answer(am::ok);
        }
        if !self.collect {
            return self.answer(am::need_gc);
        }
        gc::copy_literals(owned, purged);
        // SAFETY: the process is between two turns: its state shows all its registers.
        unsafe { gc::collect(owned, GcKind::Major, 0, &mut [], &mut []) };
        debug_assert!(!gc::refers_to(owned, purged));
        self.answer(am::ok);
    }
    fn dead(self: Box<Self>) {
        self.answer(am::ok);
    }
    fn moves_terms(&self) -> bool {
        true
    }
    fn may_run_elsewhere(&self) -> bool {
        !self.collect
    }
    fn words(&self, of: &Owned) -> usize {
        let words = of.heap.all_words() + of.own.mailbox.len() * MESSAGE_WORDS;
        // A collection moves what it looks at.
        if self.collect { 2 * words } else { words }
    }
}
