//! All ports, by number.

use super::driver::{Driver, NoBytes};
use super::{Inner, Port, PortNumber, Presentation, Status};
use oxbeam_heap::OwnedTerm;
use oxbeam_runtime::process::PidData;
use oxbeam_runtime::system;
use oxbeam_term::{RawTerm, am};
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

static PORTS: RwLock<BTreeMap<PortNumber, Arc<Port>>> = RwLock::new(BTreeMap::new());
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Numbers begin anew after so many.
const NUMBER_MASK: PortNumber = (1 << 28) - 1;

/// Number of ports there are.
pub fn count() -> usize {
    PORTS.read().len()
}

/// The number of a new port. None when there are as many as may be.
pub(super) fn reserve() -> Option<PortNumber> {
    (count() < system::get().port_limit).then(|| {
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed) & NUMBER_MASK;
            if !PORTS.read().contains_key(&number) {
                return number;
            }
        }
    })
}

/// The number that the next port gets.
pub fn next_port() -> u64 {
    NEXT.load(Ordering::Relaxed) & NUMBER_MASK
}

/// Sets that, and gives it; for tests.
pub fn set_next_port(number: u64) -> u64 {
    NEXT.store(number & NUMBER_MASK, Ordering::Relaxed);
    next_port()
}

/// The port of a number.
pub fn find(number: PortNumber) -> Option<Arc<Port>> {
    PORTS.read().get(&number).cloned()
}

/// All ports, in the order they were opened.
pub fn all() -> Vec<Arc<Port>> {
    PORTS.read().values().cloned().collect()
}

pub(super) fn remove(number: PortNumber) {
    PORTS.write().remove(&number);
}

/// What a new port starts with.
pub(super) struct NewPort {
    pub number: PortNumber,
    pub name: Vec<u8>,
    pub owner: PidData,
    pub presentation: Presentation,
    pub parallelism: bool,
    pub opener: Option<(PidData, [u32; 3])>,
}

/// Puts a new port into the table, linked to its owner.
pub(super) fn insert(new: NewPort, linked: bool, driver: Box<dyn Driver>) -> Arc<Port> {
    let inner = Inner {
        status: Status::Open,
        owner: new.owner,
        links: if linked { BTreeSet::from([new.owner]) } else { BTreeSet::new() },
        monitors: BTreeMap::new(),
        data: OwnedTerm::immediate(RawTerm::atom(am::undefined)),
        presentation: new.presentation,
        parallelism: new.parallelism,
        partial_line: Vec::new(),
        input_bytes: 0,
        output_bytes: 0,
        os_pid: None,
        opener: new.opener,
        suspended: Vec::new(),
        driver,
    };
    let port = Arc::new(Port { number: new.number, name: new.name, inner: Mutex::new(inner) });
    PORTS.write().insert(new.number, port.clone());
    port
}

/// Makes port 0, which stands for the starter of programs and belongs to the
/// first process. Once, at boot, before any other port.
pub(super) fn insert_forker() {
    let new = NewPort {
        number: reserve().expect("room for the first port"),
        name: b"forker".to_vec(),
        owner: 0,
        presentation: Presentation::default(),
        parallelism: false,
        opener: None,
    };
    insert(new, false, Box::new(NoBytes));
}
