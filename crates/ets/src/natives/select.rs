//! Finding objects by match specifications.

use std::any::Any;
use std::ops::ControlFlow;
use std::sync::Arc;

use oxbeam_heap::Heap;
use oxbeam_match_spec::{KeyBound, Program, Runner};
use oxbeam_runtime::reference::new_numbers;
use oxbeam_runtime::yielding::Begin;
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::compare::{compare, eq, eq_value};
use oxbeam_term::{Atom, Node, Term, am};

use super::{Access, long, table, take};
use crate::error::because;
use crate::hash::{Hash, hash_of};
use crate::object::Object;
use crate::table::{Kind, Storage, Table};
use crate::tree::{Start, Tree};
use crate::walk::{Walk, key_order};

/// A compiled specification behind a reference.
pub struct Compiled(pub Arc<Program>);

/// If the value is a compiled specification of ours: which, and how many references to a node it has.
pub fn count_in_compiled(value: &(dyn Any + Send + Sync), to: &Node) -> Option<(usize, usize)> {
    let Compiled(program) = value.downcast_ref()?;
    let mut count = 0;
    let mut see = |node: &'static Node| count += usize::from(node == to);
    program.each_constant(|term| term.each_node(&mut see));
    Some((Arc::as_ptr(program) as usize, count))
}

/// Compiles a specification, or `badarg`.
pub fn program<'h>(spec: Term<'_>) -> Result<Arc<Program>, Flow<'h>> {
    oxbeam_match_spec::compile(spec).map(Arc::new).map_err(|error| match error.system_limit {
        true => Flow::system_limit(),
        false => Flow::badarg(),
    })
}

/// The program of a specification that may be empty: then it selects nothing.
pub fn selection<'h>(spec: Term<'h>) -> Result<Arc<Program>, Flow<'h>> {
    if spec.is_nil() { Ok(Arc::new(Program::nothing())) } else { program(spec) }
}

/// The program that a pattern of `match` is, with that body.
fn pattern_program<'h>(pattern: Term<'_>, body: Atom) -> Result<Arc<Program>, Flow<'h>> {
    let scratch = Heap::detached();
    let body = scratch.list(&[Term::atom(body)]);
    let clause = scratch.tuple(&[scratch.import(pattern), Term::NIL, body]);
    program(scratch.list(&[clause]))
}

/// The program of `match/2`.
pub fn match_program<'h>(pattern: Term<'h>) -> Result<Arc<Program>, Flow<'h>> {
    pattern_program(pattern, am::dollar_dollar)
}

/// The program of `match_object/2`.
pub fn match_object_program<'h>(pattern: Term<'h>) -> Result<Arc<Program>, Flow<'h>> {
    pattern_program(pattern, am::dollar_underscore)
}

/// Asks for the long form when all of a large table is to be looked at.
fn long_if_many<'h>(table: &Table, program: &Program, long: Begin) -> Result<(), Flow<'h>> {
    match long::is_large(table) && keys(program, table.key_position()).is_none() {
        true => Err(Flow::Long(long)),
        false => Ok(()),
    }
}

/// The keys that objects must have to match; `None`: any.
fn keys<'p>(program: &'p Program, position: usize) -> Option<Vec<Term<'p>>> {
    let mut keys: Vec<Term<'p>> = vec![];
    for bound in program.key_bounds(position) {
        match bound {
            KeyBound::Never => {}
            KeyBound::Any => return None,
            KeyBound::Exactly(key) if keys.iter().any(|&known| eq(known, key)) => {}
            KeyBound::Exactly(key) => keys.push(key),
        }
    }
    Some(keys)
}

/// Calls `visit` with each object that may match, under the lock of its place.
fn each_candidate(table: &Table, program: &Program, mut visit: impl FnMut(&Object)) {
    match (keys(program, table.key_position()), &table.storage) {
        (Some(mut keys), storage) => {
            if let Storage::Tree(_) = storage {
                keys.sort_by(|&a, &b| compare(a, b));
                keys.dedup_by(|a, b| eq_value(*a, *b));
            }
            keys.into_iter().for_each(|key| super::lookup::each(table, key, &mut visit));
        }
        (None, _) => {
            let order = key_order(table, program);
            Walk::default().show(table, &order, false, &mut usize::MAX.clone(), visit);
        }
    }
}

/// All results: of an ordered table in order, else as they were found.
fn run<'h>(cx: &mut Cx<'h>, table: &Table, program: &Program) -> Vec<Term<'h>> {
    let runner = Runner::new(program, cx.process.pid);
    let (heap, mut results, mut tried) = (cx.heap, vec![], 0);
    each_candidate(table, program, |object| {
        tried += 1;
        results.extend(runner.run(object.plain().view(), heap));
    });
    cx.bump(tried / 2 + results.len());
    results
}

fn all<'h>(cx: &mut Cx<'h>, tab: &Table, program: &Program, reverse: bool) -> Term<'h> {
    let results = run(cx, tab, program);
    match tab.storage {
        Storage::Tree(_) if !reverse => cx.heap.list(&results),
        // Within a key of a bag the newest object is found first.
        _ => cx.heap.list_from_rev(results),
    }
}

pub fn select_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, spec] = take(args);
    let table = table(cx, tab, Access::Read)?;
    let program = selection(spec)?;
    long_if_many(&table, &program, long::select_long)?;
    let list = all(cx, &table, &program, false);
    table.settle(list)
}

pub fn select_reverse_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, spec] = take(args);
    let table = table(cx, tab, Access::Read)?;
    let program = selection(spec)?;
    long_if_many(&table, &program, long::select_reverse_long)?;
    let list = all(cx, &table, &program, true);
    table.settle(list)
}

pub fn match_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, pattern] = take(args);
    let table = table(cx, tab, Access::Read)?;
    let program = pattern_program(pattern, am::dollar_dollar)?;
    long_if_many(&table, &program, long::match_long)?;
    let list = all(cx, &table, &program, false);
    table.settle(list)
}

pub fn match_object_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, pattern] = take(args);
    let table = table(cx, tab, Access::Read)?;
    let program = pattern_program(pattern, am::dollar_underscore)?;
    long_if_many(&table, &program, long::match_object_long)?;
    let list = all(cx, &table, &program, false);
    table.settle(list)
}

/// Where a walk in portions goes on.
enum Place<'h> {
    /// In a hash table: at this hash.
    Hash(u64),
    /// In an ordered table: beyond this key.
    Key(Term<'h>),
    Start,
}

/// A walk in portions.
struct Portions<'h> {
    tab: Term<'h>,
    limit: usize,
    program: Arc<Program>,
    /// The compiled program as a term.
    reference: Term<'h>,
    reverse: bool,
    /// Results found before and not given yet.
    kept: Vec<Term<'h>>,
}

/// Hashes are 32 bits wide: one past the last.
const HASH_END: u64 = 1 << 32;

impl<'h> Portions<'h> {
    /// The next portion: `{Results, Continuation}` or `'$end_of_table'`.
    fn next(mut self, cx: &mut Cx<'h>, table: &Table, place: Place<'h>) -> Term<'h> {
        let program = self.program.clone();
        let runner = Runner::new(&program, cx.process.pid);
        let place = match &table.storage {
            Storage::Hash(hash) => {
                let from = if let Place::Hash(from) = place { from } else { 0 };
                let from = match keys(&program, table.key_position()) {
                    Some(_) if from == 0 => {
                        self.kept.extend(run(cx, table, &program));
                        HASH_END
                    }
                    _ => self.fill_starting_at_hash(cx, &runner, hash, from),
                };
                (from < HASH_END).then_some(Place::Hash(from))
            }
            Storage::Tree(tree) => {
                self.fill_from_tree(cx, &runner, tree, table.key_position(), place)
            }
        };
        let ordered = matches!(table.storage, Storage::Tree(_));
        self.finish(cx, place, ordered)
    }

    fn fill_starting_at_hash(
        &mut self,
        cx: &mut Cx<'h>,
        runner: &Runner<'_>,
        hash: &Hash,
        from: u64,
    ) -> u64 {
        let heap = cx.heap;
        if from >= HASH_END {
            return HASH_END;
        }
        for index in hash.shard_index(from as u32)..hash.shard_count() {
            let shard = hash.read(index);
            let mut last = None;
            for object in shard.starting_at_hash(hash.first_hash(index).max(from as u32)) {
                cx.reductions -= 1;
                // A portion ends between two hashes only, so that the next one finds its place.
                if last != Some(object.hash()) && self.kept.len() >= self.limit {
                    return u64::from(object.hash());
                }
                last = Some(object.hash());
                self.kept.extend(runner.run(object.plain().view(), heap));
            }
        }
        HASH_END
    }

    fn fill_from_tree(
        &mut self,
        cx: &mut Cx<'h>,
        runner: &Runner<'_>,
        tree: &Tree,
        position: usize,
        place: Place<'h>,
    ) -> Option<Place<'h>> {
        let heap = cx.heap;
        let program = self.program.clone();
        let order = |key: Term<'_>| program.key_order(position, key);
        let begin = if let Place::Key(key) = place { Start::Beyond(key) } else { Start::Edge };
        let (mut last, mut more) = (None, None);
        tree.walk(&order, begin, self.reverse, |object| {
            if last.is_some() {
                more = last;
                return ControlFlow::Break(());
            }
            cx.reductions -= 1;
            self.kept.extend(runner.run(object.plain().view(), heap));
            if self.kept.len() >= self.limit {
                last = Some(heap.import(object.key()));
            }
            ControlFlow::Continue(())
        });
        more.map(Place::Key)
    }

    /// Gives as many results as asked for, with a continuation for the rest.
    fn finish(mut self, cx: &Cx<'h>, place: Option<Place<'h>>, ordered: bool) -> Term<'h> {
        let heap = cx.heap;
        if self.kept.is_empty() {
            return Term::atom(am::dollar_end_of_table);
        }
        let rest = self.kept.split_off(self.kept.len().min(self.limit));
        let given = match ordered {
            true => heap.list(&self.kept),
            // As in `all`: within a key of a bag the newest object was found first.
            false => heap.list_from_rev(self.kept),
        };
        let limit = heap.usize(self.limit);
        let continuation = match place {
            None if rest.is_empty() => Term::atom(am::dollar_end_of_table),
            Some(Place::Key(key)) => {
                let (reverse, zero) = (heap.int(i64::from(self.reverse)), heap.int(0));
                let parts = [self.tab, key, Term::NIL, limit, self.reference, Term::NIL];
                heap.tuple(&[&parts[..], &[reverse, zero]].concat())
            }
            other => {
                let at = if let Some(Place::Hash(at)) = other { at } else { HASH_END };
                let (at, count) = (heap.uint(at), heap.usize(rest.len()));
                heap.tuple(&[self.tab, at, limit, self.reference, heap.list(&rest), count])
            }
        };
        heap.tuple(&[given, continuation])
    }
}

/// The first portion.
fn portion<'h>(
    cx: &mut Cx<'h>,
    tab: Term<'h>,
    program: Arc<Program>,
    limit: Term<'h>,
    reverse: bool,
) -> NativeResult<'h> {
    let table = table(cx, tab, Access::Read)?;
    let limit = limit.as_usize().filter(|&limit| limit > 0).ok_or_else(Flow::badarg)?;
    let reference = cx.heap.resource_ref(new_numbers(), Compiled(program.clone()));
    // Not its name, which another table may have when the walk goes on.
    let tab = table.reference(cx.heap);
    let portions = Portions { tab, limit, program, reference, reverse, kept: vec![] };
    let portion = portions.next(cx, &table, Place::Start);
    table.settle(portion)
}

pub fn select_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, spec, limit] = take(args);
    table(cx, tab, Access::Read)?;
    portion(cx, tab, selection(spec)?, limit, false)
}

pub fn select_reverse_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, spec, limit] = take(args);
    table(cx, tab, Access::Read)?;
    portion(cx, tab, selection(spec)?, limit, true)
}

pub fn match_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, pattern, limit] = take(args);
    table(cx, tab, Access::Read)?;
    portion(cx, tab, pattern_program(pattern, am::dollar_dollar)?, limit, false)
}

pub fn match_object_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, pattern, limit] = take(args);
    table(cx, tab, Access::Read)?;
    portion(cx, tab, pattern_program(pattern, am::dollar_underscore)?, limit, false)
}

/// A further portion, from a continuation.
fn further<'h>(cx: &mut Cx<'h>, continuation: Term<'h>) -> NativeResult<'h> {
    if continuation.is(am::dollar_end_of_table) {
        return Ok(continuation);
    }
    let parts = continuation.as_tuple().ok_or_else(Flow::badarg)?.elements();
    let (tab, place, limit, reference, kept, reverse) = match *parts {
        [tab, at, limit, reference, kept, _] => {
            let at = at.as_u64().ok_or_else(Flow::badarg)?;
            (tab, Place::Hash(at), limit, reference, kept, false)
        }
        [tab, key, _, limit, reference, kept, reverse, _] => {
            let reverse = reverse.as_small().ok_or_else(Flow::badarg)? != 0;
            (tab, Place::Key(key), limit, reference, kept, reverse)
        }
        _ => return Err(Flow::badarg()),
    };
    let table = table(cx, tab, Access::Read)?;
    let limit = limit.as_usize().filter(|&limit| limit > 0).ok_or_else(Flow::badarg)?;
    let program = reference.as_magic::<Compiled>().ok_or_else(Flow::badarg)?.0.clone();
    let kept = kept.list_to_vec().ok_or_else(Flow::badarg)?;
    if matches!(place, Place::Hash(_)) != matches!(table.storage, Storage::Hash(_)) {
        return Err(Flow::badarg());
    }
    let portions = Portions { tab, limit, program, reference, reverse, kept };
    let portion = portions.next(cx, &table, place);
    table.settle(portion)
}

/// `select/1`, `select_reverse/1`, `match/1` and `match_object/1`.
pub fn continue_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [continuation] = take(args);
    further(cx, continuation)
}

pub fn select_count_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, spec] = take(args);
    let table = table(cx, tab, Access::Read)?;
    let program = selection(spec)?;
    long_if_many(&table, &program, long::select_count_long)?;
    let runner = Runner::new(&program, cx.process.pid);
    let mut count = 0;
    each_candidate(&table, &program, |object| {
        count += usize::from(runner.is_true(object.plain().view()))
    });
    table.settle(cx.heap.usize(count))
}

/// `ets:internal_select_delete/2`
pub fn internal_select_delete_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, spec] = take(args);
    let table = table(cx, tab, Access::Write)?;
    let program = selection(spec)?;
    long_if_many(&table, &program, long::select_delete_long)?;
    let runner = Runner::new(&program, cx.process.pid);
    let keys = keys(&program, table.key_position());
    let chosen = |object: &Object| runner.is_true(object.plain().view());
    let count: usize = match (&table.storage, keys) {
        (_, None) => {
            let order = key_order(&table, &program);
            Walk::default().remove(&table, &order, &mut usize::MAX.clone(), chosen)
        }
        (Storage::Tree(tree), Some(keys)) => {
            let taken = |&key: &Term<'_>| {
                tree.write(key, |objects| {
                    objects.get(key).is_some_and(chosen) && objects.take(key).is_some()
                })
            };
            keys.into_iter().filter(taken).count()
        }
        (Storage::Hash(storage), Some(keys)) => keys
            .into_iter()
            .map(|key| {
                let hash = hash_of(key);
                storage.write_for(hash).remove(hash, key, table.is_fixed(), chosen)
            })
            .sum(),
    };
    cx.bump(count);
    table.settle(cx.heap.usize(count))
}

pub fn select_replace_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [tab, spec] = take(args);
    let table = table(cx, tab, Access::Write)?;
    let program = replacing(&table, spec)?;
    if long::is_large(&table) {
        return Err(Flow::Long(long::select_replace_long));
    }
    let order = key_order(&table, &program);
    let change = |object: &Object| replacement(cx, &table, &program, object);
    let count = Walk::default().replace(&table, &order, &mut usize::MAX.clone(), change);
    cx.bump(count);
    table.settle(cx.heap.usize(count))
}

/// What `select_replace` puts in the place of an object.
pub fn replacement(
    cx: &Cx<'_>,
    table: &Table,
    program: &Program,
    object: &Object,
) -> Option<Object> {
    let scratch = Heap::detached();
    let runner = Runner::new(program, cx.process.pid);
    runner.run(object.plain().view(), &scratch).map(|tuple| table.object(tuple))
}

/// The program of `select_replace`; `badarg` if it does not keep the keys.
pub fn replacing<'h>(table: &Table, spec: Term<'h>) -> Result<Arc<Program>, Flow<'h>> {
    if table.kind() == Kind::Bag {
        return Err(because(am::table_type));
    }
    let program = selection(spec)?;
    if program.keeps_key(table.key_position()) { Ok(program) } else { Err(Flow::badarg()) }
}
