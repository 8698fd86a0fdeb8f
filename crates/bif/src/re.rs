//! `re`: regular expressions.
//!
//! A compiled pattern is `{re_pattern, Groups, Unicode, UseCrLf, Binary}`. The binary holds a
//! mark, the options and the pattern's text, no compiled code: programs store it, send it, and
//! make it up, so it is compiled again wherever it comes from, and a cache makes that cheap.

mod capture;
mod options;

use capture::Capture;
use options::{Given, read};
use oxbeam_heap::Heap;
use oxbeam_io::resource::iodata;
use oxbeam_regex::{CompileError, Options, Pattern, RunError, RunOptions};
use oxbeam_runtime::dirty;
use oxbeam_runtime::native::RunOn;
use oxbeam_runtime::{Class, Cx, Flow, NativeFn, NativeResult};
use oxbeam_sys::clock::monotonic_ns;
use oxbeam_term::{Atom, Term, am};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// In front of every compiled pattern's binary.
const MARK: &[u8; 4] = b"OXR1";
/// Patterns in the cache at most.
const CACHED: usize = 1000;

type Cache = Mutex<HashMap<(u32, Box<[u8]>), Arc<Pattern>>>;

/// Compiles, or finds a pattern that was compiled before.
fn compiled(text: &[u8], options: &Options) -> Result<Arc<Pattern>, CompileError> {
    static CACHE: OnceLock<Cache> = OnceLock::new();
    let cache = CACHE.get_or_init(Cache::default);
    let key = (options.encode(), text.into());
    if let Some(pattern) = cache.lock().get(&key) {
        return Ok(pattern.clone());
    }
    let pattern = Arc::new(Pattern::compile(text, options)?);
    let mut cache = cache.lock();
    if cache.len() >= CACHED {
        cache.clear();
    }
    cache.insert(key, pattern.clone());
    Ok(pattern)
}

fn atom(name: &str) -> Atom {
    Atom::new(name).expect("a short name")
}

/// `re:version/0`
pub fn version_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    Ok(cx.heap.binary(oxbeam_regex::version().as_bytes()))
}

/// `re:compile/1`
pub fn compile_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    compile_2(cx, &[args[0], Term::nil()])
}

/// `re:compile/2`
pub fn compile_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let Some(given) = read(args[1]).filter(|given| !given.for_run) else {
        return Err(Flow::badopt());
    };
    if given.compile.unicode && !args[0].is_binary() {
        return Err(Flow::trap(am::re, atom("ucompile"), args));
    }
    let text = iodata(args[0]).ok_or_else(Flow::badarg)?;
    cx.bump(text.len());
    match compiled(&text, &given.compile) {
        Ok(pattern) => {
            let term = pattern_term(cx.heap, &pattern, &given.compile, &text);
            Ok(cx.heap.tagged(am::ok, [term]))
        }
        Err(error) => Ok(cx.heap.tagged(am::error, [error_term(cx.heap, &error)])),
    }
}

fn pattern_term<'h>(heap: &'h Heap, pattern: &Pattern, options: &Options, text: &[u8]) -> Term<'h> {
    let bit = |on: bool| heap.int(i64::from(on));
    let binary = heap.binary(&[MARK, &options.encode().to_le_bytes()[..], text].concat());
    let groups = heap.int(i64::from(pattern.capture_count()));
    heap.tagged(atom("re_pattern"), [groups, bit(options.unicode), bit(pattern.use_crlf()), binary])
}

/// `{Text, Position}`
fn error_term<'h>(heap: &'h Heap, error: &CompileError) -> Term<'h> {
    heap.tuple(&[heap.list_of_bytes(error.message.as_bytes()), heap.usize(error.offset)])
}

/// The options and the text of a compiled pattern; None for any other term.
fn read_pattern(term: Term<'_>) -> Option<(Options, &[u8])> {
    let [tag, groups, unicode, crlf, binary] = term.as_tuple_n::<5>()?;
    let numbers = [groups, unicode, crlf].iter().all(|number| number.is_small());
    let bytes = binary.as_bytes().filter(|_| numbers && tag.is(atom("re_pattern")))?;
    let rest = bytes.strip_prefix(MARK)?;
    let (word, text) = rest.split_first_chunk::<4>()?;
    Some((Options::decode(u32::from_le_bytes(*word))?, text))
}

/// `re:inspect/2`
pub fn inspect_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let wanted = args[1].as_atom().is_some_and(|item| item.name() == "namelist");
    let (options, text) = read_pattern(args[0]).filter(|_| wanted).ok_or_else(Flow::badarg)?;
    let pattern = compiled(text, &options).map_err(|_| Flow::badarg())?;
    let mut names: Vec<&[u8]> = pattern.names().iter().map(|name| &name.name[..]).collect();
    names.dedup();
    let names: Vec<Term> = names.into_iter().map(|name| cx.heap.binary(name)).collect();
    Ok(cx.heap.tagged(atom("namelist"), [cx.heap.list(&names)]))
}

/// `re:run/2`
pub fn run_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    run(cx, [args[0], args[1], Term::nil()], true, run_2)
}

/// `re:run/3`
pub fn run_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    run(cx, [args[0], args[1], args[2]], true, run_3)
}

/// `re:internal_run/4`: the last argument tells whether the subject's encoding is still to be
/// checked.
pub fn internal_run_4<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let first = args[3].as_bool().ok_or_else(Flow::badarg)?;
    run(cx, [args[0], args[1], args[2]], first, internal_run_4)
}

/// What is to be run: a pattern, or an answer that is known before.
enum Ready<'h> {
    Run(Arc<Pattern>),
    Answer(Term<'h>),
}

/// Bytes of a subject from which on a match may take long in itself.
const LONG_SUBJECT_BYTES: usize = 1 << 18;
/// A run that takes more has no place on an ordinary scheduler.
const SLOW_NS: i64 = 500_000;

/// Runs a pattern. The library cannot stop in the middle: a run of many steps ends early on an
/// ordinary scheduler and is done again, by `native`, on a dirty one. Over a long subject it is
/// the last run that tells where to begin.
fn run<'h>(
    cx: &mut Cx<'h>,
    args: [Term<'h>; 3],
    check: bool,
    native: NativeFn,
) -> NativeResult<'h> {
    let [subject, expression, options] = args;
    let Some(given) = read(options) else { return Err(Flow::badopt()) };
    let pattern = match prepare(cx, subject, expression, &given, options)? {
        Ready::Run(pattern) => pattern,
        Ready::Answer(term) => return Ok(term),
    };
    let capture = Capture::read(&given, &pattern).ok_or_else(Flow::badarg)?;
    let bytes = iodata(subject).ok_or_else(Flow::badarg)?;
    let short = dirty::current() == RunOn::Normal;
    let is_long = bytes.len().saturating_sub(given.offset) > LONG_SUBJECT_BYTES;
    if short && is_long && pattern.is_slow() {
        return Err(Flow::Dirty(RunOn::DirtyCpu, native));
    }
    let run_options = RunOptions { no_utf_check: !check, short, ..given.run };
    cx.bump(1 + bytes.len() / 64);
    let started_ns = if is_long { monotonic_ns() } else { 0 };
    let ended = pattern.run(&bytes, given.offset, &run_options);
    if is_long {
        pattern.note_slow(monotonic_ns() - started_ns > SLOW_NS);
    }
    match ended {
        Err(RunError::MatchLimit) if short => Err(Flow::Dirty(RunOn::DirtyCpu, native)),
        Ok(Some(captures)) => Ok(capture.answer(cx.heap, subject, &bytes, &captures)),
        Ok(None) | Err(RunError::RecursionLoop) => Ok(Term::atom(am::nomatch)),
        Err(RunError::MatchLimit) => Ok(limit(cx, &given, am::match_limit)),
        Err(RunError::DepthLimit) => Ok(limit(cx, &given, am::match_limit_recursion)),
        Err(RunError::BadSubject) => Err(Flow::badarg()),
        Err(RunError::Other(_)) => {
            Err(Flow::raise(Class::Error, Term::atom(atom("internal_error"))))
        }
    }
}

fn limit<'h>(cx: &Cx<'h>, given: &Given<'h>, which: Atom) -> Term<'h> {
    match given.report_errors {
        true => cx.heap.tagged(am::error, [Term::atom(which)]),
        false => Term::atom(am::nomatch),
    }
}

fn prepare<'h>(
    cx: &Cx<'h>,
    subject: Term<'h>,
    expression: Term<'h>,
    given: &Given<'h>,
    options: Term<'h>,
) -> Result<Ready<'h>, Flow<'h>> {
    // The Erlang side turns characters into bytes and back.
    let of_bytes = subject.is_binary() && (given.global || !given.wants_lists());
    let to_erlang = || Flow::trap(am::re, atom("urun"), &[subject, expression, options]);
    let global = |pattern, rest: &[Term<'h>]| {
        let parameters = [&[options][..], rest].concat();
        Flow::trap(am::re, atom("grun"), &[subject, pattern, cx.heap.tuple(&parameters)])
    };
    if expression.as_tuple_n::<5>().is_some() {
        if given.for_compile {
            return Err(Flow::badarg());
        }
        let (mut own, text) = read_pattern(expression).ok_or_else(Flow::badarg)?;
        if own.unicode && !of_bytes {
            return Err(to_erlang());
        }
        if given.global {
            return Err(global(expression, &[Term::bool(false)]));
        }
        own.newline = given.compile.newline.or(own.newline);
        own.bsr_anycrlf = given.compile.bsr_anycrlf.or(own.bsr_anycrlf);
        return compiled(text, &own).map(Ready::Run).map_err(|_| Flow::badarg());
    }
    if given.compile.unicode && !(expression.is_binary() && of_bytes) {
        return Err(to_erlang());
    }
    let text = iodata(expression).ok_or_else(Flow::badarg)?;
    match compiled(&text, &given.compile) {
        Ok(pattern) if given.global => {
            let term = pattern_term(cx.heap, &pattern, &given.compile, &text);
            Err(global(term, &[Term::bool(given.for_compile), expression]))
        }
        Ok(pattern) => Ok(Ready::Run(pattern)),
        Err(error) if given.report_errors => {
            let error = cx.heap.tagged(atom("compile"), [error_term(cx.heap, &error)]);
            Ok(Ready::Answer(cx.heap.tagged(am::error, [error])))
        }
        Err(_) => Err(Flow::badarg()),
    }
}
