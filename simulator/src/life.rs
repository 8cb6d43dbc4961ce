//! A server at work, its clients, and what each reply promises.

use crate::judge::{Judge, State};
use crate::replies::{self, Reply};
use crate::workload::{Sent, aside};
use crate::world::{POLICIES, World};
use graven_aof::FsyncPolicy;
use graven_server::simulation::{SimulatedClient, SimulatedServer};
use graven_testkit::generator::CONNECTIONS;
use std::collections::VecDeque;
use std::hash::Hasher;
use std::rc::Rc;

/// What a reply waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Waits {
    /// There is no log.
    Nothing,
    /// What was changed is written.
    Written,
    /// What was changed or shown is durable.
    Durable,
}

/// What is known of a command that was executed.
#[derive(Clone, Copy)]
struct Executed {
    /// The state at the end of the turn.
    at: usize,
    /// The state that its reply promises, if it does.
    first: usize,
    waits: Waits,
}

/// A command that was sent and not answered.
struct Pending {
    sent: Sent,
    executed: Option<Executed>,
}

/// A client.
pub(crate) struct Peer {
    connection: SimulatedClient,
    /// The database that it works in.
    db: usize,
    pending: VecDeque<Pending>,
    executed: u64,
    arrived: Vec<u8>,
    /// The state with its last write that was acknowledged.
    wrote: usize,
}

/// See the module.
pub(crate) struct Life {
    pub(crate) server: SimulatedServer,
    pub(crate) judge: Judge,
    pub(crate) peers: Vec<Peer>,
    pub(crate) last_turn_us: u64,
    pub(crate) has_ended: bool,
    /// A log promises something since the last turn.
    pub(crate) is_logged: bool,
    /// The state in which the snapshot under way was begun.
    saving_since: Option<usize>,
}

impl Life {
    pub(crate) fn new(server: SimulatedServer, judge: Judge, now_us: u64) -> Life {
        Life { server, judge, peers: Vec::new(), last_turn_us: now_us, has_ended: false, is_logged: true, saving_since: None }
    }

    /// A client of a database.
    fn connect(&mut self, db: usize) -> Peer {
        let connection = self.server.connect();
        let mut peer = Peer { connection, db, pending: VecDeque::new(), executed: 0, arrived: Vec::new(), wrote: 0 };
        if db > 0 {
            peer.say(aside(&format!("SELECT {db}")));
        }
        peer
    }
}

impl Peer {
    fn say(&mut self, sent: Sent) {
        self.connection.send(&sent.bytes);
        self.pending.push_back(Pending { sent, executed: None });
    }

    /// Those that were executed since it was looked at, of those that wait.
    fn fresh(&self, count: u64) -> std::ops::Range<usize> {
        let start = self.pending.iter().take_while(|pending| pending.executed.is_some()).count();
        start..start + count.saturating_sub(self.executed) as usize
    }
}

/// The first bytes of a command or a reply, to be read.
fn short(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(120)].escape_ascii().to_string().replace("\\r\\n", " ")
}

impl World<'_> {
    /// Until the disk stops, the server ends, or the steps are over.
    pub(crate) fn live(&mut self, life: &mut Life) -> Result<(), String> {
        let steps = 1 + self.rng.below(u64::from(self.plan.steps.max(1)));
        if self.rng.chance(70) {
            self.disk.stop_at(self.disk.operations() + self.rng.below(steps * 3 / 2 + 2));
        }
        let with_faults = self.plan.faults && self.rng.chance(60);
        let prompt = self.rng.chance(50);
        let makes_anything = self.checksums && self.plan.anything && self.rng.chance(40);
        for n in 0..self.plan.clients.max(1) as usize {
            let peer = life.connect(n % 2);
            life.peers.push(peer);
        }
        for _ in 0..if makes_anything { CONNECTIONS } else { 0 } {
            let peer = life.connect(0);
            life.peers.push(peer);
        }
        for _ in 0..steps {
            match self.rng.below(100) {
                0..8 if makes_anything => self.say_anything(life),
                0..58 => self.talk(life),
                58..70 => self.clock.advance(self.rng.below(3_000)),
                70..78 => self.clock.advance(self.rng.below(700_000)),
                78..86 => self.administer(life),
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
                break;
            }
        }
        let (rewrites, saves) = life.server.finished();
        self.totals.rewrites += rewrites;
        self.totals.saves += saves;
        Ok(())
    }

    fn say(&mut self, life: &mut Life, who: usize, sent: Sent) {
        self.note(|| format!("client {who}: {}", short(&sent.bytes)));
        life.peers[who].say(sent);
    }

    /// One of the clients whose commands are understood.
    fn somebody(&mut self) -> usize {
        self.rng.below(u64::from(self.plan.clients.max(1))) as usize
    }

    fn talk(&mut self, life: &mut Life) {
        // Without block checksums the end of the log may be in the middle of a turn.
        let speakers = if !self.checksums || self.rng.chance(60) { 1 } else { 1 + self.rng.below(u64::from(self.plan.clients.max(1))) };
        for _ in 0..speakers {
            let who = self.somebody();
            // What stands behind a command that waits would be executed together with what others say later.
            if life.peers[who].pending.iter().any(|pending| pending.sent.waits_for_disk) {
                continue;
            }
            let now_ms = self.clock.unix_ms_now();
            for sent in self.workload.some(&mut self.rng, now_ms, !self.checksums) {
                self.say(life, who, sent);
            }
        }
    }

    /// Commands of any kind and form, whose replies promise nothing to the judge.
    fn say_anything(&mut self, life: &mut Life) {
        for _ in 0..1 + self.rng.below(6) {
            let (connection, sent) = self.workload.anything();
            self.say(life, self.plan.clients.max(1) as usize + connection, sent);
        }
    }

    /// What an operator does.
    fn administer(&mut self, life: &mut Life) {
        let sent = match self.rng.below(16) {
            0..7 => aside("BGREWRITEAOF"),
            7..10 => aside("BGSAVE"),
            10 | 11 if self.changes_policy => {
                let policy = POLICIES[self.rng.below(3) as usize];
                Sent { policy: Some(policy), ..aside(&format!("CONFIG SET appendfsync {policy}")) }
            }
            12 | 13 if self.switches_log => {
                self.is_healthy = false;
                aside(if self.rng.chance(30) { "CONFIG SET appendonly no" } else { "CONFIG SET appendonly yes" })
            }
            14 => Sent { waits_for_disk: true, ..aside(&format!("WAITAOF 1 0 {}", 1 + self.rng.below(400))) },
            15 if self.rng.chance(30) => aside(["SHUTDOWN", "SHUTDOWN NOSAVE", "SHUTDOWN SAVE"][self.rng.below(3) as usize]),
            _ => aside(&format!("CONFIG SET auto-aof-rewrite-percentage {}", self.rng.below(200))),
        };
        let who = self.somebody();
        if !life.peers[who].pending.iter().any(|pending| pending.sent.waits_for_disk) {
            self.say(life, who, sent);
        }
    }

    fn hang_up(&mut self, life: &mut Life) {
        let who = self.rng.below(life.peers.len() as u64) as usize;
        self.note(|| format!("client {who} hangs up"));
        life.peers[who].connection.close();
        life.peers[who] = life.connect(life.peers[who].db);
    }

    fn turn(&mut self, life: &mut Life) -> Result<(), String> {
        life.has_ended = life.server.turn().map_err(|e| format!("a turn failed: {e}"))?;
        let is_logged = life.server.is_logged();
        let was_logged = std::mem::replace(&mut life.is_logged, is_logged);
        let before = life.judge.state(life.judge.present()).lsn;
        let lsn = life.server.marks().map_or(before, |marks| marks.appended);
        if before != lsn || !is_logged || !was_logged {
            let items = Rc::new(life.server.items());
            life.judge.observe(State { items, lsn, at_us: life.last_turn_us });
        }
        life.last_turn_us = self.clock.now_us();
        self.follow_executed(life, is_logged && was_logged);
        self.follow_snapshot(life);
        // What the process does after it has stopped never happened.
        if self.disk.has_stopped() {
            return Ok(());
        }
        self.take_replies(life)?;
        if let Some(marks) = life.server.marks() {
            self.digest.write_u64(marks.written ^ marks.durable.rotate_left(32));
            if is_logged {
                let (kill, power) = (life.judge.up_to(marks.written), life.judge.up_to(marks.durable));
                life.judge.kill.add(kill, || "what was written".to_owned());
                life.judge.power.add(power, || "what was durable".to_owned());
            }
        }
        Ok(())
    }

    /// What the commands promise that were executed in this turn.
    fn follow_executed(&mut self, life: &mut Life, is_logged: bool) {
        let counts: Vec<u64> = life.peers.iter().map(|peer| life.server.executed(&peer.connection)).collect();
        let executed: u64 = life.peers.iter().zip(&counts).map(|(peer, count)| count.saturating_sub(peer.executed)).sum();
        let mut policies = vec![self.policy];
        for (peer, &count) in life.peers.iter().zip(&counts) {
            policies.extend(peer.pending.range(peer.fresh(count)).filter_map(|pending| pending.sent.policy));
        }
        self.policy = *policies.last().expect("the one before is there");
        let waits = match is_logged {
            false => Waits::Nothing,
            // Who came before a change and who after it is not known.
            true if policies.iter().all(|policy| *policy == FsyncPolicy::Always) => Waits::Durable,
            true => Waits::Written,
        };
        let at = life.judge.present();
        for (peer, count) in life.peers.iter_mut().zip(counts) {
            for pending in peer.pending.range_mut(peer.fresh(count)) {
                let Sent { keys, is_effective, .. } = &pending.sent;
                let first = life.judge.shown(peer.db, keys.as_deref(), at, *is_effective, executed == 1);
                pending.executed = Some(Executed { at, first, waits });
            }
            peer.executed = peer.executed.max(count);
        }
    }

    /// A snapshot that was made is not lost, nor replaced by an older one.
    fn follow_snapshot(&mut self, life: &mut Life) {
        let (is_saving, has_succeeded) = life.server.saving();
        if is_saving {
            // It was begun in this turn, perhaps before some of what the turn changed.
            let present = life.judge.present();
            life.saving_since.get_or_insert(present.saturating_sub(1));
        } else if let Some(state) = life.saving_since.take()
            && has_succeeded
            && !self.disk.has_stopped()
        {
            life.judge.saved.add(state, || format!("BGSAVE in state {state}"));
        }
    }

    fn take_replies(&mut self, life: &mut Life) -> Result<(), String> {
        let Life { judge, peers, .. } = life;
        for (who, peer) in peers.iter_mut().enumerate() {
            let bytes = peer.connection.receive();
            self.digest.write(&bytes);
            peer.arrived.extend_from_slice(&bytes);
            let mut used = 0;
            while let Some(Reply { length, is_done, first_number }) = replies::first(&peer.arrived[used..]) {
                let reply = &peer.arrived[used..used + length];
                used += length;
                let Some(Pending { sent, executed: Some(Executed { at, first, waits }) }) = peer.pending.pop_front() else {
                    return Err(format!("client {who} was answered unasked: {}", reply.escape_ascii()));
                };
                self.totals.commands += 1;
                self.note(|| format!("  reply to {who}: {} (state {first} of {at})", short(reply)));
                let by = || format!("the reply {} to {who}'s {}", short(reply), short(&sent.bytes));
                if sent.waits_for_disk && first_number == Some(1) {
                    judge.power.add(peer.wrote, by);
                }
                if !is_done {
                    continue;
                }
                // `WAITAOF` tells of all of them, also of those that a log had no part in.
                if sent.is_effective {
                    peer.wrote = peer.wrote.max(first);
                }
                // Only under `always` does a reply to a read wait for what it shows.
                if waits == Waits::Durable || (sent.is_effective && waits == Waits::Written) {
                    judge.kill.add(first, by);
                }
                if waits == Waits::Durable {
                    judge.power.add(first, by);
                }
            }
            peer.arrived.drain(..used);
        }
        Ok(())
    }
}
