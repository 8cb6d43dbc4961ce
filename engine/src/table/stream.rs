//! The commands of streams.

use crate::command::{Arg, ArgType, BeginSearch, Categories, CommandSpec, FindKeys, Flags, KeyFlags, KeySpec};
use crate::commands::help::help;
use crate::commands::stream::*;
use crate::table::flags;

/// The keys after `STREAMS`, which as many identifiers follow.
const fn streams(from: i32) -> KeySpec {
    KeySpec {
        flags: KeyFlags::RO.union(KeyFlags::ACCESS),
        begin: BeginSearch::Keyword("STREAMS", from),
        find: FindKeys::Range { last: -1, step: 1, limit: 2 },
        notes: "",
    }
}

const fn rw(index: i32, flags: KeyFlags) -> KeySpec {
    KeySpec::one(index, KeyFlags::RW.union(flags))
}

const fn ro(index: i32) -> KeySpec {
    KeySpec::one(index, KeyFlags::RO.union(KeyFlags::ACCESS))
}

const fn text(name: &'static str) -> Arg {
    Arg::new(name, ArgType::String)
}

const fn number(name: &'static str) -> Arg {
    Arg::new(name, ArgType::Integer)
}

const COUNT: Arg = Arg::new("count", ArgType::Integer).token("COUNT").optional();
const BLOCK: Arg = Arg::new("milliseconds", ArgType::Integer).token("BLOCK").optional();
const ENTRIES_READ: Arg = Arg::new("entries_read", ArgType::Integer).token("ENTRIESREAD").optional();
const ID_OR_LAST: Arg = Arg::new("id", ArgType::OneOf(&[Arg::new("id", ArgType::String), Arg::word("new_id", "$")]));
const STREAMS: Arg =
    Arg::new("streams", ArgType::Block(&[Arg::new("key", ArgType::Key(0)).multiple(), Arg::new("id", ArgType::String).multiple()]))
        .token("STREAMS");
const TRIM: Arg = Arg::new(
    "trim",
    ArgType::Block(&[
        Arg::new("strategy", ArgType::OneOf(&[Arg::word("maxlen", "MAXLEN"), Arg::word("minid", "MINID").since("6.2.0")])),
        Arg::new("operator", ArgType::OneOf(&[Arg::word("equal", "="), Arg::word("approximately", "~")])).optional(),
        Arg::new("threshold", ArgType::String),
        Arg::new("count", ArgType::Integer).token("LIMIT").optional().since("6.2.0"),
    ]),
);

const fn command(name: &'static str, arity: i32, run: fn(&mut crate::Context<'_>) -> Result<(), crate::Error>) -> CommandSpec {
    CommandSpec::engine(name, arity, run).categories_too(Categories::STREAM)
}

pub(super) const COMMANDS: &[CommandSpec] = &[
    command("xack", -4, xack)
        .flags(flags(&[Flags::WRITE, Flags::FAST]))
        .keys(&[rw(1, KeyFlags::UPDATE)])
        .docs("stream", "5.0.0", "O(1) for each entry", "Tells a group that entries were dealt with. Returns how many were pending.")
        .args(&[Arg::key(), text("group"), text("id").multiple()]),
    command("xadd", -5, xadd)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST]))
        .keys(&[KeySpec { notes: "UPDATE instead of INSERT because of the optional trimming feature", ..rw(1, KeyFlags::UPDATE) }])
        .docs("stream", "5.0.0", "O(1), and O(N) for N entries trimmed", "Appends an entry to a stream, creating it if missing.")
        .history(&[("6.2.0", "Options `NOMKSTREAM`, `MINID`, `LIMIT`."), ("7.0.0", "The form `<ms>-*`.")])
        .args(&[
            Arg::key(),
            Arg::word("nomkstream", "NOMKSTREAM").optional().since("6.2.0"),
            TRIM.optional(),
            Arg::new("id_or_auto", ArgType::OneOf(&[Arg::word("auto_id", "*"), Arg::new("id", ArgType::String)])),
            Arg::new("field_value", ArgType::Block(&[text("field"), text("value")])).multiple(),
        ])
        .tips(&["nondeterministic_output"]),
    command("xautoclaim", -6, xautoclaim)
        .flags(flags(&[Flags::WRITE, Flags::FAST]))
        .keys(&[rw(1, KeyFlags::DELETE)])
        .docs("stream", "6.2.0", "O(1) for a small COUNT", "Moves entries that are pending for long to a consumer, as a scan.")
        .history(&[("7.0.0", "The reply names pending entries that the stream has no longer.")])
        .args(&[
            Arg::key(),
            text("group"),
            text("consumer"),
            text("min-idle-time"),
            text("start"),
            COUNT,
            Arg::word("justid", "JUSTID").optional(),
        ])
        .tips(&["nondeterministic_output"]),
    command("xclaim", -6, xclaim)
        .flags(flags(&[Flags::WRITE, Flags::FAST]))
        .keys(&[rw(1, KeyFlags::UPDATE)])
        .docs("stream", "5.0.0", "O(log N) for N pending entries", "Moves pending entries to a consumer.")
        .args(&[
            Arg::key(),
            text("group"),
            text("consumer"),
            text("min-idle-time"),
            text("id").multiple(),
            number("ms").token("IDLE").optional(),
            Arg::new("unix-time-milliseconds", ArgType::UnixTime).token("TIME").optional(),
            number("count").token("RETRYCOUNT").optional(),
            Arg::word("force", "FORCE").optional(),
            Arg::word("justid", "JUSTID").optional(),
            text("id").token("LASTID").optional(),
        ])
        .tips(&["nondeterministic_output"]),
    command("xdel", -3, xdel)
        .flags(flags(&[Flags::WRITE, Flags::FAST]))
        .keys(&[rw(1, KeyFlags::DELETE)])
        .docs("stream", "5.0.0", "O(1) for each entry", "Deletes entries. Returns how many there were.")
        .args(&[Arg::key(), text("id").multiple()]),
    CommandSpec::container(
        "xgroup",
        &[
            command("create", -5, xgroup_create)
                .flags(flags(&[Flags::WRITE, Flags::DENYOOM]))
                .keys(&[rw(2, KeyFlags::INSERT)])
                .docs("stream", "5.0.0", "O(1)", "Creates a consumer group.")
                .history(&[("7.0.0", "Option `ENTRIESREAD`.")])
                .args(&[Arg::key(), text("groupname"), ID_OR_LAST, Arg::word("mkstream", "MKSTREAM").optional(), ENTRIES_READ]),
            command("createconsumer", 5, create_consumer)
                .flags(flags(&[Flags::WRITE, Flags::DENYOOM]))
                .keys(&[rw(2, KeyFlags::INSERT)])
                .docs("stream", "6.2.0", "O(1)", "Creates a consumer in a group.")
                .args(&[Arg::key(), text("groupname"), text("consumername")]),
            command("delconsumer", 5, delete_consumer)
                .flags(Flags::WRITE)
                .keys(&[rw(2, KeyFlags::DELETE)])
                .docs("stream", "5.0.0", "O(1), and O(N) for N entries pending", "Deletes a consumer with what is pending for it.")
                .args(&[Arg::key(), text("groupname"), text("consumername")]),
            command("destroy", 4, destroy)
                .flags(Flags::WRITE)
                .keys(&[rw(2, KeyFlags::DELETE)])
                .docs("stream", "5.0.0", "O(N) for N entries pending", "Deletes a consumer group.")
                .args(&[Arg::key(), text("groupname")]),
            command("help", 2, help).flags(flags(&[Flags::LOADING, Flags::STALE])).docs(
                "stream",
                "5.0.0",
                "O(1)",
                "Prints what the subcommands are.",
            ),
            command("setid", -5, xgroup_setid)
                .flags(Flags::WRITE)
                .keys(&[rw(2, KeyFlags::UPDATE)])
                .docs("stream", "5.0.0", "O(1)", "Sets which entry a group was given last.")
                .history(&[("7.0.0", "Option `ENTRIESREAD`.")])
                .args(&[Arg::key(), text("groupname"), ID_OR_LAST, ENTRIES_READ]),
        ],
    )
    .docs("stream", "5.0.0", "Depends on the subcommand.", "Manages consumer groups."),
    CommandSpec::container(
        "xinfo",
        &[
            command("consumers", 4, xinfo_consumers)
                .flags(Flags::READONLY)
                .keys(&[ro(2)])
                .docs("stream", "5.0.0", "O(1)", "Describes the consumers of a group.")
                .history(&[("7.2.0", "The field `inactive`.")])
                .args(&[Arg::key(), text("groupname")])
                .tips(&["nondeterministic_output"]),
            command("groups", 3, xinfo_groups)
                .flags(Flags::READONLY)
                .keys(&[ro(2)])
                .docs("stream", "5.0.0", "O(1)", "Describes the groups of a stream.")
                .history(&[("7.0.0", "The fields `entries-read` and `lag`.")])
                .args(&[Arg::key()]),
            command("help", 2, help).flags(flags(&[Flags::LOADING, Flags::STALE])).docs(
                "stream",
                "5.0.0",
                "O(1)",
                "Prints what the subcommands are.",
            ),
            command("stream", -3, xinfo_stream)
                .flags(Flags::READONLY)
                .keys(&[ro(2)])
                .docs("stream", "5.0.0", "O(1), with FULL O(N) for N entries shown", "Describes a stream.")
                .history(&[
                    ("6.0.0", "Option `FULL`."),
                    ("7.0.0", "What was ever added and deleted, and how far groups have read."),
                    ("7.2.0", "When consumers were last given something."),
                ])
                .args(&[Arg::key(), Arg::new("full", ArgType::Block(&[COUNT])).token("FULL").optional()]),
        ],
    )
    .docs("stream", "5.0.0", "Depends on the subcommand.", "Describes streams and groups."),
    command("xlen", 2, xlen)
        .flags(flags(&[Flags::READONLY, Flags::FAST]))
        .keys(&[KeySpec::one(1, KeyFlags::RO)])
        .docs("stream", "5.0.0", "O(1)", "Tells how many entries there are.")
        .args(&[Arg::key()]),
    command("xpending", -3, xpending)
        .flags(Flags::READONLY)
        .keys(&[ro(1)])
        .docs(
            "stream",
            "5.0.0",
            "O(N) for N entries returned, or looked at with IDLE",
            "Shows what was delivered to a group and not acknowledged.",
        )
        .history(&[("6.2.0", "Option `IDLE`, and intervals without their ends.")])
        .args(&[
            Arg::key(),
            text("group"),
            Arg::new(
                "filters",
                ArgType::Block(&[
                    number("min-idle-time").token("IDLE").optional().since("6.2.0"),
                    text("start"),
                    text("end"),
                    number("count"),
                    text("consumer").optional(),
                ]),
            )
            .optional(),
        ])
        .tips(&["nondeterministic_output"]),
    command("xrange", -4, xrange)
        .flags(Flags::READONLY)
        .keys(&[ro(1)])
        .docs("stream", "5.0.0", "O(N) for N entries returned", "Returns the entries between two identifiers.")
        .history(&[("6.2.0", "Intervals without their ends.")])
        .args(&[Arg::key(), text("start"), text("end"), COUNT]),
    command("xread", -4, xread)
        .flags(flags(&[Flags::READONLY, Flags::BLOCKING, Flags::MOVABLE_KEYS]))
        .keys(&[streams(1)])
        .docs("stream", "5.0.0", "O(N) for N entries returned", "Returns the entries of streams after identifiers, and may wait for some.")
        .history(&[("7.4.0", "The identifier `+`.")])
        .args(&[COUNT, BLOCK, STREAMS]),
    command("xreadgroup", -7, xreadgroup)
        .flags(flags(&[Flags::WRITE, Flags::BLOCKING, Flags::MOVABLE_KEYS]))
        .keys(&[streams(4)])
        .docs(
            "stream",
            "5.0.0",
            "O(N) for N entries returned",
            "Returns what is new for a group, or pending for a consumer, and may wait for new entries.",
        )
        .args(&[
            Arg::new("group_consumer", ArgType::Block(&[text("group"), text("consumer")])).token("GROUP"),
            COUNT,
            BLOCK,
            Arg::word("noack", "NOACK").optional(),
            STREAMS,
        ]),
    command("xrevrange", -4, xrevrange)
        .flags(Flags::READONLY)
        .keys(&[ro(1)])
        .docs("stream", "5.0.0", "O(N) for N entries returned", "Returns the entries between two identifiers, the last first.")
        .history(&[("6.2.0", "Intervals without their ends.")])
        .args(&[Arg::key(), text("end"), text("start"), COUNT]),
    command("xsetid", -3, xsetid)
        .flags(flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST]))
        .keys(&[rw(1, KeyFlags::UPDATE)])
        .docs("stream", "5.0.0", "O(1)", "Sets the last identifier of a stream.")
        .history(&[("7.0.0", "Options `ENTRIESADDED` and `MAXDELETEDID`.")])
        .args(&[
            Arg::key(),
            text("last-id"),
            number("entries_added").token("ENTRIESADDED").optional().since("7.0.0"),
            text("max_deleted_entry_id").token("MAXDELETEDID").optional().since("7.0.0"),
        ]),
    command("xtrim", -4, xtrim)
        .flags(Flags::WRITE)
        .keys(&[rw(1, KeyFlags::DELETE)])
        .docs("stream", "5.0.0", "O(N) for N entries trimmed", "Takes entries out at the front of a stream. Returns how many.")
        .history(&[("6.2.0", "Options `MINID` and `LIMIT`.")])
        .args(&[Arg::key(), TRIM])
        .tips(&["nondeterministic_output"]),
];
