//! What a load is given, and how it fails.

use oxbeam_beam_file::Error;
use oxbeam_term::RawTerm;
use std::any::Any;
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

/// Decoded literals and what owns them.
pub struct Literals {
    /// Owns the memory of the terms.
    pub owner: Box<dyn Any + Send + Sync>,
    /// The terms, in the order asked for.
    pub terms: Vec<RawTerm>,
}

/// What a load depends on besides the file.
pub struct Profile<'a> {
    /// The release's highest operation number; a file that needs more is refused.
    pub opcode_max: u32,
    /// Decodes external terms (each with its version byte) into an area that
    /// no collection touches; `Err` says what is wrong with them.
    pub decode_literals: &'a dyn Fn(&[&[u8]]) -> Result<Literals, String>,
    /// Whether line numbers are kept.
    pub keep_lines: bool,
}
