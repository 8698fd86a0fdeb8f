//! What tests share that read files of the installed OTP and damage them.

pub mod installed;
pub mod numbers;
