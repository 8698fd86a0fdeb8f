//! Two descriptors, packets on them, and a queue of output.

use super::PortNumber;
use super::driver::{Effect, Slot};
use super::poll;
use crate::resource::atom;
use oxbeam_sys::Errno;
use oxbeam_term::RawTerm;
use std::collections::VecDeque;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// Bytes read at a time.
const READ_BYTES: usize = 64 * 1024;
/// A pipe that is ready takes this many bytes without blocking.
const SAFE_BYTES: usize = libc::PIPE_BUF;

/// A descriptor that is closed with its port, or one that the port borrows
/// (standard input and its like).
#[derive(Debug)]
pub enum Descriptor {
    /// Closed with the port.
    Owned(OwnedFd),
    /// Left open.
    Borrowed(RawFd),
}

impl AsRawFd for Descriptor {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Descriptor::Owned(fd) => fd.as_raw_fd(),
            Descriptor::Borrowed(fd) => *fd,
        }
    }
}

/// How a write went.
enum Wrote {
    Some(usize),
    /// The descriptor takes nothing now.
    Nothing,
    Failed(Errno),
}

/// Descriptors of a port and what is on its way through them.
#[derive(Debug)]
pub struct Stream {
    port: PortNumber,
    packet_bytes: usize,
    input: Option<Descriptor>,
    output: Option<Descriptor>,
    /// The output descriptor blocks: only so much is written that it cannot.
    careful: bool,
    unframed: Vec<u8>,
    queue: VecDeque<u8>,
}

impl Stream {
    /// A stream for a port. `packet_bytes` is the size of the length in front
    /// of packets: 0 for none, 1, 2 or 4.
    pub fn new(
        port: PortNumber,
        packet_bytes: usize,
        input: Option<Descriptor>,
        output: Option<Descriptor>,
        careful: bool,
    ) -> Stream {
        let (unframed, queue) = (Vec::new(), VecDeque::new());
        Stream { port, packet_bytes, input, output, careful, unframed, queue }
    }

    /// Starts waiting for input.
    pub fn wait_for_input(&self) {
        if let Some(fd) = &self.input {
            poll::arm(self.port, Slot::Input, fd.as_raw_fd());
        }
    }

    fn wait_for_output(&self) {
        if let Some(fd) = &self.output {
            poll::arm(self.port, Slot::Output, fd.as_raw_fd());
        }
    }

    /// Bytes that wait to be written.
    pub fn queued_bytes(&self) -> usize {
        self.queue.len()
    }

    /// Reads once: the packets that are whole now, and the end or an error if
    /// that is what came. True when more can come.
    pub fn read(&mut self, effects: &mut Vec<Effect>) -> Result<bool, Errno> {
        let Some(fd) = &self.input else { return Ok(false) };
        let mut buffer = vec![0; READ_BYTES];
        // SAFETY: crate rule 4.
        let count = unsafe { libc::read(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
        if count < 0 {
            return match Errno::last() {
                Errno(libc::EAGAIN | libc::EINTR) => Ok(true),
                error => Err(error),
            };
        }
        buffer.truncate(count as usize);
        if count > 0 {
            self.frame(buffer, effects);
        }
        Ok(count > 0)
    }

    /// Reads exactly `target.len()` bytes into `target`, `filled` of which are
    /// there; answers how many are then. For what comes before the packets.
    pub fn read_raw(&mut self, target: &mut [u8], filled: usize) -> Result<usize, Errno> {
        let Some(fd) = &self.input else { return Err(Errno(libc::EPIPE)) };
        let rest = &mut target[filled..];
        // SAFETY: crate rule 4.
        let count = unsafe { libc::read(fd.as_raw_fd(), rest.as_mut_ptr().cast(), rest.len()) };
        match count {
            0 => Err(Errno(libc::EPIPE)),
            1.. => Ok(filled + count as usize),
            _ => match Errno::last() {
                Errno(libc::EAGAIN | libc::EINTR) => Ok(filled),
                error => Err(error),
            },
        }
    }

    fn frame(&mut self, bytes: Vec<u8>, effects: &mut Vec<Effect>) {
        if self.packet_bytes == 0 {
            return effects.push(Effect::Data(bytes));
        }
        self.unframed.extend_from_slice(&bytes);
        let mut used = 0;
        while let Some(packet) = self.next_packet(used) {
            effects.push(Effect::Data(self.unframed[packet.clone()].to_vec()));
            used = packet.end;
        }
        self.unframed.drain(..used);
    }

    fn next_packet(&self, from: usize) -> Option<std::ops::Range<usize>> {
        let start = from + self.packet_bytes;
        let head = self.unframed.get(from..start)?;
        let length = head.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        (self.unframed.len() >= start + length).then_some(start..start + length)
    }

    /// Writes a packet or queues what does not go now.
    pub fn write_packet(&mut self, bytes: Vec<u8>, effects: &mut Vec<Effect>) {
        let length = (bytes.len() as u64).to_be_bytes();
        let (over, head) = length.split_at(8 - self.packet_bytes);
        if self.packet_bytes > 0 && over.iter().any(|b| *b != 0) {
            return effects.push(fail(Errno(libc::EINVAL)));
        }
        match head.is_empty() {
            true => self.write(bytes, effects),
            false => self.write([head, &bytes].concat(), effects),
        }
    }

    /// Writes bytes as they are, or queues what does not go now.
    pub fn write(&mut self, bytes: Vec<u8>, effects: &mut Vec<Effect>) {
        if bytes.is_empty() {
            return;
        }
        if !self.queue.is_empty() {
            return self.queue.extend(bytes);
        }
        let mut done = 0;
        while done < bytes.len() {
            match self.write_some(&bytes[done..]) {
                Wrote::Some(count) => done += count,
                Wrote::Nothing => {
                    self.queue.extend(&bytes[done..]);
                    return self.wait_for_output();
                }
                Wrote::Failed(error) => return effects.push(fail(error)),
            }
        }
    }

    /// The output descriptor is ready: writes from the queue.
    pub fn write_queued(&mut self, effects: &mut Vec<Effect>) {
        while !self.queue.is_empty() {
            match self.write_some(self.queue.as_slices().0) {
                Wrote::Some(count) => drop(self.queue.drain(..count)),
                Wrote::Nothing => {
                    self.wait_for_output();
                    break;
                }
                Wrote::Failed(error) => {
                    self.queue.clear();
                    return effects.push(fail(error));
                }
            }
        }
        effects.push(Effect::Written);
    }

    fn write_some(&self, bytes: &[u8]) -> Wrote {
        let Some(fd) = &self.output else { return Wrote::Failed(Errno(libc::EINVAL)) };
        let fd = fd.as_raw_fd();
        let bytes = match self.careful {
            true if !takes_output(fd, 0) => return Wrote::Nothing,
            true => &bytes[..bytes.len().min(SAFE_BYTES)],
            false => bytes,
        };
        // SAFETY: crate rule 4.
        let count = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
        if count >= 0 {
            return Wrote::Some(count as usize);
        }
        match Errno::last() {
            Errno(libc::EAGAIN) => Wrote::Nothing,
            Errno(libc::EINTR) => Wrote::Some(0),
            error => Wrote::Failed(error),
        }
    }

    /// Writes all that is queued, waiting as long as it takes; stops at the
    /// first error.
    pub fn flush(&mut self) {
        while !self.queue.is_empty() {
            match self.write_some(self.queue.as_slices().0) {
                Wrote::Some(count) => drop(self.queue.drain(..count)),
                Wrote::Nothing => {
                    if let Some(fd) = &self.output {
                        takes_output(fd.as_raw_fd(), -1);
                    }
                }
                Wrote::Failed(_) => self.queue.clear(),
            }
        }
    }

    /// Reads no more.
    pub fn close_input(&mut self) {
        close(self.input.take());
    }

    /// Writes no more.
    pub fn close_output(&mut self) {
        self.queue.clear();
        close(self.output.take());
    }

    /// The descriptors, input first.
    pub fn descriptors(&self) -> [Option<RawFd>; 2] {
        [&self.input, &self.output].map(|fd| fd.as_ref().map(AsRawFd::as_raw_fd))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.close_input();
        self.close_output();
    }
}

/// Takes a descriptor out of the poll set and closes it if it is owned.
fn close(descriptor: Option<Descriptor>) {
    if let Some(descriptor) = descriptor {
        poll::forget(descriptor.as_raw_fd());
    }
}

/// Whether a descriptor takes output (or an error can be seen by writing),
/// waiting at most `timeout_ms`; for ever when negative.
fn takes_output(fd: RawFd, timeout_ms: i32) -> bool {
    let mut entry = libc::pollfd { fd, events: libc::POLLOUT, revents: 0 };
    // SAFETY: crate rule 4: one entry of ours.
    unsafe { libc::poll(&mut entry, 1, timeout_ms) > 0 }
}

/// The port ends with the error's name.
pub fn fail(error: Errno) -> Effect {
    Effect::Fail(RawTerm::atom(atom(error.name())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    fn stream(packet_bytes: usize) -> (Stream, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let output = Descriptor::Owned(ours.try_clone().unwrap().into());
        let input = Descriptor::Owned(ours.into());
        (Stream::new(1 << 40, packet_bytes, Some(input), Some(output), true), theirs)
    }

    fn packets(effects: Vec<Effect>) -> Vec<Vec<u8>> {
        let data = |effect| match effect {
            Effect::Data(bytes) => bytes,
            other => panic!("{other:?}"),
        };
        effects.into_iter().map(data).collect()
    }

    #[test]
    fn packets_are_put_together_and_taken_apart() {
        let (mut stream, mut outside) = stream(2);
        let mut effects = Vec::new();
        outside.write_all(b"\0\x03abc\0\0\0").unwrap();
        assert_eq!(stream.read(&mut effects), Ok(true));
        assert_eq!(packets(std::mem::take(&mut effects)), [&b"abc"[..], b""]);
        outside.write_all(b"\x01x").unwrap();
        stream.read(&mut effects).unwrap();
        assert_eq!(packets(std::mem::take(&mut effects)), [b"x"]);
        stream.write_packet(b"hello".to_vec(), &mut effects);
        assert!(effects.is_empty());
        let mut got = [0; 7];
        outside.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"\0\x05hello");
        stream.write_packet(vec![0; 1 << 16], &mut effects);
        assert!(matches!(effects[..], [Effect::Fail(_)]));
    }

    #[test]
    fn what_does_not_go_now_is_queued_and_flushed() {
        let (mut stream, mut outside) = stream(0);
        let mut effects = Vec::new();
        stream.write(vec![7; 4 << 20], &mut effects);
        assert!(effects.is_empty() && stream.queued_bytes() > 0);
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            outside.read_to_end(&mut all).unwrap();
            all.len()
        });
        stream.flush();
        assert_eq!(stream.queued_bytes(), 0);
        drop(stream);
        assert_eq!(reader.join().unwrap(), 4 << 20);
    }

    #[test]
    fn the_end_and_a_broken_pipe_are_seen() {
        oxbeam_sys::signal::ignore_broken_pipes();
        let (mut stream, outside) = stream(0);
        drop(outside);
        let mut effects = Vec::new();
        assert_eq!(stream.read(&mut effects), Ok(false));
        stream.write(b"x".to_vec(), &mut effects);
        assert!(matches!(effects[..], [Effect::Fail(_)]));
    }
}
