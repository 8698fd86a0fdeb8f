//! The runtime as a whole: what it says of itself, how it is set and how it ends.

use super::process_info::max_heap_term;
use crate::arg;

use oxbeam_heap::Heap;
use oxbeam_runtime::process::table;
use oxbeam_runtime::{Cx, Flow, NativeResult, gc, scheduler, system};
use oxbeam_sys::{clock, cpu, host};
use oxbeam_term::{Atom, Node, Term, am};
use std::sync::atomic::{AtomicI64, Ordering};

use super::memory;

fn atom<'h>(name: &str) -> Term<'h> {
    Term::atom(Atom::new(name).expect("room for the words of the runtime"))
}

/// `erlang:system_info/1`
pub fn system_info_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if let Some(item) = args[0].as_atom() {
        return system_item(cx, item.name()).ok_or_else(Flow::badarg);
    }
    match args[0].as_tuple_n::<2>() {
        Some([tag, which])
            if tag.is(am::wordsize) && (which.is(am::internal) || which.is(am::external)) =>
        {
            Ok(cx.heap.int(8))
        }
        Some([tag, which]) => memory::allocators(cx, tag, which).ok_or_else(Flow::badarg),
        None => memory::send_parts(cx, args[0]).ok_or_else(Flow::badarg),
    }
}

/// The banner of the shell.
fn system_version() -> String {
    let system = system::get();
    let online = system.schedulers;
    let dirty = (system.dirty_cpu_schedulers, system.dirty_io_schedulers);
    format!(
        "Erlang/OTP {} [erts-{}] [source] [64-bit] [smp:{online}:{online}] [ds:{}:{}:{}] \
         [async-threads:{}]\n",
        system.otp_release, system.erts_version, dirty.0, dirty.0, dirty.1, system.async_threads
    )
}

fn system_item<'h>(cx: &Cx<'h>, item: &str) -> Option<Term<'h>> {
    let heap = cx.heap;
    let system = system::get();
    let text = |text: &str| heap.list_of_chars(text);
    let pair = |key: &str, value: Term<'h>| heap.tuple(&[atom(key), value]);
    let defaults = system::default_heap_options();
    Some(match item {
        "otp_release" => text(&system.otp_release),
        "version" => text(&system.erts_version),
        "system_version" => text(&system_version()),
        "machine" => text("BEAM"),
        "os_type" => heap.tuple(&[atom("unix"), atom("linux")]),
        "os_version" => os_version(cx),
        "update_cpu_info" => atom("unchanged"),
        "system_architecture" => text("x86_64-pc-linux-gnu"),
        "driver_version" => text("3.3"),
        "nif_version" => text("2.16"),
        "emu_flavor" => atom("emu"),
        "emu_type" | "build_type" => atom("opt"),
        "wordsize" => heap.int(8),
        "smp_support" | "threads" => Term::bool(true),
        "thread_pool_size" => heap.usize(system.async_threads),
        "schedulers" | "schedulers_online" => heap.usize(system.schedulers),
        "dirty_cpu_schedulers" | "dirty_cpu_schedulers_online" => {
            heap.usize(system.dirty_cpu_schedulers)
        }
        "dirty_io_schedulers" => heap.usize(system.dirty_io_schedulers),
        "schedulers_state" => {
            let count = heap.usize(system.schedulers);
            heap.tuple(&[count, count, count])
        }
        "scheduler_id" => heap.usize(scheduler::current_index().map_or(0, |index| index + 1)),
        "scheduler_bind_type" => atom("unbound"),
        "scheduler_bindings" => heap.tuple(&vec![atom("unbound"); system.schedulers]),
        "outstanding_system_requests_limit" => heap.usize(2 * system.schedulers),
        "multi_scheduling" => atom("enabled"),
        "multi_scheduling_blockers" | "normal_multi_scheduling_blockers" => Term::nil(),
        "cpu_topology" => atom("undefined"),
        "logical_processors" => heap.usize(cpu::processors().configured),
        "logical_processors_online" => heap.usize(cpu::processors().online),
        "logical_processors_available" => heap.usize(cpu::processors().available),
        "process_limit" => heap.usize(table::limit()),
        "process_count" => heap.usize(table::count()),
        "port_limit" => heap.usize(system.port_limit),
        "atom_limit" => heap.usize(Atom::limit()),
        "atom_count" => heap.usize(Atom::count()),
        "ets_limit" => heap.usize(system.ets_limit),
        "ets_count" => heap.usize(oxbeam_ets::table_count()),
        "endian" => atom(if cfg!(target_endian = "little") { "little" } else { "big" }),
        "ethread_info" => ethread_info(heap),
        "creation" => heap.int(i64::from(Node::this().creation)),
        "start_time" => heap.int(system.start_monotonic_ns),
        "end_time" => heap.int(i64::MAX / 1000 * 1000),
        "time_correction" => Term::bool(true),
        "time_offset" => atom("final"),
        "time_warp_mode" => atom("no_time_warp"),
        "tolerant_timeofday" => atom("enabled"),
        "os_monotonic_time_source" => clock_source(cx, "CLOCK_MONOTONIC", true),
        "os_system_time_source" => clock_source(cx, "CLOCK_REALTIME", false),
        "min_heap_size" => pair("min_heap_size", heap.usize(defaults.min_heap_words)),
        "min_bin_vheap_size" => pair("min_bin_vheap_size", heap.usize(defaults.min_vheap_words)),
        "fullsweep_after" => pair("fullsweep_after", heap.int(i64::from(defaults.fullsweep_after))),
        "max_heap_size" => max_heap_term(heap, system::default_max_heap()),
        "garbage_collection" => heap.list(&[
            pair("max_heap_size", heap.usize(system::default_max_heap().size_words)),
            pair("min_bin_vheap_size", heap.usize(defaults.min_vheap_words)),
            pair("min_heap_size", heap.usize(defaults.min_heap_words)),
            pair("fullsweep_after", heap.int(i64::from(defaults.fullsweep_after))),
        ]),
        "heap_sizes" => {
            let sizes = oxbeam_heap::sizes::all().iter().rev().map(|&words| heap.usize(words));
            heap.list_from_rev(sizes)
        }
        "heap_type" => atom("private"),
        "message_queue_data" => atom("on_heap"),
        "kernel_poll" | "eager_check_io" => Term::bool(true),
        "port_parallelism"
        | "ets_always_compress"
        | "debug_compiled"
        | "lock_checking"
        | "dynamic_trace_probes" => Term::bool(false),
        "dynamic_trace" => atom("none"),
        "modified_timing_level" => atom("undefined"),
        "trace_control_word" => heap.int(0),
        "sequential_tracer" => pair("sequential_tracer", Term::bool(false)),
        "dist_buf_busy_limit" => heap.usize(system.dist_busy_limit_bytes),
        "dist_ctrl" | "taints" => Term::nil(),
        "delayed_node_table_gc" => heap.int(60),
        "c_compiler_used" => heap.tuple(&[atom("undefined"), Term::nil()]),
        "system_logger" => oxbeam_runtime::registry::whereis(am::logger)
            .map_or(Term::atom(am::undefined), Term::immediate),
        "beam_jump_table" => Term::bool(true),
        "compat_rel" => heap.int(system.otp_release.parse().unwrap_or(0)),
        "allocator" => heap.tuple(&[atom("mimalloc"), Term::nil(), Term::nil(), Term::nil()]),
        "alloc_util_allocators" => memory::allocator_names(heap),
        "allocated_areas" => memory::areas(heap),
        "emu_args" => {
            let words = system.emulator_arguments.iter().rev();
            heap.list_from_rev(words.map(|word| text(&String::from_utf8_lossy(word))))
        }
        _ => return None,
    })
}

/// `{Major, Minor, Patch}` of the system's kernel.
/// What is known of the atomics beneath, in the shape of OTP's report on its own library.
fn ethread_info<'h>(heap: &'h Heap) -> Term<'h> {
    let text = |text: &str| heap.list_of_chars(text);
    let sizes = ["32-bit native atomics", "64-bit native atomics"];
    let natives = sizes.map(|name| heap.tuple(&[text(name), text("ethread"), Term::nil()]));
    let out_of_order = heap.tuple(&[text("x86_64 OOO"), text("no")]);
    let mut all = natives.to_vec();
    if cfg!(target_arch = "x86_64") {
        all.push(out_of_order);
    }
    heap.list(&all)
}

fn os_version<'h>(cx: &Cx<'h>) -> Term<'h> {
    let release = host::system_name().release;
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    let mut next = || numbers.next().and_then(|part| part.parse().ok()).unwrap_or(0);
    let parts = [next(), next(), next()];
    cx.heap.tuple(&parts.map(|part| cx.heap.int(part)))
}

fn clock_source<'h>(cx: &Cx<'h>, id: &str, monotonic: bool) -> Term<'h> {
    let heap = cx.heap;
    let pair = |key: &str, value: Term<'h>| heap.tuple(&[atom(key), value]);
    let resolution_ns = clock::monotonic_resolution_ns().max(1);
    let now = if monotonic { clock::monotonic_ns() } else { clock::system_ns() };
    let mut pairs = vec![
        pair("function", atom("clock_gettime")),
        pair("clock_id", atom(id)),
        pair("resolution", heap.int(1_000_000_000 / resolution_ns)),
    ];
    if monotonic {
        pairs.push(pair("extended", atom("no")));
    }
    pairs.push(pair("parallel", atom("yes")));
    pairs.push(pair("time", heap.int(now)));
    heap.list(&pairs)
}

/// The value now and what it has grown by since this was last asked.
fn since_last(last: &AtomicI64, now: i64) -> [i64; 2] {
    [now, now - last.swap(now, Ordering::Relaxed)]
}

/// `erlang:statistics/1`
pub fn statistics_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    static REDUCTIONS: AtomicI64 = AtomicI64::new(0);
    static RUNTIME: AtomicI64 = AtomicI64::new(0);
    static WALL_CLOCK: AtomicI64 = AtomicI64::new(0);
    let heap = cx.heap;
    let pair = |values: [i64; 2]| heap.tuple(&values.map(|value| heap.int(value)));
    let item = args[0].as_atom().ok_or_else(Flow::badarg)?;
    let lengths = scheduler::run_queue_lengths();
    Ok(match item.name() {
        "context_switches" => pair([scheduler::totals().0 as i64, 0]),
        "reductions" | "exact_reductions" => {
            let running = (oxbeam_runtime::engine::TURN_REDUCTIONS - cx.reductions).max(0);
            pair(since_last(&REDUCTIONS, scheduler::totals().1 as i64 + running))
        }
        "runtime" => {
            let (user_ns, system_ns) = clock::process_cpu_ns();
            pair(since_last(&RUNTIME, (user_ns + system_ns) / 1_000_000))
        }
        "wall_clock" => {
            let up_ns = clock::monotonic_ns() - system::get().start_monotonic_ns;
            pair(since_last(&WALL_CLOCK, up_ns / 1_000_000))
        }
        "garbage_collection" => {
            let (count, words) = gc::statistics();
            heap.tuple(&[heap.uint(count), heap.uint(words), heap.int(0)])
        }
        "io" => {
            let (input, output) = system::io_bytes();
            let pair = |key: Atom, value: u64| heap.tuple(&[Term::atom(key), heap.uint(value)]);
            heap.tuple(&[pair(am::input, input), pair(am::output, output)])
        }
        "run_queue" | "total_run_queue_lengths" | "total_run_queue_lengths_all" => {
            heap.usize(lengths.iter().sum())
        }
        "run_queue_lengths" | "run_queue_lengths_all" => {
            heap.list_from_rev(lengths.iter().rev().map(|&length| heap.usize(length)))
        }
        "active_tasks" | "active_tasks_all" => {
            let running = scheduler::current_index();
            let active = |(at, &length): (usize, &usize)| {
                heap.usize(length + usize::from(running == Some(at)))
            };
            heap.list_from_rev(lengths.iter().enumerate().rev().map(active))
        }
        "total_active_tasks" | "total_active_tasks_all" => {
            heap.usize(lengths.iter().sum::<usize>() + 1)
        }
        "scheduler_wall_time" | "scheduler_wall_time_all" => Term::atom(am::undefined),
        _ => return Err(Flow::badarg()),
    })
}

/// `erlang:system_flag/2`
pub fn system_flag_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let flag = args[0].as_atom().ok_or_else(Flow::badarg)?;
    let heap = cx.heap;
    let mut options = system::default_heap_options();
    let mut max = system::default_max_heap();
    let old = match flag {
        am::min_heap_size => {
            let words = oxbeam_heap::sizes::next_heap_words(arg::size(args[1])?, 0);
            heap.usize(std::mem::replace(&mut options.min_heap_words, words))
        }
        am::min_bin_vheap_size => {
            heap.usize(std::mem::replace(&mut options.min_vheap_words, arg::size(args[1])?))
        }
        am::fullsweep_after => {
            let new = u32::try_from(arg::size(args[1])?).unwrap_or(u32::MAX);
            heap.int(i64::from(std::mem::replace(&mut options.fullsweep_after, new)))
        }
        am::max_heap_size => {
            let new = super::processes::max_heap(args[1]).ok_or_else(Flow::badarg)?;
            max_heap_term(heap, std::mem::replace(&mut max, new))
        }
        am::backtrace_depth => {
            let new = arg::size(args[1])?;
            return Ok(heap.usize(system::set_backtrace_depth(new)));
        }
        am::system_logger => {
            let old = oxbeam_runtime::registry::whereis(am::logger);
            return Ok(old.map_or(Term::atom(am::undefined), Term::immediate));
        }
        am::time_offset if args[1].is(am::finalize) => return Ok(atom("final")),
        am::schedulers_online => {
            let wanted = arg::size(args[1])?;
            let now = system::get().schedulers;
            // Taking schedulers off line is not there yet; the present number is accepted.
            return if wanted == now { Ok(heap.usize(now)) } else { Err(Flow::badarg()) };
        }
        am::scheduler_wall_time | am::trace_control_word | am::multi_scheduling => {
            return Err(Flow::error(am::notsup));
        }
        _ => return Err(Flow::badarg()),
    };
    system::set_heap_defaults(options, max);
    Ok(old)
}

/// `erts_internal:scheduler_wall_time/1`: the measurement is not there yet and stays off.
pub fn scheduler_wall_time_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    match args[0].as_bool() {
        Some(false) => Ok(Term::bool(false)),
        Some(true) => Err(Flow::error(am::notsup)),
        None => Err(Flow::badarg()),
    }
}

/// `erlang:halt/2`
pub fn halt_2<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let mut flush = true;
    for option in arg::list(args[1])? {
        let [key, value] = option.as_tuple_n().ok_or_else(Flow::badarg)?;
        if !key.is(am::flush) {
            return Err(Flow::badarg());
        }
        flush = value.as_bool().ok_or_else(Flow::badarg)?;
    }
    if let Some(status) = args[0].as_usize() {
        system::halt((status & 0xFF) as i32, flush);
    }
    if args[0].is(am::abort) {
        std::process::abort();
    }
    let slogan = arg::list(args[0])?;
    let text: Option<String> = slogan
        .iter()
        .map(|c| c.as_usize().and_then(|n| u32::try_from(n).ok()).and_then(char::from_u32))
        .collect();
    let text = text.ok_or_else(Flow::badarg)?;
    eprintln!("{text}\r");
    system::halt(1, false)
}

/// `erlang:nodes/0`: no distribution, so no other node.
pub fn nodes_0<'h>(_: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    Ok(Term::nil())
}

/// The kinds of nodes asked for: whether this one is among them.
fn node_kinds<'h>(term: Term<'h>) -> Result<bool, Flow<'h>> {
    let kinds = if term.is_atom() && !term.is_nil() { vec![term] } else { arg::list(term)? };
    let mut this = false;
    for kind in kinds {
        match kind.as_atom() {
            Some(am::this | am::known) => this = true,
            Some(am::visible | am::hidden | am::connected) => {}
            _ => return Err(Flow::badarg()),
        }
    }
    Ok(this)
}

/// `erlang:nodes/1`
pub fn nodes_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let this = node_kinds(args[0])?;
    let name = Term::atom(Node::this().name);
    Ok(if this { cx.heap.list(&[name]) } else { Term::nil() })
}

/// `erlang:nodes/2`
pub fn nodes_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if !args[1].is_map() {
        return Err(Flow::badarg());
    }
    let this = node_kinds(args[0])?;
    let name = Term::atom(Node::this().name);
    let entry = cx.heap.tuple(&[name, cx.heap.empty_map()]);
    Ok(if this { cx.heap.list(&[entry]) } else { Term::nil() })
}

/// `erlang:nif_error/1`
pub fn nif_error_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    super::errors::error_1(cx, args)
}

/// `erlang:nif_error/2`
pub fn nif_error_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    super::errors::error_2(cx, args)
}

/// `error_logger:warning_map/0`
pub fn warning_map_0<'h>(_: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    Ok(Term::atom(system::get().warning_map))
}

/// `erts_internal:get_creation/0`
pub fn get_creation_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    Ok(cx.heap.int(i64::from(Node::this().creation)))
}

/// `net_kernel:dflag_unicode_io/1`: whether the node of a pid can take unicode io; this one can.
pub fn dflag_unicode_io_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if args[0].is_pid() { Ok(Term::bool(true)) } else { Err(Flow::badarg()) }
}
