//! The mappings on models of their hardware: litmus programs with every barrier that must forbid
//! an outcome, and without it, where the outcome must then show.
//!
//! A model runs the instructions of a thread in any order that the hardware allows, all threads
//! interleaved in every way; a store is seen by all threads at once, as on x86-64 and aarch64.
//! TSO (x86-64) lets a load pass earlier stores and nothing else. WEAK (aarch64) lets anything
//! pass that no barrier, dependency, acquisition or release holds.
#![cfg(not(oxbeam_model))]

use oxbeam_ethread::Orders;
use oxbeam_ethread::barrier::{Access, Barrier, required};
use oxbeam_ethread::mapping::{Plan, aarch64, portable, x86_64};
use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::Ordering;

#[derive(Clone, Copy, PartialEq)]
enum Hardware {
    Tso,
    Weak,
}
use Hardware::{Tso, Weak};

/// The mappings with the hardware they are for.
type Mapping = (Hardware, fn(Access, Barrier) -> Plan);
const MAPPINGS: [Mapping; 4] = [(Tso, x86_64), (Weak, aarch64), (Weak, portable), (Tso, portable)];

#[derive(Clone, Copy)]
struct Instruction {
    loads: bool,
    stores: bool,
    acquires: bool,
    releases: bool,
    /// Its address comes from what the load before it gave.
    depends: bool,
    fence: Orders,
    variable: usize,
    value: u8,
}

const FENCE: Instruction = Instruction {
    loads: false,
    stores: false,
    acquires: false,
    releases: false,
    depends: false,
    fence: Orders::NONE,
    variable: usize::MAX,
    value: 0,
};

/// One step of a litmus program.
#[derive(Clone, Copy)]
enum Step {
    Do(Access, Barrier, usize, u8),
    /// A read whose address depends on the one before.
    Dependent(usize),
    Membar(Orders),
}

fn set(variable: usize, barrier: Barrier) -> Step {
    Step::Do(Access::Set, barrier, variable, 1)
}
fn read(variable: usize, barrier: Barrier) -> Step {
    Step::Do(Access::Read, barrier, variable, 0)
}
fn xchg(variable: usize, barrier: Barrier) -> Step {
    Step::Do(Access::Modify, barrier, variable, 1)
}

fn instructions(mapping: Mapping, step: Step) -> Vec<Instruction> {
    match step {
        Step::Membar(fence) => vec![Instruction { fence, ..FENCE }],
        Step::Dependent(variable) => {
            vec![Instruction { loads: true, depends: true, variable, ..FENCE }]
        }
        Step::Do(access, barrier, variable, value) => {
            let plan = mapping.1(access, barrier);
            let full = plan.ordering == Ordering::SeqCst;
            let both = matches!(access, Access::Modify | Access::Exchange);
            let at = Instruction {
                // A sequentially consistent store of x86-64 is an exchange.
                loads: access != Access::Set || full,
                stores: access != Access::Read,
                acquires: full || plan.ordering == Ordering::Acquire,
                releases: full || plan.ordering == Ordering::Release,
                variable,
                value,
                ..FENCE
            };
            assert!(!full || both || mapping.0 == Tso, "only x86-64 makes a barrier of it");
            let fence = |fence| Instruction { fence, ..FENCE };
            vec![fence(plan.before), at, fence(plan.after)]
        }
    }
}

fn fence_orders(fence: Orders, first: Instruction, second: Instruction) -> bool {
    (first.loads && second.loads && fence.contains(Orders::LOAD_LOAD))
        || (first.loads && second.stores && fence.contains(Orders::LOAD_STORE))
        || (first.stores && second.loads && fence.contains(Orders::STORE_LOAD))
        || (first.stores && second.stores && fence.contains(Orders::STORE_STORE))
}

/// Whether the hardware keeps the accesses at `i` and `j` of a thread in order, by itself.
fn ordered(hardware: Hardware, thread: &[Instruction], i: usize, j: usize) -> bool {
    let (first, second) = (thread[i], thread[j]);
    if first.variable == second.variable
        || thread[i + 1..j].iter().any(|between| fence_orders(between.fence, first, second))
    {
        return true;
    }
    if hardware == Tso {
        let locked = |at: Instruction| at.loads && at.stores;
        return locked(first) || locked(second) || first.loads || second.stores;
    }
    let depends = second.depends && !thread[i + 1..j].iter().any(|at| at.loads) && first.loads;
    depends || first.acquires || second.releases || first.releases && second.acquires
}

type Results = Vec<u8>;

struct Run {
    hardware: Hardware,
    threads: Vec<Vec<Instruction>>,
    seen: HashSet<(Vec<u32>, Vec<u8>, Results)>,
    outcomes: BTreeSet<Results>,
}

impl Run {
    /// Does every instruction that can be next, and goes on from there.
    fn explore(&mut self, done: &mut Vec<u32>, memory: &mut Vec<u8>, results: &mut Results) {
        if !self.seen.insert((done.clone(), memory.clone(), results.clone())) {
            return;
        }
        let mut ended = true;
        let mut slot = 0;
        for t in 0..self.threads.len() {
            for at in 0..self.threads[t].len() {
                let instruction = self.threads[t][at];
                let loaded = slot;
                slot += usize::from(instruction.loads);
                let is_access = instruction.loads || instruction.stores;
                if !is_access || done[t] >> at & 1 != 0 {
                    continue;
                }
                ended = false;
                let waits = (0..at).any(|earlier| {
                    let before = self.threads[t][earlier];
                    (before.loads || before.stores)
                        && done[t] >> earlier & 1 == 0
                        && ordered(self.hardware, &self.threads[t], earlier, at)
                });
                if waits {
                    continue;
                }
                let (kept, old) = (memory[instruction.variable], results[loaded.min(7)]);
                if instruction.loads {
                    results[loaded] = kept;
                }
                if instruction.stores {
                    memory[instruction.variable] = instruction.value;
                }
                done[t] |= 1 << at;
                self.explore(done, memory, results);
                done[t] &= !(1 << at);
                memory[instruction.variable] = kept;
                if instruction.loads {
                    results[loaded] = old;
                }
            }
        }
        if ended {
            self.outcomes.insert(results.clone());
        }
    }
}

/// Every outcome: what the reads of the program gave, in the order of the program's text.
fn outcomes(mapping: Mapping, program: &[&[Step]]) -> BTreeSet<Results> {
    let is_read = |step: &Step| !matches!(step, Step::Membar(_) | Step::Do(Access::Set, ..));
    let mut shown = vec![];
    let mut threads = vec![];
    for steps in program {
        let mut thread = vec![];
        for step in *steps {
            let new = instructions(mapping, *step);
            shown.extend(new.iter().filter(|at| at.loads).map(|_| is_read(step)));
            thread.extend(new);
        }
        threads.push(thread);
    }
    let mut done = vec![0; threads.len()];
    let mut run =
        Run { hardware: mapping.0, threads, seen: HashSet::new(), outcomes: BTreeSet::new() };
    run.explore(&mut done, &mut vec![0; 4], &mut vec![0; 8]);
    let show = |all: &Results| {
        let kept = all.iter().zip(&shown).filter(|(_, shown)| **shown);
        kept.map(|(value, _)| *value).collect()
    };
    run.outcomes.iter().map(show).collect()
}

fn forbids(program: &[&[Step]], outcome: &[u8]) {
    for (at, mapping) in MAPPINGS.into_iter().enumerate() {
        assert!(!outcomes(mapping, program).contains(outcome), "mapping {at} lets it happen");
    }
}
/// `tso`: whether x86-64 shows it too.
fn shows(program: &[&[Step]], outcome: &[u8], tso: bool) {
    for (at, mapping) in MAPPINGS.into_iter().enumerate() {
        let expected = mapping.0 == Weak || tso;
        assert_eq!(outcomes(mapping, program).contains(outcome), expected, "mapping {at}");
    }
}

const X: usize = 0;
const Y: usize = 1;
use Barrier::{Acqb, Mb, None as Nob, Rb, Relb, Wb};

#[test]
fn store_buffering_is_forbidden_by_each_store_load_barrier() {
    let sets = [Mb, Acqb];
    for barrier in sets {
        forbids(&[&[set(X, barrier), read(Y, Nob)], &[set(Y, barrier), read(X, Nob)]], &[0, 0]);
    }
    for barrier in [Mb, Relb] {
        forbids(&[&[set(X, Nob), read(Y, barrier)], &[set(Y, Nob), read(X, barrier)]], &[0, 0]);
    }
    forbids(&[&[xchg(X, Mb), read(Y, Nob)], &[xchg(Y, Mb), read(X, Nob)]], &[0, 0, 0, 0]);
    let fence = Step::Membar(Orders::STORE_LOAD);
    forbids(&[&[set(X, Nob), fence, read(Y, Nob)], &[set(Y, Nob), fence, read(X, Nob)]], &[0, 0]);
}

#[test]
fn store_buffering_shows_without_it_and_with_all_other_barriers() {
    shows(&[&[set(X, Nob), read(Y, Nob)], &[set(Y, Nob), read(X, Nob)]], &[0, 0], true);
    let mut rest = Orders::LOAD_LOAD.union(Orders::LOAD_STORE);
    rest = rest.union(Orders::STORE_STORE);
    let fence = Step::Membar(rest);
    let half = [set(X, Nob), fence, read(Y, Nob)];
    for mapping in MAPPINGS {
        let program = [&half[..], &[set(Y, Nob), fence, read(X, Nob)]];
        assert!(outcomes(mapping, &program).contains(&vec![0, 0]));
    }
    // One of the two is not enough.
    shows(&[&[set(X, Mb), read(Y, Nob)], &[set(Y, Nob), read(X, Nob)]], &[0, 0], true);
}

#[test]
fn message_passing_needs_a_barrier_on_both_sides() {
    for writer in [Relb, Wb, Mb] {
        for reader in [Acqb, Rb, Mb] {
            forbids(&[&[set(X, Nob), set(Y, writer)], &[read(Y, reader), read(X, Nob)]], &[1, 0]);
        }
        shows(&[&[set(X, Nob), set(Y, writer)], &[read(Y, Nob), read(X, Nob)]], &[1, 0], false);
        forbids(
            &[&[set(X, Nob), set(Y, writer)], &[read(Y, Barrier::Ddrb), Step::Dependent(X)]],
            &[1, 0],
        );
    }
    for reader in [Acqb, Rb, Mb] {
        shows(&[&[set(X, Nob), set(Y, Nob)], &[read(Y, reader), read(X, Nob)]], &[1, 0], false);
    }
    let (stores, loads) = (Step::Membar(Orders::STORE_STORE), Step::Membar(Orders::LOAD_LOAD));
    let reader = [read(Y, Nob), loads, read(X, Nob)];
    forbids(&[&[set(X, Nob), stores, set(Y, Nob)], &reader], &[1, 0]);
    shows(&[&[set(X, Nob), loads, set(Y, Nob)], &reader], &[1, 0], false);
}

#[test]
fn load_buffering_is_forbidden_by_load_store_barriers() {
    for (first, second) in [(Acqb, Nob), (Nob, Relb), (Mb, Nob), (Nob, Mb)] {
        forbids(&[&[read(X, first), set(Y, second)], &[read(Y, first), set(X, second)]], &[1, 1]);
    }
    for (first, second) in [(Nob, Nob), (Rb, Wb)] {
        let program: [&[Step]; 2] =
            [&[read(X, first), set(Y, second)], &[read(Y, first), set(X, second)]];
        // The releases and acquisitions that stand for wb and rb give more than they must.
        if first == Nob {
            shows(&program, &[1, 1], false);
        }
    }
    let fence = Step::Membar(Orders::LOAD_STORE);
    forbids(&[&[read(X, Nob), fence, set(Y, Nob)], &[read(Y, Nob), fence, set(X, Nob)]], &[1, 1]);
    let fence = Step::Membar(Orders::LOAD_LOAD.union(Orders::STORE_STORE));
    shows(
        &[&[read(X, Nob), fence, set(Y, Nob)], &[read(Y, Nob), fence, set(X, Nob)]],
        &[1, 1],
        false,
    );
}

#[test]
fn readers_agree_on_the_order_of_independent_writes() {
    let writers: [&[Step]; 2] = [&[set(X, Nob)], &[set(Y, Nob)]];
    for barrier in [Acqb, Rb, Mb] {
        let readers: [&[Step]; 2] =
            [&[read(X, barrier), read(Y, Nob)], &[read(Y, barrier), read(X, Nob)]];
        forbids(&[writers[0], writers[1], readers[0], readers[1]], &[1, 0, 1, 0]);
    }
    let readers: [&[Step]; 2] = [&[read(X, Nob), read(Y, Nob)], &[read(Y, Nob), read(X, Nob)]];
    shows(&[writers[0], writers[1], readers[0], readers[1]], &[1, 0, 1, 0], false);
}

/// Whether a program of three instructions keeps two of them in order, be it through others.
fn kept(hardware: Hardware, thread: &[Instruction], from: usize, to: usize) -> bool {
    let access = |at: usize| thread[at].loads || thread[at].stores;
    ordered(hardware, thread, from, to)
        || (from + 1..to).any(|via| {
            access(via) && ordered(hardware, thread, from, via) && kept(hardware, thread, via, to)
        })
}

/// The orders as pairs of "is a store".
const PAIRS: [(Orders, bool, bool); 4] = [
    (Orders::LOAD_LOAD, false, false),
    (Orders::LOAD_STORE, false, true),
    (Orders::STORE_LOAD, true, false),
    (Orders::STORE_STORE, true, true),
];

#[test]
fn every_mapping_gives_all_that_is_required() {
    for mapping in MAPPINGS {
        for access in [Access::Read, Access::Set, Access::Modify, Access::Exchange] {
            for barrier in Barrier::ALL {
                check(mapping, access, barrier);
            }
        }
    }
}

fn check(mapping: Mapping, access: Access, barrier: Barrier) {
    let (before, after) = required(access, barrier);
    let does = |store: bool| if store { access != Access::Read } else { access != Access::Set };
    let plain =
        |variable, store: bool| Instruction { loads: !store, stores: store, variable, ..FENCE };
    for (order, from, to) in PAIRS {
        let mut thread = vec![plain(1, from)];
        thread.extend(instructions(mapping, Step::Do(access, barrier, 2, 1)));
        thread.push(plain(3, to));
        let (own, last) = (2, thread.len() - 1);
        let target = if does(to) { own } else { last };
        let source = if does(from) { own } else { 0 };
        let what = format!("{access:?} {barrier:?} {order:?}");
        assert!(!before.contains(order) || kept(mapping.0, &thread, 0, target), "before: {what}");
        assert!(!after.contains(order) || kept(mapping.0, &thread, source, last), "after: {what}");
    }
}
