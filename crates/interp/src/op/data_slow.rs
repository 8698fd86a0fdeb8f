//! Building where the code did not ask for enough room: in a fragment.

use crate::machine::{Mode, Place, S, brand, slow};

slow! {
    fn put_list<A: Mode, B: Mode, R: Place>(m) {
        let heap = m.heap();
        let cell = heap.cons(brand(m.get::<A>(1)), brand(m.get::<B>(2))).raw();
        m.back();
        m.set::<R>(3, cell);
        m.next(4)
    }
    fn set_tuple_element<A: Mode, B: Mode>(m) {
        let (value, tuple, at) = (m.get::<A>(1), m.get::<B>(2), m.w(3));
        if !crate::op::data::has_element(tuple, at) || !m.heap().may_point_at(tuple.ptr(), value) {
            return crate::raise::bad_code;
        }
        *tuple.ptr().byte_add(at as usize) = value.0;
        m.next(4)
    }
    fn put_tuple2<R: Place>(m) {
        let (heap, n) = (m.heap(), m.w(2) as usize);
        let object = heap.alloc(1 + n);
        *object = oxbeam_term::tag::tuple_header(n);
        for i in 0..n {
            *object.add(1 + i) = m.get::<S>(3 + i).0;
        }
        m.back();
        m.set::<R>(1, oxbeam_term::RawTerm::boxed(object));
        m.next(3 + n)
    }
}
