//! What parentheses begin.

use super::{Reader, Scope, ZERO_REFERENCE, is_word};

const UNKNOWN_GROUP: &str = "unrecognized character after (? or (?-";
const NO_ASSERTION: &str = "assertion expected after (?( or (?(?C)";
const BAD_CONDITION: &str = "malformed number or name after (?(";
const BAD_VERB: &str = "(*VERB) not recognized or malformed";

/// What a pattern may begin with, without the parentheses.
const START_OPTIONS: [&[u8]; 13] = [
    b"UTF8",
    b"UTF",
    b"UCP",
    b"NO_START_OPT",
    b"NO_AUTO_POSSESS",
    b"CR",
    b"LF",
    b"CRLF",
    b"ANY",
    b"ANYCRLF",
    b"BSR_ANYCRLF",
    b"BSR_UNICODE",
    b"",
];
const START_LIMITS: [&[u8]; 2] = [b"LIMIT_MATCH=", b"LIMIT_RECURSION="];

impl Reader<'_> {
    fn push(&mut self, lookbehind: bool) {
        self.scopes.push(Scope { extended: self.extended, lookbehind, unfixed: false });
    }

    /// Notes a reference to what a group has matched.
    pub(super) fn refers(&mut self) {
        self.scopes.iter_mut().for_each(|scope| scope.unfixed = true);
    }

    /// A group that captures; `bytes` of it are copied.
    fn capture(&mut self, bytes: usize) {
        self.groups += 1;
        self.push(false);
        self.copy(bytes);
    }

    pub(super) fn close(&mut self) {
        if let Some(scope) = self.scopes.pop() {
            self.extended = scope.extended;
            if scope.lookbehind && scope.unfixed {
                return self.fail("lookbehind assertion is not fixed length", 0);
            }
            if scope.lookbehind && self.lookbehind_end.is_none() {
                self.lookbehind_end = Some(self.at);
            }
        }
        self.copy(1);
    }

    pub(super) fn open(&mut self) {
        match self.peek(1) {
            Some(b'*') => self.verb(),
            Some(b'?') => self.special(),
            _ if self.options.no_auto_capture => {
                self.push(false);
                self.copy(1);
            }
            _ => self.capture(1),
        }
    }

    /// `(*...`
    fn verb(&mut self) {
        if self.at == self.start_end && self.start_option() {
            return;
        }
        if !self.peek(2).is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b':') {
            return self.fail("nothing to repeat", 1);
        }
        let letters = self.run(2, |byte| byte.is_ascii_alphabetic());
        let (name, end) = (&self.pattern[self.at + 2..][..letters], 2 + letters);
        let argument = match self.peek(end) {
            Some(b':') => 1 + self.run(end + 1, |byte| byte != b')'),
            _ => 0,
        };
        let end = end + argument;
        match name {
            b"" | b"MARK" | b"PRUNE" | b"SKIP" | b"THEN" => self.copy(end),
            b"ACCEPT" | b"COMMIT" | b"F" | b"FAIL" if argument > 1 => {
                let message = "an argument is not allowed for (*ACCEPT), (*FAIL), or (*COMMIT)";
                return self.fail(message, end);
            }
            b"ACCEPT" | b"COMMIT" | b"F" | b"FAIL" => self.copy(end),
            _ => return self.fail(BAD_VERB, end),
        }
        // It closes no group.
        self.copy(usize::from(self.peek(0) == Some(b')')));
    }

    /// An option at the start of the pattern; whether there is one.
    fn start_option(&mut self) -> bool {
        let length = self.run(2, |byte| byte != b')');
        let text = &self.pattern[self.at + 2..][..length];
        if length == 0 || self.peek(2 + length).is_none() {
            return false;
        }
        let limit = START_LIMITS.iter().find_map(|limit| text.strip_prefix(*limit));
        match limit {
            Some(b"") => {
                self.copy(2 + length);
                self.replace(0, b"0");
                self.copy(1);
            }
            Some(digits) if digits.iter().all(u8::is_ascii_digit) => self.copy(3 + length),
            None if START_OPTIONS.contains(&text) => self.copy(3 + length),
            _ => return false,
        }
        self.start_end = self.at;
        true
    }

    /// `(?...`
    fn special(&mut self) {
        match self.peek(2) {
            Some(b'#') => {
                let length = self.run(0, |byte| byte != b')');
                self.copy(length + 1);
            }
            Some(b':' | b'|' | b'>' | b'=' | b'!') => {
                self.push(false);
                self.copy(3);
            }
            Some(b'<') => match self.peek(3) {
                Some(b'=' | b'!') => {
                    self.push(true);
                    self.copy(4);
                }
                Some(byte) if is_word(byte) || byte >= 0x80 => self.capture(3),
                _ => self.fail("unrecognized character after (?<", 3),
            },
            Some(b'\'') if !self.peek(3).is_some_and(|byte| is_word(byte) || byte >= 0x80) => {
                self.fail("syntax error in subpattern name (missing terminator)", 3);
            }
            Some(b'\'') => self.capture(3),
            Some(b'P') => match self.peek(3) {
                Some(b'<') => self.capture(4),
                Some(b'=') => {
                    self.refers();
                    self.copy_to_end();
                }
                Some(b'>') => self.copy_to_end(),
                _ => self.fail("unrecognized character after (?P", 3),
            },
            Some(b'&') => self.copy_to_end(),
            Some(b'C') => {
                let end = 3 + self.digits(3);
                match self.peek(end) {
                    Some(b')') => self.copy(end + 1),
                    _ => self.fail("closing ) for (?C expected", end),
                }
            }
            Some(b'R') => self.call(3, 0),
            Some(b'0'..=b'9') => self.call(2, 0),
            Some(b'+') => match self.digits(3) {
                0 => self.fail("digit expected after (?+", 3),
                _ => self.call(3, 1),
            },
            Some(b'-') if self.digits(3) > 0 => self.call(3, -1),
            Some(b'(') => self.condition(),
            _ => self.settings(),
        }
    }

    /// Copies up to the closing parenthesis, which belongs to no group.
    fn copy_to_end(&mut self) {
        let length = self.run(0, |byte| byte != b')');
        self.copy(length + 1);
    }

    /// A call of a group by number, whose digits begin at `from`.
    fn call(&mut self, from: usize, sign: i8) {
        let digits = self.digits(from);
        let end = from + if self.peek(2) == Some(b'R') { 0 } else { digits };
        if self.peek(end) != Some(b')') {
            return self.fail("(?R or (?[+-]digits must be followed by )", end);
        }
        let number = self.number(from, digits);
        let number = match sign {
            0 => number,
            _ if number == 0 => return self.fail(ZERO_REFERENCE, end),
            1 => number.saturating_add(self.groups),
            _ if number > self.groups => return self.fail(super::NO_SUCH_GROUP, end),
            _ => self.groups - number + 1,
        };
        self.calls.push((number, self.at + end));
        self.copy(end + 1);
    }

    /// `(?(...`
    fn condition(&mut self) {
        let Some(first) = self.peek(3) else { return self.fail(NO_ASSERTION, 3) };
        let name = self.run(3, is_word);
        match first {
            b'?' => {
                let assertion = match self.peek(4) {
                    Some(b'=' | b'!' | b'C') => true,
                    Some(b'<') => matches!(self.peek(5), Some(b'=' | b'!')),
                    _ => false,
                };
                if !assertion {
                    return self.fail(NO_ASSERTION, 3);
                }
                // The assertion is read next.
                self.push(false);
                return self.copy(2);
            }
            b'0'..=b'9' => {
                let end = 3 + self.digits(3);
                if self.peek(end) != Some(b')') {
                    return self.fail(BAD_CONDITION, end);
                }
                if self.number(3, end - 3) == 0 {
                    return self.fail("invalid condition (?(0)", end + 1);
                }
            }
            b'R' if self.peek(4) == Some(b'&') => {}
            _ if is_word(first) => {
                if self.peek(3 + name) != Some(b')') {
                    return self.fail(BAD_CONDITION, 3 + name);
                }
            }
            b'<' | b'\'' => {
                let end = 4 + self.run(4, is_word);
                let closing = if first == b'<' { b'>' } else { b'\'' };
                if self.peek(end) != Some(closing) {
                    return self.fail(BAD_CONDITION, end);
                }
            }
            b'+' | b'-' if self.digits(4) == 0 => return self.fail(BAD_CONDITION, 4),
            b'+' | b'-' => {}
            _ => return self.fail(NO_ASSERTION, 3),
        }
        self.push(false);
        self.copy_to_end();
    }

    /// Options between `(?` and `)` or `:`.
    fn settings(&mut self) {
        let (mut text, mut off, mut extended) = (b"(?".to_vec(), false, self.extended);
        let length = self.run(2, |byte| b"imsxJUX-".contains(&byte));
        for &letter in &self.pattern[self.at + 2..self.at + 2 + length] {
            match letter {
                b'X' => {
                    self.strict = !off;
                    continue;
                }
                b'-' if off => continue,
                b'-' => off = true,
                b'x' => {
                    extended = !off;
                    if text.ends_with(b"x") {
                        continue;
                    }
                }
                _ => {}
            }
            text.push(letter);
        }
        let closing = self.peek(2 + length);
        match closing {
            Some(b')') => self.extended = extended,
            Some(b':') => {
                self.push(false);
                self.extended = extended;
            }
            _ => return self.fail(UNKNOWN_GROUP, 2 + length),
        }
        if text.len() == 2 + length {
            self.copy(2 + length)
        } else {
            self.replace(2 + length, &text)
        }
        self.copy(1);
    }
}
