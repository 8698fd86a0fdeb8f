//! A compressing or decompressing stream of the system's zlib, the library
//! that stock links, so that compressed bytes come out the same.

use libz_sys as z;
use std::mem::MaybeUninit;

/// Which way a stream goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Compressing.
    Deflate,
    /// Decompressing.
    Inflate,
}

/// What the library answers when it did not fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// More can be done.
    Ok,
    /// The stream is at its end.
    End,
    /// A dictionary is needed to go on.
    NeedDictionary,
    /// No progress was possible with the room and input given.
    NoProgress,
}

/// What the library complains of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ZError {
    /// The parameters or the state make no sense.
    Stream,
    /// The compressed bytes are wrong.
    Data,
    /// Out of memory.
    Memory,
    /// No progress possible.
    Buffer,
    /// The library is another version than this was built for.
    Version,
    /// Any other number.
    Unknown,
}

/// The parameters of `deflateInit2`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeflateParameters {
    /// Compression level.
    pub level: i32,
    /// Always deflated (8).
    pub method: i32,
    /// Window size; negative for raw, plus 16 for gzip.
    pub window_bits: i32,
    /// Memory level.
    pub memory_level: i32,
    /// Strategy.
    pub strategy: i32,
}

/// A live stream. The library's state points back at the stream, so it stays
/// in one place on the heap.
pub struct ZStream {
    raw: Box<z::z_stream>,
    direction: Direction,
}

// SAFETY: the library keeps no thread state; the stream owns all it points at.
unsafe impl Send for ZStream {}

/// How far a call of [`ZStream::run`] came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Bytes taken from the input.
    pub consumed: usize,
    /// Bytes put into the output.
    pub produced: usize,
    /// The library's answer.
    pub status: Status,
}

fn answer(code: i32) -> Result<Status, ZError> {
    match code {
        z::Z_OK => Ok(Status::Ok),
        z::Z_STREAM_END => Ok(Status::End),
        z::Z_NEED_DICT => Ok(Status::NeedDictionary),
        z::Z_BUF_ERROR => Ok(Status::NoProgress),
        other => Err(error(other)),
    }
}

fn error(code: i32) -> ZError {
    match code {
        z::Z_STREAM_ERROR => ZError::Stream,
        z::Z_DATA_ERROR => ZError::Data,
        z::Z_MEM_ERROR => ZError::Memory,
        z::Z_BUF_ERROR => ZError::Buffer,
        z::Z_VERSION_ERROR => ZError::Version,
        _ => ZError::Unknown,
    }
}

fn checked(code: i32) -> Result<(), ZError> {
    if code == z::Z_OK { Ok(()) } else { Err(error(code)) }
}

fn fresh() -> Box<z::z_stream> {
    let mut raw = Box::new(MaybeUninit::<z::z_stream>::zeroed());
    // SAFETY: null tells the library to use its own allocator; the fields are
    // written in place because a null function pointer is no Rust value.
    unsafe {
        let stream = raw.as_mut_ptr();
        (&raw mut (*stream).zalloc).write(allocate);
        (&raw mut (*stream).zfree).write(release);
        (&raw mut (*stream).data_type).write(0);
        raw.assume_init()
    }
}

extern "C" fn allocate(_: *mut libc::c_void, items: u32, size: u32) -> *mut libc::c_void {
    // SAFETY: plain numbers; the library checks for null.
    unsafe { libc::calloc(items as usize, size as usize) }
}

extern "C" fn release(_: *mut libc::c_void, address: *mut libc::c_void) {
    // SAFETY: the address came from `allocate`.
    unsafe { libc::free(address) }
}

const STREAM_BYTES: i32 = size_of::<z::z_stream>() as i32;

impl ZStream {
    /// A compressing stream.
    pub fn deflate(parameters: DeflateParameters) -> Result<ZStream, ZError> {
        let mut raw = fresh();
        let p = parameters;
        // SAFETY: crate rule 4: the stream is ours and stays in its box.
        checked(unsafe {
            z::deflateInit2_(
                &mut *raw,
                p.level,
                p.method,
                p.window_bits,
                p.memory_level,
                p.strategy,
                z::zlibVersion(),
                STREAM_BYTES,
            )
        })?;
        Ok(ZStream { raw, direction: Direction::Deflate })
    }

    /// A decompressing stream.
    pub fn inflate(window_bits: i32) -> Result<ZStream, ZError> {
        let mut raw = fresh();
        // SAFETY: crate rule 4: the stream is ours and stays in its box.
        checked(unsafe {
            z::inflateInit2_(&mut *raw, window_bits, z::zlibVersion(), STREAM_BYTES)
        })?;
        Ok(ZStream { raw, direction: Direction::Inflate })
    }

    /// Which way it goes.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// The running checksum of the library.
    pub fn checksum(&self) -> u32 {
        self.raw.adler as u32
    }

    /// Works on `input` until it is used up, `output` is full or the stream
    /// ends. `flush` is the library's number. At most 4 GB of each at a time.
    pub fn run(&mut self, input: &[u8], output: &mut [u8], flush: i32) -> Result<Progress, ZError> {
        let most = u32::MAX as usize;
        let (input, room) = (&input[..input.len().min(most)], output.len().min(most));
        self.raw.next_in =
            if input.is_empty() { std::ptr::null_mut() } else { input.as_ptr().cast_mut() };
        self.raw.avail_in = input.len() as u32;
        self.raw.next_out = output.as_mut_ptr();
        self.raw.avail_out = room as u32;
        // SAFETY: crate rule 4: the library reads `avail_in` bytes and writes
        // at most `avail_out`; it does not change the input.
        let code = unsafe {
            match self.direction {
                Direction::Deflate => z::deflate(&mut *self.raw, flush),
                Direction::Inflate => z::inflate(&mut *self.raw, flush),
            }
        };
        let status = answer(code)?;
        Ok(Progress {
            consumed: input.len() - self.raw.avail_in as usize,
            produced: room - self.raw.avail_out as usize,
            status,
        })
    }

    /// Gives the stream a dictionary.
    pub fn set_dictionary(&mut self, dictionary: &[u8]) -> Result<(), ZError> {
        let (bytes, length) = (dictionary.as_ptr(), dictionary.len() as u32);
        // SAFETY: crate rule 4.
        checked(unsafe {
            match self.direction {
                Direction::Deflate => z::deflateSetDictionary(&mut *self.raw, bytes, length),
                Direction::Inflate => z::inflateSetDictionary(&mut *self.raw, bytes, length),
            }
        })
    }

    /// The dictionary in use by a decompressing stream.
    pub fn dictionary(&mut self) -> Result<Vec<u8>, ZError> {
        let mut bytes = vec![0; 32_768];
        let mut length = 0;
        // SAFETY: crate rule 4: a window holds at most 32,768 bytes.
        checked(unsafe { inflateGetDictionary(&mut *self.raw, bytes.as_mut_ptr(), &mut length) })?;
        bytes.truncate(length as usize);
        Ok(bytes)
    }

    /// Starts over with the same parameters.
    pub fn reset(&mut self) -> Result<(), ZError> {
        // SAFETY: the stream is live.
        checked(unsafe {
            match self.direction {
                Direction::Deflate => z::deflateReset(&mut *self.raw),
                Direction::Inflate => z::inflateReset(&mut *self.raw),
            }
        })
    }

    /// Changes level and strategy of a compressing stream that was flushed.
    pub fn set_parameters(&mut self, level: i32, strategy: i32) -> Result<(), ZError> {
        let mut room = [0u8; 1];
        self.raw.next_in = std::ptr::null_mut();
        self.raw.avail_in = 0;
        self.raw.next_out = room.as_mut_ptr();
        self.raw.avail_out = 1;
        // SAFETY: crate rule 4: one byte of room, no input.
        let code = unsafe { z::deflateParams(&mut *self.raw, level, strategy) };
        if self.raw.avail_out == 0 {
            return Err(ZError::Stream);
        }
        checked(code)
    }

    /// Ends the stream. Errors: `Data` when a compressing one was not finished.
    pub fn end(self) -> Result<(), ZError> {
        let mut this = std::mem::ManuallyDrop::new(self);
        // SAFETY: `ManuallyDrop` keeps the library's end from running twice;
        // the box is given back here.
        unsafe {
            let result = this.finish();
            drop(std::ptr::read(&this.raw));
            result
        }
    }

    /// # Safety
    /// The stream is live and is not used afterwards.
    unsafe fn finish(&mut self) -> Result<(), ZError> {
        // SAFETY: by the caller's promise.
        checked(unsafe {
            match self.direction {
                Direction::Deflate => z::deflateEnd(&mut *self.raw),
                Direction::Inflate => z::inflateEnd(&mut *self.raw),
            }
        })
    }
}

impl Drop for ZStream {
    fn drop(&mut self) {
        // SAFETY: the stream is live; this is its last use.
        let _ = unsafe { self.finish() };
    }
}

impl std::fmt::Debug for ZStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ZStream({:?})", self.direction)
    }
}

unsafe extern "C" {
    /// In the library since 1.2.7.1, not in the bindings.
    fn inflateGetDictionary(stream: *mut z::z_stream, bytes: *mut u8, length: *mut u32) -> i32;
}

/// The crc-32 of `bytes` continuing from `start`.
pub fn crc32(start: u32, bytes: &[u8]) -> u32 {
    let parts = bytes.chunks(1 << 30);
    parts.fold(start, |sum, part| {
        // SAFETY: crate rule 4.
        unsafe { z::crc32(sum.into(), part.as_ptr(), part.len() as u32) as u32 }
    })
}

/// The adler-32 of `bytes` continuing from `start`.
pub fn adler32(start: u32, bytes: &[u8]) -> u32 {
    let parts = bytes.chunks(1 << 30);
    parts.fold(start, |sum, part| {
        // SAFETY: crate rule 4.
        unsafe { z::adler32(sum.into(), part.as_ptr(), part.len() as u32) as u32 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: DeflateParameters = DeflateParameters {
        level: 6,
        method: z::Z_DEFLATED,
        window_bits: 15,
        memory_level: 8,
        strategy: 0,
    };

    #[test]
    fn what_goes_in_comes_out() {
        let text = b"one two three ".repeat(1000);
        let mut packed = vec![0; 20_000];
        let mut deflate = ZStream::deflate(DEFAULT).unwrap();
        let done = deflate.run(&text, &mut packed, z::Z_FINISH).unwrap();
        assert_eq!((done.consumed, done.status), (text.len(), Status::End));
        assert_eq!(deflate.checksum(), adler32(1, &text));
        deflate.end().unwrap();
        packed.truncate(done.produced);
        let mut unpacked = vec![0; text.len() + 1];
        let mut inflate = ZStream::inflate(15).unwrap();
        let some = inflate.run(&packed, &mut unpacked[..1000], z::Z_NO_FLUSH).unwrap();
        assert_eq!((some.produced, some.status), (1000, Status::Ok));
        assert_eq!(inflate.dictionary().unwrap(), text[..1000]);
        let rest = &packed[some.consumed..];
        let done = inflate.run(rest, &mut unpacked[1000..], z::Z_NO_FLUSH).unwrap();
        assert_eq!((done.produced, done.status), (text.len() - 1000, Status::End));
        assert_eq!(&unpacked[..text.len()], text);
        inflate.end().unwrap();
    }

    #[test]
    fn wrong_bytes_are_a_data_error() {
        let mut inflate = ZStream::inflate(15).unwrap();
        let mut room = [0; 10];
        assert_eq!(inflate.run(b"nonsense", &mut room, 0), Err(ZError::Data));
        assert_eq!(ZStream::inflate(99).err(), Some(ZError::Stream));
    }

    #[test]
    fn an_unfinished_stream_says_so_at_its_end() {
        let mut deflate = ZStream::deflate(DEFAULT).unwrap();
        deflate.run(b"abc", &mut [0; 100], z::Z_NO_FLUSH).unwrap();
        assert_eq!(deflate.end(), Err(ZError::Data));
    }

    #[test]
    fn checksums_of_known_text() {
        assert_eq!(crc32(0, b"123456789"), 0xCBF4_3926);
        assert_eq!(adler32(1, b"Wikipedia"), 0x11E6_0398);
    }
}
