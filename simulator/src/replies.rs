//! Replies of RESP2, as far as it matters whether one is whole and whether it is an error.

/// A whole reply at the front of `bytes`: its length, and whether it says that something was done. A nil in place of an `EXEC`'s
/// results, and an error, say that nothing was.
pub(crate) fn first(bytes: &[u8]) -> Option<(usize, bool)> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")? + 2;
    let number = || std::str::from_utf8(&bytes[1..end - 2]).ok()?.parse::<i64>().ok();
    match bytes[0] {
        b'-' => Some((end, false)),
        b'$' => match number()? {
            length @ 0.. => {
                let whole = end + length as usize + 2;
                (bytes.len() >= whole).then_some((whole, true))
            }
            _ => Some((end, true)),
        },
        b'*' => {
            let items = number()?;
            let mut at = end;
            for _ in 0..items {
                at += first(&bytes[at..])?.0;
            }
            Some((at, items >= 0))
        }
        _ => Some((end, true)),
    }
}

#[cfg(test)]
mod tests {
    use super::first;

    #[test]
    fn a_reply_is_taken_when_it_is_whole() {
        let text: &[u8] = b"*3\r\n$3\r\nabc\r\n*-1\r\n-ERR no\r\n+OK\r\n";
        assert_eq!(first(text), Some((27, true)));
        (0..27).for_each(|cut| assert_eq!(first(&text[..cut]), None, "{cut}"));
        assert_eq!(first(b"-ERR\r\n"), Some((6, false)));
        assert_eq!(first(b"*-1\r\n"), Some((5, false)));
        assert_eq!(first(b"$-1\r\n"), Some((5, true)));
    }
}
