//! Memory in use, as OTP's `erlang:memory` gathers it: sums by allocator, and areas outside them.

use oxbeam_heap::block::{Category, bytes_in_use};
use oxbeam_heap::{Heap, OwnedTerm};
use oxbeam_runtime::signal::send_to_pid;
use oxbeam_runtime::{Cx, NativeResult, process};
use oxbeam_term::{Atom, Binary, Term};

fn atom<'h>(name: &str) -> Term<'h> {
    Term::atom(Atom::new(name).expect("room for the words of the runtime"))
}

/// The allocators that sums are told for.
const ALLOCATORS: [&str; 4] = ["eheap_alloc", "ets_alloc", "binary_alloc", "ll_alloc"];

/// Bytes that an allocator has given out.
fn allocated(allocator: &str) -> usize {
    match allocator {
        "eheap_alloc" => bytes_in_use(Category::ProcessHeap) + bytes_in_use(Category::Fragment),
        "ets_alloc" => bytes_in_use(Category::Ets),
        "binary_alloc" => Binary::bytes_in_use(),
        "ll_alloc" => {
            Atom::name_bytes() + bytes_in_use(Category::Literal) + process::table::bytes()
        }
        _ => 0,
    }
}

/// `erlang:system_info(alloc_util_allocators)`
pub fn allocator_names<'h>(heap: &'h Heap) -> Term<'h> {
    heap.list(&ALLOCATORS.map(atom))
}

/// `erlang:system_info(allocated_areas)`: what no allocator above tells.
pub fn areas<'h>(heap: &'h Heap) -> Term<'h> {
    let (atoms, code) = (heap.usize(Atom::name_bytes()), oxbeam_code::memory::bytes_in_use());
    let loaded = heap.usize(code + bytes_in_use(Category::Literal));
    heap.list(&[
        heap.tuple(&[atom("atom_space"), atoms, atoms]),
        heap.tuple(&[atom("loaded_code"), loaded]),
        heap.tuple(&[atom("external_alloc"), heap.usize(code)]),
    ])
}

/// The sizes of an allocator's blocks: `[{mbcs, [{blocks, [{Name, [{size, Bytes}]}]}]}, {sbcs, ..}]`.
fn sizes<'h>(heap: &'h Heap, name: &str) -> Term<'h> {
    let pair = |key: &str, value: Term<'h>| heap.tuple(&[atom(key), value]);
    let one = |item: Term<'h>| heap.list(&[item]);
    let size = one(pair("size", heap.usize(allocated(name))));
    let blocks = one(pair("blocks", one(pair(name, size))));
    heap.list(&[pair("mbcs", blocks), pair("sbcs", Term::nil())])
}

/// `{allocator_sizes, Names}` and `{allocator, Names}`: an instance for each known allocator.
pub fn allocators<'h>(cx: &Cx<'h>, tag: Term<'h>, which: Term<'h>) -> Option<Term<'h>> {
    let heap = cx.heap;
    if !matches!(tag.as_atom()?.name(), "allocator_sizes" | "allocator") {
        return None;
    }
    let of = |name: Term<'h>| -> Option<Term<'h>> {
        let text = name.as_atom()?.name();
        if !ALLOCATORS.contains(&text) {
            // One of stock's that is off, or none at all.
            let known = crate::erts_internal::checks::ALLOCATORS.contains(&text);
            return known.then_some(Term::bool(false));
        }
        let instance = heap.tuple(&[atom("instance"), heap.int(0), sizes(heap, text)]);
        Some(heap.list(&[instance]))
    };
    if which.is_atom() {
        return of(which);
    }
    let names = which.list_to_vec()?;
    let pairs = names.into_iter().map(|name| Some(heap.tuple(&[name, of(name)?])));
    Some(heap.list(&pairs.collect::<Option<Vec<_>>>()?))
}

/// `{memory_internal, Ref, Names}`: sends `{Ref, 0, [{Name, 0, Sizes}]}` to the caller.
pub fn send_parts<'h>(cx: &Cx<'h>, request: Term<'h>) -> Option<Term<'h>> {
    let [tag, reference, names] = request.as_tuple_n()?;
    if tag.as_atom()?.name() != "memory_internal" || !reference.is_reference() {
        return None;
    }
    let names: Option<Vec<_>> = names.list_to_vec()?.iter().map(|name| name.as_atom()).collect();
    let names = names?;
    let message = OwnedTerm::build(|heap| {
        let parts = names.iter().map(|&name| match ALLOCATORS.contains(&name.name()) {
            true => heap.tuple(&[Term::atom(name), heap.int(0), sizes(heap, name.name())]),
            false => heap.tuple(&[Term::atom(name), Term::bool(false)]),
        });
        let parts = heap.list(&parts.collect::<Vec<_>>());
        heap.tuple(&[heap.import(reference), heap.int(0), parts])
    });
    send_to_pid(cx.process.pid, message);
    Some(Term::bool(true))
}

/// `erts_internal:no_aux_work_threads/0`: so many answers and one more.
pub fn no_aux_work_threads_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    Ok(cx.heap.int(2))
}
