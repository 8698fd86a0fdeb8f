//! Names and limits of the machine and of this operating system process.

use std::ffi::CStr;

/// Kind, release and machine as `uname` tells them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SystemName {
    /// Such as `Linux`.
    pub name: String,
    /// Such as `6.1.0-18-amd64`.
    pub release: String,
    /// Such as `x86_64`.
    pub machine: String,
}

/// Asks the system for its name.
pub fn system_name() -> SystemName {
    // SAFETY: utsname is plain bytes, zero is a value; rule 2.
    let names = unsafe {
        let mut names: libc::utsname = std::mem::zeroed();
        libc::uname(&mut names);
        names
    };
    // SAFETY: uname leaves each field terminated by a zero byte.
    let text =
        |f: &[libc::c_char]| unsafe { CStr::from_ptr(f.as_ptr()) }.to_string_lossy().into_owned();
    SystemName {
        name: text(&names.sysname),
        release: text(&names.release),
        machine: text(&names.machine),
    }
}

/// The host's name as `gethostname` gives it.
pub fn host_name() -> Vec<u8> {
    let mut bytes = vec![0u8; 256];
    // SAFETY: rule 2; one byte is kept back so that the name ends.
    let failed = unsafe { libc::gethostname(bytes.as_mut_ptr().cast(), bytes.len() - 1) } != 0;
    let length = if failed { 0 } else { bytes.iter().position(|b| *b == 0).unwrap_or(0) };
    bytes.truncate(length);
    bytes
}

/// The number of this operating system process.
pub fn process_number() -> u32 {
    std::process::id()
}

/// Size of a memory page in bytes.
pub fn page_bytes() -> usize {
    // SAFETY: sysconf takes and returns plain numbers.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

/// How many file descriptors this process may have open.
pub fn max_open_files() -> usize {
    // SAFETY: sysconf takes and returns plain numbers.
    let count = unsafe { libc::sysconf(libc::_SC_OPEN_MAX) };
    if count < 1 { 1024 } else { count as usize }
}

/// Whether the descriptor is a terminal.
pub fn is_terminal(fd: i32) -> bool {
    // SAFETY: isatty only looks the number up.
    unsafe { libc::isatty(fd) == 1 }
}

/// The user that this process acts as.
pub fn user_number() -> u32 {
    // SAFETY: geteuid takes nothing and cannot fail.
    unsafe { libc::geteuid() }
}

/// The character set of the locale that the environment names, such as
/// `UTF-8`. Sets the C library's character type locale, so call it before
/// other threads start.
pub fn locale_codeset() -> String {
    // SAFETY: both take constants; the answer is a string of the library's,
    // copied at once.
    unsafe {
        libc::setlocale(libc::LC_CTYPE, c"".as_ptr());
        let codeset = CStr::from_ptr(libc::nl_langinfo(libc::CODESET));
        codeset.to_string_lossy().into_owned()
    }
}

/// Whether the calling thread is the only one of this process. True stays true
/// until the caller itself starts a thread.
pub fn is_single_threaded() -> bool {
    std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() == 1)
}

/// Makes this process a background one: forks twice, lets the parents end
/// with success, leaves the terminal and puts `/dev/null` in place of the
/// standard descriptors. Panics when this process has more than one thread.
pub fn detach() {
    assert!(is_single_threaded(), "a process with several threads cannot fork safely");
    // SAFETY: only one thread exists, so fork copies a whole program; the
    // other calls take plain numbers and constants.
    unsafe {
        if libc::fork() != 0 {
            libc::_exit(0);
        }
        libc::setsid();
        if libc::fork() != 0 {
            libc::_exit(0);
        }
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        for fd in 0..=2 {
            libc::dup2(null, fd);
        }
        if null > 2 {
            libc::close(null);
        }
    }
}

/// Ends the process at once with `code`: no destructors, no handlers of exit.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: _exit takes a plain number and does not return.
    unsafe { libc::_exit(code) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_has_a_name() {
        assert_eq!(system_name().name, "Linux");
        assert!(!host_name().is_empty());
        assert!(page_bytes() >= 4096 && max_open_files() > 3);
    }
}
