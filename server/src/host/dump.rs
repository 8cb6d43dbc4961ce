//! `DUMP` and `RESTORE`: a value as bytes, from one server to another.
//!
//! What comes from a client is checked as deeply as what comes from a file, whatever `sanitize-dump-payload` says: a value that gets in is
//! well-formed, has each member once, and is stored as the thresholds here want it.

use crate::outside::Outside;
use crate::snapshot;
use graven_engine::{Context, Error, EventClass, error};
use graven_rdb::{Attributes, Header, Options, Version, Writer, payload};
use graven_resp::number::parse_i64;
use graven_store::{Entry, Slot};
use std::io;

/// `DUMP key`
pub(super) fn dump(outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    let compress = outside.config.rdbcompression;
    let Some(entry) = cx.engine.read(cx.session, cx.key(1)) else {
        cx.reply.null();
        return Ok(());
    };
    // Older servers take what has no deadlines of fields.
    let version = if entry.field_deadline().is_some() { Version::Redis7_4 } else { Version::Redis7 };
    let bytes = serialized(entry, compress, version).expect("memory can be written to");
    cx.reply.bulk(&payload::seal(bytes, version));
    Ok(())
}

/// Type and value as an RDB file has them.
pub(super) fn serialized(entry: &Entry, compress: bool, version: Version) -> io::Result<Vec<u8>> {
    /// The opcode at the end, and the checksum.
    const BEHIND: usize = 9;
    let header = Header { redis_version: crate::REDIS_VERSION, created_seconds: 0, used_memory_bytes: 0, is_aof_base: false, version };
    let mut writer = Writer::new(Vec::new(), Options { compress, checksum: false }, &header)?;
    let before = writer.bytes_written() as usize;
    snapshot::write_entry(&mut writer, b"", entry, &Attributes::default())?;
    let (mut bytes, _) = writer.finish()?;
    bytes.truncate(bytes.len() - BEHIND);
    bytes.drain(..before);
    // The empty key stands between type and value.
    bytes.remove(1);
    Ok(bytes)
}

/// How the restored key is used.
#[derive(Default)]
struct RestoreOptions {
    replaces: bool,
    is_absolute: bool,
    idle_seconds: Option<u64>,
    freq: Option<u8>,
}

impl RestoreOptions {
    fn parse(cx: &Context<'_>) -> Result<RestoreOptions, Error> {
        let mut options = RestoreOptions::default();
        let mut i = 4;
        while i < cx.args.len() {
            let has_value = i + 1 < cx.args.len();
            match () {
                () if cx.is(i, "replace") => options.replaces = true,
                () if cx.is(i, "absttl") => options.is_absolute = true,
                () if cx.is(i, "idletime") && has_value && options.freq.is_none() => {
                    i += 1;
                    let seconds = u64::try_from(cx.int(i)?).map_err(|_| "ERR Invalid IDLETIME value, must be >= 0")?;
                    options.idle_seconds = Some(seconds);
                }
                () if cx.is(i, "freq") && has_value && options.idle_seconds.is_none() => {
                    i += 1;
                    options.freq = Some(u8::try_from(cx.int(i)?).map_err(|_| "ERR Invalid FREQ value, must be >= 0 and <= 255")?);
                }
                () => return Err(error::SYNTAX.into()),
            }
            i += 1;
        }
        Ok(options)
    }
}

/// `RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]`
pub(super) fn restore(cx: &mut Context<'_>) -> Result<(), Error> {
    let options = RestoreOptions::parse(cx)?;
    let (db, key) = (cx.session.db, cx.key(1));
    let exists = matches!(cx.engine.slot(db, key), Slot::Occupied(_));
    if exists && !options.replaces {
        return Err("BUSYKEY Target key name already exists.".into());
    }
    let ttl = parse_i64(cx.args.at(2)).ok_or(error::NOT_INTEGER)?;
    let ttl = u64::try_from(ttl).map_err(|_| "ERR Invalid TTL value, must be >= 0")?;
    let value = payload::open(cx.args.at(3)).map_err(|e| format!("ERR {e}"))?;
    let now_ms = cx.engine.now_ms();
    let deadline = (ttl > 0).then(|| if options.is_absolute { ttl } else { ttl.saturating_add(now_ms).min(i64::MAX as u64) });
    let attributes = Attributes { deadline_ms: deadline, idle_seconds: options.idle_seconds, freq: options.freq };
    let entry = snapshot::entry_of(cx.engine, key.bytes, value, &attributes).map_err(|_| "ERR Bad data format")?;
    let lazily = cx.engine.settings.lazy_server_del;
    // While loading, the log says what has expired.
    if deadline.is_some_and(|deadline| deadline <= now_ms) && !cx.engine.loading {
        if let Some(old) = cx.engine.remove(db, key) {
            cx.changed(key.bytes);
            cx.log(&[if lazily { &b"UNLINK"[..] } else { b"DEL" }, key.bytes]);
            cx.notify(EventClass::GENERIC, "del", key.bytes);
            cx.engine.drop_entry(old, lazily);
        }
        cx.reply.ok();
        return Ok(());
    }
    let old = match cx.engine.slot(db, key) {
        Slot::Occupied(mut place) => Some(place.replace(entry)),
        Slot::Vacant(place) => {
            place.insert_entry(entry);
            None
        }
    };
    if let Some(old) = old {
        cx.engine.drop_entry(old, lazily);
    }
    cx.changed(key.bytes);
    if let Some(deadline) = deadline.filter(|_| !options.is_absolute) {
        let deadline = deadline.to_string();
        let mut parts: Vec<&[u8]> = vec![b"RESTORE", key.bytes, deadline.as_bytes()];
        parts.extend(cx.args.skip(3));
        parts.push(b"ABSTTL");
        cx.log(&parts);
    }
    cx.notify(EventClass::NEW, "new", key.bytes);
    cx.notify(EventClass::GENERIC, "restore", key.bytes);
    cx.reply.ok();
    Ok(())
}
