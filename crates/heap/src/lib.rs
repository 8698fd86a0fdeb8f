//! The heap of one process, and every other place that terms live in.
//!
//! Numbered rules, cited by `SAFETY:` comments:
//!
//! 1. A [`Heap`] is one block: objects grow up from `start` to `top`, the stack grows down from
//!    `end` to `stop`; when they would meet, allocation opens a heap fragment instead.
//! 2. Allocation takes `&Heap`, never moves a term and never collects. A collection takes
//!    `&mut Heap`, so no branded [`oxbeam_term::Term`] of the heap is alive then.
//! 3. Every word between `start` and `top` belongs to a whole object or cons cell, and so in
//!    fragments; an object is filled in before anything else is allocated or collected.
//! 4. An object that holds something outside the heap is linked into the off-heap list of the
//!    storage it lives in; sweeping that list gives the reference back.
//! 5. A term in one storage points only into the same storage, into literal areas, or at
//!    off-heap blocks. Terms of a young heap may point into the old heap, never the reverse
//!    (terms are immutable, so an old object points only at older ones).
//! 6. Literals lie in one reserved address range; the collector leaves them alone. A copy
//!    leaves them alone too, except those in the area that is being purged.
//! 7. A heap belongs to the thread that runs its process; it moves between threads whole.

pub mod arith;
pub mod binary_buffer;
pub mod bits;
pub mod block;
mod broken;
pub mod build;
pub mod copy;
pub mod copy_shared;
pub mod foreign_fun;
pub mod fragment;
pub mod gc;
pub mod growing_copy;
pub mod heap;
pub mod known_ref;
pub mod literal;
pub mod map;
pub mod measure;
pub mod off_heap;
pub mod owned;
pub mod sizes;

pub use gc::{Collection, GcKind, GcReport, RootSet};
pub use growing_copy::GrowingCopy;
pub use heap::Heap;
pub use owned::OwnedTerm;

/// Whether this build attacks itself: collections wherever one may happen, poisoned from-space,
/// the verifier after each collection.
pub const ZEAL: bool = cfg!(oxbeam_zeal);
