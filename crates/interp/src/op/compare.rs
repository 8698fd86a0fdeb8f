//! Comparison, as a branch and as a value.
//!
//! Each relation has a quick part, which looks at the two words, and a full part, which is a slow path.
//! Where that is more work than a millisecond's, the native of the relation does it on a dirty
//! scheduler. These operations do not say which registers live, so all are kept meanwhile.

use super::select::test;
use crate::machine::{Handler, M, Mode, Place, brand, op, slow};
use crate::{native, raise};
use oxbeam_term::compare::{WORK_AT_ONCE, compare_within, eq_within};
use oxbeam_term::{Atom, RawTerm, am, export};

/// A relation between two terms.
pub trait Relation {
    /// Whether it holds, if the words alone tell.
    fn quick(a: RawTerm, b: RawTerm) -> Option<bool>;

    /// Whether it holds; `None`: it takes long to tell.
    ///
    /// # Safety
    /// The terms are good.
    unsafe fn full(a: RawTerm, b: RawTerm) -> Option<bool>;

    /// The name of its native.
    const NATIVE: &str;
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
    unsafe fn full(a: RawTerm, b: RawTerm) -> Option<bool> {
        // SAFETY: by contract.
        unsafe { eq_within(brand(a), brand(b), WORK_AT_ONCE) }
    }
    const NATIVE: &str = "=:=";
}

impl Relation for Eq {
    #[inline(always)]
    fn quick(a: RawTerm, b: RawTerm) -> Option<bool> {
        if a == b {
            return Some(true);
        }
        (a.is_immediate() && b.is_immediate()).then_some(false)
    }
    unsafe fn full(a: RawTerm, b: RawTerm) -> Option<bool> {
        // SAFETY: by contract.
        Some(unsafe { compare_within(brand(a), brand(b), WORK_AT_ONCE) }?.is_eq())
    }
    const NATIVE: &str = "==";
}

impl Relation for Lt {
    #[inline(always)]
    fn quick(a: RawTerm, b: RawTerm) -> Option<bool> {
        let both_small = (a.0 & b.0 & 0xF) == 0xF;
        both_small.then_some((a.0 as i64) < b.0 as i64)
    }
    unsafe fn full(a: RawTerm, b: RawTerm) -> Option<bool> {
        // SAFETY: by contract.
        Some(unsafe { compare_within(brand(a), brand(b), WORK_AT_ONCE) }?.is_lt())
    }
    const NATIVE: &str = "<";
}

impl<R: Relation> Relation for Not<R> {
    #[inline(always)]
    fn quick(a: RawTerm, b: RawTerm) -> Option<bool> {
        R::quick(a, b).map(|holds| !holds)
    }
    unsafe fn full(a: RawTerm, b: RawTerm) -> Option<bool> {
        // SAFETY: by contract.
        unsafe { R::full(a, b) }.map(|holds| !holds)
    }
    const NATIVE: &str = match R::NATIVE.as_bytes() {
        b"=:=" => "=/=",
        b"==" => "/=",
        _ => ">=",
    };
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

/// Whether the relation holds; `Err`: what to go on with instead.
///
/// # Safety
/// Machine rules; the terms are good.
unsafe fn full<T: Relation>(m: &mut M, a: RawTerm, b: RawTerm) -> Result<bool, Handler> {
    // SAFETY: by contract.
    unsafe {
        if let Some(holds) = T::full(a, b) {
            return Ok(holds);
        }
        let name = Atom::new(T::NATIVE).unwrap_or(am::undefined);
        let result = native::call(m, export::get_or_create(am::erlang, name, 2), &[a, b]);
        m.back();
        match result {
            Some(Ok(holds)) => Ok(holds.is(am::true_)),
            Some(Err(_)) => Err(raise::bad_code),
            None => Err(m.leave_within(oxbeam_code::x_registers())),
        }
    }
}

slow! {
    fn branch_full<T: Relation, A: Mode, B: Mode>(m) {
        match full::<T>(m, m.get::<A>(1), m.get::<B>(2)) {
            Ok(pass) => test(m, pass, 3, 4),
            Err(elsewhere) => elsewhere,
        }
    }
    fn value_full<T: Relation, A: Mode, B: Mode, R: Place>(m) {
        match full::<T>(m, m.get::<A>(1), m.get::<B>(2)) {
            Ok(holds) => {
                m.set::<R>(3, boolean(holds));
                m.next(4)
            }
            Err(elsewhere) => elsewhere,
        }
    }
}
