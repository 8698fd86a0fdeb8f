//! A directory of the runtime's programs in which `beam.smp` is oxbeam.
//!
//! OTP's tools (`erlc`, `escript`, `dialyzer`, …) start the first `erl` on
//! the search path, and that starts `$BINDIR/beam.smp`. So the directory
//! holds a link to each program of the installation, but for two:
//!
//! 1. `beam.smp` is a link to this executable.
//! 2. `erl` is a script that sets `BINDIR` to this directory and runs
//!    `erlexec`; the installation's own script always sets its own.
//!
//! The directory lies in the user's cache (else in a private directory for
//! temporary files), is made once for each pair of executable and
//! installation, and appears whole or not at all, by a rename.

use crate::otp_root::OtpRoot;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// The directory for this executable and installation, made when missing.
///
/// Errors: one sentence.
pub fn directory(root: &OtpRoot) -> Result<PathBuf, String> {
    let executable = std::env::current_exe()
        .map_err(|error| format!("this executable's own path is not known: {error}"))?;
    let name = format!("bin-{:016x}", fingerprint(&executable, root));
    let mut failures = Vec::new();
    for base in bases() {
        match private(&base).and_then(|()| make(&base.join(&name), &executable, root)) {
            Ok(()) => return Ok(base.join(name)),
            Err(error) => failures.push(format!("{}: {error}", base.display())),
        }
    }
    Err(format!(
        "no place for the directory of programs ({}); set XDG_CACHE_HOME to a directory that \
         can be written",
        failures.join("; ")
    ))
}

fn bases() -> Vec<PathBuf> {
    let get = |name: &str| {
        let value = oxbeam_sys::environment::get(name.as_bytes()).filter(|v| v.starts_with(b"/"));
        value.map(|v| PathBuf::from(OsString::from_vec(v)))
    };
    let cache = get("XDG_CACHE_HOME").or_else(|| get("HOME").map(|home| home.join(".cache")));
    let temporary = get("TMPDIR").unwrap_or_else(|| PathBuf::from("/tmp"));
    let own = format!("oxbeam-{}", oxbeam_sys::host::user_number());
    cache.map(|c| c.join("oxbeam")).into_iter().chain([temporary.join(own)]).collect()
}

/// FNV-1a over the two paths and the version.
fn fingerprint(executable: &Path, root: &OtpRoot) -> u64 {
    let parts = [
        executable.as_os_str().as_bytes(),
        root.path.as_os_str().as_bytes(),
        root.erts_version.as_bytes(),
    ];
    let bytes = parts.iter().flat_map(|part| part.iter().copied().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Makes sure that `base` is a directory that only this user can change: what
/// lies in it is executed.
fn private(base: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(base)?;
    let data = fs::symlink_metadata(base)?;
    let own = data.is_dir() && data.uid() == oxbeam_sys::host::user_number();
    if own && data.mode() & 0o022 == 0 {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, "others may write there"))
}

fn make(directory: &Path, executable: &Path, root: &OtpRoot) -> io::Result<()> {
    let whole = |directory: &Path| {
        fs::read_link(directory.join("beam.smp")).is_ok_and(|target| target == executable)
    };
    if whole(directory) {
        return Ok(());
    }
    let new = directory.with_extension(format!("new{}", std::process::id()));
    let _ = fs::remove_dir_all(&new);
    fs::create_dir(&new)?;
    let result = fill(&new, directory, executable, root)
        .and_then(|()| fs::rename(&new, directory))
        .or_else(|error| if whole(directory) { Ok(()) } else { Err(error) });
    let _ = fs::remove_dir_all(&new);
    result
}

fn fill(new: &Path, directory: &Path, executable: &Path, root: &OtpRoot) -> io::Result<()> {
    for entry in fs::read_dir(&root.programs)? {
        let entry = entry?;
        let name = entry.file_name();
        if name != "beam.smp" && name != "erl" {
            symlink(entry.path(), new.join(name))?;
        }
    }
    symlink(executable, new.join("beam.smp"))?;
    let erl = new.join("erl");
    fs::write(&erl, erl_script(directory, root))?;
    fs::set_permissions(&erl, fs::Permissions::from_mode(0o755))
}

fn erl_script(directory: &Path, root: &OtpRoot) -> Vec<u8> {
    [
        b"#!/bin/sh\nROOTDIR=",
        &quoted(root.path.as_os_str().as_bytes())[..],
        b"\nBINDIR=",
        &quoted(directory.as_os_str().as_bytes()),
        b"\nEMU=beam\nPROGNAME=erl\nexport ROOTDIR BINDIR EMU PROGNAME\n\
          exec \"$BINDIR/erlexec\" ${1+\"$@\"}\n",
    ]
    .concat()
}

/// A word for the shell.
fn quoted(text: &[u8]) -> Vec<u8> {
    let mut result = vec![b'\''];
    for byte in text {
        match byte {
            b'\'' => result.extend_from_slice(b"'\\''"),
            other => result.push(*other),
        }
    }
    result.push(b'\'');
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_made_once_and_whole() {
        let base = std::env::temp_dir().join(format!("oxbeam-tools-{}", std::process::id()));
        let programs = base.join("programs");
        fs::create_dir_all(&programs).unwrap();
        for name in ["erl", "erlexec", "beam.smp", "erl_child_setup"] {
            fs::write(programs.join(name), name).unwrap();
        }
        let root = OtpRoot {
            path: "/it's/otp".into(),
            erts_version: "1".into(),
            otp_release: 25,
            otp_version: "25".into(),
            programs,
            preloaded: "/otp".into(),
        };
        let directory = base.join("bin");
        for _ in 0..2 {
            make(&directory, Path::new("/bin/sh"), &root).unwrap();
        }
        assert_eq!(fs::read_link(directory.join("beam.smp")).unwrap(), Path::new("/bin/sh"));
        assert_eq!(fs::read_to_string(directory.join("erlexec")).unwrap(), "erlexec");
        let erl = fs::read_to_string(directory.join("erl")).unwrap();
        assert!(erl.contains("ROOTDIR='/it'\\''s/otp'\n"), "{erl}");
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 4);
        fs::remove_dir_all(base).unwrap();
    }
}
