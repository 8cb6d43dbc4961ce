//! What outlives a server: the disk, the clock, the plan, and all that ever existed.

use crate::clock::SimulatedClock;
use crate::judge::{Judge, State};
use crate::life::Life;
use crate::plan::{Bug, Plan};
use crate::report::Totals;
use crate::workload::Workload;
use graven_aof::FsyncPolicy;
use graven_aof::sim::{Dice, Recorded, SimStorage};
use graven_server::ServerError;
use graven_server::simulation::{Item, SimulatedServer};
use graven_testkit::Rng;
use std::hash::{DefaultHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

pub(crate) const POLICIES: [FsyncPolicy; 3] = [FsyncPolicy::Always, FsyncPolicy::Everysec, FsyncPolicy::No];

/// What became of a run.
pub struct Outcome {
    /// What was done.
    pub totals: Totals,
    /// Everything that happened, in a number.
    pub digest: u64,
    /// What was promised and not kept.
    pub failure: Option<String>,
}

/// Runs a plan. `trace` is told each step.
pub fn run(plan: Plan, trace: Option<&mut dyn FnMut(&str)>) -> Outcome {
    // Snapshots tell how much memory is in use: the same in every process.
    graven_server::set_allocator(|| 1 << 20, || ());
    let mut world = World::new(plan, trace);
    let result = catch_unwind(AssertUnwindSafe(|| world.live_and_die()));
    let failure = match result {
        Ok(Ok(())) => None,
        Ok(Err(failure)) => Some(failure),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Some(format!("the server panicked: {}", text.unwrap_or_default()))
        }
    };
    world.totals.runs = 1;
    Outcome { totals: world.totals, digest: world.digest.finish(), failure }
}

/// See the module.
pub(crate) struct World<'t> {
    pub(crate) plan: Plan,
    trace: Option<&'t mut dyn FnMut(&str)>,
    pub(crate) rng: Rng,
    pub(crate) dice: Dice,
    pub(crate) disk: SimStorage,
    pub(crate) clock: Arc<SimulatedClock>,
    pub(crate) policy: FsyncPolicy,
    /// Clients change the policy.
    pub(crate) changes_policy: bool,
    /// Clients switch the log off and on.
    pub(crate) switches_log: bool,
    pub(crate) checksums: bool,
    preamble: bool,
    /// Nothing has failed in this life.
    pub(crate) is_healthy: bool,
    pub(crate) workload: Workload,
    /// All that ever existed.
    pub(crate) past: Vec<Rc<Vec<Item>>>,
    pub(crate) totals: Totals,
    pub(crate) digest: DefaultHasher,
}

impl<'t> World<'t> {
    fn new(plan: Plan, trace: Option<&'t mut dyn FnMut(&str)>) -> World<'t> {
        let mut rng = Rng::new(plan.seed);
        let policy = plan.policy.unwrap_or_else(|| POLICIES[rng.below(3) as usize]);
        let changes_policy = plan.policy.is_none() && rng.chance(50);
        let switches_log = plan.bug.is_none() && rng.chance(25);
        let checksums = plan.checksums.unwrap_or(rng.chance(85) || plan.bug.is_some());
        let preamble = rng.chance(60);
        let disk = SimStorage::new();
        disk.put(".exists", b"");
        World {
            plan,
            trace,
            dice: Dice::new(plan.seed),
            workload: Workload::new(rng.next_u64()),
            rng,
            disk,
            clock: Arc::new(SimulatedClock::new(1_000_000, 0)),
            policy,
            changes_policy,
            switches_log,
            checksums,
            preamble,
            is_healthy: true,
            past: Vec::new(),
            totals: Totals::default(),
            digest: DefaultHasher::new(),
        }
    }

    /// Tells the trace, if somebody reads it.
    pub(crate) fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            for Recorded { op, path, fault } in self.disk.take_recorded() {
                let fault = fault.map_or(String::new(), |fault| format!(": {fault:?}"));
                trace(&format!("{:>15}    {op:?} {path}{fault}", ""));
            }
            trace(&format!("{:>12} us  {}", self.clock.now_us(), what()));
        }
    }

    /// What the server is started with.
    pub(crate) fn options(&self, loses_tail: bool) -> Vec<String> {
        let yes = |on: bool| if on { "yes" } else { "no" };
        let policy = if self.plan.bug == Some(Bug::ReplyReleasedEarly) { FsyncPolicy::No } else { self.policy };
        let tail = if loses_tail { "1gb" } else { "0" };
        let checksums = self.checksums && self.plan.bug != Some(Bug::TornBlockAccepted);
        let fill_ahead = [0, 3_000, 100_000][self.plan.seed as usize % 3];
        let level = if self.trace.is_some() { "notice" } else { "nothing" };
        format!(
            "--appendonly yes --appendfsync {policy} --aof-block-checksums {} --aof-use-rdb-preamble {} \
             --aof-load-corrupt-tail-max-size {tail} --aof-fill-ahead {fill_ahead} --databases 2 --hash-max-listpack-entries 4 --set-max-listpack-entries 4 \
             --zset-max-listpack-entries 4 --list-max-listpack-size 4 --stream-node-max-entries 3 --auto-aof-rewrite-min-size 4kb \
             --loglevel {level}",
            yes(checksums),
            yes(self.preamble)
        )
        .split_ascii_whitespace()
        .map(str::to_owned)
        .chain(["--save".to_owned(), String::new()])
        .collect()
    }

    /// A server starts from a disk.
    pub(crate) fn start(&mut self, disk: &SimStorage, options: &[String]) -> Result<SimulatedServer, ServerError> {
        let look_us = [0, 40, 700][self.rng.below(3) as usize];
        self.clock = Arc::new(SimulatedClock::new(self.clock.now_us(), look_us));
        if self.trace.is_some() {
            disk.record();
        }
        if let Some(bug) = self.plan.bug {
            bug.plant(disk);
        }
        SimulatedServer::start(options, disk.clone(), self.clock.clone(), self.rng.next_u64() | 1, self.rng.below(4) as usize)
    }

    fn live_and_die(&mut self) -> Result<(), String> {
        let first = self.disk.clone();
        let options = self.options(false);
        let server = self.start(&first, &options).map_err(|e| format!("the first start failed: {e}"))?;
        let mut life = self.begin(server);
        for _ in 0..self.plan.lives {
            self.live(&mut life)?;
            life = self.crash(life)?;
        }
        Ok(())
    }

    /// A life begins with what the server has loaded.
    pub(crate) fn begin(&mut self, server: SimulatedServer) -> Life {
        let items = Rc::new(server.items());
        self.past.push(items.clone());
        self.is_healthy = true;
        let lsn = server.marks().map_or(0, |marks| marks.appended);
        let now_us = self.clock.now_us();
        Life::new(server, Judge::new(State { items, lsn, at_us: now_us }), now_us)
    }
}
