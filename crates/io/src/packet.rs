//! Packets in a stream of bytes: where one ends, and what it says.
//!
//! Pure: bytes in, positions out. `erlang:decode_packet/3` uses it, and so may whatever reads a
//! stream in packets.
//!
//! 1. [`frame`] looks at the bytes that have come so far. It never looks past them and gives
//!    the size of the whole packet as soon as the bytes tell it.
//! 2. A packet is never longer than 2³¹ - 1 bytes: one that claims to be is invalid.

pub mod http;

/// How a stream is cut into packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Raw,
    /// A length of 1, 2 or 4 bytes, big-endian, before each packet.
    Length(usize),
    Asn1,
    SunRpc,
    Cdr,
    FastCgi,
    Line,
    Tpkt,
    /// A request or status line; with `headers`, a header line.
    Http {
        headers: bool,
    },
    SslTls,
}

/// Limits on packets; 0: none.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub packet_bytes: usize,
    /// Lines are cut at that length.
    pub line_bytes: usize,
    /// What ends a line.
    pub delimiter: u8,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { packet_bytes: 0, line_bytes: 0, delimiter: b'\n' }
    }
}

/// What the bytes so far say about the first packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Frame {
    /// More bytes are needed to tell.
    Unknown,
    /// The packet's size in bytes, with its header; there may be fewer bytes as yet.
    Size(usize),
    Invalid,
}

/// Looks for the end of the first packet.
pub fn frame(kind: Kind, bytes: &[u8], limits: Limits) -> Frame {
    match kind {
        Kind::Raw if bytes.is_empty() => Frame::Unknown,
        Kind::Raw => Frame::Size(bytes.len()),
        Kind::Line => line(bytes, limits),
        Kind::Http { headers } => http_line(bytes, limits, headers),
        _ => match head(kind, bytes) {
            Head::Unknown => Frame::Unknown,
            Head::Invalid => Frame::Invalid,
            Head::Sizes { head, body } => {
                let size = head as i64 + body;
                let over = limits.packet_bytes != 0 && body as u32 as usize > limits.packet_bytes;
                if over || body < 0 || size > i64::from(i32::MAX) {
                    Frame::Invalid
                } else {
                    Frame::Size(size as usize)
                }
            }
        },
    }
}

/// What a header says.
enum Head {
    Unknown,
    Invalid,
    /// Bytes of the header, and of what follows it.
    Sizes {
        head: usize,
        body: i64,
    },
}

/// A big-endian number.
fn number(bytes: &[u8]) -> i64 {
    bytes.iter().fold(0, |sum, byte| sum << 8 | i64::from(*byte))
}

/// Reads the header of a kind that has one.
fn head(kind: Kind, bytes: &[u8]) -> Head {
    let head = match kind {
        Kind::Length(size) => size,
        Kind::SunRpc | Kind::Tpkt => 4,
        Kind::Cdr => 12,
        Kind::FastCgi => 8,
        Kind::SslTls => 5,
        _ => return asn1(bytes),
    };
    if bytes.len() < head {
        return Head::Unknown;
    }
    let body = match kind {
        Kind::Length(_) => number(&bytes[..head]),
        // The first bit marks the last piece of a record.
        Kind::SunRpc => number(&bytes[..4]) & 0x7fff_ffff,
        Kind::Tpkt if bytes[0] == 3 => number(&bytes[2..4]) - 4,
        Kind::Cdr if bytes.starts_with(b"GIOP") && bytes[6] & 1 == 0 => number(&bytes[8..12]),
        Kind::Cdr if bytes.starts_with(b"GIOP") => {
            i64::from(u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]))
        }
        Kind::FastCgi if bytes[0] == 1 => number(&bytes[4..6]) + i64::from(bytes[6]),
        Kind::SslTls if is_ssl2_hello(bytes) => (number(&bytes[..2]) & 0x7fff) - 3,
        Kind::SslTls => number(&bytes[3..5]),
        _ => return Head::Invalid,
    };
    Head::Sizes { head, body }
}

/// A tag and a length, each short or long.
fn asn1(bytes: &[u8]) -> Head {
    if bytes.len() < 2 {
        return Head::Unknown;
    }
    let mut at = 1;
    if bytes[0] & 0x1f == 0x1f {
        at += bytes[1..].iter().take_while(|byte| *byte & 0x80 != 0).count();
        if bytes.len() - at < 2 {
            return Head::Unknown;
        }
        at += 1;
    }
    let length = bytes[at];
    at += 1;
    if length & 0x80 == 0 {
        return Head::Sizes { head: at, body: i64::from(length) };
    }
    let size = usize::from(length & 0x7f);
    match bytes.get(at..at + size) {
        None => Head::Unknown,
        Some(_) if size > 4 => Head::Invalid,
        Some(digits) => Head::Sizes { head: at + size, body: number(digits) },
    }
}

fn is_ssl2_hello(bytes: &[u8]) -> bool {
    bytes[0] & 0x80 != 0 && bytes[2] == 1
}

fn line(bytes: &[u8], limits: Limits) -> Frame {
    let Limits { packet_bytes: max, line_bytes: cut, delimiter } = limits;
    match bytes.iter().position(|byte| *byte == delimiter).map(|at| at + 1) {
        None if max != 0 && bytes.len() > max => Frame::Invalid,
        None if cut != 0 && bytes.len() >= cut => Frame::Size(cut),
        None => Frame::Unknown,
        Some(size) if max != 0 && size > max => Frame::Invalid,
        Some(size) if cut != 0 && size > cut => Frame::Size(cut),
        Some(size) => Frame::Size(size),
    }
}

/// A line; a header goes on in lines that begin with white space, so its end is known only when
/// the next line has begun.
fn http_line(bytes: &[u8], limits: Limits, headers: bool) -> Frame {
    if bytes == b"\n" || bytes == b"\r\n" {
        return Frame::Size(bytes.len());
    }
    let max = if limits.packet_bytes != 0 { limits.packet_bytes } else { limits.line_bytes };
    let over = |size: usize| max != 0 && size > max;
    let mut from = 0;
    loop {
        let Some(at) = bytes[from..].iter().position(|byte| *byte == b'\n') else {
            let full = max != 0 && bytes.len() >= max;
            return if full { Frame::Invalid } else { Frame::Unknown };
        };
        let size = from + at + 1;
        let goes_on = bytes.get(size).map(|next| matches!(next, b' ' | b'\t') && size > 2);
        match goes_on {
            Some(true) if headers => from = size,
            _ if over(size) => return Frame::Invalid,
            None if headers => return Frame::Unknown,
            _ => return Frame::Size(size),
        }
    }
}

/// Of a whole packet, the part that a reader gets.
pub fn body(kind: Kind, packet: &[u8]) -> std::ops::Range<usize> {
    match kind {
        Kind::Length(size) => size..packet.len(),
        Kind::FastCgi => 0..packet.len() - usize::from(packet[6]),
        _ => 0..packet.len(),
    }
}

/// A record of the SSL or TLS protocol: content type, version, and its fragment. The first
/// message of SSL 2 is dressed as one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SslRecord {
    pub content_type: u8,
    pub version: (u8, u8),
    pub fragment: Vec<u8>,
}

/// Reads a whole packet of [`Kind::SslTls`].
pub fn ssl_record(packet: &[u8]) -> SslRecord {
    if !is_ssl2_hello(packet) {
        let (content_type, version) = (packet[0], (packet[1], packet[2]));
        return SslRecord { content_type, version, fragment: packet[5..].to_vec() };
    }
    let size = packet.len() - 3;
    let mut fragment = vec![1, (size >> 16) as u8, (size >> 8) as u8, size as u8];
    fragment.extend_from_slice(&packet[3..]);
    SslRecord { content_type: 22, version: (packet[3], packet[4]), fragment }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(kind: Kind, bytes: &[u8]) -> Frame {
        frame(kind, bytes, Limits::default())
    }

    #[test]
    fn lengths_are_told_as_soon_as_the_header_is_there() {
        assert_eq!(plain(Kind::Length(2), &[0]), Frame::Unknown);
        assert_eq!(plain(Kind::Length(2), &[1, 0]), Frame::Size(258));
        assert_eq!(plain(Kind::Length(4), &[255, 255, 255, 255]), Frame::Invalid);
        assert_eq!(plain(Kind::Tpkt, &[3, 0, 0, 3]), Frame::Invalid);
        assert_eq!(plain(Kind::Asn1, &[0x1f, 0x81, 1, 0x81, 200]), Frame::Size(205));
        assert_eq!(plain(Kind::Asn1, &[0x1f, 0x81]), Frame::Unknown);
    }

    #[test]
    fn a_header_ends_where_the_next_line_begins() {
        let header = Kind::Http { headers: true };
        assert_eq!(plain(header, b"A: b\r\n"), Frame::Unknown);
        assert_eq!(plain(header, b"A: b\r\n c\r\nX"), Frame::Size(10));
        assert_eq!(plain(Kind::Http { headers: false }, b"GET /\r\n"), Frame::Size(7));
    }

    #[test]
    fn no_bytes_make_it_look_past_their_end() {
        let http = [false, true].map(|headers| Kind::Http { headers });
        let kinds = [Kind::Raw, Kind::Length(1), Kind::Length(4), Kind::Asn1, Kind::SunRpc];
        let more = [Kind::Cdr, Kind::FastCgi, Kind::Line, Kind::Tpkt, Kind::SslTls];
        for kind in kinds.into_iter().chain(more).chain(http) {
            for seed in 0..20_000u32 {
                let mixed = seed.wrapping_mul(2_654_435_761).to_le_bytes();
                let size = seed as usize % 5;
                if let Frame::Size(size) = plain(kind, &mixed[..size.min(4)]) {
                    assert!(size > 0);
                }
            }
        }
    }
}
