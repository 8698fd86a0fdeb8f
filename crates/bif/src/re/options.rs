//! The options of `re:compile` and `re:run`.

use oxbeam_regex::{Newline, Options, RunOptions};
use oxbeam_term::{Term, am};

/// What an option list says.
#[derive(Clone, Default)]
pub(super) struct Given<'h> {
    pub compile: Options,
    pub run: RunOptions,
    /// An option that only compiling has was among them.
    pub for_compile: bool,
    /// An option that only running has was among them.
    pub for_run: bool,
    pub global: bool,
    pub report_errors: bool,
    pub offset: usize,
    /// What to give back: values and type.
    pub capture: Option<(Term<'h>, Term<'h>)>,
}

impl Given<'_> {
    /// Whether captures come as lists.
    pub fn wants_lists(&self) -> bool {
        self.capture.is_some_and(|(_, kind)| kind.is(am::list))
    }
}

/// Reads a list of options. None when one is wrong.
pub(super) fn read<'h>(list: Term<'h>) -> Option<Given<'h>> {
    let mut given = Given::default();
    for option in list.list_to_vec()? {
        if let Some(name) = option.as_atom() {
            given.switch(name.name())?;
        } else if let Some([name, value]) = option.as_tuple_n::<2>() {
            given.pair(name.as_atom()?.name(), value)?;
        } else {
            let [name, values, kind] = option.as_tuple_n::<3>()?;
            if !name.is(am::capture) {
                return None;
            }
            given.capture = Some((values, kind));
            given.for_run = true;
        }
    }
    Some(given)
}

/// A number that a C int holds; a negative one is wrong.
fn natural(term: Term<'_>) -> Option<u32> {
    let number = u32::try_from(term.as_small()?).ok()?;
    (number <= i32::MAX as u32).then_some(number)
}

impl<'h> Given<'h> {
    fn pair(&mut self, name: &str, value: Term<'h>) -> Option<()> {
        if name == "newline" {
            self.compile.newline = Some(match value.as_atom()?.name() {
                "cr" => Newline::Cr,
                "lf" => Newline::Lf,
                "crlf" => Newline::CrLf,
                "anycrlf" => Newline::AnyCrLf,
                "any" => Newline::Any,
                _ => return None,
            });
            return Some(());
        }
        self.for_run = true;
        match name {
            "capture" => self.capture = Some((value, Term::atom(am::index))),
            "offset" => self.offset = natural(value)? as usize,
            "match_limit" => self.run.match_limit = Some(natural(value)?),
            "match_limit_recursion" => self.run.depth_limit = Some(natural(value)?),
            _ => return None,
        }
        Some(())
    }

    fn switch(&mut self, name: &str) -> Option<()> {
        match name {
            // Both have these.
            "anchored" => {
                self.compile.anchored = true;
                self.run.anchored = true;
            }
            "bsr_anycrlf" => self.compile.bsr_anycrlf = Some(true),
            "bsr_unicode" => self.compile.bsr_anycrlf = Some(false),
            _ if self.run_switch(name) => self.for_run = true,
            _ => {
                *self.compile_switch(name)? = true;
                self.for_compile = true;
            }
        }
        Some(())
    }

    fn run_switch(&mut self, name: &str) -> bool {
        let target = match name {
            "notempty" => &mut self.run.notempty,
            "notempty_atstart" => &mut self.run.notempty_atstart,
            "notbol" => &mut self.run.notbol,
            "noteol" => &mut self.run.noteol,
            "report_errors" => &mut self.report_errors,
            "global" => &mut self.global,
            _ => return false,
        };
        *target = true;
        true
    }

    fn compile_switch(&mut self, name: &str) -> Option<&mut bool> {
        let options = &mut self.compile;
        Some(match name {
            "unicode" => &mut options.unicode,
            "caseless" => &mut options.caseless,
            "dollar_endonly" => &mut options.dollar_endonly,
            "dotall" => &mut options.dotall,
            "extended" => &mut options.extended,
            "firstline" => &mut options.firstline,
            "multiline" => &mut options.multiline,
            "no_auto_capture" => &mut options.no_auto_capture,
            "dupnames" => &mut options.dupnames,
            "ungreedy" => &mut options.ungreedy,
            "ucp" => &mut options.ucp,
            "never_utf" => &mut options.never_utf,
            "no_start_optimize" => &mut options.no_start_optimize,
            _ => return None,
        })
    }
}
