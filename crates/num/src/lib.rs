//! Numbers: big integers on borrowed digit slices, and the text of floats.
//!
//! A big integer is a sign and a magnitude of little-endian 64-bit digits, as
//! it lies on a process heap. No operation here allocates its result: each
//! writes into a slice of the caller's whose length is at least what the
//! operation's `*_bound` function says, and returns sign and used length. So
//! a heap can reserve words first and give back what was not needed.
//!
//! Rules:
//! 1. An [`Int`] is normalised: its top digit is not zero, and zero has no
//!    digits and is not negative.
//! 2. A result never overlaps an operand.
//! 3. Above [`mag::LIBRARY_DIGITS`] digits multiplication, division and radix
//!    conversion go to dashu; all else is done here.
#![forbid(unsafe_code)]

pub mod bits;
pub mod bytes;
pub mod float;
pub mod float_text;
pub mod int;
pub mod mag;
pub mod text;

pub use int::{Int, Res};
