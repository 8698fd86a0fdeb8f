//! `-s…`: how schedulers behave.

use super::{Answer, Reader, Stop, number, usage};
use crate::words::Word;
use oxbeam_runtime::scheduler::topology;

const BIND_TYPES: &[&[u8]] = &[b"u", b"ns", b"ts", b"ps", b"s", b"nnts", b"nnps", b"tnnps", b"db"];
const BUSY_WAITS: &[&[u8]] = &[b"none", b"very_short", b"short", b"medium", b"long", b"very_long"];
const WAKEUPS: &[&[u8]] = &[b"very_low", b"low", b"medium", b"high", b"very_high"];
const CLEANUPS: &[&[u8]] = &[b"very_lazy", b"lazy", b"medium", b"eager", b"very_eager"];

impl<'a> Reader<'a> {
    pub(super) fn scheduling(&mut self, flag: &'a [u8], rest: &'a [u8]) -> Answer {
        // The longer of two names that start alike stands first.
        if let Some(rest) = rest.strip_prefix(b"tbt").or_else(|| rest.strip_prefix(b"bt")) {
            self.options.bind_type = self.bind_type(rest)?;
        } else if let Some(rest) = rest.strip_prefix(b"bwtdcpu") {
            let message = b"bad dirty CPU scheduler busy wait threshold: ";
            self.options.busy_wait[1] = self.one_of(rest, BUSY_WAITS, message)?;
        } else if let Some(rest) = rest.strip_prefix(b"bwtdio") {
            let message = b"bad dirty IO scheduler busy wait threshold: ";
            self.options.busy_wait[2] = self.one_of(rest, BUSY_WAITS, message)?;
        } else if let Some(rest) = rest.strip_prefix(b"bwt") {
            let message = b"bad scheduler busy wait threshold: ";
            self.options.busy_wait[0] = self.one_of(rest, BUSY_WAITS, message)?;
        } else if let Some(rest) = rest.strip_prefix(b"ss") {
            self.stack_size(rest)?;
        } else if rest.starts_with(b"w") {
            self.wakeup(flag, rest)?;
        } else {
            self.balancing(flag, rest)?;
        }
        Ok(())
    }

    fn one_of(&mut self, rest: &'a [u8], all: &[&[u8]], message: &[u8]) -> Result<Word, Stop> {
        let value = self.value(rest)?;
        match all.contains(&value) {
            true => Ok(value.to_vec()),
            false => Err(usage(&[message, value])),
        }
    }

    fn bind_type(&mut self, rest: &'a [u8]) -> Result<Word, Stop> {
        let value = self.value(rest)?;
        if !BIND_TYPES.contains(&value) {
            return Err(usage(&[
                b"setting scheduler bind type '",
                value,
                b"' failed: invalid type",
            ]));
        }
        Ok(value.to_vec())
    }

    fn stack_size(&mut self, rest: &'a [u8]) -> Answer {
        let kinds: [(&[u8], &[u8]); 3] = [
            (b"dcpu", b"dirty CPU scheduler"),
            (b"dio", b"dirty IO scheduler"),
            (b"", b"scheduler"),
        ];
        let found = kinds.iter().position(|(name, _)| rest.starts_with(name)).unwrap_or(2);
        let text = self.value(&rest[kinds[found].0.len()..])?;
        let size = number::leading(text);
        if !(20..=8192).contains(&size) {
            let message = [b"bad stack size for ", kinds[found].1, b" threads ", text];
            return Err(usage(&message));
        }
        self.options.stack_kilowords[(found + 1) % 3] = size as u32;
        Ok(())
    }

    /// `-sw…`: when sleeping schedulers are woken. Threads of the dirty pools are woken as soon
    /// as there is work, and there is one strategy: of these only the values are checked.
    fn wakeup(&mut self, flag: &'a [u8], rest: &'a [u8]) -> Answer {
        if let Some(rest) = rest.strip_prefix(b"wct") {
            self.one_of(rest, CLEANUPS, b"scheduler wake cleanup threshold: ")?;
        } else if let Some(rest) = rest.strip_prefix(b"wtdcpu") {
            self.one_of(rest, WAKEUPS, b"dirty CPU scheduler wakeup threshold: ")?;
        } else if let Some(rest) = rest.strip_prefix(b"wtdio") {
            self.one_of(rest, WAKEUPS, b"dirty IO scheduler wakeup threshold: ")?;
        } else if let Some(rest) = rest.strip_prefix(b"wt") {
            self.options.wakeup_threshold =
                self.one_of(rest, WAKEUPS, b"scheduler wakeup threshold: ")?;
        } else if let Some(rest) = rest.strip_prefix(b"ws") {
            self.one_of(rest, &[b"default", b"legacy"], b"scheduler wakeup strategy: ")?;
        } else {
            return Err(usage(&[b"bad scheduling option ", flag]));
        }
        Ok(())
    }

    fn balancing(&mut self, flag: &'a [u8], rest: &'a [u8]) -> Answer {
        if let Some(rest) = rest.strip_prefix(b"cl") {
            let message: [&[u8]; 2] = [b"bad scheduler compact load value '", b"'"];
            self.options.compact_load = self.switch(rest, message)?;
        } else if let Some(rest) = rest.strip_prefix(b"ct") {
            let value = self.value(rest)?;
            self.options.cpu_topology = Some(topology::read(value).map_err(|invalid| {
                usage(&[b"bad cpu topology '", value, b"': ", invalid.text().as_bytes()])
            })?);
            self.options.detects_topology = false;
        } else if let Some(rest) = rest.strip_prefix(b"ecio") {
            self.value(rest)?;
        } else if let Some(rest) = rest.strip_prefix(b"pp") {
            let message: [&[u8]; 2] = [b"bad port parallelism scheduling hint ", b""];
            self.options.port_parallelism = self.switch(rest, message)?;
        } else if let Some(rest) = rest.strip_prefix(b"ub") {
            let message: [&[u8]; 2] = [b"bad scheduler utilization balancing  value '", b"'"];
            self.options.balance_utilization = self.switch(rest, message)?;
        } else if let Some(rest) = rest.strip_prefix(b"fwi") {
            let text = self.value(rest)?;
            let interval_ms = number::leading(text);
            if interval_ms < 0 {
                return Err(usage(&[b"bad scheduler forced wakeup interval ", text]));
            }
            self.options.forced_wakeup_ms = u32::try_from(interval_ms).unwrap_or(u32::MAX);
        } else if rest.starts_with(b"srct") {
            self.options.detects_topology = false;
        } else {
            return Err(usage(&[b"bad scheduling option ", flag]));
        }
        Ok(())
    }

    fn switch(&mut self, rest: &'a [u8], around: [&[u8]; 2]) -> Result<bool, Stop> {
        match self.value(rest)? {
            b"true" => Ok(true),
            b"false" => Ok(false),
            other => Err(usage(&[around[0], other, around[1]])),
        }
    }
}
