//! A hyphen behind a class within a class (`[\d-z]`) is a hyphen to OTP's library and an error to
//! PCRE2, which is therefore given `[\d\-z]`.

/// The pattern with such hyphens escaped, and the places of the bytes put in; `None`: it has none.
pub(crate) fn escaped(pattern: &[u8]) -> Option<(Vec<u8>, Vec<usize>)> {
    let mut out = Vec::new();
    let mut added = Vec::new();
    let (mut at, mut in_class) = (0, false);
    while at < pattern.len() {
        let (len, is_class) = token(&pattern[at..], in_class);
        match pattern[at] {
            b'[' if !in_class => in_class = true,
            b']' if in_class => in_class = false,
            _ => {}
        }
        out.extend_from_slice(&pattern[at..at + len]);
        at += len;
        let hyphen =
            pattern.get(at) == Some(&b'-') && pattern.get(at + 1).is_some_and(|&b| b != b']');
        if in_class && is_class && hyphen {
            added.push(out.len());
            out.push(b'\\');
        }
    }
    (!added.is_empty()).then_some((out, added))
}

/// The length of the next part, and whether it stands for a class of characters.
fn token(rest: &[u8], in_class: bool) -> (usize, bool) {
    match rest {
        [b'\\', b'Q', ..] => (find(rest, b"\\E").map_or(rest.len(), |end| end + 2), false),
        [b'\\', b'p' | b'P', b'{', ..] => {
            (find(rest, b"}").map_or(rest.len(), |end| end + 1), true)
        }
        [b'\\', b'p' | b'P', _, ..] => (3, true),
        [b'\\', letter, ..] => (2, b"dDsSwWhHvV".contains(letter)),
        [b'[', b':', ..] if in_class => match find(rest, b":]") {
            Some(end) => (end + 2, true),
            None => (1, false),
        },
        // A bracket right behind the beginning closes nothing.
        [b'[', b'^', b']', ..] if !in_class => (3, false),
        [b'[', b'^' | b']', ..] if !in_class => (2, false),
        _ => (1, false),
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hyphens_behind_classes_are_escaped() {
        let seen = |pattern: &str| {
            escaped(pattern.as_bytes()).map(|(out, _)| String::from_utf8(out).unwrap())
        };
        assert_eq!(seen(r"[\d-z]+").as_deref(), Some(r"[\d\-z]+"));
        assert_eq!(seen(r"[^]\w-.]").as_deref(), Some(r"[^]\w\-.]"));
        assert_eq!(seen(r"[[:alpha:]-z\p{L}-x]").as_deref(), Some(r"[[:alpha:]\-z\p{L}\-x]"));
        assert_eq!(seen(r"\d-z[a-z][\w-][\Q\d-z\E]"), None);
    }
}
