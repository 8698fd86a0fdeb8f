//! Modules: what a loaded one knows of itself, and the table of them.
//!
//! A name has at most one current and one old instance. Loading makes the
//! current one old (there must be no old one), deleting too; purging frees the
//! old one.

use crate::index::{self, Permission};
use crate::memory::Block;
use crate::ranges::{self, Line};
use crate::stub;
use oxbeam_heap::literal::Area;
use oxbeam_term::export::{self, Export};
use oxbeam_term::{Atom, FunEntry};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

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
    /// Exported functions: name, arity, offset of the first instruction.
    pub exports: Vec<(Atom, u8, u32)>,
    /// Funs.
    pub lambdas: Vec<Lambda>,
    /// (offset, file, line) by offset: the place from that offset on.
    pub lines: Vec<(u32, u16, u32)>,
    /// File names; the first is the module's own.
    pub files: Vec<String>,
    /// The literals that the instructions name.
    pub literals: Option<Area>,
    /// Attributes, an external term (empty: none).
    pub attributes: Vec<u8>,
    /// Compile information, an external term (empty: none).
    pub compile_info: Vec<u8>,
    /// The checksum.
    pub md5: [u8; 16],
    /// Offset of the function to run when it is loaded.
    pub on_load: Option<u32>,
}

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

    /// The source line of an offset. Names live as long as the module, which
    /// a caller with a live address keeps alive.
    pub(crate) fn line_at(&'static self, offset: u32) -> Option<Line> {
        let i = self.lines.partition_point(|l| l.0 <= offset);
        let &(_, file, line) = self.lines.get(i.checked_sub(1)?)?;
        (line != 0).then(|| Line { file: &self.files[file as usize], line })
    }

    /// Makes exports and funs point here under index `ix`.
    fn publish(&self, ix: usize) {
        for &(name, arity, offset) in &self.exports {
            let export = export::get_or_create(self.name, name, arity);
            if export.bif().is_none() {
                export.address[ix].store(self.address_of(offset), Ordering::Release);
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
    fn retract(&self, ix: usize) {
        for &(name, arity, _) in &self.exports {
            let export = export::get_or_create(self.name, name, arity);
            if self.contains(export.address[ix].load(Ordering::Relaxed)) {
                export.address[ix].store(stub::address(export), Ordering::Release);
            }
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

#[derive(Default)]
struct Instances {
    current: Option<NonNull<Module>>,
    old: Option<NonNull<Module>>,
    /// Its `on_load` function has not said yes yet.
    pending: Option<NonNull<Module>>,
}

// SAFETY: the pointers are to `Sync` modules that the table owns.
unsafe impl Send for Instances {}
// SAFETY: as above.
unsafe impl Sync for Instances {}

type Modules = RwLock<HashMap<Atom, Instances>>;

fn table() -> &'static Modules {
    static TABLE: OnceLock<Modules> = OnceLock::new();
    TABLE.get_or_init(Modules::default)
}

fn lend(module: Option<NonNull<Module>>) -> Option<&'static Module> {
    // SAFETY: crate rule 5: purge frees an instance only when nobody uses it.
    module.map(|m| unsafe { &*m.as_ptr() })
}

/// The current instance of a module.
pub fn current(name: Atom) -> Option<&'static Module> {
    lend(table().read().get(&name)?.current)
}

/// The old instance of a module.
pub fn old(name: Atom) -> Option<&'static Module> {
    lend(table().read().get(&name)?.old)
}

/// The instance whose `on_load` function runs.
pub fn pending(name: Atom) -> Option<&'static Module> {
    lend(table().read().get(&name)?.pending)
}

/// Names of all modules with a current instance, sorted by index.
pub fn loaded() -> Vec<Atom> {
    let mut names: Vec<Atom> =
        table().read().iter().filter(|(_, i)| i.current.is_some()).map(|(&n, _)| n).collect();
    names.sort();
    names
}

/// All names that have an instance of any kind.
pub fn known() -> Vec<Atom> {
    table().read().keys().copied().collect()
}

/// Publishes prepared modules all at once. An instance with `on_load` becomes
/// pending: its exports are published by [`finish_on_load`].
///
/// Errors: the names that still have an old instance while a current one would
/// have to become old; nothing is changed then.
pub fn load(permission: &Permission, modules: Vec<Module>) -> Result<(), (Vec<Module>, Vec<Atom>)> {
    let blocked: Vec<Atom> = modules
        .iter()
        .map(|m| m.name)
        .filter(|&name| current(name).is_some() && old(name).is_some())
        .collect();
    if !blocked.is_empty() {
        return Err((modules, blocked));
    }
    permission.stage(|ix| modules.into_iter().for_each(|module| load_one(module, ix)));
    Ok(())
}

fn load_one(module: Module, ix: usize) {
    let (name, has_on_load) = (module.name, module.on_load.is_some());
    let module: &'static Module = Box::leak(Box::new(module));
    ranges::set(module, std::ptr::from_ref(module).cast_mut());
    let mut modules = table().write();
    let instances = modules.entry(name).or_default();
    if has_on_load {
        instances.pending = Some(NonNull::from(module));
        module.publish_funs();
        return;
    }
    if let Some(current) = lend(instances.current) {
        current.retract(ix);
        instances.old = instances.current;
    }
    instances.current = Some(NonNull::from(module));
    module.publish(ix);
    module.publish_funs();
}

/// Ends the loading of a module with an `on_load` function: on `success` it
/// becomes current, else it is forgotten (its memory stays, for processes may
/// still run in it; it becomes the old instance if there is none).
///
/// Gives whether there was such a module.
pub fn finish_on_load(permission: &Permission, name: Atom, success: bool) -> bool {
    let Some(module) = pending(name) else { return false };
    permission.stage(|ix| {
        let mut modules = table().write();
        let instances = modules.entry(name).or_default();
        instances.pending = None;
        if success {
            if let Some(current) = lend(instances.current) {
                current.retract(ix);
                instances.old = instances.current;
            }
            instances.current = Some(NonNull::from(module));
            module.publish(ix);
        } else {
            module.retract_funs();
            if instances.old.is_none() {
                instances.old = Some(NonNull::from(module));
            }
        }
    });
    true
}

/// Makes a function of a module a native: the address goes into its native entry word, then the
/// first instruction becomes the call of it. Gives whether there is such a function.
pub fn bind_native(module: &Module, name: Atom, arity: u8, native: usize) -> bool {
    let Some(function) = module.function(name, arity) else { return false };
    let entry = module.address_of(function.entry);
    // SAFETY: crate rule 2: the two words are the function's, and are read as atomics.
    unsafe {
        let word = |at: *mut u64| std::sync::atomic::AtomicU64::from_ptr(at);
        word(entry.sub(1)).store(native as u64, Ordering::Release);
        word(entry)
            .store(crate::handlers::word_of(oxbeam_ops::specific::Op::call_nif), Ordering::Release);
    }
    true
}

/// What became of a request to delete a module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deleted {
    /// The current instance is old now.
    Done,
    /// There was no current instance.
    Absent,
    /// There is an old instance, which must be purged first.
    OldPresent,
}

/// Makes the current instance old and its exports undefined.
pub fn delete(permission: &Permission, name: Atom) -> Deleted {
    let Some(module) = current(name) else { return Deleted::Absent };
    if old(name).is_some() {
        return Deleted::OldPresent;
    }
    permission.stage(|ix| {
        module.retract(ix);
        let mut modules = table().write();
        let instances = modules.entry(name).or_default();
        instances.old = instances.current.take();
    });
    Deleted::Done
}

/// Forgets the old instance. The caller has made sure that no process runs in
/// it, returns into it or holds one of its literals (crate rule 5).
///
/// Gives whether there was one.
pub fn purge(_permission: &Permission, name: Atom) -> bool {
    let Some(module) = table().write().get_mut(&name).and_then(|i| i.old.take()) else {
        return false;
    };
    let module = lend(Some(module)).expect("just taken");
    for ix in 0..export::CODE_INDICES {
        // No index may keep an address in memory that goes.
        if ix != index::active() {
            module.retract(ix);
        }
    }
    module.retract_funs();
    ranges::set(module, std::ptr::null_mut());
    // The instance stays in memory: another thread may be looking an address up in it, or be
    // about to call a fun of it, and processes may hold its literals. Giving it back takes
    // thread progress and the purge of literals.
    true
}

/// Whether the export is defined by a loaded module or is a BIF.
pub fn is_defined(export: &'static Export) -> bool {
    !stub::is_undefined(export, index::active())
}
