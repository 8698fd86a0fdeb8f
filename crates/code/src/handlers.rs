//! The word that stands for an operation in memory: the address of its
//! handler, as the engine says at boot.

use oxbeam_ops::specific::Op;
use std::collections::HashMap;
use std::sync::OnceLock;

struct Handlers {
    word: &'static [usize],
    op: HashMap<usize, Op>,
}

static HANDLERS: OnceLock<Handlers> = OnceLock::new();

/// Makes the engine's handlers known, one for each operation in table order.
/// The first call counts; the handlers must differ from each other.
pub fn install(word: &'static [usize]) {
    assert_eq!(word.len(), Op::COUNT, "one handler for each operation");
    HANDLERS.get_or_init(|| Handlers {
        word,
        op: Op::all().map(|op| (word[op as usize], op)).collect(),
    });
}

/// The word of an operation. Panics before [`install`].
pub fn word_of(op: Op) -> u64 {
    HANDLERS.get().expect("the engine installs its handlers first").word[op as usize] as u64
}

/// The operation of a word, if it is one.
pub fn op_of(word: u64) -> Option<Op> {
    HANDLERS.get()?.op.get(&(word as usize)).copied()
}
