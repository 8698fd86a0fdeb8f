//! Whether a specification that replaces objects leaves their keys alone.

use oxbeam_term::compare::eq;
use oxbeam_term::view::Kind;
use oxbeam_term::{Term, am};

use crate::Program;
use crate::pattern::variable_number;

impl Program {
    /// Whether each body visibly gives an object with the key (at `position`, from one) of the
    /// one that matched.
    pub fn keeps_key(&self, position: usize) -> bool {
        self.source().list().all(|clause| {
            clause.as_tuple_n().is_some_and(|[head, _, body]| clause_keeps(head, body, position))
        })
    }
}

fn key_of(tuple: Term<'_>, position: usize) -> Option<Term<'_>> {
    tuple.as_tuple()?.elements().get(position - 1).copied()
}

fn clause_keeps(head: Term<'_>, body: Term<'_>, position: usize) -> bool {
    let body = body.list_to_vec().unwrap_or_default();
    let [value] = *body else { return false };
    if value.is(am::dollar_underscore) {
        return true;
    }
    let (Some(key), Some(form)) = (key_of(head, position), value.as_tuple()) else { return false };
    let (made, constant) = match *form.elements() {
        [tag, tuple] if tag.is(am::const_) => (tuple, true),
        [tuple] => (tuple, false),
        _ => return false,
    };
    let Some(made_key) = key_of(made, position) else { return false };
    if same(key, made_key, constant) {
        return true;
    }
    // {element, Position, '$_'}
    !constant
        && made_key.as_tuple_n().is_some_and(|[function, at, whole]| {
            let here = at.as_usize() == Some(position);
            function.is(am::element) && here && whole.is(am::dollar_underscore)
        })
}

/// Whether an expression gives what the pattern matched; `constant`: it stands for itself.
fn same(pattern: Term<'_>, expression: Term<'_>, constant: bool) -> bool {
    match expression.kind() {
        Kind::Cons(_) => {
            let (mut left, mut right) = (pattern.list(), expression.list());
            let all = right.by_ref().all(|b| left.next().is_some_and(|a| same(a, b, constant)));
            all && same(left.rest(), right.rest(), constant)
        }
        Kind::Tuple(tuple) => {
            let mut parts = tuple.elements();
            if !constant {
                match *parts {
                    [tag, value] if tag.is(am::const_) => return same(pattern, value, true),
                    [inner] => match inner.as_tuple() {
                        Some(inner) => parts = inner.elements(),
                        None => return false,
                    },
                    _ => return false,
                }
            }
            pattern.as_tuple().is_some_and(|pattern| {
                let pattern = pattern.elements();
                pattern.len() == parts.len()
                    && pattern.iter().zip(parts).all(|(&a, &b)| same(a, b, constant))
            })
        }
        Kind::Map(_) => false,
        Kind::Atom(am::underscore | am::dollar_dollar | am::dollar_underscore) => false,
        Kind::Atom(atom) if constant && variable_number(atom).is_some() => false,
        _ => eq(pattern, expression),
    }
}
