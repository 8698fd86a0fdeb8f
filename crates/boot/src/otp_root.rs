//! Where the OTP installation is, and which one it is.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// An OTP installation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OtpRoot {
    /// The root directory, which holds `lib` and `releases`.
    pub path: PathBuf,
    /// Version of the runtime application, such as `13.1.5`.
    pub erts_version: String,
    /// Number of the release, such as `25`.
    pub otp_release: u32,
    /// Full version of the release, such as `25.2.3`; the release's number
    /// when the installation does not say more.
    pub otp_version: String,
    /// Directory of the runtime's own programs (`erlexec`, `erl_child_setup`).
    pub programs: PathBuf,
    /// Directory of the preloaded modules.
    pub preloaded: PathBuf,
}

/// Where to look, in order.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// `OXBEAM_OTP_ROOT`: when it is set nothing else counts.
    pub chosen: Option<OsString>,
    /// `ROOTDIR`, as `erlexec` sets it.
    pub root_variable: Option<OsString>,
    /// `PATH`, for the `erl` on it.
    pub search_path: Option<OsString>,
}

impl Places {
    /// The places that the environment names.
    pub fn from_environment() -> Places {
        let get = |name: &str| oxbeam_sys::environment::get(name.as_bytes());
        let get = |name| get(name).filter(|v| !v.is_empty()).map(OsString::from_vec);
        Places {
            chosen: get("OXBEAM_OTP_ROOT"),
            root_variable: get("ROOTDIR"),
            search_path: get("PATH"),
        }
    }
}

const USUAL: [&str; 2] = ["/usr/lib/erlang", "/usr/local/lib/erlang"];

/// Finds the installation.
///
/// Errors: one sentence that says where was looked and how to mend it.
pub fn find(places: &Places) -> Result<OtpRoot, String> {
    if let Some(chosen) = &places.chosen {
        let path = Path::new(chosen);
        return open(path).map_err(|reason| {
            format!(
                "OXBEAM_OTP_ROOT is {}, but {reason}; set it to the directory that \
                 `code:root_dir()` of an Erlang/OTP prints, or unset it",
                path.display()
            )
        });
    }
    let variable = places.root_variable.iter().map(PathBuf::from);
    let on_path = places.search_path.iter().flat_map(|path| roots_of_erl(path));
    let mut tried = Vec::new();
    for path in variable.chain(on_path).chain(USUAL.iter().map(PathBuf::from)) {
        match open(&path) {
            Ok(root) => return Ok(root),
            Err(_) => tried.push(path),
        }
    }
    let mut tried: Vec<String> = tried.iter().map(|p| p.display().to_string()).collect();
    tried.dedup();
    Err(format!(
        "no Erlang/OTP found in {}; install one with `apt-get install erlang-base`, or set \
         OXBEAM_OTP_ROOT to its root directory",
        tried.join(", ")
    ))
}

/// Reads what installation a directory holds.
///
/// Errors: what is missing, as the end of a sentence.
pub fn open(path: &Path) -> Result<OtpRoot, String> {
    let (erts_version, release) = read_versions(path)
        .ok_or_else(|| "it holds no releases/start_erl.data that names a release".to_owned())?;
    let otp_release = release
        .parse()
        .map_err(|_| format!("its release `{release}` is not a number that oxbeam knows"))?;
    let version_file = path.join("releases").join(&release).join("OTP_VERSION");
    let otp_version = fs::read_to_string(version_file).unwrap_or_default().trim().to_owned();
    let preloaded = path.join(format!("lib/erts-{erts_version}/ebin"));
    if !preloaded.join("init.beam").is_file() {
        return Err(format!(
            "its preloaded modules ({}) are missing",
            preloaded.join("init.beam").display()
        ));
    }
    Ok(OtpRoot {
        programs: path.join(format!("erts-{erts_version}/bin")),
        preloaded,
        path: path.to_path_buf(),
        otp_version: if otp_version.is_empty() { release } else { otp_version },
        erts_version,
        otp_release,
    })
}

/// `releases/start_erl.data` holds the versions of runtime and release.
fn read_versions(root: &Path) -> Option<(String, String)> {
    let text = fs::read_to_string(root.join("releases/start_erl.data")).ok()?;
    let mut words = text.split_whitespace().map(str::to_owned);
    Some((words.next()?, words.next()?))
}

/// For each `erl` on the search path: the directory above the `bin` it lies
/// in, symbolic links followed, and the root that its script names.
fn roots_of_erl(search_path: &OsStr) -> Vec<PathBuf> {
    let mut roots = Vec::new();
    for directory in std::env::split_paths(search_path) {
        let Ok(program) = directory.join("erl").canonicalize() else { continue };
        roots.extend(program.parent().and_then(Path::parent).map(Path::to_path_buf));
        roots.extend(root_in_script(&program));
    }
    roots
}

fn root_in_script(program: &Path) -> Option<PathBuf> {
    let is_small = fs::metadata(program).is_ok_and(|data| data.len() < 65_536);
    let text = is_small.then(|| fs::read(program).ok()).flatten()?;
    let lines = text.split(|b| *b == b'\n').map(<[u8]>::trim_ascii);
    let value = lines.filter_map(|line| line.strip_prefix(b"ROOTDIR=")).next()?;
    let value = value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(value);
    value.starts_with(b"/").then(|| PathBuf::from(OsStr::from_bytes(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory that looks like an installation.
    fn fake(name: &str, preloaded: bool) -> PathBuf {
        let root = std::env::temp_dir().join(format!("oxbeam-root-{name}-{}", std::process::id()));
        fs::create_dir_all(root.join("releases/25")).unwrap();
        fs::write(root.join("releases/start_erl.data"), "13.1.5 25\n").unwrap();
        fs::write(root.join("releases/25/OTP_VERSION"), "25.2.3\n").unwrap();
        fs::create_dir_all(root.join("lib/erts-13.1.5/ebin")).unwrap();
        if preloaded {
            fs::write(root.join("lib/erts-13.1.5/ebin/init.beam"), "").unwrap();
        }
        root
    }

    #[test]
    fn an_installation_says_what_it_is() {
        let path = fake("whole", true);
        let root = open(&path).unwrap();
        assert_eq!((root.erts_version.as_str(), root.otp_release), ("13.1.5", 25));
        assert_eq!(root.otp_version, "25.2.3");
        assert_eq!(root.programs, path.join("erts-13.1.5/bin"));
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_chosen_root_that_is_none_is_an_error() {
        let chosen = Some(OsString::from("/nonexistent"));
        let message = find(&Places { chosen, ..Places::default() }).unwrap_err();
        assert!(message.starts_with("OXBEAM_OTP_ROOT is /nonexistent, but it holds no"));
        let path = fake("half", false);
        let chosen = Some(path.clone().into_os_string());
        let message = find(&Places { chosen, ..Places::default() }).unwrap_err();
        assert!(message.contains("preloaded modules"), "{message}");
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn the_erl_on_the_search_path_leads_to_its_root() {
        let root = fake("path", true);
        fs::create_dir_all(root.join("bin")).unwrap();
        fs::write(root.join("bin/erl"), "#!/bin/sh\n").unwrap();
        let shims = root.join("shims");
        fs::create_dir_all(&shims).unwrap();
        fs::write(shims.join("erl"), format!("ROOTDIR=\"{}\"\n", root.display())).unwrap();
        for directory in [root.join("bin"), shims] {
            let places =
                Places { search_path: Some(directory.into_os_string()), ..Places::default() };
            assert_eq!(find(&places).unwrap().path, root.canonicalize().unwrap());
        }
        fs::remove_dir_all(root).unwrap();
    }
}
