//! What a breakpoint does.

use oxbeam_code::breakpoint::Breakpoint;
use oxbeam_code::{Module, stub};
use oxbeam_ethread::Atomic64;
use oxbeam_ethread::AtomicU64;
use oxbeam_match_spec::Program;
use oxbeam_runtime::process::PidData;
use oxbeam_runtime::trace::call_time::Times;
use oxbeam_term::Export;
use std::any::Any;
use std::sync::Arc;

/// A match specification; `None`: all calls.
pub type Spec = Option<Arc<Program>>;

/// What a breakpoint does; see the crate's rule 1.
#[derive(Clone, Default)]
pub struct Patterns {
    pub calls: Option<Calls>,
    pub meta: Option<Meta>,
    pub count: Option<Count>,
    pub time: Option<Timing>,
    /// The call goes to the error handler of the process instead: `erts_debug:breakpoint/2`.
    pub breaks: bool,
}

/// Calls are told to the tracers of the processes that call.
#[derive(Clone)]
pub struct Calls {
    /// Else they are calls of an export.
    pub local: bool,
    pub spec: Spec,
}

/// Calls of all processes are told to one tracer.
#[derive(Clone)]
pub struct Meta {
    pub spec: Spec,
    /// Its pid; 0 when it has ended.
    tracer: Arc<AtomicU64>,
}

impl Meta {
    pub fn new(spec: Spec, tracer: PidData) -> Meta {
        Meta { spec, tracer: Arc::new(AtomicU64::new(tracer)) }
    }
    pub fn tracer(&self) -> Option<PidData> {
        Some(self.tracer.read()).filter(|&pid| pid != 0)
    }
    pub(crate) fn tracer_has_ended(&self) {
        self.tracer.set(0);
    }
}

/// Calls are counted.
#[derive(Clone)]
pub struct Count {
    pub calls: Arc<Atomic64>,
    pub active: bool,
}

/// Calls are counted and timed, for each process.
#[derive(Clone)]
pub struct Timing {
    pub times: Arc<Times>,
    pub active: bool,
}

impl Patterns {
    /// Whether it does nothing.
    pub fn is_empty(&self) -> bool {
        let tells = self.calls.is_some() || self.meta.is_some();
        !tells && self.count.is_none() && self.time.is_none() && !self.breaks
    }
    /// Whether it is for calls of an export.
    pub fn is_global(&self) -> bool {
        self.calls.as_ref().is_some_and(|calls| !calls.local)
    }
}

/// The patterns in a breakpoint's place.
pub(crate) fn of(place: Option<&Arc<dyn Any + Send + Sync>>) -> Option<&Patterns> {
    place?.downcast_ref()
}

/// What the breakpoint of a function of a module does, under an index that may be read.
pub fn of_function(module: &Module, number: usize, ix: usize) -> Option<&Patterns> {
    of(module.breakpoint(number).and_then(|breakpoint| breakpoint.under(ix)))
}

/// What the breakpoint of an export does, under an index that may be read.
pub fn of_export(export: &Export, ix: usize) -> Option<&'static Patterns> {
    let breakpoint: &'static Breakpoint = stub::breakpoint(export)?;
    of(breakpoint.under(ix)).filter(|_| stub::is_traced(export, ix))
}
