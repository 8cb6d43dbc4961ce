//! The vocabulary of durability: how hard each reply presses for the disk, and how far the log has come.

use std::fmt;
use std::str::FromStr;

/// `appendfsync`. What survives what:
///
/// | | the process dies | the machine loses power |
/// |---|---|---|
/// | `Always` | everything acknowledged | everything acknowledged |
/// | `Everysec` | everything acknowledged | all but about the last second |
/// | `No` | everything acknowledged | what the operating system had written back |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum FsyncPolicy {
    /// A reply waits until its effects are durable.
    Always,
    /// A reply waits until its effects are written; an fsync starts each second.
    #[default]
    Everysec,
    /// A reply waits until its effects are written; the operating system decides when they are durable.
    No,
}

impl FsyncPolicy {
    /// The name as it stands in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            FsyncPolicy::Always => "always",
            FsyncPolicy::Everysec => "everysec",
            FsyncPolicy::No => "no",
        }
    }
}

impl fmt::Display for FsyncPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text is not one of `always`, `everysec`, `no`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("argument(s) must be one of the following: everysec, always, no")]
pub struct UnknownPolicy;

impl FromStr for FsyncPolicy {
    type Err = UnknownPolicy;

    fn from_str(text: &str) -> Result<Self, UnknownPolicy> {
        [FsyncPolicy::Always, FsyncPolicy::Everysec, FsyncPolicy::No]
            .into_iter()
            .find(|policy| policy.name().eq_ignore_ascii_case(text))
            .ok_or(UnknownPolicy)
    }
}

/// Three positions in the endless stream of logged command bytes. Always `durable <= written <= appended`, and none ever
/// goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Watermarks {
    /// The end of everything submitted.
    pub appended: u64,
    /// Everything before this survives the death of the process.
    pub written: u64,
    /// Everything before this survives a loss of power.
    pub durable: u64,
}

impl Watermarks {
    /// The watermark that replies wait for: `durable` under [`FsyncPolicy::Always`], else `written`.
    pub fn acknowledged(&self, policy: FsyncPolicy) -> u64 {
        match policy {
            FsyncPolicy::Always => self.durable,
            FsyncPolicy::Everysec | FsyncPolicy::No => self.written,
        }
    }
}
