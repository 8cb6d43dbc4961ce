//! Commands that look at the server itself, in the command table: commands, slow ones, delays, memory.

use super::flags;
use crate::command::{Arg, ArgType, Categories, CommandSpec, Flags, KeyFlags, KeySpec};
use crate::commands::help::help;
use crate::commands::{command, latency, memory, slowlog};
use crate::host::HostCommand;

pub(super) const COMMANDS: &[CommandSpec] =
    &[
        CommandSpec::engine("command", -1, command::all)
            .subcommands(&[
                CommandSpec::engine("count", 2, command::count)
                    .flags(flags(&[Flags::LOADING, Flags::STALE]))
                    .categories_too(Categories::CONNECTION)
                    .docs("server", "2.8.13", "O(1)", "Tells how many commands there are."),
                CommandSpec::engine("docs", -2, command::docs)
                    .flags(flags(&[Flags::LOADING, Flags::STALE]))
                    .categories_too(Categories::CONNECTION)
                    .docs("server", "7.0.0", "O(N) where N is the number of commands to look up", "Documents commands.")
                    .args(&[Arg::new("command-name", ArgType::String).optional().multiple()])
                    .tips(&["nondeterministic_output_order"]),
                CommandSpec::engine("getkeys", -4, command::getkeys)
                    .flags(flags(&[Flags::LOADING, Flags::STALE]))
                    .categories_too(Categories::CONNECTION)
                    .docs(
                        "server",
                        "2.8.13",
                        "O(N) where N is the number of arguments to the command",
                        "Finds the keys among the arguments of a command.",
                    ),
                CommandSpec::engine("getkeysandflags", -4, command::getkeysandflags)
                    .flags(flags(&[Flags::LOADING, Flags::STALE]))
                    .categories_too(Categories::CONNECTION)
                    .docs(
                        "server",
                        "7.0.0",
                        "O(N) where N is the number of arguments to the command",
                        "Finds the keys among the arguments of a command, and what it does with them.",
                    ),
                CommandSpec::engine("info", -2, command::info)
                    .flags(flags(&[Flags::LOADING, Flags::STALE]))
                    .categories_too(Categories::CONNECTION)
                    .docs("server", "2.8.13", "O(N) where N is the number of commands to look up", "Tells how commands behave.")
                    .history(&[("7.0.0", "Without names it tells of all commands.")])
                    .args(&[Arg::new("command-name", ArgType::String).optional().multiple()])
                    .tips(&["nondeterministic_output_order"]),
                CommandSpec::engine("list", -2, command::list)
                    .flags(flags(&[Flags::LOADING, Flags::STALE]))
                    .categories_too(Categories::CONNECTION)
                    .docs("server", "7.0.0", "O(N) where N is the total number of Redis commands", "Names the commands.")
                    .args(&[Arg::new(
                        "filterby",
                        ArgType::OneOf(&[
                            Arg::new("module-name", ArgType::String).token("MODULE"),
                            Arg::new("category", ArgType::String).token("ACLCAT"),
                            Arg::new("pattern", ArgType::Pattern).token("PATTERN"),
                        ]),
                    )
                    .token("FILTERBY")
                    .optional()])
                    .tips(&["nondeterministic_output_order"]),
                CommandSpec::engine("help", 2, help)
                    .flags(flags(&[Flags::LOADING, Flags::STALE]))
                    .categories_too(Categories::CONNECTION)
                    .docs("server", "5.0.0", "O(1)", "Explains the subcommands."),
            ])
            .flags(flags(&[Flags::LOADING, Flags::STALE]))
            .categories_too(Categories::CONNECTION)
            .docs("server", "2.8.13", "O(N) where N is the total number of Redis commands", "Tells everything about all commands.")
            .tips(&["nondeterministic_output_order"]),
        CommandSpec::container(
            "latency",
            &[
                CommandSpec::engine("doctor", 2, latency::doctor)
                    .flags(flags(&[Flags::ADMIN, Flags::LOADING, Flags::NOSCRIPT, Flags::STALE]))
                    .docs("server", "2.8.13", "O(1)", "Explains the delays that were seen.")
                    .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"]),
                CommandSpec::engine("graph", 3, latency::graph)
                    .flags(flags(&[Flags::ADMIN, Flags::LOADING, Flags::NOSCRIPT, Flags::STALE]))
                    .docs("server", "2.8.13", "O(1)", "Draws the delays of an event.")
                    .args(&[Arg::new("event", ArgType::String)])
                    .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"]),
                CommandSpec::engine("histogram", -2, latency::histogram)
                    .flags(flags(&[Flags::ADMIN, Flags::LOADING, Flags::NOSCRIPT, Flags::STALE]))
                    .docs(
                        "server",
                        "7.0.0",
                        "O(N) where N is the number of commands with latency information being retrieved.",
                        "Tells how long commands take: counts by duration.",
                    )
                    .args(&[Arg::new("command", ArgType::String).optional().multiple()])
                    .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"]),
                CommandSpec::engine("history", 3, latency::history)
                    .flags(flags(&[Flags::ADMIN, Flags::LOADING, Flags::NOSCRIPT, Flags::STALE]))
                    .docs("server", "2.8.13", "O(1)", "Lists the delays of an event.")
                    .args(&[Arg::new("event", ArgType::String)])
                    .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"]),
                CommandSpec::engine("latest", 2, latency::latest)
                    .flags(flags(&[Flags::ADMIN, Flags::LOADING, Flags::NOSCRIPT, Flags::STALE]))
                    .docs("server", "2.8.13", "O(1)", "Lists the last delay of each event.")
                    .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"]),
                CommandSpec::engine("reset", -2, latency::reset)
                    .flags(flags(&[Flags::ADMIN, Flags::LOADING, Flags::NOSCRIPT, Flags::STALE]))
                    .docs("server", "2.8.13", "O(1)", "Forgets events.")
                    .args(&[Arg::new("event", ArgType::String).optional().multiple()])
                    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
                CommandSpec::engine("help", 2, help).flags(flags(&[Flags::LOADING, Flags::STALE])).docs(
                    "server",
                    "2.8.13",
                    "O(1)",
                    "Explains the subcommands.",
                ),
            ],
        )
        .docs("server", "2.8.13", "Depends on subcommand.", "Contains the commands about delays."),
        CommandSpec::container(
            "memory",
            &[
                CommandSpec::host("doctor", 2, HostCommand::MemoryDoctor)
                    .docs("server", "4.0.0", "O(1)", "Explains what is remarkable about the use of memory.")
                    .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
                CommandSpec::host("malloc-stats", 2, HostCommand::MemoryMallocStats)
                    .docs("server", "4.0.0", "Depends on how much memory is allocated, could be slow", "Shows what the allocator counts.")
                    .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
                CommandSpec::host("purge", 2, HostCommand::MemoryPurge)
                    .docs(
                        "server",
                        "4.0.0",
                        "Depends on how much memory is allocated, could be slow",
                        "Gives free memory back to the operating system.",
                    )
                    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
                CommandSpec::host("stats", 2, HostCommand::MemoryStats)
                    .docs("server", "4.0.0", "O(1)", "Tells what memory is used for.")
                    .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
                CommandSpec::engine("usage", -3, memory::usage)
                    .flags(flags(&[Flags::READONLY]))
                    .keys(&[KeySpec::one(2, KeyFlags::RO)])
                    .docs("server", "4.0.0", "O(N) where N is the number of samples.", "Tells how much memory a key takes.")
                    .args(&[Arg::key(), Arg::new("count", ArgType::Integer).token("SAMPLES").optional()]),
                CommandSpec::engine("help", 2, help).flags(flags(&[Flags::LOADING, Flags::STALE])).docs(
                    "server",
                    "4.0.0",
                    "O(1)",
                    "Explains the subcommands.",
                ),
            ],
        )
        .docs("server", "4.0.0", "Depends on subcommand.", "Contains the commands about memory."),
        CommandSpec::container(
            "slowlog",
            &[
                CommandSpec::engine("get", -2, slowlog::get)
                    .flags(flags(&[Flags::ADMIN, Flags::LOADING, Flags::STALE]))
                    .docs("server", "2.2.12", "O(N) where N is the number of entries returned", "Shows the last commands that were slow.")
                    .history(&[("4.0.0", "Entries have the address and the name of the client.")])
                    .args(&[Arg::new("count", ArgType::Integer).optional()])
                    .tips(&["request_policy:all_nodes", "nondeterministic_output"]),
                CommandSpec::engine("len", 2, slowlog::len)
                    .flags(flags(&[Flags::ADMIN, Flags::LOADING, Flags::STALE]))
                    .docs("server", "2.2.12", "O(1)", "Tells how many slow commands are kept.")
                    .tips(&["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"]),
                CommandSpec::engine("reset", 2, slowlog::reset)
                    .flags(flags(&[Flags::ADMIN, Flags::LOADING, Flags::STALE]))
                    .docs("server", "2.2.12", "O(N) where N is the number of entries in the slowlog", "Forgets the slow commands.")
                    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
                CommandSpec::engine("help", 2, help).flags(flags(&[Flags::LOADING, Flags::STALE])).docs(
                    "server",
                    "6.2.0",
                    "O(1)",
                    "Explains the subcommands.",
                ),
            ],
        )
        .docs("server", "2.2.12", "Depends on subcommand.", "Contains the commands about slow commands."),
    ];
