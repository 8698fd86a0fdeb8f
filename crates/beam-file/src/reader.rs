//! A cursor over a chunk's bytes, with the compact term encoding.

use crate::error::Error;

/// The tag of a compact term.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tag {
    /// An unsigned number with no meaning of its own.
    U,
    /// A small integer.
    I,
    /// An atom index; 0 is nil.
    A,
    /// An X register.
    X,
    /// A Y register.
    Y,
    /// A label; 0 is "no label".
    F,
    /// A character, written by no compiler of today.
    H,
    /// An extended operand; the number says which.
    Z,
}

/// A compact term as it stands in the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Compact {
    /// A tag with a number of at most 64 bits.
    Word(Tag, i64),
    /// An integer of more than 8 bytes: offset and length of its two's
    /// complement, big-endian bytes.
    Big { at: u32, len: u32 },
}

/// A cursor; every read checks what is left.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    chunk: &'static [u8; 4],
}

type Result<T> = std::result::Result<T, Error>;

impl<'a> Reader<'a> {
    pub(crate) fn new(chunk: &'static [u8; 4], bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, at: 0, chunk }
    }

    pub(crate) fn error(&self, reason: impl Into<String>) -> Error {
        Error::new(self.chunk, reason)
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(crate) fn bytes(&mut self, n: usize) -> Result<&'a [u8]> {
        if n > self.left() {
            return Err(self.error(format!("truncated at byte {}", self.at)));
        }
        let got = &self.bytes[self.at..self.at + n];
        self.at += n;
        Ok(got)
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        Ok(self.bytes(1)?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16> {
        let b = self.bytes(2)?;
        Ok(u16::from_be_bytes([b[0], b[1]]))
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        let b = self.bytes(4)?;
        Ok(u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
    }

    pub(crate) fn i64(&mut self) -> Result<i64> {
        let bytes = self.bytes(8)?;
        Ok(i64::from_be_bytes(bytes.try_into().expect("eight bytes")))
    }

    /// A table's entry count: checked against the bytes left, each entry
    /// taking `min_size` of them at least, so that a table can be reserved.
    pub(crate) fn count(&mut self, min_size: usize) -> Result<usize> {
        let n = self.u32()? as usize;
        match n.checked_mul(min_size) {
            Some(size) if size <= self.left() => Ok(n),
            _ => Err(self.error(format!("{n} entries do not fit in the chunk"))),
        }
    }

    /// The next compact term.
    pub(crate) fn compact(&mut self) -> Result<Compact> {
        let first = self.u8()?;
        let tag = TAGS[(first & 7) as usize];
        if first & 8 == 0 {
            return Ok(Compact::Word(tag, i64::from(first >> 4)));
        }
        if first & 0x10 == 0 {
            let low = self.u8()?;
            return Ok(Compact::Word(tag, i64::from(first >> 5) << 8 | i64::from(low)));
        }
        let len = match first >> 5 {
            7 => self.large_size()?,
            n => n as usize + 2,
        };
        self.wide(tag, len)
    }

    /// The length of an integer of more than 8 bytes. Its own encoding may not
    /// be of that kind, so that a row of such bytes does not nest.
    fn large_size(&mut self) -> Result<usize> {
        let bad = || self.error("bad size of a large integer");
        if self.bytes.get(self.at).is_none_or(|&b| b >> 3 == 0x1F) {
            return Err(bad());
        }
        match self.compact()? {
            Compact::Word(Tag::U, n) if (0..1 << 24).contains(&n) => Ok(n as usize + 9),
            _ => Err(self.error("bad size of a large integer")),
        }
    }

    fn wide(&mut self, tag: Tag, len: usize) -> Result<Compact> {
        let at = self.at as u32;
        let bytes = self.bytes(len)?;
        if len > 8 {
            return match tag {
                Tag::I => Ok(Compact::Big { at, len: len as u32 }),
                Tag::U => Ok(BEYOND_A_WORD),
                _ => Err(self.error("an operand other than an integer is too large")),
            };
        }
        let sign = if bytes[0] & 0x80 != 0 { -1i64 } else { 0 };
        let value = bytes.iter().fold(sign, |v, &b| v << 8 | i64::from(b));
        if value < 0 && tag == Tag::U {
            return Ok(BEYOND_A_WORD);
        }
        if value < 0 && tag != Tag::I {
            return Err(self.error("negative operand"));
        }
        Ok(Compact::Word(tag, value))
    }

    /// The next compact term, which must be an unsigned number below 2^31.
    pub(crate) fn untagged(&mut self) -> Result<u32> {
        match self.compact()? {
            Compact::Word(Tag::U, n) if n <= i64::from(i32::MAX) => Ok(n as u32),
            _ => Err(self.error("a plain number was expected")),
        }
    }
}

/// A number of bits in the source may be larger than any word; nothing is that long, so the
/// largest word stands for it.
const BEYOND_A_WORD: Compact = Compact::Word(Tag::U, i64::MAX);

const TAGS: [Tag; 8] = [Tag::U, Tag::I, Tag::A, Tag::X, Tag::Y, Tag::F, Tag::H, Tag::Z];
