//! The natives of `prim_buffer`: the read buffer of raw files.
//!
//! Small writes are gathered into one chunk, so that reading back does not
//! walk a list of crumbs.

use crate::queue::ByteQueue;
use crate::resource::{atom, get, make};
use oxbeam_runtime::native::{RunOn, StaticNif};
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::{Term, am};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// The module's natives.
pub static NIF: StaticNif = StaticNif {
    module: "prim_buffer",
    functions: &[
        ("new", 0, new, RunOn::Normal),
        ("size", 1, size, RunOn::Normal),
        ("peek_head", 1, peek_head, RunOn::Normal),
        ("copying_read", 2, copying_read, RunOn::Normal),
        ("write", 2, write, RunOn::Normal),
        ("skip", 2, skip, RunOn::Normal),
        ("find_byte_index", 2, find_byte_index, RunOn::Normal),
        ("try_lock", 1, try_lock, RunOn::Normal),
        ("unlock", 1, unlock, RunOn::Normal),
    ],
};

/// Gathered small writes are at most this long.
const GATHERED_BYTES: usize = 2048;

#[derive(Debug, Default)]
struct Contents {
    queue: ByteQueue,
    /// Comes after the queue.
    gathered: Vec<u8>,
}

#[derive(Debug, Default)]
struct Buffer {
    contents: Mutex<Contents>,
    locked: AtomicBool,
}

impl Contents {
    /// Moves what was gathered into the queue.
    fn settle(&mut self) -> &mut ByteQueue {
        self.queue.push_bytes(&self.gathered);
        self.gathered.clear();
        &mut self.queue
    }

    fn size_bytes(&self) -> usize {
        self.queue.size_bytes() + self.gathered.len()
    }

    fn write(&mut self, parts: &[Term<'_>]) {
        let size: usize = parts.iter().filter_map(|p| p.as_bits()).map(|b| b.byte_size()).sum();
        let fits = self.gathered.len() + size < GATHERED_BYTES;
        if !fits {
            self.settle();
        }
        for part in parts {
            if fits || size < GATHERED_BYTES / 2 {
                let bits = part.as_bits().expect("parts were checked");
                self.gathered.extend_from_slice(&bits.to_bytes());
            } else {
                self.queue.push(*part);
            }
        }
    }
}

fn buffer<'h>(term: Term<'h>) -> Result<&'h Buffer, Flow<'h>> {
    get::<Buffer>(term)
}

fn new<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    Ok(make(cx.heap, Buffer::default()))
}

fn size<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    Ok(cx.heap.usize(buffer(args[0])?.contents.lock().size_bytes()))
}

fn peek_head<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let mut contents = buffer(args[0])?.contents.lock();
    contents.settle().front_term(cx.heap).ok_or_else(Flow::badarg)
}

fn copying_read<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let mut contents = buffer(args[0])?.contents.lock();
    let size = args[1].as_usize().ok_or_else(Flow::badarg)?;
    let queue = contents.settle();
    if size > queue.size_bytes() {
        return Err(Flow::badarg());
    }
    cx.bump(size / 1024);
    Ok(cx.heap.binary_with(size, |target| queue.read(target)))
}

fn write<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let parts = match args[1].as_bits() {
        Some(_) => vec![args[1]],
        None => args[1].list_to_vec().ok_or_else(Flow::badarg)?,
    };
    let whole = |part: &Term<'h>| part.as_bits().is_some_and(|bits| bits.bit_size() % 8 == 0);
    if !parts.iter().all(whole) {
        return Err(Flow::badarg());
    }
    cx.bump(parts.len() / 8);
    buffer(args[0])?.contents.lock().write(&parts);
    Ok(Term::atom(am::ok))
}

fn skip<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let mut contents = buffer(args[0])?.contents.lock();
    let count = args[1].as_usize().ok_or_else(Flow::badarg)?;
    let queue = contents.settle();
    if count > queue.size_bytes() {
        return Err(Flow::badarg());
    }
    queue.skip(count);
    Ok(Term::atom(am::ok))
}

fn find_byte_index<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let mut contents = buffer(args[0])?.contents.lock();
    let byte = args[1].as_usize().and_then(|n| u8::try_from(n).ok()).ok_or_else(Flow::badarg)?;
    let queue = contents.settle();
    cx.bump(queue.size_bytes() / 8192);
    Ok(match queue.find(byte) {
        Some(index) => cx.heap.tagged(am::ok, [cx.heap.usize(index)]),
        None => Term::atom(atom("not_found")),
    })
}

fn try_lock<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let held = buffer(args[0])?.locked.swap(true, Ordering::Acquire);
    Ok(Term::atom(atom(if held { "busy" } else { "acquired" })))
}

fn unlock<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    match buffer(args[0])?.locked.swap(false, Ordering::Release) {
        true => Ok(Term::atom(am::ok)),
        false => Err(Flow::error(atom("lock_order_violation"))),
    }
}
