//! The installed OTP's own files parse whole; corrupted variants never panic.

use oxbeam_beam_file::{BeamFile, inflate_if_compressed};
use support::{installed::installed, numbers::numbers};

mod support;

/// Parses and decodes everything; gives the number of instructions.
fn decode(bytes: &[u8]) -> Result<usize, oxbeam_beam_file::Error> {
    let bytes = inflate_if_compressed(bytes)?;
    let file = BeamFile::parse(&bytes)?;
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
    let mut random = numbers(0x2545_F491_4F6C_DD1D);
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
