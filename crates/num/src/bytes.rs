//! Integers as bytes: magnitudes for the external format, two's complement
//! for the bit syntax.

use crate::bits::negate;
use crate::int::{Int, Res};
use crate::mag;

/// Order of the bytes of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endian {
    Big,
    Little,
}

/// Number of bytes of the magnitude of `value`.
pub fn byte_len(value: Int) -> usize {
    value.bit_len().div_ceil(8) as usize
}

/// Digits that reading `bytes` bytes may need.
pub fn read_bound(bytes: usize) -> usize {
    bytes.div_ceil(8) + 1
}

/// Reads a magnitude.
pub fn read_magnitude(bytes: &[u8], endian: Endian, negative: bool, out: &mut [u64]) -> Res {
    Res::new(negative, load(bytes, endian, out))
}

/// Reads a two's complement number; an empty one is zero.
pub fn read_signed(bytes: &[u8], endian: Endian, out: &mut [u64]) -> Res {
    let top = match endian {
        Endian::Big => bytes.first(),
        Endian::Little => bytes.last(),
    };
    if top.is_none_or(|byte| byte & 0x80 == 0) {
        return Res::new(false, load(bytes, endian, out));
    }
    let len = bytes.len().div_ceil(8);
    load(bytes, endian, out);
    let spare = len * 64 - bytes.len() * 8;
    // Extends the sign over the part of the top digit that no byte filled.
    out[len - 1] |= (!0u128 << (64 - spare)) as u64;
    out[len] = u64::MAX;
    Res::new(true, negate(&mut out[..=len]))
}

/// Stores all bytes into digits, leaving the ones above untouched but zero
/// within the last digit; the used length.
fn load(bytes: &[u8], endian: Endian, out: &mut [u64]) -> usize {
    let len = bytes.len().div_ceil(8);
    match endian {
        Endian::Little => {
            for (digit, chunk) in out.iter_mut().zip(bytes.chunks(8)) {
                let mut word = [0; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                *digit = u64::from_le_bytes(word);
            }
        }
        Endian::Big => {
            for (digit, chunk) in out.iter_mut().zip(bytes.rchunks(8)) {
                let mut word = [0; 8];
                word[8 - chunk.len()..].copy_from_slice(chunk);
                *digit = u64::from_be_bytes(word);
            }
        }
    }
    mag::used(&out[..len])
}

/// Writes the magnitude of `value` to exactly [`byte_len`] bytes (or more,
/// zero-filled).
pub fn write_magnitude(value: Int, endian: Endian, out: &mut [u8]) {
    store(value, false, endian, out);
}

/// Writes the low bits of `value` in two's complement, as many as `out` has.
pub fn write_signed(value: Int, endian: Endian, out: &mut [u8]) {
    store(value, value.is_negative(), endian, out);
}

fn store(value: Int, complement: bool, endian: Endian, out: &mut [u8]) {
    let mut carry = complement;
    let mut digits = value.digits().iter();
    let mut next = || {
        let digit = digits.next().copied().unwrap_or(0);
        if !complement {
            return digit;
        }
        let (digit, over) = (!digit).overflowing_add(carry as u64);
        carry = over;
        digit
    };
    match endian {
        Endian::Little => out.chunks_mut(8).for_each(|chunk| {
            let word = next().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }),
        Endian::Big => out.rchunks_mut(8).for_each(|chunk| {
            let word = next().to_be_bytes();
            chunk.copy_from_slice(&word[8 - chunk.len()..]);
        }),
    }
}
