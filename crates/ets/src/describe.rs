//! Tables as a crash dump tells of them.

use crate::registry;
use crate::table::{Kind, Table};
use oxbeam_term::print::write_atom;
use std::io::{Result, Write};

/// The section `=ets` of each table.
pub fn describe_all(out: &mut dyn Write) -> Result<()> {
    registry::all().iter().try_for_each(|table| describe(out, table))
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
