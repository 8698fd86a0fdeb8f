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
//! 5. Memory of a module is given back only by [`module::purge`], whose caller
//!    has made sure that no process runs or returns into it.
//! 6. Looking up an address is lock-free and harmless for any address
//!    ([`ranges`]).

pub mod handlers;
pub mod index;
pub mod memory;
pub mod module;
pub mod ranges;
pub mod stub;

pub use module::Module;

/// The mark of a catch whose handler is at `address`, as it lies on the stack.
pub fn catch_mark(address: *const u64) -> oxbeam_term::RawTerm {
    oxbeam_term::RawTerm::catch(((address as usize - memory::base()) / 8) as u32)
}

/// The handler's address of a catch mark.
pub fn catch_address(mark: oxbeam_term::RawTerm) -> *const u64 {
    (memory::base() + mark.catch_index() as usize * 8) as *const u64
}
