//! Memory of a peak goes back to the operating system.
//!
//! The allocator keeps pages for the thread that had them; what other threads free of them it
//! gathers only when that thread allocates again, or is asked to. So when much less is in use than
//! was, and a scheduler has nothing to do, all threads ask.
//!
//! A scheduler only lets go of its pages. What no thread keeps is given back by the thread for errands, once
//! a second while there is work and once more afterwards: for hundreds of megabytes that takes many
//! milliseconds, for which the scheduler would keep waiting who becomes runnable meanwhile.

use oxbeam_ethread::{Atomic64, AtomicFlag, AtomicUword};
use oxbeam_heap::block::{Category, bytes_in_use};
use oxbeam_sys::clock::monotonic_ns;

/// So much less than at the peak is worth it.
const DROP_BYTES: usize = 16 << 20;
/// Not more often than this.
const PAUSE_NS: i64 = 500_000_000;
/// Time from one errand to the next.
const ERRAND_NS: i64 = 1_000_000_000;

oxbeam_ethread::shared! {
    /// The most that was in use since memory was last given back.
    static PEAK_BYTES: AtomicUword = AtomicUword::new(0);
    static LAST_NS: Atomic64 = Atomic64::new(0);
    /// When the last errand was given.
    static ERRAND_AT_NS: Atomic64 = Atomic64::new(0);
    /// Memory may have been freed since.
    static FREED: AtomicFlag = AtomicFlag::new(false);
}

/// To be called at boot.
pub(crate) fn start() {
    oxbeam_sys::allocator::give_back_on_demand();
}

/// Much memory is being freed, or let go of.
pub(crate) fn freed() {
    FREED.set_relb(true);
}

/// Gives the errand if it is time for it. Gives how long it is until then.
fn give_errand() -> i64 {
    if !FREED.read() {
        return i64::MAX;
    }
    in_turn(&ERRAND_AT_NS, ERRAND_NS, || {
        FREED.set_relb(false);
        crate::dirty::run_errand(oxbeam_sys::allocator::give_back);
    })
}

/// Does what is to be done once in `every_ns`, if it is time and nobody else does it. Gives how long it
/// is until then.
fn in_turn(last: &Atomic64, every_ns: i64, work: impl FnOnce()) -> i64 {
    let (now_ns, last_ns) = (monotonic_ns(), last.read());
    let pause_ns = last_ns + every_ns - now_ns;
    if pause_ns > 0 {
        return pause_ns;
    }
    if last.cmpxchg(now_ns, last_ns) == last_ns {
        work();
    }
    i64::MAX
}

fn in_use_bytes() -> usize {
    let blocks = [Category::ProcessHeap, Category::Fragment, Category::Ets].map(bytes_in_use);
    blocks.iter().sum::<usize>() + oxbeam_term::Binary::bytes_in_use()
}

/// A scheduler has worked for a while: notes how much is in use, the peak being the greatest of these.
pub(crate) fn when_busy() {
    note();
    freed();
    give_errand();
}

fn note() {
    let now_bytes = in_use_bytes();
    if now_bytes > PEAK_BYTES.read() {
        PEAK_BYTES.set(now_bytes);
    }
}

/// The calling scheduler is about to sleep: sees to it that memory is given back if that is worth
/// it. Gives how long it may sleep before it looks again.
pub(crate) fn when_idle() -> i64 {
    give_errand().min(give_back_all())
}

fn give_back_all() -> i64 {
    let (now_bytes, peak_bytes) = (in_use_bytes(), PEAK_BYTES.read());
    if now_bytes.saturating_add(DROP_BYTES) > peak_bytes {
        note();
        return i64::MAX;
    }
    in_turn(&LAST_NS, PAUSE_NS, || {
        PEAK_BYTES.set(now_bytes);
        crate::scheduler::on_each(|| {
            oxbeam_sys::allocator::let_go();
            freed();
        });
        crate::dirty::give_back();
    })
}
