//! Operating system signals, made into bytes on a pipe.
//!
//! A handled signal writes its number into the pipe; a thread of the runtime
//! polls [`pipe_fd`] and takes the numbers with [`take`]. SIGPIPE is ignored,
//! so that writing to a closed pipe is an error and not the end.

use crate::Errno;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};

/// What happens when a signal comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// The system's default.
    Default,
    /// Nothing.
    Ignore,
    /// Its number comes out of [`take`].
    Handle,
}

macro_rules! signals {
    ($($variant:ident $constant:ident $name:literal),* $(,)?) => {
        /// The signals that Erlang code can name.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Signal { $(#[doc = $name] $variant),* }

        impl Signal {
            /// Every signal.
            pub const ALL: &'static [Signal] = &[$(Signal::$variant),*];

            /// The system's number.
            pub fn number(self) -> i32 {
                match self { $(Signal::$variant => libc::$constant),* }
            }

            /// The atom's text, such as `sigterm`.
            pub fn name(self) -> &'static str {
                match self { $(Signal::$variant => $name),* }
            }
        }
    };
}

signals! {
    Hup SIGHUP "sighup", Int SIGINT "sigint", Quit SIGQUIT "sigquit", Abrt SIGABRT "sigabrt",
    Alrm SIGALRM "sigalrm", Term SIGTERM "sigterm", Usr1 SIGUSR1 "sigusr1",
    Usr2 SIGUSR2 "sigusr2", Chld SIGCHLD "sigchld", Stop SIGSTOP "sigstop",
    Tstp SIGTSTP "sigtstp", Cont SIGCONT "sigcont",
}

impl Signal {
    /// The signal of a name such as `sigterm`.
    pub fn from_name(name: &str) -> Option<Signal> {
        Signal::ALL.iter().copied().find(|s| s.name() == name)
    }

    /// The signal of a system number.
    pub fn from_number(number: i32) -> Option<Signal> {
        Signal::ALL.iter().copied().find(|s| s.number() == number)
    }
}

static WRITE_END: AtomicI32 = AtomicI32::new(-1);

fn read_end() -> i32 {
    static READ_END: OnceLock<i32> = OnceLock::new();
    *READ_END.get_or_init(|| {
        let mut ends = [0; 2];
        // SAFETY: rule 2: two numbers of ours.
        let failed =
            unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) } != 0;
        assert!(!failed, "no pipe for signals: {}", Errno::last().name());
        WRITE_END.store(ends[1], Ordering::Release);
        ends[0]
    })
}

extern "C" fn on_signal(number: i32) {
    // SAFETY: rule 4: an atomic and a write of one byte; errno is put back
    // for the code that was interrupted.
    unsafe {
        let saved = *libc::__errno_location();
        let byte = number as u8;
        libc::write(WRITE_END.load(Ordering::Acquire), (&raw const byte).cast(), 1);
        *libc::__errno_location() = saved;
    }
}

fn install(number: i32, handler: libc::sighandler_t) -> Result<(), Errno> {
    // SAFETY: sigaction is plain data; rule 2; the handler keeps rule 4.
    let failed = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = libc::SA_RESTART;
        libc::sigemptyset(&mut action.sa_mask);
        libc::sigaction(number, &action, std::ptr::null_mut()) != 0
    };
    if failed { Err(Errno::last()) } else { Ok(()) }
}

/// Sets what a signal does. Errors: `EINVAL` for one that cannot be changed.
pub fn set(signal: Signal, action: Action) -> Result<(), Errno> {
    let handler = match action {
        Action::Default => libc::SIG_DFL,
        Action::Ignore => libc::SIG_IGN,
        Action::Handle => {
            read_end();
            on_signal as *const () as libc::sighandler_t
        }
    };
    install(signal.number(), handler)
}

/// Ignores SIGPIPE for the whole process.
pub fn ignore_broken_pipes() {
    install(libc::SIGPIPE, libc::SIG_IGN).expect("SIGPIPE can be ignored");
}

/// The descriptor that becomes readable when a handled signal came.
pub fn pipe_fd() -> i32 {
    read_end()
}

/// Takes the signals that came since the last call, oldest first.
pub fn take() -> Vec<Signal> {
    let mut signals = Vec::new();
    let mut bytes = [0u8; 64];
    loop {
        // SAFETY: rule 2: `bytes` has the length given.
        let count = unsafe { libc::read(read_end(), bytes.as_mut_ptr().cast(), bytes.len()) };
        if count <= 0 {
            return signals;
        }
        let came = bytes[..count as usize].iter();
        signals.extend(came.filter_map(|b| Signal::from_number(i32::from(*b))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handled_signal_comes_out_of_the_pipe() {
        set(Signal::Usr2, Action::Handle).unwrap();
        // SAFETY: raising a handled signal in our own process.
        unsafe { libc::raise(libc::SIGUSR2) };
        assert_eq!(take(), [Signal::Usr2]);
        set(Signal::Usr2, Action::Ignore).unwrap();
        // SAFETY: as above, now ignored.
        unsafe { libc::raise(libc::SIGUSR2) };
        assert_eq!(take(), []);
        assert_eq!(set(Signal::Stop, Action::Ignore), Err(Errno(libc::EINVAL)));
    }

    #[test]
    fn names_go_both_ways() {
        assert_eq!(Signal::from_name("sigterm"), Some(Signal::Term));
        assert_eq!(Signal::from_name("sigfoo"), None);
    }
}
