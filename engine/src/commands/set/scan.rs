//! `SSCAN`: a small set at once, a large one by position in hash space, so that no growth makes it miss or repeat a member.

use super::set_of;
use crate::commands::scan::{Own, ScanOptions, Scanned, cursor_at};
use crate::context::Context;
use crate::error::Error;

/// `SSCAN key cursor [MATCH pattern] [COUNT count]`
pub fn sscan(cx: &mut Context<'_>) -> Result<(), Error> {
    let cursor = cursor_at(cx, 2)?;
    let key = cx.key(1);
    let options = ScanOptions::parse(cx, 3, |_, _| Own::No);
    let (mut found, mut next) = (Scanned::default(), 0);
    // A missing key and another type are noticed before a wrong option is.
    if let Some(entry) = cx.engine.read(cx.session, key) {
        let (set, options) = (set_of(entry)?, options?);
        next = set.scan(cursor, options.count, &mut |member| {
            let mut scratch = [0; 20];
            let text = member.to_bytes(&mut scratch);
            if options.wants(text) {
                found.push(text);
            }
        });
    }
    found.reply(cx, next);
    Ok(())
}
