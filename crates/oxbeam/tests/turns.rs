//! Natives that take several turns, with everything going on between these
//! (`tests/slices/turns.erl` states the claims).
//!
//! `OXBEAM_TURNS` says how densely the numbers of turns are tried after which a native's process is
//! killed (1 if absent: each is twice the one before).

#[path = "support/paths.rs"]
mod paths;

use std::path::Path;
use std::process::Command;

#[test]
fn natives_of_several_turns_bear_what_happens_between_them() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("turns");
    std::fs::create_dir_all(&folder).expect("a folder for the compiled program");
    let source = paths::repository().join("tests/slices/turns.erl");
    let status = Command::new("erlc").arg("-o").arg(&folder).arg(source).status();
    assert!(status.expect("erlc is installed").success(), "the program compiles");
    let density = std::env::var("OXBEAM_TURNS").unwrap_or("1".into());
    let args = ["+S", "1", "-noshell", "-noinput", "-run", "turns", "main", &density];
    let output = Command::new(paths::oxbeam()).args(args).current_dir(&folder).output();
    let output = output.expect("oxbeam starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.starts_with("ok"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}
