//! The files of the installed OTP.

use std::path::PathBuf;

/// Every `.beam` below the installed OTP's `lib`, or none where there is no OTP.
pub fn installed() -> Vec<PathBuf> {
    let root = std::env::var("OXBEAM_OTP_ROOT").unwrap_or("/usr/lib/erlang".into());
    let mut files = Vec::new();
    for app in std::fs::read_dir(format!("{root}/lib")).into_iter().flatten().flatten() {
        for file in std::fs::read_dir(app.path().join("ebin")).into_iter().flatten().flatten() {
            if file.path().extension().is_some_and(|e| e == "beam") {
                files.push(file.path());
            }
        }
    }
    files.sort();
    files
}
