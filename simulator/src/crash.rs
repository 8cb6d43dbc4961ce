//! The end of a server, what is left of it, and the start of the next one.

use crate::judge::{Judge, Promise, is_same};
use crate::life::Life;
use crate::world::World;
use graven_aof::FsyncPolicy;
use graven_aof::sim::SimStorage;
use std::hash::Hasher;

/// What `everysec` may lose if the disk does its work: the second, and the time that an fsync and a turn take.
const EVERYSEC_US: u64 = 2_000_000;

impl World<'_> {
    /// The process ends, or the power goes; then a server starts, perhaps only at the second attempt.
    pub(crate) fn crash(&mut self, mut life: Life) -> Result<Life, String> {
        self.promise_at_the_end(&mut life);
        let Life { server, judge, peers, .. } = life;
        drop((peers, server));
        self.note(|| "the end".to_owned());
        self.past.extend(judge.all_items().cloned());
        let mut first = &judge.kill;
        let mut power_lost = false;
        loop {
            self.totals.crashes += 1;
            let point = self.disk.stopped_in();
            if let Some(point) = point {
                self.totals.points.hit(point);
            }
            if self.rng.chance(45) || !self.checksums {
                self.disk = self.disk.kill();
                self.note(|| format!("killed in {point:?}, state {} of {} is promised", first.state, judge.present()));
            } else {
                self.disk = self.disk.power_loss(&mut self.dice);
                first = &judge.power;
                power_lost = true;
                self.totals.power_losses += 1;
                self.note(|| format!("power lost in {point:?}, state {} of {} is promised", first.state, judge.present()));
            }
            let paths = self.disk.paths();
            let files = paths.iter().map(|path| format!(" {path}: {}", self.disk.content(path).map_or(0, |content| content.len())));
            let files: String = files.collect();
            self.note(|| format!("what is left:{files}"));
            if self.rng.chance(10) {
                self.flip()?;
            }
            if self.rng.chance(12) {
                self.load_snapshot(&judge)?;
            }
            let mut may_fail = false;
            match self.rng.below(100) {
                0..30 => self.disk.stop_at(self.rng.below(40)),
                30..40 if self.plan.faults => {
                    may_fail = true;
                    self.break_start();
                }
                _ => {}
            }
            let options = self.options(power_lost);
            let disk = self.disk.clone();
            match self.start(&disk, &options) {
                Err(e) if self.disk.has_stopped() || may_fail => self.note(|| format!("the start failed: {e}")),
                Err(e) => return Err(format!("the server does not start again (power lost: {power_lost}): {e}")),
                Ok(server) if self.disk.has_stopped() => drop(server),
                Ok(server) => {
                    self.disk.stop_at(u64::MAX);
                    self.disk.heal();
                    let state = self.judge_start(&judge, first, power_lost, &server.items())?;
                    self.note(|| format!("state {state} came back"));
                    self.digest.write_usize(state);
                    return Ok(self.begin(server));
                }
            }
        }
    }

    /// What is known only now, and without a reply.
    fn promise_at_the_end(&mut self, life: &mut Life) {
        let Life { judge, last_turn_us, has_ended, is_logged, .. } = life;
        if *has_ended && *is_logged && !self.disk.has_stopped() {
            judge.kill.add(judge.present(), || "the shutdown".to_owned());
            judge.power.add(judge.present(), || "the shutdown".to_owned());
        }
        if self.is_healthy && self.policy != FsyncPolicy::No && !self.changes_policy {
            let state = judge.until(last_turn_us.saturating_sub(EVERYSEC_US));
            judge.power.add(state, || "its age".to_owned());
        }
        let Promise { state, by } = judge.power.clone();
        judge.kill.add(state, || by);
    }

    /// Which state it is that came back.
    fn judge_start(
        &self,
        judge: &Judge,
        first: &Promise,
        power_lost: bool,
        found: &[graven_server::simulation::Item],
    ) -> Result<usize, String> {
        let now_ms = self.clock.unix_ms_now();
        judge.find(found, first.state, now_ms).ok_or_else(|| {
            let why = match judge.find(found, 0, now_ms) {
                Some(state) => format!("state {state} came back"),
                None => "what came back never existed".to_owned(),
            };
            format!(
                "{why}, and state {} of {} was promised by {} (power lost: {power_lost}, {}, checksums: {}): {}",
                first.state,
                judge.present(),
                first.by,
                self.policy,
                self.checksums,
                judge.difference(found, now_ms),
            )
        })
    }

    /// A bit of a file at rest flips: the next start tells, or nothing is wrong.
    fn flip(&mut self) -> Result<(), String> {
        let disk = self.disk.kill();
        let length = |path: &String| disk.content(path).map_or(0, |content| content.len());
        let files: Vec<(String, usize)> =
            disk.paths().into_iter().map(|path| (path.clone(), length(&path))).filter(|(_, length)| *length > 0).collect();
        let Some((path, length)) = files.get(self.rng.below(files.len().max(1) as u64) as usize) else { return Ok(()) };
        let byte = self.rng.below(*length as u64) as usize;
        disk.flip_bit(path, byte, self.rng.below(8) as u8);
        self.totals.flips += 1;
        let before = self.clock.clone();
        let result = self.start(&disk, &self.options(false));
        self.clock = before;
        match result {
            Err(_) => self.totals.flips_refused += 1,
            Ok(server) if self.checksums && self.plan.bug.is_none() => {
                let (found, now_ms) = (server.items(), self.clock.unix_ms_now());
                if !self.past.iter().any(|items| is_same(items, &found, now_ms)) {
                    return Err(format!("a flipped bit of '{path}' at {byte} was served"));
                }
            }
            Ok(_) => {}
        }
        Ok(())
    }

    /// The snapshot that is there is one of a moment, and not of one before the last that succeeded.
    fn load_snapshot(&mut self, judge: &Judge) -> Result<(), String> {
        let Some(content) = self.disk.content("dump.rdb") else {
            return if judge.saved.state == 0 { Ok(()) } else { Err(format!("no snapshot is there, and {} made one", judge.saved.by)) };
        };
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
        if judge.saved.state > 0 {
            return match judge.find(&found, judge.saved.state, now_ms) {
                Some(_) => Ok(()),
                None => Err(format!("the snapshot is not of state {} or later, and {} made one", judge.saved.state, judge.saved.by)),
            };
        }
        if !self.past.iter().any(|items| is_same(items, &found, now_ms)) {
            return Err("a snapshot is of no moment".to_owned());
        }
        Ok(())
    }
}
