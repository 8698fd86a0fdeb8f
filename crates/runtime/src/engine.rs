//! What the scheduler and the engine agree on.

use crate::process::{Owned, Process};
use oxbeam_term::RawTerm;
use std::sync::{Arc, OnceLock};

/// X registers of a scheduler thread.
pub const X_REGISTERS: usize = 1024;
/// Float registers of a scheduler thread.
pub const F_REGISTERS: usize = 1024;
/// Reductions of one turn.
pub const TURN_REDUCTIONS: i64 = 4000;

/// The registers of a scheduler thread, and the process that it runs.
#[repr(C)]
pub struct Regs {
    pub x: [RawTerm; X_REGISTERS],
    pub f: [f64; F_REGISTERS],
    /// The running process's own part; null between turns.
    pub owned: *mut Owned,
    /// The running process; null between turns.
    pub process: *const Arc<Process>,
    /// For the engine's own use.
    pub scratch: [u64; 16],
    /// Reductions at the start of the turn.
    pub turn_reductions: i64,
}

impl Regs {
    pub fn new() -> Box<Regs> {
        Box::new(Regs {
            x: [RawTerm::NIL; X_REGISTERS],
            f: [0.0; F_REGISTERS],
            owned: std::ptr::null_mut(),
            process: std::ptr::null(),
            scratch: [0; 16],
            turn_reductions: TURN_REDUCTIONS,
        })
    }
}

/// Why the engine gave a process back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Switch {
    /// Its turn is over.
    Yield,
    /// It waits for a signal (in a receive, hibernating, or in a waiting native).
    Wait,
    /// It has ended; the reason is in `ProcState::exit_reason`.
    Exit,
}

/// Runs the code of processes.
pub trait Engine: Sync {
    /// Runs `owned` from `ProcState::ip` with its saved X registers until it gives up the
    /// processor. Saves X registers, heap and stack tops before it returns, and charges
    /// `ProcState::reductions`.
    fn run(&self, regs: &mut Regs, process: &Arc<Process>, owned: &mut Owned) -> Switch;

    /// Makes a fresh process start with `module:function(args...)`: sets `ip`, the saved X
    /// registers (`args` as they are in the process's heap) and the first frame.
    fn start(&self, owned: &mut Owned, start: &'static oxbeam_term::Export, args: &[RawTerm]);
}

static ENGINE: OnceLock<&'static dyn Engine> = OnceLock::new();

/// Sets the engine; once, at boot.
pub fn install(engine: &'static dyn Engine) {
    ENGINE.set(engine).ok().expect("the engine is installed once");
}

/// The engine.
pub fn get() -> &'static dyn Engine {
    *ENGINE.get().expect("the engine is installed at boot")
}
