//! Regular expressions for `re`, on PCRE2.
//!
//! 1. A compiled pattern is immutable and may be matched by any number of
//!    threads at once; each match brings its own working memory.
//! 2. A pattern becomes native code the second time it is run, unless the
//!    caller limits the match: the limits count interpreter steps.
//! 3. Every pointer handed to the library is to memory that lives for the
//!    whole call and has the length that the call is told. What the library
//!    allocates is freed once, by the value that owns it.

mod dialect;
mod message;
mod tables;

use dialect::Translation;
use pcre2_sys as p;
use std::ffi::CStr;
use std::ptr::{NonNull, null_mut};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// What ends a line.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Newline {
    /// Carriage return.
    Cr,
    /// Line feed, the default.
    Lf,
    /// Both, in that order.
    CrLf,
    /// Any of the three.
    AnyCrLf,
    /// Any line end that Unicode knows.
    Any,
}

macro_rules! options {
    ($($(#[$doc:meta])* $name:ident $bit:expr,)*) => {
        /// How a pattern is compiled.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
        pub struct Options {
            $($(#[$doc])* pub $name: bool,)*
            /// What ends a line, when not the default.
            pub newline: Option<Newline>,
            /// `\R` is CR, LF or CRLF only, when said.
            pub bsr_anycrlf: Option<bool>,
        }

        impl Options {
            fn bits(&self) -> u32 {
                let mut bits = 0;
                $(if self.$name { bits |= $bit; })*
                bits
            }

            /// All switches as one number, for a header or a key.
            pub fn encode(&self) -> u32 {
                let mut word = 0u32;
                let mut next = 0;
                $(word |= u32::from(self.$name) << next; next += 1; let _ = stringify!($name);)*
                let newline = self.newline.map_or(0, |n| n as u32 + 1);
                let bsr = self.bsr_anycrlf.map_or(0, |b| u32::from(b) + 1);
                word | newline << next | bsr << (next + 3)
            }

            /// The options of a number that [`Options::encode`] gave.
            pub fn decode(word: u32) -> Option<Options> {
                let mut options = Options::default();
                let mut next = 0;
                $(options.$name = word >> next & 1 != 0; next += 1;)*
                let newlines =
                    [Newline::Cr, Newline::Lf, Newline::CrLf, Newline::AnyCrLf, Newline::Any];
                options.newline = match word >> next & 7 {
                    0 => None,
                    n => Some(*newlines.get(n as usize - 1)?),
                };
                options.bsr_anycrlf = match word >> (next + 3) {
                    0 => None,
                    1 => Some(false),
                    2 => Some(true),
                    _ => return None,
                };
                Some(options)
            }
        }
    };
}

options! {
    /// Pattern and subject are UTF-8.
    unicode p::PCRE2_UTF,
    /// Matches at the start offset only.
    anchored p::PCRE2_ANCHORED,
    /// Letters match both cases.
    caseless p::PCRE2_CASELESS,
    /// `$` matches at the very end only.
    dollar_endonly p::PCRE2_DOLLAR_ENDONLY,
    /// `.` matches line ends.
    dotall p::PCRE2_DOTALL,
    /// White space and comments in the pattern count for nothing.
    extended p::PCRE2_EXTENDED,
    /// The match starts before the first line end.
    firstline p::PCRE2_FIRSTLINE,
    /// `^` and `$` match at line ends.
    multiline p::PCRE2_MULTILINE,
    /// Plain parentheses do not capture.
    no_auto_capture p::PCRE2_NO_AUTO_CAPTURE,
    /// Names may occur more than once.
    dupnames p::PCRE2_DUPNAMES,
    /// Quantifiers are lazy unless a `?` follows.
    ungreedy p::PCRE2_UNGREEDY,
    /// `\d` and the like follow Unicode.
    ucp p::PCRE2_UCP,
    /// The pattern may not turn UTF-8 on by itself.
    never_utf p::PCRE2_NEVER_UTF,
    /// No shortcuts at the start of a match.
    no_start_optimize p::PCRE2_NO_START_OPTIMIZE,
}

/// How a match is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RunOptions {
    /// Matches at the start offset only.
    pub anchored: bool,
    /// An empty match is none.
    pub notempty: bool,
    /// An empty match at the start offset is none.
    pub notempty_atstart: bool,
    /// The subject's start is not a line's.
    pub notbol: bool,
    /// The subject's end is not a line's.
    pub noteol: bool,
    /// The subject is known to be UTF-8.
    pub no_utf_check: bool,
    /// Greatest number of steps.
    pub match_limit: Option<u32>,
    /// Greatest depth of backtracking.
    pub depth_limit: Option<u32>,
    /// A short run is wanted: it ends with [`RunError::MatchLimit`] when it takes many steps.
    pub short: bool,
}

/// Steps of a short run from one place.
const SHORT_STEPS: u32 = 20_000;

/// Why a pattern does not compile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CompileError {
    /// What is wrong, in the words OTP's users know where there are such.
    pub message: String,
    /// Where in the pattern, in bytes.
    pub offset: usize,
}

/// Why a match neither succeeded nor failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RunError {
    /// More steps than allowed.
    MatchLimit,
    /// Deeper than allowed, or out of memory for going deeper.
    DepthLimit,
    /// The pattern calls itself without end at the same place.
    RecursionLoop,
    /// The subject is not UTF-8, or the offset not at a character or beyond
    /// the end.
    BadSubject,
    /// Anything else, with the library's number.
    Other(i32),
}

/// The places of the groups of a match, group 0 the whole; None for a group
/// that took no part. Groups behind the last that took part are left out.
pub type Captures = Vec<Option<(usize, usize)>>;

/// A named group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name {
    /// The name.
    pub name: Vec<u8>,
    /// The group's number.
    pub group: u32,
}

/// Compiled code, freed with this.
struct Code(NonNull<p::pcre2_code_8>);

impl Code {
    fn as_ptr(&self) -> *mut p::pcre2_code_8 {
        self.0.as_ptr()
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        // SAFETY: rule 3: this value owned the code.
        unsafe { p::pcre2_code_free_8(self.as_ptr()) };
    }
}

/// A compiled pattern.
pub struct Pattern {
    code: Code,
    capture_count: u32,
    names: Vec<Name>,
    dupnames: bool,
    use_crlf: bool,
    runs: AtomicU32,
    native: OnceLock<bool>,
    /// See [`Pattern::is_slow`].
    quick: AtomicBool,
}

// SAFETY: rule 1; turning into native code is done once, under the lock of
// `native`, before any match uses it.
unsafe impl Send for Pattern {}
// SAFETY: as above.
unsafe impl Sync for Pattern {}

/// The version of the library, such as `10.42 2022-12-11`.
pub fn version() -> String {
    let mut bytes = [0u8; 64];
    // SAFETY: rule 3: the library writes at most 24 bytes, ended by a zero.
    unsafe { p::pcre2_config_8(p::PCRE2_CONFIG_VERSION, bytes.as_mut_ptr().cast()) };
    CStr::from_bytes_until_nul(&bytes)
        .map_or_else(|_| String::new(), |v| v.to_string_lossy().into())
}

/// Parentheses may be nested so deeply.
const MAX_NESTED: u32 = 798;

struct CompileContext(*mut p::pcre2_compile_context_8);

impl CompileContext {
    fn new(options: &Options) -> CompileContext {
        // SAFETY: null asks for the library's own allocator; the setters take a live context and
        // a constant.
        unsafe {
            let context = p::pcre2_compile_context_create_8(null_mut());
            assert!(!context.is_null(), "out of memory for a pattern");
            p::pcre2_set_character_tables_8(context, tables::latin1().as_ptr());
            p::pcre2_set_parens_nest_limit_8(context, MAX_NESTED);
            p::pcre2_set_compile_extra_options_8(context, p::PCRE2_EXTRA_ALLOW_LOOKAROUND_BSK);
            if let Some(newline) = options.newline {
                p::pcre2_set_newline_8(context, newline_number(newline));
            }
            if let Some(anycrlf) = options.bsr_anycrlf {
                let number = if anycrlf { p::PCRE2_BSR_ANYCRLF } else { p::PCRE2_BSR_UNICODE };
                p::pcre2_set_bsr_8(context, number);
            }
            CompileContext(context)
        }
    }
}

impl Drop for CompileContext {
    fn drop(&mut self) {
        // SAFETY: rule 3: this value owned it.
        unsafe { p::pcre2_compile_context_free_8(self.0) };
    }
}

fn newline_number(newline: Newline) -> u32 {
    match newline {
        Newline::Cr => p::PCRE2_NEWLINE_CR,
        Newline::Lf => p::PCRE2_NEWLINE_LF,
        Newline::CrLf => p::PCRE2_NEWLINE_CRLF,
        Newline::AnyCrLf => p::PCRE2_NEWLINE_ANYCRLF,
        Newline::Any => p::PCRE2_NEWLINE_ANY,
    }
}

impl Pattern {
    /// Compiles a pattern.
    pub fn compile(pattern: &[u8], options: &Options) -> Result<Pattern, CompileError> {
        let context = CompileContext::new(options);
        let read = Translation::of(pattern, options);
        let pattern = &read.pattern[..];
        // PCRE2 10.42 takes the letters of Latin-1 for no beginning of a match of `\w`.
        let latin1_word =
            options.unicode && !options.ucp && pattern.windows(2).any(|w| w == b"\\w");
        let start = if latin1_word { p::PCRE2_NO_START_OPTIMIZE } else { 0 };
        let (mut code, mut offset) = (0, 0);
        // SAFETY: rule 3.
        let compiled = unsafe {
            p::pcre2_compile_8(
                pattern.as_ptr(),
                pattern.len(),
                options.bits() | start,
                &mut code,
                &mut offset,
                context.0,
            )
        };
        let compiled = NonNull::new(compiled).ok_or_else(|| {
            let place = match code as u32 {
                p::PCRE2_ERROR_LOOKBEHIND_NOT_FIXED_LENGTH => read.lookbehind_end,
                p::PCRE2_ERROR_UTF_IS_DISABLED => Some(0),
                // Whether there is such a group is seen at the end.
                p::PCRE2_ERROR_BAD_SUBPATTERN_REFERENCE if is_reference(pattern, offset) => {
                    Some(read.place(pattern.len()))
                }
                p::PCRE2_ERROR_BAD_SUBPATTERN_REFERENCE => {
                    Some(read.place(call_end(pattern, offset)))
                }
                _ => None,
            };
            let offset = message::offset(code, offset);
            let offset = place.unwrap_or_else(|| read.place(offset));
            let error = CompileError { message: message::of(code), offset };
            (error, TOLD_LATE.contains(&(code as u32)))
        });
        // This value owns the code from here on.
        let code = match (compiled, read.fault) {
            (Err((error, late)), None)
                if !late || read.lost_call.is_none_or(|place| error.offset < place) =>
            {
                return Err(error);
            }
            (Err((error, _)), Some(fault)) if error.offset < fault.start => return Err(error),
            (Ok(code), None) if read.lost_call.is_none() => Code(code),
            (compiled, fault) => {
                drop(compiled.map(Code));
                let lost = (dialect::NO_SUCH_GROUP, read.lost_call.unwrap_or_default());
                let (message, offset) = fault.map_or(lost, |fault| (fault.message, fault.place));
                return Err(CompileError { message: message.to_owned(), offset });
            }
        };
        let mut pattern = Pattern {
            code,
            capture_count: 0,
            names: Vec::new(),
            dupnames: false,
            use_crlf: false,
            runs: AtomicU32::new(0),
            native: OnceLock::new(),
            quick: AtomicBool::new(false),
        };
        pattern.capture_count = pattern.info(p::PCRE2_INFO_CAPTURECOUNT);
        pattern.names = pattern.read_names();
        // `(?J)` inside the pattern allows double names too.
        pattern.dupnames = options.dupnames
            || pattern.info(p::PCRE2_INFO_ALLOPTIONS) & p::PCRE2_DUPNAMES != 0
            || pattern.info(p::PCRE2_INFO_JCHANGED) != 0;
        let newline = pattern.info(p::PCRE2_INFO_NEWLINE);
        pattern.use_crlf = [p::PCRE2_NEWLINE_ANY, p::PCRE2_NEWLINE_CRLF, p::PCRE2_NEWLINE_ANYCRLF]
            .contains(&newline);
        Ok(pattern)
    }

    fn info(&self, what: u32) -> u32 {
        let mut value = 0u32;
        // SAFETY: rule 3: the things asked for are 32-bit numbers.
        unsafe { p::pcre2_pattern_info_8(self.code.as_ptr(), what, (&raw mut value).cast()) };
        value
    }

    fn read_names(&self) -> Vec<Name> {
        let count = self.info(p::PCRE2_INFO_NAMECOUNT) as usize;
        let entry_bytes = self.info(p::PCRE2_INFO_NAMEENTRYSIZE) as usize;
        if count == 0 {
            return Vec::new();
        }
        let mut table: *const u8 = std::ptr::null();
        // SAFETY: rule 3; the table lives as long as the code and holds
        // `count` entries of `entry_bytes`: a number, a name, a zero byte.
        let table = unsafe {
            let table_at = (&raw mut table).cast();
            p::pcre2_pattern_info_8(self.code.as_ptr(), p::PCRE2_INFO_NAMETABLE, table_at);
            std::slice::from_raw_parts(table, count * entry_bytes)
        };
        let entry = |entry: &[u8]| {
            let name = &entry[2..];
            let end = name.iter().position(|b| *b == 0).unwrap_or(name.len());
            let group = u32::from(entry[0]) << 8 | u32::from(entry[1]);
            Name { name: name[..end].to_vec(), group }
        };
        table.chunks(entry_bytes).map(entry).collect()
    }

    /// Number of capturing groups.
    pub fn capture_count(&self) -> u32 {
        self.capture_count
    }

    /// Named groups, ordered by name.
    pub fn names(&self) -> &[Name] {
        &self.names
    }

    /// Whether a name may stand for more than one group.
    pub fn has_double_names(&self) -> bool {
        self.dupnames
    }

    /// Whether CR and LF together can be one line end.
    pub fn use_crlf(&self) -> bool {
        self.use_crlf
    }

    /// Whether the last run over a long subject took long, or there was none.
    pub fn is_slow(&self) -> bool {
        !self.quick.load(Ordering::Relaxed)
    }

    /// Notes whether a run over a long subject took long.
    pub fn note_slow(&self, slow: bool) {
        self.quick.store(!slow, Ordering::Relaxed);
    }

    /// Whether this run may use native code, made when the pattern is run for
    /// the second time.
    fn may_use_native(&self, options: &RunOptions) -> bool {
        if options.match_limit.is_some() || options.depth_limit.is_some() {
            return false;
        }
        let before = self.runs.load(Ordering::Relaxed);
        if before == 0 {
            self.runs.store(1, Ordering::Relaxed);
            return false;
        }
        *self.native.get_or_init(|| {
            let code = self.code.as_ptr();
            // SAFETY: the code lives; no run uses native code before this.
            unsafe { p::pcre2_jit_compile_8(code, p::PCRE2_JIT_COMPLETE) == 0 }
        })
    }

    /// Looks for a match from `offset`.
    ///
    /// Answers None when there is none. Errors: [`RunError`].
    pub fn run(
        &self,
        subject: &[u8],
        offset: usize,
        options: &RunOptions,
    ) -> Result<Option<Captures>, RunError> {
        if offset > subject.len() {
            return Err(RunError::BadSubject);
        }
        let mut work = Work::new(self, options);
        let native = self.may_use_native(options);
        let mut code = work.run(self, subject, offset, options, native);
        if native && code == p::PCRE2_ERROR_JIT_STACKLIMIT {
            code = work.run(self, subject, offset, options, false);
        }
        match code {
            count @ 1.. => Ok(Some(work.captures(count as usize))),
            p::PCRE2_ERROR_NOMATCH => Ok(None),
            p::PCRE2_ERROR_MATCHLIMIT => Err(RunError::MatchLimit),
            p::PCRE2_ERROR_DEPTHLIMIT | p::PCRE2_ERROR_HEAPLIMIT => Err(RunError::DepthLimit),
            p::PCRE2_ERROR_RECURSELOOP => Err(RunError::RecursionLoop),
            p::PCRE2_ERROR_BADOFFSET | p::PCRE2_ERROR_BADUTFOFFSET => Err(RunError::BadSubject),
            p::PCRE2_ERROR_UTF8_ERR21..=p::PCRE2_ERROR_UTF8_ERR1 => Err(RunError::BadSubject),
            other => Err(RunError::Other(other)),
        }
    }
}

/// Where the call of a group or a condition ends that names a group at `offset`.
fn call_end(pattern: &[u8], offset: usize) -> usize {
    let rest = pattern.get(offset..).unwrap_or_default();
    let start = &pattern[offset.saturating_sub(4)..(offset + 1).min(pattern.len())];
    let is_condition = start.windows(3).any(|window| window == b"(?(");
    let closing: &[u8] = if is_condition { b")" } else { b")}>'" };
    let end = rest.iter().position(|byte| closing.contains(byte)).unwrap_or(rest.len());
    offset + end + usize::from(is_condition)
}

/// What OTP's library tells when it has read the whole pattern, as that a group is missing that is
/// called.
const TOLD_LATE: [u32; 2] =
    [p::PCRE2_ERROR_BAD_SUBPATTERN_REFERENCE, p::PCRE2_ERROR_UNMATCHED_CLOSING_PARENTHESIS];

/// Whether the number of a group whose match is meant is at `offset`.
fn is_reference(pattern: &[u8], offset: usize) -> bool {
    let (before, behind) = pattern.split_at(offset);
    let digits = before.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let before = &before[..before.len() - digits];
    let before = before.strip_suffix(b"-").unwrap_or(before);
    let before = before.strip_suffix(b"{").unwrap_or(before);
    let number = digits > 0 || behind.first().is_some_and(|byte| b"-0123456789".contains(byte));
    number && (before.ends_with(b"\\") || before.ends_with(b"\\g"))
}

impl std::fmt::Debug for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pattern({} groups)", self.capture_count)
    }
}

/// Working memory of one match.
struct Work {
    data: *mut p::pcre2_match_data_8,
    context: *mut p::pcre2_match_context_8,
}

impl Work {
    fn new(pattern: &Pattern, options: &RunOptions) -> Work {
        // SAFETY: null asks for the library's own allocator; the setters take
        // a live context.
        unsafe {
            let code = pattern.code.as_ptr();
            let data = p::pcre2_match_data_create_from_pattern_8(code, null_mut());
            assert!(!data.is_null(), "out of memory for a match");
            let match_limit = match options.short {
                true => Some(options.match_limit.unwrap_or(SHORT_STEPS).min(SHORT_STEPS)),
                false => options.match_limit,
            };
            let limited = match_limit.is_some() || options.depth_limit.is_some();
            let context =
                if limited { p::pcre2_match_context_create_8(null_mut()) } else { null_mut() };
            if let Some(limit) = match_limit {
                p::pcre2_set_match_limit_8(context, limit);
            }
            if let Some(limit) = options.depth_limit {
                p::pcre2_set_depth_limit_8(context, limit);
            }
            Work { data, context }
        }
    }

    fn run(
        &mut self,
        pattern: &Pattern,
        subject: &[u8],
        offset: usize,
        options: &RunOptions,
        native: bool,
    ) -> i32 {
        let mut bits = if native { 0 } else { p::PCRE2_NO_JIT };
        let switches = [
            (options.anchored, p::PCRE2_ANCHORED),
            (options.notempty, p::PCRE2_NOTEMPTY),
            (options.notempty_atstart, p::PCRE2_NOTEMPTY_ATSTART),
            (options.notbol, p::PCRE2_NOTBOL),
            (options.noteol, p::PCRE2_NOTEOL),
            (options.no_utf_check, p::PCRE2_NO_UTF_CHECK),
        ];
        for (on, bit) in switches {
            bits |= if on { bit } else { 0 };
        }
        let (start, length) = (subject.as_ptr(), subject.len());
        // SAFETY: rules 1 and 3.
        unsafe {
            p::pcre2_match_8(
                pattern.code.as_ptr(),
                start,
                length,
                offset,
                bits,
                self.data,
                self.context,
            )
        }
    }

    fn captures(&self, count: usize) -> Captures {
        // SAFETY: after a match the library has written `count` pairs.
        let pairs = unsafe {
            let pairs = p::pcre2_get_ovector_pointer_8(self.data);
            std::slice::from_raw_parts(pairs, count * 2)
        };
        let unset = usize::MAX;
        pairs.chunks(2).map(|p| (p[0] != unset).then_some((p[0], p[1]))).collect()
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // SAFETY: rule 3; the library takes null for nothing to free.
        unsafe {
            p::pcre2_match_data_free_8(self.data);
            p::pcre2_match_context_free_8(self.context);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(pattern: &str, options: Options, subject: &str) -> Option<Captures> {
        let pattern = Pattern::compile(pattern.as_bytes(), &options).unwrap();
        let first = pattern.run(subject.as_bytes(), 0, &RunOptions::default()).unwrap();
        for _ in 0..3 {
            let again = pattern.run(subject.as_bytes(), 0, &RunOptions::default()).unwrap();
            assert_eq!(again, first, "native code finds the same");
        }
        first
    }

    #[test]
    fn groups_that_took_no_part_are_none() {
        let found = run("(a)|(b)(c)?|(d)", Options::default(), "xbx").unwrap();
        assert_eq!(found, [Some((1, 2)), None, Some((1, 2))]);
        assert_eq!(run("q", Options::default(), "abc"), None);
    }

    #[test]
    fn options_change_what_matches() {
        let caseless = Options { caseless: true, ..Options::default() };
        assert!(run("ABC", caseless, "xabc").is_some());
        let unicode = Options { unicode: true, ..Options::default() };
        assert_eq!(run("^.$", unicode, "å").unwrap(), [Some((0, 2))]);
        assert_eq!(run("^.$", Options::default(), "å"), None);
        let crlf = Options { newline: Some(Newline::CrLf), multiline: true, ..Options::default() };
        assert_eq!(run("^b", crlf, "a\r\nb").unwrap(), [Some((3, 4))]);
        assert_eq!(run("^b", crlf, "a\nb"), None);
    }

    #[test]
    fn options_survive_encoding() {
        let options = Options {
            unicode: true,
            ungreedy: true,
            newline: Some(Newline::Any),
            bsr_anycrlf: Some(true),
            ..Options::default()
        };
        assert_eq!(Options::decode(options.encode()), Some(options));
        assert_eq!(Options::decode(u32::MAX), None);
    }

    #[test]
    fn names_are_sorted_and_may_be_double() {
        let options = Options { dupnames: true, ..Options::default() };
        let pattern = Pattern::compile(b"(?<b>x)(?<a>y)(?<b>z)", &options).unwrap();
        let names: Vec<_> = pattern.names().iter().map(|n| (&n.name[..], n.group)).collect();
        assert_eq!(names, [(&b"a"[..], 2), (b"b", 1), (b"b", 3)]);
        assert!(pattern.has_double_names() && !pattern.use_crlf());
        assert_eq!(pattern.capture_count(), 3);
    }

    #[test]
    fn limits_stop_a_match() {
        let pattern = Pattern::compile(b"(a+)+$", &Options::default()).unwrap();
        let limited = RunOptions { match_limit: Some(100), ..RunOptions::default() };
        let subject = b"aaaaaaaaaaaaaaaaaaaaaaaaaaaa!";
        assert_eq!(pattern.run(subject, 0, &limited), Err(RunError::MatchLimit));
    }

    #[test]
    fn subjects_that_are_not_utf8_are_refused() {
        let options = Options { unicode: true, ..Options::default() };
        let pattern = Pattern::compile(b"a", &options).unwrap();
        let plain = RunOptions::default();
        assert_eq!(pattern.run(b"\xff", 0, &plain), Err(RunError::BadSubject));
        assert_eq!(pattern.run("å".as_bytes(), 1, &plain), Err(RunError::BadSubject));
        assert_eq!(pattern.run(b"a", 2, &plain), Err(RunError::BadSubject));
    }

    #[test]
    fn errors_say_where() {
        let error = Pattern::compile(b"ab(c", &Options::default()).unwrap_err();
        assert_eq!((error.message.as_str(), error.offset), ("missing )", 4));
    }
}
