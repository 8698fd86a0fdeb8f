//! Loading, finding and describing code.

use crate::arg;
use oxbeam_beam_file::{BeamFile, Container};
use oxbeam_code::index::{MANY_CHANGES, Permission, Staging, active};
use oxbeam_code::module::{self, Deletable, Module};
use oxbeam_code::ranges;
use oxbeam_etf::{NoZlib, Options, binary_to_term};
use oxbeam_loader::{LoadError, Profile};
use oxbeam_runtime::native::{RunOn, StaticNif};
use oxbeam_runtime::{Cx, Flow, NativeResult, dirty, native, progress, system};
use oxbeam_term::view::Kind;
use oxbeam_term::{Atom, Term, am, export};
use oxbeam_trace::defaults;
use parking_lot::Mutex;
use std::collections::HashSet;

/// Code that was prepared, and serves for one `finish_loading`.
struct Prepared {
    name: Atom,
    has_on_load: bool,
    module: Mutex<Option<Module>>,
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // One that was not loaded goes with whoever held it, in the middle of a collection.
        let module = self.module.get_mut().take();
        if let Some(module) = module.filter(Module::is_large) {
            dirty::run_errand(move || drop(module));
        }
    }
}

/// Prepares a module from the bytes of its file. `keep_lines`: with its line numbers, which stock
/// has not for the modules that are loaded before all others.
pub fn prepare(bytes: &[u8], keep_lines: bool) -> Result<Module, LoadError> {
    let profile = Profile { opcode_max: system::get().max_generic_op, keep_lines };
    oxbeam_loader::prepare(bytes, &profile)
}

fn error_tuple<'h>(cx: &Cx<'h>, reason: Atom) -> Term<'h> {
    cx.heap.tagged(am::error, [Term::atom(reason)])
}

/// A file of this size takes less than 300 µs to prepare; a larger one is prepared on a dirty
/// scheduler.
const SMALL_FILE_BYTES: usize = 20 << 10;
/// Preparing a larger one leaves so much free memory behind that it is given back at once.
const LARGE_FILE_BYTES: usize = 64 << 10;

/// `erts_internal:prepare_loading/2`
pub fn prepare_loading_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    args[0].as_atom().ok_or_else(Flow::badarg)?;
    if args[1].as_bits().is_some_and(|bits| bits.bit_size() / 8 > SMALL_FILE_BYTES) {
        return Err(Flow::Dirty(RunOn::DirtyCpu, prepare_here));
    }
    prepare_here(cx, args)
}

fn prepare_here<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let name = args[0].as_atom().ok_or_else(Flow::badarg)?;
    let bytes = arg::bytes(args[1])?;
    cx.bump(bytes.len() / 64);
    let prepared = prepare(&bytes, true);
    if bytes.len() > LARGE_FILE_BYTES {
        // Else a scheduler would come to do it.
        oxbeam_sys::allocator::give_back();
    }
    match prepared {
        Ok(module) if module.name == name => {
            let has_on_load = module.on_load.is_some();
            let module = Mutex::new(Some(module));
            Ok(cx.new_magic_ref(Prepared { name, has_on_load, module }))
        }
        Ok(module) => {
            let reason = format!("module name in object code is {}", module.name.name());
            report_failure(cx, name, &reason);
            Ok(error_tuple(cx, am::badfile))
        }
        Err(LoadError::BadFile(reason)) => {
            report_failure(cx, name, &reason.to_string());
            Ok(error_tuple(cx, am::badfile))
        }
        Err(LoadError::SystemLimit(_)) => Err(Flow::system_limit()),
    }
}

fn report_failure(cx: &Cx<'_>, name: Atom, reason: &str) {
    let text = format!("Error loading module {}:\n  {reason}\n", name.name());
    oxbeam_runtime::report::error_text(cx.own, &text);
}

fn prepared<'h>(term: Term<'h>) -> Result<&'h Prepared, Flow<'h>> {
    term.as_magic::<Prepared>().ok_or_else(Flow::badarg)
}

/// `erlang:has_prepared_code_on_load/1`
pub fn has_prepared_code_on_load_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    Ok(Term::bool(prepared(args[0])?.has_on_load))
}

fn names_error<'h>(cx: &Cx<'h>, reason: Atom, names: &[Atom]) -> Term<'h> {
    let names: Vec<_> = names.iter().map(|name| Term::atom(*name)).collect();
    cx.heap.tagged(reason, [cx.heap.list(&names)])
}

/// The permission to change modules. While another process holds it, the caller waits, and its
/// native is called again when the permission is free.
pub(crate) fn permission<'h>(cx: &Cx<'h>) -> Result<Permission, Flow<'h>> {
    let waiter = cx.process.clone();
    Permission::seize_or_wait(move || waiter.wake()).ok_or(Flow::Wait)
}

/// Stages, commits after thread progress, and takes the breakpoints away of what was replaced of those
/// modules; the caller is suspended until then and gets `result`. What changes many entries is done by
/// errands: `changes` counts those that are not known to be stale yet. A `stage` that gives nothing
/// changes nothing.
fn commit<'h>(
    cx: &mut Cx<'h>,
    (permission, changes): (Permission, usize),
    names: Vec<Atom>,
    stage: impl FnOnce(Permission, &[Atom]) -> Option<Staging> + Send + 'static,
    result: Term<'h>,
) -> NativeResult<'h> {
    let is_long = changes + permission.stale() > MANY_CHANGES;
    progress::suspend_after(cx, is_long, move || {
        let staging = stage(permission, &names);
        move || {
            let cleared = module::untrace_replaced(staging?.commit(), &names).ok()?;
            Some(move || drop(cleared.commit()))
        }
    });
    Err(Flow::Yield(result))
}

/// What the module changes, as it is current.
fn changes_of(name: Atom) -> usize {
    module::current(name).map_or(0, Module::changes)
}

fn twice(names: &[Atom]) -> Vec<Atom> {
    let mut seen = HashSet::new();
    let mut again: Vec<Atom> = names.iter().filter(|name| !seen.insert(**name)).copied().collect();
    again.reverse();
    again
}

/// `erlang:finish_loading/1`: all modules at once, or none.
pub fn finish_loading_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let list = arg::list(args[0])?;
    let all: Vec<&Prepared> = list.into_iter().map(prepared).collect::<Result<_, _>>()?;
    let permission = permission(cx)?;
    if all.iter().any(|one| one.module.lock().is_none()) {
        return Err(Flow::badarg());
    }
    if all.len() > 1 && all.iter().any(|one| one.has_on_load) {
        return Err(Flow::system_limit());
    }
    let names: Vec<Atom> = all.iter().map(|one| one.name).collect();
    let twice = twice(&names);
    if !twice.is_empty() {
        return Ok(names_error(cx, am::duplicated, &twice));
    }
    let blocked = |name: &&Atom| module::old(**name).is_some() && module::current(**name).is_some();
    let blocked: Vec<Atom> = names.iter().rev().filter(blocked).copied().collect();
    if !blocked.is_empty() {
        return Ok(names_error(cx, am::not_purged, &blocked));
    }
    let modules: Vec<Module> = all.iter().filter_map(|one| one.module.lock().take()).collect();
    let waits = all.iter().any(|one| one.has_on_load);
    let result = match waits {
        true => names_error(cx, am::on_load, &names),
        false => Term::atom(am::ok),
    };
    let changes = modules.iter().map(|module| module.changes() + changes_of(module.name)).sum();
    // That none is blocked was seen under the permission.
    let stage = move |permission, names: &[Atom]| {
        let mut staging = module::stage(permission, modules).ok()?;
        // What waits for its `on_load` function has no exports yet; those of its name lead elsewhere.
        if !waits {
            defaults::stage(&mut staging, names);
        }
        Some(staging)
    };
    commit(cx, (permission, changes), names, stage, result)
}

/// `erlang:call_on_load_function/1`: goes on in the function.
pub fn call_on_load_function_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let name = args[0].as_atom().ok_or_else(Flow::badarg)?;
    let pending = module::pending(name).ok_or_else(Flow::badarg)?;
    let on_load = pending.on_load.ok_or_else(Flow::badarg)?;
    Err(Flow::Enter(pending.address_of(on_load)))
}

/// `erlang:finish_after_on_load/2`: after a failure the instance stays pending, for
/// `erts_internal:purge_module/2`.
pub fn finish_after_on_load_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let success = args[1].as_bool().ok_or_else(Flow::badarg)?;
    let permission = permission(cx)?;
    let name = args[0].as_atom().ok_or_else(Flow::badarg)?;
    let pending = module::pending(name).ok_or_else(Flow::badarg)?;
    if !success {
        return Ok(Term::bool(true));
    }
    let changes = pending.changes() + changes_of(name);
    let stage = move |permission, names: &[Atom]| {
        let mut staging = module::finish_on_load(permission, name)?;
        defaults::stage(&mut staging, names);
        Some(staging)
    };
    commit(cx, (permission, changes), vec![name], stage, Term::bool(true))
}

/// `erlang:delete_module/1`
pub fn delete_module_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let name = args[0].as_atom().ok_or_else(Flow::badarg)?;
    let permission = permission(cx)?;
    match module::deletable(name) {
        Deletable::Yes => {
            let stage = move |permission, _: &[Atom]| module::delete(permission, name);
            commit(cx, (permission, changes_of(name)), vec![name], stage, Term::bool(true))
        }
        Deletable::Absent => Ok(Term::atom(am::undefined)),
        Deletable::OldPresent => Err(Flow::badarg()),
    }
}

/// `erlang:module_loaded/1`
pub fn module_loaded_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let name = args[0].as_atom().ok_or_else(Flow::badarg)?;
    Ok(Term::bool(module::current(name).is_some()))
}

/// `erlang:loaded/0`
pub fn loaded_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    Ok(cx.heap.list_from_rev(module::loaded().into_iter().map(Term::atom)))
}

/// `erlang:pre_loaded/0`
pub fn pre_loaded_0<'h>(cx: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    let names = system::get().preloaded.iter();
    let atoms: Result<Vec<_>, _> = names.map(|name| Atom::new(name).map(Term::atom)).collect();
    Ok(cx.heap.list_from_rev(atoms.map_err(|_| Flow::system_limit())?))
}

/// `erlang:check_old_code/1`
pub fn check_old_code_1<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let name = args[0].as_atom().ok_or_else(Flow::badarg)?;
    Ok(Term::bool(module::old(name).is_some()))
}

fn mfa<'h>(args: &[Term<'h>]) -> Result<(Atom, Atom, u8), Flow<'h>> {
    let module = args[0].as_atom().ok_or_else(Flow::badarg)?;
    let function = args[1].as_atom().ok_or_else(Flow::badarg)?;
    let arity = u8::try_from(arg::size(args[2])?).map_err(|_| Flow::badarg())?;
    Ok((module, function, arity))
}

/// `erlang:function_exported/3`
pub fn function_exported_3<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let (name, function) = (args[0].as_atom(), args[1].as_atom());
    let (Some(name), Some(function), Some(arity)) = (name, function, args[2].as_small()) else {
        return Err(Flow::badarg());
    };
    let found = u8::try_from(arity).ok().and_then(|arity| export::find(name, function, arity));
    Ok(Term::bool(found.is_some_and(module::is_defined)))
}

/// `erlang:is_builtin/3`
pub fn is_builtin_3<'h>(_: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let (name, function) = (args[0].as_atom(), args[1].as_atom());
    let (Some(name), Some(function), Some(arity)) = (name, function, args[2].as_small()) else {
        return Err(Flow::badarg());
    };
    let Ok(arity) = u8::try_from(arity) else { return Ok(Term::bool(false)) };
    let bif = export::find(name, function, arity).and_then(|export| export.bif());
    // `apply/2,3` and `yield/0` are built in too, though they have no row.
    let special = name == am::erlang
        && (function == am::apply && (arity == 2 || arity == 3)
            || function == am::yield_ && arity == 0);
    Ok(Term::bool(bif.is_some() || special))
}

/// `erlang:make_fun/3`
pub fn make_fun_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let (name, function, arity) = mfa(args)?;
    Ok(cx.heap.export_fun(export::get_or_create(name, function, arity)))
}

fn function_list<'h>(
    cx: &Cx<'h>,
    functions: impl DoubleEndedIterator<Item = (Atom, u8)>,
) -> Term<'h> {
    let pair = |(name, arity): (Atom, u8)| {
        cx.heap.tuple(&[Term::atom(name), cx.heap.int(i64::from(arity))])
    };
    cx.heap.list_from_rev(functions.map(pair))
}

fn external<'h>(cx: &Cx<'h>, bytes: &[u8]) -> Term<'h> {
    let decoded = binary_to_term(cx.heap, bytes, Options::default(), &NoZlib);
    decoded.map_or(Term::nil(), |decoded| decoded.term)
}

const INFO_ITEMS: [Atom; 5] = [am::module, am::exports, am::attributes, am::compile, am::md5];

fn module_info<'h>(cx: &Cx<'h>, name: Atom, item: Atom) -> NativeResult<'h> {
    let this = module::current(name).ok_or_else(Flow::badarg)?;
    Ok(match item {
        am::module => Term::atom(name),
        am::exports => function_list(cx, this.exports.iter().map(|&(e, _)| (e.function, e.arity))),
        am::functions => function_list(cx, this.functions.iter().map(|f| (f.name, f.arity))),
        am::nifs => match native::static_nif(name) {
            Some(nif) => {
                let bound = nif.functions.iter();
                let bound: Result<Vec<_>, _> =
                    bound.map(|f| Atom::new(f.0).map(|name| (name, f.1))).collect();
                function_list(cx, bound.map_err(|_| Flow::system_limit())?.into_iter())
            }
            None => Term::nil(),
        },
        am::attributes => external(cx, &this.attributes),
        am::compile => external(cx, &this.compile_info),
        am::md5 => cx.heap.binary(&this.md5),
        am::native => Term::bool(false),
        am::native_addresses => Term::nil(),
        _ => return Err(Flow::badarg()),
    })
}

/// `erlang:get_module_info/1`
pub fn get_module_info_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let name = args[0].as_atom().ok_or_else(Flow::badarg)?;
    let mut items = vec![];
    for item in INFO_ITEMS {
        items.push(cx.heap.tuple(&[Term::atom(item), module_info(cx, name, item)?]));
    }
    Ok(cx.heap.list(&items))
}

/// `erlang:get_module_info/2`
pub fn get_module_info_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let name = args[0].as_atom().ok_or_else(Flow::badarg)?;
    module_info(cx, name, args[1].as_atom().ok_or_else(Flow::badarg)?)
}

/// `erlang:fun_info/2`
pub fn fun_info_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let item = args[1].as_atom().ok_or_else(Flow::badarg)?;
    let value = match args[0].kind() {
        Kind::Fun(fun) => local_fun_info(cx, fun, item)?,
        Kind::Export(export) => match item {
            am::type_ => Term::atom(am::external),
            am::module => Term::atom(export.module),
            am::name => Term::atom(export.function),
            am::arity => cx.heap.int(i64::from(export.arity)),
            am::env => Term::nil(),
            am::pid | am::index | am::uniq | am::new_index | am::new_uniq | am::refc => {
                Term::atom(am::undefined)
            }
            _ => return Err(Flow::badarg()),
        },
        _ => return Err(Flow::badarg()),
    };
    Ok(cx.heap.tuple(&[args[1], value]))
}

fn local_fun_info<'h>(
    cx: &Cx<'h>,
    fun: oxbeam_term::Fun<'h>,
    item: Atom,
) -> Result<Term<'h>, Flow<'h>> {
    let entry = fun.entry();
    Ok(match item {
        am::type_ => Term::atom(am::local),
        am::module => Term::atom(entry.module),
        am::pid => fun.creator(),
        am::index => cx.heap.int(i64::from(entry.old_index)),
        am::uniq => cx.heap.int(i64::from(entry.old_uniq)),
        am::new_index => cx.heap.int(i64::from(entry.index)),
        am::new_uniq => cx.heap.binary(&entry.uniq),
        am::refc => cx.heap.int(entry.refc() as i64),
        am::env => cx.heap.list(fun.env()),
        am::arity => cx.heap.usize(fun.arity()),
        am::name => fun_name(entry).map_or(Term::nil(), Term::atom),
        _ => return Err(Flow::badarg()),
    })
}

/// The name of the function that a fun's body is; `None` while its code is not loaded.
fn fun_name(entry: &oxbeam_term::FunEntry) -> Option<Atom> {
    use std::sync::atomic::Ordering;
    let address = entry.address[active()].load(Ordering::Relaxed);
    ranges::locate(address).map(|at| at.function)
}

/// `erlang:fun_info_mfa/1`
pub fn fun_info_mfa_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let (module, name, arity) = match args[0].kind() {
        Kind::Fun(fun) => {
            let name = fun_name(fun.entry()).map_or(Term::nil(), Term::atom);
            (fun.entry().module, name, fun.arity())
        }
        Kind::Export(export) => {
            (export.module, Term::atom(export.function), usize::from(export.arity))
        }
        _ => return Err(Flow::badarg()),
    };
    Ok(cx.heap.tuple(&[Term::atom(module), name, cx.heap.usize(arity)]))
}

/// `erts_internal:beamfile_chunk/2`
pub fn beamfile_chunk_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let bytes = arg::bytes(args[0])?;
    let name: Vec<Option<usize>> = arg::list(args[1])?.iter().map(|c| c.as_usize()).collect();
    let [Some(a), Some(b), Some(c), Some(d)] = name[..] else { return Err(Flow::badarg()) };
    let name = [a, b, c, d].map(|c| c as u8);
    let container = Container::parse(&bytes).ok();
    Ok(match container.as_ref().and_then(|container| container.get(&name)) {
        Some(data) if !data.is_empty() => cx.heap.binary(data),
        _ => Term::atom(am::undefined),
    })
}

/// `erts_internal:beamfile_module_md5/1`
pub fn beamfile_module_md5_1<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let bytes = arg::bytes(args[0])?;
    Ok(match BeamFile::parse(&bytes) {
        Ok(file) => cx.heap.binary(&file.md5),
        Err(_) => Term::atom(am::undefined),
    })
}

/// `erlang:load_nif/2`: binds the natives of a static NIF module to the module that calls.
pub fn load_nif_2<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    if !args[0].is_list() {
        return Err(Flow::badarg());
    }
    let caller = ranges::find(cx.own.ip).ok_or_else(Flow::badarg)?;
    match native::static_nif(caller.name) {
        Some(nif) => {
            bind_natives(caller, nif)?;
            Ok(Term::atom(am::ok))
        }
        None => {
            let text = cx.heap.list_of_chars("Dynamic NIF libraries cannot be loaded yet");
            let reason = cx.heap.tuple(&[Term::atom(am::load_failed), text]);
            Ok(cx.heap.tagged(am::error, [reason]))
        }
    }
}

/// Puts the natives of a static NIF module in the place of a module's functions.
pub(crate) fn bind_natives<'h>(module: &Module, nif: &'static StaticNif) -> Result<(), Flow<'h>> {
    for function in nif.functions {
        let name = Atom::new(function.0).map_err(|_| Flow::system_limit())?;
        let row = std::ptr::from_ref(function);
        module::bind_native(module, name, function.1, row as usize);
    }
    Ok(())
}
