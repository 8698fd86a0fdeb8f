//! Atoms from and to text.

use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::atom::{AtomError, MAX_CHARS};
use oxbeam_term::{Atom, Term, am};

use crate::arg::{self, take};

fn atom<'h>(term: Term<'h>) -> Result<Atom, Flow<'h>> {
    term.as_atom().ok_or_else(Flow::badarg)
}

fn make<'h>(name: &str) -> NativeResult<'h> {
    Atom::new(name).map(Term::atom).map_err(|error| match error {
        AtomError::TooLong | AtomError::TableFull => Flow::system_limit(),
    })
}

fn existing<'h>(name: &str) -> NativeResult<'h> {
    Atom::existing(name).map(Term::atom).ok_or_else(Flow::badarg)
}

pub fn atom_to_list_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term] = take(args);
    Ok(cx.heap.list_of_chars(atom(term)?.name()))
}

/// The characters of a list, as a name.
fn name_of_list<'h>(list: Term<'h>) -> Result<String, Flow<'h>> {
    let mut name = String::new();
    for (index, char) in arg::list(list)?.into_iter().enumerate() {
        let code = char.as_usize().and_then(|code| u32::try_from(code).ok());
        name.push(code.and_then(char::from_u32).ok_or_else(Flow::badarg)?);
        if index >= MAX_CHARS {
            return Err(Flow::system_limit());
        }
    }
    Ok(name)
}

pub fn list_to_atom_1<'h>(_cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [list] = take(args);
    make(&name_of_list(list)?)
}

pub fn list_to_existing_atom_1<'h>(_cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [list] = take(args);
    // A name too long is no existing one.
    existing(&name_of_list(list).map_err(|_| Flow::badarg())?)
}

pub fn atom_to_binary_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term, encoding] = take(args);
    let name = atom(term)?.name();
    match encoding.as_atom() {
        Some(am::utf8 | am::unicode) => Ok(cx.heap.binary(name.as_bytes())),
        Some(am::latin1) => {
            let bytes: Result<Vec<u8>, _> = name.chars().map(u8::try_from).collect();
            Ok(cx.heap.binary(&bytes.map_err(|_| Flow::badarg())?))
        }
        _ => Err(Flow::badarg()),
    }
}

fn name_of_binary<'h>(binary: Term<'h>, encoding: Term<'h>) -> Result<String, Flow<'h>> {
    // What has more bytes than any name is none, and need not be looked at.
    let bits = arg::bits(binary)?;
    if bits.byte_size() > 4 * MAX_CHARS {
        return Err(Flow::badarg());
    }
    let bytes = arg::bytes(binary)?;
    match encoding.as_atom() {
        Some(am::utf8 | am::unicode) => {
            let name = std::str::from_utf8(&bytes).map_err(|_| Flow::badarg())?;
            Ok(name.to_owned())
        }
        Some(am::latin1) => Ok(bytes.iter().map(|&byte| char::from(byte)).collect()),
        _ => Err(Flow::badarg()),
    }
}

/// Whether there are too many characters before the first bytes that are none.
fn begins_too_long(binary: Term<'_>, encoding: Term<'_>) -> bool {
    let Ok(bytes) = arg::bytes(binary) else { return false };
    let valid = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    matches!(encoding.as_atom(), Some(am::utf8 | am::unicode)) && valid.chars().count() > MAX_CHARS
}

pub fn binary_to_atom_2<'h>(_cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [binary, encoding] = take(args);
    let name = name_of_binary(binary, encoding);
    if name.is_err() && begins_too_long(binary, encoding) {
        return Err(Flow::system_limit());
    }
    make(&name?)
}

pub fn binary_to_existing_atom_2<'h>(_cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [binary, encoding] = take(args);
    existing(&name_of_binary(binary, encoding)?)
}
