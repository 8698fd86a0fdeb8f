//! Module `erlang`.
