//! Arithmetic on terms: small and big integers and floats in any mixture.
//!
//! 1. An operand that is no number (or, for integer operations, no integer), a division by zero
//!    and a float out of range are [`ArithError::Badarith`].
//! 2. An integer of more digits than a heap object may have is [`ArithError::SystemLimit`].

use oxbeam_num::{Int, Res, bits, float, int};
use oxbeam_term::Term;
use oxbeam_term::view::Kind;

use crate::heap::Heap;

/// Most digits of an integer.
pub const MAX_DIGITS: usize = (1 << 19) - 1;

/// Why an operation has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArithError {
    Badarith,
    SystemLimit,
}

/// A term or why there is none.
pub type Result<'h> = std::result::Result<Term<'h>, ArithError>;

use ArithError::{Badarith, SystemLimit};

/// An integer operand, its digits at hand whichever form it has.
struct Operand<'h> {
    store: [u64; 1],
    big: Option<Int<'h>>,
    negative: bool,
}

impl<'h> Operand<'h> {
    fn of(term: Term<'h>) -> Option<Operand<'h>> {
        match term.kind() {
            Kind::Small(value) => {
                Some(Operand { store: [value.unsigned_abs()], big: None, negative: value < 0 })
            }
            Kind::Big(big) => {
                let value = Int::new(big.is_negative(), big.digits());
                Some(Operand { store: [0], big: Some(value), negative: value.is_negative() })
            }
            _ => None,
        }
    }

    fn int(&self) -> Int<'_> {
        self.big.unwrap_or_else(|| Int::new(self.negative, &self.store))
    }
}

/// The value of an integer or float as a float; `None` if it is out of range or no number.
pub fn to_float(term: Term<'_>) -> Option<f64> {
    match term.kind() {
        Kind::Small(value) => Some(value as f64),
        Kind::Float(value) => Some(value),
        Kind::Big(big) => float::to_f64(Int::new(big.is_negative(), big.digits())),
        _ => None,
    }
}

/// Digits on the machine stack that are enough for all usual integers.
const STACK_DIGITS: usize = 40;

impl Heap {
    /// An integer that `write` puts into a slice of `bound` digits.
    pub fn integer_with(&self, bound: usize, write: impl FnOnce(&mut [u64]) -> Res) -> Result<'_> {
        if bound <= STACK_DIGITS {
            let mut digits = [0; STACK_DIGITS];
            let result = write(&mut digits[..bound.max(1)]);
            return Ok(self.integer(result.negative, &digits[..result.len]));
        }
        let mut digits = vec![0; bound];
        let result = write(&mut digits);
        if result.len > MAX_DIGITS {
            return Err(SystemLimit);
        }
        Ok(self.integer(result.negative, &digits[..result.len]))
    }

    /// The integer part of a finite float.
    pub fn integer_of_float(&self, value: f64) -> Term<'_> {
        let mut digits = [0; float::FLOAT_DIGITS];
        let result = float::from_f64(value, &mut digits);
        self.integer(result.negative, &digits[..result.len])
    }

    fn finite(&self, value: f64) -> Result<'_> {
        if value.is_finite() { Ok(self.float(value)) } else { Err(Badarith) }
    }
}

fn either_float(a: Term<'_>, b: Term<'_>) -> bool {
    matches!(a.kind(), Kind::Float(_)) || matches!(b.kind(), Kind::Float(_))
}

/// Applies `on_floats` if one operand is a float, else `on_ints`.
#[inline]
fn mixed<'h>(
    heap: &'h Heap,
    a: Term<'h>,
    b: Term<'h>,
    on_floats: impl FnOnce(f64, f64) -> f64,
    on_ints: impl FnOnce(Int<'_>, Int<'_>) -> Result<'h>,
) -> Result<'h> {
    if either_float(a, b) {
        let (a, b) = (to_float(a).ok_or(Badarith)?, to_float(b).ok_or(Badarith)?);
        return heap.finite(on_floats(a, b));
    }
    integers(a, b, on_ints)
}

#[inline]
fn integers<'h>(
    a: Term<'h>,
    b: Term<'h>,
    then: impl FnOnce(Int<'_>, Int<'_>) -> Result<'h>,
) -> Result<'h> {
    let (a, b) = (Operand::of(a).ok_or(Badarith)?, Operand::of(b).ok_or(Badarith)?);
    then(a.int(), b.int())
}

/// `A + B`
pub fn add<'h>(heap: &'h Heap, a: Term<'h>, b: Term<'h>) -> Result<'h> {
    if let (Some(a), Some(b)) = (a.as_small(), b.as_small()) {
        return Ok(heap.int(a + b));
    }
    mixed(
        heap,
        a,
        b,
        |a, b| a + b,
        |a, b| heap.integer_with(int::add_bound(a, b), |out| int::add(a, b, out)),
    )
}

/// `A - B`
pub fn sub<'h>(heap: &'h Heap, a: Term<'h>, b: Term<'h>) -> Result<'h> {
    if let (Some(a), Some(b)) = (a.as_small(), b.as_small()) {
        return Ok(heap.int(a - b));
    }
    mixed(
        heap,
        a,
        b,
        |a, b| a - b,
        |a, b| heap.integer_with(int::add_bound(a, b), |out| int::sub(a, b, out)),
    )
}

/// `A * B`
pub fn mul<'h>(heap: &'h Heap, a: Term<'h>, b: Term<'h>) -> Result<'h> {
    if let (Some(a), Some(b)) = (a.as_small(), b.as_small()) {
        return Ok(heap.int128(i128::from(a) * i128::from(b)));
    }
    mixed(
        heap,
        a,
        b,
        |a, b| a * b,
        |a, b| {
            // The product has at least one digit less than its bound: no need to compute it.
            if int::mul_bound(a, b) > MAX_DIGITS + 1 && !a.is_zero() && !b.is_zero() {
                return Err(SystemLimit);
            }
            heap.integer_with(int::mul_bound(a, b), |out| int::mul(a, b, out))
        },
    )
}

/// Products of digit counts from which on a multiplication or division takes about a millisecond.
const LONG_WORK: usize = 1 << 23;

/// Whether multiplying or dividing these takes long.
pub fn is_long(a: Term<'_>, b: Term<'_>) -> bool {
    let digits = |term: Term<'_>| match term.kind() {
        Kind::Big(big) => big.digits().len(),
        _ => 0,
    };
    digits(a) * digits(b) > LONG_WORK
}

/// `A / B`, always a float.
pub fn divide<'h>(heap: &'h Heap, a: Term<'h>, b: Term<'h>) -> Result<'h> {
    let (a, b) = (to_float(a).ok_or(Badarith)?, to_float(b).ok_or(Badarith)?);
    if b == 0.0 { Err(Badarith) } else { heap.finite(a / b) }
}

/// `A div B`
pub fn int_div<'h>(heap: &'h Heap, a: Term<'h>, b: Term<'h>) -> Result<'h> {
    if let (Some(a), Some(b)) = (a.as_small(), b.as_small()) {
        return if b == 0 { Err(Badarith) } else { Ok(heap.int(a / b)) };
    }
    integers(a, b, |a, b| {
        if b.is_zero() {
            return Err(Badarith);
        }
        heap.integer_with(int::div_bound(a, b), |out| int::div(a, b, out))
    })
}

/// `A rem B`
pub fn int_rem<'h>(heap: &'h Heap, a: Term<'h>, b: Term<'h>) -> Result<'h> {
    if let (Some(a), Some(b)) = (a.as_small(), b.as_small()) {
        return if b == 0 { Err(Badarith) } else { Ok(heap.int(a % b)) };
    }
    integers(a, b, |a, b| {
        if b.is_zero() {
            return Err(Badarith);
        }
        heap.integer_with(int::rem_bound(a, b), |out| int::rem(a, b, out))
    })
}

/// `A band B`
pub fn band<'h>(heap: &'h Heap, a: Term<'h>, b: Term<'h>) -> Result<'h> {
    integers(a, b, |a, b| heap.integer_with(bits::bitwise_bound(a, b), |out| bits::and(a, b, out)))
}

/// `A bor B`
pub fn bor<'h>(heap: &'h Heap, a: Term<'h>, b: Term<'h>) -> Result<'h> {
    integers(a, b, |a, b| heap.integer_with(bits::bitwise_bound(a, b), |out| bits::or(a, b, out)))
}

/// `A bxor B`
pub fn bxor<'h>(heap: &'h Heap, a: Term<'h>, b: Term<'h>) -> Result<'h> {
    integers(a, b, |a, b| heap.integer_with(bits::bitwise_bound(a, b), |out| bits::xor(a, b, out)))
}

/// `bnot A`
pub fn bnot<'h>(heap: &'h Heap, a: Term<'h>) -> Result<'h> {
    let a = Operand::of(a).ok_or(Badarith)?;
    heap.integer_with(bits::not_bound(a.int()), |out| bits::not(a.int(), out))
}

/// `A bsl B`
pub fn bsl<'h>(heap: &'h Heap, a: Term<'h>, b: Term<'h>) -> Result<'h> {
    shift(heap, a, b, false)
}

/// `A bsr B`
pub fn bsr<'h>(heap: &'h Heap, a: Term<'h>, b: Term<'h>) -> Result<'h> {
    shift(heap, a, b, true)
}

/// A negative count shifts the other way; one beyond the small range is as good as endless.
fn shift<'h>(heap: &'h Heap, a: Term<'h>, b: Term<'h>, right: bool) -> Result<'h> {
    integers(a, b, |value, count| {
        let bits = count.digits().first().copied().unwrap_or(0);
        let bits = if count.digits().len() > 1 { u64::MAX } else { bits };
        if right != count.is_negative() {
            heap.integer_with(bits::shr_bound(value, bits), |out| bits::shr(value, bits, out))
        } else if value.is_zero() {
            Ok(a)
        } else {
            let bound = bits::shl_bound(value, bits).filter(|&bound| bound <= MAX_DIGITS + 1);
            heap.integer_with(bound.ok_or(SystemLimit)?, |out| bits::shl(value, bits, out))
        }
    })
}

/// `-A`
pub fn neg<'h>(heap: &'h Heap, a: Term<'h>) -> Result<'h> {
    match a.kind() {
        Kind::Small(value) => Ok(heap.int(-value)),
        Kind::Float(value) => Ok(heap.float(-value)),
        Kind::Big(big) => Ok(heap.integer(!big.is_negative(), big.digits())),
        _ => Err(Badarith),
    }
}

/// `abs(A)`; `None` if `A` is no number.
pub fn abs<'h>(heap: &'h Heap, a: Term<'h>) -> Option<Term<'h>> {
    match a.kind() {
        Kind::Small(value) => Some(heap.int(value.abs())),
        // Minus zero stays what it is.
        Kind::Float(value) if value < 0.0 => Some(heap.float(-value)),
        Kind::Float(_) => Some(a),
        Kind::Big(big) if big.is_negative() => Some(heap.integer(false, big.digits())),
        Kind::Big(_) => Some(a),
        _ => None,
    }
}

/// How a float becomes an integer.
#[derive(Clone, Copy, Debug)]
pub enum Rounding {
    Trunc,
    /// Half away from zero.
    Round,
    Floor,
    Ceil,
}

/// `trunc/1`, `round/1`, `floor/1`, `ceil/1`; `None` if `A` is no number.
pub fn to_integer<'h>(heap: &'h Heap, a: Term<'h>, rounding: Rounding) -> Option<Term<'h>> {
    match a.kind() {
        Kind::Small(_) | Kind::Big(_) => Some(a),
        Kind::Float(value) => Some(heap.integer_of_float(match rounding {
            Rounding::Trunc => value.trunc(),
            Rounding::Round => value.round(),
            Rounding::Floor => value.floor(),
            Rounding::Ceil => value.ceil(),
        })),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxbeam_term::compare::eq;
    use oxbeam_term::tag;

    fn text(term: Result<'_>) -> String {
        match term {
            Ok(term) => String::from_utf8(oxbeam_term::print::to_bytes(term)).unwrap(),
            Err(error) => format!("{error:?}"),
        }
    }

    #[test]
    fn edges_between_small_and_big() {
        let heap = Heap::detached();
        let one = heap.int(1);
        let (max, min) = (heap.int(tag::SMALL_MAX), heap.int(tag::SMALL_MIN));
        assert_eq!(text(add(&heap, max, one)), "576460752303423488");
        assert_eq!(text(sub(&heap, min, one)), "-576460752303423489");
        let above = add(&heap, max, one).unwrap();
        assert!(eq(sub(&heap, above, one).unwrap(), max));
        assert_eq!(text(int_div(&heap, min, heap.int(-1))), "576460752303423488");
        assert_eq!(text(mul(&heap, min, min)), "332306998946228968225951765070086144");
        assert_eq!(text(neg(&heap, min)), "576460752303423488");
        assert_eq!(text(bnot(&heap, min)), "576460752303423487");
        assert!(bnot(&heap, min).unwrap().is_small());
    }

    #[test]
    fn errors() {
        let heap = Heap::detached();
        let (one, zero) = (heap.int(1), heap.int(0));
        let float = heap.float(1.5);
        assert_eq!(text(int_div(&heap, one, zero)), "Badarith");
        assert_eq!(text(divide(&heap, one, zero)), "Badarith");
        assert_eq!(text(int_rem(&heap, float, one)), "Badarith");
        assert_eq!(text(add(&heap, Term::nil(), one)), "Badarith");
        assert_eq!(text(mul(&heap, heap.float(1.0e200), heap.float(1.0e200))), "Badarith");
        assert_eq!(text(bsl(&heap, one, heap.int(1 << 40))), "SystemLimit");
        assert_eq!(text(bsl(&heap, zero, heap.int(1 << 40))), "0");
        let huge = bsl(&heap, one, heap.int(64 * 300_000)).unwrap();
        assert_eq!(text(mul(&heap, huge, huge)), "SystemLimit");
        assert_eq!(text(add(&heap, huge, float)), "Badarith");
    }

    #[test]
    fn shifts() {
        let heap = Heap::detached();
        let huge = bsl(&heap, heap.int(-1), heap.int(100)).unwrap();
        assert_eq!(text(Ok(huge)), "-1267650600228229401496703205376");
        assert_eq!(text(bsr(&heap, huge, heap.int(101))), "-1");
        assert_eq!(text(bsr(&heap, huge, heap.int(99))), "-2");
        assert_eq!(text(bsr(&heap, heap.int(-5), heap.int(1))), "-3");
        assert_eq!(text(bsr(&heap, heap.int(5), heap.int(-2))), "20");
        assert_eq!(text(bsr(&heap, huge, bsl(&heap, heap.int(1), heap.int(90)).unwrap())), "-1");
    }

    #[test]
    fn floats_to_integers() {
        let heap = Heap::detached();
        let round =
            |value, rounding| text(to_integer(&heap, heap.float(value), rounding).ok_or(Badarith));
        assert_eq!(round(2.5, Rounding::Round), "3");
        assert_eq!(round(-2.5, Rounding::Round), "-3");
        assert_eq!(round(-2.5, Rounding::Floor), "-3");
        assert_eq!(round(-2.5, Rounding::Ceil), "-2");
        assert_eq!(round(1.0e30, Rounding::Trunc), "1000000000000000019884624838656");
        assert_eq!(round(-0.5, Rounding::Trunc), "0");
    }
}
