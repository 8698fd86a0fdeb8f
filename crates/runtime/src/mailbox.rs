//! The inner message queue of a process, with the position of the receive that is under way.
//!
//! 1. A message that a receive has looked at is *attached*: its fragment is part of the process
//!    heap and its term a root. One that has not been looked at keeps its own fragment, and where
//!    messages are to be off the heap every message does that is not removed. But the one that is
//!    being looked at is attached before a collection, or a copying of literals
//!    ([`Mailbox::attach_looked_at`]), since registers may hold parts of it, and when the receive has
//!    made objects meanwhile, which may do so too.
//! 2. `save` is the index of the next message to look at; a match removes the message before it
//!    and sets it back to the first.
//! 3. A receive marker is the number that the next message had when it was set: messages before
//!    it cannot hold the reference that the marker is bound to, so a receive may begin there.

use crate::reference::RefNumbers;
use crate::signal::queue::{Message, MessageList};
use crate::thin_vec::ThinVec;
use crate::trace::sequential::Trail;
use oxbeam_heap::literal::Purged;
use oxbeam_heap::{Heap, OwnedTerm};
use oxbeam_term::{RawTerm, Term};

/// Messages that were fetched from the signal queue.
#[derive(Default)]
pub struct Mailbox {
    list: MessageList,
    /// Markers bound to references, the latest last.
    markers: ThinVec<(RefNumbers, u64)>,
}

/// How far the heap had been used when a receive began to look at a message without attaching it (rule 1);
/// none: it looks at none so. It lies in the process's state where there is room.
#[derive(Default, Clone, Copy)]
pub struct Looks(u32);

impl Looks {
    /// Other than before when an object has been made; not 0.
    fn mark(heap: &Heap) -> Looks {
        let words = heap.top() as usize / 8 + heap.fragment_words();
        Looks((words as u32).max(1))
    }
}

/// More bound markers than this are not kept.
const MAX_MARKERS: usize = 8;

impl Mailbox {
    pub fn len(&self) -> usize {
        self.list.len()
    }
    pub fn is_empty(&self) -> bool {
        self.list.len() == 0
    }

    /// Appends a message.
    pub fn push(&mut self, message: Box<Message>) {
        self.list.push_back(message);
    }

    /// Appends a message that the process sends to itself, a term of its own `heap`: it is
    /// attached from the beginning.
    pub fn push_own<'h>(&mut self, _heap: &'h Heap, term: Term<'h>) {
        // SAFETY: the term is of the process's heap, as its brand says.
        unsafe { self.list.push_back_attached(term.raw(), Trail::Ends) };
    }

    /// The message at the save position; `None` at the end of the queue. Unless messages are to be
    /// `off_heap` it is attached to the heap.
    pub fn peek(&mut self, looks: &mut Looks, heap: &Heap, off_heap: bool) -> Option<RawTerm> {
        if !off_heap {
            return self.list.attach_at_save(heap);
        }
        let message = self.list.at_save()?.term.view().raw();
        *looks = Looks::mark(heap);
        Some(message)
    }

    /// Whether all messages have been looked at.
    pub fn is_at_end(&mut self) -> bool {
        self.list.at_save().is_none()
    }

    /// As [`Mailbox::peek`], for what needs nothing to be done first.
    #[inline(always)]
    pub fn at_hand(&self) -> Option<RawTerm> {
        self.list.attached_at_save()
    }

    /// As [`Mailbox::advance`], if nothing needs to be done first: `false` where something does.
    #[inline(always)]
    pub fn advance_quickly(&mut self, looks: Looks) -> bool {
        looks.0 == 0 && self.list.advance_settled()
    }

    /// Attaches the message that is being looked at, if it is not (rule 1).
    pub(crate) fn attach_looked_at(&mut self, looks: &mut Looks, heap: &Heap) {
        if std::mem::take(looks).0 != 0 {
            self.list.attach_at_save(heap);
        }
    }

    /// Moves the save position on by one message.
    pub fn advance(&mut self, looks: &mut Looks, heap: &Heap) {
        if looks.0 != 0 && looks.0 != Looks::mark(heap).0 {
            self.attach_looked_at(looks, heap);
        }
        *looks = Looks::default();
        self.list.advance_save();
    }

    /// Removes the message at the save position and sets the position back to the first. It is
    /// attached, if it was looked at.
    pub fn remove(&mut self, looks: &mut Looks, heap: &Heap) -> Option<Box<Message>> {
        self.attach_looked_at(looks, heap);
        let message = self.list.remove_at_save();
        self.list.reset_save();
        message
    }

    /// Sets the save position back to the first message.
    pub fn reset_save(&mut self) {
        self.list.reset_save();
    }

    /// A marker at the end of the queue.
    pub fn marker(&self) -> u64 {
        self.list.next_number()
    }

    /// Binds a marker to a reference.
    pub fn bind_marker(&mut self, marker: u64, reference: RefNumbers) {
        if self.markers.len() == MAX_MARKERS {
            self.markers.vec().remove(0);
        }
        self.markers.push((reference, marker));
    }

    /// Forgets the marker of a reference.
    pub fn clear_marker(&mut self, reference: RefNumbers) {
        if !self.markers.is_empty() {
            self.markers.vec().retain(|(bound, _)| *bound != reference);
        }
    }

    /// Begins the receive at the marker of a reference, if it has one.
    pub fn use_marker(&mut self, reference: RefNumbers) {
        if let Some(&(_, marker)) = self.markers.iter().find(|(bound, _)| *bound == reference) {
            self.list.seek(marker);
        }
    }

    /// All messages, first to last, as they can be seen by the process itself.
    pub fn terms<'m>(&'m self) -> impl Iterator<Item = Term<'m>> {
        self.list.iter().map(|message| message.term.view())
    }

    /// Messages that have fragments of their own.
    pub fn each_unattached(&self, mut visit: impl FnMut(&OwnedTerm)) {
        self.list.iter().for_each(|message| visit(&message.term));
    }

    /// Words of the messages that have not been looked at.
    pub fn unattached_words(&mut self) -> usize {
        self.list.unattached_words()
    }

    /// Replaces messages that have not been looked at and hold literals of the area that is being
    /// purged by copies without.
    pub(crate) fn copy_literals(&mut self, purged: Purged) {
        self.list.each_unattached(|message| {
            if message.term.refers_to(purged) {
                message.term = OwnedTerm::copy_of(message.term.view());
            }
        });
    }

    /// Shows the terms of attached messages to the collector.
    pub(crate) fn each_root(&mut self, visit: &mut dyn FnMut(&mut [RawTerm])) {
        self.list.each_attached(|message| {
            // SAFETY: an attached message's term is a root of the heap that is collected.
            visit(std::slice::from_mut(unsafe { message.term.root_mut() }));
        });
    }
}
