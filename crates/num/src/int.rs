//! Signed integers on borrowed digits: arithmetic and order.

use std::cmp::Ordering;

use crate::mag;

/// A borrowed integer (rule 1 of the crate).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Int<'a> {
    negative: bool,
    digits: &'a [u64],
}

/// Sign and used length of a result; the digits are in the caller's slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Res {
    pub negative: bool,
    pub len: usize,
}

impl Res {
    pub(crate) fn new(negative: bool, len: usize) -> Res {
        Res { negative: negative && len > 0, len }
    }

    /// The result as an integer, given the slice that it was written to.
    pub fn of(self, out: &[u64]) -> Int<'_> {
        Int::new(self.negative, &out[..self.len])
    }
}

impl<'a> Int<'a> {
    /// An integer of any digits; leading zeros are dropped.
    #[inline]
    pub fn new(negative: bool, digits: &'a [u64]) -> Int<'a> {
        let digits = mag::trim(digits);
        Int { negative: negative && !digits.is_empty(), digits }
    }

    /// `value`, its one digit kept in `store`.
    #[inline]
    pub fn from_i64(value: i64, store: &'a mut [u64; 1]) -> Int<'a> {
        store[0] = value.unsigned_abs();
        Int::new(value < 0, store)
    }

    /// `value`, its digits kept in `store`.
    pub fn from_i128(value: i128, store: &'a mut [u64; 2]) -> Int<'a> {
        let magnitude = value.unsigned_abs();
        *store = [magnitude as u64, (magnitude >> 64) as u64];
        Int::new(value < 0, store)
    }

    pub fn is_negative(self) -> bool {
        self.negative
    }

    pub fn is_zero(self) -> bool {
        self.digits.is_empty()
    }

    pub fn digits(self) -> &'a [u64] {
        self.digits
    }

    /// The value as a signed word, if it fits.
    #[inline]
    pub fn to_i64(self) -> Option<i64> {
        match *self.digits {
            [] => Some(0),
            [digit] if !self.negative => i64::try_from(digit).ok(),
            [digit] if digit <= 1 << 63 => Some((digit as i64).wrapping_neg()),
            _ => None,
        }
    }

    /// The value as an unsigned word, if it fits.
    pub fn to_u64(self) -> Option<u64> {
        match *self.digits {
            [] => Some(0),
            [digit] if !self.negative => Some(digit),
            _ => None,
        }
    }

    /// The value as a signed double word, if it fits.
    pub fn to_i128(self) -> Option<i128> {
        let magnitude = match *self.digits {
            [] => 0,
            [low] => low as u128,
            [low, high] => (high as u128) << 64 | low as u128,
            _ => return None,
        };
        if !self.negative {
            i128::try_from(magnitude).ok()
        } else if magnitude <= 1 << 127 {
            Some((magnitude as i128).wrapping_neg())
        } else {
            None
        }
    }

    /// Number of bits of the magnitude (0 for zero).
    pub fn bit_len(self) -> u64 {
        match self.digits.last() {
            None => 0,
            Some(top) => self.digits.len() as u64 * 64 - top.leading_zeros() as u64,
        }
    }
}

impl<'a> std::ops::Neg for Int<'a> {
    type Output = Int<'a>;

    fn neg(self) -> Int<'a> {
        Int::new(!self.negative, self.digits)
    }
}

impl Ord for Int<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => mag::cmp(self.digits, other.digits),
            (true, true) => mag::cmp(other.digits, self.digits),
        }
    }
}

impl PartialOrd for Int<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Digits that [`add`] and [`sub`] may need.
pub fn add_bound(a: Int, b: Int) -> usize {
    a.digits.len().max(b.digits.len()) + 1
}

/// `out = a + b`.
pub fn add(a: Int, b: Int, out: &mut [u64]) -> Res {
    if a.negative == b.negative {
        return Res::new(a.negative, mag::add(a.digits, b.digits, out));
    }
    match mag::cmp(a.digits, b.digits) {
        Ordering::Less => Res::new(b.negative, mag::sub(b.digits, a.digits, out)),
        Ordering::Equal => Res::new(false, 0),
        Ordering::Greater => Res::new(a.negative, mag::sub(a.digits, b.digits, out)),
    }
}

/// `out = a - b`; bound as for [`add`].
pub fn sub(a: Int, b: Int, out: &mut [u64]) -> Res {
    add(a, -b, out)
}

/// Digits that [`mul`] may need.
pub fn mul_bound(a: Int, b: Int) -> usize {
    a.digits.len() + b.digits.len()
}

/// `out = a * b`.
pub fn mul(a: Int, b: Int, out: &mut [u64]) -> Res {
    Res::new(a.negative != b.negative, mag::mul(a.digits, b.digits, out))
}

/// Digits that [`div`] may need.
pub fn div_bound(a: Int, b: Int) -> usize {
    (a.digits.len() + 1).saturating_sub(b.digits.len()).max(1)
}

/// `out = a div b`, truncated towards zero. `b` is not zero.
pub fn div(a: Int, b: Int, out: &mut [u64]) -> Res {
    let (len, _) = mag::div_rem(a.digits, b.digits, Some(out), None);
    Res::new(a.negative != b.negative, len)
}

/// Digits that [`rem`] may need.
pub fn rem_bound(a: Int, b: Int) -> usize {
    a.digits.len().min(b.digits.len())
}

/// `out = a rem b`, with the sign of `a`. `b` is not zero.
pub fn rem(a: Int, b: Int, out: &mut [u64]) -> Res {
    let (_, len) = mag::div_rem(a.digits, b.digits, None, Some(out));
    Res::new(a.negative, len)
}
