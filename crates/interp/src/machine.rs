//! The machine's state between two instructions, and how operands are read.
//!
//! Rules, cited by `SAFETY:` comments as "machine rule n":
//!
//! 1. `ip` is the address of an instruction of a live module (or stub) whose
//!    operands are as the table of specific operations says; the loader made
//!    it so. Register operands are below the size of the register file; stack
//!    operands lie in the frame of the running function.
//! 2. `htop` and `e` are the process's heap top and stack top. While an
//!    instruction runs they live here and the heap's own copies are stale;
//!    [`M::out`] writes them back before anything looks at the heap, [`M::back`]
//!    reads them again after something may have changed them.
//! 3. Every X register that code may read, every stack slot, and
//!    every word below `htop` holds a good term (or a continuation); the X
//!    registers that are not live are cleared whenever terms move.
//! 4. A handler is entered with the state in its arguments and leaves by
//!    calling the next one with the same five; nothing of a handler lives on.
//!
//! In an optimised build that last call is a jump; elsewhere the handler
//! returns to a loop, with the state parked in the turn.

use oxbeam_heap::Heap;
use oxbeam_heap::heap::STACK_RESERVE_WORDS;
use oxbeam_ops::specific::source;
use oxbeam_runtime::engine::Regs;
use oxbeam_term::{RawTerm, Term};

use crate::turn::Turn;

/// The body of an operation, as it is called.
pub type Handler = unsafe extern "C" fn(*const u64, *mut Regs, *mut u64, *mut u64, i64);

/// The state, in registers while a handler runs.
///
/// No two fields stand side by side here that do so in [`crate::turn::Parked`] or in the heap: they
/// would be copied by one load of sixteen bytes, which waits for the two stores before it.
#[repr(C)]
pub struct M {
    /// The instruction.
    pub ip: *const u64,
    /// Heap top.
    pub htop: *mut u64,
    /// X and float registers, and the turn.
    pub c: *mut Regs,
    /// Stack top.
    pub e: *mut u64,
    /// Reductions left.
    pub reds: i64,
}

/// How an operand word is read.
pub trait Mode {
    /// The term of operand word `word`.
    ///
    /// # Safety
    /// Machine rules; the word is of this mode.
    unsafe fn get(m: &M, word: u64) -> RawTerm;

    /// Whether `word` is a constant term.
    fn is_constant(_word: u64) -> bool {
        false
    }
}

/// How an operand word is written.
pub trait Place: Mode {
    /// Stores `term` where `word` says.
    ///
    /// # Safety
    /// Machine rules; the word is of this mode.
    unsafe fn set(m: &M, word: u64, term: RawTerm);
}

/// An X register.
pub struct X;
/// A Y register.
pub struct Y;
/// A constant.
pub struct C;
/// Any source.
pub struct S;
/// Any destination.
pub struct D;

impl Mode for X {
    #[inline(always)]
    unsafe fn get(m: &M, word: u64) -> RawTerm {
        // SAFETY: machine rule 1.
        unsafe { *m.c.cast::<u8>().add(word as usize).cast() }
    }
}
impl Place for X {
    #[inline(always)]
    unsafe fn set(m: &M, word: u64, term: RawTerm) {
        // SAFETY: machine rule 1.
        unsafe { *m.c.cast::<u8>().add(word as usize).cast() = term }
    }
}
impl Mode for Y {
    #[inline(always)]
    unsafe fn get(m: &M, word: u64) -> RawTerm {
        // SAFETY: machine rule 1.
        unsafe { *m.e.cast::<u8>().add(word as usize).cast() }
    }
}
impl Place for Y {
    #[inline(always)]
    unsafe fn set(m: &M, word: u64, term: RawTerm) {
        // SAFETY: machine rule 1.
        unsafe { *m.e.cast::<u8>().add(word as usize).cast() = term }
    }
}
impl Mode for C {
    #[inline(always)]
    unsafe fn get(_: &M, word: u64) -> RawTerm {
        RawTerm(word)
    }
    fn is_constant(_: u64) -> bool {
        true
    }
}
impl Mode for S {
    #[inline(always)]
    unsafe fn get(m: &M, word: u64) -> RawTerm {
        if source::is_constant(word) {
            return RawTerm(word);
        }
        // SAFETY: machine rule 1.
        unsafe { D::get(m, word) }
    }
    fn is_constant(word: u64) -> bool {
        source::is_constant(word)
    }
}
impl Mode for D {
    #[inline(always)]
    unsafe fn get(m: &M, word: u64) -> RawTerm {
        // SAFETY: machine rule 1.
        unsafe { *register(m, word) }
    }
}
impl Place for D {
    #[inline(always)]
    unsafe fn set(m: &M, word: u64, term: RawTerm) {
        // SAFETY: machine rule 1.
        unsafe { *register(m, word) = term }
    }
}

#[inline(always)]
fn register(m: &M, word: u64) -> *mut RawTerm {
    let base = if word & source::Y != 0 { m.e.cast::<u8>() } else { m.c.cast::<u8>() };
    base.wrapping_add(source::offset(word)).cast()
}

impl M {
    /// Operand word `i` (1 is the first).
    ///
    /// # Safety
    /// Machine rule 1.
    #[inline(always)]
    pub unsafe fn w(&self, i: usize) -> u64 {
        // SAFETY: machine rule 1.
        unsafe { *self.ip.add(i) }
    }

    /// The term of operand `i`.
    ///
    /// # Safety
    /// Machine rule 1.
    #[inline(always)]
    pub unsafe fn get<A: Mode>(&self, i: usize) -> RawTerm {
        // SAFETY: machine rule 1.
        unsafe { A::get(self, self.w(i)) }
    }

    /// Stores in operand `i`.
    ///
    /// # Safety
    /// Machine rule 1.
    #[inline(always)]
    pub unsafe fn set<A: Place>(&self, i: usize, term: RawTerm) {
        // SAFETY: machine rule 1.
        unsafe { A::set(self, self.w(i), term) }
    }

    /// X register `n`.
    #[inline(always)]
    #[allow(clippy::mut_from_ref, reason = "the register belongs to the thread, not to this value")]
    pub fn x(&self, n: usize) -> &mut RawTerm {
        debug_assert!(n < 1024);
        // SAFETY: the register file is at the start of `Regs` and has 1024
        // registers; this thread alone uses it.
        unsafe { &mut *self.c.cast::<RawTerm>().add(n) }
    }

    /// Float register `n`.
    #[inline(always)]
    #[allow(clippy::mut_from_ref, reason = "the register belongs to the thread, not to this value")]
    pub fn f(&self, n: u64) -> &mut f64 {
        // SAFETY: the loader allows registers below 1024; this thread alone
        // uses them.
        unsafe { &mut *(&raw mut (*self.c).f).cast::<f64>().add(n as usize) }
    }

    /// Goes on at the instruction `n` words on.
    ///
    /// # Safety
    /// Machine rule 1.
    #[inline(always)]
    pub unsafe fn next(&mut self, n: usize) -> Handler {
        // SAFETY: machine rule 1.
        unsafe {
            self.ip = self.ip.add(n);
            *self.ip.cast::<Handler>()
        }
    }

    /// Goes on at an address.
    ///
    /// # Safety
    /// `to` is an instruction.
    #[inline(always)]
    pub unsafe fn goto(&mut self, to: *const u64) -> Handler {
        self.ip = to;
        // SAFETY: by contract.
        unsafe { *to.cast::<Handler>() }
    }

    /// Goes on at the address in operand `i`.
    ///
    /// # Safety
    /// Machine rule 1; the operand is no 0.
    #[inline(always)]
    pub unsafe fn branch(&mut self, i: usize) -> Handler {
        // SAFETY: machine rule 1.
        unsafe { self.goto(self.w(i) as *const u64) }
    }

    /// Pushes the continuation `n` words on (a native entry word lies before it).
    ///
    /// # Safety
    /// Machine rules; every frame leaves room for it.
    #[inline(always)]
    pub unsafe fn push_cp(&mut self, n: usize) {
        // SAFETY: the reserve below the stack (crate heap) holds it.
        unsafe {
            self.e = self.e.sub(1);
            *self.e = self.ip.add(n) as u64;
        }
    }

    /// Pops a continuation and goes there.
    ///
    /// # Safety
    /// The stack top is a continuation.
    #[inline(always)]
    pub unsafe fn pop_cp(&mut self) -> Handler {
        // SAFETY: by contract.
        unsafe {
            let cp = *self.e as *const u64;
            self.e = self.e.add(1);
            self.goto(cp)
        }
    }

    /// Drops `bytes` of frame.
    ///
    /// # Safety
    /// The frame is that large.
    #[inline(always)]
    pub unsafe fn drop_frame(&mut self, bytes: u64) {
        // SAFETY: by contract.
        self.e = unsafe { self.e.byte_add(bytes as usize) };
    }

    /// Whether `words` fit between heap and stack, the reserve apart.
    #[inline(always)]
    pub fn has_room(&self, words: usize) -> bool {
        let free = (self.e as usize).wrapping_sub(self.htop as usize) as isize;
        !oxbeam_heap::ZEAL && free >= ((words + STACK_RESERVE_WORDS) * 8) as isize
    }

    /// Whether a cell surely fits, for code that should have asked before.
    #[inline(always)]
    pub fn has_cell(&self) -> bool {
        self.has_words(2)
    }

    /// Whether `words` fit, the reserve apart. Unlike [`M::has_room`] this is
    /// no wish for a collection: the code has asked for the room before.
    #[inline(always)]
    pub fn has_words(&self, words: usize) -> bool {
        let free = (self.e as usize).wrapping_sub(self.htop as usize) as isize;
        free >= ((words + STACK_RESERVE_WORDS) * 8) as isize
    }

    /// What the turn shares among handlers.
    #[inline(always)]
    pub fn turn<'t>(&self) -> &'t mut Turn {
        // SAFETY: set when the turn began; used by this thread alone, and no
        // handler holds it across a call of another user.
        unsafe { &mut *((*self.c).scratch[0] as *mut Turn) }
    }

    /// Writes heap and stack top back.
    pub fn out(&self) {
        let turn = self.turn();
        turn.reds = self.reds;
        // SAFETY: machine rules 2 and 3.
        unsafe {
            let heap = &*turn.heap;
            if self.e > heap.stop() {
                heap.set_stop(self.e);
                heap.set_top(self.htop);
            } else {
                heap.set_top(self.htop);
                heap.set_stop(self.e);
            }
        }
    }

    /// Reads heap top, stack top and reductions again.
    pub fn back(&mut self) {
        let turn = self.turn();
        // SAFETY: the heap lives as long as the turn.
        let heap = unsafe { &*turn.heap };
        self.htop = heap.top();
        self.e = heap.stop();
        self.reds = turn.reds;
        if heap.wants_collection() && !turn.due {
            // The next call knows what is live: it collects.
            turn.due = true;
            if !turn.records {
                turn.held = std::mem::take(&mut self.reds);
            }
        }
    }

    /// The heap, with tops written back: read them again with [`M::back`] when
    /// done with it.
    ///
    /// # Safety
    /// No collection happens while the borrow is used.
    pub unsafe fn heap<'h>(&self) -> &'h Heap {
        self.out();
        // SAFETY: the heap lives as long as the turn.
        unsafe { &*self.turn().heap }
    }

    /// The X registers below `live`, as roots.
    pub fn live<'r>(&self, live: usize) -> &'r mut [RawTerm] {
        debug_assert!(live <= 1024);
        // SAFETY: see `x`.
        unsafe { std::slice::from_raw_parts_mut(self.c.cast::<RawTerm>(), live) }
    }

    /// Clears the X registers that are not among the first `live`, which may
    /// point at what has moved or belongs to another process.
    pub fn clear(&self, live: usize) {
        let used = oxbeam_code::x_registers();
        if live < used {
            self.live(used)[live..].fill(RawTerm::NIL);
        }
    }

    /// Makes room for `words` (the reserve apart), by a collection; the first
    /// `live` X registers are kept.
    pub fn collect(&mut self, words: usize, live: usize) {
        self.out();
        let roots = self.live(live);
        let turn = self.turn();
        turn.due = false;
        if !turn.records {
            turn.reds += std::mem::take(&mut turn.held);
        }
        turn.collect(words + STACK_RESERVE_WORDS, roots);
        self.clear(live);
        self.back();
    }
}

/// Brands a raw term for the rest of an instruction.
///
/// # Safety
/// The term is good and no collection happens while the brand is used.
#[inline(always)]
pub unsafe fn brand<'h>(term: RawTerm) -> Term<'h> {
    // SAFETY: by contract.
    unsafe { Term::from_raw(term) }
}

/// Ends a handler: the call of the next.
#[cfg(not(any(debug_assertions, miri)))]
macro_rules! finish {
    ($m:ident, $next:expr) => {{
        let next: $crate::machine::Handler = $next;
        // SAFETY: machine rule 4.
        unsafe { next($m.ip, $m.c, $m.htop, $m.e, $m.reds) }
    }};
}

/// Ends a handler: parks the state for the loop.
#[cfg(any(debug_assertions, miri))]
macro_rules! finish {
    ($m:ident, $next:expr) => {{
        let next: $crate::machine::Handler = $next;
        $m.turn().park(&$m, next);
    }};
}

/// Ends a handler whose state is parked: the call of the next.
#[cfg(not(any(debug_assertions, miri)))]
macro_rules! resume {
    ($c:ident) => {{
        // SAFETY: the state was parked just now; machine rule 4.
        unsafe {
            let $crate::turn::Parked { next, ip, htop, e, reds } =
                (*((*$c).scratch[0] as *const $crate::turn::Turn)).parked;
            next(ip, $c, htop, e, reds)
        }
    }};
}

/// Ends a handler whose state is parked: the loop goes on with it.
#[cfg(any(debug_assertions, miri))]
macro_rules! resume {
    ($c:ident) => {{
        let _ = $c;
    }};
}

/// The inlined body of an operation: `fn name<Modes>(m) { ... }`.
macro_rules! op {
    ($($(#[$meta:meta])* fn $name:ident $(<$($g:ident : $bound:ident),*>)? ($m:ident) $body:block)*) => {$(
        $(#[$meta])*
        ///
        /// # Safety
        /// Machine rules.
        #[inline(always)]
        pub unsafe fn $name $(<$($g: $bound),*>)? ($m: &mut $crate::machine::M) -> $crate::machine::Handler {
            let _ = &$m;
            // SAFETY: machine rules 1 to 3, which every operation keeps.
            #[allow(unused_unsafe, reason = "a body may need none")]
            unsafe { $body }
        }
    )*};
}

/// A slow path: a handler of its own, entered by returning its name.
///
/// The body runs in a function beneath the handler, because the address of its
/// state is passed around: the handler itself keeps nothing on the native stack
/// and so can end in a jump.
macro_rules! slow {
    ($($(#[$meta:meta])* fn $name:ident $(<$($g:ident : $bound:ident),*>)? ($m:ident) $body:block)*) => {$(
        $(#[$meta])*
        ///
        /// # Safety
        /// Machine rules.
        #[inline(never)]
        pub unsafe extern "C" fn $name $(<$($g: $bound),*>)? (
            ip: *const u64,
            c: *mut oxbeam_runtime::engine::Regs,
            htop: *mut u64,
            e: *mut u64,
            reds: i64,
        ) {
            #[inline(never)]
            unsafe fn beneath $(<$($g: $bound),*>)? (
                ip: *const u64,
                c: *mut oxbeam_runtime::engine::Regs,
                htop: *mut u64,
                e: *mut u64,
                reds: i64,
            ) {
                let mut machine = $crate::machine::M { ip, c, htop, e, reds };
                let $m = &mut machine;
                #[allow(unused_unsafe, clippy::redundant_closure_call, reason = "the closure is there for `return`")]
                let next: $crate::machine::Handler = (|| -> $crate::machine::Handler {
                    // SAFETY: machine rules 1 to 3, which every operation keeps.
                    unsafe { $body }
                })();
                machine.turn().park(&machine, next);
            }
            // SAFETY: by contract.
            unsafe { beneath $(::<$($g),*>)? (ip, c, htop, e, reds) };
            $crate::machine::resume!(c)
        }
    )*};
}

pub(crate) use {finish, op, resume, slow};
