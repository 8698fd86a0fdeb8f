//! Module `erts_internal`: what OTP's own modules ask of the runtime, where no other file has it.

pub mod asks;
pub mod checks;
pub mod trace;

use crate::arg;
use crate::erlang::code::permission;
use oxbeam_heap::{GcKind, OwnedTerm};
use oxbeam_runtime::dirty::{self, Handled};
use oxbeam_runtime::literal_release::{self, CopyRequest, Switch};
use oxbeam_runtime::native::RunOn;
use oxbeam_runtime::process::{Owned, PidData, Priority, Process, table};
use oxbeam_runtime::purge::{self, Step};
use oxbeam_runtime::reference::{RefNumbers, new_numbers};
use oxbeam_runtime::signal::{Control, Request, send_control, send_to_pid};
use oxbeam_runtime::task::{self, Task};
use oxbeam_runtime::{Cx, Flow, NativeResult, gc, scheduler};
use oxbeam_sys::clock::monotonic_ns;
use oxbeam_term::view::Kind;
use oxbeam_term::{Atom, Term, am};
use std::sync::Arc;

/// `erts_internal:garbage_collect/1`: the collection follows the return.
pub fn garbage_collect_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    match args[0].as_atom() {
        Some(am::major) => cx.heap.request_major(),
        Some(am::minor) => cx.heap.request_minor(),
        _ => return Err(Flow::badarg()),
    }
    Ok(Term::bool(true))
}

/// `erts_internal:check_process_code/1`
pub fn check_process_code_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let name = args[0].as_atom().ok_or_else(Flow::badarg)?;
    if purge::caller_runs_in_old_code(cx, name) {
        return Ok(Term::bool(true));
    }
    if cx.heap.stack_words() > LONG_STACK_WORDS {
        return Err(Flow::Dirty(RunOn::DirtyCpu, check_frames));
    }
    check_frames(cx, args)
}

/// A stack of more words is looked at on a dirty scheduler.
const LONG_STACK_WORDS: usize = 32 << 10;

fn check_frames<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let name = args[0].as_atom().ok_or_else(Flow::badarg)?;
    Ok(Term::bool(purge::returns_to_old_code(cx.heap, name)))
}

/// What a task does.
#[derive(Clone, Copy)]
enum What {
    /// Collects the heap.
    Collect(GcKind),
    /// Looks for references to the module's old code.
    CheckCode(Atom),
    /// Nothing: OTP's tests look at when it is done.
    Test,
}

impl What {
    fn name(self) -> Term<'static> {
        match self {
            What::Collect(_) => Term::atom(am::garbage_collect),
            What::CheckCode(_) => Term::atom(am::check_process_code),
            What::Test => Term::atom(Atom::new(TEST_TASK).expect("a short name")),
        }
    }
}

/// What a task costs at least that was done at once: its process is seldom in any cache.
const SHORT_TASK_REDUCTIONS: usize = 200;
/// What takes longer costs a reduction for so much time: a turn of nothing but tasks ends after some
/// 100 µs.
const REDUCTION_NS: i64 = 25;

const TEST_TASK: &str = "system_task_test";

/// A task and whom to tell: the answer is `{Kind, Id, Result}`.
struct SystemTask {
    what: What,
    priority: Priority,
    to: PidData,
    id: OwnedTerm,
}

impl SystemTask {
    fn answer(&self, result: bool) {
        let answer = OwnedTerm::build(|heap| {
            heap.tuple(&[self.what.name(), self.id.copy_to(heap), Term::bool(result)])
        });
        send_to_pid(self.to, answer);
    }
}

impl Task for SystemTask {
    fn run(self: Box<Self>, _: &Arc<Process>, owned: &mut Owned) {
        self.answer(match self.what {
            What::CheckCode(name) => purge::uses_old_code(owned, name),
            What::Collect(kind) => {
                gc::collect_between_turns(owned, kind);
                true
            }
            What::Test => true,
        });
    }
    fn priority(&self) -> Priority {
        self.priority
    }
    fn moves_terms(&self) -> bool {
        matches!(self.what, What::Collect(_))
    }
    fn may_run_elsewhere(&self) -> bool {
        matches!(self.what, What::CheckCode(_))
    }
    fn words(&self, of: &Owned) -> usize {
        match self.what {
            What::CheckCode(_) => of.heap.stack_words(),
            // Which moves what it looks at.
            What::Collect(GcKind::Major) => 2 * of.heap.all_words(),
            What::Collect(_) => 2 * of.heap.used_words(),
            What::Test => 0,
        }
    }
    fn dead(self: Box<Self>) {
        self.answer(false);
    }
}

/// `erts_internal:request_system_task/3` (process, priority, `{Kind, Id, Argument}`)
pub fn request_system_task_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    request_task(cx, args[0], args[1], args[2])
}

/// `erts_internal:request_system_task/4` (requester, process, priority, task)
pub fn request_system_task_4<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if !args[0].is_pid() {
        return Err(Flow::badarg());
    }
    request_task(cx, args[1], args[2], args[3])
}

fn request_task<'h>(
    cx: &mut Cx<'h>,
    pid: Term<'h>,
    priority: Term<'h>,
    task: Term<'h>,
) -> NativeResult<'h> {
    let priority = match priority.as_atom() {
        Some(am::inherit) => cx.own.priority,
        other => other.and_then(Priority::from_atom).ok_or_else(Flow::badarg)?,
    };
    // `None`: it was of this node before it got its creation.
    let pid = match pid.kind() {
        Kind::Pid(pid) => Some(pid),
        Kind::ExtPid(pid) if pid.is_of_former_self() => None,
        _ => return Err(Flow::badarg()),
    };
    let parts = task.as_tuple().ok_or_else(Flow::badarg)?.elements();
    let (id, what) = match (parts, parts.first().and_then(|kind| kind.as_atom())) {
        ([_, id, kind], Some(am::garbage_collect)) => {
            let kind = match kind.as_atom() {
                Some(am::minor) => GcKind::Auto,
                Some(am::major) => GcKind::Major,
                _ => return Err(Flow::badarg()),
            };
            (*id, What::Collect(kind))
        }
        ([_, id, module], Some(am::check_process_code)) => {
            (*id, What::CheckCode(module.as_atom().ok_or_else(Flow::badarg)?))
        }
        ([_, id], Some(kind)) if kind.name() == TEST_TASK => (*id, What::Test),
        _ => return Err(Flow::badarg()),
    };
    let task = Box::new(SystemTask {
        what,
        priority,
        to: cx.process.pid,
        id: OwnedTerm::deep_copy_of(id),
    });
    let Some(pid) = pid else {
        task.answer(false);
        return Ok(Term::atom(am::ok));
    };
    if !give_task(cx, pid, task)
        && let Some(process) = table::find(pid)
    {
        scheduler::promote(&process, priority);
    }
    Ok(Term::atom(am::ok))
}

/// Gives a process a task; whether it was done at once, which the caller has paid for then.
fn give_task(cx: &mut Cx<'_>, pid: PidData, task: Box<dyn Task>) -> bool {
    let Some(process) = table::find(pid) else {
        task.dead();
        return false;
    };
    let began_ns = monotonic_ns();
    let done = task::give(&process, task);
    let reductions = ((monotonic_ns() - began_ns) / REDUCTION_NS) as usize;
    cx.bump(if done { reductions.max(SHORT_TASK_REDUCTIONS) } else { reductions });
    done
}

/// Whether the caller is the runtime's own process that begins in `module`.
fn is_system_process(cx: &Cx<'_>, module: Atom) -> bool {
    cx.process.is_system && cx.own.initial_call.0 == module
}

fn step<'h>(step: Step) -> NativeResult<'h> {
    match step {
        Step::Done(result) => Ok(Term::bool(result)),
        Step::Suspended(result) => Err(Flow::Yield(Term::bool(result))),
        Step::Misplaced => Err(Flow::badarg()),
    }
}

/// `erts_internal:purge_module/2`: `prepare`, `prepare_on_load`, `complete` or `abort`.
pub fn purge_module_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if !is_system_process(cx, am::erts_code_purger) {
        return Err(Flow::error(am::notsup));
    }
    let name = args[0].as_atom().ok_or_else(Flow::badarg)?;
    match args[1].as_atom() {
        Some(operation @ (am::prepare | am::prepare_on_load)) => {
            let permission = permission(cx)?;
            step(purge::prepare(cx, &permission, name, operation == am::prepare_on_load))
        }
        Some(am::complete) => {
            let permission = permission(cx)?;
            step(purge::complete(cx, permission, name))
        }
        Some(am::abort) => step(purge::abort(cx, name)),
        _ => Err(Flow::badarg()),
    }
}

/// `erts_internal:dirty_process_handle_signals/1`: handles the signals of a process that runs
/// dirty; for the processes that do this for others.
pub fn dirty_process_handle_signals_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if !dirty::is_handler(cx.process.pid) {
        return Err(Flow::error(am::notsup));
    }
    let Some(pid) = args[0].as_local_pid() else { return Ok(Term::bool(false)) };
    let Some(process) = table::find(pid) else { return Ok(Term::atom(am::noproc)) };
    match dirty::handle_signals(&process) {
        Handled::Long => Err(Flow::Dirty(RunOn::DirtyCpu, run_long_tasks)),
        handled => Ok(handled_signals(handled)),
    }
}

fn handled_signals(handled: Handled) -> Term<'static> {
    Term::atom(if handled == Handled::NotDirty { am::normal } else { am::ok })
}

/// As [`dirty_process_handle_signals_1`], for a process that is asked for more than a scheduler
/// does at one go.
fn run_long_tasks<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let pid = args[0].as_local_pid().ok_or_else(Flow::badarg)?;
    let Some(process) = table::find(pid) else { return Ok(Term::atom(am::noproc)) };
    Ok(handled_signals(dirty::handle_all(&process)))
}

/// `erts_internal:is_process_executing_dirty/1`
pub fn is_process_executing_dirty_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if !args[0].is_pid() {
        return Err(Flow::badarg());
    }
    let process = args[0].as_local_pid().and_then(table::find);
    Ok(Term::bool(process.is_some_and(|process| process.state.is_dirty())))
}

/// `erts_literal_area_collector:release_area_switch/0`
pub fn release_area_switch_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    if !literal_release::is_collector(cx.process) {
        return Err(Flow::error(am::notsup));
    }
    match literal_release::switch(cx) {
        Switch::NextArea => Err(Flow::Yield(Term::bool(true))),
        Switch::LastArea => Err(Flow::Again(vec![])),
        Switch::Nothing => Ok(Term::bool(false)),
    }
}

/// `erts_literal_area_collector:send_copy_request/3` (process, area, `init`, `check_gc` or
/// `need_gc`)
pub fn send_copy_request_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if !literal_release::is_collector(cx.process) {
        return Err(Flow::error(am::notsup));
    }
    let pid = args[0].as_local_pid().ok_or_else(Flow::badarg)?;
    let collect = match args[2].as_atom() {
        Some(am::init) => false,
        Some(am::check_gc | am::need_gc) => true,
        _ => return Err(Flow::badarg()),
    };
    let id = OwnedTerm::deep_copy_of(cx.heap.tuple(&[args[1], args[2], args[0]]));
    let request = CopyRequest { from: cx.process.pid, id, collect };
    give_task(cx, pid, Box::new(request));
    Ok(Term::atom(am::ok))
}

/// Suspends a process, and says so with `{Ref, Result}`.
struct Suspend {
    to: PidData,
    reference: RefNumbers,
}

impl Suspend {
    fn answer(&self, result: Term<'static>) {
        let reference = self.reference;
        send_to_pid(
            self.to,
            OwnedTerm::build(|heap| heap.tuple(&[heap.plain_ref(reference), result])),
        );
    }
}

impl Request for Suspend {
    fn run(self: Box<Self>, cx: &mut Cx<'_>) {
        cx.own.suspend_count += 1;
        self.answer(Term::bool(true));
    }
    fn dead(self: Box<Self>) {
        self.answer(Term::atom(am::badarg));
    }
}

/// Suspends a process, and says so with `{Tag, Result}`.
struct SuspendTagged {
    to: PidData,
    tag: OwnedTerm,
}

impl SuspendTagged {
    fn answer(&self, result: Atom) {
        let answer =
            OwnedTerm::build(|heap| heap.tuple(&[self.tag.copy_to(heap), Term::atom(result)]));
        send_to_pid(self.to, answer);
    }
}

impl Request for SuspendTagged {
    fn run(self: Box<Self>, cx: &mut Cx<'_>) {
        cx.own.suspend_count += 1;
        self.answer(am::suspended);
    }
    fn dead(self: Box<Self>) {
        self.answer(am::exited);
    }
}

/// When the suspender goes on.
#[derive(Clone, Copy)]
enum How<'h> {
    /// When the process is suspended.
    AtOnce,
    /// Without waiting for that.
    Later,
    /// Without waiting; a message with this tag will tell.
    Tagged(Term<'h>),
}

struct SuspendOptions<'h> {
    how: How<'h>,
    unless_suspending: bool,
}

fn suspend_options<'h>(list: Term<'h>) -> Result<SuspendOptions<'h>, Flow<'h>> {
    let mut options = SuspendOptions { how: How::AtOnce, unless_suspending: false };
    for option in arg::list(list)? {
        match option.as_atom() {
            Some(am::asynchronous) => options.how = How::Later,
            Some(am::unless_suspending) => options.unless_suspending = true,
            _ => match option.as_tuple_n::<2>() {
                Some([key, tag]) if key.is(am::asynchronous) => options.how = How::Tagged(tag),
                _ => return Err(Flow::badarg()),
            },
        }
    }
    Ok(options)
}

/// `erts_internal:suspend_process/2`
pub fn suspend_process_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    arg::answered(suspend_process(cx, args))
}

fn suspend_process<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let pid = args[0].as_local_pid().ok_or_else(Flow::badarg)?;
    if pid == cx.process.pid {
        return Err(Flow::badarg());
    }
    let options = suspend_options(args[1]).map_err(|_| Flow::badopt())?;
    let how = options.how;
    let Some(process) = table::find(pid).filter(|process| !process.is_exiting()) else {
        let How::Tagged(tag) = how else { return Err(Flow::badarg()) };
        let answer = cx.heap.tuple(&[tag, Term::atom(am::badarg)]);
        send_to_pid(cx.process.pid, OwnedTerm::copy_of(answer));
        return Ok(Term::bool(true));
    };
    let suspensions = cx.own.rare_mut().suspending.entry(pid).or_default();
    if options.unless_suspending && suspensions.count() > 0 {
        if let How::Tagged(tag) = how {
            let answer = cx.heap.tuple(&[tag, Term::atom(am::suspended)]);
            send_to_pid(cx.process.pid, OwnedTerm::copy_of(answer));
        }
        return Ok(Term::bool(false));
    }
    if matches!(how, How::AtOnce) && process.state.suspend_at_rest() {
        suspensions.at_rest += 1;
        return Ok(Term::bool(true));
    }
    suspensions.by_signal += 1;
    match how {
        How::AtOnce => {}
        How::Later => {
            send_control(pid, Control::Suspend);
            return Ok(Term::bool(true));
        }
        How::Tagged(tag) => {
            let (to, tag) = (cx.process.pid, OwnedTerm::copy_of(tag));
            let request = SuspendTagged { to, tag };
            send_control(pid, Control::Request(Box::new(request)));
            return Ok(Term::bool(true));
        }
    }
    let reference = new_numbers();
    let request = Suspend { to: cx.process.pid, reference };
    send_control(pid, Control::Request(Box::new(request)));
    let reference = cx.heap.plain_ref(reference);
    Err(Flow::trap(am::erts_internal, am::await_result, &[reference]))
}

/// `erlang:resume_process/1`
pub fn resume_process_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let pid = args[0].as_local_pid().ok_or_else(Flow::badarg)?;
    if table::find(pid).is_none_or(|process| process.is_exiting()) {
        return Err(Flow::badarg());
    }
    let rare = cx.own.rare.as_mut().ok_or_else(Flow::badarg)?;
    let suspensions = rare.suspending.get_mut(&pid).ok_or_else(Flow::badarg)?;
    suspensions.resume(pid);
    if suspensions.count() == 0 {
        rare.suspending.remove(&pid);
    }
    Ok(Term::bool(true))
}
