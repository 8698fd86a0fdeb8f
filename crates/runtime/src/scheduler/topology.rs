//! Which logical processors there are and how they hang together: detected, or defined by the user
//! (`+sct`, `erlang:system_flag(cpu_topology, T)`).
//!
//! 1. What the user has defined is used, else what was detected. Schedulers are bound by that
//!    ([`super::bind`]).
//! 2. With `+sct` and `+ssrct` nothing is detected, until somebody asks for an update.
//! 3. Topologies are kept in the order of their processors.

use crate::locks;
use oxbeam_ethread::lock::Mutex;
use oxbeam_sys::cpu::{self, Cpu, Processors};

struct Topologies {
    defined: Option<Vec<Cpu>>,
    detected: Vec<Cpu>,
    processors: Option<Processors>,
    available: Vec<bool>,
}

oxbeam_ethread::shared! {
    static TOPOLOGIES: Mutex<Topologies, locks::Topologies> = Mutex::new(Topologies {
        defined: None,
        detected: vec![],
        processors: None,
        available: vec![],
    });
}

/// Identifiers are no larger.
pub const MAX_ID: i32 = 0xFFFF;

/// Why a topology is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Invalid {
    Id,
    IdRange,
    Hierarchy,
    IdType,
    Nodes,
    NoLogicalId,
    LogicalIdsNotUnique,
    EntitiesNotUnique,
    Missing,
}

impl Invalid {
    pub fn text(self) -> &'static str {
        match self {
            Invalid::Id => "invalid identifier",
            Invalid::IdRange => "invalid identifier range",
            Invalid::Hierarchy => "invalid hierarchy",
            Invalid::IdType => "invalid identifier type",
            Invalid::Nodes => "invalid nodes declaration",
            Invalid::NoLogicalId => "missing logical identifier",
            Invalid::LogicalIdsNotUnique => "not unique logical identifiers",
            Invalid::EntitiesNotUnique => "not unique entities",
            Invalid::Missing => "missing cpu topology",
        }
    }
}

/// Looks at the machine. `reads_topology`: see rule 2. `true`: something has changed since the last look.
pub fn detect(reads_topology: bool) -> bool {
    let processors = cpu::processors();
    let available = (0..processors.configured).map(cpu::is_available).collect();
    let detected =
        if reads_topology { checked(cpu::topology()).unwrap_or_default() } else { vec![] };
    let mut this = TOPOLOGIES.lock();
    if this.processors == Some(processors) && this.available == available {
        return false;
    }
    (this.processors, this.available, this.detected) = (Some(processors), available, detected);
    true
}

/// What the machine had when it was looked at last.
pub fn processors() -> Processors {
    TOPOLOGIES.lock().processors.unwrap_or_else(cpu::processors)
}

pub fn defined() -> Vec<Cpu> {
    TOPOLOGIES.lock().defined.clone().unwrap_or_default()
}

pub fn detected() -> Vec<Cpu> {
    TOPOLOGIES.lock().detected.clone()
}

pub fn used() -> Vec<Cpu> {
    let this = TOPOLOGIES.lock();
    this.defined.as_ref().unwrap_or(&this.detected).clone()
}

/// Defines a topology, or (`None`) lets the detected one be used again. Who calls this binds anew.
pub fn define(topology: Option<Vec<Cpu>>) -> Result<(), Invalid> {
    let topology = topology.map(checked).transpose()?;
    TOPOLOGIES.lock().defined = topology;
    Ok(())
}

/// A topology in its order, if it is one.
fn checked(mut all: Vec<Cpu>) -> Result<Vec<Cpu>, Invalid> {
    let mut logical: Vec<i32> = all.iter().map(|cpu| cpu.logical).collect();
    logical.sort_unstable();
    if logical.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Invalid::LogicalIdsNotUnique);
    }
    let place = |cpu: &Cpu| (cpu.processor, cpu.node, cpu.processor_node, cpu.core, cpu.thread);
    all.sort_by_key(place);
    if all.windows(2).any(|pair| place(&pair[0]) == place(&pair[1])) {
        return Err(Invalid::EntitiesNotUnique);
    }
    let without = all.first().is_some_and(|cpu| cpu.node < 0 && cpu.processor_node < 0);
    let fits = |pair: &[Cpu]| {
        let [before, this] = [pair[0], pair[1]];
        let split = this.processor == before.processor && this.node != before.node;
        let nodes = usize::from(this.node >= 0) + usize::from(this.processor_node >= 0);
        if without { nodes == 0 } else { nodes == 1 && !split }
    };
    if all.windows(2).all(fits) { Ok(all) } else { Err(Invalid::Nodes) }
}

/// Reads what `+sct` says: entries `L0-3t0c0-3p0n0`, divided by colons.
pub fn read(text: &[u8]) -> Result<Vec<Cpu>, Invalid> {
    if text.is_empty() {
        return Err(Invalid::Missing);
    }
    let mut all = vec![];
    let mut rest = text;
    while !rest.is_empty() {
        rest = read_entry(rest, &mut all)?;
    }
    checked(all)
}

/// The levels from the lowest: logical, thread, core, node within a processor, processor, node.
const LEVELS: usize = 6;
const PROCESSOR: usize = 4;

/// Reads one entry; gives what follows.
fn read_entry<'t>(mut text: &'t [u8], all: &mut Vec<Cpu>) -> Result<&'t [u8], Invalid> {
    let mut ids: [Vec<i32>; LEVELS] = [vec![], vec![0], vec![0], vec![-1], vec![0], vec![-1]];
    let mut next_level = 0;
    while let Some((&letter, rest)) = text.split_first()
        && letter != b':'
    {
        let level = match letter {
            b'L' => 0,
            b't' | b'T' => 1,
            b'c' | b'C' => 2,
            b'p' | b'P' => PROCESSOR,
            b'n' | b'N' => {
                // Below its processor it is a part of that.
                let mut entry = rest.iter().take_while(|&&byte| byte != b':');
                let above = entry.any(|byte| matches!(byte, b'p' | b'P'));
                if next_level <= PROCESSOR && above { 3 } else { 5 }
            }
            _ => return Err(Invalid::IdType),
        };
        if level < next_level {
            return Err(Invalid::Hierarchy);
        }
        next_level = level + 1;
        (ids[level], text) = read_ids(rest)?;
    }
    let count = ids[0].len();
    if count == 0 {
        return Err(Invalid::NoLogicalId);
    }
    if ids.iter().any(|ids| ids.len() != 1 && ids.len() != count) {
        return Err(Invalid::IdRange);
    }
    let id = |level: usize, at: usize| *ids[level].get(at).unwrap_or(&ids[level][0]);
    all.extend((0..count).map(|at| Cpu {
        node: id(5, at),
        processor: id(PROCESSOR, at),
        processor_node: id(3, at),
        core: id(2, at),
        thread: id(1, at),
        logical: id(0, at),
    }));
    Ok(text.strip_prefix(b":").unwrap_or(text))
}

/// Identifiers and ranges of them, up or down, divided by commas.
fn read_ids(mut text: &[u8]) -> Result<(Vec<i32>, &[u8]), Invalid> {
    let mut ids = vec![];
    loop {
        let (first, rest) = read_id(text).ok_or(Invalid::Id)?;
        text = rest;
        let mut last = first;
        if let Some(rest) = text.strip_prefix(b"-") {
            (last, text) = read_id(rest).ok_or(Invalid::IdRange)?;
        }
        if first <= last {
            ids.extend(first..=last);
        } else {
            ids.extend((last..=first).rev());
        }
        match text.strip_prefix(b",") {
            Some(rest) => text = rest,
            None => return Ok((ids, text)),
        }
    }
}

fn read_id(text: &[u8]) -> Option<(i32, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let id: i32 = std::str::from_utf8(&text[..digits]).ok()?.parse().ok()?;
    (id <= MAX_ID).then_some((id, &text[digits..]))
}

/// A processor by its number within what it is part of. Nodes are numbered throughout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Rank {
    pub node: i32,
    pub processor: i32,
    pub part: i32,
    pub core: i32,
    pub thread: i32,
    pub logical: i32,
}

/// The ranks of a topology in its order. `nodes_hold`: processors are numbered within their node.
pub(super) fn ranks(all: &[Cpu], nodes_hold: bool) -> Vec<Rank> {
    let mut at = Rank { node: -1, processor: -1, part: -1, core: -1, thread: -1, logical: -1 };
    let mut last: Option<Cpu> = None;
    let mut rank = |cpu: &Cpu| {
        let differs = |of: fn(&Cpu) -> i32| last.is_none_or(|last| of(&last) != of(cpu));
        let new_node = (nodes_hold || cpu.node >= 0) && differs(|cpu| cpu.node);
        let new_processor = new_node || differs(|cpu| cpu.processor);
        let divided = cpu.processor_node >= 0;
        let new_part = divided && (new_processor || differs(|cpu| cpu.processor_node));
        let new_core = new_processor || new_part || differs(|cpu| cpu.core);
        at.node += i32::from((new_node && cpu.node >= 0) || new_part);
        at.processor = if new_node { 0 } else { at.processor + i32::from(new_processor) };
        at.part = match () {
            () if !divided || new_processor => 0,
            () => at.part + i32::from(new_part),
        };
        at.thread = if new_core { 0 } else { at.thread + i32::from(differs(|cpu| cpu.thread)) };
        at.core = match () {
            () if new_processor || new_part => 0,
            () => at.core + i32::from(new_core),
        };
        at.logical = cpu.logical;
        last = Some(*cpu);
        at
    };
    all.iter().map(&mut rank).collect()
}

/// Divides a topology into groups of processors that lie close to each other: each with its group, from 0.
///
/// The largest parts are divided of which there are more than groups; of parts that are not divided
/// evenly the later groups get one more. Where there are no more cores than groups each is one.
pub fn groups(all: &[Cpu], count: usize) -> Vec<(i32, usize)> {
    let mut ranks = ranks(all, true);
    ranks.sort_by_key(|rank| [rank.node, rank.processor, rank.part, rank.core, rank.thread]);
    let levels: [Vec<usize>; 4] = std::array::from_fn(|level| numbers(&ranks, level + 1));
    let size = |level: usize| levels[level].last().map_or(0, |last| last + 1);
    let Some(level) = (0..4).find(|&level| size(level) > count) else {
        return ranks.iter().zip(&levels[3]).map(|(rank, &core)| (rank.logical, core)).collect();
    };
    // Of each entity above, how many are divided.
    let above = if level == 0 { vec![0; ranks.len()] } else { levels[level - 1].clone() };
    let mut parts = vec![0; above.last().map_or(0, |last| last + 1)];
    for (at, &entity) in levels[level].iter().enumerate() {
        parts[above[at]] += usize::from(at == 0 || levels[level][at - 1] != entity);
    }
    let shares = shares(&parts, count);
    let mut group_of = vec![];
    for (&parts, &share) in parts.iter().zip(&shares) {
        let first = group_of.last().map_or(0, |last| last + 1);
        let (each, more) = (parts / share, parts % share);
        for group in 0..share {
            let more = usize::from(group >= share - more);
            group_of.extend(std::iter::repeat_n(first + group, each + more));
        }
    }
    ranks.iter().zip(&levels[level]).map(|(rank, &part)| (rank.logical, group_of[part])).collect()
}

/// The running number of the entity of that depth that each belongs to.
fn numbers(ranks: &[Rank], depth: usize) -> Vec<usize> {
    let path = |rank: &Rank| [rank.node, rank.processor, rank.part, rank.core];
    let mut number = 0;
    let next = |at: usize| {
        if at > 0 && path(&ranks[at])[..depth] != path(&ranks[at - 1])[..depth] {
            number += 1;
        }
        number
    };
    (0..ranks.len()).map(next).collect()
}

/// How many of `count` groups each gets that has so many parts: the same for all, as far as they have
/// parts, and what is left for those with the most.
fn shares(parts: &[usize], count: usize) -> Vec<usize> {
    let even = count / parts.len().max(1);
    let mut shares: Vec<usize> = parts.iter().map(|&parts| parts.min(even)).collect();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(parts[at]));
    let mut left = count - shares.iter().sum::<usize>();
    while left > 0 {
        for &at in order.iter().take_while(|&&at| shares[at] < parts[at]).collect::<Vec<_>>() {
            if left > 0 {
                (shares[at], left) = (shares[at] + 1, left - 1);
            }
        }
    }
    shares
}

#[cfg(all(test, not(oxbeam_model)))]
mod tests {
    use super::*;

    #[test]
    fn topologies_are_read() {
        let all = read(b"L1-0c0-1:L2,4c1,0p1").unwrap();
        let ids = |cpu: &Cpu| (cpu.logical, cpu.core, cpu.processor, cpu.node, cpu.thread);
        let all: Vec<_> = all.iter().map(ids).collect();
        assert_eq!(all, [(1, 0, 0, -1, 0), (0, 1, 0, -1, 0), (4, 0, 1, -1, 0), (2, 1, 1, -1, 0)]);
    }

    #[test]
    fn what_is_no_topology_is_told() {
        for (text, invalid) in [
            ("", Invalid::Missing),
            ("L", Invalid::Id),
            ("L65536", Invalid::Id),
            ("L0-x", Invalid::IdRange),
            ("L0-2c0-1", Invalid::IdRange),
            ("L0c0L1", Invalid::Hierarchy),
            ("x", Invalid::IdType),
            ("c0", Invalid::NoLogicalId),
            ("L0:L0", Invalid::LogicalIdsNotUnique),
            ("L0-1", Invalid::EntitiesNotUnique),
            ("L0p0n0:L1p0n1", Invalid::Nodes),
        ] {
            assert_eq!(read(text.as_bytes()), Err(invalid), "{text}");
        }
    }

    #[test]
    fn groups_are_neighbours() {
        let all = read(b"L0-3c0-3p0:L4-5c0-1p1").unwrap();
        let groups = |count| groups(&all, count).into_iter().map(|(_, group)| group).collect();
        let of: [Vec<usize>; 5] = [1, 2, 3, 4, 9].map(groups);
        let all_six = [0, 1, 2, 3, 4, 5];
        assert_eq!(of[0], [0; 6]);
        assert_eq!(of[1], [0, 0, 0, 0, 1, 1]);
        assert_eq!(of[2], [0, 0, 1, 1, 2, 2]);
        assert_eq!(of[3], [0, 0, 1, 1, 2, 3]);
        assert_eq!(of[4], all_six);
    }
}
