//! The instructions of every operation, as text: `tests/mapping/x86_64.txt` and `aarch64.txt`.
//!
//! The probe is compiled for each target and what touches memory or orders it is listed. After a
//! change that is meant, `OXBEAM_BLESS=1 cargo test -p oxbeam-ethread --test mapping` writes the
//! files anew. A target whose standard library is not installed (`rustup target add`) is left
//! out, and said so.
#![cfg(all(not(oxbeam_model), not(miri)))]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

const INTEL: &str = "llvm-args=-x86-asm-syntax=intel";

/// The assembly of the probe; an error says why there is none.
fn assembly(target: &str) -> Result<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("probe-{target}.s"));
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into()));
    rustc.args(["--edition=2024", "-O", "--emit=asm", "-Csymbol-mangling-version=v0"]);
    rustc.args(["-Ccodegen-units=1", "--cap-lints=allow", "--target", target]);
    if target.starts_with("x86_64") {
        rustc.args(["-C", INTEL]);
    }
    rustc.arg("-o").arg(&out).arg(root.join("tests/mapping/probe.rs"));
    let output = rustc.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let missing =
            text.contains("can't find crate for `std`") || text.contains("may not be installed");
        assert!(missing, "the probe does not compile for {target}: {text}");
        return Err(format!("no standard library for {target}"));
    }
    std::fs::read_to_string(out).map_err(|error| error.to_string())
}

/// Module and function of a symbol of the probe: `5probe8atomic328read_mb` holds both.
fn function(label: &str) -> Option<(String, String)> {
    let mut rest = label.split_once("5probe")?.1;
    let mut parts = vec![];
    while let Some(digits) = rest.find(|c: char| !c.is_ascii_digit()).filter(|&digits| digits > 0) {
        // An identifier that begins with a digit or `_` has a `_` in front; ours have neither.
        let length: usize = rest[..digits].parse().ok()?;
        parts.push(rest.get(digits..digits + length)?);
        rest = &rest[digits + length..];
    }
    match parts[..] {
        [module, name] if module != "mapping" => Some((module.to_string(), name.to_string())),
        _ => None,
    }
}

/// Whether an instruction touches the variable or orders accesses.
fn counts(module: &str, instruction: &str) -> bool {
    let starts = |words: &[&str]| words.iter().any(|word| instruction.starts_with(word));
    if module == "double_word" {
        return starts(&["lock ", "vmovdqa", "dmb", "ldxp", "stxp"]);
    }
    let stack = instruction.contains("x29") || instruction.contains("[sp");
    let memory = instruction.contains('[') && !instruction.contains("rip");
    starts(&["lock ", "mfence", "dmb", "bl "]) || memory && !stack
}

/// A line of assembly with single spaces and no comment.
fn plain(line: &str) -> String {
    let code = line.split(['#', ';']).next().unwrap_or("").split("//").next().unwrap_or("");
    code.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One line for each function: its name and what it does to memory, alike functions of one
/// body included.
fn listing(assembly: &str) -> String {
    let mut functions: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut current = None;
    for line in assembly.lines() {
        if let Some(label) = line.strip_suffix(':').filter(|label| label.starts_with("_R")) {
            current = function(label);
            current.iter().for_each(|name| _ = functions.entry(name.clone()).or_default());
        } else if let Some(name) = &current
            && line.starts_with('\t')
            && counts(&name.0, &plain(line))
        {
            functions.get_mut(name).expect("it was entered").push(plain(line));
        }
    }
    for line in assembly.lines() {
        let alias = plain(line).replace(" = ", ", ");
        let alias = alias.strip_prefix(".set ").unwrap_or(&alias);
        let Some((name, body)) = alias.split_once(", ") else { continue };
        if !name.starts_with("_R") || !body.starts_with("_R") {
            continue;
        }
        let (Some(name), Some(body)) = (function(name), function(body)) else { continue };
        let instructions = functions[&body].clone();
        functions.insert(name, instructions);
    }
    let mut text = String::new();
    for ((module, name), instructions) in functions {
        let nothing = instructions.is_empty();
        let shown = if nothing { "nothing".to_string() } else { instructions.join("; ") };
        writeln!(text, "{module} {name}: {shown}").expect("a string takes it");
    }
    text
}

fn compare(target: &str, file: &str) -> Option<String> {
    let assembly = match assembly(target) {
        Ok(assembly) => assembly,
        Err(reason) => {
            eprintln!("mapping for {target} not tested: {reason}");
            return None;
        }
    };
    let actual = listing(&assembly);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mapping").join(file);
    if std::env::var_os("OXBEAM_BLESS").is_some() {
        std::fs::write(&path, &actual).expect("the file can be written");
    }
    let expected = std::fs::read_to_string(&path).expect("the file is there");
    for (expected, actual) in expected.lines().zip(actual.lines()) {
        assert_eq!(expected, actual, "{target}: OXBEAM_BLESS=1 takes the new mapping");
    }
    assert_eq!(expected.lines().count(), actual.lines().count());
    Some(actual)
}

/// The line of one operation, without its name.
fn line<'a>(listing: &'a str, name: &str) -> &'a str {
    let found = listing.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    found.unwrap_or_else(|| panic!("no line {name}"))
}

#[test]
fn x86_64_pays_for_store_load_only() {
    let Some(listing) = compare("x86_64-unknown-linux-gnu", "x86_64.txt") else { return };
    let barrier =
        |text: &str| text.contains("lock") || text.contains("xchg") || text.contains("mfence");
    for name in [
        "read",
        "read_acqb",
        "read_rb",
        "read_ddrb",
        "read_wb",
        "set",
        "set_relb",
        "set_wb",
        "set_rb",
    ] {
        assert!(!barrier(line(&listing, &format!("word {name}"))), "{name} is plain");
    }
    for name in ["set_acqb", "set_mb", "read_relb", "read_mb"] {
        assert!(barrier(line(&listing, &format!("atomic32 {name}"))), "{name} is a fence");
    }
    for suffix in ["", "_mb", "_relb", "_acqb", "_wb", "_rb", "_ddrb"] {
        for name in ["add", "add_read", "inc", "dec", "xchg", "cmpxchg"] {
            let text = line(&listing, &format!("word {name}{suffix}"));
            assert_eq!(
                text.split("; ").filter(|part| barrier(part)).count(),
                1,
                "{name}{suffix}: {text}"
            );
        }
    }
    for text in listing.lines().filter(|text| text.starts_with("free ")) {
        let full =
            text.contains("store_load:") || text.contains("store_load_") || text.contains("all");
        let full = full && !text.contains("all_but_store_load");
        assert_eq!(barrier(text), full, "{text}");
    }
}

#[test]
fn aarch64_uses_the_weakest_instruction() {
    let Some(listing) = compare("aarch64-unknown-linux-gnu", "aarch64.txt") else { return };
    let starts = |name: &str, with: &str| {
        let text = line(&listing, name);
        assert!(text.starts_with(with), "{name}: {text}");
    };
    starts("word read", "ldr ");
    starts("word read_acqb", "lda");
    starts("word set_relb", "stlr ");
    starts("word set_mb", "stlr ");
    starts("word read_ddrb", "ldr ");
    starts("free load_load", "dmb ishld");
    starts("free store_store", "dmb ishst");
    starts("free store_load", "dmb ish");
    assert_eq!(line(&listing, "word set_mb").split("; ").count(), 2);
}
