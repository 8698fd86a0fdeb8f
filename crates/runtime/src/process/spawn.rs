//! The birth of a process.

use super::{MaxHeap, Mfa, Owned, PidData, Priority, ProcState, Process, table};
use crate::engine;
use crate::monitor::{AliasKind, Target, Watched, Watching};
use crate::native::Cx;
use crate::reference::{RefNumbers, new_numbers};
use crate::signal::handle::monitor_ref;
use crate::signal::send_message_from;
use crate::trace::{self, of_processes};
use oxbeam_heap::heap::HeapOptions;
use oxbeam_heap::{Heap, OwnedTerm};
use oxbeam_term::{Atom, Export, RawTerm, Term, am};
use std::sync::Arc;

/// Options of `spawn_opt`.
pub struct SpawnOptions {
    pub link: bool,
    pub monitor: Option<MonitorOptions>,
    pub priority: Priority,
    pub heap: HeapOptions,
    pub max_heap: MaxHeap,
    pub message_queue_off_heap: bool,
    /// Number of the scheduler that it is to run on; 0: any.
    pub bound_to: u16,
    /// It is asked for, and answered with a message.
    pub request: Option<SpawnRequest>,
    /// The options as they were given, for a sequential trace.
    pub given: Option<OwnedTerm>,
    /// System processes keep the runtime alive: it ends when one of them does.
    pub system_process: bool,
}

/// How a request to start a process is answered: `{Tag, Ref, ok, Pid}`.
pub struct SpawnRequest {
    pub tag: OwnedTerm,
    pub wants_success: bool,
}

/// Options of the monitor that a spawn sets.
#[derive(Default)]
pub struct MonitorOptions {
    pub alias: Option<AliasKind>,
    pub tag: Option<OwnedTerm>,
}

impl Default for SpawnOptions {
    fn default() -> SpawnOptions {
        SpawnOptions {
            link: false,
            monitor: None,
            priority: Priority::Normal,
            heap: crate::system::default_heap_options(),
            max_heap: crate::system::default_max_heap(),
            message_queue_off_heap: false,
            bound_to: 0,
            request: None,
            given: None,
            system_process: false,
        }
    }
}

/// A new process: its pid and, if it is monitored or was asked for, the reference of that.
#[derive(Clone, Copy, Debug)]
pub struct Spawned {
    pub pid: PidData,
    pub reference: Option<RefNumbers>,
}

/// Starts a process for `start(args...)`, whose arity is the number of arguments. `copy`: the list
/// of these, if they have been copied already.
///
/// `None`: the process limit is reached.
pub fn spawn(
    cx: &mut Cx<'_>,
    start: &'static Export,
    args: &[Term<'_>],
    copy: Option<OwnedTerm>,
    mut options: SpawnOptions,
) -> Option<Spawned> {
    let initial = initial_call(start, args);
    let leader = RawImport { leader: cx.own.group_leader, from: cx.heap };
    let parent = RawTerm::pid(cx.process.pid);
    let shown = shown_start(cx, (start, args), &copy, options.request.is_some());
    let process = create(start, (args, copy), initial, leader, &options)?;
    // SAFETY: the process is not published yet: its creator is its owner.
    let owned = unsafe { process.owned() }.expect("just made");
    owned.own.parent = parent;
    let pid = process.pid;
    if options.link {
        cx.own.links.add(RawTerm::pid(pid));
        owned.own.links.add(parent);
    }
    let mut is_alias = false;
    let monitor = options.monitor.take().map(|monitor| {
        let reference = new_numbers();
        is_alias = monitor.alias.is_some();
        if let Some(kind) = monitor.alias {
            cx.own.aliases.add(reference, kind);
        }
        let watching = Watching { target: Target::Process(pid), tag: monitor.tag };
        cx.own.monitors.watch(reference, watching);
        owned.own.monitors.add_watched(reference, Watched { by: parent, name: None });
        reference
    });
    let reference = monitor.or_else(|| options.request.is_some().then(new_numbers));
    let followed = cx.own.token().is_some();
    if followed || options.request.is_some() {
        let shown = shown.as_ref().map_or((start, Term::nil()), |(at, args)| (*at, args.view()));
        let reference = reference.unwrap_or_else(new_numbers);
        tell_request((cx, owned), shown, (reference, is_alias), &options);
    }
    if cx.process.trace_flags() != 0 {
        of_processes::inherit(cx.process, &process, options.link);
    }
    if let Some((start, args)) = shown {
        let (parent, child) = ((&**cx.process, &*cx.own), (&*process, &owned.own));
        of_processes::born(parent, child, (start, args.view()), options.link);
    }
    release(process);
    Some(Spawned { pid, reference })
}

/// Answers a request to start a process, and follows a sequential trace into it.
fn tell_request(
    (cx, child): (&mut Cx<'_>, &mut Owned),
    (start, args): (&'static Export, Term<'_>),
    (reference, is_alias): (RefNumbers, bool),
    options: &SpawnOptions,
) {
    let (heap, me) = (Heap::detached(), RawTerm::pid(cx.process.pid));
    let atom = |name: &str| Term::atom(Atom::new(name).expect("room for the words of spawning"));
    let pid = Term::pid(child.own.pid);
    let reference = monitor_ref(&heap, reference, me, is_alias);
    let later = options.request.is_some();
    let wanted = options.request.as_ref().is_none_or(|request| request.wants_success);
    let tag = match &options.request {
        Some(request) => request.tag.copy_to(&heap),
        None => Term::atom(am::spawn_reply),
    };
    let answer = heap.tuple(&[tag, reference, Term::atom(am::ok), pid]);
    let mut token = None;
    if cx.own.token().is_some() {
        let leader = heap.import(cx.group_leader());
        let arity = heap.int(start.arity.into());
        let mfa = heap.tuple(&[Term::atom(start.module), Term::atom(start.function), arity]);
        let given = options.given.as_ref().map_or(Term::nil(), |given| given.copy_to(&heap));
        let asked = [atom("spawn_request"), reference, Term::immediate(me), leader];
        let asked = [asked, [mfa, given, tag, heap.import(args)]].concat();
        let told = (heap.tuple(&asked), wanted.then_some(answer));
        token = cx.own.starts(&mut child.own, told, later);
    }
    if later && wanted {
        send_message_from(child.own.pid, cx.process, OwnedTerm::copy_of(answer), token);
    }
}

/// What a process begins with and the list of its arguments, if a tracer may have to be told of it:
/// where it is `requested`, stock starts one that applies what was asked for.
fn shown_start(
    cx: &Cx<'_>,
    (start, args): (&'static Export, &[Term<'_>]),
    copy: &Option<OwnedTerm>,
    requested: bool,
) -> Option<(&'static Export, OwnedTerm)> {
    if cx.process.trace_flags() == 0 && !trace::traces_new() && cx.own.token().is_none() {
        return None;
    }
    let list = match copy {
        Some(copy) => OwnedTerm::copy_of(copy.view()),
        None => OwnedTerm::build(|heap| {
            heap.list(&args.iter().map(|arg| heap.import(*arg)).collect::<Vec<_>>())
        }),
    };
    if !requested {
        return Some((start, list));
    }
    let init = Atom::new("spawn_init").expect("a short name");
    let init = oxbeam_term::export::get_or_create(am::erts_internal, init, 1);
    let shown = OwnedTerm::build(|heap| {
        let mfa = [Term::atom(start.module), Term::atom(start.function), list.copy_to(heap)];
        heap.list(&[heap.tuple(&mfa)])
    });
    Some((init, shown))
}

/// Starts a process that no process asks for: one of the system's own. `args` are immediate.
pub fn spawn_system(start: &'static Export, args: &[Term<'_>], options: SpawnOptions) -> PidData {
    let nobody = Heap::detached();
    let none = RawImport { leader: RawTerm::atom(am::undefined), from: &nobody };
    let initial = (start.module, start.function, start.arity);
    let process = create(start, (args, None), initial, none, &options)
        .expect("room for the system processes");
    // SAFETY: the process is not published yet: its creator is its owner.
    let owned = unsafe { process.owned() }.expect("just made");
    // A process without a leader is its own.
    owned.own.group_leader = RawTerm::pid(process.pid);
    let pid = process.pid;
    if start.module == am::erts_literal_area_collector {
        crate::literal_release::set_collector(process.clone());
    }
    release(process);
    pid
}

/// `apply/3` and `apply/2` show what they apply.
fn initial_call(start: &'static Export, args: &[Term<'_>]) -> Mfa {
    if start.module == am::erlang
        && start.function == am::apply
        && let [module, function, list] = args
        && let (Some(module), Some(function)) = (module.as_atom(), function.as_atom())
    {
        return (module, function, list.list().count().min(255) as u8);
    }
    (start.module, start.function, start.arity)
}

/// A group leader as it lies in another heap.
struct RawImport<'a> {
    leader: RawTerm,
    from: &'a Heap,
}

fn create(
    start: &'static Export,
    (args, copy): (&[Term<'_>], Option<OwnedTerm>),
    initial: Mfa,
    leader: RawImport<'_>,
    options: &SpawnOptions,
) -> Option<Arc<Process>> {
    let pid = table::reserve()?;
    let heap = Heap::new(options.heap)?;
    // SAFETY: the leader is a root of the heap it lies in, which is borrowed.
    let leader = heap.import(unsafe { leader.from.brand(leader.leader) }).raw();
    let args: Vec<RawTerm> = match copy {
        Some(copy) => copy.attach_to(&heap).list().map(|arg| arg.raw()).collect(),
        None => args.iter().map(|arg| heap.import_message(*arg).raw()).collect(),
    };
    let mut own = ProcState::new(pid, leader, initial);
    own.priority = options.priority;
    own.max_heap = options.max_heap;
    own.flags.message_queue_off_heap = options.message_queue_off_heap;
    own.flags.system_process = options.system_process;
    let mut owned = Box::new(Owned { heap, own });
    engine::get().start(&mut owned, start, &args);
    let process = Process::new(pid, options.priority, owned);
    process.bound_to.set(options.bound_to.into());
    process.trace_from_birth();
    Some(process)
}

/// Publishes a process and makes it runnable.
fn release(process: Arc<Process>) {
    table::publish(process.clone());
    if process.state.stop_running(true) {
        crate::system_profile::process(&process, true);
        crate::scheduler::enqueue(process);
    }
}
