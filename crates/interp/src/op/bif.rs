//! Natives called by instructions that name registers: guards and their like.

use crate::machine::{Handler, M, Mode, Place, op, slow};
use crate::native;
use crate::raise;
use oxbeam_runtime::native::{Class, Flow};
use oxbeam_term::tag::{Subtag, header_arity};
use oxbeam_term::{Export, RawTerm, am};

/// Calls the native; its value goes to operand `dst`; an error to the label
/// `fail`, or is raised where that is 0.
///
/// # Safety
/// Machine rules.
pub unsafe fn run<R: Place>(
    m: &mut M,
    export: &'static Export,
    args: &[RawTerm],
    dst: usize,
    fail: u64,
    words: usize,
) -> Handler {
    // SAFETY: machine rules.
    unsafe {
        let result = native::call(m, export, args);
        m.back();
        let Some(result) = result else {
            return m.leave_within(oxbeam_code::x_registers());
        };
        match result {
            Ok(term) => {
                m.set::<R>(dst, term.raw());
                m.next(words)
            }
            Err(_) if fail != 0 => m.goto(fail as *const u64),
            Err(Flow::Raise(raised)) => {
                let info = raised.error_info.map_or(RawTerm::NONE, |info| info.raw());
                let reason = raised.reason.raw();
                native::raise_native(m, export, args, raised.class, reason, info)
            }
            // Such a native must end at once: there is no continuation.
            Err(_) => raise::bad_code,
        }
    }
}

/// An error of the native `export`, which the operation did itself.
unsafe fn failed(m: &mut M, fail: u64, export: &'static Export, args: &[RawTerm]) -> Handler {
    // SAFETY: by contract of the callers.
    unsafe {
        if fail != 0 {
            return m.goto(fail as *const u64);
        }
        let reason = RawTerm::atom(am::badarg);
        native::raise_native(m, export, args, Class::Error, reason, RawTerm::NONE)
    }
}

op! {
    fn bif0<R: Place>(m) {
        bif0_call::<R>
    }
    fn bif1<A: Mode, R: Place>(m) {
        bif1_call::<A, R>
    }
    fn bif2<A: Mode, B: Mode, R: Place>(m) {
        bif2_call::<A, B, R>
    }
    fn bif3<A: Mode, B: Mode, E: Mode, R: Place>(m) {
        bif3_call::<A, B, E, R>
    }
    fn self_<R: Place>(m) {
        m.set::<R>(1, RawTerm::pid(m.turn().process().pid));
        m.next(2)
    }
    fn hd<A: Mode, R: Place>(m) {
        let src = m.get::<A>(1);
        if !src.is_list() {
            return hd_failed::<A>;
        }
        m.set::<R>(2, src.head());
        m.next(5)
    }
    fn tl<A: Mode, R: Place>(m) {
        let src = m.get::<A>(1);
        if !src.is_list() {
            return hd_failed::<A>;
        }
        m.set::<R>(2, src.tail());
        m.next(5)
    }
    fn element<A: Mode, B: Mode, R: Place>(m) {
        let (index, tuple) = (m.get::<A>(1), m.get::<B>(2));
        if index.is_small() && tuple.is_subtag(Subtag::Tuple) {
            let at = index.small_value();
            if at >= 1 && at <= header_arity(tuple.header()) as i64 {
                m.set::<R>(3, RawTerm(tuple.word(at as usize - 1)));
                return m.next(6);
            }
        }
        element_failed::<A, B>
    }
    fn map_get<A: Mode, B: Mode, R: Place>(m) {
        match super::map::quick_get(m.get::<B>(2), m.get::<A>(1)) {
            Some(Some(value)) => {
                m.set::<R>(3, value);
                m.next(6)
            }
            _ => bif2_call::<A, B, R>,
        }
    }
    fn tuple_size<A: Mode, R: Place>(m) {
        let tuple = m.get::<A>(1);
        if !tuple.is_subtag(Subtag::Tuple) {
            return bif1_call::<A, R>;
        }
        m.set::<R>(2, RawTerm::small(header_arity(tuple.header()) as i64));
        m.next(5)
    }
}

slow! {
    fn bif0_call<R: Place>(m) {
        let export = native::export(m.w(2));
        run::<R>(m, export, &[], 1, 0, 3)
    }
    fn bif1_call<A: Mode, R: Place>(m) {
        let export = native::export(m.w(4));
        let args = [m.get::<A>(1)];
        run::<R>(m, export, &args, 2, m.w(3), 5)
    }
    fn bif2_call<A: Mode, B: Mode, R: Place>(m) {
        let export = native::export(m.w(5));
        let args = [m.get::<A>(1), m.get::<B>(2)];
        run::<R>(m, export, &args, 3, m.w(4), 6)
    }
    fn bif3_call<A: Mode, B: Mode, E: Mode, R: Place>(m) {
        let export = native::export(m.w(6));
        let args = [m.get::<A>(1), m.get::<B>(2), m.get::<E>(3)];
        run::<R>(m, export, &args, 4, m.w(5), 7)
    }
    fn hd_failed<A: Mode>(m) {
        let args = [m.get::<A>(1)];
        failed(m, m.w(3), native::export(m.w(4)), &args)
    }
    fn element_failed<A: Mode, B: Mode>(m) {
        let args = [m.get::<A>(1), m.get::<B>(2)];
        failed(m, m.w(4), native::export(m.w(5)), &args)
    }
}
