//! Starting, ending and finding processes.

use crate::long;
use oxbeam_heap::OwnedTerm;
use oxbeam_heap::copy::keeps_sharing;
use oxbeam_heap::sizes::next_heap_words;
use oxbeam_runtime::engine::TURN_REDUCTIONS;
use oxbeam_runtime::monitor::AliasKind;
use oxbeam_runtime::process::spawn::{MonitorOptions, SpawnOptions, SpawnRequest, spawn};
use oxbeam_runtime::process::walk::PidWalk;
use oxbeam_runtime::process::{MaxHeap, Priority, table};
use oxbeam_runtime::signal::{Control, send_control, send_control_to};
use oxbeam_runtime::trace::{flags, of_processes, process_tells};
use oxbeam_runtime::yielding::Begin;
use oxbeam_runtime::{Cx, Flow, NativeResult, Slot, Yielded, Yielder, registry};
use oxbeam_term::view::Kind;
use oxbeam_term::{Atom, RawTerm, Term, am, export};

type Options<'h> = Result<SpawnOptions, Flow<'h>>;

/// Starts a process for `module:function(args...)`.
fn spawn_mfa<'h>(
    cx: &mut Cx<'h>,
    mfa: &[Term<'h>],
    options: SpawnOptions,
    copy: ArgsCopy,
) -> Result<oxbeam_runtime::process::spawn::Spawned, Flow<'h>> {
    let [module, function, list] = *mfa else { return Err(Flow::badarg()) };
    let module = module.as_atom().ok_or_else(Flow::badarg)?;
    let function = function.as_atom().ok_or_else(Flow::badarg)?;
    let args = list.list_to_vec().ok_or_else(Flow::badarg)?;
    let arity = u8::try_from(args.len()).map_err(|_| Flow::system_limit())?;
    let start = export::get_or_create(module, function, arity);
    cx.bump(20);
    let copy = match copy {
        ArgsCopy::Made(copy) => Some(copy),
        ArgsCopy::By(long) if !keeps_sharing() && long::is_large(list) => {
            return Err(Flow::Long(long));
        }
        ArgsCopy::By(_) => None,
    };
    spawn(cx, start, &args, copy, options).ok_or_else(Flow::system_limit)
}

/// The copy of the list of a new process's arguments, or who makes it if they are large.
enum ArgsCopy {
    Made(OwnedTerm),
    By(Begin),
}

long::routines! {
    spawn_3_long => spawn_3_in_turns;
    spawn_link_3_long => spawn_link_3_in_turns;
    spawn_opt_4_long => spawn_opt_4_in_turns;
    spawn_request_4_long => spawn_request_4_in_turns;
    exit_2_long => exit_2_in_turns;
    processes_long => processes;
}

/// A native that starts a process, once the arguments have been copied.
type Spawning = for<'h> fn(&mut Cx<'h>, &[Term<'h>], ArgsCopy) -> NativeResult<'h>;

async fn spawn_copied(y: Yielder, spawning: Spawning) -> Yielded {
    let first = Slot::arg(0);
    let copy = ArgsCopy::Made(long::copied(y, Slot::arg(2), 0, false).await);
    y.finish(|cx, roots| spawning(cx, roots.slots_from(first), copy)).await
}

async fn spawn_3_in_turns(y: Yielder) -> Yielded {
    spawn_copied(y, |cx, args, copy| spawn_as(cx, args, SpawnOptions::default(), copy)).await
}

async fn spawn_link_3_in_turns(y: Yielder) -> Yielded {
    spawn_copied(y, |cx, args, copy| spawn_as(cx, args, linked(cx), copy)).await
}

async fn spawn_opt_4_in_turns(y: Yielder) -> Yielded {
    spawn_copied(y, spawn_opt).await
}

async fn spawn_request_4_in_turns(y: Yielder) -> Yielded {
    spawn_copied(y, spawn_request).await
}

fn linked(cx: &Cx<'_>) -> SpawnOptions {
    let given = given(cx, cx.heap.list(&[Term::atom(am::link)]));
    SpawnOptions { link: true, given, ..SpawnOptions::default() }
}

/// The options as a sequential trace shows them, if there is one.
fn given(cx: &Cx<'_>, options: Term<'_>) -> Option<OwnedTerm> {
    cx.own.token().is_some().then(|| OwnedTerm::copy_of(options))
}

fn spawn_as<'h>(
    cx: &mut Cx<'h>,
    args: &[Term<'h>],
    options: SpawnOptions,
    copy: ArgsCopy,
) -> NativeResult<'h> {
    Ok(Term::pid(spawn_mfa(cx, &args[..3], options, copy)?.pid))
}

/// `erlang:spawn/3`
pub fn spawn_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    spawn_as(cx, args, SpawnOptions::default(), ArgsCopy::By(spawn_3_long))
}

/// `erlang:spawn_link/3`
pub fn spawn_link_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    spawn_as(cx, args, linked(cx), ArgsCopy::By(spawn_link_3_long))
}

/// `erlang:spawn_opt/4`: a pid, or with a monitor `{Pid, Ref}`.
pub fn spawn_opt_4<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    spawn_opt(cx, args, ArgsCopy::By(spawn_opt_4_long))
}

fn spawn_opt<'h>(cx: &mut Cx<'h>, args: &[Term<'h>], copy: ArgsCopy) -> NativeResult<'h> {
    let mut options = spawn_options(args[3]).map_err(|_| Flow::badopt())?;
    options.given = given(cx, args[3]);
    let alias = options.monitor.as_ref().is_some_and(|monitor| monitor.alias.is_some());
    let spawned = spawn_mfa(cx, &args[..3], options, copy)?;
    let pid = Term::pid(spawned.pid);
    let Some(numbers) = spawned.reference else { return Ok(pid) };
    let reference = monitor_ref(cx, numbers, alias);
    Ok(cx.heap.tuple(&[pid, reference]))
}

fn monitor_ref<'h>(cx: &Cx<'h>, numbers: [u32; 3], alias: bool) -> Term<'h> {
    let me = RawTerm::pid(cx.process.pid);
    oxbeam_runtime::signal::handle::monitor_ref(cx.heap, numbers, me, alias)
}

/// The options of `spawn_opt`, from a proper list.
fn spawn_options<'h>(list: Term<'h>) -> Options<'h> {
    let mut options = SpawnOptions::default();
    for option in list.list_to_vec().ok_or_else(Flow::badarg)? {
        if option.is(am::link) {
            options.link = true;
        } else if option.is(am::monitor) {
            options.monitor.get_or_insert_default();
        } else {
            let [key, value] = option.as_tuple_n().ok_or_else(Flow::badarg)?;
            spawn_option(&mut options, key.as_atom().ok_or_else(Flow::badarg)?, value)?;
        }
    }
    check_max_heap(options.max_heap, options.heap.min_heap_words)?;
    Ok(options)
}

fn spawn_option<'h>(
    options: &mut SpawnOptions,
    key: Atom,
    value: Term<'h>,
) -> Result<(), Flow<'h>> {
    let size = || value.as_usize().ok_or_else(Flow::badarg);
    match key {
        am::monitor => options.monitor = Some(monitor_options(value)?),
        am::priority => {
            let priority = value.as_atom().and_then(Priority::from_atom);
            options.priority = priority.ok_or_else(Flow::badarg)?;
        }
        am::min_heap_size => options.heap.min_heap_words = min_heap_words(size()?),
        am::min_bin_vheap_size => options.heap.min_vheap_words = next_heap_words(size()?, 0),
        am::fullsweep_after => {
            options.heap.fullsweep_after = u32::try_from(size()?).unwrap_or(u32::MAX);
        }
        am::max_heap_size => options.max_heap = max_heap(value).ok_or_else(Flow::badarg)?,
        am::message_queue_data => options.message_queue_off_heap = queue_data(value)?,
        // Takes any term; one that is no scheduler's number says nothing.
        am::scheduler => {
            let number = value.as_usize().filter(|&n| n <= oxbeam_runtime::scheduler::count());
            options.bound_to = number.unwrap_or(0) as u16;
        }
        _ => return Err(Flow::badarg()),
    }
    Ok(())
}

/// The first block's size for a wish: one of the series, and no less than all begin with.
pub(crate) fn min_heap_words(wanted: usize) -> usize {
    let least = oxbeam_runtime::system::default_heap_options().min_heap_words;
    next_heap_words(wanted, 0).max(least)
}

/// `on_heap` or `off_heap`: whether it is the latter.
pub(crate) fn queue_data<'h>(value: Term<'h>) -> Result<bool, Flow<'h>> {
    match value.as_atom() {
        Some(am::on_heap) => Ok(false),
        Some(am::off_heap) => Ok(true),
        _ => Err(Flow::badarg()),
    }
}

/// A heap that may be limited, but not to less than it begins with.
pub(crate) fn check_max_heap<'h>(max: MaxHeap, min_heap_words: usize) -> Result<(), Flow<'h>> {
    let good = max.size_words == 0 || max.size_words >= min_heap_words;
    if good { Ok(()) } else { Err(Flow::badarg()) }
}

/// A `max_heap_size` value: a number of words, or a map.
pub(crate) fn max_heap(value: Term<'_>) -> Option<MaxHeap> {
    let defaults = oxbeam_runtime::system::default_max_heap();
    if let Some(size_words) = value.as_usize() {
        return Some(MaxHeap { size_words, ..defaults });
    }
    let map = value.as_map()?;
    let get = |key: Atom| oxbeam_term::hamt::get(map, Term::atom(key));
    let flag = |key: Atom, default: bool| match get(key) {
        Some(value) => value.as_bool(),
        None => Some(default),
    };
    Some(MaxHeap {
        size_words: get(am::size)?.as_usize()?,
        kill: flag(am::kill, defaults.kill)?,
        error_logger: flag(am::error_logger, defaults.error_logger)?,
    })
}

/// The options of a monitor, from a proper list.
fn monitor_options<'h>(list: Term<'h>) -> Result<MonitorOptions, Flow<'h>> {
    let mut options = MonitorOptions::default();
    for option in list.list_to_vec().ok_or_else(Flow::badarg)? {
        let [key, value] = option.as_tuple_n().ok_or_else(Flow::badarg)?;
        match key.as_atom() {
            Some(am::alias) => options.alias = Some(alias_kind(value)?),
            Some(am::tag) => options.tag = Some(OwnedTerm::deep_copy_of(value)),
            _ => return Err(Flow::badarg()),
        }
    }
    Ok(options)
}

fn alias_kind<'h>(value: Term<'h>) -> Result<AliasKind, Flow<'h>> {
    match value.as_atom() {
        Some(am::explicit_unalias) => Ok(AliasKind::Explicit),
        Some(am::demonitor) => Ok(AliasKind::Demonitor),
        Some(am::reply_demonitor) => Ok(AliasKind::ReplyDemonitor),
        _ => Err(Flow::badarg()),
    }
}

/// `erts_internal:spawn_request/4`: starts a process and answers with a message, as
/// `erlang:spawn_request` promises.
pub fn spawn_request_4<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    spawn_request(cx, args, ArgsCopy::By(spawn_request_4_long))
}

fn spawn_request<'h>(cx: &mut Cx<'h>, args: &[Term<'h>], copy: ArgsCopy) -> NativeResult<'h> {
    crate::arg::answered(requested_spawn(cx, args, copy))
}

fn requested_spawn<'h>(cx: &mut Cx<'h>, args: &[Term<'h>], copy: ArgsCopy) -> NativeResult<'h> {
    let mut reply_tag = Term::atom(am::spawn_reply);
    let mut reply = (true, true);
    let mut rest = vec![];
    let mut bad_reply = false;
    for option in args[3].list_to_vec().ok_or_else(Flow::badopt)? {
        match option.as_tuple_n::<2>() {
            Some([key, value]) if key.is(am::reply_tag) => reply_tag = value,
            Some([key, value]) if key.is(am::reply) => match reply_wanted(value) {
                Some(wanted) => reply = wanted,
                None => bad_reply = true,
            },
            _ => rest.push(option),
        }
    }
    let me = cx.process.clone();
    let Some(mut options) = spawn_options(cx.heap.list(&rest)).ok().filter(|_| !bad_reply) else {
        let reference = cx.heap.plain_ref(oxbeam_runtime::reference::new_numbers());
        if reply.1 {
            let bad = [reply_tag, reference, Term::atom(am::error), Term::atom(am::badopt)];
            let message = cx.heap.tuple(&bad);
            oxbeam_runtime::signal::send_message(&me, OwnedTerm::copy_of(message));
        }
        return Ok(reference);
    };
    let alias = options.monitor.as_ref().is_some_and(|monitor| monitor.alias.is_some());
    let tag = OwnedTerm::copy_of(reply_tag);
    options.request = Some(SpawnRequest { tag, wants_success: reply.0 });
    options.given = given(cx, args[3]);
    match spawn_mfa(cx, &args[..3], options, copy) {
        Ok(spawned) => {
            let numbers = spawned.reference.unwrap_or_else(oxbeam_runtime::reference::new_numbers);
            Ok(monitor_ref(cx, numbers, alias))
        }
        Err(Flow::Raise(raise)) if raise.reason.is(am::system_limit) => {
            let reference = cx.heap.plain_ref(oxbeam_runtime::reference::new_numbers());
            if reply.1 {
                let failed = [reply_tag, reference, Term::atom(am::error), raise.reason];
                let message = OwnedTerm::copy_of(cx.heap.tuple(&failed));
                oxbeam_runtime::signal::send_message(&me, message);
            }
            Ok(reference)
        }
        Err(other) => Err(other),
    }
}

/// Whether to answer `(success, failure)`.
fn reply_wanted(value: Term<'_>) -> Option<(bool, bool)> {
    match value.as_atom()? {
        am::yes => Some((true, true)),
        am::no => Some((false, false)),
        am::error_only => Some((false, true)),
        am::success_only => Some((true, false)),
        _ => None,
    }
}

/// `erts_internal:spawn_system_process/3`
pub fn spawn_system_process_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let options = SpawnOptions { system_process: true, ..SpawnOptions::default() };
    spawn_as(cx, args, options, ArgsCopy::Made(OwnedTerm::copy_of(args[2])))
}

/// `erlang:link/1`
pub fn link_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let end = args[0].raw();
    let me = RawTerm::pid(cx.process.pid);
    if cx.own.is_traced(cx.process, flags::PROCS) {
        process_tells(cx.process, flags::PROCS, "link", args);
    }
    match args[0].kind() {
        Kind::Pid(_) if end == me => Ok(Term::bool(true)),
        Kind::Pid(_) | Kind::Port(_) => link_local(cx, end, me),
        Kind::ExtPid(end) | Kind::ExtPort(end) if end.is_of_former_self() => {
            link_to_nobody(cx, args[0])
        }
        Kind::ExtPid(_) => {
            // No connection there can be: as if it had been lost at once.
            if cx.own.trap_exit {
                tell_exit(cx, args[0], am::noconnection);
            } else {
                let reason = OwnedTerm::immediate(RawTerm::atom(am::noconnection));
                let exit = Control::Exit { from: me, reason, linked: false, token: None };
                send_control(cx.process.pid, exit);
            }
            Ok(Term::bool(true))
        }
        _ => Err(Flow::badarg()),
    }
}

/// A process that traps exits is told of an end's.
fn tell_exit(cx: &mut Cx<'_>, end: Term<'_>, reason: Atom) {
    let message = OwnedTerm::build(|heap| {
        heap.tuple(&[Term::atom(am::EXIT), heap.import(end), Term::atom(reason)])
    });
    oxbeam_runtime::signal::send_message(cx.process, message);
}

/// Of a link to nobody there is an exception if exits kill, a message if they are trapped.
fn link_to_nobody<'h>(cx: &mut Cx<'h>, end: Term<'h>) -> NativeResult<'h> {
    if !cx.own.trap_exit {
        return Err(Flow::error(am::noproc));
    }
    tell_exit(cx, end, am::noproc);
    Ok(Term::bool(true))
}

fn link_local<'h>(cx: &mut Cx<'h>, end: RawTerm, me: RawTerm) -> NativeResult<'h> {
    let known = if end.is_local_pid() {
        table::find(end.local_data()).is_some_and(|process| !process.is_exiting())
    } else {
        true
    };
    if !known {
        return link_to_nobody(cx, Term::immediate(end));
    }
    if cx.own.links.add(end) {
        send_control_to(end, Control::Link { from: me });
    }
    Ok(Term::bool(true))
}

/// `erlang:unlink/1`
pub fn unlink_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if cx.own.is_traced(cx.process, flags::PROCS) {
        process_tells(cx.process, flags::PROCS, "unlink", args);
    }
    let end = match args[0].kind() {
        Kind::Pid(_) | Kind::Port(_) => args[0].raw(),
        Kind::ExtPid(_) => return Ok(Term::bool(true)),
        Kind::ExtPort(port) if port.is_of_former_self() => return Ok(Term::bool(true)),
        _ => return Err(Flow::badarg()),
    };
    if let Some(id) = cx.own.links.unlink(end) {
        send_control_to(end, Control::Unlink { from: RawTerm::pid(cx.process.pid), id });
    }
    Ok(Term::bool(true))
}

/// `erlang:exit/2`
pub fn exit_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    exit_other(cx, args, |reason| long::small_copy(reason, exit_2_long))
}

async fn exit_2_in_turns(y: Yielder) -> Yielded {
    let copy = long::copied(y, Slot::arg(1), 0, false).await;
    let done = y
        .finish(|cx, roots| match exit_other(cx, roots.slots_from(Slot::arg(0)), |_| Ok(copy)) {
            Err(Flow::Yield(done)) => Ok(done),
            result => result,
        })
        .await?;
    // One's own signal is taken before anything else happens, which is when the next turn begins.
    y.pause().await;
    Ok(done)
}

fn exit_other<'h>(
    cx: &mut Cx<'h>,
    args: &[Term<'h>],
    copy: impl FnOnce(Term<'h>) -> Result<OwnedTerm, Flow<'h>>,
) -> NativeResult<'h> {
    let me = RawTerm::pid(cx.process.pid);
    let end = args[0].raw();
    match args[0].kind() {
        Kind::Pid(_) | Kind::Port(_) => {
            let reason = copy(args[1])?;
            send_control_to(end, Control::Exit { from: me, reason, linked: false, token: None });
            let done = Term::bool(true);
            // One's own signal is taken before anything else happens.
            if end == me { Err(Flow::Yield(done)) } else { Ok(done) }
        }
        Kind::ExtPid(_) => Ok(Term::bool(true)),
        Kind::ExtPort(port) if port.is_of_former_self() => Ok(Term::bool(true)),
        _ => Err(Flow::badarg()),
    }
}

/// `erlang:exit_signal/2`
pub fn exit_signal_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    exit_2(cx, args)
}

/// `erlang:processes/0`
pub fn processes_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    if table::count() > long::QUICK || table::used_slots() > QUICK_SLOTS {
        return Err(Flow::Long(processes_long));
    }
    let mut walk = PidWalk::begin();
    let mut units = usize::MAX;
    walk.advance(&mut units);
    cx.bump(table::used_slots() / SLOTS_PER_REDUCTION + table::count());
    Ok(cx.heap.list_from_rev(std::iter::from_fn(|| walk.take_last()).map(Term::pid)))
}

/// Slots of the table that are looked at in a reduction.
const SLOTS_PER_REDUCTION: usize = 8;
/// A table with more slots in use is looked through in several turns.
const QUICK_SLOTS: usize = 4096;

async fn processes(y: Yielder) -> Yielded {
    let mut walk = PidWalk::begin();
    y.slices(SLOTS_PER_REDUCTION, |_, _, units| walk.advance(units).then_some(())).await;
    let list = y.step(|_, roots| roots.push(Term::nil())).await;
    y.slices(long::CONSES_PER_REDUCTION, |cx, roots, units| {
        let mut longer = roots.get(list);
        while *units > 0 {
            *units -= 1;
            let Some(pid) = walk.take_last() else {
                roots.set(list, longer);
                return Some(());
            };
            longer = cx.heap.cons(Term::pid(pid), longer);
        }
        roots.set(list, longer);
        None
    })
    .await;
    Ok(list)
}

/// `erlang:register/2`
pub fn register_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let name = args[0].as_atom().ok_or_else(Flow::badarg)?;
    let done = match args[1].kind() {
        Kind::Pid(pid) => {
            table::find(pid).is_some_and(|process| registry::register_process(name, &process))
        }
        Kind::Port(port) => registry::register_port(name, port),
        _ => false,
    };
    if done {
        tell_of_name(cx, args[1].raw(), "register", name);
    }
    if done { Ok(Term::bool(true)) } else { Err(Flow::badarg()) }
}

/// `erlang:unregister/1`
pub fn unregister_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let name = args[0].as_atom().ok_or_else(Flow::badarg)?;
    let end = registry::unregister(name).ok_or_else(Flow::badarg)?;
    tell_of_name(cx, end, "unregister", name);
    Ok(Term::bool(true))
}

fn tell_of_name(cx: &Cx<'_>, end: RawTerm, what: &'static str, name: Atom) {
    let process =
        Some(end).filter(|end| end.is_local_pid()).and_then(|end| table::find(end.local_data()));
    if let Some(process) = process {
        of_processes::name(&process, (cx.process, cx.own), what, name);
    }
}

/// `erlang:whereis/1`
pub fn whereis_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let name = args[0].as_atom().ok_or_else(Flow::badarg)?;
    Ok(registry::whereis(name).map_or(Term::atom(am::undefined), Term::immediate))
}

/// `erlang:registered/0`
pub fn registered_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    let names = registry::registered();
    Ok(cx.heap.list_from_rev(names.into_iter().map(Term::atom)))
}

/// `erlang:group_leader/0`
pub fn group_leader_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    Ok(cx.group_leader())
}

/// `erts_internal:group_leader/2` (leader, process): `false` where the process has to be asked.
pub fn set_group_leader_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    crate::arg::answered(set_group_leader(cx, args))
}

fn set_group_leader<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if !args[0].is_pid() {
        return Err(Flow::badarg());
    }
    match args[1].kind() {
        Kind::Pid(pid) if pid == cx.process.pid => cx.own.group_leader = args[0].raw(),
        Kind::Pid(pid) => {
            let leader = OwnedTerm::copy_of(args[0]);
            if table::find(pid).is_none_or(|process| process.is_exiting()) {
                return Err(Flow::badarg());
            }
            send_control(pid, Control::GroupLeader { leader });
        }
        Kind::ExtPid(pid) if !pid.is_of_former_self() => {}
        _ => return Err(Flow::badarg()),
    }
    Ok(Term::bool(true))
}

/// `erlang:hibernate/3`
pub fn hibernate_3<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let module = args[0].as_atom().ok_or_else(Flow::badarg)?;
    let function = args[1].as_atom().ok_or_else(Flow::badarg)?;
    let list = args[2].list_to_vec().ok_or_else(Flow::badarg)?;
    let arity = u8::try_from(list.len()).map_err(|_| Flow::system_limit())?;
    Err(Flow::Hibernate { export: export::get_or_create(module, function, arity), args: list })
}

/// `erlang:bump_reductions/1`
pub fn bump_reductions_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let count = args[0].as_small().and_then(|n| usize::try_from(n).ok());
    cx.bump(count.ok_or_else(Flow::badarg)?.min(TURN_REDUCTIONS as usize));
    Ok(Term::bool(true))
}

/// `erts_internal:is_system_process/1`
pub fn is_system_process_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let pid = args[0].as_local_pid().ok_or_else(Flow::badarg)?;
    Ok(Term::bool(table::find(pid).is_some_and(|process| process.is_system)))
}
