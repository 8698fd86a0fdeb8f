//! The executable: carries out the plan that the command line asks for.

#![forbid(unsafe_code)]

use oxbeam_bif::table::BIFS;
use oxbeam_boot::front::{self, Missing, Plan, Start};
use oxbeam_runtime::native::Native;
use std::os::unix::ffi::OsStringExt;

#[cfg(not(oxbeam_races))]
#[global_allocator]
static ALLOCATOR: oxbeam_sys::allocator::Allocator = oxbeam_sys::allocator::Allocator;
/// ThreadSanitizer knows of memory that is given back and taken again only if it does that itself.
#[cfg(oxbeam_races)]
#[global_allocator]
static ALLOCATOR: std::alloc::System = std::alloc::System;

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
    let name = |bif: &Native| {
        let needs = bif.missing?;
        Some(format!("{}:{}/{} (needs {needs})", bif.module, bif.function, bif.arity))
    };
    let bifs = BIFS.iter().filter_map(name).collect();
    let mut natives = vec!["dynamic NIF libraries".to_owned(), "prim_socket, prim_net".to_owned()];
    if oxbeam_bif::oxbeam::own_modules().is_empty() {
        natives.push("the module oxbeam (built without erlc)".to_owned());
    }
    let drivers = ["tcp_inet", "udp_inet", "sctp_inet", "tty_sl on a terminal"];
    Missing { bifs, natives, drivers: drivers.map(str::to_owned).to_vec() }
}

/// Runs a virtual machine until it halts; answers its exit code.
fn run(start: &Start) -> i32 {
    start.prepare();
    if let Err(reason) = oxbeam_boot::vm::start(start) {
        eprintln!("oxbeam: {reason}");
        return 1;
    }
    loop {
        std::thread::park();
    }
}
