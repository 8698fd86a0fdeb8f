//! The settings of `open_port`.

use super::Presentation;
use crate::names::to_native;
use oxbeam_term::{Term, am};

/// Settings, with their defaults.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Settings {
    pub presentation: Presentation,
    pub packet_bytes: usize,
    pub nouse_stdio: bool,
    pub stderr_to_stdout: bool,
    pub exit_status: bool,
    pub parallelism: Option<bool>,
    input: bool,
    output: bool,
    /// Changes to the environment, in order; None takes a variable away.
    pub environment: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    pub arguments: Option<Vec<Vec<u8>>>,
    pub first_argument: Option<Vec<u8>>,
    pub directory: Option<Vec<u8>>,
}

impl Settings {
    /// Whether the port reads, and writes; both when neither was said.
    pub fn directions(&self) -> (bool, bool) {
        match (self.input, self.output) {
            (false, false) => (true, true),
            said => said,
        }
    }

    /// Reads a list of settings. None when one is wrong.
    pub fn read(list: Term<'_>) -> Option<Settings> {
        let mut settings = Settings::default();
        for setting in list.list_to_vec()? {
            settings.take(setting)?;
        }
        let lines = settings.presentation.line.is_some();
        let contradiction =
            lines && settings.packet_bytes > 0 || settings.stderr_to_stdout && settings.nouse_stdio;
        (!contradiction).then_some(settings)
    }

    fn take(&mut self, setting: Term<'_>) -> Option<()> {
        if let Some([name, value]) = setting.as_tuple_n::<2>() {
            return self.take_pair(name.as_atom()?.name(), value);
        }
        match setting.as_atom()?.name() {
            "stream" => self.packet_bytes = 0,
            "use_stdio" => self.nouse_stdio = false,
            "nouse_stdio" => self.nouse_stdio = true,
            "stderr_to_stdout" => self.stderr_to_stdout = true,
            "line" => self.presentation.line = Some(512),
            "binary" => self.presentation.binary = true,
            "in" => self.input = true,
            "out" => self.output = true,
            "eof" => self.presentation.eof = true,
            "exit_status" => self.exit_status = true,
            // These mean something on another system only.
            "hide" | "overlapped_io" => {}
            _ => return None,
        }
        Some(())
    }

    fn take_pair(&mut self, name: &str, value: Term<'_>) -> Option<()> {
        match name {
            "packet" => {
                let bytes = value.as_small()?;
                self.packet_bytes = [1, 2, 4].into_iter().find(|n| *n as i64 == bytes)?;
            }
            "line" => {
                let limit = value.as_usize().filter(|limit| *limit > 0)?;
                self.presentation.line = Some(limit);
            }
            "env" => self.environment = environment(value)?,
            "args" => {
                let arguments = value.list_to_vec()?;
                self.arguments = Some(arguments.into_iter().map(to_native).collect::<Option<_>>()?);
            }
            "arg0" => self.first_argument = Some(to_native(value)?),
            "cd" => self.directory = Some(to_native(value)?),
            "parallelism" => self.parallelism = Some(value.as_bool()?),
            "busy_limits_port" | "busy_limits_msgq" => limits(value)?,
            _ => return None,
        }
        Some(())
    }
}

/// `disabled` or a pair of sizes. The limits of this runtime are its own.
fn limits(value: Term<'_>) -> Option<()> {
    if value.as_atom().is_some_and(|atom| atom.name() == "disabled") {
        return Some(());
    }
    let [low, high] = value.as_tuple_n::<2>()?;
    (low.as_usize()? > 0 && high.as_usize()? > 0).then_some(())
}

fn environment(list: Term<'_>) -> Option<Vec<(Vec<u8>, Option<Vec<u8>>)>> {
    let pair = |pair: Term<'_>| {
        let [name, value] = pair.as_tuple_n::<2>()?;
        let name = to_native(name).filter(|name| !name.is_empty() && !name.contains(&b'='))?;
        let value = if value.is(am::false_) { None } else { Some(to_native(value)?) };
        Some((name, value))
    };
    list.list_to_vec()?.into_iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::atom;
    use oxbeam_heap::Heap;

    fn pair<'h>(heap: &'h Heap, name: &str, value: Term<'h>) -> Term<'h> {
        heap.tagged(atom(name), [value])
    }

    #[test]
    fn settings_are_read() {
        let heap = Heap::detached();
        let variable = heap.tuple(&[heap.list_of_bytes(b"A"), heap.list_of_bytes(b"1")]);
        let removed = heap.tuple(&[heap.list_of_bytes(b"B"), Term::bool(false)]);
        let list = heap.list(&[
            Term::atom(atom("binary")),
            pair(&heap, "packet", heap.int(4)),
            pair(&heap, "env", heap.list(&[variable, removed])),
            pair(&heap, "args", heap.list(&[heap.binary(b"x")])),
            Term::atom(atom("in")),
        ]);
        let settings = Settings::read(list).unwrap();
        assert!(settings.presentation.binary && settings.packet_bytes == 4);
        assert_eq!(settings.directions(), (true, false));
        let expected = [(b"A".to_vec(), Some(b"1".to_vec())), (b"B".to_vec(), None)];
        assert_eq!(settings.environment, expected);
        assert_eq!(settings.arguments, Some(vec![b"x".to_vec()]));
    }

    #[test]
    fn contradictions_and_strangers_are_refused() {
        let heap = Heap::detached();
        let line = Term::atom(atom("line"));
        let refused = [
            heap.list(&[line, pair(&heap, "packet", heap.int(1))]),
            heap.list(&[pair(&heap, "packet", heap.int(3))]),
            heap.list(&[Term::atom(atom("foo"))]),
            heap.list(&[pair(&heap, "line", heap.int(0))]),
            heap.list_onto(&[line], Term::atom(atom("in"))),
        ];
        assert!(refused.iter().all(|list| Settings::read(*list).is_none()));
    }
}
