//! Literal areas: terms that code and persistent terms hold, outside every heap (rule 6).
//!
//! All areas lie in one reserved range of addresses, so that "is it a literal" is one subtraction
//! and one comparison. At most one area at a time is being purged; it is published before
//! processes are asked to copy what they still use of it, and from then on every copy between
//! heaps copies what lies in it.

use crate::block::POISON;
use crate::copy::{Policy, copy_into, flat_words};
use crate::copy_shared::copy_sharing;
use crate::measure::copy_sharing_size;
use crate::off_heap::OffHeap;
use oxbeam_sys::memory::Reservation;
use oxbeam_term::{RawTerm, Term};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of address space reserved for literals; only what is used takes memory.
const RANGE_BYTES: usize = 16 << 30;

struct Range {
    memory: Reservation,
    /// Free runs: address → words.
    free: Mutex<BTreeMap<u64, usize>>,
}

static BASE: AtomicU64 = AtomicU64::new(u64::MAX);
static PURGE_START: AtomicU64 = AtomicU64::new(0);
static PURGE_BYTES: AtomicU64 = AtomicU64::new(0);

fn range() -> &'static Range {
    static RANGE: OnceLock<Range> = OnceLock::new();
    RANGE.get_or_init(|| {
        let memory = Reservation::new(RANGE_BYTES).expect("address space for literals");
        let base = memory.start() as u64;
        BASE.store(base, Ordering::Release);
        Range { memory, free: Mutex::new(BTreeMap::from([(base, RANGE_BYTES / 8)])) }
    })
}

/// Whether a pointer term points at a literal.
#[inline(always)]
pub fn is_literal(term: RawTerm) -> bool {
    is_literal_address(term.ptr())
}

/// Whether an address lies in the literal range.
#[inline(always)]
pub fn is_literal_address(address: *const u64) -> bool {
    (address as u64).wrapping_sub(BASE.load(Ordering::Relaxed)) < RANGE_BYTES as u64
}

/// The area that is being purged, as one thread saw it at one time.
///
/// While an area is published or withdrawn, a thread may see a mixture of two; what lies in the
/// new area it then copies or not, as before the publication. After thread progress all see it.
#[derive(Clone, Copy)]
pub struct Purged {
    start: u64,
    bytes: u64,
}

impl Purged {
    pub const NONE: Purged = Purged { start: 0, bytes: 0 };

    /// The area that is being purged now.
    #[inline]
    pub fn now() -> Purged {
        let bytes = PURGE_BYTES.load(Ordering::Acquire);
        Purged { start: PURGE_START.load(Ordering::Relaxed), bytes }
    }
    pub fn is_none(self) -> bool {
        self.bytes == 0
    }
    /// Whether an address lies in it.
    #[inline]
    pub fn contains(self, address: *const u64) -> bool {
        (address as u64).wrapping_sub(self.start) < self.bytes
    }
    /// Whether a term of any kind points into it.
    #[inline]
    pub fn contains_term(self, term: RawTerm) -> bool {
        (term.is_list() || term.is_boxed()) && self.contains(term.ptr())
    }
}

/// A run of literal terms with their off-heap references.
pub struct Area {
    start: u64,
    words: usize,
    off_heap: OffHeap,
}

// SAFETY: an area's words never change after it is built; its list is touched only by `drop`.
unsafe impl Send for Area {}
// SAFETY: as above.
unsafe impl Sync for Area {}

impl Area {
    /// Copies `terms` into a new area; gives the area and the copies. `None`: out of memory.
    pub fn copy_of(terms: &[Term<'_>]) -> Option<(Area, Vec<RawTerm>)> {
        // SAFETY: branded terms are alive.
        let words: usize =
            terms.iter().map(|t| unsafe { flat_words(t.raw(), Policy::everything()) }).sum();
        let area = Area { start: take(words)?, words, off_heap: OffHeap::new() };
        let mut top = area.start as *mut u64;
        let copies = terms
            .iter()
            // SAFETY: the area has room for all, as just summed up.
            .map(|t| unsafe { copy_into(t.raw(), &mut top, &area.off_heap, Policy::everything()) })
            .collect();
        debug_assert_eq!(top as u64, area.start + 8 * words as u64);
        Some((area, copies))
    }

    /// As [`Area::copy_of`]; what is shared within one of the terms stays shared.
    pub fn copy_sharing_of(terms: &[Term<'_>]) -> Option<(Area, Vec<RawTerm>)> {
        let words: usize = terms.iter().map(|&term| copy_sharing_size(term)).sum();
        let area = Area { start: take(words)?, words, off_heap: OffHeap::new() };
        let mut top = area.start as *mut u64;
        let mut alloc = |words| {
            let object = top;
            top = top.wrapping_add(words);
            object
        };
        let copies = terms
            .iter()
            // SAFETY: the area has room for all, as just summed up; the terms are branded.
            .map(|term| unsafe { copy_sharing(term.raw(), &mut alloc, &area.off_heap, true) })
            .collect();
        assert_eq!(top as u64, area.start + 8 * words as u64, "the size of the copies");
        Some((area, copies))
    }

    pub fn start(&self) -> *const u64 {
        self.start as *const u64
    }
    pub fn words(&self) -> usize {
        self.words
    }
    /// Publishes this area as the one being purged.
    pub fn begin_purge(&self) {
        PURGE_BYTES.store(0, Ordering::Release);
        PURGE_START.store(self.start, Ordering::Release);
        PURGE_BYTES.store(8 * self.words as u64, Ordering::Release);
    }
    /// No area is being purged any more. Whoever saw this one goes on copying what lies in it.
    pub fn end_purge() {
        PURGE_BYTES.store(0, Ordering::Release);
    }
}

impl Drop for Area {
    fn drop(&mut self) {
        // SAFETY: the owner drops an area only when nothing points into it.
        unsafe {
            self.off_heap.release_all();
            if crate::ZEAL {
                std::slice::from_raw_parts_mut(self.start as *mut u64, self.words).fill(POISON);
            }
        }
        give_back(self.start, self.words);
    }
}

fn take(words: usize) -> Option<u64> {
    let range = range();
    let mut free = range.free.lock();
    let base = range.memory.start() as u64;
    if words == 0 {
        return Some(base);
    }
    let (&start, &run) = free.iter().find(|&(_, &run)| run >= words)?;
    range.memory.commit((start - base) as usize, 8 * words).ok()?;
    free.remove(&start);
    if run > words {
        free.insert(start + 8 * words as u64, run - words);
    }
    Some(start)
}

fn give_back(start: u64, words: usize) {
    if words == 0 {
        return;
    }
    // The pages stay committed: neighbours may share the first and the last of them.
    let mut free = range().free.lock();
    let mut run = (start, words);
    if let Some((&before, &before_words)) = free.range(..start).next_back()
        && before + 8 * before_words as u64 == start
    {
        free.remove(&before);
        run = (before, before_words + words);
    }
    if let Some(after_words) = free.remove(&(start + 8 * words as u64)) {
        run.1 += after_words;
    }
    free.insert(run.0, run.1);
}
