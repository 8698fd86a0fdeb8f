//! Order and equality of terms.
//!
//! Order of kinds: number < atom < reference < fun < port < pid < tuple < map < nil < cons <
//! bitstring.
//!
//! 1. *Exact* order sets integers apart from floats (an integer is less than any float); keys of
//!    maps are always compared so. Otherwise numbers are compared by exact value.
//! 2. Maps are compared by size, then by keys in exact order, then by values in key order.
//! 3. No recursion: what remains to be compared lies on an explicit stack.
//! 4. Work is counted, in words or so, for those who may not take long ([`compare_within`]).

use std::cmp::Ordering;

use oxbeam_num::{Int, float};

use crate::hamt::{Leaves, find_leaf};
use crate::view::{Bits, Fun, Kind, Map, Term};

mod equal;
pub use equal::{eq, eq_counted, eq_within};

/// Work that may still be done.
struct Work(usize);

impl Work {
    const fn unlimited() -> Work {
        Work(usize::MAX)
    }

    /// Takes off what is to be done next. `false`: it is too much.
    #[inline]
    fn take(&mut self, amount: usize) -> bool {
        let enough = self.0 >= amount;
        self.0 = self.0.saturating_sub(amount);
        enough
    }
}

/// Work of a comparison that is done at once: a millisecond, or two.
pub const WORK_AT_ONCE: usize = if cfg!(oxbeam_zeal) { 64 } else { 30_000 };
/// Elements that are compared between two looks at the work left.
const STRETCH: usize = 1024;
/// Bytes of binaries that are compared in the time of a word of another term.
const BYTES_PER_WORK: usize = 32;
/// Work for each pair of hashed maps that are no copies of each other.
const WORK_PER_PAIR: usize = 32;

/// `A == B`: equal by value, whole floats equal to integers.
pub fn eq_value<'t>(a: Term<'t>, b: Term<'t>) -> bool {
    compare(a, b) == Ordering::Equal
}

/// The order that `<`, `==` and sorting go by.
#[inline]
pub fn compare<'t>(a: Term<'t>, b: Term<'t>) -> Ordering {
    if a.raw() == b.raw() {
        return Ordering::Equal;
    }
    if let (Some(a), Some(b)) = (a.as_small(), b.as_small()) {
        return a.cmp(&b);
    }
    run(a, b, false, &mut Work::unlimited()).unwrap_or(Ordering::Equal)
}

/// As [`compare`], for terms that differ as words; `None`: that takes more work than so much.
pub fn compare_within<'t>(a: Term<'t>, b: Term<'t>, work: usize) -> Option<Ordering> {
    run(a, b, false, &mut Work(work))
}

/// As [`compare`], taking what it does off `work`; `None`: it is more.
pub fn compare_counted<'t>(a: Term<'t>, b: Term<'t>, work: &mut usize) -> Option<Ordering> {
    counted(a, b, false, work)
}

/// As [`compare_exact`], taking what it does off `work`; `None`: it is more.
pub fn compare_exact_counted<'t>(a: Term<'t>, b: Term<'t>, work: &mut usize) -> Option<Ordering> {
    counted(a, b, true, work)
}

#[inline]
fn counted<'t>(a: Term<'t>, b: Term<'t>, exact: bool, work: &mut usize) -> Option<Ordering> {
    if a.raw() == b.raw() {
        return Some(Ordering::Equal);
    }
    if let (Some(a), Some(b)) = (a.as_small(), b.as_small()) {
        return Some(a.cmp(&b));
    }
    let mut left = Work(*work);
    let order = run(a, b, exact, &mut left);
    *work = left.0;
    order
}

/// The order that sets integers apart from floats (of map keys and `ordered_set` look-ups by
/// match).
pub fn compare_exact<'t>(a: Term<'t>, b: Term<'t>) -> Ordering {
    run(a, b, true, &mut Work::unlimited()).unwrap_or(Ordering::Equal)
}

/// What waits for the result of the comparison above it.
enum Frame<'t> {
    /// Elements still to compare once those before are equal.
    Elements {
        a: &'t [Term<'t>],
        b: &'t [Term<'t>],
        exact: bool,
    },
    /// Tails of two cells whose heads are being compared.
    Tails {
        a: Term<'t>,
        b: Term<'t>,
        exact: bool,
    },
    Maps(Box<Maps<'t>>),
}

/// What one look at two terms gives.
enum Step<'t> {
    Done(Ordering),
    Compare(Term<'t>, Term<'t>, bool),
    /// What comes next is more than may be done.
    TooMuch,
}

/// `None`: it is more than may be done.
fn run<'t>(a: Term<'t>, b: Term<'t>, exact: bool, work: &mut Work) -> Option<Ordering> {
    let mut stack: Vec<Frame<'t>> = Vec::new();
    let mut step = look(a, b, exact, &mut stack, work);
    loop {
        step = match step {
            Step::Compare(a, b, exact) => look(a, b, exact, &mut stack, work),
            Step::Done(order) => match stack.pop() {
                None => return Some(order),
                Some(frame) => resume(frame, order, &mut stack, work),
            },
            Step::TooMuch => return None,
        };
    }
}

fn resume<'t>(
    frame: Frame<'t>,
    order: Ordering,
    stack: &mut Vec<Frame<'t>>,
    work: &mut Work,
) -> Step<'t> {
    match frame {
        Frame::Maps(maps) => maps.resume(order, stack),
        _ if order != Ordering::Equal => Step::Done(order),
        Frame::Elements { a, b, exact } => elements(a, b, exact, stack, work),
        Frame::Tails { a, b, exact } => Step::Compare(a, b, exact),
    }
}

/// Compares two terms one level deep, leaving the rest on the stack.
fn look<'t>(
    a: Term<'t>,
    b: Term<'t>,
    exact: bool,
    stack: &mut Vec<Frame<'t>>,
    work: &mut Work,
) -> Step<'t> {
    if a.raw() == b.raw() {
        return Step::Done(Ordering::Equal);
    }
    if !work.take(1) {
        return Step::TooMuch;
    }
    Step::Done(match (a.kind(), b.kind()) {
        (Kind::Small(a), Kind::Small(b)) => a.cmp(&b),
        (Kind::Atom(a), Kind::Atom(b)) => a.cmp_names(b),
        (Kind::Cons(_), Kind::Cons(_)) => return lists(a, b, exact, stack, work),
        (Kind::Tuple(a), Kind::Tuple(b)) => {
            let order = a.arity().cmp(&b.arity());
            if order == Ordering::Equal {
                return elements(a.elements(), b.elements(), exact, stack, work);
            }
            order
        }
        (Kind::Bits(a), Kind::Bits(b)) => {
            if !work.take(a.byte_size().min(b.byte_size()) / BYTES_PER_WORK) {
                return Step::TooMuch;
            }
            compare_bits(a, b)
        }
        (Kind::Map(a), Kind::Map(b)) => return maps(a, b, exact, stack, work),
        (Kind::Fun(a), Kind::Fun(b)) => return funs(a, b, exact, stack, work),
        (Kind::Export(a), Kind::Export(b)) => {
            let name = |export: &crate::Export| {
                (export.module.name().as_bytes(), export.function.name().as_bytes(), export.arity)
            };
            name(a).cmp(&name(b))
        }
        (Kind::Fun(_), Kind::Export(_)) => Ordering::Less,
        (Kind::Export(_), Kind::Fun(_)) => Ordering::Greater,
        (a_kind, b_kind) => match rank(&a_kind).cmp(&rank(&b_kind)) {
            Ordering::Equal => same_rank(a, &a_kind, b, &b_kind, exact),
            order => order,
        },
    })
}

/// The place of a kind in the order of kinds.
fn rank(kind: &Kind<'_>) -> u8 {
    match kind {
        Kind::Small(_) | Kind::Big(_) | Kind::Float(_) => 0,
        Kind::Atom(_) => 1,
        Kind::Ref(_) | Kind::ExtRef(_) => 2,
        Kind::Fun(_) | Kind::Export(_) => 3,
        Kind::Port(_) | Kind::ExtPort(_) => 4,
        Kind::Pid(_) | Kind::ExtPid(_) => 5,
        Kind::Tuple(_) => 6,
        Kind::Map(_) => 7,
        Kind::Nil => 8,
        Kind::Cons(_) => 9,
        Kind::Bits(_) => 10,
        Kind::Internal => 11,
    }
}

fn same_rank(
    a: Term<'_>,
    a_kind: &Kind<'_>,
    b: Term<'_>,
    b_kind: &Kind<'_>,
    exact: bool,
) -> Ordering {
    if rank(a_kind) == 0 {
        return numbers(a_kind, b_kind, exact);
    }
    if let (Some(a), Some(b)) = (a.pid_parts(), b.pid_parts()) {
        return a.cmp(&b);
    }
    if let (Some(a), Some(b)) = (a.port_parts(), b.port_parts()) {
        return a.cmp(&b);
    }
    match (a.ref_parts(), b.ref_parts()) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => Ordering::Equal,
    }
}

fn numbers(a: &Kind<'_>, b: &Kind<'_>, exact: bool) -> Ordering {
    match (a, b) {
        (Kind::Float(a), Kind::Float(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
        (Kind::Float(_), _) if exact => Ordering::Greater,
        (_, Kind::Float(_)) if exact => Ordering::Less,
        (Kind::Small(a), Kind::Float(b)) => float::cmp_i64_f64(*a, *b),
        (Kind::Float(a), Kind::Small(b)) => float::cmp_i64_f64(*b, *a).reverse(),
        (a, Kind::Float(b)) => with_int(a, |a| float::cmp_f64(a, *b)),
        (Kind::Float(a), b) => with_int(b, |b| float::cmp_f64(b, *a)).reverse(),
        (a, b) => with_int(a, |a| with_int(b, |b| a.cmp(&b))),
    }
}

fn with_int<R>(kind: &Kind<'_>, then: impl FnOnce(Int<'_>) -> R) -> R {
    match kind {
        Kind::Big(big) => then(Int::new(big.is_negative(), big.digits())),
        Kind::Small(value) => then(Int::from_i64(*value, &mut [0])),
        _ => unreachable!("only integers come here"),
    }
}

/// Elements pairwise; equal words are passed over at once.
fn elements<'t>(
    mut a: &'t [Term<'t>],
    mut b: &'t [Term<'t>],
    exact: bool,
    stack: &mut Vec<Frame<'t>>,
    work: &mut Work,
) -> Step<'t> {
    loop {
        let stretch = a.len().min(STRETCH);
        if !work.take(stretch / 8) {
            return Step::TooMuch;
        }
        let differ = a[..stretch].iter().zip(b).position(|(a, b)| a.raw() != b.raw());
        let Some(at) = differ else {
            (a, b) = (&a[stretch..], &b[stretch.min(b.len())..]);
            if a.is_empty() {
                return Step::Done(Ordering::Equal);
            }
            continue;
        };
        if at + 1 < a.len() {
            stack.push(Frame::Elements { a: &a[at + 1..], b: &b[at + 1..], exact });
        }
        return Step::Compare(a[at], b[at], exact);
    }
}

fn lists<'t>(
    mut a: Term<'t>,
    mut b: Term<'t>,
    exact: bool,
    stack: &mut Vec<Frame<'t>>,
    work: &mut Work,
) -> Step<'t> {
    while let (Some(left), Some(right)) = (a.as_cons(), b.as_cons()) {
        if a.raw() == b.raw() {
            return Step::Done(Ordering::Equal);
        }
        if left.head().raw() != right.head().raw() {
            stack.push(Frame::Tails { a: left.tail(), b: right.tail(), exact });
            return Step::Compare(left.head(), right.head(), exact);
        }
        if !work.take(1) {
            return Step::TooMuch;
        }
        (a, b) = (left.tail(), right.tail());
    }
    Step::Compare(a, b, exact)
}

/// Order of bitstrings: bit by bit, then by size.
pub fn compare_bits(a: Bits<'_>, b: Bits<'_>) -> Ordering {
    if let (Some(a), Some(b)) = (a.as_bytes(), b.as_bytes()) {
        return a.cmp(b);
    }
    let common = a.bit_size().min(b.bit_size());
    let (left, right) = (a.slice(0, common), b.slice(0, common));
    left.to_bytes()
        .cmp(&right.to_bytes())
        .then_with(|| left.trailing().1.cmp(&right.trailing().1))
        .then(a.bit_size().cmp(&b.bit_size()))
}

fn funs<'t>(
    a: Fun<'t>,
    b: Fun<'t>,
    exact: bool,
    stack: &mut Vec<Frame<'t>>,
    work: &mut Work,
) -> Step<'t> {
    let key = |fun: Fun<'_>| {
        let entry = fun.entry();
        // The old uniq is told apart as the signed number that it is written as.
        (entry.module.name(), entry.index as i32, entry.old_uniq as i32, fun.free_count())
    };
    match key(a).cmp(&key(b)) {
        Ordering::Equal => elements(a.env(), b.env(), exact, stack, work),
        order => Step::Done(order),
    }
}

fn maps<'t>(
    a: Map<'t>,
    b: Map<'t>,
    exact: bool,
    stack: &mut Vec<Frame<'t>>,
    work: &mut Work,
) -> Step<'t> {
    let order = a.size().cmp(&b.size());
    if order != Ordering::Equal {
        return Step::Done(order);
    }
    if a.is_flat() && b.is_flat() {
        stack.push(Frame::Elements { a: a.flat_values(), b: b.flat_values(), exact });
        return Step::Compare(a.flat_keys_tuple(), b.flat_keys_tuple(), true);
    }
    // The pairs are gathered first.
    if !work.take(a.size().saturating_mul(WORK_PER_PAIR)) {
        return Step::TooMuch;
    }
    Maps::start(a, b, exact, stack)
}

/// Comparison of two hashed maps of one size.
///
/// Where both have the same keys, the values of the least key with different ones decide.
/// Otherwise the least of the keys that only one map has decides: the map that has it is the
/// lesser. In both cases the candidates are walked and the least so far is kept.
struct Maps<'t> {
    candidates: Vec<(Term<'t>, Decides<'t>)>,
    at: usize,
    least: Option<(Term<'t>, Ordering)>,
    exact: bool,
    asked: Asked,
}

/// What a key decides.
#[derive(Clone, Copy)]
enum Decides<'t> {
    Order(Ordering),
    Values(Term<'t>, Term<'t>),
}

/// Which comparison a map waits for.
enum Asked {
    KeyWithLeast,
    Values,
}

impl<'t> Maps<'t> {
    fn start(a: Map<'t>, b: Map<'t>, exact: bool, stack: &mut Vec<Frame<'t>>) -> Step<'t> {
        // Maps with the same keys have them in the same hash order.
        let mut candidates: Vec<_> = Leaves::of(a)
            .zip(Leaves::of(b))
            .map_while(|(a, b)| {
                let values = Decides::Values(a.tail(), b.tail());
                eq(a.head(), b.head()).then(|| (a.head(), values))
            })
            .collect();
        if candidates.len() < a.size() {
            candidates.clear();
            candidates.extend(keys_without(a, b).map(|key| (key, Decides::Order(Ordering::Less))));
            candidates
                .extend(keys_without(b, a).map(|key| (key, Decides::Order(Ordering::Greater))));
        }
        let asked = Asked::Values;
        Box::new(Maps { candidates, at: 0, least: None, exact, asked }).go_on(stack)
    }

    /// Asks the next question, or answers.
    fn go_on(mut self: Box<Self>, stack: &mut Vec<Frame<'t>>) -> Step<'t> {
        let Some(&(key, _)) = self.candidates.get(self.at) else {
            return Step::Done(self.least.map_or(Ordering::Equal, |(_, order)| order));
        };
        let Some((least, _)) = self.least else { return self.take(stack) };
        self.asked = Asked::KeyWithLeast;
        stack.push(Frame::Maps(self));
        Step::Compare(key, least, true)
    }

    /// The candidate is less than any so far: finds out what it decides.
    fn take(mut self: Box<Self>, stack: &mut Vec<Frame<'t>>) -> Step<'t> {
        match self.candidates[self.at] {
            (key, Decides::Order(order)) => {
                self.least = Some((key, order));
                self.at += 1;
                self.go_on(stack)
            }
            (_, Decides::Values(a, b)) => {
                self.asked = Asked::Values;
                let exact = self.exact;
                stack.push(Frame::Maps(self));
                Step::Compare(a, b, exact)
            }
        }
    }

    fn resume(mut self: Box<Self>, order: Ordering, stack: &mut Vec<Frame<'t>>) -> Step<'t> {
        match (&self.asked, order) {
            (Asked::KeyWithLeast, Ordering::Less) => return self.take(stack),
            (Asked::Values, Ordering::Less | Ordering::Greater) => {
                self.least = Some((self.candidates[self.at].0, order));
            }
            _ => {}
        }
        self.at += 1;
        self.go_on(stack)
    }
}

/// The keys of `a` that `b` has not.
fn keys_without<'t>(a: Map<'t>, b: Map<'t>) -> impl Iterator<Item = Term<'t>> {
    Leaves::of(a).map(|leaf| leaf.head()).filter(move |&key| find_leaf(b, key).is_none())
}
