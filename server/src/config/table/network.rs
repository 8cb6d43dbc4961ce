//! Sockets, limits of clients, and who may connect.

use super::{COUNT, I64_MAX, Kind, LOCALITY, PORT, Parameter, TEXT, U32_MAX, grammar, int, memory};
use crate::config::parameter::IntForm;

pub(super) static PARAMETERS: &[Parameter] = &[
    Parameter::new(
        "bind",
        Kind::Words(&grammar::BIND),
        "127.0.0.1 -::1",
        "Addresses to listen on; `*` and `::*` stand for all of them. With `-` in front the server starts even if the address is not there.",
    ),
    Parameter::new("port", PORT, "6379", "TCP port; 0 listens on none."),
    Parameter::new("unixsocket", Kind::Optional, "", "Path of a unix socket to listen on as well; below `dir` if it is relative.")
        .immutable(),
    Parameter::new(
        "unixsocketperm",
        Kind::Int { min: 0, max: 0o777, form: IntForm::Octal },
        "0",
        "Mode of the unix socket, octal; 0 leaves what the umask gives.",
    )
    .immutable(),
    Parameter::new("tcp-backlog", COUNT, "511", "Length of the queue of connections not yet accepted.").immutable(),
    Parameter::new("timeout", COUNT, "0", "Seconds after which an idle client is disconnected; 0 never."),
    Parameter::new("tcp-keepalive", COUNT, "300", "Seconds between probes of idle TCP connections; 0 sends none."),
    Parameter::new("maxclients", int(1, U32_MAX), "10000", "Connections at most."),
    Parameter::new("protected-mode", Kind::Bool, "yes", "Without a password, only connections from this machine are served."),
    Parameter::new("requirepass", Kind::Optional, "", "Password of the default user; empty for none."),
    Parameter::new("client-query-buffer-limit", memory(1 << 20, I64_MAX), "1gb", "Bytes of unprocessed input that a client may pile up."),
    Parameter::new(
        "client-output-buffer-limit",
        Kind::Words(&grammar::OUTPUT_LIMITS),
        "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
        "For each class of clients: bytes of unread replies at which it is disconnected at once, and bytes that it may hold for so many seconds.",
    ),
    Parameter::new("proto-max-bulk-len", memory(1 << 20, I64_MAX), "512mb", "Longest string in a command, bytes."),
    Parameter::new(
        "maxmemory-clients",
        Kind::Int { min: -100, max: I64_MAX, form: IntForm::MemoryOrPercent },
        "0",
        "Bytes that all clients together may hold, or a percentage of `maxmemory`; 0 for no limit.",
    ),
    Parameter::new("tracking-table-max-keys", int(0, I64_MAX), "1000000", "Keys remembered for client-side caching.").inert(),
    Parameter::new("io-threads", int(1, 128), "1", "Threads for sockets.").immutable().inert(),
    Parameter::new("io-threads-do-reads", Kind::Bool, "no", "Whether these threads also read.").immutable().inert(),
    Parameter::new("max-new-connections-per-cycle", int(1, 1000), "10", "Connections accepted in one turn.").inert(),
    Parameter::new("max-new-tls-connections-per-cycle", int(1, 1000), "1", "TLS connections accepted in one turn.").inert(),
    Parameter::new("socket-mark-id", int(0, U32_MAX), "0", "Mark of the listening sockets.")
        .immutable()
        .only_default("socket marks are not supported: mark the traffic with a firewall rule instead"),
    Parameter::new("bind-source-addr", Kind::Optional, "", "Source address of outgoing connections.").inert(),
    Parameter::new(
        "acl-pubsub-default",
        Kind::Enum(&[("allchannels", 1), ("resetchannels", 0)]),
        "resetchannels",
        "Channels of a new user.",
    )
    .inert(),
    Parameter::new("acllog-max-len", int(0, I64_MAX), "128", "Entries of the log of refused commands.").inert(),
    Parameter::new("aclfile", TEXT, "", "File of users.")
        .immutable()
        .only_default("access control lists are not available yet: use 'requirepass'"),
    Parameter::new(
        "enable-protected-configs",
        LOCALITY,
        "no",
        "Whether `CONFIG SET` may change protected parameters; `local` allows it on connections from this machine.",
    )
    .immutable(),
    Parameter::new("enable-debug-command", LOCALITY, "no", "Whether `DEBUG` may be used.").immutable(),
    Parameter::new("enable-module-command", LOCALITY, "no", "Whether `MODULE` may be used.").immutable().inert(),
];
