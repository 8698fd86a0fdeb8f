//! The end of a process.

use super::{Owned, Process, table};
use crate::dirty;
use crate::literal_release::Hold;
use crate::monitor::{Target, Watched};
use crate::native::RunOn;
use crate::progress::ProgressGuard;
use crate::registry;
use crate::report;
use crate::signal::handle::answer_as_dead;
use crate::signal::in_queue::{Signal, Signals};
use crate::signal::{Control, send_control, send_control_to};
use crate::timer::{self, TimerList};
use crate::trace::of_processes;
use oxbeam_heap::OwnedTerm;
use oxbeam_term::{RawTerm, Term, am};
use std::sync::{Arc, OnceLock};

/// What other crates do when a process ends (tables it owns, say), while it can still be found.
pub type ExitHook = fn(&Arc<Process>, &mut Owned);
/// Whether that takes long, for a process that ends.
pub type IsLong = fn(&Process) -> bool;

/// Filled from the front at boot and only read afterwards, by every process that ends.
static HOOKS: [OnceLock<(ExitHook, IsLong)>; 8] = [const { OnceLock::new() }; 8];

/// Adds a hook; for boot. Where it takes long the process ends on another thread than a scheduler's.
pub fn on_exit(hook: ExitHook, is_long: IsLong) {
    let free = HOOKS.iter().find(|place| place.set((hook, is_long)).is_ok());
    assert!(free.is_some(), "room for the hooks of all crates");
}

/// Words of a reason that is copied off the heap at once.
const QUICK_REASON_WORDS: usize = if oxbeam_heap::ZEAL { 16 } else { 1 << 14 };

/// An exception ends a process: sets its exit reason, a term of its heap, and tells the logger of an
/// error. A large reason stays on the heap, for [`finish`], which must come before a collection.
pub fn die(process: &Process, owned: &mut Owned, is_error: bool, reason: Term<'_>) {
    let Some(copy) = OwnedTerm::small_copy_of(reason, QUICK_REASON_WORDS) else {
        // SAFETY: nothing collects the heap any more, by contract.
        owned.own.exit_reason = Some(unsafe { OwnedTerm::attached(reason.raw()) });
        owned.own.rare_mut().dies_by_error = Some(is_error);
        return;
    };
    if is_error {
        report::uncaught(process, &owned.own, reason);
    }
    owned.own.exit_reason = Some(copy);
}

/// Whether the exit reason is large and lies on the heap still.
fn has_large_reason(owned: &Owned) -> bool {
    owned.own.rare.as_ref().is_some_and(|rare| rare.dies_by_error.is_some())
}

/// Does for a large reason what [`die`] does for a small one.
fn copy_large_reason(process: &Process, owned: &mut Owned) {
    let own = &mut owned.own;
    let dies_by_error = own.rare.as_mut().and_then(|rare| rare.dies_by_error.take());
    if let Some(is_error) = dies_by_error
        && let Some(on_heap) = own.exit_reason.take()
    {
        if is_error {
            report::uncaught(process, own, on_heap.view());
        }
        own.exit_reason = Some(OwnedTerm::copy_of(on_heap.view()));
    }
}

/// Ends a process whose ownership the caller holds: answers what waits in its in-queue, tells
/// links and monitors, frees its heap. The reason is the state's `exit_reason`, else `normal`.
/// What of this takes long is done on a dirty scheduler's thread.
pub fn finish(process: &Arc<Process>) {
    // SAFETY: the caller holds the ownership, and this takes it for good.
    let owned = unsafe { process.take_owned() }.expect("a process ends once");
    process.start_exiting();
    let mut hooks = HOOKS.iter().map_while(OnceLock::get);
    let is_long = has_large_reason(&owned) || hooks.any(|(_, is_long)| is_long(process));
    if dirty::current() == RunOn::Normal && is_long {
        let (ending, hold) = (Ending(process.clone(), owned), Hold::take());
        return dirty::run_errand(move || {
            ending.end();
            drop(hold);
        });
    }
    finish_owned(process, owned);
}

/// A process that ends, with its owned part.
struct Ending(Arc<Process>, Box<Owned>);

// SAFETY: the owned part has been taken for good, so whoever has it is its owner.
unsafe impl Send for Ending {}

impl Ending {
    fn end(self) {
        finish_owned(&self.0, self.1);
    }
}

/// As [`finish`], for a process whose owned part the caller has taken.
pub(crate) fn finish_owned(process: &Arc<Process>, mut owned: Box<Owned>) {
    // What it uses meanwhile, literals among it, is not given back before it is done.
    let _guard = ProgressGuard::enter();
    process.start_exiting();
    copy_large_reason(process, &mut owned);
    // What a native under way holds is given back before anyone is told that the process ended.
    drop(owned.own.suspended.take());
    for (hook, _) in HOOKS.iter().map_while(OnceLock::get) {
        hook(process, &mut owned);
    }
    let normal = || OwnedTerm::immediate(RawTerm::atom(am::normal));
    let reason = owned.own.exit_reason.take().unwrap_or_else(normal);
    of_processes::exit(process, &owned.own, &reason);
    registry::unregister_process(process, &owned.own);
    of_processes::exited(process, &owned.own);
    process.forget_tracer();
    if let Some(timer) = owned.own.timeout.take() {
        timer.cancel();
    }
    crate::system_monitor::SETTING.process_ended(process.pid);
    crate::system_profile::SETTING.process_ended(process.pid);
    crate::trace::sequential::process_ended(process.pid);
    crate::scheduler::online::process_ended(process.pid);
    let system_process = owned.own.flags.system_process;
    let me = RawTerm::pid(process.pid);
    table::remove(process.pid);
    let untaken = owned.own.take_untaken().map(|untaken| untaken.signals);
    let rest = [untaken.unwrap_or_default(), process.in_queue().close()];
    let timers = process.timers().lock().take();
    let mut farewell = Farewell { me, owned, rest, timers, reason };
    if farewell.is_long() {
        let hold = Hold::take();
        dirty::run_errand(move || {
            farewell.say();
            drop(hold);
        });
    } else {
        farewell.say();
    }
    if system_process {
        crate::system::system_process_died(process.pid);
    }
}

/// Signals that one who ends sends, or answers, on its scheduler.
const QUICK_SIGNALS: usize = 1000;
/// Messages, and words of heap, that are given back there.
const QUICK_MESSAGES: usize = 4000;
const QUICK_WORDS: usize = 1 << 20;

/// What a process that has ended still has to say, and to give back.
struct Farewell {
    me: RawTerm,
    owned: Box<Owned>,
    /// The signals that it has not handled, in their order.
    rest: [Signals; 2],
    /// Those that are to send to it.
    timers: Option<Box<TimerList>>,
    reason: OwnedTerm,
}

// SAFETY: the owned part has been taken for good, so whoever has it is its owner; the literals that
// it refers to are there as long as its holder has a `Hold`, or a guard.
unsafe impl Send for Farewell {}

impl Farewell {
    /// Whether that holds up a scheduler for more than a millisecond or so.
    fn is_long(&mut self) -> bool {
        let own = &self.owned.own;
        let rest: usize = self.rest.iter_mut().map(|some| some.count_to(QUICK_SIGNALS + 1)).sum();
        let signals = rest + own.links.count() + own.monitors.count();
        signals * (1 + self.reason.words() / 64) > QUICK_SIGNALS
            || self.timers.as_ref().is_some_and(|timers| timers.len() > QUICK_SIGNALS)
            || own.mailbox.len() > QUICK_MESSAGES
            || self.owned.heap.allocated_words() > QUICK_WORDS
    }

    /// Takes its timers away, answers what waits in the in-queue, and tells links and monitors.
    fn say(self) {
        let Farewell { me, mut owned, rest, timers, reason } = self;
        if let Some(timers) = timers {
            timer::process_ended(*timers);
        }
        for signal in rest.into_iter().flatten() {
            match signal {
                Signal::Control(node) => match node.control {
                    // A link or monitor request that came in time is answered with the reason.
                    Control::Link { from } => {
                        owned.own.links.add_by_other(from);
                    }
                    Control::Monitor { by, reference, name } => {
                        owned.own.monitors.add_watched(reference, Watched { by, name });
                    }
                    Control::Demonitor { reference } => {
                        owned.own.monitors.remove_watched(reference);
                    }
                    Control::Unlink { from, id } => {
                        owned.own.links.remove(from);
                        send_control_to(from, Control::UnlinkAck { from: me, id });
                    }
                    other => answer_as_dead(me, Signal::control(other)),
                },
                message => answer_as_dead(me, message),
            }
        }
        for (&pid, suspensions) in owned.own.rare.iter_mut().flat_map(|rare| &mut rare.suspending) {
            (0..suspensions.count()).for_each(|_| suspensions.resume(pid));
        }
        owned.own.tasks.take().into_iter().for_each(|task| task.dead());
        tell_links(&mut owned, me, &reason);
        let watched = owned.own.monitors.watched().map(|(reference, w)| (w.by, *reference));
        for (by, reference) in watched {
            let reason = OwnedTerm::copy_of(reason.view());
            send_control_to(by, Control::Down { reference, reason });
        }
        stop_watching(&owned);
    }
}

fn tell_links(owned: &mut Owned, me: RawTerm, reason: &OwnedTerm) {
    for end in owned.own.links.active() {
        let token = owned.own.exits(end, reason.view());
        let reason = OwnedTerm::copy_of(reason.view());
        send_control_to(end, Control::Exit { from: me, reason, linked: true, token });
    }
}

fn stop_watching(owned: &Owned) {
    for (&reference, watching) in owned.own.monitors.watching() {
        match watching.target {
            Target::Port(port) => {
                send_control_to(RawTerm::port(port), Control::Demonitor { reference });
            }
            target => {
                if let Some(pid) = target.pid() {
                    send_control(pid, Control::Demonitor { reference });
                }
            }
        }
    }
}
