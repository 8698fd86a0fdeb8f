//! Binaries as unsigned integers.

use oxbeam_num::Int;
use oxbeam_num::bytes::{Endian, byte_len, read_bound, read_magnitude, write_magnitude};
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::view::Kind;
use oxbeam_term::{Term, am};

use crate::arg::{self, take};

fn endian<'h>(term: Term<'h>) -> Result<Endian, Flow<'h>> {
    match term.as_atom() {
        Some(am::big) => Ok(Endian::Big),
        Some(am::little) => Ok(Endian::Little),
        _ => Err(Flow::badarg()),
    }
}

fn decode<'h>(cx: &Cx<'h>, binary: Term<'h>, endian: Endian) -> NativeResult<'h> {
    let bytes = arg::bytes(binary)?;
    let bound = read_bound(bytes.len());
    cx.heap
        .integer_with(bound, |digits| read_magnitude(&bytes, endian, false, digits))
        .map_err(|_| Flow::system_limit())
}

pub fn decode_unsigned_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [binary] = take(args);
    decode(cx, binary, Endian::Big)
}

pub fn decode_unsigned_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [binary, order] = take(args);
    decode(cx, binary, endian(order)?)
}

fn encode<'h>(cx: &Cx<'h>, value: Term<'h>, endian: Endian) -> NativeResult<'h> {
    let write = |value: Int<'_>| {
        // Zero takes one byte.
        let size = byte_len(value).max(1);
        cx.heap.binary_with(size, |bytes| write_magnitude(value, endian, bytes))
    };
    match value.kind() {
        Kind::Small(value) if value >= 0 => Ok(write(Int::from_i64(value, &mut [0]))),
        Kind::Big(big) if !big.is_negative() => Ok(write(Int::new(false, big.digits()))),
        _ => Err(Flow::badarg()),
    }
}

pub fn encode_unsigned_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [value] = take(args);
    encode(cx, value, Endian::Big)
}

pub fn encode_unsigned_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [value, order] = take(args);
    encode(cx, value, endian(order)?)
}
