//! OTP's applications on oxbeam: each program of `tests/applications` prints the same as on stock erl.

#[path = "support/paths.rs"]
mod paths;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// A folder with the compiled programs.
fn compiled() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("applications");
        std::fs::create_dir_all(&folder).expect("a folder for compiled programs");
        let sources = ["store", "tester", "tools"].map(|name| source(&format!("{name}.erl")));
        let status = Command::new("erlc").arg("-o").arg(&folder).args(sources).status();
        assert!(status.expect("erlc is installed").success(), "the programs compile");
        folder
    })
}

fn source(name: &str) -> PathBuf {
    paths::repository().join("tests/applications").join(name)
}

/// An empty folder for one run.
fn fresh(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("applications.runs").join(name);
    std::fs::remove_dir_all(&folder).ok();
    std::fs::create_dir_all(&folder).expect("a folder for the run");
    folder
}

fn command(program: &Path, folder: &Path, run: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.arg("-pa").arg(compiled()).args(["-noshell", "-noinput", "-run"]).args(run);
    command.current_dir(folder);
    command
}

/// What a run prints, without the lines that name the time.
fn printed(program: &Path, folder: &Path, run: &[&str]) -> String {
    let output = command(program, folder, run).output().expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout).replace(&*folder.to_string_lossy(), "HERE");
    let lines = text.lines().filter(|line| !line.starts_with("CWD set to"));
    lines.map(|line| format!("{line}\n")).collect()
}

fn same_as_stock(run: &[&str], prepare: impl Fn(&Path)) {
    let outputs = [PathBuf::from("erl"), paths::oxbeam()].map(|program| {
        let runtime = program.file_name().unwrap().to_string_lossy().into_owned();
        // Both print paths of the same length and shape.
        let folder = fresh(&format!("{}.{:.3}", run[0], runtime));
        prepare(&folder);
        printed(&program, &folder, run).replace(&format!("{}.{:.3}", run[0], runtime), "RUN")
    });
    assert!(!outputs[0].contains("init terminating"), "{}", outputs[0]);
    assert_eq!(outputs[0], outputs[1]);
}

#[test]
fn stores_on_disk() {
    same_as_stock(&["store", "main"], |_| ());
}

#[test]
fn tools_for_programs_and_documents() {
    same_as_stock(&["tools", "main"], |_| ());
}

#[test]
fn common_test_runs_a_suite() {
    same_as_stock(&["tester", "main", "."], |folder| {
        std::fs::copy(source("sample_SUITE.erl"), folder.join("sample_SUITE.erl")).unwrap();
    });
}

#[test]
fn mnesia_recovers_what_it_said_was_written() {
    const WRITTEN: usize = 50;
    let folder = fresh("killed");
    let mut writer = command(&paths::oxbeam(), &folder, &["store", "writer"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    assert_eq!(lines.take(WRITTEN).count(), WRITTEN, "it writes");
    writer.kill().unwrap();
    writer.wait().unwrap();
    let recovered = printed(&paths::oxbeam(), &folder, &["store", "recovered"]);
    let count: usize = recovered.lines().last().unwrap_or_default().parse().unwrap_or(0);
    assert!(count >= WRITTEN, "recovered: {recovered}");
}
