//! Printing past the io system, straight to standard output.

use std::io::Write;

use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::Term;
use oxbeam_term::print::to_bytes;

use crate::arg::{self, take};

/// Writes all at once. That nobody reads it is no error of the program's.
pub(crate) fn write(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

pub fn display_1<'h>(_cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term] = take(args);
    let mut text = to_bytes(term);
    text.extend_from_slice(b"\r\n");
    write(&text);
    Ok(Term::bool(true))
}

pub fn display_nl_0<'h>(_cx: &mut Cx<'h>, _args: &[Term<'h>]) -> NativeResult<'h> {
    write(b"\r\n");
    Ok(Term::bool(true))
}

/// A list of characters.
pub fn display_string_1<'h>(_cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [list] = take(args);
    let char = |term: Term<'h>| char::from_u32(u32::try_from(term.as_usize()?).ok()?);
    let text: Option<String> = arg::list(list)?.into_iter().map(char).collect();
    write(text.ok_or_else(Flow::badarg)?.as_bytes());
    Ok(Term::bool(true))
}
