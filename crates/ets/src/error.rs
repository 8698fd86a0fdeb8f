//! Errors, with the causes that `erl_stdlib_errors` makes words of.

use oxbeam_runtime::Flow;
use oxbeam_term::{Atom, Term, am};

/// `badarg` with a cause. Without one, the arguments themselves say why.
pub fn because<'h>(cause: Atom) -> Flow<'h> {
    Flow::error_with(am::badarg, Term::atom(cause))
}
