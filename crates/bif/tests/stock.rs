//! Calls of built-in functions whose outcome stock Erlang/OTP 25 wrote down (`calls.escript`):
//! here they must come out the same.

use std::sync::Arc;

use oxbeam_bif::table::BIFS;
use oxbeam_etf::{EncodeOptions, NoZlib, Options, binary_to_term, term_to_binary};
use oxbeam_heap::Heap;
use oxbeam_runtime::native::Native;
use oxbeam_runtime::process::ProcState;
use oxbeam_runtime::{Cx, Flow, Process};
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

/// `{ok, Value}` or `{Class, Reason}`, as the corpus has it.
fn outcome<'h>(
    heap: &'h Heap,
    own: &'h mut ProcState,
    process: &'h Arc<Process>,
    native: &Native,
    args: &[Term<'h>],
) -> Term<'h> {
    let mut cx = Cx { heap, own, process, reductions: 4000 };
    match (native.call)(&mut cx, args) {
        Ok(value) => heap.tagged(am::ok, [value]),
        Err(Flow::Raise(raise)) => heap.tagged(raise.class.atom(), [raise.reason]),
        Err(_) => heap.tagged(am::ok, [Term::atom(am::undefined)]),
    }
}

#[test]
fn calls() {
    let process = Process::detached(0);
    let (mut wrong, mut checked) = (Vec::new(), 0);
    for line in include_str!("calls.tsv").lines() {
        let [module, function, args, expect] =
            line.split('\t').collect::<Vec<_>>().try_into().expect("four columns");
        let heap = Heap::detached();
        let args = term(&heap, args).list_to_vec().expect("a list of arguments");
        let native = native(module, function, args.len());
        if native.missing {
            continue;
        }
        let mut own = ProcState::new(0, RawTerm::NIL, (am::ok, am::ok, 0));
        let got = outcome(&heap, &mut own, &process, native, &args);
        let written = term_to_binary(got, EncodeOptions::default(), &NoZlib).expect("small");
        checked += 1;
        if written != bytes(expect) {
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
    assert!(checked > 5000, "most of the corpus is checked");
}
