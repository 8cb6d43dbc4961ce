//! A test of the test: what is broken on purpose is found.

use graven_aof::FsyncPolicy;
use graven_simulator::{Bug, Plan, run};

/// So many runs take a second; a bug that is not found in them would be found too late by whoever works on the store.
const RUNS: u64 = 100;

/// The first seed that shows the bug, and how.
fn found(bug: Bug, policy: FsyncPolicy) -> (u64, String) {
    graven_server::logging::set_level(graven_server::logging::Level::Nothing);
    let failure = |seed| run(Plan { bug: Some(bug), policy: Some(policy), ..Plan::new(seed) }, None).failure.map(|failure| (seed, failure));
    (0..RUNS).find_map(failure).unwrap_or_else(|| panic!("{bug:?} is not found in {RUNS} runs"))
}

/// What a lost part of the log looks like.
const LOSS: &[&str] = &["was promised", "does not start again"];

#[track_caller]
fn check(bug: Bug, policy: FsyncPolicy, says: &[&str]) {
    let (seed, failure) = found(bug, policy);
    println!("seed {seed}: {failure}");
    assert!(says.iter().any(|says| failure.contains(says)), "{bug:?} was found as something else: {failure}");
    // The same run without it is a good one: the bug is what was found.
    let outcome = run(Plan { policy: Some(policy), checksums: Some(true), ..Plan::new(seed) }, None);
    assert_eq!(outcome.failure, None, "seed {seed}");
}

#[test]
fn an_fsync_left_out_is_found() {
    check(Bug::FsyncLeftOut, FsyncPolicy::Always, LOSS);
    check(Bug::FsyncLeftOut, FsyncPolicy::Everysec, LOSS);
}

#[test]
fn a_reply_released_early_is_found() {
    check(Bug::ReplyReleasedEarly, FsyncPolicy::Always, &["was promised by the reply"]);
}

#[test]
fn a_manifest_switched_before_the_base_is_synced_is_found() {
    check(Bug::ManifestBeforeBase, FsyncPolicy::Always, LOSS);
}

#[test]
fn a_missing_directory_fsync_is_found() {
    check(Bug::NoDirectoryFsync, FsyncPolicy::Always, LOSS);
}

#[test]
fn an_fsync_trusted_after_a_failure_is_found() {
    check(Bug::FailedFsyncTrusted, FsyncPolicy::Always, LOSS);
}

#[test]
fn a_torn_block_accepted_is_found() {
    check(Bug::TornBlockAccepted, FsyncPolicy::Everysec, &["never existed"]);
}
