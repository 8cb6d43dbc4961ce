//! HyperLogLogs beside a real `redis-server`: replies, and the bytes of the strings.

use graven_testkit::oracle::Oracle;
use graven_testkit::{Program, Server, Value};

fn graven() -> Program {
    Program::graven(env!("CARGO_BIN_EXE_graven"))
}

#[test]
fn random_hyperloglog_commands_do_what_redis_does() {
    for protocol in [2, 3] {
        let first = u64::from(protocol) * 1_000;
        Oracle::check_group(&graven(), "hyperloglog", protocol, first..first + 40).unwrap();
    }
}

#[test]
fn the_bytes_are_those_of_redis_from_the_first_element_to_the_hundred_thousandth() {
    let (redis, tested) = (Server::builder(&Program::redis()).start().unwrap(), Server::builder(&graven()).start().unwrap());
    let mut clients = [redis.client(), tested.client()];
    for batch in 0..400 {
        let elements = (0..250).map(|n| format!("element:{}", batch * 250 + n));
        let command: Vec<String> = ["PFADD".to_owned(), "hll".to_owned()].into_iter().chain(elements).collect();
        let [expected, found] = clients.each_mut().map(|client| client.call(&command));
        assert_eq!(expected, found);
        let [expected, found] = clients.each_mut().map(|client| (client.line("PFCOUNT hll"), client.line("GET hll")));
        assert!(expected == found, "after {} elements: {:?} and {:?}", (batch + 1) * 250, expected.0, found.0);
    }
    assert_eq!(tested.client().line("PFSELFTEST"), Value::Simple(b"OK".to_vec()));
}
