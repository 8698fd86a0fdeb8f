//! Terms that break the heap's rules for a while: what OTP's tests use to see that nobody walks the
//! heap of a process whose collections are off.

use crate::heap::Heap;
use oxbeam_term::tag::{Subtag, header};
use oxbeam_term::{RawTerm, Term, am};

/// Elements that the broken tuple says it has; it has one word.
const SAID: usize = 1234;

impl Heap {
    /// A tuple that says it has more elements than it has. Rule 3 does not hold until it is mended:
    /// the caller sees to it that the heap is not collected before.
    pub fn broken_tuple(&self) -> Term<'_> {
        let object = self.alloc(2);
        // SAFETY: room for two words; by contract nobody walks the heap meanwhile.
        unsafe {
            *object = header(Subtag::Tuple, SAID);
            *object.add(1) = RawTerm::NONE.0;
            self.brand(RawTerm::boxed(object))
        }
    }

    /// Makes a broken tuple one of one element. `false`: the term is none of this heap.
    pub fn mend_broken_tuple(&self, term: Term<'_>) -> bool {
        let raw = term.raw();
        if !raw.is_boxed() || !self.owns(raw.ptr()) {
            return false;
        }
        let object = raw.ptr();
        // SAFETY: an object of this heap has a header and, if it is a tuple of many, a word 1.
        unsafe {
            if *object != header(Subtag::Tuple, SAID) || *object.add(1) != RawTerm::NONE.0 {
                return false;
            }
            *object = header(Subtag::Tuple, 1);
            *object.add(1) = RawTerm::atom(am::ok).0;
        }
        true
    }
}
