//! Runs of bits in byte buffers: copying, and the integers and floats of the bit syntax.
//!
//! Bits are counted from the most significant bit of the first byte. Every function panics when
//! a run leaves its buffer: callers have checked sizes before.

use crate::arith::MAX_DIGITS;
use crate::heap::Heap;
use oxbeam_num::Int;
use oxbeam_num::bytes::{Endian, read_bound, read_magnitude, read_signed, write_signed};
use oxbeam_term::Term;
use oxbeam_term::view::Kind;

/// Copies `count` bits.
pub fn copy(src: &[u8], src_bit: usize, dst: &mut [u8], dst_bit: usize, count: usize) {
    if count == 0 {
        return;
    }
    if src_bit % 8 == 0 && dst_bit % 8 == 0 {
        let (from, to, whole) = (src_bit / 8, dst_bit / 8, count / 8);
        dst[to..to + whole].copy_from_slice(&src[from..from + whole]);
        let rest = count % 8;
        if rest > 0 {
            put_bits(&mut dst[to + whole], 0, rest, src[from + whole] >> (8 - rest));
        }
        return;
    }
    copy_shifted(src, src_bit, dst, dst_bit, count);
}

/// Copies the bits before the first whole byte of `dst`, the whole bytes, and the bits behind them.
fn copy_shifted(src: &[u8], src_bit: usize, dst: &mut [u8], dst_bit: usize, count: usize) {
    let head = count.min((8 - dst_bit % 8) % 8);
    if head > 0 {
        put_bits(&mut dst[dst_bit / 8], dst_bit % 8, head, get_bits(src, src_bit, head));
    }
    let (from, at, whole) = (src_bit + head, (dst_bit + head) / 8, (count - head) / 8);
    copy_bytes(src, from, &mut dst[at..at + whole]);
    let rest = count - head - 8 * whole;
    if rest > 0 {
        put_bits(&mut dst[at + whole], 0, rest, get_bits(src, from + 8 * whole, rest));
    }
}

/// Fills `dst` with the bits from `bit` on.
fn copy_bytes(src: &[u8], bit: usize, dst: &mut [u8]) {
    let (at, shift) = (bit / 8, bit % 8);
    if shift == 0 {
        return dst.copy_from_slice(&src[at..at + dst.len()]);
    }
    if dst.is_empty() {
        return;
    }
    let mut src = &src[at..=at + dst.len()];
    let mut words = dst.chunks_exact_mut(8);
    for word in &mut words {
        let high = u64::from_be_bytes(src[..8].try_into().expect("eight bytes"));
        let low = u64::from(src[8]) >> (8 - shift);
        word.copy_from_slice(&(high << shift | low).to_be_bytes());
        src = &src[8..];
    }
    for (at, byte) in words.into_remainder().iter_mut().enumerate() {
        *byte = src[at] << shift | src[at + 1] >> (8 - shift);
    }
}

/// `count` (1..=8) bits from `bit` on, in the low bits.
fn get_bits(src: &[u8], bit: usize, count: usize) -> u8 {
    let (at, shift) = (bit / 8, bit % 8);
    let high = src[at] << shift;
    let low = if shift + count > 8 { src[at + 1] >> (8 - shift) } else { 0 };
    (high | low) >> (8 - count)
}

/// Puts the low `count` bits of `value` at `bit` (0..8) of a byte.
fn put_bits(byte: &mut u8, bit: usize, count: usize, value: u8) {
    let shift = 8 - bit - count;
    let mask = (0xFFu8 >> (8 - count)) << shift;
    *byte = *byte & !mask | value << shift & mask;
}

/// `count` (at most 64) bits as an unsigned big-endian number.
pub fn read_u64(src: &[u8], bit: usize, count: usize) -> u64 {
    assert!(count <= 64, "at most a word of bits");
    if count == 0 {
        return 0;
    }
    let (first, last) = (bit / 8, (bit + count - 1) / 8);
    if count <= 56
        && let Some(word) = src.get(first..first + 8)
    {
        let word = u64::from_be_bytes(word.try_into().expect("eight bytes"));
        return word << (bit % 8) >> (64 - count);
    }
    let all = src[first..=last].iter().fold(0u128, |n, &byte| n << 8 | u128::from(byte));
    let spare = (last + 1) * 8 - (bit + count);
    (all >> spare) as u64 & u64::MAX >> (64 - count)
}

/// Puts the low `count` (at most 64) bits of `value`, big-endian.
pub fn write_u64(dst: &mut [u8], bit: usize, count: usize, value: u64) {
    let bytes = value.to_be_bytes();
    if bit % 8 == 0 && count % 8 == 0 {
        let (at, size) = (bit / 8, count / 8);
        return dst[at..at + size].copy_from_slice(&bytes[8 - size..]);
    }
    copy(&bytes, 64 - count, dst, bit, count);
}

/// The integer of `count` bits; `None` when it has more digits than an integer may have.
pub fn read_integer<'h>(
    heap: &'h Heap,
    src: &[u8],
    bit: usize,
    count: usize,
    endian: Endian,
    signed: bool,
) -> Option<Term<'h>> {
    if count <= 64 && (endian == Endian::Big || count <= 8) {
        let value = read_u64(src, bit, count);
        if signed && count > 0 {
            return Some(heap.int((value << (64 - count)) as i64 >> (64 - count)));
        }
        return Some(heap.uint(value));
    }
    let (rest, size) = (count % 8, count.div_ceil(8));
    let mut bytes = vec![0; size];
    let edge = match endian {
        Endian::Big => {
            copy(src, bit, &mut bytes, (8 - rest) % 8, count);
            0
        }
        Endian::Little => {
            copy(src, bit, &mut bytes, 0, count);
            if rest > 0 {
                bytes[size - 1] >>= 8 - rest;
            }
            size - 1
        }
    };
    if signed && rest > 0 && bytes[edge] >> (rest - 1) & 1 == 1 {
        bytes[edge] |= 0xFF << rest;
    }
    let mut digits = vec![0; read_bound(size)];
    let res = match signed {
        true => read_signed(&bytes, endian, &mut digits),
        false => read_magnitude(&bytes, endian, false, &mut digits),
    };
    (res.len <= MAX_DIGITS).then(|| heap.integer(res.negative, &digits[..res.len]))
}

/// Puts the low `count` bits of an integer. `false`: the term is no integer.
pub fn write_integer(
    dst: &mut [u8],
    bit: usize,
    count: usize,
    value: Term<'_>,
    endian: Endian,
) -> bool {
    let mut store = [0];
    let int = match value.kind() {
        Kind::Small(n) => {
            if count <= 64 && (endian == Endian::Big || count <= 8) {
                write_u64(dst, bit, count, n as u64);
                return true;
            }
            Int::from_i64(n, &mut store)
        }
        Kind::Big(big) => Int::new(big.is_negative(), big.digits()),
        _ => return false,
    };
    let (rest, size) = (count % 8, count.div_ceil(8));
    let mut bytes = vec![0; size];
    write_signed(int, endian, &mut bytes);
    match endian {
        Endian::Big => copy(&bytes, (8 - rest) % 8, dst, bit, count),
        Endian::Little => {
            if rest > 0 {
                bytes[size - 1] <<= 8 - rest;
            }
            copy(&bytes, 0, dst, bit, count);
        }
    }
    true
}

/// The float of 16, 32 or 64 bits; `None` where they are none, or another size.
pub fn read_float(src: &[u8], bit: usize, count: usize, endian: Endian) -> Option<f64> {
    if !matches!(count, 16 | 32 | 64) {
        return None;
    }
    let mut bits = read_u64(src, bit, count);
    if endian == Endian::Little {
        bits = bits.swap_bytes() >> (64 - count);
    }
    let value = match count {
        16 => half_to_f64(bits as u16),
        32 => f64::from(f32::from_bits(bits as u32)),
        _ => f64::from_bits(bits),
    };
    value.is_finite().then_some(value)
}

/// Puts a float of 16, 32 or 64 bits, one too large for its size as infinity. `false`: another
/// size.
pub fn write_float(dst: &mut [u8], bit: usize, count: usize, value: f64, endian: Endian) -> bool {
    let bits = match count {
        16 => u64::from(f64_to_half(value)),
        32 => u64::from((value as f32).to_bits()),
        64 => value.to_bits(),
        _ => return false,
    };
    let bits = if endian == Endian::Little { bits.swap_bytes() >> (64 - count) } else { bits };
    write_u64(dst, bit, count, bits);
    true
}

fn half_to_f64(half: u16) -> f64 {
    let sign = if half >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(half >> 10 & 0x1F), f64::from(half & 0x3FF));
    match exponent {
        0 => sign * fraction * 2f64.powi(-24),
        31 if half & 0x3FF == 0 => sign * f64::INFINITY,
        31 => f64::NAN,
        e => sign * (1.0 + fraction / 1024.0) * 2f64.powi(e - 15),
    }
}

/// Rounds to nearest, ties to even.
fn f64_to_half(value: f64) -> u16 {
    let sign = if value.is_sign_negative() { 0x8000 } else { 0 };
    let magnitude = value.abs();
    if magnitude >= 65520.0 {
        return sign | 0x7C00;
    }
    let exponent = (magnitude.to_bits() >> 52) as i32 - 1023;
    let scale = exponent.max(-14) - 10;
    let units = (magnitude / 2f64.powi(scale)).round_ties_even() as u32;
    let bits = match exponent >= -14 {
        true => ((exponent + 15) as u32 - 1 << 10) + units,
        false => units,
    };
    sign | bits as u16
}

/// Whether two runs of `count` bits are the same.
pub fn equal(a: &[u8], a_bit: usize, b: &[u8], b_bit: usize, count: usize) -> bool {
    let mut done = 0;
    while done < count {
        let take = (count - done).min(64);
        if read_u64(a, a_bit + done, take) != read_u64(b, b_bit + done, take) {
            return false;
        }
        done += take;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_copied_at_any_offset() {
        let src: Vec<u8> = (0..40u8).map(|n| n.wrapping_mul(37)).collect();
        for from in 0..9 {
            for to in 0..9 {
                for count in (0..20).chain([55, 56, 57, 63, 64, 65, 71, 127, 128, 129, 130, 200]) {
                    let mut dst = vec![0xAA; 40];
                    copy(&src, from, &mut dst, to, count);
                    assert!(equal(&src, from, &dst, to, count), "{from} {to} {count}");
                    let untouched = read_u64(&dst, to + count, 16);
                    assert_eq!(untouched, read_u64(&[0xAA; 40], to + count, 16));
                }
            }
        }
    }

    #[test]
    fn integers_come_back() {
        let heap = Heap::detached();
        let values = [0, 1, -1, 255, -256, i64::MAX, i64::MIN, 1 << 59, -(1 << 40)];
        for value in values {
            for count in [64, 65, 71, 72, 128] {
                for endian in [Endian::Big, Endian::Little] {
                    let mut dst = vec![0; 20];
                    assert!(write_integer(&mut dst, 3, count, heap.int(value), endian));
                    let back = read_integer(&heap, &dst, 3, count, endian, true).unwrap();
                    assert_eq!(back.as_i64(), Some(value), "{count} {endian:?}");
                }
            }
        }
        let mut dst = vec![0; 2];
        write_integer(&mut dst, 0, 9, heap.int(0x155), Endian::Little);
        assert_eq!(dst, [0x55, 0x80]);
        assert_eq!(
            read_integer(&heap, &dst, 0, 9, Endian::Little, false).unwrap().as_i64(),
            Some(0x155)
        );
    }

    #[test]
    fn floats_come_back() {
        for (value, size) in [(1.5, 16), (-0.0, 16), (65504.0, 16), (3.25, 32), (1e300, 64)] {
            for endian in [Endian::Big, Endian::Little] {
                let mut dst = vec![0; 9];
                assert!(write_float(&mut dst, 1, size, value, endian));
                assert_eq!(read_float(&dst, 1, size, endian), Some(value));
            }
        }
        assert!(!write_float(&mut [0; 8], 0, 17, 1.0, Endian::Big));
        assert_eq!(f64_to_half(-1e6), 0xFC00);
        assert_eq!(f64_to_half(2f64.powi(-24)), 1);
        assert_eq!(f64_to_half(1.0), 0x3C00);
    }
}
