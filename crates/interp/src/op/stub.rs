//! What an export without code runs, and where processes end.

use crate::machine::{Handler, M, op, slow};
use crate::native::{self, Site};
use crate::raise::{self, Exception, First};
use crate::traced;
use oxbeam_code::{index, module, stub};
use oxbeam_runtime::engine::Switch;
use oxbeam_runtime::native::{Class, RunOn, own_module};
use oxbeam_term::{Atom, Export, RawTerm, am};

op! {
    fn error_handler(m) {
        undefined
    }
    fn call_bif(m) {
        bif
    }
    fn call_nif(m) {
        nif
    }
    fn start(m) {
        started
    }
    fn normal_exit(m) {
        m.leave(Switch::Exit, m.ip, 0)
    }
    fn breakpoint(m) {
        traced::breakpoint
    }
    fn export_breakpoint(m) {
        traced::export_breakpoint
    }
    fn return_trace(m) {
        traced::return_trace
    }
    fn return_to_trace(m) {
        traced::return_to_trace
    }
    fn return_time_trace(m) {
        traced::return_time_trace
    }
    fn bad_code(m) {
        raise::bad_code
    }
}

slow! {
    /// The first turn: only now is it said which code the process starts in.
    fn started(m) {
        match m.turn().owned().own.start.take() {
            Some(export) => m.enter(export),
            None => raise::bad_code,
        }
    }
    fn bif(m) {
        let export = native::export(m.w(1));
        m.call_from_stub(export)
    }
    fn nif(m) {
        // A native entry word before the instruction, the func_info before that.
        let row = &*(*m.ip.sub(1) as *const oxbeam_runtime::native::NifFunction);
        let name = |word: u64| RawTerm(word).as_atom().unwrap_or(am::undefined);
        let (module, function_name, arity) = (*m.ip.sub(4), *m.ip.sub(3), *m.ip.sub(2));
        let (module, function_name) = (name(module), name(function_name));
        let export = oxbeam_term::export::get_or_create(module, function_name, arity as u8);
        m.call_function(export, row.2, row.3, Site::Stub)
    }
    /// No code is loaded: the process's error handler may load it.
    fn undefined(m) {
        let export = native::export(m.w(1));
        if !stub::is_undefined(export, index::active()) {
            // Code has come since somebody was sent here.
            return m.enter(export);
        }
        if module::current(export.module).is_none()
            && let Some(load) = own_module(export.module)
        {
            return m.call_function(export, load, RunOn::Normal, Site::Stub);
        }
        let args = m.live(usize::from(export.arity)).to_vec();
        go_to_error_handler(m, export, am::undefined_function, &args)
    }
}

/// Calls that function of the process's error handler instead of the `export`.
///
/// # Safety
/// Machine rules; the arguments are good.
pub unsafe fn go_to_error_handler(
    m: &mut M,
    export: &'static Export,
    function: Atom,
    args: &[RawTerm],
) -> Handler {
    // SAFETY: by contract.
    unsafe {
        let handler = crate::engine::error_handler(m, function);
        if stub::is_undefined(handler, index::active()) {
            return m.raise(Exception {
                class: Class::Error,
                reason: RawTerm::atom(am::undef),
                first: First::Native(export, args),
                info: RawTerm::NONE,
            });
        }
        let args = raise::list_of(m.heap(), args);
        m.back();
        *m.x(0) = RawTerm::atom(export.module);
        *m.x(1) = RawTerm::atom(export.function);
        *m.x(2) = args;
        m.enter(handler)
    }
}
