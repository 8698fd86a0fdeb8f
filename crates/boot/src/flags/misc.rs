//! Flags of one letter, and `-z…`.

use super::{
    Answer, BadFileName, Break, FileNames, LIMIT, Reader, Stop, TimeWarp, WarningMap, number, usage,
};

const ETS_WAITS: &[&[u8]] =
    &[b"none", b"very_short", b"short", b"medium", b"long", b"very_long", b"extremely_long"];

impl<'a> Reader<'a> {
    pub(super) fn single(&mut self, flag: &'a [u8], rest: &'a [u8]) -> Answer {
        match flag[1] {
            b'a' => self.number(rest, 16..=8192, b"bad stack size for async threads ").map(drop),
            b'B' => self.on_break(rest),
            b'C' => self.time_warp(rest),
            b'c' => self.time_correction(rest),
            b'e' => self.ets(rest),
            b'f' => self.file_names(flag),
            b'H' => {
                let text = b"The undocumented +H option has been removed (R10B-6).\n\n";
                self.warnings.extend_from_slice(text);
                Ok(())
            }
            b'i' => {
                self.options.boot_module = self.value(rest)?.to_vec();
                Ok(())
            }
            b'J' => self.native_code(flag, rest),
            b'L' => {
                self.options.no_line_numbers = true;
                Ok(())
            }
            b'n' => self.port_signals(rest),
            b'P' => self.table_size(rest, b"bad number of processes ", false),
            b'p' => self.printable(flag),
            b'Q' => self.table_size(rest, b"bad number of ports ", true),
            b'R' => self.compat_release(rest),
            b'r' if rest.starts_with(b"g") => self.value(&rest[1..]).map(drop),
            b'r' => Ok(()),
            b'T' => self.modified_timing(rest),
            b't' => {
                let range = 8192..=i64::from(i32::MAX);
                self.options.atom_limit = self.number(rest, range, b"bad atom table size ")? as u32;
                Ok(())
            }
            b'V' => {
                let version = &self.situation.erts_version;
                Err(Stop::Done(
                    format!("Erlang (SMP,ASYNC_THREADS) (BEAM) emulator version {version}\n")
                        .into_bytes(),
                ))
            }
            b'v' => {
                let text = b"warning: -v (only in debug compiled code)\n";
                self.warnings.extend_from_slice(text);
                Ok(())
            }
            b'W' => self.warning_map(rest),
            _ => Err(self.unknown(flag)),
        }
    }

    fn number(
        &mut self,
        rest: &'a [u8],
        range: std::ops::RangeInclusive<i64>,
        message: &[u8],
    ) -> Result<i64, Stop> {
        let text = self.value(rest)?;
        let value = number::leading(text);
        if range.contains(&value) { Ok(value) } else { Err(usage(&[message, text])) }
    }

    fn on_break(&mut self, rest: &'a [u8]) -> Answer {
        let next = self.words.get(self.next).and_then(|word| word.first()).copied();
        let glued = rest.first().copied().filter(|l| b"icd".contains(l));
        let letter = match glued {
            Some(letter) => letter,
            None => match next.filter(|l| b"icd".contains(l)) {
                Some(letter) => {
                    self.value(rest)?;
                    letter
                }
                None => b'd',
            },
        };
        self.options.on_break = match letter {
            b'i' => Break::Ignored,
            b'c' => Break::InterruptsShell,
            _ => Break::Ends,
        };
        Ok(())
    }

    fn time_warp(&mut self, rest: &'a [u8]) -> Answer {
        self.options.time_warp = match self.value(rest)? {
            b"no_time_warp" => TimeWarp::No,
            b"single_time_warp" => TimeWarp::Single,
            b"multi_time_warp" => TimeWarp::Multi,
            other => return Err(usage(&[b"Invalid time warp mode: ", other])),
        };
        Ok(())
    }

    fn time_correction(&mut self, rest: &'a [u8]) -> Answer {
        let next = self.words.get(self.next).map(Vec::as_slice);
        self.options.time_correction = match (rest, next) {
            (b"true", _) => true,
            (b"false", _) => false,
            (b"", Some(b"true" | b"false")) => {
                self.next += 1;
                next == Some(b"true")
            }
            (b"", _) => false,
            // The words are stock's, letter for letter.
            _ => return Err(usage(&[b"Invalid time correnction value: ", rest])),
        };
        Ok(())
    }

    fn ets(&mut self, rest: &'a [u8]) -> Answer {
        if rest == b"c" {
            self.options.ets_compressed = true;
            return Ok(());
        }
        let range = 0..=i64::from(i32::MAX);
        let count = self.number(rest, range, b"bad maximum number of ets tables ")?;
        self.options.ets_limit = count as u32;
        Ok(())
    }

    fn file_names(&mut self, flag: &'a [u8]) -> Answer {
        let Some(rest) = flag.strip_prefix(b"-fn") else { return Err(self.unknown(flag)) };
        let text = self.value(rest)?;
        let (kind, warning) = (text.first(), text.get(1..).unwrap_or(b""));
        self.options.file_names = match kind {
            Some(b'u') => FileNames::Utf8,
            Some(b'l') => FileNames::Latin1,
            Some(b'a') => FileNames::Locale,
            _ => {
                let end = b", can be (l,u or a, optionally followed by w, i or e)";
                return Err(usage(&[b"bad filename encoding ", text, end]));
            }
        };
        self.options.bad_file_name = match (kind, warning.first()) {
            (Some(b'l'), _) | (_, None | Some(b'w')) => BadFileName::Warning,
            (_, Some(b'i')) => BadFileName::Ignored,
            (_, Some(b'e')) => BadFileName::Error,
            _ => {
                let message = b"bad type of warnings for wrongly coded filename: ";
                return Err(usage(&[message, warning]));
            }
        };
        Ok(())
    }

    /// `-JDdump`, `-JPperf`: switches of stock's native code, checked only.
    fn native_code(&mut self, flag: &'a [u8], rest: &'a [u8]) -> Answer {
        if let Some(rest) = rest.strip_prefix(b"Ddump") {
            return match self.value(rest)? {
                b"true" | b"false" => Ok(()),
                other => Err(usage(&[b"bad +JDdump flag ", other])),
            };
        }
        if let Some(rest) = rest.strip_prefix(b"Pperf") {
            return match self.value(rest)? {
                b"true" | b"false" | b"dump" | b"map" => Ok(()),
                other => Err(usage(&[b"bad +JPperf support flag ", other])),
            };
        }
        if !matches!(rest.first(), Some(b'D' | b'P')) {
            self.warnings.extend([b"invalid JIT option ", flag, b"\n"].concat());
        }
        Ok(())
    }

    fn port_signals(&mut self, rest: &'a [u8]) -> Answer {
        match self.value(rest)? {
            b"s" | b"a" | b"d" => Ok(()),
            other => Err(usage(&[b"bad -n option ", other])),
        }
    }

    fn table_size(&mut self, rest: &'a [u8], message: &[u8], ports: bool) -> Answer {
        let text = self.value(rest)?;
        if text == b"legacy" {
            return Ok(());
        }
        let size = number::leading(text);
        if !(1024..=LIMIT).contains(&size) {
            return Err(usage(&[message, text]));
        }
        let target = match ports {
            true => &mut self.options.port_limit,
            false => &mut self.options.process_limit,
        };
        *target = size as u32;
        Ok(())
    }

    fn printable(&mut self, flag: &'a [u8]) -> Answer {
        let Some(rest) = flag.strip_prefix(b"-pc") else { return Err(self.unknown(flag)) };
        self.options.printable_unicode = match self.value(rest)? {
            b"unicode" => true,
            b"latin1" => false,
            other => return Err(usage(&[b"bad range of printable characters: ", other])),
        };
        Ok(())
    }

    fn compat_release(&mut self, rest: &'a [u8]) -> Answer {
        let now = i64::from(self.situation.otp_release);
        let range = now - 2..=now;
        let release = self.number(rest, range, b"bad compatibility release number ")?;
        self.options.compat_release = release as u32;
        Ok(())
    }

    fn modified_timing(&mut self, rest: &'a [u8]) -> Answer {
        let level = self.number(rest, 0..=9, b"bad modified timing level ")?;
        self.options.modified_timing = Some(level as u32);
        Ok(())
    }

    fn warning_map(&mut self, rest: &'a [u8]) -> Answer {
        let text = self.value(rest)?;
        self.options.warning_map = match text.first() {
            Some(b'i') => WarningMap::Info,
            Some(b'e') => WarningMap::Error,
            Some(b'w') => WarningMap::Warning,
            _ => return Err(usage(&[b"unrecognized warning_map option ", text])),
        };
        Ok(())
    }

    pub(super) fn other(&mut self, flag: &'a [u8], rest: &'a [u8]) -> Answer {
        if let Some(rest) = rest.strip_prefix(b"dbbl") {
            let kilobytes = number::leading(self.value(rest)?);
            if !(1..=2_097_151).contains(&kilobytes) {
                let text = kilobytes.to_string();
                return Err(usage(&[b"Invalid dbbl limit: ", text.as_bytes()]));
            }
            self.options.dist_busy_limit_bytes = kilobytes as u64 * 1024;
            Ok(())
        } else if let Some(rest) = rest.strip_prefix(b"dntgc") {
            self.node_table_delay(rest)
        } else if let Some(rest) = rest.strip_prefix(b"ebwt") {
            let text = self.value(rest)?;
            match ETS_WAITS.contains(&text) {
                true => Ok(()),
                false => Err(usage(&[b"Invalid ets busy wait threshold: ", text])),
            }
        } else if let Some(rest) = rest.strip_prefix(b"share") {
            self.options.keep_sharing = match self.value(rest)? {
                b"true" => true,
                b"false" => false,
                text => return Err(usage(&[b"Invalid value of +zshare: ", text])),
            };
            Ok(())
        } else if let Some(rest) = rest.strip_prefix(b"osrl") {
            let message = b"Invalid outstanding requests limit ";
            let limit = self.number(rest, 1..=LIMIT, message)?;
            self.options.system_requests_limit = Some(limit as u32);
            Ok(())
        } else {
            Err(usage(&[b"bad -z option ", flag]))
        }
    }

    fn node_table_delay(&mut self, rest: &'a [u8]) -> Answer {
        let text = self.value(rest)?;
        self.options.node_table_delay_s = match (text, number::scan(text)) {
            (b"infinity", _) => None,
            (_, Some((seconds @ 0..=100_000_000, b""))) => Some(seconds as u32),
            _ => return Err(usage(&[b"Invalid delayed node table gc: ", text])),
        };
        Ok(())
    }
}
