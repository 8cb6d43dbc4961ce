//! What is kept on disk, where, and how hard.

use super::{COUNT, I64_MAX, Kind, Parameter, SIZE, TEXT, file_name, grammar, int, memory};

const NAME: Kind = Kind::Text(file_name);
const FSYNC: Kind = Kind::Enum(&[("everysec", 1), ("always", 2), ("no", 0)]);

pub(super) static PARAMETERS: &[Parameter] = &[
    Parameter::new("dir", TEXT, ".", "Directory of all files; shown as an absolute path.").protected(),
    Parameter::new("appendonly", Kind::Bool, "yes", "Whether changes are logged. Redis's default is `no`."),
    Parameter::new(
        "appendfsync",
        FSYNC,
        "everysec",
        "When the log is made durable: `always` before a reply, `everysec` each second, `no` when the operating system likes.",
    ),
    Parameter::new("appenddirname", NAME, "appendonlydir", "Directory of the log, below `dir`.").immutable(),
    Parameter::new("appendfilename", NAME, "appendonly.aof", "Prefix of the names of the log's files.").immutable(),
    Parameter::new("no-appendfsync-on-rewrite", Kind::Bool, "no", "Leaves fsyncs out while the log is rewritten."),
    Parameter::new(
        "auto-aof-rewrite-percentage",
        COUNT,
        "100",
        "Growth of the log since its last rewrite, percent, that starts a rewrite; 0 for none.",
    ),
    Parameter::new("auto-aof-rewrite-min-size", SIZE, "64mb", "Size below which the log is never rewritten by itself."),
    Parameter::new(
        "aof-load-truncated",
        Kind::Bool,
        "yes",
        "Whether a log whose last command is cut off is loaded, without that command, or refused.",
    ),
    Parameter::new(
        "aof-load-corrupt-tail-max-size",
        SIZE,
        "0",
        "Longest damaged tail of the log, bytes, that is cut off at the start; 0 refuses every damage. (Redis 8.4)",
    ),
    Parameter::new(
        "aof-block-checksums",
        Kind::Bool,
        "yes",
        "Whether each batch in the log begins with a checksum line. `no` is for readers older than Redis 7.0.",
    ),
    Parameter::new(
        "aof-fill-ahead",
        memory(0, 64 << 20),
        "512kb",
        "Under `appendfsync always`: how much filler is written behind the log's last block, for the next ones to overwrite. 0 for none.",
    ),
    Parameter::new("aof-use-rdb-preamble", Kind::Bool, "yes", "Whether a rewritten log begins with an RDB."),
    Parameter::new("aof-timestamp-enabled", Kind::Bool, "no", "Whether the log holds `#TS:` lines."),
    Parameter::new("aof-rewrite-incremental-fsync", Kind::Bool, "yes", "Whether a rewrite syncs as it writes."),
    Parameter::new("aof-disable-auto-gc", Kind::Bool, "no", "Keeps the files that a rewrite has replaced."),
    Parameter::new(
        "save",
        Kind::Words(&grammar::SAVE),
        "3600 1 300 100 60 10000",
        "Snapshot after so many seconds if there were so many changes; several pairs, or `\"\"` for none. With any, `SHUTDOWN` saves one too.",
    ),
    Parameter::new("dbfilename", NAME, "dump.rdb", "Name of the snapshot, below `dir`.").protected(),
    Parameter::new("rdbcompression", Kind::Bool, "yes", "Whether strings in snapshots are compressed."),
    Parameter::new("rdbchecksum", Kind::Bool, "yes", "Whether snapshots end with a checksum.").immutable(),
    Parameter::new("rdb-save-incremental-fsync", Kind::Bool, "yes", "Whether a snapshot syncs as it writes."),
    Parameter::new("rdb-del-sync-files", Kind::Bool, "no", "Removes snapshots made for replication.").inert(),
    Parameter::new("stop-writes-on-bgsave-error", Kind::Bool, "yes", "Refuses writes after a failed snapshot."),
    Parameter::new(
        "sanitize-dump-payload",
        Kind::Enum(&[("no", 0), ("yes", 1), ("clients", 2)]),
        "no",
        "How carefully serialized values are checked. Here they always are.",
    )
    .inert(),
    Parameter::new("key-load-delay", int(-super::I32_MAX - 1, I64_MAX), "0", "Microseconds of sleep per loaded key, for tests.")
        .hidden()
        .inert(),
    Parameter::new("rdb-key-save-delay", int(-super::I32_MAX - 1, I64_MAX), "0", "Microseconds of sleep per saved key, for tests.")
        .hidden()
        .inert(),
    Parameter::new(
        "loading-process-events-interval-bytes",
        memory(1024, super::I32_MAX),
        "2mb",
        "Bytes loaded between two looks at the sockets.",
    )
    .hidden()
    .inert(),
];
