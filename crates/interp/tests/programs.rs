//! Programs compiled by stock `erlc` give the same values here as on stock `erl`.
//!
//! Each file of `programs/` exports `t/0`, whose value is compared as printed.

use oxbeam_heap::OwnedTerm;
use oxbeam_runtime::process::{Owned, Process, exit};
use oxbeam_runtime::scheduler;
use oxbeam_runtime::system::{self, System};
use oxbeam_term::{Atom, export};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

static ENDED: Mutex<Option<mpsc::Sender<(u64, String)>>> = Mutex::new(None);

/// Tells the test how a process ended.
fn report(process: &Arc<Process>, owned: &mut Owned) {
    let reason = owned.own.exit_reason.as_ref();
    let text = reason.map(|r: &OwnedTerm| oxbeam_term::print::to_bytes(r.view()));
    let text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
    if let Some(sender) = &*ENDED.lock().unwrap() {
        sender.send((process.pid, text)).ok();
    }
}

fn boot() {
    // As many schedulers as stock has: what a table says of its locks depends on there being one.
    let schedulers = std::thread::available_parallelism().map_or(1, usize::from);
    system::install(System { schedulers, ..System::default() });
    oxbeam_runtime::native::install(oxbeam_bif::table::BIFS, &[], &[]);
    oxbeam_interp::install();
    oxbeam_ets::install();
    exit::on_exit(report, |_| false);
    scheduler::create(1);
    scheduler::start();
}

fn load(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    let module = oxbeam_loader::prepare(&bytes, &oxbeam_loader::Profile::default())
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let permission = oxbeam_code::index::Permission::seize();
    assert!(oxbeam_code::module::load(permission, vec![module]).is_ok());
}

/// Runs `module:run/0` to its end; its exit reason, printed.
fn run(ended: &mpsc::Receiver<(u64, String)>, module: &str) -> String {
    let atom = |name: &str| Atom::new(name).unwrap();
    let start = export::get_or_create(atom(module), atom("run"), 0);
    let pid = oxbeam_runtime::process::spawn::spawn_system(start, &[], Default::default());
    loop {
        match ended.recv_timeout(Duration::from_secs(20)) {
            Ok((who, text)) if who == pid => return text,
            Ok(_) => {}
            Err(_) => return "no end".into(),
        }
    }
}

fn erl(dir: &Path, modules: &[String]) -> Vec<String> {
    let calls: Vec<String> =
        modules.iter().map(|m| format!("erlang:display(element(2, catch {m}:run()))")).collect();
    let out = Command::new("erl")
        .args(["-noshell", "-pa"])
        .arg(dir)
        .args(["-eval", &format!("{}, halt().", calls.join(","))])
        .output()
        .unwrap();
    String::from_utf8_lossy(&out.stdout).lines().map(str::to_string).collect()
}

fn stock_dirs() -> Vec<PathBuf> {
    let root = std::env::var("OXBEAM_OTP_ROOT").unwrap_or("/usr/lib/erlang".into());
    let lib = std::fs::read_dir(format!("{root}/lib")).into_iter().flatten().flatten();
    lib.map(|d| d.path())
        .filter(|d| {
            d.file_name().is_some_and(|n| {
                let name = n.to_string_lossy();
                ["stdlib-", "erts-", "kernel-"].iter().any(|app| name.starts_with(app))
            })
        })
        .map(|d| d.join("ebin"))
        .collect()
}

#[test]
fn programs_give_the_values_of_stock() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
    let dir = std::env::temp_dir().join(format!("oxbeam-programs-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let mut sources: Vec<PathBuf> =
        std::fs::read_dir(&here).unwrap().map(|e| e.unwrap().path()).collect();
    sources.sort();
    let compiled = Command::new("erlc").arg("-o").arg(&dir).args(&sources).status();
    let Ok(status) = compiled else {
        eprintln!("no erlc here: nothing to compare with");
        return;
    };
    assert!(status.success());
    let names: Vec<String> =
        sources.iter().map(|s| s.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    let expected = erl(&dir, &names);
    assert_eq!(expected.len(), names.len());
    boot();
    let (sender, ended) = mpsc::channel();
    *ENDED.lock().unwrap() = Some(sender);
    for ebin in stock_dirs() {
        for module in ["erlang", "lists", "maps", "string", "ordsets", "ets"] {
            let file = ebin.join(format!("{module}.beam"));
            if file.exists() {
                load(&file);
            }
        }
    }
    let mut wrong = Vec::new();
    for (name, expected) in names.iter().zip(&expected) {
        load(&dir.join(format!("{name}.beam")));
        let got = run(&ended, name);
        if got != *expected {
            wrong.push(format!("{name}:\n  stock {expected}\n  here  {got}"));
        }
    }
    std::fs::remove_dir_all(&dir).ok();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
