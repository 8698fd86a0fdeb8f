//! From a match specification to a program.

use oxbeam_heap::{Heap, OwnedTerm};
use oxbeam_term::{Term, am};

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

/// What a specification is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dialect {
    /// Terms, as in tables.
    Table,
    /// The arguments of calls.
    Trace,
    /// Messages that are sent: to whom, and what.
    Sends,
    /// Messages that arrive: from which node and whom, and what.
    Receives,
}

/// Compiles a match specification for terms of tables.
pub fn compile(spec: Term<'_>) -> Result<Program, CompileError> {
    compile_in(spec, Dialect::Table)
}

/// Compiles a match specification for the arguments of calls; for
/// [`run_trace`](crate::Runner::run_trace) only.
pub fn compile_for_tracing(spec: Term<'_>) -> Result<Program, CompileError> {
    compile_in(spec, Dialect::Trace)
}

/// Compiles a match specification for `[To, Message]` of messages that are sent, as
/// [`compile_for_tracing`].
pub fn compile_for_sends(spec: Term<'_>) -> Result<Program, CompileError> {
    compile_in(spec, Dialect::Sends)
}

/// Compiles a match specification for `[Node, From, Message]` of messages that arrive, as
/// [`compile_for_tracing`].
pub fn compile_for_receives(spec: Term<'_>) -> Result<Program, CompileError> {
    compile_in(spec, Dialect::Receives)
}

fn compile_in(spec: Term<'_>, dialect: Dialect) -> Result<Program, CompileError> {
    if !spec.is_cons() {
        return Err(CompileError::new("Match programs are not in a list."));
    }
    let parts = spec.list_to_vec();
    let parts =
        parts.ok_or_else(|| CompileError::new("Match programs are not in a proper list."))?;
    let parts: Option<Vec<[Term<'_>; 3]>> = parts.iter().map(|part| part.as_tuple_n()).collect();
    let parts =
        parts.ok_or_else(|| CompileError::new("Match program part is not a tuple of arity 3."))?;
    let clauses =
        parts.into_iter().map(|part| clause(part, dialect)).collect::<Result<Vec<_>, _>>()?;
    let variables = clauses.iter().map(|clause| clause.bound.len()).max().unwrap_or(0);
    Ok(Program { clauses, variables, source: OwnedTerm::deep_copy_of(spec) })
}

fn clause([head, guards, body]: [Term<'_>; 3], dialect: Dialect) -> Result<Clause, CompileError> {
    let mut slots = Slots::default();
    let scratch = Heap::detached();
    let head = match dialect {
        Dialect::Table => head,
        _ => head_of_call(head, &scratch)?,
    };
    let head = pattern::compile(head, &mut slots, 0)?;
    let mut errors = CompileError::default();
    let mut compiler =
        Compiler { slots: &slots, errors: &mut errors, depth: 0, dialect, in_guard: true };
    let guards = compiler.list(guards);
    compiler.in_guard = false;
    let body = if body.is_cons() || dialect != Dialect::Table {
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

/// The pattern for the arguments of a call as a tuple; a variable or `'_'` is for their list.
fn head_of_call<'h>(head: Term<'_>, heap: &'h Heap) -> Result<Term<'h>, CompileError> {
    if head.as_tuple().is_some() {
        return Ok(heap.import(head));
    }
    if head.is_list() {
        let elements = head.list_to_vec().ok_or_else(|| {
            let shown = crate::expression::text(head);
            CompileError::new(format!("Match expression part {shown} is not a proper list."))
        })?;
        let elements: Vec<_> = elements.into_iter().map(|part| heap.import(part)).collect();
        return Ok(heap.tuple(&elements));
    }
    let is_variable = |atom| atom == am::underscore || pattern::variable_number(atom).is_some();
    match head.as_atom().filter(|&atom| is_variable(atom)) {
        Some(atom) => Ok(Term::atom(atom)),
        None => Err(CompileError::new("Match head is invalid in this context.")),
    }
}
