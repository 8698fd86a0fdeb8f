//! Type tests, tuples and sizes: what guards are made of.

use crate::arg;
use crate::long::{self, CELLS_PER_REDUCTION, CONSES_PER_REDUCTION};
use oxbeam_runtime::native::RunOn;
use oxbeam_runtime::{Cx, Flow, NativeFn, NativeResult, Slot, Yielded, Yielder, dirty};
use oxbeam_term::tag::Subtag;
use oxbeam_term::view::Kind;
use oxbeam_term::{Atom, Node, Term, am};

macro_rules! type_tests {
    ($($name:ident($term:ident) => $test:expr;)*) => {$(
        #[doc = concat!("`erlang:", stringify!($name), "`")]
        pub fn $name<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
            let $term = args[0];
            Ok(Term::bool($test))
        }
    )*};
}

type_tests! {
    is_atom_1(t) => t.is_atom();
    is_binary_1(t) => t.is_binary();
    is_bitstring_1(t) => t.is_bitstring();
    is_boolean_1(t) => t.as_bool().is_some();
    is_float_1(t) => t.as_float().is_some();
    is_function_1(t) => t.is_fun();
    is_integer_1(t) => t.is_integer();
    is_list_1(t) => t.is_list();
    is_map_1(t) => t.is_map();
    is_number_1(t) => t.is_integer() || t.as_float().is_some();
    is_pid_1(t) => t.is_pid();
    is_port_1(t) => t.is_port();
    is_reference_1(t) => t.is_reference();
    is_tuple_1(t) => t.as_tuple().is_some();
}

/// `erlang:is_function/2`
pub fn is_function_2<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let wanted = match args[1].kind() {
        Kind::Small(n) if n >= 0 => Some(n as usize),
        Kind::Big(big) if !big.is_negative() => None,
        _ => return Err(Flow::badarg()),
    };
    let arity = match args[0].kind() {
        Kind::Fun(fun) => fun.arity(),
        Kind::Export(export) => export.arity as usize,
        _ => return Ok(Term::bool(false)),
    };
    Ok(Term::bool(wanted == Some(arity)))
}

fn is_record(term: Term<'_>, tag: Atom, arity: Option<usize>) -> bool {
    term.as_tuple().is_some_and(|tuple| {
        let elements = tuple.elements();
        elements.first().is_some_and(|first| first.is(tag))
            && arity.is_none_or(|arity| arity == elements.len())
    })
}

/// `erlang:is_record/2`
pub fn is_record_2<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let tag = args[1].as_atom().ok_or_else(Flow::badarg)?;
    Ok(Term::bool(is_record(args[0], tag, None)))
}

/// `erlang:is_record/3`
pub fn is_record_3<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let tag = args[1].as_atom().ok_or_else(Flow::badarg)?;
    let arity = match args[2].kind() {
        // No tuple has less than nothing.
        Kind::Small(arity) => usize::try_from(arity).unwrap_or(usize::MAX),
        _ => return Err(Flow::badarg()),
    };
    Ok(Term::bool(is_record(args[0], tag, Some(arity))))
}

/// A one-based position, counted from zero.
fn position<'h>(term: Term<'h>) -> Result<usize, Flow<'h>> {
    arg::size(term)?.checked_sub(1).ok_or_else(Flow::badarg)
}

/// Elements of a tuple that is made at once.
const FEW_ELEMENTS: usize = if oxbeam_heap::ZEAL { 16 } else { 1 << 17 };

/// A native that makes a tuple of many elements is for a dirty scheduler.
fn few_elements<'h>(arity: usize, native: NativeFn) -> Result<(), Flow<'h>> {
    dirty::if_long(native, || arity > FEW_ELEMENTS)
}

/// The elements of a tuple, for a native that makes another one.
fn elements<'h>(term: Term<'h>, native: NativeFn) -> Result<Vec<Term<'h>>, Flow<'h>> {
    let elements = term.as_tuple().ok_or_else(Flow::badarg)?.elements();
    few_elements(elements.len(), native)?;
    Ok(elements.to_vec())
}

/// `erlang:element/2`
pub fn element_2<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let tuple = args[1].as_tuple().ok_or_else(Flow::badarg)?;
    tuple.elements().get(position(args[0])?).copied().ok_or_else(Flow::badarg)
}

/// `erlang:setelement/3`
pub fn setelement_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let elements = args[1].as_tuple().ok_or_else(Flow::badarg)?.elements();
    let at = position(args[0])?;
    few_elements(elements.len(), setelement_3)?;
    if at >= elements.len() {
        return Err(Flow::badarg());
    }
    Ok(cx.heap.tuple_with(elements, at, args[2]))
}

/// `erlang:hd/1`
pub fn hd_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    args[0].as_cons().map(|cons| cons.head()).ok_or_else(Flow::badarg)
}

/// `erlang:tl/1`
pub fn tl_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    args[0].as_cons().map(|cons| cons.tail()).ok_or_else(Flow::badarg)
}

long::routines! {
    length_long => length;
    tuple_to_list_long => elements_listed;
    list_to_tuple_long => list_gathered;
}

/// `erlang:length/1`
pub fn length_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    match long::quick_length(args[0]) {
        Some((length, end)) if end.is_nil() => {
            cx.bump(length / CELLS_PER_REDUCTION);
            Ok(cx.heap.usize(length))
        }
        Some(_) => Err(Flow::badarg()),
        None => Err(Flow::Long(length_long)),
    }
}

async fn length(y: Yielder) -> Yielded {
    let mut length = 0;
    long::each_element(y, Slot::arg(0), CELLS_PER_REDUCTION, |_, _, _| {
        length += 1;
        None::<()>
    })
    .await?;
    y.finish(|cx, _| Ok(cx.heap.usize(length))).await
}

/// `erlang:size/1`
pub fn size_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    match args[0].kind() {
        Kind::Tuple(tuple) => Ok(cx.heap.usize(tuple.arity())),
        Kind::Bits(bits) => Ok(cx.heap.usize(bits.byte_size())),
        _ => Err(Flow::badarg()),
    }
}

/// `erlang:tuple_size/1`
pub fn tuple_size_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let tuple = args[0].as_tuple().ok_or_else(Flow::badarg)?;
    Ok(cx.heap.usize(tuple.arity()))
}

/// `erlang:byte_size/1`
pub fn byte_size_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    Ok(cx.heap.usize(arg::bits(args[0])?.bit_size().div_ceil(8)))
}

/// `erlang:bit_size/1`
pub fn bit_size_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    Ok(cx.heap.usize(arg::bits(args[0])?.bit_size()))
}

/// Largest arity of a tuple.
const MAX_ARITY: usize = (1 << 24) - 1;

fn tuple_arity<'h>(term: Term<'h>) -> Result<usize, Flow<'h>> {
    term.as_usize().filter(|&arity| arity <= MAX_ARITY).ok_or_else(Flow::badarg)
}

/// `erlang:make_tuple/2`
pub fn make_tuple_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let arity = tuple_arity(args[0])?;
    few_elements(arity, make_tuple_2)?;
    Ok(cx.heap.tuple(&vec![args[1]; arity]))
}

/// `erlang:make_tuple/3`
pub fn make_tuple_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let arity = tuple_arity(args[0])?;
    few_elements(arity, make_tuple_3)?;
    let mut elements = vec![args[1]; arity];
    for pair in arg::list(args[2])? {
        let [at, value] = pair.as_tuple_n().ok_or_else(Flow::badarg)?;
        *elements.get_mut(position(at)?).ok_or_else(Flow::badarg)? = value;
    }
    Ok(cx.heap.tuple(&elements))
}

/// A tuple, if it is not longer than tuples may be.
fn tuple<'h>(cx: &Cx<'h>, elements: &[Term<'h>]) -> NativeResult<'h> {
    if elements.len() > MAX_ARITY { Err(Flow::badarg()) } else { Ok(cx.heap.tuple(elements)) }
}

/// `erlang:append_element/2`
pub fn append_element_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let mut elements = elements(args[0], append_element_2)?;
    elements.push(args[1]);
    tuple(cx, &elements)
}

/// `erlang:insert_element/3`
pub fn insert_element_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let (at, mut elements) = (position(args[0])?, elements(args[1], insert_element_3)?);
    if at > elements.len() {
        return Err(Flow::badarg());
    }
    elements.insert(at, args[2]);
    tuple(cx, &elements)
}

/// `erlang:delete_element/2`
pub fn delete_element_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let (at, mut elements) = (position(args[0])?, elements(args[1], delete_element_2)?);
    if at >= elements.len() {
        return Err(Flow::badarg());
    }
    elements.remove(at);
    Ok(cx.heap.tuple(&elements))
}

/// `erlang:tuple_to_list/1`
pub fn tuple_to_list_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let tuple = args[0].as_tuple().ok_or_else(Flow::badarg)?;
    if tuple.arity() > long::QUICK {
        return Err(Flow::Long(tuple_to_list_long));
    }
    Ok(cx.heap.list(tuple.elements()))
}

async fn elements_listed(y: Yielder) -> Yielded {
    let tuple = Slot::arg(0);
    let (list, mut left) = y
        .attempt(|_, roots| {
            let arity = roots.get(tuple).as_tuple().ok_or_else(Flow::badarg)?.arity();
            Ok((roots.push(Term::nil()), arity))
        })
        .await?;
    y.slices(CONSES_PER_REDUCTION, |cx, roots, units| {
        let from = left.saturating_sub(*units);
        *units -= left - from;
        let tuple = roots.get(tuple).as_tuple().expect("seen to be a tuple");
        let longer = cx.heap.list_onto(&tuple.elements()[from..left], roots.get(list));
        roots.set(list, longer);
        left = from;
        (left == 0).then_some(())
    })
    .await;
    Ok(list)
}

/// `erlang:list_to_tuple/1`
pub fn list_to_tuple_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    dirty::if_long(list_to_tuple_1, || args[0].list().nth(FEW_ELEMENTS).is_some())?;
    if dirty::current() == RunOn::Normal && long::quick_length(args[0]).is_none() {
        return Err(Flow::Long(list_to_tuple_long));
    }
    let elements = arg::list(args[0])?;
    tuple(cx, &elements)
}

async fn list_gathered(y: Yielder) -> Yielded {
    long::gather(y, Slot::arg(0), 0).await?;
    // The tuple is made at once, with a turn of its own.
    y.pause().await;
    y.finish(|cx, roots| tuple(cx, &roots.take_stack(0))).await
}

fn boolean<'h>(term: Term<'h>) -> Result<bool, Flow<'h>> {
    term.as_bool().ok_or_else(Flow::badarg)
}

/// `erlang:'not'/1`
pub fn not_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    Ok(Term::bool(!boolean(args[0])?))
}

/// `erlang:'and'/2`
pub fn and_2<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    Ok(Term::bool(boolean(args[0])? & boolean(args[1])?))
}

/// `erlang:'or'/2`
pub fn or_2<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    Ok(Term::bool(boolean(args[0])? | boolean(args[1])?))
}

/// `erlang:'xor'/2`
pub fn xor_2<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    Ok(Term::bool(boolean(args[0])? ^ boolean(args[1])?))
}

/// `erlang:node/0`
pub fn node_0<'h>(_: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    Ok(Term::atom(Node::this().name))
}

/// `erlang:node/1`
pub fn node_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    match args[0].kind() {
        Kind::Pid(_) | Kind::Port(_) | Kind::Ref(_) => Ok(Term::atom(Node::this().name)),
        Kind::ExtPid(ext) | Kind::ExtPort(ext) | Kind::ExtRef(ext) => {
            Ok(Term::atom(ext.node().name))
        }
        _ => Err(Flow::badarg()),
    }
}

/// `erlang:self/0`
pub fn self_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    Ok(cx.self_pid())
}

/// `erts_internal:term_type/1`
pub fn term_type_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let name = match args[0].kind() {
        Kind::Small(_) => "fixnum",
        Kind::Big(_) => "bignum",
        Kind::Float(_) => "hfloat",
        Kind::Atom(_) => "atom",
        Kind::Nil => "nil",
        Kind::Cons(_) => "list",
        Kind::Tuple(_) => "tuple",
        Kind::Map(map) if map.is_flat() => "flatmap",
        Kind::Map(_) => "hashmap",
        Kind::Fun(_) => "fun",
        Kind::Export(_) => "export",
        Kind::Pid(_) => "pid",
        Kind::Port(_) => "port",
        Kind::Ref(_) => "reference",
        Kind::ExtPid(_) => "external_pid",
        Kind::ExtPort(_) => "external_port",
        Kind::ExtRef(_) => "external_reference",
        Kind::Bits(_) => match args[0].subtag() {
            Some(Subtag::RefcBin) => "refc_binary",
            Some(Subtag::HeapBin) => "heap_binary",
            _ => "sub_binary",
        },
        Kind::Internal => return Ok(Term::atom(am::undefined)),
    };
    Ok(Term::atom(Atom::new(name).map_err(|_| Flow::system_limit())?))
}
