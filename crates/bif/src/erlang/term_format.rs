//! External terms: `term_to_binary/2`, `binary_to_term/2` and their kin.

use oxbeam_etf::encode::DEFAULT_COMPRESSION;
use oxbeam_etf::{
    COMPRESSED, DecodeError, EncodeOptions, EncodeStop, Encoding, Options, VERSION, Zlib,
};
use oxbeam_io::zstream::{DeflateParameters, Status, ZStream};
use oxbeam_runtime::yielding::Begin;
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::{Atom, Term, am};

use crate::arg::{self, take};
use crate::long::QUICK;

pub mod long;

fn encode_options<'h>(list: Term<'h>) -> Result<EncodeOptions, Flow<'h>> {
    let mut options = EncodeOptions::default();
    for option in arg::options(list) {
        let option = option?;
        if option.is(am::compressed) {
            options.compression = DEFAULT_COMPRESSION;
        } else if option.is(am::deterministic) {
            options.deterministic = true;
        } else {
            let [name, value] = option.as_tuple_n().ok_or_else(Flow::badarg)?;
            match (name.as_atom(), value.as_small()) {
                (Some(am::minor_version), Some(version @ 0..=2)) => {
                    options.minor_version = version as u8;
                }
                (Some(am::compressed), Some(level @ 0..=9)) => options.compression = level as u8,
                _ => return Err(Flow::badarg()),
            }
        }
    }
    Ok(options)
}

/// Terms that are written at once.
const QUICK_TERMS: usize = 8 * QUICK;

/// The external term, if it is made quickly; else `long` is to do it.
fn encoded<'h>(
    cx: &mut Cx<'h>,
    term: Term<'h>,
    options: EncodeOptions,
    long: Begin,
) -> Result<Vec<u8>, Flow<'h>> {
    let (mut out, mut terms, mut units) = (vec![VERSION], vec![term], QUICK_TERMS);
    let stop = Encoding::new(options).run(&mut terms, &mut out, &mut units);
    if stop.map_err(|_| Flow::system_limit())? != EncodeStop::Done {
        return Err(Flow::Long(long));
    }
    cx.bump((QUICK_TERMS - units) / 8 + out.len() / 512);
    if options.compression == 0 {
        return Ok(out);
    }
    cx.bump(out.len() / 16);
    oxbeam_etf::encode::compressed(out, options, &LibZ).map_err(|_| Flow::system_limit())
}

pub fn term_to_binary_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term] = take(args);
    let bytes = encoded(cx, term, EncodeOptions::default(), long::term_to_binary_1_long)?;
    Ok(cx.heap.binary(&bytes))
}

pub fn term_to_binary_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term, options] = take(args);
    let bytes = encoded(cx, term, encode_options(options)?, long::term_to_binary_2_long)?;
    Ok(cx.heap.binary(&bytes))
}

pub fn term_to_iovec_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term] = take(args);
    let bytes = encoded(cx, term, EncodeOptions::default(), long::term_to_iovec_1_long)?;
    Ok(cx.heap.list(&[cx.heap.binary(&bytes)]))
}

pub fn term_to_iovec_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term, options] = take(args);
    let bytes = encoded(cx, term, encode_options(options)?, long::term_to_iovec_2_long)?;
    Ok(cx.heap.list(&[cx.heap.binary(&bytes)]))
}

pub fn external_size_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term] = take(args);
    let size = encoded(cx, term, EncodeOptions::default(), long::external_size_1_long)?.len();
    Ok(cx.heap.usize(size))
}

pub fn external_size_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [term, list] = take(args);
    let size = encoded(cx, term, size_options(list)?, long::external_size_2_long)?.len();
    Ok(cx.heap.usize(size))
}

fn size_options<'h>(list: Term<'h>) -> Result<EncodeOptions, Flow<'h>> {
    let mut options = EncodeOptions::default();
    for option in arg::options(list) {
        let [name, value] = option?.as_tuple_n().ok_or_else(Flow::badarg)?;
        match (name.as_atom(), value.as_small()) {
            (Some(am::minor_version), Some(version @ 0..=2)) => {
                options.minor_version = version as u8;
            }
            _ => return Err(Flow::badarg()),
        }
    }
    Ok(options)
}

/// Bytes that are read at once.
const QUICK_BYTES: usize = 16 * QUICK;

/// The term of a binary, if it is read quickly; else `long` is to do it.
fn decoded<'h>(
    cx: &mut Cx<'h>,
    binary: Term<'h>,
    options: Options,
    long: Begin,
) -> Result<oxbeam_etf::Decoded<'h>, Flow<'h>> {
    if arg::bits(binary)?.byte_size() > QUICK_BYTES {
        return Err(Flow::Long(long));
    }
    let bytes = arg::bytes(binary)?;
    if let [VERSION, COMPRESSED, a, b, c, d, ..] = *bytes
        && u32::from_be_bytes([a, b, c, d]) as usize > QUICK_BYTES
    {
        return Err(Flow::Long(long));
    }
    cx.bump(bytes.len() / 64);
    oxbeam_etf::binary_to_term(cx.heap, &bytes, options, &LibZ)
        .map_err(|error| Flow::error(decode_failed(error)))
}

fn decode_failed(error: DecodeError) -> Atom {
    match error {
        DecodeError::Bad => am::badarg,
        DecodeError::SystemLimit => am::system_limit,
    }
}

pub fn binary_to_term_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [binary] = take(args);
    Ok(decoded(cx, binary, Options::default(), long::binary_to_term_1_long)?.term)
}

struct DecodeOptions {
    options: Options,
    /// The number of bytes read is wanted too.
    used: bool,
}

fn decode_options<'h>(list: Term<'h>) -> Result<DecodeOptions, Flow<'h>> {
    let (mut options, mut used) = (Options::default(), false);
    for option in arg::options(list) {
        match option.map_err(|_| Flow::badopt())?.as_atom() {
            Some(am::safe) => options.safe = true,
            Some(am::used) => used = true,
            _ => return Err(Flow::badopt()),
        }
    }
    Ok(DecodeOptions { options, used })
}

pub fn binary_to_term_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [binary, list] = take(args);
    let DecodeOptions { options, used } = decode_options(list)?;
    let decoded = decoded(cx, binary, options, long::binary_to_term_2_long)?;
    if !used {
        return Ok(decoded.term);
    }
    Ok(cx.heap.tuple(&[decoded.term, cx.heap.usize(decoded.used_bytes)]))
}

/// The system's zlib.
struct LibZ;

/// zlib's number for "all input is there".
const FINISH: i32 = 4;
const NO_FLUSH: i32 = 0;

/// Bytes that an inflating stream gets at a time.
const INFLATE_STEP: usize = 1 << 16;

/// A compressor of that level.
fn stream_for(level: u8) -> Option<ZStream> {
    let level = i32::from(level);
    let parameters =
        DeflateParameters { level, method: 8, window_bits: 15, memory_level: 8, strategy: 0 };
    ZStream::deflate(parameters).ok()
}

impl Zlib for LibZ {
    fn deflate(&self, bytes: &[u8], level: u8) -> Option<Vec<u8>> {
        let mut stream = stream_for(level)?;
        // What does not get shorter is not wanted.
        let mut out = vec![0; bytes.len()];
        let done = stream.run(bytes, &mut out, FINISH).ok()?;
        out.truncate(done.produced);
        (done.status == Status::End).then_some(out)
    }

    fn inflate(&self, bytes: &[u8], size_bytes: usize) -> Option<(Vec<u8>, usize)> {
        let mut stream = ZStream::inflate(15).ok()?;
        let (mut out, mut consumed) = (Vec::new(), 0);
        loop {
            let at = out.len();
            // One byte more than allowed shows a stream that is too long.
            out.resize((at + INFLATE_STEP).min(size_bytes + 1), 0);
            let done = stream.run(&bytes[consumed..], &mut out[at..], NO_FLUSH).ok()?;
            consumed += done.consumed;
            out.truncate(at + done.produced);
            match done.status {
                Status::End => return (out.len() == size_bytes).then_some((out, consumed)),
                Status::Ok if out.len() <= size_bytes => {}
                _ => return None,
            }
        }
    }
}
