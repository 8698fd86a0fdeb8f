//! Heads: patterns with variables.

use std::cmp::Ordering;

use oxbeam_heap::{Heap, OwnedTerm};
use oxbeam_term::compare::{compare, eq};
use oxbeam_term::view::Kind;
use oxbeam_term::{Atom, Term, am, hamt};

use crate::KeyBound;
use crate::compile::{CompileError, MAX_DEPTH};

/// A pattern, taken apart as far as it holds variables.
pub(crate) enum Pattern {
    Anything,
    /// First occurrence of a variable: its slot takes the term.
    Bind(usize),
    /// Further occurrence: equal to what the slot holds.
    Same(usize),
    Constant(OwnedTerm),
    Tuple(Vec<Pattern>),
    /// Elements and tail.
    List(Vec<Pattern>, Box<Pattern>),
    /// At least these keys.
    Map(Vec<(OwnedTerm, Pattern)>),
}

impl Pattern {
    /// Shows the constants in it.
    pub fn each_constant(&self, look: &mut dyn FnMut(&OwnedTerm)) {
        match self {
            Pattern::Anything | Pattern::Bind(_) | Pattern::Same(_) => {}
            Pattern::Constant(term) => look(term),
            Pattern::Tuple(parts) => parts.iter().for_each(|part| part.each_constant(look)),
            Pattern::List(parts, tail) => {
                parts.iter().for_each(|part| part.each_constant(look));
                tail.each_constant(look);
            }
            Pattern::Map(pairs) => pairs.iter().for_each(|(key, value)| {
                look(key);
                value.each_constant(look);
            }),
        }
    }
}

/// The number of a variable atom: `'$0'`, `'$1'`...
pub fn variable_number(atom: Atom) -> Option<u32> {
    let digits = atom.name().strip_prefix('$')?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    digits.parse().ok().filter(|&number| number <= i32::MAX as u32)
}

/// Variables of a head while it is compiled: numbers in the order of their slots.
#[derive(Default)]
pub(crate) struct Slots {
    numbers: Vec<u32>,
}

impl Slots {
    pub fn find(&self, number: u32) -> Option<usize> {
        self.numbers.iter().position(|&known| known == number)
    }
    pub fn len(&self) -> usize {
        self.numbers.len()
    }
    /// All slots in the order of the variables' numbers.
    pub fn in_order(&self) -> Vec<usize> {
        let mut slots: Vec<_> = (0..self.numbers.len()).collect();
        slots.sort_by_key(|&slot| self.numbers[slot]);
        slots
    }
}

/// Compiles a pattern that lies `depth` levels deep. Error: why it is none.
pub(crate) fn compile(
    term: Term<'_>,
    slots: &mut Slots,
    depth: usize,
) -> Result<Pattern, CompileError> {
    if depth > MAX_DEPTH {
        let mut error = CompileError::default();
        error.too_deep(term);
        return Err(error);
    }
    let depth = depth + 1;
    Ok(match term.kind() {
        Kind::Atom(am::underscore) => Pattern::Anything,
        Kind::Atom(atom) => match variable_number(atom) {
            Some(number) => match slots.find(number) {
                Some(slot) => Pattern::Same(slot),
                None => {
                    slots.numbers.push(number);
                    Pattern::Bind(slots.numbers.len() - 1)
                }
            },
            None => constant(term),
        },
        Kind::Tuple(tuple) => {
            let elements = tuple.elements().iter().map(|&element| compile(element, slots, depth));
            folded(Pattern::Tuple(elements.collect::<Result<_, _>>()?), term)
        }
        Kind::Cons(_) => {
            let mut list = term.list();
            let elements = list.by_ref().map(|element| compile(element, slots, depth));
            let elements = elements.collect::<Result<_, _>>()?;
            folded(Pattern::List(elements, Box::new(compile(list.rest(), slots, depth)?)), term)
        }
        Kind::Map(map) => {
            let mut pairs = vec![];
            for (key, value) in hamt::Pairs::of(map) {
                if key.is(am::underscore) {
                    return Err(CompileError::new("Underscore found in map key."));
                }
                if key.as_atom().and_then(variable_number).is_some() {
                    return Err(CompileError::new("Variable found in map key."));
                }
                pairs.push((OwnedTerm::deep_copy_of(key), compile(value, slots, depth)?));
            }
            Pattern::Map(pairs)
        }
        _ => constant(term),
    })
}

fn constant(term: Term<'_>) -> Pattern {
    Pattern::Constant(OwnedTerm::deep_copy_of(term))
}

/// A pattern whose parts are all constants is one constant.
fn folded(pattern: Pattern, source: Term<'_>) -> Pattern {
    let is_constant = |part: &Pattern| matches!(part, Pattern::Constant(_));
    let whole = match &pattern {
        Pattern::Tuple(parts) => parts.iter().all(is_constant),
        Pattern::List(parts, tail) => parts.iter().all(is_constant) && is_constant(tail),
        _ => false,
    };
    if whole { constant(source) } else { pattern }
}

impl Pattern {
    /// Whether it is a variable, or `'_'`, and so for the whole of what is matched.
    pub fn is_for_all(&self) -> bool {
        matches!(self, Pattern::Anything | Pattern::Bind(_) | Pattern::Same(_))
    }
    /// Matches, and fills the slots of the variables.
    pub fn matches<'e>(&self, term: Term<'e>, slots: &mut [Term<'e>]) -> bool {
        match self {
            Pattern::Anything => true,
            Pattern::Bind(slot) => {
                slots[*slot] = term;
                true
            }
            Pattern::Same(slot) => eq(slots[*slot], term),
            Pattern::Constant(constant) => eq(constant.view(), term),
            Pattern::Tuple(parts) => term.as_tuple().is_some_and(|tuple| {
                let elements = tuple.elements();
                elements.len() == parts.len()
                    && parts
                        .iter()
                        .zip(elements)
                        .all(|(part, &element)| part.matches(element, slots))
            }),
            Pattern::List(parts, tail) => {
                let mut list = term.list();
                parts.iter().all(|part| list.next().is_some_and(|e| part.matches(e, slots)))
                    && tail.matches(list.rest(), slots)
            }
            Pattern::Map(pairs) => term.as_map().is_some_and(|map| {
                map.size() >= pairs.len()
                    && pairs.iter().all(|(key, part)| {
                        hamt::get(map, key.view()).is_some_and(|value| part.matches(value, slots))
                    })
            }),
        }
    }

    /// The pattern of the element at `position` (from one), if the head is a tuple's.
    pub fn element(&self, position: usize) -> Option<&Pattern> {
        match self {
            Pattern::Tuple(parts) => parts.get(position - 1),
            _ => None,
        }
    }

    /// Where the terms that match lie in the order of terms, seen from `term`. `None`: the
    /// pattern leaves it open before any difference shows.
    pub fn order(&self, term: Term<'_>) -> Option<Ordering> {
        match self {
            Pattern::Anything | Pattern::Bind(_) | Pattern::Same(_) | Pattern::Map(_) => None,
            Pattern::Constant(constant) => Some(compare(constant.view(), term)),
            Pattern::Tuple(parts) => {
                let Some(tuple) = term.as_tuple() else {
                    // Any tuple stands on the same side of a term that is none.
                    let scratch = Heap::detached();
                    return Some(compare(scratch.tuple(&[]), scratch.import(term)));
                };
                let elements = tuple.elements();
                let sizes = parts.len().cmp(&elements.len());
                if sizes.is_ne() {
                    return Some(sizes);
                }
                first_difference(parts.iter().zip(elements.iter().copied()))
            }
            Pattern::List(parts, tail) => {
                let mut list = term.list();
                for part in parts {
                    let Some(element) = list.next() else {
                        let scratch = Heap::detached();
                        let any = scratch.list(&[Term::NIL]);
                        return Some(compare(any, scratch.import(list.rest())));
                    };
                    match part.order(element) {
                        Some(Ordering::Equal) => {}
                        other => return other,
                    }
                }
                tail.order(list.rest())
            }
        }
    }

    pub fn key_bound(&self, position: usize) -> KeyBound<'_> {
        let element = match self {
            Pattern::Anything | Pattern::Bind(_) => return KeyBound::Any,
            Pattern::Tuple(parts) => parts.get(position - 1),
            Pattern::Constant(constant) => {
                let elements = constant.view().as_tuple().map(|tuple| tuple.elements());
                let key = elements.and_then(|elements| elements.get(position - 1));
                return key.map_or(KeyBound::Never, |&key| KeyBound::Exactly(key));
            }
            _ => None,
        };
        match element {
            None => KeyBound::Never,
            Some(Pattern::Constant(key)) => KeyBound::Exactly(key.view()),
            Some(_) => KeyBound::Any,
        }
    }
}

fn first_difference<'p, 't>(
    mut pairs: impl Iterator<Item = (&'p Pattern, Term<'t>)>,
) -> Option<Ordering> {
    let different = pairs.find_map(|(part, element)| match part.order(element) {
        Some(Ordering::Equal) => None,
        other => Some(other),
    });
    different.unwrap_or(Some(Ordering::Equal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_a_pattern_is_open_from_its_first_variable_on() {
        let heap = Heap::detached();
        let int = |value| heap.int(value);
        let any = Term::atom(am::underscore);
        let source = heap.tuple(&[int(5), any, int(1)]);
        let pattern = compile(source, &mut Slots::default(), 0).unwrap();
        let key = |a, b| heap.tuple(&[int(a), int(b), int(0)]);
        assert_eq!(pattern.order(key(4, 9)), Some(Ordering::Greater));
        assert_eq!(pattern.order(key(6, 0)), Some(Ordering::Less));
        assert_eq!(pattern.order(key(5, 0)), None);
        assert_eq!(pattern.order(heap.tuple(&[int(9)])), Some(Ordering::Greater));
        assert_eq!(pattern.order(Term::atom(am::ok)), Some(Ordering::Greater));
        assert_eq!(pattern.order(Term::NIL), Some(Ordering::Less));
    }

    #[test]
    fn lists_too() {
        let heap = Heap::detached();
        let source = heap.list_onto(&[heap.int(5)], Term::atom(am::underscore));
        let pattern = compile(source, &mut Slots::default(), 0).unwrap();
        assert_eq!(pattern.order(heap.list(&[heap.int(5), heap.int(7)])), None);
        assert_eq!(pattern.order(heap.list(&[heap.int(4)])), Some(Ordering::Greater));
        assert_eq!(pattern.order(Term::NIL), Some(Ordering::Greater));
        assert_eq!(pattern.order(heap.binary(b"x")), Some(Ordering::Less));
    }
}
