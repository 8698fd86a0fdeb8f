//! The `spawn` driver: a program with its standard descriptors on pipes.

use super::PortNumber;
use super::driver::{Driver, Effect, Slot};
use super::forker::{self, RECORD_BYTES};
use super::stream::{Descriptor, Stream, fail};
use oxbeam_sys::Errno;
use oxbeam_sys::poll::Readiness;
use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// A program to start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program {
    /// What runs.
    pub command: CommandLine,
    /// The directory to start in, when not the current one.
    pub directory: Option<Vec<u8>>,
    /// Its environment.
    pub environment: Vec<(Vec<u8>, Vec<u8>)>,
    /// On descriptors 0 and 1, else on 3 and 4.
    pub use_stdio: bool,
    /// Its errors go where its output goes.
    pub stderr_to_stdout: bool,
    /// Tell the exit status.
    pub exit_status: bool,
    /// The port reads.
    pub read: bool,
    /// The port writes.
    pub write: bool,
    /// Size of the length in front of packets.
    pub packet_bytes: usize,
}

/// What runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CommandLine {
    /// A line for the shell.
    Shell(Vec<u8>),
    /// A file with its arguments, its own name first.
    Executable(Vec<u8>, Vec<Vec<u8>>),
}

/// What is known of the program's end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Child {
    /// Nobody asked.
    NotAsked,
    Running,
    Ended(i32),
}

#[derive(Debug)]
enum Phase {
    /// Waits for the *go* record; so much of it has come.
    Starting([u8; RECORD_BYTES], usize),
    Running,
}

/// A port with a program behind it.
#[derive(Debug)]
pub struct SpawnDriver {
    stream: Stream,
    phase: Phase,
    child: Child,
    read: bool,
    write: bool,
    input_ended: bool,
}

fn pipe() -> Result<(OwnedFd, OwnedFd), Errno> {
    let mut ends = [0; 2];
    // SAFETY: crate rule 4; the new descriptors are ours alone.
    unsafe {
        if libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) != 0 {
            return Err(Errno::last());
        }
        Ok((OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])))
    }
}

fn unblock(fd: &OwnedFd) {
    // SAFETY: fcntl takes plain numbers.
    unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
}

/// Errors unless this process may execute the file.
fn check_executable(path: &[u8]) -> Result<(), Errno> {
    let path = CString::new(path).map_err(|_| Errno(libc::EINVAL))?;
    // SAFETY: crate rule 4: a C string.
    if unsafe { libc::access(path.as_ptr(), libc::X_OK) } == 0 {
        Ok(())
    } else {
        Err(Errno::last())
    }
}

impl Program {
    /// The description for the child, its own length in front.
    fn describe(&self) -> Result<Vec<u8>, Errno> {
        let switches = [self.use_stdio, self.exit_status, self.read, self.write];
        let bits = switches.iter().rev().fold(0u32, |bits, on| bits << 1 | u32::from(*on));
        let mut text = bits.to_be_bytes().to_vec();
        let mut word = |parts: &[&[u8]]| {
            parts.iter().for_each(|part| text.extend_from_slice(part));
            text.push(0);
        };
        match &self.command {
            CommandLine::Shell(line) => word(&[b"exec ", line]),
            CommandLine::Executable(path, _) => word(&[path]),
        }
        word(&[&crate::file::current_directory()?]);
        if let Some(directory) = &self.directory {
            word(&[directory]);
        }
        word(&[]);
        text.extend((self.environment.len() as u32).to_be_bytes());
        for (name, value) in &self.environment {
            text.extend([name, &b"="[..], value, b"\0"].concat());
        }
        if let CommandLine::Executable(_, arguments) = &self.command {
            text.extend((arguments.len() as u32).to_be_bytes());
            arguments.iter().for_each(|argument| text.extend([argument, &b"\0"[..]].concat()));
        }
        let length = (text.len() as i32).to_ne_bytes();
        Ok([&length[..], &text].concat())
    }
}

impl SpawnDriver {
    /// Starts a program for a port. The driver tells by an effect when it
    /// runs, or that it does not.
    ///
    /// Errors: what is known to be wrong at once.
    pub fn launch(port: PortNumber, program: &Program) -> Result<SpawnDriver, Errno> {
        if let CommandLine::Executable(path, _) = &program.command {
            check_executable(path)?;
        }
        let description = program.describe()?;
        let (child_in, to_child) = pipe()?;
        let (from_child, child_out) = pipe()?;
        unblock(&to_child);
        unblock(&from_child);
        let errors = if program.stderr_to_stdout { child_out.as_raw_fd() } else { 2 };
        let key = if program.exit_status { forker::key_of(port) } else { 0 };
        let (input, output) = (Descriptor::Owned(from_child), Descriptor::Owned(to_child));
        let packet_bytes = program.packet_bytes;
        let mut stream = Stream::new(port, packet_bytes, Some(input), Some(output), false);
        let mut effects = Vec::new();
        stream.write(description, &mut effects);
        if !effects.is_empty() {
            return Err(Errno(libc::EPIPE));
        }
        forker::start([child_in.as_raw_fd(), child_out.as_raw_fd(), errors], key)?;
        let child = if program.exit_status { Child::Running } else { Child::NotAsked };
        let phase = Phase::Starting([0; RECORD_BYTES], 0);
        let (read, write) = (program.read, program.write);
        Ok(SpawnDriver { stream, phase, child, read, write, input_ended: false })
    }

    /// Reads the *go* record and answers it.
    fn handshake(&mut self, effects: &mut Vec<Effect>) {
        let Phase::Starting(record, filled) = &mut self.phase else { return };
        match self.stream.read_raw(record, *filled) {
            Err(error) => return effects.push(Effect::NotStarted(error)),
            Ok(count) => *filled = count,
        }
        if *filled < RECORD_BYTES {
            return self.stream.wait_for_input();
        }
        match forker::read_go(record) {
            Err(error) => effects.push(Effect::NotStarted(error)),
            Ok(os_pid) => {
                self.phase = Phase::Running;
                self.stream.write(forker::ack().to_vec(), &mut Vec::new());
                effects.push(Effect::Started(os_pid));
                match self.read {
                    true => self.stream.wait_for_input(),
                    false => self.stream.close_input(),
                }
                self.close_unused_output();
            }
        }
    }

    /// A port that only reads needs its output for the start alone.
    fn close_unused_output(&mut self) {
        if !self.write && self.stream.queued_bytes() == 0 {
            self.stream.close_output();
        }
    }

    fn input_ended(&mut self, effects: &mut Vec<Effect>) {
        self.input_ended = true;
        match self.child {
            // Its status is still to come.
            Child::Running => {}
            Child::NotAsked => effects.push(Effect::EndOfInput),
            Child::Ended(status) => {
                effects.push(Effect::ExitStatus(status));
                effects.push(Effect::EndOfInput);
            }
        }
    }
}

impl Driver for SpawnDriver {
    fn start(&mut self) {
        self.stream.wait_for_input();
    }

    fn output(&mut self, bytes: Vec<u8>, effects: &mut Vec<Effect>) {
        match (&self.phase, self.write) {
            (Phase::Running, true) => self.stream.write_packet(bytes, effects),
            _ => effects.push(fail(Errno(libc::EINVAL))),
        }
    }

    fn ready(&mut self, slot: Slot, _: Readiness, effects: &mut Vec<Effect>) {
        match (slot, &self.phase) {
            (Slot::Output, _) => {
                self.stream.write_queued(effects);
                if matches!(self.phase, Phase::Running) {
                    self.close_unused_output();
                }
            }
            (Slot::Input, Phase::Starting(..)) => self.handshake(effects),
            (Slot::Input, Phase::Running) => match self.stream.read(effects) {
                Ok(true) => self.stream.wait_for_input(),
                Ok(false) => self.input_ended(effects),
                Err(error) => effects.push(fail(error)),
            },
        }
    }

    fn child_ended(&mut self, wait_status: i32, effects: &mut Vec<Effect>) {
        let status = match libc::WIFSIGNALED(wait_status) {
            true => 128 + libc::WTERMSIG(wait_status),
            false => libc::WEXITSTATUS(wait_status),
        };
        self.child = Child::Ended(status);
        // Output of the program may still be in the pipe: its end counts.
        if self.input_ended || !self.read {
            self.input_ended(effects);
        }
    }

    fn queued_bytes(&self) -> usize {
        self.stream.queued_bytes()
    }

    fn drain(&mut self) -> bool {
        self.stream.close_input();
        self.stream.queued_bytes() > 0
    }

    fn stop(&mut self) {
        self.stream.close_input();
        self.stream.close_output();
    }
}
