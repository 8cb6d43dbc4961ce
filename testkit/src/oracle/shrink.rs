//! Makes a failing sequence short: drops ever smaller pieces as long as what is left still fails.

use anyhow::Result;

use super::Mismatch;
use crate::generator::Step;

/// Runs that shrinking may take; a sequence of some hundred steps needs far fewer.
const MAX_RUNS: usize = 600;

/// The shortest failing sequence found, and its mismatch. `run` must be repeatable.
pub fn shortest(
    steps: &[Step],
    mismatch: Mismatch,
    mut run: impl FnMut(&[Step]) -> Result<Option<Mismatch>>,
) -> Result<(Vec<Step>, Mismatch)> {
    let mut best = steps.to_vec();
    let mut shown = mismatch;
    let mut piece = best.len().div_ceil(2);
    let mut runs = 0;
    while piece > 0 && runs < MAX_RUNS {
        let mut from = 0;
        let mut shrunk = false;
        while from < best.len() && runs < MAX_RUNS {
            let to = (from + piece).min(best.len());
            let candidate = [&best[..from], &best[to..]].concat();
            runs += 1;
            match run(&candidate)? {
                Some(mismatch) => {
                    best = candidate;
                    best.truncate(mismatch.at + 1);
                    shown = mismatch;
                    shrunk = true;
                }
                None => from = to,
            }
        }
        if !(shrunk && piece == 1) {
            piece /= 2;
        }
    }
    Ok((best, shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_steps_that_matter_are_left() {
        let steps: Vec<Step> = (0..300).map(|n| Step::words(0, &format!("GET {n}"))).collect();
        let fails = |steps: &[Step]| {
            let at = |text: &str| steps.iter().position(|step| step.args[1] == text.as_bytes());
            let both = at("17").zip(at("230"));
            Ok(both.map(|(one, other)| Mismatch { at: one.max(other), text: String::new() }))
        };
        let first = fails(&steps).unwrap().unwrap();
        let (short, _) = shortest(&steps, first, fails).unwrap();
        let left: Vec<String> = short.iter().map(Step::to_string).collect();
        assert_eq!(left, ["[0] \"GET\" \"17\"", "[0] \"GET\" \"230\""]);
    }
}
