//! Natives of preloaded modules that this build has no mechanism for yet.
//!
//! Their modules load, as `erl_init` needs; each function raises `notsup`, which is what a stock
//! emulator built without sockets answers and what OTP's callers expect.

use oxbeam_runtime::native::{RunOn, StaticNif};
use oxbeam_runtime::{Cx, Flow, NativeFn, NativeResult};
use oxbeam_term::{Term, am};

fn not_supported<'h>(_: &mut Cx<'h>, _: &[Term<'h>]) -> NativeResult<'h> {
    Err(Flow::error(am::notsup))
}

type Row = (&'static str, u8, NativeFn, RunOn);

const fn row(name: &'static str, arity: u8) -> Row {
    (name, arity, not_supported, RunOn::Normal)
}

/// `erl_tracer`
pub static ERL_TRACER: StaticNif =
    StaticNif { module: "erl_tracer", functions: &[row("enabled", 3), row("trace", 5)] };

/// `prim_net`
pub static PRIM_NET: StaticNif = StaticNif {
    module: "prim_net",
    functions: &[
        row("nif_command", 1),
        row("nif_get_adapters_addresses", 1),
        row("nif_get_if_entry", 1),
        row("nif_get_interface_info", 1),
        row("nif_get_ip_address_table", 1),
        row("nif_getaddrinfo", 3),
        row("nif_gethostname", 0),
        row("nif_getifaddrs", 1),
        row("nif_getnameinfo", 2),
        row("nif_if_index2name", 1),
        row("nif_if_name2index", 1),
        row("nif_if_names", 0),
        row("nif_info", 0),
    ],
};

/// `prim_socket`
pub static PRIM_SOCKET: StaticNif = StaticNif {
    module: "prim_socket",
    functions: &[
        row("nif_accept", 2),
        row("nif_bind", 2),
        row("nif_cancel", 3),
        row("nif_close", 1),
        row("nif_command", 1),
        row("nif_connect", 1),
        row("nif_connect", 3),
        row("nif_finalize_close", 1),
        row("nif_getopt", 3),
        row("nif_getopt", 4),
        row("nif_info", 0),
        row("nif_info", 1),
        row("nif_ioctl", 2),
        row("nif_ioctl", 3),
        row("nif_ioctl", 4),
        row("nif_listen", 2),
        row("nif_open", 2),
        row("nif_open", 4),
        row("nif_peername", 1),
        row("nif_recv", 4),
        row("nif_recvfrom", 4),
        row("nif_recvmsg", 5),
        row("nif_send", 4),
        row("nif_sendfile", 1),
        row("nif_sendfile", 4),
        row("nif_sendfile", 5),
        row("nif_sendmsg", 5),
        row("nif_sendto", 5),
        row("nif_setopt", 5),
        row("nif_shutdown", 2),
        row("nif_sockname", 1),
        row("nif_supports", 0),
        row("nif_supports", 1),
    ],
};
