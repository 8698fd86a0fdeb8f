//! From an address to its module: one slot for each page of the range.
//!
//! A slot holds the module whose block has the page, or null. It is written
//! when a module is published and when its memory is about to go.

use crate::memory::{PAGE_BYTES, RANGE_BYTES, base, contains};
use crate::module::Module;
use oxbeam_ethread::AtomicPointer;
use oxbeam_term::Atom;
use std::sync::OnceLock;

type Slot = AtomicPointer<Module>;

fn slots() -> &'static [Slot] {
    static SLOTS: OnceLock<Box<[Slot]>> = OnceLock::new();
    SLOTS.get_or_init(|| {
        let zeroed = Box::<[Slot]>::new_zeroed_slice(RANGE_BYTES / PAGE_BYTES);
        // SAFETY: all-zero is a null pointer, a valid slot.
        unsafe { zeroed.assume_init() }
    })
}

pub(crate) fn set(module: &Module, to: *mut Module) {
    let first = (module.code.start() as usize - base()) / PAGE_BYTES;
    for slot in &slots()[first..first + module.code.words() * 8 / PAGE_BYTES] {
        slot.set_relb(to);
    }
}

/// The module that an address lies in; the answer is good until the caller's next quiescent point
/// (crate rule 5).
pub fn find(pc: *const u64) -> Option<&'static Module> {
    if !contains(pc) {
        return None;
    }
    let slot = &slots()[(pc as usize - base()) / PAGE_BYTES];
    // SAFETY: rule 5 of the crate: a module is freed only after its slots were
    // cleared and no process can come from or return into it.
    unsafe { slot.read_acqb().as_ref() }
}

/// Where an address lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Location {
    /// The module.
    pub module: Atom,
    /// The module's number in the order of publication.
    pub serial: u64,
    /// The function.
    pub function: Atom,
    /// Its arity.
    pub arity: u8,
    /// The address of its `func_info`.
    pub info: *const u64,
    /// Its place in the source, if known.
    pub line: Option<Line>,
}

/// A place in a source file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Line {
    /// The file's name.
    pub file: &'static str,
    /// The line's number.
    pub line: u32,
}

/// The `func_info` of the function that `pc` lies in: for a return address, pass the word before it.
pub fn function_of(pc: *const u64) -> Option<*const u64> {
    let module = find(pc)?;
    let function = module.function_at(module.offset_of(pc))?;
    Some(module.address_of(function.info))
}

/// Where `pc` lies: for a return address, pass the word before it.
pub fn locate(pc: *const u64) -> Option<Location> {
    let module = find(pc)?;
    let offset = module.offset_of(pc);
    let function = module.function_at(offset)?;
    Some(Location {
        module: module.name,
        serial: module.serial,
        function: function.name,
        arity: function.arity,
        info: module.address_of(function.info),
        line: module.line_at(offset),
    })
}
