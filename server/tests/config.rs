//! Promises of the configuration that need no server: files, command lines, changes, rewriting, and hostile text.

use std::fs;
use std::path::Path;

use graven_aof::FsyncPolicy;
use graven_server::config::{Config, ConfigError, Locality, OutputLimit, reference, table};
use proptest::prelude::*;

fn parse(text: &str) -> Config {
    Config::parse_text(text.as_bytes()).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn refusal(text: &str) -> String {
    Config::parse_text(text.as_bytes()).map(|_| ()).expect_err(text).to_string()
}

fn load(file: Option<&Path>, options: &[&str]) -> Result<Config, ConfigError> {
    let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
    Config::load(file.map(|file| file.to_str().unwrap()), &options)
}

fn value(config: &Config, name: &str) -> String {
    config.get_one(name).unwrap_or_else(|| panic!("{name} is unknown"))
}

#[test]
fn the_defaults_are_a_durable_server_on_loopback() {
    let config = Config::default();
    assert!(config.appendonly && config.protected_mode && config.aof_block_checksums && config.aof_load_truncated);
    assert_eq!(config.appendfsync, FsyncPolicy::Everysec);
    assert_eq!(config.bind, ["127.0.0.1", "-::1"]);
    assert_eq!((config.port, config.databases, config.maxclients), (6379, 16, 10000));
    assert_eq!(config.dir, std::env::current_dir().unwrap());
    assert_eq!(config.output_buffer_limits[0], OutputLimit { hard_bytes: 0, soft_bytes: 0, soft_seconds: 0 });
    assert_eq!(config.output_buffer_limits[2], OutputLimit { hard_bytes: 32 << 20, soft_bytes: 8 << 20, soft_seconds: 60 });
    let points: Vec<(u64, u64)> = config.save.iter().map(|point| (point.seconds, point.changes)).collect();
    assert_eq!(points, [(3600, 1), (300, 100), (60, 10_000)]);
    assert!(config.requirepass.is_empty() && config.renamed_commands.is_empty());
}

#[test]
fn what_a_file_says_reaches_the_engine_and_the_log() {
    let config = parse(
        "proto-max-bulk-len 2mb\nrequirepass \"p \\x41\"\nslowlog-log-slower-than -1\nslowlog-max-len 3\nmaxmemory-policy allkeys-lfu\n\
         lfu-log-factor 4\nlfu-decay-time 5\nlazyfree-lazy-user-del yes\nlatency-tracking no\nlatency-monitor-threshold 9\nappendfsync always\n\
         appenddirname d\nappendfilename f\naof-load-truncated no\naof-load-corrupt-tail-max-size 1kb\naof-block-checksums no\n",
    );
    let settings = config.engine_settings();
    assert_eq!((settings.max_bulk_bytes, settings.password.as_str()), (2 << 20, "p A"));
    assert_eq!((settings.slowlog_slower_than_us, settings.slowlog_max_len, settings.latency_threshold_ms), (-1, 3, 9));
    assert!(settings.lfu && settings.lazy_user_del && settings.track_reads && !settings.latency_tracking);
    assert_eq!((settings.lfu_log_factor, settings.lfu_decay_minutes), (4, 5));
    assert!(!parse("appendfsync always\nappendonly no").engine_settings().track_reads);
    let log = config.log_options();
    assert_eq!((log.dir_name.as_str(), log.file_name.as_str(), log.policy), ("d", "f", FsyncPolicy::Always));
    assert!(!log.load_truncated && !log.block_checksums);
    assert_eq!(log.corrupt_tail_max_bytes, 1024);
}

#[test]
fn a_wrong_line_is_named_with_its_number_and_reason() {
    let version = graven_server::REDIS_VERSION;
    assert_eq!(
        refusal("# fine\n\n port 70000\r\ntimeout x"),
        format!(
            "\n*** FATAL CONFIG FILE ERROR (Redis {version}) ***\nReading the configuration, at line 3\n>>> 'port 70000'\n\
             argument must be between 0 and 65535 inclusive"
        )
    );
    for (text, reason) in [
        ("nosuch 1", "Bad directive or wrong number of arguments"),
        ("port", "wrong number of arguments"),
        ("port 1 2", "wrong number of arguments"),
        ("requirepass \"open", "Unbalanced quotes in configuration line"),
        ("rename-command NOSUCH x", "No such command in rename-command"),
        ("rename-command GET set", "Target command name already exists"),
        ("rename-command GET a\nrename-command GET b", "No such command in rename-command"),
        ("requirepass \"\\xff\"", "the line is not valid UTF-8"),
        ("bind 1.2.3.4 \"; rm\"", "'; rm' is not an address"),
    ] {
        assert!(refusal(text).ends_with(&format!("\n{reason}")), "{text:?}: {}", refusal(text));
    }
}

#[test]
fn what_cannot_be_done_is_refused_and_its_absence_accepted() {
    for (asks, does_not) in [
        ("replicaof 127.0.0.1 6380", "replicaof no one"),
        ("slaveof h 1", "slaveof \"\""),
        ("cluster-enabled yes", "cluster-enabled no"),
        ("tls-port 6380", "tls-port 0"),
        ("aclfile /etc/users.acl", "aclfile \"\""),
        ("user alice on >secret ~* +@all", "user default on nopass ~* &* +@all"),
        ("loadmodule /lib/x.so", ""),
        ("sentinel monitor a b 1 2", ""),
        ("daemonize yes", "daemonize no"),
        ("syslog-enabled yes", "syslog-enabled no"),
        ("activedefrag yes", "activedefrag no"),
        ("min-replicas-to-write 1", "min-replicas-to-write 0"),
    ] {
        assert!(refusal(asks).lines().last().unwrap().split(' ').count() > 3, "{asks} is refused without a sentence");
        parse(does_not);
    }
    // At run time too.
    let error = Config::default().prepare(&[(b"min-slaves-to-write", b"1")], true).unwrap_err().to_string();
    assert!(error.starts_with("CONFIG SET failed (possibly related to argument 'min-slaves-to-write') - replication is not"), "{error}");
}

#[test]
fn what_cannot_be_done_and_is_taken_back_later_stops_nothing() {
    for text in [
        "daemonize yes\ndaemonize no",
        "syslog-enabled yes\ntimeout 5\nsyslog-enabled no",
        "slaveof h 1\nreplicaof no one",
        "aclfile /etc/users.acl\naclfile \"\"",
        "min-slaves-to-write 1\nmin-replicas-to-write 0",
    ] {
        parse(text);
    }
    // Whoever goes on asking is named, at the line that counts.
    for (text, line) in [
        ("daemonize no\ndaemonize yes", "at line 2\n>>> 'daemonize yes'\n"),
        ("daemonize yes\ndaemonize no\ntimeout 1\n  daemonize YES", "at line 4\n>>> 'daemonize YES'\n"),
        ("tls-port 1\ndaemonize yes\nsyslog-enabled yes\ntls-port 0", "at line 2\n>>> 'daemonize yes'\n"),
    ] {
        assert!(refusal(text).contains(line), "{text:?}: {}", refusal(text));
    }
    let dir = tempfile::tempdir().unwrap();
    let (file, included) = (dir.path().join("a.conf"), dir.path().join("b.conf"));
    fs::write(&file, format!("include {}\n", included.display())).unwrap();
    fs::write(&included, "# as Debian has it\ndaemonize yes\n").unwrap();
    assert!(load(Some(&file), &["--supervised", "systemd", "--daemonize", "no"]).is_ok());
    let refused = load(Some(&file), &["--supervised", "systemd"]).unwrap_err().to_string();
    let expected = format!("Reading the configuration file '{}', at line 2\n>>> 'daemonize yes'\n", included.display());
    assert!(refused.contains(&expected), "{refused}");
    let refused = load(Some(&file), &["--daemonize", "yes"]).unwrap_err().to_string();
    assert!(refused.contains("Reading the options of the command line, at line 1\n>>> 'daemonize \"yes\"'\n"), "{refused}");
}

/// The SHA-256 of `a b`.
const HASH: &str = "#c8687a08aa5d6ed2044328fa6a697ab8e96dc34291e8c2034ae8c38e6fcc6d65";

#[test]
fn a_user_line_that_says_what_is_so_anyway_is_accepted() {
    for (text, password) in [
        ("user default on nopass ~* &* +@all".to_owned(), ""),
        ("USER default ON nopass sanitize-payload resetchannels AllKeys allchannels allcommands".to_owned(), ""),
        (format!("user default off on nopass {HASH} ~* &* +@all\nrequirepass \"a b\""), "a b"),
        (format!("requirepass \"a b\"\nuser default on {HASH} ~* &* +@all"), "a b"),
        (format!("requirepass other\nuser default on \">a b\" {HASH} ~* &* +@all\nrequirepass 'a b'"), "a b"),
        ("user default on >Secret ~* &* +@all".to_owned(), "Secret"),
    ] {
        assert_eq!(parse(&text).requirepass, password, "{text}");
    }
}

#[test]
fn a_user_line_that_says_anything_else_is_refused() {
    let refused = |text: &str, reason: &str| assert!(refusal(text).lines().last().unwrap().contains(reason), "{text:?}: {}", refusal(text));
    refused("user alice on nopass ~* &* +@all", "there are no users but 'default'");
    refused("user default on nopass ~app:* &* +@all", "'~app:*' cannot be done: access control lists are not available yet");
    refused("user default on nopass ~* &* +@all -debug", "'-debug' cannot be done");
    refused("user default on nopass ~* &* -@all", "'-@all' cannot be done");
    refused("user default on nopass %R~* &* +@all", "'%R~*' cannot be done");
    refused("user default nopass ~* &* +@all", "the default user cannot be without 'on'");
    refused("user default on nopass ~* +@all", "the default user cannot be without '&*'");
    refused("user default on nopass ~* &* resetchannels +@all", "the default user cannot be without '&*'");
    refused("user default on ~* &* +@all", "give a password, or 'nopass'");
    refused("user default on nopass resetpass ~* &* +@all", "give a password, or 'nopass'");
    refused("user default on > ~* &* +@all", "the password is empty");
    refused("user default on #ABC ~* &* +@all", "The password hash must be exactly 64 characters");
    refused(&format!("user default on {HASH} ~* &* +@all"), "a hash does not tell the password: give it with 'requirepass' as well");
    refused(&format!("user default on {HASH} ~* &* +@all\nrequirepass other"), "there can be only one password");
    refused(&format!("user default on {HASH} >other ~* &* +@all\nrequirepass 'a b'"), "there can be only one password");
    refused("user default on >one >two ~* &* +@all", "there can be only one password");
    refused("user default on nopass ~* &* +@all\nrequirepass x", "'nopass' contradicts 'requirepass'");
    refused("user default on nopass ~* &* +@all\nuser default on nopass ~* &* +@all", "a user can only be defined once");
    // What is judged at the end is told of the line where it stands.
    assert!(refusal(&format!("timeout 1\nuser default on {HASH} ~* &* +@all\nport 1")).contains("at line 2\n>>> 'user default on #c86"));
}

#[test]
fn rewriting_keeps_the_user_line_true() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.conf");
    for (before, password, line) in [
        ("user default on nopass sanitize-payload ~* &* +@all", "", "user default on nopass ~* &* +@all".to_owned()),
        ("user default on nopass ~* &* +@all", "a b", format!("user default on {HASH} ~* &* +@all")),
        ("user default on >old ~* &* +@all", "", "user default on nopass ~* &* +@all".to_owned()),
        ("user default on \">a b\" ~* &* +@all", "a b", format!("user default on {HASH} ~* &* +@all")),
    ] {
        fs::write(&file, format!("timeout 5\n{before}\n# a comment\n")).unwrap();
        let config = load(Some(&file), &[]).unwrap();
        config.prepare(&[(b"requirepass", password.as_bytes())], true).unwrap().config.rewrite().unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with(&format!("timeout 5\n{line}\n# a comment\n")), "{before}: {text}");
        assert_eq!(load(Some(&file), &[]).unwrap().requirepass, password, "{text}");
    }
}

#[test]
fn parameters_that_nothing_acts_on_are_known_when_they_are_set() {
    assert_eq!(Config::default().without_effect(), Vec::<&str>::new());
    assert_eq!(
        parse("io-threads 4\ntimeout 5\nreplica-read-only yes\nactive-expire-effort 7").without_effect(),
        ["io-threads", "active-expire-effort"]
    );
}

#[test]
fn lines_of_one_kind_add_up_or_replace_as_redis_has_it() {
    assert_eq!(value(&parse("save 900 1\nsave 300 10 60 20"), "save"), "900 1 300 10 60 20");
    assert_eq!(value(&parse("save 900 1\nsave \"\"\nsave 5 5"), "save"), "5 5");
    assert_eq!(value(&parse("bind 1.1.1.1\nbind 2.2.2.2 -::1"), "bind"), "2.2.2.2 -::1");
    assert!(parse("bind 1.1.1.1\nbind").bind.is_empty() && parse("bind \"\"").bind.is_empty());
    assert_eq!(
        value(&parse("client-output-buffer-limit pubsub 1mb 2 3\nclient-output-buffer-limit replica 4 5 6"), "client-output-buffer-limit"),
        "normal 0 0 0 slave 4 5 6 pubsub 1048576 2 3"
    );
    assert_eq!(
        parse("rename-command GET fetch\nrename-command SET \"\"").renamed_commands,
        [("GET".into(), "fetch".into()), ("SET".into(), String::new())]
    );
}

#[test]
fn options_of_the_command_line_win_over_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.conf");
    fs::write(&file, "port 7000\ntimeout 5\nsave 900 1\n").unwrap();
    let config = load(Some(&file), &["--port", "7001", "--save", "300", "10", "--requirepass", "--secret", "--loglevel verbose"]).unwrap();
    assert_eq!((config.port, config.timeout_s, config.requirepass.as_str()), (7001, 5, "--secret"));
    assert_eq!((value(&config, "save"), value(&config, "loglevel")), ("900 1 300 10".to_owned(), "verbose".to_owned()));
    assert_eq!(config.file(), Some(file.canonicalize().unwrap().as_path()));
    for options in [&["--save", ""][..], &["--save"], &["--save", "--timeout", "1"]] {
        assert!(load(Some(&file), options).unwrap().save.is_empty(), "{options:?}");
    }
    let two = load(None, &["--save", "3600", "1", "--save", "300", "100", "--bind", "127.0.0.1", "::1"]).unwrap();
    assert_eq!((value(&two, "save").as_str(), two.bind.len()), ("3600 1 300 100", 2));
    assert_eq!(load(None, &["--requirepass", "a \"b\"\n\u{7}ü\\"]).unwrap().requirepass, "a \"b\"\n\u{7}ü\\");
}

#[test]
fn mistakes_on_the_command_line_are_named() {
    let said = |options: &[&str]| load(None, options).map(|_| ()).unwrap_err().to_string();
    assert!(
        said(&["--port", "x"])
            .contains("Reading the options of the command line, at line 1\n>>> 'port \"x\"'\nargument couldn't be parsed")
    );
    assert!(said(&["--nosuch", "1"]).contains("Bad directive"));
    assert!(said(&["--port"]).contains("wrong number of arguments"));
    assert!(said(&["stray", "--port", "1"]).contains("'stray' stands before the first option"));
    // A line break in a name makes no second line.
    assert!(said(&["--port\nappendonly", "no"]).contains("wrong number of arguments"));
}

#[test]
fn files_that_are_missing_or_loop_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    assert!(load(Some(&at("none.conf")), &[]).unwrap_err().to_string().starts_with("Fatal error, can't open config file '"));
    fs::write(at("loop.conf"), format!("include {}\n", at("loop.conf").display())).unwrap();
    let said = load(Some(&at("loop.conf")), &[]).unwrap_err().to_string();
    assert!(said.ends_with("files include each other too deeply: does one include itself?"), "{said}");
    fs::write(at("outer.conf"), format!("timeout 1\ninclude {}/in*.conf\nport 1\n", dir.path().display())).unwrap();
    assert_eq!(load(Some(&at("outer.conf")), &[]).unwrap().timeout_s, 1, "a pattern may name no file");
    fs::write(at("in2.conf"), "timeout 3\n").unwrap();
    fs::write(at("in1.conf"), "timeout 2\nport 9\n").unwrap();
    let config = load(Some(&at("outer.conf")), &[]).unwrap();
    assert_eq!((config.timeout_s, config.port), (3, 1), "included in order of their names, in the place of the line");
    fs::write(at("in3.conf"), "\nnosuch\n").unwrap();
    let said = load(Some(&at("outer.conf")), &[]).unwrap_err().to_string();
    assert!(said.contains("in3.conf', at line 2\n>>> 'nosuch'"), "{said}");
    let said = load(None, &["--include", "/nonexistent/x.conf"]).unwrap_err().to_string();
    assert!(said.contains("/nonexistent/x.conf"), "{said}");
}

#[test]
fn the_directory_is_absolute_and_must_exist() {
    let dir = tempfile::tempdir().unwrap();
    let real = dir.path().canonicalize().unwrap();
    fs::create_dir(real.join("data")).unwrap();
    fs::write(real.join("file"), "").unwrap();
    let config = load(None, &["--dir", real.to_str().unwrap(), "--dir", "data/../data/."]).unwrap();
    assert_eq!(config.dir, real.join("data"));
    for bad in ["missing", "file"] {
        let said = load(None, &["--dir", real.join(bad).to_str().unwrap()]).unwrap_err().to_string();
        assert!(said.contains(bad) && said.contains("director"), "{said}");
    }
}

#[test]
fn config_set_is_all_or_nothing() {
    let config = parse("enable-protected-configs local");
    let change = config.prepare(&[(b"TIMEOUT", b"7"), (b"slowlog-max-len", b"128"), (b"appendfsync", b"always")], false).unwrap();
    assert_eq!(change.changed, ["timeout", "appendfsync"], "an equal value is no change");
    assert_eq!((change.config.timeout_s, change.config.appendfsync), (7, FsyncPolicy::Always));
    assert_eq!((config.timeout_s, config.appendfsync), (0, FsyncPolicy::Everysec), "nobody has seen it yet");
    let refused = |pairs: &[(&[u8], &[u8])], local| config.prepare(pairs, local).map(|_| ()).unwrap_err().to_string();
    let failed = |name: &str, reason: &str| format!("CONFIG SET failed (possibly related to argument '{name}') - {reason}");
    assert_eq!(refused(&[(b"timeout", b"7"), (b"nosuch", b"1")], true), "Unknown option or number of arguments for CONFIG SET - 'nosuch'");
    assert_eq!(refused(&[(b"timeout", b"7"), (b"Hz", b"x")], true), failed("Hz", "argument couldn't be parsed into an integer"));
    assert_eq!(refused(&[(b"databases", b"7")], true), failed("databases", "can't set immutable config"));
    assert_eq!(
        refused(&[(b"hash-max-ziplist-value", b"7"), (b"HASH-max-ziplist-value", b"8")], true),
        failed("HASH-max-ziplist-value", "duplicate parameter")
    );
    // An alias is another name.
    let both = config.prepare(&[(b"hash-max-ziplist-value", b"7"), (b"hash-max-listpack-value", b"8")], true).unwrap();
    assert_eq!((both.config.thresholds.hash_max_listpack_value, both.changed.as_slice()), (8, &["hash-max-listpack-value"][..]));
    assert_eq!(refused(&[(b"dir", b"/")], false), failed("dir", "can't set protected config"));
    assert_eq!(refused(&[(b"maxmemory", b"-kb")], false), failed("maxmemory", "argument must be a memory value"));
    assert_eq!(refused(&[(b"requirepass", b"\xff")], false), failed("requirepass", "argument must be valid UTF-8"));
    assert_eq!(config.prepare(&[(b"dir", b"/")], true).unwrap().config.dir, Path::new("/"));
    assert_eq!(config.enable_protected_configs, Locality::Local);
}

#[test]
fn config_get_finds_names_patterns_and_aliases_once() {
    let config = Config::default();
    let names = |patterns: &[&str]| -> Vec<String> {
        config.get(patterns.iter().map(|pattern| pattern.as_bytes())).into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names(&["MAXMEMORY"]), ["MAXMEMORY"], "a name comes back as it was asked for");
    assert_eq!(names(&["maxmemory", "maxmemory", "nosuch"]), ["maxmemory"]);
    assert_eq!(names(&["SLOWLOG-*", "slowlog-max-len"]), ["slowlog-log-slower-than", "slowlog-max-len"]);
    assert_eq!(names(&["hash-max-*list-value", "hash-max-ziplist-value"]), ["hash-max-ziplist-value"]);
    assert_eq!(names(&["watchdog-perio?"]), Vec::<String>::new(), "hidden from patterns");
    assert_eq!(names(&["watchdog-period"]), ["watchdog-period"]);
    assert!(names(&["*"]).len() > 200);
}

#[test]
fn rewriting_keeps_comments_order_permissions_and_foreign_lines() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.conf");
    let data = dir.path().canonicalize().unwrap();
    fs::write(
        &file,
        format!(
            "# mine\n\nTIMEOUT 5\n  # indented\nrename-command DEL \"\"\ndir {}\nslowlog-max-len 128\nport 7000\nport 7001",
            data.display()
        ),
    )
    .unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let config = load(Some(&file), &[]).unwrap();
    config.rewrite().unwrap();
    let same =
        format!("# mine\n\ntimeout 5\n# indented\nrename-command DEL \"\"\ndir \"{}\"\nslowlog-max-len 128\nport 7001\n\n", data.display());
    assert_eq!(fs::read_to_string(&file).unwrap(), same);
    let change = config.prepare(&[(b"timeout", b"0"), (b"maxmemory", b"104857600"), (b"requirepass", b"a \"b\"\\\n")], true).unwrap();
    change.config.rewrite().unwrap();
    let text = fs::read_to_string(&file).unwrap();
    let tail = "\n# Generated by CONFIG REWRITE\nrequirepass \"a \\\"b\\\"\\\\\\n\"\nmaxmemory 100mb\n";
    assert_eq!(text, same.trim_end().replace("timeout 5", "timeout 0") + "\n" + tail);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file stays");
    let again = load(Some(&file), &[]).unwrap();
    assert_eq!(again.get([&b"*"[..]]), change.config.get([&b"*"[..]]));
    change.config.rewrite().unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), text, "rewriting twice changes nothing");
}

/// A file that names a parameter at all must say all of it, since its lines replace the default.
#[test]
fn rewriting_writes_all_save_points_though_they_are_the_default() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.conf");
    for old in ["save 900 1\n", "save \"\"\n", "save 60 1\nsave 30 2\n"] {
        fs::write(&file, old).unwrap();
        let config = load(Some(&file), &[]).unwrap();
        let default = value(&Config::default(), "save");
        config.prepare(&[(b"save", default.as_bytes())], true).unwrap().config.rewrite().unwrap();
        assert_eq!(value(&load(Some(&file), &[]).unwrap(), "save"), default, "{}", fs::read_to_string(&file).unwrap());
    }
}

#[test]
fn rewriting_without_a_file_or_into_nothing_says_so() {
    assert_eq!(Config::default().rewrite().unwrap_err().to_string(), "The server is running without a config file");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sub/a.conf");
    fs::create_dir(dir.path().join("sub")).unwrap();
    fs::write(&file, "timeout 5\n").unwrap();
    let config = load(Some(&file), &[]).unwrap();
    fs::remove_file(&file).unwrap();
    config.rewrite().unwrap();
    assert!(fs::read_to_string(&file).unwrap().contains("# Generated by CONFIG REWRITE\n"), "a file that has gone is made anew");
    fs::remove_dir_all(dir.path().join("sub")).unwrap();
    assert!(config.rewrite().unwrap_err().to_string().starts_with("Rewriting config file: "));
}

#[test]
fn the_configuration_that_redis_ships_is_accepted() {
    let Ok(shipped) = fs::read_to_string("/etc/redis/redis.conf") else { return };
    // Its unit adds this as an option.
    let config = parse(&format!("{shipped}\ndaemonize no"));
    assert!(!config.appendonly, "the file says so");
    assert_eq!(config.dir, Path::new("/var/lib/redis"));
    assert!(refusal(&shipped).contains("run it under a supervisor"));
}

#[test]
fn the_reference_is_written_from_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let text = fs::read_to_string(&path).unwrap();
    let (prose, written) = text.split_once("the_reference -->\n\n").expect("the page has its marker");
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        fs::write(&path, format!("{prose}the_reference -->\n\n{}", reference())).unwrap();
        return;
    }
    assert!(written == reference(), "docs/configuration.md is not what the table says: run with UPDATE_REFERENCE=1");
}

#[test]
fn every_default_is_a_value_that_its_line_sets() {
    for parameter in table::all() {
        let config = Config::default();
        let shown = value(&config, parameter.name);
        let line = format!("{} \"{shown}\"", parameter.name);
        assert_eq!(value(&parse(&line), parameter.name), shown, "{line}");
        assert!(parameter.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", parameter.name);
    }
    let mut names: Vec<&str> = table::all().iter().flat_map(|p| [Some(p.name), p.alias]).flatten().collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "a name stands for one parameter");
}

/// Values that some parameter takes.
fn some_value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("yes".to_owned()),
        Just("no".to_owned()),
        (-5i64..2000).prop_map(|n| n.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        (0u32..3000, prop_oneof!["k", "kb", "mb", "Gb", "%"]).prop_map(|(n, unit)| format!("{n}{unit}")),
        "[A-Za-z$ ]{0,8}",
        prop::collection::vec((1i64..9999, 0i32..9999), 1..4).prop_map(|pairs| {
            let pairs: Vec<String> = pairs.iter().map(|(seconds, changes)| format!("{seconds} {changes}")).collect();
            pairs.join(" ")
        }),
        Just("normal 1 2 3 pubsub 4kb 5 6".to_owned()),
        "-?[0-9.:]{3,9}( -?[0-9.]{3,9})?",
        any::<String>(),
        prop::sample::select(&["volatile-lfu", "always", "verbose", "save now", "local", "absolute", "relative", "nothing"][..])
            .prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn hostile_text_is_a_configuration_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Config::parse_text(&bytes);
    }

    #[test]
    fn hostile_lines_are_a_configuration_or_an_error(
        lines in prop::collection::vec((0..table::all().len(), "[ -~]{0,40}"), 1..6)
    ) {
        let text: String = lines.iter().map(|(index, rest)| format!("{} {rest}\n", table::all()[*index].name)).collect();
        let _ = Config::parse_text(text.as_bytes());
    }

    #[test]
    fn what_get_prints_set_takes_unchanged(changes in prop::collection::vec((0..table::all().len(), some_value()), 1..12)) {
        let mut config = Config::default();
        for (index, text) in &changes {
            if let Ok(change) = config.prepare(&[(table::all()[*index].name.as_bytes(), text.as_bytes())], true) {
                config = change.config;
            }
        }
        for parameter in table::all().iter().filter(|parameter| !parameter.immutable && !parameter.protected) {
            let shown = value(&config, parameter.name);
            let change = config.prepare(&[(parameter.name.as_bytes(), shown.as_bytes())], true).unwrap();
            prop_assert_eq!(change.changed, Vec::<&str>::new(), "{} {:?}", parameter.name, shown);
        }
    }

}

proptest! {
    // Each case is made durable.
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn what_rewrite_writes_loads_unchanged(changes in prop::collection::vec((0..table::all().len(), some_value()), 1..12)) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.conf");
        fs::write(&file, "# nothing yet\n").unwrap();
        let mut config = load(Some(&file), &[]).unwrap();
        for (index, text) in &changes {
            if let Ok(change) = config.prepare(&[(table::all()[*index].name.as_bytes(), text.as_bytes())], true) {
                config = change.config;
            }
        }
        config.rewrite().unwrap();
        let again = load(Some(&file), &[]).unwrap();
        prop_assert_eq!(again.get([&b"*"[..]]), config.get([&b"*"[..]]));
    }
}
