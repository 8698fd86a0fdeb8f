//! Sizes of terms in words.

use std::collections::HashSet;

use oxbeam_term::Term;
use oxbeam_term::layout::heap_bin_words;
use oxbeam_term::tag::tuple_header;

use crate::copy::{bytes_of_part, push_elements};
use crate::literal::is_literal_address;

/// Words of a copy of the term, in which nothing is shared.
pub fn flat_size(term: Term<'_>) -> usize {
    size(term, true, |_| true)
}

/// Words that the term takes where it lies: what is shared counts once, literals not at all.
pub fn shared_size(term: Term<'_>) -> usize {
    let mut seen = HashSet::new();
    size(term, false, |object| !is_literal_address(object) && seen.insert(object))
}

/// Words of a copy of the term, literals included, in which what is shared stays shared.
pub fn copy_sharing_size(term: Term<'_>) -> usize {
    let (mut seen, mut empty_tuples) = (HashSet::new(), 0);
    let words = size(term, false, |object| {
        let new = seen.insert(object);
        // SAFETY: an object or cell of the term has a first word.
        empty_tuples += usize::from(new && unsafe { *object } == tuple_header(0));
        new
    });
    words + empty_tuples
}

/// Words of the objects that `count` says yes to. The empty tuple counts nothing, as in stock,
/// where all share one; parts of heap binaries as they lie or `as_copied`.
fn size(term: Term<'_>, as_copied: bool, mut count: impl FnMut(*mut u64) -> bool) -> usize {
    let (mut words, mut pending) = (0, vec![term.raw()]);
    while let Some(term) = pending.pop() {
        if term.is_immediate() || !count(term.ptr()) {
            continue;
        }
        // SAFETY: the term and all it refers to are alive while it is branded.
        unsafe {
            if term.is_boxed()
                && as_copied
                && let Some((_, size_bytes)) = bytes_of_part(term.ptr())
            {
                words += heap_bin_words(size_bytes);
                continue;
            }
            let empty_tuple = term.is_boxed() && *term.ptr() == tuple_header(0);
            let size = push_elements(term, &mut pending);
            words += if empty_tuple { 0 } else { size };
        }
    }
    words
}
