//! Modules are replaced while everybody calls them (`tests/upgrade/storm.erl` states the claims), and
//! systems are upgraded while they serve (`tests/upgrade/live.erl`).
//!
//! `OXBEAM_STORM_SECONDS` says how long the storm lasts (10 if absent, 5 for builds that are slow
//! on purpose), `OXBEAM_STORM_REPLACEMENTS` how often a module is replaced to see whether memory
//! stays flat (5,000, two modules each time; slow builds: 300).

#[path = "support/paths.rs"]
mod paths;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

fn compiled() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("upgrade");
        std::fs::create_dir_all(&folder).expect("a folder for compiled programs");
        let sources = std::fs::read_dir(paths::repository().join("tests/upgrade")).unwrap();
        let sources = sources.map(|entry| entry.unwrap().path());
        let sources = sources.filter(|path| path.extension().is_some_and(|ext| ext == "erl"));
        let status =
            Command::new("erlc").args(["-DVSN=1", "-o"]).arg(&folder).args(sources).status();
        assert!(status.expect("erlc is installed").success(), "the programs compile");
        folder
    })
}

/// A number from the environment, else one for this kind of build.
fn number(variable: &str, usual: u32, slow: u32) -> String {
    let slow_build = std::env::var_os("OXBEAM_LIGHT").is_some() || cfg!(oxbeam_zeal);
    let usual = if slow_build { slow } else { usual };
    std::env::var(variable).unwrap_or(usual.to_string())
}

fn run(module: &str, function: &str, arguments: &[&str]) -> String {
    run_on(&paths::oxbeam(), module, function, arguments)
}

fn run_on(program: &Path, module: &str, function: &str, arguments: &[&str]) -> String {
    let mut args = vec!["-noshell", "-noinput", "-run", module, function];
    args.extend(arguments);
    let output = Command::new(program).args(args).current_dir(compiled()).output();
    let output = output.expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    println!("{text}");
    assert!(output.status.success(), "{function}: {}\n{text}{errors:.2000}", output.status);
    text
}

#[test]
fn versions_only_grow_and_never_mix() {
    let seconds = number("OXBEAM_STORM_SECONDS", 10, 5);
    assert!(run("storm", "main", &[".", &seconds]).contains("whole"));
}

#[test]
fn memory_stays_flat_when_modules_are_replaced() {
    let replacements = number("OXBEAM_STORM_REPLACEMENTS", 5_000, 300);
    assert!(run("storm", "flat", &[".", &replacements]).contains("flat"));
}

#[test]
fn code_can_be_read_back() {
    let dir = compiled();
    let program = "ok = erts_debug:df(storm), ok = erts_debug:df(lists), \
                   [false = erts_debug:disassemble(X) || X <- [0, 8, -1, foo, {a, b, c}]], halt(0).";
    let args = ["-noshell", "-noinput", "-eval", program];
    let status = Command::new(paths::oxbeam()).args(args).current_dir(dir).status();
    assert!(status.expect("oxbeam starts").success());
    let text = std::fs::read_to_string(dir.join("storm.dis")).unwrap();
    for part in [": func_info storm observe 3\n", " storm_a:both/0\n", " storm:observe/3\n"] {
        assert!(text.contains(part), "{part:?} is not in\n{text:.3000}");
    }
    let lists = std::fs::read_to_string(dir.join("lists.dis")).unwrap();
    assert!(lists.lines().count() > 3000, "all of a module is there");
}

/// Also the example of docs/Upgrade.md.
#[test]
fn a_running_system_is_upgraded_whole_or_not_at_all() {
    let sources = paths::repository().join("tests/upgrade");
    assert!(run("live", "main", &[sources.to_str().expect("a path of text")]).contains("passed"));
}

/// The statements of the two texts that oxbeam's code loading is drawn from.
#[test]
fn the_texts_on_code_loading_hold() {
    let stock = run_on(Path::new("erl"), "seeds", "main", &["both"]);
    let ours = run("seeds", "main", &["both"]);
    for (stock, ours) in stock.lines().zip(ours.lines()) {
        assert_eq!(stock, ours);
        assert!(!stock.contains(": {ended,"), "{stock}");
    }
    assert_eq!(stock.lines().count(), ours.lines().count());
    let ours = run("seeds", "main", &["ours"]);
    let cases: Vec<_> = ours.lines().filter(|line| line.starts_with("ours_")).collect();
    assert!(cases.len() > 2 && cases.iter().all(|case| case.ends_with(": ok")), "{ours}");
}

#[test]
fn breakpoints_come_and_go_while_modules_are_loaded() {
    let loads = number("OXBEAM_TRACED_LOADS", 20, 6);
    assert!(run("traced", "main", &[&loads]).contains("exact"));
}
