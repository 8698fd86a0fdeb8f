//! Which nodes are known, and who refers to them, as OTP's tests want to see it.

use oxbeam_runtime::process::table;
use oxbeam_runtime::timer::{self, Destination};
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::{Atom, Node, RawTerm, Term, am};

use super::ends::atom;
use std::collections::{BTreeMap, HashSet};

/// How many references of one kind somebody has.
struct Held {
    by: (&'static str, RawTerm),
    kind: &'static str,
    count: usize,
}

impl Held {
    fn new(
        kind_of_holder: &'static str,
        holder: RawTerm,
        kind: &'static str,
        count: usize,
    ) -> Held {
        Held { by: (kind_of_holder, holder), kind, count }
    }

    /// One that the system has, as `why` says.
    fn by_system(why: &str) -> Held {
        Held::new("system", atom(why).raw(), "system", 1)
    }
}

/// `[{{Kind, Holder}, [{Kind, Count}]}]`
fn holders_term<'h>(cx: &Cx<'h>, held: &[Held]) -> Term<'h> {
    let heap = cx.heap;
    let mut by_holder: BTreeMap<_, Vec<Term<'h>>> = BTreeMap::new();
    for Held { by: (kind_of_holder, holder), kind, count } in held {
        let counted = heap.tuple(&[atom(kind), heap.usize(*count)]);
        by_holder.entry((*kind_of_holder, holder.0)).or_default().push(counted);
    }
    let entry = |((kind, holder), counted): (&(&str, u64), &Vec<Term<'h>>)| {
        let by = heap.tuple(&[atom(kind), Term::immediate(RawTerm(*holder))]);
        heap.tuple(&[by, heap.list(counted)])
    };
    heap.list(&by_holder.iter().map(entry).collect::<Vec<_>>())
}

/// References of a process's heap and messages, and of the compiled specifications that it refers to and
/// that have not been `seen` (continuations share them); `None`: it is about to run.
fn of_process(
    cx: &Cx<'_>,
    process: &std::sync::Arc<oxbeam_runtime::Process>,
    to: &Node,
    seen: &mut HashSet<usize>,
) -> Option<[usize; 2]> {
    let mut look = |cx: &Cx<'_>| {
        let (mut count, mut compiled) = (0, 0);
        let mut see = |node: &'static Node| count += usize::from(node == to);
        cx.heap.each_node(&mut see);
        cx.own.mailbox.each_unattached(|message| message.each_node(&mut see));
        cx.process.each_queued_term(cx.own, |term| term.each_node(&mut see));
        cx.heap.each_magic(|value| match oxbeam_ets::count_in_compiled(value, to) {
            Some((which, count)) if seen.insert(which) => compiled += count,
            _ => {}
        });
        [count, compiled]
    };
    if process.pid == cx.process.pid {
        Some(look(cx))
    } else {
        process.inspect(false, |cx| look(cx))
    }
}

/// Who holds the references to a node; `None`: it has changed meanwhile.
fn holders(cx: &Cx<'_>, node: &'static Node) -> Option<(usize, Vec<Held>)> {
    let references = node.references();
    let mut held = vec![];
    if references > 0 {
        let mut seen = HashSet::new();
        for process in table::all() {
            for (kind, count) in
                ["heap", "binary"].into_iter().zip(of_process(cx, &process, node, &mut seen)?)
            {
                held.push(Held::new("process", RawTerm::pid(process.pid), kind, count));
            }
        }
        timer::each_message(|to, term| {
            let mut count = 0;
            term.each_node(|other| count += usize::from(other == node));
            let (kind, to) = match to {
                Destination::Pid(pid) => ("process", RawTerm::pid(pid)),
                Destination::Name(name) => ("name", RawTerm::atom(name)),
            };
            held.push(Held::new(kind, to, "timer", count));
        });
        for (name, count) in oxbeam_ets::count_references(node) {
            held.push(Held::new("ets", RawTerm::atom(name), "ets", count));
        }
    }
    held.retain(|held| held.count > 0);
    let found: usize = held.iter().map(|held| held.count).sum();
    // Literals, and what natives and the system keep for themselves.
    let others = references.checked_sub(found).filter(|_| node.references() == references)?;
    if others > 0 {
        held.push(Held { count: others, ..Held::by_system("others") });
    }
    if node.is_this() {
        held.push(Held::by_system("undefined"));
        return Some((references + 1, held));
    }
    if references == 0 {
        held.push(Held::by_system("delayed_delete_timer"));
    }
    Some((references, held))
}

/// `{{node_references, [{{Name, Creation}, Count, Holders}]}, {dist_references, [{Name, Count, Holders}]}}`.
/// It is looked at again where something changes meanwhile.
pub fn references<'h>(cx: &mut Cx<'h>) -> NativeResult<'h> {
    let heap = cx.heap;
    let (mut nodes, mut names): (Vec<_>, Vec<(Atom, Vec<Term<'h>>)>) = (vec![], vec![]);
    for node in Node::all() {
        let (count, held) = holders(cx, node).ok_or(Flow::Retry)?;
        let entry = heap.tuple(&[Term::atom(node.name), heap.int(node.creation.into())]);
        nodes.push(heap.tuple(&[entry, heap.usize(count), holders_term(cx, &held)]));
        let by = heap.tuple(&[atom("node"), entry]);
        let one = heap.list(&[heap.tuple(&[atom("node"), heap.int(1)])]);
        let of_name = heap.tuple(&[by, one]);
        match names.iter_mut().find(|(name, _)| *name == node.name) {
            Some((_, all)) => all.push(of_name),
            None => names.push((node.name, vec![of_name])),
        }
    }
    let mut dists = vec![];
    for (name, mut held) in names {
        if name == Node::this().name {
            let system = [Held::by_system("undefined")];
            held.extend(holders_term(cx, &system).list());
        }
        dists.push(heap.tuple(&[Term::atom(name), heap.usize(held.len()), heap.list(&held)]));
    }
    let pair = |name, list: &[Term<'h>]| heap.tuple(&[atom(name), heap.list(list)]);
    Ok(heap.tuple(&[pair("node_references", &nodes), pair("dist_references", &dists)]))
}

/// `node_tab_delayed_delete`: after how many seconds nodes are forgotten to which nobody refers; a
/// negative number is the default.
pub fn set_delay<'h>(seconds: Term<'h>) -> NativeResult<'h> {
    let seconds = seconds.as_i64().ok_or_else(Flow::badarg)?;
    let seconds = if seconds < 0 { oxbeam_term::node::DELAY_SECONDS } else { seconds };
    Node::set_delay_ns(seconds.saturating_mul(1_000_000_000));
    Ok(Term::atom(am::ok))
}
