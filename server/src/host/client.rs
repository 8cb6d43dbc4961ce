//! `CLIENT` subcommands that concern other clients.
//!
//! The client whose command is being executed is not whole: its session and its output are with the executor.
//! Whatever is said of it comes from the [`Context`].

use crate::client::Client;
use crate::outside::Outside;
use graven_engine::{Blocked, Context, Error, Pause, Registry, Session, SessionFlags, Topic, error};
use graven_resp::{Protocol, number};

/// `CLIENT UNBLOCK id [TIMEOUT | ERROR]`
pub(super) fn unblock(outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    let with_error = match cx.args.len() {
        3 => false,
        4 if cx.is(3, "TIMEOUT") => false,
        4 if cx.is(3, "ERROR") => true,
        5.. => return Err(error::wrong_subcommand(cx.args)),
        _ => return Err("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR".into()),
    };
    const UNBLOCKED: &str = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
    let id = cx.int(2)?;
    if cx.engine.end_wait(id as u64, with_error.then_some(UNBLOCKED), outside) {
        cx.reply.int(1);
        return Ok(());
    }
    let slot = outside.slot_of(id as u64).filter(|&slot| {
        let blocked = outside.clients[slot].session.as_ref().and_then(|s| s.blocked.as_ref());
        matches!(blocked, Some(Blocked::Wait { .. }))
    });
    if let Some(slot) = slot {
        outside.end_wait(slot, with_error.then_some(UNBLOCKED));
    }
    cx.reply.int(slot.is_some() as i64);
    Ok(())
}

/// `CLIENT PAUSE timeout [WRITE | ALL]`
pub(super) fn pause(outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    let mode = match cx.args.len() {
        3 => Pause::All,
        4 if cx.is(3, "ALL") => Pause::All,
        4 if cx.is(3, "WRITE") => Pause::Writes,
        4 => return Err("ERR CLIENT PAUSE mode must be WRITE or ALL".into()),
        _ => return Err(error::wrong_subcommand(cx.args)),
    };
    let end_ms = cx.timeout_ms(2)?;
    // Whoever pauses everything is not overruled by a pause of writes, nor a long pause by a short one.
    if cx.engine.pause != Pause::All {
        cx.engine.pause = mode;
    }
    outside.pause_until_ms = outside.pause_until_ms.max(end_ms);
    cx.reply.ok();
    Ok(())
}

/// `CLIENT UNPAUSE`
pub(super) fn unpause(outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    cx.engine.pause = Pause::Off;
    outside.pause_until_ms = 0;
    cx.reply.ok();
    Ok(())
}

/// The types of `CLIENT LIST TYPE` and `CLIENT KILL TYPE`. Without replication and subscriptions all clients are normal.
/// The type of client that a word names: whether such clients listen to channels. `None` for types that no client here has.
fn client_type(name: &[u8]) -> Result<Option<bool>, Error> {
    match name.to_ascii_lowercase().as_slice() {
        b"normal" => Ok(Some(false)),
        b"pubsub" => Ok(Some(true)),
        b"master" | b"replica" | b"slave" => Ok(None),
        _ => Err(error::quoting("ERR Unknown client type '", name, "'")),
    }
}

/// A client's session; the executing client's is in the context.
fn session_of<'s>(client: &'s Client, cx: &'s Context<'_>) -> &'s Session {
    if client.id == cx.session.id { &*cx.session } else { client.session.as_ref().expect("only the executing client's is away") }
}

/// `CLIENT INFO`
pub(super) fn info(outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    let mut text = String::new();
    if let Some(slot) = outside.slot_of(cx.session.id) {
        describe(&mut text, &outside.clients[slot], cx);
    }
    cx.reply.verbatim("txt", &text);
    Ok(())
}

/// `CLIENT LIST [TYPE type] [ID id …]`
pub(super) fn list(outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    let mut text = String::new();
    match cx.args.len() {
        2 => outside.clients.iter().for_each(|(_, client)| describe(&mut text, client, cx)),
        4 if cx.is(2, "TYPE") => {
            let listening = client_type(cx.args.at(3))?;
            for (_, client) in &outside.clients {
                if listening == Some(session_of(client, cx).subscriptions.is_some()) {
                    describe(&mut text, client, cx);
                }
            }
        }
        4.. if cx.is(2, "ID") => {
            let ids: Option<Vec<i64>> = cx.args.skip(3).map(number::parse_i64).collect();
            for id in ids.ok_or("ERR Invalid client ID")? {
                if let Some(slot) = outside.slot_of(id as u64) {
                    describe(&mut text, &outside.clients[slot], cx);
                }
            }
        }
        _ => return Err(error::SYNTAX.into()),
    }
    cx.reply.verbatim("txt", &text);
    Ok(())
}

fn describe(text: &mut String, client: &Client, cx: &Context<'_>) {
    let now_ms = cx.engine.now_ms();
    let session = session_of(client, cx);
    let transaction = session.transaction.as_deref();
    let argv_bytes = if client.id == cx.session.id { cx.args.total_bytes() } else { 0 };
    let (chunks, chunk_bytes) = client.output.backlog();
    let input_bytes = client.input.len();
    *text += &format!(
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={} qbuf={} qbuf-free={} argv-mem={} \
         multi-mem={} rbs={} rbp={} obl={} oll={} omem={} tot-mem={} events={} cmd={} user=default redir=-1 resp={} lib-name={} lib-ver={}\n",
        client.id,
        client.address,
        client.local_address,
        client.stream.fd(),
        session.name,
        now_ms.saturating_sub(client.connected_ms) / 1000,
        now_ms.saturating_sub(client.active_ms) / 1000,
        flags(client, session),
        session.db,
        session.subscribed(Topic::Channel),
        session.subscribed(Topic::Pattern),
        session.subscribed(Topic::ShardChannel),
        transaction.map_or(-1, |t| t.queue.len() as i64),
        input_bytes,
        client.input.capacity() - input_bytes,
        argv_bytes,
        transaction.map_or(0, |t| t.bytes),
        client.output.tail.capacity(),
        client.output.tail_bytes(),
        client.output.tail_bytes(),
        chunks,
        chunk_bytes,
        client.memory_usage(),
        if client.output.is_empty() { "r" } else { "rw" },
        command_name(&cx.engine.registry, session),
        if session.protocol == Protocol::Resp3 { 3 } else { 2 },
        session.lib_name,
        session.lib_version,
    );
}

fn command_name<'r>(registry: &'r Registry, session: &Session) -> &'r str {
    session.last_command.map_or("NULL", |id| &registry.get(id).full_name)
}

fn flags(client: &Client, session: &Session) -> String {
    let has = |flag| session.flags.contains(flag);
    let letters = [
        (has(SessionFlags::MONITOR), 'O'),
        (session.subscriptions.is_some(), 'P'),
        (session.transaction.is_some() || session.in_exec, 'x'),
        (session.blocked.is_some(), 'b'),
        (has(SessionFlags::CLOSE_AFTER_REPLY), 'c'),
        (client.doomed, 'A'),
        (has(SessionFlags::UNIX_SOCKET), 'U'),
        (has(SessionFlags::NO_EVICT), 'e'),
        (has(SessionFlags::NO_TOUCH), 'T'),
    ];
    let set: String = letters.into_iter().filter_map(|(set, letter)| set.then_some(letter)).collect();
    if set.is_empty() { "N".to_owned() } else { set }
}

/// Which clients `CLIENT KILL` means.
struct Victims<'a> {
    id: Option<u64>,
    /// Whether they listen to channels; `Some(None)` for types that no client has.
    listening: Option<Option<bool>>,
    address: Option<&'a [u8]>,
    local_address: Option<&'a [u8]>,
    skip_me: bool,
}

impl<'a> Victims<'a> {
    fn parse(cx: &Context<'a>) -> Result<Victims<'a>, Error> {
        let mut victims = Victims { id: None, listening: None, address: None, local_address: None, skip_me: true };
        let mut i = 2;
        while i < cx.args.len() {
            let value = cx.args.get(i + 1).ok_or(error::SYNTAX)?;
            match cx.args.at(i).to_ascii_uppercase().as_slice() {
                b"ID" => {
                    let id = number::parse_i64(value).filter(|id| *id > 0).ok_or("ERR client-id should be greater than 0")?;
                    victims.id = Some(id as u64);
                }
                b"TYPE" => victims.listening = Some(client_type(value)?),
                b"ADDR" => victims.address = Some(value),
                b"LADDR" => victims.local_address = Some(value),
                b"USER" if value == b"default" => {}
                b"USER" => return Err(error::quoting("ERR No such user '", value, "'")),
                b"SKIPME" if value.eq_ignore_ascii_case(b"yes") => victims.skip_me = true,
                b"SKIPME" if value.eq_ignore_ascii_case(b"no") => victims.skip_me = false,
                _ => return Err(error::SYNTAX.into()),
            }
            i += 2;
        }
        Ok(victims)
    }

    fn include(&self, client: &Client, cx: &Context<'_>) -> bool {
        let me = cx.session.id;
        self.id.is_none_or(|id| id == client.id)
            && self.listening.is_none_or(|listening| listening == Some(session_of(client, cx).subscriptions.is_some()))
            && self.address.is_none_or(|address| address == client.address.as_bytes())
            && self.local_address.is_none_or(|address| address == client.local_address.as_bytes())
            && !(self.skip_me && client.id == me)
    }
}

/// `CLIENT KILL addr`, or `CLIENT KILL` with filters.
pub(super) fn kill(outside: &mut Outside, cx: &mut Context<'_>) -> Result<(), Error> {
    let old_form = cx.args.len() == 3;
    let victims = match cx.args.get(2) {
        Some(address) if old_form => Victims { id: None, listening: None, address: Some(address), local_address: None, skip_me: false },
        _ => Victims::parse(cx)?,
    };
    let me = cx.session.id;
    let slots: Vec<usize> = outside.clients.iter().filter(|(_, c)| !c.doomed && victims.include(c, cx)).map(|(slot, _)| slot).collect();
    for &slot in &slots {
        if outside.clients[slot].id == me {
            cx.session.flags.insert(SessionFlags::CLOSE_AFTER_REPLY);
        } else {
            outside.doom(slot);
        }
    }
    match (old_form, slots.len()) {
        (true, 0) => return Err("ERR No such client".into()),
        (true, _) => cx.reply.ok(),
        (false, killed) => cx.reply.int(killed as i64),
    }
    Ok(())
}
