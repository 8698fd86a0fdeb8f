//! Match specifications: compiled once to a small program, then run against many terms.
//!
//! 1. A program holds copies of all constants of its source and refers to no heap; it can be
//!    shared between threads.
//! 2. What is matched may live in any storage. Heads and guards look at it where it lies; only
//!    what a body returns is copied to the caller's heap.
//! 3. What a guard or a nested call computes on the way lives in a scratch heap that ends with
//!    the run, so the caller's heap never holds a pointer into foreign storage.
#![forbid(unsafe_code)]

mod compile;
mod expression;
mod functions;
mod keeps_key;
mod pattern;
mod run;
mod trace;

pub use compile::{
    CompileError, compile, compile_for_receives, compile_for_sends, compile_for_tracing,
};
pub use pattern::variable_number;
pub use run::{Runner, Traced};
pub use trace::{Flags, Tracer};

use std::cmp::Ordering;

use expression::Expression;
use oxbeam_heap::OwnedTerm;
use oxbeam_term::Term;
use pattern::Pattern;

/// A compiled match specification.
pub struct Program {
    clauses: Vec<Clause>,
    /// Most variables of a clause.
    variables: usize,
    source: OwnedTerm,
}

struct Clause {
    head: Pattern,
    guards: Vec<Expression>,
    body: Vec<Expression>,
    /// Slots of the bound variables, in the order of their numbers.
    bound: Vec<usize>,
}

/// What a clause's head says about the element of a tuple at a key position.
pub enum KeyBound<'p> {
    /// No object can match.
    Never,
    /// Only objects with this element can match.
    Exactly(Term<'p>),
    /// Some pattern.
    Any,
}

impl Program {
    /// What each head demands of the element at `position` (from one) of a tuple.
    pub fn key_bounds(&self, position: usize) -> impl Iterator<Item = KeyBound<'_>> {
        self.clauses.iter().map(move |clause| clause.head.key_bound(position))
    }

    /// Where the elements at `position` that the only head lets through lie in the order of
    /// terms, seen from `term`: `None` among them. No single head: they lie anywhere.
    pub fn key_order(&self, position: usize, term: Term<'_>) -> Option<Ordering> {
        match &*self.clauses {
            [clause] => clause.head.element(position)?.order(term),
            _ => None,
        }
    }

    /// Shows the constants in it, its source left out.
    pub fn each_constant(&self, mut look: impl FnMut(&OwnedTerm)) {
        for clause in &self.clauses {
            clause.head.each_constant(&mut look);
            let parts = clause.guards.iter().chain(&clause.body);
            parts.for_each(|part| part.each_constant(&mut look));
        }
    }

    /// The program that matches nothing.
    pub fn nothing() -> Program {
        let source = OwnedTerm::immediate(oxbeam_term::RawTerm::NIL);
        Program { clauses: vec![], variables: 0, source }
    }

    /// The specification that the program was compiled from.
    pub fn source(&self) -> Term<'_> {
        self.source.view()
    }
}
