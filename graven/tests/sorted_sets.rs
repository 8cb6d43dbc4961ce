//! Sorted sets as Redis has them: random sequences on both servers.

use graven_testkit::Program;
use graven_testkit::oracle::Oracle;

fn agree(protocol: u8, seeds: std::ops::Range<u64>) {
    let graven = Program::graven(env!("CARGO_BIN_EXE_graven"));
    Oracle::check_group(&graven, "sorted_set", protocol, seeds).unwrap_or_else(|error| panic!("{error:#}"));
}

#[test]
fn sorted_set_commands_do_what_redis_does_in_resp2() {
    agree(2, 0..40);
}

#[test]
fn sorted_set_commands_do_what_redis_does_in_resp3() {
    agree(3, 0..40);
}
