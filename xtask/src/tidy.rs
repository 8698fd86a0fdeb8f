//! What the compiler does not check: sizes of files, words that must not stay, that the paths
//! and crates named in documents exist, and that no predefined atom is left over.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Longest source file, in lines; tables (see [`TABLES`]) may be longer.
const MAX_LINES: usize = 1000;
/// Longest line of a source file, in characters; rustfmt keeps code, this keeps strings.
const MAX_COLUMNS: usize = 200;
/// Files that are one table.
const TABLES: [&str; 2] = ["crates/bif/src/table.rs", "crates/ops/src/specific.rs"];
/// Words that mark unfinished work, split so that this file does not hold them.
const LEFTOVERS: [&str; 4] = [
    concat!("todo", "!("),
    concat!("unimpl", "emented!("),
    concat!("FIX", "ME"),
    concat!("dbg", "!("),
];
/// Crates that may hold `unsafe`, as ARCHITECTURE.md names them.
const MAY_BE_UNSAFE: [&str; 11] = [
    "sys", "ethread", "yielding", "term", "heap", "code", "interp", "runtime", "io", "regex", "ets",
];

/// Where the language's own atomics are named, with the reason; all else is built on `crates/ethread`.
/// What an entry begins with stands for all files whose paths begin so.
const OWN_ATOMICS: [(&str, &str); 19] = [
    ("crates/ethread/", "it is made of them"),
    ("crates/sys/", "it comes before ethread: what a signal handler sets"),
    (
        "crates/term/",
        "words that natives of atoms, exports, funs and binaries count and read: not moved yet",
    ),
    (
        "crates/interp/src/op/call.rs",
        "reads the words of exports and funs, which are of crates/term",
    ),
    ("crates/interp/src/native.rs", "as above"),
    (
        "crates/code/src/module.rs",
        "words of code, which are atomics in raw memory; words of crates/term",
    ),
    ("crates/code/src/stub.rs", "words of crates/term"),
    ("crates/code/src/breakpoint.rs", "words of code"),
    ("crates/code/src/disassemble.rs", "words of code"),
    ("crates/code/src/index.rs", "words of code; a test"),
    ("crates/bif/src/erlang/code.rs", "reads words of crates/term"),
    ("crates/bif/src/oxbeam.rs", "reads words of crates/term"),
    (
        "crates/bif/src/atomics.rs",
        "what Erlang programs share, in the order that the language promises",
    ),
    ("crates/bif/src/counters.rs", "as above"),
    ("crates/ets/", "not moved yet"),
    ("crates/io/", "not moved yet"),
    ("crates/regex/", "a count of the library's memory: not moved yet"),
    ("crates/runtime/src/scheduler/idle.rs", "a test on real threads"),
    ("crates/oxbeam/tests/", "a test on real threads"),
];

/// Runs all checks; ends the process with 1 when one fails.
pub fn run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let files = tracked(&root);
    let mut faults = vec![];
    for file in &files {
        let Ok(text) = std::fs::read_to_string(root.join(file)) else { continue };
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => check_source(file, &text, &mut faults),
            Some("md") => check_document(&root, file, &text, &mut faults),
            _ => {}
        }
    }
    check_crates(&root, &mut faults);
    check_atoms(&root, &files, &mut faults);
    for fault in &faults {
        println!("{fault}");
    }
    println!("tidy: {} files, {} faults", files.len(), faults.len());
    std::process::exit(i32::from(!faults.is_empty()));
}

fn tracked(root: &Path) -> Vec<PathBuf> {
    let listed = Command::new("git").args(["ls-files"]).current_dir(root).output();
    let listed = listed.expect("git lists the files").stdout;
    String::from_utf8_lossy(&listed).lines().map(PathBuf::from).collect()
}

fn check_source(file: &Path, text: &str, faults: &mut Vec<String>) {
    let name = file.to_string_lossy();
    let lines = text.lines().count();
    if lines > MAX_LINES && !TABLES.contains(&name.as_ref()) {
        faults.push(format!("{name}: {lines} lines, more than {MAX_LINES}: split it"));
    }
    for (at, line) in text.lines().enumerate() {
        if line.chars().count() > MAX_COLUMNS && !TABLES.contains(&name.as_ref()) {
            faults.push(format!("{name}:{}: longer than {MAX_COLUMNS} columns", at + 1));
        }
        for word in LEFTOVERS {
            if line.contains(word) {
                faults.push(format!("{name}:{}: {word} must not stay", at + 1));
            }
        }
    }
    let own = [concat!("std::sync::", "atomic"), concat!("core::sync::", "atomic")];
    if own.iter().any(|own| text.contains(own))
        && !OWN_ATOMICS.iter().any(|(path, _)| name.starts_with(path))
    {
        faults.push(format!("{name}: atomics are those of crates/ethread"));
    }
    let of_crate = file.components().nth(1).map(|part| part.as_os_str().to_string_lossy());
    let is_crate = name.starts_with("crates/") && name.contains("/src/");
    if is_crate
        && name.ends_with("src/lib.rs")
        && of_crate.is_some_and(|krate| !MAY_BE_UNSAFE.contains(&krate.as_ref()))
        && !text.contains("#![forbid(unsafe_code)]")
    {
        faults.push(format!("{name}: must forbid unsafe code"));
    }
}

/// Every path in backticks that begins with a folder of the repository must exist.
fn check_document(root: &Path, file: &Path, text: &str, faults: &mut Vec<String>) {
    for (at, line) in text.lines().enumerate() {
        for quoted in line.split('`').skip(1).step_by(2) {
            let path = quoted.split_whitespace().next().unwrap_or("");
            let ours = ["crates/", "tests/", "docs/", "scripts/", "fuzz/", "xtask/", ".ci/"];
            if ours.iter().any(|folder| path.starts_with(folder))
                && !path.contains(['*', '<', '{'])
                && !root.join(path).exists()
            {
                faults.push(format!("{}:{}: {path} does not exist", file.display(), at + 1));
            }
        }
    }
}

/// Every predefined atom is named by some source besides the list.
fn check_atoms(root: &Path, files: &[PathBuf], faults: &mut Vec<String>) {
    let list = Path::new("crates/term/src/atom_names.rs");
    let source = |file: &Path| std::fs::read_to_string(root.join(file)).unwrap_or_default();
    let is_other =
        |file: &&PathBuf| file.extension().is_some_and(|ext| ext == "rs") && *file != list;
    let named: BTreeSet<String> = files
        .iter()
        .filter(is_other)
        .flat_map(|file| {
            let text = source(file);
            let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
            words.map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    for line in source(list).lines() {
        if let Some((name, _)) = line.trim().split_once(" = \"")
            && !named.contains(name)
        {
            faults.push(format!("{}: nothing names {name}", list.display()));
        }
    }
}

/// ARCHITECTURE.md has a paragraph for each crate.
fn check_crates(root: &Path, faults: &mut Vec<String>) {
    let text = std::fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap_or_default();
    let folders = std::fs::read_dir(root.join("crates")).expect("there are crates");
    let names: BTreeSet<String> = folders
        .filter_map(|entry| entry.ok())
        .filter(|entry| entry.path().join("Cargo.toml").exists())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    for name in names {
        if !text.contains(&format!("`crates/{name}`")) {
            faults.push(format!("ARCHITECTURE.md: no paragraph for crates/{name}"));
        }
    }
}
