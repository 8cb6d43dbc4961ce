//! `HSCAN`: a small hash at once, a large one by position in hash space, so that no growth makes it miss or repeat a field.

use super::read_hash;
use crate::commands::scan::{Own, ScanOptions, Scanned, cursor_at};
use crate::context::Context;
use crate::error::Error;

/// `HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]`
pub fn hscan(cx: &mut Context<'_>) -> Result<(), Error> {
    let cursor = cursor_at(cx, 2)?;
    let key = cx.key(1);
    let before = cx.engine.due_before();
    let mut values = true;
    let options = ScanOptions::parse(cx, 3, |word, _| {
        let is_own = word.eq_ignore_ascii_case(b"novalues");
        values &= !is_own;
        if is_own { Own::Word } else { Own::No }
    });
    let (mut found, mut next) = (Scanned::default(), 0);
    // A missing key and another type are noticed before a wrong option is.
    if let Some(hash) = read_hash(cx.engine, cx.session, key)? {
        let options = options?;
        next = hash.scan(cursor, options.count, &mut |field| {
            let mut scratch = [0; 20];
            let name = field.name.to_bytes(&mut scratch);
            if field.is_due(before) || !options.wants(name) {
                return;
            }
            found.push(name);
            if values {
                found.push(field.value.to_bytes(&mut [0; 20]));
            }
        });
    }
    found.reply(cx, next);
    Ok(())
}
