//! Running the long forms of natives.

use oxbeam_runtime::yielding::{self, Begin};
use oxbeam_runtime::{Cx, Flow, NativeResult, dirty};
use oxbeam_term::Term;

/// The outcome of a long form, in turns of `slice` reductions.
pub fn in_turns<'h>(
    cx: &mut Cx<'h>,
    long: Begin,
    args: &[Term<'h>],
    slice: i64,
) -> NativeResult<'h> {
    cx.reductions = slice;
    let mut ended = yielding::begin(cx, long, args);
    loop {
        match ended {
            Some(Err(Flow::Dirty(run_on, native))) => {
                return dirty::act_as(run_on, || native(cx, args));
            }
            Some(result) => return result,
            None => {}
        }
        cx.reductions = slice;
        ended = yielding::resume(cx);
    }
}
