//! Integers and floats against each other.

use std::cmp::Ordering;

use crate::int::{Int, Res};

/// Digits that the largest float needs.
pub const FLOAT_DIGITS: usize = 16;

/// The float nearest to `value` by the machine's own rule, `None` if it is
/// beyond the range.
///
/// Digits are taken in from the top, each step rounding: so the last bit is
/// the one that Erlang programs know, not always that of a single rounding.
pub fn to_f64(value: Int) -> Option<f64> {
    let base = 18_446_744_073_709_551_616.0;
    let mut float = 0.0;
    for &digit in value.digits().iter().rev() {
        float = float * base + digit as f64;
        if !f64::is_finite(float) {
            return None;
        }
    }
    Some(if value.is_negative() { -float } else { float })
}

/// `out = trunc(float)`; needs [`FLOAT_DIGITS`] digits. `float` is finite.
pub fn from_f64(float: f64, out: &mut [u64]) -> Res {
    debug_assert!(float.is_finite());
    let bits = float.to_bits();
    let exponent = (bits >> 52 & 0x7FF) as i32 - 1075;
    let mantissa = bits & ((1 << 52) - 1) | 1 << 52;
    if exponent <= 0 {
        let value = if exponent <= -64 { 0 } else { mantissa >> -exponent };
        out[0] = value;
        return Res::new(float < 0.0, (value != 0) as usize);
    }
    let (whole, part) = ((exponent / 64) as usize, exponent % 64);
    let pair = (mantissa as u128) << part;
    out[..whole].fill(0);
    out[whole] = pair as u64;
    let high = (pair >> 64) as u64;
    if high != 0 {
        out[whole + 1] = high;
    }
    Res::new(float < 0.0, whole + 1 + (high != 0) as usize)
}

/// Compares by exact value. `float` is finite.
pub fn cmp_f64(value: Int, float: f64) -> Ordering {
    let mut digits = [0; FLOAT_DIGITS];
    let whole = from_f64(float, &mut digits);
    value.cmp(&whole.of(&digits)).then_with(|| cmp_fraction(float))
}

/// Compares by exact value. `float` is finite.
#[inline]
pub fn cmp_i64_f64(value: i64, float: f64) -> Ordering {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if float >= LIMIT {
        Ordering::Less
    } else if float < -LIMIT {
        Ordering::Greater
    } else {
        value.cmp(&(float as i64)).then_with(|| cmp_fraction(float))
    }
}

/// How the whole part of `float` stands to `float`.
fn cmp_fraction(float: f64) -> Ordering {
    float.trunc().total_cmp(&float)
}
