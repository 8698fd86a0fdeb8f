//! Operations on paths.

use super::Answer;
use oxbeam_sys::Errno;
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

fn checked(result: i32) -> Answer<()> {
    if result < 0 { Err(Errno::last()) } else { Ok(()) }
}

fn as_path(path: &CStr) -> &Path {
    Path::new(OsStr::from_bytes(path.to_bytes()))
}

/// Sets permission bits. Where the set-id bits are not allowed, the rest is
/// set without them.
pub fn set_permissions(path: &CStr, permissions: u32) -> Answer<()> {
    let bits = permissions & 0o6777;
    // SAFETY: crate rule 4: a C string.
    let set = |bits| checked(unsafe { libc::chmod(path.as_ptr(), bits) });
    set(bits).or_else(|_| set(bits & 0o777))
}

/// Sets owner and group; -1 leaves one as it is.
pub fn set_owner(path: &CStr, user: i32, group: i32) -> Answer<()> {
    // SAFETY: crate rule 4: a C string.
    checked(unsafe { libc::chown(path.as_ptr(), user as libc::uid_t, group as libc::gid_t) })
}

/// Sets the times of last read and last write, in seconds since 1970.
pub fn set_times(path: &CStr, accessed_s: i64, modified_s: i64) -> Answer<()> {
    let times = libc::utimbuf { actime: accessed_s, modtime: modified_s };
    // SAFETY: crate rule 4: a C string and a value of ours.
    checked(unsafe { libc::utime(path.as_ptr(), &times) })
}

/// What a symbolic link holds.
pub fn read_link(path: &CStr) -> Answer<Vec<u8>> {
    let target = std::fs::read_link(as_path(path)).map_err(Errno::from)?;
    Ok(target.into_os_string().into_vec())
}

/// The names in a directory, without `.` and `..`, in the system's order.
pub fn list_directory(path: &CStr) -> Answer<Vec<Vec<u8>>> {
    let entries = std::fs::read_dir(as_path(path)).map_err(Errno::from)?;
    entries.map(|entry| Ok(entry.map_err(Errno::from)?.file_name().into_vec())).collect()
}

/// Renames. Errors: `EEXIST` where the target is a directory with something
/// in it, `EINVAL` for the root directory.
pub fn rename(from: &CStr, to: &CStr) -> Answer<()> {
    // SAFETY: crate rule 4: two C strings.
    match checked(unsafe { libc::rename(from.as_ptr(), to.as_ptr()) }) {
        Err(Errno(libc::ENOTEMPTY)) => Err(Errno(libc::EEXIST)),
        Err(_) if from.to_bytes() == b"/" => Err(Errno(libc::EINVAL)),
        other => other,
    }
}

/// Makes a second name for a file.
pub fn hard_link(existing: &CStr, new: &CStr) -> Answer<()> {
    // SAFETY: crate rule 4: two C strings.
    checked(unsafe { libc::link(existing.as_ptr(), new.as_ptr()) })
}

/// Makes a symbolic link.
pub fn soft_link(target: &CStr, new: &CStr) -> Answer<()> {
    // SAFETY: crate rule 4: two C strings.
    checked(unsafe { libc::symlink(target.as_ptr(), new.as_ptr()) })
}

/// Makes a directory.
pub fn make_directory(path: &CStr) -> Answer<()> {
    // SAFETY: crate rule 4: a C string.
    checked(unsafe { libc::mkdir(path.as_ptr(), 0o777) })
}

/// Deletes a file's name. Errors: `EPERM` for a directory.
pub fn delete_file(path: &CStr) -> Answer<()> {
    // SAFETY: crate rule 4: a C string.
    match checked(unsafe { libc::unlink(path.as_ptr()) }) {
        Err(Errno(libc::EISDIR)) => Err(Errno(libc::EPERM)),
        other => other,
    }
}

/// Deletes an empty directory. Errors: `EEXIST` when something is in it,
/// `EINVAL` when it is the current directory besides.
pub fn delete_directory(path: &CStr) -> Answer<()> {
    // SAFETY: crate rule 4: a C string.
    match checked(unsafe { libc::rmdir(path.as_ptr()) }) {
        Err(Errno(libc::ENOTEMPTY | libc::EEXIST)) => {
            let identity = |path| {
                super::read_info(path, true).map(|info| (info.inode, info.major_device)).ok()
            };
            let is_current = identity(path).is_some() && identity(path) == identity(c".");
            Err(Errno(if is_current { libc::EINVAL } else { libc::EEXIST }))
        }
        other => other,
    }
}

/// Changes the current directory of the whole process.
pub fn set_current_directory(path: &CStr) -> Answer<()> {
    // SAFETY: crate rule 4: a C string.
    checked(unsafe { libc::chdir(path.as_ptr()) })
}

/// The current directory.
pub fn current_directory() -> Answer<Vec<u8>> {
    let path = std::env::current_dir().map_err(Errno::from)?;
    Ok(path.into_os_string().into_vec())
}
