//! Replies of RESP2, as far as it matters whether one is whole and whether it is an error.

/// A whole reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) length: usize,
    /// It says that something was done. A nil in place of an `EXEC`'s results, and an error, say that nothing was.
    pub(crate) is_done: bool,
    /// The first of an array's elements, if that is a number.
    pub(crate) first_number: Option<i64>,
}

/// The reply at the front of `bytes`, if it is whole.
pub(crate) fn first(bytes: &[u8]) -> Option<Reply> {
    let (length, is_done) = measure(bytes)?;
    let inner = bytes[..length].strip_prefix(b"*").and_then(|rest| rest.split(|&byte| byte == b'\n').nth(1));
    let first_number = inner.and_then(|line| std::str::from_utf8(line.strip_prefix(b":")?).ok()?.trim_end().parse().ok());
    Some(Reply { length, is_done, first_number })
}

fn measure(bytes: &[u8]) -> Option<(usize, bool)> {
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
                at += measure(&bytes[at..])?.0;
            }
            Some((at, items >= 0))
        }
        _ => Some((end, true)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Reply, first};

    fn reply(length: usize, is_done: bool, first_number: Option<i64>) -> Option<Reply> {
        Some(Reply { length, is_done, first_number })
    }

    #[test]
    fn a_reply_is_taken_when_it_is_whole() {
        let text: &[u8] = b"*3\r\n$3\r\nabc\r\n*-1\r\n-ERR no\r\n+OK\r\n";
        assert_eq!(first(text), reply(27, true, None));
        (0..27).for_each(|cut| assert_eq!(first(&text[..cut]), None, "{cut}"));
        assert_eq!(first(b"-ERR\r\n"), reply(6, false, None));
        assert_eq!(first(b"*-1\r\n"), reply(5, false, None));
        assert_eq!(first(b"$-1\r\n"), reply(5, true, None));
        assert_eq!(first(b"*2\r\n:1\r\n:0\r\n"), reply(12, true, Some(1)));
    }
}
