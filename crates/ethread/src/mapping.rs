//! How each instruction set gives what [`required`] asks for.
//!
//! A [`Plan`] is a free-standing barrier, an access with an `Ordering`, and another barrier.
//! All mappings are compiled everywhere, so that the model can run each; only that of the
//! target is used.
//!
//! x86-64: loads stay in order, stores stay in order, and no store passes an earlier load; a
//! locked instruction is a full barrier. So only "store before load" costs anything: a store
//! pays by being an `xchg`, a load by a locked instruction on the stack before it.
//!
//! aarch64: `ldar` and `stlr` where an acquiring load or a releasing store is enough, `dmb
//! ishld` and `dmb ishst` for loads alone and stores alone, `dmb ish` for the rest.

use crate::barrier::{Access, Barrier, Orders, required};
use std::sync::atomic::Ordering;

/// An operation with its barriers, as instructions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plan {
    pub before: Orders,
    pub ordering: Ordering,
    pub after: Orders,
}

impl Plan {
    const fn plain(ordering: Ordering) -> Plan {
        Plan { before: Orders::NONE, ordering, after: Orders::NONE }
    }
}

/// The plan on the target that this is compiled for.
pub const fn plan(access: Access, barrier: Barrier) -> Plan {
    if cfg!(any(oxbeam_model, miri)) {
        portable(access, barrier)
    } else if cfg!(target_arch = "x86_64") {
        x86_64(access, barrier)
    } else if cfg!(target_arch = "aarch64") {
        aarch64(access, barrier)
    } else {
        portable(access, barrier)
    }
}

/// As little as the language has: an acquiring load and a releasing store order this one access, a
/// relaxed access between two fences all else.
pub const fn portable(access: Access, barrier: Barrier) -> Plan {
    let (before, after) = required(access, barrier);
    let after = match (access, barrier) {
        (Access::Read, Barrier::Acqb) => return Plan::plain(Ordering::Acquire),
        (Access::Set, Barrier::Relb) => return Plan::plain(Ordering::Release),
        // The language knows no order by dependency that is weaker than acquisition.
        (_, Barrier::Ddrb) => Orders::LOAD_LOAD,
        _ => after,
    };
    Plan { before, ordering: Ordering::Relaxed, after }
}

/// The ordering that keeps the compiler in line where the machine needs no word.
const fn language_ordering(access: Access, barrier: Barrier) -> Ordering {
    match (barrier, access) {
        (Barrier::None, _) => Ordering::Relaxed,
        (Barrier::Acqb | Barrier::Rb | Barrier::Ddrb | Barrier::Mb, Access::Read) => {
            Ordering::Acquire
        }
        (Barrier::Relb | Barrier::Wb, Access::Read) => Ordering::Relaxed,
        (Barrier::Relb | Barrier::Wb | Barrier::Mb, Access::Set) => Ordering::Release,
        (_, Access::Set) => Ordering::Relaxed,
        (Barrier::Relb | Barrier::Wb, _) => Ordering::Release,
        (Barrier::Acqb | Barrier::Rb | Barrier::Ddrb, _) => Ordering::Acquire,
        (Barrier::Mb, _) => Ordering::SeqCst,
    }
}

pub const fn x86_64(access: Access, barrier: Barrier) -> Plan {
    let (before, after) = required(access, barrier);
    let ordering = language_ordering(access, barrier);
    match access {
        Access::Modify | Access::Exchange => Plan::plain(ordering),
        // A sequentially consistent store is an `xchg`.
        Access::Set if after.contains(Orders::STORE_LOAD) => Plan::plain(Ordering::SeqCst),
        Access::Set => Plan { before: Orders::NONE, ordering, after },
        Access::Read => Plan { before, ordering, after: Orders::NONE },
    }
}

pub const fn aarch64(access: Access, barrier: Barrier) -> Plan {
    let (before, after) = required(access, barrier);
    let ordering = language_ordering(access, barrier);
    match (access, barrier) {
        // The hardware keeps dependent loads in order by itself.
        (_, Barrier::Ddrb) => Plan::plain(Ordering::Relaxed),
        (Access::Read, _) => Plan { before, ordering, after: Orders::NONE },
        (Access::Set, _) => Plan { before: Orders::NONE, ordering, after },
        // Nothing stores between its load and its store, so keeping the store behind what came
        // before keeps the load there too. A failing exchange has no store to keep.
        (Access::Modify, Barrier::Mb) => {
            Plan { before: Orders::NONE, ordering: Ordering::Release, after }
        }
        (Access::Exchange, Barrier::Mb) => Plan { before, ordering: Ordering::Relaxed, after },
        _ => Plan::plain(ordering),
    }
}

/// The ordering of an exchange that fails, which only loads.
pub const fn of_failure(ordering: Ordering) -> Ordering {
    match ordering {
        Ordering::Release => Ordering::Relaxed,
        Ordering::AcqRel => Ordering::Acquire,
        other => other,
    }
}
