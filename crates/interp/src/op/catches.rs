//! Catching and raising.

use crate::machine::{Mode, Place, brand, op, slow};
use crate::raise;
use oxbeam_runtime::native::Class;
use oxbeam_term::{RawTerm, am};

op! {
    fn catch_<A: Place>(m) {
        m.set::<A>(1, RawTerm(m.w(2)));
        m.next(3)
    }
    fn catch_end<A: Place>(m) {
        m.set::<A>(1, RawTerm::NIL);
        if *m.x(0) == raise::CAUGHT {
            return caught;
        }
        m.next(2)
    }
    fn try_end<A: Place>(m) {
        m.set::<A>(1, RawTerm::NIL);
        m.next(2)
    }
    fn try_case<A: Place>(m) {
        m.set::<A>(1, RawTerm::NIL);
        *m.x(0) = *m.x(3);
        m.next(2)
    }
    fn try_case_end<A: Mode>(m) {
        try_case_end_raise::<A>
    }
    fn badmatch<A: Mode>(m) {
        badmatch_raise::<A>
    }
    fn case_end<A: Mode>(m) {
        case_end_raise::<A>
    }
    fn badrecord<A: Mode>(m) {
        badrecord_raise::<A>
    }
    fn if_end(m) {
        if_end_raise
    }
    fn raise<A: Mode, B: Mode>(m) {
        raise_again::<A, B>
    }
    fn raw_raise(m) {
        raw_raise_slow
    }
    fn build_stacktrace(m) {
        build_trace
    }
}

/// The class of a travelling trace is not in the trace: a `raise` of old code
/// says it with the value that `try_case` left in X0.
fn class_of(class: RawTerm) -> Option<Class> {
    Class::from_atom(class.as_atom()?)
}

slow! {
    /// Makes `{'EXIT', ...}` or the thrown value of the exception in X.
    fn caught(m) {
        let (reason, trace) = (*m.x(1), *m.x(2));
        let class = class_of(*m.x(3)).unwrap_or(Class::Error);
        let heap = m.heap();
        let value = match class {
            Class::Throw => brand(reason),
            Class::Exit => heap.tagged(am::EXIT, [brand(reason)]),
            Class::Error => {
                let trace = raise::build(heap, trace);
                heap.tagged(am::EXIT, [heap.tuple(&[brand(reason), trace])])
            }
        };
        *m.x(0) = value.raw();
        m.back();
        m.collect_if_wanted(1);
        m.next(2)
    }
    fn try_case_end_raise<A: Mode>(m) {
        m.error_tagged(am::try_clause, m.get::<A>(1))
    }
    fn badmatch_raise<A: Mode>(m) {
        m.error_tagged(am::badmatch, m.get::<A>(1))
    }
    fn case_end_raise<A: Mode>(m) {
        m.error_tagged(am::case_clause, m.get::<A>(1))
    }
    fn badrecord_raise<A: Mode>(m) {
        m.error_tagged(am::badrecord, m.get::<A>(1))
    }
    fn if_end_raise(m) {
        m.error(RawTerm::atom(am::if_clause))
    }
    fn raise_again<A: Mode, B: Mode>(m) {
        let (trace, reason) = (m.get::<A>(1), m.get::<B>(2));
        let class = raise::class_in(trace).unwrap_or(Class::Error);
        m.raise_traced(class, reason, trace)
    }
    fn raw_raise_slow(m) {
        let (reason, trace) = (*m.x(1), *m.x(2));
        match class_of(*m.x(0)) {
            Some(class) => {
                raise::set_class(trace, class);
                m.raise_traced(class, reason, trace)
            }
            None => {
                *m.x(0) = RawTerm::atom(am::badarg);
                m.next(1)
            }
        }
    }
    fn build_trace(m) {
        let trace = raise::build(m.heap(), *m.x(0)).raw();
        m.back();
        *m.x(0) = trace;
        m.collect_if_wanted(1);
        m.next(1)
    }
}
