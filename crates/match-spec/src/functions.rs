//! The functions that guards and bodies may call.

use oxbeam_heap::Heap;
use oxbeam_heap::arith::{self, Rounding};
use oxbeam_term::compare::{compare, eq, eq_value};
use oxbeam_term::view::Kind;
use oxbeam_term::{Atom, Node, Term, hamt};

/// A function: its arguments to its value; `None`: it fails.
pub(crate) type Function = for<'e> fn(&'e Heap, &[Term<'e>]) -> Option<Term<'e>>;

macro_rules! functions {
    ($($name:literal / $arity:literal => |$heap:pat_param, $args:pat_param| $value:expr;)*) => {
        /// The function of that name and arity.
        pub(crate) fn find(name: Atom, arity: usize) -> Option<Function> {
            match (name.name(), arity) {
                $(($name, $arity) => {
                    fn function<'e>(heap: &'e Heap, args: &[Term<'e>]) -> Option<Term<'e>> {
                        let ($heap, $args): (&'e Heap, [Term<'e>; $arity]) =
                            (heap, args.try_into().expect("as many as its arity"));
                        $value
                    }
                    Some(function)
                })*
                _ => None,
            }
        }
    };
}

fn truth<'e>(value: bool) -> Option<Term<'e>> {
    Some(Term::bool(value))
}

functions! {
    "is_atom"/1 => |_, [a]| truth(a.is_atom());
    "is_float"/1 => |_, [a]| truth(a.as_float().is_some());
    "is_integer"/1 => |_, [a]| truth(a.is_integer());
    "is_list"/1 => |_, [a]| truth(a.is_list());
    "is_number"/1 => |_, [a]| truth(a.is_integer() || a.as_float().is_some());
    "is_pid"/1 => |_, [a]| truth(a.is_pid());
    "is_port"/1 => |_, [a]| truth(a.is_port());
    "is_reference"/1 => |_, [a]| truth(a.is_reference());
    "is_tuple"/1 => |_, [a]| truth(a.as_tuple().is_some());
    "is_map"/1 => |_, [a]| truth(a.is_map());
    "is_binary"/1 => |_, [a]| truth(a.is_binary());
    "is_function"/1 => |_, [a]| truth(a.is_fun());
    "is_record"/3 => |_, [a, tag, arity]| is_record(a, tag, arity);
    "abs"/1 => |heap, [a]| arith::abs(heap, a);
    "element"/2 => |_, [n, tuple]| {
        tuple.as_tuple()?.elements().get(n.as_usize()?.checked_sub(1)?).copied()
    };
    "hd"/1 => |_, [a]| a.as_cons().map(|cons| cons.head());
    "tl"/1 => |_, [a]| a.as_cons().map(|cons| cons.tail());
    "length"/1 => |heap, [a]| {
        let mut list = a.list();
        let length = list.by_ref().count();
        list.rest().is_nil().then(|| heap.usize(length))
    };
    "node"/1 => |_, [a]| node_of(a);
    "node"/0 => |_, []| Some(Term::atom(Node::this().name));
    "round"/1 => |heap, [a]| arith::to_integer(heap, a, Rounding::Round);
    "trunc"/1 => |heap, [a]| arith::to_integer(heap, a, Rounding::Trunc);
    "float"/1 => |heap, [a]| arith::to_float(a).map(|value| heap.float(value));
    "size"/1 => |heap, [a]| size(heap, a);
    "map_size"/1 => |heap, [a]| a.as_map().map(|map| heap.usize(map.size()));
    "map_get"/2 => |_, [key, map]| hamt::get(map.as_map()?, key);
    "is_map_key"/2 => |_, [key, map]| truth(hamt::get(map.as_map()?, key).is_some());
    "bit_size"/1 => |heap, [a]| a.as_bits().map(|bits| heap.usize(bits.bit_size()));
    "byte_size"/1 => |heap, [a]| a.as_bits().map(|bits| heap.usize(bits.bit_size().div_ceil(8)));
    "binary_part"/2 => |heap, [a, range]| {
        let [start, length] = range.as_tuple_n()?;
        binary_part(heap, a, start, length)
    };
    "binary_part"/3 => |heap, [a, start, length]| binary_part(heap, a, start, length);
    "+"/1 => |_, [a]| (a.is_integer() || a.as_float().is_some()).then_some(a);
    "-"/1 => |heap, [a]| arith::neg(heap, a).ok();
    "+"/2 => |heap, [a, b]| arith::add(heap, a, b).ok();
    "-"/2 => |heap, [a, b]| arith::sub(heap, a, b).ok();
    "*"/2 => |heap, [a, b]| arith::mul(heap, a, b).ok();
    "/"/2 => |heap, [a, b]| arith::divide(heap, a, b).ok();
    "div"/2 => |heap, [a, b]| arith::int_div(heap, a, b).ok();
    "rem"/2 => |heap, [a, b]| arith::int_rem(heap, a, b).ok();
    "band"/2 => |heap, [a, b]| arith::band(heap, a, b).ok();
    "bor"/2 => |heap, [a, b]| arith::bor(heap, a, b).ok();
    "bxor"/2 => |heap, [a, b]| arith::bxor(heap, a, b).ok();
    "bnot"/1 => |heap, [a]| arith::bnot(heap, a).ok();
    "bsl"/2 => |heap, [a, b]| arith::bsl(heap, a, b).ok();
    "bsr"/2 => |heap, [a, b]| arith::bsr(heap, a, b).ok();
    ">"/2 => |_, [a, b]| truth(compare(a, b).is_gt());
    ">="/2 => |_, [a, b]| truth(compare(a, b).is_ge());
    "<"/2 => |_, [a, b]| truth(compare(a, b).is_lt());
    "=<"/2 => |_, [a, b]| truth(compare(a, b).is_le());
    "=:="/2 => |_, [a, b]| truth(eq(a, b));
    "=="/2 => |_, [a, b]| truth(eq_value(a, b));
    "=/="/2 => |_, [a, b]| truth(!eq(a, b));
    "/="/2 => |_, [a, b]| truth(!eq_value(a, b));
    "not"/1 => |_, [a]| truth(!a.as_bool()?);
    "xor"/2 => |_, [a, b]| truth(a.as_bool()? != b.as_bool()?);
}

fn is_record<'e>(term: Term<'e>, tag: Term<'e>, arity: Term<'e>) -> Option<Term<'e>> {
    let (tag, arity) = (tag.as_atom()?, arity.as_usize()?);
    let elements = term.as_tuple().map_or(&[][..], |tuple| tuple.elements());
    truth(elements.len() == arity && elements.first().is_some_and(|first| first.is(tag)))
}

fn node_of<'e>(term: Term<'e>) -> Option<Term<'e>> {
    let node = match term.kind() {
        Kind::Pid(_) | Kind::Port(_) | Kind::Ref(_) => Node::this(),
        Kind::ExtPid(far) | Kind::ExtPort(far) | Kind::ExtRef(far) => far.node(),
        _ => return None,
    };
    Some(Term::atom(node.name))
}

fn size<'e>(heap: &'e Heap, term: Term<'e>) -> Option<Term<'e>> {
    match term.kind() {
        Kind::Tuple(tuple) => Some(heap.usize(tuple.arity())),
        Kind::Bits(bits) => Some(heap.usize(bits.byte_size())),
        _ => None,
    }
}

fn binary_part<'e>(
    heap: &'e Heap,
    term: Term<'e>,
    start: Term<'e>,
    length: Term<'e>,
) -> Option<Term<'e>> {
    let bytes = term.as_bits()?.byte_size();
    let start = start.as_small()?;
    let end = start.checked_add(length.as_small()?)?;
    let (from, to) = (usize::try_from(start.min(end)).ok()?, usize::try_from(start.max(end)).ok()?);
    (to <= bytes).then(|| heap.sub_binary(term, from * 8, (to - from) * 8))
}
