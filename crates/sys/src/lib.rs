//! The machine outside: clocks, entropy, memory maps, readiness polling,
//! signals, environment, processors and the calendar.
//!
//! Rules of this crate:
//!
//! 1. All outside input of the runtime passes here (and, for the contents of
//!    files and ports, the `io` crate), so that one day it can be recorded
//!    and played back. Nobody else reads a clock or a random source.
//! 2. Every pointer handed to the system is to memory that lives for the
//!    whole call and has the length that the call is told.
//! 3. A file descriptor is closed once, by the value that owns it.
//! 4. A signal handler touches only atomics and the write end of a pipe.

pub mod allocator;
pub mod calendar;
pub mod clock;
pub mod cpu;
pub mod entropy;
pub mod environment;
pub mod host;
pub mod math;
pub mod memory;
pub mod poll;
pub mod signal;

mod errno;
pub use errno::Errno;
