//! Arithmetic: two smalls inline, all else through the heap's exact arithmetic.

use crate::machine::{M, Mode, Place, brand, op, slow};
use crate::native;
use oxbeam_heap::Heap;
use oxbeam_heap::arith::{self, ArithError};
use oxbeam_term::tag::{SMALL, SMALL_MIN};
use oxbeam_term::{Export, RawTerm, Term};

type Slow = for<'h> fn(&'h Heap, Term<'h>, Term<'h>) -> Result<Term<'h>, ArithError>;

#[inline(always)]
fn both_small(a: RawTerm, b: RawTerm) -> bool {
    (a.0 & b.0 & 0xF) == SMALL
}

/// Does `slow` on operands 1 and 2, result to operand 3; an error goes to the
/// label in operand 4 or is raised.
///
/// # Safety
/// Machine rules.
unsafe fn exact<A: Mode, B: Mode, R: Place>(m: &mut M, slow: Slow) -> crate::machine::Handler {
    // SAFETY: machine rules.
    unsafe {
        let (a, b) = (m.get::<A>(1), m.get::<B>(2));
        let result = slow(m.heap(), brand(a), brand(b)).map(Term::raw);
        m.back();
        match result {
            Ok(term) => {
                m.set::<R>(3, term);
                m.next(6)
            }
            Err(_) if m.w(4) != 0 => m.branch(4),
            Err(error) => {
                let export = native::export(m.w(5));
                let constants = [A::is_constant(m.w(1)), B::is_constant(m.w(2))];
                if is_increment(export, [a, b], constants) {
                    return native::raise_plain(error);
                }
                native::raise_arith(m, export, &[a, b], error)
            }
        }
    }
}

/// As [`exact`], for what cannot stop and may take long: then the native does it, on a dirty
/// scheduler.
///
/// # Safety
/// Machine rules.
unsafe fn exact_or_dirty<A: Mode, B: Mode, R: Place>(
    m: &mut M,
    slow: Slow,
) -> crate::machine::Handler {
    // SAFETY: machine rules.
    unsafe {
        let (a, b) = (m.get::<A>(1), m.get::<B>(2));
        if !arith::is_long(brand(a), brand(b)) {
            return exact::<A, B, R>(m, slow);
        }
        super::bif::run::<R>(m, native::export(m.w(5)), &[a, b], 3, m.w(4), 6)
    }
}

/// Whether the operation adds a constant to a register, or takes one away: such
/// an error is shown as the function's own, as stock shows it.
fn is_increment(export: &Export, terms: [RawTerm; 2], constants: [bool; 2]) -> bool {
    let constant_small = |i: usize| constants[i] && terms[i].is_small();
    match export.function.name() {
        "+" => constant_small(0) != constant_small(1),
        "-" => {
            let lowest = terms[1] == RawTerm::small(SMALL_MIN);
            constant_small(1) && !constants[0] && !lowest
        }
        _ => false,
    }
}

macro_rules! arithmetic {
    ($($name:ident, $slow_name:ident, $how:ident, $slow:path, |$a:ident, $b:ident| $fast:expr;)*) => {
        op! {$(
            fn $name<A: Mode, B: Mode, R: Place>(m) {
                let ($a, $b) = (m.get::<A>(1), m.get::<B>(2));
                if both_small($a, $b) && let Some(word) = $fast {
                    m.set::<R>(3, RawTerm(word));
                    return m.next(6);
                }
                $slow_name::<A, B, R>
            }
        )*}
        slow! {$(
            fn $slow_name<A: Mode, B: Mode, R: Place>(m) {
                $how::<A, B, R>(m, $slow)
            }
        )*}
    };
}

/// The word of a value, if it is a small.
#[inline(always)]
fn small(value: i64) -> Option<u64> {
    RawTerm::fits_small(value).then(|| RawTerm::small(value).0)
}

#[inline(always)]
fn signed(pair: (i64, bool)) -> Option<u64> {
    if pair.1 { None } else { Some(pair.0 as u64) }
}

arithmetic! {
    // Tags: (16a + 15) + 16b; the machine's overflow is the small's.
    add, add_slow, exact, arith::add, |a, b| signed((a.0 as i64).overflowing_add((b.0 & !SMALL) as i64));
    sub, sub_slow, exact, arith::sub, |a, b| signed((a.0 as i64).overflowing_sub((b.0 & !SMALL) as i64));
    mul, mul_slow, exact_or_dirty, arith::mul, |a, b| signed(
        a.small_value().overflowing_mul((b.0 & !SMALL) as i64)
    ).map(|word| word | SMALL);
    int_div, int_div_slow, exact_or_dirty, arith::int_div, |a, b| match b.small_value() {
        0 => None,
        by => small(a.small_value() / by),
    };
    int_rem, int_rem_slow, exact_or_dirty, arith::int_rem, |a, b| match b.small_value() {
        0 => None,
        by => small(a.small_value() % by),
    };
    band, band_slow, exact, arith::band, |a, b| Some(a.0 & b.0);
    bor, bor_slow, exact, arith::bor, |a, b| Some(a.0 | b.0);
    bxor, bxor_slow, exact, arith::bxor, |a, b| Some((a.0 ^ b.0) | SMALL);
    bsl, bsl_slow, exact, arith::bsl, |a, b| match (a.small_value(), b.small_value()) {
        (value, by @ 0..59) if (value << by) >> by == value => small(value << by),
        (value, by @ -63..0) => small(value >> -by),
        _ => None,
    };
    bsr, bsr_slow, exact, arith::bsr, |a, b| match (a.small_value(), b.small_value()) {
        (value, by @ 0..64) => small(value >> by),
        _ => None,
    };
}
