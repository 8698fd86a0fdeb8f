//! Module `erts_debug`: sizes and sameness of terms.

pub mod dirty;
pub mod ends;
pub mod inspect;
pub mod nodes;
pub mod state;

use oxbeam_heap::copy::copy_words_within;
use oxbeam_heap::measure;
use oxbeam_runtime::dirty::if_long;
use oxbeam_runtime::{Cx, NativeResult};
use oxbeam_term::Term;

use crate::arg::take;

/// Whether two terms are one and the same word.
pub fn same_2<'h>(_cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [a, b] = take(args);
    Ok(Term::bool(a.raw() == b.raw()))
}

/// Whether a term has more words than are counted, or copied, at once.
fn is_large(term: Term<'_>) -> bool {
    copy_words_within(term, 1 << 14).is_none()
}

pub fn flat_size_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term] = take(args);
    if_long(flat_size_1, || is_large(term))?;
    let words = measure::flat_size(term);
    cx.bump(words / 64);
    Ok(cx.heap.usize(words))
}

pub fn size_shared_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term] = take(args);
    if_long(size_shared_1, || is_large(term))?;
    let words = measure::shared_size(term);
    cx.bump(words / 16);
    Ok(cx.heap.usize(words))
}
