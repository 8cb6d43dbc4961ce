//! Which arguments of a command are keys, from the key specifications of the command table.
//!
//! The rules are those of <https://redis.io/docs/latest/develop/reference/key-specs/>: a specification says where
//! the search begins and how it goes on. Whatever does not fit the arguments makes the whole extraction fail:
//! a part of the keys would be worse than none.

use crate::command::{BeginSearch, CommandSpec, FindKeys, KeyFlags, KeySpec};
use graven_resp::{Args, number};

/// A key among the arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundKey {
    /// Which argument.
    pub index: usize,
    /// What the command does with it.
    pub flags: KeyFlags,
}

/// The keys of a command's arguments (the name included), or nothing if the arguments do not fit the command.
pub fn keys(spec: &CommandSpec, args: Args<'_>) -> Option<Vec<FoundKey>> {
    let mut found = Vec::new();
    for group in spec.keys.iter().filter(|group| !group.flags.contains(KeyFlags::NOT_KEY)) {
        let begin = match group.begin {
            BeginSearch::Unknown => match unspecified(spec, group.flags, args) {
                Some(index) => {
                    found.push(FoundKey { index, flags: group.flags });
                    continue;
                }
                None => continue,
            },
            known => begin(known, args),
        };
        let Some(begin) = begin else { continue };
        let (first, last, step) = range(group, args, begin)?;
        if first < 1 || last < first || last >= args.len() as i64 || step < 1 {
            return None;
        }
        let flags = refined(spec, group.flags, args);
        found.extend((first..=last).step_by(step as usize).map(|index| FoundKey { index: index as usize, flags }));
    }
    Some(found)
}

/// The argument where a search begins; nothing if the word it depends on is not there.
fn begin(begin: BeginSearch, args: Args<'_>) -> Option<i64> {
    match begin {
        BeginSearch::Index(index) => Some(index as i64),
        BeginSearch::Keyword(word, from) => {
            let is_it = |i: &usize| args.at(*i).eq_ignore_ascii_case(word.as_bytes());
            let position = match usize::try_from(from) {
                Ok(from) => (from..args.len()).find(is_it),
                Err(_) => (1..=args.len().saturating_sub(from.unsigned_abs() as usize)).rev().find(is_it),
            };
            position.map(|position| position as i64 + 1)
        }
        BeginSearch::Unknown => None,
    }
}

/// The key that only the command itself knows how to find: the destination of `SORT`, named by the last `STORE`.
fn unspecified(spec: &CommandSpec, flags: KeyFlags, args: Args<'_>) -> Option<usize> {
    if spec.name != "sort" || !flags.contains(KeyFlags::OW) {
        return None;
    }
    let (mut i, mut destination) = (2, None);
    while let Some(word) = args.get(i) {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if is("store") && i + 1 < args.len() {
            destination = Some(i + 1);
        }
        i += match () {
            () if is("limit") => 3,
            () if is("get") || is("by") => 2,
            () => 1,
        };
    }
    destination
}

/// First key, last key, distance.
fn range(group: &KeySpec, args: Args<'_>, begin: i64) -> Option<(i64, i64, i64)> {
    let count = args.len() as i64;
    match group.find {
        FindKeys::Range { last, step, limit } => {
            let last = match (last, limit) {
                (0.., _) => begin + last as i64,
                (_, 0 | 1) => count + last as i64,
                (_, limit) => begin + (count - begin) / limit as i64 + last as i64,
            };
            Some((begin, last, step as i64))
        }
        FindKeys::KeyNum { number: at, first, step } => {
            let keys = usize::try_from(begin + at as i64).ok().and_then(|at| args.get(at)).and_then(number::parse_i64)?;
            let first = begin + first as i64;
            let last = first.checked_add(keys.checked_sub(1)?.checked_mul(step as i64)?)?;
            Some((first, last, step as i64))
        }
        FindKeys::Unknown => None,
    }
}

/// What a command with `VARIABLE_FLAGS` does in this very call.
fn refined(spec: &CommandSpec, flags: KeyFlags, args: Args<'_>) -> KeyFlags {
    match spec.name {
        "set" if flags.contains(KeyFlags::VARIABLE_FLAGS) => match args.skip(3).any(|arg| arg.eq_ignore_ascii_case(b"GET")) {
            true => KeyFlags::RW | KeyFlags::ACCESS | KeyFlags::UPDATE,
            false => KeyFlags::OW | KeyFlags::UPDATE,
        },
        _ => flags,
    }
}

/// First key, last key and distance as `COMMAND INFO` shows them: what clients that know no key specifications
/// go by. Keys that do not lie in one row are left out of it, which `movablekeys` tells.
pub fn legacy_range(spec: &CommandSpec) -> (i64, i64, i64, bool) {
    if let [KeySpec { flags, begin: BeginSearch::Index(first), find: FindKeys::Range { last, step, .. }, .. }] = *spec.keys {
        let last = if last >= 0 { first + last } else { last };
        return (first as i64, last as i64, step as i64, flags.contains(KeyFlags::INCOMPLETE));
    }
    let mut movable = false;
    let mut row: Option<(i32, i32)> = None;
    for group in spec.keys {
        match (group.begin, group.find) {
            (BeginSearch::Index(index), FindKeys::Range { last, step: 1, .. }) if row.is_none_or(|(_, end)| end == index - 1) => {
                movable |= group.flags.contains(KeyFlags::INCOMPLETE);
                let last = if last >= 0 { index + last } else { last };
                row = Some((row.map_or(index, |(first, _)| first.min(index)), last));
            }
            _ => movable = true,
        }
    }
    match row {
        Some((first, last)) => (first as i64, last as i64, 1, movable),
        None => (0, 0, 0, movable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Run;
    use graven_resp::OwnedArgs;

    fn found(keys_of: &'static [KeySpec], line: &str) -> Option<Vec<usize>> {
        let spec = CommandSpec::new("x", -1, Run::Container).keys(keys_of);
        let parts: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let args = OwnedArgs::from_parts(parts.into_iter());
        keys(&spec, args.as_args()).map(|found| found.iter().map(|key| key.index).collect())
    }

    const fn with(begin: BeginSearch, find: FindKeys) -> KeySpec {
        KeySpec { flags: KeyFlags::RO, begin, find, notes: "" }
    }

    #[test]
    fn a_range_reaches_from_its_first_to_its_last_key() {
        const PAIRS: &[KeySpec] = &[KeySpec::range(1, -1, 2, KeyFlags::OW)];
        assert_eq!(found(PAIRS, "mset a 1 b 2"), Some(vec![1, 3]));
        const ONE: &[KeySpec] = &[KeySpec::one(2, KeyFlags::RO)];
        assert_eq!(found(ONE, "object encoding k"), Some(vec![2]));
        assert_eq!(found(ONE, "object encoding"), None);
        const HALF: &[KeySpec] = &[with(BeginSearch::Keyword("STREAMS", 1), FindKeys::Range { last: -1, step: 1, limit: 2 })];
        assert_eq!(found(HALF, "xread count 1 streams a b 0 0"), Some(vec![4, 5]));
        assert_eq!(found(HALF, "xread count 1"), Some(vec![]));
    }

    #[test]
    fn a_number_of_keys_is_believed_only_if_they_are_there() {
        const NUMBER: &[KeySpec] = &[with(BeginSearch::Index(1), FindKeys::KeyNum { number: 0, first: 1, step: 1 })];
        assert_eq!(found(NUMBER, "sintercard 2 a b limit 1"), Some(vec![2, 3]));
        for bad in
            ["sintercard 3 a b", "sintercard x a", "sintercard 0 a", "sintercard -1 a", "sintercard -9223372036854775808 a", "sintercard"]
        {
            assert_eq!(found(NUMBER, bad), None, "{bad}");
        }
    }

    #[test]
    fn a_keyword_is_looked_for_from_the_end_if_told_so() {
        const LAST: &[KeySpec] = &[with(BeginSearch::Keyword("KEYS", -2), FindKeys::Range { last: -1, step: 1, limit: 0 })];
        assert_eq!(found(LAST, "migrate h p 0 keys a b"), Some(vec![5, 6]));
        assert_eq!(found(LAST, "migrate h p a 0 keys"), Some(vec![]));
    }

    #[test]
    fn the_destination_of_a_sort_is_named_by_its_last_store() {
        const SORT: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RO), KeySpec::unknown(KeyFlags::RO, ""), KeySpec::unknown(KeyFlags::OW, "")];
        let spec = CommandSpec::new("sort", -2, Run::Container).keys(SORT);
        for (line, expected) in [
            ("sort k", vec![1]),
            ("sort k by store x", vec![1]),
            ("sort k by w store x limit 0 store store y", vec![1, 10]),
            ("sort k store", vec![1]),
        ] {
            let args = OwnedArgs::from_parts(line.split(' ').map(str::as_bytes).collect::<Vec<_>>().into_iter());
            let found: Vec<_> = keys(&spec, args.as_args()).unwrap().iter().map(|key| key.index).collect();
            assert_eq!(found, expected, "{line}");
        }
        assert_eq!(legacy_range(&spec), (1, 1, 1, true));
    }

    #[test]
    fn keys_in_one_row_are_one_legacy_range() {
        const ROW: &[KeySpec] = &[KeySpec::one(1, KeyFlags::OW), KeySpec::range(2, -1, 1, KeyFlags::RO)];
        assert_eq!(legacy_range(&CommandSpec::new("x", -1, Run::Container).keys(ROW)), (1, -1, 1, false));
        const MOVES: &[KeySpec] = &[with(BeginSearch::Keyword("KEYS", 1), FindKeys::Unknown)];
        assert_eq!(legacy_range(&CommandSpec::new("x", -1, Run::Container).keys(MOVES)), (0, 0, 0, true));
        assert_eq!(legacy_range(&CommandSpec::new("x", -1, Run::Container)), (0, 0, 0, false));
    }
}
