//! `CLIENT` subcommands that concern the caller alone. Those about other clients are the host's.

use crate::context::Context;
use crate::error::{Error, SYNTAX, quoting};
use crate::session::SessionFlags;

/// `CLIENT ID`
pub fn id(cx: &mut Context<'_>) -> Result<(), Error> {
    cx.reply.int(cx.session.id as i64);
    Ok(())
}

/// `CLIENT GETNAME`
pub fn getname(cx: &mut Context<'_>) -> Result<(), Error> {
    match cx.session.name.as_bytes() {
        b"" => cx.reply.null(),
        name => cx.reply.bulk(name),
    }
    Ok(())
}

/// `CLIENT SETNAME name`; an empty name takes it away.
pub fn setname(cx: &mut Context<'_>) -> Result<(), Error> {
    cx.session.name = valid_name(cx.args.at(2))?;
    cx.reply.ok();
    Ok(())
}

/// A client's name: `CLIENT LIST` shows it between spaces and line ends, so it may hold none.
pub(super) fn valid_name(name: &[u8]) -> Result<String, Error> {
    printable(name).ok_or("ERR Client names cannot contain spaces, newlines or special characters.".into())
}

fn printable(bytes: &[u8]) -> Option<String> {
    bytes.iter().all(u8::is_ascii_graphic).then(|| bytes.iter().map(|&b| b as char).collect())
}

/// `CLIENT SETINFO LIB-NAME name | LIB-VER version`
pub fn setinfo(cx: &mut Context<'_>) -> Result<(), Error> {
    let option = cx.args.at(2);
    let is_name = cx.is(2, "LIB-NAME");
    if !is_name && !cx.is(2, "LIB-VER") {
        return Err(quoting("ERR Unrecognized option '", option, "'"));
    }
    let Some(value) = printable(cx.args.at(3)) else {
        return Err(quoting("ERR ", option, " cannot contain spaces, newlines or special characters."));
    };
    *(if is_name { &mut cx.session.lib_name } else { &mut cx.session.lib_version }) = value;
    cx.reply.ok();
    Ok(())
}

/// `CLIENT REPLY ON | OFF | SKIP`
pub fn reply(cx: &mut Context<'_>) -> Result<(), Error> {
    let flags = &mut cx.session.flags;
    match cx.args.at(2).to_ascii_uppercase().as_slice() {
        b"ON" => {
            flags.remove(SessionFlags::REPLY_OFF | SessionFlags::REPLY_SKIP);
            cx.reply.set_muted(false);
            cx.reply.ok();
        }
        b"OFF" => flags.insert(SessionFlags::REPLY_OFF),
        b"SKIP" if flags.contains(SessionFlags::REPLY_OFF) => {}
        b"SKIP" => flags.insert(SessionFlags::REPLY_SKIP_NEXT),
        _ => return Err(SYNTAX.into()),
    }
    Ok(())
}

/// `CLIENT NO-EVICT ON | OFF`
pub fn no_evict(cx: &mut Context<'_>) -> Result<(), Error> {
    switch(cx, SessionFlags::NO_EVICT)
}

/// `CLIENT NO-TOUCH ON | OFF`
pub fn no_touch(cx: &mut Context<'_>) -> Result<(), Error> {
    switch(cx, SessionFlags::NO_TOUCH)
}

fn switch(cx: &mut Context<'_>, flag: SessionFlags) -> Result<(), Error> {
    let on = match () {
        () if cx.is(2, "ON") => true,
        () if cx.is(2, "OFF") => false,
        () => return Err(SYNTAX.into()),
    };
    cx.session.flags.set(flag, on);
    cx.reply.ok();
    Ok(())
}

/// `CLIENT GETREDIR`: nobody tracks, so nobody is sent invalidations.
pub fn getredir(cx: &mut Context<'_>) -> Result<(), Error> {
    cx.reply.int(-1);
    Ok(())
}

/// `CLIENT TRACKINGINFO`
pub fn trackinginfo(cx: &mut Context<'_>) -> Result<(), Error> {
    cx.reply.map(3);
    cx.reply.bulk(b"flags");
    cx.reply.set(1);
    cx.reply.bulk(b"off");
    cx.reply.bulk(b"redirect");
    cx.reply.int(-1);
    cx.reply.bulk(b"prefixes");
    cx.reply.array(0);
    Ok(())
}
