//! Data of every type in every encoding.

use graven_testkit::Client;

/// Small and large values of every type, in every encoding; a stream has groups in which entries are pending.
pub fn write_every_type(client: &mut Client) {
    for (size, count) in [("small", 6), ("large", 600)] {
        let mut commands: Vec<String> = Vec::new();
        for n in 0..count {
            commands.push(format!("RPUSH list:{size} item{n} {n} -{n}000000"));
            commands.push(format!("SADD integers:{size} {n} {n}00001"));
            commands.push(format!("SADD set:{size} member{n} {n}"));
            commands.push(format!("HSET hash:{size} field{n} value{n} {n} -{n}"));
            commands.push(format!("ZADD zset:{size} {n}.1 member{n} -{n} {n} inf top{n} 1e300 far{n}"));
            commands.push(format!("XADD stream:{size} {}-1 field value{n} other {n}", n + 1));
            commands.push(format!("XADD stream:{size} {}-2 third value{n}", n + 1));
        }
        commands.push(format!("XDEL stream:{size} 1-1 3-2"));
        commands.push(format!("XGROUP CREATE stream:{size} readers 0"));
        commands.push(format!("XGROUP CREATE stream:{size} late $"));
        for consumer in ["al", "bo"] {
            commands.push(format!("XREADGROUP GROUP readers {consumer} COUNT 3 STREAMS stream:{size} >"));
        }
        commands.push(format!("XACK stream:{size} readers 2-1"));
        commands.push(format!("PEXPIREAT hash:{size} 4102444800456"));
        for command in commands {
            client.line(&command);
        }
    }
    client.line("XGROUP CREATE empty-stream readers $ MKSTREAM");
    client.call(&["RPUSH", "long", "first", &"x".repeat(20_000), "last"]);
}
