//! File names, commands and variables: from terms to the system's bytes.

use oxbeam_term::Term;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

static UTF8: AtomicBool = AtomicBool::new(true);
static BAD_NAME: AtomicU8 = AtomicU8::new(BadName::Warning as u8);

/// What becomes of a name that is not in the system's encoding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadName {
    /// It is left out with a warning.
    Warning,
    /// It is left out.
    Ignored,
    /// It is an error.
    Error,
}

/// Says what becomes of names that are not in the system's encoding. For boot.
pub fn set_bad_name(what: BadName) {
    BAD_NAME.store(what as u8, Ordering::Relaxed);
}

/// What becomes of names that are not in the system's encoding.
pub fn bad_name() -> BadName {
    let all = [BadName::Warning, BadName::Ignored, BadName::Error];
    all[usize::from(BAD_NAME.load(Ordering::Relaxed))]
}

/// Says how characters are written in names: as UTF-8, else as ISO Latin-1.
/// For boot.
pub fn set_utf8(utf8: bool) {
    UTF8.store(utf8, Ordering::Relaxed);
}

/// Whether characters in names are written as UTF-8.
pub fn is_utf8() -> bool {
    UTF8.load(Ordering::Relaxed)
}

/// The bytes of a name: a binary as it is, an atom or a deep list of characters in the
/// system's encoding.
///
/// None for another term, a character that has no place in the encoding, and
/// a name with a zero character (trailing ones of a binary are dropped).
pub fn to_native(term: Term<'_>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(bits) = term.as_bits() {
        if bits.bit_size() % 8 != 0 {
            return None;
        }
        bytes.extend_from_slice(&bits.to_bytes());
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
    } else if let Some(atom) = term.as_atom() {
        atom.name().chars().try_for_each(|c| push(&mut bytes, i64::from(u32::from(c))))?;
    } else {
        let mut rest = vec![term];
        while let Some(term) = rest.pop() {
            if let Some(cons) = term.as_cons() {
                rest.push(cons.tail());
                match cons.head().as_small() {
                    Some(character) => push(&mut bytes, character)?,
                    None => rest.push(cons.head()),
                }
            } else if !term.is_nil() {
                return None;
            }
        }
    }
    (!bytes.contains(&0)).then_some(bytes)
}

fn push(bytes: &mut Vec<u8>, character: i64) -> Option<()> {
    let character = u32::try_from(character).ok()?;
    if is_utf8() {
        let character = char::from_u32(character)?;
        bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        bytes.push(u8::try_from(character).ok()?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxbeam_heap::Heap;

    #[test]
    fn characters_become_bytes() {
        let heap = Heap::detached();
        let deep = heap.list(&[heap.int(0xe5), heap.list_of_bytes(b"bc")]);
        assert_eq!(to_native(deep).as_deref(), Some("åbc".as_bytes()));
        assert_eq!(to_native(heap.binary(b"ab\0\0")).as_deref(), Some(&b"ab"[..]));
        assert_eq!(to_native(heap.binary(b"a\0b")), None);
        assert_eq!(to_native(heap.list(&[heap.int(0xD800)])), None);
        assert_eq!(to_native(heap.int(7)), None);
        let atom = Term::atom(oxbeam_term::am::name);
        assert_eq!(to_native(atom).as_deref(), Some(&b"name"[..]));
        assert_eq!(to_native(heap.list(&[heap.int(0x61), atom])), None);
    }
}
