//! Funs made from what identifies their code, as external terms carry it.

use crate::heap::Heap;
use oxbeam_term::{Atom, FunEntry, Term};

/// What identifies the code of a fun.
#[derive(Clone, Copy)]
pub struct FunIdentity {
    pub module: Atom,
    pub index: u32,
    pub uniq: [u8; 16],
    pub old_index: u32,
    pub old_uniq: u32,
    pub arity: u8,
}

impl Heap {
    /// A fun of that identity, whether its code is loaded or not.
    pub fn fun_of<'h>(
        &'h self,
        identity: FunIdentity,
        creator: Term<'h>,
        env: &[Term<'h>],
    ) -> Term<'h> {
        let FunIdentity { module, index, uniq, old_index, old_uniq, arity } = identity;
        let entry = FunEntry::get_or_create(module, index, uniq, (old_index, old_uniq), arity);
        // SAFETY: we hold one reference until `release`; the fun takes its own.
        unsafe {
            let fun = self.fun(entry.as_ref(), arity, creator, env);
            FunEntry::release(entry);
            fun
        }
    }
}
