//! What one process is told about others: a setting of which there is one at a time.
//!
//! 1. A flag beside the setting says whether there is any, so that who has nothing to tell pays
//!    one load. It is written under the setting's lock, so the two agree.
//! 2. The end of the process that is told clears the setting.

use crate::locks;
use crate::process::PidData;
use oxbeam_ethread::AtomicU32;
use oxbeam_ethread::lock::Mutex;

/// A setting that names who is told.
pub trait Tells: Copy {
    /// The process that is told.
    fn to(&self) -> PidData;
}

/// The present setting, if there is one.
pub struct Setting<S> {
    any: AtomicU32,
    now: Mutex<Option<S>, locks::Setting>,
}

impl<S: Tells> Setting<S> {
    oxbeam_ethread::const_fn! {
        /// No setting.
        pub fn none() -> Setting<S> {
            Setting { any: AtomicU32::new(0), now: Mutex::new(None) }
        }
    }

    pub fn get(&self) -> Option<S> {
        if self.any.read() == 0 { None } else { *self.now.lock() }
    }

    /// Sets or clears; gives the former setting.
    pub fn set(&self, setting: Option<S>) -> Option<S> {
        let mut now = self.now.lock();
        self.any.set(setting.is_some().into());
        std::mem::replace(&mut *now, setting)
    }

    /// A process has ended (rule 2). What was set meanwhile for another one stays.
    pub fn process_ended(&self, pid: PidData) {
        if self.any.read() == 0 {
            return;
        }
        let mut now = self.now.lock();
        if now.is_some_and(|setting| setting.to() == pid) {
            *now = None;
            self.any.set(0);
        }
    }
}

#[cfg(all(test, not(oxbeam_model)))]
mod tests {
    use super::*;

    impl Tells for PidData {
        fn to(&self) -> PidData {
            *self
        }
    }

    #[test]
    fn a_setting_ends_with_the_process_that_is_told() {
        let setting = Setting::none();
        assert_eq!(setting.get(), None);
        assert_eq!(setting.set(Some(7)), None);
        setting.process_ended(8);
        assert_eq!(setting.set(Some(9)), Some(7));
        setting.process_ended(7);
        assert_eq!(setting.get(), Some(9));
        setting.process_ended(9);
        assert_eq!(setting.get(), None);
    }
}
