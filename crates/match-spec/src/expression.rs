//! Guards and bodies: expressions over the variables of a head.

use oxbeam_heap::OwnedTerm;
use oxbeam_term::view::Kind;
use oxbeam_term::{Term, am, hamt, print};

use crate::compile::{CompileError, Dialect, MAX_DEPTH};
use crate::functions::{self, Function};
use crate::pattern::{Slots, variable_number};
use crate::trace::{self, Effect};

pub(crate) enum Expression {
    Constant(OwnedTerm),
    Variable(usize),
    /// `'$_'`
    Whole,
    /// `'$$'`
    Bindings,
    Tuple(Vec<Expression>),
    List(Vec<Expression>, Box<Expression>),
    Map(Vec<(Expression, Expression)>),
    Call(Function, Vec<Expression>),
    /// What only tracing knows.
    Effect(Effect, Vec<Expression>),
    SelfPid,
    /// All are evaluated.
    And(Vec<Expression>),
    Or(Vec<Expression>),
    /// As many are evaluated as are needed.
    AndAlso(Vec<Expression>),
    OrElse(Vec<Expression>),
}

impl Expression {
    /// Shows the constants in it.
    pub fn each_constant(&self, look: &mut dyn FnMut(&OwnedTerm)) {
        use Expression::*;
        match self {
            Constant(term) => look(term),
            Variable(_) | Whole | Bindings | SelfPid => {}
            Tuple(parts)
            | Call(_, parts)
            | Effect(_, parts)
            | And(parts)
            | Or(parts)
            | AndAlso(parts)
            | OrElse(parts) => {
                parts.iter().for_each(|part| part.each_constant(look));
            }
            List(parts, tail) => {
                parts.iter().for_each(|part| part.each_constant(look));
                tail.each_constant(look);
            }
            Map(pairs) => pairs.iter().for_each(|(key, value)| {
                key.each_constant(look);
                value.each_constant(look);
            }),
        }
    }
}

/// Compiles the expressions of one clause; collects what is wrong.
pub(crate) struct Compiler<'c> {
    pub slots: &'c Slots,
    pub errors: &'c mut CompileError,
    pub depth: usize,
    pub dialect: Dialect,
    /// Guards may call less than bodies.
    pub in_guard: bool,
}

impl Compiler<'_> {
    /// The expressions of a guard or body.
    pub fn list(&mut self, list: Term<'_>) -> Vec<Expression> {
        if !list.is_list() {
            self.errors.add("Match expression is not a list.".into());
            return vec![];
        }
        let mut elements = list.list();
        let expressions = elements.by_ref().map(|term| self.expression(term)).collect();
        if !elements.rest().is_nil() {
            self.errors.add("Match expression is not a proper list.".into());
        }
        expressions
    }

    fn error(&mut self, message: String) -> Expression {
        self.errors.add(message);
        constant(Term::NIL)
    }

    fn all(&mut self, terms: &[Term<'_>]) -> Vec<Expression> {
        terms.iter().map(|&term| self.expression(term)).collect()
    }

    pub fn expression(&mut self, term: Term<'_>) -> Expression {
        if self.depth > MAX_DEPTH {
            // One such message says enough.
            if !self.errors.system_limit {
                self.errors.too_deep(term);
            }
            return constant(Term::NIL);
        }
        self.depth += 1;
        let expression = self.beneath(term);
        self.depth -= 1;
        expression
    }

    fn beneath(&mut self, term: Term<'_>) -> Expression {
        match term.kind() {
            Kind::Atom(am::dollar_underscore) => Expression::Whole,
            Kind::Atom(am::dollar_dollar) => Expression::Bindings,
            Kind::Atom(atom) => match variable_number(atom) {
                None => constant(term),
                Some(number) => match self.slots.find(number) {
                    Some(slot) => Expression::Variable(slot),
                    None => self.error(format!("Variable ${number} is unbound.")),
                },
            },
            Kind::Cons(_) => {
                let mut list = term.list();
                let elements: Vec<_> = list.by_ref().map(|e| self.expression(e)).collect();
                let tail = self.expression(list.rest());
                constant_list(&elements, &tail)
                    .unwrap_or_else(|| Expression::List(elements, Box::new(tail)))
            }
            Kind::Map(map) => {
                let pairs = hamt::Pairs::of(map);
                let pairs = pairs.map(|(k, v)| (self.expression(k), self.expression(v)));
                Expression::Map(pairs.collect())
            }
            Kind::Tuple(tuple) => self.form(term, tuple.elements()),
            _ => constant(term),
        }
    }

    /// `{{...}}` or a call.
    fn form(&mut self, term: Term<'_>, elements: &[Term<'_>]) -> Expression {
        if let [inner] = elements
            && let Some(tuple) = inner.as_tuple()
        {
            return Expression::Tuple(self.all(tuple.elements()));
        }
        let name = elements.first().and_then(|first| first.as_atom());
        match name.filter(|&name| variable_number(name).is_none()) {
            Some(name) => self.call(term, name, &elements[1..]),
            None => self.error(format!(
                "{} is neither a function call, nor a tuple (tuples are written {{{{ ... }}}}).",
                text(term)
            )),
        }
    }

    fn call(&mut self, term: Term<'_>, name: oxbeam_term::Atom, args: &[Term<'_>]) -> Expression {
        let logical = match name {
            am::and => Some(Expression::And as fn(_) -> _),
            am::or => Some(Expression::Or as fn(_) -> _),
            am::andalso => Some(Expression::AndAlso as fn(_) -> _),
            am::orelse => Some(Expression::OrElse as fn(_) -> _),
            _ if name.name() == "andthen" => Some(Expression::AndAlso as fn(_) -> _),
            _ => None,
        };
        if let Some(make) = logical {
            if args.is_empty() {
                let shown = if name.name() == "andthen" { "andalso" } else { name.name() };
                return self.error(format!(
                    "Special form '{shown}' called without arguments in {}.",
                    text(term)
                ));
            }
            return make(self.all(args));
        }
        match (name, args) {
            (am::const_, [value]) => return constant(*value),
            (am::const_, _) => {
                return self.error(format!(
                    "Special form 'const' called with more than one argument in {}.",
                    text(term)
                ));
            }
            (am::self_, []) => return Expression::SelfPid,
            (am::self_, _) => {
                return self.error(format!(
                    "Special form 'self' called with arguments in {}.",
                    text(term)
                ));
            }
            _ => {}
        }
        if let Some(form) = trace::form(name) {
            return self.trace_form(term, &form, name, args);
        }
        if let Some((effect, in_guards)) = trace::function(name, args.len()) {
            if self.dialect != Dialect::Table && (in_guards || !self.in_guard) {
                return Expression::Effect(effect, self.all(args));
            }
            let (name, arity) = (text(Term::atom(name)), args.len());
            return self
                .error(format!("Function {name}/{arity} cannot be called in this context."));
        }
        match functions::find(name, args.len()) {
            Some(function) => Expression::Call(function, self.all(args)),
            None => self.error(format!(
                "Function {}/{} does_not_exist.",
                text(Term::atom(name)),
                args.len()
            )),
        }
    }
}

impl Compiler<'_> {
    fn trace_form(
        &mut self,
        term: Term<'_>,
        form: &trace::Form,
        name: oxbeam_term::Atom,
        args: &[Term<'_>],
    ) -> Expression {
        let name = name.name();
        let is_known = match self.dialect {
            Dialect::Table => false,
            Dialect::Trace => true,
            Dialect::Sends => !form.effect.is_of_calls(),
            Dialect::Receives => !form.effect.is_of_calls() && !form.effect.acts(),
        };
        if !is_known {
            return self.error(format!("Special form '{name}' used in wrong dialect."));
        }
        if self.in_guard && !form.in_guards {
            let name = form.guard_name;
            return self.error(format!("Special form '{name}' called in guard context."));
        }
        if !form.arities.contains(&args.len()) {
            let with = if form.arities == [0] { "" } else { "wrong number of " };
            let shown = text(term);
            return self
                .error(format!("Special form '{name}' called with {with}arguments in {shown}."));
        }
        Expression::Effect(form.effect, self.all(args))
    }
}

impl Expression {
    fn as_constant(&self) -> Option<Term<'_>> {
        match self {
            Expression::Constant(term) => Some(term.view()),
            _ => None,
        }
    }
}

/// The constant that a list of constants is.
fn constant_list(elements: &[Expression], tail: &Expression) -> Option<Expression> {
    let values: Option<Vec<_>> = elements.iter().map(Expression::as_constant).collect();
    let (values, tail) = (values?, tail.as_constant()?);
    let heap = oxbeam_heap::Heap::detached();
    let parts: Vec<_> = values.iter().map(|&value| heap.import(value)).collect();
    Some(constant(heap.list_onto(&parts, heap.import(tail))))
}

fn constant(term: Term<'_>) -> Expression {
    Expression::Constant(OwnedTerm::deep_copy_of(term))
}

/// The text of a term, as far as a message can show it.
pub(crate) fn text(term: Term<'_>) -> String {
    let mut text = vec![];
    print::print(&mut text, term, SHOWN_PARTS);
    String::from_utf8_lossy(&text).into_owned()
}

const SHOWN_PARTS: i64 = 200;
