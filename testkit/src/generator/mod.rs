//! Random command sequences, the same for the same seed.
//!
//! The sequences are mean on purpose: few keys, so that commands collide; values that are nearly integers; options in
//! combinations that nobody types; arguments dropped, doubled and added. What they never contain is a reply that depends
//! on when it was asked: a deadline is either in the past or at least a quarter of an hour away, and two relative
//! deadlines are never close enough to race each other.

pub mod templates;
mod values;

use crate::rng::Rng;
use crate::value::printable;

/// One command on one of several connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which connection sends it.
    pub connection: usize,
    /// The command and its arguments.
    pub args: Vec<Vec<u8>>,
}

impl Step {
    /// A step from the words of a line.
    pub fn words(connection: usize, line: &str) -> Step {
        Step { connection, args: line.split_whitespace().map(|word| word.as_bytes().to_vec()).collect() }
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{}]", self.connection)?;
        self.args.iter().try_for_each(|arg| write!(f, " \"{}\"", printable(arg)))
    }
}

/// Which commands a sequence is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mix {
    /// Everything that the oracle can compare, the invalid forms included.
    Everything,
    /// Mostly valid commands that change data, for the tests of what is kept.
    Writes,
    /// Mostly the commands of one group of [`templates::GROUPS`], by name, and some that all types know.
    Group(&'static str),
}

/// How many connections a sequence uses.
pub const CONNECTIONS: usize = 3;

/// A source of steps.
#[derive(Debug)]
pub struct Generator {
    rng: Rng,
    mix: Mix,
    connection: usize,
    in_transaction: [bool; CONNECTIONS],
    pending: Vec<Step>,
}

impl Generator {
    /// A source that depends only on the seed and the mix.
    pub fn new(seed: u64, mix: Mix) -> Generator {
        Generator { rng: Rng::new(seed), mix, connection: 0, in_transaction: [false; CONNECTIONS], pending: vec![] }
    }

    /// The next `count` steps.
    pub fn steps(&mut self, count: usize) -> Vec<Step> {
        (0..count).map(|_| self.step()).collect()
    }

    /// The next step.
    pub fn step(&mut self) -> Step {
        if let Some(step) = self.pending.pop() {
            return step;
        }
        if self.rng.chance(15) {
            self.connection = self.rng.below(CONNECTIONS as u64) as usize;
        }
        let connection = self.connection;
        let mut args = self.command();
        if self.mix == Mix::Everything && may_be_spoiled(&args) && self.rng.chance(6) {
            self.spoil(&mut args);
        }
        self.follow_transaction(&args);
        if let Some(key) = leaves_expired_key(&args) {
            // A key that is expired but not yet looked at is counted by DBSIZE until some cycle removes it.
            self.pending.push(Step { connection, args: vec![b"EXISTS".to_vec(), key] });
        }
        Step { connection, args }
    }

    fn command(&mut self) -> Vec<Vec<u8>> {
        let open = self.in_transaction[self.connection];
        if open && self.rng.chance(18) {
            let end = if self.rng.chance(85) { "EXEC" } else { "DISCARD" };
            return self.expand(end);
        }
        let tables = self.tables();
        let total = tables.iter().map(|(weight, _)| weight).sum();
        let mut ticket = self.rng.below(total);
        for (weight, table) in tables {
            if ticket < weight {
                let template = self.rng.pick(table);
                return self.expand(template);
            }
            ticket -= weight;
        }
        unreachable!("the ticket is below the sum of the weights")
    }

    fn tables(&self) -> Vec<(u64, templates::Table)> {
        let groups = templates::GROUPS.iter();
        let mut tables: Vec<_> = match self.mix {
            Mix::Everything => templates::EVERYTHING.iter().copied().chain(groups.map(|(_, weight, all, _)| (*weight, *all))).collect(),
            Mix::Writes => templates::WRITES.iter().copied().chain(groups.map(|(_, weight, _, writes)| (*weight, *writes))).collect(),
            Mix::Group(name) => {
                let group = groups.filter(|(group, ..)| *group == name).map(|(_, _, all, _)| (100, *all));
                templates::AROUND.iter().copied().chain(group).collect()
            }
        };
        tables.retain(|(_, table)| !table.is_empty());
        tables
    }

    fn expand(&mut self, template: &str) -> Vec<Vec<u8>> {
        let mut args = Vec::new();
        for token in template.split(' ') {
            match token {
                "{k+}" => (0..self.rng.between(1, 4)).for_each(|_| args.push(values::key(&mut self.rng))),
                "{kv+}" => (0..self.rng.between(1, 4)).for_each(|_| {
                    args.push(values::key(&mut self.rng));
                    args.push(values::value(&mut self.rng));
                }),
                "{pairs+}" => args.extend(values::score_pairs(&mut self.rng)),
                "{f+}" => (0..self.rng.between(1, 5)).for_each(|_| args.push(values::field(&mut self.rng))),
                "{fv+}" => self.fields(4, &mut args),
                "{fv*}" => self.fields(120, &mut args),
                "{command}" => {
                    let table = if self.rng.chance(50) { templates::STRINGS } else { templates::KEYS };
                    let inner = self.rng.pick(table);
                    args.extend(self.expand(inner));
                }
                token => args.push(values::token(&mut self.rng, token)),
            }
        }
        if self.rng.chance(20) {
            args[0].make_ascii_lowercase();
        }
        args
    }

    /// Up to `most` fields with values.
    fn fields(&mut self, most: i64, args: &mut Vec<Vec<u8>>) {
        for _ in 0..self.rng.between(1, most) {
            args.push(values::field(&mut self.rng));
            args.push(values::field_value(&mut self.rng));
        }
    }

    /// Makes a command wrong in one place. Never touches what its neighbours made safe: numbers stay as they are.
    fn spoil(&mut self, args: &mut Vec<Vec<u8>>) {
        let at = self.rng.below(args.len() as u64) as usize;
        match self.rng.below(5) {
            0 if args.len() > 1 => drop(args.remove(at.max(1))),
            1 => args.insert(at.max(1).min(args.len()), values::token(&mut self.rng, "{junk}")),
            2 => args.push(args[at].clone()),
            3 => args.push(values::token(&mut self.rng, "{option}")),
            _ => args[at] = values::token(&mut self.rng, "{junk}"),
        }
    }

    fn follow_transaction(&mut self, args: &[Vec<u8>]) {
        let open = &mut self.in_transaction[self.connection];
        match args[0].to_ascii_uppercase().as_slice() {
            b"MULTI" => *open = true,
            b"EXEC" | b"DISCARD" | b"RESET" | b"QUIT" => *open = false,
            _ => {}
        }
    }
}

/// `WAIT 1 0` waits for ever, as spoiled timeouts do; a spoiled `CONFIG SET` may turn the listener off, and `HELLO` with a wrong
/// option leaves in 7.0 what came before that option done, in 7.2 undone. `ZRANK` takes an option from 7.2 on. Without their count `SPOP`
/// and `SRANDMEMBER` depend on chance.
fn may_be_spoiled(args: &[Vec<u8>]) -> bool {
    ![
        &b"WAIT"[..],
        b"XREAD",
        b"XREADGROUP",
        b"XCLAIM",
        b"XAUTOCLAIM",
        b"CONFIG",
        b"HELLO",
        b"SPOP",
        b"SRANDMEMBER",
        b"SORT",
        b"SORT_RO",
        b"BLPOP",
        b"BRPOP",
        b"BRPOPLPUSH",
        b"BLMOVE",
        b"BLMPOP",
        b"BZPOPMIN",
        b"BZPOPMAX",
        b"BZMPOP",
        b"ZRANK",
        b"ZREVRANK",
    ]
    .iter()
    .any(|name| args[0].eq_ignore_ascii_case(name))
}

/// The key that a command may set with a deadline in the past.
fn leaves_expired_key(args: &[Vec<u8>]) -> Option<Vec<u8>> {
    let absolute = args.iter().any(|arg| arg.eq_ignore_ascii_case(b"EXAT") || arg.eq_ignore_ascii_case(b"PXAT"));
    (absolute && args[0].eq_ignore_ascii_case(b"SET")).then(|| args.get(1).cloned()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_sequence() {
        let one = Generator::new(7, Mix::Everything).steps(500);
        assert_eq!(one, Generator::new(7, Mix::Everything).steps(500));
        assert_ne!(one, Generator::new(8, Mix::Everything).steps(500));
    }

    #[test]
    fn every_template_expands_without_leftover_placeholders() {
        let mut generator = Generator::new(1, Mix::Everything);
        let tables = templates::EVERYTHING.iter().chain(templates::WRITES).map(|(_, table)| *table);
        let groups = templates::GROUPS.iter().flat_map(|(_, _, all, writes)| [*all, *writes]);
        for template in tables.chain(groups).flatten() {
            for arg in generator.expand(template) {
                assert!(!(arg.starts_with(b"{") && arg.ends_with(b"}")), "{template}: {}", printable(&arg));
            }
        }
    }
}
