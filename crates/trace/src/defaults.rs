//! Breakpoints for modules to come: `erlang:trace_pattern(on_load, ...)`.

use crate::patterns::Spec;
use crate::set::{self, Kinds, Setting, Switch, Which};
use oxbeam_code::index::{Permission, Staging};
use oxbeam_ethread::lock::Mutex;
use oxbeam_runtime::process::PidData;
use oxbeam_term::Atom;

oxbeam_ethread::lock_order! {
    /// What modules to come get.
    Defaults = 100;
}

/// What modules get when they are loaded.
#[derive(Clone, Default)]
pub struct Present {
    pub is_on: bool,
    pub kinds: Kinds,
    pub spec: Spec,
    pub meta_spec: Spec,
    pub meta_tracer: Option<PidData>,
}

static PRESENT: Mutex<Option<Present>, Defaults> = Mutex::new(None);

/// What modules get.
pub fn present() -> Present {
    PRESENT.lock().clone().unwrap_or_default()
}

/// Changes what modules get from the next load on.
pub fn change(_: &Permission, setting: &Setting) {
    let mut place = PRESENT.lock();
    let now = place.get_or_insert_default();
    let (on, kinds) = (setting.switch != Switch::Off, setting.kinds);
    if kinds.local || kinds.is_global() {
        now.spec = setting.spec.clone();
    }
    if kinds.meta {
        now.meta_spec = setting.meta_spec.clone();
        now.meta_tracer = Some(setting.meta_tracer).filter(|&pid| pid != 0);
    } else if kinds.is_global() {
        now.meta_spec = None;
        now.meta_tracer = None;
    }
    let counts = setting.switch == Switch::On;
    match (now.kinds.is_global(), kinds.is_global()) {
        (false, false) => {
            let both = |old: bool, new: bool| if on { old || new } else { old && !new };
            let counted = |old: bool, new: bool| both(old, new && (counts || !on));
            now.kinds = Kinds {
                local: both(now.kinds.local, kinds.local),
                meta: both(now.kinds.meta, kinds.meta),
                call_count: counted(now.kinds.call_count, kinds.call_count),
                call_time: counted(now.kinds.call_time, kinds.call_time),
            };
            now.is_on &= !now.kinds.is_global();
        }
        (true, true) => now.is_on = on,
        (false, true) if on => (now.kinds, now.is_on) = (kinds, true),
        (true, false) if on => {
            let call_count = kinds.call_count && counts;
            let call_time = kinds.call_time && counts;
            now.kinds = Kinds { call_count, call_time, ..kinds };
            now.is_on = !now.kinds.is_global();
        }
        _ => {}
    }
}

/// Stages the breakpoints of modules that are loaded with that staging.
pub fn stage(staging: &mut Staging, modules: &[Atom]) {
    let now = present();
    if !now.is_on {
        return;
    }
    let setting = Setting {
        switch: Switch::On,
        kinds: now.kinds,
        spec: now.spec,
        meta_spec: now.meta_spec,
        meta_tracer: now.meta_tracer.unwrap_or(0),
    };
    for &module in modules {
        set::stage(staging, Which { module: Some(module), function: None, arity: None }, &setting);
    }
}
