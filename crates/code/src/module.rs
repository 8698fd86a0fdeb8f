//! Modules: what a loaded one knows of itself, and the table of them.
//!
//! A name has at most one current and one old instance, for each code index. Loading makes the
//! current one old (there must be no old one), deleting too; purging frees the
//! old one. Both take effect with the commit of their staging.

use crate::breakpoint::Breakpoint;
use crate::handlers::word_of;
use crate::index::{self, Permission, Staging};
use crate::memory::Block;
use crate::ranges::{self, Line};
use crate::stub;
use oxbeam_beam_file::Type;
use oxbeam_ethread::AtomicPointer;
use oxbeam_heap::literal::Area;
use oxbeam_ops::specific::Op;
use oxbeam_term::export::{CODE_INDICES, Export};
use oxbeam_term::{Atom, FunEntry};
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// There is much to free of a module of more instructions.
const LARGE_WORDS: usize = 16 << 10;

/// A function of a module. Offsets are in words from the start of the block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Function {
    /// Offset of its `func_info`.
    pub info: u32,
    /// Offset of its first instruction.
    pub entry: u32,
    /// Its name.
    pub name: Atom,
    /// Its arity.
    pub arity: u8,
    /// X registers that its code may use.
    pub max_x: u16,
}

/// A fun's body.
#[derive(Clone, Copy, Debug)]
pub struct Lambda {
    /// The entry; the module holds one reference.
    pub entry: NonNull<FunEntry>,
    /// Offset of the body's first instruction.
    pub body: u32,
}

/// An instance of a module.
pub struct Module {
    /// Its name.
    pub name: Atom,
    /// Its instructions, and the string table behind them.
    pub code: Block,
    /// Words in use of `code`.
    pub words: usize,
    /// Its functions, by offset.
    pub functions: Vec<Function>,
    /// Exported functions, with the offset of the first instruction.
    pub exports: Vec<(&'static Export, u32)>,
    /// Funs.
    pub lambdas: Vec<Lambda>,
    /// (offset, file, line) by offset: the place from that offset on.
    pub lines: Vec<(u32, u16, u32)>,
    /// File names; the first is the module's own.
    pub files: Vec<String>,
    /// The literals that the instructions name, until a purge takes them.
    pub literals: Mutex<Option<Area>>,
    /// Attributes, an external term (empty: none).
    pub attributes: Vec<u8>,
    /// Compile information, an external term (empty: none).
    pub compile_info: Vec<u8>,
    /// What the compiler knew of operands: hints for native tiers.
    pub types: Vec<Type>,
    /// The checksum.
    pub md5: [u8; 16],
    /// Offset of the function to run when it is loaded.
    pub on_load: Option<u32>,
    /// Its number in the order of publication ([`last_serial`]); 0: not published.
    pub serial: u64,
    /// The breakpoints of its functions, in the order of these.
    pub breakpoints: Breakpoints,
}

/// Breakpoints of the functions of a module: made when they are asked for, and not taken away.
#[derive(Default)]
pub struct Breakpoints(OnceLock<Box<[OnceLock<Arc<Breakpoint>>]>>);

// SAFETY: the fun entries are `Sync` and counted; the rest is owned.
unsafe impl Send for Module {}
// SAFETY: as above; instructions change only as atomics.
unsafe impl Sync for Module {}

impl Drop for Module {
    fn drop(&mut self) {
        for lambda in &self.lambdas {
            // SAFETY: the module owns one reference to each.
            unsafe { FunEntry::release(lambda.entry) };
        }
    }
}

impl Module {
    /// The address at an offset.
    pub fn address_of(&self, offset: u32) -> *mut u64 {
        assert!((offset as usize) < self.code.words(), "an offset lies in the block");
        // SAFETY: just checked.
        unsafe { self.code.start().add(offset as usize) }
    }

    /// The offset of an address in the block.
    pub fn offset_of(&self, pc: *const u64) -> u32 {
        ((pc as usize - self.code.start() as usize) / 8) as u32
    }

    /// Whether an address lies in this module.
    pub fn contains(&self, pc: *const u64) -> bool {
        (pc as usize).wrapping_sub(self.code.start() as usize) < self.words * 8
    }

    /// The function that an offset lies in.
    pub fn function_at(&self, offset: u32) -> Option<&Function> {
        let i = self.functions.partition_point(|f| f.info <= offset);
        self.functions.get(i.checked_sub(1)?)
    }

    /// The function of that name and arity.
    pub fn function(&self, name: Atom, arity: u8) -> Option<&Function> {
        self.functions.iter().find(|f| f.name == name && f.arity == arity)
    }

    /// The breakpoint of the function of that number, if it ever had one.
    pub fn breakpoint(&self, number: usize) -> Option<&Arc<Breakpoint>> {
        self.breakpoints.0.get()?[number].get()
    }

    /// The breakpoint of the function of that number.
    pub(crate) fn make_breakpoint(&self, number: usize) -> &Arc<Breakpoint> {
        let none = || self.functions.iter().map(|_| OnceLock::new()).collect();
        let place = &self.breakpoints.0.get_or_init(none)[number];
        let word = || self.entrance(number).load(Ordering::Acquire);
        place.get_or_init(|| Arc::new(Breakpoint::of_function(word())))
    }

    /// Whether any of its functions has a breakpoint.
    fn is_traced(&self) -> bool {
        let all = self.breakpoints.0.get().into_iter().flatten().filter_map(OnceLock::get);
        all.into_iter().any(|breakpoint| breakpoint.active().is_some())
    }

    /// The breakpoint that is at an address, if one ever was.
    pub fn breakpoint_at(&self, pc: *const u64) -> Option<&Arc<Breakpoint>> {
        let offset = self.offset_of(pc);
        let number = self.functions.partition_point(|f| f.info <= offset).checked_sub(1)?;
        self.breakpoint(number).filter(|_| self.functions[number].entry == offset)
    }

    /// The first word of the function of that number.
    pub(crate) fn entrance(&self, number: usize) -> &AtomicU64 {
        let entry = self.address_of(self.functions[number].entry);
        // SAFETY: crate rule 2: the word is the function's, and is read as an atomic.
        unsafe { AtomicU64::from_ptr(entry) }
    }

    /// The source line of an offset. Names live as long as the module, which
    /// a caller with a live address keeps alive.
    pub(crate) fn line_at(&'static self, offset: u32) -> Option<Line> {
        let i = self.lines.partition_point(|l| l.0 <= offset);
        let &(_, file, line) = self.lines.get(i.checked_sub(1)?)?;
        (line != 0).then(|| Line { file: &self.files[file as usize], line })
    }

    /// Words of this instance that a commit or a purge changes, about.
    pub fn changes(&self) -> usize {
        self.exports.len() + CODE_INDICES * self.lambdas.len()
    }

    /// Whether what is done for each export, fun, function or page of it takes long.
    pub fn is_large(&self) -> bool {
        self.words > LARGE_WORDS || self.changes() > index::MANY_CHANGES
    }

    fn publish(&self, staging: &mut Staging) {
        for &(export, offset) in &self.exports {
            if export.bif().is_none() {
                staging.set_export(export, self.address_of(offset));
            }
        }
    }

    fn publish_funs(&self) {
        for lambda in &self.lambdas {
            // SAFETY: the module holds a reference.
            let entry = unsafe { lambda.entry.as_ref() };
            for address in &entry.address {
                address.store(self.address_of(lambda.body), Ordering::Release);
            }
        }
    }

    /// Takes exports that point into this module back to their stubs.
    fn retract(&self, staging: &mut Staging) {
        for &(export, _) in &self.exports {
            if self.contains(stub::target(export, staging.index())) {
                staging.set_export(export, stub::address(export));
            }
        }
    }

    /// Begins the purge of this module's funs: a call of one finds no code, sees that a purge is
    /// under way, and waits for its end.
    pub fn begin_fun_purge(&self) {
        for lambda in &self.lambdas {
            // SAFETY: the module holds a reference.
            let entry = unsafe { lambda.entry.as_ref() };
            let address = entry.address[0].load(Ordering::Relaxed);
            if self.contains(address) {
                entry.pending_purge.store(address, Ordering::Release);
                entry.address.iter().for_each(|a| a.store(std::ptr::null_mut(), Ordering::Release));
            }
        }
    }

    /// Makes this module's funs callable again, where no newer module has taken them over; first
    /// half of an aborted purge.
    pub fn abort_fun_purge(&self) {
        for lambda in &self.lambdas {
            // SAFETY: the module holds a reference.
            let entry = unsafe { lambda.entry.as_ref() };
            let address = entry.pending_purge.load(Ordering::Relaxed);
            if address.is_null() || !entry.address[0].load(Ordering::Relaxed).is_null() {
                continue;
            }
            entry.address.iter().for_each(|a| a.store(address, Ordering::Release));
        }
    }

    /// Ends the purge of this module's funs, whatever became of it.
    pub fn end_fun_purge(&self) {
        for lambda in &self.lambdas {
            // SAFETY: the module holds a reference.
            let entry = unsafe { lambda.entry.as_ref() };
            entry.pending_purge.store(std::ptr::null_mut(), Ordering::Release);
        }
    }

    fn retract_funs(&self) {
        for lambda in &self.lambdas {
            // SAFETY: the module holds a reference.
            let entry = unsafe { lambda.entry.as_ref() };
            for address in &entry.address {
                if self.contains(address.load(Ordering::Relaxed)) {
                    address.store(std::ptr::null_mut(), Ordering::Release);
                }
            }
        }
    }
}

/// The instances of one name, under each code index. Entries are never freed.
pub struct Entry {
    name: Atom,
    slots: [[AtomicPointer<Module>; CODE_INDICES]; SLOTS],
}

const SLOTS: usize = 3;

/// What an instance is to its name.
#[derive(Clone, Copy)]
enum Slot {
    Current,
    Old,
    /// Its `on_load` function has not said yes yet.
    Pending,
}

impl Entry {
    fn get(&self, slot: Slot, ix: usize) -> *mut Module {
        self.slots[slot as usize][ix].read_acqb()
    }
    fn lend(&self, slot: Slot) -> Option<&'static Module> {
        // SAFETY: crate rule 5: an instance is freed when nobody uses it any more.
        unsafe { self.get(slot, index::active()).as_ref() }
    }
    fn set(&self, slot: Slot, ix: usize, module: *mut Module) {
        self.slots[slot as usize][ix].set_relb(module);
    }
    /// Sets a slot under every index: for the holder of the permission while nobody stages.
    fn patch(&self, slot: Slot, module: *mut Module) {
        (0..CODE_INDICES).for_each(|ix| self.set(slot, ix, module));
    }
    /// Brings index `to` up to date.
    pub(crate) fn copy(&self, from: usize, to: usize) {
        for slot in [Slot::Current, Slot::Old, Slot::Pending] {
            self.set(slot, to, self.get(slot, from));
        }
    }
}

type Modules = RwLock<HashMap<Atom, &'static Entry>>;

fn table() -> &'static Modules {
    static TABLE: OnceLock<Modules> = OnceLock::new();
    TABLE.get_or_init(Modules::default)
}

fn find(name: Atom) -> Option<&'static Entry> {
    table().read().get(&name).copied()
}

fn entry(name: Atom) -> &'static Entry {
    if let Some(entry) = find(name) {
        return entry;
    }
    let new = || Entry { name, slots: Default::default() };
    table().write().entry(name).or_insert_with(|| Box::leak(Box::new(new())))
}

/// The current instance of a module.
pub fn current(name: Atom) -> Option<&'static Module> {
    find(name)?.lend(Slot::Current)
}

/// The old instance of a module.
pub fn old(name: Atom) -> Option<&'static Module> {
    find(name)?.lend(Slot::Old)
}

/// The instance whose `on_load` function runs.
pub fn pending(name: Atom) -> Option<&'static Module> {
    find(name)?.lend(Slot::Pending)
}

/// The modules that are current under an index: the active one, or the one that the caller stages.
pub fn current_under(ix: usize) -> Vec<&'static Module> {
    // SAFETY: crate rule 5: a current instance is freed by nobody.
    let current = |entry: &&'static Entry| unsafe { entry.get(Slot::Current, ix).as_ref() };
    table().read().values().filter_map(current).collect()
}

/// As [`current_under`], of that name.
pub fn named_under(name: Atom, ix: usize) -> Option<&'static Module> {
    // SAFETY: as in `current_under`.
    unsafe { find(name)?.get(Slot::Current, ix).as_ref() }
}

/// Names of all modules with a current or an old instance, sorted by index.
pub fn loaded() -> Vec<Atom> {
    let held =
        |entry: &&&Entry| entry.lend(Slot::Current).is_some() || entry.lend(Slot::Old).is_some();
    let mut names: Vec<Atom> = table().read().values().filter(held).map(|e| e.name).collect();
    names.sort();
    names
}

/// All names that ever had an instance of any kind.
pub fn known() -> Vec<Atom> {
    table().read().keys().copied().collect()
}

/// Stages prepared modules, to be published all at once by the commit. An instance with `on_load`
/// becomes pending: its exports are published by [`finish_on_load`].
///
/// Errors: the names that still have an old instance while a current one would have to become
/// old, with all that was given; nothing is changed then.
pub fn stage(
    permission: Permission,
    modules: Vec<Module>,
) -> Result<Staging, (Vec<Module>, Vec<Atom>)> {
    let names = modules.iter().map(|m| m.name);
    let blocked: Vec<Atom> =
        names.filter(|&name| current(name).is_some() && old(name).is_some()).collect();
    if !blocked.is_empty() {
        return Err((modules, blocked));
    }
    let mut staging = permission.stage();
    modules.into_iter().for_each(|module| stage_one(module, &mut staging));
    Ok(staging)
}

/// As [`stage`], and commits at once: for boot and tests, while no other thread runs code.
pub fn load(permission: Permission, modules: Vec<Module>) -> Result<(), (Vec<Module>, Vec<Atom>)> {
    stage(permission, modules).map(|staging| drop(staging.commit()))
}

fn stage_one(mut module: Module, staging: &mut Staging) {
    module.serial = SERIAL.inc_read();
    let (name, has_on_load) = (module.name, module.on_load.is_some());
    let module: &'static Module = Box::leak(Box::new(module));
    let pointer = std::ptr::from_ref(module).cast_mut();
    ranges::set(module, pointer);
    module.publish_funs();
    let (entry, ix) = (entry(name), staging.index());
    staging.changes_module(entry);
    if let Some(current) = entry.lend(Slot::Current) {
        staging.untrace_exports(current);
    }
    if has_on_load {
        entry.set(Slot::Pending, ix, pointer);
        return;
    }
    become_current(entry, module, staging);
}

fn become_current(entry: &'static Entry, module: &'static Module, staging: &mut Staging) {
    let ix = staging.index();
    let before = entry.get(Slot::Current, ix);
    module.publish(staging);
    // SAFETY: crate rule 5: it is the current instance, which nobody frees.
    if let Some(current) = unsafe { before.as_ref() } {
        current.retract(staging);
        entry.set(Slot::Old, ix, before);
    }
    entry.set(Slot::Current, ix, std::ptr::from_ref(module).cast_mut());
}

/// Stages the end of the loading of a module whose `on_load` function has said yes: it becomes
/// current. `None`: there is no such module.
pub fn finish_on_load(permission: Permission, name: Atom) -> Option<Staging> {
    let entry = find(name)?;
    let module = entry.lend(Slot::Pending)?;
    let mut staging = permission.stage();
    staging.changes_module(entry);
    entry.set(Slot::Pending, staging.index(), std::ptr::null_mut());
    become_current(entry, module, &mut staging);
    Some(staging)
}

/// Stages, after a load of modules (or their deletion) has been committed, that the breakpoints of
/// what they have replaced go, and those of what a pending one is to replace. Between the two commits
/// lies thread progress: who was on its way into the old code has been told of by then.
/// `Err`: there are none.
pub fn untrace_replaced(permission: Permission, names: &[Atom]) -> Result<Staging, Permission> {
    let replaced = |name: &Atom| {
        let stays = current(*name).filter(|_| pending(*name).is_some());
        old(*name).into_iter().chain(stays)
    };
    let traced: Vec<_> = names.iter().flat_map(replaced).filter(|m| m.is_traced()).collect();
    if traced.is_empty() {
        return Err(permission);
    }
    let mut staging = permission.stage();
    traced.into_iter().for_each(|module| staging.untrace_functions(module));
    Ok(staging)
}

/// Makes a function of a module a native: the address goes into its native entry word, then the
/// first instruction becomes the call of it. Gives whether there is such a function.
pub fn bind_native(module: &Module, name: Atom, arity: u8, native: usize) -> bool {
    let named = |f: &Function| f.name == name && f.arity == arity;
    let Some(number) = module.functions.iter().position(named) else { return false };
    let entrance = module.entrance(number);
    // SAFETY: crate rule 2: the word before is the function's, and is read as an atomic.
    let native_entry = unsafe { AtomicU64::from_ptr(entrance.as_ptr().sub(1)) };
    native_entry.store(native as u64, Ordering::Release);
    let call = word_of(Op::call_nif);
    if let Some(breakpoint) = module.breakpoint(number) {
        breakpoint.set_replaced(call);
    }
    if entrance.load(Ordering::Acquire) != word_of(Op::breakpoint) {
        entrance.store(call, Ordering::Release);
    }
    true
}

/// Whether a module can be deleted.
pub enum Deletable {
    Yes,
    /// There never was such a module.
    Absent,
    /// There is an old instance, which must be purged first.
    OldPresent,
}

/// Whether [`delete`] of a module would stage; asked under the permission.
pub fn deletable(name: Atom) -> Deletable {
    match find(name) {
        None => Deletable::Absent,
        Some(entry) if entry.lend(Slot::Old).is_some() => Deletable::OldPresent,
        Some(_) => Deletable::Yes,
    }
}

/// Stages that the current instance becomes old and its exports undefined. `None`: it is not
/// [`deletable`].
pub fn delete(permission: Permission, name: Atom) -> Option<Staging> {
    let Deletable::Yes = deletable(name) else { return None };
    let entry = find(name)?;
    let mut staging = permission.stage();
    let ix = staging.index();
    if let Some(module) = entry.lend(Slot::Current) {
        staging.untrace_exports(module);
        module.retract(&mut staging);
        staging.changes_module(entry);
        entry.set(Slot::Old, ix, entry.get(Slot::Current, ix));
        entry.set(Slot::Current, ix, std::ptr::null_mut());
    }
    Some(staging)
}

/// Makes the pending instance, whose `on_load` function has said no, the old one, to be purged.
/// Gives the old instance that has to be put back then (by [`purge`]), if there was one; `None`:
/// there is no pending instance.
pub fn pending_to_old(_permission: &Permission, name: Atom) -> Option<Option<SavedOld>> {
    let entry = find(name)?;
    let ix = index::active();
    let pending = entry.get(Slot::Pending, ix);
    if pending.is_null() {
        return None;
    }
    let saved = NonNull::new(entry.get(Slot::Old, ix)).map(SavedOld);
    entry.patch(Slot::Pending, std::ptr::null_mut());
    entry.patch(Slot::Old, pending);
    Some(saved)
}

/// An old instance that stands aside while another one is purged.
pub struct SavedOld(NonNull<Module>);
// SAFETY: modules are `Sync`.
unsafe impl Send for SavedOld {}

/// A module that no table knows any more: to be dropped when no thread looks at it any more.
pub struct Retired(NonNull<Module>);

// SAFETY: modules are `Sync`.
unsafe impl Send for Retired {}

impl Retired {
    /// Takes its literals away, which live until no process uses them.
    pub fn take_literals(&self) -> Option<Area> {
        // SAFETY: freed by `drop` alone.
        unsafe { self.0.as_ref() }.literals.lock().take()
    }
}

impl Drop for Retired {
    fn drop(&mut self) {
        // SAFETY: the table owned it, and gave it to this value alone (see `purge`).
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

/// Takes the old instance out of all tables, and puts `saved` in its place. The caller has made
/// sure that no process runs in it or returns into it, and drops it after thread progress (crate
/// rule 5). `None`: there is none.
pub fn purge(_permission: &Permission, name: Atom, saved: Option<SavedOld>) -> Option<Retired> {
    let entry = find(name)?;
    let module = NonNull::new(entry.get(Slot::Old, index::active()))?;
    for slot in [Slot::Current, Slot::Old, Slot::Pending] {
        for ix in 0..CODE_INDICES {
            if entry.get(slot, ix) == module.as_ptr() {
                entry.set(slot, ix, std::ptr::null_mut());
            }
        }
    }
    if let Some(saved) = saved {
        entry.patch(Slot::Old, saved.0.as_ptr());
    }
    // SAFETY: alive until the result is dropped.
    let this = unsafe { module.as_ref() };
    this.retract_funs();
    ranges::set(this, std::ptr::null_mut());
    Some(Retired(module))
}

/// Whether the export is defined by a loaded module or is a BIF.
pub fn is_defined(export: &'static Export) -> bool {
    !stub::is_undefined(export, index::active())
}

oxbeam_ethread::shared! {
    /// Modules published so far.
    static SERIAL: oxbeam_ethread::AtomicU64 = oxbeam_ethread::AtomicU64::new(0);
}

/// The number of the module that was published last. What was noted under a number knows nothing
/// of modules with a higher one, which may lie where others lay.
pub fn last_serial() -> u64 {
    SERIAL.read()
}
