//! Every installed file is prepared; corrupted variants are prepared or refused.

#[path = "../../beam-file/tests/support/mod.rs"]
mod support;

use support::{installed::installed, numbers::numbers};

fn install() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        oxbeam_runtime::native::install(oxbeam_bif::table::BIFS, &[], &[]);
        oxbeam_interp::install();
    });
}

#[test]
fn installed_files_are_prepared() {
    install();
    for path in installed() {
        let bytes = std::fs::read(&path).unwrap();
        if let Err(e) = oxbeam_loader::prepare(&bytes, &oxbeam_loader::Profile::default()) {
            panic!("{}: {e}", path.display());
        }
    }
}

#[test]
fn installed_files_are_proved() {
    let profile = oxbeam_loader::Profile::default();
    let mut unproved = vec![];
    for path in installed() {
        let rows = oxbeam_loader::unproved_rows(&std::fs::read(&path).unwrap(), &profile);
        if rows.as_ref().is_ok_and(|&rows| rows > 0) || rows.is_err() {
            unproved.push(format!("{}: {rows:?}", path.display()));
        }
    }
    assert!(unproved.is_empty(), "{}", unproved.join("\n"));
}

#[test]
fn corrupted_files_are_prepared_or_refused() {
    install();
    let mut random = numbers(0x9E37_79B9_7F4A_7C15);
    let mut refused = 0;
    for path in installed().iter().step_by(29) {
        let good = std::fs::read(path).unwrap();
        for _ in 0..40 {
            let mut bad = good.clone();
            for _ in 0..1 + random() % 3 {
                let at = random() % bad.len();
                bad[at] = random() as u8;
            }
            let outcome = oxbeam_loader::prepare(&bad, &oxbeam_loader::Profile::default());
            refused += usize::from(outcome.is_err());
        }
    }
    assert!(installed().is_empty() || refused > 0);
}
