//! How natives are called: BIFs and the functions of static NIF modules.
//!
//! 1. A native runs on the thread that holds the process's ownership, between two instructions.
//!    It gets the heap by shared borrow, so it can allocate and nothing that it sees can move;
//!    the caller collects after it has returned, if the heap asks for it.
//! 2. A native never calls Erlang code and never blocks: it returns a [`Flow`] that says what
//!    the engine does next.
//! 3. A native pays for its work in reductions with [`Cx::bump`].

use crate::process::{ProcState, Process};
use crate::yielding::Begin;
use oxbeam_heap::Heap;
use oxbeam_term::{Atom, Export, Term, am};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// A native: gets its arguments, gives its value or what happens instead.
pub type NativeFn = for<'h> fn(&mut Cx<'h>, &[Term<'h>]) -> NativeResult<'h>;

/// Value of a native.
pub type NativeResult<'h> = Result<Term<'h>, Flow<'h>>;

/// What a native works with: its process's heap and state.
pub struct Cx<'h> {
    pub heap: &'h Heap,
    /// The rest of what the process owns.
    pub own: &'h mut ProcState,
    pub process: &'h Arc<Process>,
    /// Reductions left in this turn; may fall below zero.
    pub reductions: i64,
}

impl<'h> Cx<'h> {
    /// Charges `reductions`.
    pub fn bump(&mut self, reductions: usize) {
        self.reductions -= reductions as i64;
    }
    /// Whether the process, when it is back between two turns, has no turn to go until it is resumed.
    pub fn is_suspended(&self) -> bool {
        self.own.suspend_count > 0 || self.process.state.is_suspended()
    }
    /// The pid of the process that runs the native.
    pub fn self_pid(&self) -> Term<'h> {
        Term::pid(self.process.pid)
    }
    /// A new magic reference that holds `value`.
    pub fn new_magic_ref(&self, value: impl std::any::Any + Send + Sync) -> Term<'h> {
        let block = oxbeam_term::Binary::new_magic(Box::new(value));
        // SAFETY: the block is fresh and its one reference is given away.
        unsafe { self.heap.magic_ref(crate::reference::new_numbers(), block) }
    }
    /// The process that spawned this one, or `undefined`.
    pub fn parent(&self) -> Term<'h> {
        // SAFETY: the parent is a root of this heap.
        unsafe { self.heap.brand(self.own.parent) }
    }
    /// The process's group leader.
    pub fn group_leader(&self) -> Term<'h> {
        // SAFETY: the leader is a root of this heap.
        unsafe { self.heap.brand(self.own.group_leader) }
    }
}

/// Class of an exception.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    Error,
    Exit,
    Throw,
}

impl Class {
    pub fn atom(self) -> Atom {
        match self {
            Class::Error => am::error,
            Class::Exit => am::exit,
            Class::Throw => am::throw,
        }
    }
    pub fn from_atom(atom: Atom) -> Option<Class> {
        [Class::Error, Class::Exit, Class::Throw].into_iter().find(|class| class.atom() == atom)
    }
}

/// An exception that a native raises.
pub struct Raise<'h> {
    pub class: Class,
    pub reason: Term<'h>,
    /// A stack trace to use instead of the current one (`erlang:raise/3`).
    pub stacktrace: Option<Term<'h>>,
    /// The arguments that the trace shows for the native's own frame, when not its own
    /// (`erlang:error/2,3`): a list, or `none`.
    pub args: Option<Term<'h>>,
    /// `error_info` map for the trace's first frame; natives of modules with an error module get
    /// one made from the table when this is absent and the reason is `badarg` or the like.
    pub error_info: Option<Term<'h>>,
}

/// What happens instead of a plain return.
pub enum Flow<'h> {
    Raise(Box<Raise<'h>>),
    /// Go on in an Erlang function (or another native): its value is the native's.
    Trap {
        export: &'static Export,
        args: Vec<Term<'h>>,
    },
    /// Call a fun with these arguments: its value is the native's (`apply/2`).
    Apply {
        fun: Term<'h>,
        args: Vec<Term<'h>>,
    },
    /// Go on at an instruction, a function without arguments: its value is the native's.
    Enter(*const u64),
    /// Return this value and end the turn.
    Yield(Term<'h>),
    /// The work is long: go on with the native's yielding form, which begins anew with the same
    /// arguments (see [`crate::yielding`]).
    Long(Begin),
    /// End the turn and call this native again, with the same arguments.
    Retry,
    /// Run this native instead, on a dirty scheduler, with the same arguments; it returns,
    /// raises or traps, and has no use of [`Cx::own`].
    Dirty(RunOn, NativeFn),
    /// Leave the processor and call this native again, with the same arguments, when a signal
    /// or [`Process::wake`] has made the process runnable.
    Wait,
    /// End the turn and call this native again with these arguments.
    Again(Vec<Term<'h>>),
    /// Drop the stack and wait for a message, then apply (`erlang:hibernate/3`).
    Hibernate {
        export: &'static Export,
        args: Vec<Term<'h>>,
    },
    /// The process is to end at once with the reason in its state.
    Exiting,
}

impl<'h> Flow<'h> {
    pub fn raise(class: Class, reason: Term<'h>) -> Flow<'h> {
        let none = None;
        Flow::Raise(Box::new(Raise {
            class,
            reason,
            stacktrace: none,
            args: none,
            error_info: none,
        }))
    }
    /// An error with an atom as its reason.
    pub fn error(reason: Atom) -> Flow<'h> {
        Flow::raise(Class::Error, Term::atom(reason))
    }
    pub fn badarg() -> Flow<'h> {
        Flow::error(am::badarg)
    }
    pub fn badarith() -> Flow<'h> {
        Flow::error(am::badarith)
    }
    pub fn system_limit() -> Flow<'h> {
        Flow::error(am::system_limit)
    }
    /// `{badmap, Term}`
    pub fn badmap(heap: &'h Heap, term: Term<'h>) -> Flow<'h> {
        Flow::raise(Class::Error, heap.tagged(am::badmap, [term]))
    }
    /// `{badkey, Key}`
    pub fn badkey(heap: &'h Heap, key: Term<'h>) -> Flow<'h> {
        Flow::raise(Class::Error, heap.tagged(am::badkey, [key]))
    }
    /// An error whose `error_info` names its cause: `#{cause => Cause}`-like maps are made by
    /// the engine from this term.
    pub fn error_with(reason: Atom, error_info: Term<'h>) -> Flow<'h> {
        let flow = Flow::error(reason);
        match flow {
            Flow::Raise(mut raise) => {
                raise.error_info = Some(error_info);
                Flow::Raise(raise)
            }
            other => other,
        }
    }
    /// `badarg` whose cause is a bad option.
    pub fn badopt() -> Flow<'h> {
        Flow::error_with(am::badarg, Term::atom(am::badopt))
    }
    /// Trap to an exported function.
    pub fn trap(module: Atom, function: Atom, args: &[Term<'h>]) -> Flow<'h> {
        let export = oxbeam_term::export::get_or_create(module, function, args.len() as u8);
        Flow::Trap { export, args: args.to_vec() }
    }
}

/// Where a native is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RunOn {
    Normal,
    DirtyCpu,
    DirtyIo,
}

/// A row of the BIF table.
pub struct Native {
    pub module: &'static str,
    pub function: &'static str,
    pub arity: u8,
    pub call: NativeFn,
    /// May be called in a guard and changes nothing.
    pub guard: bool,
    pub run_on: RunOn,
    /// The form that may take several turns; `call` asks for it ([`Flow::Long`]) when it sees
    /// that the work is long.
    pub long: Option<Begin>,
    /// Not written yet, and what it waits for: `call` raises an error that names it.
    pub missing: Option<&'static str>,
}

/// `(function, arity, native, where)`. One for a dirty scheduler returns, raises or traps, and has no use
/// of [`Cx::own`].
pub type NifFunction = (&'static str, u8, NativeFn, RunOn);

/// The functions of a static NIF module: what `erlang:load_nif/2` binds.
pub struct StaticNif {
    pub module: &'static str,
    pub functions: &'static [NifFunction],
}

/// A module that the runtime brings along. The first call of one of its functions, while it is not
/// loaded, is a call of `load` instead, with the same arguments: it traps to the function when
/// the module is there.
pub struct OwnModule {
    pub name: &'static str,
    pub load: NativeFn,
}

struct Tables {
    bifs: &'static [Native],
    nifs: HashMap<Atom, &'static StaticNif>,
    own_modules: HashMap<Atom, NativeFn>,
}

static TABLES: OnceLock<Tables> = OnceLock::new();

/// Installs the tables and binds each BIF's export entry to its row. Once, at boot.
pub fn install(bifs: &'static [Native], nifs: &[&'static StaticNif], own: &[OwnModule]) {
    let atom = |name: &str| Atom::new(name).expect("room for the names of natives");
    for (row, bif) in bifs.iter().enumerate() {
        let (module, function) = (atom(bif.module), atom(bif.function));
        oxbeam_term::export::get_or_create(module, function, bif.arity).set_bif(row);
    }
    let nifs = nifs.iter().map(|nif| (atom(nif.module), *nif)).collect();
    let own_modules = own.iter().map(|module| (atom(module.name), module.load)).collect();
    TABLES.set(Tables { bifs, nifs, own_modules }).ok().expect("natives are installed once");
}

/// The BIF table.
pub fn bifs() -> &'static [Native] {
    TABLES.get().map_or(&[], |tables| tables.bifs)
}

/// The static NIF module of that name.
pub fn static_nif(module: Atom) -> Option<&'static StaticNif> {
    TABLES.get()?.nifs.get(&module).copied()
}

/// What loads a module that the runtime brings along; see [`OwnModule`].
pub fn own_module(name: Atom) -> Option<NativeFn> {
    TABLES.get()?.own_modules.get(&name).copied()
}
