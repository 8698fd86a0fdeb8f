//! External terms in the long forms: written in segments, read from where the last turn stopped.

use oxbeam_etf::{
    COMPRESSED, DecodeError, DecodeStop, Decoding, EncodeOptions, EncodeStop, Encoding, Options,
    TooBig, VERSION, leaf_order,
};
use oxbeam_heap::binary_buffer::BinaryBuffer;
use oxbeam_io::zstream::{Status, ZStream};
use oxbeam_runtime::{Failure, Flow, Slot, Yielded, Yielder, dirty};
use oxbeam_term::{Term, am};

use super::{
    DecodeOptions, FINISH, INFLATE_STEP, NO_FLUSH, decode_failed, decode_options, encode_options,
    size_options, stream_for,
};
use crate::arg;
use crate::erlang::iolist::long::{BYTES_PER_REDUCTION, each_piece};
use crate::long;
use crate::maps::long::{KEYS, VALUES, map_of_stacks};

long::routines! {
    term_to_binary_1_long => term_to_binary_plain;
    term_to_binary_2_long => term_to_binary;
    term_to_iovec_1_long => term_to_iovec_plain;
    term_to_iovec_2_long => term_to_iovec;
    external_size_1_long => external_size_plain;
    external_size_2_long => external_size;
    binary_to_term_1_long => binary_to_term_plain;
    binary_to_term_2_long => binary_to_term;
}

/// Terms, or their like in bytes, that are written or read in a reduction.
const TERMS_PER_REDUCTION: usize = 8;
/// Sorted leaves that are put back in a reduction.
const LEAVES_PER_REDUCTION: usize = 32;
/// Bytes that go through the compressor in a reduction.
const PACKED_PER_REDUCTION: usize = 1;
/// Bytes that are unpacked for a reduction.
const UNPACKED_PER_REDUCTION: usize = 16;
/// So many bytes at least make a segment.
const SEGMENT_BYTES: usize = 1 << 17;

/// Stacks: terms to be written and what their sorting needs; parts of terms that are read. The ones
/// between are those of a map to be.
const TERMS: usize = 0;
const LEAVES: usize = 1;
const PARTS: usize = 3;

/// Written bytes, in segments.
#[derive(Default)]
struct Written {
    segments: Vec<Vec<u8>>,
    size: usize,
}

impl Written {
    fn push(&mut self, segment: Vec<u8>) {
        self.size += segment.len();
        self.segments.push(segment);
    }

    /// Writes over bytes that are there, wherever segments begin and end.
    fn patch(&mut self, at: usize, bytes: [u8; 4]) {
        let mut start = 0;
        for segment in &mut self.segments {
            for (n, byte) in bytes.iter().enumerate() {
                if let Some(old) = (at + n).checked_sub(start).and_then(|n| segment.get_mut(n)) {
                    *old = *byte;
                }
            }
            start += segment.len();
            if start >= at + bytes.len() {
                return;
            }
        }
    }

    /// The binary of the bytes.
    async fn into_binary(self, y: Yielder) -> Yielded {
        let mut buffer = BinaryBuffer::with_capacity(self.size);
        let mut segments = self.segments.into_iter();
        let (mut segment, mut at) = (vec![], 0);
        // Pages that are written for the first time cost more than the copying.
        y.slices(BYTES_PER_REDUCTION / 4, |_, _, units| {
            while *units > 0 {
                if at == segment.len() {
                    at = 0;
                    match segments.next() {
                        Some(next) => segment = next,
                        None => return Some(()),
                    }
                }
                let end = segment.len().min(at + *units);
                buffer.push(&segment[at..end]);
                *units -= end - at;
                at = end;
            }
            None
        })
        .await;
        y.finish(|cx, _| Ok(buffer.into_term(cx.heap))).await
    }
}

/// The external term of the term in a slot.
async fn written(y: Yielder, term: Slot, options: EncodeOptions) -> Result<Written, Failure> {
    let mut encoding = Encoding::new(options);
    let (mut out, mut written) = (vec![VERSION], Written::default());
    // What the encoding counts begins behind the version byte: the byte is its own segment.
    written.push(std::mem::take(&mut out));
    encoding.taken(1);
    y.step(|_, roots| roots.put_stack(TERMS, vec![roots.get(term)])).await;
    loop {
        let stop = y
            .slices(TERMS_PER_REDUCTION, |_, roots, units| {
                let mut terms = roots.take_stack(TERMS);
                let stop = encoding.run(&mut terms, &mut out, units);
                roots.put_stack(TERMS, terms);
                if out.len() >= SEGMENT_BYTES {
                    encoding.taken(out.len());
                    written.push(std::mem::take(&mut out));
                }
                match stop {
                    Ok(EncodeStop::Units) => None,
                    stop => Some(stop),
                }
            })
            .await;
        match stop {
            Ok(EncodeStop::Sort { from }) => sort_leaves(y, from).await,
            Err(TooBig) => return Err(Failure::Error(am::system_limit)),
            Ok(_) => break,
        }
    }
    written.push(out);
    for &(at, bytes) in encoding.late() {
        written.patch(at, bytes);
    }
    match options.compression {
        0 => Ok(written),
        level => packed(y, written, level).await,
    }
}

/// Sorts the leaves on the stack from `from` on.
async fn sort_leaves(y: Yielder, from: usize) {
    // There may be many: all that is done to them is done to some at a time.
    y.slices(LEAVES_PER_REDUCTION, |_, roots, units| {
        let (mut terms, mut leaves) = (roots.take_stack(TERMS), roots.take_stack(LEAVES));
        leaves.reserve_exact(terms.len() - from);
        let end = terms.len().saturating_sub(*units).max(from);
        *units -= terms.len() - end;
        // Backwards: their order is to be another one.
        leaves.extend(terms.drain(end..).rev());
        roots.put_stack(TERMS, terms);
        roots.put_stack(LEAVES, leaves);
        (end == from).then_some(())
    })
    .await;
    long::sort(y, LEAVES, leaf_order).await;
    let mut at = 0;
    y.slices(LEAVES_PER_REDUCTION, |_, roots, units| {
        // The stack has got the room that they had.
        let (mut terms, leaves) = (roots.take_stack(TERMS), roots.take_stack(LEAVES));
        let end = leaves.len().min(at + *units);
        terms.extend_from_slice(&leaves[at..end]);
        *units -= end - at;
        at = end;
        let done = at == leaves.len();
        roots.put_stack(TERMS, terms);
        roots.put_stack(LEAVES, leaves);
        done.then_some(())
    })
    .await;
    // The next map's leaves take their place.
    y.step(|_, roots| roots.drop_stack(LEAVES)).await;
}

/// The compressed form, if it is shorter.
async fn packed(y: Yielder, plain: Written, level: u8) -> Result<Written, Failure> {
    let size = u32::try_from(plain.size - 1).map_err(|_| Failure::Error(am::system_limit))?;
    let mut stream = stream_for(level).ok_or(Failure::Error(am::system_limit))?;
    let head = [&[VERSION, COMPRESSED][..], &size.to_be_bytes()].concat();
    let mut out = Written::default();
    out.push(head);
    // The version byte is a segment of its own, and is not packed.
    let (mut segment, mut at, mut room) = (1, 0, vec![0; INFLATE_STEP]);
    let shorter = y
        .slices(PACKED_PER_REDUCTION, |_, _, units| {
            while *units > 0 {
                let Some(bytes) = plain.segments.get(segment) else { return Some(false) };
                let last = segment + 1 == plain.segments.len();
                let end = bytes.len().min(at + *units);
                let flush = if last && end == bytes.len() { FINISH } else { NO_FLUSH };
                let Ok(done) = stream.run(&bytes[at..end], &mut room, flush) else {
                    return Some(false);
                };
                out.push(room[..done.produced].to_vec());
                *units = units.saturating_sub(done.consumed.max(1));
                at += done.consumed;
                if done.status == Status::End {
                    return Some(out.size <= plain.size);
                }
                if out.size > plain.size {
                    return Some(false);
                }
                if at == bytes.len() && !last {
                    (segment, at) = (segment + 1, 0);
                }
            }
            None
        })
        .await;
    let (taken, other) = if shorter { (out, plain) } else { (plain, out) };
    let bytes = other.size;
    dirty::drop_aside(other, bytes);
    Ok(taken)
}

async fn term_to_binary_plain(y: Yielder) -> Yielded {
    written(y, Slot::arg(0), EncodeOptions::default()).await?.into_binary(y).await
}

async fn term_to_binary(y: Yielder) -> Yielded {
    let options = y.attempt(|_, roots| encode_options(roots.get(Slot::arg(1)))).await?;
    written(y, Slot::arg(0), options).await?.into_binary(y).await
}

async fn term_to_iovec_plain(y: Yielder) -> Yielded {
    let binary = term_to_binary_plain(y).await?;
    y.finish(|cx, roots| Ok(cx.heap.list(&[roots.get(binary)]))).await
}

async fn term_to_iovec(y: Yielder) -> Yielded {
    let binary = term_to_binary(y).await?;
    y.finish(|cx, roots| Ok(cx.heap.list(&[roots.get(binary)]))).await
}

async fn external_size_plain(y: Yielder) -> Yielded {
    let size = written(y, Slot::arg(0), EncodeOptions::default()).await?.size;
    y.finish(|cx, _| Ok(cx.heap.usize(size))).await
}

async fn external_size(y: Yielder) -> Yielded {
    let options = y.attempt(|_, roots| size_options(roots.get(Slot::arg(1)))).await?;
    let size = written(y, Slot::arg(0), options).await?.size;
    y.finish(|cx, _| Ok(cx.heap.usize(size))).await
}

/// The bytes that are read: those of the binary in a slot, or ours.
enum Source {
    Binary(Slot),
    Owned(Vec<u8>),
}

/// How the bytes of an external term begin.
enum Head {
    Plain,
    /// A zlib stream of that many bytes when inflated.
    Packed(usize),
}

/// The source and its head; a binary that begins within a byte is copied first.
async fn source(y: Yielder, binary: Slot) -> Result<(Source, Head), Failure> {
    let aligned = y
        .attempt(|_, roots| {
            let bits = arg::bits(roots.get(binary))?;
            match bits.bit_size() % 8 {
                0 => Ok(bits.as_bytes().is_some()),
                _ => Err(Flow::badarg()),
            }
        })
        .await?;
    let mut source = Source::Binary(binary);
    if !aligned {
        let mut copy = vec![];
        each_piece(y, binary, BYTES_PER_REDUCTION / 8, |bytes| copy.extend_from_slice(bytes))
            .await?;
        source = Source::Owned(copy);
    }
    let head = y
        .step(|_, roots| {
            let bytes = match &source {
                Source::Binary(slot) => roots.get(*slot).as_bits().and_then(|b| b.as_bytes())?,
                Source::Owned(bytes) => bytes,
            };
            match bytes {
                [VERSION, COMPRESSED, a, b, c, d, ..] => {
                    Some(Head::Packed(u32::from_be_bytes([*a, *b, *c, *d]) as usize))
                }
                [VERSION, ..] => Some(Head::Plain),
                _ => None,
            }
        })
        .await;
    Ok((source, head.ok_or(Failure::BADARG)?))
}

/// Bytes before the stream of a packed term.
const PACKED_HEAD: usize = 6;
/// zlib makes no more of a byte.
const MOST_PER_BYTE: usize = 1100;

/// The inflated bytes, and how many the stream took.
async fn inflated(
    y: Yielder,
    source: &Source,
    size_bytes: usize,
) -> Result<(Vec<u8>, usize), Failure> {
    let mut stream = ZStream::inflate(15).map_err(|_| Failure::BADARG)?;
    let (mut out, mut used) = (Vec::new(), PACKED_HEAD);
    y.slices(UNPACKED_PER_REDUCTION, |_, roots, units| {
        let bytes = match source {
            Source::Binary(slot) => {
                roots.get(*slot).as_bits().and_then(|bits| bits.as_bytes()).unwrap_or_default()
            }
            Source::Owned(bytes) => bytes,
        };
        if out.capacity() == 0 {
            out.reserve_exact(size_bytes.min(bytes.len().saturating_mul(MOST_PER_BYTE)) + 1);
        }
        while *units > 0 {
            let at = out.len();
            // One byte more than allowed shows a stream that is too long.
            out.resize((at + INFLATE_STEP).min(size_bytes + 1), 0);
            let Ok(done) = stream.run(&bytes[used..], &mut out[at..], NO_FLUSH) else {
                return Some(Err(Failure::BADARG));
            };
            used += done.consumed;
            out.truncate(at + done.produced);
            *units = units.saturating_sub((done.produced + done.consumed).max(1));
            match done.status {
                Status::End if out.len() == size_bytes => return Some(Ok(())),
                Status::Ok if out.len() <= size_bytes => {}
                _ => return Some(Err(Failure::BADARG)),
            }
        }
        None
    })
    .await?;
    Ok((out, used))
}

/// The term in a binary, and how many of its bytes were read.
async fn decoded(y: Yielder, binary: Slot, options: Options) -> Result<(Slot, usize), Failure> {
    let (source, head) = source(y, binary).await?;
    match head {
        Head::Plain => {
            let (term, used) = read(y, &source, 1, options).await?;
            Ok((term, used + 1))
        }
        Head::Packed(size_bytes) => {
            let (plain, used) = inflated(y, &source, size_bytes).await?;
            let source = Source::Owned(plain);
            let (term, read_bytes) = read(y, &source, 0, options).await?;
            dirty::drop_aside(source, size_bytes);
            if read_bytes != size_bytes {
                return Err(Failure::BADARG);
            }
            Ok((term, used))
        }
    }
}

/// Reads one term from `start` on; the slot it is in, and the bytes it took.
async fn read(
    y: Yielder,
    source: &Source,
    start: usize,
    options: Options,
) -> Result<(Slot, usize), Failure> {
    let mut decoding = Decoding::new(options);
    loop {
        let stop = y
            .slices(TERMS_PER_REDUCTION, |cx, roots, units| {
                let mut parts = roots.take_stack(PARTS);
                let bytes = match source {
                    Source::Binary(slot) => {
                        roots.get(*slot).as_bits().and_then(|b| b.as_bytes()).unwrap_or_default()
                    }
                    Source::Owned(bytes) => bytes,
                };
                let stop = decoding.run(cx.heap, &bytes[start..], &[], &mut parts, units);
                roots.put_stack(PARTS, parts);
                match stop {
                    Ok(DecodeStop::Units) => None,
                    stop => Some(stop),
                }
            })
            .await;
        match stop.map_err(decode_failure)? {
            DecodeStop::Units => {}
            DecodeStop::List { base } => close_list(y, base).await,
            DecodeStop::Map { base } => close_map(y, base).await?,
            DecodeStop::Done => break,
        }
    }
    let term = y
        .step(|_, roots| {
            let mut parts = roots.take_stack(PARTS);
            parts.pop().map(|term| roots.push(term))
        })
        .await;
    Ok((term.ok_or(Failure::BADARG)?, decoding.used_bytes()))
}

fn decode_failure(error: DecodeError) -> Failure {
    Failure::Error(decode_failed(error))
}

async fn close_list(y: Yielder, base: usize) {
    let list = y
        .step(|_, roots| {
            let mut parts = roots.take_stack(PARTS);
            let tail = parts.pop().unwrap_or(Term::nil());
            roots.put_stack(PARTS, parts);
            roots.push(tail)
        })
        .await;
    long::list_down_to(y, PARTS, base, list).await;
    push_part(y, list, list).await;
}

/// The slot's term becomes a part; slots from `end` on are forgotten.
async fn push_part(y: Yielder, slot: Slot, end: Slot) {
    y.step(|_, roots| {
        let mut parts = roots.take_stack(PARTS);
        parts.push(roots.get(slot));
        roots.put_stack(PARTS, parts);
        roots.truncate(end);
    })
    .await;
}

async fn close_map(y: Yielder, base: usize) -> Result<(), Failure> {
    let end = y.step(|_, roots| roots.next_slot()).await;
    let mut at = base;
    y.slices(long::CELLS_PER_REDUCTION, |_, roots, units| {
        let mut parts = roots.take_stack(PARTS);
        let (mut keys, mut values) = (roots.take_stack(KEYS), roots.take_stack(VALUES));
        while at < parts.len() && *units > 0 {
            keys.push(parts[at]);
            values.push(parts[at + 1]);
            at += 2;
            *units -= 1;
        }
        let done = at == parts.len();
        if done {
            parts.truncate(base);
        }
        roots.put_stack(PARTS, parts);
        roots.put_stack(KEYS, keys);
        roots.put_stack(VALUES, values);
        done.then_some(())
    })
    .await;
    let map = map_of_stacks(y, false).await?;
    push_part(y, map, end).await;
    Ok(())
}

async fn binary_to_term_plain(y: Yielder) -> Yielded {
    Ok(decoded(y, Slot::arg(0), Options::default()).await?.0)
}

async fn binary_to_term(y: Yielder) -> Yielded {
    let DecodeOptions { options, used } =
        y.attempt(|_, roots| decode_options(roots.get(Slot::arg(1)))).await?;
    let (term, used_bytes) = decoded(y, Slot::arg(0), options).await?;
    if !used {
        return Ok(term);
    }
    y.finish(|cx, roots| Ok(cx.heap.tuple(&[roots.get(term), cx.heap.usize(used_bytes)]))).await
}
