//! Natives that take several turns, with everything going on between these
//! (`tests/slices/turns.erl` states the claims).
//!
//! `OXBEAM_TURNS` says how densely the numbers of turns are tried after which a native's process is
//! killed (1 if absent: each is twice the one before).

#[path = "support/paths.rs"]
mod paths;

use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles a program of tests/slices.
fn compiled(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("a folder for the compiled program");
    let source = paths::repository().join(format!("tests/slices/{name}.erl"));
    let status = Command::new("erlc").arg("-o").arg(&folder).arg(source).status();
    assert!(status.expect("erlc is installed").success(), "the program compiles");
    folder
}

/// Runs it on oxbeam with one scheduler; what it prints and what it complains of.
fn run(name: &str, args: &[&str]) -> [String; 2] {
    let flags = ["+S", "1", "-noshell", "-noinput", "-run", name, "main"];
    let mut command = Command::new(paths::oxbeam());
    let output = command.args(flags).args(args).current_dir(compiled(name)).output();
    let output = output.expect("oxbeam starts");
    [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn natives_of_several_turns_bear_what_happens_between_them() {
    let density = std::env::var("OXBEAM_TURNS").unwrap_or("1".into());
    let [text, errors] = run("turns", &[&density]);
    assert!(text.starts_with("ok"), "{text}{errors}");
}

/// In processor time of the scheduler's thread: three million tuples that live, collected where their process
/// runs, would hold it for more than a second.
#[test]
fn collections_of_a_large_heap_hold_up_nobody() {
    if std::env::var_os("OXBEAM_LIGHT").is_some() {
        return;
    }
    let [text, errors] = run("slices", &["1", "collections of a heap that grows"]);
    let slice_us = text.split('\t').nth(1).and_then(|us| us.parse::<u32>().ok());
    assert!(slice_us.is_some_and(|us| us < 60_000), "{text}{errors}");
}
