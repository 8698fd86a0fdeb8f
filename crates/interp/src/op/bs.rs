//! The bit syntax, gathered: matching, `bs_create_bin`, and the put operations
//! of older compilers.

pub use super::bs_create::*;
pub use super::bs_match::*;
pub use super::bs_put::*;

use crate::machine::Mode;
use oxbeam_num::bytes::Endian;
use oxbeam_ops::bits::flag;
use oxbeam_term::{RawTerm, am};

/// Sizes above this many bits are no sizes.
pub const MAX_BITS: u64 = 1 << 40;

/// The byte order of a segment's flags.
pub fn endian(flags: u64) -> Endian {
    let native_little = flags & flag::NATIVE != 0 && cfg!(target_endian = "little");
    if flags & flag::LITTLE != 0 || native_little { Endian::Little } else { Endian::Big }
}

/// Whether size operand `i` stands for "all that is left": only a constant does, the atom in a register is no size.
#[inline(always)]
pub fn is_all<A: Mode>(word: u64) -> bool {
    word == RawTerm::atom(am::all).0 && A::is_constant(word)
}

/// `size * unit` bits; `None` where the size is no integer that can be one.
pub fn bits_of(size: RawTerm, unit: u64) -> Option<usize> {
    let size = u64::try_from(size.as_small()?).ok()?;
    size.checked_mul(unit).filter(|&bits| bits < MAX_BITS).map(|bits| bits as usize)
}

/// The character of a term, if it is one.
pub fn character(term: RawTerm) -> Option<char> {
    char::from_u32(u32::try_from(term.as_small()?).ok()?)
}

/// The bytes of a character in UTF-16.
pub fn utf16_bytes(c: char, flags: u64, out: &mut [u8; 4]) -> &[u8] {
    let mut units = [0; 2];
    let units = c.encode_utf16(&mut units);
    for (pair, unit) in out.chunks_mut(2).zip(units.iter()) {
        let bytes = match endian(flags) {
            Endian::Big => unit.to_be_bytes(),
            Endian::Little => unit.to_le_bytes(),
        };
        pair.copy_from_slice(&bytes);
    }
    &out[..2 * units.len()]
}

/// The bytes of a character in UTF-32.
pub fn utf32_bytes(c: char, flags: u64) -> [u8; 4] {
    match endian(flags) {
        Endian::Big => u32::from(c).to_be_bytes(),
        Endian::Little => u32::from(c).to_le_bytes(),
    }
}
