//! The three term hashes: `phash` and `phash2`, which programs see and other nodes agree on, and
//! the internal one, which orders big maps.
//!
//! 1. All three give OTP's values; for the internal one this holds for keys without atoms, pids,
//!    references and funs, as those hash by table indices of the running system.
//! 2. Equal terms (`=:=`) have equal hashes; `-0.0` counts as `0.0`.
//! 3. No recursion: what remains to be hashed lies on an explicit stack.

use crate::hamt::Pairs;
use crate::view::{Big, Bits, Fun, Kind, Map, Term};

mod long;
mod phash;

pub use long::{is_long, is_more_than};
pub use phash::phash;

const GOLDEN: u32 = 0x9e37_79b9;

/// The constant that sets kind `n` of data apart.
const fn constant(n: u32) -> u32 {
    GOLDEN.wrapping_mul(n)
}

/// Bob Jenkins' mix of three words; the third is the hash that goes on.
#[inline(always)]
fn mix(mut a: u32, mut b: u32, mut c: u32) -> (u32, u32, u32) {
    macro_rules! step {
        ($x:ident -= $y:ident, $z:ident; ^ $shifted:expr) => {
            $x = $x.wrapping_sub($y).wrapping_sub($z) ^ $shifted;
        };
    }
    step!(a -= b, c; ^ (c >> 13));
    step!(b -= c, a; ^ (a << 8));
    step!(c -= a, b; ^ (b >> 13));
    step!(a -= b, c; ^ (c >> 12));
    step!(b -= c, a; ^ (a << 16));
    step!(c -= a, b; ^ (b >> 5));
    step!(a -= b, c; ^ (c >> 3));
    step!(b -= c, a; ^ (a << 10));
    step!(c -= a, b; ^ (b >> 15));
    (a, b, c)
}

#[inline(always)]
fn mix2(hash: u32, x: u32, y: u32, constant: u32) -> u32 {
    mix(constant.wrapping_add(x), constant.wrapping_add(y), hash).2
}

#[inline(always)]
fn mix_u64(hash: u32, value: u64, constant: u32) -> u32 {
    mix2(hash, value as u32, (value >> 32) as u32, constant)
}

/// Hash of bytes, twelve at a time; the length goes into the last step.
fn hash_block(bytes: &[u8], initial: u32) -> u32 {
    let word = |part: &[u8]| u32::from_le_bytes([part[0], part[1], part[2], part[3]]);
    let (mut a, mut b, mut c) = (GOLDEN, GOLDEN, initial);
    let mut chunks = bytes.chunks_exact(12);
    for chunk in &mut chunks {
        a = a.wrapping_add(word(chunk));
        b = b.wrapping_add(word(&chunk[4..]));
        c = c.wrapping_add(word(&chunk[8..]));
        (a, b, c) = mix(a, b, c);
    }
    let mut last = [0; 12];
    let rest = chunks.remainder();
    // The lowest byte of the third word is the length's.
    let (first, third) = rest.split_at(rest.len().min(8));
    last[..first.len()].copy_from_slice(first);
    last[9..9 + third.len()].copy_from_slice(third);
    a = a.wrapping_add(word(&last));
    b = b.wrapping_add(word(&last[4..]));
    c = c.wrapping_add(bytes.len() as u32).wrapping_add(word(&last[8..]));
    mix(a, b, c).2
}

fn hash_bits(bits: Bits<'_>, hash: u32) -> u32 {
    let constant13 = constant(13).wrapping_add(hash);
    if bits.bit_size() == 0 {
        return constant13;
    }
    let hash = hash_block(&bits.to_bytes(), constant13);
    match bits.trailing() {
        (0, _) => hash,
        (count, value) => mix2(hash, count as u32, u32::from(value), constant(15)),
    }
}

fn hash_big(big: Big<'_>, hash: u32) -> u32 {
    let constant = constant(if big.is_negative() { 10 } else { 11 });
    big.digits().iter().fold(hash, |hash, &digit| mix_u64(hash, digit, constant))
}

/// The bits of a float, without the sign of zero.
fn float_bits(float: f64) -> u64 {
    if float == 0.0 { 0 } else { float.to_bits() }
}

/// The value of a list element that is a byte.
#[inline]
fn as_byte(term: Term<'_>) -> Option<u32> {
    term.as_small().and_then(|value| u8::try_from(value).ok()).map(u32::from)
}

/// Takes the leading byte elements of a list four at a time through `word`; gives the hash, the
/// bytes left over (value, count), and where the list goes on: at a cell whose head is no byte,
/// or at a tail that is no cell.
fn byte_run<'h>(
    list: Term<'h>,
    mut hash: u32,
    word: impl Fn(u32, u32) -> u32,
) -> (u32, (u32, u32), Term<'h>) {
    let (mut value, mut count, mut rest) = (0, 0, list);
    while let Some(cell) = rest.as_cons() {
        let Some(byte) = as_byte(cell.head()) else { break };
        value = value << 8 | byte;
        count += 1;
        if count == 4 {
            hash = word(hash, value);
            (value, count) = (0, 0);
        }
        rest = cell.tail();
    }
    (hash, (value, count), rest)
}

enum Portable<'h> {
    Term(Term<'h>),
    /// All pairs of a map are hashed: the hashes from before the map.
    MapEnd {
        pairs: u32,
        hash: u32,
    },
    PairEnd,
}

/// `erlang:phash2` without its range: all 32 bits.
pub fn phash2(term: Term<'_>) -> u32 {
    let mut stack = Vec::new();
    let (mut hash, mut pairs) = (0, 0);
    let mut next = Portable::Term(term);
    loop {
        match next {
            Portable::Term(term) => hash = phash2_step(term, hash, &mut pairs, &mut stack),
            Portable::MapEnd { pairs: outer_pairs, hash: outer } => {
                hash = mix2(outer, pairs, 0, constant(19));
                pairs = outer_pairs;
            }
            Portable::PairEnd => {
                pairs ^= hash;
                hash = 0;
            }
        }
        match stack.pop() {
            Some(item) => next = item,
            None => return hash,
        }
    }
}

fn phash2_step<'h>(
    term: Term<'h>,
    hash: u32,
    pairs: &mut u32,
    stack: &mut Vec<Portable<'h>>,
) -> u32 {
    match term.kind() {
        Kind::Small(value) => phash2_small(value, hash),
        Kind::Atom(atom) if hash == 0 => atom.hash(),
        Kind::Atom(atom) => mix2(hash, atom.hash(), 0, constant(3)),
        Kind::Nil if hash == 0 => 3_468_870_702,
        Kind::Nil => mix2(hash, 2, 0, constant(2)),
        Kind::Cons(_) => phash2_list(term, hash, stack),
        Kind::Tuple(tuple) => {
            stack.extend(tuple.elements().iter().rev().map(|&term| Portable::Term(term)));
            mix2(hash, tuple.arity() as u32, 0, constant(9))
        }
        Kind::Map(map) => phash2_map(map, hash, pairs, stack),
        Kind::Big(big) => hash_big(big, hash),
        Kind::Float(float) => {
            let bits = float_bits(float);
            mix2(hash, (bits >> 32) as u32, bits as u32, constant(12))
        }
        Kind::Bits(bits) => hash_bits(bits, hash),
        Kind::Fun(fun) => {
            stack.extend(fun.env().iter().rev().map(|&term| Portable::Term(term)));
            let entry = fun.entry();
            let hash = mix2(hash, fun.free_count() as u32, entry.module.hash(), GOLDEN);
            mix2(hash, entry.index, entry.old_uniq, GOLDEN)
        }
        Kind::Export(export) => {
            let hash = mix2(hash, u32::from(export.arity), export.module.hash(), GOLDEN);
            mix2(hash, export.function.hash(), 0, constant(14))
        }
        _ => phash2_identity(term, hash),
    }
}

fn phash2_small(value: i64, hash: u32) -> u32 {
    let fits_28_bits = (value >> 27).wrapping_add(1) as u64 <= 1;
    if !fits_28_bits {
        let constant = constant(if value < 0 { 10 } else { 11 });
        return mix_u64(hash, value.unsigned_abs(), constant);
    }
    let hash = if value < 0 { mix2(hash, -value as u32, 0, GOLDEN) } else { hash };
    mix2(hash, value as u32, 0, GOLDEN)
}

fn phash2_list<'h>(list: Term<'h>, hash: u32, stack: &mut Vec<Portable<'h>>) -> u32 {
    let (mut hash, (value, count), rest) =
        byte_run(list, hash, |hash, word| mix2(hash, word, 0, constant(4)));
    if count > 0 {
        hash = mix2(hash, value, 0, constant(4));
    }
    match rest.as_cons() {
        Some(cell) => {
            stack.push(Portable::Term(cell.tail()));
            stack.push(Portable::Term(cell.head()));
        }
        None => stack.push(Portable::Term(rest)),
    }
    hash
}

/// Pairs are hashed each for itself and joined by xor, so that their order does not matter.
fn phash2_map<'h>(map: Map<'h>, hash: u32, pairs: &mut u32, stack: &mut Vec<Portable<'h>>) -> u32 {
    let hash = mix2(hash, map.size() as u32, 0, constant(16));
    if map.size() == 0 {
        return hash;
    }
    stack.push(Portable::MapEnd { pairs: *pairs, hash });
    *pairs = 0;
    for (key, value) in Pairs::of(map) {
        stack.extend([Portable::PairEnd, Portable::Term(value), Portable::Term(key)]);
    }
    0
}

fn phash2_identity(term: Term<'_>, hash: u32) -> u32 {
    if let Some(pid) = term.pid_parts() {
        return mix2(hash, pid.number, 0, constant(5));
    }
    if let Some(port) = term.port_parts() {
        return mix_u64(hash, port.number, constant(6));
    }
    let first = term.ref_parts().and_then(|parts| parts.numbers().first().copied());
    mix2(hash, first.unwrap_or(0), 0, constant(7))
}

/// The hash of a map key, made anew for each eight levels of the tree.
pub fn map_hash(key: Term<'_>, depth: u32) -> u32 {
    internal_hash(key, if depth > 0 { mix2(0, depth, 1, constant(22)) } else { 0 })
}

enum Internal<'h> {
    Term(Term<'h>),
    /// The tail of an improper list comes next.
    Tail,
}

/// The hash that the runtime itself goes by.
pub fn internal_hash(term: Term<'_>, salt: u32) -> u32 {
    let hash = salt ^ 3_432_918_353;
    if term.raw().is_immediate() {
        return mix_u64(hash, term.raw().0, GOLDEN);
    }
    let mut stack = Vec::new();
    let mut hash = internal_step(term, hash, &mut stack);
    while let Some(item) = stack.pop() {
        hash = match item {
            Internal::Term(term) => internal_step(term, hash, &mut stack),
            Internal::Tail => mix_light(hash, 18),
        };
    }
    hash
}

fn mix_light(hash: u32, kind: u32) -> u32 {
    let hash = hash ^ constant(kind);
    hash << 17 ^ hash >> 15
}

fn internal_step<'h>(term: Term<'h>, hash: u32, stack: &mut Vec<Internal<'h>>) -> u32 {
    match term.kind() {
        Kind::Cons(_) => internal_list(term, hash, stack),
        Kind::Tuple(tuple) => {
            stack.extend(tuple.elements().iter().rev().map(|&term| Internal::Term(term)));
            mix2(hash, tuple.arity() as u32, 0, constant(9))
        }
        Kind::Map(map) => {
            internal_map(map, stack);
            mix2(hash, map.size() as u32, 0, constant(16))
        }
        Kind::Fun(fun) => internal_fun(fun, hash, stack),
        Kind::Export(export) => {
            let names = mix2(hash, export.module.index(), export.function.index(), constant(14));
            mix2(names, u32::from(export.arity), 0, constant(14))
        }
        Kind::Bits(bits) => hash_bits(bits, hash),
        Kind::Big(big) => hash_big(big, hash),
        Kind::Float(float) => mix_u64(hash, float_bits(float), constant(12)),
        Kind::Ref(reference) => {
            let [first, second, third] = reference.numbers();
            mix2(mix2(hash, first, 0, constant(7)), second, third, constant(8))
        }
        Kind::ExtRef(_) | Kind::ExtPid(_) | Kind::ExtPort(_) => internal_external(term, hash),
        _ => mix_u64(hash, term.raw().0, GOLDEN),
    }
}

fn internal_list<'h>(list: Term<'h>, hash: u32, stack: &mut Vec<Internal<'h>>) -> u32 {
    let (mut hash, (value, count), rest) =
        byte_run(list, hash, |hash, word| mix2(hash, word, 0, constant(4)));
    if count > 0 {
        hash = mix2(hash, value, count, constant(22));
    }
    let Some(cell) = rest.as_cons() else {
        stack.push(Internal::Term(rest));
        return hash;
    };
    stack.push(Internal::Term(cell.tail()));
    if !cell.tail().is_cons() {
        stack.push(Internal::Tail);
    }
    stack.push(Internal::Term(cell.head()));
    mix_light(hash, 17)
}

fn internal_map<'h>(map: Map<'h>, stack: &mut Vec<Internal<'h>>) {
    let from = stack.len();
    for (key, value) in Pairs::of(map) {
        stack.extend([Internal::Term(key), Internal::Term(value)]);
    }
    if map.is_flat() {
        // The first key is hashed first; the leaves of a hashed map come from the last on.
        stack[from..].reverse();
        return;
    }
    stack[from..].chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
}

fn internal_fun<'h>(fun: Fun<'h>, hash: u32, stack: &mut Vec<Internal<'h>>) -> u32 {
    stack.extend(fun.env().iter().rev().map(|&term| Internal::Term(term)));
    let entry = fun.entry();
    let module = Term::atom(entry.module).raw().0 as u32;
    let hash = mix2(hash, fun.free_count() as u32, module, constant(20));
    mix2(hash, entry.index, entry.old_uniq, constant(21))
}

fn internal_external(term: Term<'_>, hash: u32) -> u32 {
    if let Some(pid) = term.pid_parts() {
        let hash = mix2(hash, pid.node.id, 0, constant(5));
        return mix2(hash, pid.number, pid.serial, constant(5));
    }
    if let Some(port) = term.port_parts() {
        return mix_u64(mix2(hash, port.node.id, 0, constant(6)), port.number, constant(6));
    }
    let Some(parts) = term.ref_parts() else { return hash };
    let number = |index: usize| parts.numbers().get(index).copied().unwrap_or(0);
    let hash = mix2(hash, parts.node.id, 0, constant(7));
    let hash = mix2(hash, number(0), 0, constant(7));
    mix2(mix2(hash, number(1), number(2), constant(8)), number(3), number(4), constant(8))
}
