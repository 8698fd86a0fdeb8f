//! The operations, by family as the table of specific operations names them.

pub mod arith;
pub mod bif;
pub mod bs;
pub mod bs_append;
pub mod bs_create;
pub mod bs_match;
pub mod bs_put;
pub mod call;
pub mod catches;
pub mod compare;
pub mod data;
pub mod data_slow;
pub mod float;
pub mod fun;
pub mod map;
pub mod msg;
pub mod select;
pub mod stub;
