//! `A =:= B`, which needs no order and so stops sooner.

use super::{BYTES_PER_WORK, STRETCH, Work, compare_bits};
use crate::view::{Kind, Map, Term};
use std::cmp::Ordering;

/// Pairs of arrays still to be compared.
type Pending<'t> = Vec<(&'t [Term<'t>], &'t [Term<'t>])>;

/// `A =:= B`: the same value of the same type.
#[inline]
pub fn eq<'t>(a: Term<'t>, b: Term<'t>) -> bool {
    if a.raw() == b.raw() {
        return true;
    }
    // Two immediates that differ as words differ.
    if a.raw().is_immediate() || b.raw().is_immediate() {
        return false;
    }
    eq_compound(a, b, &mut Work::unlimited()).unwrap_or(false)
}

/// As [`eq`], for terms that differ as words; `None`: that takes more work than so much.
pub fn eq_within<'t>(a: Term<'t>, b: Term<'t>, work: usize) -> Option<bool> {
    eq_compound(a, b, &mut Work(work))
}

/// As [`eq`], taking what it does off `work`; `None`: it is more.
#[inline]
pub fn eq_counted<'t>(a: Term<'t>, b: Term<'t>, work: &mut usize) -> Option<bool> {
    if a.raw() == b.raw() {
        return Some(true);
    }
    if a.raw().is_immediate() || b.raw().is_immediate() {
        return Some(false);
    }
    let mut left = Work(*work);
    let equal = eq_compound(a, b, &mut left);
    *work = left.0;
    equal
}

fn eq_compound<'t>(a: Term<'t>, b: Term<'t>, work: &mut Work) -> Option<bool> {
    let mut pending = Vec::new();
    let (mut a, mut b) = (a, b);
    loop {
        if !eq_step(a, b, &mut pending, work)? {
            return Some(false);
        }
        match next_pair(&mut pending, work)? {
            Some(pair) => (a, b) = pair,
            None => return Some(true),
        }
    }
}

/// The next pair that differs as words; `None`: it is too far away.
fn next_pair<'t>(
    pending: &mut Pending<'t>,
    work: &mut Work,
) -> Option<Option<(Term<'t>, Term<'t>)>> {
    while let Some((a, b)) = pending.pop() {
        let stretch = a.len().min(STRETCH);
        if !work.take(1 + stretch / 8) {
            return None;
        }
        let differ = a[..stretch].iter().zip(b).position(|(a, b)| a.raw() != b.raw());
        let next = differ.map_or(stretch, |at| at + 1);
        if next < a.len() && next <= b.len() {
            pending.push((&a[next..], &b[next..]));
        }
        if let Some(at) = differ {
            return Some(Some((a[at], b[at])));
        }
    }
    Some(None)
}

/// Whether two terms are equal but for what goes to `pending`; `None`: that is too much work.
fn eq_step<'t>(
    a: Term<'t>,
    b: Term<'t>,
    pending: &mut Pending<'t>,
    work: &mut Work,
) -> Option<bool> {
    Some(match (a.kind(), b.kind()) {
        (Kind::Cons(a), Kind::Cons(b)) => {
            pending.push((a.both(), b.both()));
            true
        }
        (Kind::Tuple(a), Kind::Tuple(b)) => {
            pending.push((a.elements(), b.elements()));
            a.arity() == b.arity()
        }
        (Kind::Float(a), Kind::Float(b)) => a == b,
        (Kind::Big(a), Kind::Big(b)) => {
            a.is_negative() == b.is_negative() && a.digits() == b.digits()
        }
        (Kind::Bits(a), Kind::Bits(b)) => {
            if a.bit_size() != b.bit_size() {
                return Some(false);
            }
            if !work.take(a.byte_size() / BYTES_PER_WORK) {
                return None;
            }
            compare_bits(a, b) == Ordering::Equal
        }
        (Kind::Map(a), Kind::Map(b)) => eq_maps(a, b, pending),
        (Kind::Fun(a), Kind::Fun(b)) => {
            pending.push((a.env(), b.env()));
            std::ptr::eq(a.entry(), b.entry()) && a.free_count() == b.free_count()
        }
        (Kind::Export(a), Kind::Export(b)) => std::ptr::eq(a, b),
        (Kind::Ref(a), Kind::Ref(b)) => a.numbers() == b.numbers(),
        (Kind::ExtPid(a), Kind::ExtPid(b)) | (Kind::ExtPort(a), Kind::ExtPort(b)) => {
            std::ptr::eq(a.node(), b.node()) && a.data() == b.data()
        }
        (Kind::ExtRef(_), Kind::ExtRef(_)) => match (a.ref_parts(), b.ref_parts()) {
            (Some(a), Some(b)) => a.cmp(&b) == Ordering::Equal,
            _ => false,
        },
        _ => a.raw() == b.raw(),
    })
}

/// Equal maps are built alike: flat ones have the same order, hashed ones the same tree.
fn eq_maps<'t>(a: Map<'t>, b: Map<'t>, pending: &mut Pending<'t>) -> bool {
    if a.header() != b.header() {
        return false;
    }
    if a.is_flat() {
        if a.size() != b.size() {
            return false;
        }
        pending.push((a.flat_values(), b.flat_values()));
        pending.push((a.flat_keys(), b.flat_keys()));
        return true;
    }
    pending.push((a.children(), b.children()));
    a.is_inner_node() || a.size() == b.size()
}
