//! Clocks, all in nanoseconds.

fn read_ns(clock: libc::clockid_t) -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: rule 2: `time` is a timespec of ours, alive during the call.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// Monotonic time since an unspecified start; never goes back.
pub fn monotonic_ns() -> i64 {
    read_ns(libc::CLOCK_MONOTONIC)
}

/// Wall clock time since 1970-01-01 00:00:00 UTC.
pub fn system_ns() -> i64 {
    read_ns(libc::CLOCK_REALTIME)
}

/// Processor time that the calling thread has used.
pub fn thread_cpu_ns() -> i64 {
    read_ns(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// Processor time (user, system) that the whole operating system process has
/// used.
pub fn process_cpu_ns() -> (i64, i64) {
    let usage = resource_usage();
    let ns = |time: libc::timeval| time.tv_sec * 1_000_000_000 + time.tv_usec * 1_000;
    (ns(usage.ru_utime), ns(usage.ru_stime))
}

/// The greatest resident set size so far, in bytes.
pub fn peak_resident_bytes() -> u64 {
    resource_usage().ru_maxrss as u64 * 1024
}

fn resource_usage() -> libc::rusage {
    // SAFETY: rusage is plain numbers, for which zero is a value; rule 2.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    }
}

/// Resolution of the clock that `monotonic_ns` reads, in nanoseconds.
pub fn monotonic_resolution_ns() -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 1 };
    // SAFETY: rule 2: `time` is a timespec of ours, alive during the call.
    unsafe { libc::clock_getres(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monotonic_time_never_goes_back() {
        let first = monotonic_ns();
        let second = monotonic_ns();
        assert!(second >= first && first > 0);
    }

    #[test]
    fn system_time_is_after_2020() {
        assert!(system_ns() > 1_577_836_800_000_000_000);
    }

    #[test]
    fn processor_time_counts_work() {
        let before = thread_cpu_ns();
        let mut sum = 0u64;
        for i in 0..200_000u64 {
            sum = sum.wrapping_add(std::hint::black_box(i * i));
        }
        std::hint::black_box(sum);
        assert!(thread_cpu_ns() > before);
        assert!(peak_resident_bytes() > 100_000);
    }
}
