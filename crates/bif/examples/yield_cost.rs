//! What yielding costs: runs one native in its long form, in turns of the usual length or in one.
//!
//!     yield_cost                      names the natives that yield
//!     yield_cost NAME turns|once      runs one; `scripts/yield_cost` counts the instructions

use oxbeam_bif::table::BIFS;
use oxbeam_etf::{EncodeOptions, NoZlib, term_to_binary};
use oxbeam_heap::Heap;
use oxbeam_runtime::engine::TURN_REDUCTIONS;
use oxbeam_runtime::native::Native;
use oxbeam_runtime::process::ProcState;
use oxbeam_runtime::{Cx, NativeResult, Process, yielding};
use oxbeam_term::{RawTerm, Term, am};

#[global_allocator]
static ALLOCATOR: oxbeam_sys::allocator::Allocator = oxbeam_sys::allocator::Allocator;

const CELLS: i64 = 1_000_000;

fn list(heap: &Heap) -> Term<'_> {
    heap.list(&(0..CELLS).map(|n| heap.int(n)).collect::<Vec<_>>())
}

fn pairs(heap: &Heap, count: i64) -> Term<'_> {
    heap.list(&(0..count).map(|n| heap.tuple(&[heap.int(n), heap.int(n)])).collect::<Vec<_>>())
}

fn map(heap: &Heap, count: i64) -> Term<'_> {
    heap.map_from_merged((0..count).map(|n| (heap.int(n), heap.int(n))).collect())
}

fn bytes(heap: &Heap, count: usize) -> Term<'_> {
    heap.binary(&b"0123456789abcdef".repeat(count / 16))
}

fn iolist(heap: &Heap, count: usize) -> Term<'_> {
    let part = heap.list(&[heap.int(7), heap.binary(b"seven"), heap.list_of_bytes(b"ab")]);
    heap.list(&vec![part; count])
}

/// The natives, by module, name and number of arguments, and these.
fn arguments<'h>(heap: &'h Heap, name: &str) -> Option<Vec<Term<'h>>> {
    let nil = Term::nil();
    Some(match name {
        "erlang:++/2" => vec![list(heap), nil],
        "erlang:--/2" => vec![pairs(heap, 50_000), pairs(heap, 40_000)],
        "erlang:length/1" | "erlang:list_to_tuple/1" => vec![list(heap)],
        "erlang:tuple_to_list/1" => vec![heap.tuple(&vec![nil; CELLS as usize])],
        "lists:reverse/2" => vec![list(heap), nil],
        "lists:member/2" => vec![Term::atom(am::ok), list(heap)],
        "lists:keyfind/3" => vec![Term::atom(am::ok), heap.int(1), pairs(heap, CELLS)],
        "maps:from_list/1" => vec![pairs(heap, 100_000)],
        "maps:from_keys/2" => vec![list(heap), nil],
        "maps:keys/1" | "maps:values/1" => vec![map(heap, 500_000)],
        "maps:merge/2" => vec![map(heap, 50_000), map(heap, 60_000)],
        "erlang:binary_to_list/1" => vec![bytes(heap, 1 << 20)],
        "erlang:list_to_binary/1" | "erlang:iolist_size/1" | "erlang:iolist_to_iovec/1" => {
            vec![iolist(heap, 200_000)]
        }
        "erlang:term_to_binary/1" => vec![pairs(heap, 200_000)],
        "erlang:binary_to_term/1" => {
            let bytes = term_to_binary(pairs(heap, 200_000), EncodeOptions::default(), &NoZlib);
            vec![heap.binary(&bytes.ok()?)]
        }
        "erlang:md5/1" => vec![bytes(heap, 16 << 20)],
        "erlang:crc32/1" | "erlang:adler32/1" => vec![bytes(heap, 64 << 20)],
        "binary:match/2" => vec![bytes(heap, 64 << 20), heap.binary(b"xyz")],
        "binary:matches/2" => vec![bytes(heap, 4 << 20), heap.binary(b"ef0")],
        "binary:copy/2" => vec![bytes(heap, 1 << 20), heap.int(64)],
        "unicode:characters_to_binary/2" => {
            vec![heap.list(&vec![heap.int(0x20AC); 500_000]), Term::atom(am::utf8)]
        }
        // To nobody: there is no such process, but the message is copied.
        "erlang:send/2" => vec![Term::atom(am::ok), pairs(heap, 200_000)],
        _ => return None,
    })
}

fn full_name(native: &Native) -> String {
    format!("{}:{}/{}", native.module, native.function, native.arity)
}

/// What is counted.
#[inline(never)]
fn measured<'h>(
    cx: &mut Cx<'h>,
    native: &Native,
    args: &[Term<'h>],
    slice: i64,
) -> (NativeResult<'h>, u64) {
    cx.reductions = slice;
    let mut ended = yielding::begin(cx, native.long.expect("a yielding native"), args);
    let mut turns = 1;
    loop {
        if let Some(result) = ended {
            return (result, turns);
        }
        cx.reductions = slice;
        turns += 1;
        ended = yielding::resume(cx);
    }
}

fn main() {
    let heap = Heap::detached();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [name, mode] = &args[..] else {
        for native in BIFS.iter().filter(|native| native.long.is_some()) {
            println!("{}", full_name(native));
        }
        return;
    };
    let native = BIFS.iter().find(|native| full_name(native) == *name).expect("a native");
    let Some(args) = arguments(&heap, name) else { return };
    let process = Process::detached(0);
    let mut own = ProcState::new(0, RawTerm::NIL, (am::ok, am::ok, 0));
    let mut cx = Cx { heap: &heap, own: &mut own, process: &process, reductions: 0 };
    let slice = if mode == "once" { i64::MAX / 1_000_000 } else { TURN_REDUCTIONS };
    let (_, turns) = measured(&mut cx, native, &args, slice);
    println!("{turns}");
    // Freeing it all is not of interest.
    std::process::exit(0);
}
