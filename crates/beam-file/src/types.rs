//! The Type chunk: what the compiler knew of operands. A hint for native tiers, never a proof: the
//! bytes are no more to be trusted than the rest of the file.

use crate::Error;
use crate::reader::Reader;

/// The chunk's version that OTP 25 writes; another one is left unread.
const VERSION: u32 = 1;
/// Bytes of a type.
const ENTRY_BYTES: usize = 18;
/// The bits that kinds of terms have.
const ANY: u16 = (1 << 13) - 1;

/// What an operand may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Type {
    /// A bit for each kind of term, by the names' order: atom, bitstring, match state, cons, float,
    /// fun, integer, map, nil, pid, port, reference, tuple.
    pub union: u16,
    /// Least and greatest value of an integer; the least is above the greatest where nothing is known.
    pub min: i64,
    /// See `min`.
    pub max: i64,
}

/// Parses the chunk. `None`: there is none, or one of a version that is not known.
pub(crate) fn parse(data: Option<&[u8]>) -> Result<Option<Vec<Type>>, Error> {
    let Some(data) = data.filter(|data| !data.is_empty()) else { return Ok(None) };
    let mut r = Reader::new(b"Type", data);
    if r.u32()? != VERSION {
        return Ok(None);
    }
    let count = r.count(ENTRY_BYTES)?;
    let mut types = Vec::with_capacity(count);
    for _ in 0..count {
        types.push(Type { union: r.u16()?, min: r.i64()?, max: r.i64()? });
    }
    let first_is_any =
        types.first().is_some_and(|first| first.union == ANY && first.min > first.max);
    match types.iter().all(|ty| ty.union != 0) && first_is_any {
        true => Ok(Some(types)),
        false => Err(r.error("a type that stands for nothing, or no first one for anything")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(union: u16, min: i64, max: i64) -> Vec<u8> {
        [&union.to_be_bytes()[..], &min.to_be_bytes(), &max.to_be_bytes()].concat()
    }

    fn chunk(version: u32, entries: &[Vec<u8>]) -> Vec<u8> {
        let count = entries.len() as u32;
        [&version.to_be_bytes()[..], &count.to_be_bytes(), &entries.concat()].concat()
    }

    #[test]
    fn types_are_read_and_checked() {
        let any = entry(ANY, 0, -1);
        let small = entry(1 << 6, -5, 7);
        let types = parse(Some(&chunk(1, &[any.clone(), small]))).unwrap().unwrap();
        assert_eq!(types[1], Type { union: 1 << 6, min: -5, max: 7 });
        assert_eq!(parse(Some(&chunk(2, &[]))), Ok(None));
        assert_eq!(parse(None), Ok(None));
        assert!(parse(Some(&chunk(1, &[]))).is_err());
        assert!(parse(Some(&chunk(1, &[any.clone(), entry(0, 0, 0)]))).is_err());
        assert!(parse(Some(&chunk(1, &[any])[..20])).is_err());
    }
}
