//! `erlang:phash/2`: the older portable hash, byte by byte with large primes.

use super::{as_byte, float_bits, phash2};
use crate::view::{Big, Bits, Fun, Kind, Term};

/// Primes just above 2^28; index 0 is not used.
const PRIME: [u32; 15] = [
    0,
    268_440_163,
    268_439_161,
    268_435_459,
    268_436_141,
    268_438_633,
    268_437_017,
    268_438_039,
    268_437_511,
    268_439_627,
    268_440_479,
    268_440_577,
    268_440_581,
    268_440_593,
    268_440_611,
];

/// `hash * PRIME[n] + add`.
#[inline]
fn step(hash: u32, n: usize, add: u32) -> u32 {
    hash.wrapping_mul(PRIME[n]).wrapping_add(add)
}

/// The four bytes of `value`, lowest first.
fn step_word(hash: u32, n: usize, value: u32) -> u32 {
    value.to_le_bytes().into_iter().fold(hash, |hash, byte| step(hash, n, u32::from(byte)))
}

enum Item<'h> {
    Term(Term<'h>),
    /// What follows in a list: its cells, or its end.
    Rest(Term<'h>),
    TupleEnd(u32),
    ListEnd,
}

/// `erlang:phash` without its range: all 32 bits.
pub fn phash(term: Term<'_>) -> u32 {
    let mut stack = vec![Item::Term(term)];
    let mut hash = 0;
    while let Some(item) = stack.pop() {
        hash = match item {
            Item::Term(term) => phash_step(term, hash, &mut stack),
            Item::Rest(rest) if rest.is_cons() => list(rest, hash, &mut stack),
            Item::Rest(end) => {
                stack.push(Item::ListEnd);
                phash_step(end, hash, &mut stack)
            }
            Item::TupleEnd(arity) => step(hash, 9, arity),
            Item::ListEnd => step(hash, 8, 0),
        };
    }
    hash
}

fn phash_step<'h>(term: Term<'h>, hash: u32, stack: &mut Vec<Item<'h>>) -> u32 {
    match term.kind() {
        Kind::Nil => step(hash, 3, 1),
        Kind::Atom(atom) => step(hash, 1, atom.hash()),
        Kind::Small(value) => small(value, hash),
        Kind::Big(value) => big(value, hash),
        Kind::Bits(value) => step(bits(value, hash), 4, value.byte_size() as u32),
        Kind::Float(float) => {
            let bits = float_bits(float);
            step(hash, 6, bits as u32 ^ (bits >> 32) as u32)
        }
        Kind::Cons(_) => list(term, hash, stack),
        Kind::Tuple(tuple) => {
            stack.push(Item::TupleEnd(tuple.arity() as u32));
            stack.extend(tuple.elements().iter().rev().map(|&term| Item::Term(term)));
            hash
        }
        Kind::Map(_) => step(hash, 13, PRIME[14].wrapping_add(phash2(term))),
        Kind::Fun(value) => fun(value, hash, stack),
        Kind::Export(export) => {
            let hash = step(hash, 11, u32::from(export.arity));
            step(step(hash, 1, export.module.hash()), 1, export.function.hash())
        }
        _ => identity(term, hash),
    }
}

fn small(value: i64, hash: u32) -> u32 {
    let size = value.unsigned_abs();
    let mut hash = step_word(hash, 2, size as u32);
    if size >> 32 != 0 {
        hash = step_word(hash, 2, (size >> 32) as u32);
    }
    step(hash, if value < 0 { 4 } else { 3 }, 0)
}

/// As a small: all 32-bit words up to the last that is not zero.
fn big(value: Big<'_>, mut hash: u32) -> u32 {
    let (&top, low) = value.digits().split_last().expect("a big integer has digits");
    for &digit in low {
        hash = step_word(step_word(hash, 2, digit as u32), 2, (digit >> 32) as u32);
    }
    hash = step_word(hash, 2, top as u32);
    if top >> 32 != 0 {
        hash = step_word(hash, 2, (top >> 32) as u32);
    }
    step(hash, if value.is_negative() { 4 } else { 3 }, 0)
}

fn bits(value: Bits<'_>, hash: u32) -> u32 {
    let hash = value.to_bytes().iter().fold(hash, |hash, &byte| step(hash, 1, u32::from(byte)));
    match value.trailing() {
        (0, _) => hash,
        (count, last) => step(step(hash, 1, u32::from(last)), 12, count as u32),
    }
}

/// The cells from `list` on: bytes at once, any other head through the stack.
fn list<'h>(list: Term<'h>, mut hash: u32, stack: &mut Vec<Item<'h>>) -> u32 {
    let mut rest = list;
    while let Some(cell) = rest.as_cons() {
        let Some(byte) = as_byte(cell.head()) else {
            stack.extend([Item::Rest(cell.tail()), Item::Term(cell.head())]);
            return hash;
        };
        hash = step(hash, 2, byte);
        rest = cell.tail();
    }
    stack.push(Item::Rest(rest));
    hash
}

fn fun<'h>(fun: Fun<'h>, hash: u32, stack: &mut Vec<Item<'h>>) -> u32 {
    stack.extend(fun.env().iter().rev().map(|&term| Item::Term(term)));
    let entry = fun.entry();
    let hash = step(step(hash, 10, fun.free_count() as u32), 1, entry.module.hash());
    step(step(hash, 2, entry.index), 2, entry.old_uniq)
}

fn identity(term: Term<'_>, hash: u32) -> u32 {
    if let Some(pid) = term.pid_parts() {
        return step(step_word(hash, 5, pid.number), 6, 0);
    }
    if let Some(port) = term.port_parts() {
        let high = (port.number >> 32) as u32;
        let hash = if high != 0 { step_word(hash, 11, high) } else { hash };
        return step(step_word(hash, 9, port.number as u32), 10, 0);
    }
    let first = term.ref_parts().and_then(|parts| parts.numbers().first().copied());
    step(step_word(hash, 9, first.unwrap_or(0)), 10, 0)
}
