//! `erlang:match_spec_test/3`

use oxbeam_heap::Heap;
use oxbeam_match_spec::{CompileError, Flags, Runner, compile, compile_for_tracing};
use oxbeam_runtime::{Cx, Flow, NativeResult, dirty};
use oxbeam_term::print::to_bytes;
use oxbeam_term::{Atom, Term, am};
use oxbeam_trace::asked::{self, Asked, Writers};
use oxbeam_trace::events;

use super::display;
use crate::arg::take;
use crate::crash_dump::process::write_process;
use crate::long::is_large;

/// How the specifications of tracing write; for boot.
pub fn install() {
    asked::install(Writers { display: write_line, process_dump });
    events::install();
}

fn write_line(term: Term<'_>) {
    let mut text = to_bytes(term);
    text.push(b'\n');
    display::write(&text);
}

fn process_dump(cx: &Cx<'_>) -> Vec<u8> {
    let mut dump = vec![];
    write_process(&mut dump, cx, true).expect("memory takes all that is written");
    dump
}

/// `match_spec_test(Term, Spec, table)` or `match_spec_test(Arguments, Spec, trace)`
pub fn match_spec_test_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term, spec, dialect] = take(args);
    dirty::if_long(match_spec_test_3, || dialect.is(am::table) && is_large(term))?;
    let (heap, pid) = (cx.heap, cx.process.pid);
    let (result, flags) = match dialect.as_atom() {
        Some(am::table) => match compile(spec) {
            Ok(program) => (Runner::new(&program, pid).run(term, heap), Flags::default()),
            Err(error) => return Ok(faults(heap, &error)),
        },
        Some(am::trace) if term.is_list() => match compile_for_tracing(spec) {
            Ok(program) => {
                let asked = Asked::new(cx, None, true);
                let traced = Runner::new(&program, pid).run_trace(term, &asked, heap);
                traced.map_or((None, Flags::default()), |t| (Some(t.message), t.flags))
            }
            Err(error) => return Ok(faults(heap, &error)),
        },
        _ => return Err(Flow::badarg()),
    };
    let result = result.unwrap_or(Term::bool(false));
    let flags = [("return_trace", flags.return_trace), ("exception_trace", flags.exception_trace)];
    let flags = flags.iter().filter(|(_, is_set)| *is_set);
    let flags: Vec<_> = flags
        .map(|(name, _)| Term::atom(Atom::new(name).expect("room for the names of two flags")))
        .collect();
    Ok(heap.tagged(am::ok, [result, heap.list(&flags), Term::NIL]))
}

/// `{error, [{error, Text}]}`
fn faults<'h>(heap: &'h Heap, error: &CompileError) -> Term<'h> {
    let tagged = |message: &String| heap.tagged(am::error, [heap.list_of_chars(message)]);
    let faults: Vec<_> = error.messages.iter().map(tagged).collect();
    heap.tagged(am::error, [heap.list(&faults)])
}
