//! Branded terms and what can be seen through them, without `unsafe` at the place of use.
//!
//! 1. `'h` is a shared borrow of the heap in which a [`Term`] lives, so the term stays good for
//!    all of `'h`: a collection takes the heap by `&mut`. Literals and off-heap blocks live at
//!    least as long, because the heap refers to them.
//! 2. Words of an object are written once, before the term that names it is given out; the two
//!    exceptions (a match state's offset, the owner's append to a writable binary) never change
//!    what a view has already shown.
//! 3. Only [`Term::from_raw`] makes a branded term; its caller vouches for rule 1.

use crate::atom::Atom;
use crate::binary::Binary;
use crate::export::Export;
use crate::fun_entry::FunEntry;
use crate::layout::*;
use crate::node::Node;
use crate::raw::RawTerm;
use crate::tag::{self, MapTag, Subtag};
use std::any::Any;
use std::marker::PhantomData;
use std::ptr::NonNull;

/// A term of the heap that is borrowed for `'h`.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Term<'h> {
    raw: RawTerm,
    brand: PhantomData<&'h ()>,
}

/// A term taken apart one level.
#[derive(Clone, Copy)]
pub enum Kind<'h> {
    Small(i64),
    Atom(Atom),
    Nil,
    Cons(Cons<'h>),
    Tuple(Tuple<'h>),
    Big(Big<'h>),
    Float(f64),
    Bits(Bits<'h>),
    Map(Map<'h>),
    Fun(Fun<'h>),
    Export(&'static Export),
    Pid(u64),
    Port(u64),
    Ref(Ref<'h>),
    ExtPid(External<'h>),
    ExtPort(External<'h>),
    ExtRef(External<'h>),
    /// A match state or a raw stack trace: never seen by a program.
    Internal,
}

macro_rules! object {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name<'h> {
            ptr: *const u64,
            brand: PhantomData<&'h ()>,
        }
        impl<'h> $name<'h> {
            #[allow(dead_code, reason = "not every kind is viewed by whole words")]
            fn word(self, index: usize) -> u64 {
                // SAFETY: rule 1; callers stay inside the object.
                unsafe { *self.ptr.add(index) }
            }
            #[allow(dead_code, reason = "not every kind is viewed by whole words")]
            fn term(self, index: usize) -> Term<'h> {
                // SAFETY: rule 1.
                unsafe { Term::from_raw(RawTerm(self.word(index))) }
            }
            /// Address of the object's first word.
            pub fn ptr(self) -> *const u64 {
                self.ptr
            }
        }
    )*};
}

object! {
    /// A cons cell.
    Cons,
    /// A tuple.
    Tuple,
    /// An integer that is no small.
    Big,
    /// A map, flat or hashed.
    Map,
    /// A local fun.
    Fun,
    /// A reference of this node.
    Ref,
    /// A pid, port or reference of another node.
    External,
}

impl<'h> Term<'h> {
    pub const NIL: Term<'static> = Term { raw: RawTerm::NIL, brand: PhantomData };

    /// Brands a word.
    ///
    /// # Safety
    /// Rule 1: the term is good for all of `'h`.
    pub const unsafe fn from_raw(raw: RawTerm) -> Term<'h> {
        Term { raw, brand: PhantomData }
    }
    /// Brands an immediate, which lives in no heap.
    pub fn immediate(raw: RawTerm) -> Term<'h> {
        assert!(raw.is_immediate(), "not an immediate");
        Term { raw, brand: PhantomData }
    }
    pub const fn raw(self) -> RawTerm {
        self.raw
    }
    pub const fn atom(atom: Atom) -> Term<'h> {
        Term { raw: RawTerm::atom(atom), brand: PhantomData }
    }
    pub const fn bool(value: bool) -> Term<'h> {
        Term { raw: RawTerm::bool(value), brand: PhantomData }
    }
    pub const fn nil() -> Term<'h> {
        Term { raw: RawTerm::NIL, brand: PhantomData }
    }
    /// A small; `None` when out of range.
    pub const fn small(value: i64) -> Option<Term<'h>> {
        if RawTerm::fits_small(value) {
            Some(Term { raw: RawTerm::small(value), brand: PhantomData })
        } else {
            None
        }
    }
    pub const fn pid(data: u64) -> Term<'h> {
        Term { raw: RawTerm::pid(data), brand: PhantomData }
    }
    pub const fn port(data: u64) -> Term<'h> {
        Term { raw: RawTerm::port(data), brand: PhantomData }
    }

    pub fn is(self, atom: Atom) -> bool {
        self.raw == RawTerm::atom(atom)
    }
    pub const fn is_nil(self) -> bool {
        self.raw.is_nil()
    }
    pub const fn is_atom(self) -> bool {
        self.raw.is_atom()
    }
    pub const fn is_small(self) -> bool {
        self.raw.is_small()
    }
    pub const fn is_cons(self) -> bool {
        self.raw.is_list()
    }
    pub const fn is_list(self) -> bool {
        self.raw.is_list() || self.raw.is_nil()
    }
    pub fn is_integer(self) -> bool {
        matches!(self.kind(), Kind::Small(_) | Kind::Big(_))
    }
    pub fn is_map(self) -> bool {
        self.subtag() == Some(Subtag::Map)
    }
    pub fn is_pid(self) -> bool {
        self.raw.is_local_pid() || self.subtag() == Some(Subtag::ExtPid)
    }
    pub fn is_port(self) -> bool {
        self.raw.is_local_port() || self.subtag() == Some(Subtag::ExtPort)
    }
    pub fn is_reference(self) -> bool {
        matches!(self.subtag(), Some(Subtag::Ref | Subtag::ExtRef))
    }
    pub fn is_fun(self) -> bool {
        matches!(self.subtag(), Some(Subtag::Fun | Subtag::Export))
    }
    pub fn is_bitstring(self) -> bool {
        matches!(self.subtag(), Some(Subtag::RefcBin | Subtag::HeapBin | Subtag::SubBin))
    }
    /// Whether the term is a bitstring of whole bytes.
    pub fn is_binary(self) -> bool {
        self.as_bits().is_some_and(|bits| bits.bit_size() % 8 == 0)
    }

    /// The subtag, if the term is boxed.
    pub fn subtag(self) -> Option<Subtag> {
        // SAFETY: rule 1.
        self.raw.is_boxed().then(|| unsafe { Subtag::of(self.raw.header()) })
    }

    pub const fn as_small(self) -> Option<i64> {
        self.raw.as_small()
    }
    pub const fn as_atom(self) -> Option<Atom> {
        self.raw.as_atom()
    }
    /// `true` or `false` as such.
    pub fn as_bool(self) -> Option<bool> {
        match self.as_atom() {
            Some(crate::am::true_) => Some(true),
            Some(crate::am::false_) => Some(false),
            _ => None,
        }
    }
    /// A small that is not negative.
    pub fn as_usize(self) -> Option<usize> {
        self.as_small().and_then(|n| usize::try_from(n).ok())
    }
    /// An integer, small or big, that fits.
    pub fn as_i64(self) -> Option<i64> {
        match self.kind() {
            Kind::Small(n) => Some(n),
            Kind::Big(big) => big.to_i64(),
            _ => None,
        }
    }
    /// An integer, small or big, that fits.
    pub fn as_u64(self) -> Option<u64> {
        match self.kind() {
            Kind::Small(n) => u64::try_from(n).ok(),
            Kind::Big(big) if !big.is_negative() && big.digits().len() == 1 => {
                Some(big.digits()[0])
            }
            _ => None,
        }
    }
    pub fn as_float(self) -> Option<f64> {
        // SAFETY: rule 1.
        (self.subtag()? == Subtag::Float).then(|| f64::from_bits(unsafe { *self.raw.ptr().add(1) }))
    }
    pub fn as_cons(self) -> Option<Cons<'h>> {
        self.is_cons().then(|| Cons { ptr: self.raw.ptr(), brand: PhantomData })
    }
    pub fn as_tuple(self) -> Option<Tuple<'h>> {
        (self.subtag()? == Subtag::Tuple).then(|| Tuple { ptr: self.raw.ptr(), brand: PhantomData })
    }
    /// The elements of a tuple of exactly `N`.
    pub fn as_tuple_n<const N: usize>(self) -> Option<[Term<'h>; N]> {
        self.as_tuple()?.elements().try_into().ok()
    }
    pub fn as_map(self) -> Option<Map<'h>> {
        self.is_map().then(|| Map { ptr: self.raw.ptr(), brand: PhantomData })
    }
    pub fn as_bits(self) -> Option<Bits<'h>> {
        let bits = matches!(self.subtag()?, Subtag::RefcBin | Subtag::HeapBin | Subtag::SubBin);
        // SAFETY: rule 1.
        bits.then(|| unsafe { Bits::of(self.raw) })
    }
    /// Of a binary that lies off the heap, or a part of one: the bytes in use of the block (all, but
    /// for one that is appended to), the bytes of the block, and the flags of its object.
    pub fn block_sizes(self) -> Option<(usize, usize, u64)> {
        self.as_bits()?;
        let mut ptr = self.raw.ptr();
        // SAFETY: rule 1: the term is a binary, whose words are its own.
        unsafe {
            let mut end = None;
            if Subtag::of(*ptr) == Subtag::SubBin {
                let bits = *ptr.add(SUB_BITS);
                let bits = (8 * *ptr.add(SUB_SIZE) + (bits & 0xFF) + (bits >> 8 & 0xFF)) as usize;
                end = Some(*ptr.add(SUB_OFFSET) as usize + bits.div_ceil(8));
                ptr = RawTerm(*ptr.add(SUB_ORIG)).ptr();
            }
            if Subtag::of(*ptr) != Subtag::RefcBin {
                return None;
            }
            let (flags, size) = (*ptr.add(REFC_FLAGS), *ptr.add(REFC_SIZE) as usize);
            let block = &*(*ptr.add(REFC_BLOCK) as *const crate::Binary);
            let used = end.filter(|_| flags & REFC_FLAG_WRITABLE != 0).unwrap_or(size);
            Some((used, block.size(), flags))
        }
    }
    /// The bytes of a binary that starts on a byte boundary; see [`Bits::to_bytes`] for others.
    pub fn as_bytes(self) -> Option<&'h [u8]> {
        self.as_bits()?.as_bytes()
    }
    pub fn as_fun(self) -> Option<Fun<'h>> {
        (self.subtag()? == Subtag::Fun).then(|| Fun { ptr: self.raw.ptr(), brand: PhantomData })
    }
    pub fn as_export(self) -> Option<&'static Export> {
        // SAFETY: rule 1; exports are never freed.
        (self.subtag()? == Subtag::Export)
            .then(|| unsafe { &*(*self.raw.ptr().add(1) as *const Export) })
    }
    pub fn as_ref(self) -> Option<Ref<'h>> {
        (self.subtag()? == Subtag::Ref).then(|| Ref { ptr: self.raw.ptr(), brand: PhantomData })
    }
    /// The value behind a magic reference, if it is of that type.
    pub fn as_magic<T: Any + Send + Sync>(self) -> Option<&'h T> {
        self.as_ref()?.magic()?.downcast_ref::<T>()
    }
    /// Process-table data of a local pid.
    pub fn as_local_pid(self) -> Option<u64> {
        self.raw.is_local_pid().then(|| self.raw.local_data())
    }
    /// Port-table data of a local port.
    pub fn as_local_port(self) -> Option<u64> {
        self.raw.is_local_port().then(|| self.raw.local_data())
    }

    /// The elements of a list, then how it ends.
    pub fn list(self) -> List<'h> {
        List { rest: self }
    }
    /// The elements of a proper list.
    pub fn list_to_vec(self) -> Option<Vec<Term<'h>>> {
        let mut list = self.list();
        let elements: Vec<_> = list.by_ref().collect();
        list.rest().is_nil().then_some(elements)
    }

    /// Takes the term apart one level.
    pub fn kind(self) -> Kind<'h> {
        let raw = self.raw;
        match raw.0 & tag::PRIMARY_MASK {
            tag::LIST => Kind::Cons(Cons { ptr: raw.ptr(), brand: PhantomData }),
            tag::BOXED => self.boxed_kind(),
            _ if raw.is_small() => Kind::Small(raw.small_value()),
            _ if raw.is_nil() => Kind::Nil,
            _ if raw.is_local_pid() => Kind::Pid(raw.local_data()),
            _ if raw.is_local_port() => Kind::Port(raw.local_data()),
            _ => raw.as_atom().map_or(Kind::Internal, Kind::Atom),
        }
    }

    fn boxed_kind(self) -> Kind<'h> {
        let ptr: *const u64 = self.raw.ptr();
        let brand = PhantomData;
        // SAFETY: rule 1; word 1 exists in every object that reads it here.
        let (header, word1) = unsafe { (*ptr, ptr.add(1)) };
        match Subtag::of(header) {
            Subtag::Tuple => Kind::Tuple(Tuple { ptr, brand }),
            Subtag::PosBig | Subtag::NegBig => Kind::Big(Big { ptr, brand }),
            // SAFETY: rule 1.
            Subtag::Float => Kind::Float(f64::from_bits(unsafe { *word1 })),
            Subtag::RefcBin | Subtag::HeapBin | Subtag::SubBin => {
                // SAFETY: rule 1.
                Kind::Bits(unsafe { Bits::of(self.raw) })
            }
            Subtag::Map => Kind::Map(Map { ptr, brand }),
            Subtag::Fun => Kind::Fun(Fun { ptr, brand }),
            // SAFETY: exports are never freed.
            Subtag::Export => Kind::Export(unsafe { &*(*word1 as *const Export) }),
            Subtag::Ref => Kind::Ref(Ref { ptr, brand }),
            Subtag::ExtPid => Kind::ExtPid(External { ptr, brand }),
            Subtag::ExtPort => Kind::ExtPort(External { ptr, brand }),
            Subtag::ExtRef => Kind::ExtRef(External { ptr, brand }),
            Subtag::MatchState | Subtag::RawTrace => Kind::Internal,
        }
    }
}

/// Iterator over a list's elements; stops at the first tail that is no cons cell.
#[derive(Clone)]
pub struct List<'h> {
    rest: Term<'h>,
}

impl<'h> List<'h> {
    /// What is left: nil after all of a proper list.
    pub fn rest(&self) -> Term<'h> {
        self.rest
    }
}

impl<'h> Iterator for List<'h> {
    type Item = Term<'h>;
    fn next(&mut self) -> Option<Term<'h>> {
        let cons = self.rest.as_cons()?;
        self.rest = cons.tail();
        Some(cons.head())
    }
}

impl<'h> Cons<'h> {
    /// The list that begins with this cell.
    pub fn as_list(self) -> Term<'h> {
        // SAFETY: rules 1 and 2: the cell is alive for the brand.
        unsafe { Term::from_raw(RawTerm::list(self.ptr)) }
    }
    pub fn head(self) -> Term<'h> {
        self.term(0)
    }
    pub fn tail(self) -> Term<'h> {
        self.term(1)
    }
    /// Head and tail.
    pub fn both(self) -> &'h [Term<'h>] {
        // SAFETY: rules 1 and 2; a cell is two words.
        unsafe { std::slice::from_raw_parts(self.ptr.cast(), 2) }
    }
}

impl<'h> Tuple<'h> {
    pub fn arity(self) -> usize {
        tag::header_arity(self.word(0))
    }
    /// The elements, first at index 0.
    pub fn elements(self) -> &'h [Term<'h>] {
        // SAFETY: rules 1 and 2; `Term` is a transparent word.
        unsafe { std::slice::from_raw_parts(self.ptr.add(1).cast(), self.arity()) }
    }
}

impl<'h> Big<'h> {
    pub fn is_negative(self) -> bool {
        Subtag::of(self.word(0)) == Subtag::NegBig
    }
    /// Magnitude, least significant digit first, no leading zero digit.
    pub fn digits(self) -> &'h [u64] {
        // SAFETY: rules 1 and 2.
        unsafe { std::slice::from_raw_parts(self.ptr.add(1), tag::header_arity(self.word(0))) }
    }
    pub fn to_i64(self) -> Option<i64> {
        match (self.digits(), self.is_negative()) {
            (&[digit], false) => i64::try_from(digit).ok(),
            (&[digit], true) if digit <= 1 << 63 => Some((digit as i64).wrapping_neg()),
            _ => None,
        }
    }
}

impl<'h> Fun<'h> {
    pub fn entry(self) -> &'h FunEntry {
        // SAFETY: the fun term holds a reference to its entry.
        unsafe { &*(self.word(FUN_ENTRY) as *const FunEntry) }
    }
    pub fn arity(self) -> usize {
        (self.word(FUN_ARITY) & 0xFF) as usize
    }
    pub fn free_count(self) -> usize {
        (self.word(FUN_ARITY) >> 32) as usize
    }
    pub fn creator(self) -> Term<'h> {
        self.term(FUN_CREATOR)
    }
    /// The free variables.
    pub fn env(self) -> &'h [Term<'h>] {
        // SAFETY: rules 1 and 2.
        unsafe { std::slice::from_raw_parts(self.ptr.add(FUN_ENV).cast(), self.free_count()) }
    }
}

impl<'h> Ref<'h> {
    /// The three numbers, lowest first (18, 32 and 32 bits).
    pub fn numbers(self) -> [u32; 3] {
        let at = ref_numbers_at(self.word(0));
        let low = self.word(at);
        [low as u32, (low >> 32) as u32, self.word(at + 1) as u32]
    }
    /// The pid of an alias.
    pub fn alias_pid(self) -> Option<Term<'h>> {
        (self.word(0) == REF_PID).then(|| self.term(3))
    }
    pub fn is_magic(self) -> bool {
        self.word(0) == REF_MAGIC
    }
    /// The value behind a magic reference.
    pub fn magic(self) -> Option<&'h (dyn Any + Send + Sync)> {
        if !self.is_magic() {
            return None;
        }
        // SAFETY: the object holds a reference to its block.
        unsafe { &*(self.word(REF_MAGIC_BLOCK) as *const Binary) }.magic()
    }
    /// Where the block behind a magic reference lies, and how many references to it there are.
    pub fn magic_references(self) -> Option<(usize, usize)> {
        let block = self.magic_block()?;
        // SAFETY: the reference keeps its block.
        let count = unsafe { block.as_ref() }.refc();
        Some((block.as_ptr() as usize, usize::try_from(count).unwrap_or(0)))
    }
    /// The block behind a magic reference; retain it to keep it.
    pub fn magic_block(self) -> Option<NonNull<Binary>> {
        self.is_magic().then(|| NonNull::new(self.word(REF_MAGIC_BLOCK) as *mut Binary))?
    }
}

impl<'h> External<'h> {
    pub fn node(self) -> &'static Node {
        // SAFETY: nodes are never freed.
        unsafe { &*(self.word(EXT_NODE) as *const Node) }
    }
    /// Whether it was of this node before it got the creation it has: it can be there no more.
    pub fn is_of_former_self(self) -> bool {
        self.node().name == Node::this().name
    }
    /// Number and serial of a pid; number of a port.
    pub fn data(self) -> u64 {
        self.word(EXT_DATA)
    }
    /// Numbers of a reference, lowest first.
    pub fn ref_numbers(self) -> Vec<u32> {
        let count = self.word(EXT_DATA) as usize;
        (0..count).map(|n| (self.word(EXT_DATA + 1 + n / 2) >> (32 * (n % 2))) as u32).collect()
    }
}

impl<'h> Map<'h> {
    pub fn header(self) -> u64 {
        self.word(0)
    }
    pub fn is_flat(self) -> bool {
        tag::map_tag(self.header()) == MapTag::Flat
    }
    /// Whether this is no whole map but a node of a hashed one.
    pub fn is_inner_node(self) -> bool {
        tag::map_tag(self.header()) == MapTag::Node
    }
    /// Number of keys (only of a whole map, not of an inner node).
    pub fn size(self) -> usize {
        debug_assert!(tag::map_tag(self.header()) != MapTag::Node);
        self.word(1) as usize
    }
    /// Keys of a flat map, in term order.
    pub fn flat_keys(self) -> &'h [Term<'h>] {
        debug_assert!(self.is_flat());
        self.term(2).as_tuple().expect("keys of a flat map are a tuple").elements()
    }
    /// The tuple of the keys of a flat map, to share it.
    pub fn flat_keys_tuple(self) -> Term<'h> {
        debug_assert!(self.is_flat());
        self.term(2)
    }
    /// Values of a flat map, in the order of the keys.
    pub fn flat_values(self) -> &'h [Term<'h>] {
        debug_assert!(self.is_flat());
        // SAFETY: rules 1 and 2.
        unsafe { std::slice::from_raw_parts(self.ptr.add(3).cast(), self.size()) }
    }
    /// Children of a hashed map's root or inner node (an inner node arrives as a [`Map`] too,
    /// and a leaf as a cons cell `[Key|Value]`).
    pub fn children(self) -> &'h [Term<'h>] {
        let header = self.header();
        let (at, count) = match tag::map_tag(header) {
            MapTag::Flat => (1, 0),
            MapTag::Node => (1, tag::map_bitmap(header).count_ones() as usize),
            MapTag::HeadArray => (2, 16),
            MapTag::HeadBitmap => (2, tag::map_bitmap(header).count_ones() as usize),
        };
        // SAFETY: rules 1 and 2.
        unsafe { std::slice::from_raw_parts(self.ptr.add(at).cast(), count) }
    }
}

/// A run of bits: what any binary or bitstring term shows.
#[derive(Clone, Copy)]
pub struct Bits<'h> {
    base: *const u8,
    bit_offset: usize,
    bit_size: usize,
    brand: PhantomData<&'h [u8]>,
}

impl<'h> Bits<'h> {
    /// The bits of a bitstring term.
    ///
    /// # Safety
    /// The term is a refc, heap or sub binary, good for `'h`.
    pub unsafe fn of(raw: RawTerm) -> Bits<'h> {
        let ptr = raw.ptr();
        // SAFETY: the caller says the object is live; the words read are its own.
        unsafe {
            match Subtag::of(*ptr) {
                Subtag::HeapBin => {
                    Bits::whole(ptr.add(HEAP_BIN_BYTES).cast(), *ptr.add(HEAP_BIN_SIZE) as usize)
                }
                Subtag::RefcBin => {
                    Bits::whole(*ptr.add(REFC_BYTES) as *const u8, *ptr.add(REFC_SIZE) as usize)
                }
                _ => {
                    let bits = *ptr.add(SUB_BITS);
                    let orig: Bits<'h> = Bits::of(RawTerm(*ptr.add(SUB_ORIG)));
                    let offset = *ptr.add(SUB_OFFSET) as usize * 8 + (bits >> 8 & 0xFF) as usize;
                    let size = *ptr.add(SUB_SIZE) as usize * 8 + (bits & 0xFF) as usize;
                    Bits { bit_offset: offset, bit_size: size, ..orig }
                }
            }
        }
    }

    fn whole(base: *const u8, size_bytes: usize) -> Bits<'h> {
        Bits { base, bit_offset: 0, bit_size: size_bytes * 8, brand: PhantomData }
    }

    /// The bits `bit_offset .. bit_offset + bit_size` of `bytes`.
    pub fn new(bytes: &'h [u8], bit_offset: usize, bit_size: usize) -> Bits<'h> {
        assert!(bit_offset + bit_size <= bytes.len() * 8, "bits beyond the bytes");
        Bits { base: bytes.as_ptr(), bit_offset, bit_size, brand: PhantomData }
    }

    pub fn bit_size(self) -> usize {
        self.bit_size
    }
    /// Whole bytes.
    pub fn byte_size(self) -> usize {
        self.bit_size / 8
    }
    /// Bit offset of the first bit within [`Bits::spanned_bytes`], 0..8.
    pub fn bit_offset(self) -> usize {
        self.bit_offset % 8
    }
    /// All bytes that hold at least one of the bits.
    pub fn spanned_bytes(self) -> &'h [u8] {
        let first = self.bit_offset / 8;
        let last = (self.bit_offset + self.bit_size).div_ceil(8).max(first);
        // SAFETY: rule 1 of the module for terms; `new` checked the range for slices.
        unsafe { std::slice::from_raw_parts(self.base.add(first), last - first) }
    }
    /// The bytes, when they start on a byte boundary and are whole.
    pub fn as_bytes(self) -> Option<&'h [u8]> {
        (self.bit_offset % 8 == 0 && self.bit_size % 8 == 0).then(|| self.spanned_bytes())
    }
    /// Bit `index`.
    pub fn bit(self, index: usize) -> bool {
        let at = self.bit_offset() + index;
        self.spanned_bytes()[at / 8] >> (7 - at % 8) & 1 != 0
    }
    /// Whole byte `index`, wherever its bits lie.
    pub fn byte(self, index: usize) -> u8 {
        let bytes = self.spanned_bytes();
        match self.bit_offset() {
            0 => bytes[index],
            shift => {
                let low = bytes.get(index + 1).copied().unwrap_or(0);
                bytes[index] << shift | low >> (8 - shift)
            }
        }
    }
    /// The whole bytes, shifted to a boundary if need be; trailing bits are left out.
    pub fn to_bytes(self) -> std::borrow::Cow<'h, [u8]> {
        let whole = Bits { bit_size: self.bit_size & !7, ..self };
        match whole.as_bytes() {
            Some(bytes) => bytes.into(),
            None => (0..self.byte_size()).map(|n| self.byte(n)).collect(),
        }
    }
    /// The trailing bits after the whole bytes: (count 0..8, value in the low bits).
    pub fn trailing(self) -> (usize, u8) {
        let count = self.bit_size % 8;
        let first = self.bit_size - count;
        (count, (0..count).fold(0, |value, n| value << 1 | u8::from(self.bit(first + n))))
    }
    /// The bits `from .. from + size` of these.
    pub fn slice(self, from: usize, size: usize) -> Bits<'h> {
        assert!(from + size <= self.bit_size, "bits beyond the end");
        Bits { bit_offset: self.bit_offset + from, bit_size: size, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::am;

    #[test]
    fn immediates_are_what_they_say() {
        assert!(matches!(Term::small(-5).unwrap().kind(), Kind::Small(-5)));
        assert!(Term::small(tag::SMALL_MAX + 1).is_none());
        assert!(matches!(Term::atom(am::ok).kind(), Kind::Atom(am::ok)));
        assert!(matches!(Term::nil().kind(), Kind::Nil));
        assert!(matches!(Term::pid(77).kind(), Kind::Pid(77)));
        assert!(matches!(Term::port(5).kind(), Kind::Port(5)));
    }

    #[test]
    fn bits_off_a_boundary() {
        let bits = Bits::new(&[0b1010_1100, 0b0101_0011, 0xFF], 3, 13);
        assert_eq!(bits.byte(0), 0b0110_0010);
        assert_eq!(bits.trailing(), (5, 0b10011));
        assert_eq!(&*bits.to_bytes(), &[0b0110_0010]);
        assert!(bits.as_bytes().is_none());
        assert_eq!(bits.slice(5, 8).as_bytes(), Some(&[0b0101_0011][..]));
    }
}
