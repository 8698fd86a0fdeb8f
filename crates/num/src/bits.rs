//! Bit operations and shifts on integers as if they were written in two's
//! complement of endless width.

use crate::int::{Int, Res};
use crate::mag;

/// Digits that [`and`], [`or`], [`xor`] may need.
pub fn bitwise_bound(a: Int, b: Int) -> usize {
    a.digits().len().max(b.digits().len()) + 1
}

/// `out = a band b`.
pub fn and(a: Int, b: Int, out: &mut [u64]) -> Res {
    bitwise(a, b, out, |x, y| x & y)
}

/// `out = a bor b`.
pub fn or(a: Int, b: Int, out: &mut [u64]) -> Res {
    bitwise(a, b, out, |x, y| x | y)
}

/// `out = a bxor b`.
pub fn xor(a: Int, b: Int, out: &mut [u64]) -> Res {
    bitwise(a, b, out, |x, y| x ^ y)
}

/// Digits that [`not`] may need.
pub fn not_bound(a: Int) -> usize {
    a.digits().len() + 1
}

/// `out = bnot a`, which is `-a - 1`.
pub fn not(a: Int, out: &mut [u64]) -> Res {
    if a.is_negative() {
        Res::new(false, mag::sub(a.digits(), &[1], out))
    } else {
        Res::new(true, mag::add(a.digits(), &[1], out))
    }
}

/// The digits of a two's complement value from the low end, for ever.
struct Complement<'a> {
    digits: std::slice::Iter<'a, u64>,
    negative: bool,
    carry: bool,
}

impl<'a> Complement<'a> {
    fn of(value: Int<'a>) -> Complement<'a> {
        let negative = value.is_negative();
        Complement { digits: value.digits().iter(), negative, carry: negative }
    }

    #[inline]
    fn next_digit(&mut self) -> u64 {
        let digit = self.digits.next().copied().unwrap_or(0);
        if !self.negative {
            return digit;
        }
        let (digit, carry) = (!digit).overflowing_add(self.carry as u64);
        self.carry = carry;
        digit
    }
}

fn bitwise(a: Int, b: Int, out: &mut [u64], op: impl Fn(u64, u64) -> u64) -> Res {
    let len = a.digits().len().max(b.digits().len());
    let (mut left, mut right) = (Complement::of(a), Complement::of(b));
    for digit in &mut out[..len] {
        *digit = op(left.next_digit(), right.next_digit());
    }
    let negative = op(a.is_negative() as u64, b.is_negative() as u64) & 1 == 1;
    if !negative {
        return Res::new(false, mag::used(&out[..len]));
    }
    out[len] = u64::MAX;
    Res::new(true, negate(&mut out[..=len]))
}

/// Two's complement of `digits` in place; the used length.
pub(crate) fn negate(digits: &mut [u64]) -> usize {
    let mut carry = true;
    for digit in digits.iter_mut() {
        (*digit, carry) = (!*digit).overflowing_add(carry as u64);
    }
    mag::used(digits)
}

/// Digits that [`shl`] may need, or `None` if no machine could hold them.
pub fn shl_bound(a: Int, bits: u64) -> Option<usize> {
    usize::try_from(bits / 64).ok()?.checked_add(a.digits().len() + 1)
}

/// `out = a bsl bits`.
pub fn shl(a: Int, bits: u64, out: &mut [u64]) -> Res {
    if a.is_zero() {
        return Res::new(false, 0);
    }
    let (whole, part) = ((bits / 64) as usize, (bits % 64) as u32);
    let len = a.digits().len();
    out[..whole].fill(0);
    out[whole + len] = mag::shl_bits(a.digits(), part, &mut out[whole..whole + len]);
    Res::new(a.is_negative(), mag::used(&out[..=whole + len]))
}

/// Digits that [`shr`] may need.
pub fn shr_bound(a: Int, bits: u64) -> usize {
    let whole = usize::try_from(bits / 64).unwrap_or(usize::MAX);
    a.digits().len().saturating_sub(whole) + 1
}

/// `out = a bsr bits`, rounding towards minus infinity.
pub fn shr(a: Int, bits: u64, out: &mut [u64]) -> Res {
    let whole = usize::try_from(bits / 64).unwrap_or(usize::MAX);
    let part = (bits % 64) as u32;
    let digits = a.digits();
    if whole >= digits.len() {
        out[0] = 1;
        return Res::new(a.is_negative(), a.is_negative() as usize);
    }
    let kept = &digits[whole..];
    mag::shr_bits(kept, part, out);
    let mut len = mag::used(&out[..kept.len()]);
    let lost =
        digits[..whole].iter().any(|&digit| digit != 0) || digits[whole] & !(!0 << part) != 0;
    if a.is_negative() && lost {
        let carry = mag::mul_add_digit(&mut out[..len], 1, 1);
        if carry != 0 {
            out[len] = carry;
            len += 1;
        }
    }
    Res::new(a.is_negative(), len)
}
