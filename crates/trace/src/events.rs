//! Messages that are sent, and which of them, and of those that arrive, are told of:
//! `erlang:trace_pattern(send | 'receive', ...)`.

use crate::asked::Asked;
use crate::patterns::Spec;
use oxbeam_ethread::lock::Mutex;
use oxbeam_heap::Heap;
use oxbeam_match_spec::Runner;
use oxbeam_runtime::Cx;
use oxbeam_runtime::process::table;
use oxbeam_runtime::trace::{Event, flags, tell_of};
use oxbeam_term::{Term, am};

oxbeam_ethread::lock_order! {
    /// Which messages that are sent are told of.
    Sends = 110;
}

/// Which events are told of.
#[derive(Clone)]
pub enum Which {
    None,
    All,
    Some(Spec),
}

static SENDS: Mutex<Which, Sends> = Mutex::new(Which::All);

/// Which messages that are sent are told of.
pub fn sends() -> Which {
    SENDS.lock().clone()
}

pub fn tell_of_sends(which: Which) {
    *SENDS.lock() = which;
}

/// The process, which is traced for it, sends a message to what `to` names.
pub fn sent(cx: &Cx<'_>, to: Term<'_>, message: Term<'_>) {
    let scratch = Heap::detached();
    let mut result = Term::bool(true);
    match sends() {
        Which::None => return,
        Which::All | Which::Some(None) => {}
        Which::Some(Some(program)) => {
            let args = scratch.list(&[scratch.import(to), scratch.import(message)]);
            let asked = Asked { cx, returns_to: None, is_test: false };
            let traced = Runner::new(&program, cx.process.pid).run_trace(args, &asked, &scratch);
            match traced.filter(|traced| !traced.message.is(am::false_)) {
                Some(traced) => result = traced.message,
                None => return,
            }
            if cx.process.trace_flags() & flags::SILENT != 0 {
                return;
            }
        }
    }
    let Some((now, tracer)) = cx.process.traced_for(flags::SEND) else { return };
    let is_gone = to.as_local_pid().is_some_and(|pid| table::find(pid).is_none());
    let what = if is_gone { "send_to_non_existing_process" } else { "send" };
    let parts = [message, to];
    tell_of(&tracer, now, &Event { of: cx.process.pid, what, parts: &parts, result: Some(result) });
}
