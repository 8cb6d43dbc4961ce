//! Publish and subscribe in the command table.

use super::flags;
use crate::command::{Arg, ArgType, CommandSpec, Flags, KeyFlags, KeySpec};
use crate::commands::help::help;
use crate::commands::pubsub::{
    channels, numpat, numsub, psubscribe, publish, punsubscribe, shard_channels, shard_numsub, spublish, ssubscribe, subscribe,
    sunsubscribe, unsubscribe,
};

const LISTEN: Flags = flags(&[Flags::PUBSUB, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE, Flags::SENTINEL]);
const SHARD_LISTEN: Flags = flags(&[Flags::PUBSUB, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE]);
const PUBLISH: Flags = flags(&[Flags::PUBSUB, Flags::LOADING, Flags::STALE, Flags::FAST, Flags::MAY_REPLICATE]);
const ASK: Flags = flags(&[Flags::PUBSUB, Flags::LOADING, Flags::STALE]);
const CHANNELS: &[Arg] = &[Arg::new("channel", ArgType::String).multiple()];
const SHARD_CHANNELS: &[Arg] = &[Arg::new("shardchannel", ArgType::String).multiple()];

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::engine("subscribe", -2, subscribe)
        .flags(LISTEN)
        .docs("pubsub", "2.0.0", "O(N) where N is the number of channels to subscribe to.", "Listens to channels.")
        .args(CHANNELS),
    CommandSpec::engine("unsubscribe", -1, unsubscribe)
        .flags(LISTEN)
        .docs(
            "pubsub",
            "2.0.0",
            "O(N) where N is the number of channels to unsubscribe.",
            "Stops listening to channels, or to all of them.",
        )
        .args(&[Arg::new("channel", ArgType::String).optional().multiple()]),
    CommandSpec::engine("psubscribe", -2, psubscribe)
        .flags(LISTEN)
        .docs("pubsub", "2.0.0", "O(N) where N is the number of patterns to subscribe to.", "Listens to all channels that match patterns.")
        .args(&[Arg::new("pattern", ArgType::Pattern).multiple()]),
    CommandSpec::engine("punsubscribe", -1, punsubscribe)
        .flags(LISTEN)
        .docs(
            "pubsub",
            "2.0.0",
            "O(N) where N is the number of patterns to unsubscribe.",
            "Stops listening to channels by patterns, or by all of them.",
        )
        .args(&[Arg::new("pattern", ArgType::Pattern).optional().multiple()]),
    CommandSpec::engine("publish", 3, publish)
        .flags(PUBLISH.union(Flags::SENTINEL))
        .docs(
            "pubsub",
            "2.0.0",
            "O(N+M) where N is the number of clients subscribed to the receiving channel and M is the total number of subscribed \
             patterns (by any client).",
            "Sends a message to all who listen to a channel.",
        )
        .args(&[Arg::new("channel", ArgType::String), Arg::new("message", ArgType::String)]),
    CommandSpec::engine("ssubscribe", -2, ssubscribe)
        .flags(SHARD_LISTEN)
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::NOT_KEY)])
        .docs("pubsub", "7.0.0", "O(N) where N is the number of shard channels to subscribe to.", "Listens to shard channels.")
        .args(SHARD_CHANNELS),
    CommandSpec::engine("sunsubscribe", -1, sunsubscribe)
        .flags(SHARD_LISTEN)
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::NOT_KEY)])
        .docs(
            "pubsub",
            "7.0.0",
            "O(N) where N is the number of shard channels to unsubscribe.",
            "Stops listening to shard channels, or to all of them.",
        )
        .args(&[Arg::new("shardchannel", ArgType::String).optional().multiple()]),
    CommandSpec::engine("spublish", 3, spublish)
        .flags(PUBLISH)
        .keys(&[KeySpec::range(1, 0, 1, KeyFlags::NOT_KEY)])
        .docs(
            "pubsub",
            "7.0.0",
            "O(N) where N is the number of clients subscribed to the receiving shard channel.",
            "Sends a message to all who listen to a shard channel.",
        )
        .args(&[Arg::new("shardchannel", ArgType::String), Arg::new("message", ArgType::String)]),
    CommandSpec::container(
        "pubsub",
        &[
            CommandSpec::engine("channels", -2, channels)
                .flags(ASK)
                .docs(
                    "pubsub",
                    "2.8.0",
                    "O(N) where N is the number of active channels, and assuming constant time pattern matching (relatively short \
                     channels and patterns)",
                    "Names the channels that somebody listens to.",
                )
                .args(&[Arg::new("pattern", ArgType::Pattern).optional()]),
            CommandSpec::engine("help", 2, help).flags(flags(&[Flags::LOADING, Flags::STALE])).docs(
                "pubsub",
                "6.2.0",
                "O(1)",
                "Explains the subcommands.",
            ),
            CommandSpec::engine("numpat", 2, numpat).flags(ASK).docs(
                "pubsub",
                "2.8.0",
                "O(1)",
                "Tells how many patterns somebody listens by.",
            ),
            CommandSpec::engine("numsub", -2, numsub)
                .flags(ASK)
                .docs(
                    "pubsub",
                    "2.8.0",
                    "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
                    "Tells how many clients have subscribed to channels, not counting patterns.",
                )
                .args(&[Arg::new("channel", ArgType::String).optional().multiple()]),
            CommandSpec::engine("shardchannels", -2, shard_channels)
                .flags(ASK)
                .docs(
                    "pubsub",
                    "7.0.0",
                    "O(N) where N is the number of active shard channels, and assuming constant time pattern matching (relatively \
                     short shard channels).",
                    "Names the shard channels that somebody listens to.",
                )
                .args(&[Arg::new("pattern", ArgType::Pattern).optional()]),
            CommandSpec::engine("shardnumsub", -2, shard_numsub)
                .flags(ASK)
                .docs(
                    "pubsub",
                    "7.0.0",
                    "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels",
                    "Tells how many clients have subscribed to shard channels.",
                )
                .args(&[Arg::new("shardchannel", ArgType::String).optional().multiple()]),
        ],
    )
    .docs("pubsub", "2.8.0", "Depends on subcommand.", "Contains the commands about who listens to what."),
];
