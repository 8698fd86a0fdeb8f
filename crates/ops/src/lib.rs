//! The tables of operations: generic ones (what a file holds) and specific ones
//! (what the engine executes).
#![forbid(unsafe_code)]

pub mod bits;
pub mod generic;
pub mod specific;
