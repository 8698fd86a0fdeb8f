//! Making funs.

use crate::machine::{Place, S, op, slow};
use oxbeam_term::{FunEntry, RawTerm, Term};

op! {
    fn make_fun<R: Place>(m) {
        make_fun_slow::<R>
    }
}

slow! {
    fn make_fun_slow<R: Place>(m) {
        let n = m.w(3) as usize;
        let mut env = [RawTerm::NIL; 256];
        for i in 0..n {
            env[i] = m.get::<S>(4 + i);
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
