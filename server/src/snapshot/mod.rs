//! RDB files: loading one and saving one.

mod load;
mod save;

pub(crate) use save::write_entry;

use crate::config::Config;
use crate::logging::log;
use graven_engine::Engine;
use graven_rdb::{Attributes, Event, Header, Options, Reader, Version, Writer};
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

/// Writes the configured RDB file: to a temporary file first, which takes its place when it is whole and durable.
/// Returns its size.
pub(crate) fn save(engine: &Engine, config: &Config) -> io::Result<u64> {
    let path = path(config);
    let temporary = config.dir.join(format!("temp-{}.rdb", std::process::id()));
    let result = write_file(engine, config, &temporary).and_then(|bytes| {
        std::fs::rename(&temporary, &path)?;
        File::open(&config.dir)?.sync_all()?;
        Ok(bytes)
    });
    if result.is_err() {
        // What is wrong is told by the error.
        let _ = std::fs::remove_file(&temporary);
    }
    result
}

fn write_file(engine: &Engine, config: &Config, path: &PathBuf) -> io::Result<u64> {
    let (file, bytes) = write(engine, config, false, File::create(path)?)?;
    file.sync_all()?;
    Ok(bytes)
}

/// Writes all databases as an RDB, `is_base` as the base of a log; returns the writer and how many bytes it was.
pub(crate) fn write<W: Write>(engine: &Engine, config: &Config, is_base: bool, out: W) -> io::Result<(W, u64)> {
    let options = Options { compress: config.rdbcompression, checksum: config.rdbchecksum };
    // Older servers would lose the deadlines of fields; without any they may have the file.
    let has_field_deadlines = (0..engine.keyspace.databases()).any(|db| engine.keyspace.db(db).expiring_hashes() > 0);
    let header = Header {
        redis_version: crate::REDIS_VERSION,
        created_seconds: engine.now_ms() / 1000,
        used_memory_bytes: crate::memory::resident_bytes(),
        is_aof_base: is_base,
        version: if has_field_deadlines { Version::Redis7_4 } else { Version::Redis7 },
    };
    let mut writer = Writer::new(out, options, &header)?;
    for index in 0..engine.keyspace.databases() {
        let db = engine.keyspace.db(index);
        if db.is_empty() {
            continue;
        }
        writer.select_db(index as u64)?;
        writer.resize_db(db.len() as u64, db.volatile_len() as u64)?;
        for entry in db.iter() {
            let attributes = Attributes { deadline_ms: entry.deadline(), ..Attributes::default() };
            write_entry(&mut writer, entry.key(), entry, &attributes)?;
        }
    }
    writer.finish()
}
