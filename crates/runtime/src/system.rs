//! The runtime as a whole: what boot has set, and how it ends.

use crate::locks;
use crate::process::{MaxHeap, PidData};
use crate::time_offset::{self, Warp};
use oxbeam_ethread::lock::RwLock;
use oxbeam_ethread::{Atomic64, AtomicU32, AtomicU64, AtomicUword};
use oxbeam_heap::heap::HeapOptions;
use oxbeam_sys::clock;
use oxbeam_term::{Atom, am};
use std::sync::OnceLock;

/// What boot has set.
pub struct System {
    pub schedulers: usize,
    pub dirty_cpu_schedulers: usize,
    pub dirty_io_schedulers: usize,
    /// Version and release of OTP, as the profile says.
    pub otp_release: String,
    pub erts_version: String,
    pub root_dir: String,
    /// Modules that are there before any file is read, the first loaded last.
    pub preloaded: Vec<String>,
    /// The highest generic operation of the release's compiler.
    pub max_generic_op: u32,
    /// The init arguments, as `init:get_plain_arguments` and its kin see them.
    pub init_arguments: Vec<Vec<u8>>,
    /// The emulator's own command line.
    pub emulator_arguments: Vec<Vec<u8>>,
    pub async_threads: usize,
    pub port_limit: usize,
    pub ets_limit: usize,
    pub dist_busy_limit_bytes: usize,
    pub utf8_file_names: bool,
    pub printable_unicode: bool,
    /// What a warning of the error logger counts as (`+W`).
    pub warning_map: Atom,
    /// Erlang time follows the system's with corrections (`+c`).
    pub time_correction: bool,
    pub time_warp: Warp,
    /// Ctrl-C does nothing (`+Bi`).
    pub break_ignored: bool,
    /// No crash dump for errors inside the runtime (`+d`).
    pub no_crash_dump: bool,
    pub start_monotonic_ns: i64,
    pub start_system_ns: i64,
}

impl Default for System {
    /// What a test starts from: one scheduler, OTP 25, no installation.
    fn default() -> System {
        System {
            schedulers: 1,
            dirty_cpu_schedulers: 1,
            dirty_io_schedulers: 1,
            otp_release: "25".into(),
            erts_version: "13.1.5".into(),
            root_dir: String::new(),
            preloaded: vec![],
            max_generic_op: 180,
            init_arguments: vec![],
            emulator_arguments: vec![],
            async_threads: 1,
            port_limit: 65536,
            ets_limit: 8192,
            dist_busy_limit_bytes: 1 << 20,
            utf8_file_names: true,
            printable_unicode: false,
            warning_map: am::warning,
            time_correction: true,
            time_warp: Warp::No,
            break_ignored: false,
            no_crash_dump: false,
            start_monotonic_ns: clock::monotonic_ns(),
            start_system_ns: clock::system_ns(),
        }
    }
}

static SYSTEM: OnceLock<System> = OnceLock::new();

/// Sets the system's facts; once, at boot.
pub fn install(system: System) {
    SYSTEM.set(system).ok().expect("the system is set once");
    oxbeam_term::Node::set_clock(oxbeam_sys::clock::monotonic_ns);
}

/// The system's facts.
pub fn get() -> &'static System {
    SYSTEM.get().expect("the system is set at boot")
}

/// Every spawn reads these and almost nobody writes them; each is right by itself.
struct HeapDefaults {
    min_heap_words: AtomicUword,
    min_vheap_words: AtomicUword,
    fullsweep_after: AtomicU32,
    max_heap_words: AtomicUword,
    max_heap_kill: AtomicU32,
    max_heap_logs: AtomicU32,
}

fn heap_defaults() -> &'static HeapDefaults {
    static DEFAULTS: OnceLock<HeapDefaults> = OnceLock::new();
    DEFAULTS.get_or_init(|| {
        let (heap, max) = (HeapOptions::default(), MaxHeap::default());
        HeapDefaults {
            min_heap_words: AtomicUword::new(heap.min_heap_words),
            min_vheap_words: AtomicUword::new(heap.min_vheap_words),
            fullsweep_after: AtomicU32::new(heap.fullsweep_after),
            max_heap_words: AtomicUword::new(max.size_words),
            max_heap_kill: AtomicU32::new(max.kill.into()),
            max_heap_logs: AtomicU32::new(max.error_logger.into()),
        }
    })
}

/// Defaults of new heaps (`+h` flags, `system_flag`).
pub fn default_heap_options() -> HeapOptions {
    let defaults = heap_defaults();
    HeapOptions {
        min_heap_words: defaults.min_heap_words.read(),
        min_vheap_words: defaults.min_vheap_words.read(),
        fullsweep_after: defaults.fullsweep_after.read(),
    }
}
pub fn default_max_heap() -> MaxHeap {
    let defaults = heap_defaults();
    MaxHeap {
        size_words: defaults.max_heap_words.read(),
        kill: defaults.max_heap_kill.read() != 0,
        error_logger: defaults.max_heap_logs.read() != 0,
    }
}
pub fn set_heap_defaults(heap: HeapOptions, max: MaxHeap) {
    let defaults = heap_defaults();
    defaults.min_heap_words.set(heap.min_heap_words);
    defaults.min_vheap_words.set(heap.min_vheap_words);
    defaults.fullsweep_after.set(heap.fullsweep_after);
    defaults.max_heap_words.set(max.size_words);
    defaults.max_heap_kill.set(max.kill.into());
    defaults.max_heap_logs.set(max.error_logger.into());
}

oxbeam_ethread::shared! {
    static BACKTRACE_DEPTH: AtomicUword = AtomicUword::new(8);
}

/// Frames of a stack trace.
pub fn backtrace_depth() -> usize {
    BACKTRACE_DEPTH.read()
}
/// Most frames that a stack trace may be told to have.
const MOST_FRAMES: usize = 64;

/// Sets the frames of a stack trace; gives the old number.
pub fn set_backtrace_depth(frames: usize) -> usize {
    BACKTRACE_DEPTH.xchg(frames.min(MOST_FRAMES))
}

oxbeam_ethread::shared! {
    static TRACE_CONTROL_WORD: AtomicU64 = AtomicU64::new(0);
}

/// The number that match specifications of traces share.
pub fn trace_control_word() -> u64 {
    TRACE_CONTROL_WORD.read()
}
/// Sets it; gives the former one.
pub fn set_trace_control_word(word: u32) -> u64 {
    TRACE_CONTROL_WORD.xchg(word.into())
}

oxbeam_ethread::shared! {
    /// 0: not set.
    static REQUESTS_LIMIT: AtomicU64 = AtomicU64::new(0);
}

/// How many requests of the runtime to processes may wait for their answers.
pub fn outstanding_requests_limit() -> u64 {
    match REQUESTS_LIMIT.read() {
        0 => 2 * get().schedulers as u64,
        limit => limit,
    }
}
/// Sets it; gives the former one.
pub fn set_outstanding_requests_limit(limit: u64) -> u64 {
    let old = outstanding_requests_limit();
    REQUESTS_LIMIT.set(limit);
    old
}

/// Who gets the reports of the runtime.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Logger {
    /// Whoever is registered as `logger`.
    Registered,
    /// Standard error.
    Nobody,
    Process(PidData),
}

oxbeam_ethread::shared! {
    static LOGGER: RwLock<Logger, locks::Logger> = RwLock::new(Logger::Registered);
}

pub fn logger() -> Logger {
    *LOGGER.read()
}
/// Sets it; gives the former one.
pub fn set_logger(logger: Logger) -> Logger {
    std::mem::replace(&mut *LOGGER.write(), logger)
}

oxbeam_ethread::shared! {
    static IO_BYTES: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];
}

/// Bytes that ports have `(read, written)`.
pub fn io_bytes() -> (u64, u64) {
    (IO_BYTES[0].read(), IO_BYTES[1].read())
}
/// Counts bytes that a port has read and written.
pub fn count_io(read: usize, written: usize) {
    IO_BYTES[0].add(read as u64);
    IO_BYTES[1].add(written as u64);
}

/// Erlang system time in nanoseconds.
pub fn system_time_ns() -> i64 {
    clock::monotonic_ns() + time_offset::offset_ns()
}

/// The same in microseconds, never twice the same: the time of `erlang:now/0`.
pub fn now_us() -> i64 {
    oxbeam_ethread::shared! {
        static LAST_US: Atomic64 = Atomic64::new(0);
    }
    let mut last = LAST_US.read();
    loop {
        let now = (system_time_ns() / 1000).max(last + 1);
        match LAST_US.cmpxchg(now, last) {
            same if same == last => return now,
            other => last = other,
        }
    }
}

/// What must be written out before the runtime ends; set by the crate that has ports.
static FLUSH: OnceLock<fn()> = OnceLock::new();

pub fn install_flush(flush: fn()) {
    FLUSH.set(flush).expect("the flush is installed once");
}

/// Ends the runtime with an exit status; `flush`: after all output is written.
pub fn halt(status: i32, flush: bool) -> ! {
    if flush && let Some(write_out) = FLUSH.get() {
        write_out();
    }
    oxbeam_sys::host::exit_now(status)
}

/// A system process is gone: the runtime cannot go on.
pub(crate) fn system_process_died(pid: PidData) -> ! {
    eprintln!("System process <0.{pid}.0> terminated, which the runtime cannot go on without");
    halt(1, true)
}
