//! Any bytes as a `.beam` file: an answer or an error, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oxbeam_beam_file::{BeamFile, inflate_if_compressed};

fuzz_target!(|data: &[u8]| {
    let Ok(data) = inflate_if_compressed(data) else { return };
    let Ok(file) = BeamFile::parse(&data) else { return };
    let mut decoder = file.instructions();
    let mut operands = Vec::new();
    while let Ok(Some(_)) = decoder.next(&mut operands) {}
    for i in 0..file.literals.len() {
        std::hint::black_box(file.literals.get(i));
    }
});
