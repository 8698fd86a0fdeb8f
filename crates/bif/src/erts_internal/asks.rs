//! Questions to other processes: each is answered in its own context by `{Ref, Answer}`.

use oxbeam_heap::OwnedTerm;
use oxbeam_runtime::process::{PidData, table};
use oxbeam_runtime::reference::{RefNumbers, new_numbers};
use oxbeam_runtime::signal::{Control, Request, send_control, send_to_pid};
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::view::Kind;
use oxbeam_term::{Term, am};

use crate::erlang::process_info;

/// What is asked.
enum Question {
    Alive,
    GroupLeader(OwnedTerm),
    SaveCalls(u32),
    Display,
}

struct Ask {
    question: Question,
    to: PidData,
    reference: RefNumbers,
}

impl Ask {
    fn answer(&self, answer: Term<'_>) {
        let reference = self.reference;
        let message =
            OwnedTerm::build(|heap| heap.tuple(&[heap.plain_ref(reference), heap.import(answer)]));
        send_to_pid(self.to, message);
    }
}

impl Request for Ask {
    fn run(mut self: Box<Self>, cx: &mut Cx<'_>) {
        let answer = match &mut self.question {
            Question::Alive => Term::bool(true),
            Question::GroupLeader(leader) => {
                cx.own.group_leader = leader.copy_to(cx.heap).raw();
                Term::bool(true)
            }
            Question::SaveCalls(new) => {
                let old = cx.own.save_calls(*new);
                cx.heap.int(i64::from(old))
            }
            Question::Display => {
                display(cx);
                Term::bool(true)
            }
        };
        self.answer(answer);
    }

    fn dead(self: Box<Self>) {
        self.answer(match self.question {
            Question::Alive => Term::bool(false),
            Question::SaveCalls(_) => Term::atom(am::badtype),
            Question::GroupLeader(_) | Question::Display => Term::atom(am::badarg),
        });
    }
}

fn ask(cx: &Cx<'_>, pid: PidData, reference: RefNumbers, question: Question) {
    let request = Ask { question, to: cx.process.pid, reference };
    send_control(pid, Control::Request(Box::new(request)));
}

/// The numbers of a reference of this node.
fn numbers<'h>(reference: Term<'h>) -> Result<RefNumbers, Flow<'h>> {
    reference.as_ref().map(|reference| reference.numbers()).ok_or_else(Flow::badarg)
}

/// `erts_internal:is_process_alive/2`: answers the given reference.
pub fn is_process_alive_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let pid = args[0].as_local_pid().ok_or_else(Flow::badarg)?;
    ask(cx, pid, numbers(args[1])?, Question::Alive);
    Ok(Term::atom(am::ok))
}

/// `erts_internal:group_leader/3` (leader, process, reference)
pub fn group_leader_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let (true, Some(pid)) = (args[0].is_pid(), args[1].as_local_pid()) else {
        return Ok(Term::atom(am::badarg));
    };
    ask(cx, pid, numbers(args[2])?, Question::GroupLeader(OwnedTerm::copy_of(args[0])));
    Ok(Term::atom(am::ok))
}

/// `erts_internal:process_flag/3`: the old value, a reference that will be answered, or what is
/// wrong.
pub fn process_flag_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let Some(pid) = args[0].as_local_pid() else { return Ok(Term::atom(am::badtype)) };
    let alive = pid == cx.process.pid || table::find(pid).is_some_and(|other| !other.is_exiting());
    if !alive || !args[1].is(am::save_calls) {
        return Ok(Term::atom(if alive { am::badarg } else { am::badtype }));
    }
    let Some(new) = args[2].as_usize().filter(|&calls| calls <= MAX_SAVED_CALLS) else {
        return Ok(Term::atom(am::badarg));
    };
    if pid == cx.process.pid {
        return process_info::process_flag_2(cx, &args[1..]);
    }
    let reference = new_numbers();
    ask(cx, pid, reference, Question::SaveCalls(new as u32));
    Ok(cx.heap.plain_ref(reference))
}

/// Most calls that a process may keep.
const MAX_SAVED_CALLS: usize = 10_000;

/// `erts_internal:process_display/2`: writes the stack of a process to standard error.
pub fn process_display_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if !args[1].is(am::backtrace) {
        return Ok(Term::atom(am::badopt));
    }
    let Some(pid) = args[0].as_local_pid() else { return Ok(Term::atom(am::badarg)) };
    if pid == cx.process.pid {
        display(cx);
        return Ok(Term::bool(true));
    }
    if table::find(pid).is_none_or(|other| other.is_exiting()) {
        return Ok(Term::atom(am::badarg));
    }
    let reference = new_numbers();
    ask(cx, pid, reference, Question::Display);
    Ok(cx.heap.plain_ref(reference))
}

fn display(cx: &Cx<'_>) {
    if cx.own.flags.sensitive {
        return;
    }
    for frame in oxbeam_runtime::stack::frames(cx, DISPLAYED_FRAMES) {
        eprintln!("{frame}");
    }
}

/// Frames that `process_display` shows.
const DISPLAYED_FRAMES: usize = 64;

/// `erlang:spawn_request_abandon/1`: a request of this node has been answered when it returns,
/// so that none is outstanding.
pub fn spawn_request_abandon_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if args[0].is_reference() { Ok(Term::bool(false)) } else { Err(Flow::badarg()) }
}

/// `erts_internal:map_hashmap_children/1`: what the root or an inner node of a hashed map holds,
/// the last first.
pub fn map_hashmap_children_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let Kind::Map(map) = args[0].kind() else { return Err(Flow::badmap(cx.heap, args[0])) };
    if map.is_flat() {
        return Err(Flow::badarg());
    }
    Ok(cx.heap.list_from_rev(map.children().iter().copied()))
}

/// `erts_internal:check_dirty_process_code/2`, for the handler processes. Nobody asks them: a
/// process looks at its code itself, when it is back.
pub fn check_dirty_process_code_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if !oxbeam_runtime::dirty::is_handler(cx.process.pid) {
        return Err(Flow::error(am::notsup));
    }
    if !args[0].is_pid() || !args[1].is_atom() {
        return Err(Flow::badarg());
    }
    Ok(Term::atom(am::normal))
}
