//! Module `binary`.

pub mod part;
pub mod search;
pub mod unsigned;
