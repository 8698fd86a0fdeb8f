//! Instructions that fuse with what follows them.

use crate::emit::Fix;
use crate::instruction::{frame_bytes, is_register, number, tuple_header};
use crate::transform::{Fault, Loader};
use oxbeam_beam_file::Operand;
use oxbeam_ops::generic::Generic as G;
use oxbeam_ops::specific::Template as T;

impl Loader<'_> {
    /// `move`, with a call, a return or another move behind it.
    pub(crate) fn fold_move(&mut self, args: &[Operand]) -> Result<(), Fault> {
        let &[src, dst] = args else { return Err(Fault::Operand) };
        let next = self.peek();
        self.proofs.written(dst);
        let Some(next) = next else { return self.put(T::mov, &[src, dst], &[]) };
        match next.op {
            G::Call | G::CallOnly | G::CallLast => {
                self.at += 1;
                self.proofs.forget();
                let to = self.callee(next.args[1])?;
                match next.op {
                    G::Call => self.put_call(T::mov_call, &[src, dst], &[to]),
                    G::CallOnly => self.put(T::mov_call_only, &[src, dst], &[to]),
                    _ => {
                        let bytes = frame_bytes(next.args[2])?;
                        self.put(T::mov_call_last, &[src, dst], &[to, bytes])
                    }
                }
            }
            G::Return => {
                self.at += 1;
                self.put(T::mov_ret, &[src, dst], &[])
            }
            G::Deallocate if self.followed_by_return() => {
                self.at += 2;
                let bytes = frame_bytes(next.args[0])?;
                self.put(T::mov_deallocate_ret, &[src, dst], &[bytes])
            }
            G::Move if is_register(src) && is_register(next.args[0]) => {
                self.at += 1;
                self.proofs.written(next.args[1]);
                self.put(T::mov2, &[src, dst, next.args[0], next.args[1]], &[])
            }
            _ => self.put(T::mov, &[src, dst], &[]),
        }
    }

    fn followed_by_return(&self) -> bool {
        self.peek_at(1).is_some_and(|after| after.op == G::Return)
    }

    /// `deallocate`, with a `return` behind it.
    pub(crate) fn fold_deallocate(&mut self, args: &[Operand]) -> Result<(), Fault> {
        let bytes = frame_bytes(args[0])?;
        if self.peek().is_some_and(|next| next.op == G::Return) {
            self.at += 1;
            return self.put(T::deallocate_ret, &[], &[bytes]);
        }
        self.put(T::deallocate, &[], &[bytes])
    }

    /// `is_nonempty_list`, with a `get_list` of the same register behind it.
    pub(crate) fn fold_nonempty_list(&mut self, args: &[Operand]) -> Result<bool, Fault> {
        let &[fail, src] = args else { return Err(Fault::Operand) };
        let fail = self.target(fail)?;
        if let Some(next) = self.peek()
            && next.op == G::GetList
            && next.args[0] == src
        {
            self.at += 1;
            self.proofs.written(next.args[1]);
            self.proofs.written(next.args[2]);
            self.put(T::is_nonempty_list_get_list, next.args, &[fail])?;
        } else {
            self.put(T::is_nonempty_list, &[src], &[fail])?;
        }
        Ok(true)
    }

    /// `is_tuple`, with a `test_arity` of the same register and label behind it.
    pub(crate) fn fold_is_tuple(&mut self, args: &[Operand]) -> Result<bool, Fault> {
        let &[label, src] = args else { return Err(Fault::Operand) };
        let fail = self.target(label)?;
        if let Some(next) = self.peek()
            && next.op == G::TestArity
            && next.args[..2] == *args
        {
            self.at += 1;
            let header = Fix::Word(tuple_header(next.args[2])?);
            self.put(T::is_tuple_of_arity, &[src], &[fail, header])?;
            self.proofs.tuple(src, number(next.args[2])?);
        } else {
            self.put(T::is_tuple, &[src], &[fail])?;
            self.proofs.tuple(src, 0);
        }
        Ok(true)
    }
}
