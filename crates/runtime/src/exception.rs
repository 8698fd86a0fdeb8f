//! The exception that a process carries between its raising and its handler.

use oxbeam_term::RawTerm;

/// Exception state, all of it roots of the process's heap.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ExceptionState {
    /// The reason (`fvalue`), or `NONE`.
    pub value: RawTerm,
    /// The raw stack trace, or `NONE`.
    pub trace: RawTerm,
    /// The class atom, or `NONE`.
    pub class: RawTerm,
}

impl ExceptionState {
    pub const NONE: ExceptionState =
        ExceptionState { value: RawTerm::NONE, trace: RawTerm::NONE, class: RawTerm::NONE };

    pub(crate) fn words(&mut self) -> [&mut RawTerm; 3] {
        [&mut self.value, &mut self.trace, &mut self.class]
    }
}
