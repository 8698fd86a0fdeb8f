//! Calls of natives from instructions.

use crate::machine::{Handler, M, brand};
use crate::raise::{self, Exception, First};
use oxbeam_heap::arith::ArithError;
use oxbeam_runtime::engine::Switch;
use oxbeam_runtime::native::{Class, Cx, Flow, NativeFn, NativeResult, Raise, RunOn};
use oxbeam_runtime::process::rare::Call;
use oxbeam_runtime::{gc, yielding};
use oxbeam_term::{Atom, Export, RawTerm, Term, am};
use std::sync::atomic::Ordering;

/// The export entry of an operand word.
///
/// # Safety
/// The word is an `E` operand.
#[inline(always)]
pub unsafe fn export(word: u64) -> &'static Export {
    // SAFETY: exports are never freed; the loader wrote the word.
    unsafe { &*(word as *const Export) }
}

/// Calls the native of `export`, or goes on with it where it has yielded; the
/// heap's tops are written back before, and must be read again after. `None`:
/// it has yielded, and the instruction is to run again in the next turn.
///
/// # Safety
/// Machine rules; the arguments are as many as the export's arity and good.
pub unsafe fn call<'h>(
    m: &mut M,
    export: &'static Export,
    args: &[RawTerm],
) -> Option<NativeResult<'h>> {
    let bifs = oxbeam_runtime::native::bifs();
    let Some(native) = export.bif().and_then(|row| bifs.get(row)) else {
        return Some(Err(Flow::error(am::undef)));
    };
    // SAFETY: by contract.
    unsafe { call_with(m, export, native.call, native.run_on, args) }
}

/// Calls `function`, which is what `export` stands for; else as [`call`].
///
/// # Safety
/// As for [`call`].
pub(crate) unsafe fn call_with<'h>(
    m: &mut M,
    export: &'static Export,
    function: NativeFn,
    run_on: RunOn,
    args: &[RawTerm],
) -> Option<NativeResult<'h>> {
    // SAFETY: by contract; `Term` is a transparent `RawTerm`.
    unsafe {
        m.out();
        let turn = m.turn();
        let owned = turn.owned;
        let args = std::slice::from_raw_parts(args.as_ptr().cast::<Term<'h>>(), args.len());
        (*owned).own.ip = m.ip;
        (*owned).own.current = Some((export.module, export.function, export.arity));
        let mut cx = Cx {
            heap: &(*owned).heap,
            own: &mut (*owned).own,
            process: &*turn.process,
            reductions: turn.left() - 1,
        };
        let result = if cx.own.suspended.is_some() {
            yielding::resume(&mut cx)
        } else if run_on != RunOn::Normal {
            yielding::go_dirty(&mut cx, run_on, function, args);
            None
        } else {
            match function(&mut cx, args) {
                // By itself: moving the whole result would cost more than the call.
                Ok(term) => {
                    turn.reds = cx.reductions - turn.held;
                    return Some(Ok(term));
                }
                Err(Flow::Long(begin)) => yielding::begin(&mut cx, begin, args),
                Err(flow) => Some(Err(flow)),
            }
        };
        let result = match result {
            // The long form has found that it takes one.
            Some(Err(Flow::Dirty(run_on, function))) => {
                yielding::go_dirty(&mut cx, run_on, function, args);
                None
            }
            result => result,
        };
        turn.reds = cx.reductions - turn.held;
        result
    }
}

/// Raises what arithmetic on `args` ended in, as the native `export` does.
///
/// # Safety
/// Machine rules.
pub unsafe fn raise_arith(
    m: &mut M,
    export: &'static Export,
    args: &[RawTerm],
    error: ArithError,
) -> Handler {
    let reason = RawTerm::atom(match error {
        ArithError::Badarith => am::badarith,
        ArithError::SystemLimit => am::system_limit,
    });
    // SAFETY: by contract.
    unsafe { raise_native(m, export, args, Class::Error, reason, RawTerm::NONE) }
}

/// The handler that raises an arithmetic error of an instruction that is no call.
pub fn raise_plain(error: ArithError) -> Handler {
    match error {
        ArithError::Badarith => raise::badarith,
        ArithError::SystemLimit => raise::system_limit,
    }
}

/// The module that explains errors of a module's natives.
fn error_module(module: Atom) -> Option<&'static str> {
    Some(match module.name() {
        "atomics" | "counters" | "erlang" | "erts_internal" | "persistent_term" => {
            "erl_erts_errors"
        }
        "os" => "erl_kernel_errors",
        "binary" | "ets" | "lists" | "maps" | "math" | "re" | "unicode" => "erl_stdlib_errors",
        _ => return None,
    })
}

/// Natives whose errors are their caller's.
pub fn is_transparent(export: &Export) -> bool {
    export.module == am::erlang
        && match export.function {
            am::error => (1..=3).contains(&export.arity),
            am::exit | am::throw => export.arity == 1,
            _ => false,
        }
}

/// Natives whose calls are no calls, but what compilers make of them.
fn is_instruction(export: &Export) -> bool {
    (export.module, export.function) == (am::erlang, am::hibernate)
}

/// Raises an exception of the native `export`. `info` is the cause for its
/// error module, or `NONE`.
///
/// # Safety
/// Machine rules; the terms are good.
pub unsafe fn raise_native(
    m: &mut M,
    export: &'static Export,
    args: &[RawTerm],
    class: Class,
    reason: RawTerm,
    info: RawTerm,
) -> Handler {
    // SAFETY: by contract.
    unsafe {
        let info = match error_module(export.module) {
            None => info,
            Some(name) => {
                let heap = m.heap();
                let module = Atom::new(name).map_or(Term::nil(), Term::atom);
                let map = heap.map_put(empty(heap), Term::atom(am::module), module);
                let map = match (info.is_none(), map.as_map()) {
                    (false, Some(map)) => heap.map_put(map, Term::atom(am::cause), brand(info)),
                    _ => map,
                };
                m.back();
                map.raw()
            }
        };
        m.raise(Exception { class, reason, first: First::Native(export, args), info })
    }
}

fn empty(heap: &oxbeam_heap::Heap) -> oxbeam_term::Map<'_> {
    heap.empty_map().as_map().expect("an empty map is a map")
}

/// Where a call of a native stands.
#[derive(Clone, Copy)]
pub enum Site {
    /// In an export's stub: the continuation is pushed.
    Stub,
    /// In a body call of `n` words (with the native entry word): nothing is pushed.
    Body(usize),
    /// In a tail call that drops so many bytes of frame.
    Tail(u64),
}

impl M {
    /// Calls a native from `site`, which is none in a stub, with its arguments in X, and goes on.
    ///
    /// # Safety
    /// Machine rules.
    pub unsafe fn call_native(&mut self, export: &'static Export, site: Site) -> Handler {
        let bifs = oxbeam_runtime::native::bifs();
        // SAFETY: by contract.
        unsafe {
            self.note_native(export);
            match export.untraced_bif().and_then(|row| bifs.get(row)) {
                Some(native) => self.call_function(export, native.call, native.run_on, site),
                None => self.call_traced(export, site),
            }
        }
    }

    /// Calls a native that is traced: by its export, as any function is called.
    #[cold]
    unsafe fn call_traced(&mut self, export: &'static Export, site: Site) -> Handler {
        // SAFETY: by contract of the callers.
        unsafe {
            match site {
                // It never returns, and the trace of its exception shows who called it.
                Site::Tail(_) if is_transparent(export) => self.push_cp(1),
                site => self.enter_from(site),
            }
            self.goto(export.address[oxbeam_code::index::active()].load(Ordering::Acquire))
        }
    }

    /// As [`M::call_native`], for an instruction that is a native by another name: its calls are not traced.
    ///
    /// # Safety
    /// Machine rules.
    pub unsafe fn call_instruction(&mut self, export: &'static Export, site: Site) -> Handler {
        let bifs = oxbeam_runtime::native::bifs();
        self.note_native(export);
        match export.bif().and_then(|row| bifs.get(row)) {
            // SAFETY: by contract.
            Some(native) => unsafe { self.call_function(export, native.call, native.run_on, site) },
            None => raise::bad_code,
        }
    }

    /// Calls a native from its stub, whether it is traced or not.
    ///
    /// # Safety
    /// Machine rules.
    pub unsafe fn call_from_stub(&mut self, export: &'static Export) -> Handler {
        let bifs = oxbeam_runtime::native::bifs();
        match export.bif().and_then(|row| bifs.get(row)) {
            // SAFETY: by contract.
            Some(native) => unsafe {
                self.call_function(export, native.call, native.run_on, Site::Stub)
            },
            None => raise::bad_code,
        }
    }

    /// A native is called by an instruction that is no call of an export: where calls are saved
    /// it is seen here, once.
    #[inline]
    fn note_native(&mut self, export: &'static Export) {
        let own = &mut self.turn().owned().own;
        if own.rare.is_some() && own.suspended.is_none() && !is_instruction(export) {
            own.note_call(Call::To(export));
        }
    }

    /// As [`M::call_native`], for a function that is in no table.
    ///
    /// # Safety
    /// Machine rules.
    pub unsafe fn call_function(
        &mut self,
        export: &'static Export,
        function: NativeFn,
        run_on: RunOn,
        site: Site,
    ) -> Handler {
        // SAFETY: by contract.
        unsafe {
            let n = usize::from(export.arity);
            let args = std::slice::from_raw_parts(self.c.cast::<RawTerm>(), n);
            match call_with(self, export, function, run_on, args) {
                // The instruction runs again, and finds the native under way.
                None => {
                    self.back();
                    self.leave(Switch::Yield, self.ip, n)
                }
                Some(Ok(term)) => {
                    self.back();
                    *self.x(0) = term.raw();
                    if self.wants_collection() && gc::is_due_aside(self.turn().owned()) {
                        // Before anything else happens, though not here.
                        self.return_from(site);
                        return self.leave(Switch::Yield, self.ip, 1);
                    }
                    self.collect_if_wanted(1);
                    self.return_from(site)
                }
                Some(Err(flow)) => {
                    self.back();
                    self.flow(export, flow, site)
                }
            }
        }
    }

    /// Collects if the heap wants it.
    #[inline(always)]
    pub fn collect_if_wanted(&mut self, live: usize) {
        if self.wants_collection() {
            self.collect(0, live);
        }
    }

    #[inline(always)]
    fn wants_collection(&self) -> bool {
        // SAFETY: the heap lives as long as the turn.
        unsafe { &*self.turn().heap }.wants_collection()
    }

    /// Goes on behind a native that has returned.
    unsafe fn return_from(&mut self, site: Site) -> Handler {
        // SAFETY: by contract of the callers.
        unsafe {
            match site {
                Site::Stub => self.pop_cp(),
                Site::Body(n) => self.next(n),
                Site::Tail(bytes) => {
                    self.drop_frame(bytes);
                    self.pop_cp()
                }
            }
        }
    }

    /// Makes the frame look as behind a real call from `site`.
    unsafe fn enter_from(&mut self, site: Site) {
        // SAFETY: by contract of the callers.
        unsafe {
            match site {
                Site::Stub => {}
                Site::Body(n) => self.push_cp(n),
                Site::Tail(bytes) => self.drop_frame(bytes),
            }
        }
    }

    /// Puts terms into the first X registers.
    fn arguments(&mut self, args: &[Term<'_>]) {
        for (i, arg) in args.iter().enumerate() {
            *self.x(i) = arg.raw();
        }
    }

    /// Does what a native asks for instead of returning.
    unsafe fn flow(&mut self, export: &'static Export, flow: Flow<'_>, site: Site) -> Handler {
        // SAFETY: by contract of the callers.
        unsafe {
            match flow {
                Flow::Raise(raise) => self.native_raised(export, &raise),
                Flow::Trap { export, args } => {
                    self.arguments(&args);
                    self.enter_from(site);
                    self.collect_if_wanted(args.len());
                    self.enter(export)
                }
                Flow::Apply { fun, args } => {
                    self.arguments(&args);
                    self.enter_from(site);
                    crate::op::call::call_fun_value(self, fun.raw(), args.len())
                }
                Flow::Enter(address) => {
                    self.enter_from(site);
                    self.goto(address)
                }
                Flow::Yield(term) => {
                    *self.x(0) = term.raw();
                    self.enter_from(site);
                    let cp = *self.e as *const u64;
                    self.e = self.e.add(1);
                    self.leave(Switch::Yield, cp, 1)
                }
                Flow::Wait => {
                    self.enter_from(site);
                    self.turn().owned().own.waiting = oxbeam_runtime::process::Waiting::Wake;
                    let again = self.again(export, site);
                    self.leave(Switch::Wait, again, usize::from(export.arity))
                }
                Flow::Again(args) => {
                    self.arguments(&args);
                    self.enter_from(site);
                    let again = self.again(export, site);
                    self.leave(Switch::Yield, again, args.len())
                }
                Flow::Hibernate { export, args } => {
                    self.arguments(&args);
                    self.hibernate(export)
                }
                Flow::Retry => self.leave(Switch::Yield, self.ip, usize::from(export.arity)),
                Flow::Long(_) | Flow::Dirty(..) => raise::bad_code,
                Flow::Exiting => self.leave(Switch::Exit, self.ip, 0),
            }
        }
    }

    /// The instruction that calls the native again: the one that runs, if it
    /// is a stub, else the export's stub.
    fn again(&self, export: &'static Export, site: Site) -> *const u64 {
        match site {
            Site::Stub => self.ip,
            _ => oxbeam_code::stub::address(export),
        }
    }

    unsafe fn native_raised(&mut self, export: &'static Export, raise: &Raise<'_>) -> Handler {
        // SAFETY: by contract of the callers.
        unsafe {
            let reason = raise.reason.raw();
            if let Some(trace) = raise.stacktrace {
                let trace = raise::built_trace(self.heap(), raise.class, brand(trace.raw())).raw();
                self.back();
                return self.raise_traced(raise.class, reason, trace);
            }
            let info = raise.error_info.map_or(RawTerm::NONE, Term::raw);
            if is_transparent(export) {
                let first = match raise.args {
                    Some(args) if !args.is(am::none) => First::HereWith(args.raw()),
                    _ => First::Here,
                };
                return self.raise(Exception { class: raise.class, reason, first, info });
            }
            let n = usize::from(export.arity);
            let args = self.live(n).to_vec();
            raise_native(self, export, &args, raise.class, reason, info)
        }
    }
}
