//! What `erlexec` makes of the arguments of `erl`.
//!
//! 1. Sources are merged in this order: `ERL_OTP<release>_FLAGS`,
//!    `ERL_AFLAGS`, the command line, `ERL_FLAGS`, `ERL_ZFLAGS`. Each source
//!    but the last command line word ends in `--`. `-args_file F` is replaced
//!    by the words of F, nested as deep as the files go. What follows
//!    `-extra` in any source is moved behind one `-extra` at the very end.
//! 2. `+x` words are for the emulator and become `-x` in front of the first
//!    `--`; everything else is for `init`.
//! 3. Some words mean something here and are consumed or rewritten:
//!    `-env`, `-detached`, `-noinput`, `-compile`, `-make`, `-version`,
//!    `-emu_args…`, `-name` and `-sname` (which start epmd).

use crate::words::{Source, Word, split};
use std::path::Path;

/// What surrounds the command line.
#[derive(Clone, Debug)]
pub struct Context {
    /// OTP release number, for the name of `ERL_OTP25_FLAGS`.
    pub otp_release: String,
    /// The OTP root, as `-root` shall say.
    pub root: Word,
    /// The directory of the runtime's programs.
    pub bindir: Word,
    /// The name of the program, as `-progname` shall say.
    pub progname: Word,
    /// The environment.
    pub environment: Vec<(Word, Word)>,
}

impl Context {
    fn variable(&self, name: &str) -> Option<&[u8]> {
        let found = self.environment.iter().find(|(key, _)| key == name.as_bytes());
        found.map(|(_, value)| value.as_slice())
    }

    fn emulator_path(&self) -> Word {
        [&self.bindir[..], b"/beam.smp"].concat()
    }
}

/// Why there is nothing to start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stop {
    /// Print and leave with a code.
    Exit {
        /// For standard output.
        stdout: Vec<u8>,
        /// For standard error.
        stderr: Vec<u8>,
        /// The exit code.
        code: i32,
    },
    /// `-man`: become the `man` program with these arguments.
    Man(Vec<Word>),
}

/// The emulator's command line and what to do before it starts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Launch {
    /// The arguments as `beam.smp` would get them, its own name first.
    pub emulator_args: Vec<Word>,
    /// Variables to set, in order.
    pub set_variables: Vec<(Word, Word)>,
    /// Become a background process first.
    pub detached: bool,
    /// A command for the shell that starts the port mapper daemon.
    pub epmd_command: Option<Word>,
    /// For standard output before the start (`-emu_args`).
    pub stdout: Vec<u8>,
}

const USAGE: &str = "Usage: erl [-version] [-sname NAME | -name NAME] [-noshell] [-noinput] \
[-env VAR VALUE] [-compile file ...] [-make] [-man [manopts] MANPAGE] [-x] [-emu_args] \
[-start_epmd BOOLEAN] [-emu_type TYPE] [-emu_flavor FLAVOR] [-args_file FILENAME] [+A THREADS] \
[+a SIZE] [+B[c|d|i]] [+c [BOOLEAN]] [+C MODE] [+dcg DECENTRALIZED_COUNTER_GROUPS_LIMIT] \
[+h HEAP_SIZE_OPTION] [+J[Pperf] JIT_OPTION] [+M<SUBSWITCH> <ARGUMENT>] [+P MAX_PROCS] \
[+Q MAX_PORTS] [+R COMPAT_REL] [+r] [+rg READER_GROUPS_LIMIT] [+s<SUBSWITCH> SCHEDULER_OPTION] \
[+S NO_SCHEDULERS:NO_SCHEDULERS_ONLINE] \
[+SP PERCENTAGE_SCHEDULERS:PERCENTAGE_SCHEDULERS_ONLINE] [+T LEVEL] [+V] [+v] [+W<i|w|e>] \
[+z MISC_OPTION] [args ...]\n";

fn usage_after(message: &[&[u8]]) -> Stop {
    let mut stderr = message.concat();
    stderr.extend_from_slice(USAGE.as_bytes());
    Stop::Exit { stdout: Vec::new(), stderr, code: 1 }
}

fn missing_argument(option: &[u8]) -> Stop {
    usage_after(&[b"Missing argument(s) for '", option, b"'.\n"])
}

fn error(message: &[u8]) -> Stop {
    let stderr = [b"erlexec: ", message, b"\n"].concat();
    Stop::Exit { stdout: Vec::new(), stderr, code: 1 }
}

/// Works out what to start from the words of the command line (without the
/// program's name).
///
/// Errors: [`Stop`] where `erlexec` would leave.
pub fn launch(command_line: &[Word], context: &Context) -> Result<Launch, Stop> {
    let words = merge(command_line, context)?;
    check_emulator_choice(&words)?;
    Builder::new(context, &words).run()
}

/// Words before and after `-extra`.
#[derive(Default)]
struct Merged {
    plain: Vec<Word>,
    extra: Vec<Word>,
}

fn merge(command_line: &[Word], context: &Context) -> Result<Vec<Word>, Stop> {
    let otp_flags = format!("ERL_OTP{}_FLAGS", context.otp_release);
    let from = |name: &str| split(context.variable(name).unwrap_or(b""), Source::Environment);
    let before = [from(&otp_flags), from("ERL_AFLAGS")];
    let after = [from("ERL_FLAGS"), from("ERL_ZFLAGS")];
    let others = before.iter().chain(&after).any(|words| !words.is_empty());
    let own = command_line.iter().take_while(|w| *w != b"-extra");
    if !others && !own.into_iter().any(|w| w == b"-args_file") {
        return Ok(command_line.to_vec());
    }
    let mut merged = Merged::default();
    for words in &before {
        merged.add_source(words)?;
    }
    if !command_line.is_empty() {
        merged.add_source(command_line)?;
        merged.plain.push(b"--".to_vec());
    }
    for words in &after {
        merged.add_source(words)?;
    }
    if !merged.extra.is_empty() {
        merged.plain.push(b"-extra".to_vec());
        merged.plain.append(&mut merged.extra);
    }
    Ok(merged.plain)
}

impl Merged {
    fn add_source(&mut self, words: &[Word]) -> Result<(), Stop> {
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            if word == b"-args_file" {
                let name = rest.next().ok_or_else(|| missing_argument(word))?;
                self.add_file(name)?;
            } else if word == b"-extra" {
                self.extra.extend(rest.cloned());
                return Ok(());
            } else {
                self.plain.push(word.clone());
            }
        }
        Ok(())
    }

    /// Adds a file and the files it names. What follows a nested file is taken
    /// up after it; a file's `-extra` ends that file only.
    fn add_file(&mut self, name: &[u8]) -> Result<(), Stop> {
        let mut open = vec![read_file(name)?.into_iter()];
        while let Some(words) = open.last_mut() {
            match words.next() {
                None => drop(open.pop()),
                Some(word) if word == b"-args_file" => {
                    let name = words.next().ok_or_else(|| missing_argument(&word))?;
                    open.push(read_file(&name)?.into_iter());
                }
                Some(word) if word == b"-extra" => {
                    self.extra.extend(words);
                    open.pop();
                }
                Some(word) => self.plain.push(word),
            }
        }
        Ok(())
    }
}

fn read_file(name: &[u8]) -> Result<Vec<Word>, Stop> {
    use std::os::unix::ffi::OsStrExt;
    let path = Path::new(std::ffi::OsStr::from_bytes(name));
    match std::fs::read(path) {
        Ok(text) => Ok(split(&text, Source::File)),
        Err(error) => {
            let reason = system_text(&error);
            let message = if path.is_dir() {
                [b"Failed to read arguments file \"", name, b"\": ", reason.as_bytes(), b"\n"]
                    .concat()
            } else {
                let here = std::env::current_dir().unwrap_or_default();
                let here = here.as_os_str().as_bytes();
                let opening: &[u8] = b"Failed to open arguments file \"";
                [opening, name, b"\" at \"", here, b"\": ", reason.as_bytes(), b"\n"].concat()
            };
            Err(usage_after(&[&message]))
        }
    }
}

/// The system's words for an error, without the number Rust adds.
fn system_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// `-emu_type` and `-emu_flavor` choose among emulators; this is the only one.
fn check_emulator_choice(words: &[Word]) -> Result<(), Stop> {
    let (mut kind, mut flavor) = (b"opt".to_vec(), b"smp".to_vec());
    let mut rest = words.iter().take_while(|w| *w != b"-extra").peekable();
    while let Some(word) = rest.next() {
        let target = match word.as_slice() {
            b"-emu_type" => &mut kind,
            b"-emu_flavor" => &mut flavor,
            b"-smpdisable" => return Err(smp_disable()),
            b"-smp" if rest.peek().is_some_and(|next| *next == b"disable") => {
                return Err(smp_disable());
            }
            _ => continue,
        };
        match rest.next() {
            Some(value) if value != b"--" => *target = value.clone(),
            _ => return Err(missing_argument(word)),
        }
    }
    let known = matches!(kind.as_slice(), b"opt" | b"oxbeam") && flavor == b"smp";
    if known {
        return Ok(());
    }
    let choices: &[u8] = b"Invalid emulator type or flavor. Available combinations are: \n  \
                           -emu_flavor smp\n";
    Err(error(choices))
}

fn smp_disable() -> Stop {
    usage_after(&[b"Argument '-smp disable' not supported. Use \"+S 1\" instead.\n"])
}

/// How the emulator flag at hand takes its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shape {
    /// The next word is its value.
    ValueFollows,
    /// It stands alone, its value (if it has one) glued to it.
    Alone,
    /// No such flag for `erlexec`.
    Refused,
}

const ALLOCATOR_LETTERS: &[u8] = b"uBIDEFHLRSTZ";
const ALLOCATOR_SWITCHES: &[&str] = &[
    "as", "asbcst", "atags", "acul", "acnl", "acfml", "acful", "cp", "e", "t", "lmbcs", "mbcgs",
    "mbsd", "mmbcs", "mmmbc", "mmsbc", "msbclt", "ramv", "rmbcmt", "rsbcmt", "rsbcst", "sbct",
    "smbcs",
];
const MEMORY_SWITCHES: &[&str] = &[
    "ea", "ummc", "uycs", "usac", "im", "is", "lpm", "Mamcbf", "Mrmcbf", "Mmcs", "Mscs", "Mscrfsd",
    "Msco", "Mscrpm", "Ye", "Ym", "Ytp", "Ytt", "Iscs", "Xscs", "dai",
];
const SCHEDULER_SWITCHES: &[&str] = &[
    "bt", "bwtdcpu", "bwtdio", "bwt", "cl", "ct", "ecio", "fwi", "tbt", "wct", "wtdcpu", "wtdio",
    "wt", "ws", "ss", "ssdcpu", "ssdio", "pp", "ub",
];
const HEAP_SWITCHES: &[&str] = &["ms", "mbs", "pds", "max", "maxk", "maxel", "mqd", ""];
const OTHER_SWITCHES: &[&str] = &["dbbl", "dntgc", "ebwt", "osrl", "share"];

fn shape(flag: &[u8]) -> Shape {
    let rest = flag.get(2..).unwrap_or(b"");
    let one_of = |names: &[&str]| match names.iter().any(|name| name.as_bytes() == rest) {
        true => Shape::ValueFollows,
        false => Shape::Alone,
    };
    match flag.get(1) {
        Some(b'a' | b'A' | b'C' | b'e' | b'i' | b'n' | b'P') => one_of(&[""]),
        Some(b'Q' | b't' | b'T' | b'R' | b'W' | b'K') => one_of(&[""]),
        Some(b'I') => match rest {
            b"Ot" | b"Op" | b"OPt" | b"OPp" | b"Os" => Shape::ValueFollows,
            _ if rest.starts_with(b"Ot") || rest.starts_with(b"Op") => Shape::Alone,
            _ if rest.starts_with(b"OPt") || rest.starts_with(b"OPp") => Shape::Alone,
            _ if rest.starts_with(b"Os") => Shape::Alone,
            _ => Shape::Refused,
        },
        Some(b'J') => Shape::ValueFollows,
        Some(b'S') => scheduler_count_shape(rest),
        Some(b'M') => {
            let of_allocator = rest.first().is_some_and(|l| ALLOCATOR_LETTERS.contains(l))
                && ALLOCATOR_SWITCHES.iter().any(|name| name.as_bytes() == &rest[1..]);
            if of_allocator { Shape::ValueFollows } else { one_of(MEMORY_SWITCHES) }
        }
        Some(b'h') => one_of(HEAP_SWITCHES),
        Some(b'r') => one_of(&["g"]),
        Some(b's') => one_of(SCHEDULER_SWITCHES),
        Some(b'p') => one_of(&["c"]),
        Some(b'z') => one_of(OTHER_SWITCHES),
        _ => Shape::Alone,
    }
}

fn scheduler_count_shape(rest: &[u8]) -> Shape {
    match rest {
        b"" | b"P" | b"Dcpu" | b"DPcpu" | b"Dio" => Shape::ValueFollows,
        _ if !rest.starts_with(b"D") => Shape::Alone,
        _ if [&b"Dcpu"[..], b"DPcpu", b"Dio"].iter().any(|p| rest.starts_with(p)) => Shape::Alone,
        _ => Shape::Refused,
    }
}

/// Sorts merged words into emulator and init arguments.
struct Builder<'a> {
    context: &'a Context,
    words: &'a [Word],
    next: usize,
    emulator: Vec<Word>,
    init: Vec<Word>,
    variables: Vec<(Word, Word)>,
    detached: bool,
    distributed: bool,
    start_epmd: bool,
    no_epmd: bool,
    proto_dist: bool,
    halt_afterwards: bool,
    epmd: Option<Word>,
    report: Report,
}

/// What the `-emu_…` words ask to be printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Report {
    Nothing,
    Command,
    ArgumentsAndExit,
    QuotedAndExit,
}

impl<'a> Builder<'a> {
    fn new(context: &'a Context, words: &'a [Word]) -> Builder<'a> {
        let name = context.variable("ESCRIPT_NAME").map(<[u8]>::to_vec);
        let mut builder = Builder {
            context,
            words,
            next: 0,
            emulator: vec![name.unwrap_or_else(|| context.emulator_path())],
            init: Vec::new(),
            variables: vec![(b"PATH".to_vec(), search_path(context))],
            detached: false,
            distributed: false,
            start_epmd: true,
            no_epmd: false,
            proto_dist: false,
            halt_afterwards: false,
            epmd: None,
            report: Report::Nothing,
        };
        builder.add_fixed();
        builder
    }

    /// `-home` and `-epmd_port`, in front of the user's own words.
    fn add_fixed(&mut self) {
        for (option, variable) in [("-home", "HOME"), ("-epmd_port", "ERL_EPMD_PORT")] {
            if let Some(value) = self.context.variable(variable) {
                self.init.push(option.into());
                self.init.push(value.to_vec());
            }
        }
        self.init.push(b"--".to_vec());
    }

    fn run(mut self) -> Result<Launch, Stop> {
        while let Some(word) = self.words.get(self.next) {
            self.next += 1;
            match word.first() {
                Some(b'-') if word == b"-extra" => {
                    self.init.extend_from_slice(&self.words[self.next - 1..]);
                    break;
                }
                Some(b'-') => self.minus(word)?,
                Some(b'+') => self.plus(word)?,
                _ => self.init.push(word.clone()),
            }
        }
        if self.no_epmd && !self.proto_dist {
            let text = b"Missing -proto_dist option, expected when using -no_epmd.";
            return Err(error(text));
        }
        if self.halt_afterwards {
            self.push_init(&["-s", "erlang", "halt"]);
        }
        self.finish()
    }

    fn push_init(&mut self, words: &[&str]) {
        self.init.extend(words.iter().map(|w| w.as_bytes().to_vec()));
    }

    /// The word after `option`, which must be there and not be `--`.
    fn value(&mut self, option: &[u8]) -> Result<&'a Word, Stop> {
        match self.words.get(self.next) {
            Some(value) if value != b"--" => {
                self.next += 1;
                Ok(value)
            }
            _ => Err(missing_argument(option)),
        }
    }

    fn keep_with_value(&mut self, option: &Word) -> Result<&'a Word, Stop> {
        let value = self.value(option)?;
        self.init.push(option.clone());
        self.init.push(value.clone());
        Ok(value)
    }

    fn minus(&mut self, word: &Word) -> Result<(), Stop> {
        match word.as_slice() {
            b"-compile" => {
                self.push_init(&["-noshell", "-noinput", "-s", "c", "lc_batch"]);
                self.emulator.push(b"-B".to_vec());
                self.halt_afterwards = false;
            }
            b"-configfd" => {
                match self.words.get(self.next) {
                    Some(fd) if fd == b"0" => self.push_init(&["-noshell", "-noinput"]),
                    Some(fd) if fd != b"--" => {}
                    _ => return Err(missing_argument(word)),
                }
                self.init.push(word.clone());
            }
            b"-detached" => {
                self.detached = true;
                self.push_init(&["-noshell", "-noinput"]);
            }
            b"-noinput" => self.push_init(&["-noshell", "-noinput"]),
            b"-env" => {
                let name = self.value(word)?.clone();
                let value = self.value(word)?.clone();
                self.variables.push((name, value));
            }
            b"-epmd" => self.epmd = Some(self.value(word)?.clone()),
            b"-emu_args" => self.report = self.report_or(Report::Command),
            b"-emu_args_exit" => self.report = self.report_or(Report::ArgumentsAndExit),
            b"-emu_qouted_cmd_exit" => self.report = Report::QuotedAndExit,
            b"-emu_name_exit" => {
                let stdout = b"beam.smp\n".to_vec();
                return Err(Stop::Exit { stdout, stderr: Vec::new(), code: 0 });
            }
            b"-keep_window" => {}
            b"-version" => self.emulator.push(b"-V".to_vec()),
            _ => return self.minus_long(word),
        }
        Ok(())
    }

    /// The words about distribution and the ones that end the command line.
    fn minus_long(&mut self, word: &Word) -> Result<(), Stop> {
        match word.as_slice() {
            b"-make" => {
                self.push_init(&["-noshell", "-noinput", "-s", "make", "all_or_nothing"]);
                self.emulator.push(b"-B".to_vec());
                self.halt_afterwards = true;
                self.next = self.words.len();
            }
            b"-man" => return Err(Stop::Man(self.words[self.next..].to_vec())),
            b"-name" | b"-sname" => {
                self.keep_with_value(word)?;
                self.distributed = true;
            }
            b"-no_epmd" => {
                self.init.push(word.clone());
                self.no_epmd = true;
                self.start_epmd = false;
            }
            b"-proto_dist" => {
                self.keep_with_value(word)?;
                self.proto_dist = true;
            }
            b"-start_epmd" => match self.keep_with_value(word)?.as_slice() {
                b"true" => self.start_epmd = true,
                b"false" => self.start_epmd = false,
                _ => {
                    let text = b"Expected boolean argument for '-start_epmd'.\n";
                    return Err(usage_after(&[text]));
                }
            },
            _ => self.init.push(word.clone()),
        }
        Ok(())
    }

    /// A request to print and exit is not undone by a weaker one.
    fn report_or(&self, wanted: Report) -> Report {
        match (self.report, wanted) {
            (Report::QuotedAndExit, _) => Report::QuotedAndExit,
            (Report::ArgumentsAndExit, Report::Command) => Report::ArgumentsAndExit,
            _ => wanted,
        }
    }

    fn plus(&mut self, word: &Word) -> Result<(), Stop> {
        let mut flag = word.clone();
        flag[0] = b'-';
        let next = self.words.get(self.next).map(Vec::as_slice);
        match (word.get(1), word.get(2)) {
            (Some(b'B'), Some(b'i' | b'c' | b'd')) => self.emulator.push(flag),
            (Some(b'B'), Some(_)) => return Err(missing_argument(&flag)),
            (Some(b'B'), None) => {
                self.emulator.push(flag);
                self.take_if(matches!(next, Some(b"i" | b"c" | b"d")));
            }
            (Some(b'c'), None) => {
                self.emulator.push(flag);
                self.take_if(matches!(next, Some(b"true" | b"false")));
            }
            _ => match shape(word) {
                Shape::Alone => self.emulator.push(flag),
                Shape::Refused => return Err(missing_argument(word)),
                Shape::ValueFollows => {
                    let value = self.value(word)?.clone();
                    self.emulator.push(flag);
                    self.emulator.push(value);
                }
            },
        }
        Ok(())
    }

    fn take_if(&mut self, condition: bool) {
        if condition {
            self.emulator.push(self.words[self.next].clone());
            self.next += 1;
        }
    }

    fn finish(self) -> Result<Launch, Stop> {
        let context = self.context;
        let mut all = self.emulator;
        let fixed: [&[u8]; 8] = [
            b"--",
            b"-root",
            &context.root,
            b"-bindir",
            &context.bindir,
            b"-progname",
            &context.progname,
            b"--",
        ];
        all.extend(fixed.iter().map(|w| w.to_vec()));
        all.extend(self.init);
        let stdout = report(self.report, context, &all)?;
        let epmd_command = (self.distributed && self.start_epmd).then(|| match self.epmd {
            Some(command) => command,
            None => [b"\"", &context.bindir[..], b"/epmd\" -daemon"].concat(),
        });
        Ok(Launch {
            emulator_args: all,
            set_variables: self.variables,
            detached: self.detached,
            epmd_command,
            stdout,
        })
    }
}

fn report(report: Report, context: &Context, all: &[Word]) -> Result<Vec<u8>, Stop> {
    let mut stdout = Vec::new();
    let path = context.emulator_path();
    match report {
        Report::Nothing => return Ok(stdout),
        Report::Command => {
            stdout.extend([b"Executing: ", &path[..]].concat());
            all.iter().for_each(|w| stdout.extend([b" ", &w[..]].concat()));
            stdout.extend(b"\n\n");
            return Ok(stdout);
        }
        Report::ArgumentsAndExit => {
            all[1..].iter().for_each(|w| stdout.extend([&w[..], b"\n"].concat()));
        }
        Report::QuotedAndExit => {
            stdout.extend([b"\"", &path[..], b"\" "].concat());
            all[1..].iter().for_each(|w| stdout.extend([b"\"", &w[..], b"\" "].concat()));
            stdout.push(b'\n');
        }
    }
    Err(Stop::Exit { stdout, stderr: Vec::new(), code: 0 })
}

/// The search path with the runtime's programs in front. When the OTP root is
/// in it already, only the place of the first part changes, so that runtimes
/// started by runtimes do not make it grow.
fn search_path(context: &Context) -> Word {
    let front = [&context.bindir[..], b":"].concat();
    match context.variable("PATH") {
        None => [&front[..], &context.root, b"/bin:"].concat(),
        Some(path) if find(path, &context.root).is_none() => {
            [&front[..], &context.root, b"/bin:", path].concat()
        }
        Some(path) => {
            let mut rest = path;
            let mut result = front.clone();
            while let Some(at) = find(rest, &front) {
                result.extend_from_slice(&rest[..at]);
                rest = &rest[at + front.len()..];
            }
            result.extend_from_slice(rest);
            result
        }
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len().max(1)).position(|window| window == part)
}

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
