//! The emulator's own flags, as `beam.smp` gets them (`-S 1`, not `+S 1`).
//!
//! A value may be glued to its flag or be the next word. A bad value or an
//! unknown flag ends with the message stock prints, its usage text, and exit
//! code 1. Flags are read in the order stock reads them in: the counts of
//! threads first, then memory, then polling, then all the rest; so of two
//! mistakes the same one is reported.

mod counts;
mod heap;
mod memory;
mod misc;
mod number;
mod scheduling;

use crate::words::Word;
use oxbeam_sys::cpu::{Cpu, Processors};

/// What Ctrl-C does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Break {
    /// The break menu.
    Menu,
    /// Nothing (`+Bi`).
    Ignored,
    /// Interrupts the shell's current command (`+Bc`).
    InterruptsShell,
    /// Ends the runtime, as the system's default does (`+B`, `+Bd`).
    Ends,
}

/// What file names are taken to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileNames {
    /// UTF-8 (`+fnu`).
    Utf8,
    /// ISO Latin-1 (`+fnl`).
    Latin1,
    /// What the locale says (`+fna`, the default).
    Locale,
}

/// What happens with a file name that is not UTF-8 where it should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadFileName {
    /// Skipped with a warning.
    Warning,
    /// Skipped silently.
    Ignored,
    /// An error.
    Error,
}

/// Which level of the logger `warning_msg` has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WarningMap {
    /// `warning`, the default.
    Warning,
    /// `info`.
    Info,
    /// `error`.
    Error,
}

/// How Erlang system time may move.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimeWarp {
    /// The offset never changes.
    No,
    /// It changes once.
    Single,
    /// It changes at any time.
    Multi,
}

/// Everything the flags say, with stock's defaults.
#[derive(Clone, PartialEq, Debug)]
pub struct EmulatorOptions {
    /// Scheduler threads.
    pub schedulers: u32,
    /// Of these, at work from the start.
    pub schedulers_online: u32,
    /// Dirty CPU scheduler threads.
    pub dirty_cpu_schedulers: u32,
    /// Of these, at work from the start.
    pub dirty_cpu_schedulers_online: u32,
    /// Dirty IO scheduler threads.
    pub dirty_io_schedulers: u32,
    /// Threads of the async pool.
    pub async_threads: u32,
    /// Greatest number of processes asked for; the table rounds it up.
    pub process_limit: u32,
    /// Greatest number of ports asked for; the table rounds it up.
    pub port_limit: u32,
    /// Greatest number of atoms.
    pub atom_limit: u32,
    /// Number of ETS tables asked for (0: not said).
    pub ets_limit: u32,
    /// ETS tables are compressed unless told otherwise (`+ec`).
    pub ets_compressed: bool,
    /// Initial heap of a process.
    pub min_heap_words: u64,
    /// Initial virtual binary heap of a process.
    pub min_binary_heap_words: u64,
    /// Greatest heap of a process, 0 for none.
    pub max_heap_words: u64,
    /// A process beyond the greatest heap is killed.
    pub max_heap_kill: bool,
    /// A process beyond the greatest heap is logged.
    pub max_heap_log: bool,
    /// Initial size of a process dictionary.
    pub dictionary_size: u32,
    /// Messages are kept off the heap.
    pub message_queue_off_heap: bool,
    /// Minor collections before a major one.
    pub fullsweep_after: u16,
    /// What Ctrl-C does.
    pub on_break: Break,
    /// No crash dump for errors inside the runtime (`+d`).
    pub no_crash_dump: bool,
    /// Erlang time follows the system's with corrections.
    pub time_correction: bool,
    /// How system time may move.
    pub time_warp: TimeWarp,
    /// Encoding of file names.
    pub file_names: FileNames,
    /// What becomes of names that are not in it.
    pub bad_file_name: BadFileName,
    /// All of Unicode counts as printable (`+pc unicode`).
    pub printable_unicode: bool,
    /// The module whose `boot/1` runs.
    pub boot_module: Word,
    /// The level of warnings.
    pub warning_map: WarningMap,
    /// Bytes in a distribution channel that make it busy.
    pub dist_busy_limit_bytes: u64,
    /// When idle schedulers are woken to take over work (`+swt`).
    pub wakeup_threshold: Word,
    /// Messages keep what is shared in them (`+zshare true`; stock has it as a build option).
    pub keep_sharing: bool,
    /// Seconds before an unused node entry goes; None for never.
    pub node_table_delay_s: Option<u32>,
    /// Outstanding requests of a system process.
    pub system_requests_limit: Option<u32>,
    /// Ports are handled in parallel by default.
    pub port_parallelism: bool,
    /// The scheduler bind type asked for (`u`, `db` and so on).
    pub bind_type: Word,
    /// The processor topology given, if one was.
    pub cpu_topology: Option<Vec<Cpu>>,
    /// Whether the system is asked for its topology at the start.
    pub detects_topology: bool,
    /// Compaction of load onto few schedulers.
    pub compact_load: bool,
    /// Balancing by utilization.
    pub balance_utilization: bool,
    /// Milliseconds between forced wake-ups of schedulers, 0 for none.
    pub forced_wakeup_ms: u32,
    /// How long idle threads spin before they sleep: normal, dirty CPU,
    /// dirty IO. The names are stock's (`none` to `very_long`).
    pub busy_wait: [Word; 3],
    /// Stack of scheduler, dirty CPU and dirty IO threads, in kilowords.
    pub stack_kilowords: [u32; 3],
    /// Modified timing level of the test flag `+T`.
    pub modified_timing: Option<u32>,
    /// The release to be compatible with.
    pub compat_release: u32,
    /// Modules are loaded without line numbers (`+L`).
    pub no_line_numbers: bool,
    /// Threads that poll for input and output.
    pub poll_threads: u32,
    /// Sets of descriptors that they poll; no more than threads.
    pub poll_sets: u32,
    /// The flags as they came, for `system_info(emu_args)`.
    pub raw: Vec<Word>,
}

/// What is known before flags are read.
#[derive(Clone, Debug)]
pub struct Situation {
    /// The machine's processors.
    pub processors: Processors,
    /// The OTP release, such as 25.
    pub otp_release: u32,
    /// The version of the runtime application, such as `13.1.5`.
    pub erts_version: String,
    /// Variables that stand for flags: `ERL_MAX_PORTS`, `ERL_MAX_ETS_TABLES`,
    /// `ERL_FULLSWEEP_AFTER`, `ERL_THREAD_POOL_SIZE`.
    pub variables: Vec<(Word, Word)>,
}

/// The answer of [`parse`].
#[derive(Clone, PartialEq, Debug)]
pub struct Parsed {
    /// The options.
    pub options: EmulatorOptions,
    /// What follows the first `--`: the arguments of `init`.
    pub init_args: Vec<Word>,
    /// Warnings for standard error.
    pub warnings: Vec<u8>,
}

/// Leave with this on standard error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leave {
    /// What to print, line ends as stock's (carriage return and newline).
    pub stderr: Vec<u8>,
    /// The exit code.
    pub code: i32,
}

/// Reads the emulator's argument vector, its own name first.
///
/// Errors: [`Leave`] where stock would leave before it starts.
pub fn parse(args: &[Word], situation: &Situation) -> Result<Parsed, Leave> {
    let program = args.first().cloned().unwrap_or_else(|| b"beam.smp".to_vec());
    let words = args.get(1..).unwrap_or(&[]);
    let mut reader = Reader {
        words,
        next: 0,
        program: &program,
        situation,
        options: defaults(situation),
        warnings: Vec::new(),
    };
    let result = reader.read_all();
    let end = reader.next;
    match result {
        Ok(()) => {
            let mut options = reader.options;
            options.raw = args.to_vec();
            let warnings = with_returns(&reader.warnings);
            Ok(Parsed { options, init_args: words[end..].to_vec(), warnings })
        }
        Err(stop) => Err(stop.leave(&program, &reader.warnings)),
    }
}

/// Why reading stops.
enum Stop {
    /// Print a message (may be empty), then the usage text; exit code 1.
    Usage(Vec<u8>),
    /// Print this; exit code 0.
    Done(Vec<u8>),
}

impl Stop {
    fn leave(self, program: &[u8], warnings: &[u8]) -> Leave {
        let name = program.rsplit(|b| *b == b'/').next().unwrap_or(program);
        let (mut text, code) = match self {
            Stop::Done(text) => (text, 0),
            Stop::Usage(mut text) => {
                text.extend([b"Usage: ", name, b" [flags] [ -- [init_args] ]\n"].concat());
                text.extend_from_slice(include_bytes!("usage.txt"));
                (text, 1)
            }
        };
        text.splice(0..0, warnings.iter().copied());
        Leave { stderr: with_returns(&text), code }
    }
}

/// Stock ends its lines on standard error for a raw terminal.
fn with_returns(text: &[u8]) -> Vec<u8> {
    let mut result = Vec::with_capacity(text.len() + 64);
    for byte in text {
        if *byte == b'\n' {
            result.push(b'\r');
        }
        result.push(*byte);
    }
    result
}

fn usage(parts: &[&[u8]]) -> Stop {
    let mut text = parts.concat();
    text.push(b'\n');
    Stop::Usage(text)
}

type Answer = Result<(), Stop>;

struct Reader<'a> {
    words: &'a [Word],
    next: usize,
    program: &'a [u8],
    situation: &'a Situation,
    options: EmulatorOptions,
    warnings: Vec<u8>,
}

impl<'a> Reader<'a> {
    fn read_all(&mut self) -> Answer {
        self.read_counts()?;
        self.read_memory()?;
        self.read_polling()?;
        self.next = 0;
        while self.next < self.words.len() {
            let words = self.words;
            let flag = &words[self.next];
            self.next += 1;
            if flag == b"--" {
                return Ok(());
            }
            if flag.first() != Some(&b'-') {
                return Err(Stop::Usage(Vec::new()));
            }
            self.flag(flag)?;
        }
        Ok(())
    }

    /// The value of a flag whose name ends where `rest` starts.
    fn value(&mut self, rest: &'a [u8]) -> Result<&'a [u8], Stop> {
        if !rest.is_empty() {
            return Ok(rest);
        }
        let value = self.words.get(self.next).ok_or_else(|| usage(&[b"too few arguments"]))?;
        self.next += 1;
        Ok(value)
    }

    /// The value behind the first of `names` that `flag` starts with.
    fn flag(&mut self, flag: &'a [u8]) -> Answer {
        let rest = flag.get(2..).unwrap_or(b"");
        match flag.get(1) {
            Some(b'A') => self.value(rest).map(drop),
            Some(b'S') => self.skip_counts(rest),
            Some(b'd') => self.no_crash_dump(rest),
            Some(b'M') => self.skip_memory(rest),
            Some(b'I') => self.skip_polling(rest),
            Some(b'K') => self.value(rest).map(drop),
            Some(b'h') => self.heap(rest),
            Some(b's') => self.scheduling(flag, rest),
            Some(b'z') => self.other(flag, rest),
            Some(_) => self.single(flag, rest),
            None => Err(self.unknown(flag)),
        }
    }

    fn no_crash_dump(&mut self, rest: &'a [u8]) -> Answer {
        if let Some(value) = rest.strip_prefix(b"cg") {
            return self.value(value).map(drop);
        }
        self.options.no_crash_dump = true;
        Ok(())
    }

    fn unknown(&self, flag: &[u8]) -> Stop {
        usage(&[self.program, b" unknown flag ", flag])
    }
}

fn variable<'a>(situation: &'a Situation, name: &str) -> Option<&'a [u8]> {
    let found = situation.variables.iter().find(|(key, _)| key == name.as_bytes());
    found.map(|(_, value)| value.as_slice())
}

fn defaults(situation: &Situation) -> EmulatorOptions {
    let count = |name: &str| variable(situation, name).map(number::leading);
    let schedulers = situation.processors.configured as u32;
    let allowed = situation.processors.available;
    let online = situation.processors.quota.map_or(allowed, |quota| quota.min(allowed)) as u32;
    let async_threads = count("ERL_THREAD_POOL_SIZE").unwrap_or(1).clamp(1, 1024);
    EmulatorOptions {
        schedulers,
        schedulers_online: online.min(schedulers),
        dirty_cpu_schedulers: schedulers,
        dirty_cpu_schedulers_online: online.min(schedulers),
        dirty_io_schedulers: 10,
        async_threads: async_threads as u32,
        process_limit: 1 << 18,
        port_limit: count("ERL_MAX_PORTS").map_or(1 << 16, |n| n.clamp(1024, LIMIT) as u32),
        atom_limit: 1 << 20,
        ets_limit: count("ERL_MAX_ETS_TABLES").map_or(0, |n| n.max(0) as u32),
        ets_compressed: false,
        min_heap_words: 233,
        min_binary_heap_words: 32_768,
        max_heap_words: 0,
        max_heap_kill: true,
        max_heap_log: true,
        dictionary_size: 8,
        message_queue_off_heap: false,
        fullsweep_after: count("ERL_FULLSWEEP_AFTER").map_or(u16::MAX, |n| n as u16),
        on_break: Break::Menu,
        no_crash_dump: false,
        time_correction: true,
        time_warp: TimeWarp::No,
        file_names: FileNames::Locale,
        bad_file_name: BadFileName::Warning,
        printable_unicode: false,
        boot_module: b"init".to_vec(),
        warning_map: WarningMap::Warning,
        dist_busy_limit_bytes: 1 << 20,
        wakeup_threshold: b"medium".to_vec(),
        keep_sharing: false,
        node_table_delay_s: Some(60),
        system_requests_limit: None,
        port_parallelism: false,
        bind_type: b"u".to_vec(),
        cpu_topology: None,
        detects_topology: true,
        compact_load: true,
        balance_utilization: false,
        forced_wakeup_ms: 0,
        busy_wait: [b"medium".to_vec(), b"short".to_vec(), b"short".to_vec()],
        stack_kilowords: [128, 40, 40],
        modified_timing: None,
        compat_release: situation.otp_release,
        no_line_numbers: false,
        poll_threads: 1,
        poll_sets: 1,
        raw: Vec::new(),
    }
}

/// The greatest number of processes or ports.
const LIMIT: i64 = 134_217_727;

#[cfg(test)]
#[path = "flags_tests.rs"]
mod tests;
