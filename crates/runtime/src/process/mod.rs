//! A process: what everybody may reach, and what only its owner may.
//!
//! 1. [`Process`] is shared: its pid, its state word, its in-queue of signals. Anyone with a
//!    reference may use these.
//! 2. [`Owned`] (heap, registers, mailbox, links...) belongs to whoever holds the ownership: the
//!    thread that moved the state word to RUNNING, or the one that creates the process before it
//!    is published, or the one that ends it. Nobody else follows the pointer.
//! 3. The state word changes only through the named transitions of [`state`]; each tells its
//!    caller what it now owes (to put the process into a run queue, say).
//! 4. A sender appends to the in-queue, then sets SIGNALS in the state word if it is not set; the
//!    receiver clears SIGNALS, then takes the in-queue. So no signal is overlooked.
//! 5. After EXITING nothing is appended: the in-queue is closed, and its rest is answered by
//!    [`exit::finish`].

pub mod exit;
pub mod inspect;
pub mod rare;
pub mod spawn;
pub mod state;
pub mod table;
pub mod walk;

use crate::dictionary::Dictionary;
use crate::exception::ExceptionState;
use crate::link::Links;
use crate::locks;
use crate::mailbox::{Looks, Mailbox};
use crate::monitor::{Aliases, Monitors};
use crate::signal::in_queue::InQueue;
use crate::task::Task;
use crate::thin_vec::ThinVec;
use crate::timer::{TimerKey, TimerList};
use crate::yielding::Suspended;
use oxbeam_ethread::lock::Mutex;
use oxbeam_ethread::{AtomicFlag, AtomicU32};
use oxbeam_heap::{Heap, OwnedTerm};
use oxbeam_term::{Atom, Export, RawTerm, am};
use state::StateWord;
use std::cell::UnsafeCell;
use std::sync::Arc;

/// Table data of a pid: what [`oxbeam_term::Term::pid`] takes.
pub type PidData = u64;

/// A module, a function and an arity.
pub type Mfa = (Atom, Atom, u8);

/// Scheduling priority.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Priority {
    Max = 0,
    High = 1,
    Normal = 2,
    Low = 3,
}

impl Priority {
    pub const COUNT: usize = 4;

    pub fn from_atom(atom: Atom) -> Option<Priority> {
        Some(match atom {
            am::max => Priority::Max,
            am::high => Priority::High,
            am::normal => Priority::Normal,
            am::low => Priority::Low,
            _ => return None,
        })
    }
    pub fn atom(self) -> Atom {
        [am::max, am::high, am::normal, am::low][self as usize]
    }
    pub(crate) fn from_bits(bits: u32) -> Priority {
        [Priority::Max, Priority::High, Priority::Normal, Priority::Low][(bits & 3) as usize]
    }
}

/// The part of a process that anyone may reach (rule 1).
pub struct Process {
    pub pid: PidData,
    pub state: StateWord,
    in_queue: InQueue,
    owned: UnsafeCell<Option<Box<Owned>>>,
    /// What a dirty scheduler left behind of the owned part; see the dirty module.
    away: Mutex<Option<Box<Owned>>, locks::Away>,
    /// Index of the scheduler that ran it last.
    pub last_scheduler: AtomicU32,
    /// Number of the scheduler that it is to run on; 0: any.
    pub bound_to: AtomicU32,
    /// The runtime cannot go on without it.
    pub is_system: bool,
    /// As its own flag of that name says.
    pub is_sensitive: AtomicFlag,
    /// What it is traced for; see the trace module.
    pub(crate) trace_flags: AtomicU32,
    /// Registered name, as an atom's index plus one; 0: none.
    name: AtomicU32,
    timers: Mutex<Option<Box<TimerList>>, locks::TimersOfProcess>,
}

// SAFETY: rule 2 guards `owned`; all else is synchronised.
unsafe impl Sync for Process {}
// SAFETY: as above; `Owned` is reached by one thread at a time.
unsafe impl Send for Process {}

/// What a process waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waiting {
    /// Nothing: it can run.
    No,
    /// A message or a timeout, in a receive.
    Message,
    /// Any signal or a wake-up, in a waiting native.
    Wake,
    /// A message, without a stack: `erlang:hibernate/3`.
    Hibernated,
}

/// The part of a process that only its owner reaches (rule 2).
pub struct Owned {
    pub heap: Heap,
    pub own: ProcState,
}

/// What a process owns besides its heap.
pub struct ProcState {
    pub pid: PidData,
    /// Instruction to go on at.
    pub ip: *const u64,
    /// X registers kept while the process is not running.
    pub saved_x: Vec<RawTerm>,
    /// Catches on the stack.
    pub catches: u32,
    pub exception: ExceptionState,
    /// The native that runs or waits, for traces and `current_function`.
    pub current: Option<Mfa>,
    pub waiting: Waiting,
    /// Where a receive goes on when its timeout fires (the engine sets it with `timeout`).
    pub timeout_ip: *const u64,
    pub timeout: Option<TimerKey>,
    /// Set when the timeout has fired and not been taken yet. A scheduler takes it for a process
    /// that waits; the engine takes it (and goes to the timeout) when it is about to wait.
    pub timed_out: bool,
    /// The `receive` under way has `infinity` as its time: it is not asked for it again, for by then
    /// the register may be lost.
    pub waits_forever: bool,
    /// Of the mailbox.
    pub looks: Looks,
    pub mailbox: Mailbox,
    pub dictionary: Dictionary,
    pub links: Links,
    pub monitors: Monitors,
    pub aliases: Aliases,
    pub group_leader: RawTerm,
    pub parent: RawTerm,
    pub initial_call: Mfa,
    /// What it starts with, until it has started.
    pub start: Option<&'static Export>,
    pub reductions: u64,
    pub exit_reason: Option<OwnedTerm>,
    pub trap_exit: bool,
    pub priority: Priority,
    /// How often the process asked to be told of nodes that come and go.
    pub node_subscriptions: u32,
    pub suspend_count: u32,
    /// What few processes have.
    pub rare: Option<Box<rare::Rare>>,
    /// Collections are put off while this is not zero.
    pub gc_disabled: u32,
    pub flags: Flags,
    /// The native that has yielded and goes on when the process runs again.
    pub suspended: Option<Box<Suspended>>,
    /// What other processes asked for and is done between two turns.
    pub tasks: ThinVec<Box<dyn Task>>,
    pub max_heap: MaxHeap,
}

/// Flags that `process_flag` sets and nothing else needs quickly, and others.
#[derive(Clone, Copy)]
pub struct Flags {
    pub error_handler: Atom,
    pub message_queue_off_heap: bool,
    pub sensitive: bool,
    pub system_process: bool,
    /// Its last collection took long.
    pub collects_long: bool,
}

impl Default for Flags {
    fn default() -> Flags {
        Flags {
            error_handler: am::error_handler,
            message_queue_off_heap: false,
            sensitive: false,
            system_process: false,
            collects_long: false,
        }
    }
}

/// The `max_heap_size` of a process, in words; 0: none.
#[derive(Clone, Copy)]
pub struct MaxHeap {
    pub size_words: usize,
    pub kill: bool,
    pub error_logger: bool,
}

impl Default for MaxHeap {
    fn default() -> MaxHeap {
        MaxHeap { size_words: 0, kill: true, error_logger: true }
    }
}

// SAFETY: `ip` and `timeout_ip` point at code, which any thread may read.
unsafe impl Send for ProcState {}

impl ProcState {
    /// A state that has not started yet; the engine sets `ip` and the registers.
    pub fn new(pid: PidData, group_leader: RawTerm, initial_call: Mfa) -> ProcState {
        ProcState {
            pid,
            ip: std::ptr::null(),
            saved_x: vec![],
            catches: 0,
            exception: ExceptionState::NONE,
            current: None,
            waiting: Waiting::No,
            timeout_ip: std::ptr::null(),
            timeout: None,
            timed_out: false,
            waits_forever: false,
            looks: Looks::default(),
            mailbox: Mailbox::default(),
            dictionary: Dictionary::default(),
            links: Links::default(),
            monitors: Monitors::default(),
            aliases: Aliases::default(),
            group_leader,
            parent: RawTerm::atom(am::undefined),
            initial_call,
            start: None,
            reductions: 0,
            exit_reason: None,
            trap_exit: false,
            priority: Priority::Normal,
            node_subscriptions: 0,
            suspend_count: 0,
            rare: None,
            gc_disabled: 0,
            flags: Flags::default(),
            suspended: None,
            tasks: ThinVec::new(),
            max_heap: MaxHeap::default(),
        }
    }

    /// Words of this state that are roots of the heap, without the registers.
    pub(crate) fn each_root(&mut self, visit: &mut dyn FnMut(&mut [RawTerm])) {
        for word in self.exception.words() {
            visit(std::slice::from_mut(word));
        }
        visit(std::slice::from_mut(&mut self.group_leader));
        visit(std::slice::from_mut(&mut self.parent));
        visit(&mut self.saved_x);
        if let Some(suspended) = &mut self.suspended {
            suspended.each_root(visit);
        }
        self.dictionary.each_root(visit);
        self.mailbox.each_root(visit);
    }
}

impl Process {
    /// A process that no table and no scheduler knows and that owns nothing: who calls a native
    /// outside any process, as tests do, gives it this one.
    pub fn detached(pid: PidData) -> Arc<Process> {
        Arc::new(Process {
            pid,
            is_system: false,
            is_sensitive: AtomicFlag::new(false),
            state: StateWord::new(Priority::Normal),
            in_queue: InQueue::default(),
            owned: UnsafeCell::new(None),
            away: Mutex::new(None),
            last_scheduler: AtomicU32::new(0),
            bound_to: AtomicU32::new(0),
            trace_flags: AtomicU32::new(0),
            name: AtomicU32::new(0),
            timers: Mutex::new(None),
        })
    }

    pub(crate) fn new(pid: PidData, priority: Priority, owned: Box<Owned>) -> Arc<Process> {
        Arc::new(Process {
            pid,
            is_system: owned.own.flags.system_process,
            is_sensitive: AtomicFlag::new(false),
            state: StateWord::new(priority),
            in_queue: InQueue::default(),
            owned: UnsafeCell::new(Some(owned)),
            away: Mutex::new(None),
            last_scheduler: AtomicU32::new(0),
            bound_to: AtomicU32::new(0),
            trace_flags: AtomicU32::new(0),
            name: AtomicU32::new(0),
            timers: Mutex::new(None),
        })
    }

    /// The owned part; `None` once the process has ended.
    ///
    /// # Safety
    /// The caller holds the ownership (rule 2), and drops the result before it gives it up.
    #[allow(clippy::mut_from_ref, reason = "the ownership token is the state word")]
    pub unsafe fn owned(&self) -> Option<&mut Owned> {
        // SAFETY: by contract.
        unsafe { (*self.owned.get()).as_deref_mut() }
    }

    /// Takes the owned part away for good.
    ///
    /// # Safety
    /// As [`Process::owned`].
    pub(crate) unsafe fn take_owned(&self) -> Option<Box<Owned>> {
        // SAFETY: by contract.
        unsafe { (*self.owned.get()).take() }
    }

    /// Puts the owned part back.
    ///
    /// # Safety
    /// As [`Process::owned`].
    pub(crate) unsafe fn put_owned(&self, owned: Box<Owned>) {
        // SAFETY: by contract.
        unsafe { *self.owned.get() = Some(owned) };
    }

    pub(crate) fn away(&self) -> &Mutex<Option<Box<Owned>>, locks::Away> {
        &self.away
    }

    pub(crate) fn in_queue(&self) -> &InQueue {
        &self.in_queue
    }

    /// The timers that are to send to it (see the timer module).
    pub(crate) fn timers(&self) -> &Mutex<Option<Box<TimerList>>, locks::TimersOfProcess> {
        &self.timers
    }

    /// Whether it has taken all signals.
    pub fn in_queue_is_empty(&self) -> bool {
        self.in_queue.is_empty()
    }

    /// The registered name.
    pub fn name(&self) -> Option<Atom> {
        self.name.read_acqb().checked_sub(1).map(Atom::from_index)
    }
    pub(crate) fn set_name(&self, name: Option<Atom>) {
        self.name.set_relb(name.map_or(0, |atom| atom.index() + 1));
    }

    /// Makes a process that waits in a native runnable.
    pub fn wake(self: &Arc<Process>) {
        if self.state.wake() {
            crate::system_profile::process(self, true);
            crate::scheduler::enqueue(self.clone());
        }
    }

    /// Takes a suspension at rest back.
    pub fn resume(self: &Arc<Process>) {
        if self.state.resume() {
            crate::system_profile::process(self, true);
            crate::scheduler::enqueue(self.clone());
        }
    }

    /// Whether it may run on one scheduler only, and that one is online.
    pub(crate) fn is_bound(&self) -> bool {
        let number = self.bound_to.read() as usize;
        number != 0 && number <= crate::scheduler::online::active()
    }

    pub fn is_exiting(&self) -> bool {
        self.state.is_exiting()
    }

    /// Its owner ends it.
    fn start_exiting(&self) {
        if !self.is_exiting() {
            self.state.start_exiting();
            walk::ends(self.pid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process is one block of each of these and the first block of its heap; each byte counts
    /// a million times.
    #[test]
    fn a_process_stays_small() {
        assert!(size_of::<Process>() <= 112);
        assert!(size_of::<Owned>() <= 512);
    }
}
