//! `DEBUG`: what tests need. Refused unless `enable-debug-command` allows it.

use super::digest::Digest;
use super::dump;
use crate::logging::log;
use crate::outside::Outside;
use crate::snapshot;
use graven_engine::{Blocked, Context, Error, SessionFlags, access, error, glob};
use graven_rdb::Version;
use graven_resp::{Protocol, number};
use graven_store::{Entry, Slot};
use std::time::Duration;

const NOT_ALLOWED: &str = "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local \
connection, otherwise you need to set this option in the configuration file, and then restart the server.";

const HELP: &[&str] = &[
    "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "ASSERT",
    "    Crashes as a failed assertion does.",
    "DIGEST",
    "    A fingerprint of the data set.",
    "DIGEST-VALUE <key> [<key> ...]",
    "    Fingerprints of the values of keys.",
    "ERROR <string>",
    "    Replies with this error.",
    "HTSTATS <dbid>",
    "    The shape of a database's tables.",
    "LOADAOF",
    "    Forgets the data set and loads it from the append only file.",
    "LOG <message>",
    "    Writes a message to the log.",
    "OBJECT <key>",
    "    Shows what is known of a key.",
    "PANIC",
    "    Crashes.",
    "POPULATE <count> [<prefix>] [<size>]",
    "    Makes string keys, named 'key:<number>' or with the prefix.",
    "PROTOCOL <type>",
    "    Replies with a value of this type.",
    "RELOAD [NOSAVE] [NOFLUSH] [MERGE]",
    "    Saves the RDB file, forgets the data set and loads it again. NOSAVE: loads the file that is there. NOFLUSH: forgets nothing.",
    "    MERGE: keys of the file replace those that are there. With an append only file there are no options: it would not know.",
    "SEGFAULT",
    "    Crashes as an invalid access to memory does.",
    "SET-ACTIVE-EXPIRE (0|1)",
    "    Whether due keys are looked for, or only found on access.",
    "SLEEP <seconds>",
    "    Does nothing else for a time.",
    "STRINGMATCH-LEN <length> <pattern>",
    "    Matches a pattern against a long string.",
    "HELP",
    "    Prints this help.",
];

/// `DEBUG subcommand …`
pub(super) fn debug(outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    let local = outside.is_local(cx.session.id, cx.session.flags.contains(SessionFlags::UNIX_SOCKET));
    if !outside.config.enable_debug_command.allows(local) {
        return Err(NOT_ALLOWED.into());
    }
    let subcommand = cx.args.at(1).to_ascii_uppercase();
    // They write, save or forget the data set, of which only a part is there while loading.
    if cx.engine.loading && matches!(subcommand.as_slice(), b"POPULATE" | b"RELOAD" | b"LOADAOF") {
        return Err("LOADING Redis is loading the dataset in memory".into());
    }
    match (subcommand.as_slice(), cx.args.len()) {
        (b"HELP", 2) => cx.reply.lines(HELP),
        (b"SLEEP", 3) => sleep(cx),
        (b"OBJECT", 3 | 4) => object(outside, cx)?,
        (b"SET-ACTIVE-EXPIRE", 3) => {
            cx.engine.settings.active_expire = number::parse_i64(cx.args.at(2)).unwrap_or(0) != 0;
            cx.reply.ok();
        }
        (b"DIGEST", 2) => {
            cx.engine.depends_on_everything();
            cx.reply.simple(&Digest::of_everything(cx.engine).hex());
        }
        (b"DIGEST-VALUE", 2..) => digest_values(cx),
        (b"LOADAOF", 2) => load_log(outside, cx)?,
        (b"RELOAD", 2..) => reload(outside, cx)?,
        (b"ERROR", 3) => {
            // Line ends become spaces here, also at the end, where other errors lose them.
            let text: Vec<u8> = cx.args.at(2).iter().map(|&b| if matches!(b, b'\r' | b'\n') { b' ' } else { b }).collect();
            return Err(text.into());
        }
        (b"LOG", 3) => {
            log!(Warning, "DEBUG LOG: {}", String::from_utf8_lossy(cx.args.at(2)));
            cx.reply.ok();
        }
        (b"PROTOCOL", 3) => protocol(cx)?,
        (b"STRINGMATCH-LEN", 4) => match_long_string(cx)?,
        (b"POPULATE", 3..=5) => populate(cx)?,
        (b"HTSTATS", 3) => table_stats(cx)?,
        (b"PANIC" | b"ASSERT", 2) => panic!("DEBUG {} was called", String::from_utf8_lossy(&subcommand)),
        (b"SEGFAULT", 2) => {
            log!(Warning, "DEBUG SEGFAULT was called");
            // If the signal cannot be sent, the crash that was asked for is this one.
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::SEGV);
            std::process::abort();
        }
        _ => return Err(error::wrong_subcommand(cx.args)),
    }
    Ok(())
}

fn sleep(cx: &mut Context<'_>) {
    let seconds: f64 = std::str::from_utf8(cx.args.at(2)).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0.0);
    std::thread::sleep(Duration::try_from_secs_f64(seconds).unwrap_or_default());
    cx.reply.ok();
}

fn object(outside: &Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    let key = cx.key(2);
    let now_ms = cx.engine.now_ms();
    let entry = cx.engine.peek(cx.session.db, key).ok_or("ERR no such key")?;
    let line = format!(
        "Value at:{:p} refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}",
        entry,
        entry.encoding().name(),
        serialized_bytes(entry, outside.config.rdbcompression),
        entry.access(),
        access::idle_seconds(entry.access(), now_ms),
    );
    cx.reply.simple(&line);
    Ok(())
}

/// How long the value is in an RDB file.
fn serialized_bytes(entry: &Entry, compress: bool) -> u64 {
    let bytes = dump::serialized(entry, compress, Version::Redis7_4).expect("memory can be written to");
    // Without the type.
    bytes.len() as u64 - 1
}

fn digest_values(cx: &mut Context<'_>) {
    cx.reply.array(cx.args.len() - 2);
    for i in 2..cx.args.len() {
        let key = cx.key(i);
        let digest = cx.engine.peek(cx.session.db, key).map(Digest::of_value).unwrap_or_default();
        cx.reply.simple(&digest.hex());
    }
}

fn load_log(outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    if cx.session.in_exec {
        return Err("ERR DEBUG LOADAOF isn't allowed inside a transaction".into());
    }
    outside.reload = true;
    cx.session.blocked = Some(Blocked::Reload);
    Ok(())
}

fn reload(outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    let (mut saves, mut flushes, mut merges) = (true, true, false);
    for i in 2..cx.args.len() {
        match cx.args.at(i).to_ascii_uppercase().as_slice() {
            b"NOSAVE" => saves = false,
            b"NOFLUSH" => flushes = false,
            b"MERGE" => merges = true,
            _ => return Err("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.".into()),
        }
    }
    if outside.log.is_some() && cx.args.len() > 2 {
        return Err("ERR DEBUG RELOAD has no options with appendonly yes: the append only file would not know what was loaded".into());
    }
    if outside.is_capturing() {
        return Err("ERR A snapshot is being made: try again when it is done".into());
    }
    if saves {
        outside.save_now(cx.engine).map_err(|e| format!("ERR Error trying to save the DB: {e}"))?;
    } else if !snapshot::exists(&outside.disk(), &outside.config) {
        return Err("ERR Error trying to load the RDB dump: there is none".into());
    }
    if flushes {
        for db in 0..cx.engine.keyspace.databases() {
            cx.engine.keyspace.db_mut(db).clear();
        }
    }
    match snapshot::load_file(cx.engine, &outside.disk(), &outside.config, merges) {
        Ok(loaded) => outside.stats.note_rdb(&loaded),
        Err(e) => {
            // Half a data set must not be served.
            log!(Warning, "Error trying to load the RDB dump: {e}");
            std::process::exit(1);
        }
    }
    log!(Warning, "DB reloaded by DEBUG RELOAD");
    cx.engine.log_nothing();
    cx.reply.ok();
    Ok(())
}

fn protocol(cx: &mut Context<'_>) -> Result<(), Error> {
    let resp3 = cx.reply.protocol() == Protocol::Resp3;
    let reply = &mut cx.reply;
    match cx.args.at(2).to_ascii_lowercase().as_slice() {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.int(12345),
        #[allow(clippy::approx_constant)] // what Redis replies
        b"double" => reply.double(3.141),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|n| reply.int(n));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|n| reply.int(n));
        }
        b"map" => {
            reply.map(3);
            for n in 0..3 {
                reply.int(n);
                reply.bool(n == 1);
            }
        }
        b"attrib" => {
            if resp3 {
                reply.attribute(1);
                reply.bulk(b"key-popularity");
                reply.array(2);
                reply.bulk(b"key:123");
                reply.int(90);
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" if resp3 => {
            reply.push(2);
            reply.bulk(b"server-cpu-usage");
            reply.int(42);
            reply.bulk(b"Some real reply following the push reply");
        }
        b"push" => return Err("ERR RESP2 is not supported by this command".into()),
        b"true" => reply.bool(true),
        b"false" => reply.bool(false),
        b"verbatim" => reply.verbatim("txt", "This is a verbatim\nstring"),
        b"bignum" => reply.big_number("1234567999999999999999999999999999999"),
        _ => {
            return Err("ERR Wrong protocol type name. Please use one of the following: \
                        string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false"
                .into());
        }
    }
    Ok(())
}

fn match_long_string(cx: &mut Context<'_>) -> Result<(), Error> {
    const MAX_LEN: i64 = 512 << 20;
    let len = cx.int(2)?;
    if !(0..=MAX_LEN).contains(&len) {
        return Err(error::NOT_POSITIVE.into());
    }
    let matches = glob::matches(cx.args.at(3), &vec![b'x'; len as usize], false);
    cx.reply.int(matches as i64);
    Ok(())
}

/// Keys that exist are left alone. What is made is logged, so that it is there after a restart too.
fn populate(cx: &mut Context<'_>) -> Result<(), Error> {
    let positive = |i: usize| cx.int(i).ok().and_then(|n| usize::try_from(n).ok()).ok_or(error::NOT_POSITIVE);
    let count = positive(2)?;
    let prefix = cx.args.get(3).unwrap_or(b"key");
    let size = if cx.args.len() == 5 { Some(positive(4)?) } else { None };
    if size.is_some_and(|size| size > cx.engine.settings.max_bulk_bytes) {
        return Err(error::NOT_POSITIVE.into());
    }
    let access = cx.engine.fresh_access();
    for n in 0..count {
        let name = [prefix, format!(":{n}").as_bytes()].concat();
        let mut value = format!("value:{n}").into_bytes();
        value.resize(size.unwrap_or(value.len()), 0);
        let key = cx.engine.keyspace.key(&name);
        if let Slot::Vacant(slot) = cx.engine.slot(cx.session.db, key) {
            slot.insert_string(&value, None, access);
            cx.changed(&name);
            cx.log(&[b"SET", name.as_slice(), value.as_slice()]);
        }
    }
    cx.reply.ok();
    Ok(())
}

fn table_stats(cx: &mut Context<'_>) -> Result<(), Error> {
    let db = cx.int(2)?;
    if !(0..cx.engine.keyspace.databases() as i64).contains(&db) {
        return Err("ERR Out of range database".into());
    }
    cx.engine.depends_on_everything();
    let db = cx.engine.keyspace.db(db as usize);
    let stats = db.table_stats();
    let text = format!(
        "[Dictionary HT]\nkeys: {}\nkeys with a deadline: {}\nsegments: {}\nslots: {}\ndirectory entries: {}\nbytes without the entries: {}\n",
        stats.keys,
        db.volatile_len(),
        stats.segments,
        stats.slots,
        stats.directory,
        stats.bytes
    );
    cx.reply.verbatim("txt", &text);
    Ok(())
}
