//! The engine as the scheduler knows it: runs a process for a turn.

use crate::machine::{Handler, M};
use crate::table::HANDLERS;
use crate::turn::Turn;
use oxbeam_ops::specific::Op;
use oxbeam_runtime::engine::{Engine, Regs, Switch, TURN_REDUCTIONS};
use oxbeam_runtime::process::{Owned, Process};
use oxbeam_term::{Atom, Export, RawTerm, am, export};
use std::sync::{Arc, OnceLock};

/// The interpreter.
pub struct Interpreter;

static INTERPRETER: Interpreter = Interpreter;

/// Makes the interpreter the engine, its handlers known to the loader, and all
/// exports callable. At boot, after the natives are installed and before any
/// code is loaded.
pub fn install() {
    let words: Vec<usize> = HANDLERS.iter().map(|&handler| handler as usize).collect();
    oxbeam_code::handlers::install(words.leak());
    oxbeam_code::stub::install();
    oxbeam_runtime::engine::install(&INTERPRETER);
}

impl Engine for Interpreter {
    fn run(&self, regs: &mut Regs, process: &Arc<Process>, owned: &mut Owned) -> Switch {
        let saved = std::mem::take(&mut owned.own.saved_x);
        regs.x[..saved.len()].copy_from_slice(&saved);
        let (keep_len, mut keep) = (saved.len(), saved);
        keep.clear();
        let mut turn = Turn::new(owned, process, TURN_REDUCTIONS);
        regs.scratch[0] = &raw mut turn as u64;
        let mut m = M {
            ip: turn.owned().own.ip,
            c: regs,
            htop: turn.owned().heap.top(),
            e: turn.owned().heap.stop(),
            reds: turn.reds,
        };
        m.clear(keep_len);
        if let Some(rare) = &mut m.turn().owned().own.rare {
            let floats = std::mem::take(&mut rare.floats);
            regs.f[..floats.len()].copy_from_slice(&floats);
        }
        if oxbeam_heap::ZEAL && m.turn().owned().own.suspended.is_some() {
            // Only its roots may lead a native that goes on to a term.
            m.collect(0, keep_len);
        }
        // SAFETY: the process was left at an instruction, with its registers
        // and frames as the machine rules say; `regs` is this thread's.
        unsafe {
            let first = *m.ip.cast::<Handler>();
            Turn::run(m, first);
        }
        let spent = turn.spent();
        let (live, switch, within) = (turn.live, turn.switch, turn.within);
        let own = &mut turn.owned().own;
        keep.extend_from_slice(&regs.x[..live]);
        own.saved_x = keep;
        if within && oxbeam_code::float_registers() > 0 {
            own.rare_mut().floats = regs.f[..oxbeam_code::float_registers()].to_vec();
        }
        own.reductions += spent;
        regs.scratch[0] = 0;
        if own.exit_reason.is_some() { Switch::Exit } else { switch }
    }

    fn start(&self, owned: &mut Owned, start: &'static Export, args: &[RawTerm]) {
        let bottom = oxbeam_code::stub::fixed().address(Op::normal_exit);
        // SAFETY: a fresh heap has room for one word of stack.
        unsafe {
            let stop = owned.heap.stop().sub(1);
            *stop = bottom as u64;
            owned.heap.set_stop(stop);
        }
        owned.own.start = Some(start);
        owned.own.ip = oxbeam_code::stub::fixed().address(Op::start);
        owned.own.saved_x = args.to_vec();
    }
}

/// The function of the process's error handler module, of arity 3.
pub fn error_handler(m: &M, function: Atom) -> &'static Export {
    let module = m.turn().owned().own.flags.error_handler;
    export::get_or_create(module, function, 3)
}

/// `erlang:send/2`, which the send instruction is.
pub fn send_export() -> &'static Export {
    static SEND: OnceLock<&'static Export> = OnceLock::new();
    SEND.get_or_init(|| export::get_or_create(am::erlang, am::send, 2))
}
