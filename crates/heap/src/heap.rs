//! The heap block of a process and allocation in it.

use crate::block::{Category, alloc_words, free_words};
use crate::fragment::Fragment;
use crate::off_heap::OffHeap;
use crate::sizes;
use oxbeam_term::fun_entry::FunEntry;
use oxbeam_term::{Node, RawTerm};
use std::any::Any;
use std::cell::Cell;
use std::ptr::{NonNull, null_mut};

/// How a heap is sized and collected: `spawn_opt` and `process_flag` values, in words.
#[derive(Clone, Copy, Debug)]
pub struct HeapOptions {
    pub min_heap_words: usize,
    pub min_vheap_words: usize,
    /// Minor collections between two major ones.
    pub fullsweep_after: u32,
}

impl Default for HeapOptions {
    fn default() -> HeapOptions {
        HeapOptions {
            min_heap_words: sizes::DEFAULT_MIN_HEAP_WORDS,
            min_vheap_words: sizes::DEFAULT_MIN_VHEAP_WORDS,
            fullsweep_after: 65535,
        }
    }
}

/// Words that allocation leaves free below the stack, so that a call can always push its
/// continuation. Engines ask a collection for this much more than they need.
pub const STACK_RESERVE_WORDS: usize = 4;

/// Words of the first block of a heap of the default size. Most processes never need more; none
/// of the series' sizes is this one.
const FIRST_BLOCK_WORDS: usize = 160;

/// A run of words with a fill mark.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    pub start: *mut u64,
    pub words: usize,
}

impl Block {
    pub const EMPTY: Block = Block { start: null_mut(), words: 0 };

    pub fn new(words: usize) -> Option<Block> {
        let start = alloc_words(words, Category::ProcessHeap)?.as_ptr();
        Some(Block { start, words })
    }
    pub fn end(&self) -> *mut u64 {
        self.start.wrapping_add(self.words)
    }
    pub fn contains(&self, address: *const u64) -> bool {
        (address as usize).wrapping_sub(self.start as usize) < self.words * 8
    }
    /// Frees the block.
    ///
    /// # Safety
    /// Nothing points into it any more.
    pub unsafe fn free(self) {
        if let Some(start) = NonNull::new(self.start) {
            // SAFETY: blocks come from `alloc_words` of this size and category.
            unsafe { free_words(start, self.words, Category::ProcessHeap) };
        }
    }
}

/// A heap with its stack, its old heap, its fragments and its off-heap lists.
///
/// A *detached* heap has no block: all it allocates are fragments. It is a scratch pad for
/// terms that are copied elsewhere afterwards.
pub struct Heap {
    pub(crate) block: Block,
    top: Cell<*mut u64>,
    stop: Cell<*mut u64>,
    /// Objects below have survived one collection.
    pub(crate) high_water: *mut u64,
    pub(crate) old: Block,
    pub(crate) old_top: *mut u64,
    pub(crate) fragments: Cell<Option<NonNull<Fragment>>>,
    fragment_words: Cell<usize>,
    pub(crate) off_heap: OffHeap,
    pub(crate) old_off_heap: OffHeap,
    pub(crate) vheap_words: usize,
    pub(crate) minor_count: u32,
    pub(crate) force_major: Cell<bool>,
    pub(crate) force_minor: Cell<bool>,
    /// Can be changed between two collections.
    pub options: Cell<HeapOptions>,
    /// The block is a first one of [`FIRST_BLOCK_WORDS`], which passes for one of the default
    /// size: it becomes that as soon as more is needed, which is no collection.
    pub(crate) is_first: bool,
    /// The blocks belong to another heap; see [`Heap::view`].
    is_view: bool,
}

// SAFETY: rule 7.
unsafe impl Send for Heap {}

impl Heap {
    /// A heap with a block of the options' first size. `None`: out of memory.
    pub fn new(options: HeapOptions) -> Option<Heap> {
        let words = sizes::next_heap_words(options.min_heap_words, 0);
        let is_first = words == sizes::DEFAULT_MIN_HEAP_WORDS;
        let block = Block::new(if is_first { FIRST_BLOCK_WORDS } else { words })?;
        let mut heap = Heap::with_block(block, options);
        heap.is_first = is_first;
        Some(heap)
    }

    /// A heap without a block; see the type.
    pub fn detached() -> Heap {
        Heap::with_block(Block::EMPTY, HeapOptions::default())
    }

    fn with_block(block: Block, options: HeapOptions) -> Heap {
        Heap {
            block,
            top: Cell::new(block.start),
            stop: Cell::new(block.end()),
            high_water: block.start,
            old: Block::EMPTY,
            old_top: null_mut(),
            fragments: Cell::new(None),
            fragment_words: Cell::new(0),
            off_heap: OffHeap::new(),
            old_off_heap: OffHeap::new(),
            vheap_words: options.min_vheap_words,
            minor_count: 0,
            force_major: Cell::new(false),
            force_minor: Cell::new(false),
            options: Cell::new(options),
            is_first: false,
            is_view: false,
        }
    }

    /// A heap through which the stack and the blocks of this one can be looked at while another
    /// thread allocates in it. What is allocated in the view lies in fragments of its own.
    ///
    /// # Safety
    /// This heap is neither collected nor dropped while the view is there.
    pub unsafe fn view(&self) -> Heap {
        let mut view = Heap::with_block(Block::EMPTY, self.options.get());
        view.is_view = true;
        (view.block, view.old, view.old_top) = (self.block, self.old, self.old_top);
        view.is_first = self.is_first;
        // No room: nothing is allocated in the block.
        view.top.set(self.stop.get());
        view.stop.set(self.stop.get());
        view
    }

    /// Takes over what was allocated in a view of this heap.
    pub fn take_back(&mut self, view: Heap) {
        debug_assert!(view.is_view && view.block.start == self.block.start);
        self.options.set(view.options.get());
        if view.force_major.get() {
            self.request_major();
        }
        if view.force_minor.get() {
            self.request_minor();
        }
        // SAFETY: the objects of the view's fragments become this heap's.
        unsafe { self.off_heap.append(&view.off_heap) };
        let mut next = view.take_fragments();
        while let Some(fragment) = next {
            // SAFETY: linked fragments are alive; the view has let go of them.
            unsafe {
                next = fragment.as_ref().next.get();
                self.link_fragment(fragment);
            }
        }
    }

    /// First free word above the objects.
    pub fn top(&self) -> *mut u64 {
        self.top.get()
    }
    /// Takes over the engine's heap top.
    ///
    /// # Safety
    /// Rule 3 holds for the new top.
    pub unsafe fn set_top(&self, top: *mut u64) {
        debug_assert!(top >= self.block.start && top <= self.stop.get());
        self.top.set(top);
    }
    /// Top of the stack: the address of its last pushed word.
    pub fn stop(&self) -> *mut u64 {
        self.stop.get()
    }
    /// Takes over the engine's stack top.
    ///
    /// # Safety
    /// The words from `stop` to the end of the block are the frames of the process.
    pub unsafe fn set_stop(&self, stop: *mut u64) {
        debug_assert!(stop <= self.block.end() && stop >= self.top.get());
        self.stop.set(stop);
    }
    /// One past the block: where the stack begins.
    pub fn end(&self) -> *mut u64 {
        self.block.end()
    }
    pub fn start(&self) -> *mut u64 {
        self.block.start
    }
    /// The words of the stack, last pushed first.
    pub fn stack(&self) -> &[RawTerm] {
        // SAFETY: rule 1: these words are the stack's.
        unsafe { std::slice::from_raw_parts(self.stop.get().cast(), self.stack_words()) }
    }

    /// Words between the objects and the stack.
    pub fn free_words(&self) -> usize {
        (self.stop.get() as usize - self.top.get() as usize) / 8
    }
    pub fn stack_words(&self) -> usize {
        (self.block.end() as usize - self.stop.get() as usize) / 8
    }
    /// Words of the block, stack included (`heap_size` of process_info).
    pub fn block_words(&self) -> usize {
        if self.is_first { sizes::DEFAULT_MIN_HEAP_WORDS } else { self.block.words }
    }
    /// Words that the blocks and fragments take up in memory.
    pub fn allocated_words(&self) -> usize {
        self.block.words + self.old.words + self.fragment_words()
    }
    /// Words of young objects in the block.
    pub fn used_words(&self) -> usize {
        (self.top.get() as usize - self.block.start as usize) / 8
    }
    /// Words of objects in the block that have survived no collection.
    pub fn young_words(&self) -> usize {
        (self.top.get() as usize - self.high_water as usize) / 8
    }
    pub fn old_block_words(&self) -> usize {
        self.old.words
    }
    pub fn old_used_words(&self) -> usize {
        (self.old_top as usize - self.old.start as usize) / 8
    }
    /// Words of objects in the block that have survived a collection.
    pub fn mature_words(&self) -> usize {
        (self.high_water as usize - self.block.start as usize) / 8
    }
    /// Words in fragments.
    pub fn fragment_words(&self) -> usize {
        self.fragment_words.get()
    }
    /// Words of all that the process has: objects young and old, fragments, stack.
    pub fn all_words(&self) -> usize {
        self.used_words() + self.old_used_words() + self.fragment_words() + self.stack_words()
    }
    /// Minor collections since the last major one.
    pub fn minor_count(&self) -> u32 {
        self.minor_count
    }
    /// `(words of off-heap binaries since the last collection, limit, old, old limit)`.
    pub fn vheap(&self) -> (usize, usize, usize) {
        let old = self.old_off_heap.binary_words.get();
        (self.off_heap.binary_words.get(), self.vheap_words, old)
    }
    /// Makes the next collection a major one.
    pub fn request_major(&self) {
        self.force_major.set(true);
    }
    /// Asks for a collection soon, which may be a minor one.
    pub fn request_minor(&self) {
        self.force_minor.set(true);
    }

    /// Takes `words` words, to be filled in at once (rule 3). Never moves a term; when the block
    /// is full, opens a fragment. Out of memory ends the runtime, as in OTP.
    #[inline]
    pub fn alloc(&self, words: usize) -> *mut u64 {
        let top = self.top.get();
        if !crate::ZEAL && words + STACK_RESERVE_WORDS <= self.free_words() {
            self.top.set(top.wrapping_add(words));
            return top;
        }
        self.alloc_in_fragment(words)
    }

    #[cold]
    pub(crate) fn alloc_in_fragment(&self, words: usize) -> *mut u64 {
        if let Some(fragment) = self.fragments.get() {
            // SAFETY: fragments of this heap live until a collection frees them (rule 2).
            if let Some(object) = unsafe { fragment.as_ref() }.take(words) {
                self.fragment_words.set(self.fragment_words.get() + words);
                return object;
            }
        }
        let wanted = if crate::ZEAL { words } else { words.max(self.fragment_words.get()).max(62) };
        let fragment = Fragment::new(wanted).unwrap_or_else(|| out_of_memory(words));
        // SAFETY: just made, and ours; `link_fragment` counts the words taken.
        unsafe {
            let object = fragment.as_ref().take(words).expect("a fresh fragment has room");
            self.link_fragment(fragment);
            object
        }
    }

    /// Makes a fragment part of the heap: its terms are the heap's from now on.
    ///
    /// # Safety
    /// The fragment belongs to nobody else.
    pub unsafe fn link_fragment(&self, fragment: NonNull<Fragment>) {
        // SAFETY: by contract.
        unsafe {
            let header = fragment.as_ref();
            self.off_heap.append(&header.off_heap);
            header.next.set(self.fragments.get());
            self.fragment_words.set(self.fragment_words.get() + header.used_words());
        }
        self.fragments.set(Some(fragment));
    }

    /// Whether a collection should follow the native that has just returned: what it put into
    /// fragments would not fit, or it took many off-heap bytes, or this is the zeal build.
    pub fn wants_collection(&self) -> bool {
        self.fragment_words.get() > self.free_words()
            || self.off_heap.binary_words.get() > self.vheap_words
            || (crate::ZEAL && self.fragments.get().is_some())
            || self.force_major.get()
            || self.force_minor.get()
    }

    /// The heap's off-heap list, for objects that were built by hand.
    pub fn off_heap(&self) -> &OffHeap {
        &self.off_heap
    }

    /// Off-heap binaries that the heap refers to: see [`OffHeap::binaries`].
    pub fn binaries(&self) -> Vec<(usize, usize, usize)> {
        let mut all = self.off_heap.binaries();
        all.extend(self.old_off_heap.binaries());
        all
    }

    /// Calls `visit` with the entry of each fun that the heap holds.
    pub fn each_fun(&self, mut visit: impl FnMut(&FunEntry)) {
        self.off_heap.each_fun(&mut visit);
        self.old_off_heap.each_fun(&mut visit);
    }

    /// Calls `visit` with the node of each external pid, port and reference of the heap, reachable or not.
    pub fn each_node(&self, mut visit: impl FnMut(&'static Node)) {
        self.off_heap.each_node(&mut visit);
        self.old_off_heap.each_node(&mut visit);
    }

    /// Calls `visit` with what each magic reference of the heap holds, reachable or not.
    pub fn each_magic(&self, mut visit: impl FnMut(&(dyn Any + Send + Sync))) {
        self.off_heap.each_magic(&mut visit);
        self.old_off_heap.each_magic(&mut visit);
    }

    pub(crate) fn take_fragments(&self) -> Option<NonNull<Fragment>> {
        self.fragment_words.set(0);
        self.fragments.take()
    }

    pub(crate) fn install(&mut self, block: Block, top: *mut u64, stop: *mut u64) {
        self.block = block;
        self.is_first = false;
        self.top.set(top);
        self.stop.set(stop);
    }

    /// Whether an address lies in the block, the old heap or a fragment of this heap.
    pub fn owns(&self, address: *const u64) -> bool {
        self.block.contains(address) || self.old.contains(address) || self.in_fragment(address)
    }

    /// Whether an object of this heap may come to point at `term`: no object may point at one of
    /// a younger generation, or the next minor collection would miss it.
    pub fn may_point_at(&self, object: *const u64, term: RawTerm) -> bool {
        if !self.owns(object) {
            return false;
        }
        let held = term.is_immediate() || crate::literal::is_literal(term);
        held || self.generation(term.ptr()) >= self.generation(object)
    }

    /// Whether `object` is one below the heap top `top` that has survived no collection.
    #[inline(always)]
    pub fn is_young(&self, object: *const u64, top: *const u64) -> bool {
        object >= self.high_water.cast_const() && object < top
    }

    /// Collections that an object of this heap has survived, two at most.
    fn generation(&self, address: *const u64) -> u8 {
        match () {
            _ if self.old.contains(address) => 2,
            _ if self.block.contains(address) && address < self.high_water.cast_const() => 1,
            _ => 0,
        }
    }

    pub(crate) fn in_fragment(&self, address: *const u64) -> bool {
        let mut next = self.fragments.get();
        while let Some(fragment) = next {
            // SAFETY: linked fragments are alive.
            let fragment = unsafe { fragment.as_ref() };
            let run = Block { start: fragment.start(), words: fragment.capacity_words() };
            if run.contains(address) {
                return true;
            }
            next = fragment.next.get();
        }
        false
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        // SAFETY: the owner is done with every term of this heap.
        unsafe {
            self.off_heap.release_all();
            self.old_off_heap.release_all();
            free_fragments(self.take_fragments());
            if !self.is_view {
                self.block.free();
                self.old.free();
            }
        }
    }
}

/// Frees a chain of fragments.
///
/// # Safety
/// Nothing points into them any more.
pub(crate) unsafe fn free_fragments(mut next: Option<NonNull<Fragment>>) {
    while let Some(fragment) = next {
        // SAFETY: by contract; each fragment is freed once.
        unsafe {
            next = fragment.as_ref().next.get();
            Fragment::free(fragment);
        }
    }
}

/// Ends the runtime: no memory for a block of that many words.
pub fn out_of_memory(words: usize) -> ! {
    let layout =
        std::alloc::Layout::array::<u64>(words).unwrap_or(std::alloc::Layout::new::<u64>());
    std::alloc::handle_alloc_error(layout)
}
