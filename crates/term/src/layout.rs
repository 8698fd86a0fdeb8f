//! Word layouts of boxed objects. Index 0 is the header.
//!
//! Objects that hold something outside the heap (a reference to count down when the object dies)
//! are linked through word [`OFF_HEAP_NEXT`] into the off-heap list of their heap:
//! off-heap binaries, magic references, funs and external pids, ports and references.
//!
//! | object        | words after the header                                            |
//! |---------------|-------------------------------------------------------------------|
//! | tuple         | element...                                                        |
//! | big           | digit... (64 bits, least first)                                   |
//! | float         | the IEEE bits                                                     |
//! | refc binary   | size in bytes, next, block, address of first byte, flags          |
//! | heap binary   | size in bytes, bytes padded to words                              |
//! | sub binary    | size in bytes, byte offset, packed bits (see [`SUB_BITS`]), original |
//! | match state   | original, base address, bit offset, bit size, saved offset...     |
//! | fun           | entry, next, arity and free count, creator, free variable...      |
//! | export fun    | export entry                                                      |
//! | reference     | number words; see [`REF_PLAIN`], [`REF_PID`], [`REF_MAGIC`]       |
//! | external pid  | node, next, number and serial                                     |
//! | external port | node, next, number                                                |
//! | external ref  | node, next, count, numbers two a word                             |
//! | raw trace     | opaque words                                                      |

use crate::tag::{Subtag, header};

/// Index of the link of the off-heap list.
pub const OFF_HEAP_NEXT: usize = 2;

pub const REFC_BIN_WORDS: usize = 6;
pub const REFC_BIN_HEADER: u64 = header(Subtag::RefcBin, REFC_BIN_WORDS - 1);
pub const REFC_SIZE: usize = 1;
pub const REFC_BLOCK: usize = 3;
pub const REFC_BYTES: usize = 4;
pub const REFC_FLAGS: usize = 5;
/// The object may append to its block in place (`bs_append`).
pub const REFC_FLAG_WRITABLE: u64 = 1;
/// An append is under way or was the last thing done: keep slack at a collection.
pub const REFC_FLAG_ACTIVE_WRITER: u64 = 2;

/// Largest binary kept on a heap.
pub const HEAP_BIN_MAX_BYTES: usize = 64;
pub const HEAP_BIN_SIZE: usize = 1;
pub const HEAP_BIN_BYTES: usize = 2;

pub const SUB_BIN_WORDS: usize = 5;
pub const SUB_BIN_HEADER: u64 = header(Subtag::SubBin, SUB_BIN_WORDS - 1);
pub const SUB_SIZE: usize = 1;
pub const SUB_OFFSET: usize = 2;
/// Bits 0..8: trailing bits (0..7); bits 8..16: bit offset (0..7); bit 16: may be appended to.
pub const SUB_BITS: usize = 3;
pub const SUB_ORIG: usize = 4;
pub const SUB_WRITABLE: u64 = 1 << 16;

pub const MATCH_ORIG: usize = 1;
pub const MATCH_BASE: usize = 2;
pub const MATCH_OFFSET: usize = 3;
pub const MATCH_SIZE: usize = 4;
pub const MATCH_SAVED: usize = 5;
/// Words of a match state without saved offsets.
pub const MATCH_STATE_WORDS: usize = 5;

pub const FUN_ENTRY: usize = 1;
/// Bits 0..8: arity; bits 32..: number of free variables.
pub const FUN_ARITY: usize = 3;
pub const FUN_CREATOR: usize = 4;
pub const FUN_ENV: usize = 5;

pub const EXPORT_WORDS: usize = 2;
pub const EXPORT_HEADER: u64 = header(Subtag::Export, 1);

pub const FLOAT_WORDS: usize = 2;
pub const FLOAT_HEADER: u64 = header(Subtag::Float, 1);

/// Plain local reference: `[header, n0 | n1 << 32, n2]`.
pub const REF_PLAIN_WORDS: usize = 3;
pub const REF_PLAIN: u64 = header(Subtag::Ref, 2);
/// Local reference that is an alias: as plain, then the pid.
pub const REF_PID_WORDS: usize = 4;
pub const REF_PID: u64 = header(Subtag::Ref, 3);
/// Magic reference: `[header, block, next, n0 | n1 << 32, n2]`.
pub const REF_MAGIC_WORDS: usize = 5;
pub const REF_MAGIC: u64 = header(Subtag::Ref, 4);
pub const REF_MAGIC_BLOCK: usize = 1;

pub const EXT_NODE: usize = 1;
pub const EXT_DATA: usize = 3;
pub const EXT_PID_WORDS: usize = 4;
pub const EXT_PORT_WORDS: usize = 4;

/// Words of a heap binary of `size_bytes`.
pub const fn heap_bin_words(size_bytes: usize) -> usize {
    HEAP_BIN_BYTES + size_bytes.div_ceil(8)
}

/// Index of the first number word of a local reference.
pub const fn ref_numbers_at(ref_header: u64) -> usize {
    if ref_header == REF_MAGIC { 3 } else { 1 }
}

/// Whether an object with this header is linked into the off-heap list.
pub const fn is_off_heap(object_header: u64) -> bool {
    match Subtag::of(object_header) {
        Subtag::RefcBin | Subtag::Fun | Subtag::ExtPid | Subtag::ExtPort | Subtag::ExtRef => true,
        Subtag::Ref => object_header == REF_MAGIC,
        _ => false,
    }
}
