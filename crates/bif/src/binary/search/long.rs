//! Searching long binaries, in turns.

use std::ops::Range;
use std::sync::Arc;

use oxbeam_runtime::{Failure, Flow, Slot, Yielded, Yielder};
use oxbeam_term::{Term, am};

use super::{Pattern, SearchOptions, options, pattern, position};
use crate::arg;
use crate::erlang::iolist::long::{BYTES_PER_REDUCTION, each_piece};
use crate::long::{self, CONSES_PER_REDUCTION};

long::routines! {
    match_2_long => match_2;
    match_3_long => match_3;
    matches_2_long => matches_2;
    matches_3_long => matches_3;
    split_2_long => split_2;
    split_3_long => split_3;
}

/// Bytes that are searched in a reduction, and bytes that a match counts for.
const SEARCHED_PER_REDUCTION: usize = 1024;
const MATCH_BYTES: usize = 64;

/// A search under way.
struct Search {
    pattern: Arc<Pattern>,
    range: Range<usize>,
    options: SearchOptions,
    size_bytes: usize,
    /// A copy of the subject, where it begins within a byte.
    copy: Option<Vec<u8>>,
}

const SUBJECT: Slot = Slot::arg(0);

/// A stack of many ranges, which never moves what is in it.
#[derive(Default)]
struct Ranges(Vec<Vec<Range<usize>>>);

impl Ranges {
    const CHUNK: usize = 4096;

    fn push(&mut self, range: Range<usize>) {
        match self.0.last_mut().filter(|chunk| chunk.len() < Ranges::CHUNK) {
            Some(chunk) => chunk.push(range),
            None => self.0.push(vec![range]),
        }
    }

    fn pop(&mut self) -> Option<Range<usize>> {
        loop {
            match self.0.last_mut()?.pop() {
                Some(range) => return Some(range),
                None => self.0.pop(),
            };
        }
    }
}

impl Search {
    /// `list`: the slot of the options, if there are any.
    async fn new(y: Yielder, list: Option<Slot>, split: bool) -> Result<Search, Failure> {
        let (mut search, aligned) = y
            .attempt(|_, roots| {
                let bits = arg::bits(roots.get(SUBJECT))?;
                if bits.bit_size() % 8 != 0 {
                    return Err(Flow::badarg());
                }
                let size_bytes = bits.byte_size();
                let list = list.map_or(Term::nil(), |slot| roots.get(slot));
                let options = options(list, size_bytes, split)?;
                let range = options.scope.clone().unwrap_or(0..size_bytes);
                let pattern = pattern(roots.get(Slot::arg(1)))?;
                let search = Search { pattern, range, options, size_bytes, copy: None };
                Ok((search, bits.as_bytes().is_some()))
            })
            .await?;
        if !aligned {
            let mut copy = vec![];
            each_piece(y, SUBJECT, BYTES_PER_REDUCTION / 8, |bytes| copy.extend_from_slice(bytes))
                .await?;
            search.copy = Some(copy);
        }
        Ok(search)
    }

    /// Gives `visit` each match, until it wants no more.
    async fn each(&self, y: Yielder, mut visit: impl FnMut(Range<usize>) -> bool + Send) {
        let mut at = self.range.start;
        y.slices(SEARCHED_PER_REDUCTION, |_, roots, units| {
            let lent = || roots.get(SUBJECT).as_bytes();
            let bytes = self.copy.as_deref().or_else(lent).unwrap_or_default();
            while *units > 0 {
                // Matches that begin before `beyond` are found, however far they go.
                let beyond = self.range.end.min(at + *units);
                let end = self.range.end.min(beyond + self.pattern.longest());
                match self.pattern.find(bytes, at..end) {
                    Some(found) if found.start < beyond || beyond == self.range.end => {
                        *units = units.saturating_sub(found.end - at + MATCH_BYTES);
                        at = found.end;
                        if !visit(found) {
                            return Some(());
                        }
                    }
                    _ => {
                        *units = units.saturating_sub(beyond - at).saturating_sub(1);
                        at = beyond;
                    }
                }
                if at >= self.range.end {
                    return Some(());
                }
            }
            None
        })
        .await;
    }
}

async fn match_2(y: Yielder) -> Yielded {
    first(y, None).await
}

async fn match_3(y: Yielder) -> Yielded {
    first(y, Some(Slot::arg(2))).await
}

async fn first(y: Yielder, list: Option<Slot>) -> Yielded {
    let search = Search::new(y, list, false).await?;
    let mut found = None;
    search
        .each(y, |range| {
            found = Some(range);
            false
        })
        .await;
    y.finish(|cx, _| Ok(found.map_or(Term::atom(am::nomatch), |found| position(cx, found)))).await
}

async fn matches_2(y: Yielder) -> Yielded {
    matches(y, None).await
}

async fn matches_3(y: Yielder) -> Yielded {
    matches(y, Some(Slot::arg(2))).await
}

async fn matches(y: Yielder, list: Option<Slot>) -> Yielded {
    let search = Search::new(y, list, false).await?;
    let mut found = Ranges::default();
    search
        .each(y, |range| {
            found.push(range);
            true
        })
        .await;
    let result = y.step(|_, roots| roots.push(Term::nil())).await;
    y.slices(CONSES_PER_REDUCTION / 4, |cx, roots, units| {
        while *units > 0 {
            *units -= 1;
            let Some(range) = found.pop() else { return Some(()) };
            let longer = cx.heap.cons(position(cx, range), roots.get(result));
            roots.set(result, longer);
        }
        None
    })
    .await;
    Ok(result)
}

async fn split_2(y: Yielder) -> Yielded {
    split(y, None).await
}

async fn split_3(y: Yielder) -> Yielded {
    split(y, Some(Slot::arg(2))).await
}

async fn split(y: Yielder, list: Option<Slot>) -> Yielded {
    let search = Search::new(y, list, true).await?;
    let (mut parts, mut start) = (Ranges::default(), 0);
    search
        .each(y, |found| {
            parts.push(start..found.start);
            start = found.end;
            search.options.global
        })
        .await;
    parts.push(start..search.size_bytes);
    let (trim, trim_all) = (search.options.trim, search.options.trim_all);
    let result = y.step(|_, roots| roots.push(Term::nil())).await;
    let mut kept_any = false;
    y.slices(CONSES_PER_REDUCTION / 4, |cx, roots, units| {
        while *units > 0 {
            *units -= 1;
            let Some(part) = parts.pop() else { return Some(()) };
            // From the end: the empty parts there are what `trim` leaves out.
            if part.is_empty() && (trim_all || trim && !kept_any) {
                continue;
            }
            kept_any = true;
            let subject = roots.get(SUBJECT);
            let part = cx.heap.sub_binary(subject, part.start * 8, part.len() * 8);
            let longer = cx.heap.cons(part, roots.get(result));
            roots.set(result, longer);
        }
        None
    })
    .await;
    Ok(result)
}
