//! Patterns as OTP's library (PCRE 8.44) reads them, written so that PCRE2 reads the same.
//!
//! 1. What both read alike is copied.
//! 2. What PCRE2 reads otherwise is written differently: `\8` without eight groups, `\y` and its like
//!    are characters; so are `\B`, `\R`, `\X` and assertions within a class, where a hyphen behind
//!    `\d` is one too; `(?xx)` is `(?x)`. A pattern ends at its first zero byte.
//! 3. What PCRE2 reads and OTP's library does not is an error, as is what they tell in other words or
//!    at another place; reading ends there. Who compiles takes the earlier of this error and PCRE2's.

mod groups;
mod properties;
#[cfg(test)]
mod tests;

use crate::{Newline, Options};

/// An error.
pub(crate) struct Fault {
    pub(crate) message: &'static str,
    pub(crate) place: usize,
    /// Where what is wrong begins.
    pub(crate) start: usize,
}

pub(crate) const NO_SUCH_GROUP: &str = "reference to non-existent subpattern";
const ZERO_REFERENCE: &str = "a numbered reference must not be zero";
const NOT_SUPPORTED: &str = "PCRE does not support \\L, \\l, \\N{name}, \\U, or \\u";

/// A pattern for PCRE2.
pub(crate) struct Translation {
    pub(crate) pattern: Vec<u8>,
    /// What OTP's library does not take.
    pub(crate) fault: Option<Fault>,
    /// Where a group is called that there is not; that is told last.
    pub(crate) lost_call: Option<usize>,
    /// Where the first lookbehind ends.
    pub(crate) lookbehind_end: Option<usize>,
    /// Places here and there, where one begins to differ from the other.
    shifts: Vec<(usize, usize)>,
}

impl Translation {
    /// Reads a pattern.
    pub(crate) fn of(pattern: &[u8], options: &Options) -> Translation {
        let pattern = pattern.split(|&byte| byte == 0).next().unwrap_or_default();
        let mut reader = Reader::new(pattern, options);
        reader.read();
        reader.finish()
    }

    /// The place in the pattern that was read of one in this.
    pub(crate) fn place(&self, at: usize) -> usize {
        let before = self.shifts.iter().rev().find(|shift| shift.0 <= at);
        before.map_or(at, |&(here, there)| there + (at - here))
    }
}

/// A group that is open.
struct Scope {
    /// Whether white space counted for nothing around it.
    extended: bool,
    lookbehind: bool,
    /// It refers to what a group has matched, whose length nobody knows.
    unfixed: bool,
}

/// What stands before, within a class.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Nothing a range could begin with.
    Nothing,
    Character,
    /// A class such as `\d`.
    Class,
    /// The beginning of a range and its hyphen.
    Hyphen,
}

struct Reader<'a> {
    pattern: &'a [u8],
    options: &'a Options,
    at: usize,
    out: Vec<u8>,
    shifts: Vec<(usize, usize)>,
    fault: Option<Fault>,
    extended: bool,
    /// `(?X)`: unknown escapes are errors.
    strict: bool,
    scopes: Vec<Scope>,
    /// Capturing groups so far.
    groups: usize,
    /// Groups called by number, and where.
    calls: Vec<(usize, usize)>,
    lookbehind_end: Option<usize>,
    /// How far the options at the start of the pattern go.
    start_end: usize,
}

/// Letters that are characters behind a backslash.
const PLAIN_ESCAPES: &[u8] = b"ijmqyFIJMOTY";
/// And those that are so within a class.
const PLAIN_IN_CLASS: &[u8] = b"ABCGKRXZgkz";

impl<'a> Reader<'a> {
    fn new(pattern: &'a [u8], options: &'a Options) -> Reader<'a> {
        Reader {
            pattern,
            options,
            at: 0,
            out: Vec::with_capacity(pattern.len()),
            shifts: Vec::new(),
            fault: None,
            extended: options.extended,
            strict: false,
            scopes: Vec::new(),
            groups: 0,
            calls: Vec::new(),
            lookbehind_end: None,
            start_end: 0,
        }
    }

    fn read(&mut self) {
        while self.fault.is_none() && self.at < self.pattern.len() {
            match self.pattern[self.at] {
                b'\\' => self.escape(),
                b'[' => self.class(),
                b'(' => self.open(),
                b')' => self.close(),
                b'#' if self.extended => self.comment(),
                _ => self.copy(1),
            }
        }
    }

    fn finish(mut self) -> Translation {
        let lost_call = self.calls.iter().find(|call| call.0 > self.groups);
        let lost_call = lost_call.filter(|_| self.fault.is_none()).map(|call| call.1);
        self.copy(self.pattern.len() - self.at);
        Translation {
            pattern: self.out,
            fault: self.fault,
            lost_call,
            lookbehind_end: self.lookbehind_end,
            shifts: self.shifts,
        }
    }

    /// The byte `ahead` of the next.
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.pattern.get(self.at + ahead).copied()
    }

    /// How many bytes from `ahead` on are good.
    fn run(&self, ahead: usize, is_good: impl Fn(u8) -> bool) -> usize {
        let rest = self.pattern.get(self.at + ahead..).unwrap_or_default();
        rest.iter().take_while(|&&byte| is_good(byte)).count()
    }

    fn digits(&self, ahead: usize) -> usize {
        self.run(ahead, |byte| byte.is_ascii_digit())
    }

    /// The number of so many digits; a great one where it has no place.
    fn number(&self, ahead: usize, digits: usize) -> usize {
        let text = &self.pattern[self.at + ahead..self.at + ahead + digits];
        let value = |n: usize, digit: &u8| n.checked_mul(10)?.checked_add((digit - b'0').into());
        text.iter().try_fold(0, value).unwrap_or(usize::MAX)
    }

    fn copy(&mut self, bytes: usize) {
        let end = (self.at + bytes).min(self.pattern.len());
        self.out.extend_from_slice(&self.pattern[self.at..end]);
        self.at = end;
    }

    /// Puts `text` in the place of the next bytes.
    fn replace(&mut self, bytes: usize, text: &[u8]) {
        self.out.extend_from_slice(text);
        self.at += bytes;
        self.shifts.push((self.out.len(), self.at));
    }

    /// The character itself, in a form that joins nothing before or behind it.
    fn plain(&mut self, bytes: usize, character: u8) {
        self.replace(bytes, format!("\\x{character:02x}").as_bytes());
    }

    fn fail(&mut self, message: &'static str, ahead: usize) {
        let (start, place) = (self.at, self.at + ahead);
        self.fault = Some(Fault { message, place, start });
    }

    fn comment(&mut self) {
        let only_lf = matches!(self.options.newline, None | Some(Newline::Lf));
        let length = self.run(0, |byte| byte != b'\n' && (only_lf || byte != b'\r'));
        self.copy(length);
    }

    /// What [`Reader::escape`] does within a class too; whether it did.
    fn common_escape(&mut self, letter: u8) -> bool {
        match letter {
            _ if PLAIN_ESCAPES.contains(&letter) && !self.strict => self.plain(2, letter),
            b'Q' => {
                let rest = &self.pattern[self.at..];
                let end = rest.windows(2).position(|window| window == b"\\E");
                self.copy(end.map_or(rest.len(), |end| end + 2));
            }
            b'N' if self.peek(2) == Some(b'{') && !self.is_repeat(2) => self.fail(NOT_SUPPORTED, 1),
            b'p' | b'P' => self.property(),
            b'x' if self.peek(2) == Some(b'{') => {
                let end = 3 + self.run(3, |byte| byte.is_ascii_hexdigit());
                match self.peek(end) {
                    Some(b'}') if end == 3 => self.fail("digits missing in \\x{} or \\o{}", 3),
                    Some(b'}') => self.copy(end + 1),
                    _ => self.fail("non-hex character in \\x{} (closing brace missing?)", end),
                }
            }
            b'o' => {
                let end = 3 + self.run(3, |byte| (b'0'..b'8').contains(&byte));
                match (self.peek(2), self.peek(end)) {
                    (Some(b'{'), Some(b'}')) if end == 3 => {
                        self.fail("digits missing in \\x{} or \\o{}", 1);
                    }
                    (Some(b'{'), Some(b'}')) => self.copy(end + 1),
                    (Some(b'{'), _) => {
                        self.fail("non-octal character in \\o{} (closing brace missing?)", end);
                    }
                    _ => self.fail("missing opening brace after \\o", 1),
                }
            }
            b'c' => match self.peek(2) {
                Some(control @ (..0x20 | 0x7f)) => {
                    self.replace(3, format!("\\x{:02x}", control ^ 0x40).as_bytes());
                }
                _ => self.copy(3),
            },
            _ => return false,
        }
        true
    }

    fn escape(&mut self) {
        let Some(letter) = self.peek(1) else { return self.copy(1) };
        match letter {
            b'1'..=b'9' => {
                let digits = self.digits(1);
                let number = self.number(1, digits);
                if letter >= b'8' && number > self.groups && number != usize::MAX {
                    self.plain(2, letter);
                } else {
                    self.refers();
                    self.copy(1 + digits);
                }
            }
            b'g' => self.reference(),
            b'k' => {
                self.refers();
                self.copy(2);
            }
            _ if self.common_escape(letter) => {}
            _ => self.copy(2),
        }
    }

    /// `\g`
    fn reference(&mut self) {
        let braced = self.peek(2) == Some(b'{');
        if matches!(self.peek(2), Some(b'<' | b'\'')) {
            return self.copy(2);
        }
        self.refers();
        let from = 2 + usize::from(braced);
        if braced {
            let name = self.run(from, |byte| byte == b'-' || byte.is_ascii_digit());
            match (self.peek(from), self.peek(from + name)) {
                (_, Some(b'}') | None) => {}
                (Some(b'0'..=b'9'), _) => {
                    return self.fail("group name must start with a non-digit", from);
                }
                (Some(first), _) if !is_word(first) => {
                    return self.fail("subpattern name expected", from);
                }
                _ => return self.copy(from),
            }
        }
        let sign = usize::from(self.peek(from) == Some(b'-'));
        let digits = self.digits(from + sign);
        let end = from + sign + digits;
        if braced && self.peek(end) != Some(b'}') {
            let message = "\\g is not followed by a braced, angle-bracketed, or quoted name/number or \
                 by a plain number";
            return self.fail(message, end);
        }
        let end = end + usize::from(braced);
        match self.number(from + sign, digits) {
            0 => self.fail(ZERO_REFERENCE, end - 1),
            number if sign == 1 && number > self.groups => self.fail(NO_SUCH_GROUP, end - 1),
            number if sign == 0 && number > 65_535 => {
                self.fail(NO_SUCH_GROUP, self.pattern.len() - self.at)
            }
            _ => self.copy(end),
        }
    }

    /// Whether `{` begins a count of repetitions.
    fn is_repeat(&self, ahead: usize) -> bool {
        let first = self.digits(ahead + 1);
        let end = ahead + 1 + first;
        match self.peek(end) {
            _ if first == 0 => false,
            Some(b'}') => true,
            Some(b',') => self.peek(end + 1 + self.digits(end + 1)) == Some(b'}'),
            _ => false,
        }
    }

    /// `\p` and `\P`
    fn property(&mut self) {
        const UNKNOWN: &str = "unknown property name after \\P or \\p";
        let Some(first) = self.peek(2) else { return self.copy(2) };
        if first != b'{' {
            return match properties::is_known(&[first]) {
                true => self.copy(3),
                false => self.fail(UNKNOWN, 2),
            };
        }
        let from = 3 + usize::from(self.peek(3) == Some(b'^'));
        let length = self.run(from, |byte| byte != b'}');
        if self.peek(from + length).is_none() {
            return self.copy(3);
        }
        let name = &self.pattern[self.at + from..self.at + from + length];
        match properties::is_known(name) {
            true => self.copy(from + length + 1),
            false => self.fail(UNKNOWN, from + length),
        }
    }

    /// The length of a class such as `[:alpha:]` at the next byte.
    fn named_class(&self) -> Option<usize> {
        let kind = self.peek(1).filter(|kind| b":.=".contains(kind))?;
        let from = 2 + usize::from(self.peek(2) == Some(b'^'));
        let end = from + self.run(from, |byte| byte.is_ascii_alphabetic() || b"<>".contains(&byte));
        (self.peek(end) == Some(kind) && self.peek(end + 1) == Some(b']')).then_some(end + 2)
    }

    fn class(&mut self) {
        self.copy(1);
        if self.peek(0) == Some(b'^') {
            self.copy(1);
        }
        let mut before = Before::Nothing;
        if self.peek(0) == Some(b']') {
            self.copy(1);
            before = Before::Character;
        }
        while self.fault.is_none() {
            match self.peek(0) {
                None => return,
                Some(b']') => return self.copy(1),
                Some(b'\\') => before = self.class_escape(before),
                Some(b'-') => before = self.hyphen(before),
                Some(b'[') if let Some(length) = self.named_class() => {
                    self.copy(length);
                    before = Before::Class;
                }
                Some(_) => {
                    self.copy(1);
                    before = behind(before);
                }
            }
        }
    }

    fn hyphen(&mut self, before: Before) -> Before {
        let last = matches!(self.peek(1), Some(b']') | None);
        if before == Before::Class && !last {
            self.replace(0, b"\\");
        }
        self.copy(1);
        match before {
            Before::Character if !last => Before::Hyphen,
            _ => behind(before),
        }
    }

    fn class_escape(&mut self, before: Before) -> Before {
        let Some(letter) = self.peek(1) else {
            self.copy(1);
            return before;
        };
        match letter {
            b'E' if self.peek(2).is_none() => {
                self.fail("missing terminating ] for character class", 2);
            }
            b'E' => {
                self.copy(2);
                return before;
            }
            b'd' | b'D' | b's' | b'S' | b'w' | b'W' | b'h' | b'H' | b'v' | b'V' => {
                self.copy(2);
                return Before::Class;
            }
            b'N' if self.peek(2) == Some(b'{') && self.is_repeat(2) => {
                self.fail("\\N is not supported in a class", 1);
            }
            _ if before == Before::Hyphen
                && letter != b'g'
                && (PLAIN_IN_CLASS.contains(&letter) || b"pP".contains(&letter)) =>
            {
                self.fail("invalid range in character class", 1);
            }
            b'p' | b'P' => {
                self.property();
                return Before::Class;
            }
            _ if PLAIN_IN_CLASS.contains(&letter) && !self.strict => self.plain(2, letter),
            _ if self.common_escape(letter) => {}
            _ => self.copy(2),
        }
        behind(before)
    }
}

/// What stands before, behind a character.
fn behind(before: Before) -> Before {
    if before == Before::Hyphen { Before::Nothing } else { Before::Character }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
