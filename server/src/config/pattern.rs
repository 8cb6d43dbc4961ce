//! Patterns of names: `*`, `?`, `[a-z]`, `[^a]`, and `\` in front of any of these, as Redis matches them.

/// Whether the whole text matches. Time is bounded by the product of both lengths: after a mismatch only the last `*` is
/// tried again, which is enough.
pub(super) fn matches(pattern: &str, text: &str, ignore_case: bool) -> bool {
    let fold = |s: &str| if ignore_case { s.to_ascii_lowercase().into_bytes() } else { s.as_bytes().to_vec() };
    let (pattern, text) = (fold(pattern), fold(text));
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p + 1, t));
            p += 1;
            continue;
        }
        let step = match text.get(t) {
            Some(byte) => one(&pattern[p..], *byte),
            None if p == pattern.len() => return true,
            None => None,
        };
        match (step, star) {
            (Some(used), _) => (p, t) = (p + used, t + 1),
            (None, Some((after, from))) if from < text.len() => {
                star = Some((after, from + 1));
                (p, t) = (after, from + 1);
            }
            (None, _) => return false,
        }
    }
}

/// How many bytes of the pattern match this byte, if they do.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'\\', literal, ..] => (*literal == byte).then_some(2),
        [b'[', class @ ..] => {
            let (negated, mut at) = match class {
                [b'^', ..] => (true, 1),
                _ => (false, 0),
            };
            let mut found = false;
            while at < class.len() && class[at] != b']' {
                match &class[at..] {
                    [b'\\', literal, ..] => {
                        found |= *literal == byte;
                        at += 2;
                    }
                    [from, b'-', to, ..] => {
                        found |= (*from.min(to)..=*from.max(to)).contains(&byte);
                        at += 3;
                    }
                    [literal, ..] => {
                        found |= *literal == byte;
                        at += 1;
                    }
                    [] => break,
                }
            }
            (found != negated).then_some((at + 2).min(pattern.len()))
        }
        [literal, ..] => (*literal == byte).then_some(1),
    }
}
