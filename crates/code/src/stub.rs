//! What an export runs while no code is behind it, and fixed instruction
//! sequences that belong to no module.
//!
//! A stub is `[native entry][operation][export]`; the export's address points
//! at the operation.

use crate::handlers::word_of;
use crate::memory::Block;
use oxbeam_ops::specific::Op;
use oxbeam_term::export::{self, CODE_INDICES, Export};
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

/// The address of an export's own stub.
pub fn address(export: &Export) -> *mut u64 {
    export.stub[1].as_ptr()
}

/// Whether no code is loaded for the export under index `ix` (a BIF counts as
/// loaded).
pub fn is_undefined(export: &Export, ix: usize) -> bool {
    export.address[ix].load(Ordering::Relaxed) == address(export)
        && export.stub[1].load(Ordering::Relaxed) == word_of(Op::error_handler)
}

/// Makes every export, present and to come, callable. At boot, once the
/// handlers are installed and the natives are bound to their exports.
pub fn install() {
    export::set_on_create(|export| {
        let op = if export.bif().is_some() { Op::call_bif } else { Op::error_handler };
        write(export, op);
        for ix in 0..CODE_INDICES {
            export.address[ix].store(address(export), Ordering::Relaxed);
        }
    });
}

fn write(export: &Export, op: Op) {
    export.stub[2].store(std::ptr::from_ref(export) as u64, Ordering::Relaxed);
    export.stub[1].store(word_of(op), Ordering::Release);
}

/// Fixed sequences, each a native entry word and one instruction.
pub struct Fixed {
    block: Block,
}

/// The fixed sequences. Panics before the handlers are installed.
pub fn fixed() -> &'static Fixed {
    static FIXED: OnceLock<Fixed> = OnceLock::new();
    FIXED.get_or_init(|| {
        let block = Block::new(4 * FIXED_OPS.len()).expect("memory for fixed code");
        for (i, &op) in FIXED_OPS.iter().enumerate() {
            // SAFETY: the block is fresh and has four words for each.
            unsafe { *block.start().add(4 * i + 1) = word_of(op) };
        }
        Fixed { block }
    })
}

const FIXED_OPS: [Op; 4] = [Op::start, Op::normal_exit, Op::return_trace, Op::bad_code];

impl Fixed {
    /// The address of a fixed instruction. Panics for an operation without one.
    pub fn address(&self, op: Op) -> *const u64 {
        let i = FIXED_OPS.iter().position(|&o| o == op).expect("a fixed operation");
        // SAFETY: inside the block, see `fixed`.
        unsafe { self.block.start().add(4 * i + 1) }
    }
}
