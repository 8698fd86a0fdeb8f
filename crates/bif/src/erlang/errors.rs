//! Raising exceptions.

use oxbeam_heap::Heap;
use oxbeam_runtime::native::Raise;
use oxbeam_runtime::{Class, Cx, Flow, NativeResult};
use oxbeam_term::{Term, am};

fn raise<'h>(
    class: Class,
    reason: Term<'h>,
    args: Option<Term<'h>>,
    error_info: Option<Term<'h>>,
) -> NativeResult<'h> {
    Err(Flow::Raise(Box::new(Raise { class, reason, stacktrace: None, args, error_info })))
}

/// `erlang:error/1`
pub fn error_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    raise(Class::Error, args[0], None, None)
}

/// `erlang:error/2`
pub fn error_2<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let shown = (!args[1].is(am::none)).then_some(args[1]);
    raise(Class::Error, args[0], shown, None)
}

/// `erlang:error/3`
pub fn error_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let shown = (!args[1].is(am::none)).then_some(args[1]);
    let options = args[2].list_to_vec().ok_or_else(Flow::badarg)?;
    let mut error_info = None;
    for option in options {
        let [key, value] = option.as_tuple_n().ok_or_else(Flow::badarg)?;
        if !key.is(am::error_info) || !value.is_map() {
            return Err(Flow::badarg());
        }
        error_info = Some(value);
    }
    let _ = cx;
    raise(Class::Error, args[0], shown, error_info)
}

/// `erlang:exit/1`
pub fn exit_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    raise(Class::Exit, args[0], None, None)
}

/// `erlang:throw/1`
pub fn throw_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    raise(Class::Throw, args[0], None, None)
}

/// A stack trace as `erlang:raise/3` takes it, each frame with its place; `None`: it is none.
fn stacktrace<'h>(heap: &'h Heap, term: Term<'h>) -> Option<Term<'h>> {
    let frames = term.list_to_vec()?.into_iter().map(|frame| {
        let elements = frame.as_tuple()?.elements();
        let good = match *elements {
            [m, f, _] if m.is_atom() => f.is_atom(),
            [fun, args, place] => fun.is_fun() && args.is_list() && place.is_list(),
            [m, f, _, place] => m.is_atom() && f.is_atom() && place.is_list(),
            [fun, args] => fun.is_fun() && args.is_list(),
            _ => false,
        };
        let whole = match *elements {
            [m, f, a] if m.is_atom() => heap.tuple(&[m, f, a, Term::nil()]),
            [fun, args] => heap.tuple(&[fun, args, Term::nil()]),
            _ => frame,
        };
        good.then_some(whole)
    });
    let frames = frames.collect::<Option<Vec<_>>>()?;
    Some(heap.list(&frames))
}

/// `erlang:raise/3`: gives `badarg` back, instead of raising it, when its arguments are wrong.
pub fn raise_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let class = args[0].as_atom().and_then(Class::from_atom);
    match (class, stacktrace(cx.heap, args[2])) {
        (Some(class), Some(trace)) => Err(Flow::Raise(Box::new(Raise {
            class,
            reason: args[1],
            stacktrace: Some(trace),
            args: None,
            error_info: None,
        }))),
        _ => Ok(Term::atom(am::badarg)),
    }
}
