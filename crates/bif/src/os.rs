//! `os`: environment, signals, the number of the process. Clocks are in `erlang::time`.

use oxbeam_heap::Heap;
use oxbeam_io::names;
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_sys::environment;
use oxbeam_sys::signal::{self, Action, Signal};
use oxbeam_term::{Term, am};

/// A variable's name or value as characters, or as bytes where it is no text.
fn text<'h>(heap: &'h Heap, bytes: &[u8]) -> Term<'h> {
    match std::str::from_utf8(bytes) {
        Ok(text) if names::is_utf8() => heap.list_of_chars(text),
        _ => heap.list_of_bytes(bytes),
    }
}

/// The bytes of a list of characters; a name may not hold `=`.
fn bytes<'h>(term: Term<'h>, is_name: bool) -> Result<Vec<u8>, Flow<'h>> {
    let flat = term.list_to_vec().is_some_and(|chars| chars.iter().all(|char| char.is_small()));
    let bytes = if flat { names::to_native(term) } else { None };
    bytes.filter(|bytes| !is_name || !bytes.contains(&b'=')).ok_or_else(Flow::badarg)
}

/// `os:env/0`
pub fn env_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    let heap = cx.heap;
    let pair =
        |(name, value): (Vec<u8>, Vec<u8>)| heap.tuple(&[text(heap, &name), text(heap, &value)]);
    let pairs: Vec<Term> = environment::list().into_iter().map(pair).collect();
    Ok(heap.list(&pairs))
}

/// `os:getenv/1`
pub fn getenv_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let name = bytes(args[0], true)?;
    Ok(match environment::get(&name) {
        Some(value) => text(cx.heap, &value),
        None => Term::bool(false),
    })
}

/// `os:putenv/2`
pub fn putenv_2<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let (name, value) = (bytes(args[0], true)?, bytes(args[1], false)?);
    // A variable without a name is taken and lost, as the system does it.
    environment::set(&name, &value);
    Ok(Term::bool(true))
}

/// `os:unsetenv/1`
pub fn unsetenv_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    environment::unset(&bytes(args[0], true)?);
    Ok(Term::bool(true))
}

/// `os:getpid/0`
pub fn getpid_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    let number = oxbeam_sys::host::process_number().to_string();
    Ok(cx.heap.list_of_bytes(number.as_bytes()))
}

/// `os:set_signal/2`
pub fn set_signal_2<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let name = args[0].as_atom().ok_or_else(Flow::badarg)?;
    let signal = Signal::from_name(name.name())
        .filter(|signal| !matches!(signal, Signal::Int | Signal::Cont))
        .ok_or_else(Flow::badarg)?;
    let action = match args[1].as_atom().map(|action| action.name()) {
        Some("handle") => Action::Handle,
        Some("ignore") => Action::Ignore,
        Some("default") => Action::Default,
        _ => return Err(Flow::badopt()),
    };
    // SIGSTOP cannot be changed; that is no error here.
    let _ = signal::set(signal, action);
    Ok(Term::atom(am::ok))
}

/// `io:printable_range/0`
pub fn printable_range_0<'h>(_: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    let unicode = oxbeam_runtime::system::get().printable_unicode;
    Ok(Term::atom(if unicode { am::unicode } else { am::latin1 }))
}
