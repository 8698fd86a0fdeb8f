//! The starter of programs: OTP's own `erl_child_setup`, over a socket.
//!
//! 1. A request on the socket is one record of 32 bytes that carries three
//!    descriptors: what the program shall read from, write to, and show its
//!    errors on. The starter forks at once and writes a *go* record with the
//!    child's number into the second.
//! 2. The child reads a description of the program from the first, then waits
//!    for an *ack* record there; only then it becomes the program.
//! 3. When a program ends whose record named a port, the starter sends a
//!    *child ended* record with the port and the wait status.
//!
//! The starter is a program of one thread, so that forking is safe there.

use super::{poll, table};
use oxbeam_sys::Errno;
use parking_lot::Mutex;
use std::io::{Error, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Size of a record.
pub(super) const RECORD_BYTES: usize = 32;

const START: i32 = 0;
const GO: i32 = 2;
const CHILD_ENDED: i32 = 3;
const ACK: i32 = 4;

fn record(action: i32) -> [u8; RECORD_BYTES] {
    let mut record = [0; RECORD_BYTES];
    record[..4].copy_from_slice(&action.to_ne_bytes());
    record
}

fn number(record: &[u8], at: usize) -> i32 {
    i32::from_ne_bytes(record[at..at + 4].try_into().expect("four bytes"))
}

/// The record that lets the child go on.
pub(super) fn ack() -> [u8; RECORD_BYTES] {
    record(ACK)
}

/// What a *go* record says: the child's number, or why there is none.
pub(super) fn read_go(record: &[u8; RECORD_BYTES]) -> Result<u32, Errno> {
    let (os_pid, error) = (number(record, 8), number(record, 12));
    match number(record, 0) == GO && os_pid > 0 {
        true => Ok(os_pid as u32),
        false => Err(Errno(if error == 0 { libc::EPIPE } else { error })),
    }
}

struct Forker {
    socket: UnixStream,
    /// A record of which not all has come.
    partial: Vec<u8>,
}

static FORKER: Mutex<Option<Forker>> = Mutex::new(None);

/// Starts the starter.
fn launch() -> Result<Forker, Errno> {
    let programs = oxbeam_sys::environment::get(b"BINDIR").ok_or(Errno(libc::ENOENT))?;
    let path = [&programs[..], b"/erl_child_setup"].concat();
    let (ours, theirs) = UnixStream::pair().map_err(Errno::from)?;
    let fd = theirs.as_raw_fd();
    let mut command =
        Command::new(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(&path));
    command.arg(oxbeam_sys::host::max_open_files().to_string());
    // SAFETY: the closure calls only what is safe between fork and exec.
    unsafe {
        command.pre_exec(move || {
            // The starter expects its socket as descriptor 3.
            if fd == 3 {
                libc::fcntl(3, libc::F_SETFD, 0);
            } else if libc::dup2(fd, 3) < 0 {
                return Err(Error::last_os_error());
            }
            libc::setsid();
            Ok(())
        });
    }
    command.spawn().map_err(Errno::from)?;
    poll::arm_forker(ours.as_raw_fd());
    Ok(Forker { socket: ours, partial: Vec::new() })
}

/// Asks for a program to be started with these descriptors. `port` is told
/// when it ends; 0 for nobody.
pub(super) fn start(descriptors: [RawFd; 3], port: u64) -> Result<(), Errno> {
    let mut forker = FORKER.lock();
    if forker.is_none() {
        *forker = Some(launch()?);
    }
    let forker = forker.as_mut().expect("just made");
    let mut request = record(START);
    request[8..16].copy_from_slice(&port.to_ne_bytes());
    for (index, fd) in descriptors.iter().enumerate() {
        let at = 16 + index * 4;
        request[at..at + 4].copy_from_slice(&fd.to_ne_bytes());
    }
    send_with_descriptors(forker.socket.as_raw_fd(), &request, &descriptors)
}

/// Room for a control message with three descriptors, aligned as one.
#[repr(C, align(8))]
struct ControlRoom([u8; 64]);

fn send_with_descriptors(socket: RawFd, bytes: &[u8], fds: &[RawFd; 3]) -> Result<(), Errno> {
    let mut room = ControlRoom([0; 64]);
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let fd_bytes = size_of::<[RawFd; 3]>() as u32;
    // SAFETY: crate rule 4: the message names memory of ours; the room holds
    // one control message with three descriptors.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &mut part;
        message.msg_iovlen = 1;
        message.msg_control = (&raw mut room).cast();
        message.msg_controllen = libc::CMSG_SPACE(fd_bytes) as usize;
        let control = libc::CMSG_FIRSTHDR(&message);
        (*control).cmsg_level = libc::SOL_SOCKET;
        (*control).cmsg_type = libc::SCM_RIGHTS;
        (*control).cmsg_len = libc::CMSG_LEN(fd_bytes) as usize;
        libc::CMSG_DATA(control).cast::<[RawFd; 3]>().write_unaligned(*fds);
        loop {
            if libc::sendmsg(socket, &message, libc::MSG_NOSIGNAL) >= 0 {
                return Ok(());
            }
            match Errno::last() {
                Errno(libc::EINTR) => {}
                Errno(libc::ETOOMANYREFS) => return Err(Errno(libc::EMFILE)),
                error => return Err(error),
            }
        }
    }
}

/// The socket is ready: programs have ended.
pub(super) fn ready() {
    let ended = {
        let mut forker = FORKER.lock();
        let Some(state) = forker.as_mut() else { return };
        match read_records(state) {
            Some(ended) => {
                poll::arm_forker(state.socket.as_raw_fd());
                ended
            }
            None => {
                // The starter is gone; the next program gets a new one.
                poll::forget(state.socket.as_raw_fd());
                *forker = None;
                return;
            }
        }
    };
    for (port, wait_status) in ended {
        if let Some(port) = table::find(port - 1) {
            port.child_ended(wait_status);
        }
    }
}

/// The number that stands for a port in records; 0 stands for none.
pub(super) fn key_of(port: u64) -> u64 {
    port + 1
}

/// The whole records that are there; None at the end.
fn read_records(state: &mut Forker) -> Option<Vec<(u64, i32)>> {
    let mut buffer = [0; 16 * RECORD_BYTES];
    let count = match (&state.socket).read(&mut buffer) {
        Ok(0) => return None,
        Ok(count) => count,
        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => 0,
        Err(_) => return None,
    };
    state.partial.extend_from_slice(&buffer[..count]);
    let whole = state.partial.len() / RECORD_BYTES * RECORD_BYTES;
    let records: Vec<u8> = state.partial.drain(..whole).collect();
    let ended = records.chunks(RECORD_BYTES).filter(|r| number(r, 0) == CHILD_ENDED);
    let fields = |record: &[u8]| {
        (u64::from_ne_bytes(record[8..16].try_into().expect("8")), number(record, 16))
    };
    Some(ended.map(fields).filter(|(port, _)| *port != 0).collect())
}
