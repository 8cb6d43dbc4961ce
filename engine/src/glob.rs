//! Glob patterns as `KEYS`, `SCAN MATCH`, `CONFIG GET` and others take them.
//!
//! `*` is any number of bytes, `?` one byte, `[a-c]` one of a class, `[^a]` one not of it, `\` takes the next byte
//! as it is. There is no malformed pattern: a class that is not closed ends with the pattern.
//!
//! Every element but `*` takes exactly one byte, so it is enough to remember the last `*` and to let it take one
//! byte more when what follows it fails: time is bounded by the product of the lengths, memory is constant,
//! whatever the pattern.

/// Whether the whole of `text` matches `pattern`; letters match in either case if `nocase`.
///
/// An empty text matches only an empty pattern, not even `*`: that is what Redis does, and `KEYS *` does not ask.
pub fn matches(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut rest, mut at) = (pattern, 0);
    // After the last `*`: the pattern there, and where the text went on.
    let mut star: Option<(&[u8], usize)> = None;
    while at < text.len() {
        if let [b'*', after @ ..] = rest {
            star = Some((after, at));
            rest = after;
            if rest.is_empty() {
                return true;
            }
            continue;
        }
        match step(rest, text[at], nocase) {
            Some(after) => {
                rest = after;
                at += 1;
            }
            None => match &mut star {
                None => return false,
                Some((after, from)) => {
                    *from += 1;
                    (rest, at) = (after, *from);
                }
            },
        }
    }
    rest.iter().all(|byte| *byte == b'*')
}

/// The pattern after its first element, if that takes `byte`.
fn step(pattern: &[u8], byte: u8, nocase: bool) -> Option<&[u8]> {
    match pattern {
        [] => None,
        [b'?', rest @ ..] => Some(rest),
        [b'[', rest @ ..] => class(rest, byte, nocase),
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => same(*literal, byte, nocase).then_some(rest),
    }
}

fn same(a: u8, b: u8, nocase: bool) -> bool {
    a == b || nocase && a.eq_ignore_ascii_case(&b)
}

/// The pattern after a class (whose `[` is gone), if the class takes `byte`.
fn class(mut pattern: &[u8], byte: u8, nocase: bool) -> Option<&[u8]> {
    let negated = pattern.first() == Some(&b'^');
    if negated {
        pattern = &pattern[1..];
    }
    let mut found = false;
    let rest = loop {
        pattern = match pattern {
            // An escaped byte is compared exactly, also if case does not count.
            [b'\\', literal, rest @ ..] => {
                found |= *literal == byte;
                rest
            }
            [b']', rest @ ..] => break rest,
            [] => break &[],
            [low, b'-', high, rest @ ..] => {
                found |= in_range(*low, *high, byte, nocase);
                rest
            }
            [literal, rest @ ..] => {
                found |= same(*literal, byte, nocase);
                rest
            }
        };
    };
    (found != negated).then_some(rest)
}

/// Bounds may stand in either order, and bytes count as signed, as C's `char` does on most machines.
fn in_range(low: u8, high: u8, byte: u8, nocase: bool) -> bool {
    let (mut low, mut high, mut byte) = (low as i8, high as i8, byte as i8);
    if low > high {
        std::mem::swap(&mut low, &mut high);
    }
    if nocase {
        let lower = |b: i8| (b as u8).to_ascii_lowercase() as i8;
        (low, high, byte) = (lower(low), lower(high), lower(byte));
    }
    (low..=high).contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_as_in_redis() {
        let cases: &[(&str, &str, bool)] = &[
            ("*", "a", true),
            ("*", "", false),
            ("", "", true),
            ("", "a", false),
            ("a*", "a", true),
            ("a**", "a", true),
            ("*a", "ba", true),
            ("*a*b", "xaxb", true),
            ("*a*b", "xaxbx", false),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h[ae]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-c]llo", "hbllo", true),
            ("h[c-a]llo", "hbllo", true),
            ("[", "a", false),
            ("[^", "a", true),
            ("[ab", "b", true),
            ("[]", "a", false),
            ("[^]", "a", true),
            ("[a-]", "-", false),
            ("[a-", "-", true),
            ("[\\]]", "]", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("\\", "\\", true),
            ("a\\", "a\\", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes(), false), *expected, "{pattern:?} on {text:?}");
        }
        assert!(matches(b"HeL[K-M]O*", b"hello world", true));
        assert!(!matches(b"[\\A]", b"a", true));
    }

    #[test]
    fn hostile_patterns_end() {
        // With a matcher that tries every way this would not end.
        let text = vec![b'a'; 2_000];
        let pattern: Vec<u8> = b"a*".iter().copied().cycle().take(2_000).chain([b'b']).collect();
        assert!(!matches(&pattern, &text, false));
    }
}
