//! Tables as a crash dump, and OTP's tests, are told of them.

use crate::object::Object;
use crate::registry;
use crate::table::{Kind, Storage, Table};
use oxbeam_term::print::write_atom;
use oxbeam_term::{Atom, Node};
use std::io::{Result, Write};

/// The section `=ets` of each table.
pub fn describe_all(out: &mut dyn Write) -> Result<()> {
    registry::all().iter().try_for_each(|table| describe(out, table))
}

/// How many external pids, ports and references to a node the objects of each table hold.
pub fn count_references(to: &'static Node) -> Vec<(Atom, usize)> {
    let counted = |table: &Table| {
        let mut count = 0;
        let mut see = |object: &Object| object.each_node(|node| count += usize::from(node == to));
        match &table.storage {
            Storage::Hash(hash) => {
                let slots = hash.slot_count();
                (0..slots).for_each(|slot| hash.each_in_slot(slot, slots, &mut see));
            }
            Storage::Tree(tree) => tree.each(|objects| objects.iter().for_each(&mut see)),
        }
        (table.name(), count)
    };
    let all = registry::all();
    all.iter().map(|table| counted(table)).filter(|(_, count)| *count > 0).collect()
}

fn describe(out: &mut dyn Write, table: &Table) -> Result<()> {
    let mut name = vec![];
    write_atom(&mut name, table.name());
    let name = String::from_utf8_lossy(&name);
    let slot = std::ptr::from_ref(table) as usize;
    writeln!(out, "=ets:<0.{}.0>\nSlot: {slot}\nTable: {name}\nName: {name}", table.owner())?;
    if table.kind() == Kind::OrderedSet {
        writeln!(out, "Ordered set (AVL tree), Elements: {}", table.size())?;
    } else {
        writeln!(out, "Buckets: {}", table.size().next_power_of_two())?;
    }
    writeln!(out, "Objects: {}\nWords: {}", table.size(), table.memory_words())?;
    writeln!(out, "Type: {}", table.kind().atom().name())?;
    writeln!(out, "Protection: {}", table.protection().atom().name())?;
    writeln!(out, "Compressed: false\nWrite Concurrency: false\nRead Concurrency: false")
}
