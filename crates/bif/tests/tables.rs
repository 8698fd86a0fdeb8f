//! Operations on tables that take several turns give the same whatever the turns are; a process that
//! ends in the middle of one that is seen at once leaves all of it done or nothing.

mod support;

use std::time::Duration;

use oxbeam_bif::table::BIFS;
use oxbeam_heap::block::{Category, bytes_in_use};
use oxbeam_heap::{Heap, OwnedTerm};
use oxbeam_runtime::native::Native;
use oxbeam_runtime::process::ProcState;
use oxbeam_runtime::{Cx, Flow, Process, dirty, system, yielding};
use oxbeam_term::compare::eq;
use oxbeam_term::{Atom, RawTerm, Term, am};
use support::in_turns;

/// Objects that take an operation many turns.
const MANY: i64 = 600;

fn native(function: &str, arity: u8) -> &'static Native {
    let named = |native: &&Native| {
        native.module == "ets" && native.function == function && native.arity == arity
    };
    BIFS.iter().find(named).expect("a function of ets")
}

fn state() -> ProcState {
    ProcState::new(0, RawTerm::NIL, (am::ok, am::ok, 0))
}

/// Calls a native to its end.
fn call<'h>(cx: &mut Cx<'h>, function: &str, args: &[Term<'h>]) -> Term<'h> {
    let native = native(function, args.len() as u8);
    loop {
        let result = match (native.call)(cx, args) {
            Err(Flow::Long(long)) => in_turns(cx, long, args, 100_000),
            Err(Flow::Retry) => continue,
            result => result,
        };
        return result.unwrap_or_else(|_| panic!("ets:{function} fails"));
    }
}

/// Runs the long form for so many turns of one reduction; then its process ends. Whether the
/// native had ended before.
fn given_up(heap: &Heap, function: &str, args: &[Term<'_>], turns: usize) -> bool {
    let (process, mut own) = (Process::detached(0), state());
    let args: Vec<_> = args.iter().map(|&arg| heap.import(arg)).collect();
    let mut cx = Cx { heap, own: &mut own, process: &process, reductions: 1 };
    let long = native(function, args.len() as u8).long.expect("it has a long form");
    let mut ended = yielding::begin(&mut cx, long, &args).is_some();
    for _ in 0..turns {
        if ended {
            break;
        }
        cx.reductions = 1;
        ended = yielding::resume(&mut cx).is_some();
    }
    ended
}

fn options<'h>(heap: &'h Heap, names: &[&str]) -> Term<'h> {
    let names: Vec<_> =
        names.iter().map(|name| Term::atom(Atom::new(name).expect("a short name"))).collect();
    heap.list(&names)
}

fn pairs<'h>(heap: &'h Heap, from: i64, to: i64) -> Term<'h> {
    let pairs: Vec<_> = (from..to)
        .map(|key| heap.tuple(&[heap.int(key), heap.list_of_chars("a text to be packed")]))
        .collect();
    heap.list(&pairs)
}

fn size<'h>(cx: &mut Cx<'h>, table: Term<'h>) -> i64 {
    call(cx, "info", &[table, Term::atom(am::size)]).as_small().expect("a size")
}

/// Makes a table of that kind, and gives its bytes of memory up again.
fn with_table(kind: &[&str], with: impl for<'h> FnOnce(&mut Cx<'h>, Term<'h>)) {
    let before = bytes_in_use(Category::Ets);
    let (heap, process, mut own) = (Heap::detached(), Process::detached(0), state());
    let mut cx = Cx { heap: &heap, own: &mut own, process: &process, reductions: 100_000 };
    let table = call(&mut cx, "new", &[Term::atom(am::name), options(&heap, kind)]);
    with(&mut cx, table);
    call(&mut cx, "delete", &[table]);
    while dirty::errands() > 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    drop((own, heap));
    assert_eq!(bytes_in_use(Category::Ets), before, "{kind:?}");
}

/// One test: others would change the memory of tables meanwhile.
#[test]
fn turns_make_no_difference_and_leave_no_half_of_an_operation() {
    system::install(system::System { schedulers: 2, ..Default::default() });
    for kind in [&["set"][..], &["bag"], &["ordered_set"], &["duplicate_bag"], &["compressed"]] {
        for function in ["insert", "insert_new"] {
            insertion(kind, function);
        }
        deletion_while_fixed(kind);
        operations(kind);
    }
}

/// What the function is called with: it matches keys above 99, or all.
fn specification<'h>(heap: &'h Heap, function: &str) -> Term<'h> {
    let atom = |name| Term::atom(Atom::new(name).expect("a short name"));
    let (key, any) = (atom("$1"), atom("_"));
    let head = heap.tuple(&[key, any]);
    let body = match function {
        "match" | "match_object" => return head,
        "select_replace" => heap.tuple(&[heap.tuple(&[key, any])]),
        "select" | "select_reverse" => key,
        _ => Term::bool(true),
    };
    let guard = heap.tuple(&[atom(">"), key, heap.int(99)]);
    heap.list(&[heap.tuple(&[head, heap.list(&[guard]), heap.list(&[body])])])
}

/// The operations that go over all objects give the same in turns of one reduction, and leave the
/// same.
fn operations(kind: &[&str]) {
    for function in [
        "select",
        "select_reverse",
        "match",
        "match_object",
        "select_count",
        "internal_select_delete",
        "select_replace",
    ] {
        if kind == ["bag"] && function == "select_replace" {
            continue;
        }
        let outcomes = [1, 7, 100_000].map(|slice| {
            let mut outcome = None;
            with_table(kind, |cx, table| {
                call(cx, "insert", &[table, pairs(cx.heap, 0, MANY)]);
                let spec = specification(cx.heap, function);
                let long = native(function, 2).long.expect("it has a long form");
                let result = in_turns(cx, long, &[table, spec], slice);
                let result = result.unwrap_or_else(|_| panic!("ets:{function} fails"));
                let left = call(cx, "match_object", &[table, Term::atom(am::underscore)]);
                outcome = Some(OwnedTerm::deep_copy_of(cx.heap.tuple(&[result, left])));
            });
            outcome.expect("it was made")
        });
        for outcome in &outcomes {
            assert!(eq(outcome.view(), outcomes[0].view()), "{function} in {kind:?}");
        }
    }
}

fn insertion(kind: &[&str], function: &str) {
    let mut turns = 0;
    loop {
        let mut ended = false;
        with_table(kind, |cx, table| {
            let heap = cx.heap;
            call(cx, "insert", &[table, pairs(heap, MANY, MANY + 1)]);
            ended = given_up(heap, function, &[table, pairs(heap, 0, MANY)], turns);
            let left = size(cx, table);
            assert!(
                left == 1 && !ended || left == MANY + 1,
                "{function} given up after {turns} turns leaves {left} in {kind:?}"
            );
        });
        if ended {
            assert!(turns > 2, "it takes several turns");
            return;
        }
        turns += 1 + turns / 8;
    }
}

fn deletion_while_fixed(kind: &[&str]) {
    let mut turns = 0;
    loop {
        let mut ended = false;
        with_table(kind, |cx, table| {
            let heap = cx.heap;
            call(cx, "insert", &[table, pairs(heap, 0, MANY)]);
            call(cx, "safe_fixtable", &[table, Term::bool(true)]);
            let args = [table, Term::atom(am::undefined)];
            ended = given_up(heap, "internal_delete_all", &args, turns);
            let left = size(cx, table);
            assert!(left == MANY && !ended || left == 0, "{left} after {turns} turns in {kind:?}");
            call(cx, "safe_fixtable", &[table, Term::bool(false)]);
            assert_eq!(size(cx, table), left);
        });
        if ended {
            return;
        }
        turns += 1 + turns / 8;
    }
}
