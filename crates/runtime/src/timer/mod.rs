//! Timers: receive timeouts and those of `start_timer`, `send_after` and the like.
//!
//! 1. Each scheduler has a shard with a timing [`wheel`]; a timer lives in the shard of the
//!    thread that sets it. Every scheduler looks at all shards' next deadlines between turns and
//!    fires what is due, so a busy thread delays nothing.
//! 2. A timer fires at the first look after its deadline, never before.
//!    One thread at a time fires a shard's timers, so they fire in the order of their deadlines.
//! 3. What fires is removed from its shard under the shard's lock; whoever removes it (the one
//!    that fires it or the one that cancels it) has it alone.
//! 4. A process has a list of the timers that are to send to its pid, each at a [`place`](Event);
//!    whoever has removed a timer frees its place. When the process ends, its timers go, and from
//!    then on none is set. A timer that sends to a name stays, whoever has that name.

mod list;
mod wheel;

use crate::locks;
use crate::process::{PidData, Process, table};
use crate::reference::RefNumbers;
use crate::signal::{Control, send_control, send_message, send_to_pid};
use crate::{registry, scheduler};
use hashbrown::HashTable;
use oxbeam_ethread::lock::Mutex;
use oxbeam_ethread::{Atomic64, SpinLock};
use oxbeam_heap::OwnedTerm;
use oxbeam_sys::clock::monotonic_ns;
use oxbeam_term::Atom;
use std::num::NonZeroU64;
use std::sync::OnceLock;
use wheel::{Place, Wheel};

/// Where a timer's message goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Destination {
    Pid(PidData),
    Name(Atom),
}

enum Event {
    ReceiveTimeout {
        pid: PidData,
        number: u64,
    },
    /// `number` is the timer's, `place` that in the destination's list (rule 4), where that is a
    /// process.
    Message {
        reference: RefNumbers,
        to: Destination,
        number: u64,
        place: u32,
        term: OwnedTerm,
    },
}

pub(crate) use list::TimerList;

/// Names one timer. Its number, which is unique, has the shard in its low bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimerKey {
    number: NonZeroU64,
    node: u32,
}

#[derive(Default)]
struct Timers {
    /// Made with the first timer.
    wheel: Option<Box<Wheel<Event>>>,
    last_number: u64,
}

/// On cache lines of its own: every scheduler looks at `next_ns` all the time.
#[repr(align(128))]
struct Shard {
    timers: Mutex<Timers, locks::Timers>,
    /// Held by the thread that fires what is due.
    firing: SpinLock<()>,
    /// No timer is due before this; `i64::MAX`: there is none.
    next_ns: Atomic64,
    /// The timers of certain references: see `references`.
    by_reference: Mutex<HashTable<(RefNumbers, TimerKey)>, locks::TimerReferences>,
}

const SHARD_BITS: u32 = 6;
const SHARDS: usize = 1 << SHARD_BITS;

fn shards() -> &'static [Shard; SHARDS] {
    static SHARDS_OF_TIMERS: OnceLock<[Shard; SHARDS]> = OnceLock::new();
    SHARDS_OF_TIMERS.get_or_init(|| {
        std::array::from_fn(|_| Shard {
            timers: Mutex::default(),
            firing: SpinLock::default(),
            next_ns: Atomic64::new(i64::MAX),
            by_reference: Mutex::default(),
        })
    })
}

/// Shards that can have timers: threads that are no schedulers use the first.
fn used_shards() -> &'static [Shard] {
    &shards()[..scheduler::count_or_one().min(SHARDS)]
}

impl Shard {
    fn note_first(&self, wheel: &mut Wheel<Event>) {
        let next_ns = wheel.next_ns();
        // Mostly it stays as it is, and others keep the line.
        if self.next_ns.read() != next_ns {
            self.next_ns.set_relb(next_ns);
        }
    }
}

fn set(deadline_ns: i64, event: impl FnOnce(u64) -> Event) -> TimerKey {
    let index = scheduler::current_index().map_or(0, |index| index % SHARDS);
    let shard = &shards()[index];
    let mut timers = shard.timers.lock();
    timers.last_number += 1;
    let number = timers.last_number << SHARD_BITS | index as u64;
    let wheel = timers.wheel.get_or_insert_default();
    if wheel.is_empty() {
        wheel.set_now(monotonic_ns());
    }
    let place = wheel.insert(deadline_ns, number, event(number));
    let earlier = deadline_ns < shard.next_ns.read();
    if earlier {
        shard.next_ns.set_relb(deadline_ns);
    }
    drop(timers);
    if earlier {
        scheduler::deadline_moved(deadline_ns);
    }
    TimerKey { number: NonZeroU64::new(number).expect("numbers begin at 1"), node: place.node }
}

impl TimerKey {
    /// What tells this timer from all others.
    pub fn number(self) -> u64 {
        self.number.get()
    }

    /// Removes the timer. `false`: it has fired, or is firing.
    pub fn cancel(self) -> bool {
        self.remove().is_some()
    }

    fn place(self) -> Place {
        Place { node: self.node, number: self.number.get() }
    }

    fn shard(self) -> &'static Shard {
        &shards()[self.number.get() as usize % SHARDS]
    }

    /// The event is dropped after the lock is given back.
    fn remove(self) -> Option<(i64, Event)> {
        let shard = self.shard();
        let mut timers = shard.timers.lock();
        let wheel = timers.wheel.as_mut()?;
        let removed = wheel.remove(self.place())?;
        if removed.0 <= shard.next_ns.read() {
            shard.note_first(wheel);
        }
        Some(removed)
    }

    fn deadline_ns(self) -> Option<i64> {
        self.shard().timers.lock().wheel.as_ref()?.deadline_ns(self.place())
    }
}

/// Sets the receive timeout of a process. When it fires, the process gets the key's number.
pub fn set_receive_timeout(pid: PidData, timeout_ms: u64) -> TimerKey {
    set(after_ms(timeout_ms), |number| Event::ReceiveTimeout { pid, number })
}

/// The monotonic time that many milliseconds from now, rounded up.
pub fn after_ms(timeout_ms: u64) -> i64 {
    let ns = i64::try_from(timeout_ms).unwrap_or(i64::MAX).saturating_mul(1_000_000);
    monotonic_ns().saturating_add(ns)
}

type References = Mutex<HashTable<(RefNumbers, TimerKey)>, locks::TimerReferences>;

/// References that lie beside each other in a table: who sets many timers in turn, and cancels
/// them or has them fire in that order, goes from one to the next.
const RUN: u64 = 64;

fn low(reference: &RefNumbers) -> u64 {
    u64::from(reference[0]) | u64::from(reference[1]) << 18
}

fn references(reference: RefNumbers) -> &'static References {
    &shards()[(low(&reference) / RUN) as usize % SHARDS].by_reference
}

fn hash(reference: &RefNumbers) -> u64 {
    let spread = |value: u64| {
        let product = value.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        product ^ product >> 32
    };
    let low = low(reference);
    let run = spread(low / RUN ^ u64::from(reference[2]) << 32) / RUN * RUN;
    // The table takes the uppermost bits for tags, the lower ones for places.
    (run | low % RUN) ^ low << 57
}

/// Sets a timer that sends `term` at `deadline_ns` (monotonic time), unless it is for a process that
/// has ended.
pub fn send_at(deadline_ns: i64, reference: RefNumbers, to: Destination, term: OwnedTerm) {
    let process = match to {
        Destination::Name(_) => None,
        Destination::Pid(pid) => match table::find(pid) {
            Some(process) => Some(process),
            None => return,
        },
    };
    // Locked first, so that a timer that fires at once finds its entries to remove.
    let mut by_reference = references(reference).lock();
    let key = match process {
        None => set(deadline_ns, |number| Event::Message { reference, to, number, place: 0, term }),
        Some(process) => {
            let mut list = process.timers().lock();
            // Who ends takes the list after it has said so.
            if process.state.is_exiting() {
                return;
            }
            let new = |place| {
                set(deadline_ns, |number| Event::Message { reference, to, number, place, term })
            };
            list.get_or_insert_default().add(new)
        }
    };
    by_reference.insert_unique(hash(&reference), (reference, key), |entry| hash(&entry.0));
}

/// Shows what each timer is to send.
pub fn each_message(mut visit: impl FnMut(Destination, &OwnedTerm)) {
    for shard in used_shards() {
        let timers = shard.timers.lock();
        for event in timers.wheel.iter().flat_map(|wheel| wheel.events()) {
            if let Event::Message { to, term, .. } = event {
                visit(*to, term);
            }
        }
    }
}

/// Frees a place in a process's list.
fn free_place(process: &Process, place: u32, number: u64) {
    let mut list = process.timers().lock();
    if list.as_mut().is_some_and(|list| list.free(place, number)) {
        *list = None;
    }
}

/// Takes the timers away that are to send to a process that has ended.
pub(crate) fn process_ended(list: TimerList) {
    for key in list.keys() {
        if let Some((_, Event::Message { reference, .. })) = key.remove() {
            forget(reference);
        }
    }
}

/// Takes the entry of a reference away.
fn forget(reference: RefNumbers) -> Option<TimerKey> {
    let mut by_reference = references(reference).lock();
    let entry = by_reference.find_entry(hash(&reference), |entry| entry.0 == reference).ok()?;
    let key = entry.remove().0.1;
    if by_reference.is_empty() && by_reference.capacity() > KEPT_ENTRIES {
        *by_reference = HashTable::new();
    }
    Some(key)
}

/// Entries up to which an empty table of references keeps its memory.
const KEPT_ENTRIES: usize = 1024;

/// Cancels a timer; gives the nanoseconds that were left. `None`: no such timer.
pub fn cancel(reference: RefNumbers) -> Option<i64> {
    let (deadline_ns, event) = forget(reference)?.remove()?;
    if let Event::Message { to: Destination::Pid(pid), number, place, .. } = event
        && let Some(process) = table::find(pid)
    {
        free_place(&process, place, number);
    }
    Some((deadline_ns - monotonic_ns()).max(0))
}

/// Nanoseconds that are left of a timer. `None`: no such timer.
pub fn read(reference: RefNumbers) -> Option<i64> {
    let by_reference = references(reference).lock();
    let key = by_reference.find(hash(&reference), |entry| entry.0 == reference)?.1;
    Some((key.deadline_ns()? - monotonic_ns()).max(0))
}

/// The first deadline of all timers; `i64::MAX`: there is none. It may be too early where a
/// timer has been cancelled.
pub fn next_deadline_ns() -> i64 {
    used_shards().iter().map(|shard| shard.next_ns.read_acqb()).min().unwrap_or(i64::MAX)
}

/// Timers that are fired at one look.
const FIRED_AT_ONCE: usize = 1024;

/// Fires what is due, or the first part of very much: then the next deadline is over.
pub fn fire_due() {
    // Asking for the time costs more than this look.
    if next_deadline_ns() == i64::MAX {
        return;
    }
    let now_ns = monotonic_ns();
    let mut left = FIRED_AT_ONCE;
    for shard in used_shards() {
        if shard.next_ns.read_acqb() > now_ns {
            continue;
        }
        let Some(_firing) = shard.firing.try_lock() else { continue };
        while left > 0 && shard.next_ns.read_acqb() <= now_ns {
            let Some(due) = take_due(shard, now_ns) else { break };
            fire(due);
            left -= 1;
        }
    }
}

fn take_due(shard: &Shard, now_ns: i64) -> Option<Event> {
    let mut timers = shard.timers.lock();
    let wheel = timers.wheel.as_mut()?;
    let due = wheel.take_due(now_ns);
    shard.note_first(wheel);
    due
}

fn fire(event: Event) {
    match event {
        Event::ReceiveTimeout { pid, number } => {
            send_control(pid, Control::Timeout { number });
        }
        Event::Message { reference, to, number, place, term } => {
            // Cancelled between its removal from the shard and here: too late to cancel.
            forget(reference);
            match to {
                Destination::Pid(pid) => {
                    let Some(process) = table::find(pid) else { return };
                    free_place(&process, place, number);
                    send_message(&process, term);
                }
                Destination::Name(name) => {
                    if let Some(end) = registry::whereis(name).filter(|end| end.is_local_pid()) {
                        send_to_pid(end.local_data(), term);
                    }
                }
            }
        }
    }
}
