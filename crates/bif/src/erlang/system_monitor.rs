//! `erlang:system_monitor` and `erlang:system_profile`.

use crate::arg;
use oxbeam_heap::{Heap, OwnedTerm};
use oxbeam_runtime::process::{PidData, table};
use oxbeam_runtime::reference::new_numbers;
use oxbeam_runtime::signal::send_message;
use oxbeam_runtime::system_monitor::{self, Settings};
use oxbeam_runtime::system_profile::{self, Stamp};
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::{Atom, Term, am};

fn atom<'h>(name: &str) -> Term<'h> {
    Term::atom(Atom::new(name).expect("room for the words of system monitors"))
}

/// Least `large_heap`, in words.
const MIN_LARGE_HEAP: u64 = 16384;

/// `{Pid, Options}` or `undefined`.
fn monitor_term(heap: &Heap, settings: Option<Settings>) -> Term<'_> {
    let Some(settings) = settings else { return Term::atom(am::undefined) };
    let mut options = vec![];
    for (name, on) in
        [("busy_dist_port", settings.busy_dist_port), ("busy_port", settings.busy_port)]
    {
        if on {
            options.push(atom(name));
        }
    }
    for (name, value) in [
        ("large_heap", settings.large_heap_words),
        ("long_schedule", settings.long_schedule_ms),
        ("long_gc", settings.long_gc_ms),
    ] {
        if value != 0 {
            options.push(heap.tuple(&[atom(name), heap.uint(value)]));
        }
    }
    heap.tuple(&[Term::pid(settings.to), heap.list(&options)])
}

/// The pid of a local process that is alive.
fn alive<'h>(term: Term<'h>) -> Result<PidData, Flow<'h>> {
    let alive = |pid: &PidData| table::find(*pid).is_some_and(|process| !process.is_exiting());
    term.as_local_pid().filter(alive).ok_or_else(Flow::badarg)
}

fn monitor<'h>(cx: &mut Cx<'h>, who: Term<'h>, options: Term<'h>) -> NativeResult<'h> {
    if options.is_nil() {
        return Ok(monitor_term(cx.heap, system_monitor::SETTING.set(None)));
    }
    let to = alive(who)?;
    let mut settings = Settings {
        to,
        long_gc_ms: 0,
        long_schedule_ms: 0,
        large_heap_words: 0,
        busy_port: false,
        busy_dist_port: false,
    };
    for option in arg::options(options) {
        let option = option?;
        match option.as_atom().map(|option| option.name()) {
            Some("busy_port") => settings.busy_port = true,
            Some("busy_dist_port") => settings.busy_dist_port = true,
            Some(_) => return Err(Flow::badarg()),
            None => limit(&mut settings, option)?,
        }
    }
    Ok(monitor_term(cx.heap, system_monitor::SETTING.set(Some(settings))))
}

/// `{Name, Number}`
fn limit<'h>(settings: &mut Settings, option: Term<'h>) -> Result<(), Flow<'h>> {
    let [name, value] = option.as_tuple_n().ok_or_else(Flow::badarg)?;
    let value = value.as_u64().ok_or_else(Flow::badarg)?;
    match name.as_atom().map(|name| name.name()) {
        Some("long_gc") => settings.long_gc_ms = value.max(1),
        Some("long_schedule") => settings.long_schedule_ms = value.max(1),
        Some("large_heap") => settings.large_heap_words = value.max(MIN_LARGE_HEAP),
        _ => return Err(Flow::badarg()),
    }
    Ok(())
}

/// `erlang:system_monitor/0`
pub fn system_monitor_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    Ok(monitor_term(cx.heap, system_monitor::SETTING.get()))
}

/// `erlang:system_monitor/1`: `undefined` or `{Pid, Options}`.
pub fn system_monitor_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    match args[0].as_tuple_n::<2>() {
        Some([who, options]) => monitor(cx, who, options),
        None if args[0].is(am::undefined) => monitor(cx, args[0], Term::nil()),
        None => Err(Flow::badarg()),
    }
}

/// `erlang:system_monitor/2`
pub fn system_monitor_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    monitor(cx, args[0], args[1])
}

/// `{Pid, Options}` or `undefined`.
fn profile_term(heap: &Heap, settings: Option<system_profile::Settings>) -> Term<'_> {
    let Some(settings) = settings else { return Term::atom(am::undefined) };
    let options = [
        ("exclusive", settings.exclusive),
        ("scheduler", settings.schedulers),
        ("runnable_procs", settings.processes),
        ("runnable_ports", settings.ports),
    ];
    let options = options.into_iter().filter(|(_, on)| *on).map(|(name, _)| atom(name));
    heap.tuple(&[Term::pid(settings.to), heap.list(&options.collect::<Vec<_>>())])
}

/// `erlang:system_profile/0`
pub fn system_profile_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    Ok(profile_term(cx.heap, system_profile::SETTING.get()))
}

/// `erlang:system_profile/2`. The profiler may be a port in stock; here it is a process.
pub fn system_profile_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if args[0].is(am::undefined) || args[1].is_nil() {
        return Ok(profile_term(cx.heap, system_profile::SETTING.set(None)));
    }
    let mut settings = system_profile::Settings {
        to: alive(args[0])?,
        processes: false,
        ports: false,
        schedulers: false,
        exclusive: false,
        stamp: Stamp::Timestamp,
    };
    for option in arg::options(args[1]) {
        match option?.as_atom().map(|option| option.name()) {
            Some("runnable_procs") => settings.processes = true,
            Some("runnable_ports") => settings.ports = true,
            Some("scheduler") => settings.schedulers = true,
            Some("exclusive") => settings.exclusive = true,
            Some("timestamp") => settings.stamp = Stamp::Timestamp,
            Some("monotonic_timestamp") => settings.stamp = Stamp::Monotonic,
            Some("strict_monotonic_timestamp") => settings.stamp = Stamp::StrictMonotonic,
            _ => return Err(Flow::badarg()),
        }
    }
    Ok(profile_term(cx.heap, system_profile::SETTING.set(Some(settings))))
}

/// `erlang:trace_delivered/1`: `{trace_delivered, Tracee, Ref}` comes after all that was to be
/// told of the tracee: messages to tracers and profilers are sent by who causes them, at once.
pub fn trace_delivered_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if !args[0].is(am::all) && !args[0].is_pid() {
        return Err(Flow::badarg());
    }
    let reference = cx.heap.plain_ref(new_numbers());
    let message = cx.heap.tuple(&[atom("trace_delivered"), args[0], reference]);
    send_message(cx.process, OwnedTerm::copy_of(message));
    Ok(reference)
}
