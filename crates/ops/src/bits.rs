//! What loader and engine agree on for the bit syntax.

/// Flag bits of a segment.
pub mod flag {
    /// Least significant byte first.
    pub const LITTLE: u64 = 2;
    /// Two's complement when matched.
    pub const SIGNED: u64 = 4;
    /// The byte order of the machine.
    pub const NATIVE: u64 = 16;
}

/// The type of a `bs_create_bin` segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum Segment {
    /// Append to a binary that may be written in place.
    Append = 1,
    /// The same, of which nobody else knows.
    PrivateAppend,
    /// Bits of a bitstring.
    Binary,
    /// A float.
    Float,
    /// An integer.
    Integer,
    /// Bytes of the string table.
    String,
    /// A character in UTF-8.
    Utf8,
    /// A character in UTF-16.
    Utf16,
    /// A character in UTF-32.
    Utf32,
}

const SEGMENTS: [(&str, Segment); 9] = [
    ("append", Segment::Append),
    ("private_append", Segment::PrivateAppend),
    ("binary", Segment::Binary),
    ("float", Segment::Float),
    ("integer", Segment::Integer),
    ("string", Segment::String),
    ("utf8", Segment::Utf8),
    ("utf16", Segment::Utf16),
    ("utf32", Segment::Utf32),
];

impl Segment {
    /// The type called `name` in a file.
    pub fn named(name: &str) -> Option<Segment> {
        SEGMENTS.iter().find(|(n, _)| *n == name).map(|&(_, segment)| segment)
    }

    /// The type with number `n` (as cast from the enum).
    pub fn from_number(n: u64) -> Option<Segment> {
        SEGMENTS.iter().map(|&(_, s)| s).find(|&s| s as u64 == n)
    }
}

/// The flags that an external term, a list of atoms, names; what is no flag
/// counts for nothing.
pub fn flags_of_external_list(external: &[u8]) -> u64 {
    let names =
        [(&b"little"[..], flag::LITTLE), (b"signed", flag::SIGNED), (b"native", flag::NATIVE)];
    let mut flags = 0;
    let mut rest = external;
    while let [tag, tail @ ..] = rest {
        let (head, len) = match (tag, tail) {
            (119 | 115, [len, ..]) => (1, usize::from(*len)),
            (118 | 100, [high, low, ..]) => (2, usize::from(u16::from_be_bytes([*high, *low]))),
            (108, _) => (4, 0),
            _ => (0, 0),
        };
        let Some(name) = tail.get(head..head + len) else { break };
        flags |= names.iter().find(|(n, _)| *n == name).map_or(0, |&(_, flag)| flag);
        rest = &tail[head + len..];
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_found_in_a_list() {
        let list = b"\x83\x6c\0\0\0\x02w\x06littled\0\x06signedj";
        assert_eq!(flags_of_external_list(list), flag::LITTLE | flag::SIGNED);
        assert_eq!(flags_of_external_list(b"\x83j"), 0);
        assert_eq!(flags_of_external_list(b"\x83l\0\0"), 0);
    }
}
