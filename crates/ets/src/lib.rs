//! Tables of Erlang objects outside every heap: `ets`.
//!
//! 1. An object is a copied tuple in one block of its own. It keeps no pointer to a literal, so
//!    no purge has to look into tables.
//!    A `compressed` table packs the elements; see the module `packed`.
//! 2. A hash table is an array of shards, each behind its own lock; objects lie in the order of
//!    their keys' hashes, so a walk can go on after any change in between. An ordered table is
//!    kept in parts that adapt to how many write at once; see the module `tree`.
//! 3. An operation on one key holds one lock. One that must be seen at once as a whole takes all
//!    locks it needs in the order of the shards, or of the keys.
//! 4. What a table shows leaves it by copy, made while the lock is held.
//! 5. While a table is fixed, a deleted object of a hash table stays as a mark, so that a walk
//!    by keys finds its place; the last release sweeps the marks.
//! 6. A long list is inserted in portions, with the help of whoever comes across; see the module
//!    `pending`.
//! 7. Locks are taken in the order: names, tables, a table's own state, shards. No lock is held
//!    while a signal is sent.

mod buckets;
mod describe;
mod error;
mod fixation;
mod garbage;
mod hash;
mod locks;
pub mod natives;
mod object;
mod packed;
mod pending;
mod queue;
mod registry;
mod table;
mod tree;
mod walk;

pub use describe::{count_references, describe_all};
pub use natives::select::count_in_compiled;
pub use registry::{install, table_count};
pub use table::structure_words;
