//! What an export runs while no code is behind it, and fixed instruction
//! sequences that belong to no module.
//!
//! A stub is `[native entry][operation][export]`, to whose operation the export's address points
//! while no code is there, then `[native entry][export_breakpoint][export]`, to which it points
//! while its calls are traced; behind them lie the breakpoint, or 0, and where the breakpoint
//! goes on, for each code index.

use crate::breakpoint::Breakpoint;
use crate::handlers::word_of;
use crate::memory::Block;
use oxbeam_ops::specific::Op;
use oxbeam_term::export::{self, CODE_INDICES, Export, STUB_WORDS};
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

/// The address of an export's own stub.
pub fn address(export: &Export) -> *mut u64 {
    export.stub[1].as_ptr()
}

const BREAKPOINT: usize = 6;
const GOES_ON: usize = 7;
const _: () = assert!(GOES_ON + CODE_INDICES == STUB_WORDS);

/// The address of an export's breakpoint.
pub fn trace_address(export: &Export) -> *mut u64 {
    export.stub[4].as_ptr()
}

/// Where a call of the export goes under index `ix`, whether it is traced or not.
pub fn target(export: &Export, ix: usize) -> *mut u64 {
    if !is_traced(export, ix) {
        return export.address[ix].load(Ordering::Relaxed);
    }
    std::ptr::with_exposed_provenance_mut(export.stub[GOES_ON + ix].load(Ordering::Relaxed) as usize)
}

/// Whether a call under index `ix` runs into the breakpoint.
pub fn is_traced(export: &Export, ix: usize) -> bool {
    export.address[ix].load(Ordering::Relaxed) == trace_address(export)
}

/// Makes a call under index `ix` go to `address`, by the breakpoint if it is `traced`.
pub(crate) fn set_target(export: &Export, ix: usize, address: *mut u64, traced: bool) {
    export.stub[GOES_ON + ix].store(address as u64, Ordering::Release);
    let to = if traced { trace_address(export) } else { address };
    export.address[ix].store(to, Ordering::Release);
}

/// Brings index `to` up to date.
pub(crate) fn copy(export: &Export, from: usize, to: usize) {
    set_target(export, to, target(export, from), is_traced(export, from));
}

/// The breakpoint of an export, if it ever had one.
pub fn breakpoint(export: &Export) -> Option<&'static Breakpoint> {
    let word = export.stub[BREAKPOINT].load(Ordering::Acquire) as usize;
    // SAFETY: the word is null or what `make_breakpoint` leaked.
    unsafe { std::ptr::with_exposed_provenance::<Breakpoint>(word).as_ref() }
}

/// The breakpoint of an export, made if it has none; for the holder of the permission.
pub(crate) fn make_breakpoint(export: &Export) -> &'static Breakpoint {
    breakpoint(export).unwrap_or_else(|| {
        let new = std::ptr::from_ref(Box::leak(Box::new(Breakpoint::default())));
        export.stub[BREAKPOINT].store(new.expose_provenance() as u64, Ordering::Release);
        // SAFETY: just leaked.
        unsafe { &*new }
    })
}

/// Whether no code is loaded for the export under index `ix` (a BIF counts as
/// loaded).
pub fn is_undefined(export: &Export, ix: usize) -> bool {
    target(export, ix) == address(export)
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
    let this = std::ptr::from_ref(export) as u64;
    export.stub[2].store(this, Ordering::Relaxed);
    export.stub[5].store(this, Ordering::Relaxed);
    export.stub[4].store(word_of(Op::export_breakpoint), Ordering::Relaxed);
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

const FIXED_OPS: [Op; 6] = [
    Op::start,
    Op::normal_exit,
    Op::bad_code,
    Op::return_trace,
    Op::return_to_trace,
    Op::return_time_trace,
];
/// The first of those that stand on stacks for tracing.
const FIRST_RETURN: usize = 3;

impl Fixed {
    /// The address of a fixed instruction. Panics for an operation without one.
    pub fn address(&self, op: Op) -> *const u64 {
        let i = FIXED_OPS.iter().position(|&o| o == op).expect("a fixed operation");
        // SAFETY: inside the block, see `fixed`.
        unsafe { self.block.start().add(4 * i + 1) }
    }

    /// The operation behind a continuation that tracing has put on a stack.
    pub fn trace_return(&self, address: *const u64) -> Option<Op> {
        let words = (address as usize).wrapping_sub(self.block.start() as usize) / 8;
        let i = words / 4;
        (FIRST_RETURN..FIXED_OPS.len()).contains(&i).then(|| FIXED_OPS[i])
    }
}
