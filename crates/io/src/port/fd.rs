//! The `fd` driver: descriptors that are open already; and the one that opens
//! a file by its name.

use super::PortNumber;
use super::driver::{Driver, Effect, Slot};
use super::stream::{Descriptor, Stream, fail};
use crate::file::{Answer, File, Modes};
use oxbeam_sys::Errno;
use oxbeam_sys::host::is_terminal;
use oxbeam_sys::poll::Readiness;
use std::ffi::CStr;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// The number that asks for a terminal's width and height.
const GET_WINDOW_SIZE: u32 = 0x018b_0900 + 100;

/// What happens when the queue is empty.
#[derive(Debug)]
enum Ending {
    No,
    /// The input ended, or failed, while output was left.
    With(Effect),
}

/// A port on open descriptors.
#[derive(Debug)]
pub struct FdDriver {
    stream: Stream,
    ending: Ending,
    /// Descriptors whose blocking mode comes back at the end.
    unblocked: Vec<RawFd>,
}

impl FdDriver {
    /// Takes two descriptors, of which the port uses those asked for. They
    /// stay open when the port closes.
    pub fn new(
        port: PortNumber,
        packet_bytes: usize,
        input: Option<RawFd>,
        output: Option<RawFd>,
    ) -> FdDriver {
        // Where both are terminals, nobody else is hurt by making the output
        // non-blocking; anything else may be shared with other programs.
        let terminal = |fd: Option<RawFd>| fd.is_some_and(is_terminal);
        let unblocked = match output {
            Some(fd) if terminal(input) && is_terminal(fd) && set_blocking(fd, false) => vec![fd],
            _ => Vec::new(),
        };
        let careful = unblocked.is_empty();
        let output = output.map(|fd| match input == Some(fd) {
            // One descriptor cannot be waited for in two ways.
            true => duplicate(fd),
            false => Descriptor::Borrowed(fd),
        });
        let input = input.map(Descriptor::Borrowed);
        let stream = Stream::new(port, packet_bytes, input, output, careful);
        FdDriver { stream, ending: Ending::No, unblocked }
    }

    /// Opens a file for a port.
    pub fn of_file(
        port: PortNumber,
        packet_bytes: usize,
        path: &CStr,
        (read, write): (bool, bool),
    ) -> Answer<FdDriver> {
        let file = File::open(path, Modes { read, write, ..Modes::default() })?;
        let both = read && write;
        let output = write.then(|| duplicate(file.descriptor()));
        let input = (read || !both).then(|| {
            let fd = file.descriptor();
            std::mem::forget(file);
            // SAFETY: crate rule 5: the file gave its descriptor up.
            Descriptor::Owned(unsafe { OwnedFd::from_raw_fd(fd) })
        });
        let input = if read { input } else { None };
        let stream = Stream::new(port, packet_bytes, input, output, true);
        Ok(FdDriver { stream, ending: Ending::No, unblocked: Vec::new() })
    }

    fn end(&mut self, effect: Effect, effects: &mut Vec<Effect>) {
        match self.stream.queued_bytes() {
            0 => effects.push(effect),
            _ => self.ending = Ending::With(effect),
        }
    }
}

impl Driver for FdDriver {
    fn start(&mut self) {
        self.stream.wait_for_input();
    }

    fn output(&mut self, bytes: Vec<u8>, effects: &mut Vec<Effect>) {
        self.stream.write_packet(bytes, effects);
    }

    fn ready(&mut self, slot: Slot, _: Readiness, effects: &mut Vec<Effect>) {
        match slot {
            Slot::Output => {
                self.stream.write_queued(effects);
                if self.stream.queued_bytes() == 0
                    && let Ending::With(effect) = std::mem::replace(&mut self.ending, Ending::No)
                {
                    effects.push(effect);
                }
            }
            Slot::Input => match self.stream.read(effects) {
                Ok(true) => self.stream.wait_for_input(),
                Ok(false) => {
                    self.stream.close_input();
                    self.end(Effect::EndOfInput, effects);
                }
                Err(error) => {
                    self.stream.close_input();
                    self.end(fail(error), effects);
                }
            },
        }
    }

    fn control(&mut self, operation: u32, _: &[u8]) -> Option<Vec<u8>> {
        if operation != GET_WINDOW_SIZE {
            return None;
        }
        let [input, output] = self.stream.descriptors();
        let (width, height) = [output, input].into_iter().flatten().find_map(window_size)?;
        Some([width.to_ne_bytes(), height.to_ne_bytes()].concat())
    }

    fn queued_bytes(&self) -> usize {
        self.stream.queued_bytes()
    }

    fn drain(&mut self) -> bool {
        self.stream.close_input();
        self.stream.queued_bytes() > 0
    }

    fn flush(&mut self) {
        self.stream.flush();
    }

    fn stop(&mut self) {
        self.stream.close_input();
        self.stream.close_output();
        for fd in self.unblocked.drain(..) {
            set_blocking(fd, true);
        }
    }
}

fn duplicate(fd: RawFd) -> Descriptor {
    // SAFETY: plain numbers; the new descriptor is ours alone.
    unsafe {
        match libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) {
            -1 => Descriptor::Borrowed(fd),
            copy => Descriptor::Owned(OwnedFd::from_raw_fd(copy)),
        }
    }
}

fn set_blocking(fd: RawFd, blocking: bool) -> bool {
    // SAFETY: fcntl takes plain numbers.
    unsafe {
        let flags = libc::fcntl(fd, libc::F_GETFL);
        let bits = libc::O_NONBLOCK;
        let wanted = if blocking { flags & !bits } else { flags | bits };
        flags != -1 && libc::fcntl(fd, libc::F_SETFL, wanted) != -1
    }
}

fn window_size(fd: RawFd) -> Option<(u32, u32)> {
    // SAFETY: crate rule 4: winsize is plain numbers of ours.
    let size = unsafe {
        let mut size: libc::winsize = std::mem::zeroed();
        (libc::ioctl(fd, libc::TIOCGWINSZ, &mut size) == 0).then_some(size)
    }?;
    Some((size.ws_col.into(), size.ws_row.into()))
}

/// Whether a descriptor's number can be one.
pub(super) fn check(fd: i64) -> Answer<RawFd> {
    let fd = RawFd::try_from(fd).map_err(|_| Errno(libc::EINVAL))?;
    let good = fd >= 0 && (fd as usize) < oxbeam_sys::host::max_open_files();
    if good { Ok(fd) } else { Err(Errno(libc::EINVAL)) }
}
