//! References of this node that come back as numbers: from external terms and from text.

use oxbeam_term::outside::{self, Meaning};
use oxbeam_term::{Binary, Term};

use crate::heap::Heap;

impl Heap {
    /// A reference that holds a value of ours; the last copy of it drops the value.
    pub fn resource_ref<T: Send + Sync + 'static>(&self, numbers: [u32; 3], value: T) -> Term<'_> {
        let block = Binary::new_magic(Box::new(value));
        // SAFETY: the block is magic and its one reference is given away here.
        unsafe { self.magic_ref(numbers, block) }
    }

    /// The reference of this node with those numbers, lowest first.
    pub fn known_ref(&self, numbers: [u32; 3]) -> Term<'_> {
        match outside::meaning(numbers) {
            Meaning::Plain => self.plain_ref(numbers),
            Meaning::Alias(pid) => self.pid_ref(numbers, pid),
            // SAFETY: only magic blocks are entered, and this comes with a reference of its own.
            Meaning::Magic(block) => unsafe { self.magic_ref(numbers, block) },
        }
    }
}
