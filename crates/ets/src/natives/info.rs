//! What a table says of itself.

use std::sync::Arc;

use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::{Atom, Node, Term, am};

use super::{Access, find, table, take};
use crate::table::{Storage, Table, WriteConcurrency};

/// The items of `ets:info/1`, in its order.
const ITEMS: [Atom; 15] = [
    am::id,
    am::decentralized_counters,
    am::read_concurrency,
    am::write_concurrency,
    am::compressed,
    am::memory,
    am::owner,
    am::heir,
    am::name,
    am::size,
    am::node,
    am::named_table,
    am::type_,
    am::keypos,
    am::protection,
];

pub fn info_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab] = take(args);
    let Some(table) = info_table(cx, tab)? else { return Ok(Term::atom(am::undefined)) };
    let pairs = ITEMS.map(|item| {
        let value = value(cx, &table, item).unwrap_or(Term::atom(am::undefined));
        cx.heap.tuple(&[Term::atom(item), value])
    });
    Ok(cx.heap.list(&pairs))
}

pub fn info_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, item] = take(args);
    let Some(table) = info_table(cx, tab)? else { return Ok(Term::atom(am::undefined)) };
    if item.is(am::binary) {
        return Err(Flow::trap(am::erts_internal, am::ets_info_binary, &[tab]));
    }
    let item = item.as_atom().ok_or_else(Flow::badarg)?;
    value(cx, &table, item).ok_or_else(Flow::badarg)
}

/// The table; `None`: there is none of that name.
fn info_table<'h>(cx: &mut Cx<'h>, tab: Term<'h>) -> Result<Option<super::Found<'h>>, Flow<'h>> {
    match table(cx, tab, Access::Info) {
        Ok(table) => Ok(Some(table)),
        Err(Flow::Retry) => Err(Flow::Retry),
        Err(error) => match find(tab) {
            Ok(_) => Ok(None),
            Err(_) if tab.is_atom() => Ok(None),
            Err(_) => Err(error),
        },
    }
}

fn value<'h>(cx: &Cx<'h>, table: &Arc<Table>, item: Atom) -> Option<Term<'h>> {
    let (heap, settings) = (cx.heap, &table.settings);
    Some(match item {
        am::id => table.reference(heap),
        am::decentralized_counters => Term::bool(settings.decentralized_counters),
        am::read_concurrency => Term::bool(settings.read_concurrency),
        am::write_concurrency => match settings.write_concurrency {
            WriteConcurrency::Auto => Term::atom(am::auto),
            WriteConcurrency::FixedLocks(locks) => {
                let tag = Term::atom(am::debug_hash_fixed_number_of_locks);
                heap.tuple(&[tag, heap.uint(u64::from(locks))])
            }
            other => Term::bool(other == WriteConcurrency::On),
        },
        am::compressed => Term::bool(settings.compressed),
        am::memory => heap.usize(table.memory_words()),
        am::owner => Term::pid(table.owner()),
        am::heir => table.heir.lock().as_ref().map_or(Term::atom(am::none), |h| Term::pid(h.pid)),
        am::name => Term::atom(table.name()),
        am::size => heap.usize(table.size()),
        am::node => Term::atom(Node::this().name),
        am::named_table => Term::bool(settings.named),
        am::type_ => Term::atom(table.kind().atom()),
        am::keypos => heap.usize(table.key_position()),
        am::protection => Term::atom(table.protection().atom()),
        am::fixed => Term::bool(table.is_fixed()),
        am::safe_fixed => safe_fixed(cx, table, false),
        am::safe_fixed_monotonic_time => safe_fixed(cx, table, true),
        am::stats => stats(cx, table),
        _ => return None,
    })
}

/// `{Time, [{Pid, Count}]}`, or `false`.
fn safe_fixed<'h>(cx: &Cx<'h>, table: &Table, monotonic: bool) -> Term<'h> {
    let fixations = table.fixations.lock();
    if fixations.by.is_empty() {
        return Term::bool(false);
    }
    let heap = cx.heap;
    let by =
        fixations.by.iter().map(|&(pid, count)| heap.tuple(&[Term::pid(pid), heap.usize(count)]));
    let by = heap.list(&by.collect::<Vec<_>>());
    let time = if monotonic {
        heap.int(fixations.since_ns)
    } else {
        let at_us = fixations.since_system_us;
        let part = |value: i64| heap.int(value);
        heap.tuple(&[
            part(at_us / 1_000_000_000_000),
            part(at_us / 1_000_000 % 1_000_000),
            part(at_us % 1_000_000),
        ])
    };
    heap.tuple(&[time, by])
}

/// `{Buckets, Average, Deviation, ExpectedDeviation, Shortest, Longest, Kept, Shards}` of the
/// slots of a hash table; marks of deleted objects are told as kept.
fn stats<'h>(cx: &Cx<'h>, table: &Table) -> Term<'h> {
    let Storage::Hash(hash) = &table.storage else { return Term::bool(false) };
    let slots = hash.slot_count();
    let (mut sum, mut squares) = (0, 0);
    let (mut shortest, mut longest) = (usize::MAX, 0);
    for slot in 0..slots {
        let mut length = 0;
        hash.each_in_slot(slot, slots, |_| length += 1);
        sum += length;
        squares += length * length;
        shortest = shortest.min(length);
        longest = longest.max(length);
    }
    let kept = table.marks();
    let (heap, count) = (cx.heap, slots as f64);
    let average = sum as f64 / count;
    let deviation = ((squares as f64 - average * sum as f64) / count).max(0.0).sqrt();
    let expected = (average * (1.0 - 1.0 / count)).sqrt();
    heap.tuple(&[
        heap.usize(slots),
        heap.float(average),
        heap.float(deviation),
        heap.float(expected),
        heap.usize(shortest.min(longest)),
        heap.usize(longest),
        heap.usize(kept),
        heap.usize(hash.shard_count()),
    ])
}
