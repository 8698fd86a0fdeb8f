//! The trace flags of a process: bits, as `process_info(Pid, trace)` shows them, and their names.

use oxbeam_term::Atom;

/// A set of flags.
pub type Flags = u32;

pub const TIMESTAMP: Flags = 1;
pub const STRICT_MONOTONIC: Flags = 1 << 1;
pub const MONOTONIC: Flags = 1 << 2;
pub const SEND: Flags = 1 << 4;
pub const RECEIVE: Flags = 1 << 5;
pub const SET_ON_SPAWN: Flags = 1 << 6;
pub const SET_ON_FIRST_SPAWN: Flags = 1 << 7;
pub const SET_ON_LINK: Flags = 1 << 8;
pub const SET_ON_FIRST_LINK: Flags = 1 << 9;
pub const CALL: Flags = 1 << 10;
pub const PROCS: Flags = 1 << 11;
pub const RUNNING: Flags = 1 << 13;
pub const EXITING: Flags = 1 << 24;
pub const COLLECTIONS: Flags = 1 << 14;
pub const ARITY: Flags = 1 << 15;
pub const RETURN_TO: Flags = 1 << 16;
pub const SILENT: Flags = 1 << 17;
pub const SCHEDULER_ID: Flags = 1 << 23;
pub const PORTS: Flags = 1 << 22;
pub const RUNNING_PORTS: Flags = 1 << 20;
pub const RUNNING_PROCS: Flags = 1 << 21;
/// What `all` stands for.
pub const ALL: Flags = {
    let (mut all, mut i) = (0, 0);
    while i < NAMES.len() {
        all |= NAMES[i].1;
        i += 1;
    }
    all
};

/// Those that change how others are told, of processes and of ports.
pub const MODIFIERS: Flags =
    SILENT | TIMESTAMP | STRICT_MONOTONIC | MONOTONIC | SCHEDULER_ID | RECEIVE | SEND;
/// Those that ports can have.
pub const OF_PORTS: Flags = MODIFIERS | PORTS | RUNNING_PORTS;
/// Those that mean something for processes.
pub const OF_PROCESSES: Flags = (ALL & !OF_PORTS) | MODIFIERS;

/// The names, in the order in which they are listed.
const NAMES: [(&str, Flags); 21] = [
    ("running_procs", RUNNING_PROCS),
    ("running_ports", RUNNING_PORTS),
    ("ports", PORTS),
    ("scheduler_id", SCHEDULER_ID),
    ("silent", SILENT),
    ("return_to", RETURN_TO),
    ("arity", ARITY),
    ("garbage_collection", COLLECTIONS),
    ("exiting", EXITING),
    ("running", RUNNING),
    ("set_on_first_link", SET_ON_FIRST_LINK),
    ("set_on_link", SET_ON_LINK),
    ("set_on_first_spawn", SET_ON_FIRST_SPAWN),
    ("procs", PROCS),
    ("call", CALL),
    ("set_on_spawn", SET_ON_SPAWN),
    ("receive", RECEIVE),
    ("send", SEND),
    ("monotonic_timestamp", MONOTONIC),
    ("strict_monotonic_timestamp", STRICT_MONOTONIC),
    ("timestamp", TIMESTAMP),
];

/// The flags that a name stands for.
pub fn of_name(name: Atom) -> Option<Flags> {
    if name.name() == "all" {
        return Some(ALL);
    }
    NAMES.iter().find(|(known, _)| *known == name.name()).map(|(_, flag)| *flag)
}

/// The names of a set's flags.
pub fn names(flags: Flags) -> impl Iterator<Item = Atom> {
    let set = NAMES.iter().filter(move |(_, flag)| flags & flag != 0);
    set.map(|(name, _)| Atom::new(name).expect("room for the names of trace flags"))
}
