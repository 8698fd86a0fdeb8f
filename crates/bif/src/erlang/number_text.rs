//! Numbers from and to text.

use std::borrow::Cow;

use oxbeam_heap::arith::MAX_DIGITS;
use oxbeam_num::text::{self, Parsed};
use oxbeam_num::{Int, float_text};
use oxbeam_runtime::dirty;
use oxbeam_runtime::native::RunOn;
use oxbeam_runtime::{Cx, Flow, NativeFn, NativeResult};
use oxbeam_term::view::Kind;
use oxbeam_term::{Term, am};

use crate::arg::{self, take};

fn radix<'h>(term: Term<'h>) -> Result<u32, Flow<'h>> {
    let radix = term.as_usize().filter(|radix| (2..=36).contains(radix));
    radix.map(|radix| radix as u32).ok_or_else(Flow::badarg)
}

/// Digits of 64 bits from which on the text of an integer takes about a millisecond to make.
const LONG_DIGITS: usize = 1200;
/// Characters from which on an integer takes about a millisecond to read.
const LONG_TEXT: usize = 20_000;

/// Whether `native` is to run on a dirty scheduler, since its work is long and cannot stop.
fn elsewhere<'h>(is_long: bool, native: NativeFn) -> Result<(), Flow<'h>> {
    match is_long && dirty::current() == RunOn::Normal {
        true => Err(Flow::Dirty(RunOn::DirtyCpu, native)),
        false => Ok(()),
    }
}

fn integer_text<'h>(
    cx: &mut Cx<'h>,
    term: Term<'h>,
    radix: u32,
    native: NativeFn,
) -> Result<Vec<u8>, Flow<'h>> {
    if let Kind::Big(big) = term.kind() {
        elsewhere(big.digits().len() > LONG_DIGITS, native)?;
    }
    match term.kind() {
        Kind::Small(value) => Ok(text::to_text(Int::from_i64(value, &mut [0]), radix)),
        Kind::Big(big) => {
            cx.bump(big.digits().len() / 8);
            Ok(text::to_text(Int::new(big.is_negative(), big.digits()), radix))
        }
        _ => Err(Flow::badarg()),
    }
}

pub fn integer_to_list_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [value] = take(args);
    let text = integer_text(cx, value, 10, integer_to_list_1)?;
    Ok(cx.heap.list_of_bytes(&text))
}

pub fn integer_to_list_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [value, base] = take(args);
    let text = integer_text(cx, value, radix(base)?, integer_to_list_2)?;
    Ok(cx.heap.list_of_bytes(&text))
}

pub fn integer_to_binary_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [value] = take(args);
    let text = integer_text(cx, value, 10, integer_to_binary_1)?;
    Ok(cx.heap.binary(&text))
}

pub fn integer_to_binary_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [value, base] = take(args);
    let text = integer_text(cx, value, radix(base)?, integer_to_binary_2)?;
    Ok(cx.heap.binary(&text))
}

fn integer<'h>(cx: &mut Cx<'h>, text: &[u8], radix: u32, native: NativeFn) -> NativeResult<'h> {
    elsewhere(text.len() > LONG_TEXT, native)?;
    let parsed = text::parse(text, radix).ok_or_else(Flow::badarg)?;
    cx.bump(text.len() / 100);
    integer_of(cx, &parsed)
}

fn integer_of<'h>(cx: &Cx<'h>, parsed: &Parsed) -> NativeResult<'h> {
    if parsed.digits.len() > MAX_DIGITS {
        return Err(Flow::system_limit());
    }
    Ok(cx.heap.integer(parsed.negative, &parsed.digits))
}

/// The characters of a proper list of bytes.
fn chars<'h>(list: Term<'h>) -> Result<Vec<u8>, Flow<'h>> {
    let bytes = arg::list(list)?.into_iter().map(as_byte).collect::<Option<Vec<u8>>>();
    bytes.ok_or_else(Flow::badarg)
}

fn as_byte(term: Term<'_>) -> Option<u8> {
    u8::try_from(term.as_small()?).ok()
}

pub fn list_to_integer_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [list] = take(args);
    integer(cx, &chars(list)?, 10, list_to_integer_1)
}

pub fn list_to_integer_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [list, base] = take(args);
    integer(cx, &chars(list)?, radix(base)?, list_to_integer_2)
}

pub fn binary_to_integer_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [binary] = take(args);
    integer(cx, &arg::bytes(binary)?, 10, binary_to_integer_1)
}

pub fn binary_to_integer_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [binary, base] = take(args);
    integer(cx, &arg::bytes(binary)?, radix(base)?, binary_to_integer_2)
}

pub fn list_to_float_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [list] = take(args);
    let float = float_text::parse(&chars(list)?).ok_or_else(Flow::badarg)?;
    Ok(cx.heap.float(float))
}

pub fn binary_to_float_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [binary] = take(args);
    let text: Cow<'_, [u8]> = arg::bytes(binary)?;
    Ok(cx.heap.float(float_text::parse(&text).ok_or_else(Flow::badarg)?))
}

/// Decimals of the scientific form when a negative number is asked for, as C's `printf` has it.
const NEGATIVE_DECIMALS: usize = 6;

fn float_chars<'h>(float: Term<'h>, options: Term<'h>) -> Result<Vec<u8>, Flow<'h>> {
    enum Form {
        Scientific(i64),
        Fixed(i64),
        Short,
    }
    let value = float.as_float().ok_or_else(Flow::badarg)?;
    let (mut form, mut compact) = (Form::Scientific(float_text::DEFAULT_DECIMALS as i64), false);
    for option in arg::options(options) {
        let option = option?;
        if option.is(am::compact) {
            compact = true;
        } else if option.is(am::short) {
            form = Form::Short;
        } else {
            let [kind, decimals] = option.as_tuple_n().ok_or_else(Flow::badarg)?;
            let decimals = decimals.as_small().ok_or_else(Flow::badarg)?;
            form = match kind.as_atom() {
                Some(am::decimals) => Form::Fixed(decimals),
                Some(am::scientific) => Form::Scientific(decimals),
                _ => return Err(Flow::badarg()),
            };
        }
    }
    let text = match form {
        Form::Short => Some(float_text::short(value)),
        Form::Fixed(decimals) => usize::try_from(decimals)
            .ok()
            .and_then(|decimals| float_text::fixed(value, decimals, compact)),
        Form::Scientific(decimals) => {
            let decimals = usize::try_from(decimals).unwrap_or(NEGATIVE_DECIMALS);
            float_text::scientific(value, decimals)
        }
    };
    text.ok_or_else(Flow::badarg)
}

pub fn float_to_list_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [float] = take(args);
    Ok(cx.heap.list_of_bytes(&float_chars(float, Term::nil())?))
}

pub fn float_to_list_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [float, options] = take(args);
    Ok(cx.heap.list_of_bytes(&float_chars(float, options)?))
}

pub fn float_to_binary_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [float] = take(args);
    Ok(cx.heap.binary(&float_chars(float, Term::nil())?))
}

pub fn float_to_binary_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [float, options] = take(args);
    Ok(cx.heap.binary(&float_chars(float, options)?))
}

/// The leading bytes of a list, as far as it has them, and the list after each count of them.
struct Prefix<'h> {
    text: Vec<u8>,
    list: Term<'h>,
}

impl<'h> Prefix<'h> {
    fn of(list: Term<'h>) -> Prefix<'h> {
        Prefix { text: list.list().map_while(as_byte).collect(), list }
    }

    /// What is left after `count` characters.
    fn rest(&self, count: usize) -> Term<'h> {
        let mut rest = self.list.list();
        rest.by_ref().take(count).for_each(drop);
        rest.rest()
    }
}

fn error<'h>(cx: &Cx<'h>, reason: oxbeam_term::Atom) -> Term<'h> {
    cx.heap.tagged(am::error, [Term::atom(reason)])
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

fn sign(text: &[u8]) -> usize {
    usize::from(matches!(text.first(), Some(b'+' | b'-')))
}

/// `string:list_to_integer/1`: the integer at the start of a list, and what follows it.
pub fn string_list_to_integer_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [list] = take(args);
    if !list.is_list() {
        return Ok(error(cx, am::not_a_list));
    }
    let prefix = Prefix::of(list);
    let sign = sign(&prefix.text);
    let length = sign + digits(&prefix.text[sign..]);
    match text::parse(&prefix.text[..length], 10) {
        None => Ok(error(cx, am::no_integer)),
        Some(parsed) => {
            let value = integer_of(cx, &parsed)?;
            Ok(cx.heap.tuple(&[value, prefix.rest(length)]))
        }
    }
}

/// `string:list_to_float/1`: the float at the start of a list, and what follows it.
pub fn string_list_to_float_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [list] = take(args);
    if !list.is_list() {
        return Ok(error(cx, am::not_a_list));
    }
    let prefix = Prefix::of(list);
    let length = float_length(&prefix.text);
    match float_text::parse(&prefix.text[..length]) {
        None => Ok(error(cx, am::no_float)),
        Some(float) => Ok(cx.heap.tuple(&[cx.heap.float(float), prefix.rest(length)])),
    }
}

/// Characters that belong to the float at the start of a text; an exponent without digits does
/// not.
fn float_length(text: &[u8]) -> usize {
    let sign_length = sign(text);
    let mut length = sign_length + digits(&text[sign_length..]);
    if matches!(text.get(length), Some(b'.' | b',')) {
        length += 1 + digits(&text[length + 1..]);
    }
    if matches!(text.get(length), Some(b'e' | b'E')) {
        let exponent = length + 1 + sign(&text[length + 1..]);
        let count = digits(&text[exponent..]);
        if count > 0 {
            length = exponent + count;
        }
    }
    length
}
