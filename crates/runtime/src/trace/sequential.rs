//! Sequential traces: a token that goes from process to process with what they send each other.
//!
//! 1. A process that has a token gives a copy with the next serial to each message that it sends, to
//!    the exit signals of its links, and to a process that it starts. Who takes a message takes over
//!    its token; one from a process without a token takes the receiver's token away, and one that
//!    comes from no process leaves it alone ([`Trail`]).
//! 2. What a process knows of this is in the box for what is rare, so a process without that box
//!    looks at nothing else.
//! 3. [`reset`] ends all tokens and serials at once: each knows the reset that it was made after.
//! 4. Who causes an event tells it to the system's tracer, a process, at once, if the token's flags
//!    ask for it.

use super::message::stamp_of;
use crate::process::{PidData, ProcState, Process, table};
use crate::setting::{Setting, Tells};
use crate::signal::handle::exit_message;
use crate::signal::queue::Message;
use crate::signal::send_message;
use crate::system_profile::stamp;
use oxbeam_ethread::AtomicU64;
use oxbeam_heap::{Heap, OwnedTerm};
use oxbeam_term::compare::compare_exact;
use oxbeam_term::{Atom, RawTerm, Term};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

/// What taking a message does to the receiver's token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trail {
    /// Nothing: the message comes from no process.
    None,
    /// It is lost.
    Ends,
    /// It becomes the message's.
    Token,
}

const SEND: u8 = 1;
const RECEIVE: u8 = 1 << 1;
const PRINT: u8 = 1 << 2;
/// From here on the flags are those of the timestamps of other traces.
const STAMP_SHIFT: u32 = 3;

/// The names of the flags, each one bit, the lowest first.
const FLAGS: [&str; 6] =
    ["send", "receive", "print", "timestamp", "strict_monotonic_timestamp", "monotonic_timestamp"];

fn flag(name: &str) -> Option<u8> {
    FLAGS.iter().position(|known| *known == name).map(|bit| 1 << bit)
}

oxbeam_ethread::shared! {
    static TRACER: Setting<Tracer> = Setting::none();
    static RESETS: AtomicU64 = AtomicU64::new(0);
}

#[derive(Clone, Copy)]
struct Tracer(PidData);

impl Tells for Tracer {
    fn to(&self) -> PidData {
        self.0
    }
}

/// The process that is told.
pub fn tracer() -> Option<PidData> {
    TRACER.get().map(|tracer| tracer.0).filter(|&pid| super::is_alive(pid))
}

/// Sets or clears it; gives the former one.
pub fn set_tracer(tracer: Option<PidData>) -> Option<PidData> {
    TRACER.set(tracer.map(Tracer)).map(|tracer| tracer.0)
}

/// A process has ended; see [`crate::setting`].
pub(crate) fn process_ended(pid: PidData) {
    TRACER.process_ended(pid);
}

/// Takes the tokens and serials of all processes and messages away.
pub fn reset() {
    RESETS.inc();
}

/// Serials are small integers, and count as numbers without a sign.
const SERIAL_MASK: u64 = (1 << 60) - 1;

fn serial(term: Term<'_>) -> Option<u64> {
    term.as_small().map(|value| value as u64 & SERIAL_MASK)
}

fn serial_term<'h>(serial: u64) -> Term<'h> {
    Term::immediate(RawTerm::small((serial << 4) as i64 >> 4))
}

/// A token.
#[derive(Clone)]
pub struct Token {
    flags: u8,
    label: Arc<OwnedTerm>,
    serial: u64,
    from: PidData,
    /// The serial of the message before.
    previous: u64,
    resets: u64,
}

/// Whether what a process or a message got after so many resets still counts.
fn is_valid(resets: u64) -> bool {
    resets == RESETS.read()
}

impl Token {
    fn serials<'h>(&self, heap: &'h Heap) -> Term<'h> {
        heap.tuple(&[serial_term(self.previous), serial_term(self.serial)])
    }

    /// `{Flags, Label, Serial, From, Previous}`
    pub fn term<'h>(&self, heap: &'h Heap) -> Term<'h> {
        heap.tuple(&[
            heap.int(self.flags.into()),
            self.label.copy_to(heap),
            serial_term(self.serial),
            Term::pid(self.from),
            serial_term(self.previous),
        ])
    }
}

/// What a process knows of its sequential trace.
#[derive(Clone, Default)]
pub struct Sequence {
    token: Option<Token>,
    /// The greatest serial that it has given or got.
    clock: u64,
    /// The last one that it has got.
    previous: u64,
    resets: u64,
}

impl Sequence {
    pub fn token(&self) -> Option<&Token> {
        self.token.as_ref().filter(|_| is_valid(self.resets))
    }

    /// The token, which `me` gets if it has none.
    fn make_token(&mut self, me: PidData) -> &mut Token {
        let (previous, resets) = (self.previous, self.resets);
        self.token.get_or_insert_with(|| {
            let label = Arc::new(OwnedTerm::immediate(RawTerm::small(0)));
            Token { flags: 0, label, serial: 0, from: me, previous, resets }
        })
    }

    /// The token as `me` gives it away: with the next serial.
    fn next(&mut self, me: PidData) -> Option<Token> {
        let token = self.token.as_mut()?;
        self.clock = (self.clock + 1) & SERIAL_MASK;
        (token.serial, token.from, token.previous) = (self.clock, me, self.previous);
        Some(token.clone())
    }

    /// Sets a part of the token; gives what it was before. `None`: there is no such part, or it
    /// cannot be that.
    pub fn set<'h>(
        &mut self,
        me: PidData,
        (part, value): (Term<'_>, Term<'_>),
        heap: &'h Heap,
    ) -> Option<Term<'h>> {
        let name = part.as_atom()?.name();
        if let (Some(flag), Some(on)) = (flag(name), value.as_bool()) {
            let token = self.make_token(me);
            let was_on = token.flags & flag != 0;
            token.flags = if on { token.flags | flag } else { token.flags & !flag };
            return Some(Term::bool(was_on));
        }
        match name {
            "label" => {
                let label = Arc::new(OwnedTerm::deep_copy_of(value));
                let old = std::mem::replace(&mut self.make_token(me).label, label);
                Some(old.copy_to(heap))
            }
            "serial" => {
                let [previous, next] = value.as_tuple_n()?;
                let (previous, next) = (serial(previous)?, serial(next)?);
                let token = self.make_token(me);
                let old = token.serials(heap);
                (token.previous, token.serial) = (previous, next);
                (self.previous, self.clock) = (previous, next);
                Some(old)
            }
            "sequential_trace_token" if value.is_nil() => {
                Some(self.token.take().map_or(Term::nil(), |token| token.term(heap)))
            }
            _ => None,
        }
    }

    /// `{Part, Value}` of a part of the token; `None`: there is no such part.
    pub fn part<'h>(&self, part: Term<'h>, heap: &'h Heap) -> Option<Term<'h>> {
        let name = part.as_atom()?.name();
        let value = match (self.token(), flag(name)) {
            (token, Some(flag)) => Term::bool(token.is_some_and(|token| token.flags & flag != 0)),
            // So 25.2.3 has it, though nobody can set that.
            (None, None) if name == "spawn" => Term::bool(false),
            (None, None) if matches!(name, "label" | "serial") => return Some(Term::nil()),
            (Some(token), None) if name == "label" => token.label.copy_to(heap),
            (Some(token), None) if name == "serial" => token.serials(heap),
            _ => return None,
        };
        Some(heap.tuple(&[part, value]))
    }
}

/// The sequential trace of a process, and the tokens of the messages in its mailbox by their numbers.
#[derive(Default)]
pub(crate) struct Traced {
    sequence: Sequence,
    of_messages: HashMap<u64, Token>,
}

impl ProcState {
    /// What it knows of its sequential trace.
    pub fn sequence(&self) -> Sequence {
        let known = self.rare.as_ref().map(|rare| &rare.sequential.sequence);
        let known = known.filter(|sequence| is_valid(sequence.resets)).cloned();
        known.unwrap_or_else(|| Sequence { resets: RESETS.read(), ..Sequence::default() })
    }

    /// Changes that.
    pub fn set_sequence(&mut self, sequence: Sequence) {
        self.rare_mut().sequential.sequence = sequence;
    }

    /// Its token.
    #[inline]
    pub fn token(&self) -> Option<&Token> {
        self.rare.as_ref()?.sequential.sequence.token()
    }

    /// Its token as it gives it away, with the next serial.
    #[inline]
    pub fn next_token(&mut self) -> Option<Token> {
        self.token()?;
        let pid = self.pid;
        self.rare_mut().sequential.sequence.next(pid)
    }

    /// Notes the token of the message that comes into the mailbox next.
    pub(crate) fn keep_token(&mut self, token: Token) {
        let number = self.mailbox.marker();
        self.rare_mut().sequential.of_messages.insert(number, token);
    }

    /// A message has been taken.
    #[inline]
    pub fn follow(&mut self, process: &Process, message: &Message) {
        if self.rare.is_some() && message.trail != Trail::None {
            self.follow_trail(process, message);
        }
    }

    #[cold]
    fn follow_trail(&mut self, process: &Process, message: &Message) {
        let mut sequence = self.sequence();
        let of_messages = &mut self.rare_mut().sequential.of_messages;
        sequence.token = match message.trail {
            Trail::Token => {
                of_messages.remove(&message.number()).filter(|token| is_valid(token.resets))
            }
            _ if sequence.token.is_none() => return,
            _ => None,
        };
        if let Some(token) = &sequence.token {
            sequence.previous = token.serial;
            sequence.clock = sequence.clock.max(token.serial);
            if !self.flags.sensitive {
                tell(token, RECEIVE, Term::pid(process.pid), message.term.view());
            }
        }
        self.set_sequence(sequence);
    }

    /// The process sends a message to what `to` names: the token that goes with it.
    #[inline]
    pub fn sends(&mut self, to: Term<'_>, message: Term<'_>) -> Option<Token> {
        self.rare.as_ref()?;
        self.sends_on(to, message)
    }

    #[cold]
    fn sends_on(&mut self, to: Term<'_>, message: Term<'_>) -> Option<Token> {
        let token = self.next_token()?;
        if !self.flags.sensitive {
            tell(&token, SEND, to, message);
        }
        Some(token)
    }

    /// The process ends with that reason: the token of the exit signal to `end`, to which it is linked.
    pub(crate) fn exits(&mut self, end: RawTerm, reason: Term<'_>) -> Option<Token> {
        if !end.is_local_pid() {
            return None;
        }
        let token = self.next_token()?;
        let told = |other: &Process| !other.is_exiting() && !other.is_sensitive.read();
        if table::find(end.local_data()).is_some_and(|other| told(&other)) {
            let message = exit_message(RawTerm::pid(self.pid), OwnedTerm::copy_of(reason));
            tell(&token, SEND, Term::immediate(end), message.view());
        }
        Some(token)
    }

    /// The process starts `child`, which gets the token: as if it had sent the request and the child
    /// had answered. Gives the token of the answer that is sent `later`, if it has one.
    pub(crate) fn starts(
        &mut self,
        child: &mut ProcState,
        (request, answer): (Term<'_>, Option<Term<'_>>),
        later: bool,
    ) -> Option<Token> {
        let token = self.next_token()?;
        let told = !self.flags.sensitive;
        if told {
            tell(&token, SEND, Term::pid(child.pid), request);
            tell(&token, RECEIVE, Term::pid(child.pid), request);
        }
        let (serial, resets) = (token.serial, token.resets);
        let mut sequence = Sequence { token: Some(token), clock: serial, previous: serial, resets };
        let token = sequence.next(child.pid)?;
        child.set_sequence(sequence);
        let answer = answer?;
        let me = Term::pid(self.pid);
        if told {
            tell(&token, SEND, me, answer);
        }
        if later {
            return Some(token);
        }
        // So 25.2.3 counts: the serial as a term.
        let serial = (token.serial << 4 | 0xF) & SERIAL_MASK;
        let sequence = &mut self.rare_mut().sequential.sequence;
        (sequence.previous, sequence.clock) = (serial, serial);
        if told {
            tell(&token, RECEIVE, me, answer);
        }
        None
    }

    /// Tells what the process itself says, if it has a token, and that label if one is given.
    pub fn prints(&mut self, label: Option<Term<'_>>, what: Term<'_>) -> bool {
        let is = |token: &Token, label| compare_exact(token.label.view(), label) == Ordering::Equal;
        let same = |token: &Token| label.is_none_or(|label| is(token, label));
        if !self.token().is_some_and(same) {
            return false;
        }
        if let Some(token) = self.next_token().filter(|_| !self.flags.sensitive) {
            tell(&token, PRINT, Term::nil(), what);
        }
        true
    }
}

/// Tells the tracer `{seq_trace, Label, {What, {Previous, Serial}, From, To, Message}}`, with the time if
/// the token's flags say so.
fn tell(token: &Token, what: u8, to: Term<'_>, message: Term<'_>) {
    let Some(tracer) = tracer().filter(|_| token.flags & what != 0).and_then(table::find) else {
        return;
    };
    let atom = |name: &str| Term::atom(Atom::new(name).expect("room for the words of tracing"));
    let term = OwnedTerm::build(|heap| {
        let name = atom(FLAGS[what.trailing_zeros() as usize]);
        let ends = [Term::pid(token.from), heap.import(to)];
        let what = [name, token.serials(heap), ends[0], ends[1], heap.import(message)];
        let mut parts = vec![atom("seq_trace"), token.label.copy_to(heap), heap.tuple(&what)];
        if let Some(kind) = stamp_of(u32::from(token.flags >> STAMP_SHIFT)) {
            parts.push(stamp(heap, kind));
        }
        heap.tuple(&parts)
    });
    send_message(&tracer, term);
}
