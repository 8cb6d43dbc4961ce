//! The bytes that memory still owes to the disk: blocks that wait to be written, and written ones that are kept until they are
//! durable, because after a failed fsync they have to be written again.
//!
//! `retained` ends where `pending` begins, and both are without gaps. The first `handed` pending blocks are sealed: their
//! header is computed and a job may be writing them. Behind them, small submissions melt into one block until somebody takes
//! it; that is the group commit. Retained blocks are melted too, since only the position of their bytes matters any more, so
//! that a thousand tiny blocks cost no more than their bytes.
//!
//! Buffers whose bytes became durable are kept for reuse, no more of them than the last second needed.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::block::HeaderLine;

/// Submissions up to this many bytes are copied behind the previous one instead of becoming a block of their own.
const MERGE_SUBMISSION_MAX_BYTES: usize = 64 << 10;
/// How long a block grows by merging.
const MERGE_BLOCK_MAX_BYTES: usize = 1 << 20;
/// Retained blocks up to this many bytes are copied behind the previous one.
const MELT_BLOCK_MAX_BYTES: usize = 8 << 10;
/// How long a retained run grows by melting.
const MELT_RUN_MAX_BYTES: usize = 64 << 10;
/// Buffers above this capacity are given back to the allocator.
const SPARE_BUFFER_MAX_BYTES: usize = 1 << 20;
/// The most that is ever kept for reuse.
const SPARE_TOTAL_MAX_BYTES: usize = 32 << 20;
const TRIM_EVERY_US: u64 = 1_000_000;

/// A block on its way to the disk. Cloning it shares the content.
#[derive(Clone)]
pub struct Block {
    /// The position of the first byte of content.
    pub lsn: u64,
    /// The header line; empty when checksums are off.
    pub header: HeaderLine,
    /// Whole commands.
    pub content: Arc<Vec<u8>>,
    at_us: u64,
}

impl Block {
    /// The position behind the content.
    pub fn end(&self) -> u64 {
        self.lsn + self.content.len() as u64
    }

    /// Computes the header, or drops it.
    pub fn seal(&mut self, checksums: bool) {
        self.header = if checksums { HeaderLine::new(self.lsn, &self.content) } else { HeaderLine::none() };
    }

    /// The bytes it takes in the file.
    pub fn file_bytes(&self) -> u64 {
        (self.header.as_bytes().len() + self.content.len()) as u64
    }
}

struct Run {
    lsn: u64,
    bytes: Arc<Vec<u8>>,
    at_us: u64,
}

/// See the module.
pub struct Queue {
    pending: VecDeque<Block>,
    handed: usize,
    retained: VecDeque<Run>,
    spares: Vec<Arc<Vec<u8>>>,
    spare_bytes: usize,
    taken_bytes: usize,
    trimmed_at_us: u64,
    /// The next submission begins a block.
    fenced: bool,
}

impl Queue {
    pub fn new() -> Self {
        Queue {
            pending: VecDeque::new(),
            handed: 0,
            retained: VecDeque::new(),
            spares: Vec::new(),
            spare_bytes: 0,
            taken_bytes: 0,
            trimmed_at_us: 0,
            fenced: false,
        }
    }

    /// Takes over the content, which stands at `lsn`, and leaves an empty buffer.
    pub fn push(&mut self, content: &mut Vec<u8>, lsn: u64, now_us: u64) {
        if !std::mem::take(&mut self.fenced) && self.pending.len() > self.handed && content.len() <= MERGE_SUBMISSION_MAX_BYTES {
            let last = self.pending.back_mut().expect("there is an unsealed block");
            if last.content.len() + content.len() <= MERGE_BLOCK_MAX_BYTES
                && let Some(bytes) = Arc::get_mut(&mut last.content)
            {
                bytes.extend_from_slice(content);
                content.clear();
                return;
            }
        }
        let mut buffer = self.take_spare();
        std::mem::swap(Arc::get_mut(&mut buffer).expect("a spare buffer has one owner"), content);
        self.pending.push_back(Block { lsn, header: HeaderLine::none(), content: buffer, at_us: now_us });
    }

    /// No block reaches over the present end.
    pub fn fence(&mut self) {
        self.fenced = true;
    }

    /// Bytes held: not written, written but not durable, and buffers kept for reuse.
    pub fn held_bytes(&self) -> u64 {
        let first = self.retained.front().map(|run| run.lsn).or_else(|| self.pending.front().map(|block| block.lsn));
        let retained_end = self.retained.back().map(|run| run.lsn + run.bytes.len() as u64);
        let end = self.pending.back().map(Block::end).or(retained_end);
        let waiting = end.zip(first).map_or(0, |(end, first)| end - first);
        waiting + self.spare_bytes as u64
    }

    /// Where the first block that no job has begins, and when its first byte was appended.
    pub fn first_unhanded(&self) -> Option<(u64, u64)> {
        self.pending.get(self.handed).map(|block| (block.lsn, block.at_us))
    }

    /// Seals further blocks before `limit` for a job, up to about `max_bytes`; returns where they begin and end, and their bytes in the file.
    pub fn hand_over(&mut self, max_bytes: u64, limit: u64, checksums: bool) -> (u64, u64, u64) {
        let from = self.pending[self.handed].lsn;
        let (mut to, mut file_bytes) = (from, 0);
        while let Some(block) = self.pending.get_mut(self.handed) {
            let is_full = file_bytes > 0 && file_bytes + block.content.len() as u64 > max_bytes;
            if is_full || block.lsn >= limit {
                break;
            }
            block.seal(checksums);
            to = block.end();
            file_bytes += block.file_bytes();
            self.handed += 1;
        }
        (from, to, file_bytes)
    }

    /// The jobs are gone: their blocks wait again.
    pub fn take_back(&mut self) {
        self.handed = 0;
    }

    /// The sealed blocks between two positions.
    pub fn handed_blocks(&self, from: u64, to: u64) -> impl Iterator<Item = &Block> + Clone {
        self.pending.iter().take(self.handed).skip_while(move |b| b.lsn < from).take_while(move |b| b.end() <= to)
    }

    /// Everything up to `to` is in the file: it waits to be durable (`retain`), or is forgotten. Returns how many blocks it was.
    pub fn written(&mut self, to: u64, retain: bool) -> u64 {
        let mut blocks = 0;
        while self.pending.front().is_some_and(|block| block.end() <= to) {
            let block = self.pending.pop_front().expect("there is a front");
            debug_assert!(self.handed > 0, "only sealed blocks are written");
            self.handed -= 1;
            blocks += 1;
            if retain {
                self.retain(block);
            } else {
                // What is kept has no gaps: nothing before a forgotten block is of use.
                self.retained.clear();
                self.recycle(block.content);
            }
        }
        blocks
    }

    /// Everything up to `to` is durable: it may be forgotten. Returns how many blocks had not even been called written.
    pub fn durable(&mut self, to: u64) -> u64 {
        while self.retained.front().is_some_and(|run| run.lsn + run.bytes.len() as u64 <= to) {
            let run = self.retained.pop_front().expect("there is a front");
            self.recycle(run.bytes);
        }
        self.written(to, false)
    }

    /// Everything that memory holds from `from` on, for a new segment. The headers are left to whoever writes it.
    pub fn take_all(&mut self, from: u64) -> Vec<Block> {
        let mut blocks = Vec::with_capacity(self.retained.len() + self.pending.len());
        for run in &self.retained {
            let skip = from.saturating_sub(run.lsn) as usize;
            if skip < run.bytes.len() {
                let content = if skip == 0 { run.bytes.clone() } else { Arc::new(run.bytes[skip..].to_vec()) };
                blocks.push(Block { lsn: run.lsn + skip as u64, header: HeaderLine::none(), content, at_us: run.at_us });
            }
        }
        blocks.extend(self.pending.iter().cloned());
        self.handed = self.pending.len();
        blocks
    }

    /// When the oldest byte in memory was appended.
    pub fn oldest_us(&self) -> Option<u64> {
        self.retained.front().map(|run| run.at_us).or_else(|| self.oldest_pending_us())
    }

    /// When the oldest byte that is not written was appended.
    pub fn oldest_pending_us(&self) -> Option<u64> {
        self.pending.front().map(|block| block.at_us)
    }

    fn retain(&mut self, block: Block) {
        let len = block.content.len();
        debug_assert!(self.retained.back().is_none_or(|run| run.lsn + run.bytes.len() as u64 == block.lsn));
        if len <= MELT_BLOCK_MAX_BYTES {
            if let Some(run) = self.retained.back_mut()
                && run.bytes.len() + len <= MELT_RUN_MAX_BYTES
                && let Some(bytes) = Arc::get_mut(&mut run.bytes)
            {
                bytes.extend_from_slice(&block.content);
                self.recycle(block.content);
                return;
            }
            if block.content.capacity() > MELT_RUN_MAX_BYTES {
                let mut buffer = self.take_spare();
                Arc::get_mut(&mut buffer).expect("a spare buffer has one owner").extend_from_slice(&block.content);
                self.retained.push_back(Run { lsn: block.lsn, bytes: buffer, at_us: block.at_us });
                self.recycle(block.content);
                return;
            }
        }
        self.retained.push_back(Run { lsn: block.lsn, bytes: block.content, at_us: block.at_us });
    }

    fn take_spare(&mut self) -> Arc<Vec<u8>> {
        match self.spares.pop() {
            Some(buffer) => {
                self.spare_bytes -= buffer.capacity();
                self.taken_bytes += buffer.capacity();
                buffer
            }
            None => Arc::new(Vec::new()),
        }
    }

    fn recycle(&mut self, mut buffer: Arc<Vec<u8>>) {
        if buffer.capacity() > SPARE_BUFFER_MAX_BYTES || self.spare_bytes + buffer.capacity() > SPARE_TOTAL_MAX_BYTES {
            return;
        }
        if let Some(bytes) = Arc::get_mut(&mut buffer) {
            bytes.clear();
            self.spare_bytes += bytes.capacity();
            self.spares.push(buffer);
        }
    }

    /// Once a second: keeps as many spare buffers as the last second took, and one.
    pub fn trim_spares(&mut self, now_us: u64) {
        if now_us < self.trimmed_at_us + TRIM_EVERY_US {
            return;
        }
        while self.spares.len() > 1 && self.spare_bytes > self.taken_bytes {
            self.spare_bytes -= self.spares.pop().map_or(0, |buffer| buffer.capacity());
        }
        self.taken_bytes = 0;
        self.trimmed_at_us = now_us;
    }
}
