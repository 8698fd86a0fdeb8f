//! `++` and `--`.

use std::collections::BTreeMap;

use oxbeam_runtime::{Cx, Flow, NativeResult, Slot, Yielded, Yielder};
use oxbeam_term::Term;
use oxbeam_term::compare::{compare_exact, eq};

use crate::arg::{self, take};
use crate::long;

long::routines! {
    append_long => append;
    subtract_long => subtract;
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
    let (elements, taken) = (arg::list(from)?, arg::list(what)?);
    if elements.is_empty() || taken.is_empty() {
        return Ok(from);
    }
    cx.bump((elements.len() + taken.len()) / 10);
    let kept =
        if taken.len() <= FEW { minus_few(elements, taken) } else { minus(elements, &taken) };
    Ok(cx.heap.list(&kept))
}

/// Stacks: what is left of `A`, `B` sorted, and the sort's own.
const KEPT: usize = 0;
const TAKEN: usize = 1;

async fn subtract(y: Yielder) -> Yielded {
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
    long::sort(y, TAKEN, compare_exact).await;
    keep_the_rest(y).await;
    y.step(|_, roots| roots.set(from, Term::nil())).await;
    long::list_onto(y, KEPT, from).await;
    Ok(from)
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

/// So many elements are looked for one by one.
const FEW: usize = 8;

fn minus_few<'h>(elements: Vec<Term<'h>>, mut taken: Vec<Term<'h>>) -> Vec<Term<'h>> {
    let keep = |&element: &Term<'h>| match taken.iter().position(|&other| eq(other, element)) {
        Some(at) => {
            taken.swap_remove(at);
            false
        }
        None => true,
    };
    elements.into_iter().filter(keep).collect()
}

/// A term ordered exactly, as a key.
struct Key<'h>(Term<'h>);

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        compare_exact(self.0, other.0).is_eq()
    }
}

impl Eq for Key<'_> {}

impl PartialOrd for Key<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        compare_exact(self.0, other.0)
    }
}

fn minus<'h>(elements: Vec<Term<'h>>, taken: &[Term<'h>]) -> Vec<Term<'h>> {
    let mut counts: BTreeMap<Key<'h>, usize> = BTreeMap::new();
    for &element in taken {
        *counts.entry(Key(element)).or_default() += 1;
    }
    let keep = |&element: &Term<'h>| match counts.get_mut(&Key(element)) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    elements.into_iter().filter(keep).collect()
}
