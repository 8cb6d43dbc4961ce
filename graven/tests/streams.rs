//! Streams do what `redis-server`'s do.

use graven_testkit::Program;
use graven_testkit::oracle::Oracle;

#[test]
fn streams_do_what_redis_does_in_resp2() {
    Oracle::check_group(&Program::graven(env!("CARGO_BIN_EXE_graven")), "stream", 2, 0..400).unwrap();
}

#[test]
fn streams_do_what_redis_does_in_resp3() {
    Oracle::check_group(&Program::graven(env!("CARGO_BIN_EXE_graven")), "stream", 3, 1_000..1_400).unwrap();
}
