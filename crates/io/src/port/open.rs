//! Opening a port.

use super::driver::Driver;
use super::fd::FdDriver;
use super::ram::RamDriver;
use super::settings::Settings;
use super::spawn::{CommandLine, Program, SpawnDriver};
use super::{PortNumber, fd, table};
use crate::names::to_native;
use crate::resource::atom;
use oxbeam_runtime::Cx;
use oxbeam_runtime::reference::new_numbers;
use oxbeam_sys::Errno;
use oxbeam_term::{Atom, RawTerm, Term, am};
use std::collections::BTreeMap;
use std::ffi::CString;

/// What a new port is of.
enum Source {
    Program {
        name: Vec<u8>,
        executable: bool,
    },
    Descriptors(i64, i64),
    File(Vec<u8>),
    /// A driver by its name.
    Driver(Vec<u8>),
}

/// The driver of files in memory.
const RAM_FILE: &[u8] = b"ram_file_drv";
/// Names of stock's drivers that `{spawn, Name}` finds before any program.
/// All but one are missing here: the shell then falls back to plain input and
/// output, and `inet` says that the protocol is not supported.
const DRIVER_NAMES: &[&[u8]] = &[b"tty_sl", b"tcp_inet", b"udp_inet", b"sctp_inet", RAM_FILE];

impl Source {
    /// Reads the first argument of `open_port`. None when it is none.
    fn read(name: Term<'_>) -> Option<Source> {
        if let Some([kind, input, output]) = name.as_tuple_n::<3>() {
            return match kind.as_atom()?.name() {
                "fd" => Some(Source::Descriptors(input.as_small()?, output.as_small()?)),
                _ => None,
            };
        }
        if let Some([kind, name]) = name.as_tuple_n::<2>() {
            let name = to_native(name)?;
            return match kind.as_atom()?.name() {
                "spawn" if names_driver(&name) => Some(Source::Driver(name)),
                "spawn" => Some(Source::Program { name, executable: false }),
                "spawn_executable" => Some(Source::Program { name, executable: true }),
                "spawn_driver" => Some(Source::Driver(name)),
                _ => None,
            };
        }
        let is_byte = |char: Term<'_>| char.as_small().is_some_and(|char| (0..256).contains(&char));
        let is_text = name.list_to_vec().is_some_and(|chars| chars.into_iter().all(is_byte));
        let plain = name.is_atom() || name.as_cons().is_some() && is_text;
        plain.then(|| to_native(name)).flatten().map(Source::File)
    }
}

fn first_word(command: &[u8]) -> &[u8] {
    command.split(|b| b.is_ascii_whitespace()).next().unwrap_or(command)
}

fn names_driver(command: &[u8]) -> bool {
    DRIVER_NAMES.contains(&first_word(command))
}

/// `erts_internal:open_port/2`: the port, a reference that `{Reference, Port}`
/// or `{Reference, Error}` will come with, or an atom that says what is wrong.
pub(super) fn open<'h>(cx: &mut Cx<'h>, name: Term<'h>, settings: Term<'h>) -> Term<'h> {
    let Some(settings) = Settings::read(settings) else {
        return Term::atom(am::badopt);
    };
    let Some(source) = Source::read(name) else {
        return Term::atom(am::badarg);
    };
    match start(cx, source, settings) {
        Ok(term) => term,
        Err(reason) => Term::atom(reason),
    }
}

fn start<'h>(cx: &mut Cx<'h>, source: Source, settings: Settings) -> Result<Term<'h>, Atom> {
    let is_program = matches!(source, Source::Program { .. });
    let executable = matches!(source, Source::Program { executable: true, .. });
    let has_arguments = settings.arguments.is_some() || settings.first_argument.is_some();
    if has_arguments && !executable || settings.exit_status && !is_program {
        return Err(am::badarg);
    }
    if let Source::Driver(name) = &source
        && !names_driver(name)
    {
        return Err(am::badarg);
    }
    let number = table::reserve().ok_or(am::system_limit)?;
    match source {
        Source::Program { name, executable } => program(cx, number, name, executable, settings),
        Source::Descriptors(input, output) => descriptors(cx, number, (input, output), &settings),
        Source::File(name) => file(cx, number, name, &settings),
        // As where there is no terminal, and as where there is no such driver.
        Source::Driver(name) if name.starts_with(b"tty_sl") => Err(am::einval),
        Source::Driver(name) if first_word(&name) == RAM_FILE => {
            let new = new_port(cx, number, name, &settings);
            insert(cx, new, Box::new(RamDriver::default()));
            Ok(Term::port(number))
        }
        Source::Driver(_) => Err(am::badarg),
    }
}

fn new_port(cx: &Cx<'_>, number: PortNumber, name: Vec<u8>, s: &Settings) -> table::NewPort {
    table::NewPort {
        number,
        name,
        owner: cx.process.pid,
        presentation: s.presentation,
        parallelism: s.parallelism.unwrap_or(false),
        opener: None,
    }
}

fn link(cx: &mut Cx<'_>, number: PortNumber) {
    cx.own.links.add(RawTerm::port(number));
}

fn descriptors<'h>(
    cx: &mut Cx<'h>,
    number: PortNumber,
    (input, output): (i64, i64),
    settings: &Settings,
) -> Result<Term<'h>, Atom> {
    let (reads, writes) = settings.directions();
    let name = format!("{input}/{output}").into_bytes();
    let checked = |wanted: bool, fd: i64| match wanted {
        true => fd::check(fd).map(Some).map_err(|_| am::einval),
        false => Ok(None),
    };
    let (input, output) = (checked(reads, input)?, checked(writes, output)?);
    let driver = FdDriver::new(number, settings.packet_bytes, input, output);
    insert(cx, new_port(cx, number, name, settings), Box::new(driver));
    Ok(Term::port(number))
}

fn file<'h>(
    cx: &mut Cx<'h>,
    number: PortNumber,
    name: Vec<u8>,
    settings: &Settings,
) -> Result<Term<'h>, Atom> {
    let path = CString::new(name.clone()).map_err(|_| am::einval)?;
    let packet_bytes = settings.packet_bytes;
    let driver = FdDriver::of_file(number, packet_bytes, &path, settings.directions())
        .map_err(|_| am::einval)?;
    insert(cx, new_port(cx, number, name, settings), Box::new(driver));
    Ok(Term::port(number))
}

fn insert(cx: &mut Cx<'_>, new: table::NewPort, driver: Box<dyn Driver>) {
    let number = new.number;
    let port = table::insert(new, true, driver);
    link(cx, number);
    // Only now can readiness find the port.
    port.inner.lock().driver.start();
}

fn program<'h>(
    cx: &mut Cx<'h>,
    number: PortNumber,
    name: Vec<u8>,
    executable: bool,
    settings: Settings,
) -> Result<Term<'h>, Atom> {
    let (read, write) = settings.directions();
    let command = match executable {
        false => CommandLine::Shell(name.clone()),
        true => {
            let first = settings.first_argument.clone().unwrap_or_else(|| name.clone());
            let rest = settings.arguments.clone().unwrap_or_default();
            CommandLine::Executable(name.clone(), [vec![first], rest].concat())
        }
    };
    let program = Program {
        command,
        directory: settings.directory.clone(),
        environment: environment(&settings),
        use_stdio: !settings.nouse_stdio,
        stderr_to_stdout: settings.stderr_to_stdout,
        exit_status: settings.exit_status,
        read,
        write,
        packet_bytes: settings.packet_bytes,
    };
    let driver = SpawnDriver::launch(number, &program).map_err(errno_atom)?;
    let reference = new_numbers();
    let mut new = new_port(cx, number, name, &settings);
    new.opener = Some((cx.process.pid, reference));
    let port = table::insert(new, true, Box::new(driver));
    link(cx, number);
    port.inner.lock().driver.start();
    Ok(cx.heap.plain_ref(reference))
}

fn errno_atom(error: Errno) -> Atom {
    atom(error.name())
}

/// The runtime's environment with the settings' changes.
fn environment(settings: &Settings) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all: BTreeMap<_, _> = oxbeam_sys::environment::list().into_iter().collect();
    for (name, value) in &settings.environment {
        match value {
            Some(value) => drop(all.insert(name.clone(), value.clone())),
            None => drop(all.remove(name)),
        }
    }
    all.into_iter().collect()
}
