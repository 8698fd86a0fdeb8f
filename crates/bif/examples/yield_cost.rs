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
use oxbeam_runtime::{Cx, NativeResult, Process, system, yielding};
use oxbeam_term::{Atom, RawTerm, Term, am};

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

fn native(name: &str) -> &'static Native {
    BIFS.iter().find(|native| full_name(native) == name).expect("a native")
}

/// A table of pairs, with what a native calls it.
fn table<'h>(cx: &mut Cx<'h>, kind: &str, count: i64) -> Option<Term<'h>> {
    let heap = cx.heap;
    let options = heap.list(&[Term::atom(Atom::new(kind).ok()?), Term::atom(am::public)]);
    let table = (native("ets:new/2").call)(cx, &[Term::atom(am::ok), options]).ok()?;
    let insert = native("ets:insert/2").call;
    for n in 0..count {
        insert(cx, &[table, heap.tuple(&[heap.int(n), heap.int(n % 7)])]).ok()?;
    }
    Some(table)
}

/// A pattern of pairs, of which one in seven matches.
fn pattern(heap: &Heap, seventh: bool) -> Term<'_> {
    let variable = |name: &str| Term::atom(Atom::new(name).expect("a short name"));
    heap.tuple(&[variable("$1"), if seventh { heap.int(3) } else { variable("$2") }])
}

/// A match specification whose guard is true of one pair in seven, and its result.
fn specification<'h>(heap: &'h Heap, result: Term<'h>) -> Term<'h> {
    let second = Term::atom(Atom::new("$2").expect("a short name"));
    let equal = Term::atom(Atom::new("=:=").expect("a short name"));
    let guards = heap.list(&[heap.tuple(&[equal, second, heap.int(3)])]);
    heap.list(&[heap.tuple(&[pattern(heap, false), guards, heap.list(&[result])])])
}

/// Arguments of the natives of tables.
fn table_arguments<'h>(cx: &mut Cx<'h>, name: &str) -> Option<Vec<Term<'h>>> {
    let heap = cx.heap;
    let second = match name {
        "ets:match/2" | "ets:match_object/2" => pattern(heap, true),
        "ets:select/2" | "ets:select_reverse/2" => {
            specification(heap, Term::atom(Atom::new("$1").ok()?))
        }
        "ets:select_count/2" | "ets:internal_select_delete/2" => {
            specification(heap, Term::atom(am::true_))
        }
        "ets:select_replace/2" => {
            let pair = heap.tuple(&[Term::atom(Atom::new("$1").ok()?), heap.int(1)]);
            specification(heap, heap.tuple(&[pair]))
        }
        _ => return None,
    };
    let kind = if name == "ets:select_reverse/2" { "ordered_set" } else { "set" };
    Some(vec![table(cx, kind, 200_000)?, second])
}

/// The natives, by module, name and number of arguments, and these.
fn arguments<'h>(cx: &mut Cx<'h>, name: &str) -> Option<Vec<Term<'h>>> {
    let (heap, nil) = (cx.heap, Term::nil());
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
        "ets:delete/1" | "ets:delete_all_objects/1" => vec![table(cx, "set", 200_000)?],
        _ => return table_arguments(cx, name),
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
    system::install(Default::default());
    let heap = Heap::detached();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [name, mode] = &args[..] else {
        for native in BIFS.iter().filter(|native| native.long.is_some()) {
            println!("{}", full_name(native));
        }
        return;
    };
    let process = Process::detached(0);
    let mut own = ProcState::new(0, RawTerm::NIL, (am::ok, am::ok, 0));
    let mut cx = Cx { heap: &heap, own: &mut own, process: &process, reductions: 0 };
    let Some(args) = arguments(&mut cx, name) else { return };
    let slice = if mode == "once" { i64::MAX / 1_000_000 } else { TURN_REDUCTIONS };
    let (_, turns) = measured(&mut cx, native(name), &args, slice);
    println!("{turns}");
    // Freeing it all is not of interest.
    std::process::exit(0);
}
