//! Module `erlang`.

pub mod atom;
pub mod code;
pub mod dictionary;
pub mod errors;
pub mod hash;
pub mod identity_text;
pub mod iolist;
pub mod list;
pub mod messages;
pub mod number_text;
pub mod operators;
pub mod process_info;
pub mod processes;
pub mod term_format;
pub mod time;
pub mod types;
