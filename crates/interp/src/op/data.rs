//! Moves, lists and tuples.

use crate::machine::{M, Mode, Place, S, op};
use crate::raise;
use oxbeam_term::RawTerm;
use oxbeam_term::tag::{Subtag, header_arity, tuple_header};

/// Whether `src` is a tuple with a word at byte offset `at`.
///
/// # Safety
/// The term is good.
#[inline(always)]
pub(super) unsafe fn has_element(src: RawTerm, at: u64) -> bool {
    // SAFETY: by contract.
    unsafe { src.is_subtag(Subtag::Tuple) && at / 8 <= header_arity(src.header()) as u64 }
}

/// The word at byte offset `at` of a tuple.
///
/// # Safety
/// The tuple has it.
#[inline(always)]
unsafe fn element(src: RawTerm, at: u64) -> RawTerm {
    // SAFETY: by contract.
    unsafe { *src.ptr().byte_add(at as usize).cast() }
}

/// Makes a cell at the heap top.
///
/// # Safety
/// There is room.
#[inline(always)]
unsafe fn cons(m: &mut M, head: RawTerm, tail: RawTerm) -> RawTerm {
    // SAFETY: by contract.
    unsafe {
        let cell = m.htop;
        *cell = head.0;
        *cell.add(1) = tail.0;
        m.htop = cell.add(2);
        RawTerm::list(cell)
    }
}

op! {
    fn mov<A: Mode, B: Place>(m) {
        m.set::<B>(2, m.get::<A>(1));
        m.next(3)
    }
    fn mov2<A: Mode, B: Place, A2: Mode, B2: Place>(m) {
        m.set::<B>(2, m.get::<A>(1));
        m.set::<B2>(4, m.get::<A2>(3));
        m.next(5)
    }
    fn swap<A: Place, B: Place>(m) {
        let (a, b) = (m.get::<A>(1), m.get::<B>(2));
        m.set::<A>(1, b);
        m.set::<B>(2, a);
        m.next(3)
    }
    fn init_y<A: Place>(m) {
        m.set::<A>(1, RawTerm::NIL);
        m.next(2)
    }
    fn init_ys(m) {
        let n = m.w(1) as usize;
        for i in 0..n {
            m.set::<crate::machine::D>(2 + i, RawTerm::NIL);
        }
        m.next(2 + n)
    }
    fn put_list<A: Mode, B: Mode, R: Place>(m) {
        if !m.has_cell() {
            return crate::op::data_slow::put_list::<A, B, R>;
        }
        let cell = cons(m, m.get::<A>(1), m.get::<B>(2));
        m.set::<R>(3, cell);
        m.next(4)
    }
    fn get_list<A: Mode, H: Place, T: Place>(m) {
        let src = m.get::<A>(1);
        if !src.is_list() {
            return raise::bad_code;
        }
        let (head, tail) = (src.head(), src.tail());
        m.set::<H>(2, head);
        m.set::<T>(3, tail);
        m.next(4)
    }
    fn get_hd<A: Mode, R: Place>(m) {
        let src = m.get::<A>(1);
        if !src.is_list() {
            return raise::bad_code;
        }
        m.set::<R>(2, src.head());
        m.next(3)
    }
    fn get_tl<A: Mode, R: Place>(m) {
        let src = m.get::<A>(1);
        if !src.is_list() {
            return raise::bad_code;
        }
        m.set::<R>(2, src.tail());
        m.next(3)
    }
    fn get_tuple_element<A: Mode, R: Place>(m) {
        let (src, at) = (m.get::<A>(1), m.w(3));
        if !has_element(src, at) {
            return raise::bad_code;
        }
        m.set::<R>(2, element(src, at));
        m.next(4)
    }
    fn get_element<A: Mode, R: Place>(m) {
        m.set::<R>(2, element(m.get::<A>(1), m.w(3)));
        m.next(4)
    }
    fn set_tuple_element<A: Mode, B: Mode>(m) {
        let (value, tuple, at) = (m.get::<A>(1), m.get::<B>(2), m.w(3));
        let heap = &*m.turn().heap;
        // A tuple that no collection has seen may point anywhere.
        if has_element(tuple, at) && heap.is_young(tuple.ptr(), m.htop) {
            *tuple.ptr().byte_add(at as usize) = value.0;
            return m.next(4);
        }
        crate::op::data_slow::set_tuple_element::<A, B>
    }
    fn put_tuple2<R: Place>(m) {
        let n = m.w(2) as usize;
        if !m.has_words(1 + n) {
            return crate::op::data_slow::put_tuple2::<R>;
        }
        let object = m.htop;
        *object = tuple_header(n);
        for i in 0..n {
            *object.add(1 + i) = m.get::<S>(3 + i).0;
        }
        m.htop = object.add(1 + n);
        m.set::<R>(1, RawTerm::boxed(object));
        m.next(3 + n)
    }
}
