//! Atomics of 32 and 64 bits and of a word: thirteen operations with seven barriers each.
//!
//! `add` and `inc` return nothing, `add_read` and `inc_read` the new value, `xchg`, `cmpxchg`,
//! `read_band` and `read_bor` the old one. Arithmetic wraps.

use crate::barrier::{Access, Barrier};
use crate::cell::{self, membar};
use crate::mapping::{Plan, of_failure, plan};

/// The table: for each operation its access, its arguments (all integers of the type), what it
/// gives, what it does to the native cell, and its names by barrier, in the order none, mb,
/// relb, acqb, wb, rb, ddrb. Hands the rows to the macro `$then`, behind `$prefix`.
#[macro_export]
macro_rules! for_each_operation {
    ($then:ident, $($prefix:tt)*) => {
        $then! { $($prefix)*;
            Set (cell, order, value) -> () { cell.store(value, order) }
                [init, init_mb, init_relb, init_acqb, init_wb, init_rb, init_ddrb]
            Set (cell, order, value) -> () { cell.store(value, order) }
                [set, set_mb, set_relb, set_acqb, set_wb, set_rb, set_ddrb]
            Read (cell, order) -> Int { cell.load(order) }
                [read, read_mb, read_relb, read_acqb, read_wb, read_rb, read_ddrb]
            Modify (cell, order, value) -> () { _ = cell.fetch_add(value, order) }
                [add, add_mb, add_relb, add_acqb, add_wb, add_rb, add_ddrb]
            Modify (cell, order, value) -> Int { cell.fetch_add(value, order).wrapping_add(value) }
                [add_read, add_read_mb, add_read_relb, add_read_acqb, add_read_wb, add_read_rb, add_read_ddrb]
            Modify (cell, order) -> () { _ = cell.fetch_add(1, order) }
                [inc, inc_mb, inc_relb, inc_acqb, inc_wb, inc_rb, inc_ddrb]
            Modify (cell, order) -> Int { cell.fetch_add(1, order).wrapping_add(1) }
                [inc_read, inc_read_mb, inc_read_relb, inc_read_acqb, inc_read_wb, inc_read_rb, inc_read_ddrb]
            Modify (cell, order) -> () { _ = cell.fetch_sub(1, order) }
                [dec, dec_mb, dec_relb, dec_acqb, dec_wb, dec_rb, dec_ddrb]
            Modify (cell, order) -> Int { cell.fetch_sub(1, order).wrapping_sub(1) }
                [dec_read, dec_read_mb, dec_read_relb, dec_read_acqb, dec_read_wb, dec_read_rb, dec_read_ddrb]
            Modify (cell, order, value) -> Int { cell.fetch_and(value, order) }
                [read_band, read_band_mb, read_band_relb, read_band_acqb, read_band_wb, read_band_rb, read_band_ddrb]
            Modify (cell, order, value) -> Int { cell.fetch_or(value, order) }
                [read_bor, read_bor_mb, read_bor_relb, read_bor_acqb, read_bor_wb, read_bor_rb, read_bor_ddrb]
            Modify (cell, order, value) -> Int { cell.swap(value, order) }
                [xchg, xchg_mb, xchg_relb, xchg_acqb, xchg_wb, xchg_rb, xchg_ddrb]
            Exchange (cell, order, new, old) -> Int {
                cell.compare_exchange(old, new, order, of_failure(order)).unwrap_or_else(|now| now)
            }
                [cmpxchg, cmpxchg_mb, cmpxchg_relb, cmpxchg_acqb, cmpxchg_wb, cmpxchg_rb, cmpxchg_ddrb]
        }
    };
}

macro_rules! operations {
    ($(
        ; $($access:ident $args:tt -> $out:tt $body:block [
            $none:ident, $mb:ident, $relb:ident, $acqb:ident, $wb:ident, $rb:ident, $ddrb:ident
        ])*
    )*) => { $($(
        operation! { $access None $none $args $out $body }
        operation! { $access Mb $mb $args $out $body }
        operation! { $access Relb $relb $args $out $body }
        operation! { $access Acqb $acqb $args $out $body }
        operation! { $access Wb $wb $args $out $body }
        operation! { $access Rb $rb $args $out $body }
        operation! { $access Ddrb $ddrb $args $out $body }
    )*)* };
}

macro_rules! operation {
    ($access:ident $barrier:ident $name:ident ($cell:ident, $order:ident $(, $arg:ident)*)
        $out:tt $body:block) => {
        #[doc = concat!("`", stringify!($name), "`: see the module and [`Barrier::", stringify!($barrier), "`].")]
        #[inline(always)]
        pub fn $name(&self $(, $arg: Int)*) -> $out {
            const PLAN: Plan = plan(Access::$access, Barrier::$barrier);
            let ($cell, $order) = (&self.0, PLAN.ordering);
            membar(PLAN.before);
            let result: $out = $body;
            membar(PLAN.after);
            result
        }
    };
}

macro_rules! atomics {
    ($($(#[$doc:meta])* $module:ident $Name:ident $Cell:ident $int:ty;)*) => { $(
        mod $module {
            use super::*;
            type Int = $int;

            $(#[$doc])*
            #[derive(Default, Debug)]
            #[repr(transparent)]
            pub struct $Name(cell::$Cell);

            impl $Name {
                crate::const_fn! {
                    pub fn new(value: Int) -> $Name {
                        $Name(cell::$Cell::new(value))
                    }
                }
                for_each_operation!(operations,);
            }
        }
        pub use $module::$Name;
    )* };
}

atomics! {
    /// 32 bits, signed.
    int_32 Atomic32 AtomicI32 i32;
    /// 32 bits, unsigned.
    uint_32 AtomicU32 AtomicU32 u32;
    /// 64 bits, signed, whatever the word is.
    int_64 Atomic64 AtomicI64 i64;
    /// 64 bits, unsigned, whatever the word is.
    uint_64 AtomicU64 AtomicU64 u64;
    /// A word, signed.
    word AtomicWord AtomicIsize isize;
    /// A word, unsigned.
    uword AtomicUword AtomicUsize usize;
}
