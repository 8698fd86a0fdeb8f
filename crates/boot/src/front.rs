//! The front doors: what a command line asks for.
//!
//! | call | plan |
//! |---|---|
//! | `oxbeam [ARGS]` | what `erl ARGS` would start |
//! | as `beam.smp`, or with `-- -root R -bindir B` | the emulator with these arguments |
//! | `oxbeam exec CMD ARGS…` | that program, with an `erl` in front that is oxbeam |
//! | `oxbeam doctor` | a report |

use crate::args::{self, Context, Stop};
use crate::flags::{self, EmulatorOptions, FileNames, Parsed, Situation};
use crate::otp_root::{self, OtpRoot, Places};
use crate::release::Release;
use crate::tools;
use crate::words::Word;
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What to do.
#[derive(Clone, Debug)]
pub enum Plan {
    /// Start a virtual machine.
    Start(Box<Start>),
    /// Print and leave.
    Exit(Exit),
    /// Become another program.
    Become(Become),
    /// Report on the installation and on what this build lacks for it.
    Doctor(Result<OtpRoot, String>),
}

/// Print and leave.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Exit {
    /// For standard output.
    pub stdout: Vec<u8>,
    /// For standard error.
    pub stderr: Vec<u8>,
    /// The exit code.
    pub code: i32,
}

/// Another program to become.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Become {
    /// The program, looked for on the search path.
    pub program: Word,
    /// Its arguments.
    pub args: Vec<Word>,
    /// Variables to set.
    pub variables: Vec<(Word, Word)>,
}

/// All that a virtual machine needs to know at its start.
#[derive(Clone, Debug)]
pub struct Start {
    /// The installation.
    pub root: OtpRoot,
    /// What its release expects.
    pub release: &'static Release,
    /// The emulator's flags.
    pub options: EmulatorOptions,
    /// The arguments of `init`: everything behind the first `--`.
    pub init_args: Vec<Word>,
    /// File names are UTF-8.
    pub utf8_file_names: bool,
    /// What to do first, see [`Start::prepare`].
    before: Before,
}

/// What happens before the first thread is started.
#[derive(Clone, Debug, Default)]
struct Before {
    variables: Vec<(Word, Word)>,
    detached: bool,
    epmd_command: Option<Word>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// Reads the command line (`args`, the program's name first) and the
/// environment, and says what to do. Starts nothing and changes nothing but
/// the directory of [`tools`].
pub fn run(args: &[Word]) -> Plan {
    let name = args.first().map_or(&b"oxbeam"[..], Vec::as_slice);
    let rest = args.get(1..).unwrap_or(&[]);
    if is_emulator(name, rest) {
        return as_emulator(args).unwrap_or_else(Plan::Exit);
    }
    match rest.first().map(Vec::as_slice) {
        Some(b"exec") => exec(&rest[1..]).unwrap_or_else(Plan::Exit),
        Some(b"doctor") if rest.len() == 1 => {
            Plan::Doctor(otp_root::find(&Places::from_environment()))
        }
        _ => as_erl(rest).unwrap_or_else(Plan::Exit),
    }
}

/// `erlexec` calls the emulator by its path, or by a script's name when it
/// runs for `escript`; the fixed arguments tell it in either case.
fn is_emulator(name: &[u8], rest: &[Word]) -> bool {
    let base = name.rsplit(|b| *b == b'/').next().unwrap_or(name);
    let fixed = rest.iter().position(|word| word == b"--");
    let by_erlexec = fixed.is_some_and(|at| rest[at + 1..].first().is_some_and(|w| w == b"-root"));
    by_erlexec || (base.starts_with(b"beam") && base.ends_with(b".smp"))
}

fn sentence(text: &str) -> Exit {
    Exit { stderr: format!("oxbeam: {text}\n").into_bytes(), code: 1, ..Exit::default() }
}

fn find_root() -> Result<(OtpRoot, &'static Release), Exit> {
    let root = otp_root::find(&Places::from_environment()).map_err(|text| sentence(&text))?;
    let release = Release::of(root.otp_release).map_err(|text| sentence(&text))?;
    Ok((root, release))
}

fn bytes(path: &Path) -> Word {
    path.as_os_str().as_bytes().to_vec()
}

/// Variables that `erl`'s script sets before it runs `erlexec`.
fn runtime_variables(root: &OtpRoot, bindir: &Path) -> Vec<(Word, Word)> {
    vec![
        (b"ROOTDIR".to_vec(), bytes(&root.path)),
        (b"BINDIR".to_vec(), bytes(bindir)),
        (b"EMU".to_vec(), b"beam".to_vec()),
        (b"PROGNAME".to_vec(), b"erl".to_vec()),
    ]
}

fn as_erl(command_line: &[Word]) -> Result<Plan, Exit> {
    let (root, release) = find_root()?;
    // Nodes and tools started from inside shall run on oxbeam as well; where
    // no directory for that can be made, this node still runs.
    let bindir = tools::directory(&root).unwrap_or_else(|_| root.programs.clone());
    let mut variables = runtime_variables(&root, &bindir);
    let context = Context {
        otp_release: root.otp_release.to_string(),
        root: bytes(&root.path),
        bindir: bytes(&bindir),
        progname: b"erl".to_vec(),
        environment: oxbeam_sys::environment::list(),
    };
    let launch = match args::launch(command_line, &context) {
        Ok(launch) => launch,
        Err(Stop::Exit { stdout, stderr, code }) => return Err(Exit { stdout, stderr, code }),
        Err(Stop::Man(args)) => {
            variables.push((b"MANSECT".to_vec(), b"3erl:1:5:7".to_vec()));
            return Ok(Plan::Become(Become { program: b"man".to_vec(), args, variables }));
        }
    };
    variables.extend(launch.set_variables);
    let before = Before {
        variables,
        detached: launch.detached,
        epmd_command: launch.epmd_command,
        stdout: launch.stdout,
        stderr: Vec::new(),
    };
    start(root, release, &launch.emulator_args, before)
}

fn as_emulator(args: &[Word]) -> Result<Plan, Exit> {
    let named = args.iter().position(|word| word == b"-root").and_then(|at| args.get(at + 1));
    let (root, release) = match named {
        Some(path) => {
            let path = PathBuf::from(OsString::from_vec(path.clone()));
            let root = otp_root::open(&path).map_err(|reason| {
                sentence(&format!("the root directory is {}, but {reason}", path.display()))
            })?;
            let release = Release::of(root.otp_release).map_err(|text| sentence(&text))?;
            (root, release)
        }
        None => find_root()?,
    };
    start(root, release, args, Before::default())
}

fn start(
    root: OtpRoot,
    release: &'static Release,
    args: &[Word],
    mut before: Before,
) -> Result<Plan, Exit> {
    let situation = Situation {
        processors: oxbeam_sys::cpu::processors(),
        otp_release: root.otp_release,
        erts_version: root.erts_version.clone(),
        variables: oxbeam_sys::environment::list(),
    };
    let Parsed { options, init_args, warnings } =
        flags::parse(args, &situation).map_err(|leave| Exit {
            stdout: before.stdout.clone(),
            stderr: leave.stderr,
            code: leave.code,
        })?;
    before.stderr = warnings;
    let utf8_file_names = match options.file_names {
        FileNames::Utf8 => true,
        FileNames::Latin1 => false,
        FileNames::Locale => oxbeam_sys::host::locale_codeset() == "UTF-8",
    };
    let start = Start { root, release, options, init_args, utf8_file_names, before };
    Ok(Plan::Start(Box::new(start)))
}

impl Start {
    /// Sets variables, prints what was asked for, starts the port mapper and
    /// goes into the background. Call it once, before any thread is started.
    pub fn prepare(&self) {
        for (name, value) in &self.before.variables {
            oxbeam_sys::environment::set_before_threads(name, value);
        }
        write_ignoring_errors(&mut std::io::stdout(), &self.before.stdout);
        write_ignoring_errors(&mut std::io::stderr(), &self.before.stderr);
        if let Some(command) = &self.before.epmd_command {
            let command = OsString::from_vec(command.clone());
            // That the daemon runs already is the usual case; a node that
            // cannot reach it says so itself.
            let _ = Command::new("/bin/sh").arg("-c").arg(command).status();
        }
        if self.before.detached {
            oxbeam_sys::host::detach();
        }
    }
}

/// A closed standard output is no reason not to go on.
fn write_ignoring_errors(to: &mut dyn Write, text: &[u8]) {
    let _ = to.write_all(text).and_then(|()| to.flush());
}

fn exec(words: &[Word]) -> Result<Plan, Exit> {
    let Some((program, args)) = words.split_first() else {
        return Err(sentence("exec needs a command, such as `oxbeam exec erlc hello.erl`"));
    };
    let (root, _) = find_root()?;
    let bindir = tools::directory(&root).map_err(|text| sentence(&text))?;
    let mut path = [&bytes(&bindir)[..], b":"].concat();
    path.extend(oxbeam_sys::environment::get(b"PATH").unwrap_or_else(|| b"/usr/bin:/bin".to_vec()));
    let variables = vec![(b"PATH".to_vec(), path)];
    Ok(Plan::Become(Become { program: program.clone(), args: args.to_vec(), variables }))
}

impl Become {
    /// Replaces this process by the program; comes back only when that is
    /// impossible, with what to print then.
    pub fn carry_out(&self) -> Exit {
        use std::os::unix::process::CommandExt;
        let text = |word: &Word| OsString::from_vec(word.clone());
        let variables = self.variables.iter().map(|(name, value)| (text(name), text(value)));
        let search_path = self.variables.iter().find(|(name, _)| name == b"PATH");
        let program = find_program(&self.program, search_path.map(|(_, value)| value.as_slice()));
        let error = Command::new(program).args(self.args.iter().map(text)).envs(variables).exec();
        let code = if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 };
        let name = String::from_utf8_lossy(&self.program);
        Exit { code, ..sentence(&format!("cannot run {name}: {error}")) }
    }
}

/// The program on the new search path, or its plain name.
fn find_program(program: &[u8], search_path: Option<&[u8]>) -> PathBuf {
    let name = PathBuf::from(OsString::from_vec(program.to_vec()));
    if program.contains(&b'/') {
        return name;
    }
    let path = OsString::from_vec(search_path.unwrap_or(b"").to_vec());
    let found = std::env::split_paths(&path).map(|d| d.join(&name)).find(|p| p.is_file());
    found.unwrap_or(name)
}

/// What a build lacks for a release, for [`doctor`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Missing {
    /// Functions such as `erlang:foo/1`.
    pub bifs: Vec<String>,
    /// Natives of the static NIF modules.
    pub natives: Vec<String>,
    /// Port drivers.
    pub drivers: Vec<String>,
}

/// The text of `oxbeam doctor`, and its exit code: 0 when an installation
/// that this build knows was found.
pub fn doctor(found: &Result<OtpRoot, String>, missing: &Missing) -> Exit {
    let root = match found {
        Ok(root) => root,
        Err(text) => return sentence(text),
    };
    let mut text = format!(
        "Erlang/OTP {} in {} (runtime application {})\n",
        root.otp_version,
        root.path.display(),
        root.erts_version
    );
    let known = Release::of(root.otp_release);
    if let Err(reason) = &known {
        text.push_str(&format!("Not usable: {reason}.\n"));
    }
    let programs = ["erlexec", "erl_child_setup", "inet_gethost"];
    for program in programs.iter().filter(|p| !root.programs.join(p).exists()) {
        let path = root.programs.join(program);
        text.push_str(&format!(
            "Missing program: {} (mend: apt-get install erlang-base)\n",
            path.display()
        ));
    }
    match tools::directory(root) {
        Ok(path) => text.push_str(&format!("Programs for `oxbeam exec`: {}\n", path.display())),
        Err(reason) => text.push_str(&format!("`oxbeam exec` cannot work: {reason}.\n")),
    }
    let kinds = [
        ("built-in functions", &missing.bifs),
        ("natives", &missing.natives),
        ("port drivers", &missing.drivers),
    ];
    for (kind, names) in kinds {
        match names.is_empty() {
            true => text.push_str(&format!("No {kind} are missing from this build.\n")),
            false => text.push_str(&format!(
                "Missing from this build, {} {kind}:\n  {}\n",
                names.len(),
                names.join("\n  ")
            )),
        }
    }
    Exit { stdout: text.into_bytes(), stderr: Vec::new(), code: i32::from(known.is_err()) }
}

impl Exit {
    /// Prints what there is to print and gives the code back.
    pub fn print(&self) -> i32 {
        write_ignoring_errors(&mut std::io::stdout(), &self.stdout);
        write_ignoring_errors(&mut std::io::stderr(), &self.stderr);
        self.code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<Word> {
        line.split_whitespace().map(|w| w.as_bytes().to_vec()).collect()
    }

    #[test]
    fn the_emulator_is_known_by_name_or_arguments() {
        assert!(is_emulator(b"/x/beam.smp", &words("-S 1")));
        assert!(is_emulator(b"beam.oxbeam.smp", &[]));
        assert!(is_emulator(b"./script", &words("-S 1 -- -root /otp -bindir /b")));
        assert!(!is_emulator(b"oxbeam", &words("-noshell -- -x")));
    }

    #[test]
    fn exec_without_a_command_is_refused() {
        let Plan::Exit(exit) = run(&words("oxbeam exec")) else { panic!() };
        assert_eq!(exit.code, 1);
        assert!(exit.stderr.starts_with(b"oxbeam: exec needs a command"));
    }

    #[test]
    fn a_missing_installation_is_one_sentence() {
        let exit = doctor(&Err("no Erlang/OTP found".into()), &Missing::default());
        assert_eq!((exit.code, exit.stderr.as_slice()), (1, &b"oxbeam: no Erlang/OTP found\n"[..]));
    }

    #[test]
    fn a_bad_root_given_by_erlexec_is_named() {
        let plan = run(&words("/x/beam.smp -- -root /nonexistent -bindir /b"));
        let Plan::Exit(exit) = plan else { panic!() };
        assert!(exit.stderr.starts_with(b"oxbeam: the root directory is /nonexistent, but "));
    }
}
