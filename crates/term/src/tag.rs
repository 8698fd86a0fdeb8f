//! Tag bits of a term word, the same as OTP's, because the hash that orders big maps sees them.
//!
//! ```text
//! .. 00  header of a boxed object, or a continuation pointer on the stack
//! .. 01  pointer to a cons cell
//! .. 10  pointer to a boxed object
//! .. 11  immediate:  0011 local pid   0111 local port   1111 small (60 bits, signed)
//!                    001011 atom      011011 catch      111011 nil
//! ```

pub const PRIMARY_MASK: u64 = 0b11;
pub const HEADER: u64 = 0b00;
pub const LIST: u64 = 0b01;
pub const BOXED: u64 = 0b10;
pub const IMMED1: u64 = 0b11;

pub const IMMED1_MASK: u64 = 0xF;
pub const PID: u64 = 0x3;
pub const PORT: u64 = 0x7;
pub const IMMED2: u64 = 0xB;
pub const SMALL: u64 = 0xF;

pub const IMMED2_MASK: u64 = 0x3F;
pub const ATOM: u64 = 0x0B;
pub const CATCH: u64 = 0x1B;
/// The empty list.
pub const NIL: u64 = 0x3B;

/// Bits of a small integer's value.
pub const SMALL_BITS: u32 = 60;
pub const SMALL_MAX: i64 = (1 << (SMALL_BITS - 1)) - 1;
pub const SMALL_MIN: i64 = -(1 << (SMALL_BITS - 1));

pub const HEADER_MASK: u64 = 0x3F;
pub const HEADER_ARITY_SHIFT: u32 = 6;

/// What a boxed object is: bits 2..6 of its header word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Subtag {
    Tuple = 0x0,
    MatchState = 0x1,
    PosBig = 0x2,
    NegBig = 0x3,
    Ref = 0x4,
    Fun = 0x5,
    Float = 0x6,
    Export = 0x7,
    RefcBin = 0x8,
    HeapBin = 0x9,
    SubBin = 0xA,
    /// A raw stack trace: code addresses that only `build_stacktrace` reads.
    RawTrace = 0xB,
    ExtPid = 0xC,
    ExtPort = 0xD,
    ExtRef = 0xE,
    Map = 0xF,
}

impl Subtag {
    /// The subtag of a header word.
    pub const fn of(header: u64) -> Subtag {
        use Subtag::*;
        const ALL: [Subtag; 16] = [
            Tuple, MatchState, PosBig, NegBig, Ref, Fun, Float, Export, RefcBin, HeapBin, SubBin,
            RawTrace, ExtPid, ExtPort, ExtRef, Map,
        ];
        ALL[((header >> 2) & 0xF) as usize]
    }
}

/// A header word of `arity_words` words after the header.
pub const fn header(subtag: Subtag, arity_words: usize) -> u64 {
    (arity_words as u64) << HEADER_ARITY_SHIFT | (subtag as u64) << 2
}

/// The header word of a tuple of `arity` elements.
pub const fn tuple_header(arity: usize) -> u64 {
    header(Subtag::Tuple, arity)
}

/// Words after the header, for every subtag but `Map` (see [`map_words`]).
pub const fn header_arity(header: u64) -> usize {
    (header >> HEADER_ARITY_SHIFT) as usize
}

/// Kind of a map object: bits 6..8 of a map header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum MapTag {
    /// `[header, size, keys tuple, value...]`, at most 32 keys in term order.
    Flat = 0,
    /// Inner node: `[header, child...]`, one child a bit of the bitmap.
    Node = 1,
    /// Root with all 16 children: `[header, size, child * 16]`.
    HeadArray = 2,
    /// Root with a bitmap: `[header, size, child...]`.
    HeadBitmap = 3,
}

/// The header word of a map object. `arity` and `bitmap` are as the kind asks.
pub const fn map_header(tag: MapTag, arity: u8, bitmap: u16) -> u64 {
    (bitmap as u64) << 16 | (arity as u64) << 8 | (tag as u64) << 6 | (Subtag::Map as u64) << 2
}

pub const fn map_tag(header: u64) -> MapTag {
    match header >> 6 & 3 {
        0 => MapTag::Flat,
        1 => MapTag::Node,
        2 => MapTag::HeadArray,
        _ => MapTag::HeadBitmap,
    }
}

pub const fn map_bitmap(header: u64) -> u16 {
    (header >> 16) as u16
}

pub const FLATMAP_HEADER: u64 = map_header(MapTag::Flat, 1, 0);
pub const HAMT_HEAD_ARRAY_HEADER: u64 = map_header(MapTag::HeadArray, 0x10, 0xFFFF);

/// The header of an inner HAMT node with the children of `bitmap`.
pub const fn hamt_node_header(bitmap: u16) -> u64 {
    map_header(MapTag::Node, bitmap.count_ones() as u8, bitmap)
}

/// The header of a HAMT root with the children of `bitmap`.
pub const fn hamt_head_bitmap_header(bitmap: u16) -> u64 {
    map_header(MapTag::HeadBitmap, bitmap.count_ones() as u8, bitmap)
}

/// Words after the header of a map object. `size` is the word after the header (read for flat
/// maps only).
pub const fn map_words(header: u64, size: u64) -> usize {
    match map_tag(header) {
        MapTag::Flat => 2 + size as usize,
        MapTag::Node => map_bitmap(header).count_ones() as usize,
        MapTag::HeadArray => 1 + 16,
        MapTag::HeadBitmap => 1 + map_bitmap(header).count_ones() as usize,
    }
}
