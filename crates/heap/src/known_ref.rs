//! References of this node that come back as numbers: from external terms and from text.
//!
//! A reference may have been an alias of a process or the handle of a resource that is still
//! alive; only the runtime knows, and says so through one function set at boot.

use std::ptr::NonNull;
use std::sync::OnceLock;

use oxbeam_term::{Binary, RawTerm, Term};

use crate::heap::Heap;

/// What the runtime knows about a reference of this node.
pub enum KnownRef {
    Plain,
    /// An alias of this local process.
    Alias(RawTerm),
    /// A magic reference, with one reference to its block given away.
    Magic(NonNull<Binary>),
}

static LOOK_UP: OnceLock<fn([u32; 3]) -> KnownRef> = OnceLock::new();

/// Says who knows. Once, at boot.
///
/// # Safety
/// The block of a [`KnownRef::Magic`] is magic and comes with a reference of its own.
pub unsafe fn set_look_up(look_up: fn([u32; 3]) -> KnownRef) {
    LOOK_UP.set(look_up).ok();
}

impl Heap {
    /// A reference that holds a value of ours; the last copy of it drops the value.
    pub fn resource_ref<T: Send + Sync + 'static>(&self, numbers: [u32; 3], value: T) -> Term<'_> {
        let block = Binary::new_magic(Box::new(value));
        // SAFETY: the block is magic and its one reference is given away here.
        unsafe { self.magic_ref(numbers, block) }
    }

    /// The reference of this node with those numbers, lowest first.
    pub fn known_ref(&self, numbers: [u32; 3]) -> Term<'_> {
        match LOOK_UP.get().map_or(KnownRef::Plain, |look_up| look_up(numbers)) {
            KnownRef::Plain => self.plain_ref(numbers),
            KnownRef::Alias(pid) => self.pid_ref(numbers, pid),
            // SAFETY: `set_look_up`'s contract.
            KnownRef::Magic(block) => unsafe { self.magic_ref(numbers, block) },
        }
    }
}
