//! Processes in a crash dump, and their stacks as `process_info(backtrace)` shows them.

use super::terms::{Binaries, Objects};
use oxbeam_code::ranges::locate;
use oxbeam_runtime::Cx;
use oxbeam_runtime::monitor::Target;
use oxbeam_runtime::process::inspect::{Slot, stack_slots};
use oxbeam_runtime::process::rare::Call;
use oxbeam_runtime::process::{Mfa, Process, Waiting};
use oxbeam_term::print::identity_text;
use oxbeam_term::{RawTerm, Term};
use std::io::{Result, Write};

fn mfa((module, function, arity): Mfa) -> String {
    format!("{}/{arity}", place(module.name(), function.name()))
}

fn place(module: &str, function: &str) -> String {
    let text = |name: &str| {
        let atom = oxbeam_term::Atom::existing(name).expect("a name of an atom");
        let mut bytes = vec![];
        oxbeam_term::print::write_atom(&mut bytes, atom);
        String::from_utf8_lossy(&bytes).into_owned()
    };
    format!("{}:{}", text(module), text(function))
}

/// `module:function/arity + offset`, or what stands for an end.
fn code_place(pc: *const u64) -> String {
    match locate(pc) {
        Some(at) => {
            let offset = (pc as usize).saturating_sub(at.info as usize);
            format!("{} + {offset}", mfa((at.module, at.function, at.arity)))
        }
        None => "<terminate process normally>".to_owned(),
    }
}

/// A pid, a port, or a reference of a monitor, as the runtime prints it.
fn identity(term: RawTerm) -> String {
    if term.is_immediate() { identity_text(Term::immediate(term)) } else { "<remote>".into() }
}

/// What a process of which only the shared part can be seen is doing.
pub fn write_shared(out: &mut dyn Write, process: &Process, state: &str) -> Result<()> {
    writeln!(out, "=proc:{}\nState: {state}", identity(RawTerm::pid(process.pid)))?;
    process.name().map_or(Ok(()), |name| writeln!(out, "Name: {}", name.name()))
}

/// The state of a process that was caught between two turns.
fn state(cx: &Cx<'_>, calling: bool) -> &'static str {
    match cx.own.waiting {
        _ if calling => "Running",
        _ if cx.is_suspended() => "Suspended",
        Waiting::No => "Scheduled",
        _ => "Waiting",
    }
}

/// The section `=proc` of a process. `calling`: it is the one that ends the runtime.
pub fn write_process(out: &mut dyn Write, cx: &Cx<'_>, calling: bool) -> Result<()> {
    write_shared(out, cx.process, state(cx, calling))?;
    let (heap, own) = (cx.heap, &cx.own);
    writeln!(out, "Spawned as: {}", mfa(own.initial_call))?;
    if calling && let Some(current) = own.current {
        writeln!(out, "Last scheduled in for: {}", mfa(current))?;
    }
    let parent = if own.parent.is_local_pid() { identity(own.parent) } else { "[]".into() };
    writeln!(out, "Spawned by: {parent}")?;
    let mut messages = own.mailbox.len();
    cx.process.each_queued_message(cx.own, |_| messages += 1);
    writeln!(out, "Message queue length: {messages}")?;
    writeln!(out, "Number of heap fragments: {}", usize::from(heap.fragment_words() > 0))?;
    writeln!(out, "Heap fragment data: {}", heap.fragment_words())?;
    write_last_calls(out, cx)?;
    write_links(out, cx)?;
    writeln!(out, "Reductions: {}", own.reductions)?;
    let free = heap.block_words().saturating_sub(heap.used_words() + heap.stack_words());
    writeln!(out, "Stack+heap: {}\nOldHeap: {}", heap.block_words(), heap.old_block_words())?;
    let old_free = heap.old_block_words().saturating_sub(heap.old_used_words());
    writeln!(out, "Heap unused: {free}\nOldHeap unused: {old_free}")?;
    let (young, limit, old) = heap.vheap();
    writeln!(out, "BinVHeap: {young}\nOldBinVHeap: {old}")?;
    let unused = [young, old].map(|used| limit.saturating_sub(used));
    writeln!(out, "BinVHeap unused: {}\nOldBinVHeap unused: {}", unused[0], unused[1])?;
    let words = heap.block_words() + heap.old_block_words() + heap.fragment_words();
    let own_bytes = crate::erlang::process_info::PROCESS_BYTES;
    writeln!(out, "Memory: {}", words * 8 + own_bytes)?;
    writeln!(out, "Program counter: {:#018x} ({})", own.ip as usize, code_place(own.ip))
}

/// The newest first, a line each.
fn write_last_calls(out: &mut dyn Write, cx: &Cx<'_>) -> Result<()> {
    let Some(calls) = cx.own.last_calls() else { return Ok(()) };
    write!(out, "Last calls:")?;
    for call in calls.rev() {
        match call {
            Call::To(to) => writeln!(out, " {}", mfa((to.module, to.function, to.arity)))?,
            Call::Send => writeln!(out, " send")?,
            Call::Receive => writeln!(out, " 'receive'")?,
            Call::Timeout => writeln!(out, " timeout")?,
        }
    }
    writeln!(out)
}

fn write_links(out: &mut dyn Write, cx: &Cx<'_>) -> Result<()> {
    let mut items: Vec<String> = cx.own.links.active().into_iter().map(identity).collect();
    for (reference, watching) in cx.own.monitors.watching() {
        let to = match watching.target {
            Target::Process(pid) => identity(RawTerm::pid(pid)),
            Target::Port(port) => identity(RawTerm::port(port)),
            Target::Name(name, _) | Target::NoPort(name) => name.name().to_owned(),
            Target::External(..) | Target::FormerPort(..) | Target::TimeOffset => continue,
        };
        items.push(format!("{{to,{to},{}}}", reference_text(*reference)));
    }
    for (reference, watched) in cx.own.monitors.watched() {
        items.push(format!("{{from,{},{}}}", identity(watched.by), reference_text(*reference)));
    }
    if items.is_empty() { Ok(()) } else { writeln!(out, "Link list: [{}]", items.join(", ")) }
}

fn reference_text([a, b, c]: [u32; 3]) -> String {
    format!("#Ref<0.{c}.{b}.{a}>")
}

/// The stack, a line or two for each frame and a line for each of its values.
pub fn write_backtrace(out: &mut dyn Write, cx: &Cx<'_>) -> Result<()> {
    let ip = cx.own.ip;
    writeln!(out, "Program counter: {:#018x} ({})", ip as usize, code_place(ip))?;
    let mut index = 0;
    for (at, slot) in stack_slots(cx.heap) {
        let value = match slot {
            Slot::Return(pc) => {
                index = 0;
                let place = code_place(pc);
                writeln!(out, "\n{at:#018x} Return addr {:#018x} ({place})", pc as usize)?;
                continue;
            }
            Slot::Catch => b"Catch".to_vec(),
            Slot::Term(term) => {
                let mut text = vec![];
                oxbeam_term::print::print(&mut text, term, PRINT_LIMIT);
                text
            }
        };
        write!(out, "{:9}", format!("y({index})"))?;
        out.write_all(&value)?;
        writeln!(out)?;
        index += 1;
    }
    Ok(())
}

/// Parts of a term that a line of a stack shows.
const PRINT_LIMIT: i64 = 64 * 1024;

/// Messages, dictionary, stack and the objects that these reach.
pub fn write_contents(out: &mut dyn Write, cx: &Cx<'_>, binaries: &mut Binaries) -> Result<()> {
    let pid = identity(RawTerm::pid(cx.process.pid));
    let mut objects = Objects::new(binaries);
    let mut messages: Vec<_> = cx.own.mailbox.terms().map(|term| cx.heap.import(term)).collect();
    cx.process.each_queued_message(cx.own, |term| messages.push(cx.heap.import(term)));
    if !messages.is_empty() {
        writeln!(out, "=proc_messages:{pid}")?;
        for message in messages {
            objects.word(out, message)?;
            writeln!(out, ":N")?;
        }
    }
    let pairs = cx.own.dictionary.pairs(cx.heap);
    if !pairs.is_empty() {
        writeln!(out, "=proc_dictionary:{pid}")?;
        (0..pairs.len()).try_for_each(|n| writeln!(out, "H{:X}", pair_address(n)))?;
    }
    writeln!(out, "=proc_stack:{pid}")?;
    let mut index = 0;
    for (at, slot) in stack_slots(cx.heap) {
        match slot {
            Slot::Return(pc) => {
                index = 0;
                let place = code_place(pc);
                writeln!(out, "{at:#018x}:SReturn addr {:#X} ({place})", pc as usize)?;
                continue;
            }
            Slot::Catch => write!(out, "y{index}:SCatch")?,
            Slot::Term(term) => {
                write!(out, "y{index}:")?;
                objects.word(out, term)?;
            }
        }
        writeln!(out)?;
        index += 1;
    }
    writeln!(out, "=proc_heap:{pid}")?;
    for (n, (key, value)) in pairs.into_iter().enumerate() {
        objects.pair(out, pair_address(n), key, value)?;
    }
    objects.finish(out)
}

/// Pairs of the dictionary stand under addresses that no object has.
fn pair_address(n: usize) -> u64 {
    16 + 8 * n as u64
}
