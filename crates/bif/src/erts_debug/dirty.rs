//! What OTP's tests do on dirty schedulers: `erts_debug:dirty_cpu/2` and its kin.

use std::time::Duration;

use oxbeam_runtime::dirty;
use oxbeam_runtime::native::RunOn;
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::{Atom, Term, am};

use crate::arg::take;

/// `erts_debug:dirty_cpu/2`
pub fn dirty_cpu_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    test(cx, RunOn::DirtyCpu, take(args))
}

/// `erts_debug:dirty_io/2`
pub fn dirty_io_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    test(cx, RunOn::DirtyIo, take(args))
}

/// `erts_debug:dirty/3`: the kind of scheduler, then as the others.
pub fn dirty_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let run_on = match args[0].as_atom().ok_or_else(Flow::badarg)?.name() {
        "normal" => RunOn::Normal,
        "dirty_cpu" => RunOn::DirtyCpu,
        "dirty_io" => RunOn::DirtyIo,
        _ => return Err(Flow::badarg()),
    };
    match run_on {
        RunOn::Normal => here(cx, args),
        elsewhere => Err(Flow::Dirty(elsewhere, here)),
    }
}

fn here<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [_, rest @ ..] = take::<3>(args);
    test(cx, dirty::current(), rest)
}

fn name(name: &str) -> Atom {
    Atom::new(name).expect("a short name")
}

fn kind(run_on: RunOn) -> Atom {
    name(match run_on {
        RunOn::Normal => "normal",
        RunOn::DirtyCpu => "dirty_cpu",
        RunOn::DirtyIo => "dirty_io",
    })
}

fn test<'h>(cx: &mut Cx<'h>, run_on: RunOn, [what, with]: [Term<'h>; 2]) -> NativeResult<'h> {
    let ok = Ok(Term::atom(am::ok));
    match what.as_atom().ok_or_else(Flow::badarg)?.name() {
        "scheduler" if with.as_atom().is_some_and(|with| with.name() == "type") => {
            Ok(Term::atom(kind(dirty::current())))
        }
        "error" => Err(Flow::error(match with.as_atom().map(|reason| reason.name()) {
            Some(known @ ("notsup" | "undef" | "badarith" | "noproc" | "system_limit")) => {
                name(known)
            }
            _ => am::badarg,
        })),
        "copy" => Ok((0..1000).fold(Term::nil(), |all, _| cx.heap.cons(copied(cx, with), all))),
        "send" => {
            tell(cx, with, "ok");
            ok
        }
        "wait" => {
            let time_ms = with.as_u64().ok_or_else(Flow::badarg)?;
            std::thread::sleep(Duration::from_millis(time_ms));
            ok
        }
        "reschedule" => reschedule(cx, run_on, what, with),
        "ready_wait6_done" => {
            tell(cx, with, "ready");
            std::thread::sleep(Duration::from_secs(6));
            tell(cx, with, "done");
            ok
        }
        "alive_waitexiting" if !cx.process.is_exiting() => {
            tell(cx, with, "alive");
            while !cx.process.is_exiting() {
                std::thread::sleep(Duration::from_millis(20));
            }
            std::thread::sleep(Duration::from_secs(1));
            // The heap is still there.
            let large = cx.heap.integer(false, &[4711; 9999]);
            Ok(cx.heap.tagged(am::ok, [large]))
        }
        _ => Err(Flow::badarg()),
    }
}

fn copied<'h>(cx: &Cx<'h>, term: Term<'h>) -> Term<'h> {
    cx.heap.import(term)
}

/// Sends `{Tag, Self}`.
fn tell(cx: &Cx<'_>, to: Term<'_>, tag: &str) {
    if let Some(pid) = to.as_local_pid() {
        let (tag, me) = (name(tag), cx.process.pid);
        let message = oxbeam_heap::OwnedTerm::build(|heap| heap.tagged(tag, [Term::pid(me)]));
        oxbeam_runtime::signal::send_to_pid(pid, message);
    }
}

/// Runs on with two less, and at each multiple of four on the next kind of scheduler, down to 0.
fn reschedule<'h>(cx: &Cx<'h>, run_on: RunOn, what: Term<'h>, left: Term<'h>) -> NativeResult<'h> {
    let left = left.as_small().filter(|&left| left >= 0 && left % 2 == 0);
    let left = left.ok_or_else(Flow::badarg)?;
    if left == 0 {
        return Ok(Term::atom(am::ok));
    }
    let next = match (left % 4, run_on) {
        (0, RunOn::DirtyCpu) => RunOn::DirtyIo,
        (0, RunOn::DirtyIo) => RunOn::Normal,
        (0, RunOn::Normal) => RunOn::DirtyCpu,
        _ => run_on,
    };
    let less = cx.heap.int(left - 2);
    Err(match next {
        RunOn::Normal => {
            Flow::trap(am::erts_debug, name("dirty"), &[Term::atom(kind(next)), what, less])
        }
        _ => Flow::trap(am::erts_debug, kind(next), &[what, less]),
    })
}
