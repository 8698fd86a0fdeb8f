//! How a process takes its signals.
//!
//! 1. What is in the in-queue is taken as a whole, and handled in the order in which it came.
//! 2. At one go so much is handled as holds no scheduler for long ([`UNITS_AT_ONCE`]). The rest is
//!    kept with the process, which goes into its run queue with the mark of signals, and runs when
//!    all that was taken has been handled: so it never runs past a signal that came before.
//! 3. What comes in meanwhile waits until then, so that no crowd of senders keeps it from running.

use super::Control;
use super::handle::{arrive, handle};
use super::in_queue::{Signal, Signals};
use crate::engine::TURN_REDUCTIONS;
use crate::native::Cx;
use crate::process::{Owned, Process};
use std::sync::Arc;

/// What is handled at one go: a message is a unit, another signal as many as it may cost.
const UNITS_AT_ONCE: usize = if oxbeam_heap::ZEAL { 3 * CONTROL_UNITS } else { 1 << 14 };
const CONTROL_UNITS: usize = 8;
/// Signals that are put in order at the price of one.
const TURNED_FOR_A_UNIT: usize = 4;

/// What came out of taking signals.
#[derive(Clone, Copy, Default, Debug)]
pub struct Taken {
    /// The mailbox has got messages.
    pub messages: bool,
    /// The process is to end, with the reason in its state.
    pub exit: bool,
    /// A request was answered, perhaps one for a collection.
    pub asked: bool,
    /// Not all has been handled (rule 2).
    pub more: bool,
}

/// Signals that were taken and not handled yet, and what came out of the others.
#[derive(Default)]
pub(crate) struct Untaken {
    pub signals: Signals,
    taken: Taken,
    woken: bool,
}

/// At the start of a turn, which has taken the mark of signals away: `signals` says whether it was
/// there, `woken` whether the process was woken: that too is given back when all is handled.
pub(crate) fn take_at_start(
    process: &Arc<Process>,
    owned: &mut Owned,
    signals: bool,
    woken: bool,
) -> (Taken, bool) {
    let kept = match owned.own.take_untaken() {
        Some(kept) => {
            // Rule 3: the in-queue is for the next turn.
            mark(process);
            kept
        }
        None if signals => Untaken { signals: process.in_queue().take(), ..Default::default() },
        None => return (Taken::default(), woken),
    };
    let (mut taken, woken) = (Taken { more: false, ..kept.taken }, woken || kept.woken);
    let rest = handle_some(process, owned, kept.signals, &mut taken, UNITS_AT_ONCE);
    keep(process, owned, rest, &mut taken, woken);
    (taken, woken)
}

/// In the middle of a turn. With `more` the turn is to end where it is.
pub fn take_in_turn(process: &Arc<Process>, owned: &mut Owned) -> Taken {
    let mut taken = Taken::default();
    while !taken.more && !taken.exit && process.state.begin_fetch() {
        let signals = process.in_queue().take();
        let rest = handle_some(process, owned, signals, &mut taken, UNITS_AT_ONCE);
        keep(process, owned, rest, &mut taken, false);
    }
    taken
}

/// All of them, for a process that runs on a dirty scheduler.
pub(crate) fn take_all(process: &Arc<Process>, owned: &mut Owned) -> Taken {
    let mut taken = Taken::default();
    while !taken.exit && process.state.begin_fetch() {
        let signals = process.in_queue().take();
        let rest = handle_some(process, owned, signals, &mut taken, usize::MAX);
        keep(process, owned, rest, &mut taken, false);
    }
    taken
}

/// The mark of signals, for who runs the process.
fn mark(process: &Process) {
    let queued = process.state.signal();
    debug_assert!(!queued, "a running process is in no run queue");
}

/// What is left of `signals` stays with the process: to be handled, or for its end.
fn keep(process: &Process, owned: &mut Owned, signals: Signals, taken: &mut Taken, woken: bool) {
    if signals.is_empty() {
        return;
    }
    if !taken.exit {
        taken.more = true;
        mark(process);
    }
    owned.own.keep_untaken(Untaken { signals, taken: *taken, woken });
}

/// Handles signals until the process is to end or so many units are used; gives those that are
/// left.
fn handle_some(
    process: &Arc<Process>,
    owned: &mut Owned,
    mut signals: Signals,
    taken: &mut Taken,
    mut units: usize,
) -> Signals {
    if !signals.turn_some(units.saturating_mul(TURNED_FOR_A_UNIT)) {
        return signals;
    }
    while units > 0 && !taken.exit {
        let Some(signal) = signals.next() else { break };
        match signal {
            Signal::Message(message) => {
                arrive(process, &mut owned.own, None, message);
                taken.messages = true;
                units -= 1;
            }
            Signal::Control(node) => {
                taken.asked |= matches!(node.control, Control::Request(_));
                let Owned { heap, own } = &mut *owned;
                let before = own.mailbox.len();
                let mut cx = Cx { heap, own, process, reductions: TURN_REDUCTIONS };
                handle(&mut cx, node.control);
                taken.messages |= cx.own.mailbox.len() > before;
                taken.exit |= cx.own.exit_reason.is_some();
                owned.own.reductions += 1;
                units = units.saturating_sub(CONTROL_UNITS);
            }
        }
    }
    signals
}
