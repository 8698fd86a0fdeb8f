//! What the system knows of a file.

use super::Answer;
use oxbeam_sys::Errno;
use std::ffi::CStr;
use std::os::fd::RawFd;

/// What a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileKind {
    /// Block or character device.
    Device,
    /// Directory.
    Directory,
    /// Regular file.
    Regular,
    /// Symbolic link.
    SymbolicLink,
    /// Pipe, socket.
    Other,
}

/// What this process may do with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    /// Read.
    pub read: bool,
    /// Write.
    pub write: bool,
}

/// The fields of `#file_info{}`; times in seconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileInfo {
    /// Bytes.
    pub size: u64,
    /// Kind.
    pub kind: FileKind,
    /// Access of this process.
    pub access: Access,
    /// Last read.
    pub accessed_s: i64,
    /// Last written.
    pub modified_s: i64,
    /// Last change of its description.
    pub changed_s: i64,
    /// Type and permission bits.
    pub mode: u32,
    /// Names it has.
    pub links: u64,
    /// Device it lies on.
    pub major_device: u64,
    /// Device it is.
    pub minor_device: u64,
    /// Its number on the device.
    pub inode: u64,
    /// Owner.
    pub user: u32,
    /// Group.
    pub group: u32,
}

/// Reads the description of a path, or of the symbolic link itself.
pub fn read_info(path: &CStr, follow_links: bool) -> Answer<FileInfo> {
    let data = stat(|data| {
        // SAFETY: crate rule 4: a C string and a stat of ours.
        unsafe {
            match follow_links {
                true => libc::stat(path.as_ptr(), data),
                false => libc::lstat(path.as_ptr(), data),
            }
        }
    })?;
    // SAFETY: crate rule 4: a C string.
    let may = |how| unsafe { libc::access(path.as_ptr(), how) == 0 };
    let access = Access { read: may(libc::R_OK), write: may(libc::W_OK) };
    Ok(describe(&data, access))
}

pub(super) fn of_descriptor(fd: RawFd) -> Answer<FileInfo> {
    // SAFETY: crate rule 4: a stat of ours.
    let data = stat(|data| unsafe { libc::fstat(fd, data) })?;
    // SAFETY: both take nothing and cannot fail.
    let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
    // The first class that fits decides alone, as it does for the kernel.
    let shift = match (data.st_uid == user, data.st_gid == group) {
        (true, _) => 6,
        (false, true) => 3,
        (false, false) => 0,
    };
    let bits = data.st_mode >> shift;
    Ok(describe(&data, Access { read: bits & 4 != 0, write: bits & 2 != 0 }))
}

fn stat(call: impl FnOnce(*mut libc::stat) -> i32) -> Answer<libc::stat> {
    // SAFETY: stat is plain numbers, for which zero is a value.
    let mut data: libc::stat = unsafe { std::mem::zeroed() };
    if call(&mut data) < 0 { Err(Errno::last()) } else { Ok(data) }
}

fn describe(data: &libc::stat, access: Access) -> FileInfo {
    let kind = match data.st_mode & libc::S_IFMT {
        libc::S_IFCHR | libc::S_IFBLK => FileKind::Device,
        libc::S_IFDIR => FileKind::Directory,
        libc::S_IFREG => FileKind::Regular,
        libc::S_IFLNK => FileKind::SymbolicLink,
        _ => FileKind::Other,
    };
    FileInfo {
        size: data.st_size as u64,
        kind,
        access,
        accessed_s: data.st_atime,
        modified_s: data.st_mtime,
        changed_s: data.st_ctime,
        mode: data.st_mode,
        links: data.st_nlink,
        major_device: data.st_dev,
        minor_device: data.st_rdev,
        inode: data.st_ino,
        user: data.st_uid,
        group: data.st_gid,
    }
}
