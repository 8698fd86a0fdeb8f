//! What a load is given, and how it fails.

use oxbeam_beam_file::Error;
use std::fmt;

/// Why a file was not loaded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LoadError {
    /// `{error, badfile}`, with what to log.
    BadFile(Error),
    /// No memory, or no room in a table.
    SystemLimit(&'static str),
}

impl From<Error> for LoadError {
    fn from(error: Error) -> LoadError {
        LoadError::BadFile(error)
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::BadFile(error) => write!(f, "{error}"),
            LoadError::SystemLimit(what) => write!(f, "out of {what}"),
        }
    }
}

/// What a load depends on besides the file.
#[derive(Clone, Copy)]
pub struct Profile {
    /// The release's highest operation number; a file that needs more is refused.
    pub opcode_max: u32,
    /// Whether line numbers are kept.
    pub keep_lines: bool,
}

impl Default for Profile {
    /// The profile of OTP 25.
    fn default() -> Profile {
        Profile { opcode_max: 180, keep_lines: true }
    }
}
