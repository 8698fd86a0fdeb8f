//! Searching and splitting.
//!
//! Of several patterns the one that begins first wins, and among those the longest. A compiled
//! pattern is `{bm, Ref}` (one pattern) or `{ac, Ref}` (several), the reference holding it.

use std::ops::Range;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, Input, MatchKind};
use memchr::memmem::Finder;
use oxbeam_runtime::reference::new_numbers;
use oxbeam_runtime::yielding::Begin;
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::{Term, am};

use crate::arg::{self, take};
use crate::erlang::iolist::part_range;

pub mod long;

/// Bytes of a subject that are searched at once.
const QUICK_BYTES: usize = 32 * crate::long::QUICK;

/// What is searched for.
#[allow(clippy::large_enum_variant, reason = "one at a time, behind a reference count")]
enum Pattern {
    One(Finder<'static>),
    Several(AhoCorasick),
}

/// A compiled pattern as a reference holds it.
struct Compiled(Arc<Pattern>);

impl Pattern {
    /// Bytes of the longest thing that is searched for.
    fn longest(&self) -> usize {
        match self {
            Pattern::One(finder) => finder.needle().len(),
            Pattern::Several(automaton) => automaton.max_pattern_len(),
        }
    }

    /// The first match within `range`.
    fn find(&self, bytes: &[u8], range: Range<usize>) -> Option<Range<usize>> {
        match self {
            Pattern::One(finder) => {
                let start = finder.find(&bytes[range.clone()])? + range.start;
                Some(start..start + finder.needle().len())
            }
            Pattern::Several(automaton) => {
                let found = automaton.find(Input::new(bytes).range(range))?;
                Some(found.range())
            }
        }
    }
}

fn needle<'h>(term: Term<'h>) -> Result<Vec<u8>, Flow<'h>> {
    let bytes = arg::bytes(term)?;
    if bytes.is_empty() { Err(Flow::badarg()) } else { Ok(bytes.into_owned()) }
}

fn compile<'h>(pattern: Term<'h>) -> Result<Pattern, Flow<'h>> {
    if pattern.is_binary() {
        return Ok(Pattern::One(Finder::new(&needle(pattern)?).into_owned()));
    }
    let needles: Vec<_> = arg::list(pattern)?.into_iter().map(needle).collect::<Result<_, _>>()?;
    match &needles[..] {
        [] => Err(Flow::badarg()),
        [one] => Ok(Pattern::One(Finder::new(one).into_owned())),
        several => AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(several)
            .map(Pattern::Several)
            .map_err(|_| Flow::badarg()),
    }
}

/// A pattern as a program gives it, compiled or not.
fn pattern<'h>(term: Term<'h>) -> Result<Arc<Pattern>, Flow<'h>> {
    if let Some([kind, reference]) = term.as_tuple_n()
        && (kind.is(am::bm) || kind.is(am::ac))
    {
        let compiled = reference.as_magic::<Compiled>().ok_or_else(Flow::badarg)?;
        let is_one = matches!(*compiled.0, Pattern::One(_));
        return if is_one == kind.is(am::bm) {
            Ok(compiled.0.clone())
        } else {
            Err(Flow::badarg())
        };
    }
    compile(term).map(Arc::new)
}

pub fn compile_pattern_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [pattern] = take(args);
    let compiled = compile(pattern)?;
    let kind = if matches!(compiled, Pattern::One(_)) { am::bm } else { am::ac };
    let reference = cx.heap.resource_ref(new_numbers(), Compiled(Arc::new(compiled)));
    Ok(cx.heap.tagged(kind, [reference]))
}

/// How to search and to split.
#[derive(Default)]
struct SearchOptions {
    scope: Option<Range<usize>>,
    global: bool,
    trim: bool,
    trim_all: bool,
}

fn options<'h>(list: Term<'h>, size: usize, split: bool) -> Result<SearchOptions, Flow<'h>> {
    let mut options = SearchOptions::default();
    for option in arg::options(list) {
        let option = option?;
        match option.as_atom() {
            Some(am::global) if split => options.global = true,
            Some(am::trim) if split => options.trim = true,
            Some(am::trim_all) if split => options.trim_all = true,
            Some(_) => return Err(Flow::badarg()),
            None => {
                let [name, scope] = option.as_tuple_n().ok_or_else(Flow::badarg)?;
                let [start, length] = scope.as_tuple_n().ok_or_else(Flow::badarg)?;
                if !name.is(am::scope) {
                    return Err(Flow::badarg());
                }
                options.scope = Some(part_range(size, start, length)?);
            }
        }
    }
    Ok(options)
}

/// A search that is ready to go.
struct Search<'h> {
    bytes: std::borrow::Cow<'h, [u8]>,
    pattern: Arc<Pattern>,
    range: Range<usize>,
    options: SearchOptions,
}

impl<'h> Search<'h> {
    fn new(
        cx: &mut Cx<'h>,
        subject: Term<'h>,
        wanted: Term<'h>,
        list: Term<'h>,
        split: bool,
        long: Begin,
    ) -> Result<Search<'h>, Flow<'h>> {
        if arg::bits(subject)?.byte_size() > QUICK_BYTES {
            return Err(Flow::Long(long));
        }
        let bytes = arg::bytes(subject)?;
        let options = options(list, bytes.len(), split)?;
        let range = options.scope.clone().unwrap_or(0..bytes.len());
        cx.bump(range.len() / 512);
        Ok(Search { bytes, pattern: pattern(wanted)?, range, options })
    }

    /// All matches, none overlapping another.
    fn all(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let mut at = self.range.start;
        std::iter::from_fn(move || {
            let found = self.pattern.find(&self.bytes, at..self.range.end)?;
            at = found.end;
            Some(found)
        })
    }
}

fn position<'h>(cx: &Cx<'h>, found: Range<usize>) -> Term<'h> {
    cx.heap.tuple(&[cx.heap.usize(found.start), cx.heap.usize(found.len())])
}

fn first_match<'h>(
    cx: &mut Cx<'h>,
    subject: Term<'h>,
    wanted: Term<'h>,
    list: Term<'h>,
    long: Begin,
) -> NativeResult<'h> {
    let search = Search::new(cx, subject, wanted, list, false, long)?;
    let found = search.all().next();
    Ok(found.map_or(Term::atom(am::nomatch), |found| position(cx, found)))
}

pub fn match_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [subject, wanted] = take(args);
    first_match(cx, subject, wanted, Term::nil(), long::match_2_long)
}

pub fn match_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [subject, wanted, list] = take(args);
    first_match(cx, subject, wanted, list, long::match_3_long)
}

fn all_matches<'h>(
    cx: &mut Cx<'h>,
    subject: Term<'h>,
    wanted: Term<'h>,
    list: Term<'h>,
    long: Begin,
) -> NativeResult<'h> {
    let search = Search::new(cx, subject, wanted, list, false, long)?;
    let found: Vec<_> = search.all().map(|found| position(cx, found)).collect();
    cx.bump(found.len() / 16);
    Ok(cx.heap.list(&found))
}

pub fn matches_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [subject, wanted] = take(args);
    all_matches(cx, subject, wanted, Term::nil(), long::matches_2_long)
}

pub fn matches_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [subject, wanted, list] = take(args);
    all_matches(cx, subject, wanted, list, long::matches_3_long)
}

fn split<'h>(
    cx: &mut Cx<'h>,
    subject: Term<'h>,
    wanted: Term<'h>,
    list: Term<'h>,
    long: Begin,
) -> NativeResult<'h> {
    let search = Search::new(cx, subject, wanted, list, true, long)?;
    let most = if search.options.global { usize::MAX } else { 1 };
    let mut parts = Vec::new();
    let mut start = 0;
    for found in search.all().take(most) {
        parts.push(start..found.start);
        start = found.end;
    }
    parts.push(start..search.bytes.len());
    if search.options.trim_all {
        parts.retain(|part| !part.is_empty());
    } else if search.options.trim {
        let kept = parts.iter().rposition(|part| !part.is_empty()).map_or(0, |last| last + 1);
        parts.truncate(kept);
    }
    cx.bump(parts.len() / 16);
    let terms: Vec<_> = parts
        .into_iter()
        .map(|part| cx.heap.sub_binary(subject, part.start * 8, part.len() * 8))
        .collect();
    Ok(cx.heap.list(&terms))
}

pub fn split_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [subject, wanted] = take(args);
    split(cx, subject, wanted, Term::nil(), long::split_2_long)
}

pub fn split_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let [subject, wanted, list] = take(args);
    split(cx, subject, wanted, list, long::split_3_long)
}
