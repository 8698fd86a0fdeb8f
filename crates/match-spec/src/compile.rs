//! From a match specification to a program.

use oxbeam_heap::OwnedTerm;
use oxbeam_term::Term;

use crate::expression::Compiler;
use crate::pattern::{self, Slots};
use crate::{Clause, Program};

/// Compiles a match specification for terms of tables.
///
/// Errors: what is wrong, in the words that `ets:test_ms/2` reports.
pub fn compile(spec: Term<'_>) -> Result<Program, Vec<String>> {
    if !spec.is_cons() {
        return Err(vec!["Match programs are not in a list.".into()]);
    }
    let parts = spec.list_to_vec();
    let parts = parts.ok_or_else(|| vec!["Match programs are not in a proper list.".into()])?;
    let parts: Option<Vec<[Term<'_>; 3]>> = parts.iter().map(|part| part.as_tuple_n()).collect();
    let parts =
        parts.ok_or_else(|| vec!["Match program part is not a tuple of arity 3.".to_owned()])?;
    let clauses = parts.into_iter().map(clause).collect::<Result<Vec<_>, _>>()?;
    let variables = clauses.iter().map(|clause| clause.bound.len()).max().unwrap_or(0);
    Ok(Program { clauses, variables, source: OwnedTerm::deep_copy_of(spec) })
}

fn clause([head, guards, body]: [Term<'_>; 3]) -> Result<Clause, Vec<String>> {
    let mut slots = Slots::default();
    let head = pattern::compile(head, &mut slots).map_err(|error| vec![error])?;
    let mut errors = vec![];
    let mut compiler = Compiler { slots: &slots, errors: &mut errors };
    let guards = compiler.list(guards);
    let body = if body.is_cons() {
        compiler.list(body)
    } else {
        errors.push("Body clause does not return anything.".into());
        vec![]
    };
    if !errors.is_empty() {
        return Err(errors);
    }
    debug_assert_eq!(slots.in_order().len(), slots.len());
    Ok(Clause { head, guards, body, bound: slots.in_order() })
}
