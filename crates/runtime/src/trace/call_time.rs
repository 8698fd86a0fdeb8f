//! How long traced calls take, for each process.
//!
//! The time between two events of a process counts for the function that was called last and has not
//! returned: events are calls of timed functions, their returns, and the beginnings and ends of turns.

use crate::locks;
use crate::process::{PidData, ProcState};
use oxbeam_ethread::lock::Mutex;
use oxbeam_sys::clock::monotonic_ns;
use std::collections::HashMap;
use std::sync::Arc;

/// Calls, and time.
#[derive(Clone, Copy, Default)]
pub struct Spent {
    pub calls: u64,
    pub ns: i64,
}

/// What the calls of one function took.
#[derive(Default)]
pub struct Times(Mutex<HashMap<PidData, Spent>, locks::CallTimes>);

impl Times {
    fn add(&self, pid: PidData, calls: u64, ns: i64) {
        let mut spent = self.0.lock();
        let spent = spent.entry(pid).or_default();
        spent.calls += calls;
        spent.ns += ns;
    }

    /// By process.
    pub fn all(&self) -> Vec<(PidData, Spent)> {
        self.0.lock().iter().map(|(&pid, &spent)| (pid, spent)).collect()
    }
}

/// The timed functions that a process has called and that have not returned, the last one last, and
/// the time of its last event.
pub(crate) struct CallTimer {
    open: Vec<Arc<Times>>,
    since_ns: i64,
}

impl ProcState {
    fn timer_event(&mut self) -> Option<&mut CallTimer> {
        let pid = self.pid;
        let timer = self.rare.as_mut()?.call_timer.as_mut()?;
        let now_ns = monotonic_ns();
        if let Some(times) = timer.open.last() {
            times.add(pid, 0, now_ns - timer.since_ns);
        }
        timer.since_ns = now_ns;
        Some(timer)
    }

    /// A timed function is called: gives what [`ProcState::time_return`] takes. `instead`: nobody
    /// will say that it returns, but only that the one before does.
    pub fn time_call(&mut self, times: &Arc<Times>, instead: bool) -> usize {
        let pid = self.pid;
        if self.timer_event().is_none() {
            let timer = CallTimer { open: vec![], since_ns: monotonic_ns() };
            self.rare_mut().call_timer = Some(timer);
        }
        times.add(pid, 1, 0);
        let timer = self.rare_mut().call_timer.as_mut().expect("just made, if it was not there");
        let depth = timer.open.len();
        if instead {
            timer.open.pop();
        }
        timer.open.push(times.clone());
        depth
    }

    /// A timed function has returned, which was called at that depth.
    pub fn time_return(&mut self, depth: usize) {
        if let Some(timer) = self.timer_event() {
            timer.open.truncate(depth);
        }
    }

    /// The turn of the process ends: what follows is not its time.
    pub fn time_pauses(&mut self) {
        self.timer_event();
    }

    /// The process has a turn again.
    pub fn time_goes_on(&mut self) {
        if let Some(timer) = self.rare.as_mut().and_then(|rare| rare.call_timer.as_mut()) {
            timer.since_ns = monotonic_ns();
        }
    }
}
