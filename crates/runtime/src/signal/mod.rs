//! Signals between processes, and between processes and ports.
//!
//! All kinds go through the one in-queue of the receiver, so their order between two ends is
//! the order in which they were sent. Signals that are no messages are handled when the receiver
//! is scheduled in, when its receive finds no message, and when it asks for them ([`take`]).

pub mod handle;
pub mod in_queue;
pub mod queue;
pub mod take;

use crate::native::Cx;
use crate::process::{PidData, Process, table};
use crate::reference::RefNumbers;
use crate::task::Task;
use crate::trace::flags;
use crate::trace::sequential::{Token, Trail};
use in_queue::Signal;
use oxbeam_heap::OwnedTerm;
use oxbeam_term::{Atom, RawTerm, Term, outside};
use queue::Message;
use std::sync::Arc;

/// A request that is answered in the receiver's own context.
pub trait Request: Send {
    /// Runs as the receiver, between two of its instructions.
    fn run(self: Box<Self>, cx: &mut Cx<'_>);
    /// The receiver is gone.
    fn dead(self: Box<Self>);
}

/// A signal that is no message.
pub enum Control {
    Link {
        from: RawTerm,
    },
    Unlink {
        from: RawTerm,
        id: u64,
    },
    UnlinkAck {
        from: RawTerm,
        id: u64,
    },
    /// An end of a link has ended, or `exit/2` was called (`linked` false).
    Exit {
        from: RawTerm,
        reason: OwnedTerm,
        linked: bool,
        token: Option<Token>,
    },
    Monitor {
        by: RawTerm,
        reference: RefNumbers,
        name: Option<Atom>,
    },
    Demonitor {
        reference: RefNumbers,
    },
    /// A message to a process that is traced for what it receives, or with a token.
    Message {
        from: PidData,
        term: OwnedTerm,
        token: Option<Token>,
    },
    /// What was watched has ended.
    Down {
        reference: RefNumbers,
        reason: OwnedTerm,
    },
    /// A message through an alias: delivered if the alias is active.
    AliasMessage {
        reference: RefNumbers,
        term: OwnedTerm,
        token: Option<Token>,
    },
    /// An alias of the receiver's has been outside: it is remembered while it is active.
    AliasOutside {
        reference: RefNumbers,
    },
    GroupLeader {
        leader: OwnedTerm,
    },
    /// The receive timeout of that number has fired.
    Timeout {
        number: u64,
    },
    Suspend,
    Resume,
    Request(Box<dyn Request>),
    Task(Box<dyn Task>),
}

/// Appends a signal to a process's in-queue and makes it runnable. Gives the signal back when
/// the process takes no more.
pub fn deliver(process: &Arc<Process>, signal: Signal) -> Result<(), Signal> {
    let is_control = matches!(signal, Signal::Control(_));
    process.in_queue().push(signal)?;
    if process.state.signal() {
        crate::system_profile::process(process, true);
        crate::scheduler::enqueue(process.clone());
    } else if is_control && process.state.is_dirty() {
        crate::dirty::tell_handler(process);
    }
    Ok(())
}

/// Sends a message to a process; one to a process that is gone is dropped.
pub fn send_message(to: &Arc<Process>, term: OwnedTerm) {
    deliver(to, Signal::Message(Message::new(term))).ok();
}

/// As [`send_message`], from a process, with the token of its sequential trace: who tells of messages
/// that arrive is told from whom.
pub fn send_message_from(from: PidData, to: &Arc<Process>, term: OwnedTerm, token: Option<Token>) {
    let signal = if token.is_some() || to.trace_flags() & flags::RECEIVE != 0 {
        Signal::control(Control::Message { from, term, token })
    } else {
        Signal::Message(Message::with_trail(term, Trail::Ends))
    };
    deliver(to, signal).ok();
}

/// The running process sends a message to itself. It need not be copied where nothing is in the
/// in-queue, which would come before it, and messages may lie on the heap: then it goes into the
/// mailbox as it is.
pub fn send_to_self<'h>(cx: &mut Cx<'h>, message: Term<'h>, token: Option<Token>) {
    let traced = token.is_some() || cx.process.trace_flags() & flags::RECEIVE != 0;
    if !cx.own.flags.message_queue_off_heap && !traced && cx.process.in_queue().is_empty() {
        cx.own.mailbox.push_own(cx.heap, message);
    } else {
        send_message_from(cx.process.pid, cx.process, OwnedTerm::message(message), token);
    }
}

/// Sends a message to the process of that pid, if it is alive.
pub fn send_to_pid(to: PidData, term: OwnedTerm) {
    if let Some(process) = table::find(to) {
        send_message(&process, term);
    }
}

/// Sends a control signal to a process. `false`: it is gone, and the signal was answered as the
/// dead answer it.
pub fn send_control(to: PidData, control: Control) -> bool {
    let control = Signal::control(control);
    let refused = match table::find(to) {
        Some(process) => deliver(&process, control),
        None => Err(control),
    };
    match refused {
        Ok(()) => true,
        Err(signal) => {
            handle::answer_as_dead(RawTerm::pid(to), signal);
            false
        }
    }
}

/// What takes signals in the place of a port; set by the crate that has ports.
pub trait PortSignals: Sync {
    /// Hands a link, unlink, exit, monitor or demonitor signal to a port. `false`: no such port.
    fn signal(&self, port: u64, control: Control) -> bool;
    /// Hands a message (`{Pid, {command, Data}}` and its kin) from a process to a port. One to a
    /// port that is gone is dropped.
    fn message(&self, from: PidData, port: u64, message: Term<'_>);
}

static PORTS: std::sync::OnceLock<&'static dyn PortSignals> = std::sync::OnceLock::new();

/// Sets what handles signals to ports; once, at boot.
pub fn install_ports(ports: &'static dyn PortSignals) {
    PORTS.set(ports).ok().expect("ports are installed once");
}

/// Sends a message to a port.
pub fn send_to_port(from: PidData, port: u64, message: Term<'_>) {
    if let Some(ports) = PORTS.get() {
        ports.message(from, port, message);
    }
}

/// Has processes told of their aliases that go outside; for boot.
pub fn install_aliases() {
    outside::set_alias_entered(|reference, pid| {
        send_control(pid.local_data(), Control::AliasOutside { reference });
    });
}

/// Sends a control signal to a local process or port.
pub fn send_control_to(to: RawTerm, control: Control) -> bool {
    if to.is_local_pid() {
        return send_control(to.local_data(), control);
    }
    match PORTS.get() {
        Some(ports) if to.is_local_port() => ports.signal(to.local_data(), control),
        _ => false,
    }
}
