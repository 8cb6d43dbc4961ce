//! Places on the earth beside a real `redis-server`.

use graven_testkit::Program;
use graven_testkit::oracle::Oracle;

#[test]
fn random_geo_commands_do_what_redis_does() {
    for protocol in [2, 3] {
        let first = u64::from(protocol) * 1_000;
        Oracle::check_group(&Program::graven(env!("CARGO_BIN_EXE_graven")), "geo", protocol, first..first + 40).unwrap();
    }
}
