//! `erts_internal:trace/3` and `trace_pattern/3`: what `erlang:trace` and its kin call.

use crate::arg::take;
use crate::erlang::code::permission;
use oxbeam_match_spec::{
    CompileError, Program, compile_for_receives, compile_for_sends, compile_for_tracing,
};
use oxbeam_runtime::process::{Process, table};
use oxbeam_runtime::trace::{self, Change, flags};
use oxbeam_runtime::{Class, Cx, Flow, NativeResult, progress, report};
use oxbeam_term::{Atom, Term, am};
use oxbeam_trace::options::{self, Options};
use oxbeam_trace::set::{self, Kinds, Setting, Switch, Which};
use oxbeam_trace::{defaults, events};
use std::sync::Arc;

/// Reductions for each process that is looked at.
const REDUCTIONS_A_PROCESS: usize = 1;

/// `{missing_trace, What}`: tracing does not know that yet.
fn missing<'h>(cx: &Cx<'h>, what: Term<'h>) -> Flow<'h> {
    let tag = Atom::new("missing_trace").expect("a short name");
    Flow::raise(Class::Error, cx.heap.tagged(tag, [what]))
}

/// Whom a call of `erlang:trace/3` is about.
struct Whom {
    existing: bool,
    new: bool,
}

fn whom<'h>(cx: &Cx<'h>, spec: Term<'h>, on: bool) -> Result<Whom, Flow<'h>> {
    let name = spec.as_atom().ok_or_else(Flow::badarg)?;
    let (existing, new) = match name.name() {
        "all" | "processes" => (true, true),
        "existing" | "existing_processes" => (true, false),
        "new" | "new_processes" => (false, true),
        "ports" | "existing_ports" | "new_ports" if on => return Err(missing(cx, spec)),
        "ports" | "existing_ports" | "new_ports" => (false, false),
        _ => return Err(Flow::badarg()),
    };
    Ok(Whom { existing, new })
}

/// `erts_internal:trace/3`
pub fn trace_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [spec, how, list] = take(args);
    let Options { flags, tracer, cpu_timestamp } = options::parse(list).ok_or_else(Flow::badopt)?;
    let on = how.as_bool().ok_or_else(Flow::badarg)?;
    let change = match on {
        true => Change { clear: 0, set: flags, tracer: tracer.or(Some(cx.process.pid)) },
        false => Change { clear: flags, set: 0, tracer },
    };
    if spec.is_pid() {
        let pid = spec.as_local_pid().filter(|_| !cpu_timestamp).ok_or_else(Flow::badarg)?;
        let process = table::find(pid).filter(|process| !process.is_exiting());
        return trace_one(cx, &process.ok_or_else(Flow::badarg)?, change);
    }
    if spec.is_port() {
        return Err(if on { missing(cx, Term::atom(am::port)) } else { Flow::badarg() });
    }
    let whom = whom(cx, spec, on)?;
    if cpu_timestamp {
        if !spec.is(am::all) {
            return Err(Flow::badarg());
        }
        trace::set_cpu_timestamps(on);
    }
    let means_processes = flags & flags::OF_PROCESSES != 0;
    let mut count = 0;
    if whom.existing && means_processes {
        let all = table::all();
        cx.bump(all.len() * REDUCTIONS_A_PROCESS);
        let alive = all.iter().filter(|process| !process.is_exiting());
        count = alive.filter(|process| process.change_trace(change).is_ok()).count();
    }
    if whom.new && means_processes {
        let (clear, set) = (change.clear, change.set & flags::OF_PROCESSES);
        trace::change_new(Change { clear, set, tracer: change.tracer });
    }
    Ok(cx.heap.usize(count))
}

fn trace_one<'h>(cx: &mut Cx<'h>, process: &Arc<Process>, change: Change) -> NativeResult<'h> {
    if process.change_trace(change).is_err() {
        report::error_text(cx.own, "** can only have one tracer per process\n");
        return Err(Flow::badarg());
    }
    Ok(cx.heap.int(1))
}

/// `badarg` whose cause has that name.
fn bad<'h>(cause: &str) -> Flow<'h> {
    bad_of(am::badarg, cause)
}

fn bad_of<'h>(reason: Atom, cause: &str) -> Flow<'h> {
    Flow::error_with(reason, Term::atom(Atom::new(cause).expect("a short name")))
}

/// `erts_internal:trace_pattern/3`
pub fn trace_pattern_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [mfa, pattern, list] = take(args);
    let permission = permission(cx)?;
    let compile = match mfa.as_atom().map(|atom| atom.name()) {
        Some("send") => compile_for_sends,
        Some("receive") => compile_for_receives,
        _ => compile_for_tracing,
    };
    let setting = setting(cx, pattern, list, compile)?;
    let kinds = setting.kinds;
    if setting.spec.is_some() && !kinds.local && !kinds.meta && !kinds.is_global() {
        return Err(bad("call_count"));
    }
    if mfa.is(am::on_load) {
        defaults::change(&permission, &setting);
        return Ok(cx.heap.int(0));
    }
    let Some(which) = which(mfa) else { return event_pattern(cx, mfa, setting, list) };
    let mut staging = permission.stage();
    let count = set::stage(&mut staging, which, &setting);
    progress::suspend(cx, move || drop(staging.commit()));
    Err(Flow::Yield(cx.heap.usize(count)))
}

/// `erts_debug:breakpoint/2`: whether calls of functions go to the error handler instead.
pub fn breakpoint_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let on = args[1].as_bool().ok_or_else(Flow::badarg)?;
    let which = which(args[0]).ok_or_else(Flow::badarg)?;
    let permission = permission(cx)?;
    let mut staging = permission.stage();
    let count = set::stage_breaks(&mut staging, which, on);
    progress::suspend(cx, move || drop(staging.commit()));
    Err(Flow::Yield(cx.heap.usize(count)))
}

/// Which messages that are sent, or that arrive, are told of.
fn event_pattern<'h>(
    cx: &Cx<'h>,
    event: Term<'h>,
    setting: Setting,
    list: Term<'h>,
) -> NativeResult<'h> {
    let name = event.as_atom().map(|atom| atom.name());
    let counts = matches!(setting.switch, Switch::Restart | Switch::Pause);
    if !list.is_nil() || counts {
        return Err(bad("none"));
    }
    let on = setting.switch == Switch::On;
    match name {
        Some("send") => events::tell_of_sends(match on {
            true => events::Which::Some(setting.spec),
            false => events::Which::None,
        }),
        Some("receive") => events::tell_of_receives(match on {
            true => events::Which::Some(setting.spec),
            false => events::Which::None,
        }),
        _ => return Err(bad("none")),
    }
    Ok(cx.heap.int(1))
}

fn setting<'h>(
    cx: &Cx<'h>,
    pattern: Term<'h>,
    list: Term<'h>,
    compile: fn(Term<'_>) -> Result<Program, CompileError>,
) -> Result<Setting, Flow<'h>> {
    let mut spec = None;
    let switch = match pattern.as_atom().map(|atom| atom.name()) {
        Some("false") => Switch::Off,
        Some("true") => Switch::On,
        Some("restart") => Switch::Restart,
        Some("pause") => Switch::Pause,
        _ if pattern.is_nil() => Switch::On,
        _ => {
            let program = compile(pattern).map_err(|error| {
                let reason = if error.system_limit { am::system_limit } else { am::badarg };
                bad_of(reason, "match_spec")
            })?;
            spec = Some(Arc::new(program));
            Switch::On
        }
    };
    let (mut kinds, mut is_global, mut tracer) = (Kinds::default(), false, None);
    let mut items = list.list();
    for item in items.by_ref() {
        match item.as_atom().map(|atom| atom.name()) {
            None => {
                tracer = Some(options::tracer(item, "meta").ok_or_else(Flow::badopt)?);
                kinds.meta = true;
            }
            Some("global") if kinds.is_global() => is_global = true,
            Some("local") if !is_global => kinds.local = true,
            Some("meta") if !is_global => {
                kinds.meta = true;
                tracer = tracer.or(Some(cx.process.pid));
            }
            Some("call_count") if !is_global => kinds.call_count = true,
            Some("call_time") if !is_global => kinds.call_time = true,
            Some(_) => return Err(Flow::badopt()),
        }
    }
    if !items.rest().is_nil() {
        return Err(Flow::badopt());
    }
    let meta_spec = spec.clone();
    Ok(Setting { switch, kinds, spec, meta_spec, meta_tracer: tracer.unwrap_or(0) })
}

/// `{Module, Function, Arity}`, with `'_'` from somewhere on.
fn which(mfa: Term<'_>) -> Option<Which> {
    let [module, function, arity] = mfa.as_tuple_n()?;
    let wild = |term: Term<'_>| term.is(am::underscore);
    let named = |term: Term<'_>| term.as_atom().map(|atom| Some(atom).filter(|_| !wild(term)));
    let (module, function) = (named(module)?, named(function)?);
    let arity = if wild(arity) { None } else { Some(arity.as_small()?) };
    let specified = [module.is_some(), function.is_some(), arity.is_some()];
    specified.is_sorted_by(|a, b| a >= b).then_some(Which { module, function, arity })
}
