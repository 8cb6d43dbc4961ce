//! The values that the server acts on, typed. Read from the table's values, never written directly.

use std::path::PathBuf;

use graven_aof::FsyncPolicy;
use graven_engine::{EventClass, EvictionPolicy, Settings};
use graven_store::Thresholds;

use super::table;
use super::value::Value;
use crate::logging::Level;

/// The parameters that something acts on, as types. Names are the parameters' names with `_` for `-`, and a unit.
#[derive(Clone, Debug)]
pub struct Options {
    /// `bind`: addresses, each perhaps with `-` in front.
    pub bind: Vec<String>,
    /// `port`; 0 for none.
    pub port: u16,
    /// `unixsocket`; empty for none, below `dir` if relative.
    pub unixsocket: String,
    /// `unixsocketperm`; 0 leaves the mode alone.
    pub unixsocketperm: u32,
    /// `tcp-backlog`
    pub tcp_backlog: i32,
    /// `timeout`; 0 for never.
    pub timeout_s: u64,
    /// `tcp-keepalive`; 0 for none.
    pub tcp_keepalive_s: u32,
    /// `maxclients`
    pub maxclients: u32,
    /// `protected-mode`
    pub protected_mode: bool,
    /// `requirepass`; empty for none.
    pub requirepass: String,
    /// `client-query-buffer-limit`
    pub client_query_buffer_limit_bytes: usize,
    /// `client-output-buffer-limit` for normal, replica, pub/sub clients.
    pub output_buffer_limits: [OutputLimit; 3],
    /// `proto-max-bulk-len`
    pub proto_max_bulk_len_bytes: usize,
    /// `rename-command`: the old name and the new one, which is empty if the command is to be disabled.
    pub renamed_commands: Vec<(String, String)>,
    /// `enable-protected-configs`
    pub enable_protected_configs: Locality,
    /// `enable-debug-command`
    pub enable_debug_command: Locality,
    /// `databases`
    pub databases: usize,
    /// `dir`, absolute.
    pub dir: PathBuf,
    /// `appendonly`
    pub appendonly: bool,
    /// `appendfsync`
    pub appendfsync: FsyncPolicy,
    /// `appenddirname`
    pub appenddirname: String,
    /// `appendfilename`
    pub appendfilename: String,
    /// `dbfilename`
    pub dbfilename: String,
    /// `aof-load-truncated`
    pub aof_load_truncated: bool,
    /// `aof-load-corrupt-tail-max-size`
    pub aof_load_corrupt_tail_max_bytes: u64,
    /// `aof-block-checksums`
    pub aof_block_checksums: bool,
    /// `aof-fill-ahead`
    pub aof_fill_ahead_bytes: u64,
    /// `aof-timestamp-enabled`
    pub aof_timestamp_enabled: bool,
    /// `aof-use-rdb-preamble`
    pub aof_use_rdb_preamble: bool,
    /// `aof-rewrite-incremental-fsync`
    pub aof_rewrite_incremental_fsync: bool,
    /// `aof-disable-auto-gc`
    pub aof_disable_auto_gc: bool,
    /// `no-appendfsync-on-rewrite`
    pub no_appendfsync_on_rewrite: bool,
    /// `auto-aof-rewrite-percentage`; 0 for never.
    pub auto_aof_rewrite_percentage: u64,
    /// `auto-aof-rewrite-min-size`
    pub auto_aof_rewrite_min_bytes: u64,
    /// `rdb-save-incremental-fsync`
    pub rdb_save_incremental_fsync: bool,
    /// `stop-writes-on-bgsave-error`
    pub stop_writes_on_bgsave_error: bool,
    /// `save`: after so many seconds, if there were so many changes.
    pub save: Vec<SavePoint>,
    /// `rdbcompression`
    pub rdbcompression: bool,
    /// `rdbchecksum`
    pub rdbchecksum: bool,
    /// `maxmemory`; 0 for no limit.
    pub maxmemory_bytes: u64,
    /// `maxmemory-policy`
    pub maxmemory_policy: EvictionPolicy,
    /// `maxmemory-samples`
    pub maxmemory_samples: usize,
    /// `maxmemory-eviction-tenacity`
    pub maxmemory_eviction_tenacity: u32,
    /// `maxmemory-clients`: bytes, or if negative a percentage of `maxmemory`; 0 for no limit.
    pub maxmemory_clients: i64,
    /// `pidfile`; empty for none, below `dir` if relative.
    pub pidfile: String,
    /// `loglevel`
    pub loglevel: Level,
    /// `logfile`; empty for standard error, below `dir` if relative.
    pub logfile: String,
    /// `hz`, within 1 and 500.
    pub hz: u32,
    /// `shutdown-on-sigint`
    pub shutdown_on_sigint: ShutdownFlags,
    /// `shutdown-on-sigterm`
    pub shutdown_on_sigterm: ShutdownFlags,
    /// `slowlog-log-slower-than`; -1 for none.
    pub slowlog_log_slower_than_us: i64,
    /// `slowlog-max-len`
    pub slowlog_max_len: usize,
    /// `latency-monitor-threshold`; 0 for none.
    pub latency_monitor_threshold_ms: u64,
    /// `latency-tracking`
    pub latency_tracking: bool,
    /// `latency-tracking-info-percentiles`
    pub latency_tracking_info_percentiles: Vec<f64>,
    /// `lazyfree-lazy-eviction`
    pub lazyfree_lazy_eviction: bool,
    /// `lazyfree-lazy-expire`
    pub lazyfree_lazy_expire: bool,
    /// `lazyfree-lazy-server-del`
    pub lazyfree_lazy_server_del: bool,
    /// `lazyfree-lazy-user-del`
    pub lazyfree_lazy_user_del: bool,
    /// `lazyfree-lazy-user-flush`
    pub lazyfree_lazy_user_flush: bool,
    /// Up to which size collections are compact.
    pub thresholds: Thresholds,
    /// `notify-keyspace-events`
    pub notify_keyspace_events: EventClass,
    /// `lfu-log-factor`
    pub lfu_log_factor: u32,
    /// `lfu-decay-time`
    pub lfu_decay_minutes: u32,
}

/// When a client that does not read its replies is disconnected. Each 0 means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimit {
    /// At once, at so many bytes.
    pub hard_bytes: u64,
    /// At so many bytes …
    pub soft_bytes: u64,
    /// … for so many seconds.
    pub soft_seconds: u64,
}

/// When a snapshot is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// Seconds since the last one.
    pub seconds: u64,
    /// Changes since the last one.
    pub changes: u64,
}

/// Who may do what is forbidden by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locality {
    /// Nobody.
    No,
    /// Everybody.
    Yes,
    /// Connections from this machine (loopback or a unix socket).
    Local,
}

impl Locality {
    /// Whether a connection may, given that it comes from this machine or not.
    pub fn allows(self, local: bool) -> bool {
        match self {
            Locality::No => false,
            Locality::Yes => true,
            Locality::Local => local,
        }
    }
}

/// What a signal asks of the shutdown; all false is the default behaviour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutdownFlags {
    /// Save a snapshot.
    pub save: bool,
    /// Save none.
    pub nosave: bool,
    /// Exit also if saving fails.
    pub force: bool,
}

impl Options {
    /// Reads the typed values out of the table's.
    pub(super) fn read(values: &[Value], renamed_commands: &[(String, String)]) -> Self {
        let get = Lookup(values);
        Options {
            bind: get.words("bind").to_vec(),
            port: get.int("port"),
            unixsocket: get.text("unixsocket").to_owned(),
            unixsocketperm: get.int("unixsocketperm"),
            tcp_backlog: get.int("tcp-backlog"),
            timeout_s: get.int("timeout"),
            tcp_keepalive_s: get.int("tcp-keepalive"),
            maxclients: get.int("maxclients"),
            protected_mode: get.bool("protected-mode"),
            requirepass: get.text("requirepass").to_owned(),
            client_query_buffer_limit_bytes: get.int("client-query-buffer-limit"),
            output_buffer_limits: get.output_limits(),
            proto_max_bulk_len_bytes: get.int("proto-max-bulk-len"),
            renamed_commands: renamed_commands.to_vec(),
            enable_protected_configs: get.locality("enable-protected-configs"),
            enable_debug_command: get.locality("enable-debug-command"),
            databases: get.int("databases"),
            appendonly: get.bool("appendonly"),
            appendfsync: get.printed("appendfsync").parse().expect("the table names the policies as the log does"),
            appenddirname: get.text("appenddirname").to_owned(),
            appendfilename: get.text("appendfilename").to_owned(),
            dbfilename: get.text("dbfilename").to_owned(),
            aof_load_truncated: get.bool("aof-load-truncated"),
            aof_load_corrupt_tail_max_bytes: get.int("aof-load-corrupt-tail-max-size"),
            aof_block_checksums: get.bool("aof-block-checksums"),
            aof_fill_ahead_bytes: get.int("aof-fill-ahead"),
            aof_timestamp_enabled: get.bool("aof-timestamp-enabled"),
            aof_use_rdb_preamble: get.bool("aof-use-rdb-preamble"),
            aof_rewrite_incremental_fsync: get.bool("aof-rewrite-incremental-fsync"),
            aof_disable_auto_gc: get.bool("aof-disable-auto-gc"),
            no_appendfsync_on_rewrite: get.bool("no-appendfsync-on-rewrite"),
            auto_aof_rewrite_percentage: get.int("auto-aof-rewrite-percentage"),
            auto_aof_rewrite_min_bytes: get.int("auto-aof-rewrite-min-size"),
            rdb_save_incremental_fsync: get.bool("rdb-save-incremental-fsync"),
            stop_writes_on_bgsave_error: get.bool("stop-writes-on-bgsave-error"),
            save: get.words("save").chunks(2).map(|pair| SavePoint { seconds: parsed(&pair[0]), changes: parsed(&pair[1]) }).collect(),
            rdbcompression: get.bool("rdbcompression"),
            rdbchecksum: get.bool("rdbchecksum"),
            maxmemory_bytes: get.int("maxmemory"),
            maxmemory_policy: get.eviction_policy(),
            maxmemory_samples: get.int("maxmemory-samples"),
            maxmemory_eviction_tenacity: get.int("maxmemory-eviction-tenacity"),
            maxmemory_clients: get.int("maxmemory-clients"),
            pidfile: get.text("pidfile").to_owned(),
            loglevel: get.printed("loglevel").parse().expect("the table names the levels as the log does"),
            logfile: get.text("logfile").to_owned(),
            hz: get.int("hz"),
            shutdown_on_sigint: get.shutdown("shutdown-on-sigint"),
            shutdown_on_sigterm: get.shutdown("shutdown-on-sigterm"),
            slowlog_log_slower_than_us: get.int("slowlog-log-slower-than"),
            slowlog_max_len: get.int("slowlog-max-len"),
            latency_monitor_threshold_ms: get.int("latency-monitor-threshold"),
            latency_tracking: get.bool("latency-tracking"),
            latency_tracking_info_percentiles: get.words("latency-tracking-info-percentiles").iter().map(|word| parsed(word)).collect(),
            lazyfree_lazy_eviction: get.bool("lazyfree-lazy-eviction"),
            lazyfree_lazy_expire: get.bool("lazyfree-lazy-expire"),
            lazyfree_lazy_server_del: get.bool("lazyfree-lazy-server-del"),
            lazyfree_lazy_user_del: get.bool("lazyfree-lazy-user-del"),
            lazyfree_lazy_user_flush: get.bool("lazyfree-lazy-user-flush"),
            thresholds: Thresholds {
                hash_max_listpack_entries: get.int("hash-max-listpack-entries"),
                hash_max_listpack_value: get.int("hash-max-listpack-value"),
                list_max_listpack_size: get.int("list-max-listpack-size"),
                list_compress_depth: get.int("list-compress-depth"),
                set_max_intset_entries: get.int("set-max-intset-entries"),
                set_max_listpack_entries: get.int("set-max-listpack-entries"),
                set_max_listpack_value: get.int("set-max-listpack-value"),
                zset_max_listpack_entries: get.int("zset-max-listpack-entries"),
                zset_max_listpack_value: get.int("zset-max-listpack-value"),
                hll_sparse_max_bytes: get.int("hll-sparse-max-bytes"),
                stream_node_max_bytes: get.int("stream-node-max-bytes"),
                stream_node_max_entries: get.int("stream-node-max-entries"),
            },
            notify_keyspace_events: event_classes(&get.words("notify-keyspace-events").concat()),
            lfu_log_factor: get.int("lfu-log-factor"),
            lfu_decay_minutes: get.int("lfu-decay-time"),
            dir: PathBuf::from(get.text("dir")),
        }
    }

    /// What command execution depends on. `active_expire` is not a parameter (`DEBUG SET-ACTIVE-EXPIRE`): whoever applies
    /// these to a running engine keeps the value that it has.
    pub fn engine_settings(&self) -> Settings {
        Settings {
            max_bulk_bytes: self.proto_max_bulk_len_bytes,
            password: self.requirepass.clone(),
            slowlog_slower_than_us: self.slowlog_log_slower_than_us,
            slowlog_max_len: self.slowlog_max_len,
            latency_threshold_ms: self.latency_monitor_threshold_ms,
            latency_tracking: self.latency_tracking,
            lazy_expire: self.lazyfree_lazy_expire,
            lazy_user_del: self.lazyfree_lazy_user_del,
            lazy_user_flush: self.lazyfree_lazy_user_flush,
            lazy_server_del: self.lazyfree_lazy_server_del,
            lazy_eviction: self.lazyfree_lazy_eviction,
            maxmemory_bytes: self.maxmemory_bytes,
            eviction_policy: self.maxmemory_policy,
            eviction_samples: self.maxmemory_samples,
            eviction_tenacity: self.maxmemory_eviction_tenacity,
            lfu: self.maxmemory_policy.is_lfu(),
            lfu_log_factor: self.lfu_log_factor,
            lfu_decay_minutes: self.lfu_decay_minutes,
            thresholds: self.thresholds,
            notify: self.notify_keyspace_events,
            active_expire: true,
            track_reads: self.appendonly && self.appendfsync == FsyncPolicy::Always,
        }
    }

    /// `maxmemory-clients` in bytes; 0 for no limit.
    pub fn maxmemory_clients_bytes(&self) -> u64 {
        match self.maxmemory_clients {
            percent @ ..0 => self.maxmemory_bytes / 100 * percent.unsigned_abs(),
            bytes => bytes as u64,
        }
    }

    /// What the log is opened with.
    pub fn log_options(&self) -> graven_aof::Options {
        graven_aof::Options {
            dir_name: self.appenddirname.clone(),
            file_name: self.appendfilename.clone(),
            policy: self.appendfsync,
            load_truncated: self.aof_load_truncated,
            corrupt_tail_max_bytes: self.aof_load_corrupt_tail_max_bytes,
            block_checksums: self.aof_block_checksums,
            limits: graven_aof::Limits { fill_ahead_bytes: self.aof_fill_ahead_bytes, ..graven_aof::Limits::default() },
            ..graven_aof::Options::default()
        }
    }
}

/// The classes that letters stand for.
fn event_classes(letters: &str) -> EventClass {
    const LETTERS: [(char, EventClass); 15] = [
        ('K', EventClass::KEYSPACE),
        ('E', EventClass::KEYEVENT),
        ('g', EventClass::GENERIC),
        ('$', EventClass::STRING),
        ('l', EventClass::LIST),
        ('s', EventClass::SET),
        ('h', EventClass::HASH),
        ('z', EventClass::ZSET),
        ('x', EventClass::EXPIRED),
        ('e', EventClass::EVICTED),
        ('t', EventClass::STREAM),
        ('m', EventClass::KEY_MISS),
        ('d', EventClass::MODULE),
        ('n', EventClass::NEW),
        (
            'A',
            EventClass::all()
                .difference(EventClass::KEYSPACE.union(EventClass::KEYEVENT).union(EventClass::KEY_MISS).union(EventClass::NEW)),
        ),
    ];
    let named = LETTERS.iter().filter(|(letter, _)| letters.contains(*letter));
    named.fold(EventClass::empty(), |classes, (_, class)| classes | *class)
}

fn parsed<T: std::str::FromStr>(word: &str) -> T {
    word.parse().ok().expect("canonical words are valid")
}

/// Values by name, as the types that the table gives them.
struct Lookup<'a>(&'a [Value]);

impl<'a> Lookup<'a> {
    fn value(&self, name: &str) -> &'a Value {
        &self.0[table::find(name).expect("the table has every parameter that is acted on")]
    }

    fn printed(&self, name: &str) -> String {
        let index = table::find(name).expect("the table has every parameter that is acted on");
        self.0[index].print(&table::all()[index].kind)
    }

    fn eviction_policy(&self) -> EvictionPolicy {
        let name = self.printed("maxmemory-policy");
        let known = EvictionPolicy::NAMES.iter().find(|(known, _)| *known == name);
        known.expect("the table names the policies as the engine does").1
    }

    fn bool(&self, name: &str) -> bool {
        matches!(self.value(name), Value::Bool(true))
    }

    /// The number, held within what the type can tell apart.
    fn int<T: TryFrom<i128> + Bounded>(&self, name: &str) -> T {
        let Value::Int(number) = self.value(name) else { unreachable!("{name} is a number") };
        T::try_from(*number).unwrap_or(T::MAX)
    }

    fn text(&self, name: &str) -> &'a str {
        let Value::Text(text) = self.value(name) else { unreachable!("{name} is a text") };
        text
    }

    fn words(&self, name: &str) -> &'a [String] {
        let Value::Words(words) = self.value(name) else { unreachable!("{name} is made of words") };
        words
    }

    fn locality(&self, name: &str) -> Locality {
        match self.value(name) {
            Value::Choice(1) => Locality::Yes,
            Value::Choice(2) => Locality::Local,
            _ => Locality::No,
        }
    }

    fn shutdown(&self, name: &str) -> ShutdownFlags {
        let Value::Choice(bits) = self.value(name) else { unreachable!("{name} is a set of flags") };
        ShutdownFlags { save: bits & 1 != 0, nosave: bits & 2 != 0, force: bits & 8 != 0 }
    }

    fn output_limits(&self) -> [OutputLimit; 3] {
        let words = self.words("client-output-buffer-limit");
        let of = |class: usize| {
            let figures = &words[class * 4 + 1..class * 4 + 4];
            OutputLimit { hard_bytes: parsed(&figures[0]), soft_bytes: parsed(&figures[1]), soft_seconds: parsed(&figures[2]) }
        };
        [of(0), of(1), of(2)]
    }
}

/// The greatest value of a type of number.
trait Bounded {
    const MAX: Self;
}

macro_rules! bounded {
    ($($number:ty)*) => { $(impl Bounded for $number { const MAX: Self = <$number>::MAX; })* };
}
bounded!(u16 u32 u64 usize i32 i64);
