//! What processes send to ports, and what the system sends to all.

use super::{Port, PortNumber, is_alive, reason, table};
use crate::resource::{atom, iodata};
use oxbeam_heap::OwnedTerm;
use oxbeam_runtime::process::PidData;
use oxbeam_runtime::registry;
use oxbeam_runtime::signal::in_queue::Signal;
use oxbeam_runtime::signal::{
    Control, PortSignals, handle::answer_as_dead, send_control_to, send_to_pid,
};
use oxbeam_sys::signal::{self, Action};
use oxbeam_term::{RawTerm, Term, am};
use std::sync::OnceLock;

/// Takes signals for all ports.
pub struct Ports;

impl PortSignals for Ports {
    fn signal(&self, port: PortNumber, control: Control) -> bool {
        match table::find(port) {
            Some(found) => found.control(control),
            None => {
                let signal = Signal::control(control);
                answer_as_dead(RawTerm::port(port), signal);
                false
            }
        }
    }

    fn message(&self, from: PidData, port: PortNumber, message: Term<'_>) {
        if let Some(port) = table::find(port) {
            port.message(from, message);
        }
    }
}

impl Port {
    /// A signal that is no message. False when the port is not open.
    fn control(&self, control: Control) -> bool {
        let me = self.term();
        match control {
            Control::Link { from } => self.or_dead(Control::Link { from }, |port| {
                port.inner.lock().links.insert(from.local_data());
            }),
            Control::Unlink { from, id } => {
                let known = self.with_open(|inner| inner.links.remove(&from.local_data()));
                send_control_to(from, Control::UnlinkAck { from: me, id });
                known.is_some()
            }
            Control::Exit { from, reason, linked, .. } => {
                if !linked {
                    self.exit(from, reason);
                    return true;
                }
                let was = self.with_open(|inner| inner.links.remove(&from.local_data()));
                if was == Some(true) {
                    self.exit(from, reason);
                }
                was.is_some()
            }
            Control::Monitor { by, reference, name } => {
                let control = Control::Monitor { by, reference, name };
                self.or_dead(control, |port| {
                    port.inner.lock().monitors.insert(reference, by);
                })
            }
            Control::Demonitor { reference } => {
                self.with_open(|inner| inner.monitors.remove(&reference)).is_some()
            }
            // The others are for processes.
            _ => true,
        }
    }

    /// Does something with an open port; a closed one answers like a dead one.
    fn or_dead(&self, control: Control, work: impl FnOnce(&Port)) -> bool {
        // Between the look and the work the port may close: then the signal
        // came too late all the same, and nobody waits for more.
        if self.with_open(|_| ()).is_none() {
            answer_as_dead(self.term(), Signal::control(control));
            return false;
        }
        work(self);
        true
    }

    /// `Port ! Message`: `{Owner, {command, Data}}`, `{Owner, close}`,
    /// `{Owner, {connect, Pid}}`. Anything else ends the port.
    fn message(&self, from: PidData, message: Term<'_>) {
        if self.obey(from, message).is_none() {
            self.with_open(|inner| self.close(inner, reason(atom("badsig"))));
        }
    }

    fn obey(&self, from: PidData, message: Term<'_>) -> Option<()> {
        let [owner, order] = message.as_tuple_n::<2>()?;
        let owner = owner.as_local_pid()?;
        let Some(actual) = self.with_open(|inner| inner.owner) else { return Some(()) };
        if owner != actual {
            return None;
        }
        if order.as_atom().is_some_and(|order| order.name() == "close") {
            self.with_open(|inner| {
                self.close(inner, reason(am::normal));
                let closed = OwnedTerm::build(|heap| {
                    heap.tuple(&[Term::port(self.number), Term::atom(atom("closed"))])
                });
                send_to_pid(owner, closed);
            });
            return Some(());
        }
        let [order, argument] = order.as_tuple_n::<2>()?;
        match order.as_atom()?.name() {
            "command" => {
                let bytes = iodata(argument)?.into_owned();
                self.output(bytes);
                self.suspend_if_busy(from);
            }
            "connect" => {
                let new_owner = argument.as_local_pid().filter(|pid| is_alive(*pid))?;
                self.connect(new_owner);
                let connected = OwnedTerm::build(|heap| {
                    heap.tuple(&[Term::port(self.number), Term::atom(am::connected)])
                });
                send_to_pid(owner, connected);
            }
            _ => return None,
        }
        Some(())
    }
}

static INTERRUPT: OnceLock<fn()> = OnceLock::new();

/// Sets what Ctrl-C does: `Some`: that, on the thread that polls; `None`: nothing.
pub fn on_interrupt(handler: Option<fn()>) {
    let action = if handler.is_some() { Action::Handle } else { Action::Ignore };
    if let Some(handler) = handler {
        INTERRUPT.set(handler).ok();
    }
    signal::set(signal::Signal::Int, action).expect("this signal can be handled");
}

/// Installs what stock's emulator does with signals of the system: SIGTERM,
/// SIGQUIT and SIGUSR1 go to `erl_signal_server`, broken pipes are errors of writes.
pub(super) fn handle_system_signals() {
    signal::ignore_broken_pipes();
    for signal in [signal::Signal::Term, signal::Signal::Quit, signal::Signal::Usr1] {
        signal::set(signal, Action::Handle).expect("these signals can be handled");
    }
    super::poll::arm_signals();
}

/// `{notify, Signal}` to `erl_signal_server` for each signal that has come.
pub(super) fn take_system_signals() {
    let server = registry::whereis(atom("erl_signal_server")).filter(|end| end.is_local_pid());
    for signal in signal::take() {
        if signal == signal::Signal::Int
            && let Some(handler) = INTERRUPT.get()
        {
            handler();
            continue;
        }
        if let Some(server) = server {
            let message = OwnedTerm::build(|heap| {
                heap.tagged(atom("notify"), [Term::atom(atom(signal.name()))])
            });
            send_to_pid(server.local_data(), message);
        }
    }
}
