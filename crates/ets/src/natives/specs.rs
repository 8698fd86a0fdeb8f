//! Compiled match specifications as terms, and `test_ms`.

use oxbeam_match_spec::Runner;
use oxbeam_runtime::reference::new_numbers;
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::{Term, am};

use super::select::{Compiled, program};
use super::take;

pub fn match_spec_compile_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [spec] = take(args);
    Ok(cx.heap.resource_ref(new_numbers(), Compiled(program(spec)?)))
}

pub fn is_compiled_ms_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term] = take(args);
    Ok(Term::bool(term.as_magic::<Compiled>().is_some()))
}

/// `match_spec_run_r(List, Compiled, Results)`: the results, last one first, before others.
pub fn match_spec_run_r_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [list, compiled, mut results] = take(args);
    let compiled = compiled.as_magic::<Compiled>().ok_or_else(Flow::badarg)?;
    let runner = Runner::new(&compiled.0, cx.process.pid);
    let mut terms = list.list();
    for term in terms.by_ref() {
        cx.bump(1);
        if let Some(result) = runner.run(term, cx.heap) {
            results = cx.heap.cons(result, results);
        }
    }
    if terms.rest().is_nil() { Ok(results) } else { Err(Flow::badarg()) }
}

/// `erlang:match_spec_test(Term, Spec, table)`
pub fn match_spec_test_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term, spec, dialect] = take(args);
    if !dialect.is(am::table) {
        return Err(Flow::badarg());
    }
    let heap = cx.heap;
    match oxbeam_match_spec::compile(spec) {
        Ok(program) => {
            let result = Runner::new(&program, cx.process.pid).run(term, heap);
            let result = result.unwrap_or(Term::bool(false));
            Ok(heap.tagged(am::ok, [result, Term::NIL, Term::NIL]))
        }
        Err(error) => {
            let errors = error
                .messages
                .iter()
                .map(|message| heap.tagged(am::error, [heap.list_of_chars(message)]));
            Ok(heap.tagged(am::error, [heap.list(&errors.collect::<Vec<_>>())]))
        }
    }
}
