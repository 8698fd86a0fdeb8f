//! Making terms on a heap. Every function takes branded parts of the same heap and gives a
//! branded term; none moves or collects anything (rule 2).

use crate::heap::{Heap, out_of_memory};
use oxbeam_term::layout::*;
use oxbeam_term::tag::{self, Subtag};
use oxbeam_term::view::Kind;
use oxbeam_term::{Atom, Binary, Export, FunEntry, Node, RawTerm, Term};
use std::ptr::NonNull;

impl Heap {
    /// Brands a raw term of this heap.
    ///
    /// # Safety
    /// The term is alive in this heap, a literal or an immediate.
    pub unsafe fn brand(&self, raw: RawTerm) -> Term<'_> {
        // SAFETY: by contract; the borrow of the heap is the brand.
        unsafe { Term::from_raw(raw) }
    }

    /// Writes `words` to a fresh object and gives its address.
    fn object<const N: usize>(&self, words: [u64; N]) -> *mut u64 {
        let object = self.alloc(N);
        // SAFETY: `alloc` gave N fresh words.
        unsafe { object.cast::<[u64; N]>().write(words) };
        object
    }

    fn boxed(&self, object: *mut u64) -> Term<'_> {
        // SAFETY: the object was just built in this heap.
        unsafe { self.brand(RawTerm::boxed(object)) }
    }

    /// `[Head | Tail]`
    pub fn cons<'h>(&'h self, head: Term<'h>, tail: Term<'h>) -> Term<'h> {
        let cell = self.object([head.raw().0, tail.raw().0]);
        // SAFETY: just built.
        unsafe { self.brand(RawTerm::list(cell)) }
    }

    pub fn tuple<'h>(&'h self, elements: &[Term<'h>]) -> Term<'h> {
        let object = self.alloc(1 + elements.len());
        // SAFETY: `alloc` gave room for the header and the elements.
        unsafe {
            *object = tag::tuple_header(elements.len());
            std::ptr::copy_nonoverlapping(elements.as_ptr().cast(), object.add(1), elements.len());
        }
        self.boxed(object)
    }

    /// A copy of `elements` as a tuple, with `element` at position `at`, which is one of theirs.
    pub fn tuple_with<'h>(
        &'h self,
        elements: &[Term<'h>],
        at: usize,
        element: Term<'h>,
    ) -> Term<'h> {
        assert!(at < elements.len());
        let tuple = self.tuple(elements);
        // SAFETY: the tuple is fresh, and has as many elements.
        unsafe { *tuple.raw().ptr().add(1 + at) = element.raw().0 };
        tuple
    }

    /// A proper list of the elements.
    pub fn list<'h>(&'h self, elements: &[Term<'h>]) -> Term<'h> {
        self.list_onto(elements, Term::nil())
    }

    /// The elements in front of `tail`, their cells in one run.
    pub fn list_onto<'h>(&'h self, elements: &[Term<'h>], tail: Term<'h>) -> Term<'h> {
        if elements.is_empty() {
            return tail;
        }
        let first = self.alloc(2 * elements.len());
        for (n, element) in elements.iter().enumerate() {
            // SAFETY: `alloc` gave two words an element.
            unsafe {
                let cell = first.add(2 * n);
                *cell = element.raw().0;
                let last = n + 1 == elements.len();
                *cell.add(1) = if last { tail.raw().0 } else { RawTerm::list(cell.add(2)).0 };
            }
        }
        // SAFETY: just built.
        unsafe { self.brand(RawTerm::list(first)) }
    }

    /// The list of what `elements` gives, consed from the last to the first: pass a reversed
    /// iterator to keep the order.
    pub fn list_from_rev<'h>(&'h self, elements: impl IntoIterator<Item = Term<'h>>) -> Term<'h> {
        elements.into_iter().fold(Term::nil(), |tail, head| self.cons(head, tail))
    }

    /// The list of the bytes, as small integers.
    pub fn list_of_bytes(&self, bytes: &[u8]) -> Term<'_> {
        self.list_from_rev(bytes.iter().rev().map(|&b| small(i64::from(b))))
    }

    /// The list of the characters' code points.
    pub fn list_of_chars<'h>(&'h self, text: &str) -> Term<'h> {
        self.list_from_rev(text.chars().rev().map(|c| small(i64::from(u32::from(c)))))
    }

    pub fn int(&self, value: i64) -> Term<'_> {
        Term::small(value).unwrap_or_else(|| self.big(value < 0, &[value.unsigned_abs()]))
    }
    pub fn uint(&self, value: u64) -> Term<'_> {
        i64::try_from(value).map_or_else(|_| self.big(false, &[value]), |n| self.int(n))
    }
    pub fn usize(&self, value: usize) -> Term<'_> {
        self.uint(value as u64)
    }
    pub fn int128(&self, value: i128) -> Term<'_> {
        let magnitude = value.unsigned_abs();
        self.integer(value < 0, &[magnitude as u64, (magnitude >> 64) as u64])
    }

    /// An integer of sign and magnitude (least digit first; leading zero digits are welcome).
    pub fn integer(&self, negative: bool, digits: &[u64]) -> Term<'_> {
        let len = digits.iter().rposition(|&d| d != 0).map_or(0, |last| last + 1);
        let digits = &digits[..len];
        let small_value = match (digits, negative) {
            ([], _) => Some(0),
            (&[digit], false) => i64::try_from(digit).ok(),
            (&[digit], true) => 0i64.checked_sub_unsigned(digit),
            _ => None,
        };
        small_value.and_then(Term::small).unwrap_or_else(|| self.big(negative, digits))
    }

    fn big(&self, negative: bool, digits: &[u64]) -> Term<'_> {
        let subtag = if negative { Subtag::NegBig } else { Subtag::PosBig };
        let object = self.alloc(1 + digits.len());
        // SAFETY: `alloc` gave room for the header and the digits.
        unsafe {
            *object = tag::header(subtag, digits.len());
            std::ptr::copy_nonoverlapping(digits.as_ptr(), object.add(1), digits.len());
        }
        self.boxed(object)
    }

    pub fn float(&self, value: f64) -> Term<'_> {
        let object = self.object([FLOAT_HEADER, value.to_bits()]);
        self.boxed(object)
    }

    /// A binary with a copy of `bytes`: on the heap up to 64 bytes, else off-heap.
    pub fn binary(&self, bytes: &[u8]) -> Term<'_> {
        self.binary_with(bytes.len(), |target| target.copy_from_slice(bytes))
    }

    /// A binary of `size_bytes` that `fill` writes (the bytes are zero before).
    pub fn binary_with(&self, size_bytes: usize, fill: impl FnOnce(&mut [u8])) -> Term<'_> {
        if size_bytes > HEAP_BIN_MAX_BYTES {
            let block = Binary::alloc_zeroed(size_bytes);
            let block = block.unwrap_or_else(|| out_of_memory(size_bytes / 8));
            // SAFETY: fresh block of that size, ours alone.
            unsafe {
                fill(std::slice::from_raw_parts_mut(Binary::data(block), size_bytes));
                return self.refc_binary(block, size_bytes);
            }
        }
        let words = heap_bin_words(size_bytes);
        let object = self.alloc(words);
        // SAFETY: `alloc` gave room for header, size and the padded bytes.
        unsafe {
            std::ptr::write_bytes(object, 0, words);
            *object = tag::header(Subtag::HeapBin, words - 1);
            *object.add(HEAP_BIN_SIZE) = size_bytes as u64;
            let bytes = object.add(HEAP_BIN_BYTES).cast();
            fill(std::slice::from_raw_parts_mut(bytes, size_bytes));
        }
        self.boxed(object)
    }

    /// A binary term over the first `size_bytes` of a block.
    ///
    /// # Safety
    /// The caller gives one reference away; the bytes are initialised and not written again.
    pub unsafe fn refc_binary(&self, block: NonNull<Binary>, size_bytes: usize) -> Term<'_> {
        let bytes = Binary::data(block) as u64;
        let words = [REFC_BIN_HEADER, size_bytes as u64, 0, block.as_ptr() as u64, bytes, 0];
        let object = self.object(words);
        // SAFETY: the object is whole and in no list yet.
        unsafe { self.off_heap().link(object) };
        self.boxed(object)
    }

    /// The bits `bit_offset .. bit_offset + bit_size` of a bitstring, sharing its bytes. A whole
    /// original comes back as it is.
    pub fn sub_binary<'h>(
        &'h self,
        original: Term<'h>,
        bit_offset: usize,
        bit_size: usize,
    ) -> Term<'h> {
        let all = original.as_bits().expect("a sub-binary is of a bitstring");
        assert!(bit_offset + bit_size <= all.bit_size(), "sub-binary beyond the original");
        if bit_offset == 0 && bit_size == all.bit_size() {
            return original;
        }
        let (base, skipped) = real_binary(original);
        let start = skipped + bit_offset;
        let bits = (bit_size % 8) as u64 | ((start % 8) as u64) << 8;
        let words = [SUB_BIN_HEADER, (bit_size / 8) as u64, (start / 8) as u64, bits, base.raw().0];
        let object = self.object(words);
        self.boxed(object)
    }

    /// A bitstring of `bit_size` bits held, left-aligned, in `bytes`.
    pub fn bitstring(&self, bytes: &[u8], bit_size: usize) -> Term<'_> {
        let whole = self.binary(&bytes[..bit_size.div_ceil(8)]);
        self.sub_binary(whole, 0, bit_size)
    }

    /// A reference with the given numbers, lowest first.
    pub fn plain_ref(&self, numbers: [u32; 3]) -> Term<'_> {
        let [w0, w1] = ref_words(numbers);
        let object = self.object([REF_PLAIN, w0, w1]);
        self.boxed(object)
    }
    /// A reference that is an alias of the local process `pid`.
    pub fn pid_ref(&self, numbers: [u32; 3], pid: RawTerm) -> Term<'_> {
        debug_assert!(pid.is_local_pid());
        let [w0, w1] = ref_words(numbers);
        let object = self.object([REF_PID, w0, w1, pid.0]);
        self.boxed(object)
    }
    /// A reference that holds a magic binary.
    ///
    /// # Safety
    /// The block is magic; the caller gives one reference to it away.
    pub unsafe fn magic_ref(&self, numbers: [u32; 3], block: NonNull<Binary>) -> Term<'_> {
        let [w0, w1] = ref_words(numbers);
        let object = self.object([REF_MAGIC, block.as_ptr() as u64, 0, w0, w1]);
        // SAFETY: the object is whole and in no list yet.
        unsafe { self.off_heap().link(object) };
        self.boxed(object)
    }

    /// `fun Module:Function/Arity`
    pub fn export_fun(&self, export: &'static Export) -> Term<'_> {
        let object = self.object([EXPORT_HEADER, std::ptr::from_ref(export) as u64]);
        self.boxed(object)
    }

    /// A local fun with its free variables; takes a reference of its own to the entry.
    pub fn fun<'h>(
        &'h self,
        entry: &FunEntry,
        arity: u8,
        creator: Term<'h>,
        env: &[Term<'h>],
    ) -> Term<'h> {
        let object = self.alloc(FUN_ENV + env.len());
        // SAFETY: `alloc` gave room for the object; then it is whole and in no list.
        unsafe {
            *object = tag::header(Subtag::Fun, FUN_ENV - 1 + env.len());
            *object.add(FUN_ENTRY) = std::ptr::from_ref(entry) as u64;
            *object.add(FUN_ARITY) = u64::from(arity) | (env.len() as u64) << 32;
            *object.add(FUN_CREATOR) = creator.raw().0;
            std::ptr::copy_nonoverlapping(env.as_ptr().cast(), object.add(FUN_ENV), env.len());
            entry.retain();
            self.off_heap().link(object);
        }
        self.boxed(object)
    }

    /// A pid of another node. `data` is `number | serial << 32`.
    pub fn external_pid(&self, node: &'static Node, data: u64) -> Term<'_> {
        self.external(Subtag::ExtPid, node, &[data])
    }
    /// A port of another node.
    pub fn external_port(&self, node: &'static Node, data: u64) -> Term<'_> {
        self.external(Subtag::ExtPort, node, &[data])
    }
    /// A reference of another node, lowest number first.
    pub fn external_ref(&self, node: &'static Node, numbers: &[u32]) -> Term<'_> {
        let mut words = vec![numbers.len() as u64];
        words.extend(
            numbers.chunks(2).map(|pair| {
                u64::from(pair[0]) | pair.get(1).map_or(0, |&high| u64::from(high) << 32)
            }),
        );
        self.external(Subtag::ExtRef, node, &words)
    }

    fn external(&self, subtag: Subtag, node: &'static Node, data: &[u64]) -> Term<'_> {
        let object = self.alloc(EXT_DATA + data.len());
        // SAFETY: `alloc` gave room; the object is whole before it is linked.
        unsafe {
            *object = tag::header(subtag, EXT_DATA - 1 + data.len());
            *object.add(EXT_NODE) = std::ptr::from_ref(node) as u64;
            std::ptr::copy_nonoverlapping(data.as_ptr(), object.add(EXT_DATA), data.len());
            node.retain();
            self.off_heap().link(object);
        }
        self.boxed(object)
    }

    /// `{Tag, ...}` of an atom and further elements.
    pub fn tagged<'h, const N: usize>(&'h self, tag: Atom, rest: [Term<'h>; N]) -> Term<'h> {
        let object = self.alloc(2 + N);
        // SAFETY: `alloc` gave room for the header, the atom and N elements.
        unsafe {
            *object = tag::tuple_header(1 + N);
            *object.add(1) = RawTerm::atom(tag).0;
            std::ptr::copy_nonoverlapping(rest.as_ptr().cast(), object.add(2), N);
        }
        self.boxed(object)
    }
}

fn small(value: i64) -> Term<'static> {
    Term::small(value).expect("a byte or a character is small")
}

fn ref_words(numbers: [u32; 3]) -> [u64; 2] {
    [u64::from(numbers[0]) | u64::from(numbers[1]) << 32, u64::from(numbers[2])]
}

/// The heap or refc binary beneath a bitstring, and how many of its bits come before it.
pub fn real_binary(term: Term<'_>) -> (Term<'_>, usize) {
    let raw = term.raw();
    debug_assert!(matches!(term.kind(), Kind::Bits(_)));
    // SAFETY: a branded bitstring is alive; the words are the sub-binary's own.
    unsafe {
        if Subtag::of(raw.header()) != Subtag::SubBin {
            return (term, 0);
        }
        let object = raw.ptr();
        let skipped = *object.add(SUB_OFFSET) * 8 + (*object.add(SUB_BITS) >> 8 & 0xFF);
        (Term::from_raw(RawTerm(*object.add(SUB_ORIG))), skipped as usize)
    }
}
