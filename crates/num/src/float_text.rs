//! Floats as text, in the forms of `float_to_list/1,2`, and back.

use std::io::Write;

/// Characters that the longest text of a float may have; beyond it Erlang
/// refuses.
const MAX_CHARS: usize = 255;

/// Digits after the point that `float_to_list/1` prints.
pub const DEFAULT_DECIMALS: usize = 20;

/// Scientific form: `2.50000000000000000000e+00` with 20 decimals.
/// `None` if the text gets longer than Erlang allows.
pub fn scientific(float: f64, decimals: usize) -> Option<Vec<u8>> {
    if decimals > MAX_CHARS {
        return None;
    }
    let text = format!("{float:.decimals$e}");
    let (mantissa, exponent) = text.split_once('e')?;
    let exponent: i32 = exponent.parse().ok()?;
    let sign = if exponent < 0 { '-' } else { '+' };
    let text = format!("{mantissa}e{sign}{:02}", exponent.abs());
    (text.len() <= MAX_CHARS).then(|| text.into_bytes())
}

/// Fixed form with `decimals` digits after the point; `compact` drops zeros
/// at the end but for the first after the point.
/// `None` if the text gets longer than Erlang allows.
///
/// Up to 18 decimals and 2^53 the fraction is rounded by a multiplication,
/// as Erlang does; beyond, the exact value is rounded.
pub fn fixed(float: f64, decimals: usize, compact: bool) -> Option<Vec<u8>> {
    const WHOLE_LIMIT: f64 = 9_007_199_254_740_992.0;
    let size = float.abs();
    if size > WHOLE_LIMIT || decimals > 18 {
        if decimals > MAX_CHARS {
            return None;
        }
        let mut text = format!("{float:.decimals$}").into_bytes();
        if text.len() > MAX_CHARS {
            return None;
        }
        // A number without a point loses its own zeros, one by one, as the
        // machine's users have it from `float_to_list(1.0e20, [{decimals,0},compact])`.
        if compact {
            drop_zeros(&mut text);
        }
        return Some(text);
    }
    let mut text = Vec::with_capacity(40);
    if float.is_sign_negative() {
        text.push(b'-');
    }
    if decimals == 0 {
        write!(text, "{}", size.round() as u64).ok()?;
        return Some(text);
    }
    let scale = 10u64.pow(decimals as u32) as f64;
    let (mut whole, mut fraction) = (size.floor(), ((size - size.floor()) * scale).round());
    if fraction >= scale {
        whole += 1.0;
        fraction = 0.0;
    }
    write!(text, "{}.{:0decimals$}", whole as u64, fraction as u64).ok()?;
    if compact {
        drop_zeros(&mut text);
    }
    Some(text)
}

fn drop_zeros(text: &mut Vec<u8>) {
    while text.last() == Some(&b'0') {
        text.pop();
    }
    if text.last() == Some(&b'.') {
        text.push(b'0');
    }
}

/// The shortest text that reads back as `float`, in the notation that takes
/// less room (the `short` option, and `io_lib`'s `~w`).
pub fn short(float: f64) -> Vec<u8> {
    let mut text = Vec::with_capacity(26);
    if float.is_sign_negative() {
        text.push(b'-');
    }
    if float == 0.0 {
        text.extend_from_slice(b"0.0");
        return text;
    }
    let (digits, exponent) = shortest_digits(float.abs());
    if prefers_fixed(&digits, exponent) {
        write_fixed(&mut text, &digits, exponent);
    } else {
        write_scientific(&mut text, &digits, exponent);
    }
    text
}

/// Shortest decimal digits without zeros at either end, and the power of ten
/// that the digits, taken as a whole number, are multiplied by.
fn shortest_digits(float: f64) -> (Vec<u8>, i32) {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(float);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let mut exponent: i32 = exponent.parse().unwrap_or(0);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    exponent -= fraction.len() as i32;
    let mut digits: Vec<u8> = [whole.as_bytes(), fraction.as_bytes()].concat();
    while digits.last() == Some(&b'0') {
        digits.pop();
        exponent += 1;
    }
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    digits.drain(..zeros);
    (digits, exponent)
}

/// Whether `digits * 10^exponent` is written without an exponent: where that
/// is no longer than with one, and the number is one that floats hold exactly.
fn prefers_fixed(digits: &[u8], exponent: i32) -> bool {
    let len = digits.len() as i32;
    let (lower, upper) = match len {
        1 => (-4, 2),
        _ if exponent + len > 10 => (-(len + 2), 2),
        _ => (-(len + 2), 1),
    };
    let value = digits.iter().fold(0u64, |value, digit| value * 10 + (digit - b'0') as u64);
    let beyond_exact = match exponent {
        0 => value >= 1 << 53,
        1 => value > (1 << 52) / 5,
        2 => value > (1 << 51) / 25,
        _ => false,
    };
    lower <= exponent && exponent <= upper && !beyond_exact
}

fn write_fixed(text: &mut Vec<u8>, digits: &[u8], exponent: i32) {
    let whole = digits.len() as i32 + exponent;
    if exponent >= 0 {
        text.extend_from_slice(digits);
        text.extend(std::iter::repeat_n(b'0', exponent as usize));
        text.extend_from_slice(b".0");
    } else if whole > 0 {
        let (before, after) = digits.split_at(whole as usize);
        text.extend_from_slice(before);
        text.push(b'.');
        text.extend_from_slice(after);
    } else {
        text.extend_from_slice(b"0.");
        text.extend(std::iter::repeat_n(b'0', -whole as usize));
        text.extend_from_slice(digits);
    }
}

fn write_scientific(text: &mut Vec<u8>, digits: &[u8], exponent: i32) {
    let (first, rest) = digits.split_at(1);
    text.extend_from_slice(first);
    text.push(b'.');
    text.extend_from_slice(if rest.is_empty() { b"0" } else { rest });
    let exponent = exponent + digits.len() as i32 - 1;
    text.extend_from_slice(format!("e{exponent}").as_bytes());
}

/// Reads a float by Erlang's grammar: optional sign, digits, a point (or a
/// comma), digits, and optionally an exponent. `None` for any other text and
/// for what is beyond the range; what is too small becomes zero.
pub fn parse(text: &[u8]) -> Option<f64> {
    let body = text.strip_prefix(b"+").or_else(|| text.strip_prefix(b"-")).unwrap_or(text);
    let after_whole = digits(body)?;
    let after_point = match after_whole {
        [b'.' | b',', rest @ ..] => rest,
        _ => return None,
    };
    match digits(after_point)? {
        [] => {}
        [b'e' | b'E', b'+' | b'-', rest @ ..] | [b'e' | b'E', rest @ ..] => {
            if !digits(rest)?.is_empty() {
                return None;
            }
        }
        _ => return None,
    }
    let point = text.len() - after_point.len() - 1;
    let float: f64 = if text[point] == b',' {
        let mut copy = text.to_vec();
        copy[point] = b'.';
        std::str::from_utf8(&copy).ok()?.parse().ok()?
    } else {
        std::str::from_utf8(text).ok()?.parse().ok()?
    };
    float.is_finite().then_some(float)
}

/// What follows one or more digits.
fn digits(text: &[u8]) -> Option<&[u8]> {
    let len = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (len > 0).then(|| &text[len..])
}
