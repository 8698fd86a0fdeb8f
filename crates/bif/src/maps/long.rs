//! The functions of module `maps` that may take several turns, in their long forms.

use oxbeam_heap::map::cursor::Cursor;
use oxbeam_heap::map::grow::{Growth, order_of};
use oxbeam_heap::map::{FLAT_MAX, Pair};
use oxbeam_runtime::{Failure, Flow, Roots, Slot, Yielded, Yielder, dirty};
use oxbeam_term::compare::eq;
use oxbeam_term::hamt;
use oxbeam_term::{Cons, Term};

use crate::long::{self, CELLS_PER_REDUCTION, KEYS_PER_REDUCTION};

long::routines! {
    from_keys_long => from_keys;
    from_list_long => from_list;
    keys_long => keys;
    values_long => values;
    merge_long => merge;
}

/// Stacks: the keys and the values of a map to be, and the nodes of its tree.
pub const KEYS: usize = 0;
pub const VALUES: usize = 1;
const NODES: usize = 2;

/// Leaves of a map that are visited in a reduction, and pairs that are put into a new one.
const LEAVES_PER_REDUCTION: usize = 10;
const PAIRS_PER_REDUCTION: usize = 3;

async fn from_keys(y: Yielder) -> Yielded {
    let (keys, value) = (Slot::arg(0), Slot::arg(1));
    long::gather(y, keys, KEYS).await?;
    y.slices(CELLS_PER_REDUCTION, |_, roots, units| {
        let (keys, mut values) = (roots.take_stack(KEYS), roots.take_stack(VALUES));
        values.reserve_exact(keys.len() - values.len());
        let more = (keys.len() - values.len()).min(*units);
        *units -= more;
        values.resize(values.len() + more, roots.get(value));
        let done = values.len() == keys.len();
        roots.put_stack(KEYS, keys);
        roots.put_stack(VALUES, values);
        done.then_some(())
    })
    .await;
    map_of_stacks(y, true).await
}

async fn from_list(y: Yielder) -> Yielded {
    let list = Slot::arg(0);
    long::reserve_for(y, list, &[KEYS, VALUES]).await;
    let bad = y
        .slices(CELLS_PER_REDUCTION / 2, |_, roots, units| {
            let (mut keys, mut values) = (roots.take_stack(KEYS), roots.take_stack(VALUES));
            let mut rest = roots.get(list).list();
            let mut ended = None;
            while *units > 0 && ended.is_none() {
                *units -= 1;
                match rest.next().map(Term::as_tuple_n) {
                    Some(Some([key, value])) => {
                        keys.push(key);
                        values.push(value);
                    }
                    Some(None) => ended = Some(true),
                    None => ended = Some(!rest.rest().is_nil()),
                }
            }
            roots.set(list, rest.rest());
            roots.put_stack(KEYS, keys);
            roots.put_stack(VALUES, values);
            ended
        })
        .await;
    if bad {
        return Err(Failure::BADARG);
    }
    map_of_stacks(y, true).await
}

/// The place of a pair in the stacks, and that of its key in the walk over the map.
type Place = (u32, u32);

/// The map of the pairs in the stacks `KEYS` and `VALUES`, in any order. Where a key comes twice,
/// the last wins; unless `twice_allowed`, it is a `badarg`.
pub async fn map_of_stacks(y: Yielder, twice_allowed: bool) -> Yielded {
    let mut places: Vec<Place> = Vec::new();
    y.slices(KEYS_PER_REDUCTION, |_, roots, units| {
        let keys = roots.take_stack(KEYS);
        places.reserve_exact(keys.len() - places.len());
        while places.len() < keys.len() && *units > 0 {
            *units -= 1;
            places.push((order_of(keys[places.len()]), places.len() as u32));
        }
        let done = places.len() == keys.len();
        roots.put_stack(KEYS, keys);
        done.then_some(())
    })
    .await;
    sort_places(y, &mut places).await;
    let given = places.len();
    drop_twins(y, &mut places).await;
    if places.len() < given && !twice_allowed {
        return Err(Failure::BADARG);
    }
    if places.len() <= FLAT_MAX {
        return y
            .finish(|cx, roots| {
                let (keys, values) = (roots.take_stack(KEYS), roots.take_stack(VALUES));
                let pairs = places.iter().map(|&(_, at)| (keys[at as usize], values[at as usize]));
                Ok(cx.heap.map_from_merged(pairs.collect()))
            })
            .await;
    }
    let map = grow(y, &places).await;
    drop_places(places);
    map
}

/// Sorts by order, four passes of a byte each; places of one order stay as they are.
async fn sort_places(y: Yielder, places: &mut Vec<Place>) {
    const PLACES_PER_REDUCTION: usize = 24;
    let mut to: Vec<Place> = Vec::new();
    y.slices(8 * PLACES_PER_REDUCTION, |_, _, units| {
        to.reserve_exact(places.len() - to.len());
        let end = places.len().min(to.len() + *units);
        *units -= end - to.len();
        to.resize(end, (0, 0));
        (end == places.len()).then_some(())
    })
    .await;
    for shift in [0, 8, 16, 24] {
        let byte = |place: &Place| (place.0 >> shift & 0xFF) as usize;
        let mut starts = [0usize; 256];
        let mut at = 0;
        y.slices(PLACES_PER_REDUCTION, |_, _, units| {
            let end = places.len().min(at + *units);
            places[at..end].iter().for_each(|place| starts[byte(place)] += 1);
            *units -= end - at;
            at = end;
            (at == places.len()).then_some(())
        })
        .await;
        let mut sum = 0;
        for start in &mut starts {
            sum += std::mem::replace(start, sum);
        }
        let mut at = 0;
        y.slices(PLACES_PER_REDUCTION, |_, _, units| {
            let end = places.len().min(at + *units);
            for place in &places[at..end] {
                let start = &mut starts[byte(place)];
                to[*start] = *place;
                *start += 1;
            }
            *units -= end - at;
            at = end;
            (at == places.len()).then_some(())
        })
        .await;
        std::mem::swap(places, &mut to);
    }
    drop_places(to);
}

fn drop_places(places: Vec<Place>) {
    let bytes = places.capacity() * size_of::<Place>();
    dirty::drop_aside(places, bytes);
}

/// Of places with equal keys, which have one order, keeps the first with the last's value.
async fn drop_twins(y: Yielder, places: &mut Vec<Place>) {
    let (mut at, mut kept) = (0, 0);
    y.slices(KEYS_PER_REDUCTION, |_, roots, units| {
        let keys = roots.take_stack(KEYS);
        while at < places.len() && *units > 0 {
            *units -= 1;
            let place = places[at];
            let same_order = places[..kept].iter_mut().rev().take_while(|p| p.0 == place.0);
            let key = keys[place.1 as usize];
            match { same_order }.find(|other| eq(keys[other.1 as usize], key)) {
                Some(twin) => twin.1 = place.1,
                None => {
                    places[kept] = place;
                    kept += 1;
                }
            }
            at += 1;
        }
        roots.put_stack(KEYS, keys);
        (at == places.len()).then_some(())
    })
    .await;
    places.truncate(kept);
}

/// Makes the tree of more than [`FLAT_MAX`] different keys, sorted by order.
async fn grow(y: Yielder, places: &[Place]) -> Yielded {
    let mut growth = Growth::default();
    let mut at = 0;
    y.slices(PAIRS_PER_REDUCTION, |cx, roots, units| {
        let (keys, values) = (roots.take_stack(KEYS), roots.take_stack(VALUES));
        let mut nodes = roots.take_stack(NODES);
        while at < places.len() && *units > 0 {
            let order = places[at].0;
            let group = places[at..].iter().take_while(|place| place.0 == order).count();
            let pair = |&(_, at): &Place| (keys[at as usize], values[at as usize]);
            let next = places.get(at + group).map(|place| place.0);
            if group == 1 {
                growth.add(cx.heap, &mut nodes, order, &[pair(&places[at])], next);
            } else {
                let pairs: Vec<Pair<'_>> = places[at..at + group].iter().map(pair).collect();
                growth.add(cx.heap, &mut nodes, order, &pairs, next);
            }
            *units = units.saturating_sub(group);
            at += group;
        }
        roots.put_stack(KEYS, keys);
        roots.put_stack(VALUES, values);
        roots.put_stack(NODES, nodes);
        (at == places.len()).then_some(())
    })
    .await;
    y.finish(|cx, roots| {
        let mut nodes = roots.take_stack(NODES);
        Ok(growth.finish(cx.heap, &mut nodes, places.len()))
    })
    .await
}

/// Gives `visit` the leaves of a hashed map.
async fn each_leaf(
    y: Yielder,
    map: Slot,
    per_reduction: usize,
    mut visit: impl for<'r, 'h> FnMut(&oxbeam_runtime::Cx<'h>, &mut Roots<'r, 'h>, Cons<'h>) + Send,
) {
    let mut place: Vec<u64> = vec![0];
    y.slices(per_reduction, |cx, roots, units| {
        let walked = roots.get(map).as_map().expect("the map of a walk");
        let mut cursor = Cursor::at(walked, &place).expect("a place that the walk has given");
        while *units > 0 {
            *units -= 1;
            match cursor.next() {
                Some(leaf) => visit(cx, roots, leaf),
                None => return Some(()),
            }
        }
        match cursor.digits() {
            Some(digits) => {
                place = digits;
                None
            }
            None => Some(()),
        }
    })
    .await;
}

/// The map in a slot, or the error `{badmap, Term}`; whether it is flat.
async fn is_flat(y: Yielder, map: Slot) -> Result<bool, Failure> {
    y.attempt(|cx, roots| {
        let term = roots.get(map);
        let map = term.as_map().ok_or_else(|| Flow::badmap(cx.heap, term))?;
        Ok(map.is_flat())
    })
    .await
}

async fn keys(y: Yielder) -> Yielded {
    listed(y, true).await
}

async fn values(y: Yielder) -> Yielded {
    listed(y, false).await
}

async fn listed(y: Yielder, keys: bool) -> Yielded {
    let map = Slot::arg(0);
    if is_flat(y, map).await? {
        return y
            .finish(|cx, roots| {
                let map = roots.get(map).as_map().expect("seen to be a map");
                Ok(cx.heap.list(if keys { map.flat_keys() } else { map.flat_values() }))
            })
            .await;
    }
    let list = y.step(|_, roots| roots.push(Term::nil())).await;
    each_leaf(y, map, LEAVES_PER_REDUCTION, |cx, roots, leaf| {
        let part = if keys { leaf.head() } else { leaf.tail() };
        let longer = cx.heap.cons(part, roots.get(list));
        roots.set(list, longer);
    })
    .await;
    Ok(list)
}

/// How two maps are merged.
enum Way {
    /// The one of them that is the result.
    Take(Slot),
    /// At once: both are small.
    Small,
    /// The pairs of the second, or those missing of the first, are put into the other.
    Put { from: Slot, into: Slot, overwrite: bool },
    /// A new map of all pairs.
    Join,
}

async fn merge(y: Yielder) -> Yielded {
    let (a, b) = (Slot::arg(0), Slot::arg(1));
    is_flat(y, a).await?;
    is_flat(y, b).await?;
    let way = y
        .step(|_, roots| {
            let size = |slot| roots.get(slot).as_map().map_or(0, |map| map.size());
            match (size(a), size(b)) {
                (0, _) => Way::Take(b),
                (_, 0) => Way::Take(a),
                (from, to) if from <= FLAT_MAX || to <= FLAT_MAX => Way::Small,
                (large, small) if small * 8 <= large => {
                    Way::Put { from: b, into: a, overwrite: true }
                }
                (small, large) if small * 8 <= large => {
                    Way::Put { from: a, into: b, overwrite: false }
                }
                _ => Way::Join,
            }
        })
        .await;
    match way {
        Way::Take(slot) => Ok(slot),
        Way::Small => {
            y.finish(|cx, roots| {
                let map = |slot| roots.get(slot).as_map().expect("seen to be a map");
                Ok(cx.heap.map_merge(map(a), map(b)))
            })
            .await
        }
        Way::Put { from, into, overwrite } => {
            each_leaf(y, from, 1, |cx, roots, leaf| {
                let map = roots.get(into).as_map().expect("a map");
                if overwrite || hamt::get(map, leaf.head()).is_none() {
                    let larger = cx.heap.map_put(map, leaf.head(), leaf.tail());
                    roots.set(into, larger);
                }
            })
            .await;
            Ok(into)
        }
        Way::Join => {
            y.step(|_, roots| {
                let size = |slot| roots.get(slot).as_map().map_or(0, |map| map.size());
                let size = size(a) + size(b);
                roots.put_stack(KEYS, Vec::with_capacity(size));
                roots.put_stack(VALUES, Vec::with_capacity(size));
            })
            .await;
            for map in [a, b] {
                each_leaf(y, map, LEAVES_PER_REDUCTION, |_, roots, leaf| {
                    let (mut keys, mut values) = (roots.take_stack(KEYS), roots.take_stack(VALUES));
                    keys.push(leaf.head());
                    values.push(leaf.tail());
                    roots.put_stack(KEYS, keys);
                    roots.put_stack(VALUES, values);
                })
                .await;
            }
            map_of_stacks(y, true).await
        }
    }
}
