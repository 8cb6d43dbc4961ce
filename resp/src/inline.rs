//! Splitting a line into arguments, as people type them: used for inline commands and configuration lines.

/// Splits a line at white space; `"…"` understands `\n \r \t \b \a \\ \" \xHH`, `'…'` understands `\'`.
/// Each argument is handed to `emit`. `None` if quotes are not balanced or not followed by a space.
pub fn split(line: &[u8], mut emit: impl FnMut(&[u8])) -> Option<()> {
    let space = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c);
    let mut rest = line;
    let mut word = Vec::new();
    loop {
        while let [first, tail @ ..] = rest
            && space(first)
        {
            rest = tail;
        }
        if rest.is_empty() || rest[0] == 0 {
            return Some(());
        }
        word.clear();
        let mut quote = None;
        loop {
            match (quote, rest) {
                (None, [] | [0, ..]) => break,
                (None, [b, ..]) if space(b) => break,
                (None, [q @ (b'"' | b'\''), tail @ ..]) => {
                    quote = Some(*q);
                    rest = tail;
                }
                (Some(b'"'), [b'\\', b'x', h, l, tail @ ..]) if h.is_ascii_hexdigit() && l.is_ascii_hexdigit() => {
                    word.push(hex(*h) << 4 | hex(*l));
                    rest = tail;
                }
                (Some(b'"'), [b'\\', escaped, tail @ ..]) => {
                    word.push(match escaped {
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        b'b' => 8,
                        b'a' => 7,
                        other => *other,
                    });
                    rest = tail;
                }
                (Some(b'\''), [b'\\', b'\'', tail @ ..]) => {
                    word.push(b'\'');
                    rest = tail;
                }
                (Some(q), [b, tail @ ..]) if *b == q => {
                    if tail.first().is_some_and(|next| !space(next)) {
                        return None;
                    }
                    quote = None;
                    rest = tail;
                    break;
                }
                (Some(_), []) => return None,
                (_, [b, tail @ ..]) => {
                    word.push(*b);
                    rest = tail;
                }
            }
        }
        debug_assert!(quote.is_none());
        emit(&word);
    }
}

fn hex(digit: u8) -> u8 {
    (digit as char).to_digit(16).expect("checked to be a hex digit") as u8
}

#[cfg(test)]
mod tests {
    fn split(line: &str) -> Option<Vec<String>> {
        let mut words = Vec::new();
        super::split(line.as_bytes(), |w| words.push(String::from_utf8_lossy(w).into_owned()))?;
        Some(words)
    }

    #[test]
    fn lines_split_as_people_expect() {
        let words = |l: &str| split(l).unwrap().join("|");
        assert_eq!(words("  set  a b\r\n"), "set|a|b");
        assert_eq!(words(r#"set "a b" "\x41\n""#), "set|a b|A\n");
        assert_eq!(words(r"echo 'it\'s' ''"), "echo|it's|");
        assert_eq!(words(r#"ab"cd""#), "abcd");
        assert_eq!(words(""), "");
    }

    #[test]
    fn unbalanced_quotes_are_refused() {
        for line in ["\"abc", "'abc", "\"a\"b", "'a'b", "\"\\", "\"\\\""] {
            assert_eq!(split(line), None, "{line}");
        }
    }
}
