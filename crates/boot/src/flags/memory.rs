//! `-M…` (allocators) and `-I…` (polling). The allocators are this runtime's own, so the switches of
//! stock's have nothing to set and are checked for shape; so is `-IOs`: schedulers do not poll.

use super::{Answer, Reader, number, usage};

const ALLOCATORS: &[u8] = b"BIDEFHLRSTZXuMAY";

/// Switches of one allocator (behind its letter), longest first where one
/// starts another.
const ALLOCATOR_SWITCHES: &[&str] = &[
    "asbcst", "as", "atags", "acul", "acnl", "acfml", "acful", "cp", "e", "t", "lmbcs", "mbcgs",
    "mbsd", "mmbcs", "mmmbc", "mmsbc", "msbclt", "ramv", "rmbcmt", "rsbcmt", "rsbcst", "sbct",
    "smbcs",
];

/// Switches of the whole.
const SWITCHES: &[&str] = &[
    "ea", "ummc", "uycs", "usac", "im", "is", "lpm", "Mamcbf", "Mrmcbf", "Mmcs", "Mscs", "Mscrfsd",
    "Mscrpm", "Msco", "Ye", "Ym", "Ytp", "Ytt", "Iscs", "Xscs", "dai",
];

/// What follows the switch named at the start of `rest`.
fn after_switch(rest: &[u8]) -> Option<&[u8]> {
    let strip = |text: &'_ [u8], names: &[&str]| {
        let found = names.iter().filter(|name| text.starts_with(name.as_bytes()));
        found.map(|name| name.len()).max()
    };
    if let Some(length) = strip(rest, SWITCHES) {
        return Some(&rest[length..]);
    }
    let (letter, switch) = rest.split_first()?;
    let known = ALLOCATORS.contains(letter);
    strip(switch, ALLOCATOR_SWITCHES).filter(|_| known).map(|length| &switch[length..])
}

impl<'a> Reader<'a> {
    pub(super) fn read_memory(&mut self) -> Answer {
        self.next = 0;
        while let Some(flag) = self.words.get(self.next) {
            self.next += 1;
            if flag == b"--" {
                break;
            }
            if let Some(rest) = flag.strip_prefix(b"-M") {
                self.skip_memory(rest)?;
            }
        }
        Ok(())
    }

    pub(super) fn skip_memory(&mut self, rest: &'a [u8]) -> Answer {
        match after_switch(rest) {
            Some(value) => self.value(value).map(drop),
            None => {
                let letter = rest.first().filter(|l| ALLOCATORS.contains(l));
                let name = letter.map_or(&b""[..], std::slice::from_ref);
                Err(usage(&[b"bad \"M", name, b"\" parameter"]))
            }
        }
    }

    pub(super) fn read_polling(&mut self) -> Answer {
        self.next = 0;
        let (mut threads, mut sets) = (0, 0);
        let (mut threads_percent, mut sets_percent) = (0, 0);
        while let Some(flag) = self.words.get(self.next) {
            self.next += 1;
            if flag == b"--" {
                break;
            }
            let Some(rest) = flag.strip_prefix(b"-IO") else { continue };
            if let Some(rest) = rest.strip_prefix(b"t") {
                threads = self.poll_number(rest, 1..=1024, b"bad I/O poll threads number: ")?;
            } else if let Some(rest) = rest.strip_prefix(b"p") {
                sets = self.poll_number(rest, 1..=i64::MAX, b"bad I/O pollset number: ")?;
            } else if let Some(rest) = rest.strip_prefix(b"Pt") {
                let message = b"bad I/O poll thread percentage number: ";
                threads_percent = self.poll_number(rest, 0..=100, message)?;
            } else if let Some(rest) = rest.strip_prefix(b"Pp") {
                let message = b"bad I/O pollset percentage number: ";
                sets_percent = self.poll_number(rest, 0..=100, message)?;
            } else if rest == b"s" {
                let value = self.value(b"")?;
                if !matches!(value, b"true" | b"false") {
                    return Err(usage(&[b"bad +IOs boolean argument: ", value]));
                }
            }
        }
        if threads == 0 {
            threads = (i64::from(self.options.schedulers) * threads_percent / 100).max(1);
        }
        if sets == 0 {
            sets = (threads * sets_percent / 100).max(1);
        }
        if sets > threads {
            let text = format!(
                "number of IO poll threads has to be greater or equal to the number of \n\
                 IO pollsets. Current values are set to: \n  -IOt {threads} -IOp {sets}",
            );
            return Err(usage(&[text.as_bytes()]));
        }
        (self.options.poll_threads, self.options.poll_sets) = (threads as u32, sets as u32);
        Ok(())
    }

    fn poll_number(
        &mut self,
        rest: &'a [u8],
        range: std::ops::RangeInclusive<i64>,
        message: &[u8],
    ) -> Result<i64, super::Stop> {
        let text = self.value(rest)?;
        match number::scan(text) {
            Some((value, _)) if range.contains(&value) => Ok(value),
            _ => Err(usage(&[message, text])),
        }
    }

    /// In the main pass the polling flags are stepped over.
    pub(super) fn skip_polling(&mut self, rest: &'a [u8]) -> Answer {
        let names: [&[u8]; 5] = [b"OPt", b"OPp", b"Ot", b"Op", b"Os"];
        match names.iter().find_map(|name| rest.strip_prefix(*name)) {
            Some(value) => self.value(value).map(drop),
            None => Err(self.unknown(&[b"-I", rest].concat())),
        }
    }
}
