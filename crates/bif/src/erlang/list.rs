//! `++` and `--`.

use std::collections::BTreeMap;

use oxbeam_runtime::{Cx, NativeResult};
use oxbeam_term::Term;
use oxbeam_term::compare::{compare_exact, eq};

use crate::arg::{self, take};

/// `A ++ B`: a proper list in front of anything.
pub fn append_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [front, tail] = take(args);
    if front.is_nil() {
        return Ok(tail);
    }
    let elements = arg::list(front)?;
    cx.bump(elements.len() / 40);
    Ok(cx.heap.list_onto(&elements, tail))
}

/// `A -- B`: for each element of `B` the first one equal to it is taken from `A`.
pub fn subtract_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [from, what] = take(args);
    let (elements, taken) = (arg::list(from)?, arg::list(what)?);
    if elements.is_empty() || taken.is_empty() {
        return Ok(from);
    }
    cx.bump((elements.len() + taken.len()) / 10);
    let kept =
        if taken.len() <= FEW { minus_few(elements, taken) } else { minus(elements, &taken) };
    Ok(cx.heap.list(&kept))
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
