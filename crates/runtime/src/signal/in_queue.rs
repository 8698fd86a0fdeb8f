//! The in-queue of a process: the signals that it has been sent and has not taken yet.
//!
//! 1. It is a stack without a lock. A sender has its signal ready, copied and allocated; it links
//!    it to the latest one and puts it into that place by a compare-and-exchange, again if another
//!    sender came between. So no sender waits for one that does not run, nor for the receiver, and
//!    what one sends stays in its order.
//! 2. Who takes, takes all by one exchange, and turns them round: first in, first out. A long
//!    queue can be turned in pieces.
//! 3. A signal belongs to its sender until the exchange, then to the queue, then to who took it.
//!    Nobody follows a link of what is in the queue, so it does no harm that an address comes back.
//! 4. When the process ends it puts a mark in the place of the latest signal; from then on nothing
//!    is pushed.
//! 5. Push and take are full barriers: see [the state word](crate::process::state).

use super::Control;
use super::queue::Message;
use oxbeam_ethread::AtomicPointer;
use oxbeam_heap::OwnedTerm;
use std::ptr::{NonNull, null_mut};

/// One signal.
pub enum Signal {
    Message(Box<Message>),
    Control(Box<ControlNode>),
}

/// A signal that is no message, as it lies in a queue.
pub struct ControlNode {
    behind: Link,
    pub control: Control,
}

impl Signal {
    pub fn control(control: Control) -> Signal {
        Signal::Control(Box::new(ControlNode { behind: Link::NONE, control }))
    }

    fn into_link(self) -> Link {
        match self {
            Signal::Message(message) => Link::message(NonNull::from(Box::leak(message))),
            Signal::Control(node) => {
                Link(Box::into_raw(node).cast::<u8>().map_addr(|address| address | IS_CONTROL))
            }
        }
    }
}

/// A pointer to a signal, or none; also the mark of a closed queue. Its lowest bit says whether it
/// is a control signal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Link(*mut u8);

const IS_CONTROL: usize = 1;

impl Link {
    pub const NONE: Link = Link(null_mut());
    /// No signal lies there.
    const CLOSED: Link = Link(std::ptr::without_provenance_mut(IS_CONTROL));

    pub fn message(message: NonNull<Message>) -> Link {
        Link(message.as_ptr().cast())
    }

    /// The message that is linked to, where it can only be one.
    pub fn as_message(self) -> Option<NonNull<Message>> {
        debug_assert!(self.0.addr() & IS_CONTROL == 0);
        NonNull::new(self.0.cast())
    }

    fn control(self) -> Option<NonNull<ControlNode>> {
        let is_control = self.0.addr() & IS_CONTROL != 0;
        NonNull::new(self.0.map_addr(|address| address & !IS_CONTROL).cast()).filter(|_| is_control)
    }

    /// The link of the signal that this one leads to.
    ///
    /// # Safety
    /// It leads to one, which belongs to the caller (rule 3).
    unsafe fn behind<'l>(self) -> &'l mut Link {
        // SAFETY: by contract.
        unsafe {
            match self.control() {
                Some(node) => &mut (*node.as_ptr()).behind,
                None => &mut (*self.0.cast::<Message>()).behind,
            }
        }
    }

    /// # Safety
    /// As for [`Link::behind`]; nobody uses the link again.
    unsafe fn into_signal(self) -> Signal {
        // SAFETY: by contract; `Signal::into_link` made it of a box.
        unsafe {
            match self.control() {
                Some(node) => Signal::Control(Box::from_raw(node.as_ptr())),
                None => Signal::Message(Box::from_raw(self.0.cast())),
            }
        }
    }
}

/// See the module.
#[derive(Default)]
pub struct InQueue {
    /// A [`Link`].
    latest: AtomicPointer<u8>,
}

impl InQueue {
    /// Appends a signal; gives it back when the process is gone.
    pub fn push(&self, signal: Signal) -> Result<(), Signal> {
        self.push_by(AtomicPointer::cmpxchg_mb, signal)
    }

    #[cfg(all(test, oxbeam_model))]
    pub(crate) fn push_without_barrier(&self, signal: Signal) -> Result<(), Signal> {
        self.push_by(AtomicPointer::cmpxchg_relb, signal)
    }

    #[inline(always)]
    fn push_by(
        &self,
        exchange: impl Fn(&AtomicPointer<u8>, *mut u8, *mut u8) -> *mut u8,
        signal: Signal,
    ) -> Result<(), Signal> {
        let link = signal.into_link();
        let mut latest = Link(self.latest.read());
        loop {
            // SAFETY: rule 3: it is still ours.
            unsafe {
                if latest == Link::CLOSED {
                    return Err(link.into_signal());
                }
                *link.behind() = latest;
            }
            let now = Link(exchange(&self.latest, link.0, latest.0));
            if now == latest {
                return Ok(());
            }
            latest = now;
        }
    }

    pub fn is_empty(&self) -> bool {
        matches!(Link(self.latest.read_acqb()), Link::NONE | Link::CLOSED)
    }

    /// Takes all signals.
    pub fn take(&self) -> Signals {
        self.exchange(Link::NONE)
    }

    /// Takes all signals and refuses further ones.
    pub fn close(&self) -> Signals {
        self.exchange(Link::CLOSED)
    }

    /// A closed queue stays closed: only who has the ownership of the process closes it or takes.
    fn exchange(&self, with: Link) -> Signals {
        if Link(self.latest.read()) == Link::CLOSED {
            return Signals::default();
        }
        Signals::sent_until(Link(self.latest.xchg_mb(with.0)))
    }

    /// Puts back in front what has been taken.
    pub fn put_back(&self, signals: Signals) {
        let mut latest = signals.into_latest();
        while latest != Link::NONE
            && Link(self.latest.cmpxchg_mb(latest.0, Link::NONE.0)) != Link::NONE
        {
            let mut newer = self.take();
            newer.turn_some(usize::MAX);
            // SAFETY: both have been taken.
            unsafe { turn(&mut newer.first, &mut latest, usize::MAX) };
        }
    }
}

impl Drop for InQueue {
    fn drop(&mut self) {
        self.take();
    }
}

/// Signals that have been taken, first to last.
pub struct Signals {
    first: Link,
    len: usize,
    /// Those that are still to be turned round, the latest first; they come before the others.
    unturned: Link,
}

// SAFETY: they belong to this value, and are `Send`.
unsafe impl Send for Signals {}

impl Default for Signals {
    fn default() -> Signals {
        Signals { first: Link::NONE, len: 0, unturned: Link::NONE }
    }
}

/// Moves at most so many from one chain to the other, which turns them round; gives how many.
///
/// # Safety
/// Both belong to the caller (rule 3).
unsafe fn turn(from: &mut Link, to: &mut Link, most: usize) -> usize {
    let mut count = 0;
    while *from != Link::NONE && count < most {
        // SAFETY: by contract.
        let behind = std::mem::replace(unsafe { from.behind() }, *to);
        (*to, *from) = (*from, behind);
        count += 1;
    }
    count
}

impl Signals {
    /// Those that were in a queue whose latest one this is.
    fn sent_until(latest: Link) -> Signals {
        Signals { unturned: latest, ..Signals::default() }
    }

    /// Turns at most so many round. Whether all are turned now.
    pub fn turn_some(&mut self, most: usize) -> bool {
        // SAFETY: they belong to this value.
        self.len += unsafe { turn(&mut self.unturned, &mut self.first, most) };
        self.unturned == Link::NONE
    }

    /// Gives them up, as they are linked in a queue: the latest.
    fn into_latest(self) -> Link {
        let mut this = std::mem::ManuallyDrop::new(self);
        let Signals { first, unturned, .. } = &mut *this;
        // SAFETY: they belong to this value, which gives them up.
        unsafe { turn(first, unturned, usize::MAX) };
        *unturned
    }

    /// How many there are, counted no further than `most`.
    pub fn count_to(&mut self, most: usize) -> usize {
        self.turn_some(most.saturating_sub(self.len));
        self.len.min(most)
    }

    pub fn is_empty(&self) -> bool {
        self.first == Link::NONE && self.unturned == Link::NONE
    }

    fn each(&self, mut look: impl FnMut(Link)) {
        let there = |link: Link| (link != Link::NONE).then_some(link);
        // SAFETY: they belong to this value, and nobody changes them meanwhile.
        let behind = |&link: &Link| there(unsafe { *link.behind() });
        let chain = |first| std::iter::successors(there(first), behind);
        let unturned: Vec<Link> = chain(self.unturned).collect();
        unturned.into_iter().rev().chain(chain(self.first)).for_each(&mut look);
    }

    /// Shows the messages among them, first to last.
    pub fn each_message(&self, mut look: impl FnMut(&Message)) {
        self.each(|link| {
            if link.control().is_none() {
                // SAFETY: as in `each`.
                look(unsafe { &*link.0.cast::<Message>() });
            }
        });
    }

    /// Shows the terms of messages, and the reasons of exits, among them.
    pub fn each_term(&self, mut look: impl FnMut(&OwnedTerm)) {
        self.each(|link| {
            // SAFETY: as in `each`.
            match link.control().map(|node| unsafe { &node.as_ref().control }) {
                // SAFETY: as in `each`.
                None => look(unsafe { &(*link.0.cast::<Message>()).term }),
                Some(
                    Control::Message { term, .. }
                    | Control::AliasMessage { term, .. }
                    | Control::Exit { reason: term, .. }
                    | Control::Down { reason: term, .. },
                ) => look(term),
                Some(_) => {}
            }
        });
    }
}

impl Iterator for Signals {
    type Item = Signal;

    fn next(&mut self) -> Option<Signal> {
        self.turn_some(usize::MAX);
        let link = self.first;
        if link == Link::NONE {
            return None;
        }
        self.len -= 1;
        // SAFETY: as in `turn_some`; the next one takes its place.
        unsafe {
            self.first = *link.behind();
            Some(link.into_signal())
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

#[cfg(all(test, not(oxbeam_model)))]
mod tests {
    use super::*;
    use oxbeam_heap::OwnedTerm;
    use oxbeam_term::RawTerm;

    /// Even numbers are messages, odd ones timeouts.
    fn signal(number: u64) -> Signal {
        match number % 2 {
            0 => {
                let term = OwnedTerm::immediate(RawTerm::small(number as i64));
                Signal::Message(Message::new(term))
            }
            _ => Signal::control(Control::Timeout { number }),
        }
    }

    fn number(signal: Signal) -> u64 {
        match signal {
            Signal::Message(message) => message.term.view().as_small().unwrap() as u64,
            Signal::Control(node) => match node.control {
                Control::Timeout { number } => number,
                _ => panic!("none was sent"),
            },
        }
    }

    fn pushed(queue: &InQueue, numbers: std::ops::Range<u64>) {
        numbers.for_each(|number| assert!(queue.push(signal(number)).is_ok()));
    }

    #[test]
    fn all_kinds_come_out_in_the_order_they_went_in() {
        let queue = InQueue::default();
        assert!(queue.is_empty() && queue.take().is_empty());
        pushed(&queue, 0..5);
        assert!(!queue.is_empty());
        let mut taken = queue.take();
        assert_eq!(taken.count_to(9), 5);
        assert!(queue.is_empty());
        assert_eq!(taken.map(number).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_closed_queue_takes_nothing_more() {
        let queue = InQueue::default();
        pushed(&queue, 0..2);
        assert_eq!(queue.close().count_to(9), 2);
        assert_eq!(queue.push(signal(7)).map_err(number), Err(7));
        assert!(queue.is_empty() && queue.take().is_empty() && queue.close().is_empty());
        assert!(queue.push(signal(8)).is_err());
    }

    #[test]
    fn what_is_put_back_comes_first() {
        let queue = InQueue::default();
        pushed(&queue, 0..3);
        let taken = queue.take();
        let mut messages = 0;
        taken.each_message(|_| messages += 1);
        assert_eq!(messages, 2);
        pushed(&queue, 3..6);
        queue.put_back(taken);
        pushed(&queue, 6..8);
        let mut taken = queue.take();
        assert_eq!((taken.count_to(3), taken.count_to(9)), (3, 8));
        assert_eq!(taken.map(number).collect::<Vec<_>>(), (0..8).collect::<Vec<_>>());
    }

    #[test]
    fn senders_that_push_at_once_keep_their_orders() {
        const EACH: u64 = if cfg!(miri) { 50 } else { 20_000 };
        let queue = InQueue::default();
        let mut seen = [0; 4];
        std::thread::scope(|scope| {
            for sender in 0..4 {
                let queue = &queue;
                scope.spawn(move || pushed(queue, sender * EACH..(sender + 1) * EACH));
            }
            while seen.iter().sum::<u64>() < 4 * EACH {
                for number in queue.take().map(number) {
                    let sender = (number / EACH) as usize;
                    assert_eq!(number % EACH, seen[sender]);
                    seen[sender] += 1;
                }
            }
        });
    }
}
