//! The processor topology as terms. OTP's own module `erlang` translates between what users see and the
//! list of `{cpu, Node, Processor, ProcessorNode, Core, Thread, Logical}` that is given and taken here.

use super::system_info::atom;
use oxbeam_heap::Heap;
use oxbeam_runtime::scheduler::bind;
use oxbeam_runtime::scheduler::topology::{self, MAX_ID};
use oxbeam_runtime::{Cx, Flow, NativeResult, report};
use oxbeam_sys::cpu::Cpu;
use oxbeam_term::{Term, am};

/// `system_info(cpu_topology | {cpu_topology, Which})`: goes on in Erlang.
pub(super) fn info<'h>(heap: &'h Heap, which: &str) -> Result<Term<'h>, Flow<'h>> {
    let topology = internal(heap, which).ok_or_else(Flow::badarg)?;
    Err(Flow::trap(am::erlang, name("format_cpu_topology")?, &[topology]))
}

/// The topology that is `defined`, `detected` or `used`; `undefined` if there is none.
pub(super) fn internal<'h>(heap: &'h Heap, which: &str) -> Option<Term<'h>> {
    let all = match which {
        "defined" => topology::defined(),
        "detected" => topology::detected(),
        "used" => topology::used(),
        _ => return None,
    };
    if all.is_empty() {
        return Some(Term::atom(am::undefined));
    }
    let cpu = |cpu: &Cpu| {
        let Cpu { node, processor, processor_node, core, thread, logical } = *cpu;
        let ids = [node, processor, processor_node, core, thread, logical];
        let [node, processor, part, core, thread, logical] = ids.map(|id| heap.int(id.into()));
        heap.tuple(&[atom("cpu"), node, processor, part, core, thread, logical])
    };
    Some(heap.list(&all.iter().map(cpu).collect::<Vec<_>>()))
}

const DEPRECATED: &str = "A call to erlang:system_flag(cpu_topology, _) was made.\n\
    The cpu_topology argument is deprecated and scheduled\n\
    for removal in Erlang/OTP 18. For more information\n\
    see the erlang:system_flag/2 documentation.\n";

/// `system_flag(cpu_topology, T)`: goes on in Erlang.
pub(super) fn set<'h>(cx: &mut Cx<'h>, value: Term<'h>) -> NativeResult<'h> {
    report::warning_text(cx.own, DEPRECATED);
    Err(Flow::trap(am::erlang, name("set_cpu_topology")?, &[value]))
}

/// `system_flag(internal_cpu_topology, List | undefined)`: gives what was used before.
pub(super) fn set_internal<'h>(heap: &'h Heap, value: Term<'h>) -> NativeResult<'h> {
    let old = internal(heap, "used").ok_or_else(Flow::badarg)?;
    let new = if value.is(am::undefined) {
        None
    } else {
        let items = value.list_to_vec().ok_or_else(Flow::badarg)?;
        Some(items.into_iter().map(cpu_of).collect::<Option<Vec<Cpu>>>().ok_or_else(Flow::badarg)?)
    };
    topology::define(new).map_err(|_| Flow::badarg())?;
    bind::bind_anew();
    Ok(old)
}

fn cpu_of(term: Term<'_>) -> Option<Cpu> {
    let [tag, ids @ ..] = term.as_tuple_n::<7>()?;
    let id =
        |term: Term<'_>| i32::try_from(term.as_i64()?).ok().filter(|id| (-1..=MAX_ID).contains(id));
    let [
        Some(node),
        Some(processor),
        Some(processor_node),
        Some(core),
        Some(thread),
        Some(logical),
    ] = ids.map(id)
    else {
        return None;
    };
    let cpu = Cpu { node, processor, processor_node, core, thread, logical };
    (tag.as_atom()?.name() == "cpu").then_some(cpu)
}

/// `{Processor, Group}` for each, if the used topology is divided into so many groups of neighbours.
pub(crate) fn groups(heap: &Heap, count: usize) -> Term<'_> {
    let groups = topology::groups(&topology::used(), count);
    let pair = |&(logical, group): &(i32, usize)| {
        heap.tuple(&[heap.int(logical.into()), heap.usize(group + 1)])
    };
    heap.list(&groups.iter().map(pair).collect::<Vec<_>>())
}

/// The processors that schedulers would get, bound like that; `false` where none would be bound.
pub(crate) fn order_of<'h>(heap: &'h Heap, bind: &str) -> Option<Term<'h>> {
    let all = topology::used();
    let bind = bind::BindType::named(bind)?;
    if all.is_empty() || bind == bind::BindType::Unbound {
        return Some(Term::bool(false));
    }
    let order: Vec<_> = bind.order(&all).into_iter().map(|id| heap.int(id.into())).collect();
    Some(heap.tuple(&order))
}

fn name<'h>(text: &str) -> Result<oxbeam_term::Atom, Flow<'h>> {
    oxbeam_term::Atom::new(text).map_err(|_| Flow::system_limit())
}
