//! Comparison, as a branch and as a value.
//!
//! Each relation has a quick part, which looks at the two words, and a full part, which is a slow path.

use super::select::test;
use crate::machine::{Mode, Place, brand, op, slow};
use oxbeam_term::compare::{compare, eq};
use oxbeam_term::{RawTerm, am};

/// A relation between two terms.
pub trait Relation {
    /// Whether it holds, if the words alone tell.
    fn quick(a: RawTerm, b: RawTerm) -> Option<bool>;

    /// Whether it holds.
    ///
    /// # Safety
    /// The terms are good.
    unsafe fn full(a: RawTerm, b: RawTerm) -> bool;
}

/// `=:=`
pub struct EqExact;
/// `==`
pub struct Eq;
/// `<`
pub struct Lt;
/// What another relation is not.
pub struct Not<R>(std::marker::PhantomData<R>);

impl Relation for EqExact {
    #[inline(always)]
    fn quick(a: RawTerm, b: RawTerm) -> Option<bool> {
        if a == b {
            return Some(true);
        }
        (a.is_immediate() || b.is_immediate()).then_some(false)
    }
    unsafe fn full(a: RawTerm, b: RawTerm) -> bool {
        // SAFETY: by contract.
        unsafe { eq(brand(a), brand(b)) }
    }
}

impl Relation for Eq {
    #[inline(always)]
    fn quick(a: RawTerm, b: RawTerm) -> Option<bool> {
        if a == b {
            return Some(true);
        }
        (a.is_immediate() && b.is_immediate()).then_some(false)
    }
    unsafe fn full(a: RawTerm, b: RawTerm) -> bool {
        // SAFETY: by contract.
        unsafe { compare(brand(a), brand(b)).is_eq() }
    }
}

impl Relation for Lt {
    #[inline(always)]
    fn quick(a: RawTerm, b: RawTerm) -> Option<bool> {
        let both_small = (a.0 & b.0 & 0xF) == 0xF;
        both_small.then_some((a.0 as i64) < b.0 as i64)
    }
    unsafe fn full(a: RawTerm, b: RawTerm) -> bool {
        // SAFETY: by contract.
        unsafe { compare(brand(a), brand(b)).is_lt() }
    }
}

impl<R: Relation> Relation for Not<R> {
    #[inline(always)]
    fn quick(a: RawTerm, b: RawTerm) -> Option<bool> {
        R::quick(a, b).map(|holds| !holds)
    }
    unsafe fn full(a: RawTerm, b: RawTerm) -> bool {
        // SAFETY: by contract.
        !unsafe { R::full(a, b) }
    }
}

#[inline(always)]
fn boolean(value: bool) -> RawTerm {
    RawTerm::atom(if value { am::true_ } else { am::false_ })
}

macro_rules! relations {
    ($($branch:ident, $value:ident: $relation:ty;)*) => { op! {$(
        fn $branch<A: Mode, B: Mode>(m) {
            match <$relation>::quick(m.get::<A>(1), m.get::<B>(2)) {
                Some(pass) => test(m, pass, 3, 4),
                None => branch_full::<$relation, A, B>,
            }
        }
        fn $value<A: Mode, B: Mode, R: Place>(m) {
            match <$relation>::quick(m.get::<A>(1), m.get::<B>(2)) {
                Some(holds) => {
                    m.set::<R>(3, boolean(holds));
                    m.next(4)
                }
                None => value_full::<$relation, A, B, R>,
            }
        }
    )*} };
}

relations! {
    is_eq_exact, eq_exact: EqExact;
    is_ne_exact, ne_exact: Not<EqExact>;
    is_eq, eq_: Eq;
    is_ne, ne_: Not<Eq>;
    is_lt, lt: Lt;
    is_ge, ge: Not<Lt>;
}

slow! {
    fn branch_full<T: Relation, A: Mode, B: Mode>(m) {
        let pass = T::full(m.get::<A>(1), m.get::<B>(2));
        test(m, pass, 3, 4)
    }
    fn value_full<T: Relation, A: Mode, B: Mode, R: Place>(m) {
        let holds = T::full(m.get::<A>(1), m.get::<B>(2));
        m.set::<R>(3, boolean(holds));
        m.next(4)
    }
}
