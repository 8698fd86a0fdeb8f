//! Starting the virtual machine: from the flags to the first process.
//!
//! Order matters: limits before the first atom or process, natives before the engine, the engine
//! before any code, code before the first process, the first process before the schedulers run.

use crate::flags::BadFileName;
use crate::flags::{Break, TimeWarp, WarningMap};
use crate::front::Start;
use oxbeam_code::index::Permission;
use oxbeam_code::module;
use oxbeam_heap::Heap;
use oxbeam_heap::heap::HeapOptions;
use oxbeam_heap::sizes::next_heap_words;
use oxbeam_io::{names, port, prim_file};
use oxbeam_runtime::dirty;
use oxbeam_runtime::native::{self, StaticNif};
use oxbeam_runtime::process::spawn::{SpawnOptions, spawn_system};
use oxbeam_runtime::process::{MaxHeap, table};
use oxbeam_runtime::scheduler::Wakeup;
use oxbeam_runtime::scheduler::bind::BindType;
use oxbeam_runtime::time_offset::Warp;
use oxbeam_runtime::{scheduler, system};
use oxbeam_sys::clock;
use oxbeam_term::{Atom, Term, am, export};
use std::path::PathBuf;
use std::time::Duration;

/// Starts the machine; its threads run until it halts.
///
/// Errors: a sentence that says what is missing.
pub fn start(start: &Start) -> Result<(), String> {
    dump_on_panic(start);
    set_limits(start);
    system::install(facts(start));
    if let Some(limit) = start.options.system_requests_limit {
        system::set_outstanding_requests_limit(limit.into());
    }
    let mut nifs: Vec<&'static StaticNif> = oxbeam_io::NIFS.to_vec();
    nifs.push(&oxbeam_bif::oxbeam::NIF);
    native::install(oxbeam_bif::table::BIFS, &nifs, &oxbeam_bif::oxbeam::own_modules());
    install_io(start);
    oxbeam_bif::erlang::match_spec::install();
    oxbeam_interp::install();
    oxbeam_runtime::signal::install_aliases();
    load_preloaded(start)?;
    scheduler::create(start.options.schedulers as usize);
    dirty::set_limits(
        start.options.dirty_cpu_schedulers as usize,
        start.options.dirty_io_schedulers as usize,
    );
    distribute_load(start);
    spawn_first(start);
    scheduler::start();
    Ok(())
}

/// How schedulers share the load.
fn distribute_load(start: &Start) {
    let options = &start.options;
    scheduler::online::set_online(options.schedulers_online as usize);
    dirty::set_cpu_online(options.dirty_cpu_schedulers_online as usize);
    let wakeup = match options.wakeup_threshold.as_slice() {
        b"very_low" => Wakeup::VeryLow,
        b"low" => Wakeup::Low,
        b"high" => Wakeup::High,
        b"very_high" => Wakeup::VeryHigh,
        _ => Wakeup::Medium,
    };
    scheduler::set_distribution(options.compact_load, wakeup);
    scheduler::topology::detect(options.detects_topology);
    let [normal, dirty_cpu, dirty_io] = options.busy_wait.each_ref().map(|name| busy_wait(name));
    scheduler::set_busy_wait(normal);
    dirty::set_busy_wait(dirty_cpu, dirty_io);
    // It was looked at when the flags were read.
    scheduler::topology::define(options.cpu_topology.clone()).expect("a topology");
    let bind = std::str::from_utf8(&options.bind_type).ok().and_then(BindType::named);
    scheduler::bind::set_type(bind.unwrap_or(BindType::Unbound));
}

/// How long a scheduler without work spins. Where there is a single processor, who spins keeps others from
/// waking it.
fn busy_wait(name: &[u8]) -> Duration {
    let micros = match name {
        _ if scheduler::topology::processors().available == 1 => 0,
        b"none" => 0,
        b"very_short" => 2,
        b"short" => 8,
        b"long" => 100,
        b"very_long" => 400,
        _ => 25,
    };
    Duration::from_micros(micros)
}

/// A fault of the runtime itself ends it: with a crash dump, unless `+d` forbids that.
fn dump_on_panic(start: &Start) {
    let with_dump = !start.options.no_crash_dump;
    let show = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        show(info);
        if with_dump {
            let place = info.location().map_or_else(String::new, |place| place.to_string());
            oxbeam_bif::crash_dump::write(&format!("Panic of the runtime at {place}"), None);
        }
        std::process::abort();
    }));
}

fn set_limits(start: &Start) {
    let options = &start.options;
    Atom::set_limit(options.atom_limit as usize);
    table::set_limit(options.process_limit as usize);
    let heap = HeapOptions {
        min_heap_words: next_heap_words(options.min_heap_words as usize, 0),
        min_vheap_words: next_heap_words(options.min_binary_heap_words as usize, 0),
        fullsweep_after: u32::from(options.fullsweep_after),
    };
    let max = MaxHeap {
        size_words: options.max_heap_words as usize,
        kill: options.max_heap_kill,
        error_logger: options.max_heap_log,
    };
    system::set_heap_defaults(heap, max);
    oxbeam_heap::copy::keep_sharing(options.keep_sharing);
}

/// Tables that stock counts on where nothing is said.
const DEFAULT_ETS_LIMIT: usize = 8192;

fn facts(start: &Start) -> system::System {
    system::System {
        schedulers: start.options.schedulers as usize,
        dirty_cpu_schedulers: start.options.dirty_cpu_schedulers as usize,
        dirty_io_schedulers: start.options.dirty_io_schedulers as usize,
        otp_release: start.root.otp_release.to_string(),
        erts_version: start.root.erts_version.clone(),
        root_dir: start.root.path.to_string_lossy().into_owned(),
        preloaded: start.release.preloaded.iter().map(|name| (*name).to_owned()).collect(),
        max_generic_op: start.release.max_generic_op,
        init_arguments: start.init_args.clone(),
        emulator_arguments: start.options.raw.clone(),
        async_threads: start.options.async_threads as usize,
        port_limit: table::rounded_limit(start.options.port_limit as usize),
        ets_limit: match start.options.ets_limit as usize {
            0 => DEFAULT_ETS_LIMIT,
            limit => limit,
        },
        dist_busy_limit_bytes: start.options.dist_busy_limit_bytes as usize,
        utf8_file_names: start.utf8_file_names,
        printable_unicode: start.options.printable_unicode,
        warning_map: match start.options.warning_map {
            WarningMap::Error => am::error,
            WarningMap::Info => am::info,
            WarningMap::Warning => am::warning,
        },
        time_correction: start.options.time_correction,
        time_warp: match start.options.time_warp {
            TimeWarp::No => Warp::No,
            TimeWarp::Single => Warp::Single,
            TimeWarp::Multi => Warp::Multi,
        },
        break_ignored: start.options.on_break == Break::Ignored,
        no_crash_dump: start.options.no_crash_dump,
        start_monotonic_ns: clock::monotonic_ns(),
        start_system_ns: clock::system_ns(),
    }
}

/// Makes names, ports and signals of the system work.
fn install_io(start: &Start) {
    names::set_utf8(start.utf8_file_names);
    names::set_bad_name(match start.options.bad_file_name {
        BadFileName::Warning => names::BadName::Warning,
        BadFileName::Ignored => names::BadName::Ignored,
        BadFileName::Error => names::BadName::Error,
    });
    port::poll::set_counts(start.options.poll_threads as usize, start.options.poll_sets as usize);
    port::install();
    match start.options.on_break {
        Break::Menu => port::signals::on_interrupt(Some(oxbeam_bif::break_menu::ask)),
        Break::Ignored => port::signals::on_interrupt(None),
        // The system's default ends the runtime.
        Break::Ends | Break::InterruptsShell => {}
    }
    prim_file::install();
    oxbeam_ets::install();
}

/// Loads the modules that are there before any file is read, from the installed `erts`.
fn load_preloaded(start: &Start) -> Result<(), String> {
    let version = &start.root.erts_version;
    let folder: PathBuf = start.root.path.join(format!("lib/erts-{version}/ebin"));
    let mut modules = vec![];
    for name in start.release.preloaded.iter().rev() {
        let path = folder.join(format!("{name}.beam"));
        let bytes = std::fs::read(&path).map_err(|error| {
            let path = path.display();
            format!(
                "cannot read {path} ({error}); install the package erlang-base, or set \
                     OXBEAM_OTP_ROOT to the root directory of an Erlang/OTP installation"
            )
        })?;
        let mut module = oxbeam_bif::erlang::code::prepare(&bytes, false)
            .map_err(|error| format!("cannot load {}: {error}", path.display()))?;
        // The first process runs each `on_load` itself.
        module.on_load = None;
        // Stock's copies have no line numbers, so its stack traces show none.
        module.lines.clear();
        modules.push(module);
    }
    module::load(Permission::seize(), modules).map_err(|_| "preloaded twice".to_owned())
}

/// The system processes, in the order that gives them their pids.
fn spawn_first(start: &Start) {
    let atom = |name: &str| Atom::new(name).expect("room for the first atoms");
    let options = || SpawnOptions { system_process: true, ..SpawnOptions::default() };
    let heap = Heap::detached();
    let args: Vec<_> = start.init_args.iter().map(|word| heap.binary(word)).collect();
    let boot_module = std::str::from_utf8(&start.options.boot_module).map_or("init", |name| name);
    let args = [Term::atom(atom(boot_module)), heap.list(&args)];
    let begin = atom("start");
    let first = export::get_or_create(atom(start.release.first_module), begin, 2);
    spawn_system(first, &args, options());
    for (name, priority) in start.release.system_processes {
        let options = SpawnOptions { priority: *priority, ..options() };
        let pid = spawn_system(export::get_or_create(atom(name), begin, 0), &[], options);
        if *name == start.release.signal_handler {
            dirty::set_handler(*priority, pid);
        }
    }
}
