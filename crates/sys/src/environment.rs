//! The environment variables that Erlang code sees and port programs get.
//!
//! The runtime keeps its own table, filled from the process's environment at
//! first use: the C library's is not safe to change while other threads run.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::sync::{OnceLock, RwLock};

type Table = BTreeMap<Vec<u8>, Vec<u8>>;

fn table() -> &'static RwLock<Table> {
    static TABLE: OnceLock<RwLock<Table>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let pairs = std::env::vars_os().map(|(k, v)| (k.into_vec(), v.into_vec()));
        RwLock::new(pairs.collect())
    })
}

/// The value of a variable.
pub fn get(name: &[u8]) -> Option<Vec<u8>> {
    table().read().expect("environment").get(name).cloned()
}

/// Sets a variable. The name must be non-empty and hold neither `=` nor zero
/// bytes, the value no zero byte; otherwise nothing changes and the answer is
/// false.
pub fn set(name: &[u8], value: &[u8]) -> bool {
    let good = is_name(name) && !value.contains(&0);
    if good {
        table().write().expect("environment").insert(name.to_vec(), value.to_vec());
    }
    good
}

/// Sets a variable in our table and in the C library's, for what the library
/// itself reads (`TZ`, `LC_ALL`). As [`set`] otherwise. Panics when this
/// process has more than one thread.
pub fn set_before_threads(name: &[u8], value: &[u8]) -> bool {
    assert!(crate::host::is_single_threaded(), "the environment changed beside other threads");
    let good = set(name, value);
    if good {
        // SAFETY: no other thread exists that could read the environment.
        unsafe { std::env::set_var(OsStr::from_bytes(name), OsStr::from_bytes(value)) };
    }
    good
}

/// Removes a variable; false when the name cannot be one.
pub fn unset(name: &[u8]) -> bool {
    let good = is_name(name);
    if good {
        table().write().expect("environment").remove(name);
    }
    good
}

/// All variables, ordered by name.
pub fn list() -> Vec<(Vec<u8>, Vec<u8>)> {
    table().read().expect("environment").iter().map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && !name.contains(&b'=') && !name.contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_get_unset() {
        assert!(set(b"OXBEAM_TEST_VARIABLE", b"1"));
        assert_eq!(get(b"OXBEAM_TEST_VARIABLE").as_deref(), Some(&b"1"[..]));
        assert!(unset(b"OXBEAM_TEST_VARIABLE"));
        assert_eq!(get(b"OXBEAM_TEST_VARIABLE"), None);
    }

    #[test]
    fn bad_names_are_refused() {
        assert!(!set(b"", b"1") && !set(b"A=B", b"1") && !set(b"A", b"x\0y"));
    }
}
