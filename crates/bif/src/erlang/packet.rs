//! `erlang:decode_packet/3`.

use crate::arg;
use oxbeam_heap::Heap;
use oxbeam_io::packet::http::{self, Line, Name, Uri};
use oxbeam_io::packet::{self, Frame, Kind, Limits};
use oxbeam_runtime::{Cx, Flow, NativeResult};
use oxbeam_term::{Atom, Term, am};
use std::ops::Range;

fn atom<'h>(name: &str) -> Term<'h> {
    Term::atom(Atom::new(name).expect("room for the words of packets"))
}

/// A packet type, and whether its texts are binaries.
fn packet_type(term: Term<'_>) -> Option<(Kind, bool)> {
    if let Some(size) = term.as_usize() {
        return match size {
            0 => Some((Kind::Raw, false)),
            1 | 2 | 4 => Some((Kind::Length(size), false)),
            _ => None,
        };
    }
    let kind = match term.as_atom()?.name() {
        "raw" => Kind::Raw,
        "asn1" => Kind::Asn1,
        "sunrm" => Kind::SunRpc,
        "cdr" => Kind::Cdr,
        "fcgi" => Kind::FastCgi,
        "line" => Kind::Line,
        "tpkt" => Kind::Tpkt,
        "http" => Kind::Http { headers: false },
        "httph" => Kind::Http { headers: true },
        "http_bin" => return Some((Kind::Http { headers: false }, true)),
        "httph_bin" => return Some((Kind::Http { headers: true }, true)),
        "ssl_tls" => Kind::SslTls,
        _ => return None,
    };
    Some((kind, false))
}

fn limits<'h>(kind: Kind, options: Term<'h>) -> Result<Limits, Flow<'h>> {
    let mut limits = Limits::default();
    for option in arg::options(options) {
        let [key, value] = option?.as_tuple_n().ok_or_else(Flow::badarg)?;
        let value = value.as_usize().filter(|&value| u32::try_from(value).is_ok());
        let value = value.ok_or_else(Flow::badarg)?;
        match key.as_atom().map(|key| key.name()) {
            Some("packet_size") => limits.packet_bytes = value,
            Some("line_length") => limits.line_bytes = value,
            Some("line_delimiter") if kind == Kind::Line => {
                limits.delimiter = u8::try_from(value).map_err(|_| Flow::badarg())?;
            }
            _ => return Err(Flow::badarg()),
        }
    }
    Ok(limits)
}

/// `erlang:decode_packet/3`
pub fn decode_packet_3<'h>(cx: &mut Cx<'h>, args: &[Term<'h>]) -> NativeResult<'h> {
    let bad_type = Flow::badopt;
    let (kind, as_binaries) = packet_type(args[0]).ok_or_else(bad_type)?;
    let bits = arg::bits(args[1])?;
    let limits = limits(kind, args[2])?;
    let whole_bytes = bits.bit_size() / 8;
    let bytes = bits.slice(0, whole_bytes * 8).to_bytes();
    let heap = cx.heap;
    cx.reductions -= (whole_bytes / 1024) as i64;
    let size = match packet::frame(kind, &bytes, limits) {
        Frame::Invalid => return Ok(heap.tuple(&[Term::atom(am::error), atom("invalid")])),
        Frame::Unknown => return Ok(heap.tuple(&[atom("more"), Term::atom(am::undefined)])),
        Frame::Size(size) if size > bytes.len() => {
            return Ok(heap.tuple(&[atom("more"), heap.usize(size)]));
        }
        Frame::Size(size) => size,
    };
    let source = Source { heap, whole: args[1], bytes: &bytes, as_binaries };
    let value = match kind {
        Kind::Http { headers } => source.http(http::line(&bytes[..size], headers), size),
        Kind::SslTls => ssl(heap, packet::ssl_record(&bytes[..size])),
        _ => source.part(packet::body(kind, &bytes[..size])),
    };
    let rest = heap.sub_binary(args[1], size * 8, bits.bit_size() - size * 8);
    Ok(heap.tuple(&[Term::atom(am::ok), value, rest]))
}

fn ssl(heap: &Heap, record: packet::SslRecord) -> Term<'_> {
    let (major, minor) = record.version;
    let version = heap.tuple(&[heap.int(major.into()), heap.int(minor.into())]);
    let fragment = heap.binary(&record.fragment);
    let content_type = heap.int(record.content_type.into());
    heap.tuple(&[atom("ssl_tls"), Term::nil(), content_type, version, fragment])
}

/// What the parts of a packet are made from.
struct Source<'h, 'b> {
    heap: &'h Heap,
    whole: Term<'h>,
    bytes: &'b [u8],
    as_binaries: bool,
}

/// Bytes up to which a copy is smaller than a sub-binary.
const COPY_BYTES: usize = 24;

impl<'h> Source<'h, '_> {
    fn part(&self, range: Range<usize>) -> Term<'h> {
        self.heap.sub_binary(self.whole, range.start * 8, range.len() * 8)
    }

    /// A string, or a binary where these were asked for.
    fn text(&self, range: Range<usize>) -> Term<'h> {
        if self.as_binaries && range.len() > COPY_BYTES {
            return self.part(range);
        }
        self.fresh(&self.bytes[range])
    }
    fn fresh(&self, text: &[u8]) -> Term<'h> {
        if self.as_binaries { self.heap.binary(text) } else { self.heap.list_of_bytes(text) }
    }

    fn http(&self, line: Line, size: usize) -> Term<'h> {
        let heap = self.heap;
        let number = |value: i32| heap.int(value.into());
        let pair = |(major, minor)| heap.tuple(&[number(major), number(minor)]);
        match line {
            Line::Request { method, uri, version } => {
                let method = match method {
                    Name::Known(name) => atom(name),
                    Name::Other(range) => self.text(range),
                };
                heap.tuple(&[atom("http_request"), method, self.uri(uri), pair(version)])
            }
            Line::Response { version, status, phrase } => {
                let phrase = self.text(phrase);
                heap.tuple(&[atom("http_response"), pair(version), number(status), phrase])
            }
            Line::Header { known, field, original, value } => {
                let (index, field) = match known {
                    Some(index) => (index + 1, atom(http::HEADERS[index])),
                    None => (0, self.fresh(&field)),
                };
                let (original, value) = (self.text(original), self.text(value));
                heap.tuple(&[atom("http_header"), heap.usize(index), field, original, value])
            }
            Line::EndOfHeaders => atom("http_eoh"),
            Line::Error => heap.tuple(&[atom("http_error"), self.text(0..size)]),
        }
    }

    fn uri(&self, uri: Uri) -> Term<'h> {
        let heap = self.heap;
        match uri {
            Uri::Star => atom("*"),
            Uri::Path(path) => heap.tuple(&[atom("abs_path"), self.text(path)]),
            Uri::Scheme(scheme, rest) => {
                heap.tuple(&[atom("scheme"), self.text(scheme), self.text(rest)])
            }
            Uri::Text(text) => self.text(text),
            Uri::Absolute { secure, host, port, path } => {
                let scheme = atom(if secure { "https" } else { "http" });
                let port =
                    if port == 0 { Term::atom(am::undefined) } else { heap.int(port.into()) };
                let path = path.map_or_else(|| self.fresh(b"/"), |path| self.text(path));
                heap.tuple(&[atom("absoluteURI"), scheme, self.text(host), port, path])
            }
        }
    }
}
