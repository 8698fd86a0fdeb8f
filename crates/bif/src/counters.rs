//! What `counters` needs of `erts_internal` for `write_concurrency`.
//!
//! 1. An array has a row for each scheduler and one for all other threads, in cache lines of their
//!    own. A thread adds in its row; reading adds up all rows.
//! 2. Setting a value sets one row to it and the others to zero: it is not atomic beside others'
//!    additions, as OTP documents.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use oxbeam_heap::map::Twice;
use oxbeam_runtime::reference::new_numbers;
use oxbeam_runtime::{Cx, Flow, NativeResult, scheduler};
use oxbeam_term::{Term, am};

use crate::arg::{self, take};
use crate::atomics::{OVERHEAD_BYTES, addend, bits, size_of_new};

/// Words of a cache line.
const LINE_WORDS: usize = 8;

/// A cache line of counters.
#[repr(align(64))]
struct Line([AtomicU64; LINE_WORDS]);

struct Counters {
    lines: Box<[Line]>,
    size: usize,
}

impl Counters {
    fn new(size: usize) -> Option<Counters> {
        let count = size.div_ceil(LINE_WORDS).checked_mul(scheduler::count() + 1)?;
        let mut lines = Vec::new();
        lines.try_reserve_exact(count).ok()?;
        lines.resize_with(count, || Line([const { AtomicU64::new(0) }; LINE_WORDS]));
        Some(Counters { lines: lines.into_boxed_slice(), size })
    }

    /// The words of counter `at`, the calling thread's first.
    fn words(&self, at: usize) -> impl Iterator<Item = &AtomicU64> {
        let row_lines = self.size.div_ceil(LINE_WORDS);
        let rows = self.lines.len() / row_lines;
        let own = scheduler::current_index().map_or(0, |index| index + 1) % rows;
        (0..rows).map(move |row| {
            let line = (own + row) % rows * row_lines + at / LINE_WORDS;
            &self.lines[line].0[at % LINE_WORDS]
        })
    }
}

/// The array, and the index of a position counted from one.
fn counter<'h>(reference: Term<'h>, position: Term<'h>) -> Result<(&'h Counters, usize), Flow<'h>> {
    let counters = reference.as_magic::<Counters>().ok_or_else(Flow::badarg)?;
    let at = arg::size(position)?.checked_sub(1).filter(|&at| at < counters.size);
    Ok((counters, at.ok_or_else(Flow::badarg)?))
}

pub fn counters_new_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [size] = take(args);
    let counters = Counters::new(size_of_new(size)?).ok_or_else(Flow::system_limit)?;
    Ok(cx.heap.resource_ref(new_numbers(), counters))
}

pub fn counters_get_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [reference, position] = take(args);
    let (counters, at) = counter(reference, position)?;
    let sum = counters.words(at).fold(0u64, |sum, word| sum.wrapping_add(word.load(Relaxed)));
    Ok(cx.heap.int(sum as i64))
}

pub fn counters_add_3<'h>(_cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [reference, position, increment] = take(args);
    let (counters, at) = counter(reference, position)?;
    let increment = addend(increment)?;
    let own = counters.words(at).next().ok_or_else(Flow::badarg)?;
    own.fetch_add(increment, Relaxed);
    Ok(Term::atom(am::ok))
}

pub fn counters_put_3<'h>(_cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [reference, position, wanted] = take(args);
    let (counters, at) = counter(reference, position)?;
    let wanted = bits(wanted, true)?;
    for (row, word) in counters.words(at).enumerate() {
        word.store(if row == 0 { wanted } else { 0 }, Relaxed);
    }
    Ok(Term::atom(am::ok))
}

pub fn counters_info_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [reference] = take(args);
    let counters = reference.as_magic::<Counters>().ok_or_else(Flow::badarg)?;
    let memory = OVERHEAD_BYTES + size_of_val::<[Line]>(&counters.lines);
    let pairs = vec![
        (Term::atom(am::size), cx.heap.usize(counters.size)),
        (Term::atom(am::memory), cx.heap.usize(memory)),
    ];
    cx.heap.map_from_pairs(pairs, Twice::Refuse).ok_or_else(Flow::badarg)
}
