//! From a match specification to a program.

use oxbeam_heap::OwnedTerm;
use oxbeam_term::Term;

use crate::expression::Compiler;
use crate::pattern::{self, Slots};
use crate::{Clause, Program};

/// Deepest nesting that is compiled: compilation and runs recurse.
pub(crate) const MAX_DEPTH: usize = 4000;

/// Longest message; what is beyond is cut off, as in OTP.
const MAX_MESSAGE_BYTES: usize = 99;

/// Why a specification is none.
#[derive(Debug, Default)]
pub struct CompileError {
    /// In the words that `ets:test_ms/2` reports.
    pub messages: Vec<String>,
    /// It is nested too deeply; else it is a bad argument.
    pub system_limit: bool,
}

impl CompileError {
    pub(crate) fn new(message: impl Into<String>) -> CompileError {
        let mut error = CompileError::default();
        error.add(message.into());
        error
    }

    pub(crate) fn add(&mut self, mut message: String) {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES));
        self.messages.push(message);
    }

    /// The nesting is too deep near `term`.
    pub(crate) fn too_deep(&mut self, term: Term<'_>) {
        self.system_limit = true;
        let near = crate::expression::text(term);
        self.add(format!("Excessive nesting; system limit reached near: {near}"));
    }
}

/// Compiles a match specification for terms of tables.
pub fn compile(spec: Term<'_>) -> Result<Program, CompileError> {
    if !spec.is_cons() {
        return Err(CompileError::new("Match programs are not in a list."));
    }
    let parts = spec.list_to_vec();
    let parts =
        parts.ok_or_else(|| CompileError::new("Match programs are not in a proper list."))?;
    let parts: Option<Vec<[Term<'_>; 3]>> = parts.iter().map(|part| part.as_tuple_n()).collect();
    let parts =
        parts.ok_or_else(|| CompileError::new("Match program part is not a tuple of arity 3."))?;
    let clauses = parts.into_iter().map(clause).collect::<Result<Vec<_>, _>>()?;
    let variables = clauses.iter().map(|clause| clause.bound.len()).max().unwrap_or(0);
    Ok(Program { clauses, variables, source: OwnedTerm::deep_copy_of(spec) })
}

fn clause([head, guards, body]: [Term<'_>; 3]) -> Result<Clause, CompileError> {
    let mut slots = Slots::default();
    let head = pattern::compile(head, &mut slots, 0)?;
    let mut errors = CompileError::default();
    let mut compiler = Compiler { slots: &slots, errors: &mut errors, depth: 0 };
    let guards = compiler.list(guards);
    let body = if body.is_cons() {
        compiler.list(body)
    } else {
        errors.add("Body clause does not return anything.".into());
        vec![]
    };
    if !errors.messages.is_empty() {
        return Err(errors);
    }
    debug_assert_eq!(slots.in_order().len(), slots.len());
    Ok(Clause { head, guards, body, bound: slots.in_order() })
}
