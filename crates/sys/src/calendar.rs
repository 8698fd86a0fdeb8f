//! Local time of the machine's time zone.

/// A date and time of day, without zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DateTime {
    /// Full year, such as 2026.
    pub year: i64,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 60.
    pub second: u8,
}

fn from_tm(tm: &libc::tm) -> DateTime {
    DateTime {
        year: i64::from(tm.tm_year) + 1900,
        month: (tm.tm_mon + 1) as u8,
        day: tm.tm_mday as u8,
        hour: tm.tm_hour as u8,
        minute: tm.tm_min as u8,
        second: tm.tm_sec as u8,
    }
}

fn empty_tm() -> libc::tm {
    // SAFETY: tm is plain numbers and a pointer that may be null.
    unsafe { std::mem::zeroed() }
}

/// Local date and time of `seconds` since 1970 UTC; None when out of range.
pub fn local_of_seconds(seconds: i64) -> Option<DateTime> {
    let mut tm = empty_tm();
    // SAFETY: rule 2: both are values of ours, alive during the call.
    let answer = unsafe { libc::localtime_r(&seconds, &mut tm) };
    (!answer.is_null()).then(|| from_tm(&tm))
}

/// UTC date and time of `seconds` since 1970; None when out of range.
pub fn utc_of_seconds(seconds: i64) -> Option<DateTime> {
    let mut tm = empty_tm();
    // SAFETY: rule 2: both are values of ours, alive during the call.
    let answer = unsafe { libc::gmtime_r(&seconds, &mut tm) };
    (!answer.is_null()).then(|| from_tm(&tm))
}

/// Seconds since 1970 UTC of a local date and time. `is_dst` says whether
/// daylight saving is in force; None lets the zone's rules decide. None as an
/// answer means that the system has no such time.
pub fn seconds_of_local(time: DateTime, is_dst: Option<bool>) -> Option<i64> {
    let mut tm = empty_tm();
    tm.tm_year = i32::try_from(time.year - 1900).ok()?;
    tm.tm_mon = i32::from(time.month) - 1;
    tm.tm_mday = i32::from(time.day);
    tm.tm_hour = i32::from(time.hour);
    tm.tm_min = i32::from(time.minute);
    tm.tm_sec = i32::from(time.second);
    tm.tm_isdst = is_dst.map_or(-1, i32::from);
    tm.tm_wday = -1;
    // SAFETY: rule 2: `tm` is a value of ours, alive during the call.
    let seconds = unsafe { libc::mktime(&mut tm) };
    // mktime answers -1 for an error and for the last second of 1969; only a
    // call that worked fills in the day of the week.
    (seconds != -1 || tm.tm_wday != -1).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utc_of_the_epoch() {
        let t = utc_of_seconds(0).unwrap();
        assert_eq!((t.year, t.month, t.day, t.hour, t.minute, t.second), (1970, 1, 1, 0, 0, 0));
    }

    #[test]
    fn local_time_goes_both_ways() {
        for seconds in [0, 1_000_000_000, 1_767_225_600] {
            let local = local_of_seconds(seconds).unwrap();
            assert_eq!(seconds_of_local(local, None), Some(seconds));
        }
    }
}
