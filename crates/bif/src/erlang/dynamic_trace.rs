//! The `dt_*` natives as an emulator without dynamic tracing answers them.

use oxbeam_runtime::{Cx, NativeResult};
use oxbeam_term::{Term, am};

macro_rules! answers {
    ($($name:ident($args:ident) => $answer:expr;)*) => {$(
        #[doc = concat!("`erlang:", stringify!($name), "`")]
        pub fn $name<'h>(_: &mut Cx<'h>, $args: &[Term<'h>]) -> NativeResult<'h> {
            Ok($answer)
        }
    )*};
}

answers! {
    dt_append_vm_tag_data_1(args) => args[0];
    dt_prepend_vm_tag_data_1(args) => args[0];
    dt_get_tag_0(_args) => Term::atom(am::undefined);
    dt_get_tag_data_0(_args) => Term::atom(am::undefined);
    dt_put_tag_1(_args) => Term::atom(am::undefined);
    dt_restore_tag_1(_args) => Term::bool(true);
    dt_spread_tag_1(_args) => Term::bool(true);
}
