//! Atomics with named barriers, free-standing barriers, and locks with a declared order.
//!
//! 1. Every operation of [`atomic`] comes in seven kinds, told by the end of its name: none
//!    (atomic, no ordering), `_mb`, `_relb`, `_acqb`, `_wb`, `_rb`, `_ddrb`. What each orders is
//!    said once, in [`barrier::required`]; how an instruction set gives it, once for each
//!    instruction set, in [`mapping`].
//! 2. A mapping gives at least what is required; the tests run every mapping through a model of
//!    its hardware, with each barrier and without it.
//! 3. A lock of [`lock`] has a rank, and a thread takes locks in ascending ranks only. A debug
//!    build panics where that is broken, also when no deadlock comes of it.
//! 4. Under `--cfg oxbeam_model` the cells and locks are loom's: what is built on this crate is
//!    then explored under all interleavings and all values that loads may see.

pub mod atomic;
pub mod barrier;
pub mod cell;
pub mod double;
pub mod event;
pub mod flag;
pub mod lock;
pub mod mapping;
pub mod pointer;
mod shared;
pub mod spin;

pub use atomic::{Atomic32, Atomic64, AtomicU32, AtomicU64, AtomicUword, AtomicWord};
pub use barrier::Orders;
pub use cell::membar;
pub use double::{AtomicDoubleWord, DoubleWord};
pub use event::Event;
pub use flag::AtomicFlag;
pub use pointer::AtomicPointer;
pub use spin::SpinLock;
