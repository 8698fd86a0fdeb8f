//! What can be wrong with a file.

use std::fmt;

/// A chunk's four-letter name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Chunk(pub [u8; 4]);

impl fmt::Display for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|&b| write!(f, "{}", b.escape_ascii()))
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chunk({self})")
    }
}

/// Why a file was refused: where, and what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    /// The chunk it was found in; `None` for the container itself.
    pub chunk: Option<Chunk>,
    /// `name/arity` of the function, where the fault lies in code.
    pub function: Option<String>,
    /// What is wrong, in a few words.
    pub reason: String,
}

impl Error {
    /// An error in chunk `chunk`.
    pub fn new(chunk: &[u8; 4], reason: impl Into<String>) -> Error {
        Error { chunk: Some(Chunk(*chunk)), function: None, reason: reason.into() }
    }

    /// An error in the container.
    pub fn container(reason: impl Into<String>) -> Error {
        Error { chunk: None, function: None, reason: reason.into() }
    }

    /// The same error, said to lie in function `name/arity`.
    pub fn in_function(mut self, name: &[u8], arity: u32) -> Error {
        self.function = Some(format!("{}/{arity}", String::from_utf8_lossy(name)));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.chunk {
            Some(chunk) => write!(f, "chunk {chunk}")?,
            None => write!(f, "container")?,
        }
        if let Some(function) = &self.function {
            write!(f, ", function {function}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for Error {}
