//! A word that holds a pointer: the operations on pointers that make sense, over [`AtomicUword`].

use crate::AtomicUword;
use std::marker::PhantomData;

/// A pointer to a `T`, which it does not own.
#[repr(transparent)]
pub struct AtomicPointer<T> {
    word: AtomicUword,
    _to: PhantomData<*mut T>,
}

// SAFETY: only the address is shared; who follows it answers for that.
unsafe impl<T> Send for AtomicPointer<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for AtomicPointer<T> {}

impl<T> Default for AtomicPointer<T> {
    fn default() -> Self {
        AtomicPointer::null()
    }
}

macro_rules! pointer_operations {
    ($(read $($read:ident)*; set $($set:ident)*; xchg $($xchg:ident)*; cmpxchg $($cmpxchg:ident)*;)*) => { $(
        $(#[doc = concat!("[`AtomicUword::", stringify!($read), "`] of the pointer.")]
        #[inline(always)]
        pub fn $read(&self) -> *mut T {
            std::ptr::with_exposed_provenance_mut(self.word.$read())
        })*
        $(#[doc = concat!("[`AtomicUword::", stringify!($set), "`] of the pointer.")]
        #[inline(always)]
        pub fn $set(&self, new: *mut T) {
            self.word.$set(new.expose_provenance());
        })*
        $(#[doc = concat!("[`AtomicUword::", stringify!($xchg), "`] of the pointer.")]
        #[inline(always)]
        pub fn $xchg(&self, new: *mut T) -> *mut T {
            std::ptr::with_exposed_provenance_mut(self.word.$xchg(new.expose_provenance()))
        })*
        $(#[doc = concat!("[`AtomicUword::", stringify!($cmpxchg), "`] of the pointer.")]
        #[inline(always)]
        pub fn $cmpxchg(&self, new: *mut T, old: *mut T) -> *mut T {
            let was = self.word.$cmpxchg(new.expose_provenance(), old.expose_provenance());
            std::ptr::with_exposed_provenance_mut(was)
        })*
    )* };
}

impl<T> AtomicPointer<T> {
    crate::const_fn! {
        /// The null pointer.
        pub fn null() -> AtomicPointer<T> {
            AtomicPointer { word: AtomicUword::new(0), _to: PhantomData }
        }
    }

    pointer_operations! {
        read read read_acqb read_ddrb;
        set set set_relb;
        xchg xchg_mb xchg_acqb xchg_relb;
        cmpxchg cmpxchg cmpxchg_mb cmpxchg_acqb cmpxchg_relb;
    }
}

#[cfg(all(test, not(oxbeam_model)))]
mod tests {
    use super::*;

    #[test]
    fn pointers_go_in_and_out() {
        let (mut one, mut two) = (1, 2);
        let (one, two) = (&raw mut one, &raw mut two);
        let place: AtomicPointer<i32> = AtomicPointer::null();
        assert!(place.read().is_null());
        place.set_relb(one);
        assert_eq!(place.read_acqb(), one);
        assert_eq!(place.cmpxchg_mb(two, two), one);
        assert_eq!(place.cmpxchg_mb(two, one), one);
        assert_eq!(place.xchg_mb(std::ptr::null_mut()), two);
    }
}
