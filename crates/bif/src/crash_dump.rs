//! The crash dump: a text file, in OTP's format 0.5, of all that is alive when the runtime ends
//! by an error.
//!
//! 1. One dump is written at most, by the thread that comes first; who comes later waits for the
//!    end of the runtime.
//! 2. Before it is written the schedulers stop after their present turns, or are not waited for
//!    any longer than [`STOP_LIMIT`]. A process that still runs is told of only by what it shares.
//! 3. `ERL_CRASH_DUMP` names the file; `ERL_CRASH_DUMP_SECONDS` is 0: no dump, positive: the
//!    runtime ends after that time, however far the dump is; `ERL_CRASH_DUMP_BYTES` limits it.
//!    Where OTP's `heart` watches, there is a dump only if the seconds are set.

pub mod process;
pub mod system;
pub mod terms;

use oxbeam_ethread::AtomicFlag;
use oxbeam_runtime::process::{Process, table};
use oxbeam_runtime::{Cx, scheduler};
use oxbeam_sys::{calendar, clock, environment, host};
use oxbeam_term::Atom;
use std::io::{BufWriter, Result, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::time::Duration;
use terms::Binaries;

/// Longest wait for the schedulers to stop.
const STOP_LIMIT: Duration = Duration::from_secs(2);

fn number(name: &str) -> Option<i64> {
    let text = environment::get(name.as_bytes())?;
    std::str::from_utf8(&text).ok()?.trim().parse().ok()
}

/// Writes the dump, if the environment wants one. `calling`: the process that ends the runtime.
/// What goes wrong with the file is no further error.
pub fn write(slogan: &str, calling: Option<&Cx<'_>>) {
    oxbeam_ethread::shared! {
        static WRITING: AtomicFlag = AtomicFlag::new(false);
    }
    if WRITING.xchg_mb(true) {
        loop {
            std::thread::park();
        }
    }
    let seconds = number("ERL_CRASH_DUMP_SECONDS");
    if seconds == Some(0) || oxbeam_io::port::tell_heart_of_crash() && seconds.is_none() {
        return;
    }
    let limit = number("ERL_CRASH_DUMP_BYTES").filter(|limit| *limit >= 0);
    if limit == Some(0) {
        return;
    }
    if let Some(seconds) = seconds.filter(|seconds| *seconds > 0) {
        end_after(Duration::from_secs(seconds as u64));
    }
    scheduler::stop_and_wait(STOP_LIMIT);
    let name = environment::get(b"ERL_CRASH_DUMP").unwrap_or_else(|| b"erl_crash.dump".to_vec());
    eprint!("\r\nCrash dump is being written to: {}...", String::from_utf8_lossy(&name));
    let path = std::ffi::OsString::from_vec(name);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o640);
    let Ok(file) = options.open(path) else { return };
    let left = limit.map_or(u64::MAX, |limit| limit as u64);
    let mut out = Limited { out: BufWriter::new(file), left };
    let done = write_all(&mut out, slogan, calling).and_then(|()| out.flush());
    if done.is_err() && out.left == 0 {
        writeln!(out.out, "\n=abort:CRASH DUMP SIZE LIMIT REACHED").ok();
        out.out.flush().ok();
    }
    eprint!("done\r\n");
}

/// Ends the runtime when the time is over.
fn end_after(time: Duration) {
    std::thread::spawn(move || {
        std::thread::sleep(time);
        host::exit_now(1);
    });
}

/// A file that takes so many bytes more.
struct Limited {
    out: BufWriter<std::fs::File>,
    left: u64,
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        if bytes.len() as u64 > self.left {
            self.left = 0;
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.left -= bytes.len() as u64;
        self.out.write_all(bytes)?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> Result<()> {
        self.out.flush()
    }
}

/// `Sun Nov 22 14:11:30 2026`
fn date() -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let seconds = clock::system_ns().div_euclid(1_000_000_000);
    let Some(time) = calendar::local_of_seconds(seconds) else { return String::new() };
    // The day of the week is the local one.
    let noon = calendar::DateTime { hour: 12, minute: 0, second: 0, ..time };
    let days = calendar::seconds_of_local(noon, None).unwrap_or(seconds).div_euclid(86_400);
    let month = MONTHS[usize::from(time.month) - 1];
    format!(
        "{} {month} {:2} {:02}:{:02}:{:02} {}",
        DAYS[days.rem_euclid(7) as usize],
        time.day,
        time.hour,
        time.minute,
        time.second,
        time.year
    )
}

fn write_all(out: &mut dyn Write, slogan: &str, calling: Option<&Cx<'_>>) -> Result<()> {
    writeln!(out, "=erl_crash_dump:0.5\n{}\nSlogan: {slogan}", date())?;
    write!(out, "System version: {}", crate::erlang::system_info::system_version())?;
    writeln!(out, "Taints: \nAtoms: {}", Atom::count())?;
    match scheduler::current_index() {
        Some(index) => writeln!(out, "Calling Thread: scheduler:{}", index + 1)?,
        None => {
            let thread = std::thread::current();
            writeln!(out, "Calling Thread: {}", thread.name().unwrap_or("unnamed"))?;
        }
    }
    system::write_schedulers(out)?;
    system::write_info(out)?;
    let all = table::all();
    write_processes(out, &all, calling, true)?;
    oxbeam_io::port::describe_all(out)?;
    oxbeam_ets::describe_all(out)?;
    system::write_distribution(out)?;
    writeln!(out, "=loaded_modules")?;
    system::write_loaded(out, true)?;
    let mut binaries = Binaries::default();
    for process in &all {
        each(process, calling, true, |cx, _| process::write_contents(out, cx, &mut binaries))
            .unwrap_or(Ok(()))?;
    }
    write_persistent_terms(out, &mut binaries)?;
    binaries.finish(out)?;
    writeln!(out, "=atoms")?;
    for index in (0..Atom::count() as u32).rev() {
        let mut name = vec![];
        oxbeam_term::print::write_atom(&mut name, Atom::from_index(index));
        out.write_all(&name)?;
        writeln!(out)?;
    }
    writeln!(out, "=end")
}

/// Lets `look` see a process and whether it is the calling one, if nobody runs it.
fn each<R>(
    process: &Arc<Process>,
    calling: Option<&Cx<'_>>,
    stopped: bool,
    look: impl FnOnce(&Cx<'_>, bool) -> R,
) -> Option<R> {
    match calling.filter(|cx| cx.process.pid == process.pid) {
        Some(cx) => Some(look(cx, true)),
        None => process.inspect(stopped, |cx| look(cx, false)),
    }
}

/// The section of each process; of one that runs only what it shares.
pub fn write_processes(
    out: &mut dyn Write,
    all: &[Arc<Process>],
    calling: Option<&Cx<'_>>,
    stopped: bool,
) -> Result<()> {
    for process in all {
        let seen =
            each(process, calling, stopped, |cx, calling| process::write_process(out, cx, calling));
        match seen {
            Some(result) => result?,
            None => process::write_shared(out, process, "Running")?,
        }
    }
    Ok(())
}

/// Keys and values of persistent terms, and the objects that they reach.
fn write_persistent_terms(out: &mut dyn Write, binaries: &mut Binaries) -> Result<()> {
    let heap = oxbeam_heap::Heap::detached();
    let mut objects = terms::Objects::new(binaries);
    writeln!(out, "=persistent_terms")?;
    for (key, value) in oxbeam_runtime::persistent::all(&heap) {
        objects.word(out, key)?;
        write!(out, "|")?;
        objects.word(out, value)?;
        writeln!(out)?;
    }
    writeln!(out, "=literals")?;
    objects.finish(out)
}
