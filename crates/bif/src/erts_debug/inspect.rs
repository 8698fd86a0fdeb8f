//! The rest of `erts_debug`: copies, texts, and what the machine says of its code.

use super::is_large;
use crate::arg::{self, take};
use crate::erlang::display;
use oxbeam_code::{disassemble, module, ranges};
use oxbeam_etf::decode_cached;
use oxbeam_heap::copy::Policy;
use oxbeam_runtime::{Cx, Flow, NativeResult, dirty};
use oxbeam_term::{Atom, Map, Term, am};

/// `erts_debug:copy_shared/2` (term, whether literals are copied too)
pub fn copy_shared_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term, literals_too] = take(args);
    let literals_too = literals_too.as_bool().ok_or_else(Flow::badarg)?;
    dirty::if_long(copy_shared_2, || is_large(term))?;
    let copy = cx
        .heap
        .copy_sharing(term, if literals_too { Policy::everything() } else { Policy::sharing() });
    cx.bump(oxbeam_heap::measure::shared_size(copy) / 16);
    Ok(copy)
}

/// `erts_debug:display/1`: prints the term; its text is the value.
pub fn display_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let text = oxbeam_term::print::to_bytes(args[0]);
    display::write(&[&text, &b"\r\n"[..]].concat());
    Ok(cx.heap.list_of_bytes(&[&text, &b"\n"[..]].concat()))
}

/// Most atoms of an atom cache.
const MAX_CACHE_ATOMS: usize = 255;

/// `erts_debug:dist_ext_to_term/2`: an external term with references to the atoms of a tuple.
pub fn dist_ext_to_term_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let cache = args[0].as_tuple().ok_or_else(Flow::badarg)?;
    let cache: Option<Vec<Atom>> = cache.elements().iter().map(|atom| atom.as_atom()).collect();
    let cache = cache.filter(|atoms| atoms.len() <= MAX_CACHE_ATOMS).ok_or_else(Flow::badarg)?;
    let bytes = arg::bytes(args[1])?;
    let body = bytes.strip_prefix(&[oxbeam_etf::VERSION]).ok_or_else(Flow::badarg)?;
    let decoded = decode_cached(cx.heap, body, oxbeam_etf::Options::default(), &cache);
    decoded.map(|decoded| decoded.term).map_err(|_| Flow::badarg())
}

/// What a hashed map is made of, by depth or by number of children.
#[derive(Default)]
struct Shape {
    depth: usize,
    arrays: usize,
    bitmaps: [usize; 16],
    leaves: [usize; 16],
}

fn shape(map: Map<'_>) -> Shape {
    let mut shape = Shape::default();
    let mut pending = vec![(map, 0)];
    while let Some((node, depth)) = pending.pop() {
        let children = node.children();
        // Only a map's root can be an array.
        if !node.is_inner_node() && children.len() == 16 {
            shape.arrays += 1;
        } else {
            shape.bitmaps[children.len() - 1] += 1;
        }
        for child in children {
            shape.depth = shape.depth.max(depth + 1);
            match child.as_map() {
                Some(inner) => pending.push((inner, depth + 1)),
                None => shape.leaves[depth + 1] += 1,
            }
        }
    }
    shape
}

/// `erts_debug:map_info/1`: of a hashed map.
pub fn map_info_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let heap = cx.heap;
    let map = arg::map(cx, args[0])?;
    if map.is_flat() {
        return Err(Flow::badarg());
    }
    let shape = shape(map);
    cx.bump(map.size() / 16);
    let name = |name: &str| Atom::new(name).map(Term::atom).map_err(|_| Flow::system_limit());
    let usage = |counts: &[usize; 16]| {
        let terms = counts.map(|count| heap.usize(count));
        [heap.usize(counts.iter().sum()), heap.tuple(&terms)]
    };
    let ([bitmaps, bitmap_usage], [leaves, leaf_usage]) =
        (usage(&shape.bitmaps), usage(&shape.leaves));
    Ok(heap.list(&[
        heap.tuple(&[name("depth")?, heap.usize(shape.depth)]),
        heap.tuple(&[name("arrays")?, heap.usize(shape.arrays), Term::nil()]),
        heap.tuple(&[name("bitmaps")?, bitmaps, bitmap_usage]),
        heap.tuple(&[name("leafs")?, leaves, leaf_usage]),
    ]))
}

/// `erts_debug:instructions/0`: the names of the specific operations.
pub fn instructions_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    let names: Vec<_> =
        oxbeam_ops::specific::Op::all().map(|op| cx.heap.list_of_chars(op.name())).collect();
    Ok(cx.heap.list(&names))
}

/// `erts_debug:interpreter_size/0`: nothing, as in stock: there is no one function that
/// interprets all operations.
pub fn interpreter_size_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    Ok(cx.heap.int(0))
}

/// `erts_debug:disassemble/1`: `{Next, Text, {M, F, A}}` of the instruction at an address, or of
/// the first one of a function of the module's current code; else `false`. (Stock's native code
/// always says `false`.)
pub fn disassemble_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let address = match args[0].as_tuple_n::<3>() {
        Some([module, function, arity]) => first_of(module, function, arity),
        None => args[0].as_u64().map(|address| address as *const u64),
    };
    let Some(found) = address.and_then(disassemble::at) else { return Ok(Term::bool(false)) };
    let heap = cx.heap;
    let module = ranges::find(address.unwrap_or(std::ptr::null())).ok_or_else(Flow::badarg)?;
    let mfa = heap.tuple(&[
        Term::atom(module.name),
        Term::atom(found.function.name),
        heap.int(found.function.arity.into()),
    ]);
    let next = heap.uint(found.next as u64);
    Ok(heap.tuple(&[next, heap.binary(found.text.as_bytes()), mfa]))
}

fn first_of(module: Term<'_>, function: Term<'_>, arity: Term<'_>) -> Option<*const u64> {
    let module = module::current(module.as_atom()?)?;
    let arity = u8::try_from(arity.as_usize()?).ok()?;
    let function = module.function(function.as_atom()?, arity)?;
    Some(module.address_of(function.info))
}

/// `erts_debug:lcnt_clear/0` and `lcnt_collect/0`: locks are not counted, as in a stock build
/// without lock counting.
pub fn lcnt_0<'h>(_: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    Ok(Term::atom(am::error))
}

/// `erts_debug:lcnt_control/1,2`: as above.
pub fn lcnt_control<'h>(_: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    Err(Flow::badarg())
}
