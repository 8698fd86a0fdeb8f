//! What is known of registers at the place being written.
//!
//! The knowledge is local: it grows with each test that falls through, and is
//! dropped where control may join (a label) and at each instruction that is
//! not known to leave it true.

use oxbeam_beam_file::Operand;

/// What is proved here.
#[derive(Default)]
pub(crate) struct Proofs {
    /// Registers that hold a tuple of at least that arity.
    tuples: Vec<(Operand, u64)>,
}

impl Proofs {
    /// Nothing is known any more.
    pub(crate) fn forget(&mut self) {
        self.tuples.clear();
    }

    /// `register` holds a tuple of `arity`.
    pub(crate) fn tuple(&mut self, register: Operand, arity: u64) {
        self.written(register);
        self.tuples.push((register, arity));
    }

    /// Whether `register` surely holds a tuple with an element `index` (from 0).
    pub(crate) fn has_element(&self, register: Operand, index: u64) -> bool {
        self.tuples.iter().any(|&(r, arity)| r == register && index < arity)
    }

    /// `register` got a new value.
    pub(crate) fn written(&mut self, register: Operand) {
        self.tuples.retain(|&(r, _)| r != register);
    }
}
