//! Built-in functions: one table, [`table::BIFS`], and one file or folder per Erlang module.
//!
//! `erlang:process_info/2` is `erlang::process_info::process_info_2`: the name tells the file.
//! A function checks its arguments, makes OTP's error terms, and leaves the work to the crate
//! that has the mechanism.
#![forbid(unsafe_code)]

mod arg;
pub mod atomics;
pub mod binary;
pub mod break_menu;
pub mod counters;
pub mod crash_dump;
pub mod erlang;
pub mod erts_debug;
pub mod erts_internal;
pub mod lists;
mod long;
pub mod maps;
pub mod math;
pub mod os;
pub mod oxbeam;
pub mod persistent_term;
pub mod prim_file;
pub mod re;
pub mod table;
pub mod unicode;
