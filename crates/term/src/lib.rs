//! The term: one 64-bit word, what it points at, and the identities that terms refer to.
//!
//! A term is immediate (atom, small, local pid or port, nil) or a tagged pointer to a cons
//! cell or a boxed object in a heap. Two types carry it and never mix:
//!
//! 1. [`RawTerm`] is a plain word. It lives in registers, heap words, the collector and the
//!    engines. Following it is `unsafe`: the word may be stale after a collection.
//! 2. [`Term`] is branded with the borrow of the heap it lives in (`'h` is a shared borrow of
//!    that heap). While the borrow lasts no collection can run, because a collection takes the
//!    heap by `&mut`; so following a `Term` is safe.
//! 3. A term enters another heap only by copy.
//!
//! The crate knows no heap, no process and no code; it holds the identities (atoms, nodes,
//! exports, fun entries, off-heap binaries) that terms name.

pub mod atom;
pub mod binary;
pub mod compare;
pub mod export;
pub mod fun_entry;
pub mod hamt;
pub mod hash;
pub mod identity;
pub mod layout;
pub mod node;
pub mod outside;
pub mod print;
pub mod raw;
pub mod tag;
pub mod view;

pub use atom::{Atom, am};
pub use binary::Binary;
pub use export::Export;
pub use fun_entry::FunEntry;
pub use node::Node;
pub use raw::RawTerm;
pub use view::{Big, Bits, Cons, External, Fun, Kind, Map, Ref, Term, Tuple};
