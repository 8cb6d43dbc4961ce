//! Effects: what the log is told.
//!
//! Not the command that was asked for, but what it did: no relative time, no randomness. Effects are written
//! straight into the buffer that becomes the log's next block.
//!
//! Invariants:
//! * A buffer that is not empty begins with a `SELECT`, so that each block stands on its own: a log may begin
//!   a new segment at any block, and Redis begins each file in database 0.
//! * What one command (or transaction) did is one unit. A unit of several effects is wrapped in
//!   `MULTI … EXEC`, and no buffer is taken in the middle of a unit: a reader sees all of it or nothing.

use graven_resp::{Args, encode_command};

const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

/// The effects of the commands executed since the log last took them.
#[derive(Default)]
pub struct Effects {
    buffer: Vec<u8>,
    /// Position of the buffer's first byte in the endless stream of logged bytes.
    base: u64,
    /// Database the buffer's end is in.
    selected: Option<usize>,
    enabled: bool,
    /// Where the current unit begins, after its annotation.
    unit_start: usize,
    unit_effects: usize,
    /// If set, `#TS:` lines are written, and the last one said this second.
    timestamps: bool,
    stamped_second: u64,
    now_second: u64,
}

impl Effects {
    /// The position after everything appended: what a write that has just been executed must wait for.
    #[inline]
    pub fn lsn(&self) -> u64 {
        self.base + self.buffer.len() as u64
    }

    /// Whether anything waits to be taken.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Bytes waiting to be taken.
    pub fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Effects are recorded, or dropped (no log; replay).
    pub fn set_enabled(&mut self, enabled: bool) {
        debug_assert!(self.buffer.is_empty());
        self.enabled = enabled;
    }

    /// Whether effects are recorded.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Whether `#TS:` annotations are written (`aof-timestamp-enabled`).
    pub fn set_timestamps(&mut self, enabled: bool) {
        (self.timestamps, self.stamped_second) = (enabled, 0);
    }

    /// The time for annotations.
    pub fn set_time(&mut self, unix_second: u64) {
        self.now_second = unix_second;
    }

    /// The position of the next byte, when the log's own says so (after recovery).
    pub fn set_base(&mut self, lsn: u64) {
        debug_assert!(self.buffer.is_empty());
        self.base = lsn;
    }

    /// Lets the log take the bytes: `take` leaves an empty buffer behind.
    pub fn take(&mut self, take: impl FnOnce(&mut Vec<u8>)) {
        debug_assert_eq!(self.unit_effects, 0, "a unit is not torn apart");
        self.base += self.buffer.len() as u64;
        take(&mut self.buffer);
        debug_assert!(self.buffer.is_empty());
        self.selected = None;
        self.unit_start = 0;
    }

    /// A command (or transaction) begins.
    #[inline]
    pub(crate) fn begin_unit(&mut self) {
        debug_assert_eq!(self.unit_effects, 0);
        self.unit_start = self.buffer.len();
    }

    /// The command (or transaction) is over; several effects become a transaction.
    #[inline]
    pub(crate) fn end_unit(&mut self) {
        if self.unit_effects > 1 {
            let start = self.unit_start;
            self.buffer.splice(start..start, MULTI.iter().copied());
            self.buffer.extend_from_slice(EXEC);
        }
        self.unit_effects = 0;
    }

    /// Records a command in database `db`.
    pub fn push<P: AsRef<[u8]>>(&mut self, db: usize, parts: &[P]) {
        if self.prepare(db) {
            encode_command(&mut self.buffer, parts);
        }
    }

    /// Records a command as it arrived.
    #[inline]
    pub fn push_args(&mut self, db: usize, args: Args<'_>) {
        if self.prepare(db) {
            match args.canonical() {
                Some(bytes) => self.buffer.extend_from_slice(bytes),
                None => {
                    graven_resp::number::push_prefixed(&mut self.buffer, b'*', args.len() as i64);
                    args.iter().for_each(|arg| graven_resp::push_bulk(&mut self.buffer, arg));
                }
            }
        }
    }

    #[inline]
    fn prepare(&mut self, db: usize) -> bool {
        if !self.enabled {
            return false;
        }
        if self.selected != Some(db) {
            self.select(db);
        }
        if self.timestamps && self.stamped_second != self.now_second && self.unit_effects == 0 {
            self.stamped_second = self.now_second;
            self.buffer.extend_from_slice(format!("#TS:{}\r\n", self.now_second).as_bytes());
            self.unit_start = self.buffer.len();
        }
        self.unit_effects += 1;
        true
    }

    /// A `SELECT` before the first effect of a unit stays outside its transaction, as Redis writes it.
    #[cold]
    fn select(&mut self, db: usize) {
        encode_command(&mut self.buffer, &[b"SELECT", itoa::Buffer::new().format(db).as_bytes()]);
        self.selected = Some(db);
        if self.unit_effects == 0 {
            self.unit_start = self.buffer.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(effects: &mut Effects) -> String {
        let mut bytes = Vec::new();
        effects.take(|buffer| std::mem::swap(buffer, &mut bytes));
        String::from_utf8(bytes).unwrap().replace("\r\n", " ")
    }

    fn effects() -> Effects {
        let mut effects = Effects::default();
        effects.set_enabled(true);
        effects
    }

    #[test]
    fn each_buffer_begins_with_a_select() {
        let mut e = effects();
        for _ in 0..2 {
            e.begin_unit();
            e.push(3, &["DEL", "a"]);
            e.end_unit();
            let before = e.lsn();
            assert_eq!(taken(&mut e), "*2 $6 SELECT $1 3 *2 $3 DEL $1 a ");
            assert_eq!(e.lsn(), before);
        }
    }

    #[test]
    fn several_effects_of_one_unit_are_a_transaction() {
        let mut e = effects();
        e.set_timestamps(true);
        e.set_time(7);
        e.begin_unit();
        e.push(0, &["DEL", "a"]);
        e.push(1, &["DEL", "b"]);
        e.end_unit();
        e.begin_unit();
        e.push(1, &["DEL", "c"]);
        e.end_unit();
        assert_eq!(
            taken(&mut e),
            "*2 $6 SELECT $1 0 #TS:7 *1 $5 MULTI *2 $3 DEL $1 a *2 $6 SELECT $1 1 *2 $3 DEL $1 b *1 $4 EXEC *2 $3 DEL $1 c "
        );
    }

    #[test]
    fn nothing_is_recorded_without_a_log() {
        let mut e = Effects::default();
        e.begin_unit();
        e.push(0, &["DEL", "a"]);
        e.end_unit();
        assert!(e.is_empty());
    }
}
