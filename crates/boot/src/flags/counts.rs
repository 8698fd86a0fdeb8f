//! The flags that are read before all others: numbers of threads.

use super::number::{self, Pair};
use super::{Answer, Reader, Stop, usage};

const MAX_SCHEDULERS: i64 = 1024;

/// A percentage pair, 100 each by default.
#[derive(Clone, Copy)]
struct Percent {
    total: i64,
    online: i64,
}

impl<'a> Reader<'a> {
    pub(super) fn read_counts(&mut self) -> Answer {
        let mut normal = Percent { total: 100, online: 100 };
        let mut dirty = normal;
        self.next = 0;
        while let Some(flag) = self.words.get(self.next) {
            self.next += 1;
            let rest = flag.get(2..).unwrap_or(b"");
            match (flag.first(), flag.get(1)) {
                (Some(b'-'), Some(b'-')) if flag.len() == 2 => break,
                (Some(b'-'), Some(b'd')) if rest.starts_with(b"cg") => {
                    self.limit(&rest[2..], b"bad decentralized counter groups limit: ")?;
                }
                (Some(b'-'), Some(b'r')) if rest.starts_with(b"g") => {
                    self.limit(&rest[1..], b"bad reader groups limit: ")?;
                }
                (Some(b'-'), Some(b'A')) => self.async_threads(rest)?,
                (Some(b'-'), Some(b'S')) => match rest.first() {
                    Some(b'P') => normal = self.percent(&rest[1..], b"")?,
                    Some(b'D') if rest.starts_with(b"DPcpu") => {
                        dirty = self.percent(&rest[5..], b"dirty CPU ")?;
                    }
                    Some(b'D') if rest.starts_with(b"Dcpu") => self.dirty_cpu(&rest[4..])?,
                    Some(b'D') if rest.starts_with(b"Dio") => self.dirty_io(&rest[3..])?,
                    Some(b'D') => {
                        let text = b"bad or missing dirty scheduler specifier: ";
                        return Err(usage(&[text, flag]));
                    }
                    _ => self.schedulers(rest)?,
                },
                _ => {}
            }
        }
        self.apply_percentages(normal, dirty)
    }

    /// In the main pass the counts are stepped over.
    pub(super) fn skip_counts(&mut self, rest: &'a [u8]) -> Answer {
        let names: [&[u8]; 4] = [b"DPcpu", b"Dcpu", b"Dio", b"P"];
        let value = names.iter().find_map(|name| rest.strip_prefix(*name)).unwrap_or(rest);
        self.value(value).map(drop)
    }

    fn limit(&mut self, rest: &'a [u8], message: &[u8]) -> Answer {
        let text = self.value(rest)?;
        match number::scan(text) {
            Some((value, _)) if value >= 0 => Ok(()),
            Some((value, _)) => Err(usage(&[message, value.to_string().as_bytes()])),
            None => Err(usage(&[message, text])),
        }
    }

    fn async_threads(&mut self, rest: &'a [u8]) -> Answer {
        let text = self.value(rest)?;
        let count = number::leading(text);
        if !(0..=1024).contains(&count) {
            return Err(usage(&[b"bad number of async threads ", text]));
        }
        self.options.async_threads = count.max(1) as u32;
        Ok(())
    }

    fn percent(&mut self, rest: &'a [u8], kind: &[u8]) -> Result<Percent, Stop> {
        let text = self.value(rest)?;
        let percent = match number::pair(text) {
            Some(Pair::First(total)) => Percent { total, online: total.min(100) },
            Some(Pair::Second(online)) => Percent { total: 100, online },
            Some(Pair::Both(total, online)) => Percent { total, online },
            None => Percent { total: -1, online: -1 },
        };
        if percent.total < 0 || percent.online < 0 {
            let parts = [b"bad ", kind, b"schedulers percentage specifier ", text];
            return Err(usage(&parts));
        }
        Ok(percent)
    }

    fn schedulers(&mut self, rest: &'a [u8]) -> Answer {
        let text = self.value(rest)?;
        let o = &self.options;
        let found = count_pair(text, b"schedulers", o.schedulers_online, self)?;
        (self.options.schedulers, self.options.schedulers_online) = found;
        Ok(())
    }

    fn dirty_cpu(&mut self, rest: &'a [u8]) -> Answer {
        let text = self.value(rest)?;
        let o = &self.options;
        let online = o.dirty_cpu_schedulers_online;
        let found = count_pair(text, b"dirty CPU schedulers", online, self)?;
        (self.options.dirty_cpu_schedulers, self.options.dirty_cpu_schedulers_online) = found;
        Ok(())
    }

    fn dirty_io(&mut self, rest: &'a [u8]) -> Answer {
        let text = self.value(rest)?;
        let count = number::leading(text);
        if !(1..=MAX_SCHEDULERS).contains(&count) {
            return Err(usage(&[b"bad number of dirty I/O schedulers ", text]));
        }
        self.options.dirty_io_schedulers = count as u32;
        Ok(())
    }

    fn apply_percentages(&mut self, normal: Percent, dirty: Percent) -> Answer {
        let share = |count: u32, percent: i64| (i64::from(count) * percent / 100).max(1);
        let options = &mut self.options;
        let total = share(options.schedulers, normal.total);
        let online = share(options.schedulers_online, normal.online);
        if total > MAX_SCHEDULERS {
            let text = format!(
                "bad schedulers percentage {} (total amount of schedulers {total})\n",
                normal.total
            );
            return Err(Stop::Usage(text.into_bytes()));
        }
        if total < online {
            let text = format!(
                "bad schedulers online percentage {} (total amount of schedulers {total}, \
                 online {online})\n",
                normal.online
            );
            return Err(Stop::Usage(text.into_bytes()));
        }
        options.schedulers = total as u32;
        options.schedulers_online = online as u32;
        let dirty_total = share(options.dirty_cpu_schedulers, dirty.total);
        let dirty_online = share(options.dirty_cpu_schedulers_online, dirty.online);
        options.dirty_cpu_schedulers = dirty_total.min(total) as u32;
        options.dirty_cpu_schedulers_online = dirty_online.min(online) as u32;
        Ok(())
    }
}

/// Reads `total:online`. Numbers that are not positive count down from the
/// machine's. `online` is what
/// counts so far.
fn count_pair(text: &[u8], what: &[u8], online: u32, reader: &Reader) -> Result<(u32, u32), Stop> {
    let machine = super::defaults(reader.situation);
    let (asked_total, asked_online) = match number::pair(text) {
        Some(Pair::First(first)) => (first, first.min(i64::from(online))),
        Some(Pair::Second(second)) => (i64::from(machine.schedulers), second),
        Some(Pair::Both(first, second)) => (first, second),
        None => return Err(usage(&[b"bad amount of ", what, b" ", text])),
    };
    let from = |asked: i64, all: u32| if asked > 0 { asked } else { i64::from(all) + asked };
    let total = from(asked_total, machine.schedulers);
    let online = from(asked_online, machine.schedulers_online);
    if !(1..=MAX_SCHEDULERS).contains(&total) {
        return Err(usage(&[b"bad amount of ", what, b" ", asked_total.to_string().as_bytes()]));
    }
    if online < 1 || total < online {
        let numbers = (online.to_string(), total.to_string());
        return Err(usage(&[
            b"bad amount of ",
            what,
            b" online ",
            numbers.0.as_bytes(),
            b" (total amount of ",
            what,
            b" ",
            numbers.1.as_bytes(),
            b")",
        ]));
    }
    Ok((total as u32, online as u32))
}
