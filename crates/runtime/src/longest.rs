//! The longest pieces of work that threads do at one go, in CPU time of the thread: for
//! measurements, off at first. While it is off a piece of work pays one load.

use crate::process::Mfa;
use oxbeam_ethread::AtomicFlag;
use oxbeam_sys::clock::thread_cpu_ns;
use parking_lot::Mutex;

/// What a thread does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    /// A process's turn.
    Turn,
    /// The signals that a process finds when its turn begins.
    Signals,
    /// What others have asked of a process, between two of its turns.
    Tasks,
    /// What waited for thread progress.
    AfterProgress,
    /// An errand of a scheduler.
    Errand,
    /// Timers that are due.
    Timers,
    /// A native or an errand on a dirty scheduler.
    Dirty,
}

impl Work {
    pub fn name(self) -> &'static str {
        match self {
            Work::Turn => "turn",
            Work::Signals => "signals",
            Work::Tasks => "tasks",
            Work::AfterProgress => "after_progress",
            Work::Errand => "errand",
            Work::Timers => "timers",
            Work::Dirty => "dirty",
        }
    }
}

/// The longest piece of a kind, and for turns of those that ended after the same native.
#[derive(Clone, Copy, Debug)]
pub struct Longest {
    pub work: Work,
    /// The native that was called last.
    pub native: Option<Mfa>,
    pub cpu_ns: i64,
    /// How many pieces there were.
    pub count: u64,
}

oxbeam_ethread::shared! {
    static ON: AtomicFlag = AtomicFlag::new(false);
}
static LONGEST: Mutex<Vec<Longest>> = Mutex::new(vec![]);

/// Forgets all, and measures from now on, or no longer.
pub fn set(on: bool) {
    LONGEST.lock().clear();
    ON.set_relb(on);
}

/// All that was seen, in no order.
pub fn get() -> Vec<Longest> {
    LONGEST.lock().clone()
}

/// A piece of work that has begun.
pub struct Begun(Option<i64>);

/// The calling thread begins a piece of work.
#[inline]
pub fn begin() -> Begun {
    Begun(ON.read().then(thread_cpu_ns))
}

impl Begun {
    /// It has ended.
    #[inline]
    pub fn end(self, work: Work, native: impl FnOnce() -> Option<Mfa>) {
        if let Some(began_ns) = self.0 {
            note(work, native(), thread_cpu_ns() - began_ns);
        }
    }
}

#[cold]
fn note(work: Work, native: Option<Mfa>, cpu_ns: i64) {
    let mut all = LONGEST.lock();
    match all.iter_mut().find(|one| one.work == work && one.native == native) {
        Some(one) => {
            one.cpu_ns = one.cpu_ns.max(cpu_ns);
            one.count += 1;
        }
        None => all.push(Longest { work, native, cpu_ns, count: 1 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_is_kept() {
        begin().end(Work::Dirty, || None);
        assert!(get().is_empty());
        set(true);
        note(Work::Errand, None, 5);
        note(Work::Errand, None, 3);
        begin().end(Work::Errand, || None);
        let all = get();
        set(false);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].count, 3);
        assert!(all[0].cpu_ns >= 5);
    }
}
