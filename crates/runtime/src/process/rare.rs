//! What few processes have besides their state: in a box of its own, so that the others do not
//! pay for it.

use super::{PidData, ProcState, table};
use crate::signal::take::Untaken;
use crate::signal::{Control, send_control};
use crate::trace::call_time::CallTimer;
use crate::trace::sequential::Traced;
use oxbeam_term::Export;
use std::collections::{HashMap, VecDeque};
use std::num::NonZeroU32;

/// See the module.
#[derive(Default)]
pub struct Rare {
    /// Processes that this one has suspended.
    pub suspending: HashMap<PidData, Suspensions>,
    /// It waits for a change of the schedulers to take effect, and this is the value from before.
    pub settling: Option<NonZeroU32>,
    /// It asks itself for what its signals may change, and whether those that came before have been handled.
    pub asks_itself: Option<bool>,
    saved_calls: Option<SavedCalls>,
    /// Float registers of a process that was left between two instructions of a function.
    pub floats: Vec<f64>,
    /// Words that the instruction needs which waits for a collection, or 0.
    pub room_words: usize,
    /// It hibernates, and its heap is to be collected aside and to lose all free room.
    pub fits_heap: bool,
    untaken: Option<Untaken>,
    pub(crate) call_timer: Option<CallTimer>,
    pub(crate) sequential: Traced,
    /// The instruction with a breakpoint that the process has left in its middle, to be run again
    /// without the breakpoint; or 0.
    pub passed: usize,
    /// An exception ends it, and the exit reason lies on its heap still: whether that is an error, of
    /// which the logger is to hear.
    pub(crate) dies_by_error: Option<bool>,
}

/// How often one process has suspended another: by a signal, and when it was at rest.
#[derive(Clone, Copy, Default, Debug)]
pub struct Suspensions {
    pub by_signal: u32,
    pub at_rest: u32,
}

impl Suspensions {
    pub fn count(self) -> u32 {
        self.by_signal + self.at_rest
    }

    /// Takes one back, of which there must be one, and resumes the process.
    pub fn resume(&mut self, pid: PidData) {
        if self.at_rest > 0 {
            self.at_rest -= 1;
            if let Some(process) = table::find(pid) {
                process.resume();
            }
        } else {
            self.by_signal -= 1;
            send_control(pid, Control::Resume);
        }
    }
}

/// What is saved of a call.
#[derive(Clone, Copy)]
pub enum Call {
    /// An exported function, or a native.
    To(&'static Export),
    Send,
    Receive,
    Timeout,
}

/// The last calls of a process (`process_flag(save_calls, N)`): never more than `most`.
struct SavedCalls {
    calls: VecDeque<Call>,
    most: u32,
}

impl ProcState {
    /// The box for what is rare.
    pub fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    pub(crate) fn keep_untaken(&mut self, untaken: Untaken) {
        self.rare_mut().untaken = Some(untaken);
    }

    pub(crate) fn take_untaken(&mut self) -> Option<Untaken> {
        self.rare.as_mut()?.untaken.take()
    }

    pub(crate) fn untaken(&self) -> Option<&Untaken> {
        self.rare.as_ref()?.untaken.as_ref()
    }

    /// Saves the last `most` calls from now on, none if it is 0; gives how many it was before.
    /// Calls of functions are seen from the next turn on.
    pub fn save_calls(&mut self, most: u32) -> u32 {
        if most == 0 && self.rare.is_none() {
            return 0;
        }
        let new = (most > 0).then(|| SavedCalls { calls: VecDeque::new(), most });
        std::mem::replace(&mut self.rare_mut().saved_calls, new).map_or(0, |saved| saved.most)
    }

    /// Whether calls are saved.
    pub fn saves_calls(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.saved_calls.is_some())
    }

    /// Saves a call, where calls are saved.
    #[inline]
    pub fn note_call(&mut self, call: Call) {
        if self.rare.is_some() {
            self.note(call);
        }
    }

    #[cold]
    fn note(&mut self, call: Call) {
        let sensitive = self.flags.sensitive;
        let saved = self.rare.as_mut().and_then(|rare| rare.saved_calls.as_mut());
        if let Some(saved) = saved.filter(|_| !sensitive) {
            if saved.calls.len() == saved.most as usize {
                saved.calls.pop_front();
            }
            saved.calls.push_back(call);
        }
    }

    /// The saved calls, the oldest first; `None` where none are saved.
    pub fn last_calls(&self) -> Option<impl DoubleEndedIterator<Item = Call> + ExactSizeIterator> {
        let saved = self.rare.as_ref()?.saved_calls.as_ref()?;
        Some(saved.calls.iter().copied())
    }
}
