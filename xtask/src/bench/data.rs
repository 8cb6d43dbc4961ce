//! What a server holds before it is measured.

use anyhow::{Result, ensure};
use graven_testkit::Server;

/// Keys under the names that `redis-benchmark` uses.
#[derive(Clone, Copy)]
pub enum Data {
    /// Nothing.
    Nothing,
    /// Strings of 100 bytes, `key:000000000000` and so on.
    Strings,
    /// `mylist`, an element of 100 bytes for each request.
    List,
    /// `myset`, a member for each request.
    Set,
    /// `myzset`, a member for each request.
    SortedSet,
    /// `myzset` of a million members.
    MillionSortedSet,
    /// `set:a` and `set:b` of 10,000 members each, of which half are in both.
    TwoSets,
    /// `mygeo` of a million points between 0° and 100° east, 0° and 10° north.
    Points,
}

/// Commands sent at once.
const BATCH: u64 = 1_000;

impl Data {
    /// Writes it.
    pub fn write(self, server: &Server, requests: u64) -> Result<()> {
        let value = "x".repeat(100);
        match self {
            Data::Nothing => Ok(()),
            Data::Strings => fill(server, 1_000_000, |n| vec!["SET".into(), format!("key:{n:012}"), value.clone()]),
            Data::List => fill(server, requests, |_| vec!["RPUSH".into(), "mylist".into(), value.clone()]),
            Data::Set => fill(server, requests, |n| vec!["SADD".into(), "myset".into(), format!("element:{n:012}")]),
            Data::SortedSet => fill(server, requests, scored),
            Data::MillionSortedSet => fill(server, 1_000_000, scored),
            Data::Points => fill(server, 1_000_000, point),
            Data::TwoSets => fill(server, 20_000, |n| {
                let (set, first) = if n < 10_000 { ("set:a", n) } else { ("set:b", n - 5_000) };
                vec!["SADD".into(), set.into(), format!("element:{first:012}")]
            }),
        }
    }
}

fn point(n: u64) -> Vec<String> {
    // As `redis-benchmark` makes coordinates of a number below a million.
    let (longitude, latitude) = (n.wrapping_mul(0x9e37_79b9) % 1_000_000, n.wrapping_mul(0x85eb_ca6b) % 1_000_000);
    vec!["GEOADD".into(), "mygeo".into(), format!("{longitude}e-4"), format!("{latitude}e-5"), format!("point:{n:012}")]
}

fn scored(n: u64) -> Vec<String> {
    // Scores in no order, as they would come.
    let score = n.wrapping_mul(0x9e37_79b9) % 1_000_000;
    vec!["ZADD".into(), "myzset".into(), score.to_string(), format!("element:{n:012}")]
}

/// Sends the commands for `0..count`.
pub fn fill(server: &Server, count: u64, command: impl Fn(u64) -> Vec<String>) -> Result<()> {
    let mut client = server.client();
    for start in (0..count).step_by(BATCH as usize) {
        let commands: Vec<Vec<String>> = (start..count.min(start + BATCH)).map(&command).collect();
        for reply in client.pipeline(&commands)? {
            ensure!(reply.error_text().is_none(), "{reply:?}");
        }
    }
    Ok(())
}
