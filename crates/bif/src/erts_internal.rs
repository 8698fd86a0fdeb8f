//! Module `erts_internal`: what OTP's own modules ask of the runtime, where no other file has it.

pub mod asks;
pub mod checks;

use crate::arg;
use oxbeam_code::index::Permission;
use oxbeam_code::{memory, module};
use oxbeam_heap::OwnedTerm;
use oxbeam_runtime::process::{PidData, table};
use oxbeam_runtime::reference::{RefNumbers, new_numbers};
use oxbeam_runtime::signal::{Control, Request, send_control, send_to_pid};
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::{Atom, Term, am};

/// `erts_internal:garbage_collect/1`: the collection follows the return.
pub fn garbage_collect_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if !args[0].is(am::major) && !args[0].is(am::minor) {
        return Err(Flow::badarg());
    }
    cx.heap.request_major();
    Ok(Term::bool(true))
}

/// Whether a process runs in, or returns into, the old instance of a module.
fn uses_old_code(cx: &Cx<'_>, name: Atom) -> bool {
    let Some(old) = module::old(name) else { return false };
    let returns = cx.heap.stack().iter().map(|word| word.0 as *const u64);
    let mut places = returns.filter(|pc| memory::contains(*pc)).chain([cx.own.ip]);
    places.any(|pc| old.contains(pc))
}

/// `erts_internal:check_process_code/1`
pub fn check_process_code_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let name = args[0].as_atom().ok_or_else(Flow::badarg)?;
    Ok(Term::bool(uses_old_code(cx, name)))
}

/// What a process is asked to do for another.
enum Task {
    Collect,
    CheckCode(Atom),
}

/// A task and whom to tell: the answer is `{Kind, Id, Result}`.
struct SystemTask {
    task: Task,
    to: PidData,
    kind: Atom,
    id: OwnedTerm,
}

impl SystemTask {
    fn answer(&self, result: Term<'static>) {
        let answer = OwnedTerm::build(|heap| {
            heap.tuple(&[Term::atom(self.kind), self.id.copy_to(heap), result])
        });
        send_to_pid(self.to, answer);
    }
}

impl Request for SystemTask {
    fn run(self: Box<Self>, cx: &mut Cx<'_>) {
        let result = match self.task {
            Task::Collect => {
                cx.heap.request_major();
                true
            }
            Task::CheckCode(name) => uses_old_code(cx, name),
        };
        self.answer(Term::bool(result));
    }
    fn dead(self: Box<Self>) {
        self.answer(Term::bool(false));
    }
}

/// `erts_internal:request_system_task/3` (process, priority, `{Kind, Id, Argument}`)
pub fn request_system_task_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    request_task(cx, args[0], args[2])
}

/// `erts_internal:request_system_task/4` (requester, process, priority, task)
pub fn request_system_task_4<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if !args[0].is_pid() {
        return Err(Flow::badarg());
    }
    request_task(cx, args[1], args[3])
}

fn request_task<'h>(cx: &mut Cx<'h>, pid: Term<'h>, task: Term<'h>) -> NativeResult<'h> {
    let pid = pid.as_local_pid().ok_or_else(Flow::badarg)?;
    let [kind, id, argument] = task.as_tuple_n().ok_or_else(Flow::badarg)?;
    let kind = kind.as_atom().ok_or_else(Flow::badarg)?;
    let task = match kind {
        am::garbage_collect => Task::Collect,
        am::check_process_code => Task::CheckCode(argument.as_atom().ok_or_else(Flow::badarg)?),
        _ => return Err(Flow::badarg()),
    };
    let id = OwnedTerm::copy_of(id);
    let request = Box::new(SystemTask { task, to: cx.process.pid, kind, id });
    send_control(pid, Control::Request(request));
    Ok(Term::atom(am::ok))
}

/// `erts_internal:purge_module/2`: `prepare`, `prepare_on_load`, `complete` or `abort`.
pub fn purge_module_2<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let name = args[0].as_atom().ok_or_else(Flow::badarg)?;
    let operation = args[1].as_atom().ok_or_else(Flow::badarg)?;
    match operation.name() {
        "prepare" | "prepare_on_load" => Ok(Term::bool(module::old(name).is_some())),
        "complete" => Ok(Term::bool(module::purge(&Permission::seize(), name))),
        "abort" => Ok(Term::bool(false)),
        _ => Err(Flow::badarg()),
    }
}

/// `erts_internal:dirty_process_handle_signals/1`: no process runs dirty, so there is none to
/// handle signals for.
pub fn dirty_process_handle_signals_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if args[0].is_pid() { Ok(Term::atom(am::normal)) } else { Err(Flow::badarg()) }
}

/// `erts_internal:is_process_executing_dirty/1`
pub fn is_process_executing_dirty_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if args[0].is_pid() { Ok(Term::bool(false)) } else { Err(Flow::badarg()) }
}

/// `erts_literal_area_collector:release_area_switch/0`: no area waits to be given back.
pub fn release_area_switch_0<'h>(_: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    Ok(Term::bool(false))
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

/// `erts_internal:suspend_process/2`
pub fn suspend_process_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let pid = args[0].as_local_pid().ok_or_else(Flow::badarg)?;
    if pid == cx.process.pid {
        return Err(Flow::badarg());
    }
    let (mut asynchronous, mut unless_suspending) = (false, false);
    for option in arg::list(args[1])? {
        match option.as_atom() {
            Some(am::asynchronous) => asynchronous = true,
            Some(am::unless_suspending) => unless_suspending = true,
            _ => return Err(Flow::badarg()),
        }
    }
    if table::find(pid).is_none_or(|process| process.is_exiting()) {
        return Err(Flow::badarg());
    }
    let count = cx.own.suspending.get_or_insert_default().entry(pid).or_default();
    if unless_suspending && *count > 0 {
        return Ok(Term::bool(false));
    }
    *count += 1;
    if asynchronous {
        send_control(pid, Control::Suspend);
        return Ok(Term::bool(true));
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
    let suspending = cx.own.suspending.as_mut().ok_or_else(Flow::badarg)?;
    let count = suspending.get_mut(&pid).ok_or_else(Flow::badarg)?;
    *count -= 1;
    if *count == 0 {
        suspending.remove(&pid);
    }
    send_control(pid, Control::Resume);
    Ok(Term::bool(true))
}
