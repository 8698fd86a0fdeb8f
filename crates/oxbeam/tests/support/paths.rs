//! Where the tests find things.

use std::path::{Path, PathBuf};

/// The repository's folder.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The oxbeam that is tested: the build's own, or the one that `OXBEAM` names (the zeal build).
pub fn oxbeam() -> PathBuf {
    std::env::var_os("OXBEAM").map_or(env!("CARGO_BIN_EXE_oxbeam").into(), PathBuf::from)
}
