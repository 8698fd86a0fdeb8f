//! A flag: the operations on truth values that make sense, over [`AtomicU32`].

use crate::AtomicU32;

/// A truth value that threads share.
#[repr(transparent)]
pub struct AtomicFlag(AtomicU32);

impl AtomicFlag {
    crate::const_fn! {
        /// A flag with that value.
        pub fn new(value: bool) -> AtomicFlag {
            AtomicFlag(AtomicU32::new(value as u32))
        }
    }

    /// [`AtomicU32::read`] of the flag.
    #[inline(always)]
    pub fn read(&self) -> bool {
        self.0.read() != 0
    }
    /// [`AtomicU32::read_acqb`] of the flag.
    #[inline(always)]
    pub fn read_acqb(&self) -> bool {
        self.0.read_acqb() != 0
    }
    /// [`AtomicU32::set`] of the flag.
    #[inline(always)]
    pub fn set(&self, value: bool) {
        self.0.set(value.into());
    }
    /// [`AtomicU32::set_relb`] of the flag.
    #[inline(always)]
    pub fn set_relb(&self, value: bool) {
        self.0.set_relb(value.into());
    }
    /// [`AtomicU32::xchg_mb`] of the flag.
    #[inline(always)]
    pub fn xchg_mb(&self, value: bool) -> bool {
        self.0.xchg_mb(value.into()) != 0
    }
}

#[cfg(all(test, not(oxbeam_model)))]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_what_it_was_set_to() {
        let flag = AtomicFlag::new(false);
        assert!(!flag.xchg_mb(true) && flag.read() && flag.read_acqb());
        flag.set(false);
        assert!(!flag.read());
        flag.set_relb(true);
        assert!(flag.xchg_mb(false));
    }
}
