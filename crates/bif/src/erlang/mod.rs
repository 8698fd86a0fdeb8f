//! Module `erlang`.

pub mod dictionary;
pub mod errors;
pub mod messages;
pub mod operators;
pub mod process_info;
pub mod processes;
pub mod time;
pub mod types;
