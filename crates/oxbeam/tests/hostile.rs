//! Damaged variants of installed modules are refused or run to some end; the runtime survives all.
//!
//! `tests/hostile/hostile.erl` makes and runs the variants, many in each child process.
//! `OXBEAM_HOSTILE_VARIANTS` says how many there are, `OXBEAM_HOSTILE_FIRST` with which number they
//! begin, `OXBEAM_HOSTILE_ALIKE` how many of them are compared with stock erl.

#[path = "support/paths.rs"]
mod paths;

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Variants that gave other answers than on stock before it was found out why.
const ONCE_DIFFERENT: [usize; 2] = [2361, 3086];
const VARIANTS_PER_CHILD: usize = 250;
/// Longest that one variant may take: some calls that have to be stopped, in a slow build.
const MS_PER_VARIANT: u64 = 5_000;

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// A folder with the compiled driver.
fn driver() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile");
        std::fs::create_dir_all(&folder).expect("a folder for the driver");
        let source = paths::repository().join("tests/hostile/hostile.erl");
        let status = Command::new("erlc").arg("-o").arg(&folder).arg(source).status();
        assert!(status.expect("erlc is installed").success(), "the driver compiles");
        folder
    })
}

/// Variants `first..first + count` in a child that runs `program`, which may take `time`.
struct Child<'a> {
    program: &'a Path,
    folder: &'a Path,
    first: usize,
    count: usize,
    time: Duration,
}

impl Child<'_> {
    /// Gives the trail, or what became of the child and the trail until then.
    fn run(&self) -> Result<String, (String, String)> {
        let runtime = self.program.file_name().and_then(|name| name.to_str()).unwrap_or("child");
        let trail = format!("{runtime}.{}.{}.trail", self.first, self.count);
        let trail = self.folder.join(trail);
        std::fs::remove_file(&trail).ok();
        let child = Command::new(self.program)
            .args(["-noshell", "-noinput", "-run", "hostile", "main"])
            .arg(&trail)
            .args([self.first.to_string(), self.count.to_string()])
            .current_dir(self.folder)
            .env("ERL_CRASH_DUMP_BYTES", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("the program starts");
        let status = wait(child, self.time);
        let text = std::fs::read_to_string(&trail).unwrap_or_default();
        std::fs::remove_file(&trail).ok();
        let complaint = match status {
            Some(status) if status.success() && text.lines().count() == self.count => {
                return Ok(text);
            }
            Some(status) => match status.signal() {
                Some(signal) => format!("died by signal {signal}"),
                None => format!("ended with code {:?}", status.code()),
            },
            None => "had no end".to_owned(),
        };
        let last = text.lines().last().unwrap_or("(none)");
        Err((format!("{complaint} at variant {last}"), text))
    }
}

/// The end of a child; `None`: it had none in time and was killed.
fn wait(mut child: std::process::Child, time: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + time;
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return Some(status);
        }
        if Instant::now() > end {
            child.kill().ok();
            child.wait().ok();
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The trail of so many variants on oxbeam, or what became of it.
fn on_oxbeam(folder: &Path, first: usize, count: usize) -> Result<String, String> {
    let time = Duration::from_millis(30_000 + MS_PER_VARIANT * count as u64);
    let program = paths::oxbeam();
    let child = Child { program: &program, folder, first, count, time };
    child.run().map_err(|(complaint, _)| complaint)
}

/// The lines of the variants that stock erl survives. It ends or hangs on some: the others of a
/// group are tried again one by one.
fn on_stock(folder: &Path, first: usize, count: usize) -> Vec<String> {
    let time = Duration::from_secs(if count == 1 { 10 } else { 20 });
    let child = Child { program: Path::new("erl"), folder, first, count, time };
    match child.run() {
        Ok(trail) => trail.lines().map(str::to_owned).collect(),
        Err(_) if count == 1 => vec![],
        Err(_) => (first..first + count).flat_map(|n| on_stock(folder, n, 1)).collect(),
    }
}

#[test]
fn damaged_modules_hurt_nobody() {
    let first = setting("OXBEAM_HOSTILE_FIRST", 0);
    let end = first + setting("OXBEAM_HOSTILE_VARIANTS", 300);
    let folder = driver();
    let next = AtomicUsize::new(first);
    let worker = || {
        let mut outcomes = vec![];
        loop {
            let from = next.fetch_add(VARIANTS_PER_CHILD, Ordering::Relaxed);
            if from >= end {
                return outcomes;
            }
            outcomes.push(on_oxbeam(folder, from, VARIANTS_PER_CHILD.min(end - from)));
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mut failures = vec![];
    let (mut loaded, mut refused, mut calls) = (0, 0, 0);
    for outcome in outcomes {
        let trail = outcome.unwrap_or_else(|failure| {
            failures.push(failure);
            String::new()
        });
        for line in trail.lines() {
            let words: Vec<_> = line.split(' ').collect();
            loaded += usize::from(words[1] == "loaded");
            refused += usize::from(words[1] == "refused");
            calls += words.get(3).map_or(0, |kinds| kinds.split(',').count());
        }
    }
    println!("{loaded} loaded, {refused} refused, {calls} calls");
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(loaded > 0 || end - first < 100, "damage so heavy tries nothing");
}

#[test]
fn what_stock_loads_and_runs_runs_alike() {
    const GROUP: usize = 10;
    let first = setting("OXBEAM_HOSTILE_FIRST", 0);
    let end = first + setting("OXBEAM_HOSTILE_ALIKE", 60);
    let folder = driver();
    let mut different = vec![];
    let mut compared = 0;
    let groups = (first..end).step_by(GROUP).map(|from| (from, GROUP));
    for (from, count) in groups.chain(ONCE_DIFFERENT.map(|variant| (variant, 1))) {
        let ours = on_oxbeam(folder, from, count).unwrap_or_else(|failure| panic!("{failure}"));
        for line in on_stock(folder, from, count) {
            // What stock refuses may load here: it raises when its damage is run. A call that had
            // to be stopped says how fast the machine is.
            let stopped = line.split(' ').nth(3).is_some_and(|outcomes| outcomes.contains('t'));
            if line.contains(" loaded ") && !stopped {
                compared += 1;
                if !ours.lines().any(|our| our == line) {
                    different.push(line);
                }
            }
        }
    }
    println!("{compared} compared");
    assert!(compared > 0 && different.is_empty(), "stock: {different:#?}");
}
