//! The running system: processes, signals, schedulers, timers, names.
//!
//! The crate knows no instruction set: an [`engine::Engine`], set at boot, runs a process's code.
//! Natives (BIFs and static NIFs) come in through the tables of [`native`].

mod chunks;
pub mod dictionary;
pub mod dirty;
pub mod engine;
pub mod exception;
pub mod gc;
mod give_back;
pub mod link;
pub mod literal_release;
mod locks;
pub mod longest;
pub mod mailbox;
pub mod monitor;
pub mod native;
pub mod persistent;
pub mod process;
pub mod progress;
pub mod purge;
pub mod reference;
pub mod registry;
pub mod report;
pub mod scheduler;
pub mod setting;
pub mod signal;
pub mod slices;
mod small_map;
mod split_table;
pub mod stack;
pub mod system;
pub mod system_monitor;
pub mod system_profile;
pub mod task;
pub mod thin_vec;
pub mod time_offset;
pub mod timer;
pub mod trace;
pub mod yielding;

pub use engine::{Engine, Regs, Switch};
pub use native::{Class, Cx, Flow, NativeFn, NativeResult};
pub use process::{Owned, Process};
pub use yielding::{Failure, Roots, Slot, Yielded, Yielder};
