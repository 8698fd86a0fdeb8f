//! Sequential traces: `seq_trace`, `seq_trace_info`, `seq_trace_print`, and the system's tracer.

use crate::arg::take;
use oxbeam_runtime::process::table;
use oxbeam_runtime::trace::sequential;
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::Term;

/// `erlang:seq_trace/2`: sets a part of the token, and gives what it was.
pub fn seq_trace_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [part, value] = take(args);
    let mut sequence = cx.own.sequence();
    let old = sequence.set(cx.process.pid, (part, value), cx.heap).ok_or_else(Flow::badarg)?;
    cx.own.set_sequence(sequence);
    Ok(old)
}

/// `erlang:seq_trace_info/1`: a part of the token.
pub fn seq_trace_info_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    cx.own.sequence().part(args[0], cx.heap).ok_or_else(Flow::badarg)
}

/// `erlang:seq_trace_print/1`
pub fn seq_trace_print_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    Ok(Term::bool(cx.own.prints(None, args[0])))
}

/// `erlang:seq_trace_print/2`: if the token has that label.
pub fn seq_trace_print_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    Ok(Term::bool(cx.own.prints(Some(args[0]), args[1])))
}

fn tracer_term<'h>(tracer: Option<u64>) -> Term<'h> {
    tracer.map_or(Term::bool(false), Term::pid)
}

/// The system's tracer, or `false`.
pub fn tracer<'h>() -> Term<'h> {
    tracer_term(sequential::tracer())
}

/// `Pid` or `{erl_tracer, Pid}`
fn pid_of(tracer: Term<'_>) -> Option<u64> {
    let is_ours = |module: Term<'_>| module.as_atom().is_some_and(|m| m.name() == "erl_tracer");
    match tracer.as_tuple_n() {
        Some([module, state]) if is_ours(module) => state.as_local_pid(),
        _ => tracer.as_local_pid(),
    }
}

/// `erlang:system_flag(sequential_tracer, Pid | false)`
pub fn set_tracer<'h>(value: Term<'h>) -> NativeResult<'h> {
    let new = match value.as_bool() {
        Some(false) => None,
        _ => Some(pid_of(value).ok_or_else(Flow::badarg)?),
    };
    let alive = |pid| table::find(pid).is_some_and(|process| !process.is_exiting());
    if new.is_some_and(|pid| !alive(pid)) {
        return Err(Flow::badarg());
    }
    Ok(tracer_term(sequential::set_tracer(new)))
}
