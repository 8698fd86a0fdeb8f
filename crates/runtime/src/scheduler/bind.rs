//! Scheduler threads bound to logical processors (`+sbt`).
//!
//! A thread binds itself: at its start, and in an errand when the type changes. Schedulers for
//! which there is no processor left stay unbound.

use super::{Schedulers, on_each, schedulers};
use oxbeam_sys::cpu::{self, Place};

/// In which order processors are given to schedulers. Memory nodes are not told apart, so the
/// types that differ in them only are the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BindType {
    Unbound,
    NoSpread,
    ThreadSpread,
    ProcessorSpread,
    Spread,
    NoNodeThreadSpread,
    NoNodeProcessorSpread,
    ThreadNoNodeProcessorSpread,
}

use BindType::*;

/// Each type with its name and what `+sbt` calls it.
const TYPES: [(BindType, &str, &str); 8] = [
    (Unbound, "unbound", "u"),
    (NoSpread, "no_spread", "ns"),
    (ThreadSpread, "thread_spread", "ts"),
    (ProcessorSpread, "processor_spread", "ps"),
    (Spread, "spread", "s"),
    (NoNodeThreadSpread, "no_node_thread_spread", "nnts"),
    (NoNodeProcessorSpread, "no_node_processor_spread", "nnps"),
    (ThreadNoNodeProcessorSpread, "thread_no_node_processor_spread", "tnnps"),
];

impl BindType {
    /// The type of that name, or of that letter of `+sbt`.
    pub fn named(name: &str) -> Option<BindType> {
        if matches!(name, "default_bind" | "db") {
            return Some(ThreadNoNodeProcessorSpread);
        }
        let found = TYPES.iter().find(|(_, long, short)| name == *long || name == *short);
        found.map(|found| found.0)
    }

    pub fn name(self) -> &'static str {
        TYPES[self as usize].1
    }

    /// Logical processors in the order in which schedulers get them.
    fn order(self, places: &[Place]) -> Vec<usize> {
        let mut order: Vec<(Rank, usize)> =
            ranks(places).into_iter().map(|rank| (rank, rank.logical)).collect();
        order.sort_by_key(|(rank, _)| {
            let Rank { package, core, thread, .. } = *rank;
            match self {
                Unbound | NoSpread => [package, core, thread],
                ThreadSpread | NoNodeThreadSpread => [thread, package, core],
                ProcessorSpread | NoNodeProcessorSpread => [core, thread, package],
                Spread | ThreadNoNodeProcessorSpread => [thread, core, package],
            }
        });
        if self == Unbound { vec![] } else { order.into_iter().map(|place| place.1).collect() }
    }
}

/// A processor by its rank within what it is part of.
#[derive(Clone, Copy)]
struct Rank {
    package: usize,
    core: usize,
    thread: usize,
    logical: usize,
}

fn ranks(places: &[Place]) -> Vec<Rank> {
    let mut all = vec![];
    for package in places.chunk_by(|a, b| a.package == b.package) {
        for (core, threads) in package.chunk_by(|a, b| a.core == b.core).enumerate() {
            let rank = |(thread, place): (usize, &Place)| Rank {
                package: place.package,
                core,
                thread,
                logical: place.logical,
            };
            all.extend(threads.iter().enumerate().map(rank));
        }
    }
    all
}

/// Sets how schedulers are bound; gives the former type. Running schedulers follow soon.
pub fn set_type(bind: BindType) -> BindType {
    let this = schedulers();
    let places: Vec<Place> =
        cpu::topology().into_iter().filter(|place| cpu::is_available(place.logical)).collect();
    let mut processors = bind.order(&places).into_iter();
    for scheduler in &this.all {
        scheduler.processor.set(processors.next().map_or(0, |logical| logical + 1));
    }
    let old = this.bind_type.xchg_mb(bind as u32);
    if this.threads.read_acqb() > 0 {
        on_each(|| apply(schedulers(), super::current_index().expect("an errand of a scheduler")));
    }
    TYPES[old as usize].0
}

/// How schedulers are bound.
pub fn bind_type() -> BindType {
    TYPES[schedulers().bind_type.read() as usize].0
}

/// The logical processor of each scheduler that is bound.
pub fn bindings() -> Vec<Option<usize>> {
    let bound = |number: usize| number.checked_sub(1);
    schedulers().all.iter().map(|scheduler| bound(scheduler.bound_now.read())).collect()
}

/// Binds the calling thread, that of the scheduler, to what is set.
pub(super) fn apply(this: &Schedulers, index: usize) {
    let scheduler = &this.all[index];
    let wanted = scheduler.processor.read();
    if wanted != scheduler.bound_now.read() && cpu::bind_thread(wanted.checked_sub(1)) {
        scheduler.bound_now.set(wanted);
    }
}

#[cfg(all(test, not(oxbeam_model)))]
mod tests {
    use super::*;

    /// Two packages of two cores of two threads.
    fn places() -> Vec<Place> {
        let place = |logical: usize| Place { package: logical / 4, core: logical / 2 % 2, logical };
        (0..8).map(place).collect()
    }

    #[test]
    fn orders_of_processors() {
        let order = |name| BindType::named(name).unwrap().order(&places());
        assert_eq!(order("u"), []);
        assert_eq!(order("no_spread"), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(order("ts"), [0, 2, 4, 6, 1, 3, 5, 7]);
        assert_eq!(order("ps"), [0, 4, 1, 5, 2, 6, 3, 7]);
        assert_eq!(order("spread"), [0, 4, 2, 6, 1, 5, 3, 7]);
        assert_eq!(order("db"), order("spread"));
        assert!(BindType::named("x").is_none());
    }

    #[test]
    fn types_stand_where_their_numbers_say() {
        assert!(TYPES.iter().enumerate().all(|(at, (bind, name, _))| {
            *bind as usize == at && bind.name() == *name && BindType::named(name) == Some(*bind)
        }));
    }
}
