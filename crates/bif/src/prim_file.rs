//! `prim_file`: names between Erlang and the system; and `file:native_name_encoding/0`.

use oxbeam_io::names::{self, BadName};
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::{Atom, Term, am};

/// `prim_file:internal_name2native/1`: the bytes for the system, ended by a zero byte.
pub fn internal_name2native_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let name = args[0];
    let bytes = match name.as_bits() {
        Some(bits) => Some(bits.to_bytes().into_owned()).filter(|bytes| !bytes.contains(&0)),
        None if name.is_list() => names::to_native(name),
        None => None,
    };
    let mut bytes = bytes.ok_or_else(Flow::badarg)?;
    bytes.push(0);
    Ok(cx.heap.binary(&bytes))
}

/// `prim_file:internal_native2name/1`: the characters of a name, or `{error, What}` for one that
/// is not in the system's encoding.
pub fn internal_native2name_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let bytes = crate::arg::bytes(args[0])?;
    if !names::is_utf8() {
        return Ok(cx.heap.list_of_bytes(&bytes));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(cx.heap.list_of_chars(text)),
        Err(_) => {
            let what = match names::bad_name() {
                BadName::Ignored => "ignore",
                BadName::Error => "error",
                BadName::Warning => "warning",
            };
            let what = Atom::new(what).expect("a short name");
            Ok(cx.heap.tagged(am::error, [Term::atom(what)]))
        }
    }
}

/// `prim_file:internal_normalize_utf8/1`: the characters in composed form.
pub fn internal_normalize_utf8_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let bytes = crate::arg::bytes(args[0])?;
    std::str::from_utf8(&bytes).map_err(|_| Flow::badarg())?;
    let compose = Atom::new("characters_to_nfc_list").expect("a short name");
    Err(Flow::trap(am::unicode, compose, args))
}

/// `prim_file:is_translatable/1`: whether a name is in the system's encoding.
pub fn is_translatable_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let bytes = crate::arg::bytes(args[0])?;
    Ok(Term::bool(!names::is_utf8() || std::str::from_utf8(&bytes).is_ok()))
}

/// `file:native_name_encoding/0`
pub fn native_name_encoding_0<'h>(_: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    Ok(Term::atom(if names::is_utf8() { am::utf8 } else { am::latin1 }))
}
