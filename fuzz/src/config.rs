//! The configuration file: any text is a configuration or an error that names its line.

use graven_server::config::Config;

/// Words of the file.
pub const DICTIONARY: &[&[u8]] = &[
    b"\n",
    b"#",
    b"\"",
    b"'",
    b"\\x00",
    b"include x\n",
    b"rename-command GET \"\"\n",
    b"port ",
    b"bind 127.0.0.1 ::1\n",
    b"save \"\"\n",
    b"save 60 1\n",
    b"maxmemory 1gb\n",
    b"client-output-buffer-limit normal 0 0 0\n",
    b"99999999999999999999",
    b"-1",
    b"yes",
    b"no",
    b"appendfsync always\n",
    b"\xff",
    b"user default on\n",
    b"unixsocketperm 700\n",
    b"loglevel ",
    b"kb",
    b"%",
];

/// Valid files.
pub fn seeds() -> Vec<Vec<u8>> {
    [
        &b"# comment\nport 7000\nbind 127.0.0.1\nappendonly yes\nappendfsync everysec\nsave 900 1\nsave 300 10\n"[..],
        b"requirepass \"a b\\x01\"\nclient-output-buffer-limit normal 0 0 0 pubsub 32mb 8mb 60\nmaxmemory 100mb\n",
        b"rename-command CONFIG hidden\nslowlog-max-len 5\n\n   \ntimeout 1\nauto-aof-rewrite-min-size 64mb\n",
    ]
    .map(<[u8]>::to_vec)
    .to_vec()
}

/// What parses prints as something that parses to the same.
pub fn run(input: &[u8]) {
    let Ok(config) = Config::parse_text(input) else { return };
    let values = config.get([&b"*"[..]]);
    assert!(values.len() > 20, "CONFIG GET * names every parameter");
    for (name, value) in values {
        assert_eq!(config.get_one(&name).as_deref(), Some(value.as_str()), "{name}");
    }
}
