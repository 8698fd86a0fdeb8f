//! What natives that take several turns have in common: walks, lists and sorting in slices.

use crate::native::{Cx, Flow};
use crate::yielding::{Begin, Failure, Roots, Slot, Yielder};
use oxbeam_heap::copy::copy_words_within;
use oxbeam_heap::{GrowingCopy, OwnedTerm};
use oxbeam_term::Term;
use std::cmp::Ordering;

/// Cells, pairs or the like that a native does at once before it asks for its yielding form.
pub const QUICK: usize = if oxbeam_heap::ZEAL { 3 } else { 512 };

/// Cells that a plain walk sees in a reduction.
pub const CELLS_PER_REDUCTION: usize = 40;
/// Cells that are made in a reduction.
pub const CONSES_PER_REDUCTION: usize = 16;
/// Comparisons, or hashes of keys, in a reduction.
pub const KEYS_PER_REDUCTION: usize = 8;
/// Elements that are sorted in a reduction.
const SORTED_PER_REDUCTION: usize = 1;

/// Words that are copied in a reduction.
const WORDS_PER_REDUCTION: usize = 32;
/// Words of a term that is copied at once.
const QUICK_WORDS: usize = if oxbeam_heap::ZEAL { 16 } else { 1 << 14 };

/// A copy of a term that is not large; of a large one `long` is to make it in turns.
pub fn small_copy<'h>(term: Term<'_>, long: Begin) -> Result<OwnedTerm, Flow<'h>> {
    OwnedTerm::small_copy_of(term, QUICK_WORDS).ok_or(Flow::Long(long))
}

/// Whether a term is too large to be copied at once.
pub fn is_large(term: Term<'_>) -> bool {
    copy_words_within(term, QUICK_WORDS).is_none()
}

/// A copy of the term in a slot; `deep`: literals are copied too. The stack must be free.
pub async fn copied(y: Yielder, term: Slot, stack: usize, deep: bool) -> OwnedTerm {
    let mut copying = y
        .step(|_, roots| {
            let mut pending = vec![];
            let copying = GrowingCopy::begin(roots.get(term), &mut pending, deep);
            roots.put_stack(stack, pending);
            copying
        })
        .await;
    y.slices(WORDS_PER_REDUCTION, |_, roots, units| {
        let mut pending = roots.take_stack(stack);
        copying.advance(&mut pending, units);
        let done = pending.is_empty();
        roots.put_stack(stack, pending);
        done.then_some(())
    })
    .await;
    y.step(|_, _| copying.finish()).await
}

/// The length of a list that has at most [`QUICK`] cells: with the end of the list, which is nil
/// for a proper one. `None`: the list is longer.
pub fn quick_length(list: Term<'_>) -> Option<(usize, Term<'_>)> {
    let mut rest = list.list();
    let count = rest.by_ref().take(QUICK + 1).count();
    (count <= QUICK).then(|| (count, rest.rest()))
}

/// Gives `visit` the elements of a list until it gives a value; `None` at the end of a proper
/// list, `badarg` at another end. The slot loses the list.
pub async fn each_element<R: Send>(
    y: Yielder,
    list: Slot,
    per_reduction: usize,
    mut visit: impl for<'r, 'h> FnMut(&mut Cx<'h>, &mut Roots<'r, 'h>, Term<'h>) -> Option<R> + Send,
) -> Result<Option<R>, Failure> {
    y.slices(per_reduction, |cx, roots, units| {
        let mut rest = roots.get(list).list();
        while *units > 0 {
            *units -= 1;
            match rest.next() {
                None if rest.rest().is_nil() => return Some(Ok(None)),
                None => return Some(Err(Failure::BADARG)),
                Some(element) => {
                    if let Some(value) = visit(cx, roots, element) {
                        return Some(Ok(Some(value)));
                    }
                }
            }
        }
        roots.set(list, rest.rest());
        None
    })
    .await
}

/// Makes room in empty stacks for as many terms as a list has cells: a stack that grows moves.
pub async fn reserve_for(y: Yielder, list: Slot, stacks: &[usize]) {
    let rest = y.step(|_, roots| roots.push(roots.get(list))).await;
    let mut count = 0;
    y.slices(CELLS_PER_REDUCTION, |_, roots, units| {
        let mut cells = roots.get(rest).list();
        let seen = cells.by_ref().take(*units).count();
        let ended = seen < *units;
        count += seen;
        *units -= seen;
        roots.set(rest, cells.rest());
        ended.then_some(())
    })
    .await;
    let stacks = stacks.to_vec();
    y.step(move |_, roots| {
        roots.truncate(rest);
        stacks.iter().for_each(|&stack| roots.put_stack(stack, Vec::with_capacity(count)));
    })
    .await;
}

/// Puts the elements of a proper list onto an empty stack; else `badarg`.
pub async fn gather(y: Yielder, list: Slot, stack: usize) -> Result<(), Failure> {
    reserve_for(y, list, &[stack]).await;
    y.slices(CELLS_PER_REDUCTION, |_, roots, units| {
        let mut rest = roots.get(list).list();
        let mut elements = roots.take_stack(stack);
        let before = elements.len();
        elements.extend(rest.by_ref().take(*units));
        let seen = elements.len() - before;
        let ended = seen < *units;
        *units -= seen;
        roots.set(list, rest.rest());
        roots.put_stack(stack, elements);
        match ended {
            false => None,
            true if rest.rest().is_nil() => Some(Ok(())),
            true => Some(Err(Failure::BADARG)),
        }
    })
    .await
}

/// Puts the terms of a stack in front of the list in `tail`. The stack is empty afterwards.
pub async fn list_onto(y: Yielder, stack: usize, tail: Slot) {
    list_down_to(y, stack, 0, tail).await;
}

/// As [`list_onto`], for the terms from `base` on: those below stay.
pub async fn list_down_to(y: Yielder, stack: usize, base: usize, tail: Slot) {
    y.slices(CONSES_PER_REDUCTION, |cx, roots, units| {
        let mut elements = roots.take_stack(stack);
        let from = elements.len().saturating_sub(*units).max(base);
        *units -= elements.len() - from;
        let list = cx.heap.list_onto(&elements[from..], roots.get(tail));
        elements.truncate(from);
        roots.set(tail, list);
        let done = elements.len() == base;
        roots.put_stack(stack, elements);
        done.then_some(())
    })
    .await;
}

/// So many neighbours are sorted at a time before the merging begins.
const RUN: usize = if oxbeam_heap::ZEAL { 2 } else { 32 };

/// Sorts a stack, with the help of the stack behind it; equal terms keep their order.
pub async fn sort(y: Yielder, stack: usize, order: fn(Term<'_>, Term<'_>) -> Ordering) {
    let mut at = 0;
    let len = y
        .slices(SORTED_PER_REDUCTION, |_, roots, units| {
            let mut terms = roots.take_stack(stack);
            while at < terms.len() && *units > 0 {
                let end = (at + RUN).min(terms.len());
                terms[at..end].sort_by(|a, b| order(*a, *b));
                *units = units.saturating_sub(end - at);
                at = end;
            }
            let len = terms.len();
            roots.put_stack(stack, terms);
            (at == len).then_some(len)
        })
        .await;
    let mut width = RUN;
    while width < len {
        merge_runs(y, stack, width, order).await;
        width *= 2;
    }
}

/// Merges each two neighbours of sorted runs of `width` terms.
async fn merge_runs(
    y: Yielder,
    stack: usize,
    width: usize,
    order: fn(Term<'_>, Term<'_>) -> Ordering,
) {
    // The runs under way begin at `low`; `left` and `right` are the next of each.
    let (mut low, mut left, mut right) = (0, 0, width);
    y.slices(SORTED_PER_REDUCTION, |_, roots, units| {
        let from = roots.take_stack(stack);
        let mut to = roots.take_stack(stack + 1);
        to.reserve_exact(from.len() - to.len());
        while *units > 0 && low < from.len() {
            *units -= 1;
            let middle = (low + width).min(from.len());
            let end = (low + 2 * width).min(from.len());
            let take_right = match (left < middle, right < end) {
                (true, true) => order(from[right], from[left]).is_lt(),
                (true, false) => false,
                (false, true) => true,
                (false, false) => {
                    low = end;
                    (left, right) = (low, low + width);
                    continue;
                }
            };
            let next = if take_right { &mut right } else { &mut left };
            to.push(from[*next]);
            *next += 1;
        }
        if low >= from.len() {
            roots.put_stack(stack, to);
            let mut spare = from;
            spare.clear();
            roots.put_stack(stack + 1, spare);
            return Some(());
        }
        roots.put_stack(stack, from);
        roots.put_stack(stack + 1, to);
        None
    })
    .await;
}
