//! What natives that take several turns have in common.

pub use oxbeam_runtime::slices::*;

/// Functions that build the routines of yielding natives in place.
macro_rules! routines {
    ($($name:ident => $native:ident;)*) => {$(
        #[doc = concat!("Begins `", stringify!($native), "`.")]
        pub fn $name(
            y: oxbeam_runtime::Yielder,
        ) -> oxbeam_runtime::yielding::NativeRoutine {
            oxbeam_runtime::yielding::NativeRoutine::new($native(y))
        }
    )*};
}
pub(crate) use routines;
