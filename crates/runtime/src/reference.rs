//! Numbers of new references: unique for the life of the node.

use oxbeam_ethread::AtomicU64;
use std::cell::Cell;

/// The three numbers of a reference, lowest first.
pub type RefNumbers = [u32; 3];

/// Numbers that a thread takes from the global counter at a time.
const BATCH: u64 = 1 << 16;
oxbeam_ethread::shared! {
    static LAST_BATCH: AtomicU64 = AtomicU64::new(0);
}

thread_local! {
    static RANGE: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// A number that no thread has got before.
fn next() -> u64 {
    RANGE.with(|range| {
        let (mut at, mut end) = range.get();
        if at == end {
            at = LAST_BATCH.inc_read() * BATCH;
            end = at + BATCH;
        }
        range.set((at + 1, end));
        at
    })
}

/// Numbers of a new reference. The lowest holds 18 bits, as other nodes expect.
pub fn new_numbers() -> RefNumbers {
    let value = next();
    [(value & 0x3_FFFF) as u32, (value >> 18) as u32, boot_stamp()]
}

/// Makes references of two lives of a node differ.
fn boot_stamp() -> u32 {
    use std::sync::OnceLock;
    static STAMP: OnceLock<u32> = OnceLock::new();
    *STAMP.get_or_init(|| oxbeam_sys::clock::system_ns() as u32 ^ std::process::id() << 7)
}
