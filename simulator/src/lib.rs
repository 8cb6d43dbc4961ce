//! A whole server on a hostile disk in memory, from one seed, with a judge of what comes back.
//!
//! One [`run`] is some lives of one server: clients work, the disk misbehaves, the process is killed or the power goes at some
//! operation of the disk, and a new server starts from what is left. Everything is decided by the seed, so the same seed gives the
//! same run, to the byte ([`Outcome::digest`]).
//!
//! What is judged, after each start:
//! * the data set is one that existed at the end of a turn (a turn is one block of the log, so transactions are whole);
//! * it has everything that was promised: to a kill, all that was acknowledged; to a loss of power, what was acknowledged and what was
//!   shown under `always`, and under `everysec`, as long as the disk does its work, all that is older than two seconds;
//! * a server that refuses to start had a reason: the next crash, or a bit that was flipped at rest;
//! * a snapshot that is there loads, and is a data set that existed.
//!
//! Without block checksums nobody can tell a lost sector inside a value; such runs are killed, and never lose power.

mod clock;
mod crash;
mod faults;
mod judge;
mod life;
mod plan;
mod replies;
mod report;
mod workload;
mod world;

pub use plan::{Bug, Plan, shrink};
pub use report::{CrashPoints, Totals};
pub use world::{Outcome, run};
