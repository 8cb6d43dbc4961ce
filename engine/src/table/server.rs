//! Server commands in the command table; most of them are run by the host.

use super::flags;
use crate::command::{Arg, ArgType, Categories, CommandSpec, Flags};
use crate::commands::help::help;
use crate::commands::time::{lolwut, time};
use crate::host::HostCommand;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::host("bgrewriteaof", 1, HostCommand::BackgroundRewrite)
        .flags(flags(&[Flags::ADMIN, Flags::NO_ASYNC_LOADING, Flags::NOSCRIPT]))
        .docs("server", "1.0.0", "O(1)", "Makes the log the shortest one of the present state while clients go on."),
    CommandSpec::host("bgsave", -1, HostCommand::BackgroundSave)
        .flags(flags(&[Flags::ADMIN, Flags::NO_ASYNC_LOADING, Flags::NOSCRIPT]))
        .docs("server", "1.0.0", "O(1)", "Writes an RDB file of this moment while clients go on.")
        .history(&[("3.2.2", "`SCHEDULE`.")])
        .args(&[Arg::word("schedule", "SCHEDULE").optional().since("3.2.2")]),
    CommandSpec::container(
        "config",
        &[
            CommandSpec::host("get", -3, HostCommand::ConfigGet)
                .flags(flags(&[Flags::ADMIN, Flags::LOADING, Flags::NOSCRIPT, Flags::STALE]))
                .docs(
                    "server",
                    "2.0.0",
                    "O(N) when N is the number of configuration parameters provided",
                    "Tells the values of parameters.",
                )
                .history(&[("7.0.0", "Takes several patterns.")])
                .args(&[Arg::new("parameter", ArgType::Block(&[Arg::new("parameter", ArgType::String)])).multiple()]),
            CommandSpec::host("resetstat", 2, HostCommand::ConfigResetStat)
                .flags(flags(&[Flags::ADMIN, Flags::LOADING, Flags::NOSCRIPT, Flags::STALE]))
                .docs("server", "2.0.0", "O(1)", "Sets the counters that INFO shows to zero."),
            CommandSpec::host("rewrite", 2, HostCommand::ConfigRewrite)
                .flags(flags(&[Flags::ADMIN, Flags::LOADING, Flags::NOSCRIPT, Flags::STALE]))
                .docs("server", "2.8.0", "O(1)", "Writes the parameters into the configuration file."),
            CommandSpec::host("set", -4, HostCommand::ConfigSet)
                .flags(flags(&[Flags::ADMIN, Flags::LOADING, Flags::NOSCRIPT, Flags::STALE]))
                .docs("server", "2.0.0", "O(N) when N is the number of configuration parameters provided", "Changes parameters.")
                .history(&[("7.0.0", "Takes several pairs.")])
                .args(&[Arg::new(
                    "parameter_value",
                    ArgType::Block(&[Arg::new("parameter", ArgType::String), Arg::new("value", ArgType::String)]),
                )
                .multiple()])
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
            CommandSpec::engine("help", 2, help).flags(flags(&[Flags::LOADING, Flags::STALE])).docs(
                "server",
                "5.0.0",
                "O(1)",
                "Explains the subcommands.",
            ),
        ],
    )
    .docs("server", "2.0.0", "Depends on subcommand.", "Contains the commands about the configuration."),
    CommandSpec::host("debug", -2, HostCommand::Debug)
        .flags(flags(&[Flags::ADMIN, Flags::LOADING, Flags::NOSCRIPT, Flags::STALE, Flags::SYSTEM]))
        .docs("server", "1.0.0", "Depends on subcommand.", "Contains commands for tests."),
    CommandSpec::host("info", -1, HostCommand::Info)
        .flags(flags(&[Flags::LOADING, Flags::STALE]))
        .categories_too(Categories::DANGEROUS)
        .docs("server", "1.0.0", "O(1)", "Tells what the server is doing.")
        .history(&[("7.0.0", "Takes several sections.")])
        .args(&[Arg::new("section", ArgType::String).optional().multiple()])
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
    CommandSpec::host("lastsave", 1, HostCommand::LastSave)
        .flags(flags(&[Flags::FAST, Flags::LOADING, Flags::STALE]))
        .categories_too(Categories::ADMIN.union(Categories::DANGEROUS))
        .docs("server", "1.0.0", "O(1)", "Tells when an RDB file was last written.")
        .tips(&["nondeterministic_output"]),
    CommandSpec::engine("lolwut", -1, lolwut)
        .flags(flags(&[Flags::FAST, Flags::READONLY]))
        .docs("server", "5.0.0", "", "Draws something and tells the version.")
        .args(&[Arg::new("version", ArgType::Integer).token("VERSION").optional()]),
    CommandSpec::host("monitor", 1, HostCommand::Monitor)
        .flags(flags(&[Flags::ADMIN, Flags::LOADING, Flags::NOSCRIPT, Flags::STALE]))
        .docs("server", "1.0.0", "", "Shows all commands as they are executed."),
    CommandSpec::host("role", 1, HostCommand::Role)
        .flags(flags(&[Flags::FAST, Flags::LOADING, Flags::NOSCRIPT, Flags::STALE]))
        .categories_too(Categories::ADMIN.union(Categories::DANGEROUS))
        .docs("server", "2.8.12", "O(1)", "Tells the part that the server has in replication."),
    CommandSpec::host("save", 1, HostCommand::Save)
        .flags(flags(&[Flags::ADMIN, Flags::NO_ASYNC_LOADING, Flags::NO_MULTI, Flags::NOSCRIPT]))
        .docs(
            "server",
            "1.0.0",
            "O(N) where N is the total number of keys in all databases",
            "Writes an RDB file, and serves nobody meanwhile.",
        ),
    CommandSpec::host("shutdown", -1, HostCommand::Shutdown)
        .flags(flags(&[Flags::ADMIN, Flags::ALLOW_BUSY, Flags::LOADING, Flags::NO_MULTI, Flags::NOSCRIPT, Flags::STALE]))
        .docs(
            "server",
            "1.0.0",
            "O(N) when saving, where N is the total number of keys in all databases when saving data, otherwise O(1)",
            "Makes everything durable and ends the process.",
        )
        .history(&[("7.0.0", "`NOW`, `FORCE` and `ABORT`.")])
        .args(&[
            Arg::new("nosave_save", ArgType::OneOf(&[Arg::word("nosave", "NOSAVE"), Arg::word("save", "SAVE")])).optional(),
            Arg::word("now", "NOW").optional().since("7.0.0"),
            Arg::word("force", "FORCE").optional().since("7.0.0"),
            Arg::word("abort", "ABORT").optional().since("7.0.0"),
        ]),
    CommandSpec::engine("time", 1, time)
        .flags(flags(&[Flags::FAST, Flags::LOADING, Flags::STALE]))
        .docs("server", "2.6.0", "O(1)", "Tells the time: seconds and microseconds.")
        .tips(&["nondeterministic_output"]),
    CommandSpec::host("wait", 3, HostCommand::Wait)
        .flags(flags(&[Flags::NOSCRIPT]))
        .categories_too(Categories::CONNECTION)
        .docs("generic", "3.0.0", "O(1)", "Waits until replicas have what the connection wrote.")
        .args(&[Arg::new("numreplicas", ArgType::Integer), Arg::new("timeout", ArgType::Integer)])
        .tips(&["request_policy:all_shards", "response_policy:agg_min"]),
    CommandSpec::host("waitaof", 4, HostCommand::WaitAof)
        .flags(flags(&[Flags::NOSCRIPT]))
        .categories_too(Categories::CONNECTION)
        .docs("generic", "7.2.0", "O(1)", "Waits until what the connection wrote is durable.")
        .args(&[Arg::new("numlocal", ArgType::Integer), Arg::new("numreplicas", ArgType::Integer), Arg::new("timeout", ArgType::Integer)])
        .tips(&["request_policy:all_shards", "response_policy:agg_min"]),
];
