//! The error number of a system call, and the atom name that OTP gives it.

use std::io;

/// A system error number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Errno(pub i32);

impl Errno {
    /// The error of the last failed system call of this thread.
    pub fn last() -> Errno {
        Errno(io::Error::last_os_error().raw_os_error().unwrap_or(0))
    }

    /// The lower-case name Erlang code sees, such as `enoent`; `unknown` for
    /// a number without one.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(number, _)| *number == self.0).map_or("unknown", |(_, name)| name)
    }
}

impl From<io::Error> for Errno {
    fn from(error: io::Error) -> Errno {
        Errno(error.raw_os_error().unwrap_or(libc::EIO))
    }
}

macro_rules! errno_names {
    ($($constant:ident $name:literal),* $(,)?) => {
        const NAMES: &[(i32, &str)] = &[$((libc::$constant, $name)),*];
    };
}

errno_names! {
    EPERM "eperm", ENOENT "enoent", ESRCH "esrch", EINTR "eintr", EIO "eio", ENXIO "enxio",
    E2BIG "e2big", ENOEXEC "enoexec", EBADF "ebadf", ECHILD "echild", EAGAIN "eagain",
    ENOMEM "enomem", EACCES "eacces", EFAULT "efault", ENOTBLK "enotblk", EBUSY "ebusy",
    EEXIST "eexist", EXDEV "exdev", ENODEV "enodev", ENOTDIR "enotdir", EISDIR "eisdir",
    EINVAL "einval", ENFILE "enfile", EMFILE "emfile", ENOTTY "enotty", ETXTBSY "etxtbsy",
    EFBIG "efbig", ENOSPC "enospc", ESPIPE "espipe", EROFS "erofs", EMLINK "emlink",
    EPIPE "epipe", EDOM "edom", ERANGE "erange", EDEADLK "edeadlk",
    ENAMETOOLONG "enametoolong", ENOLCK "enolck", ENOSYS "enosys", ENOTEMPTY "enotempty",
    ELOOP "eloop", ENOMSG "enomsg", EIDRM "eidrm", ECHRNG "echrng", EL2NSYNC "el2nsync",
    EL3HLT "el3hlt", EL3RST "el3rst", ELNRNG "elnrng", EUNATCH "eunatch", ENOCSI "enocsi",
    EL2HLT "el2hlt", EBADE "ebade", EBADR "ebadr", EXFULL "exfull", ENOANO "enoano",
    EBADRQC "ebadrqc", EBADSLT "ebadslt", EBFONT "ebfont", ENOSTR "enostr",
    ENODATA "enodata", ETIME "etime", ENOSR "enosr", ENONET "enonet", ENOPKG "enopkg",
    EREMOTE "eremote", ENOLINK "enolink", EADV "eadv", ESRMNT "esrmnt", ECOMM "ecomm",
    EPROTO "eproto", EMULTIHOP "emultihop", EDOTDOT "edotdot", EBADMSG "ebadmsg",
    EOVERFLOW "eoverflow", ENOTUNIQ "enotuniq", EBADFD "ebadfd", EREMCHG "eremchg",
    ELIBACC "elibacc", ELIBBAD "elibbad", ELIBSCN "elibscn", ELIBMAX "elibmax",
    ELIBEXEC "elibexec", EILSEQ "eilseq", ERESTART "erestart", ESTRPIPE "estrpipe",
    EUSERS "eusers", ENOTSOCK "enotsock", EDESTADDRREQ "edestaddrreq", EMSGSIZE "emsgsize",
    EPROTOTYPE "eprototype", ENOPROTOOPT "enoprotoopt", EPROTONOSUPPORT "eprotonosupport",
    ESOCKTNOSUPPORT "esocktnosupport", EOPNOTSUPP "enotsup", EPFNOSUPPORT "epfnosupport",
    EAFNOSUPPORT "eafnosupport", EADDRINUSE "eaddrinuse", EADDRNOTAVAIL "eaddrnotavail",
    ENETDOWN "enetdown", ENETUNREACH "enetunreach", ENETRESET "enetreset",
    ECONNABORTED "econnaborted", ECONNRESET "econnreset", ENOBUFS "enobufs",
    EISCONN "eisconn", ENOTCONN "enotconn", ESHUTDOWN "eshutdown",
    ETOOMANYREFS "etoomanyrefs", ETIMEDOUT "etimedout", ECONNREFUSED "econnrefused",
    EHOSTDOWN "ehostdown", EHOSTUNREACH "ehostunreach", EALREADY "ealready",
    EINPROGRESS "einprogress", ESTALE "estale", EDQUOT "edquot", ECANCELED "ecanceled",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_platform() {
        assert_eq!(Errno(libc::ENOENT).name(), "enoent");
        assert_eq!(Errno(libc::EOPNOTSUPP).name(), "enotsup");
        assert_eq!(Errno(99_999).name(), "unknown");
    }
}
