//! What the machine, its disk and the load generator allow: both servers beside one that does nothing ([`super::answerer`]).

use std::time::Duration;

use anyhow::{Context, Result};
use graven_testkit::Program;

use super::report::{head, median, median_ratio, rate, row};
use super::throughput::{LOADS, MODES, measure_rounds};
use super::{Arguments, Contender, answerer};

/// The table; `--loads bound` prints it alone.
pub fn run(arguments: &Arguments, contenders: &[Contender; 2]) -> Result<()> {
    let idle =
        Contender { name: "a server that does nothing", program: Program::with_subcommand(std::env::current_exe()?, answerer::SUBCOMMAND) };
    let mut headed = false;
    for (mode, options) in MODES.iter().filter(|(mode, _)| *mode != "noaof") {
        for load in LOADS.iter().filter(|load| load.name.starts_with("set")) {
            if !arguments.wants(&format!("bound {mode} {}", load.name)) {
                continue;
            }
            let all = [&contenders[0], &contenders[1], &idle];
            let rounds = measure_rounds(arguments, &all, options, load, Duration::ZERO).with_context(|| format!("{mode} {}", load.name))?;
            let rates = [0, 1, 2].map(|contender| rounds.of(contender, |one| one.per_second));
            if !headed {
                headed = true;
                head(&["log", "load", "processors", "Redis", "Graven", "does nothing", "Graven to Redis", "does nothing to Redis"]);
            }
            let [redis, graven, nothing] = &rates;
            let [of_redis, possible] = [graven, nothing].map(|rates| median_ratio(redis, rates));
            let [redis, graven, nothing] = rates.map(|rates| rate(median(rates)));
            row(&[
                (*mode).to_owned(),
                load.name.to_owned(),
                rounds.distance.name().to_owned(),
                redis,
                graven,
                nothing,
                format!("**{of_redis:.2}×**"),
                format!("{possible:.2}×"),
            ]);
        }
    }
    Ok(())
}
