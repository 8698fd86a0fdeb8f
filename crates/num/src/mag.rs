//! Magnitudes: unsigned little-endian digit slices.
//!
//! Operands may carry leading zero digits unless said otherwise; results are
//! written from the low end and their used length, without leading zeros, is
//! returned.

use std::cmp::Ordering;

use dashu_int::UBig;

/// From this many digits in both operands on, a library multiplies, divides
/// and converts.
pub const LIBRARY_DIGITS: usize = 32;

/// `digits` without its leading (most significant) zeros.
#[inline]
pub fn trim(digits: &[u64]) -> &[u64] {
    &digits[..used(digits)]
}

/// Number of digits up to the most significant one that is not zero.
#[inline]
pub fn used(digits: &[u64]) -> usize {
    let mut len = digits.len();
    while len > 0 && digits[len - 1] == 0 {
        len -= 1;
    }
    len
}

/// Compares two trimmed magnitudes.
pub fn cmp(a: &[u64], b: &[u64]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.iter().rev().cmp(b.iter().rev()))
}

/// `out = a + b`; needs `max(a, b) + 1` digits.
pub fn add(a: &[u64], b: &[u64], out: &mut [u64]) -> usize {
    let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    let mut carry = false;
    for (i, &digit) in long.iter().enumerate() {
        let (sum, c1) = digit.overflowing_add(short.get(i).copied().unwrap_or(0));
        let (sum, c2) = sum.overflowing_add(carry as u64);
        out[i] = sum;
        carry = c1 | c2;
    }
    if carry {
        out[long.len()] = 1;
        return long.len() + 1;
    }
    used(&out[..long.len()])
}

/// `out = a - b` where `a >= b`; needs as many digits as `a` has.
pub fn sub(a: &[u64], b: &[u64], out: &mut [u64]) -> usize {
    let mut borrow = false;
    for (i, &digit) in a.iter().enumerate() {
        let (rest, b1) = digit.overflowing_sub(b.get(i).copied().unwrap_or(0));
        let (rest, b2) = rest.overflowing_sub(borrow as u64);
        out[i] = rest;
        borrow = b1 | b2;
    }
    debug_assert!(!borrow, "magnitude subtraction below zero");
    used(&out[..a.len()])
}

/// `out = a * b`; needs `a + b` digits.
pub fn mul(a: &[u64], b: &[u64], out: &mut [u64]) -> usize {
    if a.len() >= LIBRARY_DIGITS && b.len() >= LIBRARY_DIGITS {
        return store(&(UBig::from_words(a) * UBig::from_words(b)), out);
    }
    let total = a.len() + b.len();
    out[..total].fill(0);
    for (i, &x) in a.iter().enumerate() {
        let mut carry = 0u64;
        for (j, &y) in b.iter().enumerate() {
            // Never overflows: (2^64-1)^2 + 2 * (2^64-1) = 2^128 - 1.
            let sum = x as u128 * y as u128 + out[i + j] as u128 + carry as u128;
            out[i + j] = sum as u64;
            carry = (sum >> 64) as u64;
        }
        out[i + b.len()] = carry;
    }
    used(&out[..total])
}

/// Divides `digits` in place by one digit that is not zero, returning the
/// remainder.
pub fn div_digit(digits: &mut [u64], by: u64) -> u64 {
    let mut rest = 0u64;
    for digit in digits.iter_mut().rev() {
        let part = (rest as u128) << 64 | *digit as u128;
        *digit = (part / by as u128) as u64;
        rest = (part % by as u128) as u64;
    }
    rest
}

/// `digits = digits * by + plus` in place, returning the carried-out digit.
pub fn mul_add_digit(digits: &mut [u64], by: u64, plus: u64) -> u64 {
    let mut carry = plus;
    for digit in digits.iter_mut() {
        let sum = *digit as u128 * by as u128 + carry as u128;
        *digit = sum as u64;
        carry = (sum >> 64) as u64;
    }
    carry
}

/// Quotient and remainder of trimmed `a` by trimmed, non-empty `b`, each
/// written where wanted. `quotient` needs `a - b + 1` digits (one if `a` is
/// shorter than `b`), `remainder` as many as the shorter has.
///
/// Returns the used lengths `(quotient, remainder)`; zero for one not wanted.
pub fn div_rem(
    a: &[u64],
    b: &[u64],
    quotient: Option<&mut [u64]>,
    remainder: Option<&mut [u64]>,
) -> (usize, usize) {
    assert!(!b.is_empty(), "division by zero is the caller's to refuse");
    if cmp(a, b) == Ordering::Less {
        return (0, remainder.map_or(0, |out| copy(a, out)));
    }
    if b.len() >= LIBRARY_DIGITS && a.len() - b.len() >= LIBRARY_DIGITS {
        return div_rem_library(a, b, quotient, remainder);
    }
    let mut work = Work::new(a.len() + 1);
    if b.len() == 1 {
        let work = &mut work.digits()[..a.len()];
        work.copy_from_slice(a);
        let rest = div_digit(work, b[0]);
        return (
            quotient.map_or(0, |out| copy(trim(work), out)),
            remainder.map_or(0, |out| copy(trim(&[rest]), out)),
        );
    }
    let mut divisor = Work::new(b.len());
    knuth(a, b, work.digits(), divisor.digits(), quotient, remainder)
}

/// Knuth's algorithm D. `work` has `a + 1` digits and ends holding the shifted
/// remainder; `divisor` has as many as `b`.
fn knuth(
    a: &[u64],
    b: &[u64],
    work: &mut [u64],
    divisor: &mut [u64],
    mut quotient: Option<&mut [u64]>,
    remainder: Option<&mut [u64]>,
) -> (usize, usize) {
    let n = b.len();
    let shift = b[n - 1].leading_zeros();
    shl_bits(b, shift, divisor);
    work[a.len()] = shl_bits(a, shift, &mut work[..a.len()]);
    let (top, second) = (divisor[n - 1], divisor[n - 2]);
    let steps = a.len() - n + 1;
    for j in (0..steps).rev() {
        let mut digit = estimate(work[j + n], work[j + n - 1], work[j + n - 2], top, second);
        if sub_mul(&mut work[j..=j + n], divisor, digit) {
            digit -= 1;
            add_back(&mut work[j..=j + n], divisor);
        }
        if let Some(out) = quotient.as_deref_mut() {
            out[j] = digit;
        }
    }
    (
        quotient.map_or(0, |out| used(&out[..steps])),
        remainder.map_or(0, |out| {
            let len = used(&work[..n]);
            shr_bits(&work[..len], shift, &mut out[..len]);
            used(&out[..len])
        }),
    )
}

/// The quotient digit of `high:mid:low` by `top:second`, at most one too big.
fn estimate(high: u64, mid: u64, low: u64, top: u64, second: u64) -> u64 {
    let pair = (high as u128) << 64 | mid as u128;
    let (mut digit, mut rest) = (pair / top as u128, pair % top as u128);
    while digit >> 64 != 0 || digit * second as u128 > (rest << 64 | low as u128) {
        digit -= 1;
        rest += top as u128;
        if rest >> 64 != 0 {
            break;
        }
    }
    digit as u64
}

/// `work -= divisor * digit`; whether it went below zero.
fn sub_mul(work: &mut [u64], divisor: &[u64], digit: u64) -> bool {
    let (mut carry, mut borrow) = (0u64, false);
    for (w, &d) in work.iter_mut().zip(divisor) {
        let product = d as u128 * digit as u128 + carry as u128;
        carry = (product >> 64) as u64;
        let (rest, b1) = w.overflowing_sub(product as u64);
        let (rest, b2) = rest.overflowing_sub(borrow as u64);
        *w = rest;
        borrow = b1 | b2;
    }
    let last = &mut work[divisor.len()];
    let (rest, b1) = last.overflowing_sub(carry);
    let (rest, b2) = rest.overflowing_sub(borrow as u64);
    *last = rest;
    b1 | b2
}

/// Undoes one subtraction too many, modulo the width of `work`.
fn add_back(work: &mut [u64], divisor: &[u64]) {
    let mut carry = false;
    for (w, &d) in work.iter_mut().zip(divisor) {
        let (sum, c1) = w.overflowing_add(d);
        let (sum, c2) = sum.overflowing_add(carry as u64);
        *w = sum;
        carry = c1 | c2;
    }
    let last = &mut work[divisor.len()];
    *last = last.wrapping_add(carry as u64);
}

fn div_rem_library(
    a: &[u64],
    b: &[u64],
    quotient: Option<&mut [u64]>,
    remainder: Option<&mut [u64]>,
) -> (usize, usize) {
    use dashu_int::ops::DivRem;
    let (q, r) = UBig::from_words(a).div_rem(UBig::from_words(b));
    (quotient.map_or(0, |out| store(&q, out)), remainder.map_or(0, |out| store(&r, out)))
}

/// `out = a << bits` for fewer than 64 bits, over as many digits as `a` has,
/// returning what was shifted out at the top.
pub fn shl_bits(a: &[u64], bits: u32, out: &mut [u64]) -> u64 {
    if bits == 0 {
        out[..a.len()].copy_from_slice(a);
        return 0;
    }
    let mut carry = 0;
    for (o, &digit) in out.iter_mut().zip(a) {
        *o = digit << bits | carry;
        carry = digit >> (64 - bits);
    }
    carry
}

/// `out = a >> bits` for fewer than 64 bits, over as many digits as `a` has.
pub fn shr_bits(a: &[u64], bits: u32, out: &mut [u64]) {
    if bits == 0 {
        out[..a.len()].copy_from_slice(a);
        return;
    }
    for i in 0..a.len() {
        let above = a.get(i + 1).copied().unwrap_or(0);
        out[i] = a[i] >> bits | above << (64 - bits);
    }
}

fn copy(from: &[u64], out: &mut [u64]) -> usize {
    out[..from.len()].copy_from_slice(from);
    from.len()
}

fn store(value: &UBig, out: &mut [u64]) -> usize {
    copy(trim(value.as_words()), out)
}

/// Working digits: on the stack for all usual sizes.
#[allow(clippy::large_enum_variant, reason = "it is the point: no allocation")]
pub(crate) enum Work {
    Small([u64; 40], usize),
    Large(Vec<u64>),
}

impl Work {
    pub(crate) fn new(len: usize) -> Work {
        if len <= 40 { Work::Small([0; 40], len) } else { Work::Large(vec![0; len]) }
    }

    pub(crate) fn digits(&mut self) -> &mut [u64] {
        match self {
            Work::Small(array, len) => &mut array[..*len],
            Work::Large(vector) => vector,
        }
    }
}
