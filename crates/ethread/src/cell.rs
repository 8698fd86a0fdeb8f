//! The cells beneath, and the free-standing barriers: the machine's, or the model's.

use crate::barrier::Orders;

#[cfg(oxbeam_model)]
pub use loom::sync::atomic::{
    AtomicI32, AtomicI64, AtomicIsize, AtomicU32, AtomicU64, AtomicUsize, fence,
};
#[cfg(not(oxbeam_model))]
pub use std::sync::atomic::{
    AtomicI32, AtomicI64, AtomicIsize, AtomicU32, AtomicU64, AtomicUsize, fence,
};

use std::sync::atomic::Ordering;

/// A free-standing barrier that gives at least these orders, between all accesses before it and
/// all behind it. An empty set is nothing at all.
#[inline(always)]
pub fn membar(orders: Orders) {
    if !orders.is_empty() {
        give(orders);
    }
}

#[cfg(all(target_arch = "x86_64", not(oxbeam_model), not(oxbeam_races), not(miri)))]
#[inline(always)]
fn give(orders: Orders) {
    if orders.contains(Orders::STORE_LOAD) {
        // Any locked instruction is a full barrier, and cheaper than `mfence`, which also waits
        // for what ordinary memory does not have.
        // SAFETY: or with 0 leaves the word as it is, and the stack below the stack pointer is
        // mapped, or grows by the access.
        unsafe { std::arch::asm!("lock or dword ptr [rsp - 64], 0") };
    } else {
        fence(Ordering::AcqRel);
    }
}

#[cfg(all(target_arch = "aarch64", not(oxbeam_model), not(oxbeam_races), not(miri)))]
#[inline(always)]
fn give(orders: Orders) {
    if orders == Orders::STORE_STORE {
        // SAFETY: a barrier touches no memory.
        unsafe { std::arch::asm!("dmb ishst", options(nostack, preserves_flags)) };
    } else {
        by_fence(orders);
    }
}

/// ThreadSanitizer does not know barriers: here each is an operation on one variable, which it takes
/// for more order than there is, but never for less.
#[cfg(all(oxbeam_races, not(oxbeam_model)))]
fn give(_orders: Orders) {
    static ALL_MEET_HERE: AtomicU32 = AtomicU32::new(0);
    ALL_MEET_HERE.fetch_add(0, Ordering::SeqCst);
}

#[cfg(any(oxbeam_model, miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
#[cfg(not(all(oxbeam_races, not(oxbeam_model))))]
#[inline(always)]
fn give(orders: Orders) {
    by_fence(orders);
}

/// The weakest fence of the language that gives these orders.
#[cfg(any(oxbeam_model, miri, not(target_arch = "x86_64")))]
#[cfg(not(all(oxbeam_races, not(oxbeam_model))))]
#[inline(always)]
fn by_fence(orders: Orders) {
    let from_loads = Orders::LOAD_LOAD.union(Orders::LOAD_STORE);
    let to_stores = Orders::LOAD_STORE.union(Orders::STORE_STORE);
    if from_loads.contains(orders) {
        fence(Ordering::Acquire);
    } else if to_stores.contains(orders) {
        fence(Ordering::Release);
    } else if orders.contains(Orders::STORE_LOAD) {
        fence(Ordering::SeqCst);
    } else {
        fence(Ordering::AcqRel);
    }
}
