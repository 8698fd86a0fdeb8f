//! The interpreter: runs the instructions that the loader wrote.
//!
//! Each operation has one body, in the module of its family ([`op`]). The
//! table of specific operations names them; [`table`] makes a handler of each.
//! Handlers call each other in an optimised build and return to a loop
//! elsewhere; see [`machine`] for the rules that all keep.

pub mod engine;
pub mod machine;
pub mod native;
pub mod op;
pub mod raise;
pub mod table;
mod traced;
pub mod turn;

pub use engine::{Interpreter, install};
