//! Maps: update and look-up.
//!
//! Where a key takes long to hash a native does the whole operation on a dirty scheduler. Not all of
//! these operations say which registers live, so all are kept meanwhile.

use crate::machine::{D, Handler, M, Mode, Place, S, brand, op, slow};
use crate::{native, raise};
use oxbeam_heap::Heap;
use oxbeam_runtime::engine::Switch;
use oxbeam_runtime::native::{Class, Flow, NativeFn, RunOn};
use oxbeam_runtime::{Cx, NativeResult};
use oxbeam_term::compare::compare_exact;
use oxbeam_term::hamt;
use oxbeam_term::hash::is_long;
use oxbeam_term::tag::FLATMAP_HEADER;
use oxbeam_term::{RawTerm, Term, am, export};

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

/// Whether one of the keys at these operands takes long to hash.
///
/// # Safety
/// Machine rules; there are such operands.
unsafe fn is_any_long(m: &M, mut keys: impl Iterator<Item = usize>) -> bool {
    // SAFETY: by contract.
    unsafe { keys.any(|at| is_long(brand(m.get::<S>(at)))) }
}

/// What `native` gives for a map and these operands; `Err`: what to go on with instead. An error
/// goes to the label `fail`, or is raised where that is 0.
///
/// # Safety
/// As for [`is_any_long`].
unsafe fn aside<'h>(
    m: &mut M,
    native: NativeFn,
    map: RawTerm,
    operands: impl Iterator<Item = usize>,
    fail: u64,
) -> Result<Term<'h>, Handler> {
    // SAFETY: by contract.
    unsafe {
        let args: Vec<_> = std::iter::once(map).chain(operands.map(|at| m.get::<S>(at))).collect();
        // Whoever asks what the process does sees a look-up.
        let shown = export::get_or_create(am::erlang, am::map_get, 2);
        let result = native::call_with(m, shown, native, RunOn::DirtyCpu, &args);
        m.back();
        match result {
            Some(Ok(term)) => Ok(term),
            Some(Err(_)) if fail != 0 => Err(m.goto(fail as *const u64)),
            Some(Err(Flow::Raise(raised))) if raised.class == Class::Error => {
                Err(m.error(raised.reason.raw()))
            }
            Some(Err(_)) => Err(raise::bad_code),
            // The operation runs again.
            None => Err(m.leave(Switch::Yield, m.ip, oxbeam_code::x_registers())),
        }
    }
}

/// The values under all keys, as a tuple: the arguments are the map and the keys. Fails if one is
/// missing.
fn values_of<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let map = args[0].as_map().ok_or_else(Flow::badarg)?;
    let values: Option<Vec<_>> = args[1..].iter().map(|&key| hamt::get(map, key)).collect();
    Ok(cx.heap.tuple(&values.ok_or_else(Flow::badarg)?))
}

/// A map with more pairs: the arguments are the map, and each key with its value.
fn with_pairs<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let pairs: Vec<_> = args[1..].chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    let map = args[0].as_map().ok_or_else(|| Flow::badmap(cx.heap, args[0]))?;
    Ok(cx.heap.map_put_all(map, &pairs))
}

/// A map with other values under keys that it has; the arguments as those of [`with_pairs`].
fn with_values<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let pairs = args[1..].chunks_exact(2).map(|pair| (pair[0], pair[1]));
    update_all(cx.heap, args[0], pairs).map_err(|missing| match missing {
        Some(key) => Flow::badkey(cx.heap, key),
        None => Flow::badmap(cx.heap, args[0]),
    })
}

/// The map with other values under keys that it has. `Err`: the key that it has not, the first
/// in the order of maps; `None` of what is no map.
fn update_all<'h>(
    heap: &'h Heap,
    src: Term<'h>,
    pairs: impl Iterator<Item = (Term<'h>, Term<'h>)> + Clone,
) -> Result<Term<'h>, Option<Term<'h>>> {
    let mut map = src;
    for (at, (key, value)) in pairs.clone().enumerate() {
        let old = map.as_map().ok_or(None)?;
        map = heap.map_update(old, key, value).ok_or_else(|| {
            let keys = pairs.clone().skip(at + 1).map(|(key, _)| key);
            let missing = keys.filter(|&key| hamt::get(old, key).is_none());
            Some(missing.fold(key, |a, b| if compare_exact(b, a).is_lt() { b } else { a }))
        })?;
    }
    Ok(map)
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
        if is_any_long(m, (4..4 + n).step_by(2)) {
            match aside(m, with_pairs, src, 4..4 + n, 0) {
                Ok(map) => m.set::<R>(2, map.raw()),
                Err(elsewhere) => return elsewhere,
            }
            return m.next(4 + n);
        }
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
        if is_any_long(m, (5..5 + n).step_by(2)) {
            match aside(m, with_values, src, 5..5 + n, fail) {
                Ok(map) => m.set::<R>(2, map.raw()),
                Err(elsewhere) => return elsewhere,
            }
            return m.next(5 + n);
        }
        let heap = m.heap();
        let pair = |i: usize| (brand(m.get::<S>(5 + i)), brand(m.get::<S>(6 + i)));
        let updated = update_all(heap, brand(src), (0..n).step_by(2).map(pair));
        m.back();
        match updated {
            Ok(map) => {
                m.set::<R>(2, map.raw());
                m.next(5 + n)
            }
            Err(_) if fail != 0 => m.goto(fail as *const u64),
            Err(Some(key)) => m.error_tagged(am::badkey, key.raw()),
            Err(None) => m.error_tagged(am::badmap, src),
        }
    }
    fn has_fields<A: Mode>(m) {
        let (src, n) = (m.get::<A>(1), m.w(3) as usize);
        if is_any_long(m, 4..4 + n) {
            return match aside(m, values_of, src, 4..4 + n, m.w(2)) {
                Ok(_) => m.next(4 + n),
                Err(elsewhere) => elsewhere,
            };
        }
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
        if is_long(brand(key)) {
            return get_element_aside::<A, B, R>;
        }
        let found = brand(src).as_map().and_then(|map| hamt::get(map, brand(key)));
        match found {
            Some(value) => {
                m.set::<R>(3, value.raw());
                m.next(5)
            }
            None => m.branch(4),
        }
    }
    fn get_element_aside<A: Mode, B: Mode, R: Place>(m) {
        // As `map_get/2` in a guard.
        let args = [m.get::<B>(2), m.get::<A>(1)];
        let map_get = export::get_or_create(am::erlang, am::map_get, 2);
        super::bif::run::<R>(m, map_get, &args, 3, m.w(4), 5)
    }
    fn get_elements<A: Mode>(m) {
        let (src, n) = (m.get::<A>(1), m.w(3) as usize);
        let keys = (4..4 + n).step_by(2);
        if is_any_long(m, keys.clone()) {
            let values = match aside(m, values_of, src, keys, m.w(2)) {
                Ok(values) => values.as_tuple().map_or(&[][..], |tuple| tuple.elements()),
                Err(elsewhere) => return elsewhere,
            };
            for (i, value) in values.iter().enumerate() {
                m.set::<D>(5 + 2 * i, value.raw());
            }
            return m.next(4 + n);
        }
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
