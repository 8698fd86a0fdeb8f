//! Decodes a file's literals into an area of their own.

use oxbeam_etf::decode::{Options, decode};
use oxbeam_heap::Heap;
use oxbeam_heap::literal::Area;
use oxbeam_term::{RawTerm, Term};

/// Literals as terms, and what owns them.
pub(crate) struct Literals {
    /// The memory of those that are no immediates; `None` where there is none.
    pub(crate) area: Option<Area>,
    /// The terms, in the order asked for.
    pub(crate) terms: Vec<RawTerm>,
}

/// Decodes external terms, each with its version byte.
pub(crate) fn decode_all(external: &[&[u8]]) -> Result<Literals, String> {
    let scratch = Heap::detached();
    let mut terms: Vec<Term<'_>> = Vec::with_capacity(external.len());
    for (i, bytes) in external.iter().enumerate() {
        let bad = || format!("literal {i} is no external term");
        let body = bytes.strip_prefix(&[131]).ok_or_else(bad)?;
        terms.push(decode(&scratch, body, Options::default()).map_err(|_| bad())?.term);
    }
    if terms.iter().all(|term| term.raw().is_immediate()) {
        return Ok(Literals { area: None, terms: terms.iter().map(|term| term.raw()).collect() });
    }
    let (area, terms) = Area::copy_of(&terms).ok_or("no memory for literals")?;
    Ok(Literals { area: Some(area), terms })
}
