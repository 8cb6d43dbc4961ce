//! What one machine alone has no use for. The names are known so that ordinary files load; a value that would ask for the
//! missing part is refused with a reason, because ignoring it would leave the operator with a server that is not what
//! the file says.

use super::{COUNT, I32_MAX, I64_MAX, Kind, LONG, PORT, Parameter, TEXT, U64_MAX, grammar, int, memory};

const NO_REPLICATION: &str = "replication is not available yet: this server can only run alone";
const NO_CLUSTER: &str = "cluster mode is not available yet: this server can only run alone";
const NO_TLS: &str = "TLS is not available yet: terminate it in front of the server";

fn hostname(_: &str, text: &str) -> Result<(), String> {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    match text {
        text if text.len() >= 256 => Err("Hostnames must be less than 256 characters".to_owned()),
        text if !text.bytes().all(valid) => Err("Hostnames may only contain alphanumeric characters, hyphens or dots".to_owned()),
        _ => Ok(()),
    }
}

pub(super) static PARAMETERS: &[Parameter] = &[
    Parameter::new("replicaof", Kind::Words(&grammar::REPLICAOF), "", "Master to copy from.")
        .alias("slaveof")
        .immutable()
        .only_default(NO_REPLICATION),
    Parameter::new("masterauth", Kind::Optional, "", "Password for the master.").inert(),
    Parameter::new("masteruser", Kind::Optional, "", "User at the master.").inert(),
    Parameter::new("replica-serve-stale-data", Kind::Bool, "yes", "A replica without its master answers.")
        .alias("slave-serve-stale-data")
        .inert(),
    Parameter::new("replica-read-only", Kind::Bool, "yes", "A replica takes no writes.").alias("slave-read-only").inert(),
    Parameter::new("replica-lazy-flush", Kind::Bool, "no", "A replica empties itself in the background.").alias("slave-lazy-flush").inert(),
    Parameter::new("replica-priority", COUNT, "100", "Order of replicas at a failover.").alias("slave-priority").inert(),
    Parameter::new("replica-announced", Kind::Bool, "yes", "The replica is shown by Sentinel.").inert(),
    Parameter::new("replica-announce-ip", Kind::Optional, "", "Address that a replica announces.").alias("slave-announce-ip").inert(),
    Parameter::new("replica-announce-port", PORT, "0", "Port that a replica announces.").alias("slave-announce-port").inert(),
    Parameter::new("replica-ignore-maxmemory", Kind::Bool, "yes", "A replica does not evict.").alias("slave-ignore-maxmemory").inert(),
    Parameter::new("replica-ignore-disk-write-errors", Kind::Bool, "no", "A replica goes on when its disk fails.").inert(),
    Parameter::new(
        "propagation-error-behavior",
        Kind::Enum(&[("ignore", 0), ("panic", 1), ("panic-on-replicas", 2)]),
        "ignore",
        "What a failing replicated command does.",
    )
    .inert(),
    Parameter::new("repl-ping-replica-period", int(1, I32_MAX), "10", "Seconds between signs of life.")
        .alias("repl-ping-slave-period")
        .inert(),
    Parameter::new("repl-timeout", int(1, I32_MAX), "60", "Seconds without a sign of life after which a replication link is closed.")
        .inert(),
    Parameter::new("repl-backlog-size", memory(1, I64_MAX), "1mb", "Bytes kept for reconnecting replicas.").inert(),
    Parameter::new("repl-backlog-ttl", LONG, "3600", "Seconds that they are kept.").inert(),
    Parameter::new("repl-disable-tcp-nodelay", Kind::Bool, "no", "Gathers small packets.").inert(),
    Parameter::new("repl-diskless-sync", Kind::Bool, "yes", "Sends snapshots without a file.").inert(),
    Parameter::new("repl-diskless-sync-delay", COUNT, "5", "Seconds to wait for more replicas.").inert(),
    Parameter::new("repl-diskless-sync-max-replicas", COUNT, "0", "Replicas that end the wait.").inert(),
    Parameter::new(
        "repl-diskless-load",
        Kind::Enum(&[("disabled", 0), ("on-empty-db", 1), ("swapdb", 2)]),
        "disabled",
        "Loads snapshots without a file.",
    )
    .inert(),
    Parameter::new("min-replicas-to-write", COUNT, "0", "Replicas that a write needs.")
        .alias("min-slaves-to-write")
        .only_default(NO_REPLICATION),
    Parameter::new("min-replicas-max-lag", COUNT, "10", "Seconds that such a replica may lag.").alias("min-slaves-max-lag").inert(),
    Parameter::new("cluster-enabled", Kind::Bool, "no", "Runs as a node of a cluster.").immutable().only_default(NO_CLUSTER),
    Parameter::new("cluster-config-file", TEXT, "nodes.conf", "File of the cluster's state.").immutable().inert(),
    Parameter::new("cluster-node-timeout", LONG, "15000", "Milliseconds after which a node is taken for dead.").inert(),
    Parameter::new("cluster-port", PORT, "0", "Port of the cluster's bus.").immutable().inert(),
    Parameter::new("cluster-announce-ip", Kind::Optional, "", "Address that a node announces.").inert(),
    Parameter::new("cluster-announce-hostname", Kind::Text(hostname), "", "Host name that a node announces.").inert(),
    Parameter::new("cluster-announce-human-nodename", Kind::Text(hostname), "", "Name of a node for people.").inert(),
    Parameter::new("cluster-announce-port", PORT, "0", "Port that a node announces.").inert(),
    Parameter::new("cluster-announce-tls-port", PORT, "0", "TLS port that a node announces.").inert(),
    Parameter::new("cluster-announce-bus-port", PORT, "0", "Bus port that a node announces.").inert(),
    Parameter::new("cluster-replica-validity-factor", COUNT, "10", "How stale a replica may be to take over.")
        .alias("cluster-slave-validity-factor")
        .inert(),
    Parameter::new("cluster-replica-no-failover", Kind::Bool, "no", "Replicas never take over.").alias("cluster-slave-no-failover").inert(),
    Parameter::new("cluster-migration-barrier", COUNT, "1", "Replicas that a master keeps.").inert(),
    Parameter::new("cluster-allow-replica-migration", Kind::Bool, "yes", "Replicas move to masters without one.").inert(),
    Parameter::new("cluster-require-full-coverage", Kind::Bool, "yes", "All slots must be served.").inert(),
    Parameter::new("cluster-allow-reads-when-down", Kind::Bool, "no", "Reads go on while the cluster is down.").inert(),
    Parameter::new("cluster-allow-pubsubshard-when-down", Kind::Bool, "yes", "Shard channels go on while the cluster is down.").inert(),
    Parameter::new("cluster-link-sendbuf-limit", memory(0, U64_MAX), "0", "Bytes of a bus link's buffer.").inert(),
    Parameter::new(
        "cluster-preferred-endpoint-type",
        Kind::Enum(&[("ip", 0), ("hostname", 1), ("unknown-endpoint", 2)]),
        "ip",
        "What nodes are called in redirections.",
    )
    .inert(),
    Parameter::new("tls-port", PORT, "0", "Port for TLS.").only_default(NO_TLS),
    Parameter::new("tls-cluster", Kind::Bool, "no", "TLS on the cluster's bus.").only_default(NO_TLS),
    Parameter::new("tls-replication", Kind::Bool, "no", "TLS to the master.").only_default(NO_TLS),
    Parameter::new("tls-auth-clients", Kind::Enum(&[("no", 0), ("yes", 1), ("optional", 2)]), "yes", "Whether clients need a certificate.")
        .inert(),
    Parameter::new("tls-cert-file", Kind::Optional, "", "Certificate.").inert(),
    Parameter::new("tls-key-file", Kind::Optional, "", "Key.").inert(),
    Parameter::new("tls-key-file-pass", Kind::Optional, "", "Password of the key.").inert(),
    Parameter::new("tls-client-cert-file", Kind::Optional, "", "Certificate for outgoing connections.").inert(),
    Parameter::new("tls-client-key-file", Kind::Optional, "", "Key for outgoing connections.").inert(),
    Parameter::new("tls-client-key-file-pass", Kind::Optional, "", "Password of that key.").inert(),
    Parameter::new("tls-dh-params-file", Kind::Optional, "", "Diffie-Hellman parameters.").inert(),
    Parameter::new("tls-ca-cert-file", Kind::Optional, "", "Certificates of authorities.").inert(),
    Parameter::new("tls-ca-cert-dir", Kind::Optional, "", "Directory of such certificates.").inert(),
    Parameter::new("tls-protocols", Kind::Optional, "", "Versions of TLS.").inert(),
    Parameter::new("tls-ciphers", Kind::Optional, "", "Ciphers up to TLS 1.2.").inert(),
    Parameter::new("tls-ciphersuites", Kind::Optional, "", "Ciphers of TLS 1.3.").inert(),
    Parameter::new("tls-prefer-server-ciphers", Kind::Bool, "no", "The server chooses the cipher.").inert(),
    Parameter::new("tls-session-caching", Kind::Bool, "yes", "Sessions are resumed.").inert(),
    Parameter::new("tls-session-cache-size", COUNT, "20480", "Sessions kept.").inert(),
    Parameter::new("tls-session-cache-timeout", COUNT, "300", "Seconds that they are kept.").inert(),
];
