//! Functions of the system's mathematics library that Rust's own library lacks or computes in
//! its own way: results must be the same to the last bit as those of other programs.

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        mod library {
            unsafe extern "C" {
                $(pub safe fn $name(x: f64) -> f64;)*
            }
        }
        $($(#[$doc])* pub fn $name(x: f64) -> f64 {
            library::$name(x)
        })*
    };
}

functions! {
    /// Inverse hyperbolic cosine.
    acosh,
    /// Inverse hyperbolic sine.
    asinh,
    /// Inverse hyperbolic tangent.
    atanh,
    /// Error function.
    erf,
    /// One minus the error function.
    erfc,
}
