//! Making funs.

use crate::machine::{Place, S, op, slow};
use oxbeam_term::{FunEntry, RawTerm, Term};
use std::mem::MaybeUninit;

op! {
    fn make_fun<R: Place>(m) {
        make_fun_slow::<R>
    }
}

slow! {
    fn make_fun_slow<R: Place>(m) {
        let n = m.w(3) as usize;
        let mut env = [const { MaybeUninit::<RawTerm>::uninit() }; 256];
        for (i, slot) in env[..n].iter_mut().enumerate() {
            slot.write(m.get::<S>(4 + i));
        }
        let entry = &*(m.w(2) as *const FunEntry);
        let creator = Term::pid(m.turn().process().pid);
        let env = std::slice::from_raw_parts(env.as_ptr().cast::<Term<'_>>(), n);
        let fun = m.heap().fun(entry, entry.arity, creator, env).raw();
        m.back();
        m.set::<R>(1, fun);
        m.next(4 + n)
    }
}
