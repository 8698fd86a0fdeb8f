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

/// What a shell line prints, on stock with its own commands and on oxbeam with `exec`.
fn shell_on(runtime: &Path, folder: &Path, line: &str) -> String {
    let words = if runtime.ends_with("erl") {
        String::new()
    } else {
        format!("'{}' exec ", runtime.display())
    };
    let line = line.replace("$ON ", &words);
    let output = Command::new("sh").args(["-c", &line]).current_dir(folder).output();
    let output = output.expect("a shell starts");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // What says how long something took, or in which order it was chosen to run.
    let steady = |line: &&str| !line.contains("seconds") && !line.contains("seed");
    let lines: Vec<_> = text.lines().filter(steady).collect();
    format!("{}\n{:?}\n{errors}", lines.join("\n"), output.status.code())
}

fn same_shell(name: &str, line: &str, holds: &str) {
    let [stock, ours] = [PathBuf::from("erl"), paths::oxbeam()].map(|runtime| {
        let folder =
            fresh(&format!("{name}.{:.3}", runtime.file_name().unwrap().to_string_lossy()));
        shell_on(&runtime, &folder, line)
    });
    assert!(stock.contains(holds), "{stock}");
    assert_eq!(stock, ours);
}

#[test]
fn elixir_runs_a_script() {
    let script = source("sample.exs");
    same_shell("elixir", &format!("$ON elixir '{}'", script.display()), "ArgumentError");
}

#[test]
fn mix_makes_compiles_and_tests_a_project() {
    let line = "export MIX_HOME=$PWD/home; $ON mix new demo && cd demo && $ON mix test && \
                $ON mix run -e 'IO.inspect(Demo.hello())'";
    same_shell("mix", line, ":world\nSome(0)");
}

#[test]
fn rebar3_makes_and_tests_a_library() {
    let line = "export HOME=$PWD; $ON rebar3 new lib name=demo && cd demo && \
                printf '%s\\n' '-module(demo_tests).' '-include_lib(\"eunit/include/eunit.hrl\").' \
                'one_test() -> ?assertEqual([], [X || X <- [1], X > 1]).' >src/demo_tests.erl && \
                $ON rebar3 eunit";
    same_shell("rebar3", line, "2 tests, 0 failures");
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
