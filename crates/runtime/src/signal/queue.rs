//! Messages, and the list of those that a process has taken from its in-queue.

use super::in_queue::Link;
use crate::thin_vec::ThinVec;
use crate::trace::sequential::Trail;
use oxbeam_heap::{Heap, OwnedTerm};
use oxbeam_term::RawTerm;
use std::ptr::NonNull;

/// A message.
pub struct Message {
    /// What was sent before it, in an in-queue; the message before it, in a mailbox.
    pub(super) behind: Link,
    next: Option<NonNull<Message>>,
    /// Its number in the order of arrival in its mailbox.
    number: u64,
    pub term: OwnedTerm,
    /// Its place in the list's table of attached messages, plus one; 0: not attached, or
    /// [`LOOKED_AT`].
    attached: u32,
    /// Its words, and those of all before it, are in the list's count.
    counted: bool,
    /// What it does to the sequential trace of who takes it.
    pub trail: Trail,
}

/// Attached, but not in the table: only the message at the save position can be, and most are
/// removed before the position moves.
const LOOKED_AT: u32 = u32::MAX;

impl Message {
    /// A message of the system's.
    pub fn new(term: OwnedTerm) -> Box<Message> {
        Message::with_trail(term, Trail::None)
    }

    /// A message with that trail.
    pub fn with_trail(term: OwnedTerm, trail: Trail) -> Box<Message> {
        let (behind, next) = (Link::NONE, None);
        Box::new(Message { behind, next, number: 0, term, attached: 0, counted: false, trail })
    }

    /// Its number in the order of arrival.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Its share of the list's count. An attached message has no words of its own.
    fn counted_words(&self) -> usize {
        if self.counted { self.term.words() } else { 0 }
    }
}

/// A doubly linked list of messages with a save position, and a table of the attached ones (see
/// the mailbox's rule 1), so that a collection need not walk past all the others.
///
/// Every node is a leaked box that the list owns; links are only followed with the list borrowed.
#[derive(Default)]
pub struct MessageList {
    first: Option<NonNull<Message>>,
    last: Option<NonNull<Message>>,
    /// The message to look at next; `None`: all have been looked at.
    save: Option<NonNull<Message>>,
    len: usize,
    next_number: u64,
    attached: ThinVec<NonNull<Message>>,
    /// Words of the unattached messages that are marked as counted. Who asks for all adds the
    /// newer ones: so nobody pays who does not ask, and nothing is counted twice.
    counted_words: usize,
}

// SAFETY: the list owns its messages, which are `Send`.
unsafe impl Send for MessageList {}

impl MessageList {
    pub fn len(&self) -> usize {
        self.len
    }
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn push_back(&mut self, message: Box<Message>) {
        let node = NonNull::from(Box::leak(message));
        // SAFETY: nodes of the list are alive and ours (type's doc).
        unsafe {
            (*node.as_ptr()).behind = self.last.map_or(Link::NONE, Link::message);
            (*node.as_ptr()).number = self.next_number;
            match self.last {
                Some(last) => (*last.as_ptr()).next = Some(node),
                None => self.first = Some(node),
            }
        }
        self.last = Some(node);
        self.len += 1;
        self.next_number += 1;
        if self.save.is_none() {
            // Both at the end of the old messages, and before an empty queue's first.
            self.save = Some(node);
        }
    }

    /// Appends a message whose term lies in the heap that the list's attached messages are of.
    ///
    /// # Safety
    /// The term is one of that heap.
    pub unsafe fn push_back_attached(&mut self, term: RawTerm, trail: Trail) {
        // SAFETY: the table shows it to the collector from now on.
        self.push_back(Message::with_trail(unsafe { OwnedTerm::attached(term) }, trail));
        if let Some(node) = self.last.filter(|_| !term.is_immediate()) {
            self.note_attached(node);
        }
    }

    fn note_attached(&mut self, node: NonNull<Message>) {
        self.attached.push(node);
        // SAFETY: as in `push_back`.
        unsafe { (*node.as_ptr()).attached = self.attached.len() as u32 };
    }

    pub fn at_save(&mut self) -> Option<&mut Message> {
        // SAFETY: as in `push_back`.
        self.save.map(|node| unsafe { &mut *node.as_ptr() })
    }

    /// The term of the message at the save position, attached to `heap`.
    pub fn attach_at_save(&mut self, heap: &Heap) -> Option<RawTerm> {
        let node = self.save?;
        // SAFETY: as in `push_back`.
        let message = unsafe { &mut *node.as_ptr() };
        let term = message.term.view().raw();
        if message.attached == 0 && !term.is_immediate() {
            self.counted_words -= message.counted_words();
            message.term.attach_in_place(heap);
            message.attached = LOOKED_AT;
        }
        Some(term)
    }

    /// The term of the message at the save position, if it needs no attaching.
    #[inline(always)]
    pub fn attached_at_save(&self) -> Option<RawTerm> {
        // SAFETY: as in `push_back`.
        let message = unsafe { self.save?.as_ref() };
        let term = message.term.view().raw();
        (message.attached != 0 || term.is_immediate()).then_some(term)
    }

    pub fn advance_save(&mut self) {
        self.settle();
        self.advance_settled();
    }

    /// As [`MessageList::advance_save`], if nothing goes into the table: `false` where something
    /// does.
    #[inline(always)]
    pub fn advance_settled(&mut self) -> bool {
        let Some(node) = self.save else { return true };
        // SAFETY: as in `push_back`.
        let message = unsafe { node.as_ref() };
        if message.attached == LOOKED_AT {
            return false;
        }
        self.save = message.next;
        true
    }

    /// The save position is about to move: what has been looked at there goes into the table.
    fn settle(&mut self) {
        if let Some(node) = self.save
            // SAFETY: as in `push_back`.
            && unsafe { node.as_ref() }.attached == LOOKED_AT
        {
            self.note_attached(node);
        }
    }

    pub fn reset_save(&mut self) {
        self.settle();
        self.save = self.first;
    }

    /// The number that the next message will get.
    pub fn next_number(&self) -> u64 {
        self.next_number
    }

    /// Sets the save position to the first message of that number or a later one.
    pub fn seek(&mut self, number: u64) {
        self.settle();
        let (mut save, mut next) = (None, self.last);
        while let Some(node) = next {
            // SAFETY: as in `push_back`.
            let message = unsafe { node.as_ref() };
            if message.number < number {
                break;
            }
            (save, next) = (Some(node), message.behind.as_message());
        }
        self.save = save;
    }

    pub fn remove_at_save(&mut self) -> Option<Box<Message>> {
        let node = self.save?;
        // SAFETY: as in `push_back`; the node leaves the list, so its box may come back.
        unsafe {
            let message = Box::from_raw(node.as_ptr());
            let prev = message.behind.as_message();
            match prev {
                Some(prev) => (*prev.as_ptr()).next = message.next,
                None => self.first = message.next,
            }
            match message.next {
                Some(next) => (*next.as_ptr()).behind = message.behind,
                None => self.last = prev,
            }
            self.save = message.next;
            self.len -= 1;
            self.counted_words -= message.counted_words();
            if message.attached != LOOKED_AT
                && let Some(place) = (message.attached as usize).checked_sub(1)
            {
                self.attached.vec().swap_remove(place);
                if let Some(moved) = self.attached.get(place) {
                    (*moved.as_ptr()).attached = message.attached;
                }
            }
            Some(message)
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Message> {
        let mut next = self.first;
        std::iter::from_fn(move || {
            // SAFETY: as in `push_back`; the list is borrowed.
            let message = unsafe { next?.as_ref() };
            next = message.next;
            Some(message)
        })
    }

    /// Words of the messages that are not attached.
    pub fn unattached_words(&mut self) -> usize {
        let mut next = self.last;
        while let Some(node) = next {
            // SAFETY: as in `push_back`.
            let message = unsafe { &mut *node.as_ptr() };
            if message.counted {
                break;
            }
            message.counted = true;
            self.counted_words += message.term.words();
            next = message.behind.as_message();
        }
        self.counted_words
    }

    /// Shows each message that is not attached; its words may change.
    pub fn each_unattached(&mut self, mut visit: impl FnMut(&mut Message)) {
        let mut next = self.first;
        while let Some(node) = next {
            // SAFETY: as in `push_back`.
            let message = unsafe { &mut *node.as_ptr() };
            next = message.next;
            if message.attached == 0 {
                self.counted_words -= message.counted_words();
                visit(message);
                self.counted_words += message.counted_words();
            }
        }
    }

    /// Shows each attached message.
    pub fn each_attached(&mut self, mut visit: impl FnMut(&mut Message)) {
        for node in self.attached.iter() {
            // SAFETY: as in `push_back`; a message leaves the table when it leaves the list.
            visit(unsafe { &mut *node.as_ptr() });
        }
        if let Some(message) = self.at_save().filter(|message| message.attached == LOOKED_AT) {
            visit(message);
        }
    }
}

impl Drop for MessageList {
    fn drop(&mut self) {
        self.reset_save();
        while self.remove_at_save().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(n: i64) -> MessageList {
        let mut list = MessageList::default();
        (0..n).for_each(|i| list.push_back(Message::new(OwnedTerm::immediate(RawTerm::small(i)))));
        list
    }

    fn values(list: &MessageList) -> Vec<i64> {
        list.iter().map(|m| m.term.view().as_small().unwrap()).collect()
    }

    #[test]
    fn selective_removal_keeps_the_others_in_order() {
        let mut list = list(5);
        list.advance_save();
        list.advance_save();
        list.remove_at_save();
        list.reset_save();
        list.remove_at_save();
        assert_eq!(values(&list), [1, 3, 4]);
        list.advance_save();
        list.advance_save();
        assert!(list.at_save().is_some());
        list.advance_save();
        assert!(list.at_save().is_none());
        list.push_back(Message::new(OwnedTerm::immediate(RawTerm::small(9))));
        assert_eq!(list.at_save().unwrap().term.view().as_small(), Some(9));
    }

    #[test]
    fn the_table_of_attached_messages_follows_removals() {
        let heap = Heap::new(Default::default()).unwrap();
        let mut list = MessageList::default();
        for i in 0..4 {
            let term = OwnedTerm::build(|heap| heap.list(&[heap.int(i)]));
            list.push_back(Message::new(term));
        }
        for _ in 0..3 {
            list.attach_at_save(&heap);
            list.advance_save();
        }
        let attached = |list: &mut MessageList| {
            let mut numbers = vec![];
            list.each_attached(|message| numbers.push(message.number));
            numbers.sort();
            numbers
        };
        assert_eq!(attached(&mut list), [0, 1, 2]);
        list.reset_save();
        list.remove_at_save();
        assert_eq!(attached(&mut list), [1, 2]);
        list.remove_at_save();
        list.remove_at_save();
        list.remove_at_save();
        assert_eq!(attached(&mut list), [0; 0]);
        assert!(list.is_empty());
    }

    #[test]
    fn words_are_counted_as_messages_come_and_go() {
        let heap = Heap::new(Default::default()).unwrap();
        let mut list = MessageList::default();
        let push = |list: &mut MessageList, len: usize| {
            let term = OwnedTerm::build(|heap| heap.list(&vec![heap.int(1); len]));
            list.push_back(Message::new(term));
        };
        (1..=3).for_each(|len| push(&mut list, len));
        list.attach_at_save(&heap);
        assert_eq!(list.unattached_words(), 10);
        push(&mut list, 10);
        list.remove_at_save();
        list.remove_at_save();
        assert_eq!(list.unattached_words(), 26);
        list.attach_at_save(&heap);
        list.remove_at_save();
        list.remove_at_save();
        assert_eq!(list.unattached_words(), 0);
        push(&mut list, 2);
        list.each_unattached(|message| message.term = OwnedTerm::immediate(RawTerm::NIL));
        assert_eq!(list.unattached_words(), 0);
    }

    #[test]
    fn a_term_of_the_own_heap_is_attached_from_the_beginning() {
        let heap = Heap::new(Default::default()).unwrap();
        let mut list = MessageList::default();
        let term = heap.list(&[heap.int(1)]);
        // SAFETY: the term is of the heap.
        unsafe { list.push_back_attached(term.raw(), Trail::Ends) };
        let mut seen = vec![];
        list.each_attached(|message| seen.push(message.term.view().raw()));
        assert_eq!(seen, [term.raw()]);
        assert_eq!(list.attach_at_save(&heap), Some(term.raw()));
        list.remove_at_save();
        list.each_attached(|_| panic!("it is gone"));
    }

    #[test]
    fn what_is_looked_at_is_a_root_wherever_the_save_position_goes() {
        let heap = Heap::new(Default::default()).unwrap();
        let shown = |list: &mut MessageList| {
            let mut numbers = vec![];
            list.each_attached(|message| numbers.push(message.number));
            numbers.sort();
            numbers
        };
        let moves: [fn(&mut MessageList); 4] =
            [|_| {}, MessageList::advance_save, MessageList::reset_save, |list| list.seek(3)];
        for go in moves {
            let mut list = MessageList::default();
            for i in 0..3 {
                let term = OwnedTerm::build(|heap| heap.list(&[heap.int(i)]));
                list.push_back(Message::new(term));
            }
            list.advance_save();
            assert_eq!(list.attached_at_save(), None);
            let term = list.attach_at_save(&heap);
            assert_eq!((list.attached_at_save(), list.attach_at_save(&heap)), (term, term));
            assert!(!list.advance_settled());
            go(&mut list);
            assert_eq!(shown(&mut list), [1]);
            list.seek(1);
            list.remove_at_save();
            assert_eq!(shown(&mut list), [0; 0]);
        }
    }

    #[test]
    fn removing_the_last_leaves_the_save_at_the_end() {
        let mut list = list(1);
        list.remove_at_save();
        assert!(list.at_save().is_none());
        assert_eq!(list.len(), 0);
        list.push_back(Message::new(OwnedTerm::immediate(RawTerm::small(3))));
        assert_eq!(values(&list), [3]);
        assert!(list.at_save().is_some());
    }
}
