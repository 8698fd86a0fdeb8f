//! The executable: carries out the plan that the command line asks for.

#![forbid(unsafe_code)]

use oxbeam_boot::front::{self, Missing, Plan, Start};
use std::os::unix::ffi::OsStringExt;

fn main() {
    let args: Vec<Vec<u8>> = std::env::args_os().map(OsStringExt::into_vec).collect();
    let code = match front::run(&args) {
        Plan::Start(start) => run(&start),
        Plan::Exit(exit) => exit.print(),
        Plan::Become(program) => program.carry_out().print(),
        Plan::Doctor(found) => front::doctor(&found, &missing()).print(),
    };
    std::process::exit(code);
}

/// What this build lacks.
fn missing() -> Missing {
    let every = vec!["every one: this build has no virtual machine yet".to_owned()];
    Missing { bifs: every.clone(), natives: every.clone(), drivers: every }
}

/// Runs a virtual machine until it halts; answers its exit code.
fn run(start: &Start) -> i32 {
    start.prepare();
    eprintln!("oxbeam: this build has no virtual machine yet");
    1
}
