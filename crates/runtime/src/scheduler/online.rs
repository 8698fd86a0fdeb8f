//! How many schedulers run processes: `schedulers_online`, and the blocking of multi-scheduling.
//!
//! 1. Schedulers from the limit on take no process; what is in their queues goes to the others.
//!    Who blocks all stops the dirty schedulers as well: `dirty` says how they still get their turns.
//! 2. A change takes effect when those above the limit have ended their turns: [`settled`] says
//!    when that is so.

use super::{Schedulers, schedulers, wake_one};
use crate::locks;
use crate::process::PidData;
use crate::progress::Managed;
use crate::{dirty, timer};
use oxbeam_ethread::lock::{Mutex, MutexGuard};
use oxbeam_sys::clock::monotonic_ns;
use std::collections::BTreeMap;
use std::time::Duration;

/// Which schedulers a process keeps from running.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Block {
    /// All but one.
    All,
    /// All normal ones but one.
    Normal,
}

/// Blocking processes, and how often each has blocked.
#[derive(Default)]
pub(super) struct Blockers {
    all: BTreeMap<PidData, u32>,
    normal: BTreeMap<PidData, u32>,
}

impl Blockers {
    fn of(&mut self, block: Block) -> &mut BTreeMap<PidData, u32> {
        match block {
            Block::All => &mut self.all,
            Block::Normal => &mut self.normal,
        }
    }
}

impl Schedulers {
    /// Schedulers below this one run processes.
    pub(super) fn limit(&self) -> usize {
        self.limit.read_acqb()
    }
}

/// Schedulers that are online.
pub fn online() -> usize {
    schedulers().online.read_acqb()
}

/// Schedulers that may run processes now.
pub fn active() -> usize {
    schedulers().limit()
}

/// Sets how many are online; gives the former number.
pub fn set_online(count: usize) -> usize {
    let this = schedulers();
    let blockers = this.blockers.lock();
    let old = this.online.xchg_mb(count);
    set_limit(this, &blockers);
    old
}

fn set_limit(this: &Schedulers, blockers: &Mutexed<'_>) {
    let blocked = !blockers.all.is_empty() || !blockers.normal.is_empty();
    let limit = if blocked { 1 } else { this.online.read_acqb() };
    this.limit.set_relb(limit);
    dirty::set_blocked(!blockers.all.is_empty());
    this.all.iter().for_each(|scheduler| scheduler.wake_up.set());
}

type Mutexed<'m> = MutexGuard<'m, Blockers, locks::Blockers>;

/// A process blocks once more.
pub fn block(pid: PidData, block: Block) {
    let this = schedulers();
    let mut blockers = this.blockers.lock();
    this.has_blocked.set(1);
    *blockers.of(block).entry(pid).or_default() += 1;
    set_limit(this, &blockers);
}

/// A process takes one block back; nothing if it has none.
pub fn unblock(pid: PidData, block: Block) {
    let this = schedulers();
    let mut blockers = this.blockers.lock();
    if let Some(count) = blockers.of(block).get_mut(&pid) {
        *count -= 1;
        if *count == 0 {
            blockers.of(block).remove(&pid);
        }
        set_limit(this, &blockers);
    }
}

/// Processes that block.
pub fn blockers(block: Block) -> Vec<PidData> {
    schedulers().blockers.lock().of(block).keys().copied().collect()
}

/// A process has ended: its blocks go with it.
pub(crate) fn process_ended(pid: PidData) {
    let Some(this) = super::SCHEDULERS.get() else { return };
    if this.has_blocked.read() == 0 {
        return;
    }
    let mut blockers = this.blockers.lock();
    let all = blockers.all.remove(&pid).is_some();
    if blockers.normal.remove(&pid).is_some() || all {
        set_limit(this, &blockers);
    }
}

/// Whether no scheduler above the limit runs a process any more, and no dirty one that may not.
pub fn settled() -> bool {
    let this = schedulers();
    let wanted = (this.limit()..this.all.len()).fold(0, |mask, index| mask | 1u64 << index);
    this.offline.read_acqb() & wanted == wanted && dirty::settled()
}

/// The calling scheduler, which is above the limit, sleeps until that changes or it has errands.
pub(super) fn stay_away(this: &Schedulers, index: usize, managed: &Managed) {
    // Who puts a process into its queue after this sees that, and wakes another.
    this.offline.read_bor_mb(1 << index);
    // What it leaves in its queue is for the others.
    while let Some(process) = this.all[index].queue.pop() {
        super::enqueue(process);
    }
    wake_one(this, 0);
    if managed.wait() {
        super::worker::sleep(&this.all[index], Duration::ZERO, None);
        managed.go_on();
    }
    this.offline.read_band_acqb(!(1 << index));
}

/// The calling scheduler, the only one, sleeps while a dirty one has a turn, until that ends, a timer
/// is due or it has errands.
pub(super) fn let_pools_work(this: &Schedulers, index: usize, managed: &Managed) {
    let wait_ns = timer::next_deadline_ns().saturating_sub(monotonic_ns());
    if wait_ns > 0 && managed.wait() {
        let timeout = Duration::from_nanos(wait_ns as u64);
        super::worker::sleep(&this.all[index], Duration::ZERO, Some(timeout));
        managed.go_on();
    }
}

pub(super) fn new_blockers() -> Mutex<Blockers, locks::Blockers> {
    Mutex::new(Blockers::default())
}
