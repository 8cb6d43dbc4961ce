//! The keyspace: databases, encodings, expiry, eviction, freeing.

use super::{COUNT, I32_MAX, I64_MAX, Kind, LONG, Parameter, SIZE, U64_MAX, grammar, int, memory};

const POLICIES: Kind = Kind::Enum(&[
    ("volatile-lru", 1),
    ("volatile-lfu", 2),
    ("volatile-random", 3),
    ("volatile-ttl", 4),
    ("allkeys-lru", 5),
    ("allkeys-lfu", 6),
    ("allkeys-random", 7),
    ("noeviction", 0),
]);

pub(super) static PARAMETERS: &[Parameter] = &[
    Parameter::new("databases", int(1, I32_MAX), "16", "Number of databases.").immutable(),
    Parameter::new("maxmemory", memory(0, U64_MAX), "0", "Bytes of memory for data; 0 for no limit."),
    Parameter::new(
        "maxmemory-policy",
        POLICIES,
        "noeviction",
        "What is evicted when `maxmemory` is reached. The `lfu` policies also make keys count their uses.",
    ),
    Parameter::new("maxmemory-samples", int(1, I32_MAX), "5", "Keys looked at for one eviction."),
    Parameter::new("maxmemory-eviction-tenacity", int(0, 100), "10", "How much time eviction may take."),
    Parameter::new("lfu-log-factor", COUNT, "10", "How slowly the use counter grows."),
    Parameter::new("lfu-decay-time", COUNT, "1", "Minutes after which the use counter shrinks by one."),
    Parameter::new("lazyfree-lazy-eviction", Kind::Bool, "no", "Frees evicted values in the background."),
    Parameter::new("lazyfree-lazy-expire", Kind::Bool, "no", "Frees expired values in the background."),
    Parameter::new("lazyfree-lazy-server-del", Kind::Bool, "no", "Frees overwritten values in the background."),
    Parameter::new("lazyfree-lazy-user-del", Kind::Bool, "no", "`DEL` does as `UNLINK`."),
    Parameter::new("lazyfree-lazy-user-flush", Kind::Bool, "no", "`FLUSHALL` and `FLUSHDB` are `ASYNC` by default."),
    Parameter::new("active-expire-effort", int(1, 10), "1", "How eagerly expired keys are looked for.").inert(),
    Parameter::new("activerehashing", Kind::Bool, "yes", "Rehashes tables in idle time. The keyspace here needs none.").inert(),
    Parameter::new("notify-keyspace-events", Kind::Words(&grammar::EVENT_CLASSES), "", "Classes of events published."),
    Parameter::new("hash-max-listpack-entries", LONG, "512", "Largest compact hash, fields.").alias("hash-max-ziplist-entries"),
    Parameter::new("hash-max-listpack-value", SIZE, "64", "Largest value in a compact hash, bytes.").alias("hash-max-ziplist-value"),
    Parameter::new(
        "list-max-listpack-size",
        int(-I32_MAX - 1, I32_MAX),
        "-2",
        "Largest node of a list: entries, or -1 to -5 for 4 kB to 64 kB.",
    )
    .alias("list-max-ziplist-size"),
    Parameter::new("list-compress-depth", COUNT, "0", "Nodes at each end of a list that stay uncompressed; 0 for all."),
    Parameter::new("set-max-intset-entries", LONG, "512", "Largest compact set of integers."),
    Parameter::new("set-max-listpack-entries", LONG, "128", "Largest compact set, members."),
    Parameter::new("set-max-listpack-value", SIZE, "64", "Largest member in a compact set, bytes."),
    Parameter::new("zset-max-listpack-entries", LONG, "128", "Largest compact sorted set, members.").alias("zset-max-ziplist-entries"),
    Parameter::new("zset-max-listpack-value", SIZE, "64", "Largest member in a compact sorted set, bytes.").alias("zset-max-ziplist-value"),
    Parameter::new("hll-sparse-max-bytes", SIZE, "3000", "Largest sparse HyperLogLog, bytes."),
    Parameter::new("stream-node-max-bytes", SIZE, "4096", "Largest node of a stream, bytes; 0 for no limit."),
    Parameter::new("stream-node-max-entries", LONG, "100", "Largest node of a stream, entries; 0 for no limit."),
    Parameter::new("activedefrag", Kind::Bool, "no", "Moves values to reduce fragmentation.")
        .only_default("active defragmentation is not available"),
    Parameter::new("active-defrag-ignore-bytes", memory(1, I64_MAX), "100mb", "Wasted bytes that start it.").inert(),
    Parameter::new("active-defrag-threshold-lower", int(0, 1000), "10", "Wasted percentage that starts it.").inert(),
    Parameter::new("active-defrag-threshold-upper", int(0, 1000), "100", "Wasted percentage of full effort.").inert(),
    Parameter::new("active-defrag-cycle-min", int(1, 99), "1", "Least effort, percent of a CPU.").inert(),
    Parameter::new("active-defrag-cycle-max", int(1, 99), "25", "Full effort, percent of a CPU.").inert(),
    Parameter::new("active-defrag-max-scan-fields", int(1, I64_MAX), "1000", "Largest collection moved at once.").inert(),
    Parameter::new("jemalloc-bg-thread", Kind::Bool, "yes", "Lets the allocator purge in the background.").inert(),
];
