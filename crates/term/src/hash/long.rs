//! Which terms take long to hash.

use crate::compare::WORK_AT_ONCE;
use crate::hamt::Pairs;
use crate::view::{Kind, Term};

/// Bytes of binaries that are hashed in the time of a word of another term.
const BYTES_PER_WORK: usize = 32;

/// Whether hashing a term is more work than what is done at once: a millisecond's.
#[inline]
pub fn is_long(term: Term<'_>) -> bool {
    is_more_than(term, WORK_AT_ONCE)
}

/// Whether a term is more work than that, in words or so; no more of it is looked at.
#[inline]
pub fn is_more_than(term: Term<'_>, work: usize) -> bool {
    !term.raw().is_immediate() && compound_is_more_than(term, work)
}

fn compound_is_more_than(term: Term<'_>, work: usize) -> bool {
    let (mut left, mut stack, mut next) = (work, vec![], Some(term));
    while let Some(term) = next.take().or_else(|| stack.pop()) {
        let amount = match term.kind() {
            Kind::Cons(_) => 1,
            Kind::Tuple(tuple) => tuple.arity(),
            Kind::Map(map) => 2 * map.size(),
            Kind::Fun(fun) => fun.free_count(),
            Kind::Bits(bits) => bits.byte_size() / BYTES_PER_WORK,
            Kind::Big(big) => big.digits().len(),
            _ => 0,
        };
        match left.checked_sub(amount) {
            None => return true,
            Some(less) => left = less,
        }
        let mut push =
            |part| stack.extend(Some(part).filter(|part: &Term<'_>| !part.raw().is_immediate()));
        match term.kind() {
            Kind::Cons(cell) => {
                push(cell.head());
                next = Some(cell.tail());
            }
            Kind::Tuple(tuple) => tuple.elements().iter().for_each(|&part| push(part)),
            Kind::Map(map) => Pairs::of(map).for_each(|(key, value)| {
                push(key);
                push(value);
            }),
            Kind::Fun(fun) => fun.env().iter().for_each(|&part| push(part)),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RawTerm;

    /// A list of so many small integers, in words of its own.
    fn list(length: usize, words: &mut Vec<u64>) -> RawTerm {
        words.resize(2 * length, 0);
        let start = words.as_mut_ptr();
        let mut rest = RawTerm::NIL;
        for at in (0..length).rev() {
            words[2 * at] = RawTerm::small(7).0;
            words[2 * at + 1] = rest.0;
            // SAFETY: within the vector.
            rest = RawTerm::list(unsafe { start.add(2 * at) });
        }
        rest
    }

    #[test]
    fn what_is_more_than_the_work_at_once_is_long() {
        for (length, expected) in [(1, false), (WORK_AT_ONCE, false), (WORK_AT_ONCE + 1, true)] {
            let mut words = vec![];
            // SAFETY: the words live as long as the term is looked at.
            let term = unsafe { Term::from_raw(list(length, &mut words)) };
            assert_eq!(is_long(term), expected, "{length}");
        }
        assert!(!is_long(Term::nil()));
    }
}
