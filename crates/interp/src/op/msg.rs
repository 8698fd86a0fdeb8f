//! Sending and receiving.

use crate::machine::{Mode, Place, brand, op, slow};
use crate::native::Site;
use oxbeam_runtime::engine::Switch;
use oxbeam_runtime::process::rare::Call;
use oxbeam_runtime::process::{Owned, Waiting};
use oxbeam_runtime::signal::take::take_in_turn;
use oxbeam_runtime::timer;
use oxbeam_runtime::trace::of_processes;
use oxbeam_term::{RawTerm, am};

op! {
    fn send(m) {
        send_slow
    }
    fn loop_rec<R: Place>(m) {
        match m.turn().owned().own.mailbox.at_hand() {
            Some(term) => {
                m.set::<R>(1, term);
                m.next(3)
            }
            None => loop_rec_slow::<R>,
        }
    }
    fn loop_rec_end(m) {
        let own = &mut m.turn().owned().own;
        if m.reds > 1 && own.mailbox.advance_quickly(own.looks) {
            m.reds -= 1;
            return m.branch(1);
        }
        loop_rec_end_slow
    }
    fn remove_message(m) {
        remove_message_slow
    }
    fn wait(m) {
        wait_slow
    }
    fn wait_timeout<A: Mode>(m) {
        wait_timeout_slow::<A>
    }
    fn timeout(m) {
        timeout_slow
    }
    fn recv_marker_bind<A: Place, B: Place>(m) {
        let (marker, reference) = (m.get::<A>(1), m.get::<B>(2));
        if let (Some(marker), Some(reference)) = (marker.as_small(), numbers(reference)) {
            m.turn().owned().own.mailbox.bind_marker(marker as u64, reference);
        }
        m.next(3)
    }
    fn recv_marker_clear<A: Place>(m) {
        if let Some(reference) = numbers(m.get::<A>(1)) {
            m.turn().owned().own.mailbox.clear_marker(reference);
        }
        m.next(2)
    }
    fn recv_marker_reserve<A: Place>(m) {
        let marker = m.turn().owned().own.mailbox.marker();
        m.set::<A>(1, RawTerm::small(marker as i64));
        m.next(2)
    }
    fn recv_marker_use<A: Place>(m) {
        if let Some(reference) = numbers(m.get::<A>(1)) {
            m.turn().owned().own.mailbox.use_marker(reference);
        }
        m.next(2)
    }
}

/// The message that the receive looks at next.
fn peek(owned: &mut Owned) -> Option<RawTerm> {
    let Owned { heap, own } = owned;
    own.mailbox.peek(&mut own.looks, heap, own.flags.message_queue_off_heap)
}

/// The numbers of a local reference.
///
/// # Safety
/// The term is good.
unsafe fn numbers(term: RawTerm) -> Option<[u32; 3]> {
    // SAFETY: by contract.
    unsafe { brand(term) }.as_ref().map(|reference| reference.numbers())
}

slow! {
    fn send_slow(m) {
        let export = crate::engine::send_export();
        m.call_instruction(export, Site::Body(2))
    }
    fn loop_rec_slow<R: Place>(m) {
        m.out();
        let turn = m.turn();
        let process: *const _ = turn.process();
        let owned = turn.owned();
        let mut message = peek(owned);
        if message.is_none() {
            // Those who ask by signal where the process is are told.
            owned.own.ip = m.ip;
            // SAFETY: lent for the turn.
            let taken = take_in_turn(unsafe { &*process }, owned);
            if taken.exit {
                m.back();
                return m.leave(Switch::Exit, m.ip, 0);
            }
            if owned.own.suspend_count > 0 {
                // Whoever suspended it has been told so: it must not take one message more.
                m.back();
                return m.leave(Switch::Wait, m.ip, 0);
            }
            if taken.more {
                m.back();
                return m.leave(Switch::Yield, m.ip, 0);
            }
            message = peek(owned);
        }
        m.back();
        match message {
            Some(term) => {
                m.set::<R>(1, term);
                m.next(3)
            }
            None => m.branch(2),
        }
    }
    fn loop_rec_end_slow(m) {
        m.out();
        let Owned { heap, own } = m.turn().owned();
        own.mailbox.advance(&mut own.looks, heap);
        m.reds -= 1;
        let to = m.w(1) as *const u64;
        if m.reds <= 0 {
            return m.turn_over(to, 0);
        }
        m.goto(to)
    }
    fn remove_message_slow(m) {
        let records = m.turn().records;
        let process: *const _ = m.turn().process();
        let Owned { heap, own } = m.turn().owned();
        if records {
            own.note_call(Call::Receive);
        }
        if let Some(message) = own.mailbox.remove(&mut own.looks, heap) {
            // SAFETY: lent for the turn.
            own.follow(unsafe { &*process }, &message);
        }
        if let Some(key) = own.timeout.take() {
            key.cancel();
        }
        (own.timed_out, own.waits_forever) = (false, false);
        m.next(1)
    }
    fn wait_slow(m) {
        m.turn().owned().own.waiting = Waiting::Message;
        let to = m.w(1) as *const u64;
        m.leave(Switch::Wait, to, 0)
    }
    fn wait_timeout_slow<A: Mode>(m) {
        let time = m.get::<A>(1);
        let to = m.w(2) as *const u64;
        let pid = m.turn().process().pid;
        let own = &mut m.turn().owned().own;
        if own.timed_out {
            own.timed_out = false;
            return m.next(3);
        }
        if own.timeout.is_none() && !own.waits_forever {
            match time.as_small() {
                Some(0) => return m.next(3),
                Some(ms @ 1..=0xFFFF_FFFF) => {
                    own.timeout = Some(timer::set_receive_timeout(pid, ms as u64));
                    own.timeout_ip = m.ip.add(3);
                }
                None if time == RawTerm::atom(am::infinity) => own.waits_forever = true,
                _ => return raise_timeout_value,
            }
        }
        own.waiting = Waiting::Message;
        m.leave(Switch::Wait, to, 0)
    }
    fn raise_timeout_value(m) {
        m.turn().owned().own.mailbox.reset_save();
        m.error(RawTerm::atom(am::timeout_value))
    }
    fn timeout_slow(m) {
        let turn = m.turn();
        let own = &mut turn.owned().own;
        own.note_call(Call::Timeout);
        of_processes::timed_out(m.turn().process(), own);
        own.timeout = None;
        own.mailbox.reset_save();
        m.next(1)
    }
}
