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

/// The characters of a list, as a name. One that is too long is not looked at to its end.
fn name_of_list<'h>(list: Term<'h>) -> Result<String, Flow<'h>> {
    let mut name = String::new();
    let mut rest = list.list();
    for (index, char) in rest.by_ref().enumerate() {
        if index >= MAX_CHARS {
            return Err(Flow::system_limit());
        }
        let code = char.as_usize().and_then(|code| u32::try_from(code).ok());
        name.push(code.and_then(char::from_u32).ok_or_else(Flow::badarg)?);
    }
    if rest.rest().is_nil() { Ok(name) } else { Err(Flow::badarg()) }
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

/// Bytes of the longest name.
const MAX_BYTES: usize = 4 * MAX_CHARS;

/// The name that a binary holds. One that is too long is not looked at, or only its first characters.
fn name_of_binary<'h>(binary: Term<'h>, encoding: Term<'h>) -> Result<String, Flow<'h>> {
    let bits = arg::bits(binary)?;
    let most_bytes = match encoding.as_atom() {
        Some(am::utf8 | am::unicode) => MAX_BYTES,
        Some(am::latin1) => MAX_CHARS,
        _ => return Err(Flow::badarg()),
    };
    if bits.bit_size() % 8 != 0 {
        return Err(Flow::badarg());
    }
    if bits.byte_size() > most_bytes {
        return Err(Flow::system_limit());
    }
    let bytes = arg::bytes(binary)?;
    if encoding.is(am::latin1) {
        return Ok(bytes.iter().map(|&byte| char::from(byte)).collect());
    }
    // What comes behind the last character that a name may have is too much, whatever it is.
    let first = bytes.utf8_chunks().next();
    let valid = first.as_ref().map_or("", |chunk| chunk.valid());
    let whole = valid.len() == bytes.len();
    if valid.chars().count() + usize::from(!whole) > MAX_CHARS {
        return Err(Flow::system_limit());
    }
    if whole { Ok(valid.to_owned()) } else { Err(Flow::badarg()) }
}

pub fn binary_to_atom_2<'h>(_cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [binary, encoding] = take(args);
    make(&name_of_binary(binary, encoding)?)
}

pub fn binary_to_existing_atom_2<'h>(_cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [binary, encoding] = take(args);
    // A name too long is no existing one.
    existing(&name_of_binary(binary, encoding).map_err(|_| Flow::badarg())?)
}
