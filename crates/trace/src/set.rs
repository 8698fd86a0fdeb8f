//! Setting breakpoints: `erlang:trace_pattern/3`.

use crate::patterns::{Calls, Count, Meta, Patterns, Spec, Timing, of_export, of_function};
use oxbeam_code::index::Staging;
use oxbeam_code::{Module, module, stub};
use oxbeam_runtime::process::PidData;
use oxbeam_term::{Atom, Export, export};
use std::sync::Arc;

/// Which functions; an outer `None` allows no inner `Some`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Which {
    pub module: Option<Atom>,
    pub function: Option<Atom>,
    pub arity: Option<i64>,
}

impl Which {
    fn is(&self, (module, function, arity): (Atom, Atom, u8)) -> bool {
        self.module.is_none_or(|wanted| wanted == module)
            && self.function.is_none_or(|wanted| wanted == function)
            && self.arity.is_none_or(|wanted| wanted == i64::from(arity))
    }
}

/// What is done with the breakpoints.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Switch {
    On,
    Off,
    /// Counters begin at zero again.
    Restart,
    /// Counters stop.
    Pause,
}

/// Kinds of breakpoints; none of them: global ones.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Kinds {
    pub local: bool,
    pub meta: bool,
    pub call_count: bool,
    pub call_time: bool,
}

impl Kinds {
    pub fn is_global(self) -> bool {
        self == Kinds::default()
    }
}

/// What is to be set.
#[derive(Clone)]
pub struct Setting {
    pub switch: Switch,
    pub kinds: Kinds,
    pub spec: Spec,
    pub meta_spec: Spec,
    pub meta_tracer: PidData,
}

/// Stages the setting for all functions that `which` stands for, in the code that is current under
/// the staging's index; gives how many there are.
pub fn stage(staging: &mut Staging, which: Which, setting: &Setting) -> usize {
    let exports = matching_exports(which, staging.index());
    exports.iter().for_each(|export| set_export(staging, export, setting));
    let functions = set_functions(staging, which, setting);
    if setting.kinds.is_global() { exports.len() } else { functions }
}

/// Stages whether calls of the functions of a module that `which` stands for go to the error handler of
/// the process instead; gives how many there are. Natives have no entry: for these nothing is staged.
pub fn stage_breaks(staging: &mut Staging, which: Which, breaks: bool) -> usize {
    each_function(staging, which, |staging, module, number| {
        if native(module, number).is_some() {
            return;
        }
        let before = of_function(module, number, staging.index());
        let after = Patterns { breaks, ..before.cloned().unwrap_or_default() };
        if before.is_some() || breaks {
            let after = (!after.is_empty()).then(|| Arc::new(after) as Arc<_>);
            staging.trace_function(module, number, after);
        }
    })
}

fn matching_exports(which: Which, ix: usize) -> Vec<&'static Export> {
    let is_there = |export: &&Export| !stub::is_undefined(export, ix);
    if let Which { module: Some(module), function: Some(function), arity: Some(arity) } = which {
        let arity = u8::try_from(arity).ok();
        let found = arity.and_then(|arity| export::find(module, function, arity));
        return found.into_iter().filter(is_there).collect();
    }
    let all = export::all().into_iter();
    all.filter(|e| which.is((e.module, e.function, e.arity))).filter(is_there).collect()
}

/// Sets or clears what is global at an export.
fn set_export(staging: &mut Staging, export: &'static Export, setting: &Setting) {
    let on = setting.switch != Switch::Off;
    if on && setting.kinds.is_global() {
        let calls = Some(Calls { local: false, spec: setting.spec.clone() });
        let patterns = Patterns { calls, ..Patterns::default() };
        return staging.trace_export(export, Some(Arc::new(patterns)));
    }
    let is_global = of_export(export, staging.index()).is_some_and(Patterns::is_global);
    if is_global && (on || setting.kinds.is_global()) {
        staging.trace_export(export, None);
    }
}

fn set_functions(staging: &mut Staging, which: Which, setting: &Setting) -> usize {
    each_function(staging, which, |staging, module, number| {
        set_function(staging, module, number, setting);
    })
}

/// Does something with each function of a module that `which` stands for; gives how many there are.
fn each_function(
    staging: &mut Staging,
    which: Which,
    mut each: impl FnMut(&mut Staging, &'static Module, usize),
) -> usize {
    let modules = match which.module {
        Some(name) => module::named_under(name, staging.index()).into_iter().collect(),
        None => module::current_under(staging.index()),
    };
    let mut count = 0;
    for module in modules {
        for (number, function) in module.functions.iter().enumerate() {
            let mfa = (module.name, function.name, function.arity);
            if which.is(mfa) {
                count += 1;
                each(staging, module, number);
            }
        }
    }
    count
}

/// The export of a function that is a native: it has its breakpoints there.
fn native(module: &Module, number: usize) -> Option<&'static Export> {
    let function = &module.functions[number];
    export::find(module.name, function.name, function.arity).filter(|e| e.bif().is_some())
}

fn set_function(staging: &mut Staging, module: &'static Module, number: usize, setting: &Setting) {
    let ix = staging.index();
    let native = native(module, number);
    let before = match native {
        Some(export) => of_export(export, ix),
        None => of_function(module, number, ix),
    };
    let after = match before {
        // Where natives have both at one place the global one has been set already.
        Some(patterns) if patterns.is_global() => return,
        Some(_) if setting.kinds.is_global() && setting.switch != Switch::Off => {
            Patterns::default()
        }
        _ if setting.kinds.is_global() => return,
        before => changed(before.cloned().unwrap_or_default(), setting),
    };
    if before.is_none() && after.is_empty() {
        return;
    }
    let after = (!after.is_empty()).then(|| Arc::new(after) as Arc<_>);
    match native {
        Some(export) => staging.trace_export(export, after),
        None => staging.trace_function(module, number, after),
    }
}

fn changed(mut patterns: Patterns, setting: &Setting) -> Patterns {
    let Setting { switch, kinds, spec, meta_spec, meta_tracer } = setting;
    let on = *switch != Switch::Off;
    // To pause or restart what is not there sets nothing.
    let is_new = patterns.is_empty();
    let may_set = matches!(switch, Switch::On) || !is_new;
    if kinds.local {
        patterns.calls = on.then(|| Calls { local: true, spec: spec.clone() });
    }
    if kinds.meta {
        patterns.meta = on.then(|| Meta::new(meta_spec.clone(), *meta_tracer));
    }
    if kinds.call_count {
        patterns.count = match (switch, patterns.count.take()) {
            (Switch::Off, _) => None,
            (Switch::Pause, Some(count)) => Some(Count { active: false, ..count }),
            (_, before) if before.is_some() || may_set => {
                Some(Count { calls: Arc::default(), active: true })
            }
            _ => None,
        };
    }
    if kinds.call_time {
        patterns.time = match (switch, patterns.time.take()) {
            (Switch::Off, _) => None,
            (Switch::Pause, Some(time)) => Some(Timing { active: false, ..time }),
            (_, before) if before.is_some() || may_set => {
                Some(Timing { times: Arc::default(), active: true })
            }
            _ => None,
        };
    }
    patterns
}
