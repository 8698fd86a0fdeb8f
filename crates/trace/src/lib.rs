//! Tracing of calls: what breakpoints do, and how they are set.
//!
//! 1. A breakpoint has [`Patterns`]: what to do when its function is called. They never change: who
//!    sets something else makes other ones and stages them, and a commit makes all that were staged
//!    together count at once (`oxbeam_code::breakpoint`). No thread is stopped.
//! 2. Calls of a function of a module are seen at its entry (*local* patterns); calls of an export
//!    from elsewhere before its code (*global* ones). A native has no entry: both are seen at its
//!    export.
//! 3. A load takes the breakpoints of what it replaces away, and gives new code those that were asked
//!    for with `on_load` ([`defaults`]), all with its own commit.
//! 4. What a traced call has to do when it returns is said by frames on the stack of the process
//!    ([`Frame`]), which the engine puts there.
#![forbid(unsafe_code)]

pub mod asked;
pub mod call;
pub mod defaults;
pub mod events;
pub mod options;
mod patterns;
pub mod set;

pub use call::{Call, Frame};
pub use patterns::{Calls, Count, Meta, Patterns, Spec, Timing, of_export, of_function};
