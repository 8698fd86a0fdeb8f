//! Files, compression, ports: what leaves the runtime and comes back.
//!
//! 1. The mechanisms ([`file`], [`queue`], [`zstream`]) know the system and
//!    bytes; they know no process.
//! 2. The natives (`prim_file`, `prim_buffer`, `zlib`, …) turn terms into
//!    calls of the mechanisms and results into terms.
//! 3. Every pointer handed to the system or to a library is to memory that
//!    lives for the whole call and has the length that the call is told.
//! 4. A file descriptor is closed once, by the value that owns it.

pub mod file;
pub mod queue;
pub mod zstream;
