//! Reads `.beam` files: the IFF container, its chunks, and the compact terms of
//! the Code chunk. Nothing here knows what an instruction means beyond its
//! operand count; that is the loader's work.
//!
//! Rules:
//! 1. Every function accepts any bytes: the answer is a value or an [`Error`]
//!    that names chunk, function (as far as known) and reason, never a panic.
//! 2. Memory taken is bounded by a constant multiple of the input's size, but
//!    for compressed parts, whose announced size is checked while inflating.
//! 3. An index that a parsed structure holds (atom, literal, label) was checked
//!    against its table, so that users may index without a test of their own.
#![forbid(unsafe_code)]

mod chunks;
mod code;
mod error;
mod iff;
mod lines;
mod reader;
mod types;

pub use chunks::{BeamFile, Export, Import, Lambda, Literals};
pub use code::{CodeHeader, Instr, Operand, Operands};
pub use error::{Chunk, Error};
pub use iff::{Container, inflate_if_compressed};
pub use lines::{LineItem, Lines};
pub use types::Type;
