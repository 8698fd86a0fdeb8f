//! The installed OTP's own files parse whole; corrupted variants never panic.

use oxbeam_beam_file::{BeamFile, inflate_if_compressed};
use std::path::PathBuf;

/// Every `.beam` below the installed OTP's `lib`, or none where there is no OTP.
fn installed() -> Vec<PathBuf> {
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

/// Parses and decodes everything; gives the number of instructions.
fn decode(bytes: &[u8]) -> Result<usize, oxbeam_beam_file::Error> {
    let inflated;
    let bytes = match inflate_if_compressed(bytes) {
        Some(out) => {
            inflated = out?;
            &inflated
        }
        None => bytes,
    };
    let file = BeamFile::parse(bytes)?;
    let mut decoder = file.instructions();
    let (mut operands, mut count) = (Vec::new(), 0);
    while let Some(instr) = decoder.next(&mut operands)? {
        count += 1;
        if instr.op == oxbeam_ops::generic::Generic::IntCodeEnd {
            break;
        }
    }
    Ok(count)
}

#[test]
fn installed_files_parse() {
    for path in installed() {
        let bytes = std::fs::read(&path).unwrap();
        let count = decode(&bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert!(count > 3, "{}", path.display());
    }
}

#[test]
fn corrupted_files_give_errors_not_panics() {
    let mut seed = 0x2545_F491_4F6C_DD1Du64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed as usize
    };
    for path in installed().iter().step_by(37) {
        let good = std::fs::read(path).unwrap();
        for _ in 0..60 {
            let mut bad = good.clone();
            for _ in 0..1 + random() % 4 {
                let at = random() % bad.len();
                bad[at] = random() as u8;
            }
            if random() % 4 == 0 {
                bad.truncate(random() % good.len());
            }
            let _ = decode(&bad);
        }
    }
}

#[test]
fn sizes_that_lie_are_refused() {
    assert!(decode(b"").is_err());
    assert!(decode(b"FOR1\xff\xff\xff\xffBEAM").is_err());
    assert!(decode(b"FOR1\x00\x00\x00\x10BEAMCode\xff\xff\xff\xff").is_err());
}
