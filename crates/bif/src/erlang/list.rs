//! `++` and `--`.

use oxbeam_runtime::native::RunOn;
use oxbeam_runtime::{Cx, Failure, Flow, NativeResult, Slot, Yielded, Yielder};
use oxbeam_term::Term;
use oxbeam_term::compare::{WORK_AT_ONCE, compare_exact, compare_exact_counted, eq, eq_counted};
use oxbeam_term::hash::is_more_than;

use crate::arg::{self, take};
use crate::long;

long::routines! {
    append_long => append;
    subtract_long => subtract_in_turns;
}

/// `A ++ B`: a proper list in front of anything.
pub fn append_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [front, tail] = take(args);
    if front.is_nil() {
        return Ok(tail);
    }
    if long::quick_length(front).is_none() {
        return Err(Flow::Long(append_long));
    }
    let elements = arg::list(front)?;
    cx.bump(elements.len() / 40);
    Ok(cx.heap.list_onto(&elements, tail))
}

async fn append(y: Yielder) -> Yielded {
    let (front, tail) = (Slot::arg(0), Slot::arg(1));
    long::gather(y, front, 0).await?;
    long::list_onto(y, 0, tail).await;
    Ok(tail)
}

/// `A -- B`: for each element of `B` the first one equal to it is taken from `A`.
pub fn subtract_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [from, what] = take(args);
    if long::quick_length(from).is_none() || long::quick_length(what).is_none() {
        return Err(Flow::Long(subtract_long));
    }
    subtract(cx, from, what, WORK_AT_ONCE)?.ok_or(Flow::Dirty(RunOn::DirtyCpu, subtract_here))
}

/// As [`subtract_2`], however long it takes.
fn subtract_here<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [from, what] = take(args);
    let difference = subtract(cx, from, what, usize::MAX)?;
    Ok(difference.expect("work has no limit here"))
}

/// `None`: that is more work than so much.
fn subtract<'h>(
    cx: &mut Cx<'h>,
    from: Term<'h>,
    what: Term<'h>,
    most_work: usize,
) -> Result<Option<Term<'h>>, Flow<'h>> {
    let (elements, taken) = (arg::list(from)?, arg::list(what)?);
    if elements.is_empty() || taken.is_empty() {
        return Ok(Some(from));
    }
    let (mut work, elements_count) = (most_work, elements.len() + taken.len());
    let kept = match taken.len() <= FEW {
        true => minus_few(&elements, taken, &mut work),
        false => minus(&elements, &taken, &mut work),
    };
    cx.bump(elements_count / 10 + (most_work - work) / 8);
    Ok(kept.map(|kept| cx.heap.list(&kept)))
}

/// Stacks: what is left of `A`, `B` sorted, and the sort's own.
const KEPT: usize = 0;
const TAKEN: usize = 1;

async fn subtract_in_turns(y: Yielder) -> Yielded {
    let (from, what) = (Slot::arg(0), Slot::arg(1));
    let whole = y.step(|_, roots| roots.push(roots.get(from))).await;
    long::gather(y, from, KEPT).await?;
    long::gather(y, what, TAKEN).await?;
    let nothing_to_do = y
        .step(|_, roots| {
            let taken = roots.take_stack(TAKEN);
            let none = taken.is_empty();
            roots.put_stack(TAKEN, taken);
            none
        })
        .await;
    if nothing_to_do {
        return Ok(whole);
    }
    if !are_simple(y).await {
        return Err(Failure::Dirty(subtract_here));
    }
    long::sort(y, TAKEN, compare_exact).await;
    keep_the_rest(y).await;
    y.step(|_, roots| roots.set(from, Term::nil())).await;
    long::list_onto(y, KEPT, from).await;
    Ok(from)
}

/// Whether comparing any of the elements of `TAKEN` is little work.
async fn are_simple(y: Yielder) -> bool {
    let mut at = 0;
    y.slices(long::KEYS_PER_REDUCTION, |_, roots, units| {
        let taken = roots.take_stack(TAKEN);
        let end = taken.len().min(at + *units);
        let simple = taken[at..end].iter().all(|&element| !is_more_than(element, SIMPLE_WORK));
        *units -= end - at;
        at = end;
        let all = at == taken.len();
        roots.put_stack(TAKEN, taken);
        (all || !simple).then_some(simple)
    })
    .await
}

/// Takes the elements of `TAKEN` out of `KEPT`, the first of equal ones first.
async fn keep_the_rest(y: Yielder) {
    // Of equal elements in `TAKEN`, how many the first stands for have been used up.
    let mut used: Vec<u32> = Vec::new();
    let (mut next, mut kept) = (0, 0);
    y.slices(1, |_, roots, units| {
        let (mut elements, taken) = (roots.take_stack(KEPT), roots.take_stack(TAKEN));
        used.resize(taken.len(), 0);
        while next < elements.len() && *units > 0 {
            *units -= 1;
            let element = elements[next];
            let first = taken.partition_point(|&other| compare_exact(other, element).is_lt());
            let candidate = first + used.get(first).map_or(0, |&count| count as usize);
            if taken.get(candidate).is_some_and(|&other| eq(other, element)) {
                used[first] += 1;
            } else {
                elements[kept] = element;
                kept += 1;
            }
            next += 1;
        }
        let done = next == elements.len();
        if done {
            elements.truncate(kept);
        }
        roots.put_stack(KEPT, elements);
        roots.put_stack(TAKEN, taken);
        done.then_some(())
    })
    .await;
}

/// Work of one comparison that goes with others into a turn.
const SIMPLE_WORK: usize = 32;

/// So many elements are looked for one by one.
const FEW: usize = 8;

/// `None`: that is more work than there may be.
fn minus_few<'h>(
    elements: &[Term<'h>],
    mut taken: Vec<Term<'h>>,
    work: &mut usize,
) -> Option<Vec<Term<'h>>> {
    let mut kept = vec![];
    for &element in elements {
        let mut at = None;
        for (n, &other) in taken.iter().enumerate() {
            if eq_counted(other, element, work)? {
                at = Some(n);
                break;
            }
        }
        match at {
            Some(at) => _ = taken.swap_remove(at),
            None => kept.push(element),
        }
    }
    Some(kept)
}

/// As [`minus_few`], for any number.
fn minus<'h>(elements: &[Term<'h>], taken: &[Term<'h>], work: &mut usize) -> Option<Vec<Term<'h>>> {
    let sorted = sorted(taken, work)?;
    // Of equal elements, how many the first stands for have been used up.
    let mut used = vec![0; sorted.len()];
    let mut kept = vec![];
    for &element in elements {
        let first = place(&sorted, element, work)?;
        let found = match sorted.get(first + used.get(first).copied().unwrap_or(0)) {
            Some(&other) => eq_counted(other, element, work)?,
            None => false,
        };
        match found {
            true => used[first] += 1,
            false => kept.push(element),
        }
    }
    Some(kept)
}

/// Where the first that is not less than the element stands, or would.
fn place<'h>(sorted: &[Term<'h>], element: Term<'h>, work: &mut usize) -> Option<usize> {
    let (mut low, mut high) = (0, sorted.len());
    while low < high {
        let middle = low + (high - low) / 2;
        match compare_exact_counted(sorted[middle], element, work)?.is_lt() {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    Some(low)
}

/// The terms in their exact order, by merging.
fn sorted<'h>(terms: &[Term<'h>], work: &mut usize) -> Option<Vec<Term<'h>>> {
    let (mut from, mut width) = (terms.to_vec(), 1);
    while width < from.len() {
        let mut to = Vec::with_capacity(from.len());
        for pair in from.chunks(2 * width) {
            let (mut left, mut right) = pair.split_at(width.min(pair.len()));
            while let (Some(&a), Some(&b)) = (left.first(), right.first()) {
                if compare_exact_counted(b, a, work)?.is_lt() {
                    to.push(b);
                    right = &right[1..];
                } else {
                    to.push(a);
                    left = &left[1..];
                }
            }
            to.extend_from_slice(left);
            to.extend_from_slice(right);
        }
        from = to;
        width *= 2;
    }
    Some(from)
}
