//! The runtime as a whole in a crash dump and in `system_info(info | loaded | dist)`.

use oxbeam_code::module;
use oxbeam_heap::block::{Category, bytes_in_use};
use oxbeam_runtime::process::table;
use oxbeam_runtime::{scheduler, system};
use oxbeam_term::{Atom, Binary, Node};
use std::io::{Result, Write};

/// Bytes in use by kind: the sums that `erlang:memory/0` tells.
pub fn memory() -> [(&'static str, usize); 9] {
    let processes = bytes_in_use(Category::ProcessHeap) + bytes_in_use(Category::Fragment);
    let (atom, binary) = (Atom::name_bytes(), Binary::bytes_in_use());
    let code = oxbeam_code::memory::bytes_in_use() + bytes_in_use(Category::Literal);
    let ets = bytes_in_use(Category::Ets);
    let system = atom + binary + code + ets + table::bytes();
    [
        ("total", processes + system),
        ("processes", processes),
        ("processes_used", processes),
        ("system", system),
        ("atom", atom),
        ("atom_used", atom),
        ("binary", binary),
        ("code", code),
        ("ets", ets),
    ]
}

/// The section `=memory`.
pub fn write_memory(out: &mut dyn Write) -> Result<()> {
    writeln!(out, "=memory")?;
    memory().iter().try_for_each(|(name, bytes)| writeln!(out, "{name}: {bytes}"))
}

/// What `erlang:system_info(info)` gives: memory, tables, areas.
pub fn write_info(out: &mut dyn Write) -> Result<()> {
    write_memory(out)?;
    let tables = [
        ("atom_tab", Atom::limit(), Atom::count()),
        ("module_code", 1 << 16, module::known().len()),
        ("export_list", 1 << 19, oxbeam_term::export::all().len()),
    ];
    for (name, limit, entries) in tables {
        let size = entries.next_power_of_two();
        writeln!(out, "=index_table:{name}\nsize: {size}\nlimit: {limit}\nentries: {entries}")?;
    }
    writeln!(out, "=allocated_areas\natom_space: {0} {0}", Atom::name_bytes())?;
    let code = oxbeam_code::memory::bytes_in_use();
    writeln!(out, "loaded_code: {code}\nexternal_alloc: {code}")
}

/// Modules and the bytes of their code.
pub fn write_loaded(out: &mut dyn Write, sections: bool) -> Result<()> {
    let mut modules: Vec<Atom> = module::known();
    modules.sort_by_key(|name| name.index());
    let bytes = |module: Option<&'static module::Module>| module.map(|m| m.words * 8);
    let sum = |find: fn(Atom) -> Option<&'static module::Module>| -> usize {
        modules.iter().filter_map(|name| bytes(find(*name))).sum()
    };
    let (current, old) = (sum(module::current), sum(module::old));
    writeln!(out, "Current code: {current}\nOld code: {old}")?;
    for name in modules {
        let Some(current) = bytes(module::current(name)) else { continue };
        let old = bytes(module::old(name));
        if sections {
            writeln!(out, "=mod:{}\nCurrent size: {current}", name.name())?;
            old.map_or(Ok(()), |old| writeln!(out, "Old size: {old}"))?;
        } else {
            write!(out, "{} {current}", name.name())?;
            old.map_or(Ok(()), |old| write!(out, " ({old} old)"))?;
            writeln!(out)?;
        }
    }
    Ok(())
}

/// This node, and that there is no other.
pub fn write_distribution(out: &mut dyn Write) -> Result<()> {
    let name = Node::this().name.name();
    writeln!(out, "=node:'{name}'\n=no_distribution")
}

/// A section for each scheduler.
pub fn write_schedulers(out: &mut dyn Write) -> Result<()> {
    let queue = |out: &mut dyn Write, length: usize| {
        writeln!(out, "Run Queue Max Length: 0\nRun Queue High Length: 0")?;
        writeln!(out, "Run Queue Normal Length: {length}\nRun Queue Low Length: 0")?;
        writeln!(out, "Run Queue Port Length: 0\nRun Queue Flags: ")
    };
    let lengths = scheduler::run_queue_lengths();
    for (index, length) in lengths.iter().enumerate() {
        writeln!(out, "=scheduler:{}\nScheduler Sleep Info Flags: ", index + 1)?;
        writeln!(out, "Scheduler Sleep Info Aux Work: \nCurrent Port: ")?;
        queue(out, *length)?;
        writeln!(out, "Current Process: ")?;
    }
    let system = system::get();
    let dirty = [("cpu", system.dirty_cpu_schedulers), ("io", system.dirty_io_schedulers)];
    let mut number = lengths.len();
    for (kind, count) in dirty {
        for _ in 0..count {
            number += 1;
            writeln!(out, "=dirty_{kind}_scheduler:{number}\nScheduler Sleep Info Flags: ")?;
            writeln!(out, "Scheduler Sleep Info Aux Work: \nCurrent Process: ")?;
        }
        writeln!(out, "=dirty_{kind}_run_queue")?;
        queue(out, 0)?;
    }
    Ok(())
}
