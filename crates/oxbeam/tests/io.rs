//! Files, compression, regular expressions, ports and the environment: each
//! program prints the same here and on the stock runtime, where that is
//! installed.

#[path = "support/paths.rs"]
mod paths;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn compile(name: &str) -> Option<PathBuf> {
    let source = paths::repository().join(format!("crates/oxbeam/tests/io/{name}.erl"));
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&out).unwrap();
    let compiled = Command::new("erlc").arg("-o").arg(&out).arg(source).output().ok()?;
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stdout));
    Some(out)
}

fn run(runtime: &Path, out: &Path, name: &str) -> Output {
    Command::new(runtime)
        .args(["-noshell", "-pa"])
        .arg(out)
        .args(["-s", name, "main", "-s", "erlang", "halt"])
        .output()
        .unwrap()
}

fn same_as_stock(name: &str) {
    let Some(out) = compile(name) else { return };
    let theirs = run(Path::new("erl"), &out, name);
    let ours = run(&paths::oxbeam(), &out, name);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (ours_text, theirs_text) = (text(&ours.stdout), text(&theirs.stdout));
    for (ours, theirs) in ours_text.lines().zip(theirs_text.lines()) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(ours_text, theirs_text, "{}", text(&ours.stderr));
    assert_eq!(ours.status.code(), theirs.status.code());
}

#[test]
fn files() {
    same_as_stock("io_file");
}

#[test]
fn compression() {
    same_as_stock("io_zlib");
}

#[test]
fn regular_expressions() {
    same_as_stock("io_re");
}

#[test]
fn ports() {
    same_as_stock("io_port");
}

#[test]
fn ports_with_several_threads_that_poll() {
    let program = "S = self(), T = fun(N) -> os:cmd(\"echo \" ++ integer_to_list(N)) end, \
        [spawn(fun() -> S ! {N, [T(N), T(N)]} end) || N <- lists:seq(1, 20)], \
        L = [receive {N, [A, A]} -> A end || N <- lists:seq(1, 20)], \
        I = [proplists:get_value(poll_threads, X) || X <- erlang:system_info(check_io)], \
        All = [integer_to_list(N) ++ \"\\n\" || N <- lists:seq(1, 20)], \
        io:format(\"~p~n\", [{[X || X <- I, X > 0], L =:= All}]), halt().";
    let flags = ["+IOt", "5", "+IOp", "2", "-noshell", "-noinput", "-eval", program];
    let told = Command::new(paths::oxbeam()).args(flags).output().unwrap().stdout;
    // As stock prints.
    assert_eq!(String::from_utf8_lossy(&told), "{[3,2],true}\n");
}

#[test]
fn environment() {
    same_as_stock("io_os");
}

/// A writer that is faster than its reader waits for it, and all that it wrote
/// before the runtime halts arrives.
#[test]
fn output_to_a_slow_reader_is_whole() {
    use std::io::Read;
    let program = "[io:format(\"~s\", [lists:duplicate(1000, $x)]) || _ <- lists:seq(1, 1000)], \
                   halt().";
    let mut child = Command::new(paths::oxbeam())
        .args(["-noshell", "-eval", program])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let mut all = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut all).unwrap();
    // Without an installation there is nothing to run.
    if child.wait().unwrap().success() {
        assert_eq!(all.len(), 1_000_000);
    }
}
