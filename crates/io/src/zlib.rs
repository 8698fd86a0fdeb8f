//! The natives of `zlib`.
//!
//! A stream is a magic reference to a [`Stream`]; only its controlling
//! process may use it.

use crate::queue::ByteQueue;
use crate::resource::{atom, get, iodata, make};
use crate::zstream::{self, DeflateParameters, Direction, Status, ZError, ZStream};
use oxbeam_heap::OwnedTerm;
use oxbeam_runtime::native::{RunOn, StaticNif};
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::{Term, am};
use parking_lot::{Mutex, MutexGuard};

/// The module's natives.
pub static NIF: StaticNif = StaticNif {
    module: "zlib",
    functions: &[
        ("open_nif", 0, open, RunOn::Normal),
        ("close_nif", 1, close, RunOn::Normal),
        ("set_controller_nif", 2, set_controller, RunOn::Normal),
        ("deflateInit_nif", 6, deflate_init, RunOn::Normal),
        ("deflateSetDictionary_nif", 2, deflate_set_dictionary, RunOn::Normal),
        ("deflateReset_nif", 1, deflate_reset, RunOn::Normal),
        ("deflateEnd_nif", 1, deflate_end, RunOn::Normal),
        ("deflateParams_nif", 3, deflate_params, RunOn::Normal),
        ("deflate_nif", 4, deflate, RunOn::Normal),
        ("inflateInit_nif", 3, inflate_init, RunOn::Normal),
        ("inflateSetDictionary_nif", 2, inflate_set_dictionary, RunOn::Normal),
        ("inflateGetDictionary_nif", 1, inflate_get_dictionary, RunOn::Normal),
        ("inflateReset_nif", 1, inflate_reset, RunOn::Normal),
        ("inflateEnd_nif", 1, inflate_end, RunOn::Normal),
        ("inflate_nif", 4, inflate, RunOn::Normal),
        ("crc32_nif", 1, crc32, RunOn::Normal),
        ("getStash_nif", 1, get_stash, RunOn::Normal),
        ("clearStash_nif", 1, clear_stash, RunOn::Normal),
        ("setStash_nif", 2, set_stash, RunOn::Normal),
        ("getBufSize_nif", 1, get_buffer_size, RunOn::Normal),
        ("setBufSize_nif", 2, set_buffer_size, RunOn::Normal),
        ("enqueue_nif", 2, enqueue, RunOn::Normal),
    ],
};

/// What happens to input behind the end of a compressed stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum AtEnd {
    Error,
    Reset,
    Cut,
}

struct State {
    /// Data of the controlling process's pid.
    controller: u64,
    stream: Option<ZStream>,
    closed: bool,
    at_end: AtEnd,
    end_seen: bool,
    raw: bool,
    input: ByteQueue,
    /// crc-32 of the plain text, kept for raw streams only.
    plain_crc: u32,
    stash: Option<OwnedTerm>,
    chunk_size: i32,
}

/// What a stream reference holds.
struct Stream(Mutex<State>);

type Guard<'h> = MutexGuard<'h, State>;

fn raise(name: &str) -> Flow<'static> {
    Flow::error(atom(name))
}

fn own<'h>(cx: &Cx<'h>, term: Term<'h>) -> Result<Guard<'h>, Flow<'h>> {
    let state = get::<Stream>(term)?.0.lock();
    match state.controller == cx.process.pid {
        true => Ok(state),
        false => Err(raise("not_on_controlling_process")),
    }
}

fn initialized<'h>(
    cx: &Cx<'h>,
    term: Term<'h>,
    direction: Direction,
) -> Result<Guard<'h>, Flow<'h>> {
    let state = own(cx, term)?;
    match state.stream.as_ref().map(ZStream::direction) {
        Some(found) if found == direction => Ok(state),
        _ => Err(raise("not_initialized")),
    }
}

fn stream<'a>(state: &'a mut Guard<'_>) -> &'a mut ZStream {
    state.stream.as_mut().expect("checked by `initialized`")
}

fn int(term: Term<'_>) -> Result<i32, Flow<'_>> {
    term.as_i64().and_then(|value| i32::try_from(value).ok()).ok_or_else(Flow::badarg)
}

/// What a native answers for the library's error: some are raised.
fn failure<'h>(error: ZError) -> NativeResult<'h> {
    let value = |name| Ok(Term::atom(atom(name)));
    match error {
        ZError::Stream => Err(raise("stream_error")),
        ZError::Data => Err(raise("data_error")),
        ZError::Memory => value("mem_error"),
        ZError::Buffer => value("buf_error"),
        ZError::Version => value("version_error"),
        ZError::Unknown => value("unknown_error"),
    }
}

fn done<'h>(answer: Result<(), ZError>) -> NativeResult<'h> {
    answer.map_or_else(failure, |()| Ok(Term::atom(am::ok)))
}

impl State {
    fn reset_input(&mut self) {
        self.input.clear();
        self.stash = None;
    }

    fn start(&mut self, stream: ZStream, raw: bool) {
        self.stream = Some(stream);
        self.end_seen = false;
        self.raw = raw;
        self.plain_crc = 0;
    }
}

fn open<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    let state = State {
        controller: cx.process.pid,
        stream: None,
        closed: false,
        at_end: AtEnd::Cut,
        end_seen: false,
        raw: false,
        input: ByteQueue::new(),
        plain_crc: 0,
        stash: None,
        chunk_size: 4000,
    };
    Ok(make(cx.heap, Stream(Mutex::new(state))))
}

fn close<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let mut state = own(cx, args[0])?;
    if state.closed {
        return Err(raise("not_initialized"));
    }
    state.closed = true;
    state.stream = None;
    state.stash = None;
    Ok(Term::atom(am::ok))
}

fn set_controller<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let new_owner = args[1].as_local_pid().ok_or_else(Flow::badarg)?;
    own(cx, args[0])?.controller = new_owner;
    Ok(Term::atom(am::ok))
}

/// A stream that is open and not yet going either way.
fn fresh<'h>(cx: &Cx<'h>, term: Term<'h>) -> Result<Guard<'h>, Flow<'h>> {
    let state = own(cx, term)?;
    match state.stream.is_some() || state.closed {
        true => Err(raise("already_initialized")),
        false => Ok(state),
    }
}

fn deflate_init<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    get::<Stream>(args[0])?;
    let parameters = DeflateParameters {
        level: int(args[1])?,
        method: int(args[2])?,
        window_bits: int(args[3])?,
        memory_level: int(args[4])?,
        strategy: int(args[5])?,
    };
    let mut state = fresh(cx, args[0])?;
    match ZStream::deflate(parameters) {
        Ok(stream) => state.start(stream, parameters.window_bits < 0),
        Err(error) => return failure(error),
    }
    Ok(Term::atom(am::ok))
}

fn inflate_init<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    get::<Stream>(args[0])?;
    let (window_bits, at_end) = (int(args[1])?, int(args[2])?);
    let mut state = fresh(cx, args[0])?;
    match ZStream::inflate(window_bits) {
        Ok(stream) => state.start(stream, window_bits < 0),
        Err(error) => return failure(error),
    }
    state.at_end = match at_end {
        0 => AtEnd::Error,
        1 => AtEnd::Reset,
        _ => AtEnd::Cut,
    };
    Ok(Term::atom(am::ok))
}

fn deflate_set_dictionary<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    get::<Stream>(args[0])?;
    let bytes = iodata(args[1]).ok_or_else(Flow::badarg)?;
    let mut state = initialized(cx, args[0], Direction::Deflate)?;
    if let Err(error) = stream(&mut state).set_dictionary(&bytes) {
        return failure(error);
    }
    // A raw stream has no checksum of its own.
    let checksum = match state.raw {
        true => zstream::adler32(0, &bytes),
        false => stream(&mut state).checksum(),
    };
    Ok(cx.heap.int(i64::from(checksum as i32)))
}

fn inflate_set_dictionary<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    get::<Stream>(args[0])?;
    let bytes = iodata(args[1]).ok_or_else(Flow::badarg)?;
    let mut state = initialized(cx, args[0], Direction::Inflate)?;
    done(stream(&mut state).set_dictionary(&bytes))
}

fn inflate_get_dictionary<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let mut state = initialized(cx, args[0], Direction::Inflate)?;
    match stream(&mut state).dictionary() {
        Ok(bytes) => Ok(cx.heap.binary(&bytes)),
        Err(error) => failure(error),
    }
}

fn reset<'h>(mut state: Guard<'h>) -> NativeResult<'h> {
    let answer = stream(&mut state).reset();
    state.plain_crc = 0;
    state.end_seen = false;
    state.reset_input();
    done(answer)
}

fn deflate_reset<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    reset(initialized(cx, args[0], Direction::Deflate)?)
}

fn inflate_reset<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    reset(initialized(cx, args[0], Direction::Inflate)?)
}

/// Ends a stream; input left over, or an end not seen, is a data error.
fn end<'h>(mut state: Guard<'h>) -> NativeResult<'h> {
    let inflating = stream(&mut state).direction() == Direction::Inflate;
    let unfinished = !state.input.is_empty() || inflating && !state.end_seen;
    let answer = state.stream.take().expect("checked by `initialized`").end();
    state.reset_input();
    done(answer.and(if unfinished { Err(ZError::Data) } else { Ok(()) }))
}

fn deflate_end<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    end(initialized(cx, args[0], Direction::Deflate)?)
}

fn inflate_end<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    end(initialized(cx, args[0], Direction::Inflate)?)
}

fn deflate_params<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    get::<Stream>(args[0])?;
    let (level, strategy) = (int(args[1])?, int(args[2])?);
    let mut state = initialized(cx, args[0], Direction::Deflate)?;
    done(stream(&mut state).set_parameters(level, strategy))
}

fn chunk_arguments<'h>(args: &[Term<'h>]) -> Result<(usize, usize, i32), Flow<'h>> {
    get::<Stream>(args[0])?;
    let size = |term| int(term).map(|n| n.max(0) as usize);
    Ok((size(args[1])?, size(args[2])?, int(args[3])?))
}

fn deflate<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let sizes = chunk_arguments(args)?;
    let state = initialized(cx, args[0], Direction::Deflate)?;
    run(cx, state, sizes)
}

fn inflate<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let sizes = chunk_arguments(args)?;
    let mut state = initialized(cx, args[0], Direction::Inflate)?;
    if state.end_seen && !state.input.is_empty() {
        match state.at_end {
            AtEnd::Error => return failure(ZError::Data),
            AtEnd::Reset => {
                if let Err(error) = stream(&mut state).reset() {
                    return failure(error);
                }
                state.end_seen = false;
            }
            AtEnd::Cut => state.reset_input(),
        }
    }
    run(cx, state, sizes)
}

/// Where one step of the library left things.
struct Step {
    consumed: usize,
    produced: usize,
    status: Status,
}

/// Feeds queued input to the library, at most `most` bytes of it, until the
/// output is full; flushes when the queue is empty.
fn step(state: &mut State, most: usize, output: &mut [u8], flush: i32) -> Result<Step, ZError> {
    let State { stream, input, .. } = state;
    let stream = stream.as_mut().expect("checked by `initialized`");
    let compressing = stream.direction() == Direction::Deflate;
    let (mut consumed, mut produced, mut status) = (0, 0, Status::Ok);
    while status == Status::Ok && !input.is_empty() && consumed < most {
        let block = &input.front()[..input.front().len().min(most)];
        let progress = stream.run(block, &mut output[produced..], libz_sys::Z_NO_FLUSH)?;
        if state.raw && compressing {
            state.plain_crc = zstream::crc32(state.plain_crc, &block[..progress.consumed]);
        }
        input.skip(progress.consumed);
        consumed += progress.consumed;
        produced += progress.produced;
        status = progress.status;
        if progress.consumed == 0 {
            break;
        }
    }
    if status == Status::Ok && input.is_empty() && produced < output.len() {
        let progress = stream.run(&[], &mut output[produced..], flush)?;
        produced += progress.produced;
        status = progress.status;
    }
    if state.raw && !compressing {
        state.plain_crc = zstream::crc32(state.plain_crc, &output[..produced]);
    }
    Ok(Step { consumed, produced, status })
}

fn run<'h>(
    cx: &mut Cx<'h>,
    mut state: Guard<'h>,
    (input_size, output_size, flush): (usize, usize, i32),
) -> NativeResult<'h> {
    let heap = cx.heap;
    let mut output = vec![0; output_size];
    let step = match step(&mut state, input_size, &mut output, flush) {
        Ok(step) => step,
        Err(error) => return failure(error),
    };
    cx.bump((step.consumed + step.produced) / 64);
    state.end_seen |= step.status == Status::End;
    let remaining = state.input.size_bytes();
    if step.consumed == 0 && step.produced == 0 && remaining != 0 {
        // No progress at all: the input makes no sense.
        return failure(ZError::Data);
    }
    let bytes = match step.produced {
        0 => Term::nil(),
        produced => heap.list(&[heap.binary(&output[..produced])]),
    };
    Ok(if remaining == 0 && step.produced < output_size {
        heap.tagged(atom("finished"), [bytes])
    } else if step.status == Status::NeedDictionary {
        need_dictionary(cx, &mut state, bytes)
    } else {
        heap.tagged(atom("continue"), [bytes])
    })
}

fn need_dictionary<'h>(cx: &Cx<'h>, state: &mut Guard<'h>, bytes: Term<'h>) -> Term<'h> {
    let checksum = cx.heap.int(i64::from(stream(state).checksum() as i32));
    cx.heap.tagged(atom("need_dictionary"), [checksum, bytes])
}

fn crc32<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let state = own(cx, args[0])?;
    match state.stream {
        Some(_) => Ok(cx.heap.uint(state.plain_crc.into())),
        None => Err(raise("not_initialized")),
    }
}

fn get_stash<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let state = own(cx, args[0])?;
    Ok(match &state.stash {
        Some(term) => cx.heap.tagged(am::ok, [term.copy_to(cx.heap)]),
        None => Term::atom(atom("empty")),
    })
}

fn clear_stash<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    match own(cx, args[0])?.stash.take() {
        Some(_) => Ok(Term::atom(am::ok)),
        None => Err(Flow::error(am::error)),
    }
}

fn set_stash<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let mut state = own(cx, args[0])?;
    if state.stash.is_some() {
        return Err(Flow::error(am::error));
    }
    state.stash = Some(OwnedTerm::deep_copy_of(args[1]));
    Ok(Term::atom(am::ok))
}

fn get_buffer_size<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    Ok(cx.heap.int(own(cx, args[0])?.chunk_size.into()))
}

fn set_buffer_size<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let mut state = own(cx, args[0])?;
    state.chunk_size = int(args[1])?;
    Ok(Term::atom(am::ok))
}

fn enqueue<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let mut state = own(cx, args[0])?;
    if state.stream.is_none() {
        return Err(raise("not_initialized"));
    }
    let parts = match args[1].as_bits() {
        Some(_) => vec![args[1]],
        None => args[1].list_to_vec().ok_or_else(Flow::badarg)?,
    };
    let whole = |part: &Term<'h>| part.as_bits().is_some_and(|bits| bits.bit_size() % 8 == 0);
    if !parts.iter().all(whole) {
        return Err(Flow::badarg());
    }
    parts.iter().for_each(|part| {
        state.input.push(*part);
    });
    Ok(Term::atom(am::ok))
}
