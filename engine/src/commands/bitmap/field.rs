//! `BITFIELD`: integers of any width at any bit of a string.

use super::{Growth, bit_offset, bytes_of, grown};
use crate::commands::string::string_of;
use crate::context::Context;
use crate::error::{Error, NOT_INTEGER, SYNTAX};
use crate::notify::EventClass;
use graven_resp::number::parse_i64;

const BAD_TYPE: &str = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";

/// `i1` to `i64`, `u1` to `u63`.
#[derive(Clone, Copy)]
struct Width {
    signed: bool,
    bits: u32,
}

impl Width {
    fn parse(text: &[u8]) -> Option<Width> {
        let (signed, digits) = match text {
            [b'i', digits @ ..] => (true, digits),
            [b'u', digits @ ..] => (false, digits),
            _ => return None,
        };
        let bits = parse_i64(digits)?;
        let most = if signed { 64 } else { 63 };
        (1..=most).contains(&bits).then_some(Width { signed, bits: bits as u32 })
    }

    fn least(self) -> i128 {
        if self.signed { -(1 << (self.bits - 1)) } else { 0 }
    }

    fn greatest(self) -> i128 {
        if self.signed { (1 << (self.bits - 1)) - 1 } else { (1 << self.bits) - 1 }
    }

    /// The number that `SET` is given. An unsigned field takes it as 64 bits without a sign. A signed one that saturates takes a
    /// number for too great that is so far below that Redis's arithmetic wraps.
    fn as_given(self, number: i64, overflow: Overflow) -> i128 {
        match (self.signed, overflow) {
            (false, _) => i128::from(number as u64),
            (true, Overflow::Saturate) if self.bits < 64 && self.greatest() - i128::from(number) > i64::MAX.into() => self.greatest(),
            (true, _) => number.into(),
        }
    }

    /// The number that the lowest bits of `raw` are.
    fn read(self, raw: u64) -> i64 {
        let shift = 64 - self.bits;
        if self.signed { (raw << shift) as i64 >> shift } else { (raw << shift >> shift) as i64 }
    }
}

#[derive(Clone, Copy)]
enum Overflow {
    Wrap,
    Saturate,
    Fail,
}

impl Overflow {
    /// The number that is stored for `number`; `None` if it is refused.
    fn fit(self, width: Width, number: i128) -> Option<i64> {
        let (least, greatest) = (width.least(), width.greatest());
        if (least..=greatest).contains(&number) {
            return Some(number as i64);
        }
        match self {
            Overflow::Wrap => Some(width.read(number as u64)),
            Overflow::Saturate => Some(number.clamp(least, greatest) as i64),
            Overflow::Fail => None,
        }
    }
}

enum Action {
    Get,
    Set(i64),
    Add(i64),
}

struct Operation {
    action: Action,
    width: Width,
    offset: u64,
    overflow: Overflow,
}

/// All operations that the arguments ask for.
fn parse(cx: &Context<'_>) -> Result<Vec<Operation>, Error> {
    let mut operations = Vec::new();
    let mut overflow = Overflow::Wrap;
    let mut i = 2;
    while i < cx.args.len() {
        let left = cx.args.len() - i - 1;
        if cx.is(i, "overflow") && left >= 1 {
            overflow = match cx.args.at(i + 1).to_ascii_lowercase().as_slice() {
                b"wrap" => Overflow::Wrap,
                b"sat" => Overflow::Saturate,
                b"fail" => Overflow::Fail,
                _ => return Err("ERR Invalid OVERFLOW type specified".into()),
            };
            i += 2;
            continue;
        }
        let is_get = cx.is(i, "get") && left >= 2;
        let is_set = cx.is(i, "set") && left >= 3;
        let is_add = cx.is(i, "incrby") && left >= 3;
        if !(is_get || is_set || is_add) {
            return Err(SYNTAX.into());
        }
        let width = Width::parse(cx.args.at(i + 1)).ok_or(BAD_TYPE)?;
        let offset = bit_offset(cx, cx.args.at(i + 2), Some(u64::from(width.bits)))?;
        let number = || parse_i64(cx.args.at(i + 3)).ok_or(NOT_INTEGER);
        let action = match (is_get, is_set) {
            (true, _) => Action::Get,
            (_, true) => Action::Set(number()?),
            _ => Action::Add(number()?),
        };
        i += if is_get { 3 } else { 4 };
        operations.push(Operation { action, width, offset, overflow });
    }
    Ok(operations)
}

/// The nine bytes that hold a field of up to 64 bits, zeros beyond the end.
fn window(bytes: &[u8], offset: u64) -> u128 {
    let start = (offset / 8) as usize;
    let mut window = [0; 16];
    if let Some(there) = bytes.get(start..) {
        let there = &there[..there.len().min(9)];
        window[..there.len()].copy_from_slice(there);
    }
    u128::from_be_bytes(window)
}

fn read(bytes: &[u8], width: Width, offset: u64) -> i64 {
    width.read((window(bytes, offset) >> (128 - (offset % 8) as u32 - width.bits)) as u64)
}

/// `BITFIELD key [GET type offset | [OVERFLOW WRAP | SAT | FAIL] SET type offset value | INCRBY type offset increment] …`
pub fn bitfield(cx: &mut Context<'_>) -> Result<(), Error> {
    let operations = parse(cx)?;
    let writes = operations.iter().filter(|operation| !matches!(operation.action, Action::Get));
    match writes.map(|operation| operation.offset + u64::from(operation.width.bits) - 1).max() {
        None => reply_reads(cx, &operations),
        Some(highest) => execute(cx, &operations, highest),
    }
}

/// `BITFIELD_RO key [GET type offset] …`
pub fn bitfield_ro(cx: &mut Context<'_>) -> Result<(), Error> {
    let operations = parse(cx)?;
    if operations.iter().any(|operation| !matches!(operation.action, Action::Get)) {
        return Err("ERR BITFIELD_RO only supports the GET subcommand".into());
    }
    reply_reads(cx, &operations)
}

fn reply_reads(cx: &mut Context<'_>, operations: &[Operation]) -> Result<(), Error> {
    let key = cx.key(1);
    let mut scratch = [0; 20];
    let bytes = match cx.engine.read(cx.session, key) {
        None => &[],
        Some(entry) => string_of(entry)?.to_bytes(&mut scratch),
    };
    cx.reply.array(operations.len());
    operations.iter().for_each(|operation| cx.reply.int(read(bytes, operation.width, operation.offset)));
    Ok(())
}

fn execute(cx: &mut Context<'_>, operations: &[Operation], highest: u64) -> Result<(), Error> {
    let key = cx.key(1);
    let (mut place, growth) = grown(cx, key, (highest / 8) as usize + 1)?;
    let grew = growth != Growth::None;
    let mut changes = 0;
    let mut replies = Vec::with_capacity(operations.len());
    for operation in operations {
        let Operation { width, offset, overflow, .. } = *operation;
        let old = read(bytes_of(&place), width, offset);
        let (new, shown) = match operation.action {
            Action::Get => {
                replies.push(Some(old));
                continue;
            }
            Action::Set(number) => (overflow.fit(width, width.as_given(number, overflow)), Some(old)),
            Action::Add(number) => {
                let new = overflow.fit(width, i128::from(old) + i128::from(number));
                (new, new)
            }
        };
        changes += u64::from(new.is_some_and(|new| grew || new != old));
        if let Some(new) = new
            && new != old
        {
            let shift = 128 - (offset % 8) as u32 - width.bits;
            let mask = (u128::MAX >> (128 - width.bits)) << shift;
            let window = window(bytes_of(&place), offset) & !mask | (new as u128) << shift & mask;
            let used = ((offset % 8) as usize + width.bits as usize).div_ceil(8);
            place.set_range((offset / 8) as usize, &window.to_be_bytes()[..used]);
        }
        replies.push(new.and(shown));
    }
    if growth == Growth::Created {
        cx.notify(EventClass::NEW, "new", key.bytes);
    }
    if changes > 0 {
        cx.changed_by(key.bytes, changes);
        cx.notify(EventClass::STRING, "setbit", key.bytes);
    } else if grew {
        // All was refused, yet the string is longer now. Redis does not count that.
        cx.engine.signal(cx.session.db, key.bytes);
        cx.log_as_called();
    }
    cx.reply.array(replies.len());
    for reply in replies {
        match reply {
            Some(number) => cx.reply.int(number),
            None => cx.reply.null(),
        }
    }
    Ok(())
}
