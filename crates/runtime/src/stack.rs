//! What the stack of a process says about where it is.

use crate::native::Cx;
use crate::process::{Mfa, Owned, ProcState, Waiting};
use oxbeam_code::ranges::{Line, locate};
use oxbeam_code::stub::fixed;
use oxbeam_code::{Module, memory};
use oxbeam_heap::Heap;
use oxbeam_term::{Term, am};

/// A function that is active, with its place in the source if known.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    pub mfa: Mfa,
    pub line: Option<Line>,
}

impl Frame {
    /// `{Module, Function, Arity, [{file, File}, {line, Line}]}`
    pub fn term<'h>(&self, heap: &'h Heap) -> Term<'h> {
        let (module, function, arity) = self.mfa;
        let place = match self.line {
            Some(line) => {
                let file = heap.list_of_chars(line.file);
                let file = heap.tuple(&[Term::atom(am::file), file]);
                let number = heap.int(i64::from(line.line));
                heap.list(&[file, heap.tuple(&[Term::atom(am::line), number])])
            }
            None => Term::nil(),
        };
        let arity = heap.int(i64::from(arity));
        heap.tuple(&[Term::atom(module), Term::atom(function), arity, place])
    }
}

impl std::fmt::Display for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (module, function, arity) = self.mfa;
        write!(f, "Return addr {}:{}/{arity}", module.name(), function.name())?;
        match self.line {
            Some(line) => write!(f, " ({}:{})", line.file, line.line),
            None => Ok(()),
        }
    }
}

fn frame_at(pc: *const u64) -> Option<Frame> {
    let at = locate(pc)?;
    Some(Frame { mfa: (at.module, at.function, at.arity), line: at.line })
}

/// The innermost `count` frames of a process, innermost first: a native that it waits in, the
/// function it is in, then those that wait for it.
pub fn frames(cx: &Cx<'_>, count: usize) -> Vec<Frame> {
    let native = native(cx.own).map(|mfa| Frame { mfa, line: None });
    let all = places(cx.heap, cx.own.ip).filter_map(frame_at);
    native.into_iter().chain(all).take(count).collect()
}

/// The native that a process is in, or the function that it has not begun yet.
fn native(own: &ProcState) -> Option<Mfa> {
    let waits = matches!(own.waiting, Waiting::Wake | Waiting::Hibernated);
    let in_native = waits || own.suspended.is_some();
    let starts = || own.start.map(|export| (export.module, export.function, export.arity));
    own.current.filter(|_| in_native).or_else(starts)
}

/// The function that a process between two turns is in.
pub(crate) fn innermost(owned: &Owned) -> Option<Mfa> {
    let place = || Some(places(&owned.heap, owned.own.ip).find_map(frame_at)?.mfa);
    native(&owned.own).or_else(place)
}

/// Where a process is: its instruction, then the calls that wait, innermost first.
fn places(heap: &Heap, ip: *const u64) -> impl Iterator<Item = *const u64> {
    let returns = heap.stack().iter().map(|word| word.0 as *const u64);
    // A return address is behind the call: the word before it is the caller's.
    let mut last = std::ptr::null();
    // A function that calls itself again and again is shown once, as in stock.
    let returns = returns
        .filter(|pc| memory::contains(*pc) && fixed().trace_return(*pc).is_none())
        .filter(move |pc| std::mem::replace(&mut last, *pc) != *pc)
        .map(|pc| pc.wrapping_sub(1));
    std::iter::once(ip).chain(returns)
}

/// The innermost `count` frames in an instance of a module, of a process between two turns.
pub fn frames_in(owned: &Owned, module: &Module, count: usize) -> Vec<Frame> {
    let inside = places(&owned.heap, owned.own.ip).filter(|pc| module.contains(*pc));
    inside.filter_map(frame_at).take(count).collect()
}
