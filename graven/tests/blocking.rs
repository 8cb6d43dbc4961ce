//! Clients that wait for keys: who gets what, in which order, and that nothing is lost or handed out twice.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use graven_testkit::disk_faults::EIO;
use graven_testkit::process::Builder;
use graven_testkit::transcript::{compare, play};
use graven_testkit::{Client, DiskFaults, Program, Server, Value};

fn graven() -> Builder {
    Server::builder(&Program::graven(env!("CARGO_BIN_EXE_graven")))
}

#[track_caller]
fn looks_like_redis(script: &str) {
    compare(Server::builder(&Program::redis()), graven(), script);
}

#[track_caller]
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "not within twenty seconds: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn blocked_clients(server: &Server) -> usize {
    server.info_field("clients", "blocked_clients").parse().unwrap()
}

/// A client that waits, and the moment when the server knows.
fn waiting(server: &Server, command: &[&str]) -> Client {
    let before = blocked_clients(server);
    let mut client = server.client();
    client.send(command).unwrap();
    eventually("the client waits", || blocked_clients(server) == before + 1);
    client
}

fn texts(value: &Value) -> Vec<String> {
    value.elements().unwrap_or_default().iter().map(Value::text).collect()
}

#[test]
fn clients_are_served_in_the_order_in_which_they_began_to_wait() {
    looks_like_redis(
        "0 BLPOP k 0
         1 BLPOP k 0
         2 BRPOP k 0
         3 BLMPOP 0 1 k LEFT COUNT 2
         4 RPUSH k a b
         4 RPUSH k c d e f g
         4 LRANGE k 0 -1
         4 DEL k
         0 BLPOP a b k 0
         1 BLPOP k a 0
         0 PING
         4 RPUSH b 1
         4 RPUSH a 2
         0 BLPOP k k 0
         4 RPUSH k 1 2
         4 LRANGE k 0 -1
         0 BLPOP k 0
         1 BLMPOP 0 2 nosuch k RIGHT",
    );
}

#[test]
fn whatever_makes_a_key_ready_wakes() {
    looks_like_redis(
        "0 BLPOP k 0
         1 BLPOP k 0
         9 RPUSH other a b
         9 RENAME other k
         0 BLPOP k 0
         9 RPUSH other a
         9 COPY other k
         0 BLPOP k 0
         9 SELECT 3
         9 RPUSH k moved
         9 MOVE k 0
         0 BLPOP k 0
         9 RPUSH k swapped
         9 SWAPDB 0 3
         9 SELECT 0
         9 KEYS *
         0 BLPOP k 0
         9 RPUSH unsorted 3 1 2
         9 SORT unsorted STORE k
         9 DEL k
         0 BLPOP k 0
         9 SET k string
         9 DEL k
         9 FLUSHALL
         9 RPUSH k list
         0 BLPOP k 0
         9 LINSERT k BEFORE a b
         9 RPUSHX k a
         9 LPUSH k x",
    );
}

#[test]
fn sorted_sets_wake_only_those_who_wait_for_one() {
    looks_like_redis(
        "0 BZPOPMIN k 0
         1 BLPOP k 0
         2 BZPOPMAX k other 0
         3 BZMPOP 0 2 other k MIN COUNT 10
         9 ZADD k 1 a
         9 RPUSH k x
         9 ZADD other 3 c 4 d
         9 ZADD k 5 e
         9 ZRANGE k 0 -1
         9 DEL k
         0 BZPOPMIN k 0
         9 ZADD z1 1 a 2 b
         9 ZUNIONSTORE k 1 z1
         9 ZRANGE k 0 -1
         9 DEL k
         0 BZPOPMIN k 0
         9 ZRANGESTORE k z1 0 -1
         9 DEL k
         0 BZPOPMIN k 0.05 &
         1 BZMPOP 0.05 1 k MIN &
         sleep 500
         9 MULTI
         9 BZPOPMIN k 0
         9 BZMPOP 0 1 k MIN
         9 EXEC",
    );
}

#[test]
fn streams_wake_all_readers_and_one_of_a_group() {
    looks_like_redis(
        "9 XADD k 1-1 f v
         0 XREAD BLOCK 0 STREAMS k $
         1 XREAD BLOCK 0 COUNT 1 STREAMS other k 0 5-0
         2 XREAD BLOCK 0 STREAMS k 0
         9 XADD k 2-1 f v
         9 XADD k 6-1 f v
         9 XADD k 7-1 f v
         9 XGROUP CREATE k g $
         0 XREADGROUP GROUP g alice BLOCK 0 STREAMS k >
         1 XREADGROUP GROUP g bob BLOCK 0 COUNT 1 STREAMS k >
         2 BLPOP k 0
         9 XADD k 8-1 f v
         9 XDEL k 8-1
         9 XTRIM k MAXLEN 1
         9 MULTI
         9 XADD k 9-1 f v
         9 XADD k 9-2 f v
         9 EXEC
         9 XPENDING k g
         0 XREADGROUP GROUP g alice BLOCK 0 STREAMS k 0
         3 XREAD BLOCK 50 STREAMS k $ &
         4 XREADGROUP GROUP g carol BLOCK 50 STREAMS k > &
         sleep 500
         9 MULTI
         9 XREAD BLOCK 0 STREAMS k $
         9 EXEC
         3 XREAD BLOCK -1 STREAMS k $
         3 XREAD BLOCK x STREAMS k $
         3 XREAD BLOCK 0 STREAMS new $
         9 XADD staged 3-3 f v
         9 RENAME staged new",
    );
}

/// As of 7.2: the group that they read for is gone with its key.
#[test]
fn readers_of_a_group_are_told_when_it_is_gone() {
    let server = graven().start().unwrap();
    let mut admin = server.client();
    let read = ["XREADGROUP", "GROUP", "g", "alice", "BLOCK", "0", "STREAMS", "k", ">"];
    for (how, error) in [("DEL k", "NOGROUP"), ("XGROUP DESTROY k g", "NOGROUP"), ("SET k string", "WRONGTYPE"), ("FLUSHALL", "NOGROUP")] {
        admin.call(&["DEL", "k"]);
        admin.call(&["XGROUP", "CREATE", "k", "g", "$", "MKSTREAM"]);
        let mut reader = waiting(&server, &read);
        let mut other = waiting(&server, &["XREAD", "BLOCK", "0", "STREAMS", "k", "$"]);
        assert_eq!(server.info_field("clients", "total_blocking_keys_on_nokey"), "1");
        admin.line(how);
        let told = reader.reply().unwrap().error_text().unwrap();
        assert!(told.starts_with(error), "{how}: {told}");
        assert_eq!(blocked_clients(&server), 1, "who reads for no group waits on after {how}");
        admin.call(&["DEL", "k"]);
        admin.call(&["XADD", "k", "99-1", "f", "v"]);
        assert!(other.reply().unwrap().elements().is_some());
    }
}

#[test]
fn a_transaction_wakes_when_it_is_over() {
    looks_like_redis(
        "0 BLPOP k 0
         9 MULTI
         9 RPUSH k a
         9 DEL k
         9 EXEC
         9 MULTI
         9 LPUSH k a
         9 LPUSH k b
         9 EXEC
         9 LRANGE k 0 -1
         9 DEL k
         0 BLPOP k 0
         9 MULTI
         9 RPUSH k a
         9 LPOP k
         9 BLPOP k 0
         9 BLMOVE k l LEFT LEFT 0
         9 BRPOPLPUSH k l 0
         9 BLMPOP 0 1 k LEFT
         9 RPUSH k c
         9 BLPOP k 0
         9 EXEC",
    );
}

#[test]
fn moves_that_wait_for_each_other_go_on_until_nothing_is_left() {
    looks_like_redis(
        "0 BLMOVE a b LEFT RIGHT 0
         1 BLMOVE b c LEFT RIGHT 0
         2 BRPOPLPUSH c d 0
         3 BLPOP d 0
         9 RPUSH a x
         9 KEYS *
         0 BLMOVE a b LEFT RIGHT 0
         1 BLMOVE b a LEFT RIGHT 0
         9 RPUSH a x y
         9 LRANGE a 0 -1
         9 LRANGE b 0 -1
         9 FLUSHALL
         0 BRPOPLPUSH a a 0
         1 BRPOPLPUSH a a 0
         9 RPUSH a x y
         9 LRANGE a 0 -1
         9 DEL a
         0 BLMOVE a string LEFT RIGHT 0
         1 BLPOP a 0
         9 SET string s
         9 RPUSH a x y
         9 LRANGE a 0 -1",
    );
}

#[test]
fn time_is_up_when_it_is_and_clients_that_leave_take_nothing() {
    looks_like_redis(
        "0 BLPOP k 0.05 &
         1 BLMOVE k l LEFT LEFT 0.05 &
         2 BLMPOP 0.05 1 k LEFT &
         3 BRPOPLPUSH k l 0.05 &
         sleep 500
         9 RPUSH k a
         9 LRANGE k 0 -1
         9 DEL k
         0 BLPOP k -1
         0 BLPOP k x
         0 BLPOP k nan
         0 BLPOP k
         0 BLMPOP 0 0 k LEFT
         0 BLMPOP -1 0 k LEFT
         0 BLMPOP x 1 k UP
         0 BLMPOP nan 1 k LEFT COUNT 0
         0 BLMPOP x 1 k LEFT
         0 BZMPOP -1 0 k MIN
         0 BLPOP k 0
         1 BLPOP k 0
         0 close
         9 RPUSH k a
         1 CLIENT REPLY SKIP
         1 BLPOP k 0
         9 RPUSH k b
         1 PING",
    );
}

#[test]
fn a_wait_in_vain_ends_in_the_clients_protocol_and_messages_come_meanwhile() {
    let seen = play(
        graven(),
        "0 HELLO 3
         0 SUBSCRIBE c
         0 BLPOP k 0.3
         1 PUBLISH c m
         sleep 500",
    );
    let seen: Vec<&str> = seen.lines().filter_map(|line| line.strip_prefix("    0: ")).skip(2).collect();
    assert_eq!(seen, [r">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n", r"_\r\n"]);
}

#[test]
fn clients_that_wait_are_counted_shown_and_can_be_unblocked() {
    let server = graven().start().unwrap();
    let mut admin = server.client();
    let mut clients: Vec<Client> = (0..4).map(|_| server.client()).collect();
    let ids: Vec<i64> = clients.iter_mut().map(|client| client.call(&["CLIENT", "ID"]).as_int().unwrap()).collect();
    for (client, line) in clients.iter_mut().zip(["BLPOP a b 0", "BLPOP b 100", "BLMOVE c d LEFT LEFT 100", "BLPOP a 0"]) {
        client.send(&line.split(' ').collect::<Vec<_>>()).unwrap();
    }
    eventually("four wait", || blocked_clients(&server) == 4);
    assert_eq!(server.info_field("clients", "total_blocking_keys"), "3");
    assert_eq!(server.info_field("clients", "clients_in_timeout_table"), "2");
    let list = admin.call(&["CLIENT", "LIST", "ID", &ids[0].to_string()]).text();
    assert!(list.contains("flags=b ") && list.contains("cmd=blpop "), "{list}");
    let unblock = |admin: &mut Client, who: usize, how: &[&str]| {
        let id = ids[who].to_string();
        let words: Vec<&str> = [&["CLIENT", "UNBLOCK", &id], how].concat();
        admin.call(&words).as_int()
    };
    assert_eq!(unblock(&mut admin, 0, &["ERROR"]), Some(1));
    assert_eq!(clients[0].reply().unwrap().error_text().unwrap(), "UNBLOCKED client unblocked via CLIENT UNBLOCK");
    assert_eq!(unblock(&mut admin, 0, &["ERROR"]), Some(0));
    for who in [1, 2] {
        assert_eq!(unblock(&mut admin, who, if who == 1 { &[] } else { &["TIMEOUT"] }), Some(1));
        assert!(clients[who].reply().unwrap().is_null());
    }
    assert_eq!(admin.call(&["CLIENT", "KILL", "ID", &ids[3].to_string()]).as_int(), Some(1));
    eventually("nobody waits", || blocked_clients(&server) == 0);
    assert_eq!(server.info_field("clients", "total_blocking_keys"), "0");
    assert_eq!(admin.call(&["RPUSH", "a", "kept"]).as_int(), Some(1));
    assert_eq!(admin.call(&["LLEN", "a"]).as_int(), Some(1));
    assert_eq!(texts(&clients[0].call(&["BLPOP", "a", "1"])), ["a", "kept"]);
}

/// During a pause nothing changes; when it is over, those who wait are served.
#[test]
fn a_pause_puts_off_serving() {
    let server = graven().start().unwrap();
    let mut admin = server.client();
    let mut client = waiting(&server, &["BLPOP", "k", "0"]);
    for line in ["MULTI", "RPUSH k a", "CLIENT PAUSE 300 WRITE", "EXEC"] {
        admin.line(line);
    }
    assert_eq!(admin.call(&["LLEN", "k"]).as_int(), Some(1));
    let began = Instant::now();
    assert_eq!(texts(&client.reply().unwrap()), ["k", "a"]);
    assert!(began.elapsed() > Duration::from_millis(100));
    assert_eq!(admin.call(&["LLEN", "k"]).as_int(), Some(0));
}

#[test]
fn a_write_waits_for_the_end_of_a_pause_also_where_it_would_be_queued() {
    looks_like_redis(
        "0 CLIENT PAUSE 60000 WRITE
         1 MULTI
         1 GET a
         1 SET a 1
         0 PING
         0 CLIENT UNPAUSE
         0 CLIENT PAUSE 60000 WRITE
         1 GET a
         1 EXEC
         0 PING
         0 CLIENT UNPAUSE
         1 GET a",
    );
}

/// Under `always` the element is shown when the pop is durable, not before.
#[test]
fn what_a_waiting_client_gets_is_durable_first() {
    let faults = DiskFaults::new().unwrap();
    let mut server = faults.preload(graven().option("appendfsync", "always")).start().unwrap();
    let mut client = waiting(&server, &["BLPOP", "k", "0"]);
    faults.sync_delay(Duration::from_millis(300));
    let mut pusher = server.client();
    let began = Instant::now();
    pusher.send(&["RPUSH", "k", "a", "b"]).unwrap();
    assert_eq!(texts(&client.reply().unwrap()), ["k", "a"]);
    assert!(began.elapsed() > Duration::from_millis(250), "shown before it was durable");
    faults.sync_delay(Duration::ZERO);
    server.kill9();
    faults.lose_power(&server.append_dir()).unwrap();
    server.start().unwrap();
    assert_eq!(texts(&server.client().call(&["LRANGE", "k", "0", "-1"])), ["b"]);
}

/// While the log fails nothing can be pushed; those who wait go on waiting, and are served when it has recovered.
#[test]
fn clients_wait_on_through_a_failing_disk() {
    let faults = DiskFaults::new().unwrap();
    let server = faults.preload(graven().option("appendfsync", "always")).start().unwrap();
    let mut client = waiting(&server, &["BLPOP", "k", "0"]);
    let mut pusher = server.client();
    faults.fail_syncs(EIO, -1);
    assert!(pusher.call(&["SET", "x", "1"]).error_text().unwrap().starts_with("MISCONF"));
    assert!(pusher.call(&["RPUSH", "k", "a"]).error_text().unwrap().starts_with("MISCONF"));
    assert_eq!(blocked_clients(&server), 1);
    faults.repair();
    eventually("the log recovers", || pusher.call(&["RPUSH", "k", "b"]).as_int().is_some());
    assert_eq!(texts(&client.reply().unwrap()), ["k", "b"]);
}

/// Many deadlines at once: nobody is early, nobody is forgotten.
#[test]
fn a_thousand_clients_time_out_each_at_its_time() {
    let server = graven().start().unwrap();
    let mut clients: Vec<(Client, f64, Instant)> = (0..1000)
        .map(|i| {
            let seconds = 0.5 + f64::from(i % 100) / 100.0;
            let mut client = server.client();
            client.send(&["BLPOP", &format!("k{}", i % 7), &seconds.to_string()]).unwrap();
            (client, seconds, Instant::now())
        })
        .collect();
    for (client, seconds, began) in &mut clients {
        assert!(client.reply().unwrap().is_null());
        assert!(began.elapsed().as_secs_f64() >= *seconds - 0.002, "too early");
    }
    assert_eq!(blocked_clients(&server), 0);
    assert_eq!(server.info_field("clients", "total_blocking_keys"), "0");
}

/// A client hangs up while the server is busy, and something is pushed: the server hears of both at once.
#[test]
fn a_client_that_hangs_up_just_before_the_push_takes_nothing() {
    let server = graven().option("enable-debug-command", "yes").start().unwrap();
    for round in 0..5 {
        let leaver = waiting(&server, &["BLPOP", "k", "0"]);
        let mut stays = waiting(&server, &["BLPOP", "k", "0"]);
        let (mut pusher, mut sleeper) = (server.client(), server.client());
        pusher.call(&["PING"]);
        sleeper.send(&["DEBUG", "SLEEP", "0.2"]).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        drop(leaver);
        pusher.send(&["RPUSH", "k", "a"]).unwrap();
        assert_eq!(texts(&stays.reply().unwrap()), ["k", "a"], "round {round}");
        assert!(sleeper.reply().unwrap().is_ok());
    }
}

/// What became of each element: who was given it, in which order.
#[derive(Default)]
struct Ledger {
    pushed: Mutex<Vec<String>>,
    popped: Mutex<Vec<String>>,
}

/// Consumers on three keys, some of which hang up while they wait, and producers that push in transactions: each
/// element is given to one client or still there, and those of one transaction stay in order.
#[test]
fn nothing_is_lost_or_popped_twice_when_clients_come_and_go() {
    let server = graven().start().unwrap();
    let ledger = Arc::new(Ledger::default());
    let stop = Arc::new(AtomicBool::new(false));
    let (port, serial) = (server.port(), Arc::new(AtomicU64::new(0)));
    let consumers: Vec<_> = (0..12)
        .map(|n| {
            let (ledger, stop) = (ledger.clone(), stop.clone());
            std::thread::spawn(move || {
                let mut client = Client::tcp(port).unwrap();
                for round in 0.. {
                    let keys = [["k0", "k1", "k2"], ["k1", "k2", "k0"], ["k2", "k0", "k1"]][(n + round) % 3];
                    let reply = client.call(&["BLPOP", keys[0], keys[1], keys[2], "0.2"]);
                    match reply.elements() {
                        Some(pair) => ledger.popped.lock().unwrap().push(pair[1].text()),
                        None if stop.load(Ordering::Relaxed) => return,
                        None => {}
                    }
                }
            })
        })
        .collect();
    // They wait and are gone before anybody could give them something: each on a key of its own until the last moment.
    let leavers: Vec<_> = (0..3)
        .map(|n| {
            let stop = stop.clone();
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let mut client = Client::tcp(port).unwrap();
                    client.send(&["BLPOP", "nobody pushes here", &format!("never {n}"), "0"]).unwrap();
                    std::thread::sleep(Duration::from_millis(2));
                }
            })
        })
        .collect();
    let producers: Vec<_> = (0..4)
        .map(|n| {
            let (ledger, serial) = (ledger.clone(), serial.clone());
            std::thread::spawn(move || {
                let mut client = Client::tcp(port).unwrap();
                for round in 0..300 {
                    let names: Vec<String> = (0..3).map(|_| serial.fetch_add(1, Ordering::Relaxed).to_string()).collect();
                    let key = format!("k{}", (n + round) % 3);
                    client.call(&["MULTI"]);
                    client.call(&["RPUSH", "staged", &names[0], &names[1]]);
                    client.call(&["RPUSH", &key, &names[2]]);
                    client.call(&["RPOPLPUSH", "staged", &key]);
                    client.call(&["RPOPLPUSH", "staged", &key]);
                    assert_eq!(client.call(&["EXEC"]).elements().unwrap().len(), 4);
                    ledger.pushed.lock().unwrap().extend(names);
                }
            })
        })
        .collect();
    producers.into_iter().for_each(|thread| thread.join().unwrap());
    stop.store(true, Ordering::Relaxed);
    consumers.into_iter().chain(leavers).for_each(|thread| thread.join().unwrap());
    let mut popped = std::mem::take(&mut *ledger.popped.lock().unwrap());
    let mut pushed = std::mem::take(&mut *ledger.pushed.lock().unwrap());
    assert_eq!(pushed.len(), 3600);
    popped.sort();
    pushed.sort();
    assert_eq!(popped, pushed, "each once");
    assert_eq!(server.client().call(&["EXISTS", "k0", "k1", "k2", "staged"]).as_int(), Some(0));
}

/// The process is killed while consumers wait and pop. What was given to one is never there again; what was pushed and given
/// to nobody is still there, but for what was on its way to a consumer when the process died.
#[test]
fn nothing_is_lost_or_popped_twice_when_the_server_is_killed() {
    const CONSUMERS: usize = 6;
    let mut server = graven().option("appendfsync", "always").start().unwrap();
    let (mut given, mut acknowledged): (HashMap<String, usize>, Vec<String>) = Default::default();
    let serial = Arc::new(AtomicU64::new(0));
    let mut in_flight = 0;
    for round in 0..12 {
        let port = server.port();
        let consumers: Vec<_> = (0..CONSUMERS)
            .map(|n| {
                std::thread::spawn(move || {
                    let mut got = Vec::new();
                    let Ok(mut client) = Client::tcp(port) else { return got };
                    let keys = if n % 2 == 0 { ["a", "b"] } else { ["b", "a"] };
                    while let Ok(reply) = client.cmd(&["BLPOP", keys[0], keys[1], "0"]) {
                        got.extend(reply.elements().map(|pair| pair[1].text()));
                    }
                    got
                })
            })
            .collect();
        let producers: Vec<_> = (0..3)
            .map(|n| {
                let serial = serial.clone();
                std::thread::spawn(move || {
                    let mut pushed = Vec::new();
                    let Ok(mut client) = Client::tcp(port) else { return pushed };
                    loop {
                        let name = serial.fetch_add(1, Ordering::Relaxed).to_string();
                        match client.cmd(&["RPUSH", if n == 0 { "a" } else { "b" }, &name]) {
                            Ok(reply) if reply.as_int().is_some() => pushed.push(name),
                            _ => return pushed,
                        }
                    }
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(30 + 15 * round));
        eventually("something was pushed in each round", || serial.load(Ordering::Relaxed) > 100 * (round + 1));
        server.kill9();
        for consumer in consumers {
            for name in consumer.join().unwrap() {
                *given.entry(name).or_default() += 1;
            }
        }
        producers.into_iter().for_each(|producer| acknowledged.extend(producer.join().unwrap()));
        in_flight += CONSUMERS;
        server.start().unwrap();
        let mut client = server.client();
        let left: Vec<String> = ["a", "b"].iter().flat_map(|key| texts(&client.call(&["LRANGE", key, "0", "-1"]))).collect();
        assert!(left.iter().all(|name| !given.contains_key(name)), "given away and still there");
        let missing = acknowledged.iter().filter(|name| !given.contains_key(*name) && !left.contains(name)).count();
        assert!(missing <= in_flight, "{missing} elements are gone, at most {in_flight} were on their way");
    }
    assert!(given.values().all(|times| *times == 1), "given twice");
    assert!(given.len() > 200, "too little happened to prove anything: {}", given.len());
}
