//! Running a program.

use std::cell::{Cell, OnceCell};

use oxbeam_heap::Heap;
use oxbeam_heap::map::Twice;
use oxbeam_term::{Term, am};

use crate::expression::Expression;
use crate::trace::{Collected, Flags, Tracer};
use crate::{Clause, Program};

/// A run of a program in a process: against any number of terms.
pub struct Runner<'p> {
    program: &'p Program,
    self_pid: u64,
}

/// One clause tried against one term.
struct Match<'e, 'm> {
    clause: &'e Clause,
    whole: Term<'e>,
    slots: &'m [Term<'e>],
    /// Made when something is computed: most matches need none.
    scratch: &'e OnceCell<Heap>,
    self_pid: u64,
    in_body: bool,
    /// In the dialect of tracing.
    traced: Option<&'m Collected<'e>>,
}

/// What a specification for tracing gives when a clause matches.
pub struct Traced<'h> {
    /// What its last `message` says, else `true`.
    pub message: Term<'h>,
    pub flags: Flags,
}

/// An expression has failed: a guard is false, a body's call is `'EXIT'`.
struct Failed;

impl<'p> Runner<'p> {
    /// `self_pid`: the data of the pid that `{self}` gives.
    pub fn new(program: &'p Program, self_pid: u64) -> Runner<'p> {
        Runner { program, self_pid }
    }

    /// The result of the first clause that matches, on `heap`.
    pub fn run<'h>(&self, term: Term<'_>, heap: &'h Heap) -> Option<Term<'h>> {
        let scratch = OnceCell::new();
        self.each(term, &scratch, |clause| clause.result(heap))
    }

    /// Whether the first clause that matches gives `true`.
    pub fn is_true(&self, term: Term<'_>) -> bool {
        let scratch = OnceCell::new();
        let value = self.each(term, &scratch, |clause| clause.last_peeked().is(am::true_));
        value.unwrap_or(false)
    }

    /// Runs a program of the dialect of tracing on the arguments of a call.
    pub fn run_trace<'h>(
        &self,
        args: Term<'_>,
        tracer: &dyn Tracer,
        heap: &'h Heap,
    ) -> Option<Traced<'h>> {
        let scratch = OnceCell::new();
        let own: &Heap = scratch.get_or_init(Heap::detached);
        let elements: Vec<_> = args.list().map(|element| own.import(element)).collect();
        let (args, tuple) = (own.list(&elements), own.tuple(&elements));
        let mut slots = vec![Term::NIL; self.program.variables];
        for clause in &self.program.clauses {
            let shown = if clause.head.is_for_all() { args } else { tuple };
            if !clause.head.matches(shown, &mut slots) {
                continue;
            }
            let message = Cell::new(Term::bool(true));
            let traced = &Collected { tracer, message, flags: Cell::default() };
            let (self_pid, slots) = (self.self_pid, &slots[..]);
            let (scratch, traced) = (&scratch, Some(traced));
            let mut matched =
                Match { clause, whole: args, slots, scratch, self_pid, in_body: false, traced };
            if matched.guards_hold() {
                matched.in_body = true;
                for expression in &clause.body {
                    _ = matched.peek(expression);
                }
                let traced = traced.expect("given above");
                let (message, flags) = (heap.import(traced.message.get()), traced.flags.get());
                return Some(Traced { message, flags });
            }
        }
        None
    }

    fn each<T>(
        &self,
        term: Term<'_>,
        scratch: &OnceCell<Heap>,
        found: impl FnOnce(&Match<'_, '_>) -> T,
    ) -> Option<T> {
        let mut few = [Term::NIL; 8];
        let mut many = vec![];
        let slots: &mut [Term<'_>] = match self.program.variables {
            0..=8 => &mut few,
            more => {
                many.resize(more, Term::NIL);
                &mut many
            }
        };
        for clause in &self.program.clauses {
            if !clause.head.matches(term, slots) {
                continue;
            }
            let (self_pid, whole) = (self.self_pid, term);
            let mut matched =
                Match { clause, whole, slots, scratch, self_pid, in_body: false, traced: None };
            if matched.guards_hold() {
                matched.in_body = true;
                return Some(found(&matched));
            }
        }
        None
    }
}

impl<'e> Match<'e, '_> {
    fn scratch(&self) -> &'e Heap {
        self.scratch.get_or_init(Heap::detached)
    }

    fn guards_hold(&self) -> bool {
        let holds = |guard| self.peek(guard).is_ok_and(|value| value.is(am::true_));
        self.clause.guards.iter().all(holds)
    }

    /// The value of the body, on `heap`.
    fn result<'h>(&self, heap: &'h Heap) -> Term<'h> {
        let last = self.clause.body.last().expect("a body has an expression");
        self.build(last, heap)
    }

    /// The value of the body, wherever it lies.
    fn last_peeked(&self) -> Term<'e> {
        let last = self.clause.body.last().expect("a body has an expression");
        self.peek(last).unwrap_or(Term::atom(am::EXIT))
    }

    /// The value of an expression with all its parts on `heap`.
    fn build<'h>(&self, expression: &'e Expression, heap: &'h Heap) -> Term<'h> {
        match expression {
            Expression::Constant(term) => term.copy_to(heap),
            Expression::Variable(slot) => heap.import(self.slots[*slot]),
            Expression::Whole => heap.import(self.whole),
            Expression::Bindings => {
                let bound = &self.clause.bound;
                let values: Vec<_> = bound.iter().map(|&s| heap.import(self.slots[s])).collect();
                heap.list(&values)
            }
            Expression::Tuple(parts) => {
                let values: Vec<_> = parts.iter().map(|part| self.build(part, heap)).collect();
                heap.tuple(&values)
            }
            Expression::List(parts, tail) => {
                let values: Vec<_> = parts.iter().map(|part| self.build(part, heap)).collect();
                heap.list_onto(&values, self.build(tail, heap))
            }
            Expression::Map(pairs) => {
                let pairs = pairs.iter().map(|(k, v)| (self.build(k, heap), self.build(v, heap)));
                heap.map_from_pairs(pairs.collect(), Twice::LastWins).expect("the last one wins")
            }
            other => heap.import(self.peek(other).unwrap_or(Term::atom(am::EXIT))),
        }
    }

    /// The value of an expression, with parts wherever they lie.
    fn peek(&self, expression: &'e Expression) -> Result<Term<'e>, Failed> {
        Ok(match expression {
            Expression::Constant(term) => term.view(),
            Expression::Variable(slot) => self.slots[*slot],
            Expression::Whole => self.whole,
            Expression::SelfPid => Term::pid(self.self_pid),
            Expression::Bindings => {
                let bound = &self.clause.bound;
                self.scratch().list(&bound.iter().map(|&slot| self.slots[slot]).collect::<Vec<_>>())
            }
            Expression::Tuple(parts) => self.scratch().tuple(&self.peek_all(parts)?),
            Expression::List(parts, tail) => {
                self.scratch().list_onto(&self.peek_all(parts)?, self.peek(tail)?)
            }
            Expression::Map(pairs) => {
                let pairs = pairs.iter().map(|(k, v)| Ok((self.peek(k)?, self.peek(v)?)));
                let pairs = pairs.collect::<Result<Vec<_>, _>>()?;
                self.scratch().map_from_pairs(pairs, Twice::LastWins).expect("the last one wins")
            }
            Expression::Call(function, args) => return self.call(*function, args),
            Expression::Effect(effect, args) => {
                let args = self.peek_all(args)?;
                let traced = self.traced.expect("other dialects refuse these forms");
                let value = traced.call(*effect, &args, self.scratch());
                return value.map_or_else(|| self.fail(), Ok);
            }
            Expression::And(parts) => {
                let all = self.bools(parts)?;
                return all
                    .map_or_else(|| self.fail(), |all| Ok(Term::bool(!all.contains(&false))));
            }
            Expression::Or(parts) => {
                let all = self.bools(parts)?;
                return all.map_or_else(|| self.fail(), |all| Ok(Term::bool(all.contains(&true))));
            }
            Expression::AndAlso(parts) => return self.until(parts, false),
            Expression::OrElse(parts) => return self.until(parts, true),
        })
    }

    fn peek_all(&self, parts: &'e [Expression]) -> Result<Vec<Term<'e>>, Failed> {
        parts.iter().map(|part| self.peek(part)).collect()
    }

    fn call(
        &self,
        function: crate::functions::Function,
        args: &'e [Expression],
    ) -> Result<Term<'e>, Failed> {
        let mut values = [Term::NIL; 3];
        for (value, arg) in values.iter_mut().zip(args) {
            *value = self.peek(arg)?;
        }
        function(self.scratch(), &values[..args.len()]).map_or_else(|| self.fail(), Ok)
    }

    /// The truth values of all parts; `None`: one is none.
    fn bools(&self, parts: &'e [Expression]) -> Result<Option<Vec<bool>>, Failed> {
        let values = self.peek_all(parts)?;
        Ok(values.into_iter().map(|value| value.as_bool()).collect())
    }

    /// The first part that is `stop`, else the last one's value, whatever it is.
    fn until(&self, parts: &'e [Expression], stop: bool) -> Result<Term<'e>, Failed> {
        let (last, first) = parts.split_last().expect("at least one part");
        for part in first {
            match self.peek(part)?.as_bool() {
                Some(value) if value == stop => return Ok(Term::bool(stop)),
                Some(_) => {}
                None => return self.fail(),
            }
        }
        self.peek(last)
    }

    fn fail(&self) -> Result<Term<'e>, Failed> {
        if self.in_body { Ok(Term::atom(am::EXIT)) } else { Err(Failed) }
    }
}
