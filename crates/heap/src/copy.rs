//! Copying terms between storages, without recursion and without keeping sharing (as OTP does).
//!
//! The copy works like a collector without forwarding: the root object is copied as it is, then
//! the words of the copy are scanned and each pointer in them is replaced by one to a further
//! copy, until the scan meets the end. A list's cells are copied in one run.

use crate::literal::{Purged, is_literal};
use crate::off_heap::{self, OffHeap};
use oxbeam_ethread::AtomicFlag;
use oxbeam_term::layout::*;
use oxbeam_term::tag::{self, Subtag, header};
use oxbeam_term::{RawTerm, Term};
use std::cell::Cell;

thread_local! {
    static SHARES_LITERALS: Cell<bool> = const { Cell::new(false) };
}

/// Says that the calling thread takes part in thread progress: only then may what it copies for
/// other processes share literals, for only then is it known to have copied, and handed over, all
/// before the next purge begins.
pub fn share_literals(share: bool) {
    SHARES_LITERALS.set(share);
}

oxbeam_ethread::shared! {
    static KEEPS_SHARING: AtomicFlag = AtomicFlag::new(false);
}

/// Says whether messages and the arguments of new processes keep what is shared in them (`+zshare`);
/// for boot. It is off by default, as in OTP: to look for sharing costs more than most messages.
pub fn keep_sharing(keep: bool) {
    KEEPS_SHARING.set(keep);
}

/// Whether what is copied for another process keeps its sharing.
pub fn keeps_sharing() -> bool {
    KEEPS_SHARING.read()
}

/// Which literals a copy shares. One policy serves for the sizing and the copying, whatever
/// another thread begins to purge meanwhile.
#[derive(Clone, Copy)]
pub struct Policy {
    all: bool,
    purged: Purged,
}

impl Policy {
    /// Literals are shared, but for those in the area that is being purged.
    pub fn sharing() -> Policy {
        Policy { all: !SHARES_LITERALS.get(), purged: Purged::now() }
    }
    /// Everything is copied: for storage that may keep no pointer to a literal.
    pub const fn everything() -> Policy {
        Policy { all: true, purged: Purged::NONE }
    }
    /// Whether a copy leaves this pointer as it is.
    pub(crate) fn stays(self, term: RawTerm) -> bool {
        !self.all && is_literal(term) && !self.purged.contains(term.ptr())
    }
}

/// Words of the object at `object`, header included.
///
/// # Safety
/// A whole object starts there.
pub unsafe fn object_words(object: *const u64) -> usize {
    // SAFETY: by contract; a heap binary and a flat map have a word 1.
    unsafe {
        let header = *object;
        match Subtag::of(header) {
            Subtag::Map => 1 + tag::map_words(header, *object.add(1)),
            _ => 1 + tag::header_arity(header),
        }
    }
}

/// Which words of an object are terms: from index `.0` to the end, or, for those with one term
/// among raw words, at `.0` alone.
pub enum TermWords {
    None,
    From(usize),
    Only(usize),
}

/// Adds what a cell or boxed object refers to; gives its words.
///
/// # Safety
/// The term is alive, and no immediate.
pub(crate) unsafe fn push_elements(term: RawTerm, pending: &mut Vec<RawTerm>) -> usize {
    // SAFETY: by contract: the object is whole.
    unsafe {
        if term.is_list() {
            pending.extend([term.tail(), term.head()]);
            return 2;
        }
        let object = term.ptr();
        let words = object_words(object);
        match term_words(*object) {
            TermWords::None => {}
            TermWords::Only(at) => pending.push(RawTerm(*object.add(at))),
            TermWords::From(at) => pending.extend((at..words).map(|n| RawTerm(*object.add(n)))),
        }
        words
    }
}

/// Where an object with that header holds terms.
pub const fn term_words(header: u64) -> TermWords {
    match Subtag::of(header) {
        Subtag::Tuple => TermWords::From(1),
        Subtag::Map => match tag::map_tag(header) {
            tag::MapTag::Node => TermWords::From(1),
            _ => TermWords::From(2),
        },
        Subtag::Fun => TermWords::From(FUN_CREATOR),
        Subtag::SubBin => TermWords::Only(SUB_ORIG),
        Subtag::MatchState => TermWords::Only(MATCH_ORIG),
        Subtag::Ref if header == REF_PID => TermWords::Only(3),
        _ => TermWords::None,
    }
}

/// Words that a copy of `term` needs.
///
/// # Safety
/// The term and all it refers to are alive.
pub unsafe fn flat_words(term: RawTerm, policy: Policy) -> usize {
    // SAFETY: by contract.
    unsafe { flat_words_within(term, policy, usize::MAX) }.unwrap_or(usize::MAX)
}

/// As [`flat_words`]; `None`: more than `most`.
///
/// # Safety
/// As for [`flat_words`].
pub unsafe fn flat_words_within(term: RawTerm, policy: Policy, most: usize) -> Option<usize> {
    let mut words = 0;
    let mut pending = vec![];
    let mut next = Some(term);
    while let Some(term) = next.take().or_else(|| pending.pop()) {
        if term.is_immediate() || policy.stays(term) {
            continue;
        }
        if words > most {
            return None;
        }
        // SAFETY: by contract.
        unsafe {
            if term.is_list() {
                words += 2;
                let head = term.head();
                if !head.is_immediate() {
                    pending.push(head);
                }
                next = Some(term.tail());
                continue;
            }
            let object = term.ptr();
            if let Some((_, size_bytes)) = bytes_of_part(object) {
                words += heap_bin_words(size_bytes);
                continue;
            }
            let size = object_words(object);
            words += size;
            match term_words(*object) {
                TermWords::None => {}
                TermWords::Only(at) => next = Some(RawTerm(*object.add(at))),
                TermWords::From(at) => pending.extend(
                    (at..size).map(|n| RawTerm(*object.add(n))).filter(|t| !t.is_immediate()),
                ),
            }
        }
    }
    (words <= most).then_some(words)
}

/// Words of a copy of the term that shares literals; `None`: more than `most`.
pub fn copy_words_within(term: Term<'_>, most: usize) -> Option<usize> {
    // SAFETY: a branded term is alive.
    unsafe { flat_words_within(term.raw(), Policy::sharing(), most) }
}

/// The bytes of a part of a heap binary: its copy is a heap binary of its own, as in OTP.
///
/// # Safety
/// A whole object starts there, and what it refers to is alive.
pub unsafe fn bytes_of_part(object: *const u64) -> Option<(*const u8, usize)> {
    // SAFETY: by contract.
    unsafe {
        if *object != SUB_BIN_HEADER || *object.add(SUB_BITS) & !SUB_WRITABLE != 0 {
            return None;
        }
        let original = RawTerm(*object.add(SUB_ORIG)).ptr();
        let first = original.add(HEAP_BIN_BYTES).cast::<u8>();
        (Subtag::of(*original) == Subtag::HeapBin).then(|| {
            (
                first.add(*object.add(SUB_OFFSET) as usize) as *const u8,
                *object.add(SUB_SIZE) as usize,
            )
        })
    }
}

/// Copies `term` to `*top`, which moves up by [`flat_words`]; what the copy holds outside the
/// heap is linked into `off_heap`.
///
/// # Safety
/// The term and all it refers to are alive, there is room at `*top`, and `off_heap` belongs to
/// the storage of `*top`.
pub unsafe fn copy_into(
    term: RawTerm,
    top: &mut *mut u64,
    off_heap: &OffHeap,
    policy: Policy,
) -> RawTerm {
    let mut scan = *top;
    // SAFETY: by contract, here and below; `scan` walks whole objects already copied.
    unsafe {
        let root = copy_one(term, top, off_heap, policy);
        while scan < *top {
            let word = *scan;
            if RawTerm(word).is_header() {
                let size = object_words(scan);
                match term_words(word) {
                    TermWords::None => {}
                    TermWords::Only(at) => {
                        copy_word(scan.add(at), top, off_heap, policy);
                        if Subtag::of(word) == Subtag::MatchState {
                            rebase_match_state(scan);
                        }
                    }
                    TermWords::From(at) => {
                        for n in at..size {
                            copy_word(scan.add(n), top, off_heap, policy);
                        }
                    }
                }
                scan = scan.add(size);
            } else {
                copy_word(scan, top, off_heap, policy);
                scan = scan.add(1);
            }
        }
        root
    }
}

unsafe fn copy_word(slot: *mut u64, top: &mut *mut u64, off_heap: &OffHeap, policy: Policy) {
    // SAFETY: `copy_into`'s contract.
    unsafe { *slot = copy_one(RawTerm(*slot), top, off_heap, policy).0 };
}

unsafe fn copy_one(
    term: RawTerm,
    top: &mut *mut u64,
    off_heap: &OffHeap,
    policy: Policy,
) -> RawTerm {
    if term.is_immediate() {
        return term;
    }
    if term.is_list() && term.0 & SPINE_MARK != 0 {
        return RawTerm(term.0 & !SPINE_MARK);
    }
    if policy.stays(term) {
        return term;
    }
    // SAFETY: `copy_into`'s contract.
    unsafe {
        if term.is_list() {
            copy_spine(term, top, policy)
        } else {
            copy_object(term, top, off_heap)
        }
    }
}

/// Copies the cells of a list in one run; the last tail stays to be scanned.
unsafe fn copy_spine(list: RawTerm, top: &mut *mut u64, policy: Policy) -> RawTerm {
    let first = *top;
    let mut rest = list;
    // SAFETY: `copy_into`'s contract.
    unsafe {
        loop {
            let cell = *top;
            *top = cell.add(2);
            *cell = rest.head().0;
            rest = rest.tail();
            if !rest.is_list() || policy.stays(rest) {
                *cell.add(1) = rest.0;
                return RawTerm::list(first);
            }
            *cell.add(1) = RawTerm::list(*top).0 | SPINE_MARK;
        }
    }
}

/// Set in a tail that already points into the copy, so that the scan leaves it alone. Pointers
/// have zero top bits.
const SPINE_MARK: u64 = 1 << 63;

unsafe fn copy_object(term: RawTerm, top: &mut *mut u64, off_heap: &OffHeap) -> RawTerm {
    // SAFETY: `copy_into`'s contract.
    unsafe {
        let object = term.ptr();
        let copy = *top;
        if let Some((bytes, size_bytes)) = bytes_of_part(object) {
            let size = heap_bin_words(size_bytes);
            *top = copy.add(size);
            // The last word is filled up with zeros.
            *copy.add(size - 1) = 0;
            *copy = header(Subtag::HeapBin, size - 1);
            *copy.add(HEAP_BIN_SIZE) = size_bytes as u64;
            std::ptr::copy_nonoverlapping(bytes, copy.add(HEAP_BIN_BYTES).cast(), size_bytes);
            return RawTerm::boxed(copy);
        }
        let size = object_words(object);
        *top = copy.add(size);
        if *object == REFC_BIN_HEADER && *object.add(REFC_FLAGS) != 0 {
            // A second reference: the owner must not append in place any more.
            *object.add(REFC_FLAGS) = 0;
        }
        std::ptr::copy_nonoverlapping(object, copy, size);
        if is_off_heap(*copy) {
            off_heap::retain(copy);
            off_heap.link(copy);
        }
        RawTerm::boxed(copy)
    }
}

/// Points a match state's base at its original's bytes, which may have moved.
///
/// # Safety
/// The object is a match state whose original is alive.
pub unsafe fn rebase_match_state(object: *mut u64) {
    // SAFETY: by contract; the original is a heap or refc binary.
    unsafe {
        let original = RawTerm(*object.add(MATCH_ORIG)).ptr();
        *object.add(MATCH_BASE) = if Subtag::of(*original) == Subtag::HeapBin {
            original.add(HEAP_BIN_BYTES) as u64
        } else {
            *original.add(REFC_BYTES)
        };
    }
}
