//! What a port asks of its driver, and what the driver answers.

use oxbeam_sys::Errno;
use oxbeam_sys::poll::Readiness;
use oxbeam_term::RawTerm;

/// Which of a port's descriptors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slot {
    /// The one that is read.
    Input,
    /// The one that is written.
    Output,
}

/// Something that happened, for the port to act on in order.
#[derive(Debug)]
pub enum Effect {
    /// Bytes came, one packet of them where the port has packets.
    Data(Vec<u8>),
    /// An answer to a command: its head is always a list, and the data comes behind it.
    Answer { head: Vec<u8>, data: Option<Vec<u8>> },
    /// The program ended with this status.
    ExitStatus(i32),
    /// Nothing more will come.
    EndOfInput,
    /// The port cannot go on; an atom says why.
    Fail(RawTerm),
    /// The program runs and has this number.
    Started(u32),
    /// The program could not be started.
    NotStarted(Errno),
    /// Some of the queued output is written.
    Written,
}

/// Works on the descriptors of one port. All calls come under the port's lock.
pub trait Driver: Send {
    /// The port can be found now: starts waiting for input.
    fn start(&mut self) {}
    /// Writes bytes or queues them.
    fn output(&mut self, bytes: Vec<u8>, effects: &mut Vec<Effect>);
    /// A descriptor is ready.
    fn ready(&mut self, slot: Slot, readiness: Readiness, effects: &mut Vec<Effect>);
    /// The program has ended.
    fn child_ended(&mut self, _wait_status: i32, _effects: &mut Vec<Effect>) {}
    /// Answers a control request; None: there is none of that number.
    fn control(&mut self, _operation: u32, _data: &[u8]) -> Option<Vec<u8>> {
        None
    }
    /// Bytes that wait to be written.
    fn queued_bytes(&self) -> usize;
    /// The port closes: input ends now. True when output is left, which will
    /// be told by [`Effect::Written`].
    fn drain(&mut self) -> bool;
    /// Writes all that waits, blocking.
    fn flush(&mut self) {}
    /// Gives all descriptors up.
    fn stop(&mut self);
}

/// The driver of port 0, which has no bytes of its own: programs are started
/// by [`super::forker`].
pub struct NoBytes;

impl Driver for NoBytes {
    fn output(&mut self, _: Vec<u8>, _: &mut Vec<Effect>) {}
    fn ready(&mut self, _: Slot, _: Readiness, _: &mut Vec<Effect>) {}
    fn queued_bytes(&self) -> usize {
        0
    }
    fn drain(&mut self) -> bool {
        false
    }
    fn stop(&mut self) {}
}
