//! Which arguments are passwords: `SLOWLOG` and `MONITOR` show others in their place.

use graven_resp::Args;

/// What is shown instead.
pub const REDACTED: &str = "(redacted)";

/// Whether argument `i` of a command must not be shown.
pub fn is_secret(args: Args<'_>, i: usize) -> bool {
    let is = |i: usize, word: &str| args.get(i).is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()));
    match i {
        0 => false,
        _ if is(0, "auth") => true,
        2.. if is(0, "hello") => is(i - 1, "auth") || is(i - 2, "auth"),
        3.. if is(0, "config") && is(1, "set") && i % 2 == 1 => {
            ["requirepass", "masterauth", "masteruser", "tls-key-file-pass", "tls-client-key-file-pass"].iter().any(|name| is(i - 1, name))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use graven_resp::OwnedArgs;

    #[test]
    fn passwords_are_secret_and_nothing_else_is() {
        let cases = [
            ("AUTH pass", "AUTH *"),
            ("auth user pass", "auth * *"),
            ("HELLO 3 AUTH user pass SETNAME me", "HELLO 3 AUTH * * SETNAME me"),
            ("CONFIG SET maxclients 5 requirepass pass", "CONFIG SET maxclients 5 requirepass *"),
            ("CONFIG GET requirepass", "CONFIG GET requirepass"),
            ("SET auth pass", "SET auth pass"),
        ];
        for (line, shown) in cases {
            let parts: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            let owned = OwnedArgs::from_parts(parts.into_iter());
            let args = owned.as_args();
            let words = (0..args.len()).map(|i| if is_secret(args, i) { "*".into() } else { String::from_utf8_lossy(args.at(i)) });
            assert_eq!(words.collect::<Vec<_>>().join(" "), shown);
        }
    }
}
