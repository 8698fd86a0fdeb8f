//! What a release of OTP expects of its emulator, as data.
//!
//! Code asks the profile and never compares release numbers itself: a new
//! release is a new row here.

use oxbeam_runtime::process::Priority;

/// Module name and number of its native functions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StaticNif {
    /// The module.
    pub module: &'static str,
    /// How many functions it has natives for.
    pub functions: usize,
}

/// What one release expects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Release {
    /// Its number.
    pub otp_release: u32,
    /// Modules that are there before any file is read, in the order that
    /// `erlang:pre_loaded/0` shows them reversed.
    pub preloaded: &'static [&'static str],
    /// Modules whose natives are part of the emulator.
    pub static_nifs: &'static [StaticNif],
    /// Port drivers that are part of the emulator.
    pub drivers: &'static [&'static str],
    /// Version of the native interface, as `system_info(nif_version)` says.
    pub nif_version: &'static str,
    /// Version of the driver interface, as `system_info(driver_version)` says.
    pub driver_version: &'static str,
    /// The highest generic operation of its compiler.
    pub max_generic_op: u32,
    /// The module that runs first and the function of it: `start/2`.
    pub first_module: &'static str,
    /// Modules whose `start/0` runs in the system processes behind the first one, and with which
    /// priority: the purger is at work before anybody purges.
    pub system_processes: &'static [(&'static str, Priority)],
    /// Module of those that handle signals for processes on dirty schedulers.
    pub signal_handler: &'static str,
}

const NIFS_25: &[StaticNif] = &[
    StaticNif { module: "erl_tracer", functions: 2 },
    StaticNif { module: "prim_buffer", functions: 9 },
    StaticNif { module: "prim_file", functions: 33 },
    StaticNif { module: "prim_net", functions: 13 },
    StaticNif { module: "prim_socket", functions: 33 },
    StaticNif { module: "zlib", functions: 22 },
];

const PRELOADED_25: &[&str] = &[
    "erts_code_purger",
    "erl_init",
    "init",
    "prim_buffer",
    "prim_eval",
    "prim_inet",
    "prim_file",
    "zlib",
    "socket_registry",
    "prim_socket",
    "prim_net",
    "prim_zip",
    "erl_prim_loader",
    "erlang",
    "erts_internal",
    "erl_tracer",
    "erts_literal_area_collector",
    "erts_dirty_process_signal_handler",
    "atomics",
    "counters",
    "persistent_term",
];

const RELEASES: &[Release] = &[Release {
    otp_release: 25,
    preloaded: PRELOADED_25,
    static_nifs: NIFS_25,
    drivers: &[
        "forker",
        "spawn",
        "fd",
        "vanilla",
        "tcp_inet",
        "udp_inet",
        "sctp_inet",
        "ram_file_drv",
        "tty_sl",
    ],
    nif_version: "2.16",
    driver_version: "3.3",
    max_generic_op: 180,
    first_module: "erl_init",
    system_processes: &[
        ("erts_code_purger", Priority::High),
        ("erts_literal_area_collector", Priority::High),
        ("erts_dirty_process_signal_handler", Priority::Normal),
        ("erts_dirty_process_signal_handler", Priority::High),
        ("erts_dirty_process_signal_handler", Priority::Max),
    ],
    signal_handler: "erts_dirty_process_signal_handler",
}];

impl Release {
    /// The profile of a release.
    ///
    /// Errors: a sentence that names the releases there are profiles for.
    pub fn of(otp_release: u32) -> Result<&'static Release, String> {
        RELEASES.iter().find(|r| r.otp_release == otp_release).ok_or_else(|| {
            let known: Vec<String> = RELEASES.iter().map(|r| r.otp_release.to_string()).collect();
            format!(
                "the Erlang/OTP found is release {otp_release}, oxbeam knows {}; set \
                 OXBEAM_OTP_ROOT to the root directory of such a one",
                known.join(", ")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_release_is_named() {
        assert!(Release::of(3).unwrap_err().contains("release 3"));
    }

    #[test]
    fn every_static_nif_module_is_preloaded() {
        for release in RELEASES {
            assert_eq!(release.preloaded.len(), 21);
            for nif in release.static_nifs {
                assert!(release.preloaded.contains(&nif.module), "{}", nif.module);
            }
        }
    }
}
