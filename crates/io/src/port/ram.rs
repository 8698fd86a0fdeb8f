//! Files in memory, for `ram_file`: each port is one file.
//!
//! A command is an operation's number and its arguments; the answer comes at once: a kind of answer
//! and what belongs to it. Numbers are of 32 bits, the highest byte first.
//! Nothing answers a command that is none, as in OTP.

use super::driver::{Driver, Effect, Slot};
use oxbeam_sys::Errno;
use oxbeam_sys::poll::Readiness;

/// Bits of a mode, which `open` gives.
const READ: i32 = 1;
const WRITE: i32 = 2;

/// What an operation answers with.
enum Reply {
    Done,
    Number(usize),
    Data(Vec<u8>),
}

type Answer = Result<Reply, Errno>;

/// The driver of one file.
#[derive(Default)]
pub struct RamDriver {
    mode: i32,
    bytes: Vec<u8>,
    position: usize,
}

/// The arguments of a command, read from the front.
struct Arguments<'a>(&'a [u8]);

impl Arguments<'_> {
    /// A number; none is 0.
    fn number(&mut self) -> i32 {
        let Some((number, rest)) = self.0.split_first_chunk() else { return 0 };
        self.0 = rest;
        i32::from_be_bytes(*number)
    }
    /// A number that is not negative.
    fn size(&mut self) -> Result<usize, Errno> {
        usize::try_from(self.number()).map_err(|_| Errno(libc::EINVAL))
    }
}

impl RamDriver {
    fn run(&mut self, operation: u8, mut arguments: Arguments<'_>) -> Option<Answer> {
        Some(match operation {
            1 => self.open(arguments.number(), arguments.0),
            2 => self.read(&mut arguments),
            3 => self.seek(arguments.number(), arguments.number()),
            4 => self.write(arguments.0),
            14 => self.truncate(),
            17 => self.read_at(&mut arguments),
            18 => self.write_at(&mut arguments),
            30 => Ok(Reply::Data(self.bytes.clone())),
            37 => Ok(Reply::Number(self.bytes.len())),
            // Synchronising, advising and allocating do nothing to a file in memory.
            9 | 19 | 38 | 39 => self.check(READ | WRITE).map(|()| Reply::Done),
            _ => return None,
        })
    }

    /// Whether the file is open for any of these.
    fn check(&self, mode: i32) -> Result<(), Errno> {
        if self.mode & mode != 0 { Ok(()) } else { Err(Errno(libc::EBADF)) }
    }

    fn open(&mut self, mode: i32, content: &[u8]) -> Answer {
        *self = RamDriver { mode, bytes: content.to_vec(), position: 0 };
        Ok(Reply::Number(0))
    }

    fn read(&mut self, arguments: &mut Arguments<'_>) -> Answer {
        self.check(READ)?;
        let data = self.part(self.position, arguments.size()?);
        self.position += data.len();
        Ok(Reply::Data(data))
    }

    fn read_at(&mut self, arguments: &mut Arguments<'_>) -> Answer {
        let from = arguments.size()?;
        self.check(READ)?;
        Ok(Reply::Data(self.part(from, arguments.size()?)))
    }

    /// Bytes from a place on; fewer, or none, where the file ends.
    fn part(&self, from: usize, count: usize) -> Vec<u8> {
        let rest = self.bytes.get(from..).unwrap_or(&[]);
        rest[..count.min(rest.len())].to_vec()
    }

    fn write(&mut self, data: &[u8]) -> Answer {
        let reply = self.put(self.position, data)?;
        self.position += data.len();
        Ok(reply)
    }

    fn write_at(&mut self, arguments: &mut Arguments<'_>) -> Answer {
        let at = arguments.size()?;
        self.put(at, arguments.0)
    }

    /// Puts bytes at a place; what lies between the end and it becomes zeros.
    fn put(&mut self, at: usize, data: &[u8]) -> Answer {
        self.check(WRITE)?;
        let end = at + data.len();
        if end > self.bytes.len() {
            let more = end - self.bytes.len();
            self.bytes.try_reserve(more).map_err(|_| Errno(libc::ENOMEM))?;
            self.bytes.resize(end, 0);
        }
        self.bytes[at..end].copy_from_slice(data);
        Ok(Reply::Number(data.len()))
    }

    fn seek(&mut self, offset: i32, whence: i32) -> Answer {
        self.check(READ | WRITE)?;
        let from = match whence {
            0 => 0,
            1 => self.position,
            2 => self.bytes.len(),
            _ => return Err(Errno(libc::EINVAL)),
        };
        self.position = from.checked_add_signed(offset as isize).ok_or(Errno(libc::EINVAL))?;
        Ok(Reply::Number(self.position))
    }

    /// Ends the file where it stands, or makes it longer.
    fn truncate(&mut self) -> Answer {
        self.check(WRITE).map_err(|_| Errno(libc::EACCES))?;
        self.bytes
            .try_reserve(self.position.saturating_sub(self.bytes.len()))
            .map_err(|_| Errno(libc::ENOMEM))?;
        self.bytes.resize(self.position, 0);
        Ok(Reply::Done)
    }
}

impl From<Answer> for Effect {
    fn from(answer: Answer) -> Effect {
        let with_number = |kind: u8, number: usize| {
            let mut bytes = vec![kind];
            bytes.extend((number as u32).to_be_bytes());
            bytes
        };
        let (head, data) = match answer {
            Ok(Reply::Done) => (vec![0], None),
            Err(error) => ([&[1], error.name().as_bytes()].concat(), None),
            Ok(Reply::Data(data)) => (with_number(2, data.len()), Some(data)),
            Ok(Reply::Number(number)) => (with_number(3, number), None),
        };
        Effect::Answer { head, data }
    }
}

impl Driver for RamDriver {
    fn output(&mut self, bytes: Vec<u8>, effects: &mut Vec<Effect>) {
        let Some((&operation, arguments)) = bytes.split_first() else { return };
        let answer = self.run(operation, Arguments(arguments));
        effects.extend(answer.map(Effect::from));
    }
    fn ready(&mut self, _: Slot, _: Readiness, _: &mut Vec<Effect>) {}
    fn queued_bytes(&self) -> usize {
        0
    }
    fn drain(&mut self) -> bool {
        false
    }
    fn stop(&mut self) {
        *self = RamDriver::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(file: &mut RamDriver, command: &[u8]) -> Vec<u8> {
        let mut effects = vec![];
        file.output(command.to_vec(), &mut effects);
        match effects.pop() {
            Some(Effect::Answer { head, data }) => [head, data.unwrap_or_default()].concat(),
            _ => vec![],
        }
    }

    #[test]
    fn a_file_is_written_and_read() {
        let file = &mut RamDriver::default();
        assert_eq!(ask(file, &[4, b'x']), b"\x01ebadf");
        assert_eq!(ask(file, b"\x01\0\0\0\x03hello"), [3, 0, 0, 0, 0]);
        assert_eq!(ask(file, &[2, 0, 0, 0, 2]), b"\x02\0\0\0\x02he");
        assert_eq!(ask(file, b"\x04LL"), [3, 0, 0, 0, 2]);
        assert_eq!(ask(file, &[17, 0, 0, 0, 0, 0, 0, 0, 99]), b"\x02\0\0\0\x05heLLo");
        assert_eq!(ask(file, &[17, 255, 255, 255, 255, 0, 0, 0, 9]), b"\x01einval");
        assert_eq!(ask(file, b"\x12\0\0\0\x07!"), [3, 0, 0, 0, 1]);
        assert_eq!(ask(file, &[30]), b"\x02\0\0\0\x08heLLo\0\0!");
        assert_eq!(ask(file, &[3, 255, 255, 255, 250, 0, 0, 0, 2]), [3, 0, 0, 0, 2]);
        assert_eq!(ask(file, &[14]), [0]);
        assert_eq!(ask(file, &[37]), [3, 0, 0, 0, 2]);
        assert_eq!(ask(file, &[99]), []);
    }
}
