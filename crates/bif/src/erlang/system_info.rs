//! `erlang:system_info/1`: what the runtime says of itself.

use super::process_info::max_heap_term;
use super::{cpu_topology, memory, sequential};
use crate::crash_dump;
use oxbeam_heap::Heap;
use oxbeam_runtime::process::table;
use oxbeam_runtime::scheduler::online::{self, Block};
use oxbeam_runtime::scheduler::{bind, topology};
use oxbeam_runtime::time_offset::{self, State, Warp};
use oxbeam_runtime::{Cx, Flow, NativeResult, scheduler, system};
use oxbeam_sys::{clock, host};
use oxbeam_term::{Atom, Node, Term, am};

pub(super) fn atom<'h>(name: &str) -> Term<'h> {
    Term::atom(Atom::new(name).expect("room for the words of the runtime"))
}

/// `erlang:system_info/1`
pub fn system_info_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if let Some(item) = args[0].as_atom() {
        if item.name() == "cpu_topology" {
            return cpu_topology::info(cx.heap, "used");
        }
        return system_item(cx, item.name()).ok_or_else(Flow::badarg);
    }
    match args[0].as_tuple_n::<2>() {
        Some([tag, which])
            if tag.is(am::wordsize) && (which.is(am::internal) || which.is(am::external)) =>
        {
            Ok(cx.heap.int(8))
        }
        Some([tag, which]) if tag.as_atom().is_some_and(|tag| tag.name() == "cpu_topology") => {
            cpu_topology::info(cx.heap, which.as_atom().ok_or_else(Flow::badarg)?.name())
        }
        Some([tag, which])
            if tag.as_atom().is_some_and(|tag| tag.name() == "internal_cpu_topology") =>
        {
            let which = which.as_atom().ok_or_else(Flow::badarg)?;
            cpu_topology::internal(cx.heap, which.name()).ok_or_else(Flow::badarg)
        }
        Some([tag, which]) => memory::allocators(cx, tag, which).ok_or_else(Flow::badarg),
        None => memory::send_parts(cx, args[0]).ok_or_else(Flow::badarg),
    }
}

/// The banner of the shell.
pub(crate) fn system_version() -> String {
    let system = system::get();
    let (all, online) = (system.schedulers, online::online());
    let dirty = (system.dirty_cpu_schedulers, system.dirty_io_schedulers);
    format!(
        "Erlang/OTP {} [erts-{}] [source] [64-bit] [smp:{all}:{online}] [ds:{}:{}:{}] \
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
        "update_cpu_info" => update_cpu_info(),
        "system_architecture" => text("x86_64-pc-linux-gnu"),
        "driver_version" => text("3.3"),
        "nif_version" => text("2.16"),
        "emu_flavor" => atom("emu"),
        "emu_type" | "build_type" => atom("opt"),
        "wordsize" => heap.int(8),
        "smp_support" | "threads" => Term::bool(true),
        "thread_pool_size" => heap.usize(system.async_threads),
        "schedulers" => heap.usize(system.schedulers),
        "schedulers_online" => heap.usize(online::online()),
        "dirty_cpu_schedulers" => heap.usize(system.dirty_cpu_schedulers),
        "dirty_cpu_schedulers_online" => heap.usize(oxbeam_runtime::dirty::cpu_online()),
        "dirty_io_schedulers" => heap.usize(system.dirty_io_schedulers),
        "schedulers_state" => {
            let counts = [system.schedulers, online::online(), online::active()];
            heap.tuple(&counts.map(|count| heap.usize(count)))
        }
        "scheduler_id" => heap.usize(scheduler::current_index().map_or(0, |index| index + 1)),
        "scheduler_bind_type" => atom(scheduler::bind::bind_type().name()),
        "scheduler_bindings" => {
            let of = |bound: Option<usize>| bound.map_or(atom("unbound"), |n| heap.usize(n));
            let bindings = scheduler::bind::bindings().into_iter().map(of);
            heap.tuple(&bindings.collect::<Vec<_>>())
        }
        "schedulers_total" | "schedulers_active" => heap.usize(
            match item {
                "schedulers_total" => system.schedulers,
                _ => online::active(),
            } + system.dirty_cpu_schedulers
                + system.dirty_io_schedulers,
        ),
        "outstanding_system_requests_limit" => heap.uint(system::outstanding_requests_limit()),
        "multi_scheduling" => multi_scheduling(),
        "multi_scheduling_blockers" => blockers(heap, Block::All),
        "normal_multi_scheduling_blockers" => blockers(heap, Block::Normal),
        "logical_processors" => heap.usize(topology::processors().configured),
        "logical_processors_online" => heap.usize(topology::processors().online),
        "logical_processors_available" => heap.usize(topology::processors().available),
        "process_limit" => heap.usize(table::limit()),
        "process_count" => heap.usize(table::count()),
        "port_count" => heap.usize(oxbeam_io::port::table::count()),
        "ets_count" => heap.usize(oxbeam_ets::table_count()),
        "endian" => atom(if cfg!(target_endian = "little") { "little" } else { "big" }),
        "ethread_info" => ethread_info(heap),
        "port_limit" => heap.usize(system.port_limit),
        "atom_limit" => heap.usize(Atom::limit()),
        "atom_count" => heap.usize(Atom::count()),
        "ets_limit" => heap.usize(system.ets_limit),
        "creation" => heap.int(i64::from(Node::this().creation)),
        "start_time" => heap.int(system.start_monotonic_ns),
        "end_time" => heap.int(i64::MAX / 1000 * 1000),
        "time_correction" => Term::bool(system.time_correction),
        "time_offset" => state_atom(time_offset::state()),
        "time_warp_mode" => atom(match system.time_warp {
            Warp::No => "no_time_warp",
            Warp::Single => "single_time_warp",
            Warp::Multi => "multi_time_warp",
        }),
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
        | "lock_counting"
        | "dynamic_trace_probes" => Term::bool(false),
        "dynamic_trace" => atom("none"),
        "modified_timing_level" => atom("undefined"),
        "trace_control_word" => heap.uint(system::trace_control_word()),
        "sequential_tracer" => pair("sequential_tracer", sequential::tracer()),
        "dist_buf_busy_limit" => heap.usize(system.dist_busy_limit_bytes),
        "dist_ctrl" | "taints" => Term::nil(),
        "delayed_node_table_gc" => heap.int(60),
        "c_compiler_used" => heap.tuple(&[atom("undefined"), Term::nil()]),
        "system_logger" => logger_term(system::logger()),
        "constant_pool_support" => Term::bool(true),
        "reader_groups_map" | "decentralized_counter_groups_map" => {
            let group = |n: usize| heap.tuple(&[heap.usize(n), heap.usize(n)]);
            heap.list(&(1..=system.schedulers).map(group).collect::<Vec<_>>())
        }
        "snifs" => natives(heap),
        "all_schedulers_state" => all_schedulers(heap),
        "run_queues" => heap.usize(system.schedulers),
        "context_reductions" => heap.int(oxbeam_runtime::engine::TURN_REDUCTIONS),
        "cpu_quota" => {
            topology::processors().quota.map_or(atom("unknown"), |count| heap.usize(count))
        }
        "hipe_architecture" => atom("undefined"),
        "literal_test" => atom("range"),
        "port_tasks" => Term::bool(true),
        "break_ignored" => Term::bool(system.break_ignored),
        "io_thread" | "ets_realloc_moves" => Term::bool(false),
        "compile_info" => {
            let part = |name| pair(name, Term::nil());
            heap.list(&["ldflags", "cflags", "config_h"].map(part))
        }
        "check_io" => check_io(heap),
        "info" => dumped(heap, crash_dump::system::write_info),
        "loaded" => dumped(heap, |out| crash_dump::system::write_loaded(out, false)),
        "dist" => dumped(heap, crash_dump::system::write_distribution),
        "procs" => {
            dumped(heap, |out| crash_dump::write_processes(out, &table::all(), Some(cx), false))
        }
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

/// `{Major, Minor, Patch}` of the system's kernel.
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

/// The text that a part of the crash dump would have.
fn dumped(
    heap: &Heap,
    write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>,
) -> Term<'_> {
    let mut text = vec![];
    write(&mut text).expect("a vector takes everything");
    heap.binary(&text)
}

pub(super) fn state_atom<'h>(state: State) -> Term<'h> {
    atom(match state {
        State::Preliminary => "preliminary",
        State::Final => "final",
        State::Volatile => "volatile",
    })
}

pub(super) fn logger_term<'h>(logger: system::Logger) -> Term<'h> {
    match logger {
        system::Logger::Registered => Term::atom(am::logger),
        system::Logger::Nobody => Term::atom(am::undefined),
        system::Logger::Process(pid) => Term::pid(pid),
    }
}

/// `disabled`, `blocked`, `blocked_normal` or `enabled`.
pub(super) fn multi_scheduling<'h>() -> Term<'h> {
    atom(if system::get().schedulers == 1 {
        "disabled"
    } else if !online::blockers(Block::All).is_empty() {
        "blocked"
    } else if !online::blockers(Block::Normal).is_empty() {
        "blocked_normal"
    } else {
        "enabled"
    })
}

fn blockers(heap: &Heap, block: Block) -> Term<'_> {
    heap.list(&online::blockers(block).into_iter().map(Term::pid).collect::<Vec<_>>())
}

/// `{Kind, Total, Online, Active}` of each kind of schedulers.
fn all_schedulers(heap: &Heap) -> Term<'_> {
    let system = system::get();
    let dirty_online = oxbeam_runtime::dirty::cpu_online();
    let dirty_active = |online| if oxbeam_runtime::dirty::is_blocked() { 0 } else { online };
    let (cpus, ios) = (system.dirty_cpu_schedulers, system.dirty_io_schedulers);
    let kinds = [
        ("normal", [system.schedulers, online::online(), online::active()]),
        ("dirty_cpu", [cpus, dirty_online, dirty_active(dirty_online)]),
        ("dirty_io", [ios, ios, dirty_active(ios)]),
    ];
    let kinds = kinds.map(|(name, counts)| {
        let [total, online, active] = counts.map(|count| heap.usize(count));
        heap.tuple(&[atom(name), total, online, active])
    });
    heap.list(&kinds)
}

/// Looks at the machine again. Schedulers that are bound follow a change.
fn update_cpu_info<'h>() -> Term<'h> {
    let changed = topology::detect(true);
    if changed {
        bind::bind_anew();
    }
    atom(if changed { "changed" } else { "unchanged" })
}

/// All natives as `{Module, Function, Arity}`.
fn natives(heap: &Heap) -> Term<'_> {
    let natives = crate::table::BIFS
        .iter()
        .map(|bif| heap.tuple(&[atom(bif.module), atom(bif.function), heap.int(bif.arity.into())]));
    heap.list(&natives.collect::<Vec<_>>())
}

/// The poll sets: what each is and how many descriptors it watches.
fn check_io(heap: &Heap) -> Term<'_> {
    let set = |set: oxbeam_io::port::poll::SetInfo| {
        let items = [
            ("name", atom("erts_poll")),
            ("primary", atom("epoll")),
            ("kernel_poll", atom("epoll")),
            ("memory_size", heap.usize(set.bytes)),
            ("total_poll_set_size", heap.usize(set.descriptors)),
            ("lazy_updates", Term::bool(false)),
            ("pending_updates", heap.int(0)),
            ("batch_updates", Term::bool(false)),
            ("concurrent_updates", Term::bool(true)),
            ("fallback", Term::bool(false)),
            ("max_fds", heap.usize(host::max_open_files())),
            ("active_fds", heap.usize(set.active)),
            ("poll_threads", heap.usize(set.threads)),
        ];
        heap.list(&items.map(|(key, value)| heap.tuple(&[atom(key), value])))
    };
    heap.list(&oxbeam_io::port::poll::sets().map(set).collect::<Vec<_>>())
}
