//! Compiled match specifications as terms.

use oxbeam_match_spec::Runner;
use oxbeam_runtime::reference::new_numbers;
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::Term;

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
