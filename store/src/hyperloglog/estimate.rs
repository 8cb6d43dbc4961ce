//! From registers to a number: the estimator of Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches",
//! arXiv:1702.01284, which needs no table of corrections.

use super::{COUNTED_BITS, REGISTERS};

/// 1 / (2 ln 2)
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// How many registers have which value.
pub(super) struct Histogram([usize; 64]);

impl Default for Histogram {
    fn default() -> Self {
        Histogram([0; 64])
    }
}

impl Histogram {
    pub(super) fn add(&mut self, value: u8, registers: usize) {
        self.0[usize::from(value & 63)] += registers;
    }
}

/// The number of elements.
pub(super) fn estimate(histogram: &Histogram) -> u64 {
    let counts = &histogram.0;
    let registers = REGISTERS as f64;
    let mut z = registers * tau((registers - counts[COUNTED_BITS + 1] as f64) / registers);
    for count in counts[1..=COUNTED_BITS].iter().rev() {
        z = (z + *count as f64) * 0.5;
    }
    z += registers * sigma(counts[0] as f64 / registers);
    (ALPHA * registers * registers / z).round() as u64
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if z == before {
            return z / 3.0;
        }
    }
}
