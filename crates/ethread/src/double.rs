//! An atomic of two words: init, set, read and cmpxchg, each with the seven barriers.
//!
//! 1. The words are reached by the native operations of this module only, which are atomic for
//!    all sixteen bytes; the type is aligned for them.
//! 2. On x86-64 that is `cmpxchg16b`, and for reads a 16-byte load where the processor promises
//!    (by having AVX) that it is atomic. On aarch64 it is an exclusive pair.
//! 3. Where there is neither, a spin lock of a small table stands in front of the words. Which
//!    of the ways is taken depends on the machine alone, so all use the same.

use crate::barrier::{Access, Barrier, required};
use crate::cell::membar;
use std::cell::UnsafeCell;

/// Two words, the one at the lower address first.
pub type DoubleWord = [usize; 2];

/// Two words that change together.
#[derive(Debug)]
#[repr(C, align(16))]
pub struct AtomicDoubleWord(UnsafeCell<DoubleWord>);

// SAFETY: rules 1 and 3.
unsafe impl Sync for AtomicDoubleWord {}

/// The table: hands access and names by barrier to the macro `$then`.
#[macro_export]
macro_rules! for_each_double_operation {
    ($then:ident) => {
        $then! {
            Set (words, barrier, value: DoubleWord) -> () { words.set_with(value, barrier) }
                [init, init_mb, init_relb, init_acqb, init_wb, init_rb, init_ddrb]
            Set (words, barrier, value: DoubleWord) -> () { words.set_with(value, barrier) }
                [set, set_mb, set_relb, set_acqb, set_wb, set_rb, set_ddrb]
            Read (words, barrier) -> DoubleWord { words.read_with(barrier) }
                [read, read_mb, read_relb, read_acqb, read_wb, read_rb, read_ddrb]
            Exchange (words, barrier, new: DoubleWord, old: DoubleWord) -> DoubleWord {
                words.cmpxchg_with(new, old, barrier)
            }
                [cmpxchg, cmpxchg_mb, cmpxchg_relb, cmpxchg_acqb, cmpxchg_wb, cmpxchg_rb, cmpxchg_ddrb]
        }
    };
}

macro_rules! operations {
    ($($access:ident $args:tt -> $out:tt $body:block [
        $none:ident, $mb:ident, $relb:ident, $acqb:ident, $wb:ident, $rb:ident, $ddrb:ident
    ])*) => { $(
        operation! { None $none $args $out $body }
        operation! { Mb $mb $args $out $body }
        operation! { Relb $relb $args $out $body }
        operation! { Acqb $acqb $args $out $body }
        operation! { Wb $wb $args $out $body }
        operation! { Rb $rb $args $out $body }
        operation! { Ddrb $ddrb $args $out $body }
    )* };
}

macro_rules! operation {
    ($barrier:ident $name:ident ($words:ident, $kind:ident $(, $arg:ident: $type:ty)*)
        $out:tt $body:block) => {
        #[doc = concat!("`", stringify!($name), "`: see the module and [`Barrier::", stringify!($barrier), "`].")]
        #[inline]
        pub fn $name(&self $(, $arg: $type)*) -> $out {
            let ($words, $kind) = (self, Barrier::$barrier);
            $body
        }
    };
}

/// Does `work` with what `barrier` asks for around it.
#[inline(always)]
fn between<T>(access: Access, barrier: Barrier, work: impl FnOnce() -> T) -> T {
    let (before, after) = required(access, barrier);
    membar(before);
    let result = work();
    membar(after);
    result
}

/// What a native operation that writes needs around it: a locked instruction, nothing.
#[inline(always)]
fn around<T>(access: Access, barrier: Barrier, work: impl FnOnce() -> T) -> T {
    if native::WRITES_ARE_BARRIERS { work() } else { between(access, barrier, work) }
}

impl AtomicDoubleWord {
    for_each_double_operation!(operations);

    pub fn new(value: DoubleWord) -> AtomicDoubleWord {
        AtomicDoubleWord(UnsafeCell::new(value))
    }

    #[inline(always)]
    fn set_with(&self, value: DoubleWord, barrier: Barrier) {
        around(Access::Modify, barrier, || {
            let mut old = [0; 2];
            loop {
                let now = self.cmpxchg_native(value, old);
                if now == old {
                    return;
                }
                old = now;
            }
        });
    }

    #[inline(always)]
    fn read_with(&self, barrier: Barrier) -> DoubleWord {
        between(Access::Read, barrier, || self.read_native())
    }

    #[inline(always)]
    fn cmpxchg_with(&self, new: DoubleWord, old: DoubleWord, barrier: Barrier) -> DoubleWord {
        around(Access::Exchange, barrier, || self.cmpxchg_native(new, old))
    }
}

#[cfg(all(target_arch = "x86_64", not(oxbeam_model), not(oxbeam_races), not(miri)))]
mod native {
    use super::{AtomicDoubleWord, DoubleWord, locked};
    use std::arch::asm;
    use std::arch::x86_64::__m128i;

    pub(super) const WRITES_ARE_BARRIERS: bool = true;

    impl AtomicDoubleWord {
        #[inline(always)]
        pub(super) fn cmpxchg_native(&self, new: DoubleWord, old: DoubleWord) -> DoubleWord {
            if !is_x86_feature_detected!("cmpxchg16b") {
                return locked::cmpxchg(&self.0, new, old);
            }
            let (mut low, mut high) = (old[0], old[1]);
            // SAFETY: rules 1 and 2. The compiler keeps rbx for itself, so it is swapped in and
            // out; nothing else is changed that is not named.
            unsafe {
                asm!(
                    "xchg rsi, rbx",
                    "lock cmpxchg16b xmmword ptr [rdi]",
                    "mov rbx, rsi",
                    in("rdi") self.0.get(),
                    inout("rsi") new[0] => _,
                    in("rcx") new[1],
                    inout("rax") low,
                    inout("rdx") high,
                    options(nostack),
                );
            }
            [low, high]
        }

        #[inline(always)]
        pub(super) fn read_native(&self) -> DoubleWord {
            if !is_x86_feature_detected!("avx") {
                return self.cmpxchg_native([0; 2], [0; 2]);
            }
            let value: __m128i;
            // SAFETY: rules 1 and 2; AVX was asked for.
            unsafe {
                asm!(
                    "vmovdqa {value}, xmmword ptr [{from}]",
                    value = out(xmm_reg) value,
                    from = in(reg) self.0.get(),
                    options(nostack, preserves_flags, readonly),
                );
                std::mem::transmute(value)
            }
        }
    }
}

#[cfg(all(target_arch = "aarch64", not(oxbeam_model), not(oxbeam_races), not(miri)))]
mod native {
    use super::{AtomicDoubleWord, DoubleWord};
    use std::arch::asm;

    pub(super) const WRITES_ARE_BARRIERS: bool = false;

    impl AtomicDoubleWord {
        #[inline(always)]
        pub(super) fn cmpxchg_native(&self, new: DoubleWord, old: DoubleWord) -> DoubleWord {
            let (low, high): (usize, usize);
            // SAFETY: rules 1 and 2. A pair that differs is stored back, since only a store that
            // succeeds shows that both words were loaded at once.
            unsafe {
                asm!(
                    "2: ldxp {low}, {high}, [{at}]",
                    "cmp {low}, {old_low}",
                    "ccmp {high}, {old_high}, #0, eq",
                    "csel {to_low}, {new_low}, {low}, eq",
                    "csel {to_high}, {new_high}, {high}, eq",
                    "stxp {failed:w}, {to_low}, {to_high}, [{at}]",
                    "cbnz {failed:w}, 2b",
                    at = in(reg) self.0.get(),
                    old_low = in(reg) old[0],
                    old_high = in(reg) old[1],
                    new_low = in(reg) new[0],
                    new_high = in(reg) new[1],
                    low = out(reg) low,
                    high = out(reg) high,
                    to_low = out(reg) _,
                    to_high = out(reg) _,
                    failed = out(reg) _,
                    options(nostack),
                );
            }
            [low, high]
        }

        #[inline(always)]
        pub(super) fn read_native(&self) -> DoubleWord {
            self.cmpxchg_native([0; 2], [0; 2])
        }
    }
}

#[cfg(any(
    oxbeam_model,
    oxbeam_races,
    miri,
    not(any(target_arch = "x86_64", target_arch = "aarch64"))
))]
mod native {
    use super::{AtomicDoubleWord, DoubleWord, locked};

    pub(super) const WRITES_ARE_BARRIERS: bool = false;

    impl AtomicDoubleWord {
        pub(super) fn cmpxchg_native(&self, new: DoubleWord, old: DoubleWord) -> DoubleWord {
            locked::cmpxchg(&self.0, new, old)
        }
        pub(super) fn read_native(&self) -> DoubleWord {
            locked::cmpxchg(&self.0, [0; 2], [0; 2])
        }
    }
}

#[cfg(not(all(target_arch = "aarch64", not(oxbeam_model), not(oxbeam_races), not(miri))))]
mod locked {
    use super::DoubleWord;
    use std::cell::UnsafeCell;
    use std::sync::atomic::{AtomicBool, Ordering};

    const LOCKS: usize = 64;
    static TAKEN: [AtomicBool; LOCKS] = [const { AtomicBool::new(false) }; LOCKS];

    /// Rule 3.
    #[cold]
    pub fn cmpxchg(words: &UnsafeCell<DoubleWord>, new: DoubleWord, old: DoubleWord) -> DoubleWord {
        let taken = &TAKEN[words.get() as usize / 16 % LOCKS];
        while taken.swap(true, Ordering::SeqCst) {
            std::thread::yield_now();
        }
        // SAFETY: all accesses to these words are under this lock.
        let now = unsafe { *words.get() };
        if now == old {
            // SAFETY: as above.
            unsafe { *words.get() = new };
        }
        taken.store(false, Ordering::SeqCst);
        now
    }
}
