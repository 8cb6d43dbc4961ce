//! One seed is one run, and the runs of the fixed seeds keep every promise.

use graven_aof::FsyncPolicy;
use graven_simulator::{Outcome, Plan, Totals, run};

fn quiet_run(plan: Plan) -> Outcome {
    graven_server::logging::set_level(graven_server::logging::Level::Nothing);
    run(plan, None)
}

#[test]
fn one_seed_is_one_run_to_the_byte() {
    let mut digests = std::collections::BTreeSet::new();
    for seed in 0..60 {
        let [one, other] = [(); 2].map(|()| quiet_run(Plan::new(seed)));
        assert_eq!((one.digest, one.totals), (other.digest, other.totals), "seed {seed}");
        digests.insert(one.digest);
    }
    assert_eq!(digests.len(), 60, "every seed is a run of its own");
}

#[test]
fn a_trace_changes_nothing_and_tells_every_step() {
    let mut lines = Vec::new();
    let traced = run(Plan::new(7), Some(&mut |line| lines.push(line.to_owned())));
    assert_eq!(traced.digest, quiet_run(Plan::new(7)).digest);
    assert!(lines.len() > 100, "only {} lines", lines.len());
}

/// Every policy by itself, and those that change it on the way.
#[test]
fn no_promise_is_broken_and_every_crash_point_is_hit() {
    let mut totals = Totals::default();
    let policies = [None, Some(FsyncPolicy::Always), Some(FsyncPolicy::Everysec), Some(FsyncPolicy::No)];
    for seed in 1_000_000..1_000_800 {
        let plan = Plan { policy: policies[seed as usize % 4], ..Plan::new(seed) };
        let outcome = quiet_run(plan);
        let policy = plan.policy.map(|policy| format!(" --policy {policy}")).unwrap_or_default();
        assert_eq!(outcome.failure, None, "cargo xtask simulate --seed {seed}{policy}, {plan:?}");
        totals.add(&outcome.totals);
    }
    println!("{totals}\n{}", totals.points);
    assert_eq!(totals.points.missed(), Vec::<&str>::new());
    assert!(totals.crashes > 4_000 && totals.snapshots > 100 && totals.flips_refused > 100, "{totals}");
}
