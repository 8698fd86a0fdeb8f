//! Ports: what an Erlang process sees of the world outside as something that
//! takes and sends messages.
//!
//! 1. A port is a [`Port`]: an entry in [`table`], with one lock around all
//!    that changes. Whoever has something to do with the port (a command, a
//!    signal, readiness of a descriptor, a finished child) takes the lock and
//!    does it at once, on its own thread.
//! 2. The port's [`driver::Driver`] works on the descriptors and answers with
//!    [`driver::Effect`]s, which the port turns into messages and signals
//!    under the same lock: so what a port sends arrives in the order it
//!    happened.
//! 3. Under the lock only signals are sent that a dead receiver does not
//!    answer (messages, exits, downs, acknowledgements); a link request is
//!    sent after the lock is given up. So no thread takes a lock twice.
//! 4. A port that closes with output left in its queue tells links and
//!    monitors at once, takes nothing more, and gives its descriptors up when
//!    the queue is written.
//! 5. A descriptor is taken out of [`poll`] before it is closed.

mod describe;
pub mod driver;
pub mod fd;
pub mod forker;
pub mod natives;
mod open;
pub mod poll;
mod ram;
mod settings;
pub mod signals;
pub mod spawn;
pub mod stream;
pub mod table;

pub use describe::{describe_all, tell_heart_of_crash};

use crate::resource::atom;
use driver::{Driver, Effect, Slot};
use oxbeam_heap::{Heap, OwnedTerm};
use oxbeam_runtime::process::PidData;
use oxbeam_runtime::reference::RefNumbers;
use oxbeam_runtime::signal::{Control, send_control, send_control_to, send_to_pid};
use oxbeam_runtime::system_monitor::{self, port_works};
use oxbeam_runtime::{process, registry};
use oxbeam_sys::poll::Readiness;
use oxbeam_term::{Atom, RawTerm, Term, am};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// The number of a port, as its term holds it.
pub type PortNumber = u64;

/// How far the life of a port has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Status {
    Open,
    /// Gone for everybody but its driver, which still writes (rule 4).
    Draining,
    Closed,
}

/// How input is shown to the owner.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Presentation {
    /// As binaries, else as lists.
    binary: bool,
    /// In lines of at most this many bytes.
    line: Option<usize>,
    /// The end of input is a message and does not close the port.
    eof: bool,
}

/// A port.
pub struct Port {
    /// Its number.
    pub number: PortNumber,
    /// Its name: a command, or two descriptors.
    pub name: Vec<u8>,
    inner: Mutex<Inner>,
}

/// What changes (rule 1).
struct Inner {
    status: Status,
    owner: PidData,
    links: BTreeSet<PidData>,
    /// Who watches.
    monitors: BTreeMap<RefNumbers, RawTerm>,
    data: OwnedTerm,
    presentation: Presentation,
    parallelism: bool,
    /// A line that has not ended.
    partial_line: Vec<u8>,
    input_bytes: u64,
    output_bytes: u64,
    os_pid: Option<u32>,
    /// Who waits for the port to be ready, and the reference of the answer.
    opener: Option<(PidData, RefNumbers)>,
    /// Who is suspended until output has drained.
    suspended: Vec<PidData>,
    driver: Box<dyn Driver>,
}

/// Output waiting beyond this many bytes makes a port busy.
const BUSY_ABOVE_BYTES: usize = 8192;
/// A busy port is so until no more than this is waiting.
const BUSY_UNTIL_BYTES: usize = 4096;

impl Port {
    /// Whether it is open, and what it is then.
    fn with_open<R>(&self, work: impl FnOnce(&mut Inner) -> R) -> Option<R> {
        let mut inner = self.inner.lock();
        (inner.status == Status::Open).then(|| work(&mut inner))
    }

    fn term(&self) -> RawTerm {
        RawTerm::port(self.number)
    }

    /// One of its descriptors is ready.
    pub(crate) fn ready(&self, slot: Slot, readiness: Readiness) {
        let mut inner = self.inner.lock();
        if inner.status != Status::Closed {
            let mut effects = Vec::new();
            let operation = if readiness.output { "output" } else { "input" };
            port_works(self.number, operation, || {
                inner.driver.ready(slot, readiness, &mut effects);
            });
            self.apply(&mut inner, effects);
        }
    }

    /// The program that it started has ended with this wait status.
    pub(crate) fn child_ended(&self, wait_status: i32) {
        let mut inner = self.inner.lock();
        if inner.status != Status::Closed {
            let mut effects = Vec::new();
            inner.driver.child_ended(wait_status, &mut effects);
            self.apply(&mut inner, effects);
        }
    }

    /// Sends bytes to the outside. False when the port is not open.
    fn output(&self, bytes: Vec<u8>) -> bool {
        let written = self.with_open(|inner| {
            inner.output_bytes += bytes.len() as u64;
            let mut effects = Vec::new();
            port_works(self.number, "proc_sig", || inner.driver.output(bytes, &mut effects));
            self.apply(inner, effects);
        });
        written.is_some()
    }

    /// Suspends a process that writes faster than the outside reads. True
    /// when the port is busy.
    fn suspend_if_busy(&self, writer: PidData) -> bool {
        let busy = |inner: &mut Inner| {
            let busy = inner.driver.queued_bytes() > BUSY_ABOVE_BYTES;
            let mine = inner.suspended.contains(&writer);
            if busy && !mine {
                inner.suspended.push(writer);
                send_control(writer, Control::Suspend);
                system_monitor::busy_port(writer, self.number);
            }
            busy
        };
        self.with_open(busy).unwrap_or(false)
    }

    fn apply(&self, inner: &mut Inner, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Data(bytes) => self.deliver(inner, bytes),
                Effect::Answer { head, data } => self.answer(inner, &head, data.as_deref()),
                Effect::ExitStatus(status) => self.tell_owner(inner, |heap| {
                    heap.tagged(am::exit_status, [heap.int(i64::from(status))])
                }),
                Effect::EndOfInput => self.end_of_input(inner),
                Effect::Fail(reason) => self.close(inner, OwnedTerm::immediate(reason)),
                Effect::Started(os_pid) => {
                    inner.os_pid = Some(os_pid);
                    self.answer_opener(inner, self.term());
                }
                Effect::NotStarted(error) => {
                    self.answer_opener(inner, RawTerm::atom(atom(error.name())));
                    self.close(inner, OwnedTerm::immediate(RawTerm::atom(am::normal)));
                }
                Effect::Written => self.output_drained(inner),
            }
        }
    }

    fn output_drained(&self, inner: &mut Inner) {
        let queued = inner.driver.queued_bytes();
        if queued <= BUSY_UNTIL_BYTES {
            for writer in std::mem::take(&mut inner.suspended) {
                send_control(writer, Control::Resume);
            }
        }
        if queued == 0 && inner.status == Status::Draining {
            self.finish(inner);
        }
    }

    fn answer_opener(&self, inner: &mut Inner, answer: RawTerm) {
        if let Some((opener, reference)) = inner.opener.take() {
            let message = OwnedTerm::build(|heap| {
                heap.tuple(&[heap.plain_ref(reference), Term::immediate(answer)])
            });
            send_to_pid(opener, message);
        }
    }

    /// `{Port, Content}` to the owner.
    fn tell_owner(&self, inner: &Inner, content: impl for<'h> FnOnce(&'h Heap) -> Term<'h>) {
        if inner.status == Status::Open {
            let port = Term::port(self.number);
            let message = OwnedTerm::build(|heap| heap.tuple(&[port, content(heap)]));
            send_to_pid(inner.owner, message);
        }
    }

    fn deliver(&self, inner: &mut Inner, bytes: Vec<u8>) {
        inner.input_bytes += bytes.len() as u64;
        let Some(limit) = inner.presentation.line else {
            let binary = inner.presentation.binary;
            return self.tell_owner(inner, |heap| {
                heap.tagged(am::data, [bytes_term(heap, &bytes, binary)])
            });
        };
        inner.partial_line.extend_from_slice(&bytes);
        while let Some(line) = take_line(&mut inner.partial_line, limit) {
            self.tell_line(inner, &line);
        }
    }

    fn answer(&self, inner: &mut Inner, head: &[u8], data: Option<&[u8]>) {
        inner.input_bytes += (head.len() + data.map_or(0, <[u8]>::len)) as u64;
        let binary = inner.presentation.binary;
        self.tell_owner(inner, |heap| {
            let data = data.map_or(Term::NIL, |data| bytes_term(heap, data, binary));
            let cons = |rest, &byte: &u8| heap.cons(heap.int(i64::from(byte)), rest);
            heap.tagged(am::data, [head.iter().rev().fold(data, cons)])
        });
    }

    fn tell_line(&self, inner: &Inner, line: &Line) {
        let binary = inner.presentation.binary;
        self.tell_owner(inner, |heap| {
            let tag = if line.ended { am::eol } else { am::noeol };
            let text = heap.tagged(tag, [bytes_term(heap, &line.text, binary)]);
            heap.tagged(am::data, [text])
        });
    }

    /// What is left of a line when nothing more will come.
    fn flush_line(&self, inner: &mut Inner) {
        if !inner.partial_line.is_empty() {
            let text = std::mem::take(&mut inner.partial_line);
            self.tell_line(inner, &Line { text, ended: false });
        }
    }

    fn end_of_input(&self, inner: &mut Inner) {
        if inner.status != Status::Open {
            return;
        }
        self.flush_line(inner);
        if inner.presentation.eof {
            self.tell_owner(inner, |_| Term::atom(am::eof));
        } else {
            self.close(inner, OwnedTerm::immediate(RawTerm::atom(am::normal)));
        }
    }

    /// Ends an open port: tells links and monitors, and its driver (rule 4).
    fn close(&self, inner: &mut Inner, reason: OwnedTerm) {
        if inner.status != Status::Open {
            // The driver gave up while it drained.
            return self.finish(inner);
        }
        inner.status = Status::Draining;
        if let Some(name) = registry::port_name(self.number) {
            registry::unregister(name);
        }
        for pid in std::mem::take(&mut inner.links) {
            let reason = OwnedTerm::copy_of(reason.view());
            let from = self.term();
            send_control(pid, Control::Exit { from, reason, linked: true, token: None });
        }
        for (reference, by) in std::mem::take(&mut inner.monitors) {
            let reason = OwnedTerm::copy_of(reason.view());
            send_control_to(by, Control::Down { reference, reason });
        }
        for writer in std::mem::take(&mut inner.suspended) {
            send_control(writer, Control::Resume);
        }
        let killed = reason.view().is(am::kill);
        if killed || !inner.driver.drain() {
            self.finish(inner);
        }
    }

    /// The driver has nothing left to do.
    fn finish(&self, inner: &mut Inner) {
        if inner.status != Status::Closed {
            inner.status = Status::Closed;
            inner.driver.stop();
            table::remove(self.number);
        }
    }

    /// An exit signal, or a request to close. A normal end of a linked
    /// process other than the owner changes nothing.
    fn exit(&self, from: RawTerm, reason: OwnedTerm) {
        self.with_open(|inner| {
            let of_owner = from == RawTerm::pid(inner.owner) || from == self.term();
            if of_owner || !reason.view().is(am::normal) {
                self.close(inner, reason);
            }
        });
    }

    /// Makes another process the owner; the old one stays linked. False when
    /// the port is not open.
    fn connect(&self, new_owner: PidData) -> bool {
        let linked = self.with_open(|inner| {
            inner.owner = new_owner;
            inner.links.insert(new_owner)
        });
        if linked == Some(true) {
            send_control(new_owner, Control::Link { from: self.term() });
        }
        linked.is_some()
    }

    /// Writes out all that waits, whatever it takes.
    pub(crate) fn flush(&self) {
        let mut inner = self.inner.lock();
        if inner.status != Status::Closed {
            inner.driver.flush();
        }
    }
}

fn bytes_term<'h>(heap: &'h Heap, bytes: &[u8], binary: bool) -> Term<'h> {
    if binary { heap.binary(bytes) } else { heap.list_of_bytes(bytes) }
}

/// A line, or the start of one that is too long.
#[derive(PartialEq, Eq, Debug)]
struct Line {
    text: Vec<u8>,
    ended: bool,
}

/// Takes the next line out of what has come: up to a line feed (and a carriage
/// return before it), or `limit` bytes when the line is longer.
fn take_line(buffer: &mut Vec<u8>, limit: usize) -> Option<Line> {
    if let Some(end) = memchr::memchr(b'\n', buffer) {
        let returned = end > 0 && buffer[end - 1] == b'\r';
        let length = end - usize::from(returned);
        if length <= limit {
            let mut text: Vec<u8> = buffer.drain(..=end).collect();
            text.truncate(length);
            return Some(Line { text, ended: true });
        }
    }
    let may_end_here = buffer.len() == limit + 1 && buffer.last() == Some(&b'\r');
    let too_long = buffer.len() > limit && !may_end_here;
    too_long.then(|| Line { text: buffer.drain(..limit).collect(), ended: false })
}

/// Makes ports work: signals, the first port, what is written before the
/// runtime ends, signals of the system. Once, at boot, before any process runs.
pub fn install() {
    oxbeam_runtime::signal::install_ports(&signals::Ports);
    oxbeam_runtime::system::install_flush(|| {
        table::all().iter().for_each(|port| port.flush());
    });
    table::insert_forker();
    signals::handle_system_signals();
}

/// The port of a port term or a registered name, open or not.
fn lookup(term: Term<'_>) -> Option<std::sync::Arc<Port>> {
    let number = match term.as_atom() {
        Some(name) => registry::whereis(name).filter(|end| end.is_local_port())?.local_data(),
        None => term.as_local_port()?,
    };
    table::find(number)
}

/// Whether a process is alive.
fn is_alive(pid: PidData) -> bool {
    process::table::find(pid).is_some_and(|process| !process.is_exiting())
}

/// A reason that is an atom from a fixed set.
fn reason(name: Atom) -> OwnedTerm {
    OwnedTerm::immediate(RawTerm::atom(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8], limit: usize) -> Vec<(String, bool)> {
        let mut buffer = text.to_vec();
        let next = || take_line(&mut buffer, limit);
        std::iter::from_fn(next)
            .map(|line| (String::from_utf8(line.text).unwrap(), line.ended))
            .collect()
    }

    /// Starts a program for nobody; the port goes when the program has ended.
    fn run_program(line: &str) -> Option<std::sync::Arc<Port>> {
        let programs = std::fs::read_dir("/usr/lib/erlang").ok()?.flatten();
        let mut programs = programs.map(|entry| entry.path().join("bin"));
        let programs = programs.find(|path| path.join("erl_child_setup").exists())?;
        oxbeam_sys::environment::set(b"BINDIR", programs.as_os_str().as_encoded_bytes());
        static SYSTEM: std::sync::Once = std::sync::Once::new();
        SYSTEM.call_once(|| oxbeam_runtime::system::install(Default::default()));
        let number = table::reserve().unwrap();
        let program = spawn::Program {
            command: spawn::CommandLine::Shell(line.into()),
            directory: Some(b"/".to_vec()),
            environment: vec![(b"A".to_vec(), b"5".to_vec())],
            use_stdio: true,
            stderr_to_stdout: true,
            exit_status: true,
            read: true,
            write: true,
            packet_bytes: 0,
        };
        let driver = spawn::SpawnDriver::launch(number, &program).unwrap();
        let new = table::NewPort {
            number,
            name: line.into(),
            owner: 7,
            presentation: Presentation::default(),
            parallelism: false,
            opener: None,
        };
        let port = table::insert(new, true, Box::new(driver));
        port.inner.lock().driver.start();
        Some(port)
    }

    fn wait_until(what: impl Fn() -> bool) {
        let start = std::time::Instant::now();
        while !what() {
            assert!(start.elapsed().as_secs() < 20, "it did not happen");
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }

    #[test]
    fn a_program_is_started_read_and_seen_to_end() {
        let Some(port) = run_program("sh -c 'read x; echo $x $A; pwd; exit 3'") else { return };
        wait_until(|| port.inner.lock().os_pid.is_some());
        assert!(port.output(b"hello\n".to_vec()));
        wait_until(|| table::find(port.number).is_none());
        let inner = port.inner.lock();
        assert_eq!((inner.status, inner.input_bytes), (Status::Closed, 10));
        assert_eq!(inner.output_bytes, 6);
    }

    #[test]
    fn closing_ends_the_program_after_the_output() {
        let path = std::env::temp_dir().join(format!("oxbeam-port-{}", std::process::id()));
        let Some(port) = run_program(&format!("cat > {}", path.display())) else { return };
        wait_until(|| port.inner.lock().os_pid.is_some());
        assert!(port.output(vec![b'x'; 300_000]));
        port.exit(RawTerm::pid(7), reason(am::normal));
        assert!(!port.output(b"late".to_vec()));
        wait_until(|| table::find(port.number).is_none());
        wait_until(|| std::fs::metadata(&path).is_ok_and(|data| data.len() == 300_000));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn lines_are_cut_at_the_limit() {
        assert_eq!(
            lines(b"abc\nde\n\nx", 2),
            [("ab".into(), false), ("c".into(), true), ("de".into(), true), (String::new(), true)]
        );
        assert_eq!(lines(b"ab\r\n", 10), [("ab".into(), true)]);
        assert_eq!(lines(b"ab\r\n", 2), [("ab".into(), true)]);
        assert_eq!(lines(b"abc\r\n", 2), [("ab".into(), false), ("c".into(), true)]);
        assert_eq!(lines(b"ab", 2), []);
        assert_eq!(lines(b"ab\r", 2), []);
    }
}
