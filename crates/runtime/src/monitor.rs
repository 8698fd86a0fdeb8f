//! Monitors and aliases: what the watching end and the watched end keep.

use crate::process::PidData;
use crate::reference::RefNumbers;
use crate::small_map::SmallMap;
use oxbeam_heap::OwnedTerm;
use oxbeam_term::{Atom, Node, RawTerm, outside};

/// What a monitor watches, as its owner named it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    Process(PidData),
    /// A registered name, and the process or port it stood for (`None`: nothing).
    Name(Atom, Option<RawTerm>),
    Port(u64),
    /// A process of another node, or of this one under another creation: there is no connection, or it
    /// is gone.
    External(&'static Node, u64),
    /// A port of this node under another creation.
    FormerPort(&'static Node, u64),
    /// A name that stood for no port when one was asked for.
    NoPort(Atom),
    TimeOffset,
}

impl Target {
    /// The process that has to be told, if there is one.
    pub fn pid(self) -> Option<PidData> {
        match self {
            Target::Process(pid) => Some(pid),
            Target::Name(_, Some(end)) if end.is_local_pid() => Some(end.local_data()),
            _ => None,
        }
    }
}

/// A monitor at the end that watches.
pub struct Watching {
    pub target: Target,
    /// Stands in the place of `'DOWN'` (the `{tag, Term}` option).
    pub tag: Option<OwnedTerm>,
}

/// A monitor at the end that is watched.
#[derive(Clone, Copy, Debug)]
pub struct Watched {
    pub by: RawTerm,
    /// The name it was set through.
    pub name: Option<Atom>,
}

/// Both directions of a process's monitors, by reference.
#[derive(Default)]
pub struct Monitors {
    watching: SmallMap<RefNumbers, Watching>,
    watched: SmallMap<RefNumbers, Watched>,
}

impl Monitors {
    /// How many there are, of both directions.
    pub fn count(&self) -> usize {
        self.watching.len() + self.watched.len()
    }
    pub fn watch(&mut self, reference: RefNumbers, watching: Watching) {
        self.watching.insert(reference, watching);
    }
    pub fn stop_watching(&mut self, reference: RefNumbers) -> Option<Watching> {
        self.watching.remove(&reference)
    }
    pub fn watching(&self) -> impl Iterator<Item = (&RefNumbers, &Watching)> {
        self.watching.iter()
    }
    pub fn add_watched(&mut self, reference: RefNumbers, watched: Watched) {
        self.watched.insert(reference, watched);
    }
    pub fn remove_watched(&mut self, reference: RefNumbers) -> Option<Watched> {
        self.watched.remove(&reference)
    }
    pub fn watched(&self) -> impl Iterator<Item = (&RefNumbers, &Watched)> {
        self.watched.iter()
    }
}

/// When an alias ends by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AliasKind {
    /// Only by `unalias/1`.
    Explicit,
    /// With its monitor.
    Demonitor,
    /// With its monitor, or with the first message through it.
    ReplyDemonitor,
}

/// The active aliases of a process.
#[derive(Default)]
pub struct Aliases {
    active: SmallMap<RefNumbers, AliasKind>,
}

impl Aliases {
    pub fn add(&mut self, reference: RefNumbers, kind: AliasKind) {
        self.active.insert(reference, kind);
    }
    pub fn remove(&mut self, reference: RefNumbers) -> Option<AliasKind> {
        outside::forget_alias(reference);
        self.active.remove(&reference)
    }
    pub fn get(&self, reference: RefNumbers) -> Option<AliasKind> {
        self.active.get(&reference).copied()
    }
    /// The monitor of that reference is gone.
    pub fn monitor_ended(&mut self, reference: RefNumbers) {
        if self.get(reference).is_some_and(|kind| kind != AliasKind::Explicit) {
            self.remove(reference);
        }
    }
}

impl Drop for Aliases {
    fn drop(&mut self) {
        self.active.iter().for_each(|(&reference, _)| outside::forget_alias(reference));
    }
}
