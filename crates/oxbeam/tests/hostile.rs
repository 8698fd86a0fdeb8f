//! Damaged variants of installed modules are refused or run to some end; the runtime survives all.
//!
//! `tests/hostile/hostile.erl` makes and runs the variants, many in each child process.
//! `OXBEAM_HOSTILE_VARIANTS` says how many there are, `OXBEAM_HOSTILE_FIRST` with which number they
//! begin.

#[path = "support/paths.rs"]
mod paths;

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const VARIANTS_PER_CHILD: usize = 250;
/// Longest that one variant may take: some calls that have to be stopped, in a slow build.
const MS_PER_VARIANT: u64 = 5_000;

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// A folder with the compiled driver.
fn driver() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile");
    std::fs::create_dir_all(&folder).expect("a folder for the driver");
    let source = paths::repository().join("tests/hostile/hostile.erl");
    let status = Command::new("erlc").arg("-o").arg(&folder).arg(source).status();
    assert!(status.expect("erlc is installed").success(), "the driver compiles");
    folder
}

/// Tries so many variants in a child; gives the trail, or what became of the child.
fn child(folder: &Path, first: usize, count: usize) -> Result<String, String> {
    let trail = folder.join(format!("{first}.trail"));
    std::fs::remove_file(&trail).ok();
    let mut child = Command::new(paths::oxbeam())
        .args(["-noshell", "-noinput", "-run", "hostile", "main"])
        .arg(&trail)
        .args([first.to_string(), count.to_string()])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let end = Instant::now() + Duration::from_millis(30_000 + MS_PER_VARIANT * count as u64);
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            break Some(status);
        }
        if Instant::now() > end {
            child.kill().ok();
            child.wait().ok();
            break None;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let text = std::fs::read_to_string(&trail).unwrap_or_default();
    std::fs::remove_file(&trail).ok();
    let complaint = match status {
        Some(status) if status.success() && text.lines().count() == count => return Ok(text),
        Some(status) => match status.signal() {
            Some(signal) => format!("died by signal {signal}"),
            None => format!("ended with code {:?}", status.code()),
        },
        None => "had no end".to_owned(),
    };
    Err(format!("{complaint} at variant {}", text.lines().last().unwrap_or("(none)")))
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
            outcomes.push(child(&folder, from, VARIANTS_PER_CHILD.min(end - from)));
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
