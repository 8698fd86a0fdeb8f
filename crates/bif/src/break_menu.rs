//! What Ctrl-C asks: the menu that ends the runtime or shows its state.

use crate::crash_dump;
use oxbeam_runtime::process::table;
use oxbeam_runtime::system;
use std::io::{BufRead, Result, Write};
use std::time::Duration;

const MENU: &str = "BREAK: (a)bort (A)bort with dump (c)ontinue (p)roc info (i)nfo\n       \
                    (l)oaded (v)ersion (k)ill (D)b-tables (d)istribution\n";

/// Shows the menu on standard output and obeys what standard input answers. It is run by the
/// thread that reads standard input for programs, so these do not take the answer.
pub fn ask() {
    show("\n");
    show(MENU);
    loop {
        let Some(answer) = read_line() else { system::halt(0, false) };
        let Some(key) = answer.chars().find(|c| !c.is_whitespace()) else { continue };
        match key {
            'a' => system::halt(0, false),
            'A' => {
                eprint!("Crash dump requested by user");
                crash_dump::write("Crash dump requested by user", None);
                std::process::abort();
            }
            'c' => return,
            _ => match shown(key) {
                Some(text) => return show(&text),
                None => {
                    show(&format!(
                        "Invalid option '{key}'. Please enter one of the following:\n{MENU}"
                    ));
                }
            },
        }
    }
}

/// What a key shows; `None`: nothing belongs to it.
fn shown(key: char) -> Option<String> {
    let mut out = vec![];
    let done: Result<()> = match key {
        'p' | 'k' => crash_dump::write_processes(&mut out, &table::all(), None, false),
        'i' => crash_dump::system::write_info(&mut out),
        'l' => crash_dump::system::write_loaded(&mut out, false),
        'D' => oxbeam_ets::describe_all(&mut out),
        'd' => crash_dump::system::write_distribution(&mut out),
        'v' => {
            let version = &system::get().erts_version;
            writeln!(out, "Erlang (BEAM) emulator version {version}")
        }
        _ => return None,
    };
    done.ok()?;
    Some(String::from_utf8_lossy(&out).into_owned())
}

/// Writes text as a terminal without line discipline wants it.
fn show(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.replace('\n', "\r\n").as_bytes()).and_then(|()| out.flush());
}

/// A line of standard input; `None`: there is no more.
fn read_line() -> Option<String> {
    let mut line = String::new();
    loop {
        match std::io::stdin().lock().read_line(&mut line) {
            Ok(0) => return None,
            Ok(_) => return Some(line),
            // A driver may have made it non-blocking.
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(_) => return None,
        }
    }
}
