//! Compiles the Erlang module that oxbeam brings along (`src/oxbeam.erl`) with the installed `erlc`.
//! Where there is none, oxbeam is built without it, and says so.

use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = "src/oxbeam.erl";

fn main() {
    let folder = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo names a folder"));
    let file = folder.join("oxbeam.beam");
    println!("cargo::rerun-if-env-changed=OXBEAM_OTP_ROOT");
    println!("cargo::rerun-if-changed={SOURCE}");
    let compiled = compilers().iter().any(|erlc| {
        let mut command = Command::new(erlc);
        let command = command.args(["+deterministic", "-Werror", "-o"]).arg(&folder).arg(SOURCE);
        match command.status() {
            Ok(status) => {
                assert!(status.success(), "{} compiles {SOURCE}", erlc.display());
                true
            }
            Err(_) => false,
        }
    });
    if !compiled {
        // This path is never there, so that the next build looks for a compiler again.
        println!("cargo::rerun-if-changed=src/no-compiler-was-found");
        println!("cargo::warning=no erlc found: this oxbeam has no oxbeam:upgrade/1");
        std::fs::write(file, []).expect("the folder can be written");
    }
}

/// Where `erlc` may be, in the order in which oxbeam looks for OTP.
fn compilers() -> Vec<PathBuf> {
    let chosen = std::env::var_os("OXBEAM_OTP_ROOT").map(PathBuf::from);
    let in_root = |root: &Path| root.join("bin/erlc");
    let usual = ["/usr/lib/erlang", "/usr/local/lib/erlang"].map(|root| in_root(Path::new(root)));
    let chosen = chosen.iter().map(|root| in_root(root));
    chosen.chain([PathBuf::from("erlc")]).chain(usual).collect()
}
