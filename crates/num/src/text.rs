//! Integers as text in base 2 to 36.

use dashu_int::UBig;

use crate::int::Int;
use crate::mag::{self, LIBRARY_DIGITS};

/// The largest power of `radix` below 2^64, and its exponent.
fn chunk(radix: u32) -> (u64, usize) {
    let (mut power, mut exponent) = (radix as u64, 1);
    while let Some(next) = power.checked_mul(radix as u64) {
        power = next;
        exponent += 1;
    }
    (power, exponent)
}

/// The text of `value`, digits above nine in capital letters.
///
/// # Panics
/// If `radix` is not in 2..=36.
pub fn to_text(value: Int, radix: u32) -> Vec<u8> {
    assert!((2..=36).contains(&radix));
    let digits = value.digits();
    if digits.len() > LIBRARY_DIGITS {
        let sign = if value.is_negative() { "-" } else { "" };
        return format!("{sign}{:#}", UBig::from_words(digits).in_radix(radix as u8)).into_bytes();
    }
    let mut work = [0; LIBRARY_DIGITS];
    let mut rest = &mut work[..digits.len()];
    rest.copy_from_slice(digits);
    let mut text = Vec::with_capacity(digits.len() * 20 + 2);
    let (power, width) = chunk(radix);
    while !rest.is_empty() {
        let mut part = mag::div_digit(rest, power);
        let len = mag::used(rest);
        rest = &mut rest[..len];
        let mut written = 0;
        while part > 0 || (!rest.is_empty() && written < width) {
            text.push(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[(part % radix as u64) as usize]);
            part /= radix as u64;
            written += 1;
        }
    }
    if text.is_empty() {
        text.push(b'0');
    }
    if value.is_negative() {
        text.push(b'-');
    }
    text.reverse();
    text
}

/// An integer read from text, owning its digits (trimmed).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    pub negative: bool,
    pub digits: Vec<u64>,
}

impl Parsed {
    pub fn as_int(&self) -> Int<'_> {
        Int::new(self.negative, &self.digits)
    }
}

/// Reads an optional sign and at least one digit, nothing else.
///
/// # Panics
/// If `radix` is not in 2..=36.
pub fn parse(text: &[u8], radix: u32) -> Option<Parsed> {
    assert!((2..=36).contains(&radix));
    let (negative, body) = match text {
        [b'-', body @ ..] => (true, body),
        [b'+', body @ ..] => (false, body),
        body => (false, body),
    };
    if body.is_empty() || !body.iter().all(|&byte| digit_value(byte, radix).is_some()) {
        return None;
    }
    let digits = parse_digits(body, radix);
    Some(Parsed { negative: negative && !digits.is_empty(), digits })
}

/// The value of one digit character in `radix`, letters in either case.
#[inline]
pub fn digit_value(byte: u8, radix: u32) -> Option<u32> {
    (byte as char).to_digit(radix)
}

fn parse_digits(body: &[u8], radix: u32) -> Vec<u64> {
    let (_, width) = chunk(radix);
    if body.len() > width * LIBRARY_DIGITS {
        let text = std::str::from_utf8(body).expect("digits are ASCII");
        let value = UBig::from_str_radix(text, radix).expect("checked to be digits");
        return mag::trim(value.as_words()).to_vec();
    }
    let mut digits = Vec::with_capacity(body.len() / width + 1);
    for part in body.chunks(width) {
        let (mut value, mut power) = (0, 1u64);
        for &byte in part {
            value = value * radix as u64 + digit_value(byte, radix).unwrap_or(0) as u64;
            power = power.wrapping_mul(radix as u64);
        }
        let carry = mag::mul_add_digit(&mut digits, power, value);
        if carry != 0 {
            digits.push(carry);
        }
    }
    digits
}
