//! RDB files: loading one and saving one.

mod commands;
mod encoder;
mod file;
mod job;
mod load;
mod rdb;
mod save;
mod stream_commands;

pub(crate) use encoder::{Encoding, Form};
pub(crate) use file::remove_leftovers;
pub(crate) use job::{Job, Work};
pub(crate) use rdb::{EntryUse, Facts};
pub(crate) use save::write_entry;

use crate::config::Config;
use crate::logging::log;
use graven_engine::Engine;
use graven_rdb::{Attributes, Event, Options, Reader};
use graven_store::DatabaseFacts;
use load::Loader;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;

fn path(config: &Config) -> PathBuf {
    config.dir.join(&config.dbfilename)
}

/// Whether there is an RDB file.
pub(crate) fn exists(config: &Config) -> bool {
    path(config).exists()
}

/// Loads the configured RDB file. Errors are sentences that name it.
pub(crate) fn load_file(engine: &mut Engine, config: &Config) -> Result<(), String> {
    let path = path(config);
    let fail = |e: &dyn std::fmt::Display| format!("Can't load the RDB file '{}': {e}", path.display());
    let file = File::open(&path).map_err(|e| fail(&e))?;
    load(engine, file).map(drop).map_err(|e| fail(&e))
}

/// Why an RDB could not be loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    Format(#[from] graven_rdb::Error),
    #[error("it has keys in database {0}, but there are only {1} databases: raise the 'databases' setting")]
    Database(u64, usize),
    #[error("the value of the key \"{key}\", which ends at offset {offset}, is damaged: {damage}")]
    Value { key: String, offset: u64, damage: load::Damage },
}

/// Loads an RDB; returns how many bytes it was.
pub(crate) fn load(engine: &mut Engine, source: impl Read) -> Result<u64, LoadError> {
    let mut reader = Reader::new(source)?;
    let mut db = 0;
    while let Some(event) = reader.next_event()? {
        match event {
            Event::SelectDb(n) if (n as usize) < engine.keyspace.databases() => db = n as usize,
            Event::SelectDb(n) => return Err(LoadError::Database(n, engine.keyspace.databases())),
            Event::Entry { key, value, attributes } => {
                let loader = Loader {
                    key: &key,
                    deadline: attributes.deadline_ms,
                    access: access_bits(engine, &attributes),
                    hasher: engine.keyspace.hasher(),
                    thresholds: engine.settings.thresholds,
                };
                let damaged = |damage| LoadError::Value { key: key.escape_ascii().to_string(), offset: reader.bytes_consumed(), damage };
                let entry = loader.entry(value).map_err(damaged)?;
                let key = engine.keyspace.key(&key);
                engine.keyspace.db_mut(db).insert(key, entry);
            }
            Event::Skipped(what) => log!(Warning, "{what}"),
            _ => {}
        }
    }
    Ok(reader.bytes_consumed())
}

fn access_bits(engine: &Engine, attributes: &Attributes) -> u32 {
    let fresh = engine.fresh_access();
    match (engine.settings.lfu, attributes.freq, attributes.idle_seconds) {
        (true, Some(freq), _) => fresh & !0xff | freq as u32,
        (false, _, Some(idle)) => graven_engine::access::lru_of_idle(engine.now_ms(), idle),
        _ => fresh,
    }
}

/// Writes the configured RDB file at once; returns its size.
pub(crate) fn save(engine: &Engine, config: &Config) -> io::Result<u64> {
    file::replace(&path(config), |file| {
        let (file, bytes) = write(engine, config, false, file::Syncing::new(file, config.rdb_save_incremental_fsync))?;
        file.finish()?;
        Ok(bytes)
    })
}

/// The same for the encoder of a snapshot.
pub(crate) fn save_work(config: &Config, facts: Facts) -> Work<u64> {
    let (path, is_incremental) = (path(config), config.rdb_save_incremental_fsync);
    Box::new(move |source| {
        file::replace(&path, |file| {
            let (file, bytes) = source.encode(Form::Rdb, facts, file::Syncing::new(file, is_incremental))?;
            file.finish()?;
            Ok(bytes)
        })
    })
}

/// What an RDB of the present state says besides keys and values.
pub(crate) fn facts(engine: &Engine, config: &Config, databases: Vec<DatabaseFacts>, is_base: bool) -> Facts {
    Facts {
        databases,
        now_ms: engine.now_ms(),
        used_memory_bytes: crate::memory::ProcessMemory::now().used,
        options: Options { compress: config.rdbcompression, checksum: config.rdbchecksum },
        is_base,
        entry_use: EntryUse::of(engine),
    }
}

/// Writes all databases at once, `is_base` as the base of a log; returns the writer and how many bytes it was.
pub(crate) fn write<W: Write>(engine: &Engine, config: &Config, is_base: bool, out: W) -> io::Result<(W, u64)> {
    let tables = || (0..engine.keyspace.databases()).map(|db| engine.keyspace.db(db));
    let databases = tables().map(DatabaseFacts::of).collect();
    let form = if is_base && !config.aof_use_rdb_preamble { Form::Commands } else { Form::Rdb };
    let mut encoding = Encoding::new(form, out, facts(engine, config, databases, is_base))?;
    for (db, table) in tables().enumerate() {
        table.iter().try_for_each(|entry| encoding.entry(db, entry))?;
    }
    encoding.finish()
}
