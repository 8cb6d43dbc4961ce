//! Sets beside a real `redis-server`.

use graven_testkit::Program;
use graven_testkit::oracle::Oracle;

fn check(protocol: u8) {
    let graven = Program::graven(env!("CARGO_BIN_EXE_graven"));
    Oracle::check_group(&graven, "set", protocol, 0..40).unwrap_or_else(|mismatch| panic!("{mismatch:#}"));
}

#[test]
fn sets_agree_with_redis_in_resp2() {
    check(2);
}

#[test]
fn sets_agree_with_redis_in_resp3() {
    check(3);
}
