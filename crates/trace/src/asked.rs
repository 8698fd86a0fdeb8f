//! What a match specification for tracing asks of the process that runs it.

use crate::options;
use oxbeam_code::ranges::{self, Location};
use oxbeam_heap::Heap;
use oxbeam_match_spec::Tracer;
use oxbeam_runtime::process::{Process, table};
use oxbeam_runtime::trace::sequential::Sequence;
use oxbeam_runtime::trace::{Change, flags};
use oxbeam_runtime::{Cx, registry, system};
use oxbeam_term::{Term, am};
use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

/// What other crates know how to write.
pub struct Writers {
    /// Writes a term to the standard output, in a line of its own.
    pub display: fn(Term<'_>),
    /// What a crash dump says of the process.
    pub process_dump: fn(&Cx<'_>) -> Vec<u8>,
}

static WRITERS: OnceLock<Writers> = OnceLock::new();

/// Sets the writers; at boot, once.
pub fn install(writers: Writers) {
    WRITERS.set(writers).ok().expect("the writers are installed once");
}

/// Writes a term to the standard output.
pub(crate) fn display(term: Term<'_>) {
    if let Some(writers) = WRITERS.get() {
        (writers.display)(term);
    }
}

/// The process that runs a specification.
pub struct Asked<'c, 'h> {
    pub cx: &'c Cx<'h>,
    /// Where the traced function returns to.
    pub returns_to: Option<*const u64>,
    /// Nothing is traced: the specification is tested.
    pub is_test: bool,
    /// The sequential trace of the process, if the specification has changed it.
    changed: RefCell<Option<Sequence>>,
}

impl<'c, 'h> Asked<'c, 'h> {
    /// The process of `cx`, which is in a function that returns to that address.
    pub fn new(cx: &'c Cx<'h>, returns_to: Option<*const u64>, is_test: bool) -> Asked<'c, 'h> {
        Asked { cx, returns_to, is_test, changed: RefCell::new(None) }
    }

    /// The sequential trace of the process as it is to be from now on, if that was changed.
    pub fn changed(self) -> Option<Sequence> {
        self.changed.into_inner()
    }

    fn sequence(&self) -> Sequence {
        self.changed.borrow().clone().unwrap_or_else(|| self.cx.own.sequence())
    }

    fn process(&self, term: Option<Term<'_>>) -> Option<Arc<Process>> {
        let Some(term) = term else { return Some(self.cx.process.clone()) };
        let pid = match (term.as_local_pid(), term.as_atom()) {
            (Some(pid), _) => pid,
            (None, Some(name)) => Term::immediate(registry::whereis(name)?).as_local_pid()?,
            (None, None) => return None,
        };
        table::find(pid).filter(|process| !process.is_exiting())
    }
}

/// The function that a return address lies in.
pub(crate) fn function_behind(pc: *const u64) -> Option<Location> {
    ranges::locate(pc.wrapping_sub(1))
}

impl Tracer for Asked<'_, '_> {
    fn display(&self, term: Term<'_>) {
        display(term);
    }
    fn process_dump(&self) -> Vec<u8> {
        WRITERS.get().map_or(vec![], |writers| (writers.process_dump)(self.cx))
    }
    fn control_word(&self) -> u64 {
        system::trace_control_word()
    }
    fn set_control_word(&self, word: u32) {
        if !self.is_test {
            system::set_trace_control_word(word);
        }
    }
    fn caller<'e>(&self, with_line: bool, heap: &'e Heap) -> Term<'e> {
        let Some(at) = self.returns_to.and_then(function_behind) else {
            return Term::atom(am::undefined);
        };
        let arity = heap.int(i64::from(at.arity));
        let mut parts = vec![Term::atom(at.module), Term::atom(at.function), arity];
        if with_line {
            parts.push(match at.line {
                Some(line) => {
                    let file = heap.list_of_chars(line.file);
                    heap.tuple(&[file, heap.int(i64::from(line.line))])
                }
                None => Term::atom(am::undefined),
            });
        }
        heap.tuple(&parts)
    }
    fn token<'e>(&self, heap: &'e Heap) -> Term<'e> {
        self.sequence().token().map_or(Term::nil(), |token| token.term(heap))
    }
    fn set_token<'e>(&self, part: Term<'e>, value: Term<'_>, heap: &'e Heap) -> Option<Term<'e>> {
        let mut sequence = self.sequence();
        if self.is_test {
            return sequence.part(part, heap);
        }
        sequence.set(self.cx.process.pid, (part, value), heap)?;
        self.changed.replace(Some(sequence));
        Some(Term::bool(true))
    }
    fn silence(&self, silent: bool) {
        if self.is_test {
            return;
        }
        let (clear, set) = if silent { (0, flags::SILENT) } else { (flags::SILENT, 0) };
        self.cx.process.change_trace(Change { clear, set, tracer: None }).ok();
    }
    fn switch(&self, process: Option<Term<'_>>, flag: Term<'_>, on: bool) -> bool {
        let Some(flag) = flag.as_atom().and_then(flags::of_name) else { return false };
        let Some(process) = self.process(process) else { return false };
        let (clear, set) = if on { (0, flag) } else { (flag, 0) };
        process.take_over_trace(Change { clear, set, tracer: self.cx.process.tracer() });
        true
    }
    fn trace(&self, process: Option<Term<'_>>, off: Term<'_>, on: Term<'_>) -> Option<bool> {
        let (off, on) = (options::parse(off)?, options::parse(on)?);
        if off.cpu_timestamp || on.cpu_timestamp {
            return None;
        }
        let process = self.process(process)?;
        let tracer = on.tracer.or(off.tracer).or_else(|| self.cx.process.tracer());
        let told = |&pid: &u64| table::find(pid).is_some_and(|tracer| !tracer.is_exiting());
        if tracer.is_some_and(|pid| pid == process.pid || !told(&pid)) {
            return None;
        }
        Some(process.take_over_trace(Change { clear: off.flags, set: on.flags, tracer }))
    }
}
