//! The heap verifier of the zeal build: every word is a legal term that points where it may.

use super::RootSet;
use crate::copy::{TermWords, object_words, term_words};
use crate::heap::Heap;
use crate::literal::is_literal;
use oxbeam_ethread::AtomicUword;
use oxbeam_term::RawTerm;
use oxbeam_term::tag;

/// A heap of at most so many words is verified around each collection.
const ALWAYS_WORDS: usize = 512;

impl Heap {
    /// Whether this collection's turn has come: a large heap is verified the more seldom the larger it
    /// is, or a program that keeps much would spend its time here.
    pub(super) fn verify_is_due(&self) -> bool {
        oxbeam_ethread::shared! {
            static ASKED: AtomicUword = AtomicUword::new(0);
        }
        let one_in = 1 + (self.used_words() + self.old_used_words()) / ALWAYS_WORDS;
        ASKED.inc_read().wrapping_sub(1).is_multiple_of(one_in)
    }

    /// Checks the block, the old heap, the stack and the roots.
    ///
    /// Panics at the first word that is no legal term.
    pub fn verify(&self, roots: &mut dyn RootSet) {
        self.verify_run("heap", self.block.start, self.top());
        self.verify_run("old heap", self.old.start, self.old_top);
        for &word in self.stack() {
            self.verify_word("stack", word);
        }
        roots.each_root(&mut |words| words.iter().for_each(|&word| self.verify_word("root", word)));
    }

    fn verify_run(&self, place: &str, start: *mut u64, top: *mut u64) {
        let mut at = start;
        while at < top {
            // SAFETY: rule 3 of the crate: the run holds whole objects.
            unsafe {
                let word = RawTerm(*at);
                if !word.is_header() {
                    self.verify_word(place, word);
                    at = at.add(1);
                    continue;
                }
                let words = object_words(at);
                assert!(at.add(words) <= top, "{place}: object {:x} runs over the top", word.0);
                match term_words(word.0) {
                    TermWords::None => {}
                    TermWords::Only(n) => self.verify_word(place, RawTerm(*at.add(n))),
                    TermWords::From(first) => {
                        (first..words).for_each(|n| self.verify_word(place, RawTerm(*at.add(n))));
                    }
                }
                at = at.add(words);
            }
        }
    }

    fn verify_word(&self, place: &str, word: RawTerm) {
        if !(word.is_list() || word.is_boxed()) {
            return;
        }
        let address = word.ptr();
        let known = is_literal(word) || self.owns(address);
        assert!(known, "{place}: {:x} points outside the heap", word.0);
        // SAFETY: just seen to be an address of this heap or of a literal.
        let first = unsafe { *address };
        let header = first & tag::PRIMARY_MASK == tag::HEADER;
        assert!(header == word.is_boxed(), "{place}: {:x} points at {first:x}", word.0);
    }
}
