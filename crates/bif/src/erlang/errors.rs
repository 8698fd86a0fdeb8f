//! Raising exceptions.

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

/// Whether a term can be a stack trace: a list of `{M,F,ArityOrArgs}`, `{M,F,A,Info}` or
/// `{Fun,Args}` and the like.
fn is_stacktrace(term: Term<'_>) -> bool {
    let Some(frames) = term.list_to_vec() else { return false };
    frames.iter().all(|frame| {
        let Some(tuple) = frame.as_tuple() else { return false };
        match *tuple.elements() {
            [m, f, _] => m.is_atom() && f.is_atom() || m.is_fun(),
            [m, f, _, info] => m.is_atom() && f.is_atom() && info.is_list(),
            [fun, args] => fun.is_fun() && args.is_list(),
            _ => false,
        }
    })
}

/// `erlang:raise/3`: gives `badarg` back, instead of raising it, when its arguments are wrong.
pub fn raise_3<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let class = args[0].as_atom().and_then(Class::from_atom);
    match class {
        Some(class) if is_stacktrace(args[2]) => Err(Flow::Raise(Box::new(Raise {
            class,
            reason: args[1],
            stacktrace: Some(args[2]),
            args: None,
            error_info: None,
        }))),
        _ => Ok(Term::atom(am::badarg)),
    }
}
