//! Calls of built-in functions whose outcome stock Erlang/OTP 25 wrote down (`calls.escript`):
//! here they must come out the same.

use std::sync::Arc;

use oxbeam_bif::table::BIFS;
use oxbeam_etf::{EncodeOptions, NoZlib, Options, binary_to_term, term_to_binary};
use oxbeam_heap::Heap;
use oxbeam_runtime::native::Native;
use oxbeam_runtime::process::ProcState;
use oxbeam_runtime::yielding::{self, Begin};
use oxbeam_runtime::{Cx, Flow, NativeResult, Process};
use oxbeam_term::print::to_bytes;
use oxbeam_term::{RawTerm, Term, am};

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn term<'h>(heap: &'h Heap, hex: &str) -> Term<'h> {
    binary_to_term(heap, &bytes(hex), Options::default(), &NoZlib).expect("a term").term
}

fn native(module: &str, function: &str, arity: usize) -> &'static Native {
    let is_it = |row: &&Native| {
        row.module == module && row.function == function && usize::from(row.arity) == arity
    };
    BIFS.iter().find(is_it).unwrap_or_else(|| panic!("no row for {module}:{function}/{arity}"))
}

/// How a native is run.
#[derive(Clone, Copy, Debug)]
enum How {
    /// As its callers do.
    Usual,
    /// Its long form, with so many reductions a turn.
    Long(i64),
}

/// `{ok, Value}` or `{Class, Reason}`, as the corpus has it.
fn outcome<'h>(
    heap: &'h Heap,
    own: &'h mut ProcState,
    process: &'h Arc<Process>,
    native: &Native,
    args: &[Term<'h>],
    how: How,
) -> Term<'h> {
    let mut cx = Cx { heap, own, process, reductions: 4000 };
    let result = match (how, native.long) {
        (How::Long(slice), Some(long)) => in_turns(&mut cx, long, args, slice),
        _ => match (native.call)(&mut cx, args) {
            Err(Flow::Long(long)) => in_turns(&mut cx, long, args, 4000),
            Err(Flow::Dirty(run_on, native)) => {
                oxbeam_runtime::dirty::act_as(run_on, || native(&mut cx, args))
            }
            result => result,
        },
    };
    match result {
        Ok(value) => heap.tagged(am::ok, [value]),
        Err(Flow::Raise(raise)) => heap.tagged(raise.class.atom(), [raise.reason]),
        // What goes on in Erlang code cannot be judged here.
        Err(Flow::Trap { .. }) => Term::nil(),
        Err(_) => heap.tagged(am::ok, [Term::atom(am::undefined)]),
    }
}

/// Runs a yielding native to its end, with so many reductions a turn.
fn in_turns<'h>(cx: &mut Cx<'h>, long: Begin, args: &[Term<'h>], slice: i64) -> NativeResult<'h> {
    cx.reductions = slice;
    let mut ended = yielding::begin(cx, long, args);
    loop {
        match ended {
            Some(result) => return result,
            None => {
                cx.reductions = slice;
                ended = yielding::resume(cx);
            }
        }
    }
}

#[test]
fn calls() {
    check(How::Usual, 5000);
}

#[test]
fn long_forms_give_the_same_in_one_turn() {
    check(How::Long(i64::MAX / 1000), 50);
}

#[test]
fn long_forms_give_the_same_with_one_reduction_a_turn() {
    check(How::Long(1), 50);
}

#[test]
fn what_ends_between_two_turns_leaves_nothing() {
    let process = Process::detached(0);
    let before = yielding::suspended_count();
    for line in include_str!("calls.tsv").lines().step_by(3) {
        let columns: Vec<_> = line.split('\t').collect();
        let heap = Heap::detached();
        let args = term(&heap, columns[2]).list_to_vec().expect("a list of arguments");
        let Some(long) = native(columns[0], columns[1], args.len()).long else { continue };
        for stop_at in 0..20 {
            let mut own = ProcState::new(0, RawTerm::NIL, (am::ok, am::ok, 0));
            let mut cx = Cx { heap: &heap, own: &mut own, process: &process, reductions: 1 };
            let mut ended = yielding::begin(&mut cx, long, &args);
            for _ in 0..stop_at {
                if ended.is_none() {
                    cx.reductions = 1;
                    ended = yielding::resume(&mut cx);
                }
            }
            let all_turns = ended.is_some();
            drop(own);
            if all_turns {
                break;
            }
        }
    }
    // Other tests of this file run meanwhile; none of theirs stays suspended for long.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while yielding::suspended_count() > before && std::time::Instant::now() < deadline {
        std::thread::yield_now();
    }
    assert!(yielding::suspended_count() <= before, "states are dropped");
}

/// Checks the whole corpus, of which at least so many calls must be of the kind that `how` says.
fn check(how: How, at_least: usize) {
    let process = Process::detached(0);
    let (mut wrong, mut checked) = (Vec::new(), 0);
    for line in include_str!("calls.tsv").lines() {
        let [module, function, args, expect] =
            line.split('\t').collect::<Vec<_>>().try_into().expect("four columns");
        let heap = Heap::detached();
        let args = term(&heap, args).list_to_vec().expect("a list of arguments");
        let native = native(module, function, args.len());
        if native.missing.is_some() || matches!((how, native.long), (How::Long(_), None)) {
            continue;
        }
        let mut own = ProcState::new(0, RawTerm::NIL, (am::ok, am::ok, 0));
        let got = outcome(&heap, &mut own, &process, native, &args, how);
        let written = term_to_binary(got, EncodeOptions::default(), &NoZlib).expect("small");
        checked += 1;
        if !got.is_nil() && written != bytes(expect) {
            let text = |term| {
                String::from_utf8_lossy(&to_bytes(term)).chars().take(150).collect::<String>()
            };
            let (args, expect) = (text(heap.list(&args)), text(term(&heap, expect)));
            wrong.push(format!(
                "{module}:{function} {args}\n  stock {expect}\n  here  {}",
                text(got)
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {checked}:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(60)].join("\n")
    );
    assert!(checked >= at_least, "{checked} are checked");
}
