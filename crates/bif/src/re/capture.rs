//! What `re:run` gives back of a match.

use super::options::Given;
use oxbeam_heap::Heap;
use oxbeam_io::resource::iodata;
use oxbeam_regex::Pattern;
use oxbeam_term::{Term, am};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Index,
    List,
    Binary,
}

/// Which groups.
enum Groups {
    /// Those from a number on that took part, as far as the last one.
    From(usize),
    /// Each of these; of the groups of one name the first that took part.
    These(Vec<Vec<usize>>),
    /// None: only whether there was a match.
    Nothing,
}

/// What to give back.
pub(super) struct Capture {
    kind: Kind,
    groups: Groups,
}

type Place = Option<(usize, usize)>;

impl Capture {
    /// Reads the `capture` option. None when it is wrong.
    pub fn read(given: &Given<'_>, pattern: &Pattern) -> Option<Capture> {
        let Some((values, kind)) = given.capture else {
            return Some(Capture { kind: Kind::Index, groups: Groups::From(0) });
        };
        let kind = match kind.as_atom()? {
            am::index => Kind::Index,
            am::list => Kind::List,
            am::binary => Kind::Binary,
            _ => return None,
        };
        let groups = match values.as_atom().map(|atom| atom.name()) {
            Some("all") => Groups::From(0),
            Some("all_but_first") => Groups::From(1),
            Some("first") => Groups::These(vec![vec![0]]),
            Some("none") => Groups::Nothing,
            Some("all_names") => all_names(pattern),
            Some(_) => return None,
            None if values.is_nil() => Groups::Nothing,
            None => {
                let values = values.list_to_vec()?;
                Groups::These(values.into_iter().map(|v| group(v, pattern)).collect::<Option<_>>()?)
            }
        };
        Some(Capture { kind, groups })
    }

    /// The answer for a match.
    pub fn answer<'h>(
        &self,
        heap: &'h Heap,
        subject: Term<'h>,
        bytes: &[u8],
        places: &[Place],
    ) -> Term<'h> {
        let shown: Vec<Place> = match &self.groups {
            Groups::Nothing => return Term::atom(am::match_),
            Groups::From(first) => places.get(*first..).unwrap_or(&[]).to_vec(),
            Groups::These(all) => {
                let place = |group: &usize| places.get(*group).copied().flatten();
                all.iter().map(|groups| groups.iter().find_map(place)).collect()
            }
        };
        let terms: Vec<Term> =
            shown.into_iter().map(|place| self.show(heap, subject, bytes, place)).collect();
        heap.tagged(am::match_, [heap.list(&terms)])
    }

    fn show<'h>(&self, heap: &'h Heap, subject: Term<'h>, bytes: &[u8], place: Place) -> Term<'h> {
        let (start, end) = place.unwrap_or((0, 0));
        // A look-behind with `\K` can put the start behind the end.
        let text = bytes.get(start..end).unwrap_or(&[]);
        match (self.kind, place) {
            (Kind::Index, None) => heap.tuple(&[heap.int(-1), heap.int(0)]),
            (Kind::Index, Some(_)) => {
                let length = end as i64 - start as i64;
                heap.tuple(&[heap.usize(start), heap.int(length)])
            }
            (Kind::List, _) => heap.list_of_bytes(text),
            (Kind::Binary, Some(_)) if subject.as_bits().is_some() && text.len() > 64 => {
                heap.sub_binary(subject, start * 8, text.len() * 8)
            }
            (Kind::Binary, _) => heap.binary(text),
        }
    }
}

/// The groups of a value: a number or a name.
fn group(value: Term<'_>, pattern: &Pattern) -> Option<Vec<usize>> {
    if let Some(number) = value.as_small() {
        return usize::try_from(number).ok().map(|number| vec![number]);
    }
    let name = match value.as_atom() {
        Some(atom) => atom.name().as_bytes().into(),
        None => iodata(value)?,
    };
    let named = pattern.names().iter().filter(|entry| entry.name[..] == name[..]);
    Some(named.map(|entry| entry.group as usize).collect())
}

/// One entry for each name, in the order of the names.
fn all_names(pattern: &Pattern) -> Groups {
    let mut all: Vec<Vec<usize>> = Vec::new();
    let mut last = None;
    for entry in pattern.names() {
        let same = last == Some(&entry.name) && pattern.has_double_names();
        match all.last_mut().filter(|_| same) {
            Some(groups) => groups.push(entry.group as usize),
            None => all.push(vec![entry.group as usize]),
        }
        last = Some(&entry.name);
    }
    if all.is_empty() { Groups::Nothing } else { Groups::These(all) }
}
