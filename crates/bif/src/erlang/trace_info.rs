//! `erlang:trace_info/2`

use crate::arg::take;
use oxbeam_code::{Module, index, module, stub};
use oxbeam_heap::Heap;
use oxbeam_runtime::process::{PidData, table};
use oxbeam_runtime::trace::{self, flags, flags::Flags};
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::{Atom, Term, am, export};
use oxbeam_trace::events::{self, Which};
use oxbeam_trace::{Patterns, Spec, defaults, of_export, of_function};

fn atom<'h>(name: &str) -> Term<'h> {
    Term::atom(Atom::new(name).expect("room for the words of tracing"))
}

/// `erlang:trace_info/2`
pub fn trace_info_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [what, key] = take(args);
    let heap = cx.heap;
    let value = match what.as_atom().map(|atom| atom.name()) {
        Some("on_load") => of_modules_to_come(heap, key)?,
        Some("send" | "receive") => {
            if !key.is(am::match_spec) {
                return Err(Flow::badarg());
            }
            match if what.is(am::send) { events::sends() } else { events::receives() } {
                Which::Some(Some(program)) => heap.import(program.source()),
                which => Term::bool(!matches!(which, Which::None)),
            }
        }
        Some("new" | "new_processes") => {
            let birth = trace::of_new();
            of_process(heap, key, birth.flags, birth.tracer)?
        }
        Some("new_ports") => of_process(heap, key, 0, None)?,
        Some(_) => return Err(Flow::badopt()),
        None if what.is_pid() => return of_pid(heap, what, key),
        None if what.is_port() => of_process(heap, key, 0, None)?,
        None if what.as_tuple().is_some() => of_function_named(heap, what, key)?,
        None => return Err(Flow::badopt()),
    };
    Ok(heap.tuple(&[key, value]))
}

fn of_pid<'h>(heap: &'h Heap, pid: Term<'h>, key: Term<'h>) -> NativeResult<'h> {
    let undefined = Term::atom(am::undefined);
    let Some(pid) = pid.as_local_pid() else { return Ok(undefined) };
    let process = table::find(pid).filter(|process| !process.is_exiting());
    // Asked for first: one that has ended takes the flags with it.
    let tracer = process.as_ref().and_then(|process| process.tracer());
    let flags = process.as_ref().map_or(0, |process| process.trace_flags());
    let value = of_process(heap, key, flags, tracer)?;
    Ok(if process.is_some() { heap.tuple(&[key, value]) } else { undefined })
}

fn of_process<'h>(
    heap: &'h Heap,
    key: Term<'h>,
    flags: Flags,
    tracer: Option<PidData>,
) -> NativeResult<'h> {
    match key.as_atom().map(|key| key.name()) {
        Some("flags") => Ok(heap.list(&flags::names(flags).map(Term::atom).collect::<Vec<_>>())),
        Some("tracer") => Ok(tracer.map_or(Term::nil(), Term::pid)),
        _ => Err(Flow::badarg()),
    }
}

/// The source of a specification; `[]` for all calls.
fn source<'h>(heap: &'h Heap, spec: &Spec) -> Term<'h> {
    spec.as_ref().map_or(Term::nil(), |program| heap.import(program.source()))
}

/// The items of a function's breakpoints, in the order in which they are listed.
const ITEMS: [&str; 6] =
    ["traced", "match_spec", "meta", "meta_match_spec", "call_time", "call_count"];

fn of_function_named<'h>(heap: &'h Heap, mfa: Term<'h>, key: Term<'h>) -> NativeResult<'h> {
    let [name, function, arity] = mfa.as_tuple_n().ok_or_else(Flow::badarg)?;
    let (Some(name), Some(function), Some(arity)) =
        (name.as_atom(), function.as_atom(), arity.as_small())
    else {
        return Err(Flow::badarg());
    };
    let Some(found) = u8::try_from(arity).ok().and_then(|arity| find(name, function, arity)) else {
        return Ok(Term::atom(am::undefined));
    };
    let Some(patterns) = found else { return Ok(Term::bool(false)) };
    if key.is(am::all) {
        let pair = |item: &str| Ok(heap.tuple(&[atom(item), item_of(heap, &patterns, item)?]));
        let pairs = ITEMS.iter().map(|item| pair(item)).collect::<Result<Vec<_>, Flow<'h>>>()?;
        return Ok(heap.list(&pairs));
    }
    let key = key.as_atom().ok_or_else(Flow::badarg)?;
    match key.name() {
        // For those who ask for it alone.
        "meta" if patterns.meta.as_ref().is_none_or(|meta| meta.tracer().is_none()) => {
            Ok(Term::nil())
        }
        key => item_of(heap, &patterns, key),
    }
}

/// What is at a function; an inner `None`: nothing; an outer one: there is no such function.
fn find(name: Atom, function: Atom, arity: u8) -> Option<Option<Patterns>> {
    let ix = index::active();
    let export = export::find(name, function, arity);
    if let Some(export) = export.filter(|export| stub::is_traced(export, ix)) {
        return Some(of_export(export, ix).cloned());
    }
    let module: &Module = module::current(name)?;
    let is_it = |f: &oxbeam_code::module::Function| f.name == function && f.arity == arity;
    let number = module.functions.iter().position(is_it)?;
    // A breakpoint that only calls the error handler is no trace.
    let unbroken = |patterns: &Patterns| Patterns { breaks: false, ..patterns.clone() };
    let patterns = of_function(module, number, ix).map(unbroken);
    Some(patterns.filter(|patterns| !patterns.is_empty()))
}

fn item_of<'h>(heap: &'h Heap, patterns: &Patterns, item: &str) -> NativeResult<'h> {
    let no = Term::bool(false);
    let Patterns { calls, meta, count, time, .. } = patterns;
    Ok(match item {
        "traced" => match calls {
            Some(calls) => atom(if calls.local { "local" } else { "global" }),
            None => no,
        },
        "match_spec" => calls.as_ref().map_or(no, |calls| source(heap, &calls.spec)),
        "meta" => meta.as_ref().and_then(|meta| meta.tracer()).map_or(no, Term::pid),
        "meta_match_spec" => meta.as_ref().map_or(no, |meta| source(heap, &meta.spec)),
        "call_count" => count.as_ref().map_or(no, |count| heap.int(count.calls.read())),
        "call_time" => match time {
            Some(time) => {
                let spent = time.times.all().into_iter().map(|(pid, spent)| {
                    let us = spent.ns / 1000;
                    let calls = heap.uint(spent.calls);
                    let (seconds, rest) = (heap.int(us / 1_000_000), heap.int(us % 1_000_000));
                    heap.tuple(&[Term::pid(pid), calls, seconds, rest])
                });
                heap.list(&spent.collect::<Vec<_>>())
            }
            None => no,
        },
        _ => return Err(Flow::badarg()),
    })
}

fn of_modules_to_come<'h>(heap: &'h Heap, key: Term<'h>) -> NativeResult<'h> {
    let now = defaults::present();
    if !now.is_on {
        return Ok(Term::bool(false));
    }
    let item = |item: &str| {
        let calls = now.kinds.local || now.kinds.is_global();
        let no = Term::bool(false);
        Ok(match item {
            "traced" if now.kinds.is_global() => atom("global"),
            "traced" if now.kinds.local => atom("local"),
            "traced" => no,
            "match_spec" if calls => source(heap, &now.spec),
            "match_spec" => no,
            "meta" if now.kinds.meta => now.meta_tracer.map_or(no, Term::pid),
            "meta_match_spec" if now.kinds.meta => source(heap, &now.meta_spec),
            "meta" | "meta_match_spec" => no,
            "call_count" => Term::bool(now.kinds.call_count),
            "call_time" => Term::bool(now.kinds.call_time),
            _ => return Err(Flow::badarg()),
        })
    };
    if !key.is(am::all) {
        return item(key.as_atom().ok_or_else(Flow::badarg)?.name());
    }
    // Stock leaves the times out.
    let shown = ITEMS.iter().filter(|item| **item != "call_time");
    let pair = |name: &&str| Ok(heap.tuple(&[atom(name), item(name)?]));
    let pairs = shown.map(pair).collect::<Result<Vec<_>, Flow<'h>>>()?;
    Ok(heap.list(&pairs))
}
