//! What lasts for one turn of a process.

use crate::machine::{Handler, M};
use oxbeam_heap::Heap;
use oxbeam_heap::heap::STACK_RESERVE_WORDS;
use oxbeam_runtime::engine::Switch;
use oxbeam_runtime::process::rare::Call;
use oxbeam_runtime::process::{Owned, ProcState, Process};
use oxbeam_term::{Export, RawTerm};
use std::sync::Arc;

/// More native stack than this no turn may take.
const MAX_NATIVE_STACK_BYTES: usize = 64 << 10;

/// State of a turn that handlers share; see [`M::turn`].
pub struct Turn {
    /// The process's heap, inside `owned`.
    pub heap: *mut Heap,
    /// What the process owns.
    pub owned: *mut Owned,
    /// The process.
    pub process: *const Arc<Process>,
    /// Reductions left, while no handler holds them.
    pub reds: i64,
    /// Why the turn ended.
    pub switch: Switch,
    /// X registers to save at its end.
    pub live: usize,
    /// Reductions put aside so that calls come to [`M::turn_over`]: what is left is these and
    /// `reds` together. While `records` it is so for all calls, while `due` for the next.
    pub held: i64,
    /// The next call is to collect.
    pub due: bool,
    /// The process saves its calls.
    pub records: bool,
    /// The export whose entry found the reductions used up.
    pub entered: Option<&'static Export>,
    /// The bits being built by the put operations of older compilers.
    pub put: crate::op::bs_put::Target,
    /// Segments of the binary being made: room kept from one to the next.
    pub parts: Vec<crate::op::bs_create::Part>,
    /// The entry of a function whose breakpoint was passed last; 0: none since the last call that
    /// found no reductions.
    pub passed: usize,
    /// The entry that the process is to run again without its breakpoint, or 0.
    pub resumes_at: usize,
    /// The turn is over.
    pub over: bool,
    /// It ended between two instructions of a function, where float registers may hold numbers.
    pub within: bool,
    /// Where the native stack was when the turn began.
    native_stack: usize,
    /// The state between two handlers, where it is not passed on directly.
    pub parked: Parked,
}

/// A state with the handler that goes on with it.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Parked {
    /// The handler.
    pub next: Handler,
    /// See [`M`].
    pub e: *mut u64,
    /// See [`M`].
    pub ip: *const u64,
    /// See [`M`].
    pub reds: i64,
    /// See [`M`].
    pub htop: *mut u64,
}

impl Turn {
    /// A turn of a process.
    pub fn new(owned: &mut Owned, process: &Arc<Process>, reds: i64) -> Turn {
        let (htop, e) = (owned.heap.top(), owned.heap.stop());
        let records = owned.own.saves_calls();
        let (reds, held) = if records { (0, reds) } else { (reds, 0) };
        let resumes_at = resume(&mut owned.own);
        Turn {
            heap: &raw mut owned.heap,
            owned,
            process,
            reds,
            switch: Switch::Yield,
            live: 0,
            held,
            due: false,
            records,
            entered: None,
            put: crate::op::bs_put::Target::default(),
            parts: Vec::new(),
            passed: 0,
            resumes_at,
            over: false,
            within: false,
            native_stack: 0,
            parked: Parked { next: stop, ip: std::ptr::null(), htop, e, reds },
        }
    }

    /// What the process owns.
    pub fn owned(&mut self) -> &mut Owned {
        // SAFETY: the turn's caller lent it for the turn; one handler at a time
        // uses it.
        unsafe { &mut *self.owned }
    }

    /// The process.
    pub fn process(&self) -> &Arc<Process> {
        // SAFETY: lent for the turn.
        unsafe { &*self.process }
    }

    /// Collects, with `roots` besides what the process holds.
    pub fn collect(&mut self, need_words: usize, roots: &mut [RawTerm]) {
        let kind = oxbeam_heap::GcKind::Auto;
        // SAFETY: the tops were written back; the roots are all the live
        // registers, and instructions hold no other term.
        let cost =
            unsafe { oxbeam_runtime::gc::collect(self.owned(), kind, need_words, roots, &mut []) };
        self.reds -= cost as i64;
        if self.ends() {
            (self.reds, self.held) = (0, 0);
        }
    }

    /// Whether a collection has ended the process: its heap is larger than it may be.
    fn ends(&mut self) -> bool {
        self.owned().own.exit_reason.is_some()
    }

    /// Reductions left, where handlers hold none.
    pub fn left(&self) -> i64 {
        self.reds + self.held
    }

    /// Reductions spent so far.
    pub fn spent(&self) -> u64 {
        u64::try_from(oxbeam_runtime::engine::TURN_REDUCTIONS - self.left()).unwrap_or(0)
    }

    /// Parks the state between two handlers, where they do not call each other.
    pub fn park(&mut self, m: &M, next: Handler) {
        self.parked = Parked { next, ip: m.ip, htop: m.htop, e: m.e, reds: m.reds };
    }

    /// Ends the turn: the process goes on at `m.ip`.
    pub fn end(&mut self, m: &M) {
        self.over = true;
        m.out();
        let here = std::ptr::from_ref(m) as usize;
        // Handlers end in jumps: a turn takes no more native stack than one.
        // (A sanitizer, which debug builds may have, moves frames elsewhere.)
        let depth = self.native_stack.saturating_sub(here);
        assert!(cfg!(debug_assertions) || depth < MAX_NATIVE_STACK_BYTES, "handlers nest");
        let passed = std::mem::take(&mut self.passed);
        let own = &mut self.owned().own;
        own.ip = m.ip;
        if passed != 0 && passed == m.ip as usize {
            own.rare_mut().passed = passed;
        }
        if own.rare.is_some() {
            own.time_pauses();
        }
    }

    /// Runs handlers until the turn ends.
    ///
    /// # Safety
    /// Machine rules hold for `m`.
    pub unsafe fn run(m: M, first: Handler) {
        let c = m.c;
        m.turn().native_stack = std::ptr::from_ref(&m) as usize;
        // SAFETY: by contract.
        unsafe { first(m.ip, c, m.htop, m.e, m.reds) };
        // Where handlers call each other the turn is over when the first returns.
        loop {
            // SAFETY: the turn is alive; nobody else looks at it now.
            let turn = unsafe { &*((*c).scratch[0] as *const Turn) };
            if turn.over {
                return;
            }
            let Parked { next, ip, htop, e, reds } = turn.parked;
            // SAFETY: parked by the handler before.
            unsafe { next(ip, c, htop, e, reds) };
        }
    }
}

/// Where the process goes on in the middle of an instruction with a breakpoint, or 0.
fn resume(own: &mut ProcState) -> usize {
    let ip = own.ip as usize;
    let Some(rare) = &mut own.rare else { return 0 };
    let passed = std::mem::take(&mut rare.passed);
    own.time_goes_on();
    if passed == ip { passed } else { 0 }
}

/// The handler that ends a turn: goes back to who began it.
///
/// # Safety
/// Machine rules.
pub unsafe extern "C" fn stop(
    ip: *const u64,
    c: *mut oxbeam_runtime::engine::Regs,
    htop: *mut u64,
    e: *mut u64,
    reds: i64,
) {
    let m = M { ip, c, htop, e, reds };
    m.turn().end(&m);
}

impl M {
    /// No reductions are at hand at the entry of a function: ends the turn, or collects if that is
    /// why, and goes on if some are put aside.
    ///
    /// # Safety
    /// `to` is an instruction; `live` X registers are its arguments.
    pub unsafe fn turn_over(&mut self, to: *const u64, live: usize) -> Handler {
        self.turn().passed = 0;
        // A large heap is collected aside, between two turns.
        if self.turn().due {
            if oxbeam_runtime::gc::is_due_aside(self.turn().owned()) {
                return self.leave(Switch::Yield, to, live);
            }
            self.collect(0, live);
        }
        if self.reds + self.turn().held > 0 {
            // SAFETY: by contract.
            return unsafe { self.goto(to) };
        }
        self.leave(Switch::Yield, to, live)
    }

    /// As [`M::turn_over`], at the entry of `export`, whose code is at `to`: here the call is seen.
    ///
    /// # Safety
    /// Machine rules; the arguments are in X.
    #[cold]
    pub unsafe fn entry_over(&mut self, export: &'static Export, to: *const u64) -> Handler {
        let turn = self.turn();
        if turn.records {
            turn.owned().own.note_call(Call::To(export));
        }
        // SAFETY: by contract.
        unsafe { self.turn_over(to, usize::from(export.arity)) }
    }

    /// Ends the turn; the process goes on at `ip` with `live` X registers.
    pub fn leave(&mut self, switch: Switch, ip: *const u64, live: usize) -> Handler {
        let turn = self.turn();
        turn.switch = switch;
        turn.live = live;
        self.ip = ip;
        stop
    }

    /// Ends the turn in the middle of a function: the same instruction runs again, with `live` X
    /// registers. One that does not say which are alive names all, which hold good terms (machine rule 3).
    pub fn leave_within(&mut self, live: usize) -> Handler {
        self.turn().within = true;
        self.leave(Switch::Yield, self.ip, live)
    }

    /// Makes room for `words` (the reserve apart) on behalf of an instruction that has not begun. A heap
    /// whose collection is long is left to a dirty scheduler, so that others do not wait: gives how to go on.
    ///
    /// # Safety
    /// Machine rules; the first `live` X registers are those that are alive.
    pub unsafe fn make_room(&mut self, words: usize, live: usize) -> Option<Handler> {
        self.out();
        let owned = self.turn().owned();
        if !self.has_words(words) && oxbeam_runtime::gc::is_long(owned) {
            owned.own.rare_mut().room_words = words + STACK_RESERVE_WORDS;
            return Some(self.leave_within(live));
        }
        self.collect(words, live);
        if self.turn().ends() { Some(self.leave_within(live)) } else { None }
    }
}
