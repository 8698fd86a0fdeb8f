//! Operators called as functions, and the rounding functions.

use oxbeam_heap::Heap;
use oxbeam_heap::arith::{self, ArithError, Rounding};
use oxbeam_runtime::dirty;
use oxbeam_runtime::native::RunOn;
use oxbeam_runtime::{Cx, Flow, NativeFn, NativeResult};
use oxbeam_term::Term;
use oxbeam_term::compare::{WORK_AT_ONCE, compare, compare_exact, compare_within, eq, eq_within};
use std::cmp::Ordering;

use crate::arg::take;

/// The exception of an arithmetic failure.
pub fn arith_flow<'h>(error: ArithError) -> Flow<'h> {
    match error {
        ArithError::Badarith => Flow::badarith(),
        ArithError::SystemLimit => Flow::system_limit(),
    }
}

macro_rules! arithmetic {
    ($($name:ident => $operation:path;)*) => {$(
        #[doc = concat!("The operator of `arith::", stringify!($operation), "`.")]
        pub fn $name<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
            let operation: fn(&'h Heap, Term<'h>, Term<'h>) -> arith::Result<'h> = $operation;
            operation(cx.heap, args[0], args[1]).map_err(arith_flow)
        }
    )*};
}

/// Operators that cannot stop: long ones are done on a dirty scheduler.
macro_rules! long_arithmetic {
    ($($name:ident => $operation:path;)*) => {$(
        #[doc = concat!("The operator of `arith::", stringify!($operation), "`.")]
        pub fn $name<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
            if arith::is_long(args[0], args[1]) && dirty::current() == RunOn::Normal {
                return Err(Flow::Dirty(RunOn::DirtyCpu, $name));
            }
            $operation(cx.heap, args[0], args[1]).map_err(arith_flow)
        }
    )*};
}

long_arithmetic! {
    times_2 => arith::mul;
    div_2 => arith::int_div;
    rem_2 => arith::int_rem;
}

arithmetic! {
    plus_2 => arith::add;
    minus_2 => arith::sub;
    slash_2 => arith::divide;
    band_2 => arith::band;
    bor_2 => arith::bor;
    bxor_2 => arith::bxor;
    bsl_2 => arith::bsl;
    bsr_2 => arith::bsr;
}

/// `erlang:'bnot'/1`
pub fn bnot_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    arith::bnot(cx.heap, args[0]).map_err(arith_flow)
}

/// `erlang:'-'/1`
pub fn minus_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    arith::neg(cx.heap, args[0]).map_err(arith_flow)
}

/// `erlang:'+'/1`
pub fn plus_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if args[0].is_integer() || args[0].as_float().is_some() {
        Ok(args[0])
    } else {
        Err(Flow::badarith())
    }
}

/// `erlang:abs/1`
pub fn abs_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    arith::abs(cx.heap, args[0]).ok_or_else(Flow::badarg)
}

/// `erlang:float/1`
pub fn float_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let value = arith::to_float(args[0]).ok_or_else(Flow::badarg)?;
    Ok(cx.heap.float(value))
}

macro_rules! rounding {
    ($($name:ident => $rounding:expr;)*) => {$(
        #[doc = concat!("`erlang:", stringify!($name), "`")]
        pub fn $name<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
            arith::to_integer(cx.heap, args[0], $rounding).ok_or_else(Flow::badarg)
        }
    )*};
}

rounding! {
    trunc_1 => Rounding::Trunc;
    round_1 => Rounding::Round;
    floor_1 => Rounding::Floor;
    ceil_1 => Rounding::Ceil;
}

/// The outcome, if it does not take long; else it is for a dirty scheduler.
fn within<'h, R>(
    quick: Option<R>,
    whole: impl FnOnce() -> R,
    native: NativeFn,
) -> Result<R, Flow<'h>> {
    match quick {
        Some(outcome) => Ok(outcome),
        None if dirty::current() == RunOn::Normal => Err(Flow::Dirty(RunOn::DirtyCpu, native)),
        None => Ok(whole()),
    }
}

/// Whether two terms are equal, of one type.
fn exactly<'h>(args: &[Term<'h>], native: NativeFn) -> Result<bool, Flow<'h>> {
    let [a, b] = take(args);
    if a.raw() == b.raw() {
        return Ok(true);
    }
    within(eq_within(a, b, WORK_AT_ONCE), || eq(a, b), native)
}

/// The order of two terms.
fn order<'h>(args: &[Term<'h>], native: NativeFn) -> Result<Ordering, Flow<'h>> {
    let [a, b] = take(args);
    if a.raw() == b.raw() {
        return Ok(Ordering::Equal);
    }
    within(compare_within(a, b, WORK_AT_ONCE), || compare(a, b), native)
}

macro_rules! comparison {
    ($($name:ident => $compare:ident($outcome:ident) $test:expr;)*) => {$(
        #[doc = concat!("The operator `", stringify!($name), "`.")]
        pub fn $name<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
            let $outcome = $compare(args, $name)?;
            Ok(Term::bool($test))
        }
    )*};
}

comparison! {
    eq_2 => order(order) order.is_eq();
    ne_2 => order(order) order.is_ne();
    eq_exact_2 => exactly(equal) equal;
    ne_exact_2 => exactly(equal) !equal;
    lt_2 => order(order) order.is_lt();
    gt_2 => order(order) order.is_gt();
    le_2 => order(order) order.is_le();
    ge_2 => order(order) order.is_ge();
}

/// `erts_internal:cmp_term/2`
pub fn cmp_term_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    Ok(cx.heap.int(compare_exact(args[0], args[1]) as i64))
}
