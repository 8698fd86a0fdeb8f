//! The lines of HTTP: request, status and header lines.

use std::ops::Range;

/// A line, taken apart. Ranges are of the packet's bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Line {
    Request {
        method: Name,
        uri: Uri,
        version: (i32, i32),
    },
    Response {
        version: (i32, i32),
        status: i32,
        phrase: Range<usize>,
    },
    /// `known` is the header's number among [`HEADERS`]; otherwise `field` is its name, with
    /// the usual capitals if it is not too long.
    Header {
        known: Option<usize>,
        field: Vec<u8>,
        original: Range<usize>,
        value: Range<usize>,
    },
    EndOfHeaders,
    Error,
}

/// A method: one of [`METHODS`], or another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Name {
    Known(&'static str),
    Other(Range<usize>),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Uri {
    Star,
    Path(Range<usize>),
    /// `http` or `https`; host, port (0: none), path (`None`: `/`).
    Absolute {
        secure: bool,
        host: Range<usize>,
        port: i32,
        path: Option<Range<usize>>,
    },
    Scheme(Range<usize>, Range<usize>),
    Text(Range<usize>),
}

pub const METHODS: [&str; 7] = ["OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE"];

/// The headers that have a number: their index here plus one.
pub const HEADERS: [&str; 52] = [
    "Cache-Control",
    "Connection",
    "Date",
    "Pragma",
    "Transfer-Encoding",
    "Upgrade",
    "Via",
    "Accept",
    "Accept-Charset",
    "Accept-Encoding",
    "Accept-Language",
    "Authorization",
    "From",
    "Host",
    "If-Modified-Since",
    "If-Match",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Max-Forwards",
    "Proxy-Authorization",
    "Range",
    "Referer",
    "User-Agent",
    "Age",
    "Location",
    "Proxy-Authenticate",
    "Public",
    "Retry-After",
    "Server",
    "Vary",
    "Warning",
    "Www-Authenticate",
    "Allow",
    "Content-Base",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-Location",
    "Content-Md5",
    "Content-Range",
    "Content-Type",
    "Etag",
    "Expires",
    "Last-Modified",
    "Accept-Ranges",
    "Set-Cookie",
    "Set-Cookie2",
    "X-Forwarded-For",
    "Cookie",
    "Keep-Alive",
    "Proxy-Connection",
];

/// Longest header name that gets its usual capitals.
const MAX_NAME_BYTES: usize = 50;

/// Reads a whole line, as [`super::frame`] has cut it out.
pub fn line(packet: &[u8], headers: bool) -> Line {
    let end = match packet {
        [rest @ .., b'\r', _] => rest.len(),
        [rest @ .., b'\n'] => rest.len(),
        all => all.len(),
    };
    let mut words = Words { bytes: &packet[..end], at: 0 };
    let line = if headers {
        words.header()
    } else if words.bytes.starts_with(b"HTTP/") {
        words.response()
    } else {
        words.request()
    };
    line.unwrap_or(Line::Error)
}

/// A position in a line.
struct Words<'b> {
    bytes: &'b [u8],
    at: usize,
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Whether a byte cannot be part of a token.
fn is_separator(byte: u8) -> bool {
    !matches!(byte, 33..=127) || b"()<>@,;:\\\"/[]?={}".contains(&byte)
}

impl Words<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }
    /// Takes bytes as long as the test holds.
    fn take(&mut self, test: impl Fn(u8) -> bool) -> Range<usize> {
        let start = self.at;
        self.at += self.bytes[start..].iter().take_while(|byte| test(**byte)).count();
        start..self.at
    }
    /// Digits, perhaps none; a number too large wraps.
    fn digits(&mut self) -> i32 {
        let range = self.take(|byte| byte.is_ascii_digit());
        decimal(&self.bytes[range])
    }
    fn some_digits(&mut self) -> Option<i32> {
        self.peek().filter(u8::is_ascii_digit)?;
        Some(self.digits())
    }
    /// `HTTP/` is behind: `1.1`.
    fn version(&mut self) -> Option<(i32, i32)> {
        let major = self.some_digits()?;
        self.peek().filter(|byte| *byte == b'.')?;
        self.at += 1;
        Some((major, self.some_digits()?))
    }

    fn response(&mut self) -> Option<Line> {
        self.at = 5;
        let version = self.version()?;
        if self.take(is_blank).is_empty() {
            return None;
        }
        let status = self.digits();
        let gap = self.take(is_blank);
        if gap.is_empty() && self.peek().is_some() {
            return None;
        }
        Some(Line::Response { version, status, phrase: self.at..self.bytes.len() })
    }

    fn request(&mut self) -> Option<Line> {
        let method = self.take(|byte| !is_separator(byte));
        if method.is_empty() || self.take(is_blank).is_empty() {
            return None;
        }
        let uri = self.take(|byte| !is_blank(byte));
        if uri.is_empty() {
            return None;
        }
        self.take(is_blank);
        let rest = &self.bytes[self.at..];
        let version = match rest {
            [] => (0, 9),
            _ if rest.len() < 8 || !rest.starts_with(b"HTTP/") => return None,
            _ => {
                self.at += 5;
                self.version()?
            }
        };
        let name = &self.bytes[method.clone()];
        let known = METHODS.into_iter().find(|known| known.as_bytes() == name);
        let method = known.map_or(Name::Other(method), Name::Known);
        Some(Line::Request { method, uri: self.uri(uri), version })
    }

    fn uri(&self, range: Range<usize>) -> Uri {
        let text = &self.bytes[range.clone()];
        let begins = |prefix: &str| {
            text.get(..prefix.len()).is_some_and(|t| t.eq_ignore_ascii_case(prefix.as_bytes()))
        };
        if text == b"*" {
            Uri::Star
        } else if text.len() <= 1 || text[0] == b'/' {
            Uri::Path(range)
        } else if begins("http://") {
            self.absolute(range.start + 7..range.end, false)
        } else if begins("https://") {
            self.absolute(range.start + 8..range.end, true)
        } else {
            match text.iter().position(|byte| *byte == b':') {
                None => Uri::Text(range),
                Some(at) => {
                    let colon = range.start + at;
                    Uri::Scheme(range.start..colon, colon + 1..range.end)
                }
            }
        }
    }

    /// `host[:port][path]`
    fn absolute(&self, range: Range<usize>, secure: bool) -> Uri {
        let find = |range: Range<usize>, byte: u8| {
            self.bytes[range.clone()].iter().position(|b| *b == byte).map(|at| range.start + at)
        };
        let slash = find(range.clone(), b'/');
        let path = slash.map(|at| at..range.end);
        let place = range.start..slash.unwrap_or(range.end);
        let colon = find(place.clone(), b':');
        let host = place.start..colon.unwrap_or(place.end);
        let port = colon.map_or(0, |at| {
            let digits = &self.bytes[at + 1..place.end];
            if digits.iter().all(u8::is_ascii_digit) { decimal(digits) } else { 0 }
        });
        Uri::Absolute { secure, host, port, path }
    }

    fn header(&mut self) -> Option<Line> {
        if self.bytes.is_empty() {
            return Some(Line::EndOfHeaders);
        }
        let original = self.take(|byte| !is_separator(byte));
        self.peek().filter(|byte| *byte == b':')?;
        self.at += 1;
        self.take(is_blank);
        let mut field = self.bytes[original.clone()].to_vec();
        let mut known = None;
        if field.len() <= MAX_NAME_BYTES {
            capitalise(&mut field);
            known = HEADERS.iter().position(|name| name.as_bytes() == field);
        }
        Some(Line::Header { known, field, original, value: self.at..self.bytes.len() })
    }
}

/// The first letter of each part a capital, all others small.
fn capitalise(name: &mut [u8]) {
    let mut first = true;
    for byte in name {
        if first {
            byte.make_ascii_uppercase();
            first = false;
        } else {
            byte.make_ascii_lowercase();
            first = *byte == b'-';
        }
    }
}

fn decimal(digits: &[u8]) -> i32 {
    digits.iter().fold(0i32, |sum, digit| {
        sum.wrapping_mul(10).wrapping_add(i32::from(*digit) - i32::from(b'0'))
    })
}
