//! Mutations of inputs from a seed.

/// A deterministic source of mutated inputs.
#[derive(Debug)]
pub struct Mutator {
    state: u64,
    pool: Vec<Vec<u8>>,
    dictionary: &'static [&'static [u8]],
}

const POOL: usize = 200;
const LONGEST: usize = 4_096;

impl Mutator {
    /// Begins with these inputs.
    pub fn new(seed: u64, seeds: Vec<Vec<u8>>, dictionary: &'static [&'static [u8]]) -> Mutator {
        assert!(!seeds.is_empty() && !dictionary.is_empty(), "mutation needs something to begin with");
        Mutator { state: seed ^ 0x9e37_79b9_7f4a_7c15, pool: seeds, dictionary }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    /// The next input: one of the pool, changed in one to eight places. Some go back into the pool.
    pub fn next_input(&mut self) -> Vec<u8> {
        let at = self.below(self.pool.len());
        let mut input = self.pool[at].clone();
        for _ in 0..=self.below(8) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        if self.below(50) == 0 {
            if self.pool.len() < POOL {
                self.pool.push(input.clone());
            } else {
                // The first inputs are the valid ones; they stay.
                let at = POOL / 2 + self.below(POOL / 2);
                self.pool[at] = input.clone();
            }
        }
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let span = self.below(16).min(input.len() - at);
        match self.below(9) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = self.below(256) as u8,
            2 => drop(input.drain(at..at + span)),
            3 => {
                let copy = input[at..at + span].to_vec();
                input.splice(at..at, copy).for_each(drop);
            }
            4 => input.truncate(at),
            5 => {
                let other = self.below(self.pool.len());
                let from = self.below(self.pool[other].len() + 1);
                let piece = self.pool[other][from..].to_vec();
                input.splice(at..at, piece).for_each(drop);
            }
            6 => {
                let digits = self.below(1 << 20).to_string();
                input.splice(at..at, digits.into_bytes()).for_each(drop);
            }
            _ => {
                let word = self.dictionary[self.below(self.dictionary.len())];
                input.splice(at..at, word.iter().copied()).for_each(drop);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_inputs() {
        let inputs = |seed| {
            let mut mutator = Mutator::new(seed, vec![b"seed input".to_vec()], &[b"word"]);
            (0..200).map(|_| mutator.next_input()).collect::<Vec<_>>()
        };
        assert_eq!(inputs(1), inputs(1));
        assert_ne!(inputs(1), inputs(2));
    }
}
