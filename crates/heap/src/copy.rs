//! Copying terms between storages, without recursion and without keeping sharing (as OTP does).
//!
//! An object is copied as it is; then the words of the copy that hold terms, a *run*, are gone
//! through, and each pointer is replaced by one to a further copy, whose own run comes first. A
//! list's cells are copied in one go, and what holds nothing but immediates is not looked at again.

use crate::literal::{LiteralRange, Purged};
use crate::off_heap::{self, OffHeap};
use oxbeam_ethread::AtomicFlag;
use oxbeam_term::layout::*;
use oxbeam_term::tag::{self, Subtag, header};
use oxbeam_term::{RawTerm, Term};
use std::cell::Cell;
use std::ptr::null_mut;

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
    shared: LiteralRange,
    purged: Purged,
}

impl Policy {
    /// Literals are shared, but for those in the area that is being purged.
    pub fn sharing() -> Policy {
        if !SHARES_LITERALS.get() {
            return Policy::everything();
        }
        Policy { shared: LiteralRange::now(), purged: Purged::now() }
    }
    /// Everything is copied: for storage that may keep no pointer to a literal.
    pub const fn everything() -> Policy {
        Policy { shared: LiteralRange::NONE, purged: Purged::NONE }
    }
    /// Whether a copy leaves this pointer as it is.
    #[inline(always)]
    pub(crate) fn stays(self, term: RawTerm) -> bool {
        self.shared.contains(term.ptr()) && !self.purged.contains(term.ptr())
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
    let mut pending = Pending::<RawTerm, 16>::new(RawTerm::NIL);
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
                next = Some(measure_spine(term, policy, &mut words, most, &mut pending));
                continue;
            }
            let object = term.ptr();
            if let Some((_, size_bytes)) = bytes_of_part(object) {
                words += heap_bin_words(size_bytes);
                continue;
            }
            let size = object_words(object);
            words += size;
            let terms = match term_words(*object) {
                TermWords::None => continue,
                TermWords::Only(at) => at..at + 1,
                TermWords::From(at) => at..size,
            };
            for n in terms {
                let element = RawTerm(*object.add(n));
                if !element.is_immediate() {
                    pending.push(element);
                }
            }
        }
    }
    (words <= most).then_some(words)
}

/// Counts the cells of a list up to one whose head is no immediate: gives that head and puts the
/// rest off, so that a list takes one place among what is pending, however long it is. Without
/// such a cell it gives what ends the list.
unsafe fn measure_spine(
    mut list: RawTerm,
    policy: Policy,
    words: &mut usize,
    most: usize,
    pending: &mut Pending<RawTerm, 16>,
) -> RawTerm {
    // SAFETY: `flat_words_within`'s contract.
    unsafe {
        loop {
            *words += 2;
            let (head, tail) = (list.head(), list.tail());
            if !head.is_immediate() {
                if !tail.is_immediate() {
                    pending.push(tail);
                }
                return head;
            }
            if !tail.is_list() || policy.stays(tail) || *words > most {
                return tail;
            }
            list = tail;
        }
    }
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
    let mut root = term.0;
    let mut run = Run::of(&raw mut root, 1);
    let mut pending = Pending::<Run, 8>::new(Run::EMPTY);
    // SAFETY: by contract; a run lies in what is copied already, or is the root.
    unsafe {
        loop {
            let Some(slot) = run.take().or_else(|| pending.pop_into(&mut run)) else {
                return RawTerm(root);
            };
            let term = RawTerm(*slot);
            if term.is_immediate() || policy.stays(term) {
                continue;
            }
            let parts = if term.is_list() {
                *slot = RawTerm::list(*top).0;
                copy_spine(term, top, policy, &mut pending)
            } else {
                *slot = RawTerm::boxed(*top).0;
                copy_object(term.ptr(), top, off_heap, policy)
            };
            if !parts.is_empty() {
                if !run.is_empty() {
                    pending.push(run);
                }
                run = parts;
            }
        }
    }
}

/// Words of a copy that still hold terms of the source.
#[derive(Clone, Copy)]
struct Run {
    next: *mut u64,
    end: *mut u64,
    /// Words from one to the next.
    step: usize,
}

impl Run {
    const EMPTY: Run = Run { next: null_mut(), end: null_mut(), step: 1 };

    /// So many words from `first` on.
    fn of(first: *mut u64, words: usize) -> Run {
        Run { next: first, end: first.wrapping_add(words), step: 1 }
    }
    fn is_empty(&self) -> bool {
        self.next >= self.end
    }
    #[inline(always)]
    fn take(&mut self) -> Option<*mut u64> {
        let slot = self.next;
        self.next = slot.wrapping_add(self.step);
        (slot < self.end).then_some(slot)
    }
}

/// What is still to be done, the latest last: a few without an allocation.
struct Pending<T, const FEW: usize> {
    few: [T; FEW],
    len: usize,
    more: Vec<T>,
}

impl<T: Copy, const FEW: usize> Pending<T, FEW> {
    fn new(filler: T) -> Self {
        Pending { few: [filler; FEW], len: 0, more: vec![] }
    }
    #[inline(always)]
    fn push(&mut self, item: T) {
        match self.few.get_mut(self.len) {
            Some(place) => {
                *place = item;
                self.len += 1;
            }
            None => self.more.push(item),
        }
    }
    #[inline(always)]
    fn pop(&mut self) -> Option<T> {
        if !self.more.is_empty() {
            return self.more.pop();
        }
        self.len = self.len.checked_sub(1)?;
        Some(self.few[self.len])
    }
}

impl<const FEW: usize> Pending<Run, FEW> {
    /// Goes on with the latest run; gives its first word.
    fn pop_into(&mut self, run: &mut Run) -> Option<*mut u64> {
        *run = self.pop()?;
        run.take()
    }
}

/// Copies the cells of a list in one run; gives the heads, if any of them is still to be copied.
/// A last tail that is to be copied is put off.
unsafe fn copy_spine(
    list: RawTerm,
    top: &mut *mut u64,
    policy: Policy,
    pending: &mut Pending<Run, 8>,
) -> Run {
    let first = *top;
    let (mut cell, mut rest, mut all_heads) = (first, list, tag::PRIMARY_MASK);
    // SAFETY: `copy_into`'s contract.
    unsafe {
        loop {
            let (head, tail) = (rest.head(), rest.tail());
            *cell = head.0;
            all_heads &= head.0;
            rest = tail;
            if !rest.is_list() || policy.stays(rest) {
                break;
            }
            *cell.add(1) = RawTerm::list(cell.add(2)).0;
            cell = cell.add(2);
        }
        *cell.add(1) = rest.0;
        *top = cell.add(2);
        if rest.is_boxed() {
            pending.push(Run::of(cell.add(1), 1));
        }
    }
    if RawTerm(all_heads).is_immediate() {
        return Run::EMPTY;
    }
    Run { next: first, end: *top, step: 2 }
}

/// Copies an object as it is; gives the terms in it, if any of them is still to be copied.
unsafe fn copy_object(
    object: *mut u64,
    top: &mut *mut u64,
    off_heap: &OffHeap,
    policy: Policy,
) -> Run {
    // SAFETY: `copy_into`'s contract.
    unsafe {
        let copy = *top;
        if let Some((bytes, size_bytes)) = bytes_of_part(object) {
            let size = heap_bin_words(size_bytes);
            *top = copy.add(size);
            // The last word is filled up with zeros.
            *copy.add(size - 1) = 0;
            *copy = header(Subtag::HeapBin, size - 1);
            *copy.add(HEAP_BIN_SIZE) = size_bytes as u64;
            std::ptr::copy_nonoverlapping(bytes, copy.add(HEAP_BIN_BYTES).cast(), size_bytes);
            return Run::EMPTY;
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
        match term_words(*copy) {
            TermWords::None => Run::EMPTY,
            TermWords::Only(at) if Subtag::of(*copy) == Subtag::MatchState => {
                // Its original is one object without parts.
                let original = RawTerm(*copy.add(at));
                if !policy.stays(original) {
                    *copy.add(at) = RawTerm::boxed(*top).0;
                    copy_object(original.ptr(), top, off_heap, policy);
                }
                rebase_match_state(copy);
                Run::EMPTY
            }
            TermWords::Only(at) => Run::of(copy.add(at), 1),
            TermWords::From(at) => Run::of(copy.add(at), size - at),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Heap, OwnedTerm};
    use oxbeam_term::compare::eq;

    /// A term that holds `inner` at every kind of place.
    fn around<'h>(heap: &'h Heap, inner: Term<'h>, n: i64) -> Term<'h> {
        let binary = heap.binary(&[n as u8; 100]);
        match n % 6 {
            0 => heap.tuple(&[heap.int(n), inner, heap.list(&[inner, heap.int(1)])]),
            1 => heap.list_onto(&[heap.int(n), inner], heap.tuple(&[heap.float(0.5)])),
            2 => heap.list_onto(&[heap.list(&[heap.int(n); 3])], inner),
            3 => heap.tuple(&[
                heap.sub_binary(binary, 8, 300),
                heap.sub_binary(binary, 3, 44),
                inner,
            ]),
            4 => heap.map_from_merged((0..40).map(|key| (heap.int(key), inner)).take(2).collect()),
            _ => heap.list(&[heap.binary(&[7; 3]), heap.uint(u64::MAX), inner]),
        }
    }

    #[test]
    fn a_copy_is_equal_and_as_large_as_it_was_measured() {
        let heap = Heap::detached();
        let mut term = heap.list(&[]);
        for n in 0..14 {
            term = around(&heap, term, n);
            let copy = OwnedTerm::deep_copy_of(term);
            // SAFETY: the term is branded.
            let words = unsafe { flat_words(term.raw(), Policy::everything()) };
            assert!(eq(copy.view(), term), "{n}");
            assert_eq!(copy.words(), words, "{n}");
            assert_eq!(copy_words_within(term, words), Some(words));
            assert_eq!(copy_words_within(term, words - 1), None);
        }
    }

    #[test]
    fn deep_and_long_terms_take_no_native_stack() {
        let heap = Heap::detached();
        let (mut left, mut right) = (heap.list(&[]), heap.list(&[]));
        for n in 0..200_000 {
            left = heap.tuple(&[left, heap.tuple(&[heap.int(n)])]);
            right = heap.list_onto(&[heap.tuple(&[heap.int(n)])], right);
        }
        for term in [left, right] {
            assert!(eq(OwnedTerm::copy_of(term).view(), term));
        }
    }
}
