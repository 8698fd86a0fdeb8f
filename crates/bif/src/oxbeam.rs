//! Module `oxbeam`, which the runtime brings along (`oxbeam.erl`), and its native.
//!
//! 1. The file is part of the executable. It is no preloaded module and in no code path: it is
//!    loaded by the first call of one of its functions, by the runtime itself, so that it is there
//!    in every mode of the code server and what OTP sees at boot is what it sees on stock.
//! 2. A module of this name that was loaded before is left alone.

use crate::arg;
use crate::erlang::code::{permission, prepare};
use oxbeam_code::Module;
use oxbeam_code::module;
use oxbeam_heap::OwnedTerm;
use oxbeam_runtime::native::{OwnModule, RunOn, StaticNif};
use oxbeam_runtime::process::{Owned, PidData, Process};
use oxbeam_runtime::reference::RefNumbers;
use oxbeam_runtime::signal::{Control, send_control, send_to_pid};
use oxbeam_runtime::stack::{Frame, frames_in};
use oxbeam_runtime::task::Task;
use oxbeam_runtime::{Cx, Flow, NativeResult, progress};
use oxbeam_term::{Atom, Term, am, export};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Empty in a build without an Erlang compiler.
const FILE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/oxbeam.beam"));
const NAME: &str = "oxbeam";
/// Frames of each instance that a process tells of.
const MAX_FRAMES: usize = 64;

/// Its native.
pub static NIF: StaticNif =
    StaticNif { module: NAME, functions: &[("ask_use", 3, ask_use_3, RunOn::Normal)] };

/// The module, if this build has it.
pub fn own_modules() -> Vec<OwnModule> {
    let own = OwnModule { name: NAME, load };
    if FILE.is_empty() { vec![] } else { vec![own] }
}

/// Loads the module, then goes on in the function that was called.
fn load<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let Some((name, function, arity)) = cx.own.current else { return Err(Flow::badarg()) };
    if module::current(name).is_some() {
        let export = export::get_or_create(name, function, arity);
        return Err(Flow::Trap { export, args: args.to_vec() });
    }
    let permission = permission(cx)?;
    let module = prepare(FILE, true).map_err(|_| Flow::error(am::badfile))?;
    crate::erlang::code::bind_natives(&module, &NIF)?;
    let Ok(staging) = module::stage(permission, vec![module]) else {
        return Err(Flow::error(am::not_purged));
    };
    progress::suspend(cx, move || drop(staging.commit()));
    Err(Flow::Again(args.to_vec()))
}

/// A question for what a process uses of some modules.
struct AskUse {
    to: PidData,
    reference: RefNumbers,
    modules: Vec<Atom>,
}

/// What it uses of old or of current code.
#[derive(Default)]
struct Use {
    frames: Vec<Frame>,
    funs: usize,
}

impl Use {
    fn add(&mut self, owned: &Owned, module: Option<&Module>) {
        let Some(module) = module else { return };
        self.frames.extend(frames_in(owned, module, MAX_FRAMES - self.frames.len()));
        owned.heap.each_fun(|entry| {
            let address = entry.address[0].load(Ordering::Relaxed);
            self.funs += usize::from(entry.module == module.name && module.contains(address));
        });
    }
    fn is_none(&self) -> bool {
        self.frames.is_empty() && self.funs == 0
    }
}

impl Task for AskUse {
    fn run(self: Box<Self>, process: &Arc<Process>, owned: &mut Owned) {
        let (mut old, mut current) = (Use::default(), Use::default());
        for &name in &self.modules {
            old.add(owned, module::old(name));
            current.add(owned, module::current(name));
        }
        let none = old.is_none() && current.is_none();
        let answer = OwnedTerm::build(|heap| {
            let frames = |used: &Use| {
                let frames: Vec<_> = used.frames.iter().map(|frame| frame.term(heap)).collect();
                heap.list(&frames)
            };
            let parts = [
                Term::pid(process.pid),
                frames(&old),
                frames(&current),
                heap.usize(old.funs),
                heap.usize(current.funs),
            ];
            let used = if none { Term::atom(am::none) } else { heap.tuple(&parts) };
            heap.tuple(&[heap.plain_ref(self.reference), used])
        });
        send_to_pid(self.to, answer);
    }
    fn dead(self: Box<Self>) {
        let answer = OwnedTerm::build(|heap| {
            heap.tuple(&[heap.plain_ref(self.reference), Term::atom(am::none)])
        });
        send_to_pid(self.to, answer);
    }
}

/// `oxbeam:ask_use/3` (process, reference, modules)
fn ask_use_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let pid = args[0].as_local_pid().ok_or_else(Flow::badarg)?;
    let reference = args[1].as_ref().ok_or_else(Flow::badarg)?.numbers();
    let modules: Option<Vec<_>> = arg::list(args[2])?.iter().map(|name| name.as_atom()).collect();
    let modules = modules.ok_or_else(Flow::badarg)?;
    let ask = AskUse { to: cx.process.pid, reference, modules };
    send_control(pid, Control::Task(Box::new(ask)));
    Ok(Term::bool(true))
}
