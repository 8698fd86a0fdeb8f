//! `erlang:match_spec_test/3`

use oxbeam_heap::Heap;
use oxbeam_match_spec::{CompileError, Flags, Runner, Tracer, compile, compile_for_tracing};
use oxbeam_runtime::process::table;
use oxbeam_runtime::{Cx, Flow, NativeResult, registry, system};
use oxbeam_term::print::to_bytes;
use oxbeam_term::{Atom, Term, am};

use super::display;
use crate::arg::take;
use crate::crash_dump::process::write_process;

/// What a specification asks of the process that tests it.
struct Caller<'c, 'h>(&'c Cx<'h>);

impl Tracer for Caller<'_, '_> {
    fn display(&self, term: Term<'_>) {
        let mut text = to_bytes(term);
        text.push(b'\n');
        display::write(&text);
    }
    fn process_dump(&self) -> Vec<u8> {
        let mut dump = vec![];
        write_process(&mut dump, self.0, true).expect("memory takes all that is written");
        dump
    }
    fn control_word(&self) -> u64 {
        system::trace_control_word()
    }
    fn is_process(&self, term: Term<'_>) -> bool {
        match (term.as_local_pid(), term.as_atom()) {
            (Some(pid), _) => table::find(pid).is_some_and(|process| !process.is_exiting()),
            (None, Some(name)) => registry::whereis(name).is_some(),
            (None, None) => false,
        }
    }
}

/// `match_spec_test(Term, Spec, table)` or `match_spec_test(Arguments, Spec, trace)`
pub fn match_spec_test_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term, spec, dialect] = take(args);
    let (heap, pid) = (cx.heap, cx.process.pid);
    let (result, flags) = match dialect.as_atom() {
        Some(am::table) => match compile(spec) {
            Ok(program) => (Runner::new(&program, pid).run(term, heap), Flags::default()),
            Err(error) => return Ok(faults(heap, &error)),
        },
        Some(am::trace) if term.is_list() => match compile_for_tracing(spec) {
            Ok(program) => {
                let traced = Runner::new(&program, pid).run_trace(term, &Caller(cx), heap);
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
