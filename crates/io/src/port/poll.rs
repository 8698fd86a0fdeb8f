//! The threads that wait for descriptors to become ready (`+IOt`), and the sets of descriptors that
//! they wait for (`+IOp`).
//!
//! Interest is for one event; whoever handles it asks again. A descriptor
//! that cannot be waited for (a regular file, `/dev/null`) is ready at all
//! times: its turn comes round after the others'. A descriptor belongs to the set that its number
//! says; a set has one thread or several, each event goes to one of them.

use super::PortNumber;
use super::driver::Slot;
use oxbeam_sys::Errno;
use oxbeam_sys::poll::{Event, Poller, Readiness};
use oxbeam_sys::signal;
use parking_lot::Mutex;
use std::os::fd::RawFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How many threads and sets there are.
static COUNTS: OnceLock<(usize, usize)> = OnceLock::new();

struct Set {
    poller: Poller,
    always_ready: Mutex<Vec<u64>>,
    /// Descriptors that are registered, and events that are being handled.
    watched: AtomicUsize,
    active: AtomicUsize,
    threads: usize,
}

/// What a set is.
pub struct SetInfo {
    /// Bytes of memory, without the system's.
    pub bytes: usize,
    /// Descriptors in it, with the one that its threads are woken by.
    pub descriptors: usize,
    /// Descriptors that were ready and are being seen to.
    pub active: usize,
    /// Threads that wait.
    pub threads: usize,
}

/// Key of the pipe that signals of the system come through.
const SIGNALS_KEY: u64 = u64::MAX - 1;
/// Key of the socket of the starter of programs.
const FORKER_KEY: u64 = u64::MAX - 2;

const INPUT: Readiness = Readiness { input: true, output: false };
const OUTPUT: Readiness = Readiness { input: false, output: true };

/// Sets how many threads and sets there will be, for boot. There are no fewer threads than sets.
pub fn set_counts(threads: usize, sets: usize) {
    let sets = sets.max(1);
    // Whoever waits for anything comes later.
    let _ = COUNTS.set((threads.max(sets), sets));
}

/// What the sets are.
pub fn sets() -> impl Iterator<Item = SetInfo> {
    poll().iter().map(|set| SetInfo {
        bytes: size_of::<Set>() + set.always_ready.lock().capacity() * size_of::<u64>(),
        descriptors: set.watched.load(Ordering::Relaxed) + 1,
        active: set.active.load(Ordering::Relaxed),
        threads: set.threads,
    })
}

fn poll() -> &'static [Set] {
    static POLL: OnceLock<Vec<Set>> = OnceLock::new();
    let (threads, sets) = *COUNTS.get_or_init(|| (1, 1));
    let mut is_new = false;
    let poll = POLL.get_or_init(|| {
        is_new = true;
        (0..sets).map(|at| new_set(threads / sets + usize::from(at < threads % sets))).collect()
    });
    if is_new {
        (0..threads).for_each(|number| start_thread(number, &poll[number % sets]));
    }
    poll
}

fn new_set(threads: usize) -> Set {
    let poller = Poller::new()
        .unwrap_or_else(|error| panic!("no descriptor to wait for others with: {}", error.name()));
    let none = AtomicUsize::default;
    Set { poller, always_ready: Mutex::default(), watched: none(), active: none(), threads }
}

fn start_thread(number: usize, set: &'static Set) {
    std::thread::Builder::new()
        .name(format!("erts_poll_{}", number + 1))
        .spawn(|| {
            // The scheduler that starts this thread may be bound.
            oxbeam_sys::cpu::bind_thread(None);
            run(set);
        })
        .expect("a thread that waits for descriptors");
}

/// The set that a descriptor belongs to.
fn set_of(fd: RawFd) -> &'static Set {
    let poll = poll();
    &poll[fd as usize % poll.len()]
}

fn key(port: PortNumber, slot: Slot) -> u64 {
    port << 1 | (slot == Slot::Output) as u64
}

/// Asks to be told once when a port's descriptor is ready.
pub fn arm(port: PortNumber, slot: Slot, fd: RawFd) {
    let interest = if slot == Slot::Input { INPUT } else { OUTPUT };
    arm_key(fd, key(port, slot), interest);
}

fn arm_key(fd: RawFd, key: u64, interest: Readiness) {
    let set = set_of(fd);
    match set.poller.arm(fd, key, interest) {
        Ok(is_new) => _ = set.watched.fetch_add(is_new.into(), Ordering::Relaxed),
        // EPERM: cannot be waited for. Anything else shows when it is used.
        Err(Errno(_)) => {
            set.always_ready.lock().push(key);
            set.poller.wake();
        }
    }
}

/// Ends the interest in a descriptor that is about to be closed.
pub fn forget(fd: RawFd) {
    let set = set_of(fd);
    if set.poller.forget(fd) {
        set.watched.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Waits for signals of the system as well.
pub(super) fn arm_signals() {
    arm_key(signal::pipe_fd(), SIGNALS_KEY, INPUT);
}

/// Waits for the starter of programs as well.
pub(super) fn arm_forker(fd: RawFd) {
    arm_key(fd, FORKER_KEY, INPUT);
}

fn run(set: &Set) {
    let mut events = Vec::new();
    loop {
        let ready_now = std::mem::take(&mut *set.always_ready.lock());
        let timeout = (!ready_now.is_empty()).then_some(Duration::ZERO);
        if set.poller.wait(&mut events, timeout).is_err() {
            // Nothing but a lack of memory makes it fail; it may pass.
            std::thread::sleep(Duration::from_millis(10));
        }
        let both = Readiness { input: true, output: true };
        let always = ready_now.into_iter().map(|key| Event { key, ready: both });
        for event in events.iter().copied().chain(always) {
            set.active.fetch_add(1, Ordering::Relaxed);
            dispatch(event);
            set.active.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn dispatch(event: Event) {
    match event.key {
        SIGNALS_KEY => {
            super::signals::take_system_signals();
            arm_signals();
        }
        FORKER_KEY => super::forker::ready(),
        key => {
            if let Some(port) = super::table::find(key >> 1) {
                let slot = if key & 1 == 0 { Slot::Input } else { Slot::Output };
                port.ready(slot, event.ready);
            }
        }
    }
}
