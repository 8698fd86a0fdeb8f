//! `process_info` and `process_flag`.

use super::processes::{check_max_heap, max_heap, queue_data};
use crate::arg;
use oxbeam_heap::copy::copy_words_within;
use oxbeam_heap::{Heap, OwnedTerm};
use oxbeam_runtime::engine::TURN_REDUCTIONS;
use oxbeam_runtime::monitor::Target;
use oxbeam_runtime::native::RunOn;
use oxbeam_runtime::process::rare::{Call, Suspensions};
use oxbeam_runtime::process::{MaxHeap, Mfa, PidData, Priority, Waiting, table};
use oxbeam_runtime::reference::{RefNumbers, new_numbers};
use oxbeam_runtime::signal::{Control, Request, send_control, send_to_pid};
use oxbeam_runtime::task::Task;
use oxbeam_runtime::{Cx, Flow, NativeFn, NativeResult, Owned, Process, dirty};
use oxbeam_term::view::Kind;
use oxbeam_term::{Atom, Node, Term, am};
use std::sync::Arc;

/// What `process_info/1` lists, in its order.
const DEFAULT_ITEMS: [Atom; 17] = [
    am::registered_name,
    am::current_function,
    am::initial_call,
    am::status,
    am::message_queue_len,
    am::links,
    am::dictionary,
    am::trap_exit,
    am::error_handler,
    am::priority,
    am::group_leader,
    am::total_heap_size,
    am::heap_size,
    am::stack_size,
    am::reductions,
    am::garbage_collection,
    am::suspending,
];

/// How the result is dressed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// One item: `{Item, Value}`, or `[]` for a missing registered name.
    One,
    /// A list of items: `[{Item, Value}]`.
    List,
    /// No items named: as a list, a missing registered name left out.
    Default,
}

/// `erlang:process_info/1`
pub fn process_info_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    info(cx, args[0], &DEFAULT_ITEMS, Shape::Default, process_info_1)
}

/// `erlang:process_info/2`
pub fn process_info_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if let Some(item) = args[1].as_atom() {
        return info(cx, args[0], &[item], Shape::One, process_info_2);
    }
    let items = arg::list(args[1])?;
    let items: Option<Vec<Atom>> = items.iter().map(|item| item.as_atom()).collect();
    info(cx, args[0], &items.ok_or_else(Flow::badarg)?, Shape::List, process_info_2)
}

fn info<'h>(
    cx: &mut Cx<'h>,
    pid: Term<'h>,
    items: &[Atom],
    shape: Shape,
    native: NativeFn,
) -> NativeResult<'h> {
    if items.iter().any(|item| !is_item(*item)) {
        return Err(Flow::badarg());
    }
    let pid = match pid.kind() {
        Kind::Pid(pid) => pid,
        Kind::ExtPid(pid) if pid.is_of_former_self() => return Ok(Term::atom(am::undefined)),
        _ => return Err(Flow::badarg()),
    };
    let of_queue = |item: &Atom| matches!(*item, am::messages | am::message_queue_len);
    if pid == cx.process.pid {
        // What has been sent to it is to be seen: signals that wait come first. When it is on a dirty
        // scheduler for this they have been handled.
        if dirty::current() == RunOn::Normal && items.iter().any(of_queue) {
            after_signals(cx)?;
        }
        dirty::if_long(native, || is_long(cx, items))?;
        let Cx { heap, process, reductions, .. } = *cx;
        let info = dirty::with_own(cx, |own| {
            collect(&mut Cx { heap, own, process, reductions }, heap, items, shape)
        });
        return Ok(info.unwrap_or(Term::atom(am::undefined)));
    }
    if table::find(pid).is_none_or(|process| process.is_exiting()) {
        return Ok(Term::atom(am::undefined));
    }
    let reference = new_numbers();
    let to = cx.process.pid;
    let request = Ask { to, reference, items: items.into(), shape };
    send_control(pid, Control::Request(Box::new(request)));
    let reference = cx.heap.plain_ref(reference);
    Err(Flow::trap(am::erts_internal, am::await_result, &[reference]))
}

/// Goes on when the signals have been handled that are there at the first call.
fn after_signals<'h>(cx: &mut Cx<'h>) -> Result<(), Flow<'h>> {
    let asks = cx.own.rare.as_ref().and_then(|rare| rare.asks_itself);
    match asks {
        None if !cx.process.state.has_signals() => return Ok(()),
        None => {
            cx.own.rare_mut().asks_itself = Some(false);
            send_control(cx.process.pid, Control::Request(Box::new(Handled)));
        }
        Some(false) => {}
        Some(true) => {
            cx.own.rare_mut().asks_itself = None;
            return Ok(());
        }
    }
    Err(Flow::Retry)
}

/// The signals before this one have been handled.
struct Handled;

impl Request for Handled {
    fn run(self: Box<Self>, cx: &mut Cx<'_>) {
        cx.own.rare_mut().asks_itself = Some(true);
    }
    fn dead(self: Box<Self>) {}
}

/// Words that are copied at once, and terms that are listed.
const QUICK_WORDS: usize = if oxbeam_heap::ZEAL { 64 } else { 1 << 14 };

/// Whether the items hold a scheduler up.
fn is_long(cx: &Cx<'_>, items: &[Atom]) -> bool {
    let mut left = QUICK_WORDS;
    // Whether there is room for one more.
    let mut fits = |term: Term<'_>| {
        let words = copy_words_within(term, left).map(|words| words + 4);
        left = left.saturating_sub(words.unwrap_or(left));
        left > 0
    };
    items.iter().any(|item| match *item {
        am::messages => !cx.own.mailbox.terms().all(&mut fits),
        am::dictionary => {
            let mut pairs = (0..).map_while(|at| cx.own.dictionary.pair_at(cx.heap, at));
            !pairs.all(|[key, value]| fits(key) && fits(value))
        }
        am::links => cx.own.links.count() > QUICK_WORDS / 4,
        am::monitors | am::monitored_by => cx.own.monitors.count() > QUICK_WORDS / 4,
        _ => false,
    })
}

/// Asks another process for its items; the answer is the message `{Ref, Info}`.
struct Ask {
    to: PidData,
    reference: RefNumbers,
    items: Vec<Atom>,
    shape: Shape,
}

impl Request for Ask {
    fn run(self: Box<Self>, cx: &mut Cx<'_>) {
        match is_long(cx, &self.items) {
            true => cx.own.tasks.push(self),
            false => self.answer(cx),
        }
    }
    fn dead(self: Box<Self>) {
        self.answer_as_dead();
    }
}

/// What is long.
impl Task for Ask {
    fn run(self: Box<Self>, process: &Arc<Process>, owned: &mut Owned) {
        let Owned { heap, own } = owned;
        self.answer(&mut Cx { heap, own, process, reductions: TURN_REDUCTIONS });
    }
    fn dead(self: Box<Self>) {
        self.answer_as_dead();
    }
    fn words(&self, _: &Owned) -> usize {
        LONG_WORDS
    }
}

/// Words that a task says it looks at so that no scheduler does it.
const LONG_WORDS: usize = 1 << 30;

impl Ask {
    fn answer(&self, cx: &mut Cx<'_>) {
        let answer = OwnedTerm::build(|heap| {
            let info = collect(cx, heap, &self.items, self.shape);
            heap.tuple(&[heap.plain_ref(self.reference), info])
        });
        send_to_pid(self.to, answer);
    }

    fn answer_as_dead(&self) {
        let reference = self.reference;
        let answer = OwnedTerm::build(|heap| {
            heap.tuple(&[heap.plain_ref(reference), Term::atom(am::undefined)])
        });
        send_to_pid(self.to, answer);
    }
}

/// The items of `cx`'s process, made on `heap`: its own, or that of the answer to another, whose
/// question then leaves no trace in what is asked about.
fn collect<'a>(cx: &mut Cx<'_>, heap: &'a Heap, items: &[Atom], shape: Shape) -> Term<'a> {
    let pair = |item: Atom, value: Term<'a>| heap.tuple(&[Term::atom(item), value]);
    if shape == Shape::One {
        let value = item_value(cx, heap, items[0]);
        let unnamed = items[0] == am::registered_name && value.is_nil();
        return if unnamed { Term::nil() } else { pair(items[0], value) };
    }
    let mut pairs = vec![];
    for &item in items {
        let value = item_value(cx, heap, item);
        let left_out = shape == Shape::Default && item == am::registered_name && value.is_nil();
        if !left_out {
            pairs.push(pair(item, value));
        }
    }
    heap.list(&pairs)
}

fn is_item(item: Atom) -> bool {
    all_items().any(|known| known == item)
}

/// Every item.
pub(crate) fn all_items() -> impl Iterator<Item = Atom> {
    let more = [
        am::backtrace,
        am::binary,
        am::catchlevel,
        am::current_location,
        am::current_stacktrace,
        am::garbage_collection_info,
        am::last_calls,
        am::magic_ref,
        am::max_heap_size,
        am::memory,
        am::message_queue_data,
        am::messages,
        am::min_bin_vheap_size,
        am::min_heap_size,
        am::fullsweep_after,
        am::monitored_by,
        am::monitors,
        am::parent,
        am::sequential_trace_token,
        am::trace,
    ];
    DEFAULT_ITEMS.into_iter().chain(more)
}

fn mfa_term<'h>(heap: &'h Heap, (module, function, arity): Mfa) -> Term<'h> {
    heap.tuple(&[Term::atom(module), Term::atom(function), heap.int(i64::from(arity))])
}

fn item_value<'a>(cx: &mut Cx<'_>, heap: &'a Heap, item: Atom) -> Term<'a> {
    match item {
        am::messages | am::dictionary if cx.own.flags.sensitive => Term::nil(),
        am::backtrace if cx.own.flags.sensitive => heap.binary(&[]),
        am::registered_name => cx.process.name().map_or(Term::nil(), Term::atom),
        am::initial_call => mfa_term(heap, cx.own.initial_call),
        am::current_function => {
            let frames = oxbeam_runtime::stack::frames(cx, 1);
            frames.first().map_or(Term::atom(am::undefined), |frame| mfa_term(heap, frame.mfa))
        }
        am::current_location => {
            let frames = oxbeam_runtime::stack::frames(cx, 1);
            frames.first().map_or(Term::atom(am::undefined), |frame| frame.term(heap))
        }
        am::current_stacktrace => {
            let frames =
                oxbeam_runtime::stack::frames(cx, oxbeam_runtime::system::backtrace_depth());
            heap.list_from_rev(frames.iter().rev().map(|frame| frame.term(heap)))
        }
        am::status => Term::atom(status(cx)),
        am::message_queue_len => heap.usize(cx.own.mailbox.len()),
        am::messages => {
            let all: Vec<_> = cx.own.mailbox.terms().map(|term| heap.import(term)).collect();
            heap.list(&all)
        }
        am::links => {
            let ends: Vec<_> = cx.own.links.active().into_iter().map(Term::immediate).collect();
            heap.list(&ends)
        }
        am::dictionary => {
            let pairs = cx.own.dictionary.pairs(cx.heap).into_iter();
            let tuple = |(key, value)| heap.tuple(&[heap.import(key), heap.import(value)]);
            heap.list_from_rev(pairs.map(tuple))
        }
        am::trap_exit => Term::bool(cx.own.trap_exit),
        am::error_handler => Term::atom(cx.own.flags.error_handler),
        am::priority => Term::atom(cx.own.priority.atom()),
        am::group_leader => heap.import(cx.group_leader()),
        am::parent => heap.import(cx.parent()),
        am::monitors => monitors(cx, heap),
        am::monitored_by => {
            let by = cx.own.monitors.watched().map(|(_, watched)| Term::immediate(watched.by));
            heap.list_from_rev(by)
        }
        am::message_queue_data => {
            let off = cx.own.flags.message_queue_off_heap;
            Term::atom(if off { am::off_heap } else { am::on_heap })
        }
        am::suspending => suspending(cx, heap),
        am::binary => {
            let binaries = cx.heap.binaries().into_iter().map(|(place, size, references)| {
                heap.tuple(&[heap.usize(place), heap.usize(size), heap.usize(references)])
            });
            heap.list(&binaries.collect::<Vec<_>>())
        }
        am::sequential_trace_token => cx.own.token().map_or(Term::nil(), |token| token.term(heap)),
        am::magic_ref => Term::nil(),
        am::backtrace => {
            let mut text = vec![];
            crate::crash_dump::process::write_backtrace(&mut text, cx)
                .expect("a vector takes everything");
            heap.binary(&text)
        }
        am::trace => heap.int(i64::from(cx.process.trace_flags())),
        am::last_calls => last_calls(cx, heap),
        am::catchlevel => heap.int(i64::from(cx.own.catches)),
        _ => memory_item(cx, heap, item),
    }
}

fn memory_item<'a>(cx: &mut Cx<'_>, heap: &'a Heap, item: Atom) -> Term<'a> {
    let of = cx.heap;
    let options = of.options.get();
    match item {
        am::heap_size => heap.usize(of.block_words()),
        am::total_heap_size => heap.usize(total_words(cx)),
        am::stack_size => heap.usize(of.stack_words()),
        am::memory => heap.usize(8 * (of.allocated_words() + queued_words(cx)) + PROCESS_BYTES),
        am::reductions => {
            let this_turn = oxbeam_runtime::engine::TURN_REDUCTIONS - cx.reductions;
            heap.uint(cx.own.reductions + this_turn.max(0) as u64)
        }
        am::min_heap_size => heap.usize(options.min_heap_words),
        am::min_bin_vheap_size => heap.usize(options.min_vheap_words),
        am::fullsweep_after => heap.int(i64::from(options.fullsweep_after)),
        am::max_heap_size => max_heap_term(heap, cx.own.max_heap),
        am::garbage_collection => {
            let pairs = [
                (am::max_heap_size, max_heap_term(heap, cx.own.max_heap)),
                (am::min_bin_vheap_size, heap.usize(options.min_vheap_words)),
                (am::min_heap_size, heap.usize(options.min_heap_words)),
                (am::fullsweep_after, heap.int(i64::from(options.fullsweep_after))),
                (am::minor_gcs, heap.int(i64::from(of.minor_count()))),
            ];
            pairs_list(heap, &pairs)
        }
        _ => oxbeam_runtime::report::gc_info(heap, of),
    }
}

/// Bytes of a process besides its heap.
pub(crate) const PROCESS_BYTES: usize =
    size_of::<oxbeam_runtime::Owned>() + size_of::<oxbeam_runtime::Process>();

/// Words of the heap, with the queued messages that count as parts of it.
fn total_words(cx: &mut Cx<'_>) -> usize {
    let heap = cx.heap;
    heap.block_words() + heap.old_block_words() + heap.fragment_words() + queued_words(cx)
}

fn queued_words(cx: &mut Cx<'_>) -> usize {
    let on_heap = !cx.own.flags.message_queue_off_heap;
    if on_heap { cx.own.mailbox.unattached_words() } else { 0 }
}

fn pairs_list<'h>(heap: &'h Heap, pairs: &[(Atom, Term<'h>)]) -> Term<'h> {
    let tuples = pairs.iter().rev().map(|(key, value)| heap.tuple(&[Term::atom(*key), *value]));
    heap.list_from_rev(tuples)
}

/// `#{size, kill, error_logger}`
pub(crate) fn max_heap_term<'h>(heap: &'h Heap, max: MaxHeap) -> Term<'h> {
    let pairs = [
        (Term::atom(am::error_logger), Term::bool(max.error_logger)),
        (Term::atom(am::kill), Term::bool(max.kill)),
        (Term::atom(am::size), heap.usize(max.size_words)),
    ];
    let [mut keys, mut values] = [vec![], vec![]];
    pairs.into_iter().for_each(|(key, value)| {
        keys.push(key);
        values.push(value);
    });
    heap.map_with_keys(heap.tuple(&keys), &values)
}

fn status(cx: &mut Cx<'_>) -> Atom {
    // A suspension has effect only when it comes back.
    if cx.process.state.is_dirty() {
        return am::running;
    }
    if cx.is_suspended() {
        return am::suspended;
    }
    // Who has been sent a message by the signals before the question is awake already.
    let waits = match cx.own.waiting {
        Waiting::No => false,
        Waiting::Message => cx.own.mailbox.is_at_end() && !cx.own.timed_out,
        Waiting::Hibernated => cx.own.mailbox.is_empty(),
        Waiting::Wake => true,
    };
    if waits { am::waiting } else { am::running }
}

fn last_calls<'a>(cx: &Cx<'_>, heap: &'a Heap) -> Term<'a> {
    let Some(calls) = cx.own.last_calls() else { return Term::bool(false) };
    let terms = calls.map(|call| match call {
        Call::To(export) => mfa_term(heap, (export.module, export.function, export.arity)),
        Call::Send => Term::atom(am::send),
        Call::Receive => Term::atom(am::receive),
        Call::Timeout => Term::atom(am::timeout),
    });
    heap.list_from_rev(terms.rev())
}

fn monitors<'a>(cx: &Cx<'_>, heap: &'a Heap) -> Term<'a> {
    let items = cx.own.monitors.watching().filter_map(|(_, watching)| {
        let (kind, object) = match watching.target {
            Target::Process(pid) => (am::process, Term::pid(pid)),
            Target::External(node, data) => (am::process, heap.external_pid(node, data)),
            Target::Port(port) => (am::port, Term::port(port)),
            // As in 25.2.3.
            Target::FormerPort(node, data) => (am::process, heap.external_port(node, data)),
            Target::Name(name, _) | Target::NoPort(name) => {
                let node = Term::atom(Node::this().name);
                (am::process, heap.tuple(&[Term::atom(name), node]))
            }
            Target::TimeOffset => return None,
        };
        Some(heap.tuple(&[Term::atom(kind), object]))
    });
    heap.list_from_rev(items)
}

/// `erlang:process_flag/2`
pub fn process_flag_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let value = args[1];
    let flag = args[0].as_atom();
    if flag == Some(am::monitor_nodes) {
        return monitor_nodes(cx, value);
    }
    if let Some([name, options]) = args[0].as_tuple_n::<2>()
        && name.is(am::monitor_nodes)
    {
        check_node_options(options)?;
        return monitor_nodes(cx, value);
    }
    if let Some(old) = flag.and_then(|flag| heap_flag(cx, flag, value).transpose()) {
        return old;
    }
    match flag {
        Some(am::trap_exit) => {
            let new = value.as_bool().ok_or_else(Flow::badarg)?;
            Ok(Term::bool(std::mem::replace(&mut cx.own.trap_exit, new)))
        }
        Some(am::priority) => {
            let new = value.as_atom().and_then(Priority::from_atom).ok_or_else(Flow::badarg)?;
            cx.process.state.set_priority(new);
            Ok(Term::atom(std::mem::replace(&mut cx.own.priority, new).atom()))
        }
        Some(am::error_handler) => {
            let new = value.as_atom().ok_or_else(Flow::badarg)?;
            let old = std::mem::replace(&mut cx.own.flags.error_handler, new);
            Ok(Term::atom(old))
        }
        Some(am::message_queue_data) => {
            let new = queue_data(value)?;
            let old = std::mem::replace(&mut cx.own.flags.message_queue_off_heap, new);
            Ok(Term::atom(if old { am::off_heap } else { am::on_heap }))
        }
        Some(am::save_calls) => {
            let new = calls_to_save(value)?;
            let old = cx.own.save_calls(new);
            let done = cx.heap.int(i64::from(old));
            // What begins or ends does so with the next turn.
            if (old == 0) == (new == 0) { Ok(done) } else { Err(Flow::Yield(done)) }
        }
        Some(am::scheduler) => {
            let number = arg::size(value)?;
            if number > oxbeam_runtime::scheduler::count() {
                return Err(Flow::badarg());
            }
            let old = cx.process.bound_to.xchg(number as u32);
            // The next turn begins on that scheduler.
            Err(Flow::Yield(cx.heap.int(i64::from(old))))
        }
        Some(am::sensitive) => {
            let new = value.as_bool().ok_or_else(Flow::badarg)?;
            cx.process.is_sensitive.set_relb(new);
            Ok(Term::bool(std::mem::replace(&mut cx.own.flags.sensitive, new)))
        }
        _ => Err(Flow::badopt()),
    }
}

/// How many calls `save_calls` keeps.
pub(crate) fn calls_to_save<'h>(value: Term<'h>) -> Result<u32, Flow<'h>> {
    let count = value.as_usize().filter(|&count| count <= 10_000);
    let wrong = || Flow::error_with(am::badarg, Term::atom(am::none));
    count.map(|count| count as u32).ok_or_else(wrong)
}

/// A map of `connection_id`, `nodedown_reason` and `node_type`, or `[]`.
fn check_node_options<'h>(options: Term<'h>) -> Result<(), Flow<'h>> {
    if options.is_nil() {
        return Ok(());
    }
    let map = options.as_map().ok_or_else(Flow::badarg)?;
    for (key, value) in oxbeam_term::hamt::Pairs::of(map) {
        let good = match key.as_atom().map(|key| key.name()) {
            Some("connection_id" | "nodedown_reason") => value.as_bool().is_some(),
            Some("node_type") => matches!(
                value.as_atom().map(|kind| kind.name()),
                Some("visible" | "hidden" | "all")
            ),
            _ => false,
        };
        if !good {
            return Err(Flow::badarg());
        }
    }
    Ok(())
}

/// `[{Pid, Active, Outstanding}]` of the processes that this one has suspended.
fn suspending<'h>(cx: &Cx<'_>, heap: &'h Heap) -> Term<'h> {
    let items = cx.own.rare.iter().flat_map(|rare| &rare.suspending);
    let alive = items.filter(|(pid, _)| table::find(**pid).is_some_and(|p| !p.is_exiting()));
    let item = |(&pid, suspensions): (&PidData, &Suspensions)| {
        heap.tuple(&[Term::pid(pid), heap.int(i64::from(suspensions.count())), heap.int(0)])
    };
    heap.list(&alive.map(item).collect::<Vec<_>>())
}

/// Subscribes to, or unsubscribes from, messages about other nodes; gives how often the process
/// was subscribed. There are no such messages before distribution.
fn monitor_nodes<'h>(cx: &mut Cx<'h>, value: Term<'h>) -> NativeResult<'h> {
    let count = cx.own.node_subscriptions;
    cx.own.node_subscriptions = match value.as_bool() {
        Some(true) => count + 1,
        Some(false) => 0,
        None => return Err(Flow::badarg()),
    };
    Ok(cx.heap.int(i64::from(count)))
}

/// The flags that size the heap: their old value, or `None` for another flag.
fn heap_flag<'h>(
    cx: &mut Cx<'h>,
    flag: Atom,
    value: Term<'h>,
) -> Result<Option<Term<'h>>, Flow<'h>> {
    let heap = cx.heap;
    let mut options = heap.options.get();
    let old = match flag {
        am::min_heap_size => {
            let new = super::processes::min_heap_words(arg::size(value)?);
            heap.usize(std::mem::replace(&mut options.min_heap_words, new))
        }
        am::min_bin_vheap_size => {
            let new = oxbeam_heap::sizes::next_heap_words(arg::size(value)?, 0);
            heap.usize(std::mem::replace(&mut options.min_vheap_words, new))
        }
        am::fullsweep_after => {
            let new = u32::try_from(arg::size(value)?).unwrap_or(u32::MAX);
            heap.int(i64::from(std::mem::replace(&mut options.fullsweep_after, new)))
        }
        am::max_heap_size => {
            let new = max_heap(value).ok_or_else(Flow::badarg)?;
            check_max_heap(new, options.min_heap_words)?;
            let old = std::mem::replace(&mut cx.own.max_heap, new);
            return Ok(Some(max_heap_term(heap, old)));
        }
        _ => return Ok(None),
    };
    heap.options.set(options);
    Ok(Some(old))
}
