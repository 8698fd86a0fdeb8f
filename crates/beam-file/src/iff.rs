//! The container: `FOR1 <size> BEAM`, then chunks of name, size, data, padding.
//! A whole file may be gzip-compressed.

use crate::error::Error;
use std::borrow::Cow;

/// The chunks of a file, by name.
pub struct Container<'a> {
    chunks: Vec<([u8; 4], &'a [u8])>,
}

impl<'a> Container<'a> {
    /// Splits `bytes` (not compressed) into chunks. Bytes after the form's
    /// announced end are ignored; a last chunk may lack its padding.
    pub fn parse(bytes: &'a [u8]) -> Result<Container<'a>, Error> {
        let form = bytes.get(..12).ok_or_else(|| Error::container("shorter than its header"))?;
        if &form[..4] != b"FOR1" || &form[8..12] != b"BEAM" {
            return Err(Error::container("not a BEAM file"));
        }
        let size = u32::from_be_bytes([form[4], form[5], form[6], form[7]]) as usize;
        let end = size.checked_add(8).filter(|&e| e <= bytes.len() && size >= 4);
        let end = end.ok_or_else(|| Error::container("truncated"))?;
        let mut rest = &bytes[12..end];
        let mut chunks = Vec::new();
        while !rest.is_empty() {
            let head = rest.get(..8).ok_or_else(|| Error::container("truncated chunk header"))?;
            let name = [head[0], head[1], head[2], head[3]];
            let len = u32::from_be_bytes([head[4], head[5], head[6], head[7]]) as usize;
            let data = rest[8..].get(..len).ok_or_else(|| Error::new(&name, "truncated"))?;
            chunks.push((name, data));
            let padded = 8 + len.div_ceil(4) * 4;
            rest = rest.get(padded..).unwrap_or(&[]);
        }
        Ok(Container { chunks })
    }

    /// The data of the first chunk called `name`.
    pub fn get(&self, name: &[u8; 4]) -> Option<&'a [u8]> {
        self.chunks.iter().find(|(n, _)| n == name).map(|&(_, data)| data)
    }

    /// All chunks in file order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8; 4], &'a [u8])> {
        self.chunks.iter().map(|(n, d)| (n, *d))
    }
}

/// No module is larger than this once inflated; a bomb stops here.
const MAX_INFLATED_BYTES: usize = 512 << 20;

/// The contents of a gzip-compressed file, or `bytes` as they are where they are not one.
///
/// Errors: what is compressed is damaged, or more than any module needs.
pub fn inflate_if_compressed(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    if bytes.len() < 18 || bytes[..3] != [0x1F, 0x8B, 8] {
        return Ok(Cow::Borrowed(bytes));
    }
    let bad = || Error::container("bad compressed data");
    let body = gzip_body(bytes).ok_or_else(bad)?;
    let out = miniz_oxide::inflate::decompress_to_vec_with_limit(body, MAX_INFLATED_BYTES);
    Ok(Cow::Owned(out.map_err(|_| bad())?))
}

/// What follows the gzip header (RFC 1952).
fn gzip_body(bytes: &[u8]) -> Option<&[u8]> {
    let flags = bytes[3];
    let mut rest = &bytes[10..];
    if flags & 4 != 0 {
        let len = u16::from_le_bytes([*rest.first()?, *rest.get(1)?]) as usize;
        rest = rest.get(2 + len..)?;
    }
    for bit in [8, 16] {
        if flags & bit != 0 {
            let end = rest.iter().position(|&b| b == 0)?;
            rest = &rest[end + 1..];
        }
    }
    if flags & 2 != 0 {
        rest = rest.get(2..)?;
    }
    Some(rest)
}

/// Inflates zlib data that must give exactly `size` bytes.
pub(crate) fn inflate_zlib(data: &[u8], size: usize) -> Option<Vec<u8>> {
    if size > MAX_INFLATED_BYTES {
        return None;
    }
    let out = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(data, size).ok()?;
    (out.len() == size).then_some(out)
}
