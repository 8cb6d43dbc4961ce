//! Options of the command line, as lines that come after the file's.
//!
//! `--port 7000 --save 3600 1 --save 300 100` becomes three lines. An argument that begins with `--` is a name, unless the
//! name before it still waits for its first value: so `--requirepass --secret` sets a password. `--save` is the exception
//! that people rely on: followed by another option or by nothing it means `save ""`.

use super::error::ConfigError;

/// The lines that the arguments stand for.
pub(super) fn to_lines(args: &[String]) -> Result<Vec<u8>, ConfigError> {
    let mut lines = Vec::new();
    let mut value_wanted = false;
    for (i, arg) in args.iter().enumerate() {
        let next = args.get(i + 1);
        if let Some(name) = arg.strip_prefix("--")
            && !value_wanted
        {
            if !lines.is_empty() {
                lines.push(b'\n');
            }
            lines.extend_from_slice(name.replace('\n', " ").as_bytes());
            lines.push(b' ');
            // `"--port 7000"` in one argument has its value already.
            value_wanted = name.split_ascii_whitespace().count() <= 1;
            if arg.eq_ignore_ascii_case("--save") && next.is_none_or(|next| next.starts_with("--")) {
                lines.extend_from_slice(b"\"\"");
                value_wanted = false;
            }
        } else if lines.is_empty() {
            return Err(ConfigError::StrayArgument(arg.clone()));
        } else {
            quote(&mut lines, arg);
            lines.push(b' ');
            value_wanted = false;
        }
    }
    Ok(lines)
}

/// Writes a word so that splitting the line gives it back.
pub(super) fn quote(line: &mut Vec<u8>, word: &str) {
    line.push(b'"');
    for byte in word.bytes() {
        match byte {
            b'"' | b'\\' => line.extend_from_slice(&[b'\\', byte]),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            b'\t' => line.extend_from_slice(b"\\t"),
            0x07 => line.extend_from_slice(b"\\a"),
            0x08 => line.extend_from_slice(b"\\b"),
            byte if byte < 0x20 || byte == 0x7f => line.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
            byte => line.push(byte),
        }
    }
    line.push(b'"');
}
