//! Node identities: a name and a creation, interned once.
//!
//! 1. An identity is never freed, so whoever has one may keep it. It counts the external pids, ports
//!    and references that speak of the node: those in any heap, message or table.
//! 2. A node of which none speaks is *forgotten* some time after the last one: it is not listed any
//!    more until it is mentioned again.

use crate::atom::{Atom, am};
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

/// One node that some pid, port or reference speaks of.
#[derive(Debug)]
pub struct Node {
    pub name: Atom,
    pub creation: u32,
    /// Number in order of first mention; stable where an address would not be.
    pub id: u32,
    /// Rule 1.
    references: AtomicUsize,
    /// When it was mentioned last without being referred to, in nanoseconds of the clock.
    idle_since_ns: AtomicI64,
}

impl PartialEq for Node {
    fn eq(&self, other: &Node) -> bool {
        (self.name, self.creation) == (other.name, other.creation)
    }
}

impl Eq for Node {}

/// Tells the time, for rule 2.
static CLOCK: OnceLock<fn() -> i64> = OnceLock::new();

/// Seconds after which a node is forgotten.
pub const DELAY_SECONDS: i64 = 60;
static DELAY_NS: AtomicI64 = AtomicI64::new(DELAY_SECONDS * 1_000_000_000);

fn now_ns() -> i64 {
    CLOCK.get().map_or(0, |clock| clock())
}

type Nodes = Mutex<HashMap<(Atom, u32), &'static Node>>;

fn table() -> &'static Nodes {
    static TABLE: OnceLock<Nodes> = OnceLock::new();
    TABLE.get_or_init(Mutex::default)
}

fn this_lock() -> &'static RwLock<&'static Node> {
    static THIS: OnceLock<RwLock<&'static Node>> = OnceLock::new();
    THIS.get_or_init(|| RwLock::new(Node::get(am::nonode_at_nohost, 0)))
}

impl Node {
    /// The node of that name and creation.
    pub fn get(name: Atom, creation: u32) -> &'static Node {
        let mut nodes = table().lock();
        let id = nodes.len() as u32;
        let new = || {
            let (references, idle_since_ns) = (AtomicUsize::new(0), AtomicI64::new(0));
            &*Box::leak(Box::new(Node { name, creation, id, references, idle_since_ns }))
        };
        let node = *nodes.entry((name, creation)).or_insert_with(new);
        if node.references() == 0 {
            node.idle_since_ns.store(now_ns(), Ordering::Relaxed);
        }
        node
    }
    /// Sets the clock, of monotonic nanoseconds; at boot, once.
    pub fn set_clock(clock: fn() -> i64) {
        CLOCK.set(clock).ok();
    }
    /// Sets after how many nanoseconds nodes are forgotten; gives what it was.
    pub fn set_delay_ns(delay_ns: i64) -> i64 {
        DELAY_NS.swap(delay_ns, Ordering::Relaxed)
    }
    /// One more pid, port or reference speaks of it.
    pub fn retain(&self) {
        self.references.fetch_add(1, Ordering::Relaxed);
    }
    /// One that spoke of it is gone.
    pub fn release(&self) {
        if self.references.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.idle_since_ns.store(now_ns(), Ordering::Relaxed);
        }
    }
    /// How many speak of it.
    pub fn references(&self) -> usize {
        self.references.load(Ordering::Acquire)
    }
    fn is_forgotten(&self) -> bool {
        let idle_ns = now_ns() - self.idle_since_ns.load(Ordering::Relaxed);
        self.references() == 0 && idle_ns >= DELAY_NS.load(Ordering::Relaxed) && !self.is_this()
    }
    /// All nodes that are not forgotten, in the order of their first mention.
    pub fn all() -> Vec<&'static Node> {
        let nodes: Vec<_> = table().lock().values().copied().collect();
        let mut all: Vec<_> = nodes.into_iter().filter(|node| !node.is_forgotten()).collect();
        all.sort_by_key(|node| node.id);
        all
    }
    /// Some node of that name that was mentioned before, the latest creation first.
    pub fn known(name: Atom) -> Option<&'static Node> {
        let nodes = table().lock();
        nodes.values().copied().filter(|node| node.name == name).max_by_key(|node| node.id)
    }
    /// This node: `nonode@nohost` until distribution starts.
    pub fn this() -> &'static Node {
        *this_lock().read()
    }
    /// Makes `node` the name of this node.
    pub fn set_this(node: &'static Node) {
        *this_lock().write() = node;
    }
    /// Whether this is the local node's identity, present or before distribution.
    pub fn is_this(&self) -> bool {
        std::ptr::eq(self, Node::this())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_forgotten_some_time_after_nobody_speaks_of_it() {
        let name = Atom::new("forgotten@nowhere").unwrap();
        let node = Node::get(name, 4);
        let is_known = || Node::all().contains(&node);
        assert!(is_known());
        node.retain();
        let delay_ns = Node::set_delay_ns(0);
        assert!(is_known());
        node.release();
        assert!(!is_known());
        assert!(std::ptr::eq(Node::get(name, 4), node));
        Node::set_delay_ns(delay_ns);
        assert!(is_known());
        assert_eq!(node.references(), 0);
    }
}
