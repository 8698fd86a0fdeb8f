//! `erlang:system_flag/2`: how the runtime is set.

use super::cpu_topology;
use super::process_info::max_heap_term;
use super::sequential;
use super::statistics::set_microstates;
use super::system_info::{atom, logger_term, multi_scheduling, state_atom};
use crate::arg;
use oxbeam_heap::sizes::next_heap_words;
use oxbeam_runtime::process::table;
use oxbeam_runtime::scheduler::bind::{self, BindType};
use oxbeam_runtime::scheduler::online::{self, Block};
use oxbeam_runtime::trace::sequential::reset;
use oxbeam_runtime::{Cx, Flow, NativeResult, dirty, report, system, time_offset};
use oxbeam_term::{Atom, Term, am};
use std::num::NonZeroU32;

/// `erlang:system_flag/2`: the flag's value until now.
pub fn system_flag_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let flag = args[0].as_atom().ok_or_else(Flow::badopt)?;
    let value = args[1];
    let heap = cx.heap;
    if let Some(old) = default_flag(cx, flag, value)? {
        return Ok(old);
    }
    match flag.name() {
        "backtrace_depth" => Ok(heap.usize(system::set_backtrace_depth(arg::size(value)?))),
        "system_logger" => set_logger(value),
        "time_offset" if value.is(am::finalize) => Ok(state_atom(time_offset::finalize())),
        "schedulers_online" => set_online(cx, args),
        "dirty_cpu_schedulers_online" => {
            let all = system::get().dirty_cpu_schedulers;
            let count = arg::size(value)?;
            if !(1..=all).contains(&count) {
                return Err(Flow::badarg());
            }
            Ok(heap.usize(dirty::set_cpu_online(count)))
        }
        "multi_scheduling" => set_multi_scheduling(cx, args),
        "scheduler_wall_time" => {
            let on = value.as_bool().ok_or_else(Flow::badarg)?;
            let name = Atom::new("system_flag_scheduler_wall_time");
            let name = name.map_err(|_| Flow::system_limit())?;
            Err(Flow::trap(am::erts_internal, name, &[Term::bool(on)]))
        }
        "microstate_accounting" => set_microstates(value),
        "trace_control_word" => {
            let word = u32::try_from(arg::size(value)?).map_err(|_| Flow::badarg())?;
            Ok(heap.uint(system::set_trace_control_word(word)))
        }
        "outstanding_system_requests_limit" => {
            let limit = value.as_u64().filter(|limit| (1..1 << 27).contains(limit));
            let limit = limit.ok_or_else(Flow::badarg)?;
            Ok(heap.uint(system::set_outstanding_requests_limit(limit)))
        }
        "cpu_topology" => cpu_topology::set(cx, value),
        "internal_cpu_topology" => cpu_topology::set_internal(heap, value),
        "scheduler_bind_type" => {
            let name = value.as_atom().filter(|name| name.name().len() > 2);
            let bind = name.and_then(|name| BindType::named(name.name()));
            report::warning_text(cx.own, BIND_DEPRECATED);
            Ok(atom(bind::set_type(bind.ok_or_else(Flow::badarg)?).name()))
        }
        "sequential_tracer" => sequential::set_tracer(value),
        "reset_seq_trace" => {
            reset();
            Ok(Term::bool(true))
        }
        // There are no flags for debugging.
        "debug_flags" => Ok(Term::bool(true)),
        "time_offset" => Err(Flow::badarg()),
        _ => Err(Flow::badopt()),
    }
}

const BIND_DEPRECATED: &str = "A call to erlang:system_flag(scheduler_bind_type, _) was\n\
    made. The scheduler_bind_type argument is deprecated and\n\
    scheduled for removal in Erlang/OTP 18. For more\n\
    information see the erlang:system_flag/2 documentation.\n";

/// The defaults of new processes; `None` for another flag.
fn default_flag<'h>(
    cx: &Cx<'h>,
    flag: Atom,
    value: Term<'h>,
) -> Result<Option<Term<'h>>, Flow<'h>> {
    let heap = cx.heap;
    let mut options = system::default_heap_options();
    let mut max = system::default_max_heap();
    let old = match flag {
        am::min_heap_size => {
            let words = next_heap_words(arg::size(value)?, 0);
            heap.usize(std::mem::replace(&mut options.min_heap_words, words))
        }
        am::min_bin_vheap_size => {
            let words = next_heap_words(arg::size(value)?, 0);
            heap.usize(std::mem::replace(&mut options.min_vheap_words, words))
        }
        am::fullsweep_after => {
            let new = u32::try_from(arg::size(value)?).unwrap_or(u32::MAX);
            heap.int(i64::from(std::mem::replace(&mut options.fullsweep_after, new)))
        }
        am::max_heap_size => {
            let new = super::processes::max_heap(value).ok_or_else(Flow::badarg)?;
            super::processes::check_max_heap(new, options.min_heap_words)?;
            max_heap_term(heap, std::mem::replace(&mut max, new))
        }
        _ => return Ok(None),
    };
    system::set_heap_defaults(options, max);
    Ok(Some(old))
}

/// `logger`, `undefined` or a process that is alive.
fn set_logger<'h>(value: Term<'h>) -> NativeResult<'h> {
    let logger = match value.as_local_pid() {
        Some(pid) if table::find(pid).is_some_and(|p| !p.is_exiting()) => {
            system::Logger::Process(pid)
        }
        _ if value.is(am::logger) => system::Logger::Registered,
        _ if value.is(am::undefined) => system::Logger::Nobody,
        _ => return Err(Flow::badarg()),
    };
    Ok(logger_term(system::set_logger(logger)))
}

/// Sets how many schedulers are online. It is called again until the change has taken effect.
fn set_online<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let count = arg::size(args[1])?;
    if !(1..=system::get().schedulers).contains(&count) {
        return Err(Flow::badarg());
    }
    let old = match settling(cx) {
        Some(old) => old,
        None => set_all_online(count),
    };
    settle(cx, args, old)?;
    Ok(cx.heap.int(old.get().into()))
}

/// Dirty CPU schedulers come and go with the normal ones, in proportion.
fn set_all_online(count: usize) -> NonZeroU32 {
    let old = online::set_online(count).max(1);
    dirty::set_cpu_online(dirty::cpu_online() * count / old);
    NonZeroU32::new(old as u32).unwrap_or(NonZeroU32::MIN)
}

fn set_multi_scheduling<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let (pid, begins) = (cx.process.pid, settling(cx).is_none());
    let change: fn(u64, Block) = match args[1].as_atom().map(|value| value.name()) {
        Some("block" | "block_normal") => online::block,
        Some("unblock" | "unblock_normal") => online::unblock,
        _ => return Err(Flow::badarg()),
    };
    if system::get().schedulers == 1 {
        return Ok(atom("disabled"));
    }
    let normal = args[1].as_atom().is_some_and(|value| value.name().ends_with("normal"));
    if begins {
        change(pid, if normal { Block::Normal } else { Block::All });
    }
    settle(cx, args, NonZeroU32::MIN)?;
    Ok(multi_scheduling())
}

/// The value from before a change that has not taken effect yet.
fn settling(cx: &Cx<'_>) -> Option<NonZeroU32> {
    cx.own.rare.as_ref().and_then(|rare| rare.settling)
}

/// Goes on when no scheduler runs that should not; until then the native is called again.
fn settle<'h>(cx: &mut Cx<'h>, args: &[Term<'h>], old: NonZeroU32) -> Result<(), Flow<'h>> {
    if online::settled() {
        if let Some(rare) = &mut cx.own.rare {
            rare.settling = None;
        }
        return Ok(());
    }
    cx.own.rare_mut().settling = Some(old);
    Err(Flow::Again(args.to_vec()))
}
