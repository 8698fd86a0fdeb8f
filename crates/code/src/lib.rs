//! Loaded code: the memory that instructions lie in, the modules, and the way
//! from an address back to module, function and line.
//!
//! Rules:
//! 1. All instructions lie in one address range below 2 GB ([`memory`]), so an
//!    instruction's address is 8-aligned, fits 31 bits, and "is this code" is
//!    one subtraction and one comparison.
//! 2. A function is `[func_info M F A][native entry][first instruction ...]`;
//!    the word before each return point is a native entry too. Words that can
//!    change after publication (first words of functions, native entries) are
//!    read and written as atomics.
//! 3. Modules, and the address of each export and fun entry, belong to a code
//!    index ([`index`]): a load writes the staging index only and commits it
//!    with one store; whoever reads, reads the active index.
//! 4. One thread at a time changes modules: it holds [`index::Permission`].
//! 5. A published module is taken out of all tables by [`module::purge`], whose caller has made
//!    sure that no process runs or returns into it. It is freed after thread progress, for a
//!    thread may be looking an address up in it; so nobody keeps a module, or what it lends, over
//!    a quiescent point. Its literals live on until no process uses them.
//! 6. Looking up an address is lock-free and harmless for any address
//!    ([`ranges`]).

pub mod breakpoint;
pub mod disassemble;
pub mod handlers;
pub mod index;
pub mod memory;
pub mod module;
pub mod ranges;
pub mod stub;

pub use module::Module;

use oxbeam_ethread::AtomicUword;
use oxbeam_term::{RawTerm, tag};

/// Bits of a catch mark's index that say where the handler is; the frame's
/// size in words is above them.
const HANDLER_BITS: u32 = 26;
const _: () = assert!(memory::RANGE_BYTES / 8 <= 1 << HANDLER_BITS);

/// The mark of a catch whose handler is at `address`, as it lies in a frame of
/// `frame_words`.
pub fn catch_mark(address: *const u64, frame_words: u16) -> RawTerm {
    let handler = ((address as usize - memory::base()) / 8) as u64;
    RawTerm((u64::from(frame_words) << HANDLER_BITS | handler) << 6 | tag::CATCH)
}

/// The handler's address and the frame's size of a catch mark.
pub fn catch_target(mark: RawTerm) -> (*const u64, usize) {
    let index = mark.0 >> 6;
    let handler = (index & ((1 << HANDLER_BITS) - 1)) as usize;
    ((memory::base() + handler * 8) as *const u64, (index >> HANDLER_BITS) as usize)
}

oxbeam_ethread::shared! {
    /// X registers that any loaded code, or an apply, has used so far. Those above
    /// hold no term; engines clear those that are not alive.
    static X_REGISTERS: AtomicUword = AtomicUword::new(32);
}

/// How many X registers may hold a term.
pub fn x_registers() -> usize {
    X_REGISTERS.read()
}

/// Says that the first `count` X registers are used from now on.
pub fn use_x_registers(count: usize) {
    raise(&X_REGISTERS, count);
}

oxbeam_ethread::shared! {
    /// Float registers that any loaded code has used so far.
    static FLOAT_REGISTERS: AtomicUword = AtomicUword::new(0);
}

/// How many float registers may hold a number that is still needed.
pub fn float_registers() -> usize {
    FLOAT_REGISTERS.read()
}

/// Says that the first `count` float registers are used from now on.
pub fn use_float_registers(count: usize) {
    raise(&FLOAT_REGISTERS, count);
}

/// Makes a number at least `count`. Nothing is published by it.
fn raise(number: &AtomicUword, count: usize) {
    let mut now = number.read();
    while now < count {
        let before = number.cmpxchg(count, now);
        if before == now {
            return;
        }
        now = before;
    }
}
