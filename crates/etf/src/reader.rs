//! Reading big-endian numbers within bounds.

use crate::decode::DecodeError;

/// What is left of the input.
#[derive(Clone)]
pub struct Reader<'b> {
    rest: &'b [u8],
}

impl<'b> Reader<'b> {
    pub fn new(bytes: &'b [u8]) -> Reader<'b> {
        Reader { rest: bytes }
    }

    pub fn rest(&self) -> &'b [u8] {
        self.rest
    }

    pub fn take(&mut self, count: usize) -> Result<&'b [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(DecodeError::Bad)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(DecodeError::Bad)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(self.array::<1>()?[0])
    }
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.array()?))
    }
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_be_bytes(self.array()?))
    }
    pub fn i32(&mut self) -> Result<i32, DecodeError> {
        Ok(i32::from_be_bytes(self.array()?))
    }
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        Ok(u64::from_be_bytes(self.array()?))
    }
    pub fn uniq(&mut self) -> Result<[u8; 16], DecodeError> {
        self.array()
    }

    /// A count of things that take at least `min_bytes` of the input each: refused at once when
    /// the input is too short.
    pub fn count(&mut self, count: u32, min_bytes: usize) -> Result<usize, DecodeError> {
        let count = count as usize;
        if count.saturating_mul(min_bytes) > self.rest.len() {
            Err(DecodeError::Bad)
        } else {
            Ok(count)
        }
    }
}
