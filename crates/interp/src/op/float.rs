//! The float registers.

use crate::machine::{Mode, Place, brand, op};
use crate::native;
use crate::raise;
use oxbeam_heap::arith::{self, ArithError};
use oxbeam_term::RawTerm;
use oxbeam_term::layout::{FLOAT_HEADER, FLOAT_WORDS};
use oxbeam_term::tag::Subtag;

macro_rules! binary {
    ($($name:ident $op:tt;)*) => { op! {$(
        fn $name(m) {
            let value = *m.f(m.w(1)) $op *m.f(m.w(2));
            if !value.is_finite() {
                return raise::badarith;
            }
            *m.f(m.w(3)) = value;
            m.next(4)
        }
    )*} };
}

binary! { fadd +; fsub -; fmul *; fdiv /; }

op! {
    fn fload<A: Mode>(m) {
        let src = m.get::<A>(1);
        if !src.is_subtag(Subtag::Float) {
            return raise::bad_code;
        }
        *m.f(m.w(2)) = f64::from_bits(src.word(0));
        m.next(3)
    }
    fn fstore<R: Place>(m) {
        let bits = m.f(m.w(2)).to_bits();
        if m.has_words(FLOAT_WORDS) {
            *m.htop = FLOAT_HEADER;
            *m.htop.add(1) = bits;
            m.set::<R>(1, RawTerm::boxed(m.htop));
            m.htop = m.htop.add(FLOAT_WORDS);
        } else {
            let term = m.heap().float(f64::from_bits(bits)).raw();
            m.back();
            m.set::<R>(1, term);
        }
        m.next(3)
    }
    fn fmov(m) {
        *m.f(m.w(2)) = *m.f(m.w(1));
        m.next(3)
    }
    fn fconv<A: Mode>(m) {
        let src = m.get::<A>(1);
        match arith::to_float(brand(src)) {
            Some(value) => {
                *m.f(m.w(2)) = value;
                m.next(3)
            }
            None => native::raise_plain(ArithError::Badarith),
        }
    }
    fn fnegate(m) {
        *m.f(m.w(2)) = -*m.f(m.w(1));
        m.next(3)
    }
}
