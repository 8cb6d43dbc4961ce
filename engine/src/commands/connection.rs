//! The connection itself: who is there, which protocol, which database.
//!
//! There is one user, `default`, and one password (`requirepass`). Passwords are compared in a time that does
//! not depend on where they differ.

use crate::context::Context;
use crate::error::{Error, SYNTAX, quoting, wrong_arity};
use crate::session::SessionFlags;
use graven_resp::{Protocol, number};

const WRONG_PASS: &str = "WRONGPASS invalid username-password pair or user is disabled.";

/// `PING [message]`
pub fn ping(cx: &mut Context<'_>) -> Result<(), Error> {
    match cx.args.len() {
        1 | 2 if cx.session.only_listens() => {
            cx.reply.array(2);
            cx.reply.bulk(b"pong");
            cx.reply.bulk(cx.args.get(1).unwrap_or_default());
        }
        1 => cx.reply.simple("PONG"),
        2 => cx.reply.bulk(cx.args.at(1)),
        _ => return Err(wrong_arity("ping")),
    }
    Ok(())
}

/// `ECHO message`
pub fn echo(cx: &mut Context<'_>) -> Result<(), Error> {
    cx.reply.bulk(cx.args.at(1));
    Ok(())
}

/// `SELECT index`
pub fn select(cx: &mut Context<'_>) -> Result<(), Error> {
    let index = cx.int(1)?;
    if i32::try_from(index).is_err() {
        return Err("ERR value is out of range, value must between -2147483648 and 2147483647".into());
    }
    if !(0..cx.engine.keyspace.databases() as i64).contains(&index) {
        return Err(crate::error::INVALID_DB.into());
    }
    cx.session.db = index as usize;
    cx.reply.ok();
    Ok(())
}

/// `AUTH [username] password`
pub fn auth(cx: &mut Context<'_>) -> Result<(), Error> {
    let (user, password) = match cx.args.len() {
        2 if cx.engine.settings.password.is_empty() => {
            return Err("ERR AUTH <password> called without any password configured for the default user. \
                        Are you sure your configuration is correct?"
                .into());
        }
        2 => (&b"default"[..], cx.args.at(1)),
        3 => (cx.args.at(1), cx.args.at(2)),
        _ => return Err(SYNTAX.into()),
    };
    authenticate(cx, user, password)?;
    cx.reply.ok();
    Ok(())
}

fn authenticate(cx: &mut Context<'_>, user: &[u8], password: &[u8]) -> Result<(), Error> {
    let expected = cx.engine.settings.password.as_bytes();
    if user != b"default" || !(expected.is_empty() || is_same_secret(password, expected)) {
        return Err(WRONG_PASS.into());
    }
    cx.session.authenticated = true;
    Ok(())
}

/// Compares all bytes of what was given whatever they are, so that the time tells only its length.
fn is_same_secret(given: &[u8], expected: &[u8]) -> bool {
    let differences = given.iter().enumerate().fold(given.len() ^ expected.len(), |differences, (i, byte)| {
        differences | (byte ^ expected.get(i).copied().unwrap_or(!byte)) as usize
    });
    std::hint::black_box(differences) == 0
}

/// `HELLO [protover [AUTH username password] [SETNAME clientname]]`
pub fn hello(cx: &mut Context<'_>) -> Result<(), Error> {
    let mut protocol = None;
    if let Some(version) = cx.args.get(1) {
        protocol = match number::parse_i64(version) {
            None => return Err("ERR Protocol version is not an integer or out of range".into()),
            Some(2) => Some(Protocol::Resp2),
            Some(3) => Some(Protocol::Resp3),
            Some(_) => return Err("NOPROTO unsupported protocol version".into()),
        };
    }
    let mut credentials = None;
    let mut name = None;
    let mut i = 2;
    while i < cx.args.len() {
        let more = cx.args.len() - 1 - i;
        if cx.is(i, "AUTH") && more >= 2 {
            credentials = Some((cx.args.at(i + 1), cx.args.at(i + 2)));
            i += 3;
        } else if cx.is(i, "SETNAME") && more >= 1 {
            name = Some(super::client::valid_name(cx.args.at(i + 1))?);
            i += 2;
        } else {
            return Err(quoting("ERR Syntax error in HELLO option '", cx.args.at(i), "'"));
        }
    }
    if let Some((user, password)) = credentials {
        authenticate(cx, user, password)?;
    }
    if !cx.session.authenticated {
        return Err("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> \
                    option can be used to authenticate the client and select the RESP protocol version at the same time"
            .into());
    }
    if let Some(name) = name {
        cx.session.name = name;
    }
    if let Some(protocol) = protocol {
        cx.session.protocol = protocol;
        cx.reply.set_protocol(protocol);
    }
    let reply = &mut cx.reply;
    reply.map(7);
    reply.bulk(b"server");
    reply.bulk(b"redis");
    reply.bulk(b"version");
    reply.bulk(crate::REDIS_VERSION.as_bytes());
    reply.bulk(b"proto");
    reply.int(if cx.session.protocol == Protocol::Resp3 { 3 } else { 2 });
    reply.bulk(b"id");
    reply.int(cx.session.id as i64);
    reply.bulk(b"mode");
    reply.bulk(b"standalone");
    reply.bulk(b"role");
    reply.bulk(b"master");
    reply.bulk(b"modules");
    reply.array(0);
    Ok(())
}

/// `RESET`
pub fn reset(cx: &mut Context<'_>) -> Result<(), Error> {
    cx.engine.discard(cx.session);
    cx.engine.silence(cx.session);
    let session = &mut *cx.session;
    session.db = 0;
    session.protocol = Protocol::Resp2;
    session.authenticated = cx.engine.settings.password.is_empty();
    session.name.clear();
    session.flags.remove(
        SessionFlags::MONITOR
            | SessionFlags::REPLY_OFF
            | SessionFlags::REPLY_SKIP
            | SessionFlags::REPLY_SKIP_NEXT
            | SessionFlags::NO_TOUCH
            | SessionFlags::NO_EVICT,
    );
    cx.reply.set_protocol(Protocol::Resp2);
    cx.reply.set_muted(false);
    cx.reply.simple("RESET");
    Ok(())
}

/// `QUIT`
pub fn quit(cx: &mut Context<'_>) -> Result<(), Error> {
    cx.session.flags.insert(SessionFlags::CLOSE_AFTER_REPLY);
    cx.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_same_secret;

    #[test]
    fn a_secret_equals_only_itself() {
        assert!(is_same_secret(b"abc", b"abc"));
        for other in [&b""[..], b"ab", b"abd", b"abcd", b"Abc", b"abc\0", b"abcabc"] {
            assert!(!is_same_secret(other, b"abc"), "{other:?}");
        }
    }
}
