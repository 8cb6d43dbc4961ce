//! What the writer asks for, and what it is told.

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write and sync.
    Run(Job),
    /// Leave the file and go on in a new one.
    Roll(Roll),
    /// The boundary is reached and durable: go on in the file that was prepared.
    Switch,
}

/// Who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Executor {
    /// The caller, now.
    Inline,
    /// The I/O threads.
    Handed,
}

/// Write, sync, or write and then sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// For the events about it.
    pub id: u64,
    /// Jobs of a generation that saw a failure must be refused.
    pub generation: u64,
    /// Who does it.
    pub executor: Executor,
    /// What to write.
    pub write: Option<Span>,
    /// Whether to sync (after the write).
    pub sync: bool,
}

/// Sealed blocks of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where the first begins.
    pub from: u64,
    /// Where the last ends.
    pub to: u64,
    /// Where the file's last block ends before: what to cut it to when the write fails.
    pub file_start: u64,
    /// Where the last of these blocks will end.
    pub file_end: u64,
    /// How much filler the write brings along when it comes to the file's end.
    pub fill_ahead: u64,
}

/// Go on in a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roll {
    /// For the events about it.
    pub id: u64,
    /// Everything from here on goes into the new file.
    pub from: u64,
    /// To here.
    pub to: u64,
    /// The length to which the old file is cut in the end.
    pub cut_len: u64,
    /// Under `appendfsync no` memory forgets what is written: this part of the old file comes first, after verification.
    pub reread: Option<(u64, u64)>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The write of a job is in the file, wholly.
    Written { id: u64, took_us: u64 },
    /// The sync of a job succeeded.
    Synced { id: u64, took_us: u64 },
    /// The write of a job failed; whether the file was cut back to `file_start`.
    WriteFailed { id: u64, error: String, undone: bool },
    /// The sync of a job failed (its write succeeded).
    SyncFailed { id: u64, error: String },
    /// The job was not begun, because one before it failed.
    Refused { id: u64 },
    /// The new file is in force, durably, and has this length.
    Rolled { id: u64, file_len: u64 },
    /// It is not.
    RollFailed { id: u64, error: String },
}
