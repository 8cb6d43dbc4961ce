//! What a run is to be like, and how a failing one is made smaller.

use crate::world::run;
use graven_aof::FsyncPolicy;
use graven_aof::sim::{FileRole, Op, SimStorage};

/// A fault of a store that is planted, so that it is seen that the judge finds it. None is in the server: each is what the disk, or
/// a client, would see of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// What is written to the log is not synced.
    FsyncLeftOut,
    /// Replies leave when their effects are written, although `always` was promised.
    ReplyReleasedEarly,
    /// The base of the log is not synced when the manifest names it.
    ManifestBeforeBase,
    /// Directories are never synced.
    NoDirectoryFsync,
    /// A failed fsync is taken for a success.
    FailedFsyncTrusted,
    /// Blocks have no checksums, so that torn ones are accepted.
    TornBlockAccepted,
}

impl Bug {
    /// All of them.
    pub const ALL: [Bug; 6] = [
        Bug::FsyncLeftOut,
        Bug::ReplyReleasedEarly,
        Bug::ManifestBeforeBase,
        Bug::NoDirectoryFsync,
        Bug::FailedFsyncTrusted,
        Bug::TornBlockAccepted,
    ];

    pub(crate) fn plant(self, disk: &SimStorage) {
        match self {
            Bug::FsyncLeftOut => disk.pretend(Op::Sync, Some(FileRole::Increment)),
            Bug::ManifestBeforeBase => disk.pretend(Op::Sync, Some(FileRole::Base)),
            Bug::NoDirectoryFsync => disk.pretend(Op::SyncDir, None),
            Bug::FailedFsyncTrusted => disk.hide_failed_syncs(),
            Bug::ReplyReleasedEarly | Bug::TornBlockAccepted => {}
        }
    }
}

/// See the module. A seed with the same plan is the same run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Decides everything else.
    pub seed: u64,
    /// `appendfsync`; the seed decides if there is none, and changes it on the way.
    pub policy: Option<FsyncPolicy>,
    /// How many crashes.
    pub lives: u32,
    /// Steps between them, at most.
    pub steps: u32,
    /// Clients, at most.
    pub clients: u32,
    /// Whether operations of the disk fail.
    pub faults: bool,
    /// Whether some clients send commands of any kind and form.
    pub anything: bool,
    /// Whether blocks of the log have checksums; the seed decides if it is not said here.
    pub checksums: Option<bool>,
    /// What is wrong on purpose.
    pub bug: Option<Bug>,
}

impl Plan {
    /// The usual run of a seed.
    pub fn new(seed: u64) -> Plan {
        Plan { seed, policy: None, lives: 6, steps: 90, clients: 4, faults: true, anything: true, checksums: None, bug: None }
    }
}

/// Attempts to make a failing run smaller.
const ATTEMPTS: u32 = 200;

/// A smaller run that fails too, and how.
pub fn shrink(plan: Plan, failure: String) -> (Plan, String) {
    let (mut best, mut why) = (plan, failure);
    let mut attempts = 0;
    'smaller: loop {
        let candidates = [
            Plan { lives: 1, ..best },
            Plan { lives: best.lives - best.lives.min(2) / 2, ..best },
            Plan { faults: false, ..best },
            Plan { anything: false, ..best },
            Plan { clients: 1, ..best },
            Plan { steps: best.steps / 2, ..best },
            Plan { steps: best.steps * 3 / 4, ..best },
            Plan { steps: best.steps.saturating_sub(1), ..best },
        ];
        for candidate in candidates {
            if candidate == best || candidate.lives == 0 {
                continue;
            }
            attempts += 1;
            if attempts > ATTEMPTS {
                return (best, why);
            }
            if let Some(failure) = run(candidate, None).failure {
                (best, why) = (candidate, failure);
                continue 'smaller;
            }
        }
        return (best, why);
    }
}
