//! Node identities: a name and a creation, interned once and never freed.

use crate::atom::{Atom, am};
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::OnceLock;

/// One node that some pid, port or reference speaks of.
#[derive(PartialEq, Eq, Debug)]
pub struct Node {
    pub name: Atom,
    pub creation: u32,
    /// Number in order of first mention; stable where an address would not be.
    pub id: u32,
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
        nodes
            .entry((name, creation))
            .or_insert_with(|| Box::leak(Box::new(Node { name, creation, id })))
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
