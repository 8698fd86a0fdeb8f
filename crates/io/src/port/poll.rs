//! The thread that waits for descriptors to become ready.
//!
//! Interest is for one event; whoever handles it asks again. A descriptor
//! that cannot be waited for (a regular file, `/dev/null`) is ready at all
//! times: its turn comes round after the others'.

use super::PortNumber;
use super::driver::Slot;
use oxbeam_sys::Errno;
use oxbeam_sys::poll::{Event, Poller, Readiness};
use oxbeam_sys::signal;
use parking_lot::Mutex;
use std::os::fd::RawFd;
use std::sync::OnceLock;
use std::time::Duration;

struct Poll {
    poller: Poller,
    always_ready: Mutex<Vec<u64>>,
}

/// Key of the pipe that signals of the system come through.
const SIGNALS_KEY: u64 = u64::MAX - 1;
/// Key of the socket of the starter of programs.
const FORKER_KEY: u64 = u64::MAX - 2;

const INPUT: Readiness = Readiness { input: true, output: false };
const OUTPUT: Readiness = Readiness { input: false, output: true };

fn poll() -> &'static Poll {
    static POLL: OnceLock<Poll> = OnceLock::new();
    POLL.get_or_init(|| {
        let poller = Poller::new().unwrap_or_else(|error| {
            panic!("no descriptor to wait for others with: {}", error.name())
        });
        let poll = Poll { poller, always_ready: Mutex::default() };
        std::thread::Builder::new()
            .name("erts_poll".into())
            .spawn(|| {
                // The scheduler that starts this thread may be bound.
                oxbeam_sys::cpu::bind_thread(None);
                run();
            })
            .expect("a thread that waits for descriptors");
        poll
    })
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
    let poll = poll();
    match poll.poller.arm(fd, key, interest) {
        Ok(()) => {}
        // EPERM: cannot be waited for. Anything else shows when it is used.
        Err(Errno(_)) => {
            poll.always_ready.lock().push(key);
            poll.poller.wake();
        }
    }
}

/// Ends the interest in a descriptor that is about to be closed.
pub fn forget(fd: RawFd) {
    poll().poller.forget(fd);
}

/// Waits for signals of the system as well.
pub(super) fn arm_signals() {
    arm_key(signal::pipe_fd(), SIGNALS_KEY, INPUT);
}

/// Waits for the starter of programs as well.
pub(super) fn arm_forker(fd: RawFd) {
    arm_key(fd, FORKER_KEY, INPUT);
}

fn run() {
    let poll = poll();
    let mut events = Vec::new();
    loop {
        let ready_now = std::mem::take(&mut *poll.always_ready.lock());
        let timeout = (!ready_now.is_empty()).then_some(Duration::ZERO);
        if poll.poller.wait(&mut events, timeout).is_err() {
            // Nothing but a lack of memory makes it fail; it may pass.
            std::thread::sleep(Duration::from_millis(10));
        }
        let both = Readiness { input: true, output: true };
        let always = ready_now.into_iter().map(|key| Event { key, ready: both });
        for event in events.iter().copied().chain(always) {
            dispatch(event);
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
