//! Numbers as C's `atoi`, `strtol` and `sscanf` read them: white space, a
//! sign, digits; what follows is left alone.

/// The number at the start of `text` and what follows it.
pub(super) fn scan(text: &[u8]) -> Option<(i64, &[u8])> {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text.first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let length = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    if length == 0 {
        return None;
    }
    let value = digits[..length]
        .iter()
        .fold(0i64, |sum, digit| sum.saturating_mul(10).saturating_add(i64::from(*digit - b'0')));
    Some((if negative { -value } else { value }, &digits[length..]))
}

/// The number at the start of `text`, 0 when there is none.
pub(super) fn leading(text: &[u8]) -> i64 {
    scan(text).map_or(0, |(value, _)| value)
}

/// What `N`, `N:M` or `:M` says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pair {
    First(i64),
    Second(i64),
    Both(i64, i64),
}

/// Reads `N`, `N:M` or `:M`.
pub(super) fn pair(text: &[u8]) -> Option<Pair> {
    match scan(text) {
        None => {
            let second = text.strip_prefix(b":")?;
            scan(second).map(|(value, _)| Pair::Second(value))
        }
        Some((first, rest)) => {
            let second = rest.strip_prefix(b":").and_then(scan);
            Some(second.map_or(Pair::First(first), |(second, _)| Pair::Both(first, second)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stop_where_digits_stop() {
        assert_eq!(leading(b" -12x"), -12);
        assert_eq!(leading(b"x"), 0);
        assert_eq!(leading(b"99999999999999999999"), i64::MAX);
    }

    #[test]
    fn pairs() {
        assert_eq!(pair(b"2:1"), Some(Pair::Both(2, 1)));
        assert_eq!(pair(b"2"), Some(Pair::First(2)));
        assert_eq!(pair(b"2:x"), Some(Pair::First(2)));
        assert_eq!(pair(b":3"), Some(Pair::Second(3)));
        assert_eq!(pair(b"x"), None);
        assert_eq!(pair(b""), None);
    }
}
