//! The Line chunk: where each `line` instruction stands in the source.

use crate::error::Error;
use crate::reader::{Compact, Reader, Tag};

/// A place in a source file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LineItem {
    /// Index in [`Lines::names`] plus one; 0 is the module's own file.
    pub file: u32,
    /// Line number; 0 with file 0 is "nowhere".
    pub line: u32,
}

/// The line table. Item 0 is "nowhere"; a `line` instruction's operand is an
/// index into `items`.
#[derive(Clone, Default, Debug)]
pub struct Lines<'a> {
    /// The items, item 0 included.
    pub items: Vec<LineItem>,
    /// File names other than the module's own, UTF-8.
    pub names: Vec<&'a str>,
}

pub(crate) fn parse(bytes: &[u8]) -> Result<Lines<'_>, Error> {
    let mut r = Reader::new(b"Line", bytes);
    if r.u32()? != 0 {
        // A version this release does not know: as if there were no lines.
        return Ok(Lines::default());
    }
    let (_flags, _instructions) = (r.u32()?, r.u32()?);
    let item_count = r.count(0)?;
    let name_count = r.count(0)?;
    if item_count > r.left() || name_count > r.left() / 2 {
        return Err(r.error("more entries than bytes"));
    }
    let mut items = Vec::with_capacity(item_count + 1);
    items.push(LineItem { file: 0, line: 0 });
    let mut file = 0;
    while items.len() <= item_count {
        match r.compact()? {
            Compact::Word(Tag::A, n) if n as usize <= name_count => file = n as u32,
            Compact::Word(Tag::I, n) if (0..1 << 31).contains(&n) => {
                items.push(LineItem { file, line: n as u32 });
            }
            _ => return Err(r.error("bad line item")),
        }
    }
    let mut names = Vec::with_capacity(name_count);
    for _ in 0..name_count {
        let len = r.u16()? as usize;
        let name = r.bytes(len)?;
        names.push(std::str::from_utf8(name).map_err(|_| r.error("file name is not UTF-8"))?);
    }
    Ok(Lines { items, names })
}
