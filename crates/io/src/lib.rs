//! Files, compression, ports: what leaves the runtime and comes back.
//!
//! 1. The mechanisms ([`file`], [`packet`], [`queue`], [`zstream`]) know the system and
//!    bytes; they know no process.
//! 2. The natives (`prim_file`, `prim_buffer`, `zlib`, …) turn terms into
//!    calls of the mechanisms and results into terms.
//! 3. [`port`] has its own rules.
//! 4. Every pointer handed to the system or to a library is to memory that
//!    lives for the whole call and has the length that the call is told.
//! 5. A file descriptor is closed once, by the value that owns it.

pub mod file;
pub mod names;
pub mod packet;
pub mod port;
pub mod prim_buffer;
pub mod prim_file;
pub mod queue;
pub mod resource;
pub mod unsupported;
pub mod zlib;
pub mod zstream;

use oxbeam_runtime::native::StaticNif;

/// The static NIF modules of this crate.
pub static NIFS: &[&StaticNif] = &[
    &prim_buffer::NIF,
    &prim_file::NIF,
    &zlib::NIF,
    &unsupported::ERL_TRACER,
    &unsupported::PRIM_NET,
    &unsupported::PRIM_SOCKET,
];
