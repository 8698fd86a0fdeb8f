//! Timers: receive timeouts and those of `start_timer`, `send_after` and the like.
//!
//! 1. Each scheduler has a shard; a timer lives in the shard of the thread that sets it. Every
//!    scheduler looks at all shards' next deadlines between turns and fires what is due, so a
//!    busy thread delays nothing.
//! 2. A timer fires at the first look after its deadline, never before.
//!    One thread at a time fires a shard's timers, so they fire in the order of their deadlines.
//! 3. What fires is removed from its shard under the shard's lock; whoever removes it (the one
//!    that fires it or the one that cancels it) has it alone.

use crate::process::PidData;
use crate::reference::RefNumbers;
use crate::signal::{Control, send_control, send_to_pid};
use crate::{registry, scheduler};
use oxbeam_heap::OwnedTerm;
use oxbeam_sys::clock::monotonic_ns;
use oxbeam_term::Atom;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Where a timer's message goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Destination {
    Pid(PidData),
    Name(Atom),
}

enum Event {
    ReceiveTimeout { pid: PidData, number: u64 },
    Message { reference: RefNumbers, to: Destination, term: OwnedTerm },
}

/// Names one timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimerKey {
    shard: u16,
    deadline_ns: i64,
    number: u64,
}

#[derive(Default)]
struct Shard {
    events: Mutex<BTreeMap<(i64, u64), Event>>,
    /// Held by the thread that fires what is due.
    firing: Mutex<()>,
    /// Deadline of the first timer; `i64::MAX`: none.
    next_ns: AtomicI64,
}

const SHARDS: usize = 64;

struct Timers {
    shards: [Shard; SHARDS],
    by_reference: [Mutex<HashMap<RefNumbers, TimerKey>>; SHARDS],
    number: AtomicU64,
}

fn timers() -> &'static Timers {
    static TIMERS: OnceLock<Timers> = OnceLock::new();
    TIMERS.get_or_init(|| Timers {
        shards: std::array::from_fn(|_| Shard {
            events: Mutex::default(),
            firing: Mutex::default(),
            next_ns: AtomicI64::new(i64::MAX),
        }),
        by_reference: std::array::from_fn(|_| Mutex::default()),
        number: AtomicU64::new(1),
    })
}

impl Shard {
    fn note_first(&self, events: &BTreeMap<(i64, u64), Event>) {
        let first = events.first_key_value().map_or(i64::MAX, |(key, _)| key.0);
        self.next_ns.store(first, Ordering::Release);
    }
}

fn set(deadline_ns: i64, number: u64, event: Event) -> TimerKey {
    let shard = scheduler::current_index().map_or(0, |index| index % SHARDS);
    let this = &timers().shards[shard];
    let mut events = this.events.lock();
    events.insert((deadline_ns, number), event);
    let was = this.next_ns.load(Ordering::Relaxed);
    this.note_first(&events);
    drop(events);
    if deadline_ns < was {
        scheduler::deadline_moved();
    }
    TimerKey { shard: shard as u16, deadline_ns, number }
}

fn next_number() -> u64 {
    timers().number.fetch_add(1, Ordering::Relaxed)
}

impl TimerKey {
    pub fn deadline_ns(self) -> i64 {
        self.deadline_ns
    }

    /// Removes the timer. `false`: it has fired, or is firing.
    pub fn cancel(self) -> bool {
        self.remove().is_some()
    }

    fn remove(self) -> Option<Event> {
        let shard = &timers().shards[self.shard as usize];
        let mut events = shard.events.lock();
        let event = events.remove(&(self.deadline_ns, self.number));
        shard.note_first(&events);
        event
    }
}

/// Sets the receive timeout of a process: its key and its number.
pub fn set_receive_timeout(pid: PidData, timeout_ms: u64) -> (TimerKey, u64) {
    let number = next_number();
    let deadline_ns = after_ms(timeout_ms);
    (set(deadline_ns, number, Event::ReceiveTimeout { pid, number }), number)
}

/// The monotonic time that many milliseconds from now, rounded up.
pub fn after_ms(timeout_ms: u64) -> i64 {
    let ns = i64::try_from(timeout_ms).unwrap_or(i64::MAX).saturating_mul(1_000_000);
    monotonic_ns().saturating_add(ns)
}

fn references(reference: RefNumbers) -> &'static Mutex<HashMap<RefNumbers, TimerKey>> {
    &timers().by_reference[reference[0] as usize % SHARDS]
}

/// Sets a timer that sends `term` at `deadline_ns` (monotonic time).
pub fn send_at(deadline_ns: i64, reference: RefNumbers, to: Destination, term: OwnedTerm) {
    let mut by_reference = references(reference).lock();
    let key = set(deadline_ns, next_number(), Event::Message { reference, to, term });
    by_reference.insert(reference, key);
}

/// Cancels a timer; gives the nanoseconds that were left. `None`: no such timer.
pub fn cancel(reference: RefNumbers) -> Option<i64> {
    let key = references(reference).lock().remove(&reference)?;
    key.cancel().then(|| (key.deadline_ns - monotonic_ns()).max(0))
}

/// Nanoseconds that are left of a timer. `None`: no such timer.
pub fn read(reference: RefNumbers) -> Option<i64> {
    let key = *references(reference).lock().get(&reference)?;
    Some((key.deadline_ns - monotonic_ns()).max(0))
}

/// The first deadline of all timers; `i64::MAX`: there is none.
pub fn next_deadline_ns() -> i64 {
    let next = |shard: &Shard| shard.next_ns.load(Ordering::Acquire);
    timers().shards.iter().map(next).min().unwrap_or(i64::MAX)
}

/// Fires all that is due at `now_ns`.
pub fn fire_due(now_ns: i64) {
    for shard in &timers().shards {
        if shard.next_ns.load(Ordering::Acquire) > now_ns {
            continue;
        }
        let Some(_firing) = shard.firing.try_lock() else { continue };
        while shard.next_ns.load(Ordering::Acquire) <= now_ns {
            let Some(due) = take_due(shard, now_ns) else { break };
            fire(due);
        }
    }
}

fn take_due(shard: &Shard, now_ns: i64) -> Option<Event> {
    let mut events = shard.events.lock();
    let first = events.first_entry()?;
    if first.key().0 > now_ns {
        return None;
    }
    let event = first.remove();
    shard.note_first(&events);
    Some(event)
}

fn fire(event: Event) {
    match event {
        Event::ReceiveTimeout { pid, number } => {
            send_control(pid, Control::Timeout { number });
        }
        Event::Message { reference, to, term } => {
            // Cancelled between its removal from the shard and here: too late to cancel.
            references(reference).lock().remove(&reference);
            match to {
                Destination::Pid(pid) => send_to_pid(pid, term),
                Destination::Name(name) => {
                    if let Some(end) = registry::whereis(name).filter(|end| end.is_local_pid()) {
                        send_to_pid(end.local_data(), term);
                    }
                }
            }
        }
    }
}
