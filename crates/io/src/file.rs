//! Open files and operations on paths, straight on the system.
//!
//! Everything answers the system's error number, as OTP's `prim_file` shows
//! it. Paths are bytes without a zero byte, in the encoding that Erlang code
//! chose. An interrupted call is made again.

use oxbeam_sys::Errno;
use std::ffi::{CStr, CString};
use std::io::IoSlice;
use std::os::fd::RawFd;

mod block;
mod info;
mod path;

pub use block::Block;
pub use info::{Access, FileInfo, FileKind, read_info};
pub use path::{
    current_directory, delete_directory, delete_file, hard_link, list_directory, make_directory,
    read_link, rename, set_current_directory, set_owner, set_permissions, set_times, soft_link,
};

/// The result of an operation.
pub type Answer<T> = Result<T, Errno>;

/// How a file is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Modes {
    /// For reading.
    pub read: bool,
    /// For writing; alone it empties the file.
    pub write: bool,
    /// Fails when the file exists.
    pub exclusive: bool,
    /// Every write goes to the end.
    pub append: bool,
    /// Every write waits for the disk.
    pub sync: bool,
    /// A directory may be opened like a file.
    pub skip_type_check: bool,
    /// Only a directory is opened.
    pub directory: bool,
}

impl Modes {
    /// `append` and `exclusive` open for writing; no mode at all, for reading.
    pub fn completed(mut self) -> Modes {
        self.write |= self.append || self.exclusive;
        self.read |= !self.write;
        self
    }

    fn flags(self) -> i32 {
        let mut flags = match (self.read, self.write) {
            (true, true) => libc::O_RDWR | libc::O_CREAT,
            (false, true) => libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC,
            _ => libc::O_RDONLY,
        };
        if self.append {
            flags = flags & !libc::O_TRUNC | libc::O_APPEND;
        }
        if self.exclusive {
            flags |= libc::O_EXCL;
        }
        if self.sync {
            flags |= libc::O_SYNC;
        }
        if self.directory {
            flags |= libc::O_DIRECTORY;
        }
        flags | libc::O_CLOEXEC
    }
}

/// Where a seek starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum From {
    /// The file's start.
    Start,
    /// The current position.
    Current,
    /// The file's end.
    End,
}

/// What access pattern to expect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Advice {
    /// None.
    Normal,
    /// Random.
    Random,
    /// From start to end.
    Sequential,
    /// Soon.
    WillNeed,
    /// Not soon.
    DontNeed,
    /// Once.
    NoReuse,
}

/// An open file. Dropping it closes the descriptor.
#[derive(Debug)]
pub struct File {
    fd: RawFd,
}

/// A path for the system. Errors: `EINVAL` for one that holds a zero byte
/// anywhere but at its end, or lacks the zero byte at its end (OTP's names
/// arrive with one or more).
pub fn c_path(bytes: &[u8]) -> Answer<CString> {
    let first_zero = bytes.iter().position(|b| *b == 0).ok_or(Errno(libc::EINVAL))?;
    if bytes[first_zero..].iter().any(|b| *b != 0) {
        return Err(Errno(libc::EINVAL));
    }
    CString::new(&bytes[..first_zero]).map_err(|_| Errno(libc::EINVAL))
}

/// Calls again while interrupted; a negative result is the thread's error.
fn retried(mut call: impl FnMut() -> isize) -> Answer<usize> {
    loop {
        let result = call();
        if result >= 0 {
            return Ok(result as usize);
        }
        let error = Errno::last();
        if error != Errno(libc::EINTR) {
            return Err(error);
        }
    }
}

impl File {
    /// Opens a path. Errors: the system's; `EISDIR` for a directory that was
    /// not asked for.
    pub fn open(path: &CStr, modes: Modes) -> Answer<File> {
        let permissions: libc::c_uint = if modes.directory { 0o777 } else { 0o666 };
        // SAFETY: crate rule 4: a C string, alive during the call.
        let fd =
            retried(|| unsafe { libc::open(path.as_ptr(), modes.flags(), permissions) as isize })?;
        let file = File { fd: fd as RawFd };
        let unwanted = !modes.skip_type_check && !modes.directory;
        if unwanted && file.info().is_ok_and(|info| info.kind == FileKind::Directory) {
            return Err(Errno(libc::EISDIR));
        }
        Ok(file)
    }

    /// Takes over a descriptor that is open. Errors: `EBADF` for one that is not.
    pub fn from_descriptor(fd: RawFd) -> Answer<File> {
        // SAFETY: F_GETFL takes and gives plain numbers.
        if unsafe { libc::fcntl(fd, libc::F_GETFL) } == -1 {
            return Err(Errno::last());
        }
        Ok(File { fd })
    }

    /// The descriptor, still owned by this value.
    pub fn descriptor(&self) -> RawFd {
        self.fd
    }

    /// Closes the file and tells what the system says of that.
    pub fn close(self) -> Answer<()> {
        let fd = self.fd;
        std::mem::forget(self);
        // SAFETY: crate rule 5: the value that owned it is gone. An
        // interrupted close has closed on Linux, so it is not made again.
        if unsafe { libc::close(fd) } < 0 { Err(Errno::last()) } else { Ok(()) }
    }

    /// Reads until `buffer` is full or the file ends; answers the count.
    pub fn read(&self, buffer: &mut [u8]) -> Answer<usize> {
        // SAFETY: crate rule 4: the caller's buffer.
        unsafe { self.fill(buffer.as_mut_ptr(), buffer.len(), None) }
    }

    /// As [`File::read`], at an offset and without moving the position.
    pub fn read_at(&self, buffer: &mut [u8], offset: i64) -> Answer<usize> {
        // SAFETY: crate rule 4: the caller's buffer.
        unsafe { self.fill(buffer.as_mut_ptr(), buffer.len(), Some(offset)) }
    }

    /// Reads up to `size` bytes, from the position or from an offset, into a
    /// block of their own. Errors: `ENOMEM` for more than there is memory for.
    pub fn read_block(&self, size: usize, offset: Option<i64>) -> Answer<Block> {
        let mut block = Block::with_room(size)?;
        // SAFETY: crate rule 4: the block has room for `size` bytes.
        let count = unsafe { self.fill(block.room(), size, offset) }?;
        block.set_size(count);
        Ok(block)
    }

    /// # Safety
    /// `target` has room for `size` bytes.
    unsafe fn fill(&self, target: *mut u8, size: usize, offset: Option<i64>) -> Answer<usize> {
        let mut filled = 0;
        while filled < size {
            // SAFETY: by the caller's promise; `filled` is below `size`.
            let count = retried(|| unsafe {
                let (rest, room) = (target.add(filled).cast(), size - filled);
                match offset {
                    None => libc::read(self.fd, rest, room),
                    Some(offset) => libc::pread(self.fd, rest, room, offset + filled as i64),
                }
            })?;
            if count == 0 {
                break;
            }
            filled += count;
        }
        Ok(filled)
    }

    /// Writes all the bytes.
    pub fn write(&self, parts: &[&[u8]]) -> Answer<()> {
        // SAFETY: crate rule 4: IoSlice has iovec's layout; the slices live.
        self.write_all(parts, |slices| unsafe {
            libc::writev(self.fd, slices.as_ptr().cast(), slices.len() as i32)
        })
    }

    /// Writes all the bytes at an offset, without moving the position.
    pub fn write_at(&self, parts: &[&[u8]], offset: i64) -> Answer<()> {
        let mut at = offset;
        // SAFETY: crate rule 4: IoSlice has iovec's layout; the slices live.
        self.write_all(parts, |slices| unsafe {
            let count = libc::pwritev(self.fd, slices.as_ptr().cast(), slices.len() as i32, at);
            at += count.max(0) as i64;
            count
        })
    }

    fn write_all(&self, parts: &[&[u8]], mut call: impl FnMut(&[IoSlice]) -> isize) -> Answer<()> {
        const MOST: usize = 1024;
        let mut slices: Vec<IoSlice> =
            parts.iter().filter(|p| !p.is_empty()).map(|p| IoSlice::new(p)).collect();
        let mut rest = &mut slices[..];
        while !rest.is_empty() {
            let some = rest.len().min(MOST);
            let count = retried(|| call(&rest[..some]))?;
            IoSlice::advance_slices(&mut rest, count);
        }
        Ok(())
    }

    /// Moves the position; answers the new one.
    pub fn seek(&self, from: From, offset: i64) -> Answer<i64> {
        let whence = match from {
            From::Start => libc::SEEK_SET,
            From::Current => libc::SEEK_CUR,
            From::End => libc::SEEK_END,
        };
        // SAFETY: lseek takes and gives plain numbers.
        let position = unsafe { libc::lseek(self.fd, offset, whence) };
        if position < 0 { Err(Errno::last()) } else { Ok(position) }
    }

    /// Waits until the contents (and, unless `data_only`, what describes
    /// them) are on the disk.
    pub fn sync(&self, data_only: bool) -> Answer<()> {
        // SAFETY: both take a plain number.
        let result =
            unsafe { if data_only { libc::fdatasync(self.fd) } else { libc::fsync(self.fd) } };
        if result < 0 { Err(Errno::last()) } else { Ok(()) }
    }

    /// Cuts the file off at the current position.
    pub fn truncate(&self) -> Answer<()> {
        let position = self.seek(From::Current, 0)?;
        // SAFETY: ftruncate takes plain numbers.
        if unsafe { libc::ftruncate(self.fd, position) } < 0 {
            return Err(Errno::last());
        }
        Ok(())
    }

    /// Makes sure that the disk has room for a part of the file.
    pub fn allocate(&self, offset: i64, length: i64) -> Answer<()> {
        // SAFETY: both take plain numbers.
        let by_system = retried(|| unsafe { libc::fallocate(self.fd, 0, offset, length) as isize });
        if by_system.is_ok() {
            return Ok(());
        }
        // SAFETY: as above.
        match unsafe { libc::posix_fallocate(self.fd, offset, length) } {
            0 => Ok(()),
            error => Err(Errno(error)),
        }
    }

    /// Announces an access pattern. The kernel's refusal of a bad descriptor
    /// comes as a positive number, which stock takes for success too.
    pub fn advise(&self, offset: i64, length: i64, advice: Advice) -> Answer<()> {
        let number = match advice {
            Advice::Normal => libc::POSIX_FADV_NORMAL,
            Advice::Random => libc::POSIX_FADV_RANDOM,
            Advice::Sequential => libc::POSIX_FADV_SEQUENTIAL,
            Advice::WillNeed => libc::POSIX_FADV_WILLNEED,
            Advice::DontNeed => libc::POSIX_FADV_DONTNEED,
            Advice::NoReuse => libc::POSIX_FADV_NOREUSE,
        };
        // SAFETY: posix_fadvise takes plain numbers.
        unsafe { libc::posix_fadvise(self.fd, offset, length, number) };
        Ok(())
    }

    /// What the system knows of the file.
    pub fn info(&self) -> Answer<FileInfo> {
        info::of_descriptor(self.fd)
    }

    /// Reads all that is left of the file.
    pub fn read_to_end(&self) -> Answer<Block> {
        let expected = self.info().map_or(0, |info| info.size as usize);
        let mut block = Block::with_room(if expected == 0 { 16 * 1024 } else { expected })?;
        let mut filled = 0;
        loop {
            let room = block.room_bytes() - filled;
            // SAFETY: crate rule 4: `room` bytes are left behind `filled`.
            let count = unsafe { self.fill(block.room().add(filled), room, None) }?;
            filled += count;
            if count < room || filled == expected {
                block.set_size(filled);
                return Ok(block);
            }
            block.grow(filled * 2)?;
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: crate rule 5: this value owned the descriptor.
        unsafe { libc::close(self.fd) };
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
