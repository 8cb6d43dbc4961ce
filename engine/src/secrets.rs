//! Which arguments are passwords: `SLOWLOG` and `MONITOR` show others in their place.

use graven_resp::Args;

/// What is shown instead.
pub const REDACTED: &str = "(redacted)";

/// Whether argument `i` of a command must not be shown. The command is judged by its name in the table (`config|set`): what its
/// client calls it may be anything (`rename-command`).
pub fn is_secret(command: &str, args: Args<'_>, i: usize) -> bool {
    let is = |i: usize, word: &str| args.get(i).is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()));
    match (command, i) {
        ("auth", 1..) => true,
        ("hello", 2..) => is(i - 1, "auth") || is(i - 2, "auth"),
        ("config|set", 3..) if i % 2 == 1 => {
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
            ("auth", "AUTH pass", "AUTH *"),
            ("auth", "other user pass", "other * *"),
            ("hello", "HELLO 3 AUTH user pass SETNAME me", "HELLO 3 AUTH * * SETNAME me"),
            ("config|set", "CONFIG SET maxclients 5 requirepass pass", "CONFIG SET maxclients 5 requirepass *"),
            ("config|get", "CONFIG GET requirepass", "CONFIG GET requirepass"),
            ("set", "auth auth pass", "auth auth pass"),
        ];
        for (command, line, shown) in cases {
            let parts: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            let owned = OwnedArgs::from_parts(parts.into_iter());
            let args = owned.as_args();
            let words = (0..args.len()).map(|i| if is_secret(command, args, i) { "*".into() } else { String::from_utf8_lossy(args.at(i)) });
            assert_eq!(words.collect::<Vec<_>>().join(" "), shown);
        }
    }
}
