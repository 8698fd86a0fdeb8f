//! Scheduler threads bound to logical processors (`+sbt`).
//!
//! A thread binds itself: at its start, and in an errand when the type changes. Schedulers for
//! which there is no processor left stay unbound.

use super::topology::{self, Rank};
use super::{Schedulers, on_each, schedulers};
use oxbeam_sys::cpu::{self, Cpu};

/// In which order processors are given to schedulers.
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
    pub fn order(self, all: &[Cpu]) -> Vec<i32> {
        let nodes_hold = !matches!(
            self,
            NoNodeThreadSpread | NoNodeProcessorSpread | ThreadNoNodeProcessorSpread
        );
        let mut order = topology::ranks(all, nodes_hold);
        order.sort_by_key(|rank| {
            let Rank { node, processor, part, core, thread, .. } = *rank;
            match self {
                Unbound | NoSpread => [node, processor, part, core, thread],
                ThreadSpread => [thread, node, processor, part, core],
                ProcessorSpread => [thread, part, core, node, processor],
                Spread => [thread, core, part, processor, node],
                NoNodeThreadSpread => [node, thread, processor, core, 0],
                NoNodeProcessorSpread => [node, thread, core, processor, 0],
                ThreadNoNodeProcessorSpread => [thread, node, core, processor, 0],
            }
        });
        if self == Unbound { vec![] } else { order.iter().map(|rank| rank.logical).collect() }
    }
}

/// Sets how schedulers are bound; gives the former type. Running schedulers follow soon.
pub fn set_type(bind: BindType) -> BindType {
    let old = schedulers().bind_type.xchg_mb(bind as u32);
    bind_anew();
    TYPES[old as usize].0
}

/// Gives processors to schedulers anew: the topology has changed, or the type.
pub fn bind_anew() {
    let this = schedulers();
    let order = bind_type().order(&topology::used());
    let logical = order.into_iter().filter_map(|logical| usize::try_from(logical).ok());
    let mut processors = logical.filter(|&logical| cpu::is_available(logical));
    for scheduler in &this.all {
        scheduler.processor.set(processors.next().map_or(0, |logical| logical + 1));
    }
    if this.threads.read_acqb() > 0 {
        on_each(|| apply(schedulers(), super::current_index().expect("an errand of a scheduler")));
    }
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

    /// Processors of two memory nodes, one of which holds two of them, and the other two parts of one.
    const TEXT: &[u8] = b"L0-3t0-1,0-1c0,0,1,1p0n0:L4-7t0-1,0-1c0,0,1,1p1n0:\
        L8-11t0-1,0-1c0,0,1,1n1p2:L12-15t0-1,0-1c2,2,3,3n2p2";

    #[test]
    fn orders_of_processors() {
        let all = topology::read(TEXT).unwrap();
        let order = |name| BindType::named(name).unwrap().order(&all);
        assert_eq!(order("u"), []);
        assert_eq!(order("no_spread"), (0..16).collect::<Vec<_>>());
        assert_eq!(order("ts"), [0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15]);
        assert_eq!(order("ps"), [0, 4, 8, 2, 6, 10, 12, 14, 1, 5, 9, 3, 7, 11, 13, 15]);
        assert_eq!(order("spread"), [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15]);
        assert_eq!(order("nnts"), [0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15]);
        assert_eq!(order("nnps"), [0, 4, 2, 6, 1, 5, 3, 7, 8, 10, 9, 11, 12, 14, 13, 15]);
        assert_eq!(order("tnnps"), [0, 4, 2, 6, 8, 10, 12, 14, 1, 5, 3, 7, 9, 11, 13, 15]);
        assert_eq!(order("db"), order("tnnps"));
        assert!(BindType::named("x").is_none());
    }

    #[test]
    fn types_stand_where_their_numbers_say() {
        assert!(TYPES.iter().enumerate().all(|(at, (bind, name, _))| {
            *bind as usize == at && bind.name() == *name && BindType::named(name) == Some(*bind)
        }));
    }
}
