//! Maps: update and look-up.

use crate::machine::{D, Mode, Place, S, brand, op, slow};
use oxbeam_term::compare::compare_exact;
use oxbeam_term::hamt;
use oxbeam_term::tag::FLATMAP_HEADER;
use oxbeam_term::{RawTerm, am};

/// Pairs of one instruction that are put into a map together.
const AT_ONCE: usize = 16;

/// What a flat map has under a key that is no more than a word; `None` of another map or key.
///
/// # Safety
/// The terms are good.
#[inline(always)]
pub(super) unsafe fn quick_get(map: RawTerm, key: RawTerm) -> Option<Option<RawTerm>> {
    // SAFETY: a flat map holds its size, the tuple of its keys, and as many values.
    unsafe {
        if !key.is_immediate() || !map.is_boxed() || map.header() != FLATMAP_HEADER {
            return None;
        }
        let (size, keys) = (map.word(0) as usize, RawTerm(map.word(1)));
        let at = (0..size).find(|&i| keys.word(i) == key.0);
        Some(at.map(|i| RawTerm(map.word(2 + i))))
    }
}

op! {
    fn put_map_assoc<A: Mode, R: Place>(m) {
        put_assoc::<A, R>
    }
    fn put_map_exact<A: Mode, R: Place>(m) {
        put_exact::<A, R>
    }
    fn has_map_fields<A: Mode>(m) {
        has_fields::<A>
    }
    fn get_map_element<A: Mode, B: Mode, R: Place>(m) {
        let (src, key) = (m.get::<A>(1), m.get::<B>(2));
        match quick_get(src, key) {
            Some(Some(value)) => {
                m.set::<R>(3, value);
                m.next(5)
            }
            Some(None) => m.branch(4),
            None => get_element::<A, B, R>,
        }
    }
    fn get_map_elements<A: Mode>(m) {
        get_elements::<A>
    }
}

slow! {
    fn put_assoc<A: Mode, R: Place>(m) {
        let (src, n) = (m.get::<A>(1), m.w(3) as usize);
        let heap = m.heap();
        let Some(old) = brand(src).as_map() else {
            m.back();
            return m.error_tagged(am::badmap, src);
        };
        let mut pairs = [(oxbeam_term::Term::nil(), oxbeam_term::Term::nil()); AT_ONCE];
        let mut map = brand(src);
        for first in (0..n).step_by(2 * AT_ONCE) {
            let count = AT_ONCE.min((n - first) / 2);
            for (i, pair) in pairs[..count].iter_mut().enumerate() {
                let at = 4 + first + 2 * i;
                *pair = (brand(m.get::<S>(at)), brand(m.get::<S>(at + 1)));
            }
            let to = if first == 0 { old } else { map.as_map().expect("a put gives a map") };
            map = heap.map_put_all(to, &pairs[..count]);
        }
        m.back();
        m.set::<R>(2, map.raw());
        m.next(4 + n)
    }
    fn put_exact<A: Mode, R: Place>(m) {
        let (src, fail, n) = (m.get::<A>(1), m.w(3), m.w(4) as usize);
        let heap = m.heap();
        let mut map = brand(src);
        for i in (0..n).step_by(2) {
            let (key, value) = (brand(m.get::<S>(5 + i)), brand(m.get::<S>(6 + i)));
            let updated = map.as_map().map(|old| heap.map_update(old, key, value));
            match updated {
                Some(Some(new)) => map = new,
                _ if fail != 0 => {
                    m.back();
                    return m.goto(fail as *const u64);
                }
                Some(None) => {
                    // Keys are looked up in the order of maps: the first missing one is told.
                    let keys = (i + 2..n).step_by(2).map(|i| brand(m.get::<S>(5 + i)));
                    let missing = keys.filter(|&k| map.as_map().is_some_and(|m| hamt::get(m, k).is_none()));
                    let first = missing.fold(key, |a, b| if compare_exact(b, a).is_lt() { b } else { a });
                    m.back();
                    return m.error_tagged(am::badkey, first.raw());
                }
                None => {
                    m.back();
                    return m.error_tagged(am::badmap, src);
                }
            }
        }
        m.back();
        m.set::<R>(2, map.raw());
        m.next(5 + n)
    }
    fn has_fields<A: Mode>(m) {
        let (src, n) = (m.get::<A>(1), m.w(3) as usize);
        let Some(map) = brand(src).as_map() else { return m.branch(2) };
        for i in 0..n {
            if hamt::get(map, brand(m.get::<S>(4 + i))).is_none() {
                return m.branch(2);
            }
        }
        m.next(4 + n)
    }
    fn get_element<A: Mode, B: Mode, R: Place>(m) {
        let (src, key) = (m.get::<A>(1), m.get::<B>(2));
        let found = brand(src).as_map().and_then(|map| hamt::get(map, brand(key)));
        match found {
            Some(value) => {
                m.set::<R>(3, value.raw());
                m.next(5)
            }
            None => m.branch(4),
        }
    }
    fn get_elements<A: Mode>(m) {
        let (src, n) = (m.get::<A>(1), m.w(3) as usize);
        let Some(map) = brand(src).as_map() else { return m.branch(2) };
        for i in (0..n).step_by(2) {
            match hamt::get(map, brand(m.get::<S>(4 + i))) {
                Some(value) => m.set::<D>(5 + i, RawTerm(value.raw().0)),
                None => return m.branch(2),
            }
        }
        m.next(4 + n)
    }
}
