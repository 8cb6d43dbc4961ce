//! RDB files: loading one and saving one.

mod commands;
mod decode;
mod encoder;
mod file;
mod job;
mod load;
mod loading;
mod rdb;
mod save;
mod stream_commands;

pub(crate) use encoder::{Encoding, Form};
pub(crate) use file::remove_leftovers;
pub(crate) use job::{Job, Work};
pub(crate) use loading::Loading;
pub(crate) use rdb::{EntryUse, Facts};
pub(crate) use save::write_entry;

use crate::config::Config;
use graven_aof::{Disk, File as _, OpenMode, SequentialReader, Storage};
use graven_engine::Engine;
use graven_rdb::{Attributes, Options, Value};
use graven_store::{DatabaseFacts, Entry};
use std::io::{self, Write};

/// Whether there is an RDB file.
pub(crate) fn exists(disk: &Disk, config: &Config) -> bool {
    disk.open(&config.dbfilename, OpenMode::Read).map_or_else(|e| e.kind() != io::ErrorKind::NotFound, |_| true)
}

/// Begins to load the configured RDB file; also returns its length. Errors are sentences that name it.
pub(crate) fn open_file(engine: &Engine, disk: &Disk, config: &Config) -> Result<(Loading, u64), String> {
    let open = || {
        let file = disk.open(&config.dbfilename, OpenMode::Read)?;
        let bytes = file.len()?;
        // What expired while nobody served it is not brought back: no log will say that it is gone.
        Ok((Loading::start(engine, Box::new(SequentialReader::new(file)), bytes, true)?, bytes))
    };
    open().map_err(|e: io::Error| file_failed(config, &e))
}

/// What to say when the configured RDB file could not be loaded.
pub(crate) fn file_failed(config: &Config, e: &dyn std::fmt::Display) -> String {
    format!("Can't load the RDB file '{}': {e}", config.dir.join(&config.dbfilename).display())
}

/// Loads the configured RDB file at once; with `replaces`, its keys take the place of those that are there. Errors are sentences
/// that name the file.
pub(crate) fn load_file(engine: &mut Engine, disk: &Disk, config: &Config, replaces: bool) -> Result<Loaded, String> {
    let (mut loading, _) = open_file(engine, disk, config)?;
    loading.set_replaces(replaces);
    while !loading.go_on(engine, None).map_err(|e| file_failed(config, &e))? {}
    Ok(loading.loaded())
}

/// What was loaded of an RDB.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Loaded {
    /// How many bytes of it.
    pub(crate) bytes: u64,
    /// Keys that are in the keyspace now.
    pub(crate) keys: u64,
    /// Keys that were left out because their deadline had passed.
    pub(crate) expired: u64,
    /// What the server that wrote it used then, as it says.
    pub(crate) used_memory_bytes: u64,
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
    #[error("the key \"{key}\" of database {db}, which ends at offset {offset}, is there for the second time")]
    Duplicate { key: String, db: usize, offset: u64 },
    #[error("a thread that reads the file stopped; the server's standard error says why")]
    Stopped,
}

/// Writes the configured RDB file at once; returns its size.
pub(crate) fn save(engine: &Engine, disk: &Disk, config: &Config) -> io::Result<u64> {
    file::replace(disk, &config.dbfilename, |file| {
        let (file, bytes) = write(engine, config, false, file::Syncing::new(file, config.rdb_save_incremental_fsync))?;
        file.finish()?;
        Ok(bytes)
    })
}

/// An entry for a value that came by itself; an error says what is wrong with the value.
pub(crate) fn entry_of(engine: &Engine, key: &[u8], value: Value, attributes: &Attributes) -> Result<Entry, load::Damage> {
    decode::Decoder::new(engine, false).loader(key, attributes).entry(value)
}

/// The same for the encoder of a snapshot.
pub(crate) fn save_work(disk: Disk, config: &Config, facts: Facts) -> Work<u64> {
    let (name, is_incremental) = (config.dbfilename.clone(), config.rdb_save_incremental_fsync);
    Box::new(move |source| {
        file::replace(&disk, &name, |file| {
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
    let form = if is_base && !config.aof_use_rdb_preamble { Form::Commands { blocks: config.aof_block_checksums } } else { Form::Rdb };
    let mut encoding = Encoding::new(form, out, facts(engine, config, databases, is_base))?;
    for (db, table) in tables().enumerate() {
        table.iter().try_for_each(|entry| encoding.entry(db, entry))?;
    }
    encoding.finish()
}
