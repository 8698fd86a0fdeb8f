//! Readiness of file descriptors: one epoll instance with a wake-up.
//!
//! Interest is one-shot: after an event the descriptor stays registered but
//! silent until it is armed again. So no event is delivered twice and a
//! handler never races with the next one.

use crate::Errno;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// What to wait for, or what has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Readiness {
    /// Input, end of input or an error can be read.
    pub input: bool,
    /// Output can be written, or an error be seen by writing.
    pub output: bool,
}

/// One thing that [`Poller::wait`] reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// The key given at registration.
    pub key: u64,
    /// What is ready.
    pub ready: Readiness,
}

/// An epoll instance; any thread may register, and any wait: each event goes to one of these.
#[derive(Debug)]
pub struct Poller {
    epoll: OwnedFd,
    wake: OwnedFd,
}

/// The key of the wake-up descriptor; no caller may use it.
const WAKE_KEY: u64 = u64::MAX;

fn owned(fd: i32) -> Result<OwnedFd, Errno> {
    if fd < 0 {
        return Err(Errno::last());
    }
    // SAFETY: rule 3: the system just gave us this descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn event_bits(interest: Readiness) -> u32 {
    let mut bits = libc::EPOLLONESHOT as u32;
    if interest.input {
        bits |= (libc::EPOLLIN | libc::EPOLLRDHUP) as u32;
    }
    if interest.output {
        bits |= libc::EPOLLOUT as u32;
    }
    bits
}

impl Poller {
    /// Makes an instance. Errors: the system's.
    pub fn new() -> Result<Poller, Errno> {
        // SAFETY: both calls take plain numbers.
        let (epoll, wake) = unsafe {
            (
                libc::epoll_create1(libc::EPOLL_CLOEXEC),
                libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK),
            )
        };
        let poller = Poller { epoll: owned(epoll)?, wake: owned(wake)? };
        let bits = libc::EPOLLIN as u32;
        poller.control(libc::EPOLL_CTL_ADD, poller.wake.as_raw_fd(), bits, WAKE_KEY)?;
        Ok(poller)
    }

    /// Registers or re-arms a descriptor for one event; `true`: it was not registered. The caller
    /// keeps the descriptor open until [`Poller::forget`].
    ///
    /// Errors: `EPERM` for a regular file (always ready, cannot be polled) and
    /// the system's others.
    pub fn arm(&self, fd: RawFd, key: u64, interest: Readiness) -> Result<bool, Errno> {
        assert_ne!(key, WAKE_KEY, "the key of the wake-up");
        let bits = event_bits(interest);
        match self.control(libc::EPOLL_CTL_MOD, fd, bits, key) {
            Err(Errno(libc::ENOENT)) => {
                self.control(libc::EPOLL_CTL_ADD, fd, bits, key).map(|()| true)
            }
            other => other.map(|()| false),
        }
    }

    /// Ends the registration of a descriptor; `false`: it had none.
    pub fn forget(&self, fd: RawFd) -> bool {
        self.control(libc::EPOLL_CTL_DEL, fd, 0, 0).is_ok()
    }

    /// Makes a waiting [`Poller::wait`] return, or the next one.
    pub fn wake(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: rule 2; a full counter is a wake-up that is already there.
        unsafe { libc::write(self.wake.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Waits for events, at most `timeout` (for ever when None), and puts
    /// them into `events`, which is cleared first. An interrupted wait and a
    /// wake-up are empty answers.
    ///
    /// Errors: the system's.
    pub fn wait(&self, events: &mut Vec<Event>, timeout: Option<Duration>) -> Result<(), Errno> {
        events.clear();
        let mut raw = [libc::epoll_event { events: 0, u64: 0 }; 64];
        let timeout_ms = timeout.map_or(-1, |t| {
            let whole_ms = t.as_nanos().div_ceil(1_000_000);
            i32::try_from(whole_ms).unwrap_or(i32::MAX)
        });
        // SAFETY: rule 2: `raw` has the length given.
        let count =
            unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), raw.as_mut_ptr(), 64, timeout_ms) };
        if count < 0 {
            let error = Errno::last();
            return if error == Errno(libc::EINTR) { Ok(()) } else { Err(error) };
        }
        for event in &raw[..count as usize] {
            self.take(*event, events);
        }
        Ok(())
    }

    fn take(&self, raw: libc::epoll_event, events: &mut Vec<Event>) {
        let (bits, key) = (raw.events, raw.u64);
        if key == WAKE_KEY {
            let mut counter = [0u8; 8];
            // SAFETY: rule 2; reading the counter makes the wake-up past.
            unsafe {
                libc::read(self.wake.as_raw_fd(), counter.as_mut_ptr().cast(), counter.len())
            };
            return;
        }
        let any = |mask: i32| bits & mask as u32 != 0;
        let broken = any(libc::EPOLLERR | libc::EPOLLHUP);
        let ready = Readiness {
            input: broken || any(libc::EPOLLIN | libc::EPOLLRDHUP),
            output: broken || any(libc::EPOLLOUT),
        };
        events.push(Event { key, ready });
    }

    fn control(&self, operation: i32, fd: RawFd, bits: u32, key: u64) -> Result<(), Errno> {
        let mut event = libc::epoll_event { events: bits, u64: key };
        // SAFETY: rule 2: `event` is ours and alive during the call.
        let failed =
            unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), operation, fd, &mut event) } != 0;
        if failed { Err(Errno::last()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    const INPUT: Readiness = Readiness { input: true, output: false };

    fn wait_ms(poller: &Poller, ms: u64) -> Vec<Event> {
        let mut events = Vec::new();
        poller.wait(&mut events, Some(Duration::from_millis(ms))).unwrap();
        events
    }

    #[test]
    fn input_is_reported_once_until_armed_again() {
        let poller = Poller::new().unwrap();
        let (mut writer, reader) = UnixStream::pair().unwrap();
        assert!(poller.arm(reader.as_raw_fd(), 5, INPUT).unwrap());
        assert!(wait_ms(&poller, 0).is_empty());
        writer.write_all(b"x").unwrap();
        assert_eq!(wait_ms(&poller, 1000), [Event { key: 5, ready: INPUT }]);
        assert!(wait_ms(&poller, 0).is_empty());
        assert!(!poller.arm(reader.as_raw_fd(), 5, INPUT).unwrap());
        assert_eq!(wait_ms(&poller, 1000).len(), 1);
        assert!(poller.forget(reader.as_raw_fd()) && !poller.forget(reader.as_raw_fd()));
        assert!(wait_ms(&poller, 0).is_empty());
    }

    #[test]
    fn a_wake_up_ends_a_wait_without_timeout() {
        let poller = std::sync::Arc::new(Poller::new().unwrap());
        let waker = poller.clone();
        let thread = std::thread::spawn(move || waker.wake());
        let mut events = Vec::new();
        poller.wait(&mut events, None).unwrap();
        thread.join().unwrap();
        assert!(events.is_empty());
    }

    #[test]
    fn a_regular_file_cannot_be_polled() {
        let poller = Poller::new().unwrap();
        let file = std::fs::File::open("/proc/self/exe").unwrap();
        assert_eq!(poller.arm(file.as_raw_fd(), 1, INPUT), Err(Errno(libc::EPERM)));
    }
}
