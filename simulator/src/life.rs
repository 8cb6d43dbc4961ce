//! Some lives of one server: see the crate.

use crate::clock::SimulatedClock;
use crate::judge::{Judge, Promise, State, is_same};
use crate::plan::{Bug, Plan};
use crate::replies;
use crate::report::Totals;
use crate::workload::{Sent, Workload, aside};
use graven_aof::FsyncPolicy;
use graven_aof::sim::{Dice, EINTR, EIO, ENOSPC, Fault, Op, SimStorage};
use graven_server::ServerError;
use graven_server::simulation::{Item, SimulatedClient, SimulatedServer};
use graven_testkit::Rng;
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

const POLICIES: [FsyncPolicy; 3] = [FsyncPolicy::Always, FsyncPolicy::Everysec, FsyncPolicy::No];
/// "Disk quota exceeded".
const EDQUOT: i32 = 122;
/// What `everysec` may lose if the disk does its work: the second, and the time that an fsync and a turn take.
const EVERYSEC_US: u64 = 2_000_000;

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

/// A command that was sent and not answered.
struct Pending {
    sent: Sent,
    /// The state at the end of the turn that executed it, what its reply promises then, and whether `always` was in force.
    executed: Option<(usize, usize, bool)>,
}

struct Peer {
    connection: SimulatedClient,
    pending: VecDeque<Pending>,
    executed: u64,
    arrived: Vec<u8>,
}

struct World<'t> {
    plan: Plan,
    trace: Option<&'t mut dyn FnMut(&str)>,
    rng: Rng,
    dice: Dice,
    disk: SimStorage,
    clock: Arc<SimulatedClock>,
    policy: FsyncPolicy,
    changes_policy: bool,
    checksums: bool,
    preamble: bool,
    /// Nothing has failed in this life.
    is_healthy: bool,
    workload: Workload,
    /// All that ever existed.
    past: Vec<Rc<Vec<Item>>>,
    totals: Totals,
    digest: DefaultHasher,
}

/// A server at work.
struct Life {
    server: SimulatedServer,
    judge: Judge,
    peers: Vec<Peer>,
    last_turn_us: u64,
    has_ended: bool,
}

/// The first bytes of a command or a reply, to be read.
fn short(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(120)].escape_ascii().to_string().replace("\\r\\n", " ")
}

impl<'t> World<'t> {
    fn new(plan: Plan, trace: Option<&'t mut dyn FnMut(&str)>) -> World<'t> {
        let mut rng = Rng::new(plan.seed);
        let policy = plan.policy.unwrap_or_else(|| POLICIES[rng.below(3) as usize]);
        let changes_policy = plan.policy.is_none() && rng.chance(50);
        let checksums = plan.checksums.unwrap_or(rng.chance(85) || plan.bug.is_some());
        let preamble = rng.chance(60);
        let disk = SimStorage::new();
        disk.put(".exists", b"");
        World {
            plan,
            trace,
            dice: Dice::new(plan.seed),
            rng,
            disk,
            clock: Arc::new(SimulatedClock::new(1_000_000, 0)),
            policy,
            changes_policy,
            checksums,
            preamble,
            is_healthy: true,
            workload: Workload::new(),
            past: Vec::new(),
            totals: Totals::default(),
            digest: DefaultHasher::new(),
        }
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace(&format!("{:>12} us  {}", self.clock.now_us(), what()));
        }
    }

    fn options(&self, loses_tail: bool) -> Vec<String> {
        let yes = |on: bool| if on { "yes" } else { "no" };
        let policy = if self.plan.bug == Some(Bug::ReplyReleasedEarly) { FsyncPolicy::No } else { self.policy };
        let tail = if loses_tail { "1gb" } else { "0" };
        let checksums = self.checksums && self.plan.bug != Some(Bug::TornBlockAccepted);
        format!(
            "--appendonly yes --appendfsync {policy} --aof-block-checksums {} --aof-use-rdb-preamble {} \
             --aof-load-corrupt-tail-max-size {tail} --databases 2 --hash-max-listpack-entries 4 --set-max-listpack-entries 4 \
             --zset-max-listpack-entries 4 --list-max-listpack-size 4 --stream-node-max-entries 3 --auto-aof-rewrite-min-size 4kb \
             --loglevel nothing",
            yes(checksums),
            yes(self.preamble)
        )
        .split_ascii_whitespace()
        .map(str::to_owned)
        .chain(["--save".to_owned(), String::new()])
        .collect()
    }

    fn start(&mut self, disk: &SimStorage, options: &[String]) -> Result<SimulatedServer, ServerError> {
        let look_us = [0, 40, 700][self.rng.below(3) as usize];
        self.clock = Arc::new(SimulatedClock::new(self.clock.now_us(), look_us));
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
            let promised = self.promises(&mut life);
            let Life { server, judge, peers, .. } = life;
            drop((peers, server));
            life = self.crash(judge, promised)?;
        }
        Ok(())
    }

    fn begin(&mut self, server: SimulatedServer) -> Life {
        let items = Rc::new(server.items());
        self.past.push(items.clone());
        self.is_healthy = true;
        let lsn = server.marks().map_or(0, |marks| marks.appended);
        let now_us = self.clock.now_us();
        let judge = Judge::new(State { items, lsn, at_us: now_us });
        Life { server, judge, peers: Vec::new(), last_turn_us: now_us, has_ended: false }
    }

    /// Until the disk stops, or the steps are over.
    fn live(&mut self, life: &mut Life) -> Result<(), String> {
        let steps = 1 + self.rng.below(u64::from(self.plan.steps.max(1)));
        if self.rng.chance(70) {
            self.disk.stop_at(self.disk.operations() + self.rng.below(steps * 3 / 2 + 2));
        }
        let with_faults = self.plan.faults && self.rng.chance(60);
        let prompt = self.rng.chance(50);
        for _ in 0..self.plan.clients.max(1) {
            let connection = life.server.connect();
            life.peers.push(Peer { connection, pending: VecDeque::new(), executed: 0, arrived: Vec::new() });
        }
        for _ in 0..steps {
            match self.rng.below(100) {
                0..58 => self.talk(life),
                58..70 => self.clock.advance(self.rng.below(3_000)),
                70..78 => self.clock.advance(self.rng.below(700_000)),
                78..86 => {
                    let mut policy = None;
                    let line = match self.rng.below(8) {
                        0..4 => "BGREWRITEAOF".to_owned(),
                        4 | 5 => "BGSAVE".to_owned(),
                        6 if self.changes_policy => {
                            policy = Some(POLICIES[self.rng.below(3) as usize]);
                            format!("CONFIG SET appendfsync {}", policy.expect("it was just chosen"))
                        }
                        _ => format!("CONFIG SET auto-aof-rewrite-percentage {}", self.rng.below(200)),
                    };
                    self.say(life, 0, Sent { policy, ..aside(&line) });
                }
                86..90 if with_faults => self.break_something(),
                90 if with_faults => self.disk.heal(),
                91 => self.hang_up(life),
                _ => {
                    let dice = &mut self.dice;
                    life.server.step_disk(&mut |choices| dice.below(choices));
                }
            }
            self.turn(life)?;
            if prompt {
                let dice = &mut self.dice;
                let mut most = 64;
                while most > 0 && life.server.step_disk(&mut |choices| dice.below(choices)) {
                    most -= 1;
                }
                self.turn(life)?;
            } else {
                self.is_healthy = false;
            }
            if self.disk.has_stopped() || life.has_ended {
                return Ok(());
            }
        }
        Ok(())
    }

    fn say(&mut self, life: &mut Life, who: usize, sent: Sent) {
        self.note(|| format!("client {who}: {}", short(&sent.bytes)));
        life.peers[who].connection.send(&sent.bytes);
        life.peers[who].pending.push_back(Pending { sent, executed: None });
    }

    fn talk(&mut self, life: &mut Life) {
        // Without block checksums the end of the log may be in the middle of a turn.
        let speakers = if !self.checksums || self.rng.chance(60) { 1 } else { 1 + self.rng.below(life.peers.len() as u64) };
        for _ in 0..speakers {
            let who = self.rng.below(life.peers.len() as u64) as usize;
            let now_ms = self.clock.unix_ms_now();
            for sent in self.workload.some(&mut self.rng, now_ms, !self.checksums) {
                self.say(life, who, sent);
            }
        }
    }

    fn hang_up(&mut self, life: &mut Life) {
        let who = self.rng.below(life.peers.len() as u64) as usize;
        self.note(|| format!("client {who} hangs up"));
        life.peers[who].connection.close();
        let connection = life.server.connect();
        life.peers[who] = Peer { connection, pending: VecDeque::new(), executed: 0, arrived: Vec::new() };
    }

    /// Something that may go wrong soon.
    fn break_something(&mut self) {
        self.is_healthy = false;
        let dice = &mut self.dice;
        let nth = 1 + dice.below(4) as u64;
        let errno = [EIO, ENOSPC, EDQUOT][dice.below(3)];
        let (op, fault) = match dice.below(11) {
            0..3 => (Op::Sync, Fault::Errno(EIO)),
            3 => (Op::Write, Fault::Errno(errno)),
            4 => (Op::Write, Fault::Errno(EINTR)),
            5 => (Op::Write, Fault::Short(dice.below(200))),
            6 => (Op::Write, Fault::ShortThen(dice.below(200), errno)),
            7 => {
                self.disk.plant(Op::SetLen, 1, Fault::Errno(EIO));
                (Op::Write, Fault::ShortThen(dice.below(200), errno))
            }
            8 => (Op::Create, Fault::Errno(errno)),
            9 => ([Op::Rename, Op::SyncDir, Op::Remove][dice.below(3)], Fault::Errno(EIO)),
            _ => {
                let room = dice.below(4_000) as u64;
                self.disk.set_capacity(Some(self.disk.used() + room));
                self.note(|| format!("the disk has {room} bytes left"));
                return;
            }
        };
        self.disk.plant(op, nth, fault);
        self.note(|| format!("disk: {fault:?} at {op:?} number {nth} from now"));
    }

    fn turn(&mut self, life: &mut Life) -> Result<(), String> {
        let ends = life.server.turn().map_err(|e| format!("a turn failed: {e}"))?;
        life.has_ended = ends;
        let lsn = life.server.marks().map_or(0, |marks| marks.appended);
        if life.judge.state(life.judge.present()).lsn != lsn {
            let items = Rc::new(life.server.items());
            life.judge.observe(State { items, lsn, at_us: life.last_turn_us });
        }
        life.last_turn_us = self.clock.now_us();
        let at = life.judge.present();
        let counts: Vec<u64> = life.peers.iter().map(|peer| life.server.executed(&peer.connection)).collect();
        let executed: u64 = life.peers.iter().zip(&counts).map(|(peer, count)| count.saturating_sub(peer.executed)).sum();
        let fresh = |peer: &Peer, count: u64| {
            let start = peer.pending.iter().take_while(|pending| pending.executed.is_some()).count();
            start..start + count.saturating_sub(peer.executed) as usize
        };
        let mut policies = vec![self.policy];
        for (peer, &count) in life.peers.iter().zip(&counts) {
            policies.extend(peer.pending.range(fresh(peer, count)).filter_map(|pending| pending.sent.policy));
        }
        self.policy = *policies.last().expect("the one before is there");
        // Who came before a change and who after it is not known.
        let is_always = policies.iter().all(|policy| *policy == FsyncPolicy::Always);
        for (peer, count) in life.peers.iter_mut().zip(counts) {
            let fresh = fresh(peer, count);
            for pending in peer.pending.range_mut(fresh) {
                let Sent { keys, is_effective, .. } = &pending.sent;
                let first = life.judge.shown(keys.as_deref(), at, *is_effective, executed == 1);
                pending.executed = Some((at, first, is_always));
            }
            peer.executed = peer.executed.max(count);
        }
        // What the process does after it has stopped never happened.
        if self.disk.has_stopped() {
            return Ok(());
        }
        let mut said = Vec::new();
        for (who, peer) in life.peers.iter_mut().enumerate() {
            let bytes = peer.connection.receive();
            self.digest.write(&bytes);
            peer.arrived.extend_from_slice(&bytes);
            let mut used = 0;
            while let Some((length, is_done)) = replies::first(&peer.arrived[used..]) {
                let reply = &peer.arrived[used..used + length];
                let Some(Pending { sent, executed: Some((at, first, is_always)) }) = peer.pending.pop_front() else {
                    return Err(format!("client {who} was answered unasked: {}", reply.escape_ascii()));
                };
                self.totals.commands += 1;
                said.push(format!("  reply to {who}: {} (state {first} of {at})", short(reply)));
                // Only under `always` does a reply to a read wait for what it shows.
                if is_done && (is_always || sent.is_effective) {
                    let by = || format!("the reply {} to {who}'s {}", short(reply), short(&sent.bytes));
                    life.judge.kill.add(first, by);
                    if is_always {
                        life.judge.power.add(first, by);
                    }
                }
                used += length;
            }
            peer.arrived.drain(..used);
        }
        for line in said {
            self.note(|| line);
        }
        if let Some(marks) = life.server.marks() {
            self.digest.write_u64(marks.written ^ marks.durable.rotate_left(32));
            let (kill, power) = (life.judge.up_to(marks.written), life.judge.up_to(marks.durable));
            life.judge.kill.add(kill, || "what was written".to_owned());
            life.judge.power.add(power, || "what was durable".to_owned());
        }
        Ok(())
    }

    /// The first states that a kill and a loss of power may leave.
    fn promises(&mut self, life: &mut Life) -> (Promise, Promise) {
        let Life { judge, last_turn_us, .. } = life;
        if self.is_healthy && self.policy != FsyncPolicy::No && !self.changes_policy {
            let state = judge.until(last_turn_us.saturating_sub(EVERYSEC_US));
            judge.power.add(state, || "its age".to_owned());
        }
        let Promise { state, by } = judge.power.clone();
        judge.kill.add(state, || by);
        (judge.kill.clone(), judge.power.clone())
    }

    /// The process ends, or the power goes; then a server starts, perhaps only at the second attempt.
    fn crash(&mut self, judge: Judge, (kill, power): (Promise, Promise)) -> Result<Life, String> {
        self.past.extend(judge.all_items().cloned());
        let mut first = Promise { state: usize::MAX, by: String::new() };
        let mut power_lost = false;
        loop {
            self.totals.crashes += 1;
            if let Some(point) = self.disk.stopped_in() {
                self.totals.points.hit(point);
            }
            let where_to = self.disk.stopped_in();
            if self.rng.chance(45) || !self.checksums {
                self.disk = self.disk.kill();
                first = if kill.state < first.state { kill.clone() } else { first };
                self.note(|| format!("killed in {where_to:?}, state {} of {} is promised", kill.state, judge.present()));
            } else {
                self.disk = self.disk.power_loss(&mut self.dice);
                first = if power.state < first.state { power.clone() } else { first };
                power_lost = true;
                self.totals.power_losses += 1;
                self.note(|| format!("power lost in {where_to:?}, state {} of {} is promised", power.state, judge.present()));
            }
            let files = self.disk.paths().into_iter().map(|path| format!(" {path}: {}", self.disk.content(&path).map_or(0, |c| c.len())));
            let files: String = files.collect();
            self.note(|| format!("what is left:{files}"));
            if self.rng.chance(10) {
                self.flip()?;
            }
            if self.rng.chance(12) {
                self.load_snapshot()?;
            }
            if self.rng.chance(35) {
                self.disk.stop_at(self.rng.below(40));
            }
            let options = self.options(power_lost);
            let disk = self.disk.clone();
            let result = self.start(&disk, &options);
            match result {
                Err(_) if self.disk.has_stopped() => {}
                Err(e) => return Err(format!("the server does not start again (power lost: {power_lost}): {e}")),
                Ok(server) if self.disk.has_stopped() => drop(server),
                Ok(server) => {
                    self.disk.stop_at(u64::MAX);
                    let found = server.items();
                    let now_ms = self.clock.unix_ms_now();
                    let Some(state) = judge.find(&found, first.state, now_ms) else {
                        let older = judge.find(&found, 0, now_ms);
                        let why = match older {
                            Some(state) => format!("state {state} came back"),
                            None => "what came back never existed".to_owned(),
                        };
                        return Err(format!(
                            "{why}, and state {} of {} was promised by {} (power lost: {power_lost}, {}, checksums: {}): {}",
                            first.state,
                            judge.present(),
                            first.by,
                            self.policy,
                            self.checksums,
                            judge.difference(&found, first.state, now_ms),
                        ));
                    };
                    self.note(|| format!("state {state} came back"));
                    self.digest.write_usize(state);
                    return Ok(self.begin(server));
                }
            }
        }
    }

    /// A bit of a file at rest flips: the next start tells, or nothing is wrong.
    fn flip(&mut self) -> Result<(), String> {
        let disk = self.disk.kill();
        let files: Vec<(String, usize)> = disk
            .paths()
            .into_iter()
            .filter_map(|path| Some((path.clone(), disk.content(&path)?.len())))
            .filter(|(_, len)| *len > 0)
            .collect();
        let Some((path, length)) = files.get(self.rng.below(files.len().max(1) as u64) as usize) else { return Ok(()) };
        let byte = self.rng.below(*length as u64) as usize;
        disk.flip_bit(path, byte, self.rng.below(8) as u8);
        self.totals.flips += 1;
        let before = self.clock.clone();
        let result = self.start(&disk, &self.options(false));
        self.clock = before;
        match result {
            Err(_) => self.totals.flips_refused += 1,
            Ok(server) if self.checksums => {
                let (found, now_ms) = (server.items(), self.clock.unix_ms_now());
                if !self.past.iter().any(|items| is_same(items, &found, now_ms)) {
                    return Err(format!("a flipped bit of '{path}' at {byte} was served"));
                }
            }
            Ok(_) => {}
        }
        Ok(())
    }

    /// The snapshot that is there is one of a moment.
    fn load_snapshot(&mut self) -> Result<(), String> {
        let Some(content) = self.disk.content("dump.rdb") else { return Ok(()) };
        let disk = SimStorage::new();
        disk.put(".exists", b"");
        disk.put("dump.rdb", &content);
        let options: Vec<String> = self.options(false).into_iter().chain(["--appendonly", "no"].map(str::to_owned)).collect();
        let before = self.clock.clone();
        let result = self.start(&disk, &options);
        self.clock = before;
        self.totals.snapshots += 1;
        let found = result.map_err(|e| format!("a snapshot does not load: {e}"))?.items();
        let now_ms = self.clock.unix_ms_now();
        if !self.past.iter().any(|items| is_same(items, &found, now_ms)) {
            return Err("a snapshot is of no moment".to_owned());
        }
        Ok(())
    }
}
