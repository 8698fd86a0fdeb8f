//! From a file's bytes to a module ready to be published.
//!
//! 1. Nothing outside the result changes but the tables of names: atoms,
//!    export entries and fun entries are made as the file names them.
//! 2. Every operand of every instruction is checked for its kind. Calls go to
//!    function entries, branches where their frame fits ([`frames`]): what does not is written as an
//!    instruction that raises an error.
//! 3. Where the file gives no proof of what a register holds, the instruction
//!    chosen tests it while running (see `checked` in the table of specific
//!    operations); nothing is refused for want of a proof.
#![forbid(unsafe_code)]

mod bits;
mod context;
mod emit;
mod fold;
mod frames;
mod instruction;
mod literals;
mod select;
mod source;
mod transform;
mod verify;

pub use context::{LoadError, Profile};
pub use transform::{prepare, unproved_rows};
