//! Type tests and branches.

use crate::machine::{Handler, M, Mode, Place, brand, op, slow};
use crate::raise;
use oxbeam_term::compare::eq;
use oxbeam_term::tag::{Subtag, header_arity, tuple_header};
use oxbeam_term::{RawTerm, am};
use std::cmp::Ordering;

/// Goes on `n` words on if `pass`, else to the label in operand `fail`.
///
/// # Safety
/// Machine rule 1.
#[inline(always)]
pub(super) unsafe fn test(m: &mut M, pass: bool, fail: usize, n: usize) -> Handler {
    // SAFETY: by contract.
    unsafe { if pass { m.next(n) } else { m.branch(fail) } }
}

/// Whether a term is boxed with a subtag of which `which` holds.
///
/// # Safety
/// The term is good.
#[inline(always)]
unsafe fn boxed(term: RawTerm, which: impl Fn(Subtag) -> bool) -> bool {
    // SAFETY: by contract.
    term.is_boxed() && which(Subtag::of(unsafe { term.header() }))
}

/// Whether a fun of any kind takes `arity` arguments.
///
/// # Safety
/// The terms are good.
unsafe fn fun_arity(fun: RawTerm) -> Option<usize> {
    // SAFETY: by contract.
    let fun = unsafe { brand(fun) };
    match fun.as_fun() {
        Some(fun) => Some(fun.arity()),
        None => fun.as_export().map(|export| usize::from(export.arity)),
    }
}

macro_rules! tests {
    ($($name:ident: |$t:ident| $pass:expr;)*) => { op! {$(
        fn $name<A: Mode>(m) {
            let $t = m.get::<A>(1);
            test(m, $pass, 2, 3)
        }
    )*} };
}

tests! {
    is_nil: |t| t.is_nil();
    is_list: |t| t.is_list() || t.is_nil();
    is_nonempty_list: |t| t.is_list();
    is_tuple: |t| t.is_subtag(Subtag::Tuple);
    is_atom: |t| t.is_atom();
    is_boolean: |t| t == RawTerm::atom(am::true_) || t == RawTerm::atom(am::false_);
    is_integer: |t| t.is_small() || boxed(t, |s| matches!(s, Subtag::PosBig | Subtag::NegBig));
    is_float: |t| t.is_subtag(Subtag::Float);
    is_number: |t| t.is_small()
        || boxed(t, |s| matches!(s, Subtag::PosBig | Subtag::NegBig | Subtag::Float));
    is_pid: |t| t.is_local_pid() || t.is_subtag(Subtag::ExtPid);
    is_port: |t| t.is_local_port() || t.is_subtag(Subtag::ExtPort);
    is_reference: |t| boxed(t, |s| matches!(s, Subtag::Ref | Subtag::ExtRef));
    is_binary: |t| is_bits(t) && brand(t).is_binary();
    is_bitstr: |t| is_bits(t);
    is_map: |t| t.is_subtag(Subtag::Map);
    is_function: |t| boxed(t, |s| matches!(s, Subtag::Fun | Subtag::Export));
}

/// Whether a term is a bitstring.
///
/// # Safety
/// The term is good.
#[inline(always)]
unsafe fn is_bits(t: RawTerm) -> bool {
    // SAFETY: by contract.
    unsafe { boxed(t, |s| matches!(s, Subtag::RefcBin | Subtag::HeapBin | Subtag::SubBin)) }
}

op! {
    fn jump(m) {
        m.branch(1)
    }
    fn is_nonempty_list_get_list<A: Mode, H: Place, T: Place>(m) {
        let src = m.get::<A>(1);
        if !src.is_list() {
            return m.branch(4);
        }
        let (head, tail) = (src.head(), src.tail());
        m.set::<H>(2, head);
        m.set::<T>(3, tail);
        m.next(5)
    }
    fn test_arity<A: Mode>(m) {
        let src = m.get::<A>(1);
        if !src.is_subtag(Subtag::Tuple) {
            return raise::bad_code;
        }
        test(m, src.header() == m.w(3), 2, 4)
    }
    fn is_tuple_of_arity<A: Mode>(m) {
        let src = m.get::<A>(1);
        test(m, src.is_boxed() && src.header() == m.w(3), 2, 4)
    }
    fn is_tagged_tuple<A: Mode>(m) {
        let src = m.get::<A>(1);
        let pass = src.is_boxed() && src.header() == m.w(3) && src.word(0) == m.w(4);
        test(m, pass, 2, 5)
    }
    fn is_function2<A: Mode, B: Mode>(m) {
        let (fun, arity) = (m.get::<A>(1), m.get::<B>(2));
        let pass = fun_arity(fun).is_some_and(|n| arity == RawTerm::small(n as i64));
        test(m, pass, 3, 4)
    }
    fn is_eq_imm<A: Mode, B: Mode>(m) {
        test(m, m.get::<A>(1) == m.get::<B>(2), 3, 4)
    }
    fn is_ne_imm<A: Mode, B: Mode>(m) {
        test(m, m.get::<A>(1) != m.get::<B>(2), 3, 4)
    }
    fn select_val<A: Mode>(m) {
        let (value, n) = (m.get::<A>(1).0, m.w(3) as usize / 2);
        let (mut low, mut high) = (0, n);
        while low < high {
            let middle = (low + high) / 2;
            let at = 4 + 2 * middle;
            match value.cmp(&m.w(at)) {
                Ordering::Equal => return m.branch(at + 1),
                Ordering::Less => high = middle,
                Ordering::Greater => low = middle + 1,
            }
        }
        m.branch(2)
    }
    fn select_dense<A: Mode>(m) {
        let value = m.get::<A>(1);
        let index = value.small_value().wrapping_sub(m.w(3) as i64) as u64;
        if !value.is_small() || index >= m.w(4) {
            return m.branch(2);
        }
        m.branch(5 + index as usize)
    }
    fn select_any<A: Mode>(m) {
        select_any_slow::<A>
    }
    fn select_arity<A: Mode>(m) {
        let (src, n) = (m.get::<A>(1), m.w(3) as usize / 2);
        if !src.is_subtag(Subtag::Tuple) {
            return raise::bad_code;
        }
        let header = tuple_header(header_arity(src.header()));
        for i in 0..n {
            if m.w(4 + 2 * i) == header {
                return m.branch(5 + 2 * i);
            }
        }
        m.branch(2)
    }
}

slow! {
    fn select_any_slow<A: Mode>(m) {
        let (value, n) = (m.get::<A>(1), m.w(3) as usize / 2);
        for i in 0..n {
            if eq(brand(value), brand(RawTerm(m.w(4 + 2 * i)))) {
                return m.branch(5 + 2 * i);
            }
        }
        m.branch(2)
    }
}
