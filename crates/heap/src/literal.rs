//! Literal areas: terms that code and persistent terms hold, outside every heap (rule 6).
//!
//! All areas lie in one reserved range of addresses, so that "is it a literal" is one subtraction
//! and one comparison. At most one batch of areas at a time is being purged; it is published
//! before processes are asked to copy what they still use of it, and from then on every copy
//! between heaps copies what lies in it.

use crate::block::POISON;
use crate::copy::{Policy, copy_into, flat_words};
use crate::copy_shared::copy_sharing;
use crate::measure::copy_sharing_size;
use crate::off_heap::OffHeap;
use oxbeam_ethread::{AtomicPointer, AtomicU64};
use oxbeam_sys::memory::Reservation;
use oxbeam_term::{RawTerm, Term};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::sync::OnceLock;

/// Bytes of address space reserved for literals; only what is used takes memory.
const RANGE_BYTES: usize = 16 << 30;

struct Range {
    memory: Reservation,
    /// Free runs: address → words.
    free: Mutex<BTreeMap<u64, usize>>,
}

oxbeam_ethread::shared! {
    static BASE: AtomicU64 = AtomicU64::new(u64::MAX);
    static PURGED: AtomicPointer<Ranges> = AtomicPointer::null();
}

fn range() -> &'static Range {
    static RANGE: OnceLock<Range> = OnceLock::new();
    RANGE.get_or_init(|| {
        let memory = Reservation::new(RANGE_BYTES).expect("address space for literals");
        let base = memory.start() as u64;
        BASE.set_relb(base);
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
    LiteralRange::now().contains(address)
}

/// The literal range, or nothing, for who asks often.
#[derive(Clone, Copy)]
pub struct LiteralRange {
    base: u64,
    bytes: u64,
}

impl LiteralRange {
    pub const NONE: LiteralRange = LiteralRange { base: 0, bytes: 0 };

    pub fn now() -> LiteralRange {
        LiteralRange { base: BASE.read(), bytes: RANGE_BYTES as u64 }
    }
    #[inline(always)]
    pub fn contains(self, address: *const u64) -> bool {
        (address as u64).wrapping_sub(self.base) < self.bytes
    }
}

/// Areas that are purged together.
pub struct PurgeBatch {
    areas: Vec<Area>,
    /// Owned, and read by other threads while it is published.
    ranges: NonNull<Ranges>,
}

// SAFETY: the ranges are never written to.
unsafe impl Send for PurgeBatch {}

impl Drop for PurgeBatch {
    fn drop(&mut self) {
        // SAFETY: made by `new`; nobody reads them any more (see `publish`).
        drop(unsafe { Box::from_raw(self.ranges.as_ptr()) });
    }
}

/// First and last address of a batch, and its areas by address.
struct Ranges {
    start: u64,
    end: u64,
    areas: Vec<(u64, u64)>,
}

impl PurgeBatch {
    pub fn new(areas: Vec<Area>) -> PurgeBatch {
        let range = |area: &Area| (area.start, area.start + 8 * area.words as u64);
        let mut ranges: Vec<(u64, u64)> = areas.iter().map(range).collect();
        ranges.sort_unstable();
        let start = ranges.first().map_or(0, |first| first.0);
        let end = ranges.last().map_or(0, |last| last.1);
        let ranges = Box::leak(Box::new(Ranges { start, end, areas: ranges }));
        PurgeBatch { areas, ranges: NonNull::from(ranges) }
    }

    /// Publishes it as what is being purged, in the place of what was. The owner keeps it until
    /// each thread that copies for other processes has let go of the one before.
    pub fn publish(&self) {
        PURGED.set_relb(self.ranges.as_ptr());
    }

    /// Publishes that nothing is being purged.
    pub fn publish_none() {
        PURGED.set_relb(std::ptr::null_mut());
    }

    pub fn len(&self) -> usize {
        self.areas.len()
    }
    /// Words of all its areas.
    pub fn words(&self) -> usize {
        self.areas.iter().map(Area::words).sum()
    }
    pub fn is_empty(&self) -> bool {
        self.areas.is_empty()
    }
}

/// What is being purged, as one thread that takes part in thread progress saw it at one time; good
/// until its next quiescent point.
#[derive(Clone, Copy)]
pub struct Purged(*const Ranges);

impl Purged {
    pub const NONE: Purged = Purged(std::ptr::null());

    /// What is being purged now.
    #[inline]
    pub fn now() -> Purged {
        Purged(PURGED.read_acqb())
    }
    pub fn is_none(self) -> bool {
        self.0.is_null()
    }
    /// Whether an address lies in it.
    #[inline]
    pub fn contains(self, address: *const u64) -> bool {
        // SAFETY: a published batch is kept until thread progress has passed (see `publish`).
        unsafe { self.0.as_ref() }.is_some_and(|ranges| ranges.contains(address as u64))
    }
    /// Whether a term of any kind points into it.
    #[inline]
    pub fn contains_term(self, term: RawTerm) -> bool {
        (term.is_list() || term.is_boxed()) && self.contains(term.ptr())
    }
}

impl Ranges {
    #[inline]
    fn contains(&self, address: u64) -> bool {
        self.start <= address && address < self.end && {
            let after = self.areas.partition_point(|area| area.0 <= address);
            after > 0 && address < self.areas[after - 1].1
        }
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
            .map(|term| unsafe {
                copy_sharing(term.raw(), &mut alloc, &area.off_heap, Policy::everything())
            })
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
