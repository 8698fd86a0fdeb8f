//! References of this node that have been outside, as text or in external terms, and mean more than
//! their numbers: what they meant is known when they come back.
//!
//! 1. An entry of a magic reference owns no reference to its block, and its block is marked. A look-up
//!    takes a reference only while there still is one.
//! 2. The last reference to a marked block takes its entries away before the block is freed, and both
//!    that and a look-up are done under the lock: no block in the table is freed.
//! 3. An alias is entered with its process, which is told ([`set_alias_entered`]): it takes the entry
//!    away as soon as the alias is active no more.

use crate::binary::Binary;
use crate::raw::RawTerm;
use crate::view::Ref;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The numbers of a reference, lowest first.
type Numbers = [u32; 3];

/// What a reference of this node means.
pub enum Meaning {
    Plain,
    /// An alias of this process.
    Alias(RawTerm),
    /// A magic reference, with one reference to its block given away.
    Magic(NonNull<Binary>),
}

#[derive(Default)]
struct Entries {
    aliases: HashMap<Numbers, RawTerm>,
    blocks: HashMap<Numbers, NonNull<Binary>>,
    /// Under which numbers a block is entered.
    numbers: HashMap<NonNull<Binary>, Vec<Numbers>>,
}

// SAFETY: blocks may be reached from any thread, as rule 2 says.
unsafe impl Send for Entries {}

static ENTRIES: Mutex<Option<Entries>> = Mutex::new(None);
/// Entries of aliases, for who has none to take away.
static ALIAS_COUNT: AtomicUsize = AtomicUsize::new(0);
static ALIAS_ENTERED: OnceLock<fn(Numbers, RawTerm)> = OnceLock::new();

/// Sets who tells a process that its alias has been entered (rule 3); once, at boot.
pub fn set_alias_entered(tell: fn(Numbers, RawTerm)) {
    ALIAS_ENTERED.set(tell).ok();
}

impl Ref<'_> {
    /// The reference goes outside and may come back.
    pub fn goes_outside(self) {
        if let Some(block) = self.magic_block() {
            enter_magic(self.numbers(), block);
        } else if let Some(pid) = self.alias_pid() {
            enter_alias(self.numbers(), pid.raw());
        }
    }
}

/// The caller has a reference to the block.
fn enter_magic(numbers: Numbers, block: NonNull<Binary>) {
    let mut entries = ENTRIES.lock();
    let entries = entries.get_or_insert_default();
    if entries.blocks.insert(numbers, block).is_none() {
        // SAFETY: alive, by the caller's reference.
        unsafe { block.as_ref() }.mark_outside();
        entries.numbers.entry(block).or_default().push(numbers);
    }
}

fn enter_alias(numbers: Numbers, pid: RawTerm) {
    let entered = ENTRIES.lock().get_or_insert_default().aliases.insert(numbers, pid).is_none();
    if entered {
        ALIAS_COUNT.fetch_add(1, Ordering::SeqCst);
        if let Some(tell) = ALIAS_ENTERED.get() {
            tell(numbers, pid);
        }
    }
}

/// What the reference with these numbers means, if it has been outside.
pub fn meaning(numbers: Numbers) -> Meaning {
    let entries = ENTRIES.lock();
    let Some(entries) = &*entries else { return Meaning::Plain };
    if let Some(&pid) = entries.aliases.get(&numbers) {
        return Meaning::Alias(pid);
    }
    match entries.blocks.get(&numbers) {
        // SAFETY: rule 2: in the table, and the lock is held.
        Some(&block) if unsafe { block.as_ref() }.retain_if_alive() => Meaning::Magic(block),
        _ => Meaning::Plain,
    }
}

/// The alias is active no more.
pub fn forget_alias(numbers: Numbers) {
    if ALIAS_COUNT.load(Ordering::SeqCst) > 0
        && let Some(entries) = &mut *ENTRIES.lock()
        && entries.aliases.remove(&numbers).is_some()
    {
        ALIAS_COUNT.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A marked block is about to be freed (rule 2).
pub(crate) fn forget_magic(block: NonNull<Binary>) {
    if let Some(entries) = &mut *ENTRIES.lock() {
        for numbers in entries.numbers.remove(&block).unwrap_or_default() {
            entries.blocks.remove(&numbers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_magic_reference_comes_back_while_it_lives() {
        let (numbers, value) = ([1, 2, 77], Arc::new(7));
        let block = Binary::new_magic(Box::new(value.clone()));
        enter_magic(numbers, block);
        enter_magic(numbers, block);
        let Meaning::Magic(again) = meaning(numbers) else { panic!("it is known") };
        assert_eq!(again, block);
        // SAFETY: these are the two references that there are.
        unsafe {
            Binary::release(again);
            assert_eq!(Arc::strong_count(&value), 2);
            Binary::release(block);
        }
        assert_eq!(Arc::strong_count(&value), 1);
        assert!(matches!(meaning(numbers), Meaning::Plain));
        let entries = ENTRIES.lock();
        assert!(!entries.as_ref().unwrap().numbers.contains_key(&block));
    }

    #[test]
    fn an_alias_is_known_until_it_is_forgotten() {
        let (numbers, pid) = ([1, 2, 78], RawTerm::pid(5));
        enter_alias(numbers, pid);
        assert!(matches!(meaning(numbers), Meaning::Alias(known) if known == pid));
        forget_alias(numbers);
        forget_alias(numbers);
        assert!(matches!(meaning(numbers), Meaning::Plain));
    }
}
