//! Frames, calls and returns.

use crate::machine::{Handler, M, Mode, Place, op, slow};
use crate::native::{self, Site};
use crate::raise::{self, Exception, First};
use oxbeam_code::index;
use oxbeam_code::stub;
use oxbeam_ops::specific::Op;
use oxbeam_runtime::engine::Switch;
use oxbeam_runtime::native::Class;
use oxbeam_term::layout::{FUN_ARITY, FUN_ENTRY, FUN_ENV};
use oxbeam_term::tag::Subtag;
use oxbeam_term::{Atom, Export, FunEntry, RawTerm, am};
use std::sync::atomic::Ordering;

impl M {
    /// Enters a function: one reduction, or the end of the turn.
    ///
    /// # Safety
    /// `to` is the first instruction of a function.
    #[inline(always)]
    unsafe fn enter_local(&mut self, to: *const u64) -> Handler {
        self.reds -= 1;
        self.ip = to;
        if self.reds <= 0 {
            return yield_local;
        }
        // SAFETY: by contract.
        unsafe { self.goto(to) }
    }

    /// Returns from a function: one reduction, or the end of the turn, so that what has nested
    /// deeply does not unwind at one go.
    ///
    /// # Safety
    /// The stack top is a continuation; X0 is all that is alive.
    #[inline(always)]
    unsafe fn leave_function(&mut self) -> Handler {
        self.reds -= 1;
        if self.reds <= 0 {
            return yield_return;
        }
        // SAFETY: by contract.
        unsafe { self.pop_cp() }
    }

    /// Enters an exported function under the active code index.
    ///
    /// # Safety
    /// Machine rules; the arguments are in X, the continuation is on the stack.
    #[inline(always)]
    pub unsafe fn enter(&mut self, export: &'static Export) -> Handler {
        let to = export.address[index::active()].load(Ordering::Acquire);
        self.reds -= 1;
        if self.reds <= 0 {
            // SAFETY: an export's address is an instruction.
            return unsafe { self.entry_over(export, to) };
        }
        // SAFETY: an export's address is an instruction.
        unsafe { self.goto(to) }
    }

    /// Drops the whole stack and waits for a message; then enters `export`.
    ///
    /// # Safety
    /// Machine rules; the arguments are in X.
    pub unsafe fn hibernate(&mut self, export: &'static Export) -> Handler {
        // SAFETY: the stack's last word is the last continuation, which stays.
        unsafe { self.e = (*self.turn().heap).end().sub(1) };
        let n = usize::from(export.arity);
        // Through the export's stub: the code may be another one when it wakes.
        let to: *const u64 = oxbeam_code::stub::address(export);
        let roots = self.live(n);
        let owned = self.turn().owned();
        self.out();
        let waits = owned.own.mailbox.is_empty();
        // One that goes on at once has no use for a heap without free room.
        if waits && !oxbeam_runtime::gc::fit_aside(owned) {
            // SAFETY: the tops are written back; the arguments are all that is live.
            unsafe { oxbeam_runtime::gc::collect_to_fit(owned, roots) };
        }
        self.back();
        owned.own.current = Some((am::erlang, am::hibernate, 3));
        if !waits {
            return self.leave(Switch::Yield, to, n);
        }
        owned.own.waiting = oxbeam_runtime::process::Waiting::Hibernated;
        self.leave(Switch::Wait, to, n)
    }
}

op! {
    fn func_info(m) {
        function_clause
    }
    fn allocate(m) {
        let words = m.w(2) as usize;
        if !m.has_room(words) {
            return allocate_slow;
        }
        push_frame(m, words);
        m.next(3)
    }
    fn allocate_heap(m) {
        let words = m.w(2) as usize;
        if !m.has_room(words + m.w(3) as usize) {
            return allocate_heap_slow;
        }
        push_frame(m, words);
        m.next(4)
    }
    fn test_heap(m) {
        if !m.has_room(m.w(1) as usize) {
            return test_heap_slow;
        }
        m.next(3)
    }
    fn deallocate(m) {
        m.drop_frame(m.w(1));
        m.next(2)
    }
    fn trim(m) {
        m.drop_frame(m.w(1));
        m.next(2)
    }
    fn ret(m) {
        m.leave_function()
    }
    fn deallocate_ret(m) {
        m.drop_frame(m.w(1));
        m.leave_function()
    }
    fn call(m) {
        m.push_cp(3);
        m.enter_local(m.w(1) as *const u64)
    }
    fn call_only(m) {
        m.enter_local(m.w(1) as *const u64)
    }
    fn call_last(m) {
        m.drop_frame(m.w(2));
        m.enter_local(m.w(1) as *const u64)
    }
    fn mov_call<A: Mode, B: Place>(m) {
        m.set::<B>(2, m.get::<A>(1));
        m.push_cp(5);
        m.enter_local(m.w(3) as *const u64)
    }
    fn mov_call_only<A: Mode, B: Place>(m) {
        m.set::<B>(2, m.get::<A>(1));
        m.enter_local(m.w(3) as *const u64)
    }
    fn mov_call_last<A: Mode, B: Place>(m) {
        m.set::<B>(2, m.get::<A>(1));
        m.drop_frame(m.w(4));
        m.enter_local(m.w(3) as *const u64)
    }
    fn mov_deallocate_ret<A: Mode, B: Place>(m) {
        m.set::<B>(2, m.get::<A>(1));
        m.drop_frame(m.w(3));
        m.leave_function()
    }
    fn mov_ret<A: Mode, B: Place>(m) {
        m.set::<B>(2, m.get::<A>(1));
        m.leave_function()
    }
    fn call_ext(m) {
        let export = native::export(m.w(1));
        m.push_cp(3);
        enter_export(m, export)
    }
    fn call_ext_only(m) {
        let export = native::export(m.w(1));
        enter_export(m, export)
    }
    fn call_ext_last(m) {
        let export = native::export(m.w(1));
        m.drop_frame(m.w(2));
        enter_export(m, export)
    }
    fn call_native(m) {
        call_native_body
    }
    fn call_native_last(m) {
        call_native_tail
    }
    fn apply(m) {
        apply_body
    }
    fn apply_last(m) {
        apply_tail
    }
    fn call_fun<A: Mode>(m) {
        let (fun, n) = (m.get::<A>(1), m.w(2) as usize);
        match fun_target(fun, n) {
            Some(to) => {
                spread_env(m, fun, n);
                m.push_cp(4);
                m.enter_local(to)
            }
            None => match export_target(fun, n) {
                Some(export) => {
                    m.push_cp(4);
                    enter_export(m, export)
                }
                None => call_fun_slow::<A>,
            },
        }
    }
    fn call_fun_last<A: Mode>(m) {
        let (fun, n) = (m.get::<A>(1), m.w(2) as usize);
        match fun_target(fun, n) {
            Some(to) => {
                spread_env(m, fun, n);
                m.drop_frame(m.w(3));
                m.enter_local(to)
            }
            None => call_fun_last_slow::<A>,
        }
    }
    fn apply_list(m) {
        apply_list_body
    }
    fn apply_list_last(m) {
        apply_list_tail
    }
    fn apply_fun(m) {
        apply_fun_body
    }
    fn apply_fun_last(m) {
        apply_fun_tail
    }
    fn tick(m) {
        m.reds -= 1;
        if m.reds <= 0 {
            return tick_over;
        }
        m.next(1)
    }
    fn yield_(m) {
        *m.x(0) = RawTerm::atom(am::true_);
        m.leave(Switch::Yield, m.ip.add(2), 1)
    }
    fn nif_start(m) {
        m.next(1)
    }
}

/// Makes a frame of `words` slots, all nil.
///
/// # Safety
/// There is room.
#[inline(always)]
unsafe fn push_frame(m: &mut M, words: usize) {
    // SAFETY: by contract.
    unsafe {
        for _ in 0..words {
            m.e = m.e.sub(1);
            *m.e = RawTerm::NIL.0;
        }
    }
}

#[inline(always)]
unsafe fn enter_export(m: &mut M, export: &'static Export) -> Handler {
    let to = export.address[index::active()].load(Ordering::Relaxed);
    m.reds -= 1;
    m.ip = to;
    if m.reds <= 0 {
        m.turn().entered = Some(export);
        return yield_export;
    }
    // SAFETY: an export's address is an instruction.
    unsafe { m.goto(to) }
}

/// The code of a local fun that takes `n` arguments and is loaded.
///
/// # Safety
/// The term is good.
#[inline(always)]
unsafe fn fun_target(fun: RawTerm, n: usize) -> Option<*const u64> {
    // SAFETY: by contract; a fun holds its entry.
    unsafe {
        if !fun.is_subtag(Subtag::Fun) || *fun.ptr().add(FUN_ARITY) as u8 as usize != n {
            return None;
        }
        let entry = *fun.ptr().add(FUN_ENTRY) as *const FunEntry;
        let to = (*entry).address[index::active()].load(Ordering::Acquire);
        (!to.is_null()).then_some(to.cast_const())
    }
}

/// What an external fun that takes `n` arguments calls.
///
/// # Safety
/// The term is good.
#[inline(always)]
unsafe fn export_target(fun: RawTerm, n: usize) -> Option<&'static Export> {
    // SAFETY: by contract; an external fun holds its entry, which is never freed.
    unsafe {
        if !fun.is_subtag(Subtag::Export) {
            return None;
        }
        let export = &*(fun.word(0) as *const Export);
        (usize::from(export.arity) == n).then_some(export)
    }
}

/// Puts the free variables behind the `n` arguments.
///
/// # Safety
/// `fun` is a local fun.
#[inline(always)]
unsafe fn spread_env(m: &mut M, fun: RawTerm, n: usize) {
    // SAFETY: by contract.
    unsafe {
        let count = (*fun.ptr().add(FUN_ARITY) >> 32) as usize;
        for i in 0..count {
            *m.x(n + i) = RawTerm(*fun.ptr().add(FUN_ENV + i));
        }
    }
}

/// Calls a fun of any kind: `n` arguments in X, the continuation on the stack.
///
/// # Safety
/// Machine rules; the term is good.
pub unsafe fn call_fun_value(m: &mut M, fun: RawTerm, n: usize) -> Handler {
    // SAFETY: by contract.
    unsafe {
        if let Some(to) = fun_target(fun, n) {
            spread_env(m, fun, n);
            m.reds -= 1;
            if m.reds <= 0 {
                let live = usize::from(*to.sub(2) as u8);
                return m.turn_over(to, live);
            }
            return m.goto(to);
        }
        let term = crate::machine::brand(fun);
        if let Some(export) = term.as_export() {
            if usize::from(export.arity) == n {
                return m.enter(export);
            }
            return badarity(m, fun, n);
        }
        let Some(local) = term.as_fun() else {
            return m.error_tagged(am::badfun, fun);
        };
        if local.arity() != n {
            return badarity(m, fun, n);
        }
        let (entry, module) = (local.entry(), local.entry().module);
        // Read after the address (rule 2 of the purge): no address, then a mark if one was set.
        let purging = !entry.pending_purge.load(Ordering::Acquire).is_null();
        if !purging && oxbeam_code::module::current(module).is_some() {
            // The module is loaded, and has no such fun.
            return m.error_tagged(am::badfun, fun);
        }
        let heap = m.heap();
        let args = raise::list_of(heap, m.live(n));
        m.back();
        *m.x(0) = RawTerm::atom(module);
        *m.x(1) = fun;
        *m.x(2) = args;
        if purging {
            return wait_for_purge(m, module);
        }
        // Not loaded (any more): the error handler may load it.
        let handler = crate::engine::error_handler(m, am::undefined_lambda);
        m.enter(handler)
    }
}

/// The fun in X1 is of code that is being purged: its caller waits for the end of the purge, and
/// calls again then.
fn wait_for_purge(m: &mut M, module: Atom) -> Handler {
    let again =
        oxbeam_term::export::get_or_create(am::erts_code_purger, am::pending_purge_lambda, 3);
    let turn = m.turn();
    let process = turn.process().clone();
    oxbeam_runtime::purge::suspend_caller(&process, &mut turn.owned().own, module);
    let to = again.address[index::active()].load(Ordering::Acquire);
    m.leave(Switch::Yield, to, 3)
}

unsafe fn badarity(m: &mut M, fun: RawTerm, n: usize) -> Handler {
    // SAFETY: by contract of the callers.
    unsafe {
        let heap = m.heap();
        let args = raise::list_of(heap, m.live(n));
        let pair = heap.tuple(&[crate::machine::brand(fun), crate::machine::brand(args)]);
        let reason = heap.tagged(am::badarity, [pair]).raw();
        m.back();
        m.error(reason)
    }
}

/// The export of an apply of `n` arguments, X(n) and X(n+1) naming it; or the
/// handler that raises.
unsafe fn apply_target(m: &mut M, n: usize) -> Result<&'static Export, Handler> {
    let (module, function) = (*m.x(n), *m.x(n + 1));
    match (module.as_atom(), function.as_atom()) {
        (Some(module), Some(function)) => {
            Ok(oxbeam_term::export::get_or_create(module, function, n as u8))
        }
        _ => {
            // SAFETY: machine rules.
            unsafe {
                let heap = m.heap();
                let args = raise::list_of(heap, m.live(n));
                m.back();
                let apply = oxbeam_term::export::get_or_create(am::erlang, am::apply, 3);
                let reason = RawTerm::atom(am::badarg);
                let values = [module, function, args];
                Err(native::raise_native(m, apply, &values, Class::Error, reason, RawTerm::NONE))
            }
        }
    }
}

/// Puts the elements of the list in X(n) into X from 0 on; their count, or
/// `None` where it is no proper list of at most 255.
unsafe fn spread_list(m: &mut M, n: usize) -> Option<usize> {
    // SAFETY: machine rule 3.
    let list = unsafe { crate::machine::brand(*m.x(n)) };
    let mut elements = list.list();
    let count = elements.by_ref().take(256).count();
    if !elements.rest().is_nil() || count > 255 {
        return None;
    }
    oxbeam_code::use_x_registers(count);
    for (i, element) in list.list().enumerate() {
        *m.x(i) = element.raw();
    }
    Some(count)
}

/// What is called in the end, where `erlang:apply/3` may be asked to apply itself; or the handler
/// that raises.
unsafe fn applied(m: &mut M, mut export: &'static Export) -> Result<&'static Export, Handler> {
    while export.module == am::erlang && export.function == am::apply && export.arity == 3 {
        // SAFETY: machine rules.
        export = unsafe { apply_list_target(m) }?;
    }
    Ok(export)
}

/// Goes on in `export` in the place of the running function, whose frame has so many bytes. A
/// native that only raises keeps the frame, so that the function that called it is seen in the
/// trace.
unsafe fn enter_last(m: &mut M, export: &'static Export, frame_bytes: u64) -> Handler {
    // SAFETY: machine rules.
    unsafe {
        let export = match applied(m, export) {
            Ok(export) => export,
            Err(raised) => return raised,
        };
        if native::is_transparent(export) {
            return m.call_native(export, Site::Tail(frame_bytes));
        }
        m.drop_frame(frame_bytes);
        m.enter(export)
    }
}

/// `badarg` of `erlang:apply` of that arity, its arguments in X.
unsafe fn apply_badarg(m: &mut M, arity: u8) -> Handler {
    let apply = oxbeam_term::export::get_or_create(am::erlang, am::apply, arity);
    let args = m.live(usize::from(arity)).to_vec();
    let reason = RawTerm::atom(am::badarg);
    // SAFETY: machine rules.
    unsafe { native::raise_native(m, apply, &args, Class::Error, reason, RawTerm::NONE) }
}

/// Resolves an apply of X0:X1 to the list in X2: the arguments go to X.
unsafe fn apply_list_target(m: &mut M) -> Result<&'static Export, Handler> {
    // SAFETY: machine rules.
    unsafe {
        let (module, function) = (m.x(0).as_atom(), m.x(1).as_atom());
        match (module, function) {
            (Some(module), Some(function)) => match spread_list(m, 2) {
                Some(n) => Ok(oxbeam_term::export::get_or_create(module, function, n as u8)),
                None => Err(apply_badarg(m, 3)),
            },
            _ => Err(apply_badarg(m, 3)),
        }
    }
}

slow! {
    fn tick_over(m) {
        // All registers hold good terms (machine rule 3), so all may be live.
        m.turn_over(m.ip.add(1), oxbeam_code::x_registers())
    }
    fn apply_list_body(m) {
        match apply_list_target(m).and_then(|export| applied(m, export)) {
            Ok(export) => {
                m.push_cp(2);
                m.enter(export)
            }
            Err(raised) => raised,
        }
    }
    fn apply_list_tail(m) {
        match apply_list_target(m) {
            Ok(export) => enter_last(m, export, m.w(1)),
            Err(raised) => raised,
        }
    }
    fn apply_fun_body(m) {
        let fun = *m.x(0);
        match spread_list(m, 1) {
            Some(n) => {
                if is_callable(fun, n) {
                    m.push_cp(2);
                }
                call_fun_value(m, fun, n)
            }
            None => apply_badarg(m, 2),
        }
    }
    fn apply_fun_tail(m) {
        let fun = *m.x(0);
        match spread_list(m, 1) {
            Some(n) => {
                if is_callable(fun, n) {
                    m.drop_frame(m.w(1));
                }
                call_fun_value(m, fun, n)
            }
            None => apply_badarg(m, 2),
        }
    }
    fn function_clause(m) {
        m.raise(Exception {
            class: Class::Error,
            reason: RawTerm::atom(am::function_clause),
            first: First::Function,
            info: RawTerm::NONE,
        })
    }
    fn allocate_slow(m) {
        let (live, words) = (m.w(1) as usize, m.w(2) as usize);
        if let Some(elsewhere) = m.make_room(words, live) {
            return elsewhere;
        }
        push_frame(m, words);
        m.next(3)
    }
    fn allocate_heap_slow(m) {
        let (live, words) = (m.w(1) as usize, m.w(2) as usize);
        if let Some(elsewhere) = m.make_room(words + m.w(3) as usize, live) {
            return elsewhere;
        }
        push_frame(m, words);
        m.next(4)
    }
    fn test_heap_slow(m) {
        match m.make_room(m.w(1) as usize, m.w(2) as usize) {
            Some(elsewhere) => elsewhere,
            None => m.next(3),
        }
    }
    /// The turn ends at the entry of a function of a module.
    fn yield_local(m) {
        let live = usize::from(*m.ip.sub(2) as u8);
        m.turn_over(m.ip, live)
    }
    fn yield_return(m) {
        let to = *m.e as *const u64;
        m.e = m.e.add(1);
        m.turn_over(to, 1)
    }
    fn yield_export(m) {
        match m.turn().entered {
            Some(export) => m.entry_over(export, m.ip),
            None => raise::bad_code,
        }
    }
    fn call_native_body(m) {
        let export = native::export(m.w(1));
        m.call_native(export, Site::Body(3))
    }
    fn call_native_tail(m) {
        let export = native::export(m.w(1));
        if export.untraced_bif().is_none() {
            // It returns to the instruction behind, which returns.
            return m.call_native(export, Site::Body(4));
        }
        m.call_native(export, Site::Tail(m.w(2)))
    }
    fn apply_body(m) {
        let n = m.w(1) as usize;
        match apply_target(m, n).and_then(|export| applied(m, export)) {
            Ok(export) => {
                m.push_cp(3);
                m.enter(export)
            }
            Err(raised) => raised,
        }
    }
    fn apply_tail(m) {
        let n = m.w(1) as usize;
        match apply_target(m, n) {
            Ok(export) => enter_last(m, export, m.w(2)),
            Err(raised) => raised,
        }
    }
    fn call_fun_slow<A: Mode>(m) {
        let (fun, n) = (m.get::<A>(1), m.w(2) as usize);
        if !is_callable(fun, n) {
            return call_fun_value(m, fun, n);
        }
        m.push_cp(4);
        call_fun_value(m, fun, n)
    }
    fn call_fun_last_slow<A: Mode>(m) {
        let (fun, n) = (m.get::<A>(1), m.w(2) as usize);
        if !is_callable(fun, n) {
            return call_fun_value(m, fun, n);
        }
        m.drop_frame(m.w(3));
        call_fun_value(m, fun, n)
    }
}

/// Whether calling a term with `n` arguments raises nothing here.
unsafe fn is_callable(fun: RawTerm, n: usize) -> bool {
    // SAFETY: by contract of the callers.
    let fun = unsafe { crate::machine::brand(fun) };
    fun.as_fun().is_some_and(|f| f.arity() == n)
        || fun.as_export().is_some_and(|e| usize::from(e.arity) == n)
}

/// The instruction that ends a process whose first function returns.
pub fn normal_exit() -> *const u64 {
    stub::fixed().address(Op::normal_exit)
}
