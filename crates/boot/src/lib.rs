//! From a command line to a runtime that is ready to start.
//!
//! 1. [`front`] decides which front door was used and answers with a plan.
//! 2. [`otp_root`] finds the OTP installation, [`release`] knows what the
//!    release found there expects of its emulator.
//! 3. [`args`] makes of `erl`'s arguments what `erlexec` makes of them;
//!    [`flags`] reads the emulator's part of that.
//! 4. Nothing here starts a thread or a virtual machine: a plan is data, and
//!    the binary carries it out.
//!
//! Arguments are bytes, as the system hands them over; only Erlang code
//! decides how they are encoded.

#![forbid(unsafe_code)]

pub mod args;
pub mod flags;
pub mod front;
pub mod otp_root;
pub mod release;
pub mod tools;

pub mod vm;
pub mod words;
