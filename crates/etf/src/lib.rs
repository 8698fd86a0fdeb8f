//! The external term format: what `term_to_binary/2` writes and `binary_to_term/2` reads.
//!
//! 1. Input is hostile: a decoder reads within its bytes, keeps no more than a few words for each
//!    byte read, and uses no recursion. What it cannot make sense of is [`DecodeError::Bad`].
//! 2. Atoms, exports, fun entries and nodes are made through the identity tables of the term
//!    crate; in safe mode atoms and exports must be there already.
//! 3. Compression is the caller's: [`Zlib`] is the seam, so that this crate stands on no library.
#![forbid(unsafe_code)]

pub mod decode;
pub mod encode;
mod reader;
mod tag;

pub use decode::{
    DecodeError, DecodeStop, Decoded, Decoding, Options, binary_to_term, decode, decode_cached,
};
pub use encode::{EncodeOptions, EncodeStop, Encoding, TooBig, encode, leaf_order, term_to_binary};

/// First byte of an external term.
pub const VERSION: u8 = 131;
/// Second byte of a compressed one; then come four bytes of size and a zlib stream.
pub const COMPRESSED: u8 = tag::COMPRESSED;

/// The compressor that external terms go through.
pub trait Zlib {
    /// `bytes` as a zlib stream of that level (0 to 9).
    fn deflate(&self, bytes: &[u8], level: u8) -> Option<Vec<u8>>;
    /// The zlib stream at the start of `bytes` if it holds exactly `size_bytes`, and how many
    /// bytes of input the stream took. Must not take more memory than `size_bytes`, and that
    /// only as far as the stream fills it.
    fn inflate(&self, bytes: &[u8], size_bytes: usize) -> Option<(Vec<u8>, usize)>;
}

/// No compressor: refuses all compressed terms, leaves all terms plain.
pub struct NoZlib;

impl Zlib for NoZlib {
    fn deflate(&self, _bytes: &[u8], _level: u8) -> Option<Vec<u8>> {
        None
    }

    fn inflate(&self, _bytes: &[u8], _size_bytes: usize) -> Option<(Vec<u8>, usize)> {
        None
    }
}
