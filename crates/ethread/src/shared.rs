//! What is made before any code runs: constructors and statics that the model, whose cells are
//! made at run time, can have as well.

/// A function that is `const`, except in the model.
#[macro_export]
macro_rules! const_fn {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $Arg:ty),*) -> $Out:ty $body:block) => {
        $(#[$doc])*
        #[cfg(not(oxbeam_model))]
        $vis const fn $name($($arg: $Arg),*) -> $Out $body
        $(#[$doc])*
        #[cfg(oxbeam_model)]
        $vis fn $name($($arg: $Arg),*) -> $Out $body
    };
}

/// Statics of atomics, locks and what is made of them. In the model they are made when they are
/// first used, which must be inside of a model.
#[macro_export]
macro_rules! shared {
    ($($(#[$doc:meta])* $vis:vis static $NAME:ident: $Type:ty = $value:expr;)*) => { $(
        $(#[$doc])*
        #[cfg(not(oxbeam_model))]
        $vis static $NAME: $Type = $value;
        $(#[$doc])*
        #[cfg(oxbeam_model)]
        $vis static $NAME: std::sync::LazyLock<$Type> = std::sync::LazyLock::new(|| $value);
    )* };
}
