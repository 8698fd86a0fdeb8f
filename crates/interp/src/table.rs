//! A handler for each operation, made from the table of specific operations.

use crate::machine::{C, D, Handler, M, S, X, Y, finish};
use oxbeam_ops::for_each_specific_op;
use oxbeam_runtime::engine::Regs;

macro_rules! handlers {
    ($($family:ident $template:ident ($($kind:ident)*) {
        $($op:ident <$($mode:ident),*>,)*
    } $meaning:literal;)*) => {
        mod handler {
            use super::*;
            $($(
                pub unsafe extern "C" fn $op(
                    ip: *const u64,
                    c: *mut Regs,
                    htop: *mut u64,
                    e: *mut u64,
                    reds: i64,
                ) {
                    let mut m = M { ip, c, htop, e, reds };
                    // SAFETY: machine rules: whoever calls a handler keeps them.
                    let next = unsafe { crate::op::$family::$template::<$($mode),*>(&mut m) };
                    finish!(m, next)
                }
            )*)*
        }

        /// The handlers, in table order.
        pub const HANDLERS: &[Handler] = &[$($(handler::$op),*),*];
    };
}
for_each_specific_op!(handlers);
