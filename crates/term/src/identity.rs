//! Pids, ports and references seen alike, of this node or another.

use std::cmp::Ordering;

use crate::node::Node;
use crate::view::{External, Kind, Ref, Term};

/// Bits of a local pid's number; its serial follows in the data word.
pub const PID_NUMBER_BITS: u32 = 15;

/// What identifies a process.
#[derive(Clone, Copy)]
pub struct PidParts {
    pub number: u32,
    pub serial: u32,
    pub node: &'static Node,
}

/// What identifies a port.
#[derive(Clone, Copy)]
pub struct PortParts {
    pub number: u64,
    pub node: &'static Node,
}

/// What identifies a reference; numbers lowest first.
#[derive(Clone, Copy)]
pub struct RefParts {
    numbers: [u32; MAX_REF_NUMBERS],
    count: usize,
    pub node: &'static Node,
}

/// Numbers of the longest reference, which a foreign node may make.
pub const MAX_REF_NUMBERS: usize = 5;

/// Table data of a local pid: `serial << 15 | number`.
pub const fn pid_data(number: u32, serial: u32) -> u64 {
    (serial as u64) << PID_NUMBER_BITS | number as u64
}

impl PidParts {
    fn local(data: u64) -> PidParts {
        let number = (data & ((1 << PID_NUMBER_BITS) - 1)) as u32;
        PidParts { number, serial: (data >> PID_NUMBER_BITS) as u32, node: Node::this() }
    }

    fn external(pid: External) -> PidParts {
        PidParts { number: pid.data() as u32, serial: (pid.data() >> 32) as u32, node: pid.node() }
    }

    pub(crate) fn cmp(&self, other: &PidParts) -> Ordering {
        (self.serial, self.number)
            .cmp(&(other.serial, other.number))
            .then_with(|| cmp_nodes(self.node, other.node))
    }
}

impl PortParts {
    pub(crate) fn cmp(&self, other: &PortParts) -> Ordering {
        cmp_nodes(self.node, other.node).then(self.number.cmp(&other.number))
    }
}

impl RefParts {
    fn local(reference: Ref) -> RefParts {
        let mut numbers = [0; MAX_REF_NUMBERS];
        numbers[..3].copy_from_slice(&reference.numbers());
        RefParts { numbers, count: 3, node: Node::this() }
    }

    fn external(reference: External) -> RefParts {
        let given = reference.ref_numbers();
        let mut numbers = [0; MAX_REF_NUMBERS];
        let count = given.len().min(MAX_REF_NUMBERS);
        numbers[..count].copy_from_slice(&given[..count]);
        RefParts { numbers, count, node: reference.node() }
    }

    /// The numbers, lowest first.
    pub fn numbers(&self) -> &[u32] {
        &self.numbers[..self.count]
    }

    pub(crate) fn cmp(&self, other: &RefParts) -> Ordering {
        // Missing numbers are zero, the last number weighs most.
        cmp_nodes(self.node, other.node)
            .then_with(|| self.numbers.iter().rev().cmp(other.numbers.iter().rev()))
    }
}

/// Order of nodes: by name, then creation.
fn cmp_nodes(a: &'static Node, b: &'static Node) -> Ordering {
    if std::ptr::eq(a, b) {
        return Ordering::Equal;
    }
    a.name.name().as_bytes().cmp(b.name.name().as_bytes()).then(a.creation.cmp(&b.creation))
}

impl<'h> Term<'h> {
    /// The identity behind a pid of any node.
    pub fn pid_parts(self) -> Option<PidParts> {
        match self.kind() {
            Kind::Pid(data) => Some(PidParts::local(data)),
            Kind::ExtPid(pid) => Some(PidParts::external(pid)),
            _ => None,
        }
    }

    /// The identity behind a port of any node.
    pub fn port_parts(self) -> Option<PortParts> {
        match self.kind() {
            Kind::Port(number) => Some(PortParts { number, node: Node::this() }),
            Kind::ExtPort(port) => Some(PortParts { number: port.data(), node: port.node() }),
            _ => None,
        }
    }

    /// The identity behind a reference of any node.
    pub fn ref_parts(self) -> Option<RefParts> {
        match self.kind() {
            Kind::Ref(reference) => Some(RefParts::local(reference)),
            Kind::ExtRef(reference) => Some(RefParts::external(reference)),
            _ => None,
        }
    }
}
