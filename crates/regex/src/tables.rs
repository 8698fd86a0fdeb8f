//! What characters are: the library's tables for ASCII, with Latin-1 above it, as OTP's library has it.
//!
//! A table is the lower case of each byte, its other case, one bit per byte for each class, and each
//! byte's type flags (the layout of PCRE2 10.x).

use pcre2_sys as p;
use std::ptr::null_mut;
use std::sync::OnceLock;

const OTHER_CASE: usize = 256;
const CLASSES: usize = 512;
const UPPER: usize = CLASSES + 96;
const LOWER: usize = CLASSES + 128;
const WORD: usize = CLASSES + 160;
const GRAPH: usize = CLASSES + 192;
const PRINT: usize = CLASSES + 224;
const PUNCT: usize = CLASSES + 256;
const CNTRL: usize = CLASSES + 288;
const TYPES: usize = CLASSES + 320;
const SIZE: usize = TYPES + 256;

const TYPE_LETTER: u8 = 0x02;
const TYPE_LOWER: u8 = 0x04;
const TYPE_WORD: u8 = 0x10;

/// The tables, as the library takes them.
pub(crate) fn latin1() -> &'static [u8] {
    static TABLES: OnceLock<Vec<u8>> = OnceLock::new();
    TABLES.get_or_init(|| {
        // SAFETY: rule 3 of the crate: the library's tables are `SIZE` bytes, copied and given back.
        let mut tables = unsafe {
            let made = p::pcre2_maketables_8(null_mut());
            assert!(!made.is_null(), "out of memory for tables of characters");
            let copy = std::slice::from_raw_parts(made, SIZE).to_vec();
            p::pcre2_maketables_free_8(null_mut(), made);
            copy
        };
        (128..=255).for_each(|byte| describe(&mut tables, byte));
        tables
    })
}

fn describe(tables: &mut [u8], byte: usize) {
    let upper = matches!(byte, 0xC0..=0xD6 | 0xD8..=0xDE);
    let lower = matches!(byte, 0xAA | 0xB5 | 0xBA | 0xDF..=0xF6 | 0xF8..=0xFF);
    let mut class = |class: usize, on: bool| {
        tables[class + byte / 8] &= !(1 << (byte % 8));
        tables[class + byte / 8] |= u8::from(on) << (byte % 8);
    };
    class(UPPER, upper);
    class(LOWER, lower);
    class(WORD, upper || lower);
    class(GRAPH, byte >= 0xA0);
    class(PRINT, byte >= 0xA0);
    class(PUNCT, byte >= 0xA0 && !upper && !lower);
    class(CNTRL, byte < 0xA0);
    let has_upper = matches!(byte, 0xE0..=0xF6 | 0xF8..=0xFE);
    tables[byte] = (if upper { byte + 32 } else { byte }) as u8;
    tables[OTHER_CASE + byte] = match (upper, has_upper) {
        (true, _) => byte as u8 + 32,
        (_, true) => byte as u8 - 32,
        _ => byte as u8,
    };
    let letter = if upper || lower { TYPE_LETTER | TYPE_WORD } else { 0 };
    tables[TYPES + byte] = letter | if lower { TYPE_LOWER } else { 0 };
}
