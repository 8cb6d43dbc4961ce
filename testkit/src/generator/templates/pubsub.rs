//! Publish and subscribe, as far as a client sees it that listens to nothing. (What listeners see is compared by transcripts.)

use super::Table;

/// Every form, the invalid ones included. No subscriptions: their confirmations are no replies.
pub const ALL: Table = &[
    "PUBLISH {k} {v}",
    "PUBLISH {k}",
    "SPUBLISH {k} {v}",
    "PUBSUB CHANNELS",
    "PUBSUB CHANNELS {k}",
    "PUBSUB CHANNELS {k} {k}",
    "PUBSUB NUMSUB",
    "PUBSUB NUMSUB {k} {k}",
    "PUBSUB NUMPAT",
    "PUBSUB NUMPAT {k}",
    "PUBSUB SHARDCHANNELS",
    "PUBSUB SHARDCHANNELS {k} {k}",
    "PUBSUB SHARDNUMSUB {k}",
    "PUBSUB {k}",
    "PUBSUB",
];

/// Valid commands that change data, for the tests of what is kept.
pub const WRITES: Table = &[];
