//! Corrupted variants of real programs are refused, or run to some end of
//! their process; they never hurt the machine.
//!
//! `OXBEAM_HOSTILE_RUNS` sets how many variants are tried.

use oxbeam_code::index::Permission;
use oxbeam_code::module;
use oxbeam_heap::OwnedTerm;
use oxbeam_runtime::process::{Owned, Process, exit};
use oxbeam_runtime::scheduler;
use oxbeam_runtime::signal::{Control, send_control};
use oxbeam_runtime::system::{self, System};
use oxbeam_term::{Atom, RawTerm, am, export};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

#[path = "../../beam-file/tests/support/numbers.rs"]
mod numbers;

use numbers::numbers;

static ENDED: Mutex<Option<mpsc::Sender<u64>>> = Mutex::new(None);

fn report(process: &Arc<Process>, _: &mut Owned) {
    if let Some(sender) = &*ENDED.lock().unwrap() {
        sender.send(process.pid).ok();
    }
}

/// Waits for the end of a process; kills it when it runs on.
fn end_of(ended: &mpsc::Receiver<u64>, pid: u64) {
    for patience_ms in [50, 20_000] {
        loop {
            match ended.recv_timeout(Duration::from_millis(patience_ms)) {
                Ok(who) if who == pid => return,
                Ok(_) => {}
                Err(_) => break,
            }
        }
        let reason = OwnedTerm::immediate(RawTerm::atom(am::kill));
        let from = RawTerm::pid(0);
        send_control(pid, Control::Exit { from, reason, linked: false, token: None });
    }
    panic!("a killed process does not end");
}

fn load_stock(names: &[&str]) {
    let root = std::env::var("OXBEAM_OTP_ROOT").unwrap_or("/usr/lib/erlang".into());
    for app in std::fs::read_dir(format!("{root}/lib")).into_iter().flatten().flatten() {
        for name in names {
            if let Ok(bytes) = std::fs::read(app.path().join(format!("ebin/{name}.beam"))) {
                let profile = oxbeam_loader::Profile::default();
                let module = oxbeam_loader::prepare(&bytes, &profile).unwrap();
                assert!(module::load(Permission::seize(), vec![module]).is_ok());
            }
        }
    }
}

fn try_variant(ended: &mpsc::Receiver<u64>, name: Atom, bytes: &[u8]) -> bool {
    let Ok(module) = oxbeam_loader::prepare(bytes, &oxbeam_loader::Profile::default()) else {
        return false;
    };
    if module.name != name {
        return false;
    }
    assert!(module::load(Permission::seize(), vec![module]).is_ok());
    let run = Atom::new("run").unwrap();
    let start = export::get_or_create(name, run, 0);
    let pid = oxbeam_runtime::process::spawn::spawn_system(start, &[], Default::default());
    end_of(ended, pid);
    // Other processes of the variant may still run in it: it stays loaded but
    // for its names.
    std::thread::sleep(Duration::from_millis(1));
    if let Some(staging) = module::delete(Permission::seize(), name) {
        drop(staging.commit());
    }
    std::mem::forget(module::purge(&Permission::seize(), name, None));
    true
}

#[test]
fn corrupted_programs_hurt_nobody() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
    let dir = std::env::temp_dir().join(format!("oxbeam-hostile-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let programs = ["p_arith", "p_lists", "p_bits", "p_exc"];
    let sources = programs.map(|p| here.join(format!("{p}.erl")));
    let Ok(status) = Command::new("erlc").arg("-o").arg(&dir).args(&sources).status() else {
        return;
    };
    assert!(status.success());
    system::install(System::default());
    oxbeam_runtime::native::install(oxbeam_bif::table::BIFS, &[], &[]);
    oxbeam_interp::install();
    exit::on_exit(report, |_| false);
    scheduler::create(1);
    scheduler::start();
    let (sender, ended) = mpsc::channel();
    *ENDED.lock().unwrap() = Some(sender);
    load_stock(&["erlang", "lists", "maps"]);
    let mut random = numbers(0x1234_5678_9ABC_DEF1);
    let runs = std::env::var("OXBEAM_HOSTILE_RUNS").ok().and_then(|n| n.parse().ok());
    let mut loaded = 0;
    for i in 0..runs.unwrap_or(200usize) {
        let program = programs[i % programs.len()];
        let good = std::fs::read(dir.join(format!("{program}.beam"))).unwrap();
        let at = good.windows(4).position(|w| w == b"Code").unwrap();
        let size = u32::from_be_bytes(good[at + 4..at + 8].try_into().unwrap()) as usize;
        let mut bad = good;
        for _ in 0..1 + random() % 2 {
            let target = at + 28 + random() % (size - 20);
            bad[target] = random() as u8;
        }
        loaded += usize::from(try_variant(&ended, Atom::new(program).unwrap(), &bad));
    }
    std::fs::remove_dir_all(&dir).ok();
    assert!(loaded > 0);
}
