//! Commands of the log, executed to bring the data set back.
//!
//! The thread that reads the log makes a [`Script`] of each chunk: it looks the commands up and hashes their keys. The executing thread
//! asks for the memory of some commands ahead, so that cache misses overlap, and executes them one after the other.

use crate::outside::{LoadProgress, Outside};
use graven_aof::{Chunk, Command};
use graven_engine::{Engine, Error, Lookup, Prepared, Session, SessionFlags};
use graven_resp::{Args, Span};

/// Commands whose keys are asked for together.
const TOGETHER: usize = 32;

/// From fewer keys nothing is concluded about how many there will be.
const MIN_KEYS_KNOWN: usize = 1000;

/// A chunk of the log with its commands looked up.
pub(crate) struct Script {
    chunk: Chunk,
    spans: Vec<Span>,
    commands: Vec<Line>,
    /// Whether the command behind these has an argument longer than 4 GiB.
    is_oversized: bool,
}

#[derive(Clone, Copy)]
struct Line {
    prepared: Prepared,
    /// Where its arguments end among the spans.
    spans_end: usize,
}

impl Script {
    /// Looks up the commands of a chunk.
    pub(crate) fn new(chunk: Chunk, lookup: &Lookup) -> Script {
        let (commands, args) = chunk.counts();
        let mut script = Script { spans: Vec::with_capacity(args), commands: Vec::with_capacity(commands), is_oversized: false, chunk };
        for command in script.chunk.commands() {
            let (bytes, places) = command.places();
            let spans_start = script.spans.len();
            script.spans.extend(places.iter().map_while(|&(start, end)| Span::new(start, end)));
            if script.spans.len() < spans_start + places.len() {
                script.is_oversized = true;
                break;
            }
            let prepared = lookup.prepare(Args::from_spans(bytes, &script.spans[spans_start..]));
            script.commands.push(Line { prepared, spans_end: script.spans.len() });
        }
        script
    }

    /// The commands as they stand in the log.
    pub(crate) fn chunk(&self) -> &Chunk {
        &self.chunk
    }

    fn args(&self, index: usize) -> Args<'_> {
        let start = index.checked_sub(1).map_or(0, |before| self.commands[before].spans_end);
        Args::from_spans(self.chunk.bytes(), &self.spans[start..self.commands[index].spans_end])
    }

    fn command(&self, index: usize) -> Command<'_> {
        self.chunk.commands().nth(index).expect("each line is a command of the chunk")
    }
}

/// The client that the log's commands come from.
pub(crate) struct Replay {
    session: Session,
    scratch: Vec<u8>,
}

impl Default for Replay {
    fn default() -> Self {
        Replay { session: Session { flags: SessionFlags::REPLAY, ..Session::new(0, true) }, scratch: Vec::new() }
    }
}

/// A database is expected to go on growing as it has grown so far.
fn expect(engine: &mut Engine, outside: &Outside, db: usize) {
    let LoadProgress { loaded_bytes, total_bytes, .. } = outside.loading;
    let table = engine.keyspace.db_mut(db);
    if table.len() >= MIN_KEYS_KNOWN && loaded_bytes > 0 {
        let keys = table.len() as u128 * u128::from(total_bytes) / u128::from(loaded_bytes);
        table.expect(usize::try_from(keys).unwrap_or(usize::MAX));
    }
}

impl Replay {
    /// To be called when all is loaded.
    pub(crate) fn finish(self, engine: &mut Engine) {
        (0..engine.keyspace.databases()).for_each(|db| engine.keyspace.db_mut(db).settle());
    }

    /// Executes the commands; if one cannot be, says which and why.
    pub(crate) fn run<'c>(&mut self, script: &'c Script, engine: &mut Engine, outside: &mut Outside) -> Result<(), (Command<'c>, Error)> {
        let Replay { session, scratch } = self;
        expect(engine, outside, session.db);
        let prefetch_buckets = |engine: &Engine, db: usize, from: usize| {
            script.commands.iter().skip(from).take(TOGETHER).for_each(|line| engine.prefetch_bucket(db, &line.prepared));
        };
        prefetch_buckets(engine, session.db, 0);
        for (number, lines) in script.commands.chunks(TOGETHER).enumerate() {
            let from = number * TOGETHER;
            prefetch_buckets(engine, session.db, from + TOGETHER);
            lines.iter().for_each(|line| engine.prefetch(session.db, &line.prepared));
            engine.prefetch_members(session.db, (from..).zip(lines).map(|(index, line)| (script.args(index), line.prepared)));
            for (index, line) in (from..).zip(lines) {
                engine.replay(session, script.args(index), line.prepared, scratch, outside).map_err(|e| (script.command(index), e))?;
            }
        }
        match script.is_oversized {
            true => Err((script.command(script.commands.len()), Error::from("an argument is longer than 4 GiB"))),
            false => Ok(()),
        }
    }
}
