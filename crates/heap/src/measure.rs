//! Sizes of terms in words.

use std::collections::HashSet;

use oxbeam_term::{RawTerm, Term};

use crate::copy::{TermWords, flat_words, object_words, term_words};

/// Words of a copy of the term, in which nothing is shared.
pub fn flat_size(term: Term<'_>) -> usize {
    // SAFETY: a branded term is alive.
    unsafe { flat_words(term.raw(), true) }
}

/// Words that the term takes where it lies: what is shared counts once.
pub fn shared_size(term: Term<'_>) -> usize {
    let (mut words, mut seen, mut pending) = (0, HashSet::new(), vec![term.raw()]);
    while let Some(term) = pending.pop() {
        if term.is_immediate() || !seen.insert(term.ptr()) {
            continue;
        }
        // SAFETY: the term and all it refers to are alive while it is branded.
        unsafe {
            if term.is_list() {
                words += 2;
                pending.extend([term.tail(), term.head()]);
                continue;
            }
            let object = term.ptr();
            let size = object_words(object);
            words += size;
            match term_words(*object) {
                TermWords::None => {}
                TermWords::Only(at) => pending.push(RawTerm(*object.add(at))),
                TermWords::From(at) => pending.extend((at..size).map(|n| RawTerm(*object.add(n)))),
            }
        }
    }
    words
}
