//! Module `math`.
//!
//! An argument that is no number is `badarg`; a result that is no finite number, and an integer
//! beyond the floats, are `badarith`.

use oxbeam_heap::arith::to_float;
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_sys::math;
use oxbeam_term::Term;
use oxbeam_term::view::Kind;

use crate::arg::take;

fn number<'h>(term: Term<'h>) -> Result<f64, Flow<'h>> {
    match term.kind() {
        Kind::Small(_) | Kind::Float(_) | Kind::Big(_) => to_float(term).ok_or_else(Flow::badarith),
        _ => Err(Flow::badarg()),
    }
}

fn finite<'h>(cx: &Cx<'h>, value: f64) -> NativeResult<'h> {
    if value.is_finite() { Ok(cx.heap.float(value)) } else { Err(Flow::badarith()) }
}

macro_rules! functions {
    ($($name:ident = $function:expr;)*) => {$(
        pub fn $name<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
            let [x] = take(args);
            let function: fn(f64) -> f64 = $function;
            finite(cx, function(number(x)?))
        }
    )*};
}

functions! {
    acos_1 = f64::acos;
    acosh_1 = math::acosh;
    asin_1 = f64::asin;
    asinh_1 = math::asinh;
    atan_1 = f64::atan;
    atanh_1 = math::atanh;
    ceil_1 = f64::ceil;
    cos_1 = f64::cos;
    cosh_1 = f64::cosh;
    erf_1 = math::erf;
    erfc_1 = math::erfc;
    exp_1 = f64::exp;
    floor_1 = f64::floor;
    log_1 = f64::ln;
    log10_1 = f64::log10;
    log2_1 = f64::log2;
    sin_1 = f64::sin;
    sinh_1 = f64::sinh;
    sqrt_1 = f64::sqrt;
    tan_1 = f64::tan;
    tanh_1 = f64::tanh;
}

macro_rules! functions2 {
    ($($name:ident = $function:expr;)*) => {$(
        pub fn $name<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
            let [x, y] = take(args);
            let function: fn(f64, f64) -> f64 = $function;
            finite(cx, function(number(x)?, number(y)?))
        }
    )*};
}

functions2! {
    atan2_2 = f64::atan2;
    fmod_2 = |x, y| x % y;
    pow_2 = f64::powf;
}
