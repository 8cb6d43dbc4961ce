//! Connection commands in the command table.

use super::flags;
use crate::command::{Arg, ArgType, Categories, CommandSpec, Flags};
use crate::commands::client;
use crate::commands::connection::{auth, echo, hello, ping, quit, reset, select};
use crate::commands::help::help;
use crate::host::HostCommand;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::engine("auth", -2, auth)
        .flags(flags(&[Flags::ALLOW_BUSY, Flags::FAST, Flags::LOADING, Flags::NO_AUTH, Flags::NOSCRIPT, Flags::STALE]))
        .categories_too(Categories::CONNECTION)
        .docs("connection", "1.0.0", "O(N) where N is the number of passwords defined for the user", "Proves who the client is.")
        .history(&[("6.0.0", "Takes a user name before the password.")])
        .args(&[Arg::new("username", ArgType::String).optional().since("6.0.0"), Arg::new("password", ArgType::String)]),
    CommandSpec::container(
        "client",
        &[
            CommandSpec::engine("getname", 2, client::getname)
                .flags(flags(&[Flags::LOADING, Flags::NOSCRIPT, Flags::STALE]))
                .categories_too(Categories::CONNECTION)
                .docs("connection", "2.6.9", "O(1)", "Tells the name of the connection."),
            CommandSpec::engine("getredir", 2, client::getredir)
                .flags(flags(&[Flags::LOADING, Flags::NOSCRIPT, Flags::STALE]))
                .categories_too(Categories::CONNECTION)
                .docs("connection", "6.0.0", "O(1)", "Tells to which client invalidations are sent; -1 for none."),
            CommandSpec::engine("id", 2, client::id)
                .flags(flags(&[Flags::LOADING, Flags::NOSCRIPT, Flags::STALE]))
                .categories_too(Categories::CONNECTION)
                .docs("connection", "5.0.0", "O(1)", "Tells the number of the connection."),
            CommandSpec::host("info", 2, HostCommand::ClientInfo)
                .flags(flags(&[Flags::LOADING, Flags::NOSCRIPT, Flags::STALE]))
                .categories_too(Categories::CONNECTION)
                .docs("connection", "6.2.0", "O(1)", "Describes the connection.")
                .tips(&["nondeterministic_output"]),
            CommandSpec::host("kill", -3, HostCommand::ClientKill)
                .flags(flags(&[Flags::ADMIN, Flags::LOADING, Flags::NOSCRIPT, Flags::STALE]))
                .categories_too(Categories::CONNECTION)
                .docs(
                    "connection",
                    "2.4.0",
                    "O(N) where N is the number of client connections",
                    "Closes connections by address, number, type, user.",
                )
                .history(&[
                    ("2.8.12", "Takes filters."),
                    ("2.8.12", "Filter `ID`."),
                    ("3.2.0", "`TYPE` knows `master`."),
                    ("5.0.0", "`TYPE` knows `replica`, which is what `slave` was; `slave` still works."),
                    ("6.2.0", "Filter `LADDR`."),
                ])
                .args(&[Arg::new(
                    "filter",
                    ArgType::OneOf(&[
                        Arg::new("ip:port", ArgType::String).deprecated_since("2.8.12"),
                        Arg::new(
                            "new-format",
                            ArgType::OneOf(&[
                                Arg::new("client-id", ArgType::Integer).token("ID").optional().since("2.8.12"),
                                Arg::new(
                                    "normal_master_slave_pubsub",
                                    ArgType::OneOf(&[
                                        Arg::word("normal", "NORMAL"),
                                        Arg::word("master", "MASTER").since("3.2.0"),
                                        Arg::word("slave", "SLAVE"),
                                        Arg::word("replica", "REPLICA").since("5.0.0"),
                                        Arg::word("pubsub", "PUBSUB"),
                                    ]),
                                )
                                .token("TYPE")
                                .optional()
                                .since("2.8.12"),
                                Arg::new("username", ArgType::String).token("USER").optional(),
                                Arg::new("ip:port", ArgType::String).token("ADDR").optional(),
                                Arg::new("ip:port", ArgType::String).token("LADDR").optional().since("6.2.0"),
                                Arg::new("yes/no", ArgType::String).token("SKIPME").optional(),
                            ]),
                        )
                        .multiple(),
                    ]),
                )]),
            CommandSpec::host("list", -2, HostCommand::ClientList)
                .flags(flags(&[Flags::ADMIN, Flags::LOADING, Flags::NOSCRIPT, Flags::STALE]))
                .categories_too(Categories::CONNECTION)
                .docs("connection", "2.4.0", "O(N) where N is the number of client connections", "Describes the connections.")
                .history(&[
                    ("2.8.12", "Field `id`."),
                    ("5.0.0", "Filter `TYPE`."),
                    ("6.0.0", "Field `user`."),
                    ("6.2.0", "Fields `argv-mem`, `tot-mem`, `laddr` and `redir`, and the filter `ID`."),
                    ("7.0.0", "Fields `resp`, `multi-mem`, `rbs` and `rbp`."),
                    ("7.0.3", "Field `ssub`."),
                ])
                .args(&[
                    Arg::new(
                        "normal_master_replica_pubsub",
                        ArgType::OneOf(&[
                            Arg::word("normal", "NORMAL"),
                            Arg::word("master", "MASTER"),
                            Arg::word("replica", "REPLICA"),
                            Arg::word("pubsub", "PUBSUB"),
                        ]),
                    )
                    .token("TYPE")
                    .optional()
                    .since("5.0.0"),
                    Arg::new("id", ArgType::Block(&[Arg::new("client-id", ArgType::Integer).multiple()]))
                        .token("ID")
                        .optional()
                        .since("6.2.0"),
                ])
                .tips(&["nondeterministic_output"]),
            CommandSpec::engine("no-evict", 3, client::no_evict)
                .flags(flags(&[Flags::ADMIN, Flags::LOADING, Flags::NOSCRIPT, Flags::STALE]))
                .categories_too(Categories::CONNECTION)
                .docs("connection", "7.0.0", "O(1)", "Keeps the connection when memory for clients runs short.")
                .args(&[Arg::new("enabled", ArgType::OneOf(&[Arg::word("on", "ON"), Arg::word("off", "OFF")]))]),
            CommandSpec::host("pause", -3, HostCommand::ClientPause)
                .flags(flags(&[Flags::ADMIN, Flags::LOADING, Flags::NOSCRIPT, Flags::STALE]))
                .categories_too(Categories::CONNECTION)
                .docs("connection", "2.9.50", "O(1)", "Holds commands back for a time.")
                .history(&[("6.2.0", "Can hold back writes alone.")])
                .args(&[
                    Arg::new("timeout", ArgType::Integer),
                    Arg::new("mode", ArgType::OneOf(&[Arg::word("write", "WRITE"), Arg::word("all", "ALL")])).optional().since("6.2.0"),
                ]),
            CommandSpec::engine("reply", 3, client::reply)
                .flags(flags(&[Flags::LOADING, Flags::NOSCRIPT, Flags::STALE]))
                .categories_too(Categories::CONNECTION)
                .docs("connection", "3.2.0", "O(1)", "Turns replies on or off, or skips the next.")
                .args(&[Arg::new(
                    "on_off_skip",
                    ArgType::OneOf(&[Arg::word("on", "ON"), Arg::word("off", "OFF"), Arg::word("skip", "SKIP")]),
                )]),
            CommandSpec::engine("setname", 3, client::setname)
                .flags(flags(&[Flags::LOADING, Flags::NOSCRIPT, Flags::STALE]))
                .categories_too(Categories::CONNECTION)
                .docs("connection", "2.6.9", "O(1)", "Names the connection.")
                .args(&[Arg::new("connection-name", ArgType::String)]),
            CommandSpec::engine("trackinginfo", 2, client::trackinginfo)
                .flags(flags(&[Flags::LOADING, Flags::NOSCRIPT, Flags::STALE]))
                .categories_too(Categories::CONNECTION)
                .docs("connection", "6.2.0", "O(1)", "Tells how reads of the connection are tracked."),
            CommandSpec::host("unblock", -3, HostCommand::ClientUnblock)
                .flags(flags(&[Flags::ADMIN, Flags::LOADING, Flags::NOSCRIPT, Flags::STALE]))
                .categories_too(Categories::CONNECTION)
                .docs("connection", "5.0.0", "O(log N) where N is the number of client connections", "Ends the waiting of another client.")
                .args(&[
                    Arg::new("client-id", ArgType::Integer),
                    Arg::new("timeout_error", ArgType::OneOf(&[Arg::word("timeout", "TIMEOUT"), Arg::word("error", "ERROR")])).optional(),
                ]),
            CommandSpec::host("unpause", 2, HostCommand::ClientUnpause)
                .flags(flags(&[Flags::ADMIN, Flags::LOADING, Flags::NOSCRIPT, Flags::STALE]))
                .categories_too(Categories::CONNECTION)
                .docs("connection", "6.2.0", "O(N) Where N is the number of paused clients", "Ends a pause."),
            CommandSpec::engine("help", 2, help).flags(flags(&[Flags::LOADING, Flags::STALE])).categories_too(Categories::CONNECTION).docs(
                "connection",
                "5.0.0",
                "O(1)",
                "Explains the subcommands.",
            ),
            CommandSpec::engine("no-touch", 3, client::no_touch)
                .flags(flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE]))
                .categories_too(Categories::CONNECTION)
                .docs("connection", "7.2.0", "O(1)", "Lets reads of the connection not count as use of the keys.")
                .args(&[Arg::new("enabled", ArgType::OneOf(&[Arg::word("on", "ON"), Arg::word("off", "OFF")]))]),
            CommandSpec::engine("setinfo", 4, client::setinfo)
                .flags(flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE]))
                .categories_too(Categories::CONNECTION)
                .docs("connection", "7.2.0", "O(1)", "Tells which library the client uses.")
                .args(&[Arg::new(
                    "attr",
                    ArgType::OneOf(&[
                        Arg::new("libname", ArgType::String).token("LIB-NAME"),
                        Arg::new("libver", ArgType::String).token("LIB-VER"),
                    ]),
                )])
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
        ],
    )
    .docs("connection", "2.4.0", "Depends on subcommand.", "Contains the commands about connections."),
    CommandSpec::engine("echo", 2, echo)
        .flags(flags(&[Flags::FAST, Flags::LOADING, Flags::STALE]))
        .categories_too(Categories::CONNECTION)
        .docs("connection", "1.0.0", "O(1)", "Returns its argument.")
        .args(&[Arg::new("message", ArgType::String)]),
    CommandSpec::engine("hello", -1, hello)
        .flags(flags(&[Flags::ALLOW_BUSY, Flags::FAST, Flags::LOADING, Flags::NO_AUTH, Flags::NOSCRIPT, Flags::STALE]))
        .categories_too(Categories::CONNECTION)
        .docs("connection", "6.0.0", "O(1)", "Chooses the version of the protocol, and may authenticate and name the connection.")
        .history(&[("6.2.0", "The version may be left out: then the reply tells the present one.")])
        .args(&[Arg::new(
            "arguments",
            ArgType::Block(&[
                Arg::new("protover", ArgType::Integer),
                Arg::new(
                    "username_password",
                    ArgType::Block(&[Arg::new("username", ArgType::String), Arg::new("password", ArgType::String)]),
                )
                .token("AUTH")
                .optional(),
                Arg::new("clientname", ArgType::String).token("SETNAME").optional(),
            ]),
        )
        .optional()]),
    CommandSpec::engine("ping", -1, ping)
        .flags(flags(&[Flags::FAST]))
        .categories_too(Categories::CONNECTION)
        .docs("connection", "1.0.0", "O(1)", "Tells that the server is there.")
        .args(&[Arg::new("message", ArgType::String).optional()])
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    CommandSpec::engine("quit", -1, quit)
        .flags(flags(&[Flags::ALLOW_BUSY, Flags::FAST, Flags::LOADING, Flags::NO_AUTH, Flags::NOSCRIPT, Flags::STALE, Flags::NOT_QUEUED]))
        .categories_too(Categories::CONNECTION)
        .docs("connection", "1.0.0", "O(1)", "Closes the connection once it has been answered."),
    CommandSpec::engine("reset", 1, reset)
        .flags(flags(&[Flags::ALLOW_BUSY, Flags::FAST, Flags::LOADING, Flags::NO_AUTH, Flags::NOSCRIPT, Flags::STALE, Flags::NOT_QUEUED]))
        .categories_too(Categories::CONNECTION)
        .docs("connection", "6.2.0", "O(1)", "Puts the connection into the state of a new one."),
    CommandSpec::engine("select", 2, select)
        .flags(flags(&[Flags::FAST, Flags::LOADING, Flags::STALE]))
        .categories_too(Categories::CONNECTION)
        .docs("connection", "1.0.0", "O(1)", "Changes the connection's database.")
        .args(&[Arg::new("index", ArgType::Integer)]),
];
