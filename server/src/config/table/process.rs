//! The process, its log lines, and what can be watched.

use super::{COUNT, I64_MAX, Kind, LONG, Parameter, TEXT, grammar, int};

const SUPERVISED: Kind = Kind::Enum(&[("upstart", 3), ("systemd", 2), ("auto", 1), ("no", 0)]);
const LOG_LEVEL: Kind = Kind::Enum(&[("debug", 0), ("verbose", 1), ("notice", 2), ("warning", 3), ("nothing", 4)]);
const FACILITY: Kind = Kind::Enum(&[
    ("user", 8),
    ("local0", 0),
    ("local1", 1),
    ("local2", 2),
    ("local3", 3),
    ("local4", 4),
    ("local5", 5),
    ("local6", 6),
    ("local7", 7),
]);
const SHUTDOWN: Kind = Kind::Flags(&[("default", 0), ("save", 1), ("nosave", 2), ("now", 4), ("force", 8)], |bits| match bits & 3 {
    3 => Err("shutdown options SAVE and NOSAVE can't be used simultaneously"),
    _ => Ok(()),
});
const OOM: Kind = Kind::Enum(&[("no", 0), ("yes", 1), ("relative", 1), ("absolute", 2)]);
const SYSLOG: &str = "logging to syslog is not available: log to standard error and let the supervisor forward it";

/// A template is text with `{variables}`; `{{` stands for a brace.
fn title_template(_: &str, text: &str) -> Result<(), String> {
    const VARIABLES: [&str; 7] = ["title", "listen-addr", "server-mode", "port", "tls-port", "config-file", "unixsocket"];
    let without_escapes = text.replace("{{", "");
    let mut variables = without_escapes.split('{').skip(1).map(|rest| rest.split_once('}').map(|(name, _)| name));
    let is_valid = variables.all(|name| name.is_some_and(|name| VARIABLES.contains(&name)));
    match is_valid && !text.trim().is_empty() {
        true => Ok(()),
        false => Err("template format is invalid or contains unknown variables".to_owned()),
    }
}

pub(super) static PARAMETERS: &[Parameter] = &[
    Parameter::new("daemonize", Kind::Bool, "no", "Runs in the background.")
        .immutable()
        .only_default("the server does not detach itself: run it under a supervisor (systemd, a container) with 'daemonize no'"),
    Parameter::new("supervised", SUPERVISED, "no", "How the supervisor is told of the start.").immutable().inert(),
    Parameter::new("pidfile", Kind::Optional, "", "File that holds the process id while the server runs.").immutable(),
    Parameter::new("loglevel", LOG_LEVEL, "notice", "Least important lines that are logged."),
    Parameter::new("logfile", TEXT, "", "File of the log lines; empty for standard error.").immutable(),
    Parameter::new("syslog-enabled", Kind::Bool, "no", "Logs to syslog.").immutable().only_default(SYSLOG),
    Parameter::new("syslog-ident", TEXT, "redis", "Name in syslog.").immutable().inert(),
    Parameter::new("syslog-facility", FACILITY, "local0", "Facility in syslog.").immutable().inert(),
    Parameter::new("crash-log-enabled", Kind::Bool, "yes", "Logs a report when the process crashes.").inert(),
    Parameter::new("crash-memcheck-enabled", Kind::Bool, "yes", "Tests the memory after a crash.").inert(),
    Parameter::new("always-show-logo", Kind::Bool, "no", "Shows a logo in the log.").immutable().inert(),
    Parameter::new("set-proc-title", Kind::Bool, "yes", "Sets the title of the process.").immutable().inert(),
    Parameter::new("proc-title-template", Kind::Text(title_template), "{title} {listen-addr} {server-mode}", "Title of the process.")
        .inert(),
    Parameter::new("locale-collate", TEXT, "", "Locale of string comparison.").inert(),
    Parameter::new("hz", COUNT, "10", "Turns per second of periodic work, within 1 and 500.").inert(),
    Parameter::new("dynamic-hz", Kind::Bool, "yes", "Turns oftener with many clients.").inert(),
    Parameter::new("shutdown-timeout", COUNT, "10", "Seconds that a shutdown waits for replicas.").inert(),
    Parameter::new("shutdown-on-sigint", SHUTDOWN, "default", "How to shut down on SIGINT."),
    Parameter::new("shutdown-on-sigterm", SHUTDOWN, "default", "How to shut down on SIGTERM."),
    Parameter::new(
        "slowlog-log-slower-than",
        int(-1, I64_MAX),
        "10000",
        "Microseconds from which a command is noted in the slow log; -1 for none.",
    ),
    Parameter::new("slowlog-max-len", LONG, "128", "Entries of the slow log."),
    Parameter::new("latency-monitor-threshold", LONG, "0", "Milliseconds from which an event is noted by `LATENCY`; 0 for none."),
    Parameter::new("latency-tracking", Kind::Bool, "yes", "Keeps a histogram of latencies for each command."),
    Parameter::new(
        "latency-tracking-info-percentiles",
        Kind::Words(&grammar::PERCENTILES),
        "50 99 99.9",
        "Percentiles shown in `INFO latencystats`.",
    ),
    Parameter::new("busy-reply-threshold", LONG, "5000", "Milliseconds of a script after which others are told `BUSY`.")
        .alias("lua-time-limit")
        .inert(),
    Parameter::new("disable-thp", Kind::Bool, "yes", "Disables transparent huge pages for the process.").immutable(),
    Parameter::new("oom-score-adj", OOM, "no", "Tells the kernel whom to kill first when memory runs out.").inert(),
    Parameter::new("oom-score-adj-values", Kind::Words(&grammar::OOM_VALUES), "0 200 800", "Scores of a master, a replica and a child.")
        .inert(),
    Parameter::new("ignore-warnings", TEXT, "", "Warnings of the start to leave out.").inert(),
    Parameter::new("server-cpulist", Kind::Optional, "", "CPUs of the executing thread.").alias("server_cpulist").immutable().inert(),
    Parameter::new("bio-cpulist", Kind::Optional, "", "CPUs of the background threads.").alias("bio_cpulist").immutable().inert(),
    Parameter::new("aof-rewrite-cpulist", Kind::Optional, "", "CPUs of a rewrite.").alias("aof_rewrite_cpulist").immutable().inert(),
    Parameter::new("bgsave-cpulist", Kind::Optional, "", "CPUs of a snapshot.").alias("bgsave_cpulist").immutable().inert(),
    Parameter::new("watchdog-period", COUNT, "0", "Milliseconds after which the software watchdog reports.").hidden().inert(),
    Parameter::new("use-exit-on-panic", Kind::Bool, "no", "Exits instead of aborting after an internal error.")
        .hidden()
        .immutable()
        .inert(),
];
