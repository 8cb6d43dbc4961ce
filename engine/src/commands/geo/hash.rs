//! Places as numbers: longitude and latitude halved again and again, the decisions interleaved into the bits of a geohash.
//!
//! With 26 steps each a place is 52 bits, which a double holds exactly: the score of a sorted set. A cell of fewer steps is a
//! range of scores. The latitudes end where the Mercator projection does (EPSG:900913), as in Redis.

/// Steps of a score.
pub(super) const STEPS: u32 = 26;
/// The greatest longitude.
pub(super) const LONGITUDE_MAX: f64 = 180.0;
/// The greatest latitude.
pub(super) const LATITUDE_MAX: f64 = 85.051_128_78;

const EVEN: u64 = 0x5555_5555_5555_5555;
const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;

/// A place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) longitude: f64,
    pub(super) latitude: f64,
}

/// A cell of the grid with so many steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    bits: u64,
    steps: u32,
}

/// What a cell covers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    pub(super) west: f64,
    pub(super) east: f64,
    pub(super) south: f64,
    pub(super) north: f64,
}

/// Puts the lower 32 bits into the even places.
fn spread(bits: u32) -> u64 {
    let mut x = u64::from(bits);
    for (shift, mask) in
        [(16, 0x0000_ffff_0000_ffff), (8, 0x00ff_00ff_00ff_00ff), (4, 0x0f0f_0f0f_0f0f_0f0f), (2, 0x3333_3333_3333_3333), (1, EVEN)]
    {
        x = (x | x << shift) & mask;
    }
    x
}

/// Takes the even places together.
fn gather(bits: u64) -> u32 {
    let mut x = bits & EVEN;
    for (shift, mask) in [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0f0f_0f0f_0f0f_0f0f),
        (4, 0x00ff_00ff_00ff_00ff),
        (8, 0x0000_ffff_0000_ffff),
        (16, 0x0000_0000_ffff_ffff),
    ] {
        x = (x | x >> shift) & mask;
    }
    x as u32
}

/// The bits of a place in a grid whose latitudes end at `latitude_max`.
fn interleave(place: Place, steps: u32, latitude_max: f64) -> u64 {
    let cells = (1u64 << steps) as f64;
    let latitude = (place.latitude + latitude_max) / (2.0 * latitude_max) * cells;
    let longitude = (place.longitude + LONGITUDE_MAX) / (2.0 * LONGITUDE_MAX) * cells;
    spread(latitude as u32) | spread(longitude as u32) << 1
}

/// A score as bits. What is no place, being negative or too great, becomes what Redis makes of it on x86-64.
fn bits_of_score(score: f64) -> u64 {
    const HALF: f64 = 9_223_372_036_854_775_808.0;
    let signed = |score: f64| if (-HALF..HALF).contains(&score) { score as i64 as u64 } else { 1 << 63 };
    if score < HALF { signed(score) } else { signed(score - HALF) ^ 1 << 63 }
}

impl Place {
    /// Whether the grid has it.
    pub(super) fn is_valid(self) -> bool {
        self.longitude.abs() <= LONGITUDE_MAX && self.latitude.abs() <= LATITUDE_MAX
    }

    /// The score that stands for it.
    pub(super) fn score(self) -> u64 {
        interleave(self, STEPS, LATITUDE_MAX)
    }

    /// The middle of the cell that a score stands for.
    pub(super) fn of_score(score: f64) -> Place {
        let area = Cell { bits: bits_of_score(score), steps: STEPS }.area();
        Place {
            longitude: ((area.west + area.east) / 2.0).clamp(-LONGITUDE_MAX, LONGITUDE_MAX),
            latitude: ((area.south + area.north) / 2.0).clamp(-LATITUDE_MAX, LATITUDE_MAX),
        }
    }

    /// The geohash as text, of the standard grid, whose latitudes end at the poles. 52 bits are ten letters and two bits; the
    /// eleventh is always the first of the alphabet.
    pub(super) fn text(self) -> [u8; 11] {
        const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let bits = interleave(self, STEPS, 90.0);
        let mut text = [ALPHABET[0]; 11];
        for (i, letter) in text[..10].iter_mut().enumerate() {
            *letter = ALPHABET[(bits >> (52 - (i + 1) * 5) & 0x1f) as usize];
        }
        text
    }
}

impl Cell {
    /// The cell in which a place lies.
    pub(super) fn of(place: Place, steps: u32) -> Cell {
        Cell { bits: interleave(place, steps, LATITUDE_MAX), steps }
    }

    pub(super) fn area(self) -> Area {
        let cells = (1u64 << self.steps) as f64;
        let side = |index: f64, most: f64| -most + index / cells * (2.0 * most);
        let (latitude, longitude) = (f64::from(gather(self.bits)), f64::from(gather(self.bits >> 1)));
        Area {
            west: side(longitude, LONGITUDE_MAX),
            east: side(longitude + 1.0, LONGITUDE_MAX),
            south: side(latitude, LATITUDE_MAX),
            north: side(latitude + 1.0, LATITUDE_MAX),
        }
    }

    /// The lowest score in the cell, and the lowest after it.
    pub(super) fn scores(self) -> (u64, u64) {
        let shift = 2 * (STEPS - self.steps);
        (self.bits << shift, (self.bits + 1) << shift)
    }

    /// The cell so many cells (-1, 0 or 1) to the east and to the north, around the edges of the grid.
    pub(super) fn neighbour(self, east: i32, north: i32) -> Cell {
        let unused = 64 - 2 * self.steps;
        let step = |moving: u64, mask: u64, other: u64, by: i32| {
            // The bits of the other direction are set or clear so that a carry passes through them.
            let moved = match by {
                1 => (moving).wrapping_add((other >> unused) + 1),
                -1 => (moving | other >> unused).wrapping_sub((other >> unused) + 1),
                // The upper edges of the grid belong to a cell beyond it, whose bits are not to be cut.
                _ => return moving,
            };
            moved & mask >> unused
        };
        let bits = step(self.bits & ODD, ODD, EVEN, east) | step(self.bits & EVEN, EVEN, ODD, north);
        Cell { bits, steps: self.steps }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_again_within_its_cell() {
        for (longitude, latitude) in [(13.361389, 38.115556), (-179.9, -85.0), (0.0, 0.0), (180.0, 85.05), (2.349, 48.8647)] {
            let place = Place { longitude, latitude };
            let back = Place::of_score(place.score() as f64);
            assert!((back.longitude - longitude).abs() < 1e-5 && (back.latitude - latitude).abs() < 1e-5, "{place:?} {back:?}");
        }
        assert_eq!(Place { longitude: 13.361389, latitude: 38.115556 }.score(), 3_479_099_956_230_698);
        assert_eq!(&Place::of_score(3_479_099_956_230_698.0).text(), b"sqc8b49rny0");
    }

    #[test]
    fn scores_that_are_no_places_are_at_the_edges() {
        let place = |score| Place::of_score(score);
        for score in [f64::INFINITY, 1e20, 18_446_744_073_709_551_616.0] {
            assert_eq!(place(score), place(0.0), "{score}");
        }
        let east_north = Place { longitude: LONGITUDE_MAX, latitude: LATITUDE_MAX };
        assert_eq!((place(-1.0), place(1e19)), (east_north, east_north));
        assert_eq!(place(f64::NEG_INFINITY).longitude, LONGITUDE_MAX);
    }

    #[test]
    fn neighbours_lie_beside_their_cell() {
        let cell = Cell::of(Place { longitude: 10.0, latitude: 50.0 }, 7);
        let (here, there) = (cell.area(), cell.neighbour(1, -1).area());
        assert_eq!((here.east, here.south), (there.west, there.north));
        assert_eq!(cell.neighbour(1, 0).neighbour(-1, 0), cell);
    }
}
