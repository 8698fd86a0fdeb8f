//! Conversions of much text, in turns.

use oxbeam_heap::binary_buffer::BinaryBuffer;
use oxbeam_runtime::{Failure, Slot, Yielded, Yielder};
use oxbeam_term::{Term, am};

use super::{Converter, End, encoding, walk_character_data};
use crate::erlang::iolist::long::BYTES_PER_REDUCTION;
use crate::long::{self, CELLS_PER_REDUCTION, CONSES_PER_REDUCTION};

long::routines! {
    characters_to_binary_long => characters_to_binary;
    characters_to_list_long => characters_to_list;
}

/// Characters, or their like in bytes of binaries, that are converted in a reduction.
const CHARS_PER_REDUCTION: usize = 16;
/// The stack of what is still to be walked.
const OUTER: usize = 0;

/// How a conversion has ended.
enum Ended {
    Done,
    Incomplete(Vec<u8>),
    Error(Slot),
}

async fn characters_to_binary(y: Yielder) -> Yielded {
    let (parts, ended) = converted(y).await?;
    let mut buffer = BinaryBuffer::with_capacity(parts.iter().map(String::len).sum());
    let mut parts = parts.into_iter();
    let (mut part, mut at) = (String::new(), 0);
    y.slices(BYTES_PER_REDUCTION, |_, _, units| {
        while *units > 0 {
            let end = part.len().min(at + *units);
            buffer.push(&part.as_bytes()[at..end]);
            *units = units.saturating_sub((end - at).max(1));
            at = end;
            if at == part.len() {
                match parts.next() {
                    Some(next) => (part, at) = (next, 0),
                    None => return Some(()),
                }
            }
        }
        None
    })
    .await;
    let done = y.step(|cx, roots| roots.push(buffer.into_term(cx.heap))).await;
    result(y, done, ended).await
}

async fn characters_to_list(y: Yielder) -> Yielded {
    let (mut parts, ended) = converted(y).await?;
    let list = y.step(|_, roots| roots.push(Term::nil())).await;
    y.slices(CONSES_PER_REDUCTION, |cx, roots, units| {
        while *units > 0 {
            let Some(part) = parts.last_mut() else { return Some(()) };
            let mut left = part.len();
            let chars = part.char_indices().rev().take(*units);
            let longer = chars.fold(roots.get(list), |tail, (at, char)| {
                left = at;
                *units -= 1;
                cx.heap.cons(cx.heap.int(i64::from(u32::from(char))), tail)
            });
            roots.set(list, longer);
            part.truncate(left);
            if left == 0 {
                parts.pop();
            }
        }
        None
    })
    .await;
    result(y, list, ended).await
}

async fn result(y: Yielder, done: Slot, ended: Ended) -> Yielded {
    y.finish(|cx, roots| {
        let done = roots.get(done);
        Ok(match ended {
            Ended::Done => done,
            Ended::Incomplete(rest) => {
                cx.heap.tagged(am::incomplete, [done, cx.heap.binary(&rest)])
            }
            Ended::Error(rest) => cx.heap.tagged(am::error, [done, roots.get(rest)]),
        })
    })
    .await
}

/// The text, in parts, and how it ends.
async fn converted(y: Yielder) -> Result<(Vec<String>, Ended), Failure> {
    let data = Slot::arg(0);
    let encoding = y.attempt(|_, roots| encoding(roots.get(Slot::arg(1)))).await?;
    check(y, data).await?;
    let (mut parts, mut pending) = (vec![], vec![]);
    let ended = y
        .slices(CHARS_PER_REDUCTION, |cx, roots, units| {
            let (outer, mut rest) = (roots.take_stack(OUTER), roots.get(data));
            let (out, pending) = (String::new(), &mut pending);
            let mut converter = Converter { cx, encoding, out, pending, outer };
            let end = converter.run(&mut rest, units);
            let Converter { out, outer, .. } = converter;
            parts.push(out);
            roots.set(data, rest);
            roots.put_stack(OUTER, outer);
            Some(match end? {
                End::Done => Ended::Done,
                End::Incomplete(rest) => Ended::Incomplete(rest),
                End::Error(rest) => Ended::Error(roots.push(rest)),
            })
        })
        .await;
    Ok((parts, ended))
}

/// `badarg` for what is no character data.
async fn check(y: Yielder, data: Slot) -> Result<(), Failure> {
    y.step(|_, roots| roots.put_stack(OUTER, vec![roots.get(data)])).await;
    let good = y
        .slices(CELLS_PER_REDUCTION, |_, roots, units| {
            let mut stack = roots.take_stack(OUTER);
            let good = walk_character_data(&mut stack, units);
            let done = stack.is_empty();
            roots.put_stack(OUTER, stack);
            (done || !good).then_some(good)
        })
        .await;
    y.step(|_, roots| drop(roots.take_stack(OUTER))).await;
    if good { Ok(()) } else { Err(Failure::BADARG) }
}
