//! The lists of flags that say what is traced, and by whom.

use oxbeam_runtime::process::PidData;
use oxbeam_runtime::trace::flags::{self, Flags};
use oxbeam_term::{Atom, Term};

/// What a list of flags says.
#[derive(Clone, Copy, Default)]
pub struct Options {
    pub flags: Flags,
    pub tracer: Option<PidData>,
    pub cpu_timestamp: bool,
}

/// Reads `[Flag | {tracer, Pid}]`. `None`: it is none.
pub fn parse(list: Term<'_>) -> Option<Options> {
    let mut options = Options::default();
    let mut items = list.list();
    for item in items.by_ref() {
        match item.as_atom() {
            Some(flag) if flag.name() == "cpu_timestamp" => options.cpu_timestamp = true,
            Some(flag) => options.flags |= flags::of_name(flag)?,
            None => options.tracer = Some(tracer(item, "tracer")?),
        }
    }
    items.rest().is_nil().then_some(options)
}

/// Reads `{Tag, Pid}` or `{Tag, erl_tracer, Pid}`: a tracer is a process.
pub fn tracer(term: Term<'_>, tag: &str) -> Option<PidData> {
    let tagged = |term: Term<'_>| term.as_atom().is_some_and(|atom: Atom| atom.name() == tag);
    let plain = |term: Term<'_>| term.as_atom().is_some_and(|a: Atom| a.name() == "erl_tracer");
    if let Some([first, pid]) = term.as_tuple_n() {
        return pid.as_local_pid().filter(|_| tagged(first));
    }
    let [first, module, pid] = term.as_tuple_n()?;
    pid.as_local_pid().filter(|_| tagged(first) && plain(module))
}
